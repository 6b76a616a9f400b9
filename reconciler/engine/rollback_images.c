/* A rollback runs the images that ran then, whatever their references mean by now (H3). */
#include "reconciler/engine/internal.h"

#include "base/str.h"

/* The reference that makes exactly the recorded image run; NULL: the plain reference still does. */
static const char *pinned_reference(struct look *l, const char *on, const char *ref,
                                    const struct val *recorded)
{
    const char *id = val_get_str(recorded, "id");
    const char *digest = val_get_str(recorded, "digest");
    const struct image_fact *now = observed_image_for(&l->observed, on, ref);
    if (!id || strchr(ref, '@') || (now && now->present && str_eq(now->id, id)))
        return NULL;
    if (!digest)
        return id; /* built locally: it has no other name */
    const char *tag = strrchr(ref, ':');
    size_t name_len = tag && !strchr(tag, '/') ? (size_t)(tag - ref) : strlen(ref);
    return arena_printf(&l->arena, "%.*s@%s", (int)name_len, ref, digest);
}

/* The engine was not asked about the pinned reference. A container that runs the recorded image shows that it
   is there, and stays as it is. */
static void note_running(struct look *l, const char *on, const char *pinned, const struct val *recorded)
{
    struct observed *o = &l->observed;
    const char *id = val_get_str(recorded, "id");
    struct object *const *objects;
    size_t i = 0, n = observed_find(o, on, &objects);
    while (i < n && !str_eq(objects[i]->image_id, id))
        i++;
    if (i == n || observed_image_for(o, on, pinned))
        return;
    const struct image_fact fact = {.ref = pinned,
                                    .target = o->n_targets ? id_target(on) : NULL,
                                    .present = true,
                                    .id = id,
                                    .digest = val_get_str(recorded, "digest")};
    arena_push(o->arena, o->images, o->n_images, o->cap_images, fact);
    observed_sort(o);
}

/* Ask for exactly the recorded image. */
static void pin(struct look *l, struct val *pins, struct resource *res, const struct val *images)
{
    const char *ref = val_get_str(res->spec, "image");
    const struct val *recorded = image_meaning(images, ref, res->id);
    const char *pinned = recorded ? pinned_reference(l, res->id, ref, recorded) : NULL;
    if (!pinned)
        return;
    struct val *pin = val_map(&l->arena);
    val_set_str(&l->arena, pin, "id", val_get_str(recorded, "id"));
    val_set_str(&l->arena, pin, "digest", val_get_str(recorded, "digest"));
    val_map_set(&l->arena, pins, res->id, pin);
    struct val *spec = val_map_copy(&l->arena, res->spec);
    val_set_str(&l->arena, spec, "image", pinned);
    res->spec = spec;
    note_running(l, res->id, pinned, recorded);
}

int rollback_pin_images(struct engine *e, struct look *l, struct err *err)
{
    struct generation g;
    int r = generation_get(e->env.store, e->config->name, l->rollback_to, &l->arena, &g, err);
    if (r < 0)
        return r;
    struct val *pins = val_map(&l->arena);
    for (size_t i = 0; i < l->bound.n; i++)
        if (!l->rollback_only || id_matches(l->rollback_only, l->bound.items[i]->id)) {
            pin(l, pins, l->bound.items[i], g.images);
            secrets_warn_rollback(l, l->bound.items[i], &g);
        }
    l->pinned = pins;
    return 0;
}
