/* Events of a run under way, told one at a time, from whichever thread has one. */
#include "reconciler/exec/internal.h"

#include <stdio.h>

#include "base/str.h"

static void tell(struct run *x, struct exec_event *ev)
{
    if (ev->type == EXEC_CHANGE_END || x->o->event) {
        pthread_mutex_lock(&x->event_lock);
        x->changes_done += ev->type == EXEC_CHANGE_END;
        ev->done = x->changes_done;
        ev->total = x->plan->n;
        if (x->o->event)
            x->o->event(x->o->arg, ev);
        pthread_mutex_unlock(&x->event_lock);
    }
}

void event_step(struct run *x, const struct strand *s, enum exec_event_type type, const struct step *step,
                const struct err *err, int64_t duration_ns)
{
    tell(x, &(struct exec_event){
                .type = type,
                .change = s->unit->change,
                .step = step,
                .err = err,
                .duration_ns = duration_ns,
            });
}

void event_retry(struct run *x, const struct strand *s, const struct step *step, const struct err *err,
                 unsigned attempts, int64_t pause_ns)
{
    int64_t left = 0;
    for (unsigned i = attempts; i <= run_retries(x); i++)
        left += backoff_ns(i, 1);
    tell(x, &(struct exec_event){
                .type = EXEC_RETRY,
                .change = s->unit->change,
                .step = step,
                .err = err,
                .duration_ns = pause_ns,
                .retry_ns = left,
            });
}

void event_change(struct run *x, const struct unit *u, enum exec_event_type type, const struct err *err,
                  int64_t duration_ns)
{
    tell(x, &(struct exec_event){
                .type = type,
                .change = u->change,
                .result = u->result,
                .err = err,
                .duration_ns = duration_ns,
            });
}

void event_progress(void *arg, const struct step_progress *p)
{
    const struct progress_arg *a = arg;
    snprintf(a->strand->doing, sizeof(a->strand->doing), "%s%s%s", p->what, p->detail ? ": " : "",
             str_or(p->detail, ""));
    tell(a->run, &(struct exec_event){
                     .type = EXEC_STEP_PROGRESS,
                     .change = a->strand->unit->change,
                     .step = a->step,
                     .progress = p,
                 });
}
