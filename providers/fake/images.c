/* Images: listing them, and removing one that nothing uses. */
#include "providers/fake/state.h"

#include "base/str.h"
#include "schema/kinds/container.h"

/* (locked) */
static const char *user_of(const struct fake_engine *e, const char *id)
{
    for (size_t i = 0; i < e->n; i++)
        if (str_eq(e->objects[i]->image_id, id))
            return e->objects[i]->name;
    return NULL;
}

static bool is_listed(const struct engine_image *items, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(items[i].id, id))
            return true;
    return false;
}

/* (locked) All names of an image. */
static const char *const *refs_of(struct fake_engine *e, const char *id, struct arena *a)
{
    const char **refs = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < e->n_images; i++)
        if (e->images[i]->local && str_eq(fake_local_id(a, e->images[i]), id))
            arena_push(a, refs, n, cap, arena_strdup(a, e->images[i]->ref));
    arena_push(a, refs, n, cap, NULL);
    return refs;
}

int fake_images(struct provider *p, const struct cancel *c, struct arena *a, struct engine_images *ret,
                struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct engine_image *items = NULL;
    size_t n = 0, cap = 0;
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_IMAGES, NULL, c, &t, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < e->n_images; i++) {
        const struct fake_image *img = e->images[i];
        const char *id = img->local ? fake_local_id(a, img) : NULL;
        if (!id || is_listed(items, n, id))
            continue;
        const char *user = user_of(e, id);
        const struct engine_image one = {
            .id = id,
            .refs = refs_of(e, id, a),
            .size = INT64_C(1000000) * img->local,
            .user = user ? arena_strdup(a, user) : NULL,
        };
        arena_push(a, items, n, cap, one);
    }
    const char *engine = arena_printf(a, "fake://%s", e->name);
    r = fake_leave(e, &t, 0, false, err);
    if (r == 0)
        *ret = (struct engine_images){.engine = engine, .items = items, .n = n};
    return r;
}

static bool is_ours(struct arena *a, const char *ref, const char *const *names)
{
    bool digest = strchr(ref, '@');
    for (; *names; names++)
        if (ref_same(a, ref, *names) || (digest && str_eq(ref_repository(a, ref), ref_repository(a, *names))))
            return true;
    return false;
}

/* (locked) */
static int remove_image(struct fake_engine *e, const char *id, const char *const *names, bool *ret_changed,
                        struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *user = user_of(e, id);
    if (user)
        return err_set(err, ERR_CONFLICT, "image %.19s is used by container %s", id, user);
    for (const char *const *ref = refs_of(e, id, &a); *ref; ref++)
        if (!is_ours(&a, *ref, names))
            return err_set(err, ERR_CONFLICT, "it also has the name %s, which Forge did not give it", *ref);
    for (size_t i = 0; i < e->n_images; i++) {
        struct fake_image *img = e->images[i];
        if (!img->local || !str_eq(fake_local_id(&a, img), id))
            continue;
        img->local = 0;
        img->id = NULL;
        *ret_changed = true;
    }
    return 0;
}

int fake_image_remove(struct provider *p, const char *id, const char *const *names, const struct cancel *c,
                      struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    bool changed = false;
    int r = fake_enter(e, FAKE_PRUNE, id, c, &t, err);
    if (r < 0)
        return r;
    r = remove_image(e, id, names, &changed, err);
    return fake_leave(e, &t, r, changed, err);
}

void fake_image_untag(struct fake_engine *e, const struct fake_image *img)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *id = fake_local_id(&a, img);
    size_t name = strcspn(img->ref, "@");
    const char *colon = memrchr(img->ref, ':', name);
    if (colon && !strchr(colon, '/'))
        name = (size_t)(colon - img->ref);
    const struct fake_image rest = {
        .ref = arena_printf(&a, "%.*s@%s", (int)name, img->ref, id),
        .local = img->local,
        .config = img->config,
        .id = id,
    };
    fake_image_put(e, &rest);
}
