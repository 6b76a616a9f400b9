#ifndef PROVIDERS_CONTAINERS_MISSING_H
#define PROVIDERS_CONTAINERS_MISSING_H
/*
 * Native names that the desired state asks for and that none of the environment's own objects has. If an
 * object of such a name exists, it belongs to somebody else: a provider looks for it and reports it as a
 * name-sake (reconciler/plan/observed.h). Pure; one thread.
 */
#include "base/map.h"
#include "reconciler/plan/observed.h"

/* Each belongs to one resource: schema/resource_check.c rejects a name that two ask for. */
struct missing_name {
    const char *name;
    const struct resource *resource;
    unsigned instance; /* 1-based; 0: a kind without instances, or a service */
};

struct missing {
    struct missing_name *items; /* in the order of the set, then by instance */
    size_t n, cap;
    struct map by_name;
};
#define _cleanup_missing_ _cleanup_(missing_release)

/* The missing names of one kind. `set` is bound; `owner` is the environment. With `instances` each replica of
   a container has a name of its own; without, a container is one service. The names live in the arena;
   release `ret` before the arena. */
void missing_init(struct missing *ret, struct arena *a, const struct observed *have,
                  const struct resource_set *set, const char *owner, const struct kind_desc *kind,
                  bool instances);
void missing_release(struct missing *m);
/* NULL: the name is not one of them. */
const struct missing_name *missing_find(const struct missing *m, const char *name);
#endif
