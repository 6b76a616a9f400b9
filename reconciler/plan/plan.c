/* plan_make(): runs the parts of the planner, one after the other. */
#include "reconciler/plan/plan.h"

#include "reconciler/plan/planner.h"

static void select_with_needs(struct planner *p, const char *id, const struct resource *r)
{
    if (map_get(&p->selected, id))
        return;
    map_put(&p->selected, id, p);
    for (size_t i = 0; r && i < r->n_depends; i++) {
        const struct resource *needed = resource_find(p->in->desired, r->depends[i].id);
        if (needed)
            select_with_needs(p, needed->id, needed);
    }
}

/* Of those that Git, the inventory or the engine know. *ret_known: it is one of them, perhaps by the name
   alone of what is on several engines. NULL: none is near. */
static const char *nearest_resource(struct planner *p, const char *id, bool *ret_known)
{
    const struct resource_set *desired = p->in->desired;
    const struct inventory *applied = p->in->applied;
    const struct observed *observed = p->in->observed;
    size_t n = 0;
    const char **names = arena_array(p->a, const char *, desired->n + applied->n + observed->n + 1);
    for (size_t i = 0; i < desired->n; i++)
        names[n++] = desired->items[i]->id;
    for (size_t i = 0; i < applied->n; i++)
        names[n++] = applied->items[i]->id;
    for (size_t i = 0; i < observed->n; i++)
        names[n++] = observed->items[i]->id;
    *ret_known = false;
    for (size_t i = 0; i < n && !*ret_known; i++)
        *ret_known = id_matches(id, names[i]);
    return id_nearest(p->a, id, names, n);
}

static int no_such_resource(struct planner *p, const char *id, struct err *err)
{
    bool known;
    const char *near = nearest_resource(p, id, &known);
    err_set(err, ERR_NOTFOUND, "environment %s has no resource %s", p->in->environment, id);
    return near ? err_hint(err, "did you mean %s?", near)
                : err_hint(err,
                           "give its kind and name, such as container/web; `forge-ctl status` lists them");
}

/* A word that allows nothing may be a typing error, or what it was for may be done by now. */
static void check_loss_words(struct planner *p)
{
    for (const char *const *word = p->policy->data_loss; word && *word; word++) {
        bool known;
        const char *near = nearest_resource(p, *word, &known);
        /* "volume/data@DIGEST", and on several engines "volume/data@TARGET@DIGEST". */
        const char *at = strrchr(*word, '@');
        if (!known && at)
            near = nearest_resource(p, arena_strndup(p->a, *word, (size_t)(at - *word)), &known);
        if (known)
            continue;
        struct diag *d = diag_add(p->diags, DIAG_WARNING, NULL, 0, 0,
                                  "data loss is allowed for %s, which does not exist", *word);
        diag_hint(p->diags, d, "%s%s%s", near ? "did you mean " : "`forge-ctl status` lists the resources",
                  near ? near : "", near ? "?" : "");
    }
}

/* A resource on several engines, selected by its plain name: all of it. True when there is any. */
static bool select_on_all(struct planner *p, const char *word)
{
    const struct resource_set *set = p->in->desired;
    const struct inventory *inv = p->in->applied;
    bool any = false;
    for (size_t i = 0; i < set->n; i++)
        if (id_matches(word, set->items[i]->id)) {
            select_with_needs(p, set->items[i]->id, set->items[i]);
            any = true;
        }
    for (size_t i = 0; i < inv->n; i++)
        if (id_matches(word, inv->items[i]->id)) {
            select_with_needs(p, inv->items[i]->id, resource_find(set, inv->items[i]->id));
            any = true;
        }
    return any;
}

/* P8: the selected resources, and what they depend on. */
static int select_resources(struct planner *p, struct err *err)
{
    for (const char *const *id = p->in->touched; id && *id; id++)
        map_put(&p->selected, *id, p);
    for (const char *const *id = p->policy->only; id && *id; id++) {
        const struct resource *r = resource_find(p->in->desired, *id);
        struct object *const *objects;
        if (p->in->observed->n_targets && select_on_all(p, *id))
            continue;
        if (!r && !inventory_find(p->in->applied, *id) && !observed_find(p->in->observed, *id, &objects))
            return no_such_resource(p, *id, err);
        select_with_needs(p, *id, r);
    }
    return 0;
}

/* Has it objects of its own, and is it selected? Virtual resources live in those that use them. */
static bool is_planned(const struct planner *p, const struct resource *r)
{
    return !kind_is_virtual(r->kind, planner_caps(p, r->id)) && !(r->kind->flags & KIND_META) &&
           planner_selected(p, r->id);
}

static void decide_all(struct planner *p)
{
    const struct resource_set *set = p->in->desired;
    for (size_t i = 0; i < set->n; i++) {
        const struct resource *r = set->items[i];
        if (is_planned(p, r) && observed_away(p->in->observed, r->id))
            planner_unknown(p, r->id);
        else if (is_planned(p, r))
            decide(p, r);
    }
}

static int by_id(const void *pa, const void *pb)
{
    const struct plan_change *a = *(const struct plan_change *const *)pa;
    const struct plan_change *b = *(const struct plan_change *const *)pb;
    return strcmp(a->id, b->id);
}

static void make_index(struct planner *p)
{
    struct plan *plan = p->plan;
    plan->by_id = arena_array(p->a, const struct plan_change *, plan->n + 1);
    for (size_t i = 0; i < plan->n; i++)
        plan->by_id[i] = &plan->changes[i];
    if (plan->n)
        qsort(plan->by_id, plan->n, sizeof(*plan->by_id), by_id);
}

/* Notes about resources that are not planned now still hold; merged in the order of ids, as if all were
   planned. */
static void keep_notes(struct planner *p)
{
    struct plan *plan = p->plan;
    const struct plan_note *now = plan->notes;
    size_t n = plan->n_notes, at = 0;
    plan->notes = NULL;
    plan->n_notes = plan->cap_notes = 0;
    for (size_t i = 0; i <= p->in->n_notes; i++) {
        const struct plan_note *old = i < p->in->n_notes ? &p->in->notes[i] : NULL;
        if (old && planner_selected(p, old->id))
            continue;
        for (; at < n && (!old || strcmp(now[at].id, old->id) < 0); at++)
            planner_note(p, now[at].id, now[at].text);
        if (old)
            planner_note(p, arena_strdup(p->a, old->id), arena_strdup(p->a, old->text));
    }
}

/* The order is known: copy the changes into the plan, and count them. */
static void finish(struct planner *p)
{
    struct plan *plan = p->plan;
    size_t desired = 0, changed = 0;
    for (size_t i = 0; i < p->in->desired->n; i++)
        desired += is_planned(p, p->in->desired->items[i]) &&
                   !observed_away(p->in->observed, p->in->desired->items[i]->id);
    plan->changes = arena_array(p->a, struct plan_change, p->n + 1);
    plan->cap = p->n + 1;
    for (size_t i = 0; i < p->n; i++) {
        plan->changes[plan->n++] = *p->changes[i];
        plan->counts[p->changes[i]->action]++;
        changed += p->changes[i]->resource && is_planned(p, p->changes[i]->resource);
    }
    plan->in_sync = desired - changed + p->in->others_in_sync;
    make_index(p);
}

static int make(struct planner *p, struct err *err)
{
    int r = select_resources(p, err);
    check_loss_words(p);
    if (r == 0)
        r = check_supported(p, err);
    if (r < 0)
        return r;
    decide_all(p);
    if (p->in->touched)
        keep_notes(p);
    remove_rest(p);
    disturb(p);
    for (size_t i = 0; i < p->n; i++)
        gate(p, p->changes[i]);
    gate_missing(p);
    gate_caps(p);
    order_changes(p);
    for (size_t i = 0; i < p->n; i++)
        describe(p, p->changes[i]);
    loss_notes(p);
    finish(p);
    return 0;
}

int plan_make(const struct plan_input *in, struct arena *a, struct plan *ret, struct diag_list *diags,
              struct err *err)
{
    struct plan plan = {
        .environment = in->environment,
        .commit = in->commit,
        .subject = in->subject,
        .target = in->target,
        .generation = in->applied->generation,
        .under_way = in->policy->under_way,
        .desired = in->desired,
        .observed = in->observed,
        .only = in->policy->only,
    };
    struct planner p = {.in = in, .policy = in->policy, .a = a, .diags = diags, .plan = &plan};
    int r = make(&p, err);
    map_release(&p.by_id);
    map_release(&p.selected);
    map_release(&p.relations);
    map_release(&p.by_name);
    if (r < 0)
        return r;
    *ret = plan;
    return 0;
}

bool plan_empty(const struct plan *p)
{
    return p->n == p->counts[PLAN_BLOCKED];
}

const struct plan_change *plan_find(const struct plan *p, const char *id)
{
    const struct plan_change key = {.id = id}, *pkey = &key;
    if (!p->n)
        return NULL;
    const struct plan_change **found = bsearch(&pkey, p->by_id, p->n, sizeof(*p->by_id), by_id);
    return found ? *found : NULL;
}
