/*
 * Services: where the engine replicates by itself (CAP_SERVICES), a container of the language is one object,
 * instance 0, whatever its number of replicas, and the engine moves its tasks from the old spec to the new.
 */
#include "reconciler/plan/planner.h"

static void create(struct subject *s, const char *name)
{
    const struct object *foreign = foreign_named(s, 0, name);
    if (foreign) {
        decide_foreign(s, foreign, 0, name);
        return;
    }
    struct plan_change *c = subject_change(s);
    unsigned cause = creation_cause(s, 1);
    change_move(s->p, c, PLAN_CREATE, 0)->running = true;
    c->causes |= cause;
    if (cause == CAUSE_DRIFT)
        change_fact(s->p, c, "state", "removed", "running", CAUSE_DRIFT, IMPACT_NONE);
}

static const char *state_words(const struct subject *s, const struct object *o)
{
    if (!o->tasks_wanted)
        return object_state_name(o->state);
    return arena_printf(s->p->a, "%u of %u tasks running", o->tasks_running, o->tasks_wanted);
}

/* Its last change failed, and the swarm has not got it running since. New credentials or a new image may
   help, but its tasks only get them when they are created anew. */
static bool has_not_come_up(const struct subject *s, const struct object *o)
{
    enum applied_status status = s->rec ? s->rec->status : APPLIED_OK;
    return o->state == OBJECT_RESTARTING && (status == APPLIED_FAILED || status == APPLIED_STALLED);
}

/* The run that changed it last was stopped before its tasks ran, and they still do not. */
static bool is_awaited(const struct subject *s, const struct object *o)
{
    return id_listed(s->p->policy->resume, s->r->id) &&
           (o->state == OBJECT_RESTARTING || o->tasks_running < o->tasks_wanted);
}

static void judge_service(struct subject *s)
{
    const char *name = subject_name(s, 0);
    const struct object *o = pick_single(s, name);
    struct field_list fields = {.arena = s->p->a};
    bool running;
    if (!o) {
        create(s, name);
        return;
    }
    s->p->existing++;
    enum plan_action need = judge_object(s, o, 0, &fields);
    for (size_t i = 0; i < fields.n; i++)
        change_field(s->p, subject_change(s), &fields.items[i]);
    bool update = need == PLAN_UPDATE || need == PLAN_RESTART;
    need = judge_state(s, o, need, &running);
    if (need == PLAN_NONE && has_not_come_up(s, o)) {
        change_fact(s->p, subject_change(s), "state", state_words(s, o), "running", CAUSE_RESUME,
                    IMPACT_RESTART);
        need = PLAN_RESTART;
    }
    bool awaited = need == PLAN_NONE && is_awaited(s, o);
    if (awaited)
        change_fact(s->p, subject_change(s), "state", state_words(s, o), "running", CAUSE_RESUME,
                    IMPACT_NONE);
    if (need == PLAN_NONE && !awaited) {
        note_state(s, o);
    } else {
        struct plan_move *m = change_move(s->p, subject_change(s), awaited ? PLAN_UPDATE : need, 0);
        m->await = awaited;
        m->current = o;
        m->update = update;
        m->running = running || need == PLAN_REPLACE;
        m->restart = need == PLAN_RESTART;
    }
    drop_duplicates(s, o);
}

void decide_service(struct subject *s)
{
    const char *ref = val_get_str(s->r->spec, "image");
    const struct image_fact *fact = observed_image_for(s->p->in->observed, s->r->id, ref);
    judge_service(s);
    if (s->change && fact)
        s->change->image_digest = fact->digest;
}

bool service_keeps_running(const struct val *spec)
{
    int64_t at_once = val_get_int(val_get(spec, "update"), "parallelism", 1);
    if (str_eq(val_get_str(val_get(spec, "update"), "order"), "start-first"))
        return true;
    if (str_eq(val_get_str(val_get(spec, "update"), "strategy"), "recreate"))
        return false;
    return at_once > 0 && val_get_int(spec, "replicas", 1) > at_once;
}
