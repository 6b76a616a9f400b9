/* What the backends can do, for documentation and tests that have no engine. */
#include "providers/docker/docker.h"
#include "providers/swarm/swarm.h"

struct variants {
    struct arena *arena;
    struct backend_variant *items;
    size_t n, cap;
};

static void add(struct variants *v, const char *backend, const struct provider_ops *ops, const char *name,
                unsigned caps)
{
    const struct backend_variant one = {.backend = backend, .ops = ops, .name = name, .caps = caps};
    const struct backend_variant *last = v->n ? &v->items[v->n - 1] : NULL;
    if (!last || last->ops != ops || last->caps != caps)
        arena_push(v->arena, v->items, v->n, v->cap, one);
}

static const char *api_name(struct arena *a, unsigned api)
{
    return arena_printf(a, "API %u.%u", api / 1000, api % 1000);
}

const struct backend_variant *provider_variants(struct arena *a, size_t *ret_n)
{
    const struct engine_facts weak = {.rootless = true, .cgroup2 = false}, alone = {.outside_swarm = true};
    struct variants v = {.arena = a};
    for (unsigned api = API_OLDEST; api <= API_NEWEST; api++)
        add(&v, "Docker", &provider_docker, api_name(a, api), dialect_docker.caps(api, NULL));
    add(&v, "Docker", &provider_docker, "outside a swarm", dialect_docker.caps(API_NEWEST, &alone));
    add(&v, "Podman", &provider_podman, "", dialect_podman.caps(API_OLDEST, NULL));
    add(&v, "Podman", &provider_podman, "rootless on cgroup v1", dialect_podman.caps(API_OLDEST, &weak));
    for (unsigned api = API_OLDEST; api <= API_NEWEST; api++)
        add(&v, "Swarm", &provider_swarm, api_name(a, api), swarm_caps(api));
    *ret_n = v.n;
    return v.items;
}
