/* Reading Podman's record of a container; what the record does not show comes from MARK_ASKED. */
#include "base/str.h"
#include "providers/containers/wire.h"
#include "providers/podman/podman.h"
#include "schema/kinds/container.h"

/* Fields that are read from Podman's record, because they can change or are reported as they were asked for.
   All others are in the mark. */
static const char *const told[] = {
    "environment", "command",    "entrypoint", "labels",        "configs",    "networks",
    "user",        "hostname",   "dns",        "dns_opt",       "dns_search", "tty",
    "stdin_open",  "privileged", "read_only",  "oom_score_adj",
};

static bool is_told(const char *field)
{
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        if (str_eq(field, told[i]))
            return true;
    return false;
}

/* Is the field kept in the mark? Not if only the planner uses it, or if Podman reports it; of networks, the
   record shows only a part. */
static bool is_kept(const char *field)
{
    static const char *const virtual[] = {"pull_policy", "replicas", "container_name",
                                          "depends_on",  "update",   "profiles"};
    for (size_t i = 0; i < ARRAY_LEN(virtual); i++)
        if (str_eq(field, virtual[i]))
            return false;
    return !is_told(field) || str_eq(field, "networks");
}

struct val *podman_asked(struct arena *a, const struct val *spec)
{
    struct val *fields = val_map(a);
    for (size_t i = 0; i < val_len(spec); i++)
        if (is_kept(spec->pairs[i].key) && spec->pairs[i].val->type != VAL_NULL)
            val_map_set(a, fields, spec->pairs[i].key, spec->pairs[i].val);
    return fields;
}

/* ---- our own containers ---- */

static bool list_has(const struct val *list, const char *s)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (str_eq(list->items[i]->s, s))
            return true;
    return false;
}

/* Does the record have all aliases that were asked for, and no others? (One that equals the host name was
   left out when it was read.) */
static bool same_aliases(const struct val *have, const struct val *asked, const char *hostname)
{
    for (size_t i = 0; i < val_len(asked); i++)
        if (!list_has(have, asked->items[i]->s) && !str_eq(asked->items[i]->s, hostname))
            return false;
    for (size_t i = 0; i < val_len(have); i++)
        if (!list_has(asked, have->items[i]->s))
            return false;
    return true;
}

/* The record shows the networks and aliases, but addresses that were asked for look like assigned ones: take
   them from the mark. */
static void networks_told(struct arena *a, const struct val *asked, struct val *spec)
{
    const struct val *have = val_get(spec, "networks");
    struct val *networks = val_map(a);
    val_map_del(spec, "networks");
    if (val_get(asked, "network_mode"))
        return;
    for (size_t i = 0; i < val_len(have); i++) {
        const char *name = str_eq(have->pairs[i].key, PODMAN_BRIDGE) ? "bridge" : have->pairs[i].key;
        const struct val *want = val_get(val_get(asked, "networks"), name);
        bool same = want && same_aliases(val_get(have->pairs[i].val, "aliases"), val_get(want, "aliases"),
                                         val_get_str(spec, "hostname"));
        val_map_set(a, networks, name, same ? val_clone(a, want) : have->pairs[i].val);
    }
    if (networks->len || val_get(asked, "networks"))
        val_map_set(a, spec, "networks", networks);
}

static void ours_read(struct arena *a, const struct val *asked, struct val *spec)
{
    networks_told(a, asked, spec);
    for (const struct field *f = container_table.fields; f->name; f++) {
        if (is_told(f->name))
            continue;
        val_map_del(spec, f->name);
        if (val_get(asked, f->name))
            val_map_set(a, spec, f->name, val_clone(a, val_get(asked, f->name)));
    }
}

/* ---- other containers ---- */

/* What Podman reports when nothing was asked for. */
static const struct {
    const char *field, *value;
} usual[] = {
    {"ipc", "shareable"}, {"pid", "private"}, {"uts", "private"}, {"runtime", "oci"}, {"working_dir", "/"},
};

/* Fields whose defaults cannot be distinguished from what was asked for: containers.conf gives each container
 * some. */
static const char *const unclear[] = {"ulimits", "logging"};
/* Limits that nothing but a request gives. With --cpus Podman also reports a quota and a period; the number
   of processes has a default. */
static const char *const clear_limits[] = {"cpus",       "memory", "memory_swap", "memory_reservation",
                                           "cpu_shares", "cpuset"};
#define SHM_USUAL 65536000

static void limits_asked(struct arena *a, struct val *spec)
{
    const struct val *have = val_get(spec, "resources");
    struct val *limits = val_map(a);
    for (size_t i = 0; i < ARRAY_LEN(clear_limits); i++)
        if (val_get(have, clear_limits[i]))
            val_map_set(a, limits, clear_limits[i], val_clone(a, val_get(have, clear_limits[i])));
    val_map_del(spec, "resources");
    if (limits->len)
        val_map_set(a, spec, "resources", limits);
    if (val_get_int(spec, "shm_size", 0) == SHM_USUAL)
        val_map_del(spec, "shm_size");
    if (val_get_int(spec, "stop_grace_period", -1) == 0) /* its Docker API records 0 when none is asked for */
        val_map_del(spec, "stop_grace_period");
}

/* Podman reports the propagation of each mount. It cannot be asked for on a volume, and for a host path the
   default is reported even if nobody asked. */
static void mounts_asked(struct arena *a, struct val *spec)
{
    const struct val *have = val_get(spec, "volumes");
    struct val *volumes = val_map(a);
    for (size_t i = 0; i < val_len(have); i++) {
        struct val *rec = val_map_copy(a, have->pairs[i].val);
        if (!str_eq(val_get_str(rec, "type"), "bind") || str_eq(val_get_str(rec, "propagation"), "rprivate"))
            val_map_del(rec, "propagation");
        val_map_set(a, volumes, have->pairs[i].key, rec);
    }
    if (have)
        val_map_set(a, spec, "volumes", volumes);
}

/* Podman's default bridge is "bridge" in the canonical model. A container that is only on that, without an
   address or alias of its own, was created without asking for networks; so was one in a rootless user's
   network (slirp4netns, pasta). */
static void networks_of_others(struct arena *a, json_t *inspect, struct val *spec)
{
    const char *mode = json_text(json_object_get(inspect, "HostConfig"), "NetworkMode");
    const struct val *have = val_get(spec, "networks");
    struct val *networks = val_map(a);
    if (mode && (str_starts(mode, "slirp4netns") || str_starts(mode, "pasta"))) {
        val_map_del(spec, "networks");
        val_set_str(a, spec, "network_mode", mode);
        return;
    }
    if (!have)
        return;
    for (size_t i = 0; i < have->len; i++)
        val_map_set(a, networks, str_eq(have->pairs[i].key, PODMAN_BRIDGE) ? "bridge" : have->pairs[i].key,
                    have->pairs[i].val);
    if (networks->len == 1 && val_get(networks, "bridge") && !val_len(networks->pairs[0].val)) {
        val_map_del(spec, "networks");
        val_set_str(a, spec, "network_mode", "bridge");
        return;
    }
    val_map_set(a, spec, "networks", networks);
    val_map_del(spec, "network_mode");
}

static void others_read(struct arena *a, json_t *inspect, struct val *spec)
{
    const char *canonical;
    struct err ignored = {0};
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (str_eq(val_get_str(spec, usual[i].field), usual[i].value))
            val_map_del(spec, usual[i].field);
    for (size_t i = 0; i < ARRAY_LEN(unclear); i++)
        val_map_del(spec, unclear[i]);
    limits_asked(a, spec);
    networks_of_others(a, inspect, spec);
    mounts_asked(a, spec);
    if (ref_canonical(a, str_or(val_get_str(spec, "image"), ""), &canonical, &ignored) == 0)
        val_set_str(a, spec, "image", ref_familiar(a, canonical));
}

int podman_read(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                struct err *err)
{
    int r = container_read(a, inspect, image, ret, err);
    if (r < 0)
        return r;
    json_t *labels = json_object_get(json_object_get(inspect, "Config"), "Labels");
    const struct val *asked = val_get(label_tree(a, labels, MARK_ASKED), "fields");
    struct val *spec = val_map_copy(a, ret->spec);
    if (asked)
        ours_read(a, asked, spec);
    else
        others_read(a, inspect, spec);
    ret->spec = spec;
    return 0;
}

/* Variables that Podman sets by itself; NULL: the value varies. */
static const struct {
    const char *name, *value;
} variables[] = {
    {"container", "podman"},
    {"TERM", "xterm"},
    {"HOME", NULL},
    {"HOSTNAME", NULL},
    {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
};

const struct val *podman_defaults(struct arena *a, const struct object *o, const struct image_info *image,
                                  const struct engine_facts *facts)
{
    struct val *v = val_map_copy(a, container_defaults(a, o, image, facts));
    const struct val *have = val_get(o->spec, "environment");
    if (str_starts(str_or(val_get_str(o->spec, "network_mode"), ""),
                   "container:")) { /* it has names of its own */
        val_map_del(v, "hostname");
        val_map_del(v, "domainname");
    }
    struct val *environment = val_map_copy(a, val_get(v, "environment"));
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const struct val *now = val_get(have, variables[i].name);
        if (now && !val_get(environment, variables[i].name) &&
            (!variables[i].value || str_eq(now->s, variables[i].value)))
            val_map_set(a, environment, variables[i].name, val_clone(a, now));
    }
    if (environment->len)
        val_map_set(a, v, "environment", environment);
    return v;
}
