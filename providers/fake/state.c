/* Engines by name, their objects and images. */
#include "providers/fake/state.h"

#include "base/digest.h"
#include "base/mem.h"
#include "base/str.h"
#include "schema/kinds/container.h"

#include <assert.h>
#include <inttypes.h>

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_engine *registry;

struct fake_engine *fake_engine(const char *name)
{
    pthread_mutex_lock(&registry_lock);
    struct fake_engine *e = registry;
    while (e && !str_eq(e->name, name))
        e = e->next;
    if (!e) {
        e = mem_alloc(sizeof(*e));
        str_copy(e->name, sizeof(e->name), name);
        pthread_mutex_init(&e->lock, NULL);
        arena_init(&e->arena);
        e->clock = clock_system();
        e->next = registry;
        registry = e;
    }
    pthread_mutex_unlock(&registry_lock);
    return e;
}

void fake_engine_free(struct fake_engine *e)
{
    if (!e)
        return;
    assert(!e->listeners);
    pthread_mutex_lock(&registry_lock);
    for (struct fake_engine **at = &registry; *at; at = &(*at)->next) {
        if (*at == e) {
            *at = e->next;
            break;
        }
    }
    pthread_mutex_unlock(&registry_lock);
    while (e->n)
        fake_delete(e, e->objects[e->n - 1]);
    free(e->objects);
    free(e->calls);
    arena_release(&e->arena);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void fake_lock(struct fake_engine *e)
{
    pthread_mutex_lock(&e->lock);
}

void fake_unlock(struct fake_engine *e)
{
    pthread_mutex_unlock(&e->lock);
}

int64_t fake_now(struct fake_engine *e)
{
    return clock_wall(e->clock);
}

struct fake_object *fake_find_kind(struct fake_engine *e, const struct kind_desc *kind,
                                   const char *name_or_id)
{
    for (size_t i = 0; i < e->n; i++) {
        struct fake_object *o = e->objects[i];
        if ((!kind || o->kind == kind) && (str_eq(o->name, name_or_id) || str_eq(o->id, name_or_id)))
            return o;
    }
    return NULL;
}

struct fake_object *fake_find(struct fake_engine *e, const char *name_or_id)
{
    return fake_find_kind(e, NULL, name_or_id);
}

/* Ids look like Docker's, and are the same in each run of a test. A volume's id is its name. */
static const char *make_id(struct fake_engine *e, struct fake_object *o, const char *name)
{
    if (o->kind == &kind_volume)
        return arena_strdup(&o->arena, name);
    char hex[DIGEST_HEX_LEN + 1];
    struct digest d;
    const char *seed =
        arena_printf(&o->arena, "%s/%s/%s/%" PRIu64, e->name, o->kind->prefix, name, ++e->serial);
    digest_of(seed, strlen(seed), &d);
    digest_hex(&d, hex);
    return arena_strdup(&o->arena, hex);
}

struct fake_object *fake_add(struct fake_engine *e, const struct kind_desc *kind, const char *name)
{
    if (e->n == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 16;
        e->objects = mem_resize(e->objects, e->cap, sizeof(*e->objects));
    }
    struct fake_object *o = mem_alloc(sizeof(*o));
    arena_init(&o->arena);
    o->kind = kind;
    o->name = arena_strdup(&o->arena, name);
    o->id = make_id(e, o, name);
    o->labels = val_map(&o->arena);
    o->spec = val_map(&o->arena);
    o->created_ns = fake_now(e);
    o->state = kind == &kind_container ? OBJECT_CREATED : OBJECT_PRESENT;
    e->objects[e->n++] = o;
    return o;
}

void fake_delete(struct fake_engine *e, struct fake_object *o)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->objects[i] != o)
            continue;
        memmove(e->objects + i, e->objects + i + 1, (e->n - i - 1) * sizeof(*e->objects));
        e->n--;
        break;
    }
    arena_release(&o->arena);
    free(o);
}

const char *fake_label(const struct fake_object *o, const char *key)
{
    return val_get_str(o->labels, key);
}

const char *fake_image_id(struct arena *a, const char *ref, unsigned version)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct digest d;
    const char *seed = arena_printf(a, "%s#%u", ref, version);
    digest_of(seed, strlen(seed), &d);
    digest_hex(&d, hex);
    return arena_printf(a, "sha256:%s", hex);
}

const char *fake_local_id(struct arena *a, const struct fake_image *img)
{
    return img->id ? arena_strdup(a, img->id) : fake_image_id(a, img->ref, img->local);
}

/* References are compared as Docker interprets them: nginx is docker.io/library/nginx:latest. */
static const char *canonical_ref(struct arena *a, const char *ref)
{
    struct err err = {0};
    const char *canonical;
    return ref_canonical(a, ref, &canonical, &err) < 0 ? ref : canonical;
}

struct fake_image *fake_image_find(struct fake_engine *e, const char *ref)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *wanted = canonical_ref(&a, ref);
    for (size_t i = 0; i < e->n_images; i++) {
        if (str_eq(e->images[i]->ref, ref) || str_eq(canonical_ref(&a, e->images[i]->ref), wanted))
            return e->images[i];
    }
    return NULL;
}

struct fake_image *fake_image_by_id(struct fake_engine *e, const char *id)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    for (size_t i = 0; i < e->n_images; i++) {
        if (e->images[i]->local && str_eq(fake_local_id(&a, e->images[i]), id))
            return e->images[i];
    }
    return NULL;
}

void fake_image(struct fake_engine *e, const struct fake_image *img)
{
    fake_lock(e);
    fake_image_put(e, img);
    fake_unlock(e);
}

void fake_image_put(struct fake_engine *e, const struct fake_image *img)
{
    struct fake_image *mine = fake_image_find(e, img->ref);
    if (!mine) {
        mine = arena_new(&e->arena, struct fake_image);
        arena_push(&e->arena, e->images, e->n_images, e->cap_images, mine);
    }
    *mine = (struct fake_image){
        .ref = arena_strdup(&e->arena, img->ref),
        .local = img->local,
        .remote = img->remote,
        .username = arena_strdup(&e->arena, img->username),
        .password = arena_strdup(&e->arena, img->password),
        .config = img->config ? val_clone(&e->arena, img->config) : NULL,
        .id = arena_strdup(&e->arena, img->id),
    };
}

static const struct fake_behaviour *behaviour_find(struct fake_engine *e, const char *key)
{
    for (size_t i = e->n_behaviours; key && i > 0; i--) {
        if (str_eq(e->behaviours[i - 1].key, key))
            return &e->behaviours[i - 1].b;
    }
    return NULL;
}

const struct fake_behaviour *fake_behaviour_of(struct fake_engine *e, const struct fake_object *o)
{
    static const struct fake_behaviour plain;
    const char *keys[] = {fake_label(o, MARK_RESOURCE), o->name, val_get_str(o->spec, "image")};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct fake_behaviour *b = behaviour_find(e, keys[i]);
        if (b)
            return b;
    }
    return &plain;
}

void fake_behave(struct fake_engine *e, const char *key, const struct fake_behaviour *b)
{
    fake_lock(e);
    struct fake_behaviour_entry entry = {.key = arena_strdup(&e->arena, key), .b = *b};
    entry.b.start_error = arena_strdup(&e->arena, b->start_error);
    arena_push(&e->arena, e->behaviours, e->n_behaviours, e->cap_behaviours, entry);
    fake_unlock(e);
}
