/* Recording an apply: the generation, and the inventory of what was found in sync. */
#include "reconciler/engine/internal.h"

#include "base/str.h"

#include <stdlib.h>

/* ---- what a generation asks for ---- */

static void add_record(struct look *l, struct val *map, const struct resource *r)
{
    val_map_set(&l->arena, map, r->id, resource_to_val(&l->arena, r));
}

/* The first change of a resource, on whichever engine, that is blocked, or that is not. */
static const struct plan_change *first_of(const struct plan *p, const char *id, bool blocked)
{
    for (size_t i = 0; i < p->n; i++)
        if (id_matches(id, p->changes[i].id) && (p->changes[i].action == PLAN_BLOCKED) == blocked)
            return &p->changes[i];
    return NULL;
}

static const struct plan_change *change_of(const struct plan *p, const char *id)
{
    return first_of(p, id, false);
}

static const struct plan_change *blocked_of(const struct plan *p, const char *id)
{
    return first_of(p, id, true);
}

/* For a part of a commit: the newest generation, with that part changed. */
static int recorded_part(struct engine *e, struct look *l, struct val *map, struct err *err)
{
    struct generation base = {0};
    int r = l->state.generation
                ? generation_get(e->env.store, e->config->name, l->state.generation, &l->arena, &base, err)
                : 0;
    if (r < 0)
        return r;
    for (size_t i = 0; i < val_len(base.resources); i++) {
        const char *id = base.resources->pairs[i].key;
        const struct plan_change *c = change_of(&l->plan, id);
        if (!c)
            val_map_set(&l->arena, map, id, base.resources->pairs[i].val);
    }
    for (size_t i = 0; i < l->desired.n; i++) {
        const struct resource *res = l->desired.items[i];
        bool selected = change_of(&l->plan, res->id), planned = selected || blocked_of(&l->plan, res->id);
        for (const char *const *id = l->policy.only; *id && !selected; id++)
            selected = !planned && (str_eq(*id, res->id) || id_matches(res->id, *id));
        if (selected)
            add_record(l, map, res);
    }
    return 0;
}

/* Is what is asked for the newest generation, apart from some known edits? */
static bool is_known_edit(const struct engine *e, const struct look *l)
{
    const struct wanted *w = l->wanted;
    return w == e->kept && w->generation && w->generation == l->state.generation && !l->policy.only &&
           !l->rollback_to;
}

static void recorded_edits(struct look *l, struct val *map)
{
    const struct map_slot *slot;
    for (size_t it = 0; (slot = map_next(&l->wanted->edited, &it));) {
        const struct resource *r = resource_find(&l->desired, slot->key);
        if (r)
            add_record(l, map, r);
    }
}

/* It has been recorded: from now on only changes have to be. */
static void note_recorded(struct engine *e, struct look *l, uint64_t generation)
{
    if (l->wanted != e->kept || l->policy.only || l->rollback_to)
        return;
    map_clear(&l->wanted->edited);
    l->wanted->generation = generation;
}

/* Every resource, as asked for, by id: what a rollback returns to. */
static int recorded_resources(struct engine *e, struct look *l, const struct val **ret, uint64_t *ret_base,
                              struct err *err)
{
    struct val *map = val_map(&l->arena);
    int r = 0;
    *ret = map;
    *ret_base = is_known_edit(e, l) ? l->wanted->generation : 0;
    if (*ret_base) {
        recorded_edits(l, map);
        return 0;
    }
    if (l->policy.only)
        r = recorded_part(e, l, map, err);
    for (size_t i = 0; !l->policy.only && i < l->desired.n; i++)
        add_record(l, map, l->desired.items[i]);
    return r;
}

static struct val *plan_summary(struct look *l)
{
    struct val *map = val_map(&l->arena);
    for (unsigned i = PLAN_CREATE; i <= PLAN_BLOCKED; i++)
        if (l->plan.counts[i])
            val_set_int(&l->arena, map, plan_action_name((enum plan_action)i), l->plan.counts[i]);
    return map;
}

/* ---- its life ---- */

/* The commit's subject and author, for the record. For a folder they have not been read yet, because that
   takes time. */
static const char *recorded_subject(struct look *l)
{
    struct err err = {0};
    if (l->snapshot && snapshot_describe(l->snapshot, &err) < 0)
        log_debug("source.describe_failed", "error", err.msg, NULL);
    if (!l->info->dirty)
        return l->info->subject;
    return arena_printf(&l->arena, "%s (with uncommitted changes)", l->info->subject);
}

int record_begin(struct engine *e, struct look *l, struct generation *g, struct err *err)
{
    int r = recorded_resources(e, l, &g->resources, &g->base, err);
    if (r < 0)
        return r;
    g->subject = recorded_subject(l);
    g->commit = l->info->commit;
    g->author = l->info->author;
    g->plan_digest = val_get_str(l->doc, "digest");
    g->begin_ns = clock_wall(e->env.clock);
    g->status = GEN_RUNNING;
    g->summary = plan_summary(l);
    g->secrets = secrets_recorded(l);
    r = generation_begin(e->env.store, e->config->name, g, err);
    if (r == 0)
        note_recorded(e, l, g->number);
    return r;
}

int record_end(struct engine *e, struct look *l, struct generation *g, struct err *err)
{
    g->end_ns = clock_wall(e->env.clock);
    int r = record_images(e, l, &g->images, err);
    return r < 0 ? r : generation_end(e->env.store, e->config->name, g, err);
}

/* The newest, without its resources, which do not change any more. */
static int newest(struct engine *e, struct arena *a, struct generation **ret, struct err *err)
{
    size_t n;
    int r = generation_list(e->env.store, e->config->name, 1, true, a, ret, &n, err);
    if (r == 0 && n == 0)
        *ret = NULL;
    return r;
}

/* Is what a generation asks for what Git asks for? Not if it failed, and Git then went back. */
static int asks_for_this(struct engine *e, struct look *l, uint64_t number, bool *ret, struct err *err)
{
    struct generation g = {0};
    int r = generation_get(e->env.store, e->config->name, number, &l->arena, &g, err);
    if (r < 0)
        return r;
    *ret = val_len(g.resources) == l->desired.n;
    for (size_t i = 0; i < l->desired.n && *ret; i++) {
        const struct resource *asked = l->desired.items[i];
        *ret = val_equal(val_get(g.resources, asked->id), resource_to_val(&l->arena, asked));
    }
    return 0;
}

/* Is all of it as it was asked for? A plan of a part does not say so of the rest; the inventory does. */
static bool all_succeeded(const struct look *l)
{
    for (size_t i = 0; l->policy.only && i < l->bound.n; i++) {
        const struct resource *r = l->bound.items[i];
        const struct applied *a = inventory_find(&l->inventory, r->id);
        if (kind_is_virtual(r->kind, observed_caps(&l->observed, r->id)) || r->kind->flags & KIND_META)
            continue;
        if (!a || a->status != APPLIED_OK)
            return false;
    }
    return true;
}

int record_continued(struct engine *e, struct look *l, struct err *err)
{
    struct generation *g;
    bool same;
    if (l->scope || l->plan.n || plan_is_partial(&l->plan) || !all_succeeded(l))
        return 0;
    int r = newest(e, &l->arena, &g, err);
    if (r < 0 || !g || g->status == GEN_OK)
        return r;
    r = asks_for_this(e, l, g->number, &same, err);
    if (r < 0 || !same)
        return r;
    g->status = GEN_OK;
    g->error = NULL;
    return record_end(e, l, g, err);
}

int record_interrupted(struct engine *e, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct generation *g;
    int r = newest(e, &a, &g, err);
    if (r < 0 || !g || g->status != GEN_RUNNING)
        return r;
    g->status = GEN_INTERRUPTED;
    g->error = "the apply was killed";
    g->end_ns = clock_wall(e->env.clock);
    return generation_end(e->env.store, e->config->name, g, err);
}

/* ---- the inventory ---- */

/* L8: what is held because it keeps disappearing is not healthy because it exists at the moment. */
static bool still_flaps(const struct engine *e, const struct applied *a)
{
    return a->status == APPLIED_HELD && a->corrections &&
           clock_wall(e->env.clock) - a->window_ns < FLAP_WINDOW_NS;
}

/* The inventory record of a resource that was found in sync; false when the inventory already has it. */
static bool in_sync_record(struct engine *e, struct look *l, const struct resource *r, struct applied *ret)
{
    const struct applied *old = inventory_find(&l->inventory, r->id);
    bool same = old && val_equal(old->spec, r->spec) && val_equal(old->labels, r->labels) &&
                val_equal(old->annotations, r->annotations);
    if (same && (old->status == APPLIED_OK || still_flaps(e, old)))
        return false;
    struct object *const *objects;
    size_t n = observed_find(&l->observed, r->id, &objects);
    struct applied now = old ? *old : (struct applied){.id = r->id};
    now.spec = r->spec;
    now.labels = r->labels;
    now.annotations = r->annotations;
    now.status = APPLIED_OK;
    now.error = now.input_digest = NULL;
    now.attempts = now.corrections = 0;
    now.next_ns = 0;
    now.commit = l->info->commit;
    now.changed_ns = clock_wall(e->env.clock);
    if (n) {
        now.baseline = objects[0]->spec;
        now.baseline_id = objects[0]->native_id;
        now.image_id = objects[0]->image_id;
        if (!now.generation)
            now.generation = objects[0]->generation;
    }
    *ret = now;
    return true;
}

/* A plan of a part says nothing about the rest: a resource without a change there is not in sync by that. */
static bool was_looked_at(const struct look *l, const struct resource *r)
{
    const char *const *id = l->policy.only;
    while (id && *id && !id_matches(*id, r->id))
        id++;
    return (!l->policy.only || *id) && look_covers(l, r->id);
}

/*
 * Bring the inventory up to date with what was found in sync: resources whose record was lost, and those
 * whose manifest now describes differently what already runs. Writes nothing when nothing changed (L1).
 */
int record_inventory(struct engine *e, struct look *l, struct err *err)
{
    struct applied *items = NULL, now;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < l->bound.n; i++) {
        const struct resource *r = l->bound.items[i];
        bool part_of_it = !kind_is_virtual(r->kind, observed_caps(&l->observed, r->id)) &&
                          !(r->kind->flags & KIND_META) && !plan_find(&l->plan, r->id);
        part_of_it = part_of_it && was_looked_at(l, r) && !observed_away(&l->observed, r->id);
        if (part_of_it && in_sync_record(e, l, r, &now))
            arena_push(&l->arena, items, n, cap, now);
    }
    return n ? inventory_save_all(e->env.store, e->config->name, items, n, err) : 0;
}
