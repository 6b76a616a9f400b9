#include "reconciler/store/fields.h"

#include <string.h>

/* Members are accessed by memcpy(), because only the table knows their types. */
struct val *fields_to_val(struct arena *a, const struct stored_field *f, size_t n, const void *from)
{
    struct val *m = val_map(a);
    for (size_t i = 0; i < n; i++) {
        const char *at = (const char *)from + f[i].offset;
        const char *s;
        const struct val *tree;
        int64_t number;
        switch (f[i].type) {
        case FIELD_STR:
            memcpy(&s, at, sizeof(s));
            val_set_str(a, m, f[i].name, s);
            break;
        case FIELD_INT:
        case FIELD_UINT:
            memcpy(&number, at, sizeof(number));
            if (number)
                val_set_int(a, m, f[i].name, number);
            break;
        case FIELD_TREE:
            memcpy(&tree, at, sizeof(tree));
            if (tree)
                val_map_set(a, m, f[i].name, val_clone(a, tree));
            break;
        }
    }
    return m;
}

void fields_from_val(const struct stored_field *f, size_t n, const struct val *v, void *to)
{
    for (size_t i = 0; i < n; i++) {
        char *at = (char *)to + f[i].offset;
        const char *s = val_get_str(v, f[i].name);
        const struct val *tree = val_get(v, f[i].name);
        int64_t number = val_get_int(v, f[i].name, 0);
        switch (f[i].type) {
        case FIELD_STR:
            memcpy(at, &s, sizeof(s));
            break;
        case FIELD_INT:
        case FIELD_UINT:
            memcpy(at, &number, sizeof(number));
            break;
        case FIELD_TREE:
            memcpy(at, &tree, sizeof(tree));
            break;
        }
    }
}
