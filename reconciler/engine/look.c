/* One look at the world: source -> load -> observe -> plan. Writes nothing but caches (P7). */
#include "reconciler/engine/internal.h"

#include "base/str.h"
#include "reconciler/plan/bind.h"

#include <string.h>

static const struct snapshot_info no_info = {.commit = "", .subject = "", .author = "", .where = ""};

static void look_begin(struct look *l)
{
    memset(l, 0, sizeof(*l));
    arena_init(&l->arena);
    arena_init(&l->observed_arena);
    diag_init(&l->diags, &l->arena);
    l->wanted = wanted_new();
    resource_set_init(&l->desired, &l->wanted->arena);
    resource_set_init(&l->bound, &l->wanted->arena);
    observed_init(&l->observed, &l->observed_arena);
    l->info = &no_info;
}

void look_release(struct look *l)
{
    if (!l)
        return;
    if (l->scope || !l->wanted->complete)
        resource_set_release(&l->bound);
    if (!l->wanted->complete)
        resource_set_release(&l->desired);
    wanted_unref(l->wanted);
    snapshot_free(l->snapshot);
    arena_release(&l->observed_arena);
    arena_release(&l->arena);
}

/* Read the source: fetch when asked to, then the tree of the wanted revision. */
static int look_source(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct clock *clock = e->env.clock;
    int64_t begin = clock_mono(clock);
    bool moved = false;
    int r = o->fetch ? source_fetch(e->source, o->cancel, &moved, err) : 0;
    if (r == 0)
        r = source_snapshot(e->source, o->rev, &l->snapshot, err);
    l->fetch_ns = clock_mono(clock) - begin;
    if (r < 0)
        return err_wrap(err, "environment %s", e->config->name);
    l->info = snapshot_info(l->snapshot);
    return 0;
}

/* Fill l->desired; problems of manifests are in l->diags and are an error. */
static int look_desired(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct clock *clock = e->env.clock;
    int64_t begin = clock_mono(clock);
    int r = 0;
    if (l->snapshot)
        r = look_load(e, l->snapshot, l->info, &l->wanted->arena, &l->desired, &l->diags, &l->loaded, err);
    if (r == 0 && l->diags.errors)
        r = err_set(err, ERR_INVALID, "environment %s: %zu %s in its manifests", e->config->name,
                    l->diags.errors, l->diags.errors == 1 ? "error" : "errors");
    if (r == 0 && l->rollback_to)
        r = look_rollback(e, o, l, err);
    if (r == 0)
        r = bind_set(&l->desired, e->config->name, &l->wanted->arena, &l->bound, err);
    l->load_ns = clock_mono(clock) - begin;
    return r;
}

static void set_policy(struct engine *e, const struct look_options *o, struct look *l)
{
    const struct env_config *c = e->config;
    l->attended = o->attended;
    l->policy = (struct plan_policy){
        .prune = c->prune,
        .self_heal = c->self_heal || o->attended,
        .load_failed = l->diags.errors > 0 || l->desired.n == 0,
        .delete_cap = o->attended ? 0 : c->delete_cap,
        .delete_share = o->attended ? 0 : c->delete_share,
        .data_loss = o->data_loss,
        .adopt = o->adopt,
        .only = o->only,
        .force_retry = o->force_retry || o->attended,
        .resume = l->resume,
        .now_ns = clock_wall(e->env.clock),
    };
}

int look_plan(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct clock *clock = e->env.clock;
    int64_t begin = clock_mono(clock);
    set_policy(e, o, l);
    const struct plan_input in = {
        .environment = e->config->name,
        .commit = l->info->commit,
        .subject = l->info->subject,
        .target = arena_printf(&l->arena, "%s", str_or(e->config->target->name, "local")),
        .desired = &l->bound,
        .observed = &l->observed,
        .applied = &l->inventory,
        .policy = &l->policy,
    };
    memset(&l->plan, 0, sizeof(l->plan));
    int r = plan_make(&in, &l->arena, &l->plan, &l->diags, err);
    if (r < 0)
        return r;
    l->doc = plan_to_val(&l->arena, &l->plan);
    l->plan_ns = clock_mono(clock) - begin;
    return 0;
}

/* Does automation leave this commit alone, because somebody rolled back from it (H2)? */
static bool commit_is_held(const struct look *l)
{
    return l->state.held_commit && l->state.held_generation && str_eq(l->state.held_commit, l->info->commit);
}

/* The same of what is kept in memory. */
static bool is_held(const struct engine *e, const struct look *l)
{
    return l->state.held_commit && e->kept && str_eq(l->state.held_commit, e->kept->info.commit);
}

/* Everything that comes from the repository, or from a recorded generation in its place. */
static int look_wanted(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    bool needs_source = !o->rollback_to || o->rollback_only,
         plain = !o->rollback_to && !o->rev && !o->attended;
    l->rollback_to = o->rollback_to;
    if (plain && o->same_commit && e->kept && !is_held(e, l)) {
        wanted_use(e->kept, l);
        return 0;
    }
    int r = needs_source ? look_source(e, o, l, err) : 0;
    if (r < 0)
        return r;
    if (needs_source && !o->attended && commit_is_held(l))
        l->rollback_to = l->state.held_generation;
    plain &= !l->rollback_to && !l->info->dirty && !str_empty(l->info->commit);
    if (plain && e->kept && str_eq(e->kept->info.commit, l->info->commit)) {
        wanted_use(e->kept, l);
        return 0;
    }
    r = look_desired(e, o, l, err);
    if (r == 0 && plain && e->env.keep_wanted)
        wanted_keep(e, l);
    return r;
}

/* A look at one resource, where it is known that nothing else moved: a few questions to the engine, no
 * repository. */
static int look_scope(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
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

static bool can_scope(const struct engine *e, const struct look_options *o, const struct look *l)
{
    return o->touched && o->same_commit && !o->attended && e->kept && !is_held(e, l) &&
           wanted_is_alone(e->kept, o->touched);
}

bool look_continues_generation(const struct look *l)
{
    for (size_t i = 0; i < l->plan.n; i++) {
        const struct plan_change *c = &l->plan.changes[i];
        bool repair = c->causes && !(c->causes & ~(CAUSE_DRIFT | CAUSE_RESUME | CAUSE_RETRY));
        if (c->action != PLAN_BLOCKED && !repair)
            return false;
    }
    return l->state.generation && !(l->rollback_to && l->attended);
}

static int look_compare(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    int r = look_wanted(e, o, l, err);
    if (r == 0)
        r = look_against(e, o->against, l, err);
    return r < 0 ? r : look_plan(e, o, l, err);
}

/* The engine is asked while the repository is read. */
static int look_live(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct observing *ob;
    int r = observing_start(e, o, l, &ob, err);
    if (r < 0)
        return r;
    int wanted = look_wanted(e, o, l, err);
    struct err observe_err = {0};
    int observed = observing_end(ob, wanted == 0 ? &l->bound : NULL, &observe_err);
    /* Wrong manifests are reported even when the engine is away, and first. */
    if (wanted < 0)
        return wanted;
    if (observed < 0) {
        *err = observe_err;
        return err_wrap(err, "target %s", str_or(e->config->target->name, "local"));
    }
    if (l->rollback_to)
        r = rollback_pin_images(e, l, err);
    if (r == 0)
        r = inventory_load(e->env.store, e->config->name, &l->arena, &l->inventory, err);
    return r < 0 ? r : look_plan(e, o, l, err);
}

int engine_look(struct engine *e, const struct look_options *o, struct look *ret, struct err *err)
{
    look_begin(ret);
    int r = env_state_get(e->env.store, e->config->name, &ret->arena, &ret->state, err);
    if (r == 0)
        r = exec_resume_ids(e->env.store, e->config->name, &ret->arena, &ret->resume, err);
    if (r < 0)
        return r;
    if (!can_scope(e, o, ret))
        return o->against ? look_compare(e, o, ret, err) : look_live(e, o, ret, err);
    r = look_scope(e, o, ret, err);
    if (r < 0 || look_continues_generation(ret))
        return r;
    /* More than drift: that is a matter for a whole look. */
    look_release(ret);
    struct look_options whole = *o;
    whole.touched = NULL;
    return engine_look(e, &whole, ret, err);
}

int engine_load(struct engine *e, const struct look_options *o, struct look *ret, struct err *err)
{
    look_begin(ret);
    int r = look_source(e, o, ret, err);
    return r < 0 ? r : look_desired(e, o, ret, err);
}
