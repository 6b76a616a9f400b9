/* Reading: a listing of an environment, or one object. */
#include "providers/fake/state.h"

#include "base/str.h"

static void add_image_fact(struct arena *a, struct fake_engine *e, const char *ref, struct observed *ret)
{
    if (!ref || observed_image(ret, ref))
        return;
    const struct fake_image *img = fake_image_find(e, ref);
    struct image_fact fact = {.ref = arena_strdup(a, ref), .present = img && img->local};
    if (fact.present)
        fact.id = fake_local_id(a, img);
    if (fact.present && img->remote == img->local)
        fact.digest = fact.id;
    arena_push(a, ret->images, ret->n_images, ret->cap_images, fact);
}

/* Add somebody else's object that has the name that a resource wants. */
static void add_namesake(struct arena *a, struct fake_engine *e, const char *owner, const struct resource *r,
                         unsigned instance, struct observed *ret)
{
    const char *name = bind_native_name(a, owner, r, instance);
    const struct fake_object *o = fake_find_kind(e, r->kind, name);
    if (!o || str_eq(fake_label(o, MARK_OWNER), owner))
        return;
    struct object *out = observed_add(ret);
    fake_fill_object(a, e, o, out);
    out->id = r->id;
    out->instance = instance;
}

static void add_asked_for(struct arena *a, struct fake_engine *e, const char *owner,
                          const struct resource_set *set, struct observed *ret)
{
    for (size_t i = 0; set && i < set->n; i++) {
        const struct resource *r = set->items[i];
        if (r->kind->flags & (KIND_VIRTUAL | KIND_META))
            continue;
        if (!(r->kind->flags & KIND_INSTANCES)) {
            add_namesake(a, e, owner, r, 0, ret);
            continue;
        }
        add_image_fact(a, e, val_get_str(r->spec, "image"), ret);
        unsigned replicas = (unsigned)val_get_int(r->spec, "replicas", 1);
        for (unsigned k = 1; k <= replicas; k++)
            add_namesake(a, e, owner, r, k, ret);
    }
}

int fake_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                 struct arena *a, struct observed *ret, struct err *err)
{
    struct fake_engine *e = fake_of(p);
    const struct resource_set *desired = rq->desired_wait ? rq->desired_wait(rq->desired_arg) : rq->desired;
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_OBSERVE, rq->owner, c, &t, err);
    if (r < 0)
        return r;
    observed_init(ret, a);
    ret->caps = CAPS_CONTAINERS;
    ret->engine = "fake 1";
    ret->at_ns = fake_now(e);
    for (size_t i = 0; i < e->n; i++) {
        bool wanted = !rq->resource || str_eq(fake_label(e->objects[i], MARK_RESOURCE), rq->resource);
        if (wanted && str_eq(fake_label(e->objects[i], MARK_OWNER), rq->owner))
            fake_fill_object(a, e, e->objects[i], observed_add(ret));
    }
    ret->listed = ret->n;
    add_asked_for(a, e, rq->owner, desired, ret);
    ret->inspected = ret->n;
    observed_sort(ret);
    return fake_leave(e, &t, 0, false, err);
}

int fake_inspect(struct provider *p, const struct kind_desc *kind, const char *native, const struct cancel *c,
                 struct arena *a, struct object *ret, struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_INSPECT, native, c, &t, err);
    if (r < 0)
        return r;
    const struct fake_object *o = fake_find_kind(e, kind, native);
    struct object found;
    if (o)
        fake_fill_object(a, e, o, &found);
    else
        r = err_set(err, ERR_NOTFOUND, "no %s %s on fake://%s", kind->prefix, native, e->name);
    r = fake_leave(e, &t, r, false, err);
    if (r == 0)
        *ret = found;
    return r;
}
