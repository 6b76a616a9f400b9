/* The images of an engine: which exist, who uses them, and removing one that is unused. */
#include "providers/docker/docker.h"

#include "base/map.h"
#include "base/str.h"
#include "schema/kinds/container.h"

#define REFS_MAX 256u /* names removed from one image, one by one */

/* Podman's two APIs write ids differently: with or without "sha256:". */
static const char *whole_id(struct arena *a, const char *id)
{
    return str_starts(id, "sha256:") ? arena_strdup(a, id) : arena_printf(a, "sha256:%s", id);
}

int docker_engine_id(struct docker *d, const struct cancel *c, struct arena *a, const char **ret,
                     struct err *err)
{
    struct engine_facts f;
    int r = docker_negotiate(d, c, err);
    if (r == 0)
        r = docker_facts(d, true, c, a, &f, err);
    if (r < 0)
        return r;
    if (d->dialect->has_id)
        *ret = f.id;
    else
        *ret = f.host_name && f.root ? arena_printf(a, "%s %s", f.host_name, f.root) : NULL;
    return *ret ? 0 : err_set(err, ERR_UNSUPPORTED, "the engine at %s does not report its id", d->dial->url);
}

/* ---- listing ---- */

/* Its tags and digests; Docker writes "<none>:<none>" for an image without a name. */
static const char *const *refs_of(struct arena *a, json_t *image)
{
    static const char *const lists[] = {"RepoTags", "RepoDigests"};
    const char **refs = NULL;
    size_t n = 0, cap = 0;
    for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
        json_t *item;
        size_t i;
        json_array_foreach(json_object_get(image, lists[k]), i, item)
        {
            const char *ref = json_string_value(item);
            if (ref && !str_starts(ref, "<none>"))
                arena_push(a, refs, n, cap, arena_strdup(a, ref));
        }
    }
    arena_push(a, refs, n, cap, (const char *)NULL);
    return refs;
}

/* Image id -> the name of a container made from it. */
static int list_users(struct docker *d, const struct cancel *c, struct arena *a, struct map *ret,
                      struct err *err)
{
    _cleanup_json_ json_t *list = NULL;
    json_t *item;
    size_t i;
    int r = docker_json(d, &(struct ask){.path = d->dialect->list_containers, .cancel = c}, &list, NULL, err);
    json_array_foreach(list, i, item)
    {
        const char *image = json_string_value(json_object_get(item, "ImageID"));
        const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
        name = name && *name == '/' ? name + 1 : name;
        if (image)
            map_put(ret, whole_id(a, image), (void *)(uintptr_t)arena_strdup(a, str_or(name, "?")));
    }
    return r;
}

int docker_images(struct provider *p, const struct cancel *c, struct arena *a, struct engine_images *ret,
                  struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_json_ json_t *list = NULL;
    _cleanup_map_ struct map users = MAP_INIT;
    struct engine_image *items = NULL, one;
    size_t n = 0, cap = 0, i;
    json_t *item;
    int r = docker_engine_id(d, c, a, &ret->engine, err);
    if (r == 0)
        r = docker_json(d, &(struct ask){.path = "/images/json", .cancel = c}, &list, NULL, err);
    /* Listed after the images: a container created meanwhile is seen, and a removed one needs no image. */
    if (r == 0)
        r = list_users(d, c, a, &users, err);
    if (r < 0)
        return r;
    json_array_foreach(list, i, item)
    {
        const char *id = json_string_value(json_object_get(item, "Id"));
        if (!id)
            continue;
        one = (struct engine_image){
            .id = whole_id(a, id),
            .refs = refs_of(a, item),
            .size = json_integer_value(json_object_get(item, "Size")),
        };
        one.user = map_get(&users, one.id);
        arena_push(a, items, n, cap, one);
    }
    ret->items = items;
    ret->n = n;
    return 0;
}

int docker_image_ids(struct docker *d, const struct cancel *c, struct arena *a, struct map *ret,
                     struct err *err)
{
    _cleanup_json_ json_t *list = NULL;
    json_t *item;
    size_t i;
    /* Including the intermediate images of builds. */
    int r = docker_json(d, &(struct ask){.path = "/images/json?all=1", .cancel = c}, &list, NULL, err);
    json_array_foreach(list, i, item)
    {
        const char *id = json_string_value(json_object_get(item, "Id"));
        if (id)
            map_put(ret, whole_id(a, id), d);
    }
    return r;
}

/* ---- removing ---- */

static bool is_one_of(struct arena *a, const char *ref, const char *const *names)
{
    for (; *names; names++)
        if (ref_same(a, ref, *names))
            return true;
    return false;
}

/* A tag that is not in `names`, or a digest of a repository that none of `names` is in; NULL: none. */
static const char *others_name(struct arena *a, const char *const *refs, const char *const *names)
{
    for (; *refs; refs++) {
        bool ours = is_one_of(a, *refs, names);
        for (const char *const *name = names; *name && !ours && strchr(*refs, '@'); name++)
            ours = str_eq(ref_repository(a, *refs), ref_repository(a, *name));
        if (!ours)
            return *refs;
    }
    return NULL;
}

/* A name that must be removed first, because an engine removes an image by id only if it has one tag and all
   its names are in one repository. NULL: none. */
static const char *name_too_many(struct arena *a, const char *const *refs)
{
    const char *kept = *refs ? ref_repository(a, *refs) : NULL;
    for (size_t i = 1; *refs && refs[i]; i++)
        if (!strchr(refs[i], '@') || !str_eq(ref_repository(a, refs[i]), kept))
            return refs[i];
    return NULL;
}

/* Without untagged parents, which nobody asked to remove (API, ImageDelete, noprune). */
static int delete_one(struct docker *d, const char *what, const struct cancel *c, struct arena *a,
                      struct err *err)
{
    const struct ask q = {.method = "DELETE",
                          .path = docker_path(a, "/images/", what, "?noprune=true"),
                          .cancel = c,
                          .timeout_ns = 120 * NS_PER_S};
    return docker_json(d, &q, NULL, NULL, err);
}

/* Remove one name, or the image itself: 1 when there is more to do. */
static int remove_some(struct docker *d, const char *id, const char *const *names, const struct cancel *c,
                       struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_json_ json_t *j = NULL;
    int r = docker_image_json(d, id, c, &j, err);
    if (r < 0)
        return r;
    const char *const *refs = refs_of(&a, j);
    const char *theirs = others_name(&a, refs, names);
    if (theirs)
        return err_set(err, ERR_CONFLICT, "it also has the name %s, which Forge did not give it", theirs);
    const char *name = name_too_many(&a, refs);
    r = delete_one(d, name ? name : id, c, &a, err);
    return r < 0 ? r : name ? 1 : 0;
}

int docker_image_remove(struct provider *p, const char *id, const char *const *names, const struct cancel *c,
                        struct err *err)
{
    int r = 1;
    for (unsigned i = 0; r == 1 && i < REFS_MAX; i++)
        r = remove_some(docker_of(p), id, names, c, err);
    if (r == ERR_NOTFOUND) {
        err_clear(err);
        return 0;
    }
    return r == 1 ? err_set(err, ERR_CONFLICT, "its names keep changing") : r;
}
