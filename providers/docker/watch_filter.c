/*
 * Which object an event is about. Events of containers carry labels; those of networks and volumes do not,
 * and a container that joins or leaves a network is only named by its id. So the watch knows our objects by
 * id: it lists them when it connects, learns new containers from their events, and asks about each new
 * network and volume.
 */
#include "providers/docker/watch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "providers/containers/listing.h"

/* The loop thread waits for these answers; an engine that has just sent an event gives them within a
   millisecond. */
#define ANSWER_NS (2 * NS_PER_S)

bool watch_is_owner(const struct watching *w, const char *owner)
{
    return owner && (!w->owner || str_eq(w->owner, owner));
}

static void know(struct watching *w, const char *key)
{
    if (map_get(&w->known, key))
        return;
    char *copy = mem_strdup(key);
    map_put(&w->known, copy, copy);
}

static void forget_container(struct watching *w, const char *id)
{
    struct known_container *k = map_get(&w->containers, id);
    if (!k)
        return;
    map_del(&w->containers, id);
    free(k->id);
    free(k->owner);
    free(k->resource);
    free(k);
}

void watch_know(struct watching *w, const char *id, const char *owner, const char *resource,
                unsigned instance)
{
    if (!resource || map_get(&w->containers, id))
        return;
    struct known_container *k = mem_new(struct known_container);
    k->id = mem_strdup(id);
    k->owner = mem_strdup(owner);
    k->resource = mem_strdup(resource);
    k->instance = instance;
    map_put(&w->containers, k->id, k);
}

static void forget_containers(struct watching *w)
{
    const struct map_slot *s;
    size_t it = 0;
    while ((s = map_next(&w->containers, &it))) {
        struct known_container *k = s->value;
        free(k->id);
        free(k->owner);
        free(k->resource);
        free(k);
    }
    map_clear(&w->containers);
}

void watch_forget(struct watching *w)
{
    forget_containers(w);
    const struct map_slot *s;
    size_t it = 0;
    while ((s = map_next(&w->known, &it)))
        free(s->value);
    map_clear(&w->known);
}

static void learn_list(struct watching *w, json_t *list, const char *key)
{
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *id = json_string_value(json_object_get(item, key));
        if (id && watch_is_owner(
                      w, json_string_value(json_object_get(json_object_get(item, "Labels"), MARK_OWNER))))
            know(w, id);
    }
}

static int learn_containers(struct watching *w, const char *path, struct arena *a, struct err *err)
{
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    struct scan s;
    struct span entry;
    int r = docker_ask(w->d, &(struct ask){.path = path, .timeout_ns = ANSWER_NS}, &answer, NULL, err);
    if (r == 0)
        r = scan_enter((struct span){buf_str(&answer.body), buf_str(&answer.body) + answer.body.len}, '[', &s,
                       err);
    while (r >= 0 && (r = scan_element(&s, &entry, err)) > 0) {
        struct listed l;
        r = listing_read(a, entry, &l, err);
        if (r == 0 && watch_is_owner(w, l.owner))
            watch_know(w, l.id, l.owner, l.resource, l.instance);
    }
    return r;
}

void watch_learn(struct watching *w)
{
    static const char filter[] = "filters=%7B%22label%22%3A%5B%22" MARK_OWNER "%22%5D%7D";
    _cleanup_json_ json_t *networks = NULL, *volumes = NULL;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err ignored = {0};
    if (learn_containers(w, arena_printf(&a, "/containers/json?all=1&%s", filter), &a, &ignored) < 0)
        return;
    struct ask q = {.path = arena_printf(&a, "/networks?%s", filter), .timeout_ns = ANSWER_NS};
    if (docker_json(w->d, &q, &networks, NULL, &ignored) < 0)
        return;
    q.path = arena_printf(&a, "/volumes?%s", filter);
    if (docker_json(w->d, &q, &volumes, NULL, &ignored) < 0)
        return;
    learn_list(w, networks, "Id");
    learn_list(w, json_object_get(volumes, "Volumes"), "Name");
}

static bool is_ours(struct watching *w, const struct kind_desc *kind, const char *native,
                    struct provider_event *ev)
{
    struct object o;
    struct err ignored = {0};
    if (docker_look(w->d, kind, native, NULL, &w->arena, &o, &ignored) < 0 || !watch_is_owner(w, o.owner))
        return false;
    ev->owner = o.owner;
    ev->id = o.id;
    ev->instance = o.instance;
    return true;
}

bool watch_concerns(struct watching *w, const struct engine_event *e, struct provider_event *ev)
{
    if (e->type == EVENT_CONTAINER) {
        if (!watch_is_owner(w, e->owner) || !e->resource)
            return false;
        if (str_eq(e->action, "destroy"))
            forget_container(w, e->id);
        else
            watch_know(w, e->id, e->owner, e->resource, e->instance);
        return true;
    }
    if (e->type == EVENT_OTHER)
        return false;
    /* Joining or leaving a network changes the container. */
    if (e->container) {
        const struct known_container *k = map_get(&w->containers, e->container);
        if (!k)
            return false;
        ev->native_id = e->container;
        ev->owner = k->owner;
        ev->id = k->resource;
        ev->instance = k->instance;
        return true;
    }
    if (str_eq(e->action, "create") && !map_get(&w->known, e->id)) {
        if (!is_ours(w, e->type == EVENT_NETWORK ? &kind_network : &kind_volume, e->id, ev))
            return false;
        know(w, e->id);
    }
    return map_get(&w->known, e->id);
}
