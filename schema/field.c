#include "schema/field.h"

#include <string.h>

#include "base/str.h"
#include "schema/field_index.h"

const char *impact_name(enum impact i)
{
    static const char *const names[] = {"none", "live", "restart", "replace", "data-loss"};
    return names[i];
}

const struct field *field_find(const struct field_table *t, const char *name)
{
    const struct field_index *index = field_index(t);
    int place = field_index_find(index, name);
    return place < 0 ? NULL : index->sorted[place];
}

/* The table of what a field holds: its own, or that of its elements. NULL for scalars and lists of
   scalars. */
static const struct field_table *inner_table(const struct field *f)
{
    if (f->sub)
        return f->sub;
    return f->elem ? f->elem->sub : NULL;
}

static const struct field *path_below(const struct field *f, const char *rest)
{
    const struct field_table *t = inner_table(f);
    const struct field *found = t ? field_path(t, rest) : NULL;
    if (found || f->type == FT_ANY)
        return found ? found : f;
    if (f->type != FT_MAP && f->type != FT_KEYED)
        return NULL;
    /* A key comes first, and keys may contain dots: take the shortest key after which the rest is a known
       path. */
    for (const char *dot = strchr(rest, '.'); dot && t; dot = strchr(dot + 1, '.')) {
        found = field_path(t, dot + 1);
        if (found)
            return found;
    }
    return f->type == FT_MAP ? f->elem : f;
}

const struct field *field_path(const struct field_table *t, const char *dotted)
{
    char name[64];
    size_t n = strcspn(dotted, ".");
    if (n >= sizeof(name))
        return NULL;
    memcpy(name, dotted, n);
    name[n] = '\0';
    const struct field *f = field_find(t, name);
    return f && dotted[n] ? path_below(f, dotted + n + 1) : f;
}

/* Does absent mean the same as empty? Not for lists whose order has a meaning: an empty command is no
   command, an absent one is the image's. */
static bool empty_is_absent(const struct field *f)
{
    return f->type == FT_RECORD || f->type == FT_MAP || f->type == FT_KEYED ||
           (f->type == FT_LIST && f->flags & FIELD_SET);
}

/* Compare the values in `a` whose names are not in the table: canonical forms may hold more than can be
   written. */
static bool others_equal(const struct field_index *index, const struct val *a, const struct val *b)
{
    for (size_t i = 0; i < val_len(a); i++) {
        const char *key = a->pairs[i].key;
        if (field_index_find(index, key) < 0 && !val_equal(a->pairs[i].val, val_get(b, key)))
            return false;
    }
    return true;
}

/* NULL counts as an empty record. */
static bool record_equal(const struct field_table *t, const struct val *a, const struct val *b)
{
    const struct field_index *index = field_index(t);
    for (const struct field *f = t->fields; f->name; f++) {
        if (!field_equal(f, val_get(a, f->name), val_get(b, f->name)))
            return false;
    }
    return others_equal(index, a, b) && others_equal(index, b, a);
}

/* Values described by an element field or by a table: exactly one of the two is given. */
static bool element_equal(const struct field *elem, const struct field_table *t, const struct val *a,
                          const struct val *b)
{
    if (t && val_is(a, VAL_MAP) && val_is(b, VAL_MAP))
        return record_equal(t, a, b);
    return elem ? field_equal(elem, a, b) : val_equal(a, b);
}

static bool list_equal(const struct field *f, const struct val *a, const struct val *b)
{
    if (f->flags & FIELD_SET)
        return val_equal_set(a, b);
    if (val_len(a) != val_len(b))
        return false;
    for (size_t i = 0; i < val_len(a); i++) {
        if (!element_equal(f->elem, f->elem ? f->elem->sub : NULL, a->items[i], b->items[i]))
            return false;
    }
    return true;
}

/* In a map the keys are data: an absent key is not the same as a key with an empty value. */
static bool map_equal(const struct field *f, const struct val *a, const struct val *b)
{
    if (val_len(a) != val_len(b))
        return false;
    for (size_t i = 0; i < val_len(a); i++) {
        if (strcmp(a->pairs[i].key, b->pairs[i].key) != 0 ||
            !element_equal(f->elem, inner_table(f), a->pairs[i].val, b->pairs[i].val))
            return false;
    }
    return true;
}

bool field_equal(const struct field *f, const struct val *a, const struct val *b)
{
    a = a ? a : f->def_val;
    b = b ? b : f->def_val;
    if (!a || !b) {
        const struct val *there = a ? a : b;
        if (!there)
            return true;
        if (!empty_is_absent(f))
            return false;
        if (f->type == FT_RECORD && val_is(there, VAL_MAP))
            return record_equal(f->sub, a, b);
        return (there->type == VAL_LIST || there->type == VAL_MAP) && there->len == 0;
    }
    if (a->type == VAL_LIST && b->type == VAL_LIST)
        return list_equal(f, a, b);
    if (a->type == VAL_MAP && b->type == VAL_MAP && f->type == FT_RECORD)
        return record_equal(f->sub, a, b);
    if (a->type == VAL_MAP && b->type == VAL_MAP)
        return map_equal(f, a, b);
    return val_equal(a, b) || (f->same && f->same(a, b));
}

void field_type_name(const struct field *f, struct buf *out)
{
    static const char *const names[] = {
        [FT_STRING] = "string",       [FT_BOOL] = "boolean",
        [FT_INT] = "integer",         [FT_FLOAT] = "number",
        [FT_CPUS] = "number of CPUs", [FT_DURATION] = "duration",
        [FT_SIZE] = "size in bytes",  [FT_MODE] = "octal file mode",
        [FT_ENUM] = "string",         [FT_LIST] = "list",
        [FT_MAP] = "mapping",         [FT_RECORD] = "mapping",
        [FT_KEYED] = "list",          [FT_COMMAND] = "string or list of strings",
        [FT_ANY] = "value",
    };
    buf_adds(out, names[f->type]);
    if (f->type == FT_LIST && f->elem && f->elem->type == FT_STRING)
        buf_adds(out, " of strings");
    else if (f->type == FT_MAP && f->flags & FIELD_LIST_FORM)
        buf_adds(out, " or list of KEY=VALUE");
}
