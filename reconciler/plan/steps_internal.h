#ifndef PLAN_STEPS_INTERNAL_H
#define PLAN_STEPS_INTERNAL_H
/* The making of steps; shared by steps*.c. */
#include "base/str.h"
#include "reconciler/plan/bind.h"
#include "reconciler/plan/steps.h"

struct step_maker {
    const struct plan *plan;
    const struct plan_change *change;
    const struct plan_move *move;
    unsigned caps;
    uint64_t generation;
    struct arena *a;
    struct step_list *list;
};

/* Append a step on something; native_id NULL: made by this run. The caller fills in the rest of the result
   at once. */
struct step *step_add(struct step_maker *m, enum step_verb verb, const char *native_name,
                      const char *native_id);
struct step *undo_add(struct step_maker *m, enum step_verb verb, const char *native_name,
                      const char *native_id);
int64_t stop_grace(const struct val *spec); /* of a container's spec, or the engine's default */
/* How long something is given to reach the condition that is waited for. */
int64_t step_patience(const struct val *spec, enum depend_condition c);
void step_stop(struct step_maker *m, const struct object *o, const char *native_name);
void step_start(struct step_maker *m, const char *native_name, const char *native_id);
void step_wait(struct step_maker *m, const char *native_name, const char *native_id, int64_t stable_ns);
/* Watch it for as long as Git says (update.monitor). */
void step_monitor(struct step_maker *m, const char *native_name, const char *native_id);
/* The next step waits for the other instances. */
void step_meet(struct step_maker *m);
/* PULL if needed, WAIT for what is needed and is not ready, CREATE. */
int step_create(struct step_maker *m, const char *native_name, struct err *err) _must_check_;
/* Address a step to `o`: its id must still match, and it may be somebody else's. */
struct step *step_on(struct step_maker *m, enum step_verb verb, const struct object *o,
                     const char *native_name);
/* STOP and REMOVE what an interrupted replace left. */
void step_discard(struct step_maker *m, const struct object *o);
/* UPDATE of a candidate, when fields have to be set or networks that it is on are recreated in this plan. */
void step_reconnect(struct step_maker *m, const struct object *o, const char *native_name);
bool step_runs(const struct object *o); /* also when paused: there is something to stop */

/* steps_replace.c */
int steps_replace_container(struct step_maker *m, struct err *err) _must_check_;
int steps_replace_network(struct step_maker *m, struct err *err) _must_check_;
int steps_replace_volume(struct step_maker *m, struct err *err) _must_check_;
#endif
