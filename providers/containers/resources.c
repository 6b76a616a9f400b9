/* Resource limits of a container, at creation and while it runs. */
#include "base/str.h"
#include "providers/containers/wire.h"

/* `reset`: the value that lifts the limit of a running container, or 0 when there is none: in an update zero
   means "unchanged". */
static const struct {
    const char *field, *json;
    int64_t reset;
} limits[] = {
    {"cpus", "NanoCpus", 0},
    {"memory", "Memory", 0},
    {"memory_reservation", "MemoryReservation", 0},
    {"memory_swap", "MemorySwap", -1},
    {"memory_swappiness", "MemorySwappiness", 0},
    {"pids", "PidsLimit", -1},
    {"cpu_shares", "CpuShares", 0},
    {"cpuset", "CpusetCpus", 0},
    {"cpu_period", "CpuPeriod", 0},
    {"cpu_quota", "CpuQuota", -1},
};

struct val *resources_read(struct arena *a, json_t *host)
{
    struct val *v = val_map(a);
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        json_t *j = json_object_get(host, limits[i].json);
        int64_t n = json_integer_value(j);
        if (json_is_string(j))
            val_set_str(a, v, limits[i].field, json_text(host, limits[i].json));
        else if (str_eq(limits[i].field, "memory_swappiness") ? json_is_integer(j) && n >= 0
                 : str_eq(limits[i].field, "pids")            ? n > 0
                                                              : n != 0)
            val_set_int(a, v, limits[i].field, n);
    }
    return v;
}

void resources_write(const struct val *resources, json_t *host)
{
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (val_get(resources, limits[i].field))
            json_object_set_new(host, limits[i].json, json_of(val_get(resources, limits[i].field)));
}

/* An absent limit counts as 0; for pids and memory_swappiness as -1. */
static int64_t limit_value(const struct val *resources, size_t i)
{
    int64_t none = str_eq(limits[i].field, "pids") || str_eq(limits[i].field, "memory_swappiness") ? -1 : 0;
    return val_get_int(resources, limits[i].field, none);
}

static bool same_limit(const struct val *want, const struct val *have, size_t i)
{
    if (str_eq(limits[i].field, "cpuset"))
        return str_eq(str_or(val_get_str(want, "cpuset"), ""), str_or(val_get_str(have, "cpuset"), ""));
    return limit_value(want, i) == limit_value(have, i);
}

static int write_limit(const struct val *want, const struct val *have, size_t i, json_t *body,
                       struct err *err)
{
    const struct val *v = val_get(want, limits[i].field);
    if (str_eq(limits[i].field, "memory_swap")) {
        /* When only the memory changes, the engine keeps the old total and refuses it if it is too small. */
        int64_t memory = val_get_int(want, "memory", 0);
        int64_t usual = memory ? 2 * memory : 0;
        int64_t before = val_get_int(have, "memory_swap", 0);
        int64_t after = v ? v->i : usual;
        if (after != before)
            json_object_set_new(body, "MemorySwap", json_integer(after ? after : -1));
        return 0;
    }
    if (same_limit(want, have, i))
        return 0;
    bool reset = !v || (val_is(v, VAL_INT) && v->i == 0);
    if (str_eq(limits[i].field, "memory_swappiness") || (reset && limits[i].reset == 0))
        return err_set(err, ERR_UNSUPPORTED, "resources.%s cannot be %s while the container runs",
                       limits[i].field, reset ? "removed" : "changed");
    json_object_set_new(body, limits[i].json, reset ? json_integer(limits[i].reset) : json_of(v));
    return 0;
}

int container_write_update(const struct val *spec, const struct val *from, json_t **ret, struct err *err)
{
    const struct val *want = val_get(spec, "resources"), *have = val_get(from, "resources");
    const char *restart = str_or(val_get_str(spec, "restart"), "no");
    json_t *body = json_object();
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        int r = write_limit(want, have, i, body, err);
        if (r < 0) {
            json_decref(body);
            return r;
        }
    }
    if (!str_eq(restart, str_or(val_get_str(from, "restart"), "no"))) {
        for (const struct wire_field *f = wire_fields; f->field; f++)
            if (str_eq(f->field, "restart"))
                json_object_set_new(body, f->json,
                                    f->write(&(const struct val){
                                        .type = VAL_STR, .len = (uint32_t)strlen(restart), .s = restart}));
    }
    if (json_object_size(body) == 0) {
        json_decref(body);
        body = NULL;
    }
    *ret = body;
    return 0;
}
