/*
 * What an environment looks like after a run. The run has already read back each object that it changed
 * (S9), so after a short run of a few changes that is put together with what the look before had seen, and
 * the engine is asked nothing. In all other cases everything is observed anew.
 */
#include "reconciler/engine/internal.h"

#include "base/str.h"

#define CHANGES_MAX 16u            /* what was read back of more takes too much memory */
#define MOMENT_NS   (2 * NS_PER_S) /* for so long what a look saw still holds, apart from our own changes */

/* Changes that touch containers and nothing else: no volume, no network, and no image that has to be pulled. */
static bool is_plain(const struct look *l, const struct plan_change *c)
{
    const char *image = c->resource ? val_get_str(c->resource->spec, "image") : NULL;
    const struct image_fact *fact = image ? observed_image_for(&l->observed, c->id, image) : NULL;
    struct object *const *objects;
    size_t n = observed_find(&l->observed, c->id, &objects);
    for (size_t i = 0; i < n; i++)
        if (objects[i]->candidate || !objects[i]->owner)
            return false;
    return c->kind->flags & KIND_INSTANCES && c->action != PLAN_ADOPT && c->action != PLAN_BLOCKED &&
           (!image || (fact && fact->present));
}

/* On several engines and on a swarm an inspected object lacks things that a listing shows. */
bool closing_needs_read(const struct look *l)
{
    const struct plan *p = &l->plan;
    bool known = p->n <= CHANGES_MAX && !l->observed.n_targets && !(l->observed.caps & CAP_SERVICES);
    for (size_t i = 0; i < p->n && known; i++)
        known = is_plain(l, &p->changes[i]);
    return known;
}

static bool are_images_known(struct engine *e, struct look *l)
{
    const struct val *before;
    struct err ignored = {0};
    if (record_images_before(e, l, &before, &ignored) < 0)
        return false;
    for (size_t i = 0; i < l->observed.n_images; i++) {
        const struct image_fact *f = &l->observed.images[i];
        if (!f->digest && !image_is_recorded(before, f->id))
            return false;
    }
    return true;
}

static bool is_known(struct engine *e, struct look *l, const struct exec_report *rep, bool images)
{
    int64_t age = clock_wall(e->env.clock) - l->observed.at_ns;
    bool known = closing_needs_read(l) && rep->ok == l->plan.n && age >= 0 && age <= MOMENT_NS &&
                 (!images || are_images_known(e, l));
    for (size_t i = 0; i < l->plan.n && known; i++)
        for (size_t k = 0; k < rep->outcomes[i].n_read && known; k++)
            known = str_eq(rep->outcomes[i].read[k]->id, l->plan.changes[i].id);
    return known;
}

static bool was_changed(const struct plan *p, const struct object *o)
{
    const struct plan_change *c = plan_find(p, o->id);
    for (size_t i = 0; c && i < c->n_moves; i++)
        if (c->moves[i].current && str_eq(c->moves[i].current->native_id, o->native_id))
            return true;
    return false;
}

static void put_together(struct look *l, const struct exec_report *rep)
{
    struct observed *o = &l->observed;
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++)
        if (!was_changed(&l->plan, o->items[i]))
            o->items[n++] = o->items[i];
    o->n = n;
    for (size_t i = 0; i < l->plan.n; i++)
        for (size_t k = 0; k < rep->outcomes[i].n_read; k++)
            *observed_add(o) = *rep->outcomes[i].read[k];
    observed_sort(o);
}

int closing_observe(struct engine *e, struct look *l, const struct exec_report *rep, bool images,
                    struct err *err)
{
    struct provider *p;
    int r = engine_provider(e, &p, err);
    if (r < 0)
        return r;
    if (is_known(e, l, rep, images)) {
        put_together(l, rep);
        return 0;
    }
    const struct observed before = l->observed;
    const struct registry_asking registries = {.before = &before};
    const struct observe_request rq = {
        .owner = e->config->name, .desired = &l->bound, .registries = &registries, .images = images};
    observed_init(&l->observed, &l->observed_arena);
    return l->scope ? scope_observe(e, l, NULL, images, err)
                    : p->ops->observe(p, &rq, NULL, &l->observed_arena, &l->observed, err);
}
