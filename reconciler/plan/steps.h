#ifndef PLAN_STEPS_H
#define PLAN_STEPS_H
/*
 * A change as steps: the smallest things a provider does, each idempotent, journaled before and after. Pure.
 *
 * A replace (S6) on an engine without services: PULL, CREATE under NAME.next, then, when both cannot run at
 * once (published ports, fixed addresses, stop-first): STOP old, START new, WAIT; else START new, WAIT, STOP
 * old; then REMOVE old, RENAME new. Its undo: STOP and REMOVE new, START old, or that first where both can
 * run. What an interrupted run left is taken up where it stands: steps whose work is done already are left
 * out.
 *
 * What the verbs promise beyond their names: START makes a container run, also one that is paused. STOP and
 * REMOVE of something that is gone succeed. REMOVE of a network first takes what is ours off it, and
 * refuses when something else is on it. WAIT succeeds at once when its condition holds already; for HEALTHY,
 * an object without a health check is one that has STARTED. A WAIT may be on an object of another resource,
 * which this one needs (L7): `id` says of which.
 */
#include "reconciler/plan/plan.h"

enum step_verb {
    STEP_PULL,
    STEP_CREATE,
    STEP_UPDATE,
    STEP_START,
    STEP_STOP,
    STEP_WAIT,
    STEP_RENAME,
    STEP_REMOVE
};
const char *step_verb_name(enum step_verb v);

/* A file to copy into a container that is made (CAP_COPY_INTO): a Config, with the bytes it has. (Secrets are
   files of the host: spec.secrets says which.) */
struct step_file {
    const char *target; /* absolute path in the container */
    const char *source; /* name of the Config */
    const char *data;
    size_t len;
    const char *uid, *gid; /* NULL: 0 */
    int64_t mode;          /* -1: 0444 */
    const char *digest;    /* of the content, as in the spec */
};

struct step {
    enum step_verb verb;
    const struct kind_desc *kind;
    const char *id; /* resource */
    const char
        *owner; /* environment: what carries another one's mark is left alone (S4); NULL: not looked at */
    unsigned instance;
    const char *native_name; /* what it acts on */
    const char *native_id; /* its engine id when it was observed, which must still be the same; NULL: made by
                              this run */
    const char *new_name;  /* RENAME */
    const char *image;     /* PULL */
    const char *pull_policy;  /* PULL: always | missing | never */
    const char *image_digest; /* CREATE, UPDATE of a service: what the plan says its image means, so that
                                 all that name it run the same; NULL: not known */
    const struct val *spec;   /* CREATE, UPDATE: bound canonical spec */
    const struct val *from;   /* UPDATE: observed spec */
    const struct val *labels; /* CREATE: marks and the resource's labels */
    const struct resource *resource; /* bound; NULL for deletes */
    enum depend_condition condition; /* WAIT: STARTED (runs and keeps running), HEALTHY, COMPLETED */
    int64_t timeout_ns; /* STOP: grace. REMOVE: the same, for a container that was started again after it had
                           been stopped, or that only a plan's steps start; 0: it is left running. WAIT: at
                           most so long; STARTED: it has to have run for so long */
    bool foreign; /* it carries no mark of ours and is to be taken over: S4 is waived for native_id alone */
    bool made;    /* native_id was made by this run, so it is ours whatever else is known of it */
    bool monitor; /* WAIT STARTED: watched for timeout_ns; becoming unhealthy or restarting meanwhile is a
                     failure */
    bool restart; /* UPDATE of a service: its tasks are recreated even when nothing of them changes */
    bool back;    /* UPDATE of a service, undoing: to what it was before the update with these labels */
    bool may_end; /* WAIT STARTED: a job; an exit with code 0 is as good as running */
    bool gone;    /* WAIT after the REMOVE of a service: until its tasks have ended, or timeout_ns is over */
    const struct step_file *files; /* CREATE */
    size_t n_files;
};

struct step_list {
    struct step *items;
    size_t n, cap;
    struct step *undo; /* run in order when a step fails; each tolerates that there is nothing to undo */
    size_t n_undo, cap_undo;
    /* Rendezvous points: of several strands that change together, none goes on with these steps before all
       have reached them. START once all old ones have stopped (update.strategy recreate); the last look,
       and what cannot be undone, once all new ones are ready (update.failure_action rollback). In order. */
    size_t meets[3], n_meets;
    size_t commit_at; /* a failure at items[commit_at] or later is not undone: the old one is being removed,
                         and the next plan finishes */
};

/*
 * How long something without a health check has to run before it counts as started. In a replace that starts
 * the new one first it is checked again once the old one has stopped, which takes longer than this and costs
 * nothing.
 */
#define STEP_STABLE_NS         INT64_C(20000000)
#define STEP_STABLE_STOPPED_NS INT64_C(250000000) /* where the old one is stopped already */

/* The folder through which a file is copied into a container: "/", or a volume for read-only containers.
   ERR_UNSUPPORTED says why there is none. */
int file_folder(struct arena *a, const struct val *spec, const char *target, const char **ret,
                struct err *err) _must_check_;
/* The steps of one move of a change. `generation` and `commit` go into the marks. */
int steps_make(const struct plan *p, const struct plan_change *c, const struct plan_move *m, unsigned caps,
               uint64_t generation, struct arena *a, struct step_list *ret, struct err *err) _must_check_;
#endif
