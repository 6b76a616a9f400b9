#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "providers/docker/docker.h"
#include "providers/podman/podman.h"

#define LATE_NS (500 * NS_PER_MS) /* a systemd timer would have run the check by then */

static int64_t time_of(json_t *o, const char *key)
{
    int64_t ns = 0;
    struct err ignored = {0};
    const char *s = json_string_value(json_object_get(o, key));
    return s && parse_time(s, &ns, &ignored) == 0 ? ns : 0;
}

int64_t podman_check_health(struct act *t, const struct object *o, int64_t left_ns)
{
    _cleanup_json_ json_t *j = NULL;
    struct err ignored = {0};
    if (o->state != OBJECT_RUNNING || o->health == HEALTH_NONE ||
        docker_inspect_json(t->d, o->native_id, act_cancel(t), &j, &ignored) < 0)
        return INT64_MAX;
    json_t *check = json_object_get(json_object_get(j, "Config"), "Healthcheck");
    json_t *log = json_object_get(json_object_get(json_object_get(j, "State"), "Health"), "Log");
    size_t n = json_array_size(log);
    int64_t last = n ? time_of(json_array_get(log, n - 1), "End") : o->started_ns;
    int64_t interval = json_integer_value(json_object_get(check, "Interval"));
    int64_t late = interval < LATE_NS ? interval : LATE_NS;
    int64_t due = last + interval + late - (clock_wall(clock_system()) + t->d->skew_ns);
    if (due > 0)
        return due;
    /* The result is then in the container's record. */
    const struct ask q = {.path = docker_path(t->arena, "/libpod/containers/", o->native_id, "/healthcheck"),
                          .cancel = act_cancel(t),
                          .timeout_ns = left_ns > 0 ? left_ns : 1};
    (void)!docker_json(t->d, &q, NULL, NULL, &ignored);
    return 0;
}
