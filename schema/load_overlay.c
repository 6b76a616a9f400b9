/* Merging a patch into a spec (load_internal.h). */
#include "base/limits.h"
#include "schema/load_internal.h"

/* The value of a patch where the base has nothing: the patch without its nulls, which have nothing to
   remove. */
static struct val *without_nulls(struct arena *a, struct val *v)
{
    if (v->type != VAL_MAP)
        return v;
    bool clean = !(v->flags & VAL_F_REPLACE);
    for (size_t i = 0; i < v->len && clean; i++)
        clean = v->pairs[i].val->type != VAL_NULL && v->pairs[i].val->type != VAL_MAP;
    if (clean)
        return v;
    struct val *copy = val_map(a);
    val_place_like(copy, v);
    for (size_t i = 0; i < v->len; i++)
        if (v->pairs[i].val->type != VAL_NULL)
            val_map_append(a, copy, v->pairs[i].key, without_nulls(a, v->pairs[i].val));
    return copy;
}

static struct val *overlay_value(struct loader *l, const struct field *f, struct val *base,
                                 struct val *patch);

/* The field of a key: by name for a record, the element for a map, NULL for a keyed list, whose items are
   replaced. */
static const struct field *field_of(const struct field_table *t, const struct field *elem, const char *key)
{
    return t ? field_find(t, key) : elem;
}

static bool take(struct loader *l, size_t n)
{
    if (n <= l->overlay_budget) {
        l->overlay_budget -= n;
        return true;
    }
    if (l->overlay_budget)
        diag_add(l->diags, DIAG_ERROR, l->project_path, 0, 0,
                 "merging patches and defaults produces more than %u values", LIMIT_OVERLAY_VALUES);
    l->overlay_budget = 0;
    return false;
}

static struct val *overlay_pairs(struct loader *l, const struct field_table *t, const struct field *elem,
                                 const struct val *base, const struct val *patch)
{
    struct arena *a = l->arena;
    struct val *out = val_map(a);
    val_place_like(out, base ? base : patch);
    size_t i = 0;
    size_t k = 0;
    size_t n = val_len(base);
    if (!take(l, n + patch->len))
        return out;
    while (i < n || k < patch->len) {
        int order = i == n ? 1 : k == patch->len ? -1 : strcmp(base->pairs[i].key, patch->pairs[k].key);
        const struct val_pair *pair = order < 0 ? &base->pairs[i] : &patch->pairs[k];
        struct val *v = pair->val;
        if (order >= 0)
            v = overlay_value(l, field_of(t, elem, pair->key), order == 0 ? base->pairs[i].val : NULL, v);
        if (v)
            val_map_append(a, out, pair->key, v);
        i += order <= 0;
        k += order >= 0;
    }
    return out;
}

/* Returns NULL when the value is removed. */
static struct val *overlay_value(struct loader *l, const struct field *f, struct val *base, struct val *patch)
{
    if (patch->type == VAL_NULL)
        return NULL;
    if (patch->type != VAL_MAP || !val_is(base, VAL_MAP) || !f || patch->flags & VAL_F_REPLACE)
        return without_nulls(l->arena, patch);
    switch (f->type) {
    case FT_RECORD:
        return overlay_pairs(l, f->sub, NULL, base, patch);
    case FT_MAP:
        return overlay_pairs(l, NULL, f->elem, base, patch);
    case FT_KEYED:
        return overlay_pairs(l, NULL, NULL, base, patch);
    default:
        return without_nulls(l->arena, patch);
    }
}

struct val *load_overlay(struct loader *l, const struct field_table *t, const struct val *base,
                         const struct val *patch)
{
    return overlay_pairs(l, t, NULL, base, patch);
}

struct val *load_overlay_map(struct loader *l, const struct val *base, const struct val *patch)
{
    return overlay_pairs(l, NULL, NULL, base, patch);
}
