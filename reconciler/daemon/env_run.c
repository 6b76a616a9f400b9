/* One reconcile: look, and apply what automation may. On a worker thread. */
#include "reconciler/daemon/env_internal.h"

#include "base/mem.h"
#include "base/str.h"

#include <malloc.h>
#include <stdio.h>

#define PRUNE_AGAIN_NS (3600 * NS_PER_S) /* after a failure */

static int64_t earliest_retry(const struct look *l)
{
    int64_t first = 0;
    for (size_t i = 0; i < l->observed.n_targets; i++) {
        const struct observed_target *t = &l->observed.targets[i];
        if (t->away && (!first || t->next_ns < first))
            first = t->next_ns; /* it may be back then */
    }
    for (size_t i = 0; i < l->inventory.n; i++) {
        const struct applied *a = l->inventory.items[i];
        if ((a->status == APPLIED_FAILED || a->status == APPLIED_DELETING) && a->next_ns &&
            (!first || a->next_ns < first))
            first = a->next_ns;
    }
    return first;
}

/* When something has to be done without an event; 0: never. */
static int64_t next_ns(const struct look *l)
{
    return l->state.suspended_by ? l->state.suspended_until_ns : earliest_retry(l);
}

static void count_look(struct env *e, const struct look *l)
{
    uint64_t drifted = 0, out = 0, held = 0;
    env_targets_note(e, l);
    for (size_t i = 0; i < l->plan.n; i++) {
        drifted += (l->plan.changes[i].causes & CAUSE_DRIFT) != 0;
        out++;
    }
    for (size_t i = 0; i < l->inventory.n; i++)
        held +=
            l->inventory.items[i]->status == APPLIED_HELD || l->inventory.items[i]->status == APPLIED_STALLED;
    pthread_mutex_lock(&e->lock);
    /* A few are looked at by themselves only when all others were in sync. */
    if (!l->scope) {
        e->numbers.held = held;
    }
    e->numbers.resources = l->resources;
    e->numbers.drifted = drifted;
    e->numbers.out_of_sync = out;
    if (e->numbers.generation < l->state.generation)
        e->numbers.generation = l->state.generation;
    e->numbers.suspended = l->state.suspended_by != NULL;
    pthread_mutex_unlock(&e->lock);
}

static const char *trigger_name(unsigned bits)
{
    if (bits & WANT_COMMIT)
        return "commit";
    if (bits & WANT_REQUEST)
        return "request";
    if (bits & WANT_RETRY)
        return "retry";
    if (bits & WANT_IMAGES)
        return "image";
    if (bits & WANT_SECRETS)
        return "secret";
    return bits & WANT_DRIFT ? "drift" : "resync";
}

/* A commit that waits for approval is tried again with every look, and logged once: until its reason is
   another one, something else happened in between, or somebody asks. */
static void note_refusal(struct env *e, const char *commit, int result, const struct err *err)
{
    char now[sizeof(e->refused)] = "";
    if (result == ERR_CANCELLED || engine_lost_race(result, err))
        return;
    if (result == ERR_DENIED)
        snprintf(now, sizeof(now), "%s %s", commit, err->msg);
    e->refused_again = *now && str_eq(now, e->refused) && !(e->serving & WANT_REQUEST);
    str_copy(e->refused, sizeof(e->refused), now);
}

static void log_outcome(const struct env *e, const struct look *l, const struct apply_result *r, int result,
                        const struct err *err)
{
    if (engine_lost_race(result, err) || (result < 0 && (l->on_word || e->refused_again)))
        log_debug("apply.not_now", "environment", e->config->name, "error", err->msg, NULL);
    else if (result < 0)
        log_warn("apply.failed", "environment", e->config->name, "trigger", trigger_name(e->serving),
                 "commit", l->info->commit, "generation", LOG_INT((int64_t)r->generation), "error", err->msg,
                 "hint", err->hint, NULL);
    else if (r->generation)
        log_info("apply.done", "environment", e->config->name, "trigger", trigger_name(e->serving), "commit",
                 l->info->commit, "generation", LOG_INT((int64_t)r->generation), "changes",
                 LOG_INT((int64_t)r->report.ok), "took", LOG_DUR(r->report.duration_ns), NULL);
}

static void log_change(void *arg, const struct exec_event *ev)
{
    const struct env *e = arg;
    if (ev->type != EXEC_CHANGE_END || ev->result == EXEC_BLOCKED)
        return;
    if (ev->result == EXEC_OK)
        log_info("change.done", "environment", e->config->name, "resource", ev->change->id, "action",
                 plan_action_name(ev->change->action), "took", LOG_DUR(ev->duration_ns), NULL);
    else
        log_warn("change.failed", "environment", e->config->name, "resource", ev->change->id, "action",
                 plan_action_name(ev->change->action), "result", exec_result_name(ev->result), "error",
                 ev->err ? ev->err->msg : NULL, "hint", ev->err ? ev->err->hint : NULL, NULL);
}

static int apply(struct env *e, struct look *l, struct err *err)
{
    const struct apply_options o = {
        .actor = "forged",
        .trigger = trigger_name(e->serving),
        .cancel = &e->cancel_run,
        .event = log_change,
        .arg = e,
    };
    struct apply_result result;
    int64_t begin = env_mono(e);
    int r = engine_apply(e->engine, l, &o, &result, err);
    int64_t took_ns = env_mono(e) - begin;
    note_refusal(e, l->info->commit, r, err);
    log_outcome(e, l, &result, r, err);
    e->applied |= result.generation != 0;
    if (result.generation) {
        pthread_mutex_lock(&e->lock);
        e->numbers.applies++;
        metrics_observe(&e->numbers.apply_durations, took_ns);
        e->numbers.corrections += e->serving & WANT_DRIFT ? result.report.ok : 0;
        e->numbers.generation = result.generation;
        pthread_mutex_unlock(&e->lock);
    }
    return r;
}

static void log_problems(const struct env *e, const struct look *l)
{
    for (size_t i = 0; i < l->diags.n && i < 20; i++)
        log_warn("manifest.invalid", "environment", e->config->name, "commit", l->info->commit, "file",
                 l->diags.items[i].file, "line", LOG_INT(l->diags.items[i].line), "column",
                 LOG_INT(l->diags.items[i].col), "problem", l->diags.items[i].msg, "hint",
                 l->diags.items[i].hint, NULL);
}

static int look_and_apply(struct env *e, const struct look_options *o, struct look *l, struct err *err)
{
    e->clean = false;
    int r = engine_look(e->engine, o, l, err);
    if (r < 0 && !l->unread)
        note_refusal(e, NULL, r, err);
    if (r < 0)
        return r;
    count_look(e, l);
    e->looked_at_all |= !l->scope;
    log_debug("reconcile.planned", "environment", e->config->name, "trigger", trigger_name(e->serving),
              "commit", l->info->commit, "resources", LOG_INT((int64_t)l->resources), "changes",
              LOG_INT((int64_t)l->plan.n), NULL);
    /* Also with an empty plan: the inventory may need an update; otherwise nothing is written. */
    if (e->config->automatic && !l->state.suspended_by) {
        r = apply(e, l, err);
        count_look(e, l); /* it has planned again */
    }
    e->run_next_ns = next_ns(l);
    if (!l->scope || e->serving & WANT_COMMIT)
        e->images_next_ns = engine_images_due(e->engine, l);
    e->clean = r == 0 && l->plan.n == 0 && !plan_is_partial(&l->plan);
    return r;
}

/* A commit that cannot be read or does not load leaves the last good one in force (X3): what runs is still
   kept as that one says. */
static int keep_last_good(struct env *e, const struct look_options *o, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct look_options good = *o;
    struct env_state st;
    int r = env_state_get(e->host.store, e->config->name, &a, &st, err);
    if (r < 0 || str_empty(st.good_commit) || str_eq(st.good_commit, e->broken_commit))
        return r;
    good.rev = st.good_commit;
    _cleanup_(look_release) struct look l;
    r = look_and_apply(e, &good, &l, err);
    if (r < 0 && r != ERR_CANCELLED && !engine_lost_race(r, err) && !e->refused_again)
        log_warn("apply.last_good_failed", "environment", e->config->name, "commit", st.good_commit, "error",
                 err->msg, "hint", err->hint, NULL);
    return r;
}

/* Look at what the repository says now. */
static int follow(struct env *e, const struct look_options *o, struct err *err)
{
    _cleanup_(look_release) struct look l;
    int r = look_and_apply(e, o, &l, err);
    if (r < 0 && r != ERR_CANCELLED && l.on_word) {
        /* Something overtook the event: a container that has ended may be about to be removed. */
        struct look_options again = *o;
        again.settled = false;
        again.touched = NULL;
        again.n_ended = 0;
        look_release(&l);
        *err = (struct err){0};
        r = look_and_apply(e, &again, &l, err);
    }
    e->broken = r < 0 && r != ERR_CANCELLED && l.unread;
    if (e->broken && e->serving & WANT_COMMIT)
        log_problems(e, &l);
    if (e->broken) {
        e->broken_err = *err;
        str_copy(e->broken_commit, sizeof(e->broken_commit), l.info->commit);
    }
    return r;
}

static int reconcile(struct env *e, struct err *err)
{
    const struct touched *t = &e->serving_touched;
    const char *ids[TOUCHED_MAX + 1] = {NULL};
    struct container_end ended[TOUCHED_MAX];
    size_t n_ended = 0;
    for (size_t i = 0; i < t->n; i++) {
        ids[i] = t->ids[i];
        ended[n_ended] = touched_end(t, i);
        n_ended += ended[n_ended].native_id != NULL;
    }
    const struct look_options o = {
        .cancel = &e->cancel_run,
        .same_commit = !(e->serving & (WANT_COMMIT | WANT_REQUEST)),
        .settled = e->clean && !t->many && !(e->serving & ~(WANT_COMMIT | WANT_DRIFT)),
        .touched = ids,
        .ended = ended,
        .n_ended = n_ended,
        .fresh = (e->serving & WANT_FRESH) != 0,
        .force_retry = (e->serving & WANT_REQUEST) != 0,
    };
    /* What is wrong with a commit stays wrong until there is another one. */
    bool known_broken = e->broken && o.same_commit && !(e->serving & (WANT_RESYNC | WANT_RETRY));
    int r = known_broken ? e->broken_err.code : follow(e, &o, err);
    if (!e->broken)
        return r;
    struct err late = {0};
    int kept = keep_last_good(e, &o, &late);
    if (kept == ERR_CANCELLED || engine_lost_race(kept, &late)) {
        *err = late;
        return kept;
    }
    *err = e->broken_err;
    return err->code;
}

/* What is found is used by the look that follows; trouble with one registry is no failure of the whole.
   False: nothing could be asked. */
static bool poll_images(struct env *e)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct poll_options o = {.cancel = &e->cancel_run};
    struct poll_result result;
    struct err err = {0};
    if (engine_poll_images(e->engine, &o, &a, &result, &err) < 0) {
        log_warn("images.poll_failed", "environment", e->config->name, "error", err.msg, "hint", err.hint,
                 NULL);
        return false;
    }
    for (size_t i = 0; i < val_len(result.rows); i++) {
        const struct val *row = result.rows->items[i];
        if (val_get_str(row, "error"))
            log_warn("images.not_known", "environment", e->config->name, "resource",
                     val_get_str(row, "resource"), "error", val_get_str(row, "error"), "hint",
                     val_get_str(row, "hint"), NULL);
        else if (val_get_bool(row, "newer", false) && result.changed)
            log_info("images.newer", "environment", e->config->name, "resource", val_get_str(row, "resource"),
                     "image", val_get_str(row, "found"), NULL);
    }
    return true;
}

/* Logs what was removed, and forgets the rest: `forge-ctl images prune --dry-run` shows the images that
   stay. */
static void log_pruned(const struct env *e, const struct prune_result *r)
{
    for (size_t i = 0; i < val_len(r->rows); i++) {
        const struct val *row = r->rows->items[i];
        if (str_eq(val_get_str(row, "state"), "gone"))
            log_info("images.removed", "environment", e->config->name, "image", val_get_str(row, "name"),
                     "id", val_get_str(row, "image"), "target", val_get_str(row, "target"), "bytes",
                     LOG_INT(val_get_int(row, "size", 0)), NULL);
    }
}

/* Images become unneeded when an apply drops generations, and removable as time passes. */
static void prune_images(struct env *e)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct prune_options o = {.own_only = true,
                                    .keep_ns = e->config->keep_images_ns,
                                    .actor = "forged",
                                    .trigger = "retention",
                                    .cancel = &e->cancel_run};
    struct prune_result result;
    struct err err = {0};
    bool due = e->prune_next_ns && clock_wall(e->host.clock) >= e->prune_next_ns;
    if (!e->config->prune_images || !(due || e->applied || !e->pruned_before))
        return;
    int r = engine_prune_images(e->engine, &o, &a, &result, &err);
    log_pruned(e, &result);
    if (r < 0 && r != ERR_CANCELLED && r != ERR_BUSY && r != ERR_DENIED)
        log_warn("images.not_pruned", "environment", e->config->name, "error", err.msg, "hint", err.hint,
                 NULL);
    e->pruned_before = true;
    e->prune_next_ns = r < 0 ? clock_wall(e->host.clock) + PRUNE_AGAIN_NS : result.next_ns;
}

static void count_run(struct env *e, int64_t took_ns)
{
    bool stopped = e->run_result == ERR_CANCELLED || engine_lost_race(e->run_result, &e->run_err);
    pthread_mutex_lock(&e->lock);
    e->numbers.reconciles++;
    e->numbers.failures += e->run_result < 0 && !stopped;
    e->numbers.last_duration_ns = took_ns;
    metrics_observe(&e->numbers.reconcile_durations, took_ns);
    e->numbers.last_reconcile_ns = clock_wall(e->host.clock);
    if (e->run_result == 0)
        e->numbers.last_success_ns = e->numbers.last_reconcile_ns;
    pthread_mutex_unlock(&e->lock);
}

static void give_back_memory(struct env *e)
{
    if (e->looked_at_all)
        mem_rest();
    else
        malloc_trim(0);
    store_relax(e->host.store);
}

void env_run(struct env *e)
{
    int64_t begin = env_mono(e);
    e->run_err = (struct err){0};
    e->run_next_ns = 0;
    e->looked_at_all = e->applied = e->refused_again = false;
    e->images_failed = e->serving & WANT_IMAGES && !poll_images(e);
    e->run_result = reconcile(e, &e->run_err);
    struct err ignored = {0};
    if (engine_note(e->engine, e->run_result, &e->run_err, &ignored) < 0)
        log_warn("state.not_written", "environment", e->config->name, "error", ignored.msg, NULL);
    count_run(e, env_mono(e) - begin);
    if (e->run_result == 0)
        prune_images(e);
    /* A look at everything takes megabytes that are not needed until the next one, and recording maps much
       of the store. */
    if (e->looked_at_all || e->applied)
        give_back_memory(e);
}
