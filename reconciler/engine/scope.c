/*
 * A look at a few resources, when it is known that nothing else changed: those that the engine or a commit
 * touched, and all that depend on them, since what happens to something may affect its dependents. What these
 * need in turn is observed as well, and stays as it is.
 */
#include "reconciler/engine/internal.h"

#include "base/str.h"

/* Each takes several requests to the engine; beyond this number one listing of everything is as good. */
#define SCOPE_MAX  16u
#define NEEDED_MAX 32u

struct scope {
    struct engine *engine;
    struct arena *arena;
    const char **ids, **needed;
    size_t n, cap, n_needed, cap_needed;
    bool with_places; /* also networks and volumes that are needed */
};

static bool has_objects(const struct resource *r)
{
    return !(r->kind->flags & (KIND_VIRTUAL | KIND_META));
}

static bool holds(const char *const *ids, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(ids[i], id))
            return true;
    return false;
}

/* Users of the default network do not name it, so they cannot be found by what they need. */
static bool is_default_network(const char *id)
{
    return str_eq(id, "network/default");
}

static bool add(struct scope *s, const char *id)
{
    const struct wanted *w = s->engine->kept;
    const struct resource *r = resource_find(&w->bound, id);
    if (!r || is_default_network(id) || s->n == SCOPE_MAX)
        return false;
    if (!has_objects(r) || holds(s->ids, s->n, id))
        return true;
    arena_push(s->arena, s->ids, s->n, s->cap, r->id);
    for (const struct resource_user *u = load_users(&w->desired, id); u; u = u->next)
        if (resource_find(&w->bound, u->id) && !add(s, u->id))
            return false;
    return true;
}

static bool add_needed(struct scope *s, const struct resource *r)
{
    const struct wanted *w = s->engine->kept;
    for (size_t i = 0; i < r->n_depends; i++) {
        const struct resource *other = resource_find(&w->bound, r->depends[i].id);
        if (!other || holds(s->ids, s->n, other->id) || holds(s->needed, s->n_needed, other->id))
            continue;
        if (s->n_needed == NEEDED_MAX)
            return false;
        arena_push(s->arena, s->needed, s->n_needed, s->cap_needed, other->id);
    }
    return true;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool choose(struct scope *s, const char *const *touched, const char *const *edited)
{
    const char *const *lists[] = {touched, edited};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (const char *const *id = lists[i]; id && *id; id++)
            if (!add(s, *id))
                return false;
    for (size_t i = 0; i < s->n; i++)
        if (!add_needed(s, resource_find(&s->engine->kept->bound, s->ids[i])))
            return false;
    if (s->n)
        qsort(s->ids, s->n, sizeof(*s->ids), by_id);
    arena_push(s->arena, s->ids, s->n, s->cap, NULL);
    arena_push(s->arena, s->needed, s->n_needed, s->cap_needed, NULL);
    return true;
}

bool look_covers(const struct look *l, const char *id)
{
    const char *const *at = l->scope;
    while (at && *at && !str_eq(*at, id))
        at++;
    return !l->scope || *at;
}

/* ---- what is there ---- */

static void take_images(struct observed *all, const struct observed *one)
{
    for (size_t i = 0; i < one->n_images; i++) {
        size_t k = 0;
        while (k < all->n_images && !str_eq(all->images[k].ref, one->images[i].ref))
            k++;
        if (k == all->n_images)
            arena_push(all->arena, all->images, all->n_images, all->cap_images, one->images[i]);
    }
}

static const struct container_end *end_of(const struct look *l, const char *id)
{
    for (size_t i = 0; i < l->n_ended; i++)
        if (str_eq(l->ended[i].id, id))
            return &l->ended[i];
    return NULL;
}

static int observe_one(struct engine *e, struct look *l, const char *id, const struct cancel *c, bool images,
                       struct err *err)
{
    struct provider *p;
    struct resource_set set;
    struct observed one, *all = &l->observed;
    int r = engine_provider(e, &p, err);
    if (r < 0)
        return r;
    resource_set_init(&set, &l->arena);
    resource_set_add(&set, resource_find(&l->bound, id));
    const struct observe_request rq = {
        .owner = e->config->name, .desired = &set, .resource = id, .ended = end_of(l, id), .images = images};
    r = p->ops->observe(p, &rq, c, &l->observed_arena, &one, err);
    resource_set_release(&set);
    if (r < 0)
        return r;
    for (size_t i = 0; i < one.n; i++)
        arena_push(all->arena, all->items, all->n, all->cap, one.items[i]);
    take_images(all, &one);
    all->caps = one.caps;
    all->engine = one.engine;
    all->at_ns = one.at_ns;
    all->listed += one.listed;
    all->inspected += one.inspected;
    all->told += one.told;
    return 0;
}

int scope_observe(struct engine *e, struct look *l, const struct cancel *c, bool images, struct err *err)
{
    int64_t begin = clock_mono(e->env.clock);
    int r = 0;
    observed_init(&l->observed, &l->observed_arena);
    for (const char *const *id = l->scope; *id && r == 0; id++)
        r = observe_one(e, l, *id, c, images, err);
    for (const char *const *id = l->needed; *id && r == 0; id++)
        r = observe_one(e, l, *id, c, false, err);
    observed_sort(&l->observed);
    l->observe_ns = clock_mono(e->env.clock) - begin;
    return r;
}

int scope_inventory(struct engine *e, struct look *l, struct err *err)
{
    l->inventory = (struct inventory){.arena = &l->arena, .generation = l->state.generation};
    for (const char *const *id = l->scope; *id; id++) {
        struct inventory one;
        int r = inventory_load_one(e->env.store, e->config->name, *id, &l->arena, &one, err);
        if (r < 0)
            return r;
        if (one.n)
            inventory_add(&l->inventory, one.items[0]);
        l->inventory.generation = one.generation;
    }
    inventory_sort(&l->inventory);
    return 0;
}

/* ---- the look ---- */

/* What runs may have to wait for what runs; other dependencies only matter to a plan that creates
   something. */
static bool is_looked_at(const struct scope *s, const struct resource *r)
{
    return has_objects(r) && (s->with_places || r->kind->flags & KIND_INSTANCES);
}

static void use_scope(struct scope *s, struct look *l)
{
    const char **needed = arena_array(&l->arena, const char *, s->n_needed);
    size_t n = 0;
    resource_set_init(&l->bound, &l->arena);
    l->bound.files = s->engine->kept->bound.files;
    l->bound.n_files = s->engine->kept->bound.n_files;
    for (const char *const *id = s->ids; *id; id++)
        resource_set_add(&l->bound, resource_find(&s->engine->kept->bound, *id));
    for (const char *const *id = s->needed; *id; id++) {
        struct resource *r = resource_find(&s->engine->kept->bound, *id);
        resource_set_add(&l->bound, r);
        if (is_looked_at(s, r))
            needed[n++] = *id;
    }
    resource_set_sort(&l->bound);
    l->scope = s->ids;
    l->needed = needed;
}

static bool may_scope(const struct engine *e, const struct look_options *o, const struct look *l)
{
    /* With several engines, a look at all of them is one listing each, side by side. */
    return o->settled && !e->config->target->members && !o->fresh && !o->attended && !o->rollback_to &&
           !o->against && !o->only && !o->fetch && !*l->resume && e->kept;
}

/* Is the plan one that a look at a part may make: restoring drift, or what the commit asks for? Deletions,
   and what is held back, are judged by a look at everything. */
static bool is_settled_by_part(const struct look *l, bool edited)
{
    const struct plan *p = &l->plan;
    return !p->counts[PLAN_DELETE] && !p->counts[PLAN_FORGET] && !p->counts[PLAN_BLOCKED] &&
           !p->needs_approval && (edited || look_continues_generation(l));
}

static int scope_plan(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    int r = scope_observe(e, l, o->cancel, false, err);
    if (r == 0)
        r = scope_inventory(e, l, err);
    return r < 0 ? r : look_plan(e, o, l, err);
}

/* Does the plan only start what has ended? That does no harm if something overtook the event. */
static bool only_starts(const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->changes[i].n_moves; k++) {
            const struct plan_move *m = &p->changes[i].moves[k];
            if (m->action != PLAN_RESTART || m->restart || m->update || m->candidate)
                return false;
        }
    return true;
}

int look_scope(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    const char *const *edited = NULL;
    struct scope s = {.engine = e, .arena = &l->arena};
    if (!may_scope(e, o, l))
        return err_set(err, ERR_UNSUPPORTED, "anything can have moved");
    int r = wanted_is_current(e, o, l) ? 0
            : o->rev || o->same_commit ? err_set(err, ERR_UNSUPPORTED, "another commit is asked for")
                                       : wanted_follow(e, l, &edited, err);
    if (r < 0)
        return r;
    s.with_places = edited && *edited;
    if (!choose(&s, o->touched, edited))
        return err_set(err, ERR_UNSUPPORTED, "it concerns many");
    wanted_use(e->kept, l);
    use_scope(&s, l);
    images_follow(l, o->attended);
    secrets_stamp(e, l);
    l->ended = o->ended;
    l->n_ended = o->n_ended;
    r = scope_plan(e, o, l, err);
    l->on_word = l->observed.told > 0;
    l->ended = NULL;
    l->n_ended = 0;
    if (r == 0 && l->on_word && !only_starts(&l->plan)) {
        l->on_word = false;
        r = scope_plan(e, o, l, err);
    }
    if (r == 0 && !is_settled_by_part(l, s.with_places))
        r = err_set(err, ERR_UNSUPPORTED, "there is more to it");
    return r;
}
