/*
 * The event streams of all engines as one: an epoll of theirs, and a timer for those that could not be
 * opened. When an engine's stream breaks for good, or opens after a failure, `lost` is reported: its state
 * must be observed. The streams use providers of their own, because they belong to the loop's thread.
 */
#include "providers/fleet/fleet.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define REOPEN_MOST_NS (30 * NS_PER_S)

struct stream {
    struct fleet_watch *all;
    struct member *m;
    struct provider *engine;
    struct watch watch;
    bool open, failed_once;
    unsigned failures;
    int64_t due_ns; /* monotonic: next attempt; 0: never */
};

struct fleet_watch {
    struct watch *watch; /* the caller's */
    char *owner;
    int timer;
    struct stream *streams;
    size_t n;
};

static void pass_on(void *arg, const struct provider_event *ev)
{
    struct stream *s = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct provider_event named = *ev;
    named.id = member_id(s->m, &a, ev->id);
    s->all->watch->event(s->all->watch->arg, &named);
}

static void tell_lost(struct stream *s)
{
    s->all->watch->event(s->all->watch->arg, &(struct provider_event){.action = "lost", .lost = true});
}

static void set_timer(struct fleet_watch *w)
{
    int64_t first = 0;
    for (size_t i = 0; i < w->n; i++)
        if (w->streams[i].due_ns && (!first || w->streams[i].due_ns < first))
            first = w->streams[i].due_ns;
    const struct itimerspec t = {.it_value = {.tv_sec = first / NS_PER_S, .tv_nsec = first % NS_PER_S}};
    (void)timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void fall_back(struct stream *s, const struct err *why)
{
    int64_t pause = backoff_ns(++s->failures, backoff_random());
    s->failed_once = true;
    s->due_ns = clock_mono(clock_system()) + (pause < REOPEN_MOST_NS ? pause : REOPEN_MOST_NS);
    log_debug("fleet.events_unavailable", "target", s->m->target->name, "error", why->msg, NULL);
}

static void shut(struct stream *s)
{
    if (!s->open)
        return;
    if (s->watch.fd >= 0)
        epoll_ctl(s->all->watch->fd, EPOLL_CTL_DEL, s->watch.fd, NULL);
    s->engine->ops->watch_close(&s->watch);
    s->open = false;
}

static int try_open(struct stream *s, struct err *err)
{
    const struct provider_env env = {.clock = s->m->env.clock, .pool = s->m->env.pool};
    int r = s->engine ? 0 : provider_open(s->m->target, &env, &s->engine, err);
    if (r < 0 || !s->engine->ops->watch_open)
        return r; /* a backend without events is observed periodically instead */
    s->watch = (struct watch){.provider = s->engine, .event = pass_on, .arg = s, .fd = -1};
    r = s->engine->ops->watch_open(s->engine, s->all->owner, &s->watch, err);
    if (r < 0)
        return r;
    s->open = true;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
    if (epoll_ctl(s->all->watch->fd, EPOLL_CTL_ADD, s->watch.fd, &ev) < 0) {
        r = err_errno(err, errno, "cannot watch the events of target \"%s\"", s->m->target->name);
        shut(s);
    }
    return r;
}

static void open_stream(struct stream *s)
{
    struct err err = {0};
    s->due_ns = 0;
    if (try_open(s, &err) < 0) {
        fall_back(s, &err);
        return;
    }
    s->failures = 0;
    if (s->failed_once)
        tell_lost(s);
}

/* All of them, or an event may be missed; a backend without events has none to miss. */
static void note_connected(struct fleet_watch *w)
{
    bool all = true;
    for (size_t i = 0; i < w->n; i++) {
        const struct stream *s = &w->streams[i];
        all &= s->open ? s->watch.connected : s->engine && !s->engine->ops->watch_open;
    }
    w->watch->connected = all;
}

static int make(struct fleet_watch *w, struct err *err)
{
    w->watch->fd = epoll_create1(EPOLL_CLOEXEC);
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (w->watch->fd < 0 || w->timer < 0 || epoll_ctl(w->watch->fd, EPOLL_CTL_ADD, w->timer, &ev) < 0)
        return err_errno(err, errno, "cannot make an event queue");
    return 0;
}

int fleet_watch_open(struct provider *p, const char *owner, struct watch *watch, struct err *err)
{
    struct fleet *f = fleet_of(p);
    struct fleet_watch *w = mem_new(struct fleet_watch);
    *w = (struct fleet_watch){.watch = watch, .owner = mem_strdup(owner), .timer = -1};
    watch->impl = w;
    watch->fd = -1;
    w->streams = mem_array(f->n + 1, sizeof(*w->streams));
    int r = make(w, err);
    if (r < 0) {
        fleet_watch_close(watch);
        return r;
    }
    w->n = f->n;
    for (size_t i = 0; i < f->n; i++) {
        w->streams[i] = (struct stream){.all = w, .m = &f->members[i]};
        open_stream(&w->streams[i]);
    }
    set_timer(w);
    note_connected(w);
    return 0;
}

static void reopen_due(struct fleet_watch *w)
{
    uint64_t count;
    int64_t now = clock_mono(clock_system());
    if (read(w->timer, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return;
    for (size_t i = 0; i < w->n; i++)
        if (w->streams[i].due_ns && w->streams[i].due_ns <= now)
            open_stream(&w->streams[i]);
}

int fleet_watch_dispatch(struct watch *watch, struct err *err)
{
    struct fleet_watch *w = watch->impl;
    struct epoll_event events[16];
    int n = epoll_wait(watch->fd, events, 16, 0);
    if (n < 0 && errno != EINTR)
        return err_errno(err, errno, "cannot wait for events");
    for (int i = 0; i < n; i++) {
        struct stream *s = events[i].data.ptr;
        struct err broken = {0};
        if (!s) {
            reopen_due(w);
        } else if (s->open && s->engine->ops->watch_dispatch(&s->watch, &broken) < 0) {
            shut(s);
            fall_back(s, &broken);
            tell_lost(s);
        }
    }
    set_timer(w);
    note_connected(w);
    return 0;
}

void fleet_watch_close(struct watch *watch)
{
    struct fleet_watch *w = watch->impl;
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++) {
        shut(&w->streams[i]);
        provider_close(w->streams[i].engine);
    }
    if (w->timer >= 0)
        close(w->timer);
    if (watch->fd >= 0)
        close(watch->fd);
    free(w->streams);
    free(w->owner);
    free(w);
    watch->impl = NULL;
}
