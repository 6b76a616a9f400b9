/*
 * The cost of reading a repository, stage by stage, in this process; medians in milliseconds.
 *
 *   bench-source [FILES]     a local repository and a folder, of 10000 files by default
 *   tests/lib/with git-https git-ssh -- bench-source [FILES]     also fetches from servers
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"
#include "tests/bench/bench.h"
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#define RUNS 9

static void report(const char *what, double *ms, size_t n)
{
    double median = bench_median(ms, n);
    printf("%-44s %9.3f   (%.3f to %.3f)\n", what, median, ms[0], ms[n - 1]);
}

static void must(int r, const struct err *err)
{
    if (r < 0) {
        fprintf(stderr, "%s\n", err->msg);
        exit(1);
    }
}

static double now(void)
{
    return bench_ms(CLOCK_MONOTONIC);
}

static struct source *opened(const struct source_config *c)
{
    struct err err = {0};
    struct source *s = NULL;
    must(source_open(c, &s, &err), &err);
    return s;
}

static void fetch(struct source *s)
{
    struct err err = {0};
    bool moved;
    must(source_fetch(s, NULL, &moved, &err), &err);
}

static struct snapshot *snapshot(struct source *s)
{
    struct err err = {0};
    struct snapshot *snap = NULL;
    must(source_snapshot(s, NULL, &snap, &err), &err);
    return snap;
}

static void read_all(struct snapshot *s)
{
    struct err err = {0};
    struct arena a = ARENA_INIT;
    const struct load_file *files;
    const char *text;
    size_t len;
    for (size_t i = 0; i < snapshot_files(s, &files); i++)
        must(snapshot_read(s, i, &a, &text, &len, &err), &err);
    arena_release(&a);
}

enum stage { STAGE_OPEN, STAGE_AGAIN, STAGE_LIST, STAGE_READ, STAGES };

/* All stages from opening the source, as in a new process except for the start of libgit2. */
static void bench_local(const char *what, const char *url)
{
    double ms[STAGES][RUNS];
    char label[128];
    const struct source_config c = {.url = url};
    for (size_t i = 0; i < RUNS; i++) {
        double t0 = now();
        struct source *s = opened(&c);
        fetch(s);
        double t1 = now();
        fetch(s);
        double t2 = now();
        struct snapshot *snap = snapshot(s);
        double t3 = now();
        read_all(snap);
        double t4 = now();
        const double stage[STAGES] = {t1 - t0, t2 - t1, t3 - t2, t4 - t3};
        for (size_t j = 0; j < STAGES; j++)
            ms[j][i] = stage[j];
        snapshot_free(snap);
        source_close(s);
    }
    static const char *const names[STAGES] = {"open and first fetch", "fetch that moves nothing", "list",
                                              "read all"};
    for (size_t j = 0; j < STAGES; j++) {
        snprintf(label, sizeof(label), "%s: %s", what, names[j]);
        report(label, ms[j], RUNS);
    }
}

static void bench_describe(const char *url)
{
    double ms[RUNS];
    const struct source_config c = {.url = url};
    struct source *s = opened(&c);
    for (size_t i = 0; i < RUNS; i++) {
        struct err err = {0};
        struct snapshot *snap = snapshot(s);
        double begin = now();
        must(snapshot_describe(snap, &err), &err);
        ms[i] = now() - begin;
        snapshot_free(snap);
    }
    source_close(s);
    report("folder: describe", ms, RUNS);
}

static void write_files(const char *tree, unsigned n)
{
    char path[600], text[600];
    for (unsigned i = 0; i < n; i++) {
        if (i % 100 == 0) {
            snprintf(path, sizeof(path), "%s/d%u", tree, i / 100);
            mkdir(path, 0755);
        }
        snprintf(path, sizeof(path), "%s/d%u/c%u.yaml", tree, i / 100, i);
        snprintf(
            text, sizeof(text),
            "apiVersion: forge/v1\nkind: Container\nmetadata:\n  name: c%u\n  labels: {tier: front}\nspec:\n"
            "  image: registry.example/shop/web:%u\n  environment:\n    LOG_LEVEL: info\n    NUMBER: \"%u\"\n"
            "  healthcheck:\n    test: [CMD, wget, -qO-, http://127.0.0.1/health]\n    interval: 5s\n"
            "  ports: [\"%u:80\"]\n  resources: {cpus: 0.5, memory: 128MiB}\n",
            i, i, i, 1024 + i);
        FILE *f = fopen(path, "w");
        fputs(text, f);
        fclose(f);
    }
}

static void bench_server(const char *what, struct source_config c, const char *tree)
{
    double same[RUNS], first[RUNS], moved[RUNS];
    char label[128];
    for (size_t i = 0; i < RUNS; i++) {
        char text[32];
        struct source *s = opened(&c);
        snprintf(text, sizeof(text), "%zu %s", i, what);
        gitrepo_commit(tree, "moves.yaml", text);
        gitrepo_run(tree, "push", "-q", "origin", "HEAD", NULL);
        fetch(s);
        double t0 = now();
        fetch(s);
        same[i] = now() - t0;
        gitrepo_commit(tree, "moves.yaml", what);
        gitrepo_run(tree, "push", "-q", "origin", "HEAD", NULL);
        t0 = now();
        fetch(s);
        moved[i] = now() - t0;
        source_close(s);
        s = opened(&c);
        t0 = now();
        fetch(s);
        first[i] = now() - t0;
        source_close(s);
    }
    snprintf(label, sizeof(label), "%s: nothing new, new connection", what);
    report(label, first, RUNS);
    snprintf(label, sizeof(label), "%s: nothing new", what);
    report(label, same, RUNS);
    snprintf(label, sizeof(label), "%s: one commit", what);
    report(label, moved, RUNS);
}

static void bench_servers(const char *dir, const char *tree)
{
    char url[1024], bare[512], cache[512];
    if (!getenv("GIT_HTTPS_URL") || !getenv("GIT_SSH_URL"))
        return;
    snprintf(bare, sizeof(bare), "%s/bench.git", getenv("GIT_ROOT"));
    snprintf(cache, sizeof(cache), "%s/cache", dir);
    gitrepo_run(dir, "clone", "-q", "--bare", tree, bare, NULL);
    gitrepo_run(tree, "remote", "add", "origin", bare, NULL);
    struct secret *password = secret_new(getenv("GIT_HTTPS_PASSWORD"), strlen(getenv("GIT_HTTPS_PASSWORD")));
    struct source_config https = {.url = url,
                                  .cache_dir = cache,
                                  .username = getenv("GIT_HTTPS_USER"),
                                  .password = password,
                                  .ca_file = getenv("GIT_HTTPS_CA")};
    struct source_config ssh = {.url = url,
                                .cache_dir = cache,
                                .ssh_key_file = getenv("SSHD_KEY"),
                                .ssh_known_hosts = getenv("SSHD_KNOWN_HOSTS")};
    snprintf(url, sizeof(url), "%s/bench.git", getenv("GIT_HTTPS_URL"));
    bench_server("https", https, tree);
    snprintf(url, sizeof(url), "%s/bench.git", getenv("GIT_SSH_URL"));
    bench_server("ssh", ssh, tree);
    secret_free(password);
}

static void bench(unsigned files)
{
    char *dir = unit_temp_dir();
    char tree[512], url[600];
    str_copy(tree, sizeof(tree), gitrepo_new(dir, "tree"));
    write_files(tree, files);
    gitrepo_commit(tree, "forge.yaml", "apiVersion: forge/v1\n");
    gitrepo_run(tree, "gc", "-q", NULL);
    printf("%u files\n", files);
    double begin = now();
    struct source *s = opened(&(struct source_config){.url = tree});
    fetch(s);
    report("libgit2: start, open, first fetch", &(double){now() - begin}, 1);
    source_close(s);
    bench_local("repository", tree);
    snprintf(url, sizeof(url), "dir:%s", tree);
    bench_local("folder", url);
    bench_describe(url);
    bench_servers(dir, tree);
    source_shutdown();
    unit_temp_remove(dir);
}

int main(int argc, char **argv)
{
    bench((unsigned)bench_argument(argc, argv, 1, 10000, 1000000));
    return 0;
}
