/* Changes made to the engine behind Forge's back, and queries for tests. */
#include "providers/fake/state.h"

#include "base/str.h"

/* A test that names an object that does not exist is wrong: abort. */
static struct fake_object *must_find(struct fake_engine *e, const char *object)
{
    struct fake_object *o = fake_find(e, object);
    if (!o) {
        fprintf(stderr, "fake://%s has no object %s\n", e->name, object);
        abort();
    }
    return o;
}

void fake_foreign(struct fake_engine *e, const struct kind_desc *kind, const char *name,
                  const struct val *spec)
{
    struct err err = {0};
    fake_lock(e);
    struct fake_object *o = fake_add(e, kind, name);
    if (spec)
        o->spec = val_clone(&o->arena, spec);
    if (kind == &kind_container && fake_life_start(e, o, &err) < 0)
        abort();
    fake_unlock(e);
}

static void set_path(struct arena *a, struct val *map, const char *dotted, const struct val *v)
{
    size_t n = strcspn(dotted, ".");
    const char *key = arena_strndup(a, dotted, n);
    if (dotted[n]) {
        struct val *inner = val_map_copy(a, val_get(map, key));
        set_path(a, inner, dotted + n + 1, v);
        val_map_set(a, map, key, inner);
    } else if (v) {
        val_map_set(a, map, key, val_clone(a, v));
    } else {
        val_map_del(map, key);
    }
}

void fake_set_field(struct fake_engine *e, const char *object, const char *dotted, const struct val *v)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    set_path(&o->arena, o->spec, dotted, v);
    fake_emit(e, o, "update");
    fake_unlock(e);
}

void fake_set_image(struct fake_engine *e, const char *object, const char *id)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    o->image_id = arena_strdup(&o->arena, id);
    fake_unlock(e);
}

void fake_set_label(struct fake_engine *e, const char *object, const char *key, const char *value)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    if (value)
        val_map_set(&o->arena, o->labels, key, val_str(&o->arena, value));
    else
        val_map_del(o->labels, key);
    fake_unlock(e);
}

void fake_set_health(struct fake_engine *e, const char *object, enum object_health h)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    o->health = h;
    o->health_due_ns = 0;
    fake_emit(e, o, h == HEALTH_HEALTHY ? "health_status: healthy" : "health_status: unhealthy");
    fake_unlock(e);
}

void fake_pause_container(struct fake_engine *e, const char *object)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    o->state = OBJECT_PAUSED;
    fake_emit(e, o, "pause");
    fake_unlock(e);
}

void fake_kill(struct fake_engine *e, const char *object, int exit_code)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    fake_settle_locked(e);
    /* As if its process had died: the restart policy applies. */
    if (fake_running(o)) {
        o->exit_due_ns = fake_now(e);
        o->exit_then = exit_code;
        fake_settle_locked(e);
    }
    fake_unlock(e);
}

void fake_start(struct fake_engine *e, const char *object)
{
    struct err err = {0};
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    if (!fake_running(o) && fake_life_start(e, o, &err) < 0)
        abort();
    fake_unlock(e);
}

void fake_remove(struct fake_engine *e, const char *object)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    if (fake_running(o))
        fake_life_stop(e, o, 137, "kill");
    fake_emit(e, o, "destroy");
    fake_delete(e, o);
    fake_unlock(e);
}

void fake_rename(struct fake_engine *e, const char *object, const char *name)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    o->name = arena_strdup(&o->arena, name);
    fake_emit(e, o, "rename");
    fake_unlock(e);
}

void fake_log_line(struct fake_engine *e, const char *object, int stream, const char *text)
{
    fake_lock(e);
    struct fake_object *o = must_find(e, object);
    struct fake_line line = {.stream = stream, .at_ns = fake_now(e), .text = arena_strdup(&o->arena, text)};
    arena_push(&o->arena, o->lines, o->n_lines, o->cap_lines, line);
    fake_emit(e, o, "log");
    fake_unlock(e);
}

void fake_exec_result(struct fake_engine *e, int exit_code, const char *output)
{
    fake_lock(e);
    e->exec_exit = exit_code;
    e->exec_output = arena_strdup(&e->arena, output);
    fake_unlock(e);
}

size_t fake_objects(struct fake_engine *e, const struct kind_desc *kind, const char *owner)
{
    size_t n = 0;
    fake_lock(e);
    for (size_t i = 0; i < e->n; i++) {
        const struct fake_object *o = e->objects[i];
        n += (!kind || o->kind == kind) && (!owner || str_eq(fake_label(o, MARK_OWNER), owner));
    }
    fake_unlock(e);
    return n;
}

bool fake_exists(struct fake_engine *e, const char *object)
{
    fake_lock(e);
    bool found = fake_find(e, object) != NULL;
    fake_unlock(e);
    return found;
}

enum object_state fake_state(struct fake_engine *e, const char *object)
{
    fake_lock(e);
    fake_settle_locked(e);
    enum object_state s = must_find(e, object)->state;
    fake_unlock(e);
    return s;
}

bool fake_native_id(struct fake_engine *e, const char *object, char ret[80])
{
    fake_lock(e);
    const struct fake_object *o = fake_find(e, object);
    if (o)
        str_copy(ret, 80, o->id);
    fake_unlock(e);
    return o != NULL;
}
