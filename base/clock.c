#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static int64_t now(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t system_wall(struct clock *c)
{
    (void)c;
    return now(CLOCK_REALTIME);
}

static int64_t system_mono(struct clock *c)
{
    (void)c;
    return now(CLOCK_MONOTONIC);
}

static void system_sleep(struct clock *c, int64_t ns)
{
    (void)c;
    if (ns <= 0)
        return;
    struct timespec left = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}

struct clock *clock_system(void)
{
    static struct clock clock = {system_wall, system_mono, system_sleep};
    return &clock;
}

/* The clock is the first member, so both have the same address. */
static struct clock_fake *fake_of(struct clock *c)
{
    _Static_assert(offsetof(struct clock_fake, clock) == 0, "a struct clock * is a struct clock_fake *");
    return (struct clock_fake *)c;
}

static int64_t fake_wall(struct clock *c)
{
    return atomic_load(&fake_of(c)->wall_ns);
}

static int64_t fake_mono(struct clock *c)
{
    return atomic_load(&fake_of(c)->mono_ns);
}

static void fake_sleep(struct clock *c, int64_t ns)
{
    if (ns > 0)
        clock_fake_advance(fake_of(c), ns);
}

void clock_fake_init(struct clock_fake *f, int64_t wall_ns)
{
    f->clock = (struct clock){fake_wall, fake_mono, fake_sleep};
    atomic_init(&f->wall_ns, wall_ns);
    atomic_init(&f->mono_ns,
                NS_PER_S); /* not 0: code that takes 0 for "never" must not be right by accident */
}

void clock_fake_advance(struct clock_fake *f, int64_t ns)
{
    atomic_fetch_add(&f->wall_ns, ns);
    atomic_fetch_add(&f->mono_ns, ns);
}
