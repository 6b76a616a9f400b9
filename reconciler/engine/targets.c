/* Several engines: where resources go, and what becomes of records when there are more engines than before,
 * or fewer. */
#include "reconciler/engine/internal.h"

#include "base/str.h"
#include "reconciler/plan/place.h"

static struct placement placement_of(const struct env_config *c, struct arena *a)
{
    const struct target *t = c->target;
    struct placement w = {.several = t->members != NULL, .fallback = c->fallback};
    w.n = t->members ? t->n_members : 1;
    struct place_target *targets = arena_array(a, struct place_target, w.n + 1);
    for (size_t i = 0; i < w.n; i++) {
        const struct target *one = t->members ? t->members[i] : t;
        targets[i] = (struct place_target){.name = str_or(one->name, "local"), .labels = one->labels};
    }
    w.targets = targets;
    return w;
}

int targets_place(struct engine *e, const struct resource_set *in, struct arena *a, struct resource_set *ret,
                  struct diag_list *diags, const struct resource_set **ret_placed, struct err *err)
{
    struct placement w = placement_of(e->config, a);
    w.any = e->loading && e->config->no_settings;
    size_t errors = diags->errors;
    *ret_placed = place_set(in, &w, a, ret, diags);
    errors = diags->errors - errors;
    if (!errors)
        return 0;
    diag_sort(diags);
    return err_set(err, ERR_INVALID, "environment %s: %zu %s in its manifests", e->config->name, errors,
                   errors == 1 ? "error" : "errors");
}

const char *const *targets_swarms(const struct engine *e, struct arena *a)
{
    const struct target *t = e->config->target;
    size_t n = 0;
    const char **names = arena_array(a, const char *, t->n_members + 2);
    if (!t->members && target_is_swarm(t))
        names[n++] = "";
    for (size_t i = 0; t->members && i < t->n_members; i++)
        if (target_is_swarm(t->members[i]))
            names[n++] = str_or(t->members[i]->name, "local");
    names[n] = NULL;
    return names;
}

void targets_stand_in(struct engine *e, struct look *l)
{
    const struct target *t = e->config->target;
    l->observed.targets = arena_array(&l->arena, struct observed_target, t->n_members + 1);
    l->observed.n_targets = t->n_members;
    for (size_t i = 0; i < t->n_members; i++)
        l->observed.targets[i] =
            (struct observed_target){.name = t->members[i]->name, .caps = l->observed.caps};
}

/* ---- records ---- */

/* The id that the object of a record from the time of one engine has now; NULL: it is not there, or there are
   several that it might be. */
static const char *found_on(const struct look *l, const struct applied *rec)
{
    const char *found = NULL;
    bool several = false;
    for (size_t i = 0; i < l->observed.n; i++) {
        const struct object *o = l->observed.items[i];
        if (!id_matches(rec->id, o->id) || !o->owner)
            continue;
        if (str_eq(o->native_id, rec->baseline_id))
            return o->id;
        several |= found && !str_eq(found, o->id);
        found = o->id;
    }
    return several ? NULL : found;
}

/* The id that a record should have; NULL: the one that it has. */
static const char *new_id(struct engine *e, struct look *l, const struct applied *rec)
{
    const struct target *t = e->config->target;
    const char *target = id_target(rec->id);
    const char *id = NULL;
    if (t->members && !target)
        id = found_on(l, rec);
    else if (!t->members && target && str_eq(target, str_or(t->name, "local")))
        id = id_plain(&l->arena, rec->id);
    return id && !inventory_find(&l->inventory, id) ? id : NULL;
}

void targets_follow(struct engine *e, struct look *l)
{
    struct inventory *inv = &l->inventory;
    bool any = false;
    for (size_t i = 0; i < inv->n && !l->scope; i++) {
        const char *id = new_id(e, l, inv->items[i]);
        if (!id)
            continue;
        struct applied *rec = arena_memdup(&l->arena, inv->items[i], sizeof(*rec));
        arena_push(&l->arena, l->renamed, l->n_renamed, l->cap_renamed, rec->id);
        arena_push(&l->arena, l->renamed, l->n_renamed, l->cap_renamed, id);
        rec->id = id;
        inv->items[i] = rec;
        any = true;
    }
    if (any)
        inventory_sort(inv);
}

int targets_record(struct engine *e, struct look *l, struct err *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->n_renamed; i += 2) {
        const struct applied *rec = inventory_find(&l->inventory, l->renamed[i + 1]);
        if (rec)
            r = inventory_save(e->env.store, e->config->name, rec, err);
        if (r == 0)
            r = inventory_drop(e->env.store, e->config->name, l->renamed[i], err);
    }
    l->n_renamed = 0;
    return r;
}
