/* Listeners: event streams, and waits that end when something changes. */
#include "providers/fake/state.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

struct fake_watch {
    struct fake_engine *engine;
    struct fake_listener listener;
    int epoll_fd;
};

static void wake(struct fake_listener *l)
{
    uint64_t one = 1;
    if (write(l->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        abort();
}

static void arm(struct fake_engine *e, struct fake_listener *l)
{
    if (l->timer_fd < 0)
        return;
    int64_t due = e->clock == clock_system() ? fake_next_due(e) : 0;
    struct itimerspec at = {.it_value = {.tv_sec = due / NS_PER_S, .tv_nsec = due % NS_PER_S}};
    if (timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
        abort();
}

static void enqueue(struct fake_listener *l, const struct fake_event *ev)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->events = mem_resize(l->events, l->cap, sizeof(*l->events));
    }
    l->events[l->n++] = *ev;
}

void fake_emit(struct fake_engine *e, const struct fake_object *o, const char *action)
{
    const char *owner = fake_label(o, MARK_OWNER);
    const char *instance = fake_label(o, MARK_INSTANCE);
    struct fake_event ev = {.at_ns = fake_now(e)};
    str_copy(ev.owner, sizeof(ev.owner), str_or(owner, ""));
    str_copy(ev.id, sizeof(ev.id), str_or(fake_label(o, MARK_RESOURCE), ""));
    str_copy(ev.native_id, sizeof(ev.native_id), o->id);
    str_copy(ev.action, sizeof(ev.action), action);
    ev.instance = instance ? (unsigned)strtoul(instance, NULL, 10) : 0;
    for (struct fake_listener *l = e->listeners; l; l = l->next) {
        /* Like Docker's filter on labels: events of objects without our mark are not delivered. */
        if (l->queue && owner && (!l->owner || str_eq(l->owner, owner)))
            enqueue(l, &ev);
        arm(e, l);
        wake(l);
    }
}

void fake_lose_events(struct fake_engine *e)
{
    fake_lock(e);
    for (struct fake_listener *l = e->listeners; l; l = l->next) {
        l->lost = true;
        l->n = 0;
        wake(l);
    }
    fake_unlock(e);
}

void fake_listen(struct fake_engine *e, struct fake_listener *l, bool queue)
{
    *l = (struct fake_listener){.timer_fd = -1, .queue = queue};
    l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue)
        l->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->event_fd < 0 || (queue && l->timer_fd < 0))
        abort();
    l->next = e->listeners;
    e->listeners = l;
    arm(e, l);
}

void fake_unlisten(struct fake_engine *e, struct fake_listener *l)
{
    for (struct fake_listener **at = &e->listeners; *at; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            break;
        }
    }
    close(l->event_fd);
    if (l->timer_fd >= 0)
        close(l->timer_fd);
    free(l->owner);
    free(l->events);
}

static void drain(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        abort();
}

void fake_pause(struct fake_engine *e, struct fake_listener *l, int64_t until_ns, const struct cancel *c)
{
    int64_t due = fake_next_due(e);
    if (due && due < until_ns)
        until_ns = due;
    int64_t now = fake_now(e);
    fake_unlock(e);
    if (e->clock != clock_system()) {
        if (until_ns > now)
            e->clock->sleep(e->clock, until_ns - now);
    } else {
        struct pollfd fds[] = {{.fd = l->event_fd, .events = POLLIN},
                               {.fd = c ? c->fd : -1, .events = POLLIN}};
        int64_t left_ms = until_ns > now ? (until_ns - now) / NS_PER_MS + 1 : 0;
        (void)poll(fds, ARRAY_LEN(fds), left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
    }
    drain(l->event_fd);
    fake_lock(e);
    fake_settle_locked(e);
}

static void watch_add(int epoll_fd, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
        abort();
}

int fake_watch_open(struct provider *p, const char *owner, struct watch *w, struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_WATCH, owner, NULL, &t, err);
    if (r < 0)
        return r;
    struct fake_watch *mine = mem_alloc(sizeof(*mine));
    mine->engine = e;
    mine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (mine->epoll_fd < 0)
        abort();
    fake_listen(e, &mine->listener, true);
    mine->listener.owner = mem_strdup(owner);
    watch_add(mine->epoll_fd, mine->listener.event_fd);
    watch_add(mine->epoll_fd, mine->listener.timer_fd);
    r = fake_leave(e, &t, 0, false, err);
    if (r < 0) {
        struct watch half = {.impl = mine};
        fake_watch_close(&half);
        return r;
    }
    w->provider = p;
    w->connected = true;
    w->fd = mine->epoll_fd;
    w->impl = mine;
    return 0;
}

static void deliver(struct watch *w, const struct fake_event *ev)
{
    struct provider_event out = {
        .owner = *ev->owner ? ev->owner : NULL,
        .id = *ev->id ? ev->id : NULL,
        .instance = ev->instance,
        .native_id = ev->native_id,
        .action = ev->action,
        .at_ns = ev->at_ns,
    };
    w->event(w->arg, &out);
}

int fake_watch_dispatch(struct watch *w, _unused_ struct err *err)
{
    struct fake_watch *mine = w->impl;
    struct fake_engine *e = mine->engine;
    fake_lock(e);
    fake_settle_locked(e);
    drain(mine->listener.event_fd);
    drain(mine->listener.timer_fd);
    arm(e, &mine->listener);
    struct fake_event *events = take_ptr(mine->listener.events);
    size_t n = mine->listener.n;
    bool lost = mine->listener.lost;
    mine->listener.n = mine->listener.cap = 0;
    mine->listener.lost = false;
    fake_unlock(e);

    /* Without the lock: the receiver may call the provider. */
    if (lost)
        w->event(w->arg, &(struct provider_event){.lost = true, .at_ns = fake_now(e)});
    for (size_t i = 0; i < n; i++)
        deliver(w, &events[i]);
    free(events);
    return 0;
}

void fake_watch_close(struct watch *w)
{
    struct fake_watch *mine = w->impl;
    if (!mine)
        return;
    fake_lock(mine->engine);
    fake_unlisten(mine->engine, &mine->listener);
    fake_unlock(mine->engine);
    close(mine->epoll_fd);
    free(mine);
    w->impl = NULL;
    w->fd = -1;
}
