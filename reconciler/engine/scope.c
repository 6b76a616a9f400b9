/*
 * A look at one resource, where it is known that nothing else moved: a few questions to the engine, none to
 * the repository.
 */
#include "reconciler/engine/internal.h"

#include "base/str.h"

/* Networks, volumes and configs stay as they are; what runs may have to wait, or to be started again. */
static bool runs(const char *id)
{
    return str_starts(id, "container/");
}

/* Can this resource be looked at by itself: is nothing else built on it, and it on nothing that runs? */
static bool is_alone(const struct wanted *w, const char *id)
{
    const struct resource *r = resource_find(&w->bound, id);
    if (!r || !runs(id))
        return false;
    for (size_t i = 0; i < r->n_depends; i++)
        if (runs(r->depends[i].id))
            return false;
    for (size_t i = 0; i < w->bound.n; i++)
        for (size_t k = 0; k < w->bound.items[i]->n_depends; k++)
            if (str_eq(w->bound.items[i]->depends[k].id, id))
                return false;
    return true;
}

bool look_can_scope(const struct engine *e, const struct look_options *o, const struct look *l)
{
    return o->touched && !o->fresh && !*l->resume && wanted_is_current(e, o, l) &&
           is_alone(e->kept, o->touched);
}

int look_scope(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    wanted_use(e->kept, l);
    l->scope = arena_strdup(&l->arena, o->touched);
    resource_set_init(&l->bound, &l->arena);
    resource_set_add(&l->bound, resource_find(&e->kept->bound, o->touched));
    resource_set_sort(&l->bound);
    int r = observe_scope(e, o, l, err);
    if (r == 0)
        r = inventory_load_one(e->env.store, e->config->name, l->scope, &l->arena, &l->inventory, err);
    return r < 0 ? r : look_plan(e, o, l, err);
}
