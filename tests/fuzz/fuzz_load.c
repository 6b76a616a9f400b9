/*
 * A hostile repository: a small tree of files is loaded as an environment, then once more from the cache.
 *
 * The input is as in tests/lib/fuzz_tree.h. What must hold: no crash, no leak;
 * without problems every spec has the shape of its table; and the cache gives what decoding gave.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/fuzz_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All resources and problems, as one text. */
static const char *load(struct fuzz_tree *t, struct arena *a)
{
    static const char *const profiles[] = {"p", NULL};
    struct diag_list diags;
    struct resource_set set;
    struct load_stats stats;
    struct err err = {0};
    struct load_input in = fuzz_tree_input(t);
    in.commit = "0123456789abcdef";
    in.profiles = profiles;
    diag_init(&diags, a);
    fuzz_require(schema_load(&in, a, &set, &diags, &stats, &err) == 0);

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
        fuzz_require(resource_from_val(a, resource_to_val(a, r), &back, &err) == 0);
        fuzz_require(val_equal(back->spec, r->spec));
    }
    diag_print(&diags, NULL, NULL, false, &out);
    const char *text = arena_strdup(a, buf_str(&out));
    buf_release(&out);
    resource_set_release(&set);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_tree *t = calloc(1, sizeof(*t));
    fuzz_require(t != NULL);
    fuzz_tree_split(t, "a.yaml", (const char *)data, size);
    struct arena a = ARENA_INIT;
    const char *cold = load(t, &a);
    const char *warm = load(t, &a);
    fuzz_require(strcmp(cold, warm) == 0);
    arena_release(&a);
    arena_release(&t->arena);
    free(t);
    return 0;
}
