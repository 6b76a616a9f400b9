/* The identifiers used in plans, for documents and for people. Stable: JSON, records and tests contain
   them. */
#include "base/str.h"
#include "reconciler/plan/plan.h"
#include "reconciler/plan/steps.h"

static const char *const object_states[] = {
    [OBJECT_PRESENT] = "present",       [OBJECT_CREATED] = "created",  [OBJECT_RUNNING] = "running",
    [OBJECT_PAUSED] = "paused",         [OBJECT_EXITED] = "exited",    [OBJECT_DEAD] = "dead",
    [OBJECT_RESTARTING] = "restarting", [OBJECT_REMOVING] = "removing"};
static const char *const object_healths[] = {[HEALTH_NONE] = "none",
                                             [HEALTH_STARTING] = "starting",
                                             [HEALTH_HEALTHY] = "healthy",
                                             [HEALTH_UNHEALTHY] = "unhealthy"};
static const char *const applied_statuses[] = {[APPLIED_OK] = "ok",
                                               [APPLIED_FAILED] = "failed",
                                               [APPLIED_STALLED] = "stalled",
                                               [APPLIED_DELETING] = "deleting",
                                               [APPLIED_HELD] = "held"};
static const char *const plan_actions[] = {
    [PLAN_NONE] = "none",       [PLAN_CREATE] = "create",   [PLAN_UPDATE] = "update",
    [PLAN_RESTART] = "restart", [PLAN_REPLACE] = "replace", [PLAN_DELETE] = "delete",
    [PLAN_ADOPT] = "adopt",     [PLAN_FORGET] = "forget",   [PLAN_BLOCKED] = "blocked"};
static const char *const step_verbs[] = {
    [STEP_PULL] = "pull", [STEP_CREATE] = "create", [STEP_UPDATE] = "update", [STEP_START] = "start",
    [STEP_STOP] = "stop", [STEP_WAIT] = "wait",     [STEP_RENAME] = "rename", [STEP_REMOVE] = "remove"};
static const char *const causes[] = {"commit", "drift", "image", "dependency", "resume", "retry", "secret"};

#define NAME_OF(table, i) ((size_t)(i) < ARRAY_LEN(table) ? (table)[i] : "unknown")

static int index_of(const char *const *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(table[i], name))
            return (int)i;
    return -1;
}

const char *object_state_name(enum object_state s)
{
    return NAME_OF(object_states, s);
}

int object_state_from_name(const char *s, enum object_state *ret)
{
    int i = index_of(object_states, ARRAY_LEN(object_states), s);
    if (i < 0)
        return ERR_NOTFOUND;
    *ret = (enum object_state)i;
    return 0;
}

const char *object_health_name(enum object_health h)
{
    return NAME_OF(object_healths, h);
}

int object_health_from_name(const char *s, enum object_health *ret)
{
    int i = index_of(object_healths, ARRAY_LEN(object_healths), s);
    if (i < 0)
        return ERR_NOTFOUND;
    *ret = (enum object_health)i;
    return 0;
}

const char *applied_status_name(enum applied_status s)
{
    return NAME_OF(applied_statuses, s);
}

int applied_status_from_name(const char *s, enum applied_status *ret)
{
    int i = index_of(applied_statuses, ARRAY_LEN(applied_statuses), s);
    if (i < 0)
        return ERR_NOTFOUND;
    *ret = (enum applied_status)i;
    return 0;
}

const char *plan_action_name(enum plan_action a)
{
    return NAME_OF(plan_actions, a);
}

const char *step_verb_name(enum step_verb v)
{
    return NAME_OF(step_verbs, v);
}

const char *cause_name(unsigned bit)
{
    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        if (bit == 1u << i)
            return causes[i];
    return "unknown";
}
