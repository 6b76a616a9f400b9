/*
 * Manifests: any bytes as YAML, then each document by the tables of all kinds. What was decoded survives the
 * cache's form.
 */
#include <assert.h>
#include <stdint.h>

#include "schema/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void through_cache(struct arena *a, const struct val *v)
{
    struct buf form = BUF_INIT;
    struct buf again = BUF_INIT;
    struct val *back;
    struct err err = {0};
    val_encode(v, true, &form);
    int result = val_decode(a, form.data, form.len, &back, &err);
    assert(result == 0);
    val_encode(back, true, &again);
    assert(form.len == again.len && memcmp(form.data, again.data, form.len) == 0);
    buf_release(&form);
    buf_release(&again);
}

static void decode_by_all(struct decode *d, const struct ynode *n)
{
    for (const struct kind_desc *const *kind = kinds; *kind; kind++) {
        for (int patch = 0; patch < 2; patch++) {
            struct buf text = BUF_INIT;
            d->patch = patch;
            const struct val *spec = decode_record(d, (*kind)->spec, n);
            if (spec) {
                through_cache(d->arena, spec);
                val_json(spec, 2, &text);
                for (const struct field *f = (*kind)->spec->fields; f->name; f++)
                    field_print(f, val_get(spec, f->name), 80, &text);
            }
            buf_release(&text);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct diag_list diags;
    struct ynode **docs;
    diag_init(&diags, &a);
    struct decode d = {.arena = &a, .diags = &diags, .file = "f"};
    size_t n = yaml_read(&a, "f", (const char *)data, size, &diags, &docs);
    for (size_t i = 0; i < n; i++) {
        const struct ynode *spec = ynode_get(docs[i], "spec");
        decode_by_all(&d, spec ? spec : docs[i]);
    }

    struct buf text = BUF_INIT;
    diag_sort(&diags);
    diag_print(&diags, NULL, NULL, true, &text);
    buf_release(&text);
    arena_release(&a);
    return 0;
}
