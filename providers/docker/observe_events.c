/*
 * What a listing does not show: a container's limits and restart policy, changed while it runs (`docker
 * update`). The engine's event log says so, but it holds only its newest 256 events, and none from before its
 * start. So each observation remembers the newest event it saw, its anchor, and the next one asks for all
 * events from the anchor on: when the anchor itself is in the answer, nothing can be missing behind it. When
 * it is not, everything is inspected.
 */
#include "providers/docker/observe.h"

#include "base/clock.h"
#include "base/str.h"

#include <time.h>

#define KEY_ANCHOR "docker1/anchor/"

/* Kinds of events that happen to containers by somebody's will: not those of health checks, which would push
   the rest out of sight. */
static const char *const actions[] = {"create", "start", "die", "update", "rename", "destroy"};

static const char *time_text(struct arena *a, int64_t ns)
{
    return arena_printf(a, "%lld.%09lld", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S));
}

const char *events_path(struct look_at *w)
{
    struct val *filters = val_map(w->arena), *type = val_list(w->arena), *event = val_list(w->arena);
    val_list_add(w->arena, type, val_str(w->arena, "container"));
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        val_list_add(w->arena, event, val_str(w->arena, actions[i]));
    val_map_set(w->arena, filters, "type", type);
    val_map_set(w->arena, filters, "event", event);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec + w->d->skew_ns;
    w->anchor = docker_cache_get(w->d, w->arena, arena_printf(w->arena, KEY_ANCHOR "%s", w->rq->owner));
    int64_t since = val_get_int(w->anchor, "time", now - 3600 * NS_PER_S);
    return arena_printf(w->arena, "/events?since=%s&until=%s&%s", time_text(w->arena, since),
                        time_text(w->arena, now), docker_filters(w->arena, filters));
}

static void event_read(struct look_at *w, const char *line, size_t len)
{
    _cleanup_json_ json_t *j = json_loadb(line, len, 0, NULL);
    int64_t time = json_integer_value(json_object_get(j, "timeNano"));
    const char *action = json_string_value(json_object_get(j, "Action"));
    const char *id = json_string_value(json_object_get(json_object_get(j, "Actor"), "ID"));
    if (!time || !action || !id)
        return;
    if (w->anchor && time == val_get_int(w->anchor, "time", 0) && str_eq(id, val_get_str(w->anchor, "id")) &&
        str_eq(action, val_get_str(w->anchor, "action"))) {
        w->continuous = true;
        return; /* it is what the last observation saw already */
    }
    if (!str_eq(action, "create") && !str_eq(action, "destroy"))
        map_put(&w->touched, arena_strdup(w->arena, id), w);
    if (time < val_get_int(w->new_anchor, "time", 0))
        return;
    struct val *v = val_map(w->arena);
    val_set_int(w->arena, v, "time", time);
    val_set_str(w->arena, v, "id", id);
    val_set_str(w->arena, v, "action", action);
    w->new_anchor = v;
}

void events_read(struct look_at *w)
{
    const char *p = buf_str(&w->events.body), *end = p + w->events.body.len;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = eol ? (size_t)(eol - p) : (size_t)(end - p);
        event_read(w, p, n);
        p += n + 1;
    }
}

void events_keep(struct look_at *w)
{
    if (w->new_anchor)
        docker_cache_put(w->d, arena_printf(w->arena, KEY_ANCHOR "%s", w->rq->owner), w->new_anchor);
}
