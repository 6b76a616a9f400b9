/* Undoing what a strand has done, so that what served before serves again. */
#include "reconciler/exec/internal.h"

#include "base/str.h"

/*
 * Once more? An engine that does not answer is waited for once, not for each step anew, and not at all when
 * the run was stopped: nothing can be undone there now, and the next run finishes it.
 */
static bool again(struct run *x, struct strand *s, const struct step *step, const struct err *err,
                  unsigned attempts)
{
    bool away = err->code == ERR_UNAVAILABLE;
    if (!err->retryable || attempts > run_retries(x) || (away && (s->away || cancel_is_set(&x->stop)))) {
        s->away |= away;
        return false;
    }
    int64_t pause = backoff_ns(attempts, 0.5);
    event_retry(x, s, step, err, attempts, pause);
    if (x->clock != clock_system())
        x->clock->sleep(x->clock, pause);
    else if (cancel_sleep(away ? &x->stop : NULL, pause))
        return false;
    return true;
}

/* Nothing else cancels this: it is the run that was stopped, and a half-done replacement is worse than a late
   end. */
static int undo_step(struct run *x, struct strand *s, const struct step *step, struct err *err)
{
    struct provider *on = provider_on(x->provider, step->id);
    struct progress_arg arg = {.run = x, .strand = s, .step = step};
    const struct step_context ctx = {.progress = event_progress, .arg = &arg};
    struct step_result result = {0};
    struct err lost = {0};
    if (step->verb != STEP_WAIT && record_step(x, "undo", step, step->native_id, NULL, &lost) < 0)
        return record_lost(x, &lost);
    unsigned attempts = 0;
    int r;
    do {
        r = on->ops->apply(on, step, &ctx, &result, err);
    } while (r < 0 && again(x, s, step, err, ++attempts));
    /* Undoing tolerates that there is nothing to undo. */
    if (r == ERR_NOTFOUND)
        r = 0;
    if (step->verb != STEP_WAIT &&
        record_step(x, "end", step, step->native_id, r < 0 ? err_name(r) : "ok", &lost) < 0)
        return record_lost(x, &lost);
    return r;
}

static bool is_lost(struct run *x)
{
    pthread_mutex_lock(&x->lock);
    bool lost = x->fatal.code != 0;
    pthread_mutex_unlock(&x->lock);
    return lost;
}

/* Steps that start something again: the last part of undoing, for objects that must not run beside what is
   undone. */
static size_t begin_of_starts(const struct step_list *l)
{
    size_t i = 0;
    while (i < l->n_undo && l->undo[i].verb != STEP_START)
        i++;
    return i;
}

/* Steps [from, to) of the undoing of one strand. */
static void undo_steps(struct run *x, struct strand *s, size_t from, size_t to, struct err *first)
{
    for (size_t i = from; i < to && !is_lost(x); i++) {
        struct err err = {0};
        if (undo_step(x, s, &s->steps.undo[i], &err) < 0) {
            s->undone = false;
            if (!first->code)
                *first = err;
        }
    }
}

static void add_failure(struct err *why, const struct err *first)
{
    struct err both = *why;
    if (!first->code)
        return;
    str_copy(both.msg, sizeof(both.msg), why->msg);
    snprintf(why->msg, sizeof(why->msg), "%.500s; reverting it failed too: %.450s", both.msg, first->msg);
}

void strands_undo(struct run *x, struct strand *const *strands, size_t n, struct err *why)
{
    struct err first = {0};
    for (size_t i = 0; i < n; i++) {
        event_step(x, strands[i], EXEC_UNDO, NULL, why, 0);
        strands[i]->undone = true;
        undo_steps(x, strands[i], 0, begin_of_starts(&strands[i]->steps), &first);
    }
    for (size_t i = 0; i < n; i++) {
        undo_steps(x, strands[i], begin_of_starts(&strands[i]->steps), strands[i]->steps.n_undo, &first);
        pthread_mutex_lock(&x->lock);
        strands[i]->undone &= x->fatal.code == 0;
        strands[i]->unit->undone |= strands[i]->undone;
        pthread_mutex_unlock(&x->lock);
    }
    add_failure(why, &first);
}

void strand_undo(struct run *x, struct strand *s, struct err *why)
{
    strands_undo(x, &s, 1, why);
}
