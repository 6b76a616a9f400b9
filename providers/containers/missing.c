/* Wanted native names that none of our objects has. */
#include "providers/containers/missing.h"

#include "reconciler/plan/bind.h"

static void map_native_names(const struct observed *o, const struct kind_desc *kind, struct map *ret)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->items[i]->kind == kind)
            map_put(ret, o->items[i]->native_name, o->items[i]);
}

void missing_init(struct missing *ret, struct arena *a, const struct observed *have,
                  const struct resource_set *set, const char *owner, const struct kind_desc *kind,
                  bool instances)
{
    _cleanup_map_ struct map there = MAP_INIT;
    *ret = (struct missing){0};
    map_native_names(have, kind, &there);
    instances = instances && kind->flags & KIND_INSTANCES;
    for (size_t i = 0; i < set->n; i++) {
        const struct resource *r = set->items[i];
        if (r->kind != kind)
            continue;
        int64_t n = instances ? val_get_int(r->spec, "replicas", 1) : 1;
        for (unsigned k = 1; k <= n; k++) {
            struct missing_name one = {.resource = r, .instance = instances ? k : 0};
            one.name = bind_native_name(a, owner, r, one.instance);
            if (!map_get(&there, one.name))
                arena_push(a, ret->items, ret->n, ret->cap, one);
        }
    }
    for (size_t i = 0; i < ret->n; i++)
        map_put(&ret->by_name, ret->items[i].name, &ret->items[i]);
}

void missing_release(struct missing *m)
{
    map_release(&m->by_name);
}

const struct missing_name *missing_find(const struct missing *m, const char *name)
{
    return map_get(&m->by_name, name);
}
