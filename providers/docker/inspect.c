/* Single objects, now; and what is learnt once of images and of the engine's set-up. */
#include "providers/docker/docker.h"

#include "base/str.h"

/* Keys of the caller's cache. The number is the version of what is stored. */
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
    const void *data;
    size_t len;
    struct val *v;
    struct err ignored = {0};
    if (!c->get || c->get(c->arg, key, a, &data, &len) < 0 || val_decode(a, data, len, &v, &ignored) < 0)
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

int docker_image(struct docker *d, const char *id, const struct cancel *c, struct arena *a,
                 struct image_info **ret, struct err *err)
{
    const char *key = arena_printf(a, KEY_IMAGE "%s", id);
    struct image_info *info = arena_new(a, struct image_info);
    const struct val *known = docker_cache_get(d, a, key);
    _cleanup_json_ json_t *j = NULL;
    *ret = NULL;
    if (known) {
        image_from_val(a, known, info);
        *ret = info;
        return 0;
    }
    int r = docker_json(d, &(struct ask){.path = docker_path(a, "/images/", id, "/json"), .cancel = c}, &j,
                        NULL, err);
    if (r == ERR_NOTFOUND)
        return 0; /* removed by force from under its containers */
    if (r < 0)
        return r;
    image_read(a, j, info);
    docker_cache_put(d, key, image_to_val(a, info));
    *ret = info;
    return 0;
}

int docker_image_id(struct docker *d, const char *ref, const struct cancel *c, struct arena *a,
                    const char **ret, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    int r = docker_json(d, &(struct ask){.path = docker_path(a, "/images/", ref, "/json"), .cancel = c}, &j,
                        NULL, err);
    if (r < 0)
        return r;
    *ret = arena_strdup(a, json_string_value(json_object_get(j, "Id")));
    return *ret ? 0 : err_set(err, ERR_CORRUPT, "the engine's description of image %s lacks its id", ref);
}

int docker_facts(struct docker *d, bool fresh, const struct cancel *c, struct arena *a,
                 struct engine_facts *ret, struct err *err)
{
    /* /info takes the engine 5 ms: it counts everything it has. */
    const char *key = arena_printf(a, KEY_FACTS "%s", d->dial->url);
    const struct val *known = fresh ? NULL : docker_cache_get(d, a, key);
    _cleanup_json_ json_t *j = NULL;
    if (known) {
        facts_from_val(known, ret);
        return 0;
    }
    int r = docker_json(d, &(struct ask){.path = "/info", .cancel = c}, &j, NULL, err);
    if (r == 0 && facts_read(a, j, ret) < 0)
        r = err_set(err, ERR_CORRUPT, "the engine's description of itself is not an object");
    if (r == 0)
        docker_cache_put(d, key, facts_to_val(a, ret));
    return r;
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

static int inspect_container(struct docker *d, const char *native, struct arena *a, struct object *ret,
                             struct err *err)
{
    static const char *const joins[] = {"network_mode", "pid", "ipc"};
    _cleanup_json_ json_t *j = NULL;
    struct image_info *image;
    struct engine_facts facts;
    int r = docker_inspect_json(d, native, NULL, &j, err);
    if (r == 0)
        r = docker_image(d, str_or(json_string_value(json_object_get(j, "Image")), ""), NULL, a, &image, err);
    if (r == 0)
        r = docker_facts(d, false, NULL, a, &facts, err);
    if (r == 0)
        r = container_read(a, j, image, ret, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
        const char *mode = val_get_str(ret->spec, joins[i]);
        if (!str_starts(str_or(mode, ""), "container:"))
            continue;
        struct val *spec = val_map_copy(a, ret->spec);
        val_set_str(a, spec, joins[i], docker_resolve_join(d, mode, NULL, a));
        ret->spec = spec;
    }
    ret->defaults = container_defaults(a, ret, image, &facts);
    return 0;
}

int docker_inspect(struct provider *p, const struct kind_desc *kind, const char *native, struct arena *a,
                   struct object *ret, struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_json_ json_t *j = NULL;
    if (kind == &kind_container)
        return inspect_container(d, native, a, ret, err);
    bool network = kind == &kind_network;
    if (!network && kind != &kind_volume)
        return err_set(err, ERR_UNSUPPORTED, "docker has no objects of kind %s", kind->name);
    const char *path = docker_path(a, network ? "/networks/" : "/volumes/", native, "");
    int r = docker_json(d, &(struct ask){.path = path}, &j, NULL, err);
    if (r < 0)
        return r;
    return network ? network_read(a, j, ret, err) : volume_read(a, j, ret, err);
}
