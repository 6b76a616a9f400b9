/*
 * The cost of following a repository of many manifests, as forged does: first everything, then commits that
 * change one manifest. Processor time of this process and wall time, medians, in milliseconds. The engine is
 * in memory and searches all its objects for each request, so it accounts for most of an observation; the
 * store is on disk.
 *
 *   bench-follow [MANIFESTS] [COMMITS]
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/str.h"
#include "providers/fake/fake.h"
#include "reconciler/engine/engine.h"
#include "tests/bench/bench.h"
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

static const char manifest[] = "apiVersion: forge/v1\n"
                               "kind: Container\n"
                               "metadata: {name: web-%zu, labels: {tier: front, team: shop}}\n"
                               "spec:\n"
                               "  image: app:1\n"
                               "  command: [\"serve\", \"--port\", \"80\"]\n"
                               "  ports: [\"%zu:80\"]\n"
                               "  environment:\n"
                               "    LOG_LEVEL: info\n"
                               "    SHARD: \"%zu\"\n"
                               "    DATABASE_URL: postgres://db.internal/orders\n"
                               "  volumes: [\"data:/var/lib/data:ro\"]\n"
                               "  restart: unless-stopped\n"
                               "  resources: {cpus: 0.5, memory: 128MiB}\n"
                               "  networks: [front, back]\n"
                               "  stop_grace_period: 1m30s\n";

struct bench {
    size_t n;
    char *dir;
    const char *repo;
    struct fake_engine *fake;
    struct store *store;
    struct target target;
    struct env_config config;
    struct engine *engine;
    struct err err;
};

struct took {
    double cpu, wall;
};

static struct took now(void)
{
    return (struct took){bench_ms(CLOCK_PROCESS_CPUTIME_ID), bench_ms(CLOCK_MONOTONIC)};
}

static struct took since(struct took begin)
{
    struct took end = now();
    return (struct took){end.cpu - begin.cpu, end.wall - begin.wall};
}

static void must(const struct bench *b, int r)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s\n", b->err.msg);
    exit(1);
}

static void put(const struct bench *b, const char *path, const char *text)
{
    char name[4200];
    snprintf(name, sizeof(name), "%s/%s", b->repo, path);
    FILE *f = fopen(name, "we");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        perror(name);
        exit(1);
    }
}

/* A hundred manifests per folder. */
static void put_manifest(const struct bench *b, size_t i, size_t value)
{
    char path[64], text[2048], folder[4200];
    snprintf(folder, sizeof(folder), "%s/m%03zu", b->repo, i / 100);
    mkdir(folder, 0755);
    snprintf(path, sizeof(path), "m%03zu/%05zu.yaml", i / 100, i);
    snprintf(text, sizeof(text), manifest, i, 1024 + i, value);
    put(b, path, text);
}

static void commit(const struct bench *b)
{
    gitrepo_run(b->repo, "add", "-A", NULL);
    gitrepo_run(b->repo, "commit", "-q", "-m", "bench", NULL);
}

static void begin(struct bench *b)
{
    b->dir = unit_temp_dir();
    b->repo = strdup(gitrepo_new(b->dir, "repo"));
    for (size_t i = 0; i < b->n; i++)
        put_manifest(b, i, i);
    put(b, "all.yaml",
        "apiVersion: forge/v1\nkind: Network\nmetadata: {name: front}\n---\n"
        "apiVersion: forge/v1\nkind: Network\nmetadata: {name: back}\n---\n"
        "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\n");
    commit(b);
    gitrepo_run(b->repo, "repack", "-adq", NULL);
    b->fake = fake_engine("bench");
    fake_image(b->fake, &(struct fake_image){.ref = "app:1", .local = 1, .remote = 1});
    b->target = (struct target){.name = "local", .url = "fake://bench"};
    b->config = (struct env_config){.name = "bench",
                                    .source = {.url = b->repo, .branch = "main"},
                                    .target = &b->target,
                                    .automatic = true,
                                    .prune = true,
                                    .self_heal = true};
    const struct store_options so = {.dir = unit_path(b->dir, "state"), .clock = clock_system()};
    must(b, store_open(&so, &b->store, &b->err));
    const struct engine_env env = {.store = b->store, .clock = clock_system(), .keep_wanted = true};
    must(b, engine_open(&b->config, &env, &b->engine, &b->err));
}

static void end(struct bench *b)
{
    engine_close(b->engine);
    store_close(b->store);
    fake_engine_free(b->fake);
    unit_temp_remove(b->dir);
}

struct round {
    struct took look, apply;
    double load, plan; /* wall time, parts of `look` */
};

static struct round run(struct bench *b, bool settled)
{
    const struct apply_options ao = {.actor = "bench", .trigger = "bench"};
    struct round round;
    struct look l;
    struct apply_result result;
    struct took begin = now();
    must(b, engine_look(b->engine, &(struct look_options){.settled = settled}, &l, &b->err));
    round.look = since(begin);
    round.load = (double)l.load_ns / 1e6;
    round.plan = (double)l.plan_ns / 1e6;
    if (settled && (!l.scope || l.plan.n != 1)) {
        fprintf(stderr, "the commit was not planned by what it changes\n");
        exit(1);
    }
    begin = now();
    must(b, engine_apply(b->engine, &l, &ao, &result, &b->err));
    round.apply = since(begin);
    look_release(&l);
    return round;
}

static void row(const char *name, double cpu, double wall)
{
    printf("%-52s %9.2f %9.2f\n", name, cpu, wall);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    enum { MAX = 200 };
    struct bench b = {.n = bench_argument(argc, argv, 1, 10000, 50000)};
    size_t commits = bench_argument(argc, argv, 2, 15, MAX);
    double cpu[2][MAX], wall[2][MAX], load[MAX], plan[MAX];
    begin(&b);
    printf("%zu manifests, %zu commits of one each%18s %9s\n", b.n, commits, "cpu ms", "wall ms");
    struct round first = run(&b, false);
    row("first look", first.look.cpu, first.look.wall);
    row("first apply", first.apply.cpu, first.apply.wall);
    first = run(&b, false);
    row("a whole look at what is known, in sync", first.look.cpu, first.look.wall);
    for (size_t i = 0; i < commits; i++) {
        put_manifest(&b, i * 7 % b.n, b.n + i);
        commit(&b);
        struct round r = run(&b, true);
        load[i] = r.load;
        plan[i] = r.plan;
        cpu[0][i] = r.look.cpu;
        wall[0][i] = r.look.wall;
        cpu[1][i] = r.apply.cpu;
        wall[1][i] = r.apply.wall;
    }
    row("one changed: from the commit to the plan", bench_median(cpu[0], commits),
        bench_median(wall[0], commits));
    printf("%-52s %9s %9.2f\n", "  of it what differs, loaded and bound", "", bench_median(load, commits));
    printf("%-52s %9s %9.2f\n", "  of it the plan and its document", "", bench_median(plan, commits));
    row("one changed: applied, recorded and read back", bench_median(cpu[1], commits),
        bench_median(wall[1], commits));
    end(&b);
    return 0;
}
