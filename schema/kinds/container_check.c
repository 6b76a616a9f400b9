/* Container: its dependencies, and the checks of its parts against each other and the rest of the set. */
#include "schema/kinds/container_internal.h"

#include "base/str.h"

static enum depend_condition condition_of(const struct val *dependency)
{
    const char *text = val_get_str(dependency, "condition");
    if (str_eq(text, "healthy"))
        return DEPEND_HEALTHY;
    return str_eq(text, "completed") ? DEPEND_COMPLETED : DEPEND_STARTED;
}

/* The fields that dependencies and checks use, found in one pass: like the keys of a spec, these are
   sorted. */
enum {
    V_CONFIGS,
    V_CONTAINER_NAME,
    V_DEPENDS_ON,
    V_IMAGE,
    V_IPC,
    V_NETWORK_MODE,
    V_NETWORKS,
    V_PID,
    V_PORTS,
    V_REPLICAS,
    V_SECRETS,
    V_TMPFS,
    V_VOLUMES,
    V_END,
};
static const char *const view_names[V_END] = {
    "configs", "container_name", "depends_on", "image",   "ipc",   "network_mode", "networks",
    "pid",     "ports",          "replicas",   "secrets", "tmpfs", "volumes",
};

struct view {
    const struct val *of[V_END]; /* NULL: absent */
};

static void view_make(struct view *view, const struct val *spec)
{
    size_t k = 0;
    *view = (struct view){0};
    for (size_t i = 0; i < spec->len && k < V_END; i++) {
        int order = 0;
        while (k < V_END && (order = strcmp(view_names[k], spec->pairs[i].key)) < 0)
            k++;
        if (k < V_END && order == 0)
            view->of[k++] = spec->pairs[i].val;
    }
}

/* LEFT, "/" or ".", RIGHT; called several times for each container. */
static const char *joined(struct arena *a, const char *left, char joint, const char *right)
{
    char few[128];
    size_t n = strlen(left);
    size_t m = strlen(right);
    bool fits = n + m + 2 <= sizeof(few);
    char *out = fits ? few : arena_bytes(a, n + m + 2);
    char *end = mempcpy(out, left, n);
    *end++ = joint;
    mempcpy(end, right, m + 1);
    return fits ? arena_word(a, few, n + m + 1) : out;
}

static void depend_on_sources(struct resource *r, struct arena *a, const struct val *map, const char *field,
                              const char *prefix)
{
    for (size_t i = 0; val_is(map, VAL_MAP) && i < map->len; i++) {
        const struct val *item = map->pairs[i].val;
        const char *source = val_get_str(item, "source");
        if (source && (prefix[0] != 'v' || str_eq(val_get_str(item, "type"), "volume")))
            resource_depend(r, a, joined(a, prefix, '/', source), DEPEND_STARTED, true,
                            joined(a, field, '.', map->pairs[i].key));
    }
}

void container_depends(struct resource *r, struct arena *a)
{
    struct view v;
    view_make(&v, r->spec);
    const struct val *map = v.of[V_DEPENDS_ON];
    const struct val *networks = v.of[V_NETWORKS];
    resource_depend_reserve(r, a,
                            val_len(map) + val_len(networks) + val_len(v.of[V_VOLUMES]) +
                                val_len(v.of[V_CONFIGS]) + val_len(v.of[V_SECRETS]));
    for (size_t i = 0; val_is(map, VAL_MAP) && i < map->len; i++) {
        const struct val_pair *pair = &map->pairs[i];
        resource_depend(r, a, joined(a, "container", '/', pair->key), condition_of(pair->val),
                        val_get_bool(pair->val, "required", true), joined(a, "depends_on", '.', pair->key));
    }
    static const int joins[] = {V_NETWORK_MODE, V_PID, V_IPC};
    for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
        const struct val *join = v.of[joins[i]];
        if (val_is(join, VAL_STR) && str_starts(join->s, "container/"))
            resource_depend(r, a, join->s, DEPEND_STARTED, true, view_names[joins[i]]);
    }
    for (size_t i = 0; val_is(networks, VAL_MAP) && i < networks->len; i++) {
        const char *name = networks->pairs[i].key;
        resource_depend(r, a, joined(a, "network", '/', name), DEPEND_STARTED, strcmp(name, "default") != 0,
                        joined(a, "networks", '.', name));
    }
    depend_on_sources(r, a, v.of[V_VOLUMES], "volumes", "volume");
    depend_on_sources(r, a, v.of[V_CONFIGS], "configs", "config");
    depend_on_sources(r, a, v.of[V_SECRETS], "secrets", "secret");
}

static bool has_fixed_address(const struct val *attachment)
{
    return val_len(attachment) &&
           (val_get(attachment, "ipv4_address") || val_get(attachment, "ipv6_address"));
}

static void check_networks(const struct resource *r, const struct view *v, const struct resource_set *set,
                           struct diag_list *diags)
{
    const struct val *networks = v->of[V_NETWORKS];
    const struct val *mode = v->of[V_NETWORK_MODE];
    const char *text = val_is(mode, VAL_STR) ? mode->s : NULL;
    if (mode && val_len(networks))
        resource_error_hint(set, r, mode, diags, "set only one of them",
                            "network_mode and networks cannot be combined");
    bool own =
        !text || (!str_eq(text, "host") && !str_eq(text, "none") && !strchr(text, ':') && !strchr(text, '/'));
    if (!own && val_len(v->of[V_PORTS]))
        resource_error_hint(
            set, r, v->of[V_PORTS], diags,
            "remove ports; with network_mode host the container uses the host's ports directly",
            "ports cannot be published with network_mode %s", text);
    for (size_t i = 0; i < val_len(networks); i++) {
        const struct val_pair *pair = &networks->pairs[i];
        if (!has_fixed_address(pair->val))
            continue;
        const struct resource *network = resource_find(set, joined(set->arena, "network", '/', pair->key));
        if (network && !network->partial && !val_get_bool(network->spec, "external", false) &&
            !val_len(val_path(network->spec, "ipam.config")))
            resource_error_hint(set, r, pair->val, diags,
                                "set ipam on the Network: {config: [{subnet: 10.7.0.0/24}]}",
                                "a fixed address needs a subnet, and network/%s has none", pair->key);
    }
}

/* Replicas share a spec: anything that only one object can have is wrong with two or more of them. */
static void check_replicas(const struct resource *r, const struct view *v, const struct resource_set *set,
                           struct diag_list *diags)
{
    int64_t replicas = val_is(v->of[V_REPLICAS], VAL_INT) ? v->of[V_REPLICAS]->i : 1;
    if (replicas < 2)
        return;
    const struct val *name = v->of[V_CONTAINER_NAME];
    if (name)
        resource_error_hint(set, r, name, diags, "remove container_name, or replicas",
                            "%lld replicas cannot all be named \"%s\"", (long long)replicas, name->s);
    const struct val *networks = v->of[V_NETWORKS];
    for (size_t i = 0; i < val_len(networks); i++)
        if (has_fixed_address(networks->pairs[i].val))
            resource_error_hint(set, r, networks->pairs[i].val, diags, "remove the address, or replicas",
                                "%lld replicas cannot share one address on network/%s", (long long)replicas,
                                networks->pairs[i].key);
    /* With `deploy` the container is meant for a swarm, with several nodes and one port for all of them. */
    const struct val *ports = val_get(r->spec, "deploy") ? NULL : v->of[V_PORTS];
    for (size_t i = 0; i < val_len(ports); i++) {
        const struct val *port = ports->pairs[i].val;
        int64_t first = val_get_int(port, "published", 0);
        int64_t last = val_get_int(port, "published_end", first);
        if (first && last - first + 1 < replicas)
            resource_warning_hint(
                set, r, port, diags,
                "publish a range of host ports (\"8080-8089:80\"), or leave out the host port",
                "%lld replicas cannot all publish %s on one engine", (long long)replicas,
                ports->pairs[i].key);
    }
}

/* Two mounts at one path in the container: the later one would hide the earlier one. */
static void check_places(const struct resource *r, const struct view *v, const struct resource_set *set,
                         struct diag_list *diags)
{
    static const int fields[] = {V_VOLUMES, V_TMPFS, V_CONFIGS, V_SECRETS};
    for (size_t i = 1; i < ARRAY_LEN(fields); i++) {
        const struct val *map = v->of[fields[i]];
        for (size_t k = 0; k < val_len(map); k++)
            for (size_t j = 0; j < i; j++)
                if (val_get(v->of[fields[j]], map->pairs[k].key))
                    resource_error(set, r, map->pairs[k].val, diags, "%s and %s both mount something at %s",
                                   view_names[fields[j]], view_names[fields[i]], map->pairs[k].key);
    }
}

static bool has_no_check(const struct resource *container)
{
    const struct val *test = val_path(container->spec, "healthcheck.test");
    return val_is(test, VAL_LIST) && test->len && str_eq(test->items[0]->s, "NONE");
}

static void check_dependencies(const struct resource *r, const struct resource_set *set,
                               struct diag_list *diags)
{
    for (size_t i = 0; i < r->n_depends; i++) {
        const struct depend *dep = &r->depends[i];
        const struct resource *on = resource_find(set, dep->id);
        if (!on && dep->required)
            resource_missing(set, r, resource_depend_place(r, dep), diags, dep->id, dep->field);
        if (on && dep->condition == DEPEND_HEALTHY && has_no_check(on))
            resource_error_hint(set, r, resource_depend_place(r, dep), diags,
                                "wait for started, or give it a health check",
                                "%s can never be healthy: its health check is disabled", on->id);
    }
}

void container_check(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    struct view v;
    view_make(&v, r->spec);
    if (!v.of[V_IMAGE] && !r->partial)
        resource_error_hint(set, r, r->spec, diags, "for example: image: nginx:1.27", "\"image\" is missing");
    check_dependencies(r, set, diags);
    check_networks(r, &v, set, diags);
    check_replicas(r, &v, set, diags);
    check_places(r, &v, set, diags);
}
