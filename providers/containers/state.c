/* The state of a container, and its ownership marks. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/wire.h"

#include <stdlib.h>

static int64_t time_read(json_t *o, const char *key)
{
    const char *s = json_text(o, key);
    int64_t ns;
    struct err ignored = {0};
    return s && parse_time(s, &ns, &ignored) == 0 ? ns : 0;
}

/* The last output of the health check, or the engine's message about a failure. */
static const char *message_read(struct arena *a, json_t *state, json_t *health)
{
    const char *s = json_text(state, "Error");
    if (s)
        return arena_strdup(a, s);
    if (json_is_true(json_object_get(state, "OOMKilled")))
        return "killed because it ran out of memory (OOM)";
    json_t *log = json_object_get(health, "Log");
    if (!str_eq(json_text(health, "Status"), "unhealthy") || json_array_size(log) == 0)
        return NULL;
    s = json_text(json_array_get(log, json_array_size(log) - 1), "Output");
    if (!s)
        return NULL;
    char *text = arena_strdup(a, s);
    str_chomp(text);
    return text;
}

void state_read(struct arena *a, json_t *inspect, struct object *ret)
{
    json_t *state = json_object_get(inspect, "State");
    json_t *health = json_object_get(state, "Health");
    const char *status = str_or(json_text(state, "Status"), "created");
    if (object_state_from_name(status, &ret->state) < 0)
        ret->state = str_eq(status, "stopped") ? OBJECT_EXITED : OBJECT_CREATED; /* Podman's words */
    if (!health || object_health_from_name(str_or(json_text(health, "Status"), "none"), &ret->health) < 0)
        ret->health = HEALTH_NONE;
    ret->exit_code = (int)json_int(state, "ExitCode");
    ret->created_ns = time_read(inspect, "Created");
    ret->started_ns = time_read(state, "StartedAt");
    ret->finished_ns = time_read(state, "FinishedAt");
    ret->restarts = (unsigned)json_int(inspect, "RestartCount");
    ret->message = message_read(a, state, health);
}

struct val *labels_read(struct arena *a, json_t *labels)
{
    struct val *map = val_map(a);
    const char *key;
    json_t *item;
    json_object_foreach(labels, key, item) if (!str_starts(key, MARK_PREFIX) && json_is_string(item))
        val_map_set(a, map, key, val_str(a, json_string_value(item)));
    return map->len ? map : NULL;
}

void marks_read(struct arena *a, json_t *labels, const char *native_name, struct object *ret)
{
    ret->native_name = arena_strdup(a, native_name);
    ret->candidate = native_name && str_ends(native_name, MARK_CANDIDATE);
    ret->owner = arena_strdup(a, json_text(labels, MARK_OWNER));
    ret->id = arena_strdup(a, json_text(labels, MARK_RESOURCE));
    ret->instance = (unsigned)strtoul(str_or(json_text(labels, MARK_INSTANCE), "0"), NULL, 10);
    ret->generation = strtoull(str_or(json_text(labels, MARK_GENERATION), "0"), NULL, 10);
    ret->commit = arena_strdup(a, json_text(labels, MARK_COMMIT));
    ret->spec_digest = arena_strdup(a, json_text(labels, MARK_SPEC));
    ret->keep = str_eq(json_text(labels, MARK_PRUNE), "disabled");
    if (!ret->id) /* an owner label without a resource label is not our mark */
        ret->owner = NULL;
}
