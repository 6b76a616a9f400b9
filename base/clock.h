#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/*
 * Injectable time: everything that waits or takes timestamps uses a clock, so that a test can run hours in
 * milliseconds.
 * Nanoseconds throughout. clock_system() is shared and thread-safe; a fake clock is driven by its test.
 */
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

struct clock {
    int64_t (*wall)(struct clock *);           /* since the epoch, UTC */
    int64_t (*mono)(struct clock *);           /* monotonic, arbitrary origin */
    void (*sleep)(struct clock *, int64_t ns); /* blocks this thread (the fake one advances itself) */
};

struct clock *clock_system(void);

struct clock_fake {
    struct clock clock;
    _Atomic int64_t wall_ns, mono_ns;
};
void clock_fake_init(struct clock_fake *f, int64_t wall_ns);
void clock_fake_advance(struct clock_fake *f, int64_t ns);

static inline int64_t clock_wall(struct clock *c)
{
    return c->wall(c);
}
static inline int64_t clock_mono(struct clock *c)
{
    return c->mono(c);
}
static inline void clock_sleep(struct clock *c, int64_t ns)
{
    c->sleep(c, ns);
}
#endif
