/*
 * The cost of loading an environment: 10,000 manifests of 24 lines in memory, cold, from the cache, and with
 * one of them changed; and the same where each of them refers to a variable. One thread. Prints the median
 * and the best of a few rounds, and the memory that the set takes.
 *
 *   bench_load [MANIFESTS] [ROUNDS]
 */
#include <stdio.h>

#include "base/mem.h"
#include "schema/load.h"
#include "tests/bench/bench.h"

#define ROUNDS_MAX 101

struct tree {
    size_t n;
    struct load_file *files;
    char **texts;
    struct map cache;
    struct arena kept; /* content of the cache */
    struct load_stats stats;
    size_t memory;
};

struct kept {
    const void *data;
    size_t len;
};

static const char project[] =
    "apiVersion: forge/v1\nkind: Project\nmetadata: {name: bench}\nspec: {variables: {TAG: \"1\"}}\n";

static const char manifest[] = "apiVersion: forge/v1\n"
                               "kind: Container\n"
                               "metadata:\n"
                               "  name: web-%zu\n"
                               "  labels: {tier: front, team: shop}\n"
                               "spec:\n"
                               "  image: registry.example/shop/web:%s\n"
                               "  command: [\"serve\", \"--port\", \"80\"]\n"
                               "  ports:\n"
                               "    - \"%zu:80\"\n"
                               "  environment:\n"
                               "    LOG_LEVEL: info\n"
                               "    SHARD: \"%zu\"\n"
                               "    DATABASE_URL: postgres://db.internal/orders\n"
                               "  volumes:\n"
                               "    - data:/var/lib/data:ro\n"
                               "  healthcheck:\n"
                               "    test: [\"CMD\", \"wget\", \"-qO-\", \"http://127.0.0.1/health\"]\n"
                               "    interval: 5s\n"
                               "    retries: 3\n"
                               "  restart: unless-stopped\n"
                               "  resources: {cpus: 0.5, memory: 128MiB}\n"
                               "  networks: [front, back]\n"
                               "  stop_grace_period: 1m30s\n";

static void set_file(struct tree *t, size_t i, const char *path, const char *text)
{
    struct digest digest;
    char *id = arena_alloc(&t->kept, DIGEST_HEX_LEN + 1);
    free(t->texts[i]);
    t->texts[i] = mem_strdup(text);
    digest_of(text, strlen(text), &digest);
    digest_hex(&digest, id);
    t->files[i] =
        (struct load_file){.path = arena_strdup(&t->kept, path), .blob_id = id, .size = strlen(text)};
}

static void set_manifest(struct tree *t, size_t i, const char *tag)
{
    struct buf text = BUF_INIT;
    char path[64];
    snprintf(path, sizeof(path), "m/%05zu.yaml", i);
    buf_addf(&text, manifest, i, tag, 1024 + i % 60000, i);
    set_file(t, i, path, buf_str(&text));
    buf_release(&text);
}

static void tree_init(struct tree *t, size_t n, const char *tag)
{
    *t = (struct tree){.n = n};
    map_init(&t->cache);
    t->files = mem_array(n + 4, sizeof(*t->files));
    t->texts = mem_array(n + 4, sizeof(*t->texts));
    for (size_t i = 0; i < n; i++)
        set_manifest(t, i, tag);
    set_file(t, t->n++, "n/back.yaml", "apiVersion: forge/v1\nkind: Network\nmetadata: {name: back}\n");
    set_file(t, t->n++, "n/data.yaml", "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\n");
    set_file(t, t->n++, "n/front.yaml", "apiVersion: forge/v1\nkind: Network\nmetadata: {name: front}\n");
    set_file(t, t->n++, "forge.yaml", project);
}

static void tree_release(struct tree *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->texts[i]);
    free(t->texts);
    free(t->files);
    map_release(&t->cache);
    arena_release(&t->kept);
}

static int read_file(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    struct tree *t = arg;
    (void)err;
    *ret = arena_strndup(a, t->texts[i], t->files[i].size);
    *ret_len = t->files[i].size;
    return 0;
}

static int cache_get(void *arg, const char *key, const void **ret, size_t *ret_len)
{
    struct tree *t = arg;
    const struct kept *k = map_get(&t->cache, key);
    if (!k)
        return ERR_NOTFOUND;
    *ret = k->data;
    *ret_len = k->len;
    return 0;
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct tree *t = arg;
    struct kept *k = arena_new(&t->kept, struct kept);
    k->data = arena_memdup(&t->kept, data, len);
    k->len = len;
    map_put(&t->cache, arena_strdup(&t->kept, key), k);
}

static double load(struct tree *t)
{
    struct arena a = ARENA_INIT;
    struct diag_list diags;
    struct resource_set set;
    struct err err = {0};
    diag_init(&diags, &a);
    struct load_input in = {.files = t->files,
                            .n_files = t->n,
                            .environment = "bench",
                            .arg = t,
                            .read = read_file,
                            .cache_get = cache_get,
                            .cache_put = cache_put};
    double start = bench_ms(CLOCK_MONOTONIC);
    if (schema_load(&in, &a, &set, &diags, &t->stats, &err) < 0 || diags.errors || set.n != t->n - 1) {
        struct buf problems = BUF_INIT;
        diag_print(&diags, NULL, NULL, false, &problems);
        fprintf(stderr, "%s\n%.2000s", err.msg, buf_str(&problems));
        exit(1);
    }
    double took = bench_ms(CLOCK_MONOTONIC) - start;
    t->memory = a.used;
    resource_set_release(&set);
    arena_release(&a);
    return took;
}

enum change { COLD, WARM, ONE };

static void measure(struct tree *t, const char *name, enum change change, const char *tag, size_t rounds)
{
    double took[ROUNDS_MAX];
    for (size_t i = 0; i < rounds; i++) {
        char text[64];
        if (change == COLD)
            map_clear(&t->cache);
        snprintf(text, sizeof(text), "%s.%zu", tag, i + 1);
        if (change == ONE)
            set_manifest(t, i, text);
        took[i] = load(t);
    }
    double median = bench_median(took, rounds);
    printf("%-34s %8.1f ms %8.1f ms   %zu decoded, %zu recalled, %.1f MB\n", name, median, took[0],
           t->stats.decoded, t->stats.cached, (double)t->memory / 1e6);
}

int main(int argc, char **argv)
{
    size_t n = bench_argument(argc, argv, 1, 10000, 50000);
    size_t rounds = bench_argument(argc, argv, 2, 9, ROUNDS_MAX);
    struct tree t;
    printf("%zu manifests; median and best of %zu\n", n, rounds);
    tree_init(&t, n, "1");
    measure(&t, "cold", COLD, "1", rounds);
    measure(&t, "from the cache", WARM, "1", rounds);
    measure(&t, "one changed", ONE, "1", rounds);
    tree_release(&t);
    tree_init(&t, n, "${TAG}");
    measure(&t, "with references, cold", COLD, "${TAG}", rounds);
    measure(&t, "with references, from the cache", WARM, "${TAG}", rounds);
    measure(&t, "with references, one changed", ONE, "${TAG}", rounds);
    tree_release(&t);
    return 0;
}
