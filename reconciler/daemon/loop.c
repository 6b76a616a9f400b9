#include "reconciler/daemon/loop.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

struct watched {
    int fd;
    void (*fn)(void *arg);
    void *arg;
    struct watched *next;
};

struct message {
    void (*fn)(void *arg);
    void *arg;
    struct message *next;
};

struct loop {
    int epoll, timer, wake;
    struct watched *watched;
    unsigned round;
    struct loop_timer *timers; /* unsorted: there are a handful for each environment */
    pthread_mutex_t lock;
    struct message *first, *last;
    atomic_bool stop;
};

static void must(int fd)
{
    if (fd < 0)
        abort(); /* no descriptors when the program starts: it cannot go on */
}

static void epoll_watch(struct loop *l, int fd, void *ptr)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ptr};
    must(epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev));
}

struct loop *loop_new(void)
{
    struct loop *l = mem_new(struct loop);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(l->epoll);
    must(l->timer);
    must(l->wake);
    pthread_mutex_init(&l->lock, NULL);
    epoll_watch(l, l->timer, &l->timer);
    epoll_watch(l, l->wake, &l->wake);
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    while (l->watched) {
        struct watched *w = l->watched;
        l->watched = w->next;
        free(w);
    }
    while (l->first) {
        struct message *m = l->first;
        l->first = m->next;
        free(m);
    }
    close(l->epoll);
    close(l->timer);
    close(l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int loop_add_fd(struct loop *l, int fd, void (*fn)(void *arg), void *arg, struct err *err)
{
    struct watched *w = mem_new(struct watched);
    *w = (struct watched){fd, fn, arg, l->watched};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = w};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int e = errno;
        free(w);
        return err_errno(err, e, "cannot watch a descriptor");
    }
    l->watched = w;
    return 0;
}

void loop_remove_fd(struct loop *l, int fd)
{
    for (struct watched **p = &l->watched; *p; p = &(*p)->next) {
        struct watched *w = *p;
        if (w->fd != fd)
            continue;
        epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
        *p = w->next;
        free(w);
        return;
    }
}

/* ---- timers ---- */

static void arm(struct loop *l)
{
    int64_t first = 0;
    for (const struct loop_timer *t = l->timers; t; t = t->next)
        if (t->at_ns && (!first || t->at_ns < first))
            first = t->at_ns;
    struct itimerspec when = {.it_value = {.tv_sec = first / NS_PER_S, .tv_nsec = first % NS_PER_S}};
    timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

void loop_timer_at(struct loop *l, struct loop_timer *t, int64_t at_ns)
{
    if (!t->linked) {
        t->next = l->timers;
        l->timers = t;
        t->linked = true;
    }
    t->at_ns = at_ns;
    arm(l);
}

void loop_timer_remove(struct loop *l, struct loop_timer *t)
{
    for (struct loop_timer **p = &l->timers; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    t->linked = false;
    t->at_ns = 0;
    arm(l);
}

/* The one that has been due for longest. */
static struct loop_timer *next_due(struct loop *l, int64_t now)
{
    struct loop_timer *first = NULL;
    for (struct loop_timer *t = l->timers; t; t = t->next)
        if (t->at_ns && t->at_ns <= now && t->round != l->round && (!first || t->at_ns < first->at_ns))
            first = t;
    return first;
}

/* Each timer once, even one that sets itself to a time in the past: others want their turn. */
static void fire_timers(struct loop *l)
{
    uint64_t expirations;
    if (read(l->timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
        return;
    int64_t now = clock_mono(clock_system());
    struct loop_timer *t;
    l->round++;
    while ((t = next_due(l, now))) {
        t->at_ns = 0;
        t->round = l->round;
        t->fn(t->arg);
    }
    arm(l);
}

/* ---- messages ---- */

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct message *m = mem_new(struct message);
    *m = (struct message){fn, arg, NULL};
    pthread_mutex_lock(&l->lock);
    if (l->last)
        l->last->next = m;
    else
        l->first = m;
    l->last = m;
    pthread_mutex_unlock(&l->lock);
    uint64_t one = 1;
    /* EAGAIN means that it is readable already. */
    if (write(l->wake, &one, sizeof(one)) < 0)
        return;
}

void loop_forget(struct loop *l, const void *arg)
{
    pthread_mutex_lock(&l->lock);
    struct message **at = &l->first;
    l->last = NULL;
    while (*at) {
        struct message *m = *at;
        if (m->arg == arg) {
            *at = m->next;
            free(m);
        } else {
            l->last = m;
            at = &m->next;
        }
    }
    pthread_mutex_unlock(&l->lock);
}

static void deliver(struct loop *l)
{
    uint64_t count;
    if (read(l->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return;
    for (;;) {
        pthread_mutex_lock(&l->lock);
        struct message *m = l->first;
        if (m) {
            l->first = m->next;
            if (!l->first)
                l->last = NULL;
        }
        pthread_mutex_unlock(&l->lock);
        if (!m)
            return;
        m->fn(m->arg);
        free(m);
    }
}

static void nothing(void *arg)
{
    (void)arg;
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stop, true);
    loop_post(l, nothing, NULL);
}

/* A callback may remove other descriptors, so one event is taken at a time. */
int loop_run(struct loop *l, struct err *err)
{
    while (!atomic_load(&l->stop)) {
        struct epoll_event ev;
        int n = epoll_wait(l->epoll, &ev, 1, -1);
        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "waiting for events");
        if (n <= 0)
            continue;
        if (ev.data.ptr == &l->timer) {
            fire_timers(l);
        } else if (ev.data.ptr == &l->wake) {
            deliver(l);
        } else {
            struct watched *w = ev.data.ptr;
            w->fn(w->arg);
        }
    }
    atomic_store(&l->stop, false);
    return 0;
}
