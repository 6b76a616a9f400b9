/* Fields of a Container that are one member of the engine's JSON: their table, and a reader and a writer for
   each form that is not just text, a number or a list. */
#include "providers/containers/wire.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "schema/kinds/container.h"

/* ---- readers ---- */

/* ["NAME=value", ...] */
static struct val *read_environment(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *map = json_array_size(j) ? val_map(a) : NULL;
    json_array_foreach(j, i, item)
    {
        const char *s = json_string_value(item);
        const char *eq = s ? strchr(s, '=') : NULL;
        if (s)
            val_map_set(a, map, eq ? arena_strndup(a, s, (size_t)(eq - s)) : s, val_str(a, eq ? eq + 1 : ""));
    }
    return map;
}

static struct val *read_signal(struct arena *a, json_t *j)
{
    const char *s = json_string_value(j);
    const char *canonical = str_empty(s) ? NULL : signal_canonical(a, s);
    return val_str(a, str_empty(s) ? "SIGTERM" : str_or(canonical, s));
}

static struct val *read_seconds(struct arena *a, json_t *j)
{
    return json_is_integer(j) ? val_int(a, json_integer_value(j) * NS_PER_S) : NULL;
}

static struct val *read_capabilities(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *list = json_array_size(j) ? val_list(a) : NULL;
    json_array_foreach(j, i, item)
    {
        const char *s = str_or(json_string_value(item), "");
        const char *bare = strncasecmp(s, "CAP_", 4) == 0 ? s + 4 : s;
        char *upper = arena_strdup(a, bare);
        for (char *p = upper; *p; p++)
            if (*p >= 'a' && *p <= 'z')
                *p = (char)(*p - 'a' + 'A');
        val_list_add(a, list, val_str(a, upper));
    }
    if (list)
        val_list_sort(list);
    return list;
}

static struct val *read_security(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *list = json_array_size(j) ? val_list(a) : NULL;
    json_array_foreach(j, i, item)
        val_list_add(a, list, val_str(a, security_opt_canonical(a, str_or(json_string_value(item), ""))));
    if (list)
        val_list_sort(list);
    return list;
}

static struct val *read_restart(struct arena *a, json_t *j)
{
    const char *name = str_or(json_text(j, "Name"), "no");
    int64_t times = json_int(j, "MaximumRetryCount");
    if (str_eq(name, "on-failure") && times > 0)
        return val_strf(a, "on-failure:%lld", (long long)times);
    return val_str(a, name);
}

static struct val *read_logging(struct arena *a, json_t *j)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "driver", json_text(j, "Type"));
    struct val *options = read_map(a, json_object_get(j, "Config"));
    if (options)
        val_map_set(a, v, "options", options);
    return v->len ? v : NULL;
}

static const struct {
    const char *field, *json;
} health_fields[] = {
    {"interval", "Interval"},        {"timeout", "Timeout"},
    {"start_period", "StartPeriod"}, {"start_interval", "StartInterval"},
    {"retries", "Retries"},
};

static struct val *read_healthcheck(struct arena *a, json_t *j)
{
    struct val *v = val_map(a);
    struct val *test = read_list(a, json_object_get(j, "Test"));
    if (test)
        val_map_set(a, v, "test", test);
    for (size_t i = 0; i < ARRAY_LEN(health_fields); i++)
        if (json_int(j, health_fields[i].json))
            val_set_int(a, v, health_fields[i].field, json_int(j, health_fields[i].json));
    return v->len ? v : NULL;
}

static struct val *read_ulimits(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *map = json_array_size(j) ? val_map(a) : NULL;
    json_array_foreach(j, i, item)
    {
        struct val *limit = val_map(a);
        val_set_int(a, limit, "soft", json_int(item, "Soft"));
        val_set_int(a, limit, "hard", json_int(item, "Hard"));
        val_map_set(a, map, str_or(json_text(item, "Name"), ""), limit);
    }
    return map;
}

static struct val *read_devices(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *map = json_array_size(j) ? val_map(a) : NULL;
    json_array_foreach(j, i, item)
    {
        struct val *device = val_map(a);
        val_set_str(a, device, "source", json_text(item, "PathOnHost"));
        val_set_str(a, device, "permissions", str_or(json_text(item, "CgroupPermissions"), "rwm"));
        val_map_set(a, map, str_or(json_text(item, "PathInContainer"), ""), device);
    }
    return map;
}

static struct val *read_gpus(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *list = json_array_size(j) ? val_list(a) : NULL;
    json_array_foreach(j, i, item)
    {
        struct val *gpu = val_map(a);
        struct val *ids = read_set(a, json_object_get(item, "DeviceIDs"));
        struct val *capabilities = read_set(a, json_array_get(json_object_get(item, "Capabilities"), 0));
        struct val *options = read_map(a, json_object_get(item, "Options"));
        val_set_str(a, gpu, "driver", json_text(item, "Driver"));
        if (ids)
            val_map_set(a, gpu, "device_ids", ids);
        else
            val_set_int(a, gpu, "count", json_int(item, "Count"));
        if (capabilities)
            val_map_set(a, gpu, "capabilities", capabilities);
        if (options)
            val_map_set(a, gpu, "options", options);
        val_list_add(a, list, gpu);
    }
    return list;
}

/* ["HOST:ADDRESS"] (Podman and newer Dockers also "HOST=ADDRESS") */
static struct val *read_hosts(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *map = json_array_size(j) ? val_map(a) : NULL;
    json_array_foreach(j, i, item)
    {
        const char *s = str_or(json_string_value(item), "");
        size_t n = strcspn(s, ":=");
        if (!s[n])
            continue;
        const char *host = arena_strndup(a, s, n);
        struct val *addresses = val_get(map, host);
        if (!addresses)
            val_map_set(a, map, host, addresses = val_list(a));
        val_list_add(a, addresses, val_str(a, s + n + 1));
        val_list_sort(addresses);
    }
    return map;
}

static struct val *read_tmpfs(struct arena *a, json_t *j)
{
    struct val *map = json_object_size(j) ? val_map(a) : NULL;
    const char *key;
    json_t *item;
    json_object_foreach(j, key, item)
        val_map_set(a, map, key, val_str(a, mount_options_canonical(a, str_or(json_string_value(item), ""))));
    return map;
}

/* ---- writers ---- */

static json_t *write_environment(const struct val *v)
{
    json_t *list = json_array();
    struct buf line = BUF_INIT;
    for (size_t i = 0; i < val_len(v); i++) {
        buf_reset(&line);
        buf_addf(&line, "%s=", v->pairs[i].key);
        if (val_is(v->pairs[i].val, VAL_STR))
            buf_add(&line, v->pairs[i].val->s, v->pairs[i].val->len);
        json_array_append_new(list, json_stringn_nocheck(line.data, line.len));
    }
    buf_release(&line);
    return list;
}

static json_t *write_seconds(const struct val *v)
{
    return json_integer((v->i + NS_PER_S - 1) / NS_PER_S);
}

static json_t *write_restart(const struct val *v)
{
    const char *times = str_after(v->s, "on-failure:");
    int64_t n = 0;
    struct err ignored = {0};
    if (times && parse_int(times, 0, INT32_MAX, &n, &ignored) < 0)
        n = 0;
    return json_pack("{s:s, s:I}", "Name", times ? "on-failure" : v->s, "MaximumRetryCount", (json_int_t)n);
}

static json_t *write_logging(const struct val *v)
{
    json_t *o = json_object();
    const struct val *options = val_get(v, "options");
    json_object_set_new(o, "Type", json_string(str_or(val_get_str(v, "driver"), "")));
    json_object_set_new(o, "Config", val_len(options) ? json_of(options) : json_object());
    return o;
}

static json_t *write_healthcheck(const struct val *v)
{
    json_t *o = json_object();
    if (val_get(v, "test"))
        json_object_set_new(o, "Test", json_of(val_get(v, "test")));
    for (size_t i = 0; i < ARRAY_LEN(health_fields); i++)
        if (val_get(v, health_fields[i].field))
            json_object_set_new(o, health_fields[i].json, json_of(val_get(v, health_fields[i].field)));
    return o;
}

static json_t *write_ulimits(const struct val *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(v); i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "Name", v->pairs[i].key, "Soft",
                                              (json_int_t)val_get_int(v->pairs[i].val, "soft", -1), "Hard",
                                              (json_int_t)val_get_int(v->pairs[i].val, "hard", -1)));
    return list;
}

static json_t *write_devices(const struct val *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(v); i++) {
        const struct val *device = v->pairs[i].val;
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "PathInContainer", v->pairs[i].key, "PathOnHost",
                            str_or(val_get_str(device, "source"), v->pairs[i].key), "CgroupPermissions",
                            str_or(val_get_str(device, "permissions"), "rwm")));
    }
    return list;
}

static json_t *write_gpus(const struct val *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(v); i++) {
        const struct val *gpu = v->items[i];
        json_t *o = json_object(), *capabilities = json_array();
        json_object_set_new(o, "Driver", json_string(str_or(val_get_str(gpu, "driver"), "")));
        if (val_get(gpu, "device_ids"))
            json_object_set_new(o, "DeviceIDs", json_of(val_get(gpu, "device_ids")));
        else
            json_object_set_new(o, "Count", json_integer(val_get_int(gpu, "count", -1)));
        json_array_append_new(capabilities, json_of(val_get(gpu, "capabilities")));
        json_object_set_new(o, "Capabilities", capabilities);
        if (val_get(gpu, "options"))
            json_object_set_new(o, "Options", json_of(val_get(gpu, "options")));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *write_hosts(const struct val *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(v); i++) {
        const struct val *addresses = v->pairs[i].val;
        for (size_t j = 0; j < val_len(addresses); j++)
            json_array_append_new(list, json_sprintf("%s:%s", v->pairs[i].key, addresses->items[j]->s));
    }
    return list;
}

const struct wire_field wire_fields[] = {
    {"image", "Image", WIRE_CONFIG, read_text, json_of},
    {"environment", "Env", WIRE_CONFIG, read_environment, write_environment},
    {"working_dir", "WorkingDir", WIRE_CONFIG, read_text, json_of},
    {"user", "User", WIRE_CONFIG, read_text, json_of},
    {"hostname", "Hostname", WIRE_CONFIG, read_text, json_of},
    {"domainname", "Domainname", WIRE_CONFIG, read_text, json_of},
    {"tty", "Tty", WIRE_CONFIG, read_true, json_of},
    {"stdin_open", "OpenStdin", WIRE_CONFIG, read_true, json_of},
    {"stop_signal", "StopSignal", WIRE_CONFIG, read_signal, json_of},
    {"stop_grace_period", "StopTimeout", WIRE_CONFIG, read_seconds, write_seconds},
    {"healthcheck", "Healthcheck", WIRE_CONFIG, read_healthcheck, write_healthcheck},
    {"privileged", "Privileged", WIRE_HOST, read_true, json_of},
    {"read_only", "ReadonlyRootfs", WIRE_HOST, read_true, json_of},
    {"init", "Init", WIRE_HOST, read_true, json_of},
    {"cap_add", "CapAdd", WIRE_HOST, read_capabilities, json_of},
    {"cap_drop", "CapDrop", WIRE_HOST, read_capabilities, json_of},
    {"security_opt", "SecurityOpt", WIRE_HOST, read_security, json_of},
    {"group_add", "GroupAdd", WIRE_HOST, read_set, json_of},
    {"dns", "Dns", WIRE_HOST, read_list, json_of},
    {"dns_search", "DnsSearch", WIRE_HOST, read_list, json_of},
    {"dns_opt", "DnsOptions", WIRE_HOST, read_list, json_of},
    {"extra_hosts", "ExtraHosts", WIRE_HOST, read_hosts, write_hosts},
    {"restart", "RestartPolicy", WIRE_HOST, read_restart, write_restart},
    {"logging", "LogConfig", WIRE_HOST, read_logging, write_logging},
    {"devices", "Devices", WIRE_HOST, read_devices, write_devices},
    {"device_cgroup_rules", "DeviceCgroupRules", WIRE_HOST, read_set, json_of},
    {"gpus", "DeviceRequests", WIRE_HOST, read_gpus, write_gpus},
    {"ulimits", "Ulimits", WIRE_HOST, read_ulimits, write_ulimits},
    {"sysctls", "Sysctls", WIRE_HOST, read_map, json_of},
    {"storage_opt", "StorageOpt", WIRE_HOST, read_map, json_of},
    {"annotations", "Annotations", WIRE_HOST, read_map, json_of},
    {"tmpfs", "Tmpfs", WIRE_HOST, read_tmpfs, json_of},
    {"shm_size", "ShmSize", WIRE_HOST, read_nonzero, json_of},
    {"pid", "PidMode", WIRE_HOST, read_text, json_of},
    {"ipc", "IpcMode", WIRE_HOST, read_text, json_of},
    {"uts", "UTSMode", WIRE_HOST, read_text, json_of},
    {"cgroup", "CgroupnsMode", WIRE_HOST, read_text, json_of},
    {"userns_mode", "UsernsMode", WIRE_HOST, read_text, json_of},
    {"cgroup_parent", "CgroupParent", WIRE_HOST, read_text, json_of},
    {"runtime", "Runtime", WIRE_HOST, read_text, json_of},
    {"oom_score_adj", "OomScoreAdj", WIRE_HOST, read_nonzero, json_of},
    {"oom_kill_disable", "OomKillDisable", WIRE_HOST, read_true, json_of},
    {0},
};
