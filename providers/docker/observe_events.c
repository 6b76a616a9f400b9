/*
 * What a listing does not show: a container's limits and restart policy, changed while it runs (`docker
 * update`). The engine's event log shows that, but it holds only the newest 256 events, and none from before
 * the engine's start. So each observation remembers the newest event it saw, its anchor, and the next one
 * asks for all events from the anchor on: if the anchor itself is in the answer, no later event is missing.
 * If it is not, everything is inspected.
 */
#include "providers/docker/observe.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdlib.h>
#include <time.h>

#define KEY_ANCHOR "docker1/anchor/"

static const char *time_text(struct arena *a, int64_t ns)
{
    return arena_printf(a, "%lld.%09lld", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S));
}

const char *events_path(struct look_at *w)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec + w->d->skew_ns;
    w->anchor = docker_cache_get(w->d, w->arena, arena_printf(w->arena, KEY_ANCHOR "%s", w->rq->owner));
    int64_t since = val_get_int(w->anchor, "time", now - 24 * 3600 * NS_PER_S);
    return arena_printf(w->arena, "/events?since=%s&until=%s", time_text(w->arena, since),
                        time_text(w->arena, now));
}

struct logged {
    const char *action, *id;
    bool container;
    int64_t time;
};

/* Parsed without building a tree: each health check can add three events to the log. */
static bool event_scan(struct arena *a, struct span line, struct logged *ret)
{
    struct scan s, actor;
    struct span key, value, inner = {0};
    struct err ignored = {0};
    int r = scan_enter(line, '{', &s, &ignored);
    while (r >= 0 && (r = scan_member(&s, &key, &value, &ignored)) > 0) {
        if (span_is(key, "Action"))
            ret->action = span_text(a, value);
        else if (span_is(key, "Type"))
            ret->container = span_is(value, "\"container\"");
        else if (span_is(key, "timeNano"))
            ret->time = strtoll(value.p, NULL, 10);
        else if (span_is(key, "Actor"))
            inner = value;
    }
    if (r == 0)
        r = scan_enter(inner, '{', &actor, &ignored);
    while (r >= 0 && (r = scan_member(&actor, &key, &value, &ignored)) > 0)
        if (span_is(key, "ID"))
            ret->id = span_text(a, value);
    return r == 0 && ret->action && ret->id && ret->time > 0;
}

/* Can an inspection before the event differ from one after it? What health checks change shows in the
   listing. */
static bool changes_container(const struct logged *e)
{
    return e->container && !str_starts(e->action, "exec_") && !str_starts(e->action, "health_status") &&
           !str_eq(e->action, "create") && !str_eq(e->action, "destroy");
}

void events_read(struct look_at *w)
{
    const char *p = buf_str(&w->events.body), *end = p + w->events.body.len;
    struct logged newest = {.time = val_get_int(w->anchor, "time", 0)};
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        struct logged e = {.time = 0};
        bool good = event_scan(w->arena, (struct span){p, eol ? eol : end}, &e);
        p = eol ? eol + 1 : end;
        if (!good || e.time < val_get_int(w->anchor, "time", 0))
            continue;
        if (w->anchor && e.time == val_get_int(w->anchor, "time", 0) &&
            str_eq(e.id, val_get_str(w->anchor, "id")) &&
            str_eq(e.action, val_get_str(w->anchor, "action"))) {
            w->continuous = true; /* this is the anchor: the last observation has seen it */
            continue;
        }
        if (changes_container(&e))
            map_put(&w->touched, e.id, w);
        if (e.time >= newest.time)
            newest = e;
    }
    if (!newest.id)
        return;
    struct val *v = val_map(w->arena);
    val_set_int(w->arena, v, "time", newest.time);
    val_set_str(w->arena, v, "id", newest.id);
    val_set_str(w->arena, v, "action", newest.action);
    w->new_anchor = v;
}

void events_keep(struct look_at *w)
{
    if (w->new_anchor)
        docker_cache_put(w->d, arena_printf(w->arena, KEY_ANCHOR "%s", w->rq->owner), w->new_anchor);
}
