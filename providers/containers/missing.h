#ifndef PROVIDERS_CONTAINERS_MISSING_H
#define PROVIDERS_CONTAINERS_MISSING_H
/*
 * Native names that the desired side asks for and that none of the environment's own objects has. An object
 * of such a name, if there is one, belongs to somebody else: a provider looks for it and reports it as a
 * name-sake (reconciler/plan/observed.h). Pure; one thread.
 */
#include "base/map.h"
#include "reconciler/plan/observed.h"

/* Of one resource each: schema/resource_check.c refuses a name that two ask for. */
struct missing_name {
    const char *name;
    const struct resource *resource;
    unsigned instance; /* 1-based; 0: of a kind without instances, or of a service */
};

struct missing {
    struct missing_name *items; /* in the order of the set, then of the instances */
    size_t n, cap;
    struct map by_name;
};
#define _cleanup_missing_ _cleanup_(missing_release)

/* Those of one kind. `set` is bound; `owner` is the environment. With `instances` each replica of a container
   has a name of its own; without, a container is one service. The names are in the arena; release `ret`
   before the arena. */
void missing_init(struct missing *ret, struct arena *a, const struct observed *have,
                  const struct resource_set *set, const char *owner, const struct kind_desc *kind,
                  bool instances);
void missing_release(struct missing *m);
/* NULL: not one of them. */
const struct missing_name *missing_find(const struct missing *m, const char *name);
#endif
