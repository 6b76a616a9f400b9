/* What Git no longer has: by the inventory, and by the marks of objects, so that a lost store leaves no
 * orphan. */
#include "reconciler/plan/planner.h"

static const struct kind_desc *kind_of(struct planner *p, const char *id)
{
    const char *slash = strchr(id, '/');
    return slash ? kind_by_prefix(arena_strndup(p->a, id, (size_t)(slash - id))) : NULL;
}

const char *planner_absent(const struct planner *p)
{
    uint64_t generation = p->policy->rollback_to;
    return generation ? arena_printf(p->a, "not in generation %llu", (unsigned long long)generation)
                      : "no longer in Git";
}

/* Why something that is not asked for stays; NULL: it is removed. */
static const char *kept(const struct planner *p, const struct plan_change *c, const struct object *o)
{
    const struct applied *rec = c->applied;
    const char *word = rec ? val_get_str(rec->annotations, "forge/prune") : NULL;
    if (str_eq(word, "disabled") || (o && o->keep))
        return arena_printf(p->a, "%s, but kept: it has the annotation forge/prune: disabled",
                            planner_absent(p));
    if (!p->policy->prune)
        return arena_printf(p->a, "%s, but kept: prune is off for this environment", planner_absent(p));
    return NULL;
}

static void add_deletes(struct planner *p, struct plan_change *c, struct object *const *objects, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!object_ours(p, objects[i], c->applied) || !objects[i]->owner)
            continue;
        struct plan_move *m = change_move(p, c, PLAN_DELETE, objects[i]->instance);
        m->native_name = objects[i]->native_name;
        m->current = objects[i];
    }
}

/* Objects that are ours by the record only are given back; so are those that became external. */
static bool only_forget(const struct plan_change *c)
{
    return !c->n_moves || (c->applied && val_get_bool(c->applied->spec, "external", false));
}

bool target_is_gone(const struct planner *p, const char *id)
{
    return id_target(id) && !observed_target(p->in->observed, id);
}

/* On an engine that is away or no longer the environment's, nobody can tell whether it exists: it is
   neither deleted nor forgotten, unless a person says so. */
static bool is_out_of_sight(struct planner *p, const char *id)
{
    if (!planner_selected(p, id))
        return false;
    if (observed_away(p->in->observed, id)) {
        planner_unknown(p, id);
        return true;
    }
    if (!target_is_gone(p, id) || p->policy->attended)
        return false;
    planner_note(p, id, "its target is no longer part of this environment; nothing there is changed");
    return true;
}

static void remove_one(struct planner *p, const char *id, struct object *const *objects, size_t n)
{
    const struct kind_desc *kind = kind_of(p, id);
    const struct applied *rec = inventory_find(p->in->applied, id);
    bool ours = false;
    if (is_out_of_sight(p, id))
        return;
    for (size_t i = 0; i < n; i++)
        ours |= object_ours(p, objects[i], rec);
    if (!kind || kind->flags & KIND_META || (!ours && !rec) || !planner_selected(p, id))
        return;
    p->existing += ours;
    if (p->policy->load_failed || p->in->desired->n == 0) {
        p->plan->prune_skipped = true;
        return;
    }
    struct plan_change *c = planner_change(p, id, kind);
    c->causes = rec && rec->status == APPLIED_DELETING ? CAUSE_COMMIT | CAUSE_RETRY : CAUSE_COMMIT;
    add_deletes(p, c, objects, n);
    c->action = PLAN_DELETE;
    if (only_forget(c)) {
        c->n_moves = 0;
        c->action = PLAN_FORGET;
        return;
    }
    c->impact = kind->flags & KIND_STATEFUL ? IMPACT_DATA_LOSS : IMPACT_REPLACE;
    const char *why = kept(p, c, objects[0]);
    if (why)
        block(p, c, "%s", why);
}

/* Does the sorted set contain `id`? Advances to the next resource that is not before it. */
static bool is_desired(const struct resource_set *set, size_t *at, const char *id)
{
    while (*at < set->n && strcmp(set->items[*at]->id, id) < 0)
        ++*at;
    return *at < set->n && str_eq(set->items[*at]->id, id);
}

void remove_rest(struct planner *p)
{
    const struct observed *o = p->in->observed;
    struct object *const *objects;
    size_t at = 0;
    for (size_t i = 0, n; i < o->n; i += n) {
        const char *id = o->items[i]->id;
        for (n = 1; i + n < o->n && str_eq(o->items[i + n]->id, id);)
            n++;
        if (!is_desired(p->in->desired, &at, id))
            remove_one(p, id, &o->items[i], n);
    }
    at = 0;
    for (size_t i = 0; i < p->in->applied->n; i++) {
        const char *id = p->in->applied->items[i]->id;
        if (!is_desired(p->in->desired, &at, id) && observed_find(o, id, &objects) == 0)
            remove_one(p, id, NULL, 0);
    }
}
