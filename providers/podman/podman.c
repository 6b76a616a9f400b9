/* The dialect: which requests are used, and what Podman can do. */
#include "providers/podman/podman.h"

#include "base/clock.h"
#include "base/str.h"
#include "providers/docker/docker.h"

static unsigned caps(unsigned api, const struct engine_facts *facts)
{
    /* Rootless Podman cannot set limits on cgroup v1. */
    const unsigned limits = facts && facts->rootless && !facts->cgroup2 ? 0 : CAP_LIMITS;
    (void)api;
    /* No CAP_LIVE_UPDATE: limits can be changed (POST /libpod/containers/ID/update), but Podman does not
       report the new values, so drift could not be detected. */
    return CAP_NETWORK_CONNECT | CAP_RENAME | CAP_HEALTHCHECK | CAP_COPY_INTO | CAP_COPY_READ_ONLY |
           CAP_ANNOTATIONS | limits;
}

/*
 * Podman takes a quarter of a second or more to describe itself: it asks all its helpers for their versions,
 * and the package manager for theirs. The facts are only needed for fields that a spec has: of our own
 * containers, fields that are not asked for are not in the mark, and so are compared with nothing.
 */
static bool wants_facts(const struct val *spec)
{
    static const char *const fields[] = {"resources", "logging", "runtime", "cgroup"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (val_get(spec, fields[i]))
            return true;
    return str_eq(val_get_str(spec, "network_mode"), "host"); /* needs the host's name */
}

static int create(struct arena *a, const struct create_request *rq, const char **ret_path, json_t **ret_body,
                  struct err *err)
{
    (void)a;
    *ret_path = "/libpod/containers/create";
    return podman_write(a, rq, ret_body, err);
}

/*
 * Podman's own API does not create host paths to be mounted, but its Docker API creates the paths in Binds
 * (cmd/podman/common, ContainerCreateToContainerCLIOpts): so create a container there, and remove it at once.
 */
static bool make_host_paths(struct act *t, const struct val *spec)
{
    const struct val *volumes = val_get(spec, "volumes");
    struct err ignored = {0};
    json_t *binds = json_array();
    for (size_t i = 0; i < val_len(volumes); i++) {
        const struct val *rec = volumes->pairs[i].val;
        if (str_eq(val_get_str(rec, "type"), "bind") && val_get_bool(rec, "create_host_path", true))
            json_array_append_new(
                binds, json_string(arena_printf(t->arena, "%s:%s", str_or(val_get_str(rec, "source"), ""),
                                                volumes->pairs[i].key)));
    }
    if (json_array_size(binds) == 0) {
        json_decref(binds);
        return false;
    }
    _cleanup_json_ json_t *answer = NULL;
    json_t *body = json_pack("{s:s, s:{s:o}}", "Image", str_or(val_get_str(spec, "image"), ""), "HostConfig",
                             "Binds", binds);
    int r = docker_json(
        t->d,
        &(struct ask){.method = "POST", .path = "/containers/create", .body = body, .cancel = act_cancel(t)},
        &answer, NULL, &ignored);
    const char *id = json_string_value(json_object_get(answer, "Id"));
    if (r < 0 || !id)
        return false;
    (void)!docker_json(
        t->d,
        &(struct ask){.method = "DELETE", .path = docker_path(t->arena, "/containers/", id, "?v=1&force=1")},
        NULL, NULL, &ignored);
    return true;
}

static bool mend(struct act *t, const struct val *spec, const struct err *err)
{
    return err->code == ERR_NOTFOUND && strstr(err->msg, "statfs ") && make_host_paths(t, spec);
}

/* Converts an entry of Podman's own listing, used because its Docker API inspects every container of the
   engine for each network. */
static json_t *network(json_t *entry)
{
    static const struct {
        const char *podman, *docker;
    } members[] = {{"id", "Id"},           {"name", "Name"},         {"driver", "Driver"},
                   {"created", "Created"}, {"internal", "Internal"}, {"ipv6_enabled", "EnableIPv6"},
                   {"labels", "Labels"},   {"options", "Options"}};
    static const struct {
        const char *podman, *docker;
    } subnets[] = {{"subnet", "Subnet"}, {"gateway", "Gateway"}};
    json_t *o = json_object(), *list = json_array(), *item;
    size_t i;
    for (size_t k = 0; k < ARRAY_LEN(members); k++)
        if (json_object_get(entry, members[k].podman))
            json_object_set(o, members[k].docker, json_object_get(entry, members[k].podman));
    json_array_foreach(json_object_get(entry, "subnets"), i, item)
    {
        json_t *one = json_object();
        for (size_t k = 0; k < ARRAY_LEN(subnets); k++)
            if (json_object_get(item, subnets[k].podman))
                json_object_set(one, subnets[k].docker, json_object_get(item, subnets[k].podman));
        json_array_append_new(list, one);
    }
    json_object_set_new(o, "IPAM", json_pack("{s:s, s:o}", "Driver", "default", "Config", list));
    return o;
}

const struct dialect dialect_podman = {
    .name = "podman",
    .list_containers = "/libpod/containers/json?all=true",
    .list_networks = "/libpod/networks/json?",
    .network = network,
    .joins_at_create = true,
    .copies_into_read_only = true,
    .keeps_asked = true,
    .bridge = PODMAN_BRIDGE,
    .images = "/libpod/images/",
    .facts_age_ns = 24 * 3600 * NS_PER_S,
    .wants_facts = wants_facts,
    .caps = caps,
    .read = podman_read,
    .defaults = podman_defaults,
    .create = create,
    .mend = mend,
    .mend_removal = podman_take_dependents,
    .check_health = podman_check_health,
};
