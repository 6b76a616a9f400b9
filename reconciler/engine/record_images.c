/*
 * Which images ran, by the reference in Git (H3): {REFERENCE: {id, digest}}, as in struct generation. Where
 * there are several engines, `on` in it says that for each target; and `of` says it for each resource that
 * ran another image under the same reference: by its image_policy, or because it alone was rolled back.
 */
#include "reconciler/engine/internal.h"

#include "base/str.h"

int record_images_before(struct engine *e, struct look *l, const struct val **ret, struct err *err)
{
    struct generation before = {0};
    int r = l->state.generation ? generation_get_brief(e->env.store, e->config->name, l->state.generation,
                                                       &l->arena, &before, err)
                                : 0;
    *ret = before.images;
    return r;
}

static bool same_image(const struct val *one, const struct val *other)
{
    return str_eq(val_get_str(one, "id"), val_get_str(other, "id"));
}

/* What a target is known to have; a target that the record does not name has the digest in common with
   others: an id says nothing on another engine. */
static const struct val *meaning_on(const struct val *entry, const char *target)
{
    const struct val *on = val_get(entry, "on");
    const struct val *there = on && target ? val_get(on, target) : NULL;
    if (there || !on || !target)
        return there ? there : entry;
    return val_get_str(entry, "digest") ? entry : NULL;
}

const struct val *image_meaning(const struct val *images, const char *ref, const char *id)
{
    const struct val *entry = ref ? val_get(images, ref) : NULL;
    const struct val *own = val_get(val_get(entry, "of"), id);
    return own ? own : meaning_on(entry, id_target(id));
}

bool image_is_recorded(const struct val *images, const char *image_id)
{
    bool found = false;
    for (size_t i = 0; i < val_len(images) && !found; i++) {
        const struct val *entry = images->pairs[i].val;
        found = str_eq(val_get_str(entry, "id"), image_id) ||
                image_is_recorded(val_get(entry, "on"), image_id) ||
                image_is_recorded(val_get(entry, "of"), image_id);
    }
    return found;
}

/* entry[level][key] = meaning */
static void put_below(struct arena *a, struct val *entry, const char *level, const char *key,
                      const struct val *meaning)
{
    const struct val *there = val_get(entry, level);
    struct val *all = there ? val_map_copy(a, there) : val_map(a);
    val_map_set(a, all, key, val_clone(a, meaning));
    val_map_set(a, entry, level, all);
}

/* The first resource says what a reference means on its engine, and the others where they differ. */
static void put(struct arena *a, struct val *map, const char *ref, const char *id, const struct val *meaning)
{
    const char *target = id_target(id);
    const struct val *there = val_get(map, ref);
    struct val *entry = val_map_copy(a, there ? there : meaning);
    bool known = there && (!target || val_get(val_get(there, "on"), target));
    if (known && !same_image(meaning_on(there, target), meaning))
        put_below(a, entry, "of", id, meaning);
    else if (target)
        put_below(a, entry, "on", target, meaning);
    val_map_set(a, map, ref, entry);
}

/* Its digest in the registry; NULL: unknown. An image that was not asked about now keeps the recorded one. */
static const char *recorded_digest(const char *image_id, const struct image_fact *now,
                                   const struct val *before)
{
    const char *digest = now && str_eq(now->id, image_id) ? now->digest : NULL;
    return digest || !str_eq(val_get_str(before, "id"), image_id) ? digest : val_get_str(before, "digest");
}

/* The reference in Git: the one asked for may be that of an image_policy, or pinned by a rollback. */
static const char *reference_of(struct look *l, const char *id)
{
    const struct resource *asked = resource_find(&l->desired, id_plain(&l->arena, id));
    return asked ? val_get_str(asked->spec, "image") : NULL;
}

/* What the containers run, after what is known of those that were not looked at: the rest of an environment,
   or engines that do not answer. */
static void by_resource(struct look *l, const struct val *before, struct val *ret)
{
    struct arena *a = &l->arena;
    for (size_t i = 0; i < l->bound.n; i++) {
        const char *id = l->bound.items[i]->id;
        const struct val *meaning = image_meaning(before, reference_of(l, id), id);
        if (meaning && (l->scope || observed_away(&l->observed, id)))
            val_map_set(a, ret, id, val_clone(a, meaning));
    }
    for (size_t i = 0; i < l->observed.n; i++) {
        const struct object *o = l->observed.items[i];
        const struct resource *bound = resource_find(&l->bound, o->id);
        const char *ref = reference_of(l, o->id), *exact = bound ? val_get_str(bound->spec, "image") : NULL;
        if (!ref || !exact || !o->image_id || !o->owner || o->candidate)
            continue;
        struct val *meaning = val_map(a);
        const struct image_fact *fact = observed_image_for(&l->observed, o->id, exact);
        val_set_str(a, meaning, "id", o->image_id);
        val_set_str(a, meaning, "digest",
                    recorded_digest(o->image_id, fact, image_meaning(before, ref, o->id)));
        val_map_set(a, ret, o->id, meaning);
    }
    /* The target of a rollback is known, whether it runs already or not. */
    for (size_t i = 0; i < val_len(l->pinned); i++)
        val_map_set(a, ret, l->pinned->pairs[i].key, l->pinned->pairs[i].val);
}

int record_images(struct engine *e, struct look *l, const struct val **ret, struct err *err)
{
    struct arena *a = &l->arena;
    struct val *all = val_map(a), *map = val_map(a);
    const struct val *before;
    int r = record_images_before(e, l, &before, err);
    if (r < 0)
        return r;
    by_resource(l, before, all);
    for (size_t i = 0; i < all->len; i++)
        put(a, map, reference_of(l, all->pairs[i].key), all->pairs[i].key, all->pairs[i].val);
    *ret = map;
    return 0;
}
