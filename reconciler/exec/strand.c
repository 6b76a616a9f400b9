/* The work of one strand: its steps in order, repeated after transient errors, undone after others. */
#include "reconciler/exec/internal.h"

#include "base/io.h"
#include "base/str.h"

static double random_part(void)
{
    uint32_t n;
    io_random(&n, sizeof(n));
    return (double)n / 4294967296.0;
}

/* The strand has ended; so has its unit, when nothing else of it runs or may start. */
static void strand_end(struct run *x, struct strand *s, const struct err *err)
{
    struct unit *u = s->unit;
    pthread_mutex_lock(&x->lock);
    bool over = rollout_end(x, s, err);
    pthread_mutex_unlock(&x->lock);
    if (over)
        unit_end(x, u);
}

/* It waits for the other strands of its unit, on neither pool. */
static void strand_meet(struct run *x, struct strand *s)
{
    struct unit *u = s->unit;
    pthread_mutex_lock(&x->lock);
    bool over = rollout_pause(x, s);
    pthread_mutex_unlock(&x->lock);
    if (over)
        unit_end(x, u);
}

/* The error of a strand that ends because the run was stopped. */
static int stopped_error(struct run *x, struct strand *s, struct err *err)
{
    s->cut = true;
    pthread_mutex_lock(&x->lock);
    int why = x->why_stopped;
    if (x->fatal.code)
        *err = x->fatal;
    pthread_mutex_unlock(&x->lock);
    const char *during = *s->doing ? " while " : "";
    if (why == ERR_TIMEOUT)
        err_set(err, ERR_TIMEOUT, "the run's time was up%s%s", during, s->doing);
    else if (why == ERR_CANCELLED)
        err_set(err, ERR_CANCELLED, "the run was cancelled%s%s", during, s->doing);
    return err->code;
}

static bool is_at_start(const struct strand *s)
{
    return s->next < s->steps.n && s->steps.items[s->next].verb == STEP_START;
}

/* The event that the plan is based on turned out to be out of date. */
static bool is_overtaken(const struct run *x, const struct strand *s, const struct err *err)
{
    bool refused = err->code == ERR_NOTFOUND || err->code == ERR_BUSY || err->code == ERR_CONFLICT;
    return x->o->on_word && refused && is_at_start(s);
}

/* Somebody removed the container that was only to be started, after it was seen. An engine that says "not
   found" may mean a network of it. */
static bool is_gone(struct run *x, const struct strand *s, const struct err *err)
{
    const struct plan_move *m = s->move;
    if (err->code != ERR_NOTFOUND || !is_at_start(s) || !m || m->action != PLAN_RESTART)
        return false;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct object found;
    struct err ignored = {0};
    struct provider *on = provider_on(x->provider, s->unit->change->id);
    int r = on->ops->inspect(on, s->unit->change->kind, m->native_name, NULL, &a, &found, &ignored);
    return r == ERR_NOTFOUND || (r == 0 && !str_eq(found.native_id, m->current->native_id));
}

static void strand_fail(struct run *x, struct strand *s, struct err *err)
{
    bool touched = s->next > 0 || s->attempts > 0;
    bool overtaken = is_overtaken(x, s, err) || is_gone(x, s, err);
    pthread_mutex_lock(&x->lock);
    bool lost = x->fatal.code != 0;
    s->unit->overtaken |= overtaken;
    pthread_mutex_unlock(&x->lock);
    s->away = err->code == ERR_UNAVAILABLE; /* it was waited for already */
    if (touched && !lost && s->next < s->steps.commit_at && s->steps.n_undo)
        strand_undo(x, s, err);
    strand_end(x, s, err);
}

/* Worth another attempt in this run? A wait has used up its time, and what somebody else changed has to be
   planned again. */
static bool try_again(const struct run *x, const struct strand *s, const struct err *err)
{
    bool waited =
        s->next < s->steps.n && s->steps.items[s->next].verb == STEP_WAIT && err->code == ERR_TIMEOUT;
    return err->retryable && !waited && !is_overtaken(x, s, err) && err->code != ERR_CONFLICT &&
           s->attempts <= run_retries(x) && !cancel_is_set(&x->stop);
}

/* An engine may only now process the creation of a network that a killed run asked for. Of two networks
   with one name, the provider keeps one when it is asked to make it. */
static void make_again(struct strand *s)
{
    const struct step *last = s->next == s->steps.n && s->next ? &s->steps.items[s->next - 1] : NULL;
    if (last && last->verb == STEP_CREATE && !(last->kind->flags & KIND_INSTANCES))
        s->next--;
}

/* Returns true when the strand will be queued again. */
static bool postpone(struct run *x, struct strand *s, const struct err *err)
{
    s->attempts++;
    if (!try_again(x, s, err))
        return false;
    int64_t pause = backoff_ns(s->attempts, random_part());
    make_again(s);
    event_retry(x, s, s->next < s->steps.n ? &s->steps.items[s->next] : NULL, err, s->attempts, pause);
    pthread_mutex_lock(&x->lock);
    s->unit->retries++;
    queue_sleep(x, s, pause);
    pthread_mutex_unlock(&x->lock);
    run_poke(x);
    return true;
}

/* From here on what was made is addressed by its id, and nothing else is. */
static void name_made(const struct strand *s, struct step *step, const char *native_name)
{
    if (step->native_id || !str_eq(step->native_name, native_name))
        return;
    step->native_id = s->made_id;
    step->made = true;
}

static void remember_made(struct strand *s, const struct step *step, const struct step_result *result)
{
    if (step->verb != STEP_CREATE || !*result->native_id)
        return;
    str_copy(s->made_id, sizeof(s->made_id), result->native_id);
    for (size_t i = s->next + 1; i < s->steps.n; i++)
        name_made(s, &s->steps.items[i], step->native_name);
    for (size_t i = 0; i < s->steps.n_undo; i++)
        name_made(s, &s->steps.undo[i], step->native_name);
}

/* The coordinator passes a cancellation on, but nothing may begin in the meantime. */
static bool is_stopped(struct run *x)
{
    if (!cancel_is_set(&x->stop) && cancel_is_set(x->o->cancel))
        run_stop(x, ERR_CANCELLED);
    return cancel_is_set(&x->stop);
}

static int do_step(struct run *x, struct strand *s, const struct step *step, struct err *err)
{
    struct step_result result = {0};
    struct provider *on = provider_on(x->provider, step->id);
    struct progress_arg arg = {.run = x, .strand = s, .step = step};
    const struct step_context ctx = {.cancel = &x->stop, .progress = event_progress, .arg = &arg};
    bool journaled = step->verb != STEP_WAIT; /* a wait leaves nothing to finish or undo */
    struct err lost = {0};

    if (journaled && record_step(x, "begin", step, step->native_id, NULL, &lost) < 0) {
        *err = lost;
        return record_lost(x, &lost);
    }
    s->touched |= journaled;
    *s->doing = '\0';
    int64_t begin = clock_mono(x->clock);
    event_step(x, s, EXEC_STEP_BEGIN, step, NULL, 0);
    int r = on->ops->apply(on, step, &ctx, &result, err);
    if (r == 0)
        remember_made(s, step, &result);
    if (r == 0 && record_image(x, step, &result, &lost) < 0) {
        *err = lost;
        r = record_lost(x, &lost);
    }
    const char *id = *result.native_id ? result.native_id : step->native_id;
    if (journaled && record_step(x, "end", step, id, r < 0 ? err_name(r) : "ok", &lost) < 0) {
        *err = lost;
        r = record_lost(x, &lost);
    }
    if (r < 0 && step->monitor && r != ERR_CANCELLED)
        r = err_wrap(err, "it was ready, but failed while it was monitored");
    event_step(x, s, EXEC_STEP_END, step, r < 0 ? err : NULL, clock_mono(x->clock) - begin);
    return r;
}

/*
 * What dies at once has died by then, and is not taken for a success. The pause keeps no thread, and many
 * share it.
 */
#define SETTLE_NS (INT64_C(100) * NS_PER_MS)

/* Returns true when the strand will be queued again, to be read back. */
static bool settle(struct run *x, struct strand *s)
{
    bool started =
        s->move && s->move->running && s->next > 0 && s->steps.items[s->next - 1].verb == STEP_START;
    if (!started || s->settled || cancel_is_set(&x->stop))
        return false;
    s->settled = true;
    pthread_mutex_lock(&x->lock);
    queue_sleep(x, s, SETTLE_NS);
    pthread_mutex_unlock(&x->lock);
    run_poke(x);
    return true;
}

/* Steps as far as this pool may go. 1: all are done and read back; 0: the strand is in another queue now. */
static int go_on(struct run *x, struct strand *s, struct err *err)
{
    for (;;) {
        bool last = s->next == s->steps.n;
        const struct step *step = last ? NULL : &s->steps.items[s->next];
        bool waits = step && step->verb == STEP_WAIT;
        /* When all steps are done, they are, even if the time is up: only reading back is left. */
        if (is_stopped(x) && (!last || s->next == 0))
            return stopped_error(x, s, err);
        if (rollout_meets(s)) {
            strand_meet(x, s);
            return 0;
        }
        if (waits != s->waits) {
            pthread_mutex_lock(&x->lock);
            queue_strand(x, s);
            pthread_mutex_unlock(&x->lock);
            return 0;
        }
        if (last && settle(x, s))
            return 0;
        int r = last ? strand_read_back(x, s, err) : do_step(x, s, step, err);
        if (r == ERR_CANCELLED && cancel_is_set(&x->stop))
            s->attempts++, r = stopped_error(x, s, err);
        if (r < 0)
            return !s->cut && postpone(x, s, err) ? 0 : r;
        if (last)
            return 1;
        s->next++;
        s->attempts = 0;
    }
}

static int open_unit(struct run *x, struct unit *u, struct err *err)
{
    if (u->opened || u->result != EXEC_OK || cancel_is_set(&x->stop))
        return 0;
    int r = unit_open(x, u, err);
    if (r < 0)
        return record_lost(x, err);
    pthread_mutex_lock(&x->lock);
    u->opened = true;
    queue_continue(x, u);
    pthread_mutex_unlock(&x->lock);
    return 0;
}

void strand_work(struct run *x, struct strand *s)
{
    struct unit *u = s->unit;
    struct err err = {0};
    if (u->result != EXEC_OK) {
        strand_end(x, s, NULL);
        return;
    }
    int r = open_unit(x, u, &err);
    if (r == 0)
        r = go_on(x, s, &err);
    if (r > 0) {
        s->done = true;
        strand_end(x, s, NULL);
    } else if (r < 0) {
        strand_fail(x, s, &err);
    }
}
