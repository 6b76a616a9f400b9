#include "base/cancel.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/clock.h"

/* How often a token without an eventfd is polled. */
#define POLL_NS (20 * NS_PER_MS)

void cancel_init(struct cancel *c)
{
    atomic_init(&c->set, false);
    /* May fail when descriptors run out: waiting then polls the flag. */
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void cancel_release(struct cancel *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

void cancel_set(struct cancel *c)
{
    int saved = errno; /* may run in a signal handler */
    atomic_store(&c->set, true);
    if (c->fd >= 0)
        eventfd_write(c->fd, 1);
    errno = saved;
}

bool cancel_is_set(const struct cancel *c)
{
    return c && atomic_load(&c->set);
}

int cancel_check(const struct cancel *c, struct err *err)
{
    return cancel_is_set(c) ? err_set(err, ERR_CANCELLED, "cancelled") : 0;
}

bool cancel_sleep(const struct cancel *c, int64_t ns)
{
    struct clock *clock = clock_system();
    int64_t left = ns, end = clock_mono(clock) + ns;
    while (!cancel_is_set(c) && left > 0) {
        int64_t slice = c && c->fd < 0 && left > POLL_NS ? POLL_NS : left;
        struct timespec ts = {.tv_sec = slice / NS_PER_S, .tv_nsec = slice % NS_PER_S};
        struct pollfd wake = {.fd = c ? c->fd : -1, .events = POLLIN};
        ppoll(&wake, 1, &ts, NULL);
        left = end - clock_mono(clock);
    }
    return cancel_is_set(c);
}
