#include "tests/lib/plan_world.h"

#include "base/clock.h"
#include "base/str.h"

#include <assert.h>

void plan_world_init(struct world *w, struct arena *a, const char *environment)
{
    *w = (struct world){
        .arena = a,
        .environment = environment,
        .caps = WORLD_ALL_CAPS,
        .inventory = {.arena = a},
        .now_ns = 1000 * NS_PER_S,
        .steps_left = -1,
        .fail_step = -1,
    };
}

const char *world_image_id(struct arena *a, const char *text)
{
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    digest_of(text, strlen(text), &d);
    digest_hex(&d, hex);
    return arena_printf(a, "sha256:%s", hex);
}

void world_image(struct world *w, const char *ref, const char *id)
{
    for (size_t i = 0; i < w->n_images; i++)
        if (str_eq(w->images[i].ref, ref)) {
            w->images[i].id = id;
            w->images[i].present = id != NULL;
            return;
        }
    const struct image_fact fact = {.ref = ref, .present = id != NULL, .id = id};
    arena_push(w->arena, w->images, w->n_images, w->cap_images, fact);
}

struct val *world_spec(struct arena *a, const struct resource *r)
{
    static const char *const ours[] = {"replicas", "container_name", "name", "external"};
    struct val *spec = val_map(a);
    for (size_t i = 0; i < val_len(r->spec); i++) {
        const struct val_pair *pair = &r->spec->pairs[i];
        const struct field *f = field_find(r->kind->spec, pair->key);
        bool skip = f && f->flags & (FIELD_VIRTUAL | FIELD_CREATE_ONLY);
        for (size_t k = 0; k < ARRAY_LEN(ours); k++)
            skip |= str_eq(pair->key, ours[k]);
        if (!skip)
            val_map_set(a, spec, pair->key, val_clone(a, pair->val));
    }
    return spec;
}

static struct object *add_object(struct world *w)
{
    struct object *o = arena_new(w->arena, struct object);
    o->spec = o->defaults = val_map(w->arena);
    o->native_id = arena_printf(w->arena, "id%04u", ++w->next_id);
    o->created_ns = w->now_ns;
    arena_push(w->arena, w->items, w->n, w->cap, o);
    return o;
}

struct object *world_object(struct world *w, const struct resource *r, unsigned instance, bool candidate)
{
    struct object *o = add_object(w);
    bool containers = r->kind->flags & KIND_INSTANCES;
    const char *name = bind_native_name(w->arena, w->environment, r, instance);
    const char *ref = val_get_str(r->spec, "image");
    o->id = r->id;
    o->kind = r->kind;
    o->instance = containers ? instance : 0;
    o->candidate = candidate;
    o->owner = w->environment;
    o->native_name = candidate ? arena_printf(w->arena, "%s%s", name, MARK_CANDIDATE) : name;
    o->spec_digest = bind_spec_mark(w->arena, r);
    o->state = containers ? OBJECT_RUNNING : OBJECT_PRESENT;
    o->started_ns = containers ? w->now_ns : 0;
    o->health = val_get(r->spec, "healthcheck") ? HEALTH_HEALTHY : HEALTH_NONE;
    o->image_id = ref ? world_image_id(w->arena, ref) : NULL;
    o->spec = world_spec(w->arena, r);
    if (w->caps & CAP_SERVICES && containers)
        o->tasks_wanted = o->tasks_running = (unsigned)val_get_int(r->spec, "replicas", 1);
    if (w->caps & CAP_SERVICES && val_get(r->spec, "replicas")) {
        struct val *spec = val_map_copy(w->arena, o->spec);
        val_map_set(w->arena, spec, "replicas", val_clone(w->arena, val_get(r->spec, "replicas")));
        o->spec = spec;
    }
    return o;
}

void world_drop(struct world *w, const struct object *o)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i] == o) {
            w->items[i] = w->items[--w->n];
            return;
        }
}

struct object *world_find(struct world *w, const char *id, unsigned instance, bool candidate)
{
    for (size_t i = 0; i < w->n; i++) {
        struct object *o = w->items[i];
        if (str_eq(o->id, id) && o->instance == instance && o->candidate == candidate)
            return o;
    }
    return NULL;
}

struct object *world_named(struct world *w, const struct kind_desc *kind, const char *native_name)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i]->kind == kind && str_eq(w->items[i]->native_name, native_name))
            return w->items[i];
    return NULL;
}

struct applied *world_record(struct world *w, const struct resource *r)
{
    struct applied *rec = NULL;
    for (size_t i = 0; i < w->inventory.n; i++)
        if (str_eq(w->inventory.items[i]->id, r->id))
            rec = w->inventory.items[i];
    if (!rec) {
        rec = arena_new(w->arena, struct applied);
        rec->id = arena_strdup(w->arena, r->id);
        inventory_add(&w->inventory, rec);
        inventory_sort(&w->inventory);
    }
    bool instances = r->kind->flags & KIND_INSTANCES && !(w->caps & CAP_SERVICES);
    const struct object *o = world_find(w, r->id, instances ? 1 : 0, false);
    rec->spec = val_clone(w->arena, r->spec);
    rec->labels = val_clone(w->arena, r->labels);
    rec->annotations = val_clone(w->arena, r->annotations);
    rec->baseline = o ? val_clone(w->arena, o->spec) : NULL;
    rec->baseline_id = o ? o->native_id : NULL;
    rec->status = APPLIED_OK;
    rec->error = rec->input_digest = NULL;
    rec->generation = w->generation;
    return rec;
}

void world_settle(struct world *w, const struct resource_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct resource *r = set->items[i];
        const char *ref = val_get_str(r->spec, "image");
        if (kind_is_virtual(r->kind, w->caps) || r->kind->flags & KIND_META ||
            val_get_bool(r->spec, "external", false))
            continue;
        if (ref)
            world_image(w, ref, world_image_id(w->arena, ref));
        bool containers = r->kind->flags & KIND_INSTANCES && !(w->caps & CAP_SERVICES);
        unsigned n = containers ? (unsigned)val_get_int(r->spec, "replicas", 1) : 1;
        for (unsigned k = 1; k <= n; k++)
            world_object(w, r, containers ? k : 0, false);
        world_record(w, r);
    }
}

void world_observe(const struct world *w, struct arena *a, struct observed *ret)
{
    observed_init(ret, a);
    ret->caps = w->caps;
    ret->engine = "test 1.0";
    ret->at_ns = w->now_ns;
    for (size_t i = 0; i < w->n; i++) {
        struct object *o = observed_add(ret);
        *o = *w->items[i];
    }
    if (w->n_images) {
        ret->images = arena_memdup(a, w->images, w->n_images * sizeof(*w->images));
        ret->n_images = ret->cap_images = w->n_images;
    }
    observed_sort(ret);
}
