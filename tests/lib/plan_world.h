#ifndef TESTS_PLAN_WORLD_H
#define TESTS_PLAN_WORLD_H
/*
 * A small engine in memory, for tests of the planner: objects as a provider would report them, records as the
 * store would keep them, and what steps do to both. It is strict where real engines are: a container cannot
 * be made before its networks, two cannot have one port or name, a volume in use cannot be removed. So a plan
 * in the wrong order fails here.
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
    int64_t now_ns; /* moves with each step */
    unsigned next_id;
    long steps_left; /* killed when none is left; negative: for ever */
    long fail_step;  /* this many steps from now one fails; negative: none */
    bool killed;
    /* Ids of changes that a kill cut short, NULL-terminated: what a journal would know. */
    const char **under_way;
    size_t n_under_way, cap_under_way;
    size_t steps, failures;
};

void plan_world_init(struct world *w, struct arena *a, const char *environment);
/* What an engine reports of an object that was made from this spec and is right. */
struct val *world_spec(struct arena *a, const struct resource *r);
/* An object that is right and runs, as made from r; added. */
struct object *world_object(struct world *w, const struct resource *r, unsigned instance, bool candidate);
void world_drop(struct world *w, const struct object *o);
struct object *world_find(struct world *w, const char *id, unsigned instance, bool candidate);
struct object *world_named(struct world *w, const struct kind_desc *kind, const char *native_name);
/* Objects for all of a bound set, and records of them; images are present. */
void world_settle(struct world *w, const struct resource_set *set);
struct applied *world_record(struct world *w, const struct resource *r);
/* "sha256:..." made of a text: a stable id. */
const char *world_image_id(struct arena *a, const char *text);
void world_image(struct world *w, const char *ref, const char *id);

/* As a provider reports it, in an arena of the caller. */
void world_observe(const struct world *w, struct arena *a, struct observed *ret);
/* Run a plan as the executor would. Counts what failed in w->failures. */
void world_run(struct world *w, const struct plan *p);
int world_step(struct world *w, const struct step *s, struct err *err);
#endif
