/* Applying a look: lock, record, run, read back, check that nothing is left to do. */
#include "reconciler/engine/internal.h"

#include "base/io.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct applying {
    struct engine *engine;
    struct look *look;
    const struct apply_options *options;
    struct apply_result *result;
    char run[17];
    bool continues; /* the newest generation, of which something is put back */
    struct generation generation;
};

static int refuse_suspended(struct engine *e, const struct look *l, struct err *err)
{
    const struct env_state *st = &l->state;
    if (!st->suspended_by)
        return 0;
    int64_t now = clock_wall(e->env.clock);
    if (st->suspended_until_ns && st->suspended_until_ns <= now)
        return 0;
    err_set(err, ERR_DENIED, "environment %s is suspended by %s: %s", e->config->name, st->suspended_by,
            str_or(st->suspended_why, "no reason given"));
    return err_hint(err, "`forge-ctl resume` ends the suspension");
}

static int refuse_unapproved(struct engine *e, const struct look *l, struct err *err)
{
    if (l->attended || !l->plan.needs_approval)
        return 0;
    err_set(err, ERR_DENIED, "environment %s: %s", e->config->name, l->plan.needs_approval);
    return err_hint(err, "read the plan with `forge-ctl diff`; `forge-ctl apply` runs it with your approval");
}

/* Every resource of the set, as it was asked for, by id: what a rollback goes back to. */
static struct val *recorded_resources(struct look *l)
{
    struct val *map = val_map(&l->arena);
    for (size_t i = 0; i < l->desired.n; i++)
        val_map_set(&l->arena, map, l->desired.items[i]->id, resource_to_val(&l->arena, l->desired.items[i]));
    return map;
}

static struct val *plan_summary(struct look *l)
{
    struct val *map = val_map(&l->arena);
    for (unsigned i = PLAN_CREATE; i <= PLAN_BLOCKED; i++)
        if (l->plan.counts[i])
            val_set_int(&l->arena, map, plan_action_name((enum plan_action)i), l->plan.counts[i]);
    return map;
}

/* What each image reference meant when it ran (H3). */
static struct val *recorded_images(struct look *l)
{
    struct arena *a = &l->arena;
    struct val *map = val_map(a);
    for (size_t i = 0; i < l->observed.n; i++) {
        const struct object *o = l->observed.items[i];
        const char *ref = val_get_str(o->spec, "image");
        if (!ref || !o->image_id || o->candidate)
            continue;
        const struct resource *r = resource_find(&l->bound, o->id);
        ref = r ? val_get_str(r->spec, "image") : NULL;
        if (!ref)
            continue;
        struct val *entry = val_map(a);
        const struct image_fact *fact = observed_image(&l->observed, ref);
        val_set_str(a, entry, "id", o->image_id);
        if (fact && str_eq(fact->id, o->image_id))
            val_set_str(a, entry, "digest", fact->digest);
        val_map_set(a, map, ref, entry);
    }
    return map;
}

/* L8: what is held because it goes away again and again is not well because it is there at the moment. */
static bool still_flaps(const struct engine *e, const struct applied *a)
{
    return a->status == APPLIED_HELD && a->corrections &&
           clock_wall(e->env.clock) - a->window_ns < FLAP_WINDOW_NS;
}

/*
 * Bring the inventory up to date with what was found in sync: resources whose record was lost, and those
 * whose manifest now says in other words what runs already. Writes nothing when nothing changed (L1).
 */
static int sync_inventory(struct engine *e, struct look *l, struct err *err)
{
    struct store *s = e->env.store;
    for (size_t i = 0; i < l->bound.n; i++) {
        const struct resource *r = l->bound.items[i];
        const struct applied *old = inventory_find(&l->inventory, r->id);
        if (r->kind->flags & (KIND_VIRTUAL | KIND_META) || plan_find(&l->plan, r->id))
            continue;
        bool same = old && val_equal(old->spec, r->spec) && val_equal(old->labels, r->labels);
        if (same && (old->status == APPLIED_OK || still_flaps(e, old)))
            continue;
        struct object *const *objects;
        size_t n = observed_find(&l->observed, r->id, &objects);
        struct applied now = old ? *old : (struct applied){.id = r->id};
        now.spec = r->spec;
        now.labels = r->labels;
        now.status = APPLIED_OK;
        now.error = now.input_digest = NULL;
        now.attempts = now.corrections = 0;
        now.commit = l->info->commit;
        now.changed_ns = clock_wall(e->env.clock);
        if (n) {
            now.baseline = objects[0]->spec;
            now.image_id = objects[0]->image_id;
            if (!now.generation)
                now.generation = objects[0]->generation;
        }
        int rc = inventory_save(s, e->config->name, &now, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Note on the environment what this run means for what follows. */
static int save_state(struct applying *ap, bool ok, const struct err *outcome, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    struct env_state st;
    int r = env_state_get(e->env.store, e->config->name, &l->arena, &st, err);
    if (r < 0)
        return r;
    st.source = l->info->where;
    st.checked_ns = clock_wall(e->env.clock);
    st.error = ok ? NULL : outcome->msg;
    st.error_ns = ok ? 0 : st.checked_ns;
    if (l->rollback_to && l->attended) {
        /* Automation keeps away from the commit that was left until another one comes (H2). */
        st.held_commit = str_or(st.applied_commit, st.seen_commit);
        st.held_generation = l->rollback_to;
    } else if (!l->rollback_to) {
        st.held_commit = NULL;
        st.held_generation = 0;
        st.seen_commit = st.good_commit = l->info->commit;
        if (ok)
            st.applied_commit = l->info->commit;
    }
    if (ok)
        st.applied_ns = st.checked_ns;
    return env_state_put(e->env.store, e->config->name, &st, err);
}

/* What the commit says, for the record. A folder has not said it yet, because that takes time. */
static const char *recorded_subject(struct look *l)
{
    struct err err = {0};
    if (l->snapshot && snapshot_describe(l->snapshot, &err) < 0)
        log_debug("source.describe_failed", "error", err.msg, NULL);
    if (!l->info->dirty)
        return l->info->subject;
    return arena_printf(&l->arena, "%s (and changes that are not committed)", l->info->subject);
}

static int begin_generation(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    if (ap->continues) {
        ap->generation.number = ap->result->generation = l->state.generation;
        return 0;
    }
    const char *subject = recorded_subject(l);
    ap->generation = (struct generation){
        .commit = l->info->commit,
        .subject = subject,
        .author = l->info->author,
        .actor = ap->options->actor,
        .trigger = ap->options->trigger,
        .plan_digest = val_get_str(l->doc, "digest"),
        .begin_ns = clock_wall(e->env.clock),
        .status = GEN_RUNNING,
        .resources = recorded_resources(l),
        .summary = plan_summary(l),
    };
    int r = generation_begin(e->env.store, e->config->name, &ap->generation, err);
    ap->result->generation = ap->generation.number;
    return r;
}

static int run_plan(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    const struct apply_options *o = ap->options;
    struct provider *p;
    int r = engine_provider(e, &p, err);
    if (r < 0)
        return r;
    const struct exec_options eo = {
        .clock = e->env.clock,
        .cancel = o->cancel,
        .parallel = o->parallel ? o->parallel : e->config->parallel,
        .timeout_ns = o->timeout_ns ? o->timeout_ns : e->config->timeout_ns,
        .store = e->env.store,
        .run = ap->run,
        .actor = o->actor,
        .trigger = o->trigger,
        .plan_digest = val_get_str(l->doc, "digest"),
        .generation = ap->generation.number,
        .event = o->event,
        .arg = o->arg,
    };
    return exec_run(p, &l->plan, l->observed.caps, &eo, &l->arena, &ap->result->report, err);
}

/* Look again at the engine and plan against what was just applied (S9). */
static int read_back(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    struct provider *p;
    int r = engine_provider(e, &p, err);
    if (r < 0)
        return r;
    observed_init(&l->observed, &l->observed_arena);
    const struct observe_request rq = {
        .owner = e->config->name,
        .desired = &l->bound,
        .resource = l->scope,
        .images = !ap->continues,
    };
    r = p->ops->observe(p, &rq, NULL, &l->observed_arena, &l->observed, err);
    if (r < 0)
        return err_wrap(err, "reading back");
    memset(&l->inventory, 0, sizeof(l->inventory));
    r = l->scope ? inventory_load_one(e->env.store, e->config->name, l->scope, &l->arena, &l->inventory, err)
                 : inventory_load(e->env.store, e->config->name, &l->arena, &l->inventory, err);
    if (r < 0)
        return r;
    const struct look_options again = {.attended = l->attended, .only = l->policy.only};
    return look_plan(e, &again, l, err);
}

/* L9: a change that succeeded and is wanted again will never end: hold it, and name the field. */
static int hold_unconverged(struct applying *ap, const struct plan *before, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    for (size_t i = 0; i < before->n; i++) {
        const struct plan_change *again = plan_find(&l->plan, before->changes[i].id);
        if (ap->result->report.outcomes[i].result != EXEC_OK || !again || again->action == PLAN_BLOCKED)
            continue;
        /* Something that stopped by itself in the meantime is drift, for the next run. */
        if (!again->n_fields || again->causes & (CAUSE_DRIFT | CAUSE_RESUME))
            continue;
        ap->result->not_converged = arena_printf(&l->arena, "%s: %s", again->id, again->fields[0].path);
        struct applied held = again->applied ? *again->applied : (struct applied){.id = again->id};
        held.status = APPLIED_HELD;
        held.error = arena_printf(&l->arena, "field %s does not converge: it was applied, and differs again",
                                  again->fields[0].path);
        int r = inventory_save(e->env.store, e->config->name, &held, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static enum generation_status status_of(int result, const struct exec_report *r)
{
    if (result == 0)
        return GEN_OK;
    return r->ok ? GEN_PARTIAL : GEN_FAILED;
}

/* What was put back was part of a generation already; if that one had failed, it is made good now. */
static int end_continued(struct applying *ap, int result, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    struct generation g;
    if (result < 0 || l->scope || l->plan.n)
        return 0;
    int r = generation_get(e->env.store, e->config->name, ap->generation.number, &l->arena, &g, err);
    if (r < 0 || g.status == GEN_OK)
        return r == ERR_NOTFOUND ? 0 : r;
    g.status = GEN_OK;
    g.error = NULL;
    g.end_ns = clock_wall(e->env.clock);
    g.images = recorded_images(l);
    return generation_end(e->env.store, e->config->name, &g, err);
}

static int end_generation(struct applying *ap, int result, const struct err *outcome, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    if (ap->continues)
        return end_continued(ap, result, err);
    ap->generation.end_ns = clock_wall(e->env.clock);
    ap->generation.status = status_of(result, &ap->result->report);
    ap->generation.error = result < 0 ? arena_strdup(&l->arena, outcome->msg) : NULL;
    ap->generation.images = recorded_images(l);
    return generation_end(e->env.store, e->config->name, &ap->generation, err);
}

/* Everything between the lock and its release. */
static int apply_locked(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    size_t interrupted = 0;
    int r = exec_recover(e->env.store, e->config->name, e->env.clock, &interrupted, err);
    if (r < 0)
        return r;
    if (plan_empty(&l->plan)) {
        r = sync_inventory(e, l, err);
        return r < 0 ? r : save_state(ap, true, NULL, err);
    }
    ap->continues = look_continues_generation(l);
    r = begin_generation(ap, err);
    if (r < 0)
        return r;
    const struct plan before = l->plan;
    int result = run_plan(ap, err);
    struct err outcome = *err, late = {0};
    r = read_back(ap, &late);
    if (r == 0)
        r = hold_unconverged(ap, &before, &late);
    if (r == 0)
        r = sync_inventory(e, l, &late);
    if (r < 0 && result == 0) {
        result = r;
        outcome = late;
    }
    r = end_generation(ap, result, &outcome, &late);
    if (r == 0)
        r = save_state(ap, result == 0, &outcome, &late);
    if (r == 0 && result == 0)
        r = retention_apply(e->env.store, e->config->name, &e->config->retention, clock_wall(e->env.clock),
                            &late);
    if (result < 0)
        *err = outcome;
    else if (r < 0)
        *err = late;
    return result < 0 ? result : r;
}

int engine_apply(struct engine *e, struct look *l, const struct apply_options *o, struct apply_result *ret,
                 struct err *err)
{
    *ret = (struct apply_result){0};
    struct applying ap = {.engine = e, .look = l, .options = o, .result = ret};
    uint64_t id;
    io_random(&id, sizeof(id));
    snprintf(ap.run, sizeof(ap.run), "%016" PRIx64, id);

    int r = refuse_suspended(e, l, err);
    if (r == 0)
        r = refuse_unapproved(e, l, err);
    if (r < 0)
        return r;
    _cleanup_close_ int lock = -1;
    const char *holder = arena_printf(&l->arena, "%s (process %d)", str_or(o->actor, "forge"), (int)getpid());
    r = store_lock(e->env.store, e->config->name, holder, &lock, err);
    if (r < 0)
        return r;
    log_run(ap.run);
    r = apply_locked(&ap, err);
    log_run(NULL);
    return r;
}
