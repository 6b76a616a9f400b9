/* Which strand runs where and when. Functions here are called with the run's lock held, unless noted. */
#include "reconciler/exec/internal.h"

#include "base/limits.h"
#include "base/str.h"

#include <errno.h>
#include <unistd.h>

static struct strand *pop(struct strand **first, struct strand ***end)
{
    struct strand *s = *first;
    if (!s)
        return NULL;
    *first = s->link;
    if (!*first)
        *end = first;
    s->link = NULL;
    return s;
}

static void push(struct strand ***end, struct strand *s)
{
    s->link = NULL;
    **end = s;
    *end = &s->link;
}

/* ---- lanes ---- */

void queue_init(struct run *x)
{
    const struct observed *o = x->plan->observed;
    x->n_lanes = o->n_targets ? o->n_targets : 1;
    x->lanes = arena_array(x->arena, struct lane, x->n_lanes);
    for (size_t i = 0; i < x->n_lanes; i++) {
        struct lane *l = &x->lanes[i];
        l->run = x;
        l->target = o->n_targets ? o->targets[i].name : NULL;
        l->hot_end = &l->hot;
        l->cold_end = &l->cold;
    }
    x->wait_end = &x->wait;
}

void queue_start(struct run *x, unsigned parallel)
{
    for (size_t i = 0; i < x->n_lanes; i++)
        x->lanes[i].writers = pool_new(parallel);
    x->waiters = pool_new(LIMIT_WORKERS);
}

void queue_drain(struct run *x)
{
    for (size_t i = 0; i < x->n_lanes; i++)
        pool_drain(x->lanes[i].writers);
    pool_drain(x->waiters);
}

void queue_release(struct run *x)
{
    for (size_t i = 0; i < x->n_lanes; i++)
        pool_free(x->lanes[i].writers);
    pool_free(x->waiters);
}

/* What belongs to none of the engines (a record that is only forgotten) writes nothing, and may use any
   lane. */
static struct lane *lane_of(struct run *x, const struct strand *s)
{
    const char *target = x->n_lanes > 1 ? id_target(s->unit->change->id) : NULL;
    for (size_t i = 0; target && i < x->n_lanes; i++)
        if (str_eq(x->lanes[i].target, target))
            return &x->lanes[i];
    return &x->lanes[0];
}

/* ---- jobs ---- */

void run_poke(struct run *x)
{
    uint64_t one = 1;
    /* A full eventfd serves as well as a written one: the coordinator will wake. */
    if (write(x->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        abort();
}

static void work_on(struct run *x, struct strand *s)
{
    if (s)
        strand_work(x, s);
    pthread_mutex_lock(&x->lock);
    bool idle = --x->busy == 0;
    pthread_mutex_unlock(&x->lock);
    if (idle)
        run_poke(x);
}

/* A job is not bound to a strand: a free thread first takes strands that are under way, so that old and
   new objects run side by side as briefly as possible. */
static void write_job(void *arg)
{
    struct lane *l = arg;
    struct run *x = l->run;
    pthread_mutex_lock(&x->lock);
    struct strand *s = pop(&l->hot, &l->hot_end);
    if (!s)
        s = pop(&l->cold, &l->cold_end);
    pthread_mutex_unlock(&x->lock);
    work_on(x, s);
}

static void wait_job(void *arg)
{
    struct run *x = arg;
    pthread_mutex_lock(&x->lock);
    struct strand *s = pop(&x->wait, &x->wait_end);
    pthread_mutex_unlock(&x->lock);
    work_on(x, s);
}

void queue_strand(struct run *x, struct strand *s)
{
    x->busy++;
    s->waits = s->next < s->steps.n && s->steps.items[s->next].verb == STEP_WAIT;
    if (s->waits) {
        push(&x->wait_end, s);
        pool_submit(x->waiters, wait_job, x);
        return;
    }
    struct lane *l = lane_of(x, s);
    push(s->next > 0 || s->attempts > 0 ? &l->hot_end : &l->cold_end, s);
    pool_submit(l->writers, write_job, l);
}

void queue_continue(struct run *x, struct unit *u)
{
    while (u->started < u->n_strands && rollout_may_start(x, u, &u->strands[u->started]))
        rollout_start(x, u, &u->strands[u->started]);
}

void queue_ready(struct run *x, struct unit *u)
{
    /* Decided already (blocked, or its steps could not be made): only its end has to be announced. */
    if (u->result != EXEC_OK) {
        u->n_strands = 1;
        u->strands[0].state = STRAND_ACTIVE;
        u->strands[0].steps.n = 0;
        u->started = u->active = 1;
        queue_strand(x, &u->strands[0]);
        return;
    }
    queue_continue(x, u);
}

void queue_sleep(struct run *x, struct strand *s, int64_t ns)
{
    s->due_ns = clock_mono(x->clock) + ns;
    s->link = x->asleep;
    x->asleep = s;
}

void queue_wake(struct run *x, int64_t now_ns)
{
    bool all = cancel_is_set(&x->stop);
    struct strand **at = &x->asleep;
    while (*at) {
        struct strand *s = *at;
        if (!all && s->due_ns > now_ns) {
            at = &s->link;
            continue;
        }
        *at = s->link;
        queue_strand(x, s);
    }
}

int64_t queue_next_due(const struct run *x)
{
    int64_t due = 0;
    for (const struct strand *s = x->asleep; s; s = s->link) {
        if (!due || s->due_ns < due)
            due = s->due_ns;
    }
    return due;
}

/* Takes the lock itself. */
void run_stop(struct run *x, int why)
{
    pthread_mutex_lock(&x->lock);
    if (!x->why_stopped)
        x->why_stopped = why;
    pthread_mutex_unlock(&x->lock);
    cancel_set(&x->stop);
    run_poke(x);
}
