/* Events as documents: for terminals, JSON lines and the socket alike. */
#include "reconciler/engine/operation.h"

#include "base/str.h"

static const char *const event_names[] = {
    [EXEC_CHANGE_BEGIN] = "change.begin",
    [EXEC_STEP_BEGIN] = "step.begin",
    [EXEC_STEP_PROGRESS] = "step.progress",
    [EXEC_STEP_END] = "step.end",
    [EXEC_RETRY] = "retry",
    [EXEC_UNDO] = "undo",
    [EXEC_CHANGE_END] = "change.end",
};

struct val *err_to_val(struct arena *a, const struct err *err)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "code", err_name(err->code));
    val_set_str(a, v, "message", err->msg);
    val_set_str(a, v, "hint", err->hint);
    if (err->retryable)
        val_set_bool(a, v, "retryable", true);
    if (err->file[0]) {
        val_set_str(a, v, "file", err->file);
        val_set_int(a, v, "line", err->line);
        val_set_int(a, v, "column", err->col);
    }
    return v;
}

void err_from_val(const struct val *v, struct err *ret)
{
    const char *message = val_get_str(v, "message"), *hint = val_get_str(v, "hint");
    err_set(ret, err_from_name(str_or(val_get_str(v, "code"), "failed")), "%s",
            str_or(message, "no message"));
    if (hint)
        err_hint(ret, "%s", hint);
    ret->retryable = val_get_bool(v, "retryable", false);
    if (val_get_str(v, "file"))
        err_at(ret, val_get_str(v, "file"), (uint32_t)val_get_int(v, "line", 0),
               (uint32_t)val_get_int(v, "column", 0));
}

static void add_step(struct arena *a, struct val *v, const struct step *s)
{
    val_set_str(a, v, "step", step_verb_name(s->verb));
    val_set_str(a, v, "object", s->native_name);
    if (s->instance)
        val_set_int(a, v, "instance", s->instance);
    if (s->verb == STEP_PULL)
        val_set_str(a, v, "image", s->image);
}

static void add_progress(struct arena *a, struct val *v, const struct step_progress *p)
{
    val_set_str(a, v, "what", p->what);
    val_set_str(a, v, "detail", p->detail);
    val_set_int(a, v, "step_done", p->done);
    val_set_int(a, v, "step_total", p->total);
}

struct val *exec_event_to_val(struct arena *a, const struct exec_event *ev)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "event", event_names[ev->type]);
    val_set_str(a, v, "resource", ev->change->id);
    val_set_str(a, v, "action", plan_action_name(ev->change->action));
    if (ev->step)
        add_step(a, v, ev->step);
    if (ev->progress)
        add_progress(a, v, ev->progress);
    if (ev->type == EXEC_CHANGE_END)
        val_set_str(a, v, "result", exec_result_name(ev->result));
    if (ev->err && ev->err->code)
        val_map_set(a, v, "error", err_to_val(a, ev->err));
    if (ev->duration_ns)
        val_set_int(a, v, "duration_ns", ev->duration_ns);
    if (ev->retry_ns)
        val_set_int(a, v, "retry_ns", ev->retry_ns);
    val_set_int(a, v, "done", (int64_t)ev->done);
    val_set_int(a, v, "total", (int64_t)ev->total);
    return v;
}

struct val *diags_to_val(struct arena *a, const struct diag_list *d)
{
    struct val *list = val_list(a);
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *g = &d->items[i];
        struct val *v = val_map(a);
        val_set_str(a, v, "file", g->file);
        if (g->line)
            val_set_int(a, v, "line", g->line);
        if (g->col)
            val_set_int(a, v, "column", g->col);
        val_set_str(a, v, "severity", g->level == DIAG_ERROR ? "error" : "warning");
        val_set_str(a, v, "message", g->msg);
        val_set_str(a, v, "hint", g->hint);
        val_list_add(a, list, v);
    }
    return list;
}
