/*
 * The thread that supervises the calls to one engine. When an engine is frozen or its network is cut, its
 * connections stay open without any answer. A call that takes long proves nothing, so the engine is probed on
 * another connection. Without an answer all calls to it are aborted.
 */
#include "providers/fleet/fleet.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GUARDED_CALLS 128 /* cancellations of further calls are polled */
#define LOOK_MS       250

void member_wake(struct member *m)
{
    uint64_t one = 1;
    if (write(m->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        abort();
}

static void drain(struct member *m)
{
    uint64_t count;
    if (read(m->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        abort();
}

/* (locked) Pass on cancellations by callers. Returns when the next probe is due; INT64_MAX: never. */
static int64_t look_after_calls(struct member *m)
{
    int64_t due = INT64_MAX;
    for (struct call *c = m->calls; c; c = c->next) {
        if (cancel_is_set(c->user))
            cancel_set(&c->cancel);
        if (!c->cut && c->asked_ns + PROBE_AFTER_NS < due)
            due = c->asked_ns + PROBE_AFTER_NS;
    }
    /* While it is away, probe whether it is back. */
    if (m->away && member_asks_beside(m) && m->next_ns < due)
        due = m->next_ns;
    return due;
}

/* (locked) */
static void cut_calls(struct member *m)
{
    for (struct call *c = m->calls; c; c = c->next) {
        c->cut = true;
        cancel_set(&c->cancel);
    }
}

static void ask(struct member *m)
{
    struct err err = {0};
    int64_t begin = clock_mono(clock_system());
    int r = member_probe(m, &err);
    pthread_mutex_lock(&m->lock);
    if (r < 0)
        cut_calls(m);
    for (struct call *c = m->calls; r == 0 && c; c = c->next)
        if (c->asked_ns < begin)
            c->asked_ns = begin;
    pthread_mutex_unlock(&m->lock);
}

static void sleep_until(struct member *m, const struct pollfd *from, nfds_t n, int64_t due, bool all)
{
    struct pollfd fds[GUARDED_CALLS + 1];
    for (nfds_t i = 0; i < n; i++)
        fds[i] = from[i];
    int64_t left = due == INT64_MAX ? -1 : due - clock_mono(clock_system());
    int ms = left < 0 ? -1 : (int)(left / NS_PER_MS) + 1;
    if (due != INT64_MAX && left <= 0)
        ms = 0;
    if (!all && (ms < 0 || ms > LOOK_MS))
        ms = LOOK_MS;
    (void)poll(fds, n, ms);
    drain(m);
}

static void *guard_main(void *arg)
{
    struct member *m = arg;
    pthread_mutex_lock(&m->lock);
    while (!m->closing) {
        struct pollfd fds[GUARDED_CALLS + 1] = {{.fd = m->wake_fd, .events = POLLIN}};
        nfds_t n = 1;
        bool all = true;
        int64_t due = look_after_calls(m);
        for (const struct call *c = m->calls; c; c = c->next) {
            all &= n <= GUARDED_CALLS && (!c->user || c->user->fd >= 0);
            /* A cancellation that is set has been passed on; polling it would only wake us at once. */
            if (c->user && !cancel_is_set(c->user) && n <= GUARDED_CALLS)
                fds[n++] = (struct pollfd){.fd = c->user->fd, .events = POLLIN};
        }
        bool late = due <= clock_mono(clock_system());
        pthread_mutex_unlock(&m->lock);
        if (late)
            ask(m);
        else
            sleep_until(m, fds, n, due, all);
        pthread_mutex_lock(&m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

int member_guard(struct member *m, struct err *err)
{
    if (m->guarded)
        return 0;
    int failed = pthread_create(&m->guard, NULL, guard_main, m);
    if (failed)
        return err_errno(err, failed, "cannot start a thread for target \"%s\"", m->target->name);
    m->guarded = true;
    return 0;
}

void member_unguard(struct member *m)
{
    pthread_mutex_lock(&m->lock);
    m->closing = true;
    bool guarded = m->guarded;
    pthread_mutex_unlock(&m->lock);
    if (!guarded)
        return;
    member_wake(m);
    pthread_join(m->guard, NULL);
}
