/* Single objects, uncached; and facts about images and the engine's configuration, which are read once. */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/str.h"

/* Keys of the caller's cache. The number is the version of the stored format. */
#define KEY_IMAGE "docker1/image/"
#define KEY_FACTS "docker1/facts/"

int docker_inspect_json(struct docker *d, const char *native, const struct cancel *c, json_t **ret,
                        struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct ask q = {.path = docker_path(&a, "/containers/", native, "/json"), .cancel = c};
    return docker_json(d, &q, ret, NULL, err);
}

struct val *docker_cache_get(struct docker *d, struct arena *a, const char *key)
{
    const struct provider_cache *c = &d->env.cache;
    _cleanup_arena_ struct arena scratch = ARENA_INIT; /* the bytes are not needed once they are decoded */
    const void *data;
    size_t len;
    struct val *v;
    struct err ignored = {0};
    if (!c->get || c->get(c->arg, key, &scratch, &data, &len) < 0 ||
        val_decode(a, data, len, &v, &ignored) < 0)
        return NULL;
    return v;
}

void docker_cache_put(struct docker *d, const char *key, const struct val *v)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (!d->env.cache.put)
        return;
    val_encode(v, false, &b);
    d->env.cache.put(d->env.cache.arg, key, b.data, b.len);
}

/* A copy of the shared entry, in the arena; NULL: none. */
static struct image_info *known_image(struct docker *d, const char *id, struct arena *a)
{
    struct image_info *copy = NULL;
    pthread_mutex_lock(&d->lock);
    const struct image_info *info = map_get(&d->images, id);
    if (info) {
        copy = arena_new(a, struct image_info);
        *copy = (struct image_info){.id = arena_strdup(a, info->id),
                                    .defaults = val_clone(a, info->defaults),
                                    .exposed = val_clone(a, info->exposed)};
    }
    pthread_mutex_unlock(&d->lock);
    return copy;
}

static void keep_image(struct docker *d, const char *id, const struct val *v)
{
    pthread_mutex_lock(&d->lock);
    if (!map_get(&d->images, id)) {
        struct image_info *info = arena_new(&d->learnt, struct image_info);
        image_from_val(&d->learnt, val_clone(&d->learnt, v), info);
        map_put(&d->images, arena_strdup(&d->learnt, id), info);
    }
    pthread_mutex_unlock(&d->lock);
}

int docker_image(struct docker *d, const char *id, const struct cancel *c, struct arena *a,
                 struct image_info **ret, struct err *err)
{
    _cleanup_arena_ struct arena scratch = ARENA_INIT;
    _cleanup_json_ json_t *j = NULL;
    struct image_info *info = known_image(d, id, a), fresh;
    *ret = info;
    if (info)
        return 0;
    const char *key = arena_printf(&scratch, KEY_IMAGE "%s", id);
    const struct val *v = docker_cache_get(d, &scratch, key);
    if (!v) {
        const struct ask q = {.path = docker_path(&scratch, "/images/", id, "/json"), .cancel = c};
        int r = docker_json(d, &q, &j, NULL, err);
        if (r == ERR_NOTFOUND)
            return 0; /* the image was removed by force although containers use it */
        if (r < 0)
            return r;
        image_read(&scratch, j, &fresh);
        v = image_to_val(&scratch, &fresh);
        docker_cache_put(d, key, v);
    }
    keep_image(d, id, v);
    *ret = known_image(d, id, a);
    return 0;
}

int docker_image_json(struct docker *d, const char *ref, const struct cancel *c, json_t **ret,
                      struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    int r = docker_negotiate(d, c, err);
    if (r == 0)
        r = docker_json(d,
                        &(struct ask){.path = docker_path(&a, d->dialect->images, ref, "/json"), .cancel = c},
                        ret, NULL, err);
    const char *id = r == 0 ? json_string_value(json_object_get(*ret, "Id")) : NULL;
    if (id && !str_starts(id, "sha256:"))
        json_object_set_new(*ret, "Id", json_string(arena_printf(&a, "sha256:%s", id)));
    return r;
}

int docker_image_id(struct docker *d, const char *ref, const struct cancel *c, struct arena *a,
                    const char **ret, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    int r = docker_image_json(d, ref, c, &j, err);
    if (r < 0)
        return r;
    *ret = arena_strdup(a, json_string_value(json_object_get(j, "Id")));
    return *ret ? 0 : err_set(err, ERR_CORRUPT, "the engine's description of image %s has no id", ref);
}

/* The configuration only changes when the engine restarts, and only decides what an absent field means, so
   facts may be somewhat old. */
static bool is_recent(const struct docker *d, const struct val *facts)
{
    int64_t age = clock_wall(clock_system()) - val_get_int(facts, "at", 0);
    return facts && age >= 0 && age < d->dialect->facts_age_ns;
}

static int ask_facts(struct docker *d, bool fresh, const struct cancel *c, struct err *err)
{
    /* /info takes Docker 5 ms, because it counts all its objects, and Podman fifty times as long. */
    _cleanup_arena_ struct arena scratch = ARENA_INIT;
    _cleanup_json_ json_t *j = NULL;
    struct engine_facts facts;
    const char *key = arena_printf(&scratch, KEY_FACTS "%s %s", d->dial->url, d->engine);
    struct val *v = fresh ? NULL : docker_cache_get(d, &scratch, key);
    if (!is_recent(d, v)) {
        int r = docker_json(d, &(struct ask){.path = "/info", .cancel = c}, &j, NULL, err);
        if (r < 0)
            return r;
        if (facts_read(&scratch, j, &facts) < 0)
            return err_set(err, ERR_CORRUPT, "the engine's description of itself is not an object");
        v = facts_to_val(&scratch, &facts);
        val_set_int(&scratch, v, "at", clock_wall(clock_system()));
        docker_cache_put(d, key, v);
    }
    pthread_mutex_lock(&d->lock);
    arena_release(&d->facts_arena);
    arena_init(&d->facts_arena);
    d->facts = val_clone(&d->facts_arena, v);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

int docker_facts(struct docker *d, bool fresh, const struct cancel *c, struct arena *a,
                 struct engine_facts *ret, struct err *err)
{
    pthread_mutex_lock(&d->lock);
    bool known = !fresh && is_recent(d, d->facts);
    pthread_mutex_unlock(&d->lock);
    int r = known ? 0 : ask_facts(d, fresh, c, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&d->lock);
    facts_from_val(val_clone(a, d->facts), ret);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

const char *docker_resolve_join(struct docker *d, const char *mode, const struct cancel *c, struct arena *a)
{
    const char *id = str_after(str_or(mode, ""), "container:");
    _cleanup_json_ json_t *j = NULL;
    struct err ignored = {0};
    if (!id || docker_inspect_json(d, id, c, &j, &ignored) < 0)
        return mode;
    const char *name = str_or(json_string_value(json_object_get(j, "Name")), id);
    return arena_printf(a, "container:%s", *name == '/' ? name + 1 : name);
}

int docker_look(struct docker *d, const struct kind_desc *kind, const char *native, const struct cancel *c,
                struct arena *a, struct object *ret, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    if (kind != &kind_container)
        return docker_inspect(&d->provider, kind, native, c, a, ret, err);
    int r = docker_inspect_json(d, native, c, &j, err);
    return r < 0 ? r : d->dialect->read(a, j, NULL, ret, err);
}

bool docker_wants_facts(struct docker *d, const struct val *spec)
{
    pthread_mutex_lock(&d->lock);
    bool known = d->facts;
    pthread_mutex_unlock(&d->lock);
    return known || !d->dialect->wants_facts || d->dialect->wants_facts(spec);
}

static int inspect_container(struct docker *d, const char *native, const struct cancel *c, struct arena *a,
                             struct object *ret, struct err *err)
{
    static const char *const joins[] = {"network_mode", "pid", "ipc"};
    _cleanup_json_ json_t *j = NULL;
    struct image_info *image;
    struct engine_facts facts = {0};
    int r = docker_inspect_json(d, native, c, &j, err);
    if (r == 0)
        r = docker_image(d, str_or(json_string_value(json_object_get(j, "Image")), ""), c, a, &image, err);
    if (r == 0)
        r = d->dialect->read(a, j, image, ret, err);
    if (r == 0 && docker_wants_facts(d, ret->spec))
        r = docker_facts(d, false, c, a, &facts, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
        const char *mode = val_get_str(ret->spec, joins[i]);
        if (!str_starts(str_or(mode, ""), "container:"))
            continue;
        struct val *spec = val_map_copy(a, ret->spec);
        val_set_str(a, spec, joins[i], docker_resolve_join(d, mode, c, a));
        ret->spec = spec;
    }
    ret->defaults = d->dialect->defaults(a, ret, image, &facts);
    return 0;
}

int docker_inspect(struct provider *p, const struct kind_desc *kind, const char *native,
                   const struct cancel *c, struct arena *a, struct object *ret, struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_json_ json_t *j = NULL;
    if (kind == &kind_container)
        return inspect_container(d, native, c, a, ret, err);
    bool network = kind == &kind_network;
    if (!network && kind != &kind_volume)
        return err_set(err, ERR_UNSUPPORTED, "docker has no objects of kind %s", kind->name);
    const char *path = docker_path(a, network ? "/networks/" : "/volumes/", native, "");
    int r = docker_json(d, &(struct ask){.path = path, .cancel = c}, &j, NULL, err);
    if (r < 0)
        return r;
    return network ? network_read(a, j, ret, err) : volume_read(a, j, ret, err);
}
