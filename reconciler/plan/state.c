/* Does it run, should it run, and what has to happen so that it does. */
#include "reconciler/plan/planner.h"

/* Does anything only make sense for a container that stays up: published ports, a health check, dependents
   that count on it? */
static bool is_service(struct subject *s)
{
    const struct val *test = val_path(s->r->spec, "healthcheck.test");
    const char *first = val_len(test) && val_is(test->items[0], VAL_STR) ? test->items[0]->s : NULL;
    if (val_len(val_get(s->r->spec, "ports")) || (first && !str_eq(first, "NONE")))
        return true;
    if (val_get_int(s->r->spec, "replicas", 1) > 1)
        return true;
    for (const struct relation *rel = planner_needed_by(s->p, s->r->id); rel; rel = rel->next)
        if (rel->depend->condition != DEPEND_COMPLETED)
            return true;
    return false;
}

static bool is_awaited(struct subject *s)
{
    for (const struct relation *rel = planner_needed_by(s->p, s->r->id); rel; rel = rel->next)
        if (rel->depend->condition == DEPEND_COMPLETED)
            return true;
    return false;
}

/* What Git says: "on-failure" and "no" mean that a successful exit is the end; so do dependents that wait
   for completion, and a swarm's jobs, however many tasks they have. */
static bool is_surely_job(struct subject *s)
{
    const char *restart = val_get_str(s->r->spec, "restart");
    const char *mode = val_get_str(val_get(s->r->spec, "deploy"), "mode");
    return is_awaited(s) || (mode && str_ends(mode, "-job")) || str_eq(restart, "no") ||
           (restart && str_starts(restart, "on-failure"));
}

/*
 * A job may end; anything else has to run. Without a restart policy, what looks like a service is not a job:
 * a server that somebody stopped exits with 0 as well, and has to come back.
 */
bool is_job(struct subject *s)
{
    return is_surely_job(s) || (!val_get(s->r->spec, "restart") && !is_service(s));
}

bool has_ended_well(struct subject *s, const struct object *o)
{
    if (o->state != OBJECT_EXITED || o->exit_code != 0)
        return false;
    /* An exit with 0 in the middle of a change may be due to that change. */
    return s->interrupted ? is_surely_job(s) : is_job(s);
}

const char *state_text(struct planner *p, const struct object *o)
{
    if (o->state == OBJECT_EXITED)
        return arena_printf(p->a, "exited with code %d", o->exit_code);
    if (o->state == OBJECT_CREATED)
        return "created but never started";
    if (o->state == OBJECT_REMOVING)
        return "being removed";
    return object_state_name(o->state);
}

/* Why is it not running: because of an unfinished change of ours, or for another reason? */
static unsigned state_cause(const struct subject *s, const struct object *o)
{
    if (o->state == OBJECT_CREATED || s->interrupted)
        return CAUSE_RESUME;
    if (s->rec) /* without a spec, it never came up */
        return s->rec->spec ? CAUSE_DRIFT : CAUSE_RESUME;
    return o->started_ns ? CAUSE_DRIFT : CAUSE_RESUME;
}

/* The id that depends_on refers to: on its own engine, or on the first one that has it. */
static const char *needed_container(struct subject *s, const char *name)
{
    const char *plain = arena_printf(s->p->a, "container/%s", name);
    for (size_t i = 0; id_target(s->r->id) && i < s->r->n_depends; i++)
        if (id_matches(plain, s->r->depends[i].id))
            return s->r->depends[i].id;
    return plain;
}

/* Something whose namespaces `o` shares, or that it has to be restarted with, was started or created after
   it: what `o` joined no longer exists. */
const char *left_behind(struct subject *s, const struct object *o)
{
    for (const char *const *field = join_fields; *field; field++) {
        const char *name = joined_name(s->r->spec, *field);
        const struct object *other = name ? planner_container(s->p, s->r->id, name) : NULL;
        if (other && object_up(other) && o->started_ns && other->started_ns > o->started_ns)
            return other->id;
    }
    const struct val *needs = val_get(s->r->spec, "depends_on");
    for (size_t i = 0; i < val_len(needs); i++) {
        struct object *const *others;
        if (!val_get_bool(needs->pairs[i].val, "restart", false))
            continue;
        const char *id = needed_container(s, needs->pairs[i].key);
        size_t n = observed_find(s->p->in->observed, id, &others);
        /* All of them: one more replica is no reason to restart dependents. */
        bool all_younger = n > 0 && o->started_ns;
        for (size_t k = 0; k < n; k++)
            all_younger &= others[k]->candidate || others[k]->created_ns > o->started_ns;
        if (all_younger)
            return others[0]->id;
    }
    return NULL;
}

const char *awaited_state(struct subject *s, const struct object *o)
{
    if (!id_listed(s->p->policy->resume, s->r->id) || !object_up(o))
        return NULL;
    switch (wait_of(s->p, s->r, o->health != HEALTH_NONE)) {
    case DEPEND_HEALTHY:
        return o->health == HEALTH_HEALTHY || o->health == HEALTH_NONE ? NULL : "healthy";
    case DEPEND_COMPLETED:
        return "completed";
    case DEPEND_STARTED:
        break;
    }
    return NULL;
}

void note_state(struct subject *s, const struct object *o)
{
    const char *detail = o->message ? arena_printf(s->p->a, ": %s", o->message) : "";
    if (object_is_coming(o))
        planner_note(s->p, s->r->id,
                     arena_printf(s->p->a, "%u of %u tasks of %s are running", o->tasks_running,
                                  o->tasks_wanted, o->native_name));
    else if (o->state == OBJECT_RESTARTING)
        planner_note(s->p, s->r->id,
                     arena_printf(s->p->a, "%s keeps restarting (last exit code %d)%s", o->native_name,
                                  o->exit_code, detail));
    else if (o->state == OBJECT_RUNNING && o->health == HEALTH_UNHEALTHY)
        planner_note(s->p, s->r->id, arena_printf(s->p->a, "%s is unhealthy%s", o->native_name, detail));
}

enum plan_action judge_state(struct subject *s, const struct object *o, enum plan_action so_far,
                             bool *ret_running)
{
    *ret_running = true;
    if (so_far == PLAN_REPLACE)
        return PLAN_REPLACE;
    /* A container that was created and never started may lack files and networks, and an engine killed
       meanwhile may refuse to start it for ever: it is created anew. */
    if (o->state == OBJECT_DEAD || o->state == OBJECT_REMOVING || object_never_ran(o)) {
        change_fact(s->p, subject_change(s), "state", state_text(s->p, o), "running", state_cause(s, o),
                    IMPACT_REPLACE);
        return PLAN_REPLACE;
    }
    if (has_ended_well(s, o)) {
        *ret_running = false;
        return so_far;
    }
    if (object_up(o)) {
        const char *other = left_behind(s, o);
        if (!other)
            return so_far;
        change_fact(s->p, subject_change(s), "state", NULL,
                    arena_printf(s->p->a, "restarted after %s", other), CAUSE_DEPENDENCY, IMPACT_RESTART);
        return PLAN_RESTART;
    }
    if (o->state == OBJECT_PAUSED && planner_caps(s->p, s->r->id) & CAP_SERVICES)
        /* By a swarm, after a failure; nobody can pause a service. */
        change_fact(s->p, subject_change(s), "state", "update paused after a failure", "running",
                    CAUSE_RESUME, IMPACT_RESTART);
    else
        change_fact(s->p, subject_change(s), "state", state_text(s->p, o), "running", state_cause(s, o),
                    o->state == OBJECT_PAUSED ? IMPACT_LIVE : IMPACT_RESTART);
    return PLAN_RESTART;
}
