/*
 * A plan between two commits: the older one stands in for the engine, as if it had been applied and were
 * running well. No engine is asked.
 */
#include "reconciler/engine/internal.h"

#include "reconciler/plan/bind.h"

static unsigned instances_of(const struct resource *r)
{
    if (!(r->kind->flags & KIND_INSTANCES))
        return 0;
    return (unsigned)val_get_int(r->spec, "replicas", 1);
}

static void stand_in(struct engine *e, struct look *l, const struct resource *r, unsigned instance)
{
    struct object *o = observed_add(&l->observed);
    o->id = r->id;
    o->kind = r->kind;
    o->instance = instance;
    o->owner = e->config->name;
    o->native_name = bind_native_name(&l->observed_arena, e->config->name, r, instance);
    o->native_id = o->native_name;
    o->spec_digest = bind_spec_mark(&l->observed_arena, r);
    o->state = instance ? OBJECT_RUNNING : OBJECT_PRESENT;
    o->spec = r->spec;
}

static void stand_in_all(struct engine *e, struct look *l, const struct resource_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct resource *r = set->items[i];
        if (r->kind->flags & (KIND_VIRTUAL | KIND_META))
            continue;
        unsigned n = instances_of(r);
        for (unsigned k = n ? 1 : 0; k <= n; k++)
            stand_in(e, l, r, k);
        struct applied *a = arena_new(&l->arena, struct applied);
        a->id = r->id;
        a->spec = a->baseline = r->spec;
        a->labels = r->labels;
        inventory_add(&l->inventory, a);
    }
    observed_sort(&l->observed);
    inventory_sort(&l->inventory);
    /* Whatever a commit can ask for can be compared; what an engine can do is another question. */
    l->observed.caps = ~0u & ~CAP_SERVICES;
    l->observed.engine = "comparison";
}

int look_against(struct engine *e, const char *rev, struct look *l, struct err *err)
{
    struct snapshot *snap = NULL;
    int r = source_snapshot(e->source, rev, &snap, err);
    if (r < 0)
        return err_wrap(err, "environment %s", e->config->name);
    struct resource_set set, bound, own = {0};
    const struct resource_set *placed;
    struct load_stats stats = {0};
    resource_set_init(&set, &l->arena);
    resource_set_init(&bound, &l->arena);
    r = look_load(e, snap, snapshot_info(snap), l->known, &l->arena, &set, &l->diags, &stats, err);
    if (r == 0 && l->diags.errors)
        r = err_set(err, ERR_INVALID, "environment %s: revision %s has %zu errors in its manifests",
                    e->config->name, rev, l->diags.errors);
    if (r == 0)
        r = targets_place(e, &set, &l->arena, &own, &l->diags, &placed, err);
    if (r == 0)
        r = bind_set(placed, e->config->name, targets_swarms(e, &l->arena), &l->arena, &bound, err);
    if (r == 0) {
        l->inventory.arena = &l->arena;
        stand_in_all(e, l, &bound);
        targets_stand_in(e, l);
    }
    resource_set_release(&own);
    resource_set_release(&set);
    resource_set_release(&bound);
    snapshot_free(snap);
    return r;
}
