/* The containers of an observation: the listing, cached details, and inspection of the rest. */
#include "providers/docker/observe.h"

#include "base/mem.h"
#include "base/str.h"

#define KEY_CONTAINER "docker1/container/"
/* Parsed answers take about ten times their 5 kB: the batch bounds their memory, however many containers. */
#define INSPECT_BATCH 64u

/* Take the container from the cache, if it still looks the same in the listing. */
static void recall(struct look_at *w, struct seen *s)
{
    char look[DIGEST_HEX_LEN + 1];
    struct err ignored = {0};
    if (w->rq->fresh || w->rq->resource || !w->continuous || map_get(&w->touched, s->l.id))
        return;
    const struct val *v =
        docker_cache_get(w->d, w->arena, arena_printf(w->arena, KEY_CONTAINER "%s", s->l.id));
    digest_hex(&s->l.look, look);
    if (!str_eq(val_get_str(v, "look"), look) ||
        object_from_val(w->arena, val_get(v, "object"), &s->o, &ignored) < 0)
        return;
    s->known = true;
    w->out->cached++;
}

bool docker_recall(struct docker *d, struct arena *a, const char *native_id, struct object *ret)
{
    struct err ignored = {0};
    const struct val *v = docker_cache_get(d, a, arena_printf(a, KEY_CONTAINER "%s", native_id));
    return v && object_from_val(a, val_get(v, "object"), ret, &ignored) == 0;
}

static void remember(struct look_at *w, const struct seen *s)
{
    char look[DIGEST_HEX_LEN + 1];
    if (!w->d->env.cache.put)
        return;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *v = val_map(&a);
    digest_hex(&s->l.look, look);
    val_set_str(&a, v, "look", look);
    val_map_set(&a, v, "object", object_to_val(&a, &s->o));
    docker_cache_put(w->d, arena_printf(&a, KEY_CONTAINER "%s", s->l.id), v);
}

int containers_list(struct look_at *w, struct err *err)
{
    const struct buf *body = &w->containers.body;
    const struct span text = {buf_str(body), buf_str(body) + body->len};
    size_t cap = 0;
    struct scan s;
    struct span entry;
    int r = scan_enter(text, '[', &s, err);
    while (r >= 0 && (r = scan_element(&s, &entry, err)) > 0) {
        struct seen one = {.known = false};
        r = listing_read(w->arena, entry, &one.l, err);
        if (r < 0)
            break;
        w->out->listed++;
        if (!str_eq(one.l.owner, w->rq->owner) || !one.l.resource)
            continue;
        recall(w, &one);
        arena_push(w->arena, w->seen, w->n_seen, cap, one);
    }
    /* The text has been parsed and is no longer needed. */
    http_answer_release(&w->containers);
    for (size_t i = 0; i < w->n_seen; i++)
        map_put(&w->by_id, w->seen[i].l.id, &w->seen[i]);
    return r;
}

struct batch {
    struct look_at *w;
    struct seen *items[INSPECT_BATCH];
    int result[INSPECT_BATCH];
    struct err err[INSPECT_BATCH];
    size_t n;
};

static void inspect_one(void *arg, size_t i)
{
    struct batch *b = arg;
    struct seen *s = b->items[i];
    b->result[i] = docker_inspect_json(b->w->d, s->l.id, b->w->cancel, &s->json, &b->err[i]);
}

int image_of(struct look_at *w, const char *id, struct image_info **ret, struct err *err)
{
    struct image_info *info = id ? map_get(&w->images, id) : NULL;
    int r = 0;
    if (!info && id) {
        r = docker_image(w->d, id, w->cancel, w->arena, &info, err);
        if (r == 0 && info)
            map_put(&w->images, id, info);
    }
    *ret = info;
    return r;
}

static int inspect_batch(struct look_at *w, struct batch *b, struct err *err)
{
    if (w->d->env.pool)
        pool_each(w->d->env.pool, b->n, inspect_one, b);
    else
        for (size_t i = 0; i < b->n; i++)
            inspect_one(b, i);
    for (size_t i = 0; i < b->n; i++) {
        struct seen *s = b->items[i];
        struct image_info *image;
        if (b->result[i] == ERR_NOTFOUND)
            continue; /* removed since the listing */
        int r = b->result[i];
        if (r < 0)
            *err = b->err[i];
        else
            r = image_of(w, arena_strdup(w->arena, json_string_value(json_object_get(s->json, "Image"))),
                         &image, err);
        if (r == 0)
            r = w->d->dialect->read(w->arena, s->json, image, &s->o, err);
        json_decref(s->json);
        s->json = NULL;
        if (r < 0)
            return err_wrap(err, "container %s", s->l.name);
        s->known = true;
        w->out->inspected++;
        remember(w, s);
    }
    b->n = 0;
    return 0;
}

/* Replace the id in "container:ID" by the container's current name; if it is gone, the id stays. */
static void name_joins(struct look_at *w, struct object *o)
{
    static const char *const fields[] = {"network_mode", "pid", "ipc"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const char *mode = val_get_str(o->spec, fields[i]);
        const char *id = str_after(str_or(mode, ""), "container:");
        if (!id)
            continue;
        const struct seen *other = map_get(&w->by_id, id);
        const char *named = other ? arena_printf(w->arena, "container:%s", other->l.name)
                                  : docker_resolve_join(w->d, mode, w->cancel, w->arena);
        struct val *spec = val_map_copy(w->arena, o->spec);
        val_set_str(w->arena, spec, fields[i], named);
        o->spec = spec;
    }
}

int container_finish(struct look_at *w, struct object *o, struct err *err)
{
    struct image_info *image;
    int r = image_of(w, o->image_id, &image, err);
    if (r < 0)
        return r;
    name_joins(w, o);
    o->defaults = w->d->dialect->defaults(w->arena, o, image, &w->facts);
    return 0;
}

static bool wants_facts(struct look_at *w)
{
    bool (*wants)(const struct val *spec) = w->d->dialect->wants_facts;
    const struct resource_set *set = wants ? desired_set(w) : NULL;
    bool any = !wants;
    for (size_t i = 0; i < w->n_seen && !any; i++)
        any = w->seen[i].known && wants(w->seen[i].o.spec);
    for (size_t i = 0; set && i < set->n && !any; i++)
        any = set->items[i]->kind == &kind_container && wants(set->items[i]->spec);
    return any;
}

int containers_look(struct look_at *w, struct err *err)
{
    _cleanup_free_ struct batch *b = mem_new(struct batch);
    b->w = w;
    int r = 0;
    for (size_t i = 0; i < w->n_seen && r == 0; i++) {
        if (!w->seen[i].known)
            b->items[b->n++] = &w->seen[i];
        if (b->n == INSPECT_BATCH)
            r = inspect_batch(w, b, err);
    }
    if (r == 0 && b->n > 0)
        r = inspect_batch(w, b, err);
    if (r == 0 && wants_facts(w))
        r = docker_facts(w->d, w->rq->fresh, w->cancel, w->arena, &w->facts, err);
    for (size_t i = 0; i < w->n_seen && r == 0; i++) {
        struct seen *s = &w->seen[i];
        if (!s->known)
            continue;
        s->o.image_moved =
            s->l.image_moved && !str_starts(str_or(val_get_str(s->o.spec, "image"), ""), "sha256:");
        if (s->l.health != HEALTH_NONE)
            s->o.health = s->l.health;
        r = container_finish(w, &s->o, err);
        if (r == 0)
            *observed_add(w->out) = s->o;
    }
    return r;
}
