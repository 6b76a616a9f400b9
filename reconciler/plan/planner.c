/* What the parts of the planner share: changes by id, dependents, containers by name. */
#include "reconciler/plan/planner.h"

struct plan_change *planner_find(const struct planner *p, const char *id)
{
    return map_get(&p->by_id, id);
}

struct plan_change *planner_change(struct planner *p, const char *id, const struct kind_desc *kind)
{
    struct plan_change *c = planner_find(p, id);
    if (c)
        return c;
    c = arena_new(p->a, struct plan_change);
    c->id = id;
    c->kind = kind;
    c->resource = resource_find(p->in->desired, id);
    c->applied = inventory_find(p->in->applied, id);
    arena_push(p->a, p->changes, p->n, p->cap, c);
    map_put(&p->by_id, id, c);
    return c;
}

bool planner_selected(const struct planner *p, const char *id)
{
    return (!p->policy->only && !p->in->touched) || map_get(&p->selected, id);
}

static void add_relations(struct planner *p, const struct resource *r)
{
    for (size_t i = 0; i < r->n_depends; i++) {
        struct relation *rel = arena_new(p->a, struct relation);
        rel->from = r;
        rel->depend = &r->depends[i];
        rel->next = map_get(&p->relations, rel->depend->id);
        map_put(&p->relations, rel->depend->id, rel);
    }
}

const struct relation *planner_needed_by(struct planner *p, const char *id)
{
    const struct resource_set *set = p->in->desired;
    if (!p->has_relations) {
        p->has_relations = true;
        /* From the end, so that the lists are in the order of ids. */
        for (size_t i = set->n; i > 0; i--)
            add_relations(p, set->items[i - 1]);
    }
    return map_get(&p->relations, id);
}

static const char *name_on(struct planner *p, const char *id, const char *native_name)
{
    const char *target = id_target(id);
    return target ? id_on(p->a, native_name, target) : native_name;
}

unsigned planner_caps(const struct planner *p, const char *id)
{
    return observed_caps(p->in->observed, id);
}

void planner_unknown(struct planner *p, const char *id)
{
    arena_push(p->a, p->plan->unknown, p->plan->n_unknown, p->plan->cap_unknown, id);
}

const struct object *planner_container(struct planner *p, const char *id, const char *native_name)
{
    const struct observed *o = p->in->observed;
    if (!p->has_names) {
        p->has_names = true;
        for (size_t i = 0; i < o->n; i++)
            if (o->items[i]->kind == &kind_container && o->items[i]->native_name)
                map_put(&p->by_name, name_on(p, o->items[i]->id, o->items[i]->native_name), o->items[i]);
    }
    return map_get(&p->by_name, name_on(p, id, native_name));
}

void planner_note(struct planner *p, const char *id, const char *text)
{
    const struct plan_note note = {id, text};
    arena_push(p->a, p->plan->notes, p->plan->n_notes, p->plan->cap_notes, note);
}

bool id_listed(const char *const *list, const char *id)
{
    for (; list && *list; list++)
        if (str_eq(*list, id))
            return true;
    return false;
}

bool object_ours(const struct planner *p, const struct object *o, const struct applied *rec)
{
    if (o->owner)
        return str_eq(o->owner, p->in->environment);
    return rec && rec->adopted && str_eq(rec->adopted, o->native_id);
}

const char *joined_name(const struct val *spec, const char *field)
{
    const char *text = val_get_str(spec, field);
    return text ? str_after(text, "container:") : NULL;
}

const char *subject_mark(struct subject *s)
{
    if (!s->mark)
        s->mark = bind_spec_mark(s->p->a, s->r);
    return s->mark;
}

const char *subject_name(struct subject *s, unsigned instance)
{
    if (!s->name || s->name_of != instance) {
        s->name = bind_native_name(s->p->a, s->p->in->environment, s->r, instance);
        s->name_of = instance;
    }
    return s->name;
}

struct plan_change *subject_change(struct subject *s)
{
    if (!s->change)
        s->change = planner_change(s->p, s->r->id, s->r->kind);
    return s->change;
}

struct plan_move *change_move(struct planner *p, struct plan_change *c, enum plan_action action,
                              unsigned instance)
{
    const struct plan_move m = {.action = action, .instance = instance};
    arena_push(p->a, c->moves, c->n_moves, c->cap_moves, m);
    struct plan_move *move = &c->moves[c->n_moves - 1];
    if (c->resource)
        move->native_name = bind_native_name(p->a, p->in->environment, c->resource, instance);
    return move;
}

struct field_change *change_field(struct planner *p, struct plan_change *c, const struct field_change *f)
{
    c->causes |= f->cause;
    if (f->impact > c->impact)
        c->impact = f->impact;
    for (size_t i = 0; i < c->n_fields; i++)
        if (str_eq(c->fields[i].path, f->path))
            return &c->fields[i];
    arena_push(p->a, c->fields, c->n_fields, c->cap_fields, *f);
    return &c->fields[c->n_fields - 1];
}

void change_fact(struct planner *p, struct plan_change *c, const char *path, const char *before,
                 const char *after, unsigned cause, enum impact impact)
{
    const struct field_change f = {
        .path = path,
        .before = before ? val_str(p->a, before) : NULL,
        .after = after ? val_str(p->a, after) : NULL,
        .cause = cause,
        .impact = impact,
    };
    change_field(p, c, &f);
}
