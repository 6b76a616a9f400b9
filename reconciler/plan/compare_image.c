/* Images are compared by what they mean: references are names, ids and digests are content. */
#include "reconciler/plan/compare.h"

#include "base/str.h"
#include "schema/kinds/container.h"

static bool is_id(const char *ref)
{
    return str_starts(ref, "sha256:");
}

/* The digest that a reference pins, or NULL. */
static const char *pinned_digest(const char *ref)
{
    const char *at = strchr(ref, '@');
    return at ? at + 1 : NULL;
}

bool image_same_name(struct arena *a, const char *x, const char *y)
{
    struct err err = {0};
    const char *cx, *cy;
    if (str_eq(x, y))
        return true;
    return ref_canonical(a, x, &cx, &err) == 0 && ref_canonical(a, y, &cy, &err) == 0 && str_eq(cx, cy);
}

enum image_verdict image_compare(struct arena *a, const char *ref, const struct object *o,
                                 const struct image_fact *fact, const char **ret_id)
{
    const char *runs = val_get_str(o->spec, "image");
    const char *id = is_id(ref) ? ref : fact && fact->present ? fact->id : NULL;
    bool same_content = id && o->image_id && str_eq(id, o->image_id);
    *ret_id = id;
    if (runs && image_same_name(a, ref, runs)) {
        if (same_content || is_id(ref) || pinned_digest(ref))
            return IMAGE_SAME;
        if (id && o->image_id)
            return IMAGE_MOVED;
        return o->image_moved ? IMAGE_MOVED : IMAGE_SAME;
    }
    bool by_content = is_id(ref) || pinned_digest(ref) || !runs || is_id(runs) || pinned_digest(runs);
    if (by_content && same_content)
        return IMAGE_SAME;
    if (runs && pinned_digest(ref) && str_eq(pinned_digest(ref), pinned_digest(runs)))
        return IMAGE_SAME;
    return IMAGE_REF;
}
