/*
 * What the engine says, as it happens: on a thread of its own, because opening a connection and asking what
 * an event is about take as long as the engine likes. The loop is told by message what came of it.
 */
#include "reconciler/daemon/env_internal.h"

#include "base/str.h"

#include <errno.h>
#include <poll.h>

#define RECONNECT_MAX_NS (30 * NS_PER_S)

/* end NULL: it was something else, or more. */
static void touch(struct touched *t, const char *id, const struct container_end *end)
{
    size_t i = 0;
    if (!id || strlen(id) >= sizeof(t->ids[0])) {
        t->many = true;
        return;
    }
    while (i < t->n && !str_eq(t->ids[i], id))
        i++;
    if (i == TOUCHED_MAX) {
        t->many = true;
        return;
    }
    t->end[i].only = i == t->n && end && strlen(end->native_id) < sizeof(t->end[i].native_id);
    if (t->end[i].only) {
        str_copy(t->end[i].native_id, sizeof(t->end[i].native_id), end->native_id);
        t->end[i].exit_code = end->exit_code;
        t->end[i].at_ns = end->at_ns;
    }
    if (i == t->n)
        str_copy(t->ids[t->n++], sizeof(t->ids[0]), id);
}

struct container_end touched_end(const struct touched *t, size_t i)
{
    if (!t->end[i].only)
        return (struct container_end){0};
    return (struct container_end){.id = t->ids[i],
                                  .native_id = t->end[i].native_id,
                                  .exit_code = t->end[i].exit_code,
                                  .at_ns = t->end[i].at_ns};
}

static void merge(struct touched *into, const struct touched *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct container_end end = touched_end(t, i);
        touch(into, t->ids[i], end.native_id ? &end : NULL);
    }
    into->many |= t->many;
}

/* ---- the loop's side ---- */

static void take_told(void *arg)
{
    struct env *e = arg;
    pthread_mutex_lock(&e->lock);
    const struct told told = e->told;
    e->told = (struct told){0};
    pthread_mutex_unlock(&e->lock);
    merge(&e->touched, &told.touched);
    e->want |= told.gap ? WANT_DRIFT | WANT_FRESH : WANT_DRIFT;
    env_serve(e);
}

/* ---- the watcher's side ---- */

static void tell(struct env *e, const struct told *news)
{
    pthread_mutex_lock(&e->lock);
    bool posted = e->told.posted;
    e->told.posted = true;
    merge(&e->told.touched, &news->touched);
    e->told.gap |= news->gap;
    pthread_mutex_unlock(&e->lock);
    if (!posted)
        loop_post(e->host.loop, take_told, e);
}

/* Nobody has told us what happened in the meantime (L5). */
static void tell_gap(struct env *e)
{
    tell(e, &(const struct told){.gap = true, .touched = {.many = true}});
}

static void heard(void *arg, const struct provider_event *ev)
{
    struct watcher *w = arg;
    const struct container_end end = {
        .id = ev->id, .native_id = ev->native_id, .exit_code = ev->exit_code, .at_ns = ev->at_ns};
    touch(&w->news.touched, ev->lost ? NULL : ev->id, ev->ended && ev->native_id ? &end : NULL);
    w->news.gap |= ev->lost;
    pthread_mutex_lock(&w->env->lock);
    w->env->numbers.events++;
    pthread_mutex_unlock(&w->env->lock);
    if (log_enabled(LOG_DEBUG))
        log_debug("engine.event", "environment", w->env->config->name, "resource", ev->id, "action",
                  ev->action, NULL);
}

static void set_connected(struct env *e, bool connected)
{
    pthread_mutex_lock(&e->lock);
    e->numbers.engine_connected = connected;
    pthread_mutex_unlock(&e->lock);
}

/* Until the stream breaks for good, or nobody wants its events any more. */
static int listen_to(struct watcher *w, struct watch *watch, struct err *err)
{
    struct env *e = w->env;
    int r = 0;
    while (r == 0 && !cancel_is_set(&e->cancel_watch)) {
        set_connected(e, watch->connected);
        struct pollfd fds[] = {{.fd = watch->fd, .events = POLLIN},
                               {.fd = e->cancel_watch.fd, .events = POLLIN}};
        if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
            return err_errno(err, errno, "cannot wait for events");
        r = fds[0].revents ? w->provider->ops->watch_dispatch(watch, err) : 0;
        if (w->news.touched.n || w->news.touched.many)
            tell(e, &w->news);
        w->news = (struct told){0};
    }
    return r;
}

/* 0: it was stopped, or this backend has no events and is polled by the resync timer. */
static int watch_once(struct watcher *w, struct err *err)
{
    struct env *e = w->env;
    const struct provider_env pe = {.clock = e->host.clock, .pool = e->host.inspect};
    int r = w->provider ? 0 : provider_open(e->config->target, &pe, &w->provider, err);
    if (r < 0 || !w->provider->ops->watch_open)
        return r;
    struct watch watch = {.provider = w->provider, .event = heard, .arg = w, .fd = -1};
    r = w->provider->ops->watch_open(w->provider, e->config->name, &watch, err);
    if (r < 0)
        return r;
    if (w->opened_before)
        tell_gap(e);
    w->opened_before = true;
    w->failures = 0;
    r = listen_to(w, &watch, err);
    set_connected(e, false);
    w->provider->ops->watch_close(&watch);
    return r;
}

static int64_t pause_ns(const struct watcher *w)
{
    int64_t wait = backoff_ns(w->failures, env_random());
    return wait < RECONNECT_MAX_NS ? wait : RECONNECT_MAX_NS;
}

static void *watch_engine(void *arg)
{
    struct env *e = arg;
    struct watcher w = {.env = e};
    struct err err = {0};
    while (watch_once(&w, &err) < 0 && !cancel_is_set(&e->cancel_watch)) {
        log_warn("events.unavailable", "environment", e->config->name, "error", err.msg, "hint", err.hint,
                 NULL);
        w.failures++;
        w.opened_before = true; /* from here on something may be missed */
        err = (struct err){0};
        if (cancel_sleep(&e->cancel_watch, pause_ns(&w)))
            break;
    }
    provider_close(w.provider);
    pthread_mutex_lock(&e->lock);
    e->watching = false;
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

int env_start_watching(struct env *e, struct err *err)
{
    e->watching = true;
    int r = pthread_create(&e->watcher, NULL, watch_engine, e);
    e->has_watcher = r == 0;
    e->watching = r == 0;
    return r ? err_errno(err, r, "cannot start a thread") : 0;
}

bool env_is_watching(const struct env *e)
{
    struct env *locked = (struct env *)(uintptr_t)e;
    pthread_mutex_lock(&locked->lock);
    bool watching = e->watching;
    pthread_mutex_unlock(&locked->lock);
    return watching;
}

void env_stop_watching(struct env *e)
{
    cancel_set(&e->cancel_watch);
    if (e->has_watcher)
        pthread_join(e->watcher, NULL);
    e->has_watcher = false;
}
