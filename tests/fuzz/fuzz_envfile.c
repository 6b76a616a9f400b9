/* Files of environment variables, in both formats: names are never empty, and reading twice gives the same. */
#include <stdlib.h>
#include <string.h>

#include "schema/load_envfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lookup(void *arg, const char *name, const char **ret, struct err *err)
{
    (void)arg;
    *ret = "value";
    return strcmp(name, "SET") == 0 ? 0 : err_set(err, ERR_NOTFOUND, "not set");
}

static struct val *read_text(struct arena *a, const char *text, size_t size, bool raw)
{
    size_t budget = 1u << 20;
    struct interp in = {.arena = a, .lookup = lookup, .budget = &budget};
    struct diag_list diags;
    struct val *into = val_map(a);
    diag_init(&diags, a);
    envfile_read(a, "f", text, size, raw, &in, &diags, 0, into);
    return into;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    /* All that is read ends with a NUL beyond its length. */
    char *text = arena_alloc(&a, size + 1);
    if (size)
        memcpy(text, data, size);
    for (int raw = 0; raw < 2; raw++) {
        const struct val *v = read_text(&a, text, size, raw);
        for (size_t i = 0; i < v->len; i++)
            if (!*v->pairs[i].key || v->pairs[i].val->type != VAL_STR)
                abort();
        if (!val_equal(v, read_text(&a, text, size, raw)))
            abort();
    }
    arena_release(&a);
    return 0;
}
