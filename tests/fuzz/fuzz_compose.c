/*
 * A hostile compose project: loaded as the Stack that stands for itself, and imported.
 *
 * The input is as in tests/lib/fuzz_tree.h, and begins with compose.yaml. What must hold: no crash, no leak,
 * and bounds; without problems every spec has the shape of its table, and the manifests that import writes
 * are manifests that load.
 */
#include <stdlib.h>
#include <string.h>

#include "schema/manifest.h"
#include "tests/lib/fuzz_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was written reads again: nothing of it is what YAML or Forge would read as something else. */
static void check_written(const char *text, size_t len)
{
    struct fuzz_tree *t = calloc(1, sizeof(*t));
    struct arena a = ARENA_INIT;
    struct diag_list diags;
    struct resource_set set;
    struct err err = {0};
    fuzz_require(t != NULL);
    fuzz_tree_split(t, "import.yaml", text, len);
    struct load_input in = fuzz_tree_input(t);
    diag_init(&diags, &a);
    fuzz_require(schema_load(&in, &a, &set, &diags, NULL, &err) == 0);
    for (size_t i = 0; i < diags.n; i++) {
        bool syntax = strstr(diags.items[i].msg, "not YAML") || strstr(diags.items[i].msg, "unknown key") ||
                      strstr(diags.items[i].msg, "must be a");
        if (syntax)
            fprintf(stderr, "%s\n%s\n", diags.items[i].msg, text);
        fuzz_require(!syntax);
    }
    resource_set_release(&set);
    arena_release(&a);
    arena_release(&t->arena);
    free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const files[] = {"compose.yaml", NULL};
    struct fuzz_tree *t = calloc(1, sizeof(*t));
    struct arena a = ARENA_INIT;
    struct diag_list diags;
    struct resource_set set;
    struct err err = {0};
    fuzz_require(t != NULL);
    fuzz_tree_split(t, files[0], (const char *)data, size);
    struct load_input in = fuzz_tree_input(t);
    diag_init(&diags, &a);
    fuzz_require(schema_load(&in, &a, &set, &diags, NULL, &err) == 0);
    for (size_t i = 0; i < set.n && !diags.errors; i++)
        fuzz_require(field_check(set.items[i]->kind->spec, set.items[i]->spec, &err) == 0);
    bool good = !diags.errors;
    resource_set_release(&set);

    diag_init(&diags, &a);
    fuzz_require(schema_load_compose(&in, files, NULL, "", &a, &set, &diags, &err) == 0);
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < set.n; i++) {
        buf_adds(&out, i ? "---\n" : "");
        manifest_write(set.items[i], &out);
    }
    if (good && !diags.errors && !memmem(buf_str(&out), out.len, "\n%% ", 4))
        check_written(buf_str(&out), out.len);
    buf_release(&out);
    resource_set_release(&set);
    arena_release(&a);
    arena_release(&t->arena);
    free(t);
    return 0;
}
