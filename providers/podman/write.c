/* A spec as Podman's SpecGenerator. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/wire.h"
#include "providers/podman/podman.h"

#include <signal.h>
#include <stdlib.h>

/* Members that have the same meaning and form as the field. */
static const struct {
    const char *field, *json;
} plain[] = {
    {"image", "image"},
    {"environment", "env"},
    {"hostname", "hostname"},
    {"user", "user"},
    {"working_dir", "work_dir"},
    {"group_add", "groups"},
    {"dns", "dns_server"},
    {"dns_search", "dns_search"},
    {"dns_opt", "dns_option"},
    {"cap_add", "cap_add"},
    {"cap_drop", "cap_drop"},
    {"privileged", "privileged"},
    {"read_only", "read_only_filesystem"},
    {"init", "init"},
    {"tty", "terminal"},
    {"stdin_open", "stdin"},
    {"oom_score_adj", "oom_score_adj"},
    {"shm_size", "shm_size"},
    {"sysctls", "sysctl"},
    {"storage_opt", "storage_opts"},
    {"annotations", "annotations"},
    {"cgroup_parent", "cgroup_parent"},
    {"runtime", "oci_runtime"},
    {"logging", "log_configuration"},
};

static json_t *member(json_t *o, const char *key, json_t *empty)
{
    json_t *j = json_object_get(o, key);
    if (j) {
        json_decref(empty);
        return j;
    }
    json_object_set_new(o, key, empty);
    return empty;
}

static void process_write(const struct create_request *rq, json_t *body)
{
    const struct val *entrypoint = val_get(rq->spec, "entrypoint"), *command = val_get(rq->spec, "command");
    /* An empty command only means none together with an entrypoint. */
    if (container_needs_image(rq->spec) && rq->image)
        entrypoint = val_get(rq->image->defaults, "entrypoint");
    if (entrypoint)
        json_object_set_new(body, "entrypoint", json_of(entrypoint));
    if (command)
        json_object_set_new(body, "command", json_of(command));
}

/* "SIGTERM", "SIGRTMIN+3" -> its number; 0 for none. */
static int signal_number(const char *name)
{
    const char *bare = str_after(name, "SIG");
    const char *real = str_after(name, "SIGRTMIN");
    int64_t n = 0;
    struct err ignored = {0};
    if (real)
        return SIGRTMIN + (*real == '+' ? (int)strtol(real + 1, NULL, 10) : 0);
    for (int i = 1; bare && i < SIGRTMIN; i++)
        if (str_eq(sigabbrev_np(i), bare))
            return i;
    return parse_int(name, 1, 64, &n, &ignored) == 0 ? (int)n : 0;
}

static void stop_write(const struct val *spec, json_t *body)
{
    const char *signal = val_get_str(spec, "stop_signal");
    const struct val *grace = val_get(spec, "stop_grace_period");
    const char *restart = val_get_str(spec, "restart");
    const char *times = restart ? str_after(restart, "on-failure:") : NULL;
    if (signal && signal_number(signal))
        json_object_set_new(body, "stop_signal", json_integer(signal_number(signal)));
    if (grace)
        json_object_set_new(body, "stop_timeout", json_integer((grace->i + NS_PER_S - 1) / NS_PER_S));
    if (restart)
        json_object_set_new(body, "restart_policy", json_string(times ? "on-failure" : restart));
    if (times)
        json_object_set_new(body, "restart_tries", json_integer(strtoll(times, NULL, 10)));
}

/* Docker's defaults (docs.docker.com/reference/dockerfile/#healthcheck). Podman applies them only in its
   command line; in the API zero means zero. */
static const struct {
    const char *field, *json;
    int64_t usual;
} health_fields[] = {
    {"interval", "Interval", 30 * NS_PER_S},
    {"timeout", "Timeout", 30 * NS_PER_S},
    {"start_period", "StartPeriod", 0},
    {"retries", "Retries", 3},
};

static void health_write(const struct create_request *rq, json_t *body)
{
    const struct val *check = val_get(rq->spec, "healthcheck");
    const struct val *image = rq->image ? val_get(rq->image->defaults, "healthcheck") : NULL;
    const struct val *test = val_get(check, "test") ? val_get(check, "test") : val_get(image, "test");
    if (!check || !test)
        return;
    json_t *o = json_pack("{s:o}", "Test", json_of(test));
    for (size_t i = 0; i < ARRAY_LEN(health_fields); i++) {
        int64_t usual = val_get_int(image, health_fields[i].field, health_fields[i].usual);
        json_object_set_new(o, health_fields[i].json,
                            json_integer(val_get_int(check, health_fields[i].field, usual)));
    }
    json_object_set_new(body, "healthconfig", o);
}

/* "host", "private", "container:ID", "keep-id:uid=0" -> {nsmode, value} */
static void namespace_write(const char *text, const char *key, json_t *body)
{
    const char *colon = text ? strchr(text, ':') : NULL;
    if (!text)
        return;
    json_t *o = json_pack("{s:s%}", "nsmode", text, colon ? (size_t)(colon - text) : strlen(text));
    if (colon)
        json_object_set_new(o, "value", json_string(colon + 1));
    json_object_set_new(body, key, o);
}

static void namespaces_write(const struct val *spec, json_t *body)
{
    static const struct {
        const char *field, *json;
    } spaces[] = {{"pid", "pidns"},
                  {"ipc", "ipcns"},
                  {"uts", "utsns"},
                  {"cgroup", "cgroupns"},
                  {"userns_mode", "userns"}};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        namespace_write(val_get_str(spec, spaces[i].field), spaces[i].json, body);
}

static json_t *attachment_write(const struct val *attachment, const char *mac)
{
    static const char *const addresses[] = {"ipv4_address", "ipv6_address"};
    json_t *o = json_object();
    if (val_get(attachment, "aliases"))
        json_object_set_new(o, "aliases", json_of(val_get(attachment, "aliases")));
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        if (val_get_str(attachment, addresses[i]))
            json_array_append_new(member(o, "static_ips", json_array()),
                                  json_string(val_get_str(attachment, addresses[i])));
    mac = val_get_str(attachment, "mac_address") ? val_get_str(attachment, "mac_address") : mac;
    if (mac)
        json_object_set_new(o, "static_mac", json_string(mac));
    return o;
}

static bool is_namespace(const char *mode)
{
    static const char *const words[] = {"bridge", "host", "none", "private", "slirp4netns", "pasta"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(mode, words[i]))
            return true;
    return str_starts(mode, "container:") || str_starts(mode, "slirp4netns:") || str_starts(mode, "pasta:");
}

static void networks_make(const struct val *spec, json_t *body)
{
    const char *mode = val_get_str(spec, "network_mode"), *mac = val_get_str(spec, "mac_address");
    const struct val_pair *net;
    json_t *networks = json_object();
    if (mode && is_namespace(mode)) {
        namespace_write(mode, "netns", body);
        if (str_eq(mode, "bridge") && mac)
            json_object_set_new(networks, PODMAN_BRIDGE, attachment_write(NULL, mac));
    } else if (mode) {
        namespace_write("bridge", "netns", body);
        json_object_set_new(networks, mode, attachment_write(NULL, mac));
    } else {
        namespace_write(container_network(spec, 0) ? "bridge" : "none", "netns", body);
        for (size_t i = 0; (net = container_network(spec, i)); i++)
            json_object_set_new(networks, str_eq(net->key, "bridge") ? PODMAN_BRIDGE : net->key,
                                attachment_write(net->val, i == 0 ? mac : NULL));
    }
    if (json_object_size(networks) > 0)
        json_object_set(body, "Networks", networks);
    json_decref(networks);
}

static void ports_make(const struct val *spec, json_t *body)
{
    const struct val *ports = val_get(spec, "ports"), *expose = val_get(spec, "expose");
    for (size_t i = 0; i < val_len(ports); i++) {
        const struct val *rec = ports->pairs[i].val;
        json_array_append_new(member(body, "portmappings", json_array()),
                              json_pack("{s:I, s:I, s:s, s:s}", "container_port",
                                        (json_int_t)val_get_int(rec, "target", 0), "host_port",
                                        (json_int_t)val_get_int(rec, "published", 0), "host_ip",
                                        str_or(val_get_str(rec, "host_ip"), ""), "protocol",
                                        str_or(val_get_str(rec, "protocol"), "tcp")));
    }
    for (size_t i = 0; i < val_len(expose); i++) {
        const char *text = expose->items[i]->s, *slash = strchr(text, '/');
        char port[8] = "";
        str_copy(port, sizeof(port), text);
        port[strcspn(port, "/")] = '\0';
        json_object_set_new(member(body, "expose", json_object()), port,
                            json_string(slash ? slash + 1 : "tcp"));
    }
}

static json_t *mount_options(struct arena *a, const struct val *rec)
{
    json_t *list = json_array();
    const char *texts[] = {val_get_bool(rec, "read_only", false) ? "ro" : NULL,
                           val_get_bool(rec, "nocopy", false) ? "nocopy" : NULL,
                           val_get_str(rec, "propagation"), val_get_str(rec, "selinux")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i])
            json_array_append_new(list, json_string(texts[i]));
    if (val_get(rec, "size"))
        json_array_append_new(
            list, json_string(arena_printf(a, "size=%lld", (long long)val_get_int(rec, "size", 0))));
    if (val_get(rec, "mode"))
        json_array_append_new(
            list, json_string(arena_printf(a, "mode=%llo", (unsigned long long)val_get_int(rec, "mode", 0))));
    return list;
}

static void mount_make(struct arena *a, const char *target, const struct val *rec, json_t *body)
{
    const char *type = str_or(val_get_str(rec, "type"), "volume");
    if (str_eq(type, "volume"))
        json_array_append_new(member(body, "volumes", json_array()),
                              json_pack("{s:s, s:s, s:o}", "Name", str_or(val_get_str(rec, "source"), ""),
                                        "Dest", target, "Options", mount_options(a, rec)));
    else
        json_array_append_new(member(body, "mounts", json_array()),
                              json_pack("{s:s, s:s, s:s, s:o}", "type", type, "source",
                                        str_or(val_get_str(rec, "source"), type), "destination", target,
                                        "options", mount_options(a, rec)));
}

static void mounts_make(struct arena *a, const struct val *spec, json_t *body)
{
    const struct val *volumes = val_get(spec, "volumes"), *tmpfs = val_get(spec, "tmpfs");
    for (size_t i = 0; i < val_len(volumes); i++)
        mount_make(a, volumes->pairs[i].key, volumes->pairs[i].val, body);
    for (size_t i = 0; i < val_len(tmpfs); i++) {
        json_t *options = json_array();
        size_t n;
        char **part = str_split(a, str_or(tmpfs->pairs[i].val->s, ""), ',', &n);
        for (size_t k = 0; k < n; k++)
            if (*part[k])
                json_array_append_new(options, json_string(part[k]));
        json_array_append_new(member(body, "mounts", json_array()),
                              json_pack("{s:s, s:s, s:s, s:o}", "type", "tmpfs", "source", "tmpfs",
                                        "destination", tmpfs->pairs[i].key, "options", options));
    }
    /* Otherwise Podman would mount a tmpfs over /run and /tmp, and hide files that are copied there
       (pkg/specgen, read_write_tmpfs). */
    if (val_get_bool(spec, "read_only", false))
        json_object_set_new(body, "read_write_tmpfs", json_false());
}

static void devices_make(struct arena *a, const struct val *spec, json_t *body)
{
    const struct val *devices = val_get(spec, "devices"), *ulimits = val_get(spec, "ulimits");
    for (size_t i = 0; i < val_len(devices); i++) {
        const struct val *rec = devices->pairs[i].val;
        const char *path =
            arena_printf(a, "%s:%s:%s", str_or(val_get_str(rec, "source"), devices->pairs[i].key),
                         devices->pairs[i].key, str_or(val_get_str(rec, "permissions"), "rwm"));
        json_array_append_new(member(body, "devices", json_array()), json_pack("{s:s}", "path", path));
    }
    for (size_t i = 0; i < val_len(ulimits); i++)
        json_array_append_new(member(body, "r_limits", json_array()),
                              json_pack("{s:s, s:I, s:I}", "type", ulimits->pairs[i].key, "soft",
                                        (json_int_t)val_get_int(ulimits->pairs[i].val, "soft", -1), "hard",
                                        (json_int_t)val_get_int(ulimits->pairs[i].val, "hard", -1)));
}

/* "c 7:* rwm"; a star means any number (-1 in the runtime's specification). */
static void device_rules_make(struct arena *a, const struct val *spec, json_t *body)
{
    const struct val *rules = val_get(spec, "device_cgroup_rules");
    for (size_t i = 0; i < val_len(rules); i++) {
        size_t n, k;
        char **part = str_split(a, rules->items[i]->s, ' ', &n);
        char **number = n == 3 ? str_split(a, part[1], ':', &k) : NULL;
        if (!number || k != 2)
            continue;
        json_t *o = json_pack("{s:b, s:s, s:s}", "allow", 1, "type", part[0], "access", part[2]);
        static const char *const names[] = {"major", "minor"};
        for (size_t j = 0; j < 2; j++)
            json_object_set_new(o, names[j],
                                json_integer(str_eq(number[j], "*") ? -1 : strtoll(number[j], NULL, 10)));
        json_array_append_new(member(body, "device_cgroup_rule", json_array()), o);
    }
}

/* "KEY=VALUE" -> the member, as a list, a string or a boolean. */
static void security_write(const struct val *spec, json_t *body)
{
    static const struct {
        const char *option, *json;
        bool list;
    } options[] = {
        {"apparmor=", "apparmor_profile", false},
        {"seccomp=", "seccomp_profile_path", false},
        {"label=", "selinux_opts", true},
        {"mask=", "mask", true},
        {"unmask=", "unmask", true},
        {"proc-opts=", "procfs_opts", true},
    };
    const struct val *list = val_get(spec, "security_opt");
    for (size_t i = 0; i < val_len(list); i++) {
        const char *text = list->items[i]->s;
        if (str_eq(text, "no-new-privileges=true"))
            json_object_set_new(body, "no_new_privileges", json_true());
        if (str_eq(text, "systempaths=unconfined"))
            json_array_append_new(member(body, "unmask", json_array()), json_string("ALL"));
        for (size_t k = 0; k < ARRAY_LEN(options); k++) {
            const char *value = str_after(text, options[k].option);
            if (value && options[k].list)
                json_array_append_new(member(body, options[k].json, json_array()), json_string(value));
            else if (value)
                json_object_set_new(body, options[k].json, json_string(value));
        }
    }
}

static void hosts_make(struct arena *a, const struct val *spec, json_t *body)
{
    const struct val *hosts = val_get(spec, "extra_hosts");
    for (size_t i = 0; i < val_len(hosts); i++)
        for (size_t k = 0; k < val_len(hosts->pairs[i].val); k++)
            json_array_append_new(
                member(body, "hostadd", json_array()),
                json_string(arena_printf(a, "%s:%s", hosts->pairs[i].key, hosts->pairs[i].val->items[k]->s)));
}

#define MEMORY_LEAST (6 << 20)
#define CPU_PERIOD   100000 /* microseconds; what Docker uses for `cpus` */

/* Limits in the form of the OCI runtime-spec (LinuxResources). */
static void limits_make(const struct val *spec, json_t *body)
{
    static const struct {
        const char *field, *group, *json;
    } limits[] = {
        {"memory", "memory", "limit"},     {"memory_reservation", "memory", "reservation"},
        {"memory_swap", "memory", "swap"}, {"memory_swappiness", "memory", "swappiness"},
        {"pids", "pids", "limit"},         {"cpu_shares", "cpu", "shares"},
        {"cpuset", "cpu", "cpus"},         {"cpu_period", "cpu", "period"},
        {"cpu_quota", "cpu", "quota"},
    };
    const struct val *r = val_get(spec, "resources");
    json_t *o = json_object();
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (val_get(r, limits[i].field))
            json_object_set_new(member(o, limits[i].group, json_object()), limits[i].json,
                                json_of(val_get(r, limits[i].field)));
    if (val_get(r, "memory") && !val_get(r, "memory_swap"))
        json_object_set_new(member(o, "memory", json_object()), "swap",
                            json_integer(2 * val_get_int(r, "memory", 0)));
    if (val_get(r, "cpus")) {
        json_t *cpu = member(o, "cpu", json_object());
        json_object_set_new(cpu, "period", json_integer(CPU_PERIOD));
        json_object_set_new(cpu, "quota", json_integer(val_get_int(r, "cpus", 0) / (NS_PER_S / CPU_PERIOD)));
    }
    if (val_get_bool(spec, "oom_kill_disable", false))
        json_object_set_new(member(o, "memory", json_object()), "disableOOMKiller", json_true());
    if (json_object_size(o) > 0)
        json_object_set(body, "resource_limits", o);
    json_decref(o);
}

/* "linux/arm/v7" */
static void platform_make(struct arena *a, const struct val *spec, json_t *body)
{
    static const char *const members[] = {"image_os", "image_arch", "image_variant"};
    size_t n = 0;
    const char *platform = val_get_str(spec, "platform");
    char **part = platform ? str_split(a, platform, '/', &n) : NULL;
    for (size_t i = 0; i < n && i < ARRAY_LEN(members); i++)
        json_object_set_new(body, members[i], json_string(part[i]));
}

int podman_write(struct arena *a, const struct create_request *rq, json_t **ret, struct err *err)
{
    int64_t memory = val_get_int(val_get(rq->spec, "resources"), "memory", 0);
    /* Docker has the same rule, and nothing starts with less. */
    if (memory && memory < MEMORY_LEAST)
        return err_set(err, ERR_INVALID, "resources.memory: the minimum is 6 MiB");
    json_t *body = json_pack("{s:s}", "name", rq->name);
    struct val *asked = val_map(a);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        const struct val *v = val_get(rq->spec, plain[i].field);
        if (v && v->type != VAL_NULL)
            json_object_set_new(body, plain[i].json, json_of(v));
    }
    process_write(rq, body);
    stop_write(rq->spec, body);
    health_write(rq, body);
    namespaces_write(rq->spec, body);
    networks_make(rq->spec, body);
    ports_make(rq->spec, body);
    mounts_make(a, rq->spec, body);
    devices_make(a, rq->spec, body);
    device_rules_make(a, rq->spec, body);
    security_write(rq->spec, body);
    hosts_make(a, rq->spec, body);
    limits_make(rq->spec, body);
    platform_make(a, rq->spec, body);
    val_map_set(a, asked, "fields", podman_asked(a, rq->spec));
    json_object_set_new(body, "labels", container_labels(a, rq, asked));
    *ret = body;
    return 0;
}
