/* Applying a look: lock, record, run, read back, check that nothing is left to do. */
#include "reconciler/engine/internal.h"

#include "base/io.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define CACHE_KEEP_NS (90 * 24 * 3600 * NS_PER_S) /* not used for so long */
#define CACHE_TRIM_NS (24 * 3600 * NS_PER_S)      /* so often, at most */

struct applying {
    struct engine *engine;
    struct look *look;
    const struct apply_options *options;
    struct apply_result *result;
    char run[17];
    bool partly;    /* engines were away when it was planned */
    bool continues; /* the newest generation, of which something is restored or retried */
    struct generation generation;
};

static int refuse_unapproved(struct engine *e, const struct look *l, struct err *err)
{
    if (l->attended || !l->plan.needs_approval)
        return 0;
    err_set(err, ERR_DENIED, "environment %s: %s", e->config->name, l->plan.needs_approval);
    return err_hint(err,
                    "review the plan with `forge-ctl diff`; `forge-ctl apply` runs it after you approve it");
}

static int run_plan(struct applying *ap, const struct cancel *cancel, struct err *err)
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
        .cancel = cancel,
        .parallel = o->parallel ? o->parallel : e->config->parallel,
        .timeout_ns = o->timeout_ns ? o->timeout_ns : e->config->timeout_ns,
        .spent_ns = o->timeout_ns ? o->spent_ns : 0,
        .store = e->env.store,
        .run = ap->run,
        .actor = o->actor,
        .trigger = o->trigger,
        .plan_digest = val_get_str(l->doc, "digest"),
        .on_word = l->on_word,
        .generation = ap->generation.number,
        .keep_read = closing_needs_read(l),
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
    int r = closing_observe(e, l, &ap->result->report, !ap->continues, err);
    if (r < 0)
        return err_wrap(err, "reading back");
    memset(&l->inventory, 0, sizeof(l->inventory));
    l->resume = NULL; /* its interrupted changes are done, or have failed */
    l->under_way = NULL;
    r = l->scope ? scope_inventory(e, l, err)
                 : inventory_load(e->env.store, e->config->name, &l->arena, &l->inventory, err);
    if (r < 0)
        return r;
    const struct look_options again = {.attended = l->attended, .only = l->policy.only};
    return look_plan(e, &again, l, err);
}

/* L9: a change that succeeded and is wanted again would never end: hold it, and name the field. */
static int hold_unconverged(struct applying *ap, const struct plan *before, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    const struct exec_outcome *outcomes = ap->result->report.outcomes;
    for (size_t i = 0; outcomes && i < before->n; i++) {
        const struct plan_change *again = plan_find(&l->plan, before->changes[i].id);
        if (outcomes[i].result != EXEC_OK || !again || again->action == PLAN_BLOCKED)
            continue;
        /* Something that stopped by itself in the meantime is drift, for the next run. */
        if (!again->n_fields || again->causes & (CAUSE_DRIFT | CAUSE_RESUME))
            continue;
        ap->result->not_converged = arena_printf(&l->arena, "%s: %s", again->id, again->fields[0].path);
        struct applied held = again->applied ? *again->applied : (struct applied){.id = again->id};
        held.status = APPLIED_HELD;
        held.error = arena_printf(&l->arena, "field %s does not converge: it was applied but differs again",
                                  again->fields[0].path);
        int r = inventory_save(e->env.store, e->config->name, &held, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* S7: a suspension of the environment, by whichever process, ends the run. */
static int run_guarded(struct applying *ap, struct err *err)
{
    struct guard *g = guard_start(ap->engine, ap->options->cancel);
    int r = run_plan(ap, g ? guard_cancel(g) : ap->options->cancel, err);
    return guard_end(g, r, err);
}

static int begin_generation(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    int r = record_interrupted(e, err);
    if (r == 0 && !ap->continues) {
        ap->generation = (struct generation){
            .actor = ap->options->actor,
            .trigger = ap->options->trigger,
        };
        r = record_begin(e, l, &ap->generation, err);
    } else {
        ap->generation.number = l->state.generation;
    }
    if (r == 0)
        ap->result->generation = ap->generation.number;
    return r;
}

/* "host2 was away" */
static const char *away_text(struct look *l)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < l->observed.n_targets; i++)
        if (l->observed.targets[i].away)
            buf_addf(&b, "%s%s", b.len ? ", " : "", l->observed.targets[i].name);
    return b.len ? arena_printf(&l->arena, "%s: unreachable during the apply", buf_str(&b))
                 : "an engine was unreachable when the plan was made";
}

static int end_generation(struct applying *ap, int result, const struct err *outcome, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    if (ap->continues)
        return result < 0 ? 0 : record_continued(e, l, err);
    bool partly = plan_is_partial(&l->plan) || ap->partly;
    ap->generation.status = result == 0 && !partly                     ? GEN_OK
                            : result == 0 || ap->result->report.ok > 0 ? GEN_PARTIAL
                                                                       : GEN_FAILED;
    ap->generation.error = result < 0 ? arena_strdup(&l->arena, outcome->msg) : partly ? away_text(l) : NULL;
    return record_end(e, l, &ap->generation, err);
}

static int save_state(struct applying *ap, int result, const struct err *outcome, struct err *err)
{
    struct state_change c = {
        .look = ap->look,
        .result = result,
        .outcome = outcome,
        .generation = ap->result->generation,
    };
    return state_save(ap->engine, &c, err);
}

/* Removed commits and containers leave entries in the cache. What is not trimmed now is trimmed another
   day. */
static void trim_cache(struct engine *e)
{
    struct err ignored = {0};
    int64_t now = clock_wall(e->env.clock);
    if (e->trimmed_ns && now - e->trimmed_ns < CACHE_TRIM_NS)
        return;
    e->trimmed_ns = now;
    if (store_cache_trim(e->env.store, now, CACHE_KEEP_NS, &ignored) < 0)
        log_debug("cache.trim_failed", "error", ignored.msg, NULL);
}

static int apply_changes(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    ap->partly = plan_is_partial(&l->plan);
    ap->continues = look_continues_generation(l) && !l->rollback_only;
    int r = begin_generation(ap, err);
    if (r < 0)
        return r;
    const struct plan before = l->plan;
    int result = run_guarded(ap, err);
    struct err outcome = *err, late = {0};
    r = read_back(ap, &late);
    if (r == 0)
        r = hold_unconverged(ap, &before, &late);
    if (r == 0)
        r = record_inventory(e, l, &late);
    if (r < 0 && result == 0) {
        result = r;
        outcome = late;
    }
    r = end_generation(ap, result, &outcome, &late);
    if (r == 0)
        r = save_state(ap, result, &outcome, &late);
    if (r == 0 && result == 0)
        r = retention_apply(e->env.store, e->config->name, &e->config->retention, clock_wall(e->env.clock),
                            &late);
    trim_cache(e);
    if (result < 0)
        *err = outcome;
    else if (r < 0)
        *err = late;
    return result < 0 ? result : r;
}

/* Nothing is to be done on the engine. Interrupted changes count as finished, unless the look left them
   out. */
static int apply_nothing(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    size_t interrupted = 0;
    int r = 0;
    if (*l->resume && !l->policy.only && l->plan.n == 0 && !plan_is_partial(&l->plan))
        r = exec_recover(e->env.store, e->config->name, e->env.clock, &interrupted, err);
    if (r == 0 && interrupted)
        r = record_interrupted(e, err);
    if (r == 0)
        r = record_inventory(e, l, err);
    return r < 0 ? r : save_state(ap, 0, NULL, err);
}

static bool same_ids(const char *const *a, const char *const *b)
{
    while (*a && *b && str_eq(*a, *b))
        a++, b++;
    return !*a && !*b;
}

static bool same_hold(const struct env_state *a, const struct env_state *b)
{
    return a->held_generation == b->held_generation && str_eq(a->held_commit, b->held_commit);
}

/*
 * Under the lock: is everything as the look saw it? In between somebody else may have suspended the
 * environment, applied, or been killed while applying; then the plan is out of date.
 */
static int check_still_holds(struct applying *ap, struct err *err)
{
    struct engine *e = ap->engine;
    struct look *l = ap->look;
    struct env_state now;
    const char *const *resume;
    int r = state_load(e, &l->arena, &now, err);
    if (r == 0)
        r = state_refuse_suspended(e, &now, err);
    if (r == 0)
        r = exec_resume_ids(e->env.store, e->config->name, &l->arena, &resume, err);
    if (r < 0)
        return r;
    /* Each change of any run leaves a transition. After a rollback, with or without changes, one thing
       more is recorded: the commit that automation leaves alone from then on (H2). */
    if (now.generation == l->state.generation && now.transition == l->state.transition &&
        same_hold(&now, &l->state) && same_ids(resume, l->resume))
        return 0;
    err_set(err, ERR_CONFLICT, "environment %s: another apply ran after this plan was made", e->config->name);
    err->retryable = true;
    return err_hint(err, "make a new plan");
}

static int apply_locked(struct applying *ap, struct err *err)
{
    int r = check_still_holds(ap, err);
    if (r < 0)
        return r;
    /* A single resource that was rolled back is not part of any generation yet, even when nothing had to
       be done for it; unless the newest one has it like that. */
    const struct look *l = ap->look;
    bool nothing = plan_empty(&l->plan) && (!l->rollback_only || !l->attended || l->rollback_same);
    r = targets_record(ap->engine, ap->look, err);
    if (r < 0)
        return r;
    return nothing ? apply_nothing(ap, err) : apply_changes(ap, err);
}

int engine_apply(struct engine *e, struct look *l, const struct apply_options *o, struct apply_result *ret,
                 struct err *err)
{
    *ret = (struct apply_result){0};
    struct applying ap = {.engine = e, .look = l, .options = o, .result = ret};
    uint64_t id;
    io_random(&id, sizeof(id));
    snprintf(ap.run, sizeof(ap.run), "%016" PRIx64, id);

    int r = state_refuse_suspended(e, &l->state, err);
    if (r == 0)
        r = refuse_unapproved(e, l, err);
    if (r < 0)
        return r;
    _cleanup_close_ int lock = -1;
    const char *holder = arena_printf(&l->arena, "%s (process %d)", str_or(o->actor, "forge"), (int)getpid());
    r = store_lock(e->env.store, e->config->name, holder, &lock, err);
    if (r == ERR_BUSY)
        err_hint(err, "one apply at a time: try again when that one has ended");
    if (r < 0)
        return r;
    log_run(ap.run);
    r = apply_locked(&ap, err);
    if (r == 0)
        r = images_take(e, l, err);
    log_run(NULL);
    return r;
}
