#include "reconciler/plan/observed.h"

#include "base/str.h"

#include <stdlib.h>

void observed_init(struct observed *o, struct arena *a)
{
    *o = (struct observed){.arena = a};
}

struct object *observed_add(struct observed *o)
{
    struct object *obj = arena_new(o->arena, struct object);
    obj->spec = obj->defaults = val_map(o->arena);
    arena_push(o->arena, o->items, o->n, o->cap, obj);
    return obj;
}

static int by_place(const void *pa, const void *pb)
{
    const struct object *a = *(struct object *const *)pa, *b = *(struct object *const *)pb;
    int c = strcmp(a->id, b->id);
    if (c)
        return c;
    if (a->instance != b->instance)
        return a->instance < b->instance ? -1 : 1;
    if (a->candidate != b->candidate)
        return a->candidate ? 1 : -1;
    /* Only duplicates reach this point; any order will do as long as it is always the same. */
    return strcmp(str_or(a->native_id, ""), str_or(b->native_id, ""));
}

static int by_ref(const void *pa, const void *pb)
{
    const struct image_fact *a = pa, *b = pb;
    int c = strcmp(a->ref, b->ref);
    return c ? c : strcmp(str_or(a->target, ""), str_or(b->target, ""));
}

void observed_sort(struct observed *o)
{
    if (o->n)
        qsort(o->items, o->n, sizeof(*o->items), by_place);
    if (o->n_images)
        qsort(o->images, o->n_images, sizeof(*o->images), by_ref);
}

size_t observed_find(const struct observed *o, const char *id, struct object *const **ret)
{
    size_t lo = 0, hi = o->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(o->items[mid]->id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    size_t end = lo;
    while (end < o->n && str_eq(o->items[end]->id, id))
        end++;
    if (end > lo)
        *ret = &o->items[lo];
    return end - lo;
}

static const struct image_fact *image_on(const struct observed *o, const char *target, const char *ref)
{
    const struct image_fact key = {.ref = ref, .target = target};
    if (!ref || !o->n_images)
        return NULL;
    return bsearch(&key, o->images, o->n_images, sizeof(*o->images), by_ref);
}

const struct image_fact *observed_image(const struct observed *o, const char *ref)
{
    return image_on(o, NULL, ref);
}

const struct image_fact *observed_image_for(const struct observed *o, const char *id, const char *ref)
{
    return image_on(o, o->n_targets ? id_target(id) : NULL, ref);
}

const struct observed_target *observed_target(const struct observed *o, const char *id)
{
    const char *name = o->n_targets ? id_target(id) : NULL;
    for (size_t i = 0; name && i < o->n_targets; i++)
        if (str_eq(o->targets[i].name, name))
            return &o->targets[i];
    return NULL;
}

unsigned observed_caps(const struct observed *o, const char *id)
{
    const struct observed_target *t = observed_target(o, id);
    return t ? t->caps : o->caps;
}

bool observed_away(const struct observed *o, const char *id)
{
    const struct observed_target *t = observed_target(o, id);
    return t && t->away;
}

bool object_up(const struct object *o)
{
    return o->state == OBJECT_RUNNING || o->state == OBJECT_RESTARTING || o->state == OBJECT_PRESENT;
}

/* States that plan alike: one that comes and goes by itself must not invalidate a saved plan. */
static const char *state_class(const struct object *o)
{
    switch (o->state) {
    case OBJECT_RUNNING:
    case OBJECT_RESTARTING:
        return "up";
    case OBJECT_EXITED:
        return o->exit_code == 0 ? "ended" : "failed";
    case OBJECT_PRESENT:
    case OBJECT_CREATED:
    case OBJECT_PAUSED:
    case OBJECT_DEAD:
    case OBJECT_REMOVING:
        break;
    }
    return object_state_name(o->state);
}

static void add_text(struct digest_ctx *c, const char *s)
{
    /* Keeps NULL and "" apart, and neighbouring texts from running together. */
    digest_add(c, s ? "\1" : "\0", 1);
    if (s)
        digest_add(c, s, strlen(s) + 1);
}

void object_digest(const struct object *o, struct digest *ret)
{
    struct digest_ctx c;
    struct digest spec, defaults;
    char numbers[64];
    val_digest(o->spec, &spec);
    val_digest(o->defaults, &defaults);
    digest_begin(&c);
    add_text(&c, "forge-object-v1");
    add_text(&c, o->id);
    add_text(&c, o->owner);
    add_text(&c, o->native_id);
    add_text(&c, o->native_name);
    add_text(&c, o->spec_digest);
    add_text(&c, state_class(o));
    add_text(&c, o->image_id);
    snprintf(numbers, sizeof(numbers), "%u %d %d %d", o->instance, o->candidate, o->image_moved, o->keep);
    add_text(&c, numbers);
    digest_add(&c, spec.bytes, sizeof(spec.bytes));
    digest_add(&c, defaults.bytes, sizeof(defaults.bytes));
    digest_end(&c, ret);
}
