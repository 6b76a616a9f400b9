/* What changes do to other resources: those built on something that is replaced are reconnected, restarted
   or replaced. */
#include "reconciler/plan/planner.h"

struct queue {
    struct plan_change **items;
    size_t at, n, cap;
};

static bool is_made_anew(enum plan_action a)
{
    return a == PLAN_CREATE || a == PLAN_REPLACE;
}

/* What happens to instance 1, whose namespaces other containers may share. */
static enum plan_action first_instance(const struct plan_change *c)
{
    for (size_t i = 0; i < c->n_moves; i++)
        if (c->moves[i].instance == 1 && c->moves[i].action != PLAN_DELETE)
            return c->moves[i].action;
    return PLAN_NONE;
}

/* Are all of its objects new? One more replica is no reason to restart dependents. */
static bool all_begin_anew(const struct plan_change *c)
{
    int64_t begun = 0;
    for (size_t i = 0; i < c->n_moves; i++)
        begun += is_made_anew(c->moves[i].action) || c->moves[i].action == PLAN_RESTART;
    return begun > 0 && begun == val_get_int(c->resource->spec, "replicas", 1);
}

/* What a change does to one that needs the resource. */
static enum plan_action effect(const struct planner *p, const struct plan_change *c,
                               const struct relation *rel)
{
    const struct resource *from = rel->from;
    bool replaced = c->n_moves && is_made_anew(c->moves[0].action) && c->moves[0].current;
    if (c->kind == &kind_volume)
        return replaced ? PLAN_REPLACE : PLAN_NONE;
    if (c->kind == &kind_network && replaced)
        return planner_caps(p, from->id) & CAP_NETWORK_CONNECT ? PLAN_UPDATE : PLAN_REPLACE;
    if (!(c->kind->flags & KIND_INSTANCES))
        return PLAN_NONE;
    const char *name = bind_native_name(p->a, p->in->environment, c->resource, 1);
    for (const char *const *field = join_fields; *field; field++) {
        enum plan_action a = first_instance(c);
        if (str_eq(joined_name(from->spec, *field), name) && (is_made_anew(a) || a == PLAN_RESTART))
            return is_made_anew(a) ? PLAN_REPLACE : PLAN_RESTART;
    }
    const char *needed = strchr(c->id, '/') + 1;
    bool again = val_get_bool(val_get(val_get(from->spec, "depends_on"), needed), "restart", false);
    return again && all_begin_anew(c) ? PLAN_RESTART : PLAN_NONE;
}

static struct plan_move *move_of(struct plan_change *c, const struct object *o)
{
    for (size_t i = 0; i < c->n_moves; i++)
        if (c->moves[i].current == o)
            return &c->moves[i];
    return NULL;
}

/* Raise what happens to one object to at least `action`. True when that changed it. */
static bool raise_move(struct planner *p, struct plan_change *c, const struct object *o,
                       enum plan_action action)
{
    struct plan_move *m = move_of(c, o);
    if (m && m->action >= action) {
        m->update |= action == PLAN_UPDATE;
        m->restart |= action == PLAN_RESTART && object_up(o);
        return false;
    }
    if (!m && action == PLAN_RESTART && !object_up(o))
        return false;
    if (!m) {
        m = change_move(p, c, action, o->instance);
        m->current = o;
        m->running = object_up(o);
    }
    m->action = action;
    m->await = false;
    m->update |= action == PLAN_UPDATE;
    m->restart |= action == PLAN_RESTART && object_up(o);
    m->running |= action == PLAN_REPLACE;
    return true;
}

/* A candidate of an interrupted replace still uses what is removed now, and is useless itself. */
static bool give_up_candidates(struct plan_change *c)
{
    bool any = false;
    for (size_t i = 0; c && c->action != PLAN_BLOCKED && i < c->n_moves; i++) {
        any |= c->moves[i].resume;
        c->moves[i].resume = false;
    }
    for (size_t i = 0; any && i < c->n_fields; i++) {
        struct field_change *f = &c->fields[i];
        if (!f->field && (str_eq(f->path, FACT_INTERRUPTED) || str_eq(f->path, FACT_UNDER_WAY)))
            f->after = NULL;
    }
    return any;
}

static const char *what_happens(struct planner *p, const struct plan_change *c)
{
    const char *verb = c->action == PLAN_RESTART  ? "restarted"
                       : c->action == PLAN_CREATE ? "recreated"
                                                  : "replaced";
    return arena_printf(p->a, "%s is %s", c->id, verb);
}

static void strike(struct planner *p, const struct plan_change *by, const struct relation *rel,
                   struct queue *q)
{
    enum plan_action action = effect(p, by, rel);
    struct object *const *objects;
    const char *id = rel->from->id;
    size_t n = action == PLAN_NONE ? 0 : observed_find(p->in->observed, id, &objects);
    const struct applied *rec = inventory_find(p->in->applied, id);
    bool more = false;
    for (size_t i = 0; i < n; i++) {
        struct plan_change *c = planner_find(p, id);
        if (objects[i]->candidate || !object_ours(p, objects[i], rec) || (c && c->action == PLAN_BLOCKED))
            continue;
        c = planner_change(p, id, rel->from->kind);
        more |= raise_move(p, c, objects[i], action);
    }
    struct plan_change *c = planner_find(p, id);
    if (action > PLAN_UPDATE)
        more |= give_up_candidates(c);
    if (!n || !c || c->action == PLAN_BLOCKED || !c->n_moves)
        return;
    static const enum impact costs[] = {
        [PLAN_UPDATE] = IMPACT_LIVE, [PLAN_RESTART] = IMPACT_RESTART, [PLAN_REPLACE] = IMPACT_REPLACE};
    change_fact(p, c, rel->depend->field, NULL, what_happens(p, by), CAUSE_DEPENDENCY, costs[action]);
    if (more && c->action != PLAN_ADOPT && c->action < action)
        c->action = action;
    if (more)
        arena_push(p->a, q->items, q->n, q->cap, c);
}

void disturb(struct planner *p)
{
    struct queue q = {0};
    for (size_t i = 0; i < p->n; i++) {
        struct plan_change *c = p->changes[i];
        if (c->resource && c->n_moves && c->action != PLAN_BLOCKED)
            arena_push(p->a, q.items, q.n, q.cap, c);
    }
    while (q.at < q.n) {
        struct plan_change *c = q.items[q.at++];
        if (gate_reason(p, c))
            continue;
        for (const struct relation *rel = planner_needed_by(p, c->id); rel; rel = rel->next)
            strike(p, c, rel, &q);
    }
    for (size_t i = 0; i < p->n; i++)
        decide_how(p, p->changes[i]);
}

static bool volume_is_replaced(const struct planner *p, const struct resource *r)
{
    for (size_t i = 0; i < r->n_depends; i++) {
        const struct plan_change *c = planner_find(p, r->depends[i].id);
        if (c && c->kind == &kind_volume && c->action == PLAN_REPLACE)
            return true;
    }
    return false;
}

enum depend_condition wait_of(struct planner *p, const struct resource *r, bool checked)
{
    const struct val *test = val_path(r->spec, "healthcheck.test");
    const char *first = val_len(test) && val_is(test->items[0], VAL_STR) ? test->items[0]->s : NULL;
    bool healthy = first || checked;
    for (const struct relation *rel = planner_needed_by(p, r->id); rel; rel = rel->next) {
        if (rel->depend->condition == DEPEND_COMPLETED)
            return DEPEND_COMPLETED;
        healthy |= rel->depend->condition == DEPEND_HEALTHY;
    }
    return healthy && !str_eq(first, "NONE") ? DEPEND_HEALTHY : DEPEND_STARTED;
}

/* S6: the new object is started beside the old one, unless both cannot run at once or are not wanted
   together. */
static void decide_order(struct planner *p, struct plan_change *c)
{
    const struct resource *r = c->resource;
    const char *order = val_get_str(val_get(r->spec, "update"), "order");
    const char *shared = NULL, *data = NULL;
    for (size_t i = 0; i < c->n_moves; i++) {
        const struct object *o = c->moves[i].current ? c->moves[i].current : c->moves[i].candidate;
        if (!o || c->moves[i].action != PLAN_REPLACE)
            continue;
        shared = shared ? shared : claims_shared(p->a, r->spec, o->spec);
        data = data ? data : claims_data(p->a, r->spec, o->spec);
    }
    if (str_eq(val_get_str(val_get(r->spec, "update"), "strategy"), "recreate"))
        c->stop_reason = "update.strategy is recreate";
    else if (str_eq(order, "stop-first"))
        c->stop_reason = "update.order is stop-first";
    else if (shared)
        c->stop_reason = arena_printf(p->a, "both need %s", shared);
    else if (volume_is_replaced(p, r))
        c->stop_reason = "its volume is replaced";
    else if (data && !order)
        c->stop_reason = arena_printf(p->a, "both would write to %s", data);
    c->stop_first = c->stop_reason != NULL;
}

/* How it is done. */
void decide_how(struct planner *p, struct plan_change *c)
{
    const struct resource *r = c->resource;
    if (!r || !(r->kind->flags & KIND_INSTANCES))
        return;
    struct subject s = {.p = p, .r = r};
    bool checked = false;
    for (size_t i = 0; i < c->n_moves; i++)
        checked |= c->moves[i].current && c->moves[i].current->health != HEALTH_NONE;
    c->wait = wait_of(p, r, checked);
    c->job = is_job(&s);
    if (planner_caps(p, c->id) & CAP_SERVICES) /* the engine's work */
        return;
    if (c->action == PLAN_REPLACE || c->action == PLAN_ADOPT)
        decide_order(p, c);
    decide_rollout(p, c);
}
