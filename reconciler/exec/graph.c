/* The graph of a run: a unit for each change and for each image, and what waits for what. */
#include "reconciler/exec/internal.h"

#include "base/map.h"
#include "base/str.h"

struct unit *graph_unit(struct run *x, enum unit_type type, const struct plan_change *c, const char *name,
                        size_t n_strands)
{
    struct unit *u = arena_new(x->arena, struct unit);
    u->type = type;
    u->change = c;
    u->name = name;
    u->n_strands = n_strands;
    u->strands = arena_array(x->arena, struct strand, n_strands);
    for (size_t i = 0; i < n_strands; i++)
        u->strands[i].unit = u;
    u->index = x->n_units;
    arena_push(x->arena, x->units, x->n_units, x->cap_units, u);
    return u;
}

void graph_edge(struct run *x, struct unit *before, struct unit *after, bool soft)
{
    struct edge e = {.to = after, .soft = soft};
    arena_push(x->arena, before->edges, before->n_edges, before->cap_edges, e);
    after->pending++;
}

/* Surplus objects are removed when there is nothing left to roll back to. */
static bool goes_last(const struct plan_change *c, const struct plan_move *m)
{
    return m->action == PLAN_DELETE && c->resource && c->rollout.failure == ROLLOUT_ROLLBACK &&
           m->instance > (unsigned)val_get_int(c->resource->spec, "replicas", 1);
}

unsigned run_caps(const struct run *x, const struct plan_change *c)
{
    const struct observed_target *t = observed_target(x->plan->observed, c->id);
    return t ? t->caps : x->caps;
}

static void add_change(struct run *x, const struct plan_change *c)
{
    struct unit *u = graph_unit(x, UNIT_CHANGE, c, c->id, c->n_moves ? c->n_moves : 1);
    if (c->action == PLAN_BLOCKED) {
        u->result = EXEC_BLOCKED;
        err_set(&u->err, ERR_DENIED, "%s: %s", c->id, str_or(c->reason, "blocked"));
        return;
    }
    for (size_t i = 0; i < c->n_moves; i++) {
        struct strand *s = &u->strands[i];
        s->move = &c->moves[i];
        s->in_turn = move_takes_turn(s->move);
        s->last = goes_last(c, s->move);
        int r =
            steps_make(x->plan, c, s->move, run_caps(x, c), x->o->generation, x->arena, &s->steps, &u->err);
        if (r < 0) {
            u->result = EXEC_FAILED;
            return;
        }
    }
}

/* An optional dependency need not succeed. */
bool depend_is_optional(const struct plan_change *c, const char *id)
{
    bool optional = false;
    for (size_t i = 0; c->resource && i < c->resource->n_depends; i++) {
        const struct depend *d = &c->resource->depends[i];
        if (!str_eq(d->id, id))
            continue;
        if (d->required)
            return false;
        optional = true;
    }
    return optional;
}

static struct unit *pull_unit(struct run *x, struct map *shared, const struct unit *first,
                              const struct step *step)
{
    const char *platform = val_get_str(step->resource ? step->resource->spec : NULL, "platform");
    const char *target = id_target(step->id); /* each engine has images of its own */
    const char *image = target ? arena_printf(x->arena, "%s on %s", step->image, target) : step->image;
    const char *key = arena_printf(x->arena, "%s %s %s", str_or(step->pull_policy, "missing"),
                                   str_or(platform, "-"), image);
    struct unit *u = map_get(shared, key);
    if (u)
        return u;
    u = graph_unit(x, UNIT_PULL, first->change, arena_printf(x->arena, "image %s", image), 1);
    struct step_list *list = &u->strands[0].steps;
    arena_push(x->arena, list->items, list->n, list->cap, *step);
    list->commit_at = list->n;
    map_put(shared, key, u);
    return u;
}

/* Is this step a precondition of the whole unit, and not the strand's own work? */
static bool is_shared(const struct unit *u, const struct step *step)
{
    return step->verb == STEP_PULL || (step->verb == STEP_WAIT && !str_eq(step->id, u->change->id));
}

/*
 * Take out of a strand what comes before its own work: images to pull, and others that have to be ready. That
 * is done once, by units of its own, for all who need it, and before anything is begun; a dependency that is
 * not ready is then no failure of who waits for it.
 */
static void share_steps(struct run *x, struct map *shared, struct unit *u, struct step_list *list,
                        struct map *mine)
{
    size_t kept = 0;
    size_t commit_at = list->commit_at, meets[ARRAY_LEN(list->meets)];
    memcpy(meets, list->meets, sizeof(meets));
    for (size_t i = 0; i < list->n; i++) {
        const struct step *step = &list->items[i];
        if (!is_shared(u, step)) {
            list->items[kept++] = *step;
            continue;
        }
        commit_at -= i < list->commit_at;
        for (size_t k = 0; k < list->n_meets; k++)
            meets[k] -= i < list->meets[k];
        struct unit *before =
            step->verb == STEP_PULL ? pull_unit(x, shared, u, step) : gate_of(x, shared, u, step);
        if (map_get(mine, before->name))
            continue;
        map_put(mine, before->name, before);
        graph_edge(x, before, u, step->verb == STEP_WAIT && depend_is_optional(u->change, step->id));
    }
    list->n = kept;
    list->commit_at = commit_at;
    memcpy(list->meets, meets, sizeof(meets));
}

static void share_all(struct run *x)
{
    _cleanup_map_ struct map shared = MAP_INIT;
    for (size_t i = 0; i < x->plan->n; i++) {
        _cleanup_map_ struct map mine = MAP_INIT;
        struct unit *u = x->units[i];
        for (size_t k = 0; k < u->n_strands; k++)
            share_steps(x, &shared, u, &u->strands[k].steps, &mine);
    }
    gates_make(x, &shared);
}

void graph_make(struct run *x)
{
    const struct plan *p = x->plan;
    for (size_t i = 0; i < p->n; i++)
        add_change(x, &p->changes[i]);
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_change *c = &p->changes[i];
        for (size_t k = 0; k < c->n_after; k++)
            graph_edge(x, x->units[c->after[k]], x->units[i],
                       depend_is_optional(c, p->changes[c->after[k]].id));
    }
    share_all(x);
    x->units_left = x->n_units;
}
