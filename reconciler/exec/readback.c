/* Success is what was read back (S9): the object exists, is ours, runs if it should, and has the fields
   asked for. */
#include "reconciler/exec/internal.h"

#include "base/str.h"
#include "reconciler/plan/compare.h"

#include <signal.h>

static int check_gone(struct run *x, const struct strand *s, struct arena *a, struct err *err)
{
    const struct plan_move *m = s->move;
    const struct plan_change *c = s->unit->change;
    struct object found;
    struct provider *on = provider_on(x->provider, c->id);
    int r = on->ops->inspect(on, c->kind, m->native_name, NULL, a, &found, err);
    if (r == ERR_NOTFOUND)
        return 0;
    if (r < 0)
        return r;
    if (m->current && !str_eq(found.native_id, m->current->native_id))
        return 0; /* somebody else's, under the name that became free */
    return err_set(err, ERR_FAILED, "%s: %s %s was removed but still exists", c->id, c->kind->prefix,
                   m->native_name);
}

static int check_ours(struct run *x, const struct strand *s, const struct object *o, struct err *err)
{
    const struct plan_change *c = s->unit->change;
    if (*s->made_id && !str_eq(s->made_id, o->native_id))
        return err_set(err, ERR_CONFLICT, "%s: %s %s was replaced by another object (now %.12s)", c->id,
                       c->kind->prefix, o->native_name, o->native_id);
    bool taken_over = c->action == PLAN_ADOPT && s->move->action != PLAN_REPLACE;
    bool by_record = taken_over || (c->applied && c->applied->adopted);
    if (!by_record && !str_eq(o->owner, x->plan->environment))
        return err_set(err, ERR_CONFLICT, "%s: %s %s does not have the label of environment %s", c->id,
                       c->kind->prefix, o->native_name, x->plan->environment);
    return 0;
}

/* Somebody removed or killed what was just made: not the manifest's fault. */
static void note_taken_away(struct run *x, struct strand *s)
{
    pthread_mutex_lock(&x->lock);
    s->unit->taken_away = true;
    pthread_mutex_unlock(&x->lock);
}

/* A wait for what has ended fails at once, in the provider's words: with its last output. */
static int explain_end(struct run *x, const struct plan_change *c, const struct object *o, struct err *err)
{
    const struct step wait = {.verb = STEP_WAIT,
                              .kind = c->kind,
                              .id = c->id,
                              .native_name = o->native_name,
                              .native_id = o->native_id,
                              .condition = DEPEND_STARTED};
    const struct step_context ctx = {.cancel = &x->stop};
    struct step_result ignored = {0};
    struct provider *on = provider_on(x->provider, c->id);
    bool service = run_caps(x, c) & CAP_SERVICES; /* has been waited for to its end */
    if (!service && on->ops->apply(on, &wait, &ctx, &ignored, err) == ERR_FAILED)
        return err->code;
    return err_set(err, ERR_FAILED, "%s: container %s exited with code %d%s%s", c->id, o->native_name,
                   o->exit_code, o->message ? ": " : "", str_or(o->message, ""));
}

static int check_runs(struct run *x, struct strand *s, const struct object *o, struct err *err)
{
    const struct plan_change *c = s->unit->change;
    if (!(c->kind->flags & KIND_INSTANCES) || !s->move->running || object_up(o))
        return 0;
    /* A job may be over by now. */
    if (o->state == OBJECT_EXITED && o->exit_code == 0 && o->started_ns)
        return 0;
    if (o->exit_code == 128 + SIGKILL || o->exit_code == 128 + SIGTERM)
        note_taken_away(x, s);
    if (o->state == OBJECT_EXITED)
        return explain_end(x, c, o, err);
    err_set(err, ERR_FAILED, "%s: container %s is not running, it is %s%s%s", c->id, o->native_name,
            object_state_name(o->state), o->message ? ": " : "", str_or(o->message, ""));
    if (o->state == OBJECT_REMOVING || o->state == OBJECT_DEAD)
        note_taken_away(x, s);
    return err->code;
}

/* Compared as the planner will compare it next time, so that whatever passes here leaves nothing to do
   (L9). */
static int check_fields(struct run *x, struct strand *s, struct arena *a, struct err *err)
{
    const struct plan_change *c = s->unit->change;
    const struct applied *before = c->applied;
    enum plan_action action = s->move->action;
    bool same_object = action == PLAN_UPDATE || action == PLAN_RESTART;
    const struct sides sides = {
        .desired = c->resource->spec,
        .applied = before ? before->spec : NULL,
        .has_applied = same_object && before && before->spec,
        .observed = s->read.spec,
        .defaults = s->read.defaults,
        .ignore = ignore_parse(a, resource_annotation(c->resource, "forge/ignore")),
        .caps = run_caps(x, c),
    };
    struct field_list differs = {.arena = a};
    compare_object(c->kind->spec, &sides, &differs);
    if (!differs.n)
        return 0;
    pthread_mutex_lock(&x->lock);
    s->unit->mismatch = true;
    pthread_mutex_unlock(&x->lock);
    err_set(err, ERR_FAILED, "%s: field %s does not converge: it was applied, but %s reports another value",
            c->id, differs.items[0].path, x->provider->ops->name);
    return err_hint(err, "it is held until its manifest changes; `forge-ctl diff` shows both values");
}

int strand_read_back(struct run *x, struct strand *s, struct err *err)
{
    const struct plan_change *c = s->unit->change;
    if (!s->move || s->unit->type != UNIT_CHANGE)
        return 0;
    /* The object outlives this strand: the unit's record is made from it. */
    struct arena a = ARENA_INIT;
    int r;
    if (s->move->action == PLAN_DELETE) {
        r = check_gone(x, s, &a, err);
        arena_release(&a);
        return r;
    }
    struct provider *on = provider_on(x->provider, c->id);
    r = on->ops->inspect(on, c->kind, s->move->native_name, NULL, &a, &s->read, err);
    if (r == ERR_NOTFOUND) {
        err->retryable = false; /* not within this run: it has to be planned again */
        note_taken_away(x, s);
    }
    if (r < 0)
        r = err_wrap(err, "read back");
    if (r == 0)
        r = check_ours(x, s, &s->read, err);
    if (r == 0)
        r = check_runs(x, s, &s->read, err);
    /* What is restored is not what Git asks for. */
    if (r == 0 && s->steps.n && !(c->returns && s->move->action == PLAN_RESTART))
        r = check_fields(x, s, &a, err);
    if (r < 0) {
        arena_release(&a);
        return r;
    }
    s->has_read = true;
    s->arena = a;
    return 0;
}

static void keep_of(struct run *x, struct unit *u)
{
    struct exec_outcome *o = &x->report->outcomes[u->index];
    o->read = arena_array(x->arena, const struct object *, u->n_strands);
    for (size_t i = 0; i < u->n_strands; i++) {
        struct strand *s = &u->strands[i];
        arena_adopt(x->arena, &s->arena);
        if (s->has_read)
            o->read[o->n_read++] = &s->read;
    }
}

void readback_keep(struct run *x)
{
    for (size_t i = 0; x->o->keep_read && i < x->plan->n; i++)
        keep_of(x, x->units[i]);
}
