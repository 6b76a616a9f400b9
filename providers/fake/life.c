/* Containers over time: starts, exits, restarts and health, each when it is due. */
#include "providers/fake/state.h"

#include "base/str.h"

#include <inttypes.h>

#define RESTART_FIRST_NS (INT64_C(100) * NS_PER_MS) /* as in Docker, doubling up to a minute */
#define RESTART_MOST_NS  (INT64_C(60) * NS_PER_S)

bool fake_running(const struct fake_object *o)
{
    return o->state == OBJECT_RUNNING || o->state == OBJECT_PAUSED || o->state == OBJECT_RESTARTING;
}

static bool has_healthcheck(struct fake_engine *e, const struct fake_object *o)
{
    const struct val *check = val_path(o->spec, "healthcheck");
    const struct fake_image *img = check ? NULL : fake_image_by_id(e, o->image_id);
    const struct val *test =
        val_get(check ? check : val_get(img ? img->config : NULL, "healthcheck"), "test");
    return val_len(test) && !str_eq(test->items[0]->s, "NONE");
}

static void set_health(struct fake_engine *e, struct fake_object *o, enum object_health h)
{
    o->health = h;
    o->health_due_ns = 0;
    if (h == HEALTH_HEALTHY || h == HEALTH_UNHEALTHY)
        fake_emit(e, o, h == HEALTH_HEALTHY ? "health_status: healthy" : "health_status: unhealthy");
}

/* It has been running since `at`: schedule what happens to it. */
static void begin(struct fake_engine *e, struct fake_object *o, int64_t at)
{
    const struct fake_behaviour *b = fake_behaviour_of(e, o);
    o->state = OBJECT_RUNNING;
    o->health = HEALTH_NONE;
    o->started_ns = at;
    o->message = NULL;
    o->exit_then = b->exit_code;
    o->exit_due_ns = b->exit_after_ns > 0 ? at + b->exit_after_ns : 0;
    o->health_due_ns = o->restart_due_ns = 0;
    fake_emit(e, o, "start");
    if (!has_healthcheck(e, o))
        return;
    o->health = HEALTH_STARTING;
    if (b->healthy_after_ns > 0) {
        o->health_due_ns = at + b->healthy_after_ns;
        o->health_then = HEALTH_HEALTHY;
    } else if (b->healthy_after_ns != FAKE_NEVER) {
        set_health(e, o, b->healthy_after_ns == FAKE_UNHEALTHY ? HEALTH_UNHEALTHY : HEALTH_HEALTHY);
    }
}

static bool restarts_after(const struct fake_object *o, int exit_code)
{
    const char *policy = str_or(val_get_str(o->spec, "restart"), "no");
    const char *most = str_after(policy, "on-failure");
    if (o->stopped_by_hand)
        return false;
    if (!most)
        return str_eq(policy, "always") || str_eq(policy, "unless-stopped");
    return exit_code && (!*most || o->restarts < (unsigned)strtoul(most + 1, NULL, 10));
}

static void end(struct fake_engine *e, struct fake_object *o, int exit_code, int64_t at)
{
    o->state = OBJECT_EXITED;
    o->exit_code = exit_code;
    o->finished_ns = at;
    o->health_due_ns = o->exit_due_ns = o->restart_due_ns = 0;
    fake_emit(e, o, "die");
    if (restarts_after(o, exit_code)) {
        int64_t pause = o->restarts < 10 ? RESTART_FIRST_NS << o->restarts : RESTART_MOST_NS;
        o->state = OBJECT_RESTARTING;
        o->restart_due_ns = at + (pause < RESTART_MOST_NS ? pause : RESTART_MOST_NS);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static int64_t object_due(const struct fake_object *o)
{
    return earlier(earlier(o->health_due_ns, o->exit_due_ns), o->restart_due_ns);
}

int64_t fake_next_due(struct fake_engine *e)
{
    int64_t due = 0;
    for (size_t i = 0; i < e->n; i++)
        due = earlier(due, object_due(e->objects[i]));
    return due;
}

void fake_settle_locked(struct fake_engine *e)
{
    int64_t now = fake_now(e);
    for (size_t i = 0; i < e->n; i++) {
        struct fake_object *o = e->objects[i];
        for (int64_t due = object_due(o); due && due <= now; due = object_due(o)) {
            if (due == o->exit_due_ns) {
                end(e, o, o->exit_then, due);
            } else if (due == o->restart_due_ns) {
                o->restarts++;
                begin(e, o, due);
            } else {
                set_health(e, o, o->health_then);
            }
        }
    }
}

/* What must exist when a container starts; its image was looked up when it was created. */
static int check_start(struct fake_engine *e, const struct fake_object *o, struct err *err)
{
    const struct val *networks = val_get(o->spec, "networks");
    for (size_t i = 0; i < val_len(networks); i++) {
        if (!fake_find_kind(e, &kind_network, networks->pairs[i].key))
            return err_set(err, ERR_NOTFOUND, "container %s: network %s not found", o->name,
                           networks->pairs[i].key);
    }
    const char *why = fake_behaviour_of(e, o)->start_error;
    if (why)
        return err_set(err, ERR_FAILED, "container %s: %s", o->name, why);
    return fake_check_clashes(e, o, err);
}

int fake_life_start(struct fake_engine *e, struct fake_object *o, struct err *err)
{
    int r = check_start(e, o, err);
    if (r < 0) {
        o->message = arena_strdup(&o->arena, err->msg);
        o->exit_code = 128;
        return r;
    }
    o->stopped_by_hand = false;
    o->restarts = 0;
    o->exit_code = 0;
    begin(e, o, fake_now(e));
    return 0;
}

void fake_life_stop(struct fake_engine *e, struct fake_object *o, int exit_code, const char *action)
{
    o->stopped_by_hand = true;
    if (o->state != OBJECT_RESTARTING) {
        end(e, o, exit_code, fake_now(e));
    } else {
        o->state = OBJECT_EXITED;
        o->restart_due_ns = 0;
    }
    o->health = HEALTH_NONE;
    fake_emit(e, o, action);
}
