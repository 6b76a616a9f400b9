/*
 * What reading a repository costs, stage by stage, in this process; medians in milliseconds.
 *
 *   bench-source [FILES]                                       a local repository and a folder (default 10000
 * files) tests/lib/with git-https git-ssh -- bench-source [FILES]   also fetches from servers
 */
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"

#define RUNS 9

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void report(const char *what, int64_t *ns, size_t n)
{
    qsort(ns, n, sizeof(*ns), by_size);
    printf("%-44s %9.3f   (%.3f to %.3f)\n", what, (double)ns[n / 2] / 1e6, (double)ns[0] / 1e6,
           (double)ns[n - 1] / 1e6);
}

static void must(int r, const struct err *err)
{
    if (r < 0) {
        fprintf(stderr, "%s\n", err->msg);
        exit(1);
    }
}

static int64_t now(void)
{
    return clock_mono(clock_system());
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

/* Everything from a closed source on, as a new process meets it but for the start of libgit2. */
static void bench_local(const char *what, const char *url)
{
    int64_t ns[STAGES][RUNS];
    char label[128];
    const struct source_config c = {.url = url};
    for (size_t i = 0; i < RUNS; i++) {
        int64_t t0 = now();
        struct source *s = opened(&c);
        fetch(s);
        int64_t t1 = now();
        fetch(s);
        int64_t t2 = now();
        struct snapshot *snap = snapshot(s);
        int64_t t3 = now();
        read_all(snap);
        int64_t t4 = now();
        const int64_t stage[STAGES] = {t1 - t0, t2 - t1, t3 - t2, t4 - t3};
        for (size_t j = 0; j < STAGES; j++)
            ns[j][i] = stage[j];
        snapshot_free(snap);
        source_close(s);
    }
    static const char *const names[STAGES] = {"open and first fetch", "fetch that moves nothing", "list",
                                              "read all"};
    for (size_t j = 0; j < STAGES; j++) {
        snprintf(label, sizeof(label), "%s: %s", what, names[j]);
        report(label, ns[j], RUNS);
    }
}

static void bench_describe(const char *url)
{
    int64_t ns[RUNS];
    const struct source_config c = {.url = url};
    struct source *s = opened(&c);
    for (size_t i = 0; i < RUNS; i++) {
        struct err err = {0};
        struct snapshot *snap = snapshot(s);
        int64_t begin = now();
        must(snapshot_describe(snap, &err), &err);
        ns[i] = now() - begin;
        snapshot_free(snap);
    }
    source_close(s);
    report("folder: describe", ns, RUNS);
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
    int64_t same[RUNS], first[RUNS], moved[RUNS];
    char label[128];
    for (size_t i = 0; i < RUNS; i++) {
        char text[32];
        struct source *s = opened(&c);
        snprintf(text, sizeof(text), "%zu %s", i, what);
        gitrepo_commit(tree, "moves.yaml", text);
        gitrepo_run(tree, "push", "-q", "origin", "HEAD", NULL);
        fetch(s);
        int64_t t0 = now();
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
    int64_t begin = now();
    struct source *s = opened(&(struct source_config){.url = tree});
    fetch(s);
    report("libgit2: start, open, first fetch", &(int64_t){now() - begin}, 1);
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
    unsigned long files = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    bench((unsigned)files);
    return 0;
}
