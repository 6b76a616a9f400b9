/* The record of what became of a change (H1). No byte of a secret is in it (X4). */
#include "reconciler/exec/internal.h"

#include "base/str.h"

#define TEXT_MAX 200 /* of one value */

static struct val *value_text(struct arena *a, const struct field_change *f, const struct val *v)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    if (!v)
        return val_null(a);
    if (f->secret)
        return val_str(a, "(secret)");
    if (f->field)
        field_print(f->field, v, TEXT_MAX, &text);
    else
        val_print(v, TEXT_MAX, &text);
    return val_str(a, buf_str(&text));
}

static struct val *changes_value(struct arena *a, const struct plan_change *c)
{
    struct val *list = val_list(a);
    for (size_t i = 0; i < c->n_fields; i++) {
        const struct field_change *f = &c->fields[i];
        struct val *v = val_map(a);
        val_set_str(a, v, "path", f->path);
        val_map_set(a, v, "before", value_text(a, f, f->before));
        val_map_set(a, v, "after", value_text(a, f, f->after));
        val_set_str(a, v, "cause", cause_name(f->cause));
        val_set_str(a, v, "impact", impact_name(f->impact));
        val_list_add(a, list, v);
    }
    return list;
}

static bool any_done(const struct unit *u)
{
    for (size_t i = 0; i < u->n_strands; i++)
        if (u->strands[i].done)
            return true;
    return false;
}

static const char *result_name(const struct unit *u)
{
    if (u->result == EXEC_FAILED && u->mismatch)
        return "held";
    if (u->result == EXEC_FAILED && u->undone && !any_done(u))
        return "undone";
    return exec_result_name(u->result);
}

void transition_fill(struct arena *a, const struct run *x, const struct unit *u, struct transition *ret)
{
    const struct plan_change *c = u->change;
    const struct object *before = c->n_moves ? c->moves[0].current : NULL;
    int64_t now = clock_wall(x->clock);
    *ret = (struct transition){
        .generation = x->o->generation,
        .at_ns = u->opened ? u->begin_wall_ns : now,
        .duration_ns = u->opened ? clock_mono(x->clock) - u->begin_ns : 0,
        .actor = x->o->actor,
        .trigger = x->o->trigger,
        .commit = x->plan->commit,
        .plan_digest = x->o->plan_digest,
        .run = x->o->run,
        .id = c->id,
        .action = plan_action_name(c->action),
        .before = before ? before->spec_digest : NULL,
        .after = c->resource ? bind_spec_mark(a, c->resource) : NULL,
        .changes = changes_value(a, c),
        .result = result_name(u),
        .error = u->err.code ? u->err.msg : NULL,
    };
}
