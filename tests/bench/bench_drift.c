/*
 * From an engine's event to the first call that corrects what it told of, in an environment as forged keeps
 * it: the loop, its workers and a store on disk are the real ones, the engine is in memory. Wall time,
 * milliseconds: median, and the worst.
 *
 *   bench-drift [CONTAINERS] [TIMES]
 */
#include <stdio.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"
#include "providers/fake/fake.h"
#include "reconciler/daemon/env.h"
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#define TICK_NS (1 * NS_PER_MS)

struct bench {
    size_t n;
    char *dir;
    const char *repo;
    struct fake_engine *fake;
    struct store *store;
    struct target target;
    struct env_config config;
    struct loop *loop;
    struct pool *jobs, *inspect;
    struct env *env;
    struct loop_timer tick;
    bool (*until)(struct bench *b);
    char victim[64];
    struct err err;
};

static void must(const struct bench *b, int r)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s\n", b->err.msg);
    exit(1);
}

static void tick(void *arg)
{
    struct bench *b = arg;
    if (b->until(b))
        loop_stop(b->loop);
    else
        loop_timer_at(b->loop, &b->tick, clock_mono(clock_system()) + TICK_NS);
}

static void wait_until(struct bench *b, bool (*until)(struct bench *b))
{
    b->until = until;
    b->tick = (struct loop_timer){.fn = tick, .arg = b};
    loop_timer_at(b->loop, &b->tick, 1);
    must(b, loop_run(b->loop, &b->err));
    loop_timer_remove(b->loop, &b->tick);
}

static bool in_sync(struct bench *b)
{
    struct env_numbers n;
    env_numbers(b->env, &n);
    return env_idle(b->env) && n.last_success_ns && n.resources && n.out_of_sync == 0;
}

static bool idle(struct bench *b)
{
    return env_idle(b->env);
}

static bool is_back(struct bench *b)
{
    return fake_state(b->fake, b->victim) == OBJECT_RUNNING && in_sync(b);
}

static int64_t now_ns(void)
{
    return clock_wall(clock_system());
}

/* Let events of our own changes come and go. */
static bool is_quiet(struct bench *b)
{
    static int64_t since;
    struct env_numbers n;
    static uint64_t events;
    env_numbers(b->env, &n);
    if (!env_idle(b->env) || n.events != events)
        since = now_ns();
    events = n.events;
    return now_ns() - since > 50 * NS_PER_MS;
}

static void begin(struct bench *b)
{
    struct buf text = BUF_INIT;
    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < b->n; i++)
        buf_addf(&text,
                 "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: c%zu}\n"
                 "spec: {image: app:1, networks: [front], environment: {N: \"%zu\"}, restart: \"no\", ports: "
                 "[\"%zu:80\"]}\n",
                 i, i, 1024 + i);
    b->dir = unit_temp_dir();
    b->repo = strdup(gitrepo_new(b->dir, "repo"));
    gitrepo_commit(b->repo, "net.yaml", "apiVersion: forge/v1\nkind: Network\nmetadata: {name: front}\n");
    gitrepo_commit(b->repo, "app.yaml", buf_str(&text));
    buf_release(&text);
    b->fake = fake_engine("drift");
    fake_image(b->fake, &(struct fake_image){.ref = "app:1", .local = 1, .remote = 1});
    b->target = (struct target){.name = "local", .url = "fake://drift"};
    b->config = (struct env_config){.name = "drift",
                                    .source = {.url = b->repo, .branch = "main"},
                                    .target = &b->target,
                                    .automatic = true,
                                    .prune = true,
                                    .self_heal = true};
    must(b, store_open(&(struct store_options){.dir = unit_path(b->dir, "state")}, &b->store, &b->err));
    b->loop = loop_new();
    b->jobs = pool_new(4);
    b->inspect = pool_new(2);
    const struct env_host host = {
        .loop = b->loop, .store = b->store, .jobs = b->jobs, .inspect = b->inspect, .clock = clock_system()};
    must(b, env_new(&b->config, &host, &b->env, &b->err));
    wait_until(b, in_sync);
}

static void end(struct bench *b)
{
    env_stop(b->env);
    wait_until(b, idle);
    env_free(b->env);
    pool_free(b->jobs);
    pool_free(b->inspect);
    loop_free(b->loop);
    store_close(b->store);
    fake_engine_free(b->fake);
    unit_temp_remove(b->dir);
}

/* The first call after a moment that changed the engine. */
static double first_change(struct bench *b, int64_t since)
{
    size_t n;
    double ms = -1;
    struct fake_call *calls = fake_calls(b->fake, &n);
    for (size_t i = 0; i < n && ms < 0; i++)
        if (calls[i].changed && calls[i].begin_ns >= since)
            ms = (double)(calls[i].begin_ns - since) / 1e6;
    free(calls);
    return ms;
}

static double correct(struct bench *b, size_t i)
{
    snprintf(b->victim, sizeof(b->victim), "drift-c%zu-1", i % b->n);
    wait_until(b, is_quiet);
    fake_calls_clear(b->fake);
    int64_t since = now_ns();
    fake_kill(b->fake, b->victim, 1);
    wait_until(b, is_back);
    return first_change(b, since);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static size_t argument(int argc, char **argv, int i, size_t fallback)
{
    int64_t n;
    struct err err = {0};
    return argc > i && parse_int(argv[i], 1, 50000, &n, &err) == 0 ? (size_t)n : fallback;
}

int main(int argc, char **argv)
{
    enum { MAX = 200 };
    struct bench b = {.n = argument(argc, argv, 1, 1000)};
    size_t times = argument(argc, argv, 2, 21);
    double took[MAX];
    times = times > MAX ? MAX : times;
    log_set_level(LOG_ERROR);
    begin(&b);
    for (size_t i = 0; i < times; i++)
        took[i] = correct(&b, i * 3);
    end(&b);
    qsort(took, times, sizeof(*took), by_size);
    char name[80];
    snprintf(name, sizeof(name), "drift of one of %zu, to the correcting call", b.n);
    printf("%-52s %9.2f %9.2f\n", name, took[times / 2], took[times - 1]);
    return 0;
}
