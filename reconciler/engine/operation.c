#include "reconciler/engine/operation.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/engine/internal.h"

/* ---- events ---- */

static void emit_waiting(void *arg, const char *registry)
{
    const struct operation_context *c = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *v = val_map(&a);
    val_set_str(&a, v, "format", EVENT_FORMAT);
    val_set_str(&a, v, "event", "registry.wait");
    val_set_str(&a, v, "registry", registry);
    c->emit(c->arg, v);
}

/* ---- arguments ---- */

static const char **string_list(struct arena *a, const struct val *list)
{
    if (!val_len(list))
        return NULL;
    const char **out = arena_array(a, const char *, val_len(list) + 1);
    for (size_t i = 0; i < val_len(list); i++)
        out[i] = val_is(list->items[i], VAL_STR) ? list->items[i]->s : "";
    return out;
}

static struct look_options look_options_from(const struct operation_context *c, const struct val *args)
{
    const struct val *saved = val_get(args, "plan");
    const char *rev = val_get_str(args, "rev");
    uint64_t rollback = (uint64_t)val_get_int(args, "rollback", val_get_int(saved, "rollback", 0));
    /* A saved plan is for its own commit, wherever the branch is now; a plain folder only has its present
       state. */
    bool folder = engine_reads_folder(engine_config(c->engine));
    if (!rev && !rollback && !folder && !str_empty(val_get_str(saved, "commit")))
        rev = val_get_str(saved, "commit");
    return (struct look_options){
        .rev = rev,
        .rollback_to = rollback,
        .rollback_only = str_or(val_get_str(args, "resource"), val_get_str(saved, "rollback_only")),
        .against = val_get_str(args, "against"),
        .fetch = val_get_bool(args, "fetch", true) && !rev,
        .fresh = val_get_bool(args, "fresh", false),
        .attended = !val_get_bool(args, "unattended", false),
        .only = string_list(c->arena, val_get(args, "only")),
        .data_loss = string_list(c->arena, val_get(args, "data_loss")),
        .adopt = string_list(c->arena, val_get(args, "adopt")),
        .cancel = c->cancel,
        .waiting = c->emit ? emit_waiting : NULL,
        .arg = (void *)(uintptr_t)c,
    };
}

/* A failed look answers with the diagnostics of the manifests, if they are why it failed. */
static int answer_failed_look(const struct operation_context *c, struct look *l, int code, struct val **ret)
{
    if (!l->diags.n)
        return code;
    *ret = val_map(c->arena);
    val_map_set(c->arena, *ret, "diagnostics", look_diagnostics(l, c->arena));
    return code;
}

/* ---- diff and apply ---- */

static struct val *plan_document(const struct operation_context *c, struct look *l)
{
    struct val *doc = val_clone(c->arena, l->doc);
    if (l->rollback_to)
        val_set_int(c->arena, doc, "rollback", (int64_t)l->rollback_to);
    val_set_str(c->arena, doc, "rollback_only", l->rollback_only);
    images_warn(l);
    if (l->diags.n)
        val_map_set(c->arena, doc, "diagnostics", look_diagnostics(l, c->arena));
    if (l->state.suspended_by)
        val_set_str(c->arena, doc, "suspended_by", l->state.suspended_by);
    return doc;
}

static int run_diff(const struct operation_context *c, const struct val *args, struct val **ret,
                    struct err *err)
{
    const struct look_options o = look_options_from(c, args);
    _cleanup_(look_release) struct look l;
    int r = engine_look(c->engine, &o, &l, err);
    if (r < 0)
        return answer_failed_look(c, &l, r, ret);
    *ret = plan_document(c, &l);
    return 0;
}

static void forward_event(void *arg, const struct exec_event *ev)
{
    const struct operation_context *c = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    c->emit(c->arg, exec_event_to_val(&a, ev));
}

static void emit_plan(const struct operation_context *c, const struct val *plan)
{
    if (!c->emit)
        return;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *v = val_map(&a);
    val_set_str(&a, v, "format", EVENT_FORMAT); /* of all that follow */
    val_set_str(&a, v, "event", "plan");
    val_map_set(&a, v, "plan", val_clone(&a, plan));
    c->emit(c->arg, v);
}

static struct val *outcomes_to_val(struct arena *a, const struct plan *p, const struct exec_report *r)
{
    struct val *list = val_list(a);
    for (size_t i = 0; r->outcomes && i < p->n; i++) {
        const struct exec_outcome *out = &r->outcomes[i];
        struct val *v = val_map(a);
        val_set_str(a, v, "resource", p->changes[i].id);
        val_set_str(a, v, "action", plan_action_name(p->changes[i].action));
        val_set_str(a, v, "result", exec_result_name(out->result));
        val_set_int(a, v, "duration_ns", out->duration_ns);
        if (out->err.code)
            val_map_set(a, v, "error", err_to_val(a, &out->err));
        val_list_add(a, list, v);
    }
    return list;
}

static const char *trigger_of(const struct operation_context *c, const struct val *args, const struct look *l)
{
    if (l->rollback_to && l->attended)
        return arena_printf(c->arena, "rollback to %llu", (unsigned long long)l->rollback_to);
    return str_or(val_get_str(args, "trigger"), "apply");
}

/* What is given for an apply begins with the look: what is left of it. */
static int check_time(int64_t timeout_ns, int64_t spent_ns, struct err *err)
{
    _cleanup_buf_ struct buf limit = BUF_INIT;
    if (!timeout_ns || spent_ns < timeout_ns)
        return 0;
    format_duration(timeout_ns, &limit);
    return err_set(err, ERR_TIMEOUT, "the run's %s were up before the plan was made: nothing was changed",
                   buf_str(&limit));
}

static int run_apply(const struct operation_context *c, const struct val *args, struct val **ret,
                     struct err *err)
{
    const int64_t begin = clock_mono(clock_system()), timeout_ns = val_get_int(args, "timeout_ns", 0);
    struct look_options o = look_options_from(c, args);
    /* One that hangs must not take all of it. */
    o.registries_until_ns = timeout_ns ? begin + timeout_ns / 2 : 0;
    _cleanup_(look_release) struct look l;
    int r = engine_look(c->engine, &o, &l, err);
    const int64_t spent_ns = clock_mono(clock_system()) - begin;
    if (r < 0)
        return answer_failed_look(c, &l, r, ret);
    if (val_get(args, "plan"))
        r = plan_verify(val_get(args, "plan"), l.doc, err);
    if (r == 0)
        r = check_time(timeout_ns, spent_ns, err);
    if (r < 0)
        return r;
    const struct apply_options ao = {
        .actor = c->actor,
        .trigger = trigger_of(c, args, &l),
        .parallel = (unsigned)val_get_int(args, "parallel", 0),
        .timeout_ns = timeout_ns,
        .spent_ns = spent_ns,
        .cancel = c->cancel,
        .event = c->emit ? forward_event : NULL,
        .arg = (void *)(uintptr_t)c,
    };
    struct val *doc = plan_document(c, &l);
    emit_plan(c, doc);
    const struct plan planned = l.plan;
    struct apply_result result;
    r = engine_apply(c->engine, &l, &ao, &result, err);
    struct val *v = val_map(c->arena);
    val_set_str(c->arena, v, "format", "forge/apply/v1");
    val_set_str(c->arena, v, "environment", engine_config(c->engine)->name);
    val_set_str(c->arena, v, "result", r == 0 ? "ok" : err_name(r));
    val_set_int(c->arena, v, "generation", (int64_t)result.generation);
    val_map_set(c->arena, v, "changes", outcomes_to_val(c->arena, &planned, &result.report));
    val_set_int(c->arena, v, "duration_ns", result.report.duration_ns);
    val_set_str(c->arena, v, "not_converged", result.not_converged);
    if (plan_is_partial(&l.plan)) /* as it was read back */
        val_map_set(c->arena, v, "unknown", val_clone(c->arena, val_get(l.doc, "unknown")));
    val_map_set(c->arena, v, "plan", doc);
    *ret = v;
    return r;
}

/* ---- reading ---- */

/* Of the warnings, `status` has what could not be found out; the others are about manifests. Errors are about
   what the target cannot do. */
static struct val *status_document(const struct operation_context *c, struct look *l)
{
    struct val *doc = val_clone(c->arena, engine_status(&l->arena, l));
    const struct diag_list all = l->diags;
    diag_init(&l->diags, &l->arena);
    for (size_t i = 0; i < all.n; i++) {
        const struct diag *g = &all.items[i];
        if (g->level == DIAG_ERROR)
            diag_hint(&l->diags, diag_add(&l->diags, g->level, g->file, g->line, g->col, "%s", g->msg), "%s",
                      str_or(g->hint, ""));
    }
    images_warn(l);
    if (l->diags.n)
        val_map_set(c->arena, doc, "diagnostics", look_diagnostics(l, c->arena));
    return doc;
}

static int status_of(const struct operation_context *c, const struct look_options *o, struct val **ret,
                     struct err *err)
{
    _cleanup_(look_release) struct look l;
    int r = engine_look(c->engine, o, &l, err);
    if (r == 0)
        *ret = status_document(c, &l);
    return r;
}

/* The commit that stays in force while the repository cannot be read, or its manifests are wrong (X3). Empty:
   none, or the failure is about something else. */
static const char *last_good(const struct look *failed, const struct look_options *o)
{
    const char *good = failed->unread && !o->rev && !o->rollback_to ? failed->state.good_commit : NULL;
    return str_eq(good, failed->info->commit) ? "" : str_or(good, "");
}

/* What is wrong with the repository takes nothing from what can be said of what runs. */
static int run_status(const struct operation_context *c, const struct val *args, struct val **ret,
                      struct err *err)
{
    struct look_options o = look_options_from(c, args);
    o.fetch = val_get_bool(args, "fetch", false);
    o.status = true;
    _cleanup_(look_release) struct look l;
    int r = engine_look(c->engine, &o, &l, err);
    if (r == 0) {
        *ret = status_document(c, &l);
        return 0;
    }
    struct err late = {0};
    struct look_options good = o;
    good.rev = last_good(&l, &o);
    if (!*good.rev || status_of(c, &good, ret, &late) < 0)
        return answer_failed_look(c, &l, r, ret);
    struct val *why = val_map(c->arena);
    val_set_str(c->arena, why, "commit", l.info->commit);
    val_map_set(c->arena, why, "error", err_to_val(c->arena, err));
    val_map_set(c->arena, *ret, "not_in_force", why);
    if (l.diags.n)
        val_map_set(c->arena, *ret, "diagnostics", look_diagnostics(&l, c->arena));
    return 0;
}

static int list_transitions(const struct operation_context *c, const char *id, uint64_t generation,
                            size_t limit, struct val *into, struct err *err)
{
    const struct env_config *config = engine_config(c->engine);
    struct transition *items;
    size_t n;
    int r = transition_list(engine_store(c->engine), config->name, id, generation, limit, c->arena, &items,
                            &n, err);
    if (r < 0)
        return r;
    struct val *list = val_list(c->arena);
    for (size_t i = 0; i < n; i++)
        val_list_add(c->arena, list, transition_to_val(c->arena, &items[i]));
    val_map_set(c->arena, into, "transitions", list);
    return 0;
}

static int run_history(const struct operation_context *c, const struct val *args, struct val **ret,
                       struct err *err)
{
    const char *id = val_get_str(args, "resource");
    size_t limit = (size_t)val_get_int(args, "limit", 0);
    struct val *v = val_map(c->arena);
    val_set_str(c->arena, v, "format", "forge/history/v1");
    val_set_str(c->arena, v, "environment", engine_config(c->engine)->name);
    int r = 0;
    if (id || val_get_bool(args, "transitions", false)) {
        r = list_transitions(c, id, 0, limit, v, err);
    } else {
        struct generation *items;
        size_t n;
        r = generation_list(engine_store(c->engine), engine_config(c->engine)->name, limit, true, c->arena,
                            &items, &n, err);
        struct val *list = val_list(c->arena);
        for (size_t i = 0; r == 0 && i < n; i++)
            val_list_add(c->arena, list, generation_to_val(c->arena, &items[i]));
        val_map_set(c->arena, v, "generations", list);
    }
    *ret = v;
    return r;
}

static int run_show(const struct operation_context *c, const struct val *args, struct val **ret,
                    struct err *err)
{
    uint64_t number = (uint64_t)val_get_int(args, "generation", 0);
    struct generation g;
    int r =
        generation_get(engine_store(c->engine), engine_config(c->engine)->name, number, c->arena, &g, err);
    if (r == ERR_NOTFOUND)
        return err_hint(err, "`forge-ctl history` lists the generations that are kept");
    if (r < 0)
        return r;
    *ret = generation_to_val(c->arena, &g);
    val_set_str(c->arena, *ret, "format", "forge/generation/v1");
    val_set_str(c->arena, *ret, "environment", engine_config(c->engine)->name);
    return list_transitions(c, NULL, number, 0, *ret, err);
}

static int run_images(const struct operation_context *c, const struct val *args, struct val **ret,
                      struct err *err)
{
    const struct poll_options o = {
        .all = true,
        .fetch = val_get_bool(args, "fetch", true),
        .cancel = c->cancel,
        .waiting = c->emit ? emit_waiting : NULL,
        .arg = (void *)(uintptr_t)c,
    };
    struct poll_result result;
    int r = engine_poll_images(c->engine, &o, c->arena, &result, err);
    if (r < 0 && !result.diagnostics)
        return r;
    *ret = val_map(c->arena);
    if (result.diagnostics)
        val_map_set(c->arena, *ret, "diagnostics", result.diagnostics);
    if (r < 0)
        return r;
    val_set_str(c->arena, *ret, "format", "forge/images/v1");
    val_set_str(c->arena, *ret, "environment", engine_config(c->engine)->name);
    val_map_set(c->arena, *ret, "images", val_clone(c->arena, result.rows));
    return 0;
}

static int run_prune_images(const struct operation_context *c, const struct val *args, struct val **ret,
                            struct err *err)
{
    const struct prune_options o = {
        .dry_run = val_get_bool(args, "dry_run", false),
        .actor = c->actor,
        .trigger = "images prune",
        .cancel = c->cancel,
    };
    struct prune_result result;
    int r = engine_prune_images(c->engine, &o, c->arena, &result, err);
    struct val *v = val_map(c->arena);
    val_set_str(c->arena, v, "format", "forge/images-prune/v1");
    val_set_str(c->arena, v, "environment", engine_config(c->engine)->name);
    val_set_bool(c->arena, v, "dry_run", o.dry_run);
    val_map_set(c->arena, v, "images", val_clone(c->arena, result.rows));
    val_map_set(c->arena, v, "targets", val_clone(c->arena, result.targets));
    val_set_int(c->arena, v, "removed", (int64_t)result.removed);
    val_set_int(c->arena, v, "bytes", result.bytes);
    *ret = v;
    return r;
}

/* ---- suspension ---- */

/* That it was done, and where. */
static struct val *answer_done(const struct operation_context *c, const char *format)
{
    struct val *v = val_map(c->arena);
    val_set_str(c->arena, v, "format", format);
    val_set_str(c->arena, v, "environment", engine_config(c->engine)->name);
    return v;
}

static int run_suspend(const struct operation_context *c, const struct val *args, struct val **ret,
                       struct err *err)
{
    *ret = answer_done(c, "forge/suspend/v1");
    return engine_suspend(c->engine, c->actor, str_or(val_get_str(args, "reason"), "no reason given"),
                          val_get_int(args, "until_ns", 0), err);
}

static int run_resume(const struct operation_context *c, const struct val *args, struct val **ret,
                      struct err *err)
{
    (void)args;
    *ret = answer_done(c, "forge/resume/v1");
    return engine_resume(c->engine, c->actor, err);
}

const struct operation operations[] = {
    {"diff", "what applying would change", false, run_diff},
    {"apply", "apply the plan", true, run_apply},
    {"status", "the actual and desired state of each resource", false, run_status},
    {"history", "generations or transitions, newest first", false, run_history},
    {"show", "one generation in full", false, run_show},
    {"images", "newer images in the registries, for resources with image_policy", true, run_images},
    {"prune-images", "remove images that are no longer needed", true, run_prune_images},
    {"suspend", "stop all changes to an environment", true, run_suspend},
    {"resume", "end a suspension", true, run_resume},
    {0},
};

const struct operation *operation_find(const char *name)
{
    for (const struct operation *op = operations; op->name; op++)
        if (str_eq(op->name, name))
            return op;
    return NULL;
}
