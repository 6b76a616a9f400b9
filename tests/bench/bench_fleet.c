/*
 * The cost of observing N engines at once, compared with the slowest of them: the engines take 20 to 60 ms to
 * answer. Milliseconds, medians.
 *
 *     bench-fleet [N...]      default: 1 2 5 10
 */
#include <stdio.h>

#include "base/clock.h"
#include "providers/fake/fake.h"
#include "tests/bench/bench.h"

#define ROUNDS 11

static double look(struct provider *p)
{
    struct arena a = ARENA_INIT;
    struct observed o;
    struct err err = {0};
    const struct observe_request rq = {.owner = "bench"};
    double begin = bench_ms(CLOCK_MONOTONIC);
    if (p->ops->observe(p, &rq, NULL, &a, &o, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(2);
    }
    double ms = bench_ms(CLOCK_MONOTONIC) - begin;
    arena_release(&a);
    return ms;
}

static double median_look(const struct target *t)
{
    const struct provider_env env = {.clock = clock_system()};
    struct provider *p;
    struct err err = {0};
    double ms[ROUNDS];
    if (provider_open(t, &env, &p, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(2);
    }
    look(p); /* opens the connections */
    for (int i = 0; i < ROUNDS; i++)
        ms[i] = look(p);
    provider_close(p);
    return bench_median(ms, ROUNDS);
}

static void measure(size_t n)
{
    struct arena a = ARENA_INIT;
    struct target *all = arena_array(&a, struct target, n);
    const struct target **members = arena_array(&a, const struct target *, n);
    double slowest = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = arena_printf(&a, "host%zu", i);
        int64_t latency = 20 + (n > 1 ? 40 * (int64_t)i / (int64_t)(n - 1) : 0);
        fake_latency(fake_engine(name), FAKE_OBSERVE, latency * NS_PER_MS);
        all[i] = (struct target){.name = name, .url = arena_printf(&a, "fake://%s", name)};
        members[i] = &all[i];
        double one = median_look(&all[i]);
        slowest = one > slowest ? one : slowest;
    }
    const struct target set = {.name = "all", .members = members, .n_members = n};
    double together = median_look(&set);
    printf("%3zu engines   slowest %6.1f   together %6.1f   %.2f times the slowest\n", n, slowest, together,
           together / slowest);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    static const size_t usual[] = {1, 2, 5, 10};
    if (argc > 1)
        for (int i = 1; i < argc; i++)
            measure(strtoul(argv[i], NULL, 10));
    else
        for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
            measure(usual[i]);
    return 0;
}
