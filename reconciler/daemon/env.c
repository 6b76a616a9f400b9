/* When to fetch and when to look: the loop's side of an environment, and its life cycle. */
#include "reconciler/daemon/env_internal.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

#define RESYNC_NS   (10 * 60 * NS_PER_S)
#define HELD_OFF_NS (250 * NS_PER_MS)
#define INTERVAL_NS (60 * NS_PER_S)
#define POLL_JITTER 0.1 /* of the interval, so that many hosts do not poll in step */

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

double env_random(void)
{
    uint32_t n;
    io_random(&n, sizeof(n));
    return (double)n / 4294967296.0;
}

int64_t env_mono(const struct env *e)
{
    return clock_mono(e->host.clock);
}

static void want(struct env *e, unsigned bits)
{
    e->want |= bits;
    env_serve(e);
}

/* ---- fetching ---- */

static void fetch_done(void *arg);

static void fetch_job(void *arg)
{
    struct env *e = arg;
    e->fetch_err = (struct err){0};
    e->fetch_moved = false;
    e->fetch_result = source_fetch(e->fetch_source, &e->cancel_fetch, &e->fetch_moved, &e->fetch_err);
    e->secrets_moved = engine_secrets_moved(e->engine);
    loop_post(e->host.loop, fetch_done, e);
}

/* A request may arrive during a fetch that read the repository before it moved. */
static void start_fetch(void *arg)
{
    struct env *e = arg;
    e->fetch_again = e->fetching;
    if (e->fetching || e->stopping)
        return;
    e->fetching = true;
    pool_submit(e->host.jobs, fetch_job, e);
}

static void schedule_poll(struct env *e)
{
    int64_t interval = e->config->interval_ns ? e->config->interval_ns : INTERVAL_NS;
    int64_t wait = interval + (int64_t)((double)interval * POLL_JITTER * env_random());
    loop_timer_at(e->host.loop, &e->poll, env_mono(e) + wait);
    pthread_mutex_lock(&e->lock);
    e->numbers.fetch_next_ns = clock_wall(e->host.clock) + wait;
    pthread_mutex_unlock(&e->lock);
}

static void count_fetch(struct env *e)
{
    bool failed = e->fetch_result < 0;
    pthread_mutex_lock(&e->lock);
    struct env_numbers *n = &e->numbers;
    n->fetches++;
    n->fetch_failures += failed;
    if (!failed)
        n->fetch_failing_ns = 0;
    else if (!n->fetch_failing_ns)
        n->fetch_failing_ns = clock_wall(e->host.clock);
    str_copy(n->fetch_error, sizeof(n->fetch_error), failed ? e->fetch_err.msg : "");
    pthread_mutex_unlock(&e->lock);
}

/* What follows when a fetch has ended. A first one that failed counts too: there may be an older copy. */
static void note_fetched(struct env *e)
{
    bool moved = e->fetch_result == 0 && e->fetch_moved;
    if (e->fetch_result < 0)
        log_warn("source.fetch_failed", "environment", e->config->name, "error", e->fetch_err.msg, "hint",
                 e->fetch_err.hint, NULL);
    /* L2; but a folder always says that it moved. */
    if (moved && e->busy && !engine_reads_folder(e->config))
        cancel_set(&e->cancel_run);
    if (moved || !e->asked)
        e->want |= WANT_COMMIT;
    if (e->secrets_moved)
        e->want |= WANT_SECRETS;
    e->asked = true;
}

static void fetch_done(void *arg)
{
    struct env *e = arg;
    e->fetching = false;
    count_fetch(e);
    if (e->stopping)
        return;
    note_fetched(e);
    schedule_poll(e);
    if (e->fetch_again) {
        start_fetch(e);
    } else if (e->poked) {
        e->poked = false;
        e->want |= WANT_REQUEST | WANT_DRIFT;
    }
    env_serve(e);
}

static void source_stirred(void *arg)
{
    struct env *e = arg;
    if (source_watch_changed(e->watch_source))
        start_fetch(e);
}

/* ---- reconciling ---- */

static void run_done(void *arg);

static void run_job(void *arg)
{
    struct env *e = arg;
    env_run(e);
    loop_post(e->host.loop, run_done, e);
}

void env_serve(struct env *e)
{
    if (e->busy || e->stopping || e->held_off || !e->want || !e->asked)
        return;
    e->serving = e->want | e->owed;
    e->serving_touched = e->touched;
    e->run_ticket = e->poke_ticket;
    e->want = e->owed = 0;
    e->touched = (struct touched){0};
    e->busy = true;
    pool_submit(e->host.jobs, run_job, e);
}

/* What the run was meant to do and did not is left to the next one. */
static void remember_owed(struct env *e, bool lost_race)
{
    if (lost_race)
        e->owed |= e->serving;
    else if (e->run_result < 0 && e->run_result != ERR_INVALID) /* wrong manifests are an outcome */
        e->owed |= e->serving & (WANT_COMMIT | WANT_FRESH | WANT_SECRETS);
    if (e->run_result != ERR_CANCELLED)
        return;
    /* Whatever stopped it needs a look: a newer commit, or a suspension that may end by itself. */
    e->owed |= e->serving & WANT_REQUEST;
    e->want |= WANT_RESYNC;
}

static void schedule_retry(struct env *e)
{
    int64_t wait = 0;
    if (e->held_off)
        wait = HELD_OFF_NS;
    else if (e->run_result < 0 && e->run_err.retryable)
        wait = backoff_ns(++e->failures, env_random());
    if (e->run_next_ns && !e->held_off) {
        int64_t due = e->run_next_ns - clock_wall(e->host.clock);
        if (!wait || due < wait)
            wait = due > 0 ? due : 1;
    }
    loop_timer_at(e->host.loop, &e->retry, wait ? env_mono(e) + wait : 0);
}

/* Requests are answered now, unless the run was stopped before it got anywhere. */
static void answer_requests(struct env *e)
{
    if (!(e->serving & WANT_REQUEST))
        return;
    pthread_mutex_lock(&e->lock);
    e->numbers.answered = e->run_ticket;
    e->numbers.answer = e->run_result;
    str_copy(e->numbers.answer_error, sizeof(e->numbers.answer_error),
             e->run_result < 0 ? e->run_err.msg : "");
    pthread_mutex_unlock(&e->lock);
}

/* Each look may have changed which registries have to be asked. */
static void schedule_images(struct env *e)
{
    int64_t due = e->images_next_ns - clock_wall(e->host.clock);
    /* What became due during the run is asked at once; when nothing could be asked, not before a while. */
    if (due <= 0)
        due = e->images_failed ? INTERVAL_NS : 1;
    loop_timer_at(e->host.loop, &e->images, e->images_next_ns ? env_mono(e) + due : 0);
}

static void run_done(void *arg)
{
    struct env *e = arg;
    bool lost_race = engine_lost_race(e->run_result, &e->run_err);
    e->busy = false;
    cancel_release(&e->cancel_run);
    cancel_init(&e->cancel_run);
    if (e->stopping)
        return;
    if (e->run_result == 0)
        e->failures = 0;
    e->held_off = lost_race;
    remember_owed(e, lost_race);
    if (!lost_race && e->run_result != ERR_CANCELLED) {
        answer_requests(e);
        if (e->run_result < 0 && !(e->run_result == ERR_DENIED && e->refused_again))
            log_warn("reconcile.failed", "environment", e->config->name, "error", e->run_err.msg, "hint",
                     e->run_err.hint, NULL);
    }
    schedule_retry(e);
    schedule_images(e);
    loop_timer_at(e->host.loop, &e->resync, env_mono(e) + RESYNC_NS);
    env_serve(e);
}

static void retry_due(void *arg)
{
    struct env *e = arg;
    e->held_off = false;
    want(e, WANT_RETRY);
}

static void images_due(void *arg)
{
    want(arg, WANT_IMAGES);
}

static void resync_due(void *arg)
{
    want(arg, WANT_RESYNC);
}

/* ---- what others ask ---- */

uint64_t env_request(struct env *e)
{
    pthread_mutex_lock(&e->lock);
    uint64_t ticket = ++e->numbers.requested;
    pthread_mutex_unlock(&e->lock);
    return ticket;
}

void env_poke(struct env *e)
{
    pthread_mutex_lock(&e->lock);
    e->poke_ticket = e->numbers.requested;
    pthread_mutex_unlock(&e->lock);
    e->poked = true;
    start_fetch(e);
}

void env_look_again(struct env *e)
{
    want(e, WANT_RESYNC);
}

void env_interrupt(struct env *e)
{
    if (e->busy)
        cancel_set(&e->cancel_run);
}

/* ---- life ---- */

static int open_sources(struct env *e, struct err *err)
{
    const struct engine_env ee = {
        .store = e->host.store, .clock = e->host.clock, .pool = e->host.inspect, .keep_wanted = true};
    int r = engine_open(e->config, &ee, &e->engine, err);
    if (r == 0)
        r = source_open(&e->config->source, &e->fetch_source, err);
    if (r == 0)
        r = source_open(&e->config->source, &e->watch_source, err);
    if (r == 0 && (e->source_fd = source_watch_fd(e->watch_source)) >= 0)
        r = loop_add_fd(e->host.loop, e->source_fd, source_stirred, e, err);
    return r;
}

int env_new(const struct env_config *c, const struct env_host *host, struct env **ret, struct err *err)
{
    struct env *e = mem_new(struct env);
    e->config = c;
    e->host = *host;
    e->source_fd = -1;
    e->numbers.name = c->name;
    env_targets_init(e);
    pthread_mutex_init(&e->lock, NULL);
    cancel_init(&e->cancel_run);
    cancel_init(&e->cancel_fetch);
    cancel_init(&e->cancel_watch);
    e->poll = (struct loop_timer){.fn = start_fetch, .arg = e};
    e->retry = (struct loop_timer){.fn = retry_due, .arg = e};
    e->resync = (struct loop_timer){.fn = resync_due, .arg = e};
    e->images = (struct loop_timer){.fn = images_due, .arg = e};
    int r = open_sources(e, err);
    if (r == 0)
        r = env_start_watching(e, err);
    if (r < 0) {
        env_free(e);
        return r;
    }
    start_fetch(e);
    *ret = e;
    return 0;
}

void env_stop(struct env *e)
{
    e->stopping = true;
    cancel_set(&e->cancel_run);
    cancel_set(&e->cancel_fetch);
    cancel_set(&e->cancel_watch);
}

bool env_idle(const struct env *e)
{
    return !e->busy && !e->fetching && !(e->stopping && env_is_watching(e));
}

void env_free(struct env *e)
{
    if (!e)
        return;
    env_stop_watching(e);
    if (e->source_fd >= 0)
        loop_remove_fd(e->host.loop, e->source_fd);
    struct loop_timer *timers[] = {&e->poll, &e->retry, &e->resync, &e->images};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        loop_timer_remove(e->host.loop, timers[i]);
    loop_forget(e->host.loop, e);
    source_close(e->watch_source);
    source_close(e->fetch_source);
    engine_close(e->engine);
    cancel_release(&e->cancel_run);
    cancel_release(&e->cancel_fetch);
    cancel_release(&e->cancel_watch);
    pthread_mutex_destroy(&e->lock);
    free(e->targets);
    free(e);
}
