#include "tests/lib/fuzz_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void fuzz_require(bool condition)
{
    if (!condition)
        abort();
}

static int read_file(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    struct fuzz_tree *t = arg;
    (void)err;
    char *text = arena_alloc(a, t->files[i].size + 1); /* with a NUL after the content */
    memcpy(text, t->texts[i], t->files[i].size);
    *ret = text;
    *ret_len = t->files[i].size;
    return 0;
}

static int cache_get(void *arg, const char *key, const void **ret, size_t *ret_len)
{
    const struct fuzz_tree *t = arg;
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
    struct fuzz_tree *t = arg;
    if (t->n_kept == FUZZ_KEPT_MAX)
        return;
    t->kept[t->n_kept].key = arena_strdup(&t->arena, key);
    t->kept[t->n_kept].data = arena_memdup(&t->arena, data, len);
    t->kept[t->n_kept++].len = len;
}

static void add_file(struct fuzz_tree *t, const char *path, const char *text, size_t len)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->files[i].path, path) == 0)
            return;
    if (t->n == FUZZ_FILES_MAX || !*path)
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

void fuzz_tree_split(struct fuzz_tree *t, const char *first, const char *text, size_t size)
{
    const char *end = text + size;
    const char *path = first;
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

struct load_input fuzz_tree_input(struct fuzz_tree *t)
{
    return (struct load_input){.files = t->files,
                               .n_files = t->n,
                               .environment = "e",
                               .arg = t,
                               .read = read_file,
                               .cache_get = cache_get,
                               .cache_put = cache_put};
}
