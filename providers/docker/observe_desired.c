/* What desired resources need to know: objects that have a wanted name and are not ours, external objects,
   and images. */
#include "providers/docker/observe.h"

#include "base/str.h"
#include "providers/containers/missing.h"

#define NAMES_AT_ONCE 100u /* in one filter: keeps the request line below Go's header limit */

/* The engine's filter for names: it matches containers by regular expression, other objects by substring. */
static const char *name_filter(struct look_at *w, const struct missing *m, size_t begin, bool exact)
{
    struct val *filters = val_map(w->arena), *names = val_list(w->arena);
    for (size_t i = begin; i < m->n && i < begin + NAMES_AT_ONCE; i++) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        buf_adds(&b, exact ? "^/?" : "");
        const char *name =
            !exact && str_eq(m->items[i].name, "bridge") ? w->d->dialect->bridge : m->items[i].name;
        for (const char *p = name; *p; p++) {
            if (exact && *p == '.')
                buf_addc(&b, '\\');
            buf_addc(&b, *p);
        }
        buf_adds(&b, exact ? "$" : "");
        val_list_add(w->arena, names, val_str(w->arena, buf_str(&b)));
    }
    val_map_set(w->arena, filters, "name", names);
    return docker_filters(w->arena, filters);
}

static void add_foreign(struct look_at *w, const struct missing_name *want, struct object *o)
{
    o->id = want->resource->id;
    o->instance = want->instance;
    o->candidate = false;
    *observed_add(w->out) = *o;
}

static int add_container(struct look_at *w, const struct missing_name *want, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    struct image_info *image;
    struct object o;
    int r = docker_inspect_json(w->d, want->name, w->cancel, &j, err);
    if (r == ERR_NOTFOUND)
        return 0;
    if (r == 0)
        r = image_of(w, arena_strdup(w->arena, json_string_value(json_object_get(j, "Image"))), &image, err);
    if (r == 0)
        r = w->d->dialect->read(w->arena, j, image, &o, err);
    if (r == 0)
        r = container_finish(w, &o, err);
    if (r < 0)
        return err_wrap(err, "container %s", want->name);
    w->out->inspected++;
    add_foreign(w, want, &o);
    return 0;
}

static int find_containers(struct look_at *w, const struct missing *m, size_t begin, struct err *err)
{
    _cleanup_json_ json_t *list = NULL;
    const char *path = arena_printf(w->arena, "/containers/json?all=1&%s", name_filter(w, m, begin, true));
    json_t *item;
    size_t i;
    int r = docker_json(w->d, &(struct ask){.path = path, .cancel = w->cancel}, &list, NULL, err);
    if (r < 0)
        return r;
    json_array_foreach(list, i, item)
    {
        json_t *names = json_object_get(item, "Names"), *name;
        size_t k;
        json_array_foreach(names, k, name)
        {
            const char *s = str_or(json_string_value(name), "");
            const struct missing_name *want = missing_find(m, *s == '/' ? s + 1 : s);
            r = want ? add_container(w, want, err) : 0;
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int find_objects(struct look_at *w, const struct kind_desc *kind, const struct missing *m,
                        size_t begin, struct err *err)
{
    bool network = kind == &kind_network;
    _cleanup_json_ json_t *answer = NULL;
    const char *path =
        arena_printf(w->arena, "%s?%s", network ? "/networks" : "/volumes", name_filter(w, m, begin, false));
    int r = docker_json(w->d, &(struct ask){.path = path, .cancel = w->cancel}, &answer, NULL, err);
    json_t *list = network ? answer : json_object_get(answer, "Volumes"), *item;
    size_t i;
    if (r < 0)
        return r;
    json_array_foreach(list, i, item)
    {
        struct object o;
        const struct missing_name *want =
            missing_find(m, str_or(json_string_value(json_object_get(item, "Name")), ""));
        if (!want)
            continue;
        r = network ? network_read(w->arena, item, &o, err) : volume_read(w->arena, item, &o, err);
        if (r < 0)
            return r;
        add_foreign(w, want, &o);
    }
    return 0;
}

static int find_namesakes(struct look_at *w, const struct resource_set *set, struct err *err)
{
    static const struct kind_desc *const looked_for[] = {&kind_container, &kind_network, &kind_volume};
    for (size_t i = 0; i < ARRAY_LEN(looked_for); i++) {
        _cleanup_missing_ struct missing m;
        missing_init(&m, w->arena, w->out, set, w->rq->owner, looked_for[i], true);
        for (size_t begin = 0; begin < m.n; begin += NAMES_AT_ONCE) {
            int r = looked_for[i] == &kind_container ? find_containers(w, &m, begin, err)
                                                     : find_objects(w, looked_for[i], &m, begin, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* Images. */

/* A container of ours that runs the image that the reference means now; then no request is needed. */
static const struct object *runs_image(struct look_at *w, const char *ref)
{
    for (size_t i = 0; i < w->out->n; i++) {
        const struct object *o = w->out->items[i];
        if (o->image_id && !o->image_moved && str_eq(val_get_str(o->spec, "image"), ref) &&
            str_eq(o->owner, w->rq->owner))
            return o;
    }
    return NULL;
}

/* Set whether the containers with this reference run another image than it now means. False when the
   reference means no image on this engine: then they run what was asked for. */
static void mark_moved(struct look_at *w, const char *ref, bool moved)
{
    for (size_t i = 0; i < w->out->n; i++)
        if (w->out->items[i]->image_id && str_eq(val_get_str(w->out->items[i]->spec, "image"), ref))
            w->out->items[i]->image_moved = moved;
}

/* The same for each container by itself: compare the image that it runs with `id`. */
static void mark_others(struct look_at *w, const char *ref, const char *id)
{
    for (size_t i = 0; i < w->out->n; i++)
        if (w->out->items[i]->image_id && str_eq(val_get_str(w->out->items[i]->spec, "image"), ref))
            w->out->items[i]->image_moved = !str_eq(w->out->items[i]->image_id, id);
}

/* Look up the image that the reference means on this engine, if any. */
static int ask_image(struct look_at *w, struct arena *a, const char *ref, struct image_fact *ret,
                     struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    *ret = (struct image_fact){.ref = ref};
    int r = docker_image_json(w->d, ref, w->cancel, &j, err);
    if (r == ERR_NOTFOUND) {
        err_clear(err);
        return 0;
    }
    if (r < 0)
        return r;
    ret->present = true;
    ret->id = arena_strdup(a, json_string_value(json_object_get(j, "Id")));
    ret->digest = image_digest(a, j, ref);
    return 0;
}

static const char *image_wanted(const struct resource *r)
{
    return r->kind->flags & KIND_INSTANCES ? val_get_str(r->spec, "image") : NULL;
}

int images_ask(struct look_at *w, struct err *err)
{
    const struct resource_set *set = desired_set(w);
    int r = 0;
    for (size_t i = 0; set && i < set->n && r == 0; i++) {
        const char *ref = image_wanted(set->items[i]);
        if (!ref || map_get(&w->asked, ref))
            continue;
        struct image_fact *fact = arena_new(&w->asked_arena, struct image_fact);
        r = ask_image(w, &w->asked_arena, ref, fact, err);
        map_put(&w->asked, ref, fact);
    }
    return r;
}

/* The same, from images_ask() when it has already asked. */
static int image_now(struct look_at *w, const char *ref, struct image_fact *ret, struct err *err)
{
    const struct image_fact *asked = map_get(&w->asked, ref);
    if (!asked)
        return ask_image(w, w->arena, ref, ret, err);
    *ret = (struct image_fact){.ref = ref,
                               .present = asked->present,
                               .id = arena_strdup(w->arena, asked->id),
                               .digest = arena_strdup(w->arena, asked->digest)};
    return 0;
}

static int learn_image(struct look_at *w, const char *ref, bool always, struct image_fact *ret,
                       struct err *err)
{
    int r = image_now(w, ref, ret, err);
    if (r < 0)
        return r;
    if (!ret->present)
        mark_moved(w, ref, false);
    else if (!w->d->dialect->listing_shows_moves)
        mark_others(w, ref, ret->id);
    const char *remote = always ? registries_digest(&w->registries, ref, &ret->unasked) : NULL;
    if (!remote || str_eq(remote, ret->digest))
        return 0;
    *ret = (struct image_fact){.ref = ref, .digest = remote};
    mark_moved(w, ref, true);
    return 0;
}

static int learn_images(struct look_at *w, const struct resource_set *set, struct err *err)
{
    const bool unseen = !w->d->dialect->listing_shows_moves;
    const bool can_ask = w->d->dialect->caps(w->d->api, &w->facts) & CAP_REMOTE_DIGEST;
    _cleanup_map_ struct map known = MAP_INIT, pulled;
    int r = 0;
    always_pulled(set, &pulled);
    if (can_ask)
        registries_ask(&w->registries, &pulled);
    for (size_t i = 0; i < set->n && r == 0; i++) {
        const char *ref = image_wanted(set->items[i]);
        if (!ref || map_get(&known, ref))
            continue;
        bool always = can_ask && map_get(&pulled, ref); /* the planner refuses what cannot be asked */
        const struct object *o = always || unseen || w->rq->images ? NULL : runs_image(w, ref);
        struct image_fact fact = {.ref = ref, .present = true, .id = o ? o->image_id : NULL};
        if (!o)
            r = learn_image(w, ref, always, &fact, err);
        arena_push(w->out->arena, w->out->images, w->out->n_images, w->out->cap_images, fact);
        map_put(&known, ref, w);
    }
    return r;
}

/* What is wanted of a swarm may come right after the engine became part of one: then the facts are too old. */
static int learn_swarm(struct look_at *w, const struct resource_set *set, struct err *err)
{
    for (size_t i = 0; w->facts.outside_swarm && i < set->n; i++)
        if (set->items[i]->kind == &kind_network &&
            str_eq(val_get_str(set->items[i]->spec, "driver"), "overlay"))
            return docker_facts(w->d, true, w->cancel, w->arena, &w->facts, err);
    return 0;
}

int desired_look(struct look_at *w, const struct resource_set *set, struct err *err)
{
    int r = learn_swarm(w, set, err);
    if (r == 0)
        r = find_namesakes(w, set, err);
    return r < 0 ? r : learn_images(w, set, err);
}
