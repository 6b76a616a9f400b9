/* Tasks: the state of a service. */
#include "base/str.h"
#include "providers/containers/service_wire.h"

#include <stdlib.h>

bool task_failed(const struct task *t)
{
    static const char *const words[] = {"failed", "rejected", "orphaned"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(t->state, words[i]))
            return true;
    return false;
}

/* Null, zero, false and empty values count as absent: a swarm omits them in some places. */
static bool is_nothing(json_t *j)
{
    return !j || json_is_null(j) || json_is_false(j) || (json_is_object(j) && json_object_size(j) == 0) ||
           (json_is_array(j) && json_array_size(j) == 0) ||
           (json_is_integer(j) && json_integer_value(j) == 0);
}

json_t *task_spec(const struct task *t)
{
    size_t n = t->spec.p ? (size_t)(t->spec.end - t->spec.p) : 0;
    return n ? json_loadb(t->spec.p, n, 0, NULL) : NULL;
}

static bool same_part(json_t *one, json_t *other)
{
    return (is_nothing(one) && is_nothing(other)) || json_equal(one, other);
}

bool task_is_current(const struct task *t, json_t *service)
{
    static const char *const parts[] = {"ContainerSpec", "Resources",   "RestartPolicy",
                                        "Networks",      "ForceUpdate", "LogDriver"};
    json_t *now = json_object_get(json_object_get(service, "Spec"), "TaskTemplate");
    json_t *then = task_spec(t);
    bool same = true;
    for (size_t i = 0; i < ARRAY_LEN(parts) && same; i++)
        same = same_part(json_object_get(then, parts[i]), json_object_get(now, parts[i]));
    json_decref(then);
    return same;
}

int64_t service_wanted(json_t *service)
{
    json_t *mode = json_object_get(json_object_get(service, "Spec"), "Mode"), *of;
    if ((of = json_object_get(mode, "Replicated")))
        return json_int(of, "Replicas");
    if ((of = json_object_get(mode, "ReplicatedJob")))
        return json_int(of, "TotalCompletions");
    return -1;
}

bool task_runs(const struct task *t)
{
    return str_eq(t->state, "running") && str_eq(t->wanted, "running");
}

bool task_never_ran(const struct task *t)
{
    static const char *const before[] = {"assigned", "accepted", "preparing", "ready", "starting"};
    for (size_t i = 0; i < ARRAY_LEN(before) && str_eq(t->wanted, "shutdown"); i++)
        if (str_eq(t->state, before[i]))
            return true;
    return false;
}

/* Has its slot (in a global service: its node) had another task since? */
static bool has_successor(const struct task *t, const struct task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tasks[i].slot == t->slot && tasks[i].created_ns > t->created_ns &&
            (t->slot || str_eq(tasks[i].node, t->node)))
            return true;
    return false;
}

/* Is it meant to run, and not yet at its end? */
static bool is_coming(const struct task *t)
{
    static const char *const ends[] = {"complete", "shutdown", "failed", "rejected", "orphaned", "remove"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (str_eq(t->state, ends[i]))
            return false;
    return str_eq(t->wanted, "running") || str_eq(t->wanted, "ready") || str_eq(t->wanted, "complete");
}

void tasks_count(json_t *service, const struct task *tasks, size_t n, struct service_state *ret)
{
    int64_t wanted = service_wanted(service);
    size_t active = 0;
    *ret = (struct service_state){0};
    for (size_t i = 0; i < n; i++) {
        const struct task *t = &tasks[i];
        active += str_eq(t->wanted, "running") || str_eq(t->wanted, "ready") || str_eq(t->wanted, "complete");
        if (task_runs(t)) {
            ret->running++;
            if (!ret->oldest_ns || t->at_ns < ret->oldest_ns)
                ret->oldest_ns = t->at_ns;
        }
        ret->coming += is_coming(t) && !task_runs(t);
        bool complete = str_eq(t->state, "complete");
        if (!(complete || task_failed(t)) || !task_is_current(t, service))
            continue;
        if (complete) { /* an earlier one may be of the same spec, where an update brought it back */
            ret->complete += !has_successor(t, tasks, n);
            continue;
        }
        ret->failed++;
        if (!ret->failure || t->created_ns > ret->failure->created_ns)
            ret->failure = t;
    }
    ret->wanted = wanted < 0 ? active : (size_t)wanted;
}

static bool is_job(json_t *service)
{
    json_t *mode = json_object_get(json_object_get(service, "Spec"), "Mode");
    return json_object_get(mode, "ReplicatedJob") || json_object_get(mode, "GlobalJob");
}

/* Will no task be started again? */
static bool is_over(json_t *service, const struct service_state *s)
{
    json_t *policy =
        json_object_get(json_object_get(json_object_get(service, "Spec"), "TaskTemplate"), "RestartPolicy");
    const char *condition = str_or(json_text(policy, "Condition"), "any");
    if (s->running + s->coming > 0 || s->complete + s->failed == 0)
        return false;
    if (is_job(service) && s->complete >= s->wanted)
        return true;
    if (str_eq(condition, "none"))
        return true;
    int64_t most = json_int(policy, "MaxAttempts");
    return str_eq(condition, "on-failure") &&
           (s->complete >= s->wanted || (most > 0 && (int64_t)s->failed > most * (int64_t)s->wanted));
}

const char *task_words(struct arena *a, const char *service, const struct task *t, const char *node)
{
    const char *on = node ? arena_printf(a, " on node %s", node) : "";
    const char *why = t->error ? t->error : task_failed(t) ? "no reason given" : NULL;
    const char *who = t->slot ? arena_printf(a, "task %s.%lld%s", service, (long long)t->slot, on)
                              : arena_printf(a, "a task of %s%s", service, on);
    return why ? arena_printf(a, "%s %s: %s", who, t->state, why)
               : arena_printf(a, "%s is %s", who, t->state);
}

void service_judge(struct arena *a, json_t *service, const struct service_state *s, struct object *o)
{
    json_t *update = json_object_get(service, "UpdateStatus");
    const char *phase = str_or(json_text(update, "State"), "");
    o->tasks_running = (unsigned)s->running;
    o->tasks_wanted = (unsigned)s->wanted;
    o->started_ns = s->oldest_ns ? s->oldest_ns : o->created_ns;
    o->health = HEALTH_NONE;
    if (s->running < s->wanted && s->failure)
        o->message = task_words(a, o->native_name, s->failure, NULL);
    if (is_over(service, s)) {
        o->state = OBJECT_EXITED;
        o->exit_code = s->complete >= s->wanted              ? 0
                       : s->failure && s->failure->exit_code ? (int)s->failure->exit_code
                                                             : 1;
    } else if (str_eq(phase, "paused") || str_eq(phase, "rollback_paused")) {
        o->state = OBJECT_PAUSED;
        o->message = arena_strdup(a, json_text(update, "Message"));
    } else if (s->running >= s->wanted) {
        o->state = OBJECT_RUNNING;
        if (val_get(o->spec, "healthcheck")) /* a task runs once its check has passed */
            o->health = HEALTH_HEALTHY;
    } else {
        o->state = OBJECT_RESTARTING; /* the swarm is working on it */
        o->exit_code = s->failure ? (int)s->failure->exit_code : 0;
    }
}

static int by_name(const void *pa, const void *pb)
{
    const struct node_fact *a = pa, *b = pb;
    int c = strcmp(a->name, b->name);
    return c ? c : strcmp(a->id, b->id);
}

struct node_fact *nodes_read(struct arena *a, json_t *list, size_t *ret_n)
{
    struct node_fact *nodes = arena_array(a, struct node_fact, json_array_size(list) + 1);
    json_t *item;
    size_t i;
    *ret_n = 0;
    json_array_foreach(list, i, item)
    {
        json_t *spec = json_object_get(item, "Spec"), *status = json_object_get(item, "Status");
        json_t *about = json_object_get(item, "Description");
        struct val *labels = read_map(a, json_object_get(spec, "Labels"));
        if (!json_text(item, "ID"))
            continue;
        nodes[(*ret_n)++] = (struct node_fact){
            .id = arena_strdup(a, json_text(item, "ID")),
            .name = arena_strdup(a, str_or(json_text(about, "Hostname"), json_text(item, "ID"))),
            .role = arena_strdup(a, str_or(json_text(spec, "Role"), "worker")),
            .availability = arena_strdup(a, str_or(json_text(spec, "Availability"), "active")),
            .state = arena_strdup(a, str_or(json_text(status, "State"), "unknown")),
            .message = arena_strdup(a, json_text(status, "Message")),
            .address = arena_strdup(a, json_text(status, "Addr")),
            .engine = arena_strdup(a, json_text(json_object_get(about, "Engine"), "EngineVersion")),
            .leader = json_is_true(json_object_get(json_object_get(item, "ManagerStatus"), "Leader")),
            .labels = labels ? labels : val_map(a),
            .tasks = val_list(a),
        };
    }
    qsort(nodes, *ret_n, sizeof(*nodes), by_name);
    return nodes;
}
