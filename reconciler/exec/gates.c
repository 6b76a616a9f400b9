/*
 * Gates (L7): what starts something waits until its dependencies are as it asks. A dependency whose own
 * change brings it up waits for that in its steps and is read back, and one that the plan has nothing to do
 * with is waited for by the steps of who needs it (graph.c shares them). Left are dependencies that are
 * changed and not started anew.
 */
#include "reconciler/exec/internal.h"

#include "base/map.h"
#include "base/str.h"

/* How long to wait for a dependency that specifies no time of its own. */
#define GATE_TIMEOUT_NS (INT64_C(5) * 60 * NS_PER_S)

static bool starts_something(const struct plan_change *c)
{
    for (size_t i = 0; i < c->n_moves; i++) {
        enum plan_action a = c->moves[i].action;
        if (c->moves[i].running && a != PLAN_UPDATE && a != PLAN_DELETE)
            return true;
    }
    return false;
}

/* Does this instance's change wait for that condition itself? */
static bool waits_for(const struct unit *u, unsigned instance, enum depend_condition condition)
{
    for (size_t i = 0; i < u->n_strands; i++) {
        const struct strand *s = &u->strands[i];
        if (!s->move || s->move->instance != instance)
            continue;
        for (size_t k = 0; k < s->steps.n; k++) {
            if (s->steps.items[k].verb == STEP_WAIT && s->steps.items[k].condition == condition)
                return true;
        }
    }
    return false;
}

struct unit *gate_of(struct run *x, struct map *shared, const struct unit *first, const struct step *step)
{
    const char *name = arena_printf(x->arena, "%s (%s, %s)", step->id, step->native_name,
                                    depend_condition_name(step->condition));
    struct unit *g = map_get(shared, name);
    if (g)
        return g;
    g = graph_unit(x, UNIT_GATE, first->change, name, 1);
    struct step_list *list = &g->strands[0].steps;
    arena_push(x->arena, list->items, list->n, list->cap, *step);
    list->commit_at = list->n;
    map_put(shared, name, g);
    return g;
}

static void add_gate(struct run *x, struct map *shared, struct unit *u, const struct depend *d)
{
    const struct plan_change *c = plan_find(x->plan, d->id);
    const struct resource *r = c ? c->resource : NULL;
    /* Reading back checks that it runs, which is all that STARTED asks for. */
    if (!r || d->condition == DEPEND_STARTED || !(r->kind->flags & KIND_INSTANCES))
        return;
    struct unit *own = x->units[c - x->plan->changes];
    /* A service is one object, numbered 0. */
    bool service = run_caps(x, c) & CAP_SERVICES;
    unsigned first = service ? 0 : 1, last = service ? 0 : (unsigned)val_get_int(r->spec, "replicas", 1);
    for (unsigned i = first; i <= last && c->action != PLAN_BLOCKED && c->n_moves; i++) {
        if (waits_for(own, i, d->condition))
            continue;
        const struct step step = {
            .verb = STEP_WAIT,
            .kind = r->kind,
            .id = r->id,
            .instance = i,
            .native_name = bind_native_name(x->arena, x->plan->environment, r, i),
            .resource = r,
            .condition = d->condition,
            .timeout_ns = val_get_int(val_get(r->spec, "update"), "timeout", GATE_TIMEOUT_NS),
        };
        size_t known = x->n_units;
        struct unit *g = gate_of(x, shared, u, &step);
        if (x->n_units > known)
            graph_edge(x, own, g, false);
        graph_edge(x, g, u, !d->required);
    }
}

void gates_make(struct run *x, struct map *shared)
{
    for (size_t i = 0; i < x->plan->n; i++) {
        const struct plan_change *c = &x->plan->changes[i];
        for (size_t k = 0; c->resource && starts_something(c) && k < c->resource->n_depends; k++)
            add_gate(x, shared, x->units[i], &c->resource->depends[k]);
    }
}
