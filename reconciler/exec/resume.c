/*
 * How a run begins and ends in the journal, and what goes from one run to the next: the changes that are
 * half-way. A planner that knows of them does not take what is missing for drift, but finishes it (S8).
 *
 * What a killed run left is taken over by the next one before the old journal is closed, so that no moment is
 * without a record of it; and what this one leaves half-way, because it was stopped or because it could not
 * be undone, is noted in the same way before its own journal is closed.
 */
#include "reconciler/exec/internal.h"

#include "base/str.h"

static int note(struct run *x, const char *run, const char *id, struct err *err)
{
    struct journal_entry e = {.run = run, .phase = "begin", .id = id, .verb = RESUME_VERB};
    return record_append(x, &e, err);
}

/* Is it still unfinished, as far as the plan can tell? A resource in sync is finished, and one that the
   plan was not asked about is not in it. */
static bool is_to_carry(const struct run *x, const char *id)
{
    return x->plan->only || plan_find(x->plan, id) || observed_away(x->plan->observed, id);
}

int resume_begin(struct run *x, struct err *err)
{
    const char *const *ids;
    size_t runs;
    /* Read first: afterwards this run is itself one of the open ones. */
    int r = exec_resume_ids(x->o->store, x->plan->environment, x->arena, &ids, err);
    x->resumed = r == 0 ? ids : NULL;
    for (; r == 0 && *ids; ids++) {
        if (is_to_carry(x, *ids))
            r = note(x, NULL, *ids, err);
    }
    return r < 0 ? r : recover_runs(x->o->store, x->plan->environment, x->o->run, x->clock, &runs, err);
}

static bool was_resumed(const struct run *x, const char *id)
{
    for (const char *const *at = x->resumed; at && *at; at++) {
        if (str_eq(*at, id))
            return true;
    }
    return false;
}

/* Something was done to one of its objects that was neither finished nor undone. */
static bool is_half_way(const struct unit *u)
{
    for (size_t i = 0; i < u->n_strands; i++) {
        const struct strand *s = &u->strands[i];
        if (s->touched && !s->done && !s->undone)
            return true;
    }
    return false;
}

static bool is_left(const struct run *x, const struct unit *u)
{
    if (u->result == EXEC_OK || u->overtaken)
        return false;
    return is_half_way(u) || was_resumed(x, u->change->id);
}

int resume_end(struct run *x, struct err *err)
{
    const char *left = arena_printf(x->arena, "%s.left", x->o->run);
    int r = record_check(x, err);
    for (size_t i = 0; r == 0 && i < x->plan->n; i++) {
        if (is_left(x, x->units[i]))
            r = note(x, left, x->plan->changes[i].id, err);
    }
    for (const char *const *id = x->resumed; r == 0 && *id; id++) {
        if (!plan_find(x->plan, *id) && (x->plan->only || observed_away(x->plan->observed, *id)))
            r = note(x, left, *id, err);
    }
    if (r < 0)
        return r;
    record_point(x);
    r = journal_close(x->o->store, x->plan->environment, x->o->run, err);
    if (r == 0)
        record_point(x);
    return r;
}
