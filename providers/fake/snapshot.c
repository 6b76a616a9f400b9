/* Serialising an engine to bytes and back, so that it survives its process. */
#include "providers/fake/state.h"

#include "base/str.h"

static struct val *object_value(struct arena *a, const struct fake_object *o)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "kind", o->kind->name);
    val_set_str(a, v, "id", o->id);
    val_set_str(a, v, "name", o->name);
    val_map_set(a, v, "labels", o->labels);
    val_map_set(a, v, "spec", o->spec);
    val_set_str(a, v, "image_id", o->image_id);
    val_set_str(a, v, "message", o->message);
    const int64_t numbers[] = {o->state,           o->health,      o->exit_code,      o->restarts,
                               o->stopped_by_hand, o->created_ns,  o->started_ns,     o->finished_ns,
                               o->health_due_ns,   o->exit_due_ns, o->restart_due_ns, o->health_then,
                               o->exit_then};
    struct val *list = val_list(a);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        val_list_add(a, list, val_int(a, numbers[i]));
    val_map_set(a, v, "numbers", list);
    return v;
}

static struct val *image_value(struct arena *a, const struct fake_image *img)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "ref", img->ref);
    val_set_int(a, v, "local", img->local);
    val_set_int(a, v, "remote", img->remote);
    val_set_str(a, v, "username", img->username);
    val_set_str(a, v, "password", img->password);
    val_set_str(a, v, "id", img->id);
    if (img->config)
        val_map_set(a, v, "config", val_clone(a, img->config));
    return v;
}

static struct val *behaviour_value(struct arena *a, const struct fake_behaviour_entry *b)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "key", b->key);
    val_set_int(a, v, "healthy", b->b.healthy_after_ns);
    val_set_int(a, v, "exit", b->b.exit_after_ns);
    val_set_int(a, v, "code", b->b.exit_code);
    val_set_bool(a, v, "deaf", b->b.ignores_term);
    val_set_str(a, v, "error", b->b.start_error);
    return v;
}

void fake_save(struct fake_engine *e, struct buf *out)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *objects = val_list(&a);
    struct val *images = val_list(&a);
    struct val *behaviours = val_list(&a);
    fake_lock(e);
    for (size_t i = 0; i < e->n; i++)
        val_list_add(&a, objects, object_value(&a, e->objects[i]));
    for (size_t i = 0; i < e->n_images; i++)
        val_list_add(&a, images, image_value(&a, e->images[i]));
    for (size_t i = 0; i < e->n_behaviours; i++)
        val_list_add(&a, behaviours, behaviour_value(&a, &e->behaviours[i]));
    struct val *all = val_map(&a);
    val_map_set(&a, all, "objects", objects);
    val_map_set(&a, all, "images", images);
    val_map_set(&a, all, "behaviours", behaviours);
    val_set_int(&a, all, "serial", (int64_t)e->serial);
    val_encode(all, false, out);
    fake_unlock(e);
}

static void load_object(struct fake_engine *e, const struct val *v)
{
    struct fake_object *o = fake_add(e, kind_find(val_get_str(v, "kind")), val_get_str(v, "name"));
    struct arena *a = &o->arena;
    const struct val *numbers = val_get(v, "numbers");
    size_t at = 0;
    o->id = arena_strdup(a, val_get_str(v, "id"));
    o->labels = val_clone(a, val_get(v, "labels"));
    o->spec = val_clone(a, val_get(v, "spec"));
    o->image_id = arena_strdup(a, val_get_str(v, "image_id"));
    o->message = arena_strdup(a, val_get_str(v, "message"));
    o->state = (enum object_state)numbers->items[at++]->i;
    o->health = (enum object_health)numbers->items[at++]->i;
    o->exit_code = (int)numbers->items[at++]->i;
    o->restarts = (unsigned)numbers->items[at++]->i;
    o->stopped_by_hand = numbers->items[at++]->i != 0;
    o->created_ns = numbers->items[at++]->i;
    o->started_ns = numbers->items[at++]->i;
    o->finished_ns = numbers->items[at++]->i;
    o->health_due_ns = numbers->items[at++]->i;
    o->exit_due_ns = numbers->items[at++]->i;
    o->restart_due_ns = numbers->items[at++]->i;
    o->health_then = (enum object_health)numbers->items[at++]->i;
    o->exit_then = (int)numbers->items[at++]->i;
}

static void load_image(struct fake_engine *e, const struct val *v)
{
    fake_image(e, &(struct fake_image){
                      .ref = val_get_str(v, "ref"),
                      .local = (unsigned)val_get_int(v, "local", 0),
                      .remote = (unsigned)val_get_int(v, "remote", 0),
                      .username = val_get_str(v, "username"),
                      .password = val_get_str(v, "password"),
                      .config = val_get(v, "config"),
                      .id = val_get_str(v, "id"),
                  });
}

static void load_behaviour(struct fake_engine *e, const struct val *v)
{
    fake_behave(e, val_get_str(v, "key"),
                &(struct fake_behaviour){
                    .healthy_after_ns = val_get_int(v, "healthy", 0),
                    .exit_after_ns = val_get_int(v, "exit", 0),
                    .exit_code = (int)val_get_int(v, "code", 0),
                    .ignores_term = val_get_bool(v, "deaf", false),
                    .start_error = val_get_str(v, "error"),
                });
}

int fake_load(struct fake_engine *e, const void *data, size_t len, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *all;
    int r = val_decode(&a, data, len, &all, err);
    if (r < 0)
        return r;
    fake_lock(e);
    while (e->n)
        fake_delete(e, e->objects[e->n - 1]);
    e->n_images = e->n_behaviours = 0;
    const struct val *objects = val_get(all, "objects");
    for (size_t i = 0; i < val_len(objects); i++)
        load_object(e, objects->items[i]);
    e->serial = (uint64_t)val_get_int(all, "serial", 0);
    fake_unlock(e);
    const struct val *images = val_get(all, "images");
    for (size_t i = 0; i < val_len(images); i++)
        load_image(e, images->items[i]);
    const struct val *behaviours = val_get(all, "behaviours");
    for (size_t i = 0; i < val_len(behaviours); i++)
        load_behaviour(e, behaviours->items[i]);
    return 0;
}
