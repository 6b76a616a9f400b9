#ifndef PLAN_STEPS_H
#define PLAN_STEPS_H
/*
 * A change as steps: the smallest things a provider does, each idempotent, journaled before and after. Pure.
 *
 * A replace (S6) on an engine without services: PULL, CREATE under NAME.next, then, when both cannot run at once (published
 * ports, fixed addresses, stop-first): STOP old, START new, WAIT; else START new, WAIT, STOP old; then REMOVE old,
 * RENAME new. Its undo: REMOVE new, START old. What an interrupted run left is taken up where it stands: steps whose
 * work is done already are left out.
 */
#include "reconciler/plan/plan.h"

enum step_verb { STEP_PULL, STEP_CREATE, STEP_UPDATE, STEP_START, STEP_STOP, STEP_WAIT, STEP_RENAME, STEP_REMOVE };
const char *step_verb_name(enum step_verb v);

struct step {
    enum step_verb verb;
    const struct kind_desc *kind;
    const char *id;              /* resource */
    unsigned instance;
    const char *native_name;     /* what it acts on */
    const char *native_id;       /* its engine id when it was observed: must still be that one; NULL: made by this run */
    const char *new_name;        /* RENAME */
    const char *image;           /* PULL */
    const char *pull_policy;     /* PULL: always | missing | never */
    const struct val *spec;      /* CREATE, UPDATE: bound canonical spec */
    const struct val *from;      /* UPDATE: observed spec */
    const struct val *labels;    /* CREATE: marks and the resource's labels */
    const struct resource *resource; /* bound; NULL for deletes */
    enum depend_condition condition; /* WAIT: STARTED (runs and keeps running), HEALTHY, COMPLETED */
    int64_t timeout_ns;          /* STOP: grace; WAIT: how long */
};

struct step_list {
    struct step *items;
    size_t n, cap;
    struct step *undo; /* run in order when a step fails; each tolerates that there is nothing to undo */
    size_t n_undo, cap_undo;
};

/* The steps of one move of a change. `generation` and `commit` go into the marks. */
int steps_make(const struct plan *p, const struct plan_change *c, const struct plan_move *m, unsigned caps, uint64_t generation, struct arena *a, struct step_list *ret, struct err *err) _must_check_;
#endif
