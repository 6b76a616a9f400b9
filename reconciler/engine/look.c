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
    resource_set_init(&l->desired, &l->arena);
    resource_set_init(&l->bound, &l->arena);
    observed_init(&l->observed, &l->observed_arena);
    l->info = &no_info;
}

void look_release(struct look *l)
{
    if (!l)
        return;
    resource_set_release(&l->desired);
    resource_set_release(&l->bound);
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
        r = look_load(e, l->snapshot, l->info, &l->arena, &l->desired, &l->diags, &l->loaded, err);
    if (r == 0 && l->diags.errors)
        r = err_set(err, ERR_INVALID, "environment %s: %zu %s in its manifests", e->config->name,
                    l->diags.errors, l->diags.errors == 1 ? "error" : "errors");
    if (r == 0 && l->rollback_to)
        r = look_rollback(e, o, l, err);
    if (r == 0)
        r = bind_set(&l->desired, e->config->name, &l->arena, &l->bound, err);
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

/* Everything that comes from the repository, or from a recorded generation in its place. */
static int look_wanted(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    bool needs_source = !o->rollback_to || o->rollback_only;
    l->rollback_to = o->rollback_to;
    int r = needs_source ? look_source(e, o, l, err) : 0;
    if (r == 0 && needs_source && !o->attended && commit_is_held(l))
        l->rollback_to = l->state.held_generation;
    return r < 0 ? r : look_desired(e, o, l, err);
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
    if (r < 0)
        return r;
    return o->against ? look_compare(e, o, ret, err) : look_live(e, o, ret, err);
}

int engine_load(struct engine *e, const struct look_options *o, struct look *ret, struct err *err)
{
    look_begin(ret);
    int r = look_source(e, o, ret, err);
    return r < 0 ? r : look_desired(e, o, ret, err);
}
