/*
 * Containers: one resource is `replicas` objects, and beside each may stand another one that an interrupted
 * replace left (NAME.next). Every state that such an interruption can leave is one of these:
 *
 *   current   candidate
 *   right     any        the replace was undone or is not wanted any more: the candidate goes, the current
 * one runs wrong     usable     it goes on from where it stands wrong     other      the candidate goes, and
 * the replace begins anew none      usable     the current one is gone already: the candidate gets its name
 *   none      other      the only one that serves: it gets the name, and is then replaced
 *
 * An update that has failed for good and was to be taken back is taken back, and does not go on: the current
 * one runs, the candidate goes.
 */
#include "reconciler/plan/planner.h"

/* The objects of one instance. */
struct place {
    const struct object *current, *candidate;
};

static void drop(struct subject *s, const struct object *o, const char *fact, unsigned cause)
{
    struct plan_change *c = subject_change(s);
    struct plan_move *m = change_move(s->p, c, PLAN_DELETE, o->instance);
    m->native_name = o->native_name;
    m->current = o;
    if (fact)
        change_fact(s->p, c, fact, o->native_name, NULL, cause, IMPACT_LIVE);
}

/* The better of two objects of one instance: the one with the right name, else the running one. */
static bool better(const struct object *o, const struct object *than, const char *native_name)
{
    bool named = str_eq(o->native_name, native_name), than_named = str_eq(than->native_name, native_name);
    if (named != than_named)
        return named;
    return object_up(o) && !object_up(than);
}

/* Fills places[1..n]; surplus objects are dropped. */
static void sort_objects(struct subject *s, struct place *places, unsigned n, bool keep_surplus)
{
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct object *o = s->objects[i];
        if (!object_ours(s->p, o, s->rec))
            continue;
        if (o->instance < 1 || o->instance > n) {
            if (!keep_surplus)
                drop(s, o, NULL, 0);
            continue;
        }
        const char *name = subject_name(s, o->instance);
        const struct object **slot =
            o->candidate ? &places[o->instance].candidate : &places[o->instance].current;
        const struct object *loser = o;
        if (!*slot || better(o, *slot, name)) {
            loser = *slot;
            *slot = o;
        }
        if (loser)
            drop(s, loser, "duplicate", CAUSE_RESUME);
    }
}

static void add_fields(struct subject *s, const struct field_list *fields)
{
    for (size_t i = 0; i < fields->n; i++)
        change_field(s->p, subject_change(s), &fields->items[i]);
}

static void create(struct subject *s, unsigned instance)
{
    const char *name = subject_name(s, instance);
    const struct object *foreign = foreign_named(s, instance, name);
    if (foreign) {
        decide_foreign(s, foreign, instance, name);
        return;
    }
    struct plan_change *c = subject_change(s);
    change_move(s->p, c, PLAN_CREATE, instance)->running = true;
    c->causes |= creation_cause(s, instance);
}

static const char *candidate_fact(const struct planner *p)
{
    return p->policy->under_way ? FACT_UNDER_WAY : FACT_INTERRUPTED;
}

/* All that exists is the remainder of an interrupted replace. */
static void finish_candidate(struct subject *s, const struct object *candidate)
{
    struct plan_change *c = subject_change(s);
    struct field_list fields = {.arena = s->p->a};
    struct plan_move *m = change_move(s->p, c, PLAN_REPLACE, candidate->instance);
    m->candidate = candidate;
    m->resume = candidate_usable(s, candidate, &m->update);
    m->running = true;
    if (!m->resume) {
        judge_object(s, candidate, candidate->instance, &fields);
        /* We made it from another spec, and nobody has changed it since. */
        for (size_t i = 0; i < fields.n; i++)
            if (fields.items[i].cause == CAUSE_DRIFT)
                fields.items[i].cause = CAUSE_RESUME;
        add_fields(s, &fields);
    }
    change_fact(s->p, c, candidate_fact(s->p), candidate->native_name, m->native_name, CAUSE_RESUME,
                IMPACT_LIVE);
}

static void decide_with_candidate(struct subject *s, const struct place *at, struct plan_move *m)
{
    struct plan_change *c = s->change;
    m->candidate = at->candidate;
    m->resume = m->action == PLAN_REPLACE && candidate_usable(s, at->candidate, &m->update);
    change_fact(s->p, c, candidate_fact(s->p), at->candidate->native_name, m->resume ? m->native_name : NULL,
                CAUSE_RESUME, IMPACT_LIVE);
}

/* Did the last change of the resource stop half-way? */
static bool was_cut_short(const struct subject *s)
{
    if (id_listed(s->p->policy->resume, s->r->id))
        return true;
    enum applied_status status = s->rec ? s->rec->status : APPLIED_OK;
    return status == APPLIED_FAILED || status == APPLIED_STALLED || status == APPLIED_DELETING;
}

static void decide_instance(struct subject *s, unsigned instance, const struct place *at)
{
    if (!at->current && !at->candidate) {
        create(s, instance);
        return;
    }
    if (!at->current) {
        finish_candidate(s, at->candidate);
        return;
    }
    bool running;
    struct field_list fields = {.arena = s->p->a};
    enum plan_action need = judge_object(s, at->current, instance, &fields);
    add_fields(s, &fields);
    bool update = need == PLAN_UPDATE || need == PLAN_RESTART;
    s->interrupted = at->candidate || was_cut_short(s);
    need = judge_state(s, at->current, need, &running);
    const char *awaited = need == PLAN_NONE && !at->candidate ? awaited_state(s, at->current) : NULL;
    if (awaited)
        change_fact(s->p, subject_change(s), "state", object_health_name(at->current->health), awaited,
                    CAUSE_RESUME, IMPACT_NONE);
    if (need == PLAN_NONE && !at->candidate && !awaited) {
        note_state(s, at->current);
        return;
    }
    struct plan_move *m =
        change_move(s->p, subject_change(s), need == PLAN_NONE ? PLAN_UPDATE : need, instance);
    m->current = at->current;
    m->update = update && need != PLAN_REPLACE;
    m->await = awaited;
    m->running = running || need == PLAN_REPLACE;
    m->restart = need == PLAN_RESTART && object_up(at->current);
    if (at->candidate)
        decide_with_candidate(s, at, m);
}

/* The old one runs again and its candidate is removed; whichever frees what the other needs comes first. */
static void put_back(struct subject *s, const struct place *at)
{
    const struct object *old = at->current, *left = at->candidate;
    bool down = !object_up(old) && !has_ended_well(s, old);
    if (!down && !left)
        return;
    struct plan_change *c = subject_change(s);
    bool room = !left || !claims_shared(s->p->a, old->spec, left->spec);
    if (left && !room)
        drop(s, left, NULL, 0);
    if (down) {
        struct plan_move *m = change_move(s->p, c, PLAN_RESTART, old->instance);
        m->current = old;
        m->running = true;
        change_fact(s->p, c, "state", object_state_name(old->state), "running", CAUSE_RESUME, IMPACT_RESTART);
    }
    if (left && room)
        drop(s, left, NULL, 0);
    if (left)
        change_fact(s->p, c, candidate_fact(s->p), left->native_name, NULL, CAUSE_RESUME, IMPACT_LIVE);
}

/* Whatever a failed update added is removed; where no old object is left, the new ones stay. */
static void return_instance(struct subject *s, unsigned instance, const struct place *at)
{
    int64_t before = s->rec->spec ? val_get_int(s->rec->spec, "replicas", 1) : INT64_MAX;
    struct field_list fields = {.arena = s->p->a};
    s->interrupted = true;
    if (!at->current && at->candidate)
        finish_candidate(s, at->candidate);
    else if (at->current && (int64_t)instance > before)
        drop(s, at->current, "the update was reverted", CAUSE_RESUME);
    else if (at->current &&
             (at->candidate || judge_object(s, at->current, instance, &fields) == PLAN_REPLACE))
        put_back(s, at);
}

/* Was the rollback of a finally failed update itself cut short? */
static bool is_to_return(const struct subject *s)
{
    bool left = id_listed(s->p->policy->resume, s->r->id);
    for (size_t i = 0; i < s->n_objects; i++)
        left |= s->objects[i]->candidate && object_ours(s->p, s->objects[i], s->rec);
    return left && is_stalled(s->p, s->r, s->rec);
}

/* Returns true when there is anything to roll back. */
static bool take_back(struct subject *s, const struct place *places, unsigned n)
{
    for (unsigned i = 1; i <= n; i++)
        return_instance(s, i, &places[i]);
    if (s->change)
        s->change->returns = true;
    return s->change;
}

/* The number of objects changes, or all of them are new: a fact for people, beside the moves. */
static void report_scale(struct subject *s, unsigned replicas, unsigned there)
{
    struct plan_change *c = s->change;
    bool known = s->rec && s->rec->spec;
    int64_t before = known ? val_get_int(s->rec->spec, "replicas", 1) : (int64_t)there;
    unsigned cause = before != (int64_t)replicas                 ? CAUSE_COMMIT
                     : id_listed(s->p->policy->resume, s->r->id) ? CAUSE_RESUME
                                                                 : CAUSE_DRIFT;
    if (!c || replicas == there)
        return;
    if (there || (known && before == 0))
        change_fact(s->p, c, "replicas", arena_printf(s->p->a, "%u", there),
                    arena_printf(s->p->a, "%u", replicas), cause, IMPACT_LIVE);
    else if (known && cause == CAUSE_DRIFT)
        change_fact(s->p, c, "state", "removed", "running", CAUSE_DRIFT, IMPACT_NONE);
}

void decide_instances(struct subject *s)
{
    bool ignored = ignore_match(s->ignore, "replicas");
    unsigned replicas = (unsigned)val_get_int(s->r->spec, "replicas", 1);
    unsigned ours = 0, there = 0, highest = 0; /* objects, instances, the last one */
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct object *o = s->objects[i];
        if (!object_ours(s->p, o, s->rec))
            continue;
        ours++;
        there += o->instance != highest;
        if (o->instance > highest)
            highest = o->instance;
    }
    s->p->existing += ours > 0;
    if (ignored && ours)
        replicas = highest;
    struct place *places = arena_array(s->p->a, struct place, replicas + 1u);
    bool returns = is_to_return(s);
    sort_objects(s, places, replicas, ignored || returns);
    if (returns && take_back(s, places, replicas))
        return;
    for (unsigned i = 1; i <= replicas; i++)
        if (!ignored || !ours || places[i].current || places[i].candidate)
            decide_instance(s, i, &places[i]);
    report_scale(s, replicas, there);
}
