/*
 * A hostile repository: a small tree of files is loaded as an environment, then once more from the cache.
 *
 * The input is text; a line "%% PATH" begins the file of that path. What must hold: no crash, no leak;
 * without problems every spec has the shape of its table; and the cache gives what decoding gave.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "schema/load.h"

#define FILES_MAX 16
#define KEPT_MAX  64

struct tree {
    struct arena arena;
    struct load_file files[FILES_MAX];
    const char *texts[FILES_MAX];
    size_t n;
    struct {
        const char *key;
        const void *data;
        size_t len;
    } kept[KEPT_MAX];
    size_t n_kept;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static int read_file(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    struct tree *t = arg;
    (void)err;
    char *text = arena_alloc(a, t->files[i].size + 1); /* ends with a NUL beyond its length */
    memcpy(text, t->texts[i], t->files[i].size);
    *ret = text;
    *ret_len = t->files[i].size;
    return 0;
}

static int cache_get(void *arg, const char *key, const void **ret, size_t *ret_len)
{
    const struct tree *t = arg;
    for (size_t i = 0; i < t->n_kept; i++)
        if (strcmp(t->kept[i].key, key) == 0) {
            *ret = t->kept[i].data;
            *ret_len = t->kept[i].len;
            return 0;
        }
    return ERR_NOTFOUND;
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct tree *t = arg;
    if (t->n_kept == KEPT_MAX)
        return;
    t->kept[t->n_kept].key = arena_strdup(&t->arena, key);
    t->kept[t->n_kept].data = arena_memdup(&t->arena, data, len);
    t->kept[t->n_kept++].len = len;
}

static void add_file(struct tree *t, const char *path, const char *text, size_t len)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->files[i].path, path) == 0)
            return;
    if (t->n == FILES_MAX || !*path)
        return;
    char *id = arena_alloc(&t->arena, DIGEST_HEX_LEN + 1);
    struct digest digest;
    digest_of(text, len, &digest);
    digest_hex(&digest, id);
    size_t at = t->n++;
    for (; at > 0 && strcmp(t->files[at - 1].path, path) > 0; at--) {
        t->files[at] = t->files[at - 1];
        t->texts[at] = t->texts[at - 1];
    }
    t->files[at] = (struct load_file){.path = path, .blob_id = id, .size = len};
    t->texts[at] = text;
}

static void split(struct tree *t, const char *text, size_t size)
{
    const char *end = text + size;
    const char *path = "a.yaml";
    const char *start = text;
    for (const char *p = text; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *next = newline ? newline + 1 : end;
        if (next - p > 3 && memcmp(p, "%% ", 3) == 0) {
            if (p > start)
                add_file(t, path, start, (size_t)(p - start));
            path = arena_strndup(&t->arena, p + 3, (size_t)((newline ? newline : end) - p - 3));
            start = next;
        }
        p = next;
    }
    if (end > start)
        add_file(t, path, start, (size_t)(end - start));
}

/* All resources and problems, as one text. */
static const char *load(struct tree *t, struct arena *a)
{
    static const char *const profiles[] = {"p", NULL};
    struct diag_list diags;
    struct resource_set set;
    struct load_stats stats;
    struct err err = {0};
    struct load_input in = {.files = t->files,
                            .n_files = t->n,
                            .environment = "e",
                            .commit = "0123456789abcdef",
                            .profiles = profiles,
                            .arg = t,
                            .read = read_file,
                            .cache_get = cache_get,
                            .cache_put = cache_put};
    diag_init(&diags, a);
    require(schema_load(&in, a, &set, &diags, &stats, &err) == 0);

    struct buf out = BUF_INIT;
    for (size_t i = 0; i < set.n; i++) {
        const struct resource *r = set.items[i];
        struct digest digest;
        char hex[DIGEST_HEX_LEN + 1];
        resource_digest(r, &digest);
        digest_hex(&digest, hex);
        buf_addf(&out, "%s %s\n", r->id, hex);
        if (!diags.errors && field_check(r->kind->spec, r->spec, &err) < 0) {
            fprintf(stderr, "%s: %s\n", r->id, err.msg);
            abort();
        }
        struct resource *back;
        require(resource_from_val(a, resource_to_val(a, r), &back, &err) == 0);
        require(val_equal(back->spec, r->spec));
    }
    diag_print(&diags, NULL, NULL, false, &out);
    const char *text = arena_strdup(a, buf_str(&out));
    buf_release(&out);
    resource_set_release(&set);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree *t = calloc(1, sizeof(*t));
    require(t != NULL);
    split(t, (const char *)data, size);
    struct arena a = ARENA_INIT;
    const char *cold = load(t, &a);
    const char *warm = load(t, &a);
    require(strcmp(cold, warm) == 0);
    arena_release(&a);
    arena_release(&t->arena);
    free(t);
    return 0;
}
