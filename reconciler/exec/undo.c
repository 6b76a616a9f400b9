/* Undoing what a strand has done, so that what served before serves again. */
#include "reconciler/exec/internal.h"

#include "base/str.h"

/* Nothing stops this: what was asked to stop is the run, and a half-done replacement is worse than a late
 * end. */
static int undo_step(struct run *x, struct strand *s, const struct step *step, struct err *err)
{
    struct progress_arg arg = {.run = x, .strand = s, .step = step};
    const struct step_context ctx = {.progress = event_progress, .arg = &arg};
    struct step_result result = {0};
    struct err lost = {0};
    if (step->verb != STEP_WAIT && record_step(x, "undo", step, step->native_id, NULL, &lost) < 0)
        return record_lost(x, &lost);
    unsigned most = x->o->retries ? x->o->retries : 3;
    int r;
    for (unsigned attempt = 1;; attempt++) {
        r = x->provider->ops->apply(x->provider, step, &ctx, &result, err);
        if (r == 0 || !err->retryable || attempt > most)
            break;
        x->clock->sleep(x->clock, backoff_ns(attempt, 0.5));
    }
    /* Undoing tolerates that there is nothing to undo. */
    if (r == ERR_NOTFOUND)
        r = 0;
    if (step->verb != STEP_WAIT &&
        record_step(x, "end", step, step->native_id, r < 0 ? err_name(r) : "ok", &lost) < 0)
        return record_lost(x, &lost);
    return r;
}

void strand_undo(struct run *x, struct strand *s, struct err *why)
{
    struct err first = {0};
    event_step(x, s, EXEC_UNDO, NULL, why, 0);
    for (size_t i = 0; i < s->steps.n_undo; i++) {
        struct err err = {0};
        int r = undo_step(x, s, &s->steps.undo[i], &err);
        if (r == 0)
            continue;
        if (!first.code)
            first = err;
        pthread_mutex_lock(&x->lock);
        bool lost = x->fatal.code != 0;
        pthread_mutex_unlock(&x->lock);
        if (lost)
            break;
    }
    pthread_mutex_lock(&x->lock);
    s->undone = first.code == 0;
    s->unit->undone |= s->undone;
    pthread_mutex_unlock(&x->lock);
    if (first.code) {
        struct err both = *why;
        str_copy(both.msg, sizeof(both.msg), why->msg);
        snprintf(why->msg, sizeof(why->msg), "%.500s; undoing it failed as well: %.450s", both.msg,
                 first.msg);
    }
}
