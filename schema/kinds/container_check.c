/* Container: what it depends on, and whether its parts and the rest of the set fit it. */
#include "schema/kinds/container_internal.h"

#include "base/str.h"

/* Namespaces that may be another container's. */
static const char *const joins[] = {"network_mode", "pid", "ipc"};

static enum depend_condition condition_of(const struct val *dependency)
{
    const char *text = val_get_str(dependency, "condition");
    if (str_eq(text, "healthy"))
        return DEPEND_HEALTHY;
    return str_eq(text, "completed") ? DEPEND_COMPLETED : DEPEND_STARTED;
}

static void depend_on_sources(struct resource *r, struct arena *a, const char *field, const char *prefix)
{
    const struct val *map = val_get(r->spec, field);
    for (size_t i = 0; val_is(map, VAL_MAP) && i < map->len; i++) {
        const struct val *item = map->pairs[i].val;
        const char *source = val_get_str(item, "source");
        if (!source || (str_eq(prefix, "volume") && !str_eq(val_get_str(item, "type"), "volume")))
            continue;
        resource_depend(r, a, arena_printf(a, "%s/%s", prefix, source), DEPEND_STARTED, true,
                        arena_printf(a, "%s.%s", field, map->pairs[i].key));
    }
}

void container_depends(struct resource *r, struct arena *a)
{
    const struct val *map = val_get(r->spec, "depends_on");
    for (size_t i = 0; val_is(map, VAL_MAP) && i < map->len; i++) {
        const struct val_pair *pair = &map->pairs[i];
        resource_depend(r, a, arena_printf(a, "container/%s", pair->key), condition_of(pair->val),
                        val_get_bool(pair->val, "required", true),
                        arena_printf(a, "depends_on.%s", pair->key));
    }
    for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
        const char *joined = val_get_str(r->spec, joins[i]);
        if (joined && str_starts(joined, "container/"))
            resource_depend(r, a, joined, DEPEND_STARTED, true, joins[i]);
    }
    map = val_get(r->spec, "networks");
    for (size_t i = 0; val_is(map, VAL_MAP) && i < map->len; i++)
        resource_depend(r, a, arena_printf(a, "network/%s", map->pairs[i].key), DEPEND_STARTED,
                        !str_eq(map->pairs[i].key, "default"),
                        arena_printf(a, "networks.%s", map->pairs[i].key));
    depend_on_sources(r, a, "volumes", "volume");
    depend_on_sources(r, a, "configs", "config");
    depend_on_sources(r, a, "secrets", "secret");
}

static void check_networks(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    const struct val *networks = val_get(r->spec, "networks");
    const struct val *mode = val_get(r->spec, "network_mode");
    if (mode && val_len(networks))
        resource_error_hint(set, r, mode, diags, "write one of them",
                            "network_mode and networks exclude each other");
    const char *text = val_get_str(r->spec, "network_mode");
    bool own =
        !text || (!str_eq(text, "host") && !str_eq(text, "none") && !strchr(text, ':') && !strchr(text, '/'));
    if (!own && val_len(val_get(r->spec, "ports")))
        resource_error_hint(set, r, val_get(r->spec, "ports"), diags,
                            "remove ports; with network_mode host every port is the host's already",
                            "ports cannot be published with network_mode %s", text);
    for (size_t i = 0; i < val_len(networks); i++) {
        const struct val_pair *pair = &networks->pairs[i];
        bool fixed = val_get(pair->val, "ipv4_address") || val_get(pair->val, "ipv6_address");
        const struct resource *network =
            resource_find(set, arena_printf(set->arena, "network/%s", pair->key));
        if (fixed && network && !val_get_bool(network->spec, "external", false) &&
            !val_len(val_path(network->spec, "ipam.config")))
            resource_error_hint(set, r, pair->val, diags,
                                "give the Network ipam: {config: [{subnet: 10.7.0.0/24}]}",
                                "a fixed address needs a subnet, and network/%s has none", pair->key);
    }
}

/* Replicas share a spec, so what only one object can have excludes a second. */
static void check_replicas(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    int64_t replicas = val_get_int(r->spec, "replicas", 1);
    if (replicas < 2)
        return;
    const struct val *name = val_get(r->spec, "container_name");
    if (name)
        resource_error_hint(set, r, name, diags, "remove container_name, or replicas",
                            "%lld replicas cannot all be called \"%s\"", (long long)replicas, name->s);
    const struct val *networks = val_get(r->spec, "networks");
    for (size_t i = 0; i < val_len(networks); i++)
        if (val_get(networks->pairs[i].val, "ipv4_address") ||
            val_get(networks->pairs[i].val, "ipv6_address"))
            resource_error_hint(set, r, networks->pairs[i].val, diags, "remove the address, or replicas",
                                "%lld replicas cannot all have one address on network/%s",
                                (long long)replicas, networks->pairs[i].key);
    const struct val *ports = val_get(r->spec, "ports");
    for (size_t i = 0; i < val_len(ports); i++) {
        const struct val *port = ports->pairs[i].val;
        int64_t first = val_get_int(port, "published", 0);
        int64_t last = val_get_int(port, "published_end", first);
        if (first && last - first + 1 < replicas)
            resource_warning_hint(
                set, r, port, diags,
                "publish a range of the host (\"8080-8089:80\"), or leave the host's port out",
                "%lld replicas cannot all publish %s on one engine", (long long)replicas,
                ports->pairs[i].key);
    }
}

/* Two things in one place of the container's files: the later mount would hide the earlier one. */
static void check_places(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    static const char *const fields[] = {"volumes", "tmpfs", "configs", "secrets"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct val *map = val_get(r->spec, fields[i]);
        for (size_t k = 0; k < val_len(map); k++)
            for (size_t j = 0; j < i; j++)
                if (val_get(val_get(r->spec, fields[j]), map->pairs[k].key))
                    resource_error(set, r, map->pairs[k].val, diags,
                                   "%s and %s both have something in the place %s", fields[j], fields[i],
                                   map->pairs[k].key);
    }
}

static void check_dependencies(const struct resource *r, const struct resource_set *set,
                               struct diag_list *diags)
{
    for (size_t i = 0; i < r->n_depends; i++) {
        const struct depend *dep = &r->depends[i];
        const struct resource *on = resource_find(set, dep->id);
        const struct val *place = resource_depend_place(r, dep);
        if (!on && dep->required)
            resource_missing(set, r, place, diags, dep->id, dep->field);
        if (!on || on->kind != &kind_container)
            continue;
        const char *test = NULL;
        const struct val *tests = val_path(on->spec, "healthcheck.test");
        if (val_len(tests))
            test = tests->items[0]->s;
        if (dep->condition == DEPEND_HEALTHY && str_eq(test, "NONE"))
            resource_error_hint(set, r, place, diags, "wait for started, or give it a check",
                                "%s can never be healthy: its health check is switched off", on->id);
    }
}

void container_check(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    if (!val_get(r->spec, "image"))
        resource_error_hint(set, r, r->spec, diags, "for example: image: nginx:1.27", "\"image\" is missing");
    check_dependencies(r, set, diags);
    check_networks(r, set, diags);
    check_replicas(r, set, diags);
    check_places(r, set, diags);
}
