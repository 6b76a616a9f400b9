/* One look at the world: source -> load -> observe -> plan. Writes nothing but caches (P7). */
#include "reconciler/engine/internal.h"

#include "base/str.h"

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
        .under_way = l->under_way,
        .rollback_to = l->rollback_to,
        .survey = o->status,
        .attended = o->attended,
        .now_ns = clock_wall(e->env.clock),
    };
}

/* How many resources are planned: those with objects of their own. */
static size_t planned(const struct resource_set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++)
        n += !(set->items[i]->kind->flags & (KIND_VIRTUAL | KIND_META));
    return n;
}

static size_t planned_of_scope(const struct look *l)
{
    size_t n = 0;
    while (l->scope[n])
        n++;
    return n;
}

static void keep_notes(struct engine *e, const struct look *l)
{
    struct arena a = ARENA_INIT;
    struct plan_note *notes = arena_array(&a, struct plan_note, l->plan.n_notes);
    for (size_t i = 0; i < l->plan.n_notes; i++)
        notes[i] = (struct plan_note){arena_strdup(&a, l->plan.notes[i].id),
                                      arena_strdup(&a, l->plan.notes[i].text)};
    arena_release(&e->notes_arena);
    e->notes_arena = a;
    e->notes = notes;
    e->n_notes = l->plan.n_notes;
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
        .touched = l->scope,
        .others_in_sync = l->scope ? planned(&l->wanted->bound) - planned_of_scope(l) : 0,
        .notes = e->notes,
        .n_notes = e->n_notes,
        .unready = l->unready,
        .n_unready = l->n_unready,
    };
    l->resources = l->scope ? l->wanted->bound.n : l->bound.n;
    memset(&l->plan, 0, sizeof(l->plan));
    int r = plan_make(&in, &l->arena, &l->plan, &l->diags, err);
    if (r < 0)
        return r;
    l->doc = plan_to_val(&l->arena, &l->plan);
    if (e->env.keep_wanted && !o->only)
        keep_notes(e, l);
    l->plan_ns = clock_mono(clock) - begin;
    return 0;
}

bool look_continues_generation(const struct look *l)
{
    for (size_t i = 0; i < l->plan.n; i++) {
        const struct plan_change *c = &l->plan.changes[i];
        /* What is retried was asked for by the generation in which it failed, or an older one. */
        bool again = c->causes & CAUSE_RETRY || !(c->causes & ~(CAUSE_DRIFT | CAUSE_RESUME));
        if (c->action != PLAN_BLOCKED && !(c->causes && again))
            return false;
    }
    return l->state.generation && !(l->rollback_to && l->attended);
}

static int look_compare(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    l->known = load_known_new();
    int r = look_wanted(e, o, l, err);
    l->resume = NULL; /* which is of what runs */
    l->under_way = NULL;
    if (r == 0)
        r = look_against(e, o->against, l, err);
    load_known_free(take_ptr(l->known));
    return r < 0 ? r : look_plan(e, o, l, err);
}

/*
 * What runs that have not ended are at: interrupted, unless somebody applies right now. Before observing, so
 * that what ends meanwhile is not taken for drift, and after it again, for what has begun meanwhile.
 */
static int look_resume(struct engine *e, struct look *l, bool again, struct err *err)
{
    const char *holder = store_lock_holder(e->env.store, e->config->name, &l->arena);
    const char *const *ids;
    if (again && (l->under_way || !holder))
        return 0;
    int r = exec_resume_ids(e->env.store, e->config->name, &l->arena, &ids, err);
    if (r < 0 || (again && !*ids))
        return r;
    l->resume = ids;
    l->under_way = *ids ? holder : NULL; /* else nothing has begun, or it is no apply */
    return 0;
}

/* The engine is asked while the repository is read. */
static int look_live(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct observing *ob;
    int r = observing_start(e, o, l, &ob, err);
    if (r < 0)
        return r;
    int wanted = look_wanted(e, o, l, err);
    if (wanted == 0) {
        images_follow(l, o->attended);
        secrets_stamp(e, l);
    }
    struct err observe_err = {0};
    int observed = observing_end(ob, wanted == 0 ? &l->bound : NULL, &observe_err);
    /* Invalid manifests are reported even when the engine is away, and first. */
    if (wanted < 0)
        return wanted;
    if (observed < 0) {
        *err = observe_err;
        return err->code;
    }
    r = look_resume(e, l, true, err);
    if (r == 0 && l->rollback_to)
        r = rollback_pin_images(e, l, err);
    if (r == 0)
        r = inventory_load(e->env.store, e->config->name, &l->arena, &l->inventory, err);
    if (r == 0)
        targets_follow(e, l);
    return r < 0 ? r : look_plan(e, o, l, err);
}

int engine_look(struct engine *e, const struct look_options *o, struct look *ret, struct err *err)
{
    look_begin(ret);
    int r = state_load(e, &ret->arena, &ret->state, err);
    if (r == 0)
        r = look_resume(e, ret, false, err);
    if (r < 0)
        return r;
    if (o->settled) {
        struct err why = {0};
        r = look_scope(e, o, ret, &why);
        if (r == 0 || r == ERR_CANCELLED)
            return r < 0 ? (*err = why).code : 0;
        log_debug("look.whole", "environment", e->config->name, "why", why.msg, NULL);
        look_release(ret);
        struct look_options whole = *o;
        whole.settled = false;
        whole.touched = NULL;
        return engine_look(e, &whole, ret, err);
    }
    return o->against ? look_compare(e, o, ret, err) : look_live(e, o, ret, err);
}

int engine_load(struct engine *e, const struct look_options *o, struct look *ret, struct err *err)
{
    look_begin(ret);
    int r = look_source(e, o, ret, err);
    e->loading = true;
    if (r == 0)
        r = look_desired(e, o, ret, err);
    e->loading = false;
    return r;
}
