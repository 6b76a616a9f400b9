#ifndef TESTS_PLAN_WORLD_H
#define TESTS_PLAN_WORLD_H
/*
 * A small engine in memory, for tests of the planner: objects as a provider would report them, records as
 * the store would keep them, and the effects of steps on both. It is as strict as real engines: a container
 * cannot be created before its networks, two containers cannot have the same port or name, a volume in use
 * cannot be removed. So a plan with a wrong order fails here.
 */
#include "reconciler/plan/bind.h"
#include "reconciler/plan/plan.h"
#include "reconciler/plan/steps.h"

#define WORLD_ALL_CAPS CAPS_CONTAINERS

#define WORLD_SWARM_CAPS                                                                                  \
    (CAP_SERVICES | CAP_HEALTHCHECK | CAP_COPY_INTO | CAP_LIMITS | CAP_SWAP_UNLIMITED | CAP_PORT_CHOICE | \
     CAP_DOMAINNAME | CAP_DEVICE_REQUESTS | CAP_ENDPOINT_MORE | CAP_REMOTE_DIGEST | CAP_INIT_SHARED)

struct world {
    struct arena *arena;
    const char *environment;
    unsigned caps;
    struct object **items;
    size_t n, cap;
    struct inventory inventory;
    struct image_fact *images;
    size_t n_images, cap_images;
    uint64_t generation;
    int64_t now_ns; /* advances with each step */
    unsigned next_id;
    long steps_left; /* steps until the run is killed; negative: never */
    long fail_step;  /* steps until one fails; negative: never */
    bool killed;
    /* Ids of changes that a kill interrupted, NULL-terminated: what the journal would tell. */
    const char **under_way;
    size_t n_under_way, cap_under_way;
    size_t steps, failures;
};

void plan_world_init(struct world *w, struct arena *a, const char *environment);
/* The spec that an engine would report for an object created from r, in sync. */
struct val *world_spec(struct arena *a, const struct resource *r);
/* Add an object created from r, in sync and running. */
struct object *world_object(struct world *w, const struct resource *r, unsigned instance, bool candidate);
void world_drop(struct world *w, const struct object *o);
struct object *world_find(struct world *w, const char *id, unsigned instance, bool candidate);
struct object *world_named(struct world *w, const struct kind_desc *kind, const char *native_name);
/* Add objects and records for all resources of a bound set; their images are present. */
void world_settle(struct world *w, const struct resource_set *set);
struct applied *world_record(struct world *w, const struct resource *r);
/* "sha256:...", a stable id derived from a text. */
const char *world_image_id(struct arena *a, const char *text);
void world_image(struct world *w, const char *ref, const char *id);

/* The state as a provider would report it, in the caller's arena. */
void world_observe(const struct world *w, struct arena *a, struct observed *ret);
/* Run a plan as the executor would. Failed steps are counted in w->failures. */
void world_run(struct world *w, const struct plan *p);
int world_step(struct world *w, const struct step *s, struct err *err);
#endif
