/* What the engine says, as it happens. On the loop's thread. */
#include "reconciler/daemon/env_internal.h"

#include "base/str.h"

#define RECONNECT_MAX_NS (30 * NS_PER_S)

static void touch(struct touched *t, const char *id)
{
    size_t i = 0;
    if (!id || strlen(id) >= sizeof(t->ids[0])) {
        t->many = true;
        return;
    }
    while (i < t->n && !str_eq(t->ids[i], id))
        i++;
    if (i == TOUCHED_MAX)
        t->many = true;
    else if (i == t->n)
        str_copy(t->ids[t->n++], sizeof(t->ids[0]), id);
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

static void set_connected(struct env *e, bool connected)
{
    pthread_mutex_lock(&e->lock);
    e->numbers.engine_connected = connected;
    pthread_mutex_unlock(&e->lock);
}

void env_stop_watching(struct env *e)
{
    if (!e->watching)
        return;
    loop_remove_fd(e->host.loop, e->watch.fd);
    e->events->ops->watch_close(&e->watch);
    e->watching = false;
    set_connected(e, false);
}

static int64_t reconnect_ns(const struct env *e)
{
    int64_t wait = backoff_ns(e->watch_failures ? e->watch_failures : 1, env_random());
    return wait < RECONNECT_MAX_NS ? wait : RECONNECT_MAX_NS;
}

static void events_ready(void *arg)
{
    struct env *e = arg;
    struct err err = {0};
    int r = e->events->ops->watch_dispatch(&e->watch, &err);
    if (r < 0) {
        log_warn("events.lost", "environment", e->config->name, "error", err.msg, NULL);
        env_stop_watching(e);
        e->want |= WANT_DRIFT | WANT_FRESH;
        loop_timer_at(e->host.loop, &e->reconnect, env_mono(e) + reconnect_ns(e));
    }
    env_serve(e);
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
    if (r < 0)
        return r;
    r = loop_add_fd(e->host.loop, e->watch.fd, events_ready, e, err);
    if (r < 0)
        e->events->ops->watch_close(&e->watch);
    e->watching = r == 0;
    return r;
}

void env_start_watching(void *arg)
{
    struct env *e = arg;
    struct err err = {0};
    if (e->stopping)
        return;
    int r = try_watching(e, &err);
    set_connected(e, r == 0);
    bool gap = e->watched_before;
    e->watched_before = true;
    e->watch_failures = r < 0 ? e->watch_failures + 1 : 0;
    if (r < 0) {
        log_warn("events.unavailable", "environment", e->config->name, "error", err.msg, "hint", err.hint,
                 NULL);
        loop_timer_at(e->host.loop, &e->reconnect, env_mono(e) + reconnect_ns(e));
    } else if (gap) {
        /* What happened since the last stream nobody has told (L5). */
        e->want |= WANT_DRIFT | WANT_FRESH;
        e->touched.many = true;
        env_serve(e);
    }
}
