/* Desired state from a recorded generation instead of from a commit (H2). */
#include "reconciler/engine/internal.h"

#include "base/str.h"

static int add_recorded(struct look *l, struct resource_set *set, const struct val *record, struct err *err)
{
    struct resource *r;
    int rc = resource_from_val(&l->arena, record, &r, err);
    if (rc < 0)
        return rc;
    resource_set_add(set, r);
    return 0;
}

/* Everything the generation asked for. */
static int restore_all(struct look *l, const struct generation *g, struct err *err)
{
    resource_set_release(&l->desired);
    resource_set_init(&l->desired, &l->arena);
    for (size_t i = 0; i < val_len(g->resources); i++) {
        int r = add_recorded(l, &l->desired, g->resources->pairs[i].val, err);
        if (r < 0)
            return r;
    }
    resource_set_sort(&l->desired);
    return 0;
}

/* All that was applied last, but `id` as the older generation had it (or not at all, when it had none). What
   the repository asks for by now is not applied along with it. */
static int restore_one(struct look *l, const struct generation *last, const struct generation *g,
                       const char *id, struct err *err)
{
    const struct val *record = val_get(g->resources, id);
    if (!record && !val_get(last->resources, id))
        return err_set(err, ERR_NOTFOUND, "neither generation %llu nor the newest, %llu, has %s",
                       (unsigned long long)g->number, (unsigned long long)last->number, id);
    struct generation mixed = *last;
    struct val *resources = val_map_copy(&l->arena, last->resources);
    val_map_del(resources, id);
    if (record)
        val_map_set(&l->arena, resources, id, val_clone(&l->arena, record));
    mixed.resources = resources;
    return restore_all(l, &mixed, err);
}

static int whole_generation(struct engine *e, struct look *l, uint64_t number, struct generation *ret,
                            struct err *err)
{
    int r = generation_get(e->env.store, e->config->name, number, &l->arena, ret, err);
    if (r == ERR_NOTFOUND)
        return err_hint(err, "`forge-ctl history` lists the generations that are kept");
    if (r == 0 && !ret->resources)
        r = err_set(err, ERR_CORRUPT, "generation %llu of environment %s has no resources",
                    (unsigned long long)number, e->config->name);
    return r;
}

int look_rollback(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct generation g, last;
    if (o->rollback_only && id_target(o->rollback_only)) {
        err_set(err, ERR_UNSUPPORTED,
                "%s names one of several engines, but a resource is rolled back on all of them",
                o->rollback_only);
        return err_hint(err, "write %s", id_plain(&l->arena, o->rollback_only));
    }
    int r = whole_generation(e, l, l->rollback_to, &g, err);
    if (r == 0 && o->rollback_only)
        r = whole_generation(e, l, l->state.generation, &last, err);
    if (r < 0)
        return r;
    struct snapshot_info *info = arena_new(&l->arena, struct snapshot_info);
    *info = *l->info;
    l->info = info;
    if (o->rollback_only) {
        info->commit = str_or(last.commit, "");
        info->subject = str_or(last.subject, "");
        return restore_one(l, &last, &g, o->rollback_only, err);
    }
    info->commit = str_or(g.commit, "");
    info->subject = arena_printf(&l->arena, "generation %llu%s%s", (unsigned long long)g.number,
                                 g.subject ? ": " : "", str_or(g.subject, ""));
    return restore_all(l, &g, err);
}

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

/* Ask for exactly the recorded image. Its record goes with it, under the name in Git. */
static void pin(struct look *l, struct val *pins, struct resource *res, const struct val *images)
{
    const char *ref = val_get_str(res->spec, "image");
    const char *target = l->observed.n_targets ? id_target(res->id) : NULL;
    const struct val *found = image_meaning(images, ref, target);
    struct val *recorded = found ? val_clone(&l->arena, found) : NULL;
    const char *pinned = recorded ? pinned_reference(l, res->id, ref, recorded) : NULL;
    if (!pinned)
        return;
    val_map_del(recorded, "on");
    image_meaning_put(&l->arena, pins, ref, target, recorded);
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
