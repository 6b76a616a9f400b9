/* Container: resources, in Forge's own spelling and in all of Compose's. Fields in tbl/container_limits.h. */
#include "schema/kinds/container_internal.h"

#include "base/parse.h"
#include "base/str.h"

/* Readers. */

struct val *memory_swap_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    if (str_eq(n->text, "-1"))
        return val_int(d->arena, -1);
    int64_t bytes;
    struct err err = {0};
    if (parse_size(n->text, &bytes, &err) < 0)
        return decode_error_hint(d, n, "write the total size of memory and swap, or -1 for no limit", "%s",
                                 err.msg);
    return val_int(d->arena, bytes);
}

/* Processors as numbers and ranges: "0-3,6". */
static const char *cpuset_canonical(struct arena *a, const char *text)
{
    bool digit = false;
    for (const char *p = text; *p; p++) {
        bool is = *p >= '0' && *p <= '9';
        if (!is && !((*p == '-' || *p == ',') && digit))
            return NULL;
        digit = is;
    }
    return digit ? arena_strdup(a, text) : NULL;
}

struct val *cpuset_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, cpuset_canonical, "a set of CPUs", "write \"0-3\" or \"0,2\"");
}

struct val *ulimit_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    int64_t limit;
    struct err err = {0};
    (void)f;
    if (n->type != YN_SCALAR || parse_int(n->text, -1, INT64_MAX, &limit, &err) < 0)
        return decode_error_hint(d, n, "write a number, -1 for no limit, or {soft: 1024, hard: 4096}",
                                 "a limit must be a number or a mapping");
    struct val *rec = val_map(d->arena);
    val_set_int(d->arena, rec, "soft", limit);
    val_set_int(d->arena, rec, "hard", limit);
    return rec;
}

static struct val *gpu_count_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    int64_t count;
    struct err err = {0};
    (void)f;
    if (str_eq(n->text, "all"))
        return val_int(d->arena, -1);
    if (parse_int(n->text, -1, INT32_MAX, &count, &err) < 0)
        return decode_error_hint(d, n, "write a number, or all", "\"%s\" is not a number of devices",
                                 n->text);
    return val_int(d->arena, count);
}

static void gpu_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    if (val_get(rec, "count") && val_get(rec, "device_ids"))
        decode_error(d, n, "count and device_ids cannot be combined");
    else if (!val_get(rec, "device_ids") && !val_get(rec, "count"))
        val_set_int(d->arena, rec, "count", -1);
    if (val_get(rec, "capabilities"))
        return;
    struct val *capabilities = val_list(d->arena);
    val_list_add(d->arena, capabilities, val_str(d->arena, "gpu"));
    val_map_set(d->arena, rec, "capabilities", capabilities);
}

struct val *gpus_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    struct val *count = gpu_count_short(d, f, n);
    if (!count)
        return NULL;
    struct val *rec = val_map(d->arena);
    val_map_set(d->arena, rec, "count", count);
    gpu_normalize(d, n, rec);
    struct val *list = val_list(d->arena);
    val_list_add(d->arena, list, rec);
    return list;
}

/* Tables. */

static const struct field ulimit_fields[] = {
    {"soft", FT_INT, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The soft limit, which applies.",
     .example = "1024", .min = -1, .max = INT64_MAX},
    {"hard", FT_INT, IMPACT_REPLACE, FIELD_REQUIRED,
     .doc = "The hard limit, up to which a process may raise the soft limit.", .example = "4096", .min = -1,
     .max = INT64_MAX},
    {0},
};

static void ulimit_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    const struct val *soft = val_get(rec, "soft");
    const struct val *hard = val_get(rec, "hard");
    if (val_is(soft, VAL_INT) && val_is(hard, VAL_INT) && hard->i >= 0 && (soft->i > hard->i || soft->i < 0))
        decode_error(d, n, "the soft limit is higher than the hard limit");
}

const struct field_table ulimit_table = {"container.ulimits", "A resource limit (ulimit) of the processes.",
                                         ulimit_fields, .normalize = ulimit_normalize};

static const struct field gpu_fields[] = {
    {"driver", FT_STRING, IMPACT_REPLACE, 0, .doc = "The driver of the devices.", .example = "nvidia"},
    {"count", FT_INT, IMPACT_REPLACE, 0, .doc = "The number of devices, or `all`.", .example = "1",
     .def = "all", .min = -1, .max = INT32_MAX, .short_form = gpu_count_short},
    {"device_ids", FT_LIST, IMPACT_REPLACE, FIELD_SET, .doc = "The device IDs, instead of `count`.",
     .example = "[\"0\", \"3\"]", .elem = &field_word},
    {"capabilities", FT_LIST, IMPACT_REPLACE, FIELD_SET,
     .doc = "The capabilities that the devices must have.", .example = "[gpu, utility]", .def = "[gpu]",
     .elem = &field_word},
    {"options", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Options of the driver.",
     .example = "{virtualization: \"0\"}", .elem = &field_text},
    {0},
};
const struct field_table gpu_table = {"container.gpus", "A device request.", gpu_fields,
                                      .normalize = gpu_normalize};

static const struct field resources_fields[] = {
    {"cpus", FT_CPUS, IMPACT_LIVE, 0, .doc = "The number of CPUs, which may be a fraction; 0: no limit.",
     .example = "0.5", .def = "0", .def_val = DEF_INT(0)},
    {"memory", FT_SIZE, IMPACT_LIVE, 0,
     .doc = "Memory; the kernel kills a container that exceeds it. 0: no limit. At least 6MiB.",
     .example = "128MiB", .def = "0", .def_val = DEF_INT(0)},
    {"memory_reservation", FT_SIZE, IMPACT_LIVE, 0,
     .doc = "A soft memory limit that applies when the host runs short of memory.", .example = "64MiB",
     .def = "0", .def_val = DEF_INT(0)},
    {"memory_swap", FT_SIZE, IMPACT_LIVE, 0,
     .doc = "The total of memory and swap: the same as `memory` for no swap, -1 for no limit. Default: twice "
            "`memory`.",
     .example = "256MiB", .short_form = memory_swap_short},
    {"memory_swappiness", FT_INT, IMPACT_REPLACE, 0,
     .doc = "How readily the kernel swaps it out, in percent; cgroup v1 only.", .example = "10", .min = 0,
     .max = 100},
    {"pids", FT_INT, IMPACT_LIVE, 0, .doc = "The maximum number of processes and threads; -1: no limit.",
     .example = "200", .def = "-1", .def_val = DEF_INT(-1), .min = -1, .max = INT64_MAX},
    {"cpu_shares", FT_INT, IMPACT_LIVE, 0,
     .doc = "CPU weight relative to other containers when CPU time is short; the usual value is 1024.",
     .example = "512", .def = "0", .def_val = DEF_INT(0), .min = 0, .max = 262144},
    {"cpuset", FT_STRING, IMPACT_LIVE, 0, .doc = "The CPUs that it may run on.", .example = "0-3",
     .short_form = cpuset_short},
    {"cpu_period", FT_INT, IMPACT_LIVE, 0,
     .doc = "The period of the CPU quota, in microseconds; `cpus` is simpler.", .example = "100000",
     .def = "0", .def_val = DEF_INT(0), .min = 0, .max = 1000000},
    {"cpu_quota", FT_INT, IMPACT_LIVE, 0,
     .doc = "The CPU time allowed in each period, in microseconds; `cpus` is simpler.", .example = "50000",
     .def = "0", .def_val = DEF_INT(0), .min = -1, .max = INT64_MAX},
    {0},
};
static const struct field_refusal resources_refused[] = {
    {"limits", "write resources: {cpus: ..., memory: ...}, or Compose's deploy: {resources: {limits: ...}}"},
    {"reservations",
     "write resources: {memory_reservation: ...}, or Compose's deploy: {resources: {reservations: ...}}"},
    {0},
};
const struct field_table resources_table = {"container.resources",
                                            "The host resources that the container may use.",
                                            resources_fields, .refused = resources_refused};

/* Moves. */

struct val *resources_of(struct decode *d, struct val *spec)
{
    struct val *resources = val_get(spec, "resources");
    if (!resources) {
        resources = val_map(d->arena);
        val_map_set(d->arena, spec, "resources", resources);
    }
    return val_is(resources, VAL_MAP) ? resources : NULL;
}

static const struct {
    const char *alias, *field;
} aliases[] = {
    {"cpus", "cpus"},
    {"cpu_shares", "cpu_shares"},
    {"cpuset", "cpuset"},
    {"cpu_period", "cpu_period"},
    {"cpu_quota", "cpu_quota"},
    {"mem_limit", "memory"},
    {"mem_reservation", "memory_reservation"},
    {"memswap_limit", "memory_swap"},
    {"mem_swappiness", "memory_swappiness"},
    {"pids_limit", "pids"},
};

/* Report a problem with a resource where it was written, in whatever spelling. */
static void resource_problem(struct decode *d, const struct val *resources, const char *key, const char *hint,
                             const char *text)
{
    const struct val *v = val_get(resources, key);
    const struct ynode at = {.file = v->file, .line = v->line, .col = v->col};
    decode_error_hint(d, &at, hint, "%s", text);
}

static void resources_check(struct decode *d, const struct val *resources)
{
    int64_t memory = val_get_int(resources, "memory", 0);
    int64_t swap = val_get_int(resources, "memory_swap", 0);
    if (memory && memory < MEBIBYTES(6))
        resource_problem(d, resources, "memory", "write at least 6MiB; engines reject less",
                         "the memory limit is too small");
    if (memory && val_get_int(resources, "memory_reservation", 0) > memory)
        resource_problem(d, resources, "memory_reservation", "it is a soft limit below memory",
                         "memory_reservation is larger than memory");
    if (memory && swap > 0 && swap < memory)
        resource_problem(d, resources, "memory_swap", "it is the total of memory and swap",
                         "memory_swap is smaller than memory");
    if (val_get_int(resources, "cpus", 0) && val_get_int(resources, "cpu_quota", 0) > 0)
        resource_problem(d, resources, "cpu_quota", "set only one of them",
                         "cpus and cpu_quota set the same limit");
}

void limits_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    deploy_normalize(d, n, spec);
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        struct val *v = val_get(spec, aliases[i].alias);
        if (!v)
            continue;
        alias_move(d, node_at(n, aliases[i].alias), resources_of(d, spec), aliases[i].field, v,
                   aliases[i].alias);
        val_map_del(spec, aliases[i].alias);
    }
    struct val *resources = val_get(spec, "resources");
    if (!val_is(resources, VAL_MAP))
        return;
    /* In Compose 0 processes means "no limit", and 0 memory_swap means "the engine's default". */
    const struct val *pids = val_get(resources, "pids");
    if (val_is(pids, VAL_INT) && pids->i == 0)
        val_map_set(d->arena, resources, "pids", val_int(d->arena, -1));
    const struct val *swap = val_get(resources, "memory_swap");
    if (val_is(swap, VAL_INT) && swap->i == 0)
        val_map_del(resources, "memory_swap");
    resources_check(d, resources);
}
