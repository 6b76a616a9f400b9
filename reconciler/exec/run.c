/*
 * A run from its beginning to its end. The thread that called exec_run() coordinates: it passes on
 * cancellation, watches the time, and brings back what waits for its next attempt. The work is done on two
 * pools.
 */
#include "reconciler/exec/internal.h"

#include "base/parse.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Two per processor get most of an engine's throughput at half the latency of more; beyond eight, starts
   get slower. */
static unsigned default_parallel(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        n = 1;
    return n > 4 ? 8 : (unsigned)n * 2;
}

unsigned run_retries(const struct run *x)
{
    return x->o->retries ? x->o->retries : 3;
}

static void run_init(struct run *x, struct provider *p, const struct plan *plan, unsigned caps,
                     const struct exec_options *o, struct arena *a, struct exec_report *report)
{
    *x = (struct run){
        .provider = p,
        .plan = plan,
        .o = o,
        .clock = o->clock ? o->clock : clock_system(),
        .caps = caps,
        .arena = a,
        .report = report,
        .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    queue_init(x);
    pthread_mutex_init(&x->lock, NULL);
    pthread_mutex_init(&x->event_lock, NULL);
    pthread_mutex_init(&x->begin_lock, NULL);
    cancel_init(&x->stop);
    *report = (struct exec_report){.outcomes = arena_array(a, struct exec_outcome, plan->n)};
    x->begin_ns = clock_mono(x->clock);
    if (o->timeout_ns > 0)
        x->deadline_ns = x->begin_ns + o->timeout_ns - o->spent_ns;
}

static void run_release(struct run *x)
{
    queue_release(x);
    cancel_release(&x->stop);
    pthread_mutex_destroy(&x->lock);
    pthread_mutex_destroy(&x->event_lock);
    pthread_mutex_destroy(&x->begin_lock);
    if (x->wake_fd >= 0)
        close(x->wake_fd);
}

/* Sleep until there is something to do; `until_ns` 0: nothing is scheduled. */
static void rest(struct run *x, int64_t until_ns, bool idle)
{
    int timeout_ms = -1;
    if (until_ns && x->clock == clock_system()) {
        int64_t left = until_ns - clock_mono(x->clock);
        timeout_ms = left <= 0 ? 0 : left / NS_PER_MS < INT32_MAX ? (int)(left / NS_PER_MS) + 1 : INT32_MAX;
    } else if (until_ns && idle) {
        /* A test's clock advances by itself only when nothing else is under way. */
        int64_t left = until_ns - clock_mono(x->clock);
        if (left > 0)
            x->clock->sleep(x->clock, left);
        timeout_ms = 0;
    }
    const struct cancel *user = cancel_is_set(&x->stop) ? NULL : x->o->cancel;
    if (user && user->fd < 0 && (timeout_ms < 0 || timeout_ms > 20))
        timeout_ms = 20;
    struct pollfd fds[] = {{.fd = x->wake_fd, .events = POLLIN},
                           {.fd = user ? user->fd : -1, .events = POLLIN}};
    (void)poll(fds, 2, timeout_ms);
    uint64_t count;
    if (fds[0].revents && read(x->wake_fd, &count, sizeof(count)) < 0)
        return;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static void coordinate(struct run *x)
{
    for (;;) {
        if (!cancel_is_set(&x->stop) && cancel_is_set(x->o->cancel))
            run_stop(x, ERR_CANCELLED);
        int64_t now = clock_mono(x->clock);
        if (!cancel_is_set(&x->stop) && x->deadline_ns && now >= x->deadline_ns)
            run_stop(x, ERR_TIMEOUT);
        bool stopped = cancel_is_set(&x->stop);
        if (stopped)
            unit_cancel_waiting(x);

        pthread_mutex_lock(&x->lock);
        queue_wake(x, now);
        bool idle = x->busy == 0;
        bool over = x->units_left == 0 && idle;
        int64_t until = earlier(queue_next_due(x), stopped ? 0 : x->deadline_ns);
        pthread_mutex_unlock(&x->lock);
        if (over)
            return;
        rest(x, until, idle);
    }
}

static void start(struct run *x)
{
    pthread_mutex_lock(&x->lock);
    for (size_t i = 0; i < x->n_units; i++) {
        if (x->units[i]->pending == 0)
            queue_ready(x, x->units[i]);
    }
    pthread_mutex_unlock(&x->lock);
}

/* Nothing was begun: report that for each change. */
static void cancel_all(struct run *x, const struct err *why)
{
    for (size_t i = 0; i < x->plan->n; i++) {
        x->report->outcomes[i].result = EXEC_CANCELLED;
        x->report->outcomes[i].err = *why;
    }
    x->report->cancelled = x->plan->n;
}

/* Why a run that was stopped did not do everything. */
static int conclude_stopped(const struct run *x, struct err *err)
{
    _cleanup_buf_ struct buf limit = BUF_INIT;
    format_duration(x->o->timeout_ns, &limit);
    if (x->why_stopped == ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT, "the run's %s were up with %zu of %zu changes done", buf_str(&limit),
                       x->report->ok, x->plan->n);
    return err_set(err, ERR_CANCELLED, "cancelled with %zu of %zu changes done", x->report->ok, x->plan->n);
}

/* Did anything fail that was not merely planned on an outdated view? */
static bool failed_on_its_own(const struct run *x)
{
    size_t failed = 0, overtaken = 0;
    for (size_t i = 0; i < x->plan->n; i++) {
        failed += x->units[i]->result == EXEC_FAILED;
        overtaken += x->units[i]->result == EXEC_FAILED && x->units[i]->overtaken;
    }
    return failed == 0 || failed > overtaken;
}

/* The result of the whole. */
static int conclude(const struct run *x, struct err *err)
{
    const struct exec_report *r = x->report;
    if (x->fatal.code) {
        *err = x->fatal;
        return err->code;
    }
    if (r->cancelled)
        return conclude_stopped(x, err);
    if (!r->failed && !r->skipped)
        return 0;
    const struct exec_outcome *first = r->outcomes;
    while (first->result != EXEC_FAILED && first->result != EXEC_SKIPPED)
        first++;
    if (!failed_on_its_own(x)) {
        err_set(err, ERR_CONFLICT, "something changed since the plan was made: %s", first->err.msg);
        err->retryable = true;
        return err_hint(err, "plan again");
    }
    return err_set(err, ERR_FAILED, "%zu of %zu changes failed, %zu skipped, %zu done: %s", r->failed,
                   x->plan->n, r->skipped, r->ok, first->err.msg);
}

int exec_run(struct provider *p, const struct plan *plan, unsigned caps, const struct exec_options *o,
             struct arena *a, struct exec_report *ret, struct err *err)
{
    struct run x;
    run_init(&x, p, plan, caps, o, a, ret);
    int r = x.wake_fd < 0 ? err_errno(err, errno, "eventfd") : resume_begin(&x, err);
    if (r < 0) {
        cancel_all(&x, err);
        run_release(&x);
        return r;
    }
    queue_start(&x, o->parallel ? o->parallel : default_parallel());
    graph_make(&x);
    start(&x);
    coordinate(&x);
    /* The pools first: a job may still be finishing. */
    queue_drain(&x);
    readback_keep(&x);
    struct err lost = {0};
    if (!x.fatal.code && resume_end(&x, &lost) < 0)
        x.fatal = lost;
    ret->duration_ns = clock_mono(x.clock) - x.begin_ns;
    r = conclude(&x, err);
    run_release(&x);
    return r;
}
