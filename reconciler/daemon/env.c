#include "reconciler/daemon/env.h"

#include "base/io.h"
#include "base/str.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#define WANT_COMMIT  0x01u /* the repository moved */
#define WANT_DRIFT   0x02u /* the engine said something about what is ours */
#define WANT_RETRY   0x04u /* something failed before, and its time has come */
#define WANT_RESYNC  0x08u /* nobody said anything for long: list in full */
#define WANT_REQUEST 0x10u /* somebody asked */
#define WANT_FRESH   0x20u /* the event stream had a gap: trust no cache */

#define RESYNC_NS     (10 * 60 * NS_PER_S)
#define BUSY_RETRY_NS (250 * NS_PER_MS)

/* Which resources events named: none, one, or more than that. */
struct touched {
    char id[128];
    bool any, many;
};

struct env {
    const struct env_config *config;
    struct env_host host;
    struct engine *engine;       /* of reconciles; used by one job at a time */
    struct source *fetch_source; /* of fetches, so that a newer commit is seen while an older one is applied */
    struct provider *events;     /* of the event stream */
    struct watch watch;
    bool watching, stopping, fetched;
    bool fetching, busy;
    unsigned want, serving;                  /* WANT_* bits: to be served, being served */
    struct touched touched, serving_touched; /* what the engine's events were about, likewise */
    bool clean;                              /* the last look left nothing to do */
    unsigned failures;                       /* of reconciles in a row */
    struct cancel cancel_run, cancel_fetch;
    struct loop_timer poll, retry, resync, reconnect;
    int source_fd;
    /* Results of the jobs, handed over by message. */
    struct err fetch_err, run_err;
    int fetch_result, run_result;
    bool fetch_moved;
    int64_t run_next_ns; /* wall clock of the next retry; 0: none */
    pthread_mutex_t lock;
    struct env_numbers numbers;
};

const char *env_name(const struct env *e)
{
    return e->config->name;
}

void env_numbers(struct env *e, struct env_numbers *ret)
{
    pthread_mutex_lock(&e->lock);
    *ret = e->numbers;
    pthread_mutex_unlock(&e->lock);
}

static double random_fraction(void)
{
    uint32_t n;
    io_random(&n, sizeof(n));
    return (double)n / 4294967296.0;
}

static int64_t mono(const struct env *e)
{
    return clock_mono(e->host.clock);
}

static void serve(struct env *e);

static void want(struct env *e, unsigned bits)
{
    e->want |= bits;
    serve(e);
}

/* ---- fetching ---- */

static void fetch_done(void *arg);

static void fetch_job(void *arg)
{
    struct env *e = arg;
    e->fetch_err = (struct err){0};
    e->fetch_moved = false;
    e->fetch_result = source_fetch(e->fetch_source, &e->cancel_fetch, &e->fetch_moved, &e->fetch_err);
    loop_post(e->host.loop, fetch_done, e);
}

static void schedule_poll(struct env *e)
{
    int64_t interval = e->config->interval_ns ? e->config->interval_ns : 60 * NS_PER_S;
    /* Up to a tenth of jitter, so that many hosts do not ask in step. */
    loop_timer_at(e->host.loop, &e->poll,
                  mono(e) + interval + (int64_t)((double)interval * 0.1 * random_fraction()));
}

static void fetch_done(void *arg)
{
    struct env *e = arg;
    e->fetching = false;
    pthread_mutex_lock(&e->lock);
    e->numbers.fetches++;
    e->numbers.fetch_failures += e->fetch_result < 0;
    pthread_mutex_unlock(&e->lock);
    if (e->stopping)
        return;
    schedule_poll(e);
    if (e->fetch_result < 0)
        log_warn("source.fetch_failed", "environment", e->config->name, "error", e->fetch_err.msg, "hint",
                 e->fetch_err.hint, NULL);
    bool first = !e->fetched;
    e->fetched = e->fetched || e->fetch_result == 0;
    if (e->fetch_moved && e->busy)
        cancel_set(&e->cancel_run); /* L2 */
    if (e->fetch_moved || first)
        want(e, WANT_COMMIT);
}

static void start_fetch(void *arg)
{
    struct env *e = arg;
    if (e->fetching || e->stopping)
        return;
    e->fetching = true;
    pool_submit(e->host.jobs, fetch_job, e);
}

static void source_stirred(void *arg)
{
    struct env *e = arg;
    if (source_watch_changed(e->fetch_source))
        start_fetch(e);
}

/* ---- reconciling ---- */

static void run_done(void *arg);

static int64_t earliest_retry(const struct look *l)
{
    int64_t first = 0;
    for (size_t i = 0; i < l->inventory.n; i++) {
        const struct applied *a = l->inventory.items[i];
        if ((a->status == APPLIED_FAILED || a->status == APPLIED_DELETING) && a->next_ns &&
            (!first || a->next_ns < first))
            first = a->next_ns;
    }
    return first;
}

static void count_look(struct env *e, const struct look *l)
{
    uint64_t drifted = 0, out = 0, held = 0;
    for (size_t i = 0; i < l->plan.n; i++) {
        drifted += (l->plan.changes[i].causes & CAUSE_DRIFT) != 0;
        out++;
    }
    for (size_t i = 0; i < l->inventory.n; i++)
        held +=
            l->inventory.items[i]->status == APPLIED_HELD || l->inventory.items[i]->status == APPLIED_STALLED;
    pthread_mutex_lock(&e->lock);
    e->numbers.resources = l->bound.n;
    e->numbers.drifted = drifted;
    e->numbers.out_of_sync = out;
    e->numbers.held = held;
    e->numbers.generation = l->state.generation;
    e->numbers.suspended = l->state.suspended_by != NULL;
    pthread_mutex_unlock(&e->lock);
}

static const char *trigger_name(unsigned bits)
{
    if (bits & WANT_COMMIT)
        return "commit";
    if (bits & WANT_REQUEST)
        return "request";
    if (bits & WANT_RETRY)
        return "retry";
    return bits & WANT_DRIFT ? "drift" : "resync";
}

static bool suspended(const struct env *e, const struct env_state *st)
{
    return st->suspended_by &&
           (!st->suspended_until_ns || st->suspended_until_ns > clock_wall(e->host.clock));
}

static void log_outcome(const struct env *e, const struct look *l, const struct apply_result *r, int result,
                        const struct err *err)
{
    if (result < 0)
        log_warn("apply.failed", "environment", e->config->name, "trigger", trigger_name(e->serving),
                 "commit", l->info->commit, "generation", LOG_INT((int64_t)r->generation), "error", err->msg,
                 "hint", err->hint, NULL);
    else if (r->generation)
        log_info("apply.done", "environment", e->config->name, "trigger", trigger_name(e->serving), "commit",
                 l->info->commit, "generation", LOG_INT((int64_t)r->generation), "changes",
                 LOG_INT((int64_t)r->report.ok), "took", LOG_DUR(r->report.duration_ns), NULL);
}

static void log_change(void *arg, const struct exec_event *ev)
{
    const struct env *e = arg;
    if (ev->type != EXEC_CHANGE_END || ev->result == EXEC_BLOCKED)
        return;
    if (ev->result == EXEC_OK)
        log_info("change.done", "environment", e->config->name, "resource", ev->change->id, "action",
                 plan_action_name(ev->change->action), "took", LOG_DUR(ev->duration_ns), NULL);
    else
        log_warn("change.failed", "environment", e->config->name, "resource", ev->change->id, "action",
                 plan_action_name(ev->change->action), "result", exec_result_name(ev->result), "error",
                 ev->err ? ev->err->msg : NULL, "hint", ev->err ? ev->err->hint : NULL, NULL);
}

static int apply(struct env *e, struct look *l, struct err *err)
{
    const struct apply_options o = {
        .actor = "forged",
        .trigger = trigger_name(e->serving),
        .cancel = &e->cancel_run,
        .event = log_change,
        .arg = e,
    };
    struct apply_result result;
    int r = engine_apply(e->engine, l, &o, &result, err);
    log_outcome(e, l, &result, r, err);
    if (result.generation) {
        pthread_mutex_lock(&e->lock);
        e->numbers.applies++;
        e->numbers.corrections += e->serving & WANT_DRIFT ? result.report.ok : 0;
        e->numbers.generation = result.generation;
        pthread_mutex_unlock(&e->lock);
    }
    return r;
}

static void log_problems(const struct env *e, const struct look *l)
{
    for (size_t i = 0; i < l->diags.n && i < 20; i++)
        log_warn("manifest.invalid", "environment", e->config->name, "commit", l->info->commit, "file",
                 l->diags.items[i].file, "line", LOG_INT(l->diags.items[i].line), "problem",
                 l->diags.items[i].msg, NULL);
}

static int look_and_apply(struct env *e, const struct look_options *o, struct look *l, struct err *err)
{
    e->clean = false;
    int r = engine_look(e->engine, o, l, err);
    if (r < 0)
        return r;
    if (!l->scope)
        count_look(e, l);
    log_debug("reconcile.planned", "environment", e->config->name, "trigger", trigger_name(e->serving),
              "commit", l->info->commit, "resources", LOG_INT((int64_t)l->bound.n), "changes",
              LOG_INT((int64_t)l->plan.n), NULL);
    /* Also with an empty plan: the inventory may have to be brought up to date; nothing is written when it is
     * not. */
    if (e->config->automatic && !suspended(e, &l->state))
        r = apply(e, l, err);
    e->run_next_ns = earliest_retry(l);
    e->clean = r == 0 && l->plan.n == 0;
    return r;
}

/* A commit that does not load leaves the last good one in force: what runs is still kept as that one says. */
static int keep_last_good(struct env *e, const struct look *broken, const struct look_options *o)
{
    struct look_options good = *o;
    struct err err = {0};
    good.rev = broken->state.good_commit;
    if (!good.rev || str_eq(good.rev, broken->info->commit))
        return 0;
    _cleanup_(look_release) struct look l;
    return look_and_apply(e, &good, &l, &err);
}

static int reconcile(struct env *e, struct err *err)
{
    const struct touched *t = &e->serving_touched;
    bool one = e->serving == WANT_DRIFT && e->clean && t->any && !t->many;
    const struct look_options o = {
        .cancel = &e->cancel_run,
        .same_commit = !(e->serving & (WANT_COMMIT | WANT_REQUEST)),
        .touched = one ? t->id : NULL,
        .fresh = (e->serving & WANT_FRESH) != 0,
        .force_retry = (e->serving & WANT_REQUEST) != 0,
    };
    _cleanup_(look_release) struct look l;
    int r = look_and_apply(e, &o, &l, err);
    if (r == ERR_INVALID && l.diags.errors) {
        if (e->serving & WANT_COMMIT)
            log_problems(e, &l);
        int kept = keep_last_good(e, &l, &o);
        if (kept < 0)
            return kept == ERR_CANCELLED ? kept : r;
    }
    return r;
}

static void run_job(void *arg)
{
    struct env *e = arg;
    int64_t begin = clock_mono(e->host.clock);
    e->run_err = (struct err){0};
    e->run_next_ns = 0;
    e->run_result = reconcile(e, &e->run_err);
    struct err ignored = {0};
    if (engine_note(e->engine, e->run_result, &e->run_err, &ignored) < 0)
        log_warn("state.not_written", "environment", e->config->name, "error", ignored.msg, NULL);
    pthread_mutex_lock(&e->lock);
    e->numbers.reconciles++;
    e->numbers.failures += e->run_result < 0;
    e->numbers.last_duration_ns = clock_mono(e->host.clock) - begin;
    e->numbers.last_reconcile_ns = clock_wall(e->host.clock);
    if (e->run_result == 0)
        e->numbers.last_success_ns = e->numbers.last_reconcile_ns;
    pthread_mutex_unlock(&e->lock);
    /* A look at everything takes megabytes that are not needed until the next one. */
    if (!e->serving_touched.any || e->serving_touched.many)
        malloc_trim(0);
    loop_post(e->host.loop, run_done, e);
}

static void serve(struct env *e)
{
    if (e->busy || e->stopping || !e->want || !e->fetched)
        return;
    e->serving = e->want;
    e->serving_touched = e->touched;
    e->want = 0;
    e->touched = (struct touched){0};
    e->busy = true;
    pool_submit(e->host.jobs, run_job, e);
}

static void schedule_retry(struct env *e)
{
    int64_t wait = 0;
    if (e->run_result == ERR_BUSY)
        wait = BUSY_RETRY_NS; /* somebody else is at it, and the engine will tell us what came of it */
    else if (e->run_result < 0 && e->run_err.retryable)
        wait = backoff_ns(++e->failures, random_fraction());
    if (e->run_next_ns) {
        int64_t due = e->run_next_ns - clock_wall(e->host.clock);
        if (!wait || due < wait)
            wait = due > 0 ? due : 1;
    }
    loop_timer_at(e->host.loop, &e->retry, wait ? mono(e) + wait : 0);
}

static void run_done(void *arg)
{
    struct env *e = arg;
    e->busy = false;
    cancel_release(&e->cancel_run);
    cancel_init(&e->cancel_run);
    if (e->stopping)
        return;
    if (e->run_result == 0)
        e->failures = 0;
    if (e->run_result < 0 && e->run_result != ERR_BUSY && e->run_result != ERR_CANCELLED)
        log_warn("reconcile.failed", "environment", e->config->name, "error", e->run_err.msg, "hint",
                 e->run_err.hint, NULL);
    if (e->run_result == ERR_BUSY)
        e->want |= e->serving; /* still owed */
    schedule_retry(e);
    loop_timer_at(e->host.loop, &e->resync, mono(e) + RESYNC_NS);
    if (e->run_result != ERR_BUSY)
        serve(e);
}

static void retry_due(void *arg)
{
    want(arg, WANT_RETRY);
}

static void resync_due(void *arg)
{
    want(arg, WANT_RESYNC);
}

/* ---- the engine's events ---- */

static void touch(struct touched *t, const char *id)
{
    if (!id || strlen(id) >= sizeof(t->id) || (t->any && !str_eq(t->id, id)))
        t->many = true;
    else
        str_copy(t->id, sizeof(t->id), id);
    t->any = true;
}

static void heard(void *arg, const struct provider_event *ev)
{
    struct env *e = arg;
    touch(&e->touched, ev->lost ? NULL : ev->id);
    pthread_mutex_lock(&e->lock);
    e->numbers.events++;
    pthread_mutex_unlock(&e->lock);
    if (log_enabled(LOG_DEBUG))
        log_debug("engine.event", "environment", e->config->name, "resource", ev->id, "action", ev->action,
                  NULL);
    e->want |= ev->lost ? WANT_DRIFT | WANT_FRESH : WANT_DRIFT;
}

static void stop_watching(struct env *e)
{
    if (!e->watching)
        return;
    loop_remove_fd(e->host.loop, e->watch.fd);
    e->events->ops->watch_close(&e->watch);
    e->watching = false;
}

static void events_ready(void *arg)
{
    struct env *e = arg;
    struct err err = {0};
    int r = e->events->ops->watch_dispatch(&e->watch, &err);
    if (r < 0) {
        log_warn("events.lost", "environment", e->config->name, "error", err.msg, NULL);
        stop_watching(e);
        e->want |= WANT_DRIFT | WANT_FRESH;
        loop_timer_at(e->host.loop, &e->reconnect, mono(e) + NS_PER_S);
    }
    serve(e);
}

static int try_watching(struct env *e, struct err *err)
{
    const struct provider_env pe = {.clock = e->host.clock, .pool = e->host.inspect};
    int r = e->events ? 0 : provider_open(e->config->target, &pe, &e->events, err);
    if (r < 0)
        return r;
    if (!e->events->ops->watch_open)
        return 0; /* a backend without events is polled by the resync timer */
    e->watch = (struct watch){.provider = e->events, .event = heard, .arg = e, .fd = -1};
    r = e->events->ops->watch_open(e->events, e->config->name, &e->watch, err);
    if (r == 0)
        r = loop_add_fd(e->host.loop, e->watch.fd, events_ready, e, err);
    e->watching = r == 0;
    return r;
}

static void start_watching(void *arg)
{
    struct env *e = arg;
    struct err err = {0};
    if (e->stopping)
        return;
    int r = try_watching(e, &err);
    pthread_mutex_lock(&e->lock);
    e->numbers.engine_connected = r == 0;
    pthread_mutex_unlock(&e->lock);
    if (r == 0)
        return;
    log_warn("events.unavailable", "environment", e->config->name, "error", err.msg, "hint", err.hint, NULL);
    loop_timer_at(e->host.loop, &e->reconnect, mono(e) + 5 * NS_PER_S);
}

/* ---- life ---- */

int env_new(const struct env_config *c, const struct env_host *host, struct env **ret, struct err *err)
{
    struct env *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->config = c;
    e->host = *host;
    e->source_fd = -1;
    e->numbers.name = c->name;
    pthread_mutex_init(&e->lock, NULL);
    cancel_init(&e->cancel_run);
    cancel_init(&e->cancel_fetch);
    e->poll = (struct loop_timer){.fn = start_fetch, .arg = e};
    e->retry = (struct loop_timer){.fn = retry_due, .arg = e};
    e->resync = (struct loop_timer){.fn = resync_due, .arg = e};
    e->reconnect = (struct loop_timer){.fn = start_watching, .arg = e};
    const struct engine_env ee = {
        .store = host->store, .clock = host->clock, .pool = host->inspect, .keep_wanted = true};
    int r = engine_open(c, &ee, &e->engine, err);
    if (r == 0)
        r = source_open(&c->source, &e->fetch_source, err);
    if (r == 0 && (e->source_fd = source_watch_fd(e->fetch_source)) >= 0)
        r = loop_add_fd(host->loop, e->source_fd, source_stirred, e, err);
    if (r < 0) {
        env_free(e);
        return r;
    }
    start_watching(e);
    start_fetch(e);
    *ret = e;
    return 0;
}

void env_stop(struct env *e)
{
    e->stopping = true;
    cancel_set(&e->cancel_run);
    cancel_set(&e->cancel_fetch);
}

bool env_idle(const struct env *e)
{
    return !e->busy && !e->fetching;
}

void env_free(struct env *e)
{
    if (!e)
        return;
    stop_watching(e);
    if (e->source_fd >= 0)
        loop_remove_fd(e->host.loop, e->source_fd);
    struct loop_timer *timers[] = {&e->poll, &e->retry, &e->resync, &e->reconnect};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        loop_timer_remove(e->host.loop, timers[i]);
    provider_close(e->events);
    source_close(e->fetch_source);
    engine_close(e->engine);
    cancel_release(&e->cancel_run);
    cancel_release(&e->cancel_fetch);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void env_poke(struct env *e)
{
    start_fetch(e);
    want(e, WANT_REQUEST | WANT_DRIFT);
}

void env_interrupt(struct env *e)
{
    if (e->busy)
        cancel_set(&e->cancel_run);
}
