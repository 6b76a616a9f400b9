/* How a swarm places, updates and restarts tasks: `deploy`, in both directions. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/service_wire.h"
#include "schema/kinds/container.h"

/* The language's defaults (schema/kinds/container_deploy.c): always sent, because a swarm's own defaults
   differ. */
static const struct {
    const char *field, *json;
    int64_t dflt;
} rolling_numbers[] = {
    {"parallelism", "Parallelism", 1}, {"delay", "Delay", 0}, {"monitor", "Monitor", 5 * NS_PER_S}};

static const struct {
    const char *field, *json;
} modes[] = {{"replicated", "Replicated"},
             {"global", "Global"},
             {"replicated-job", "ReplicatedJob"},
             {"global-job", "GlobalJob"}};

bool mode_is_job(const struct val *spec)
{
    const char *mode = val_get_str(val_get(spec, "deploy"), "mode");
    return mode && str_ends(mode, "-job");
}

void mode_write(const struct val *spec, json_t *body)
{
    const char *mode = str_or(val_get_str(val_get(spec, "deploy"), "mode"), "replicated");
    json_int_t replicas = (json_int_t)val_get_int(spec, "replicas", 1);
    json_t *of = json_object();
    if (str_eq(mode, "replicated"))
        json_object_set_new(of, "Replicas", json_integer(replicas));
    if (str_eq(mode, "replicated-job")) {
        json_object_set_new(of, "MaxConcurrent", json_integer(replicas));
        json_object_set_new(of, "TotalCompletions", json_integer(replicas));
    }
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (str_eq(mode, modes[i].field))
            json_object_set_new(body, "Mode", json_pack("{s:o}", modes[i].json, of));
}

static json_t *rolling_of(const struct val *v, const char *action, const char *order)
{
    json_t *o = json_object();
    const struct val *ratio = val_get(v, "max_failure_ratio");
    for (size_t i = 0; i < ARRAY_LEN(rolling_numbers); i++)
        json_object_set_new(o, rolling_numbers[i].json,
                            json_integer(val_get_int(v, rolling_numbers[i].field, rolling_numbers[i].dflt)));
    json_object_set_new(o, "FailureAction", json_string(str_or(val_get_str(v, "failure_action"), action)));
    json_object_set_new(o, "MaxFailureRatio",
                        json_real(val_is(ratio, VAL_FLOAT) ? ratio->f
                                  : val_is(ratio, VAL_INT) ? (double)ratio->i
                                                           : 0));
    json_object_set_new(o, "Order", json_string(str_or(order, "stop-first")));
    return o;
}

/* Do its tasks end when all is well? A swarm counts each task that ends during an update as failed, even with
   exit code 0, and would undo every update of such a service. */
static bool tasks_end(const struct val *spec)
{
    const char *restart = val_get_str(spec, "restart");
    if (restart && str_starts(restart, "on-failure"))
        return !val_len(val_get(spec, "ports")) && !val_get(spec, "healthcheck") &&
               val_get_int(spec, "replicas", 1) <= 1;
    return str_eq(restart, "no");
}

void rolling_write(const struct val *spec, json_t *body)
{
    const struct val *update = val_get(spec, "update");
    const struct val *rollback = val_path(spec, "deploy.rollback_config");
    /* A swarm without a monitoring period counts a task as running once it has started. */
    json_t *o = rolling_of(update, "rollback", val_get_str(update, "order"));
    if (str_eq(val_get_str(update, "strategy"), "recreate")) { /* stop all, then start all */
        json_object_set_new(o, "Parallelism", json_integer(0));
        json_object_set_new(o, "Order", json_string("stop-first"));
    }
    if (tasks_end(spec)) /* the wait for its tasks judges them instead, and goes back if they failed */
        json_object_set_new(o, "FailureAction", json_string("continue"));
    json_object_set_new(body, "UpdateConfig", o);
    json_object_set_new(body, "RollbackConfig",
                        rolling_of(rollback, "pause", val_get_str(rollback, "order")));
}

/* Only the rollback settings: UpdateConfig applies to the next update alone (`update` is not a field of the
   engine's). */
static void rollback_read(struct arena *a, json_t *config, struct val *deploy)
{
    struct val *v = val_map(a);
    json_t *ratio = json_object_get(config, "MaxFailureRatio");
    for (size_t i = 0; i < ARRAY_LEN(rolling_numbers); i++)
        if (json_int(config, rolling_numbers[i].json) != rolling_numbers[i].dflt)
            val_set_int(a, v, rolling_numbers[i].field, json_int(config, rolling_numbers[i].json));
    if (!str_eq(json_text(config, "FailureAction"), "pause"))
        val_set_str(a, v, "failure_action", json_text(config, "FailureAction"));
    if (json_number_value(ratio) > 0)
        val_map_set(a, v, "max_failure_ratio", val_float(a, json_number_value(ratio)));
    if (!str_eq(json_text(config, "Order"), "stop-first"))
        val_set_str(a, v, "order", json_text(config, "Order"));
    if (config && v->len)
        val_map_set(a, deploy, "rollback_config", v);
}

void placement_write(struct arena *a, const struct val *spec, json_t *task)
{
    const struct val *placement = val_path(spec, "deploy.placement");
    const struct val *preferences = val_get(placement, "preferences");
    const char *platform = val_get_str(spec, "platform");
    json_t *o = json_object();
    if (val_len(val_get(placement, "constraints")))
        json_object_set_new(o, "Constraints", json_of(val_get(placement, "constraints")));
    if (val_len(preferences))
        json_object_set_new(o, "Preferences", json_array());
    for (size_t i = 0; i < val_len(preferences); i++)
        json_array_append_new(json_object_get(o, "Preferences"),
                              json_pack("{s:{s:s}}", "Spread", "SpreadDescriptor",
                                        str_or(val_get_str(preferences->items[i], "spread"), "")));
    if (val_get_int(placement, "max_replicas_per_node", 0))
        json_object_set_new(o, "MaxReplicas",
                            json_integer(val_get_int(placement, "max_replicas_per_node", 0)));
    if (platform) {
        size_t n;
        char **part = str_split(a, platform, '/', &n);
        json_object_set_new(o, "Platforms",
                            json_pack("[{s:s, s:s}]", "OS", part[0], "Architecture", n > 1 ? part[1] : ""));
    }
    json_object_set_new(task, "Placement", o);
}

static struct val *read_constraints(struct arena *a, json_t *j)
{
    struct val *list = read_list(a, j);
    for (size_t i = 0; i < val_len(list); i++) {
        const char *canonical = constraint_canonical(a, list->items[i]->s);
        if (canonical)
            list->items[i] = val_str(a, canonical);
    }
    if (list)
        val_list_sort(list);
    return list;
}

static void placement_read(struct arena *a, json_t *placement, struct val *deploy)
{
    struct val *v = val_map(a), *list = val_list(a), *constraints;
    json_t *item, *preferences = json_object_get(placement, "Preferences");
    size_t i;
    json_array_foreach(preferences, i, item)
    {
        struct val *rec = val_map(a);
        val_set_str(a, rec, "spread", json_text(json_object_get(item, "Spread"), "SpreadDescriptor"));
        val_list_add(a, list, rec);
    }
    if ((constraints = read_constraints(a, json_object_get(placement, "Constraints"))))
        val_map_set(a, v, "constraints", constraints);
    if (list->len)
        val_map_set(a, v, "preferences", list);
    if (json_int(placement, "MaxReplicas"))
        val_set_int(a, v, "max_replicas_per_node", json_int(placement, "MaxReplicas"));
    if (v->len)
        val_map_set(a, deploy, "placement", v);
}

void restart_write(const struct val *spec, json_t *task)
{
    const struct val *policy = val_path(spec, "deploy.restart_policy");
    const char *restart = val_get_str(spec, "restart"), *times;
    int64_t n = 0;
    struct err ignored = {0};
    const char *condition = mode_is_job(spec) ? "on-failure" : "any";
    if (str_eq(restart, "no"))
        condition = "none";
    else if (restart && str_starts(restart, "on-failure"))
        condition = "on-failure";
    if (restart && (times = str_after(restart, "on-failure:")) &&
        parse_int(times, 0, INT32_MAX, &n, &ignored) < 0)
        n = 0;
    json_object_set_new(task, "RestartPolicy",
                        json_pack("{s:s, s:I, s:I, s:I}", "Condition", condition, "Delay",
                                  (json_int_t)val_get_int(policy, "delay", 5 * NS_PER_S), "MaxAttempts",
                                  (json_int_t)n, "Window", (json_int_t)val_get_int(policy, "window", 0)));
}

static void restart_policy_read(struct arena *a, json_t *policy, struct val *deploy)
{
    struct val *v = val_map(a);
    if (json_int(policy, "Delay") != 5 * NS_PER_S)
        val_set_int(a, v, "delay", json_int(policy, "Delay"));
    if (json_int(policy, "Window"))
        val_set_int(a, v, "window", json_int(policy, "Window"));
    if (policy && v->len)
        val_map_set(a, deploy, "restart_policy", v);
}

static json_t *words_write(const struct val *resources, const struct word_pair *words)
{
    json_t *o = json_object();
    for (; words->field; words++)
        if (val_get_int(resources, words->field, 0) > 0)
            json_object_set_new(o, words->json, json_integer(val_get_int(resources, words->field, 0)));
    return o;
}

void task_resources_write(const struct val *spec, json_t *task)
{
    const struct val *resources = val_get(spec, "resources");
    const struct val *more = val_path(spec, "deploy.resources.reservations");
    const struct val *generic = val_get(more, "generic_resources");
    json_t *reserve = words_write(resources, reservation_words);
    if (val_get_int(more, "cpus", 0))
        json_object_set_new(reserve, "NanoCPUs", json_integer(val_get_int(more, "cpus", 0)));
    if (val_len(generic))
        json_object_set_new(reserve, "GenericResources", json_array());
    for (size_t i = 0; i < val_len(generic); i++)
        json_array_append_new(json_object_get(reserve, "GenericResources"),
                              json_pack("{s:{s:s, s:I}}", "DiscreteResourceSpec", "Kind",
                                        generic->pairs[i].key, "Value",
                                        (json_int_t)val_get_int(generic->pairs[i].val, "value", 1)));
    json_object_set_new(
        task, "Resources",
        json_pack("{s:o, s:o}", "Limits", words_write(resources, limit_words), "Reservations", reserve));
}

static void reservations_read(struct arena *a, json_t *reserve, struct val *deploy)
{
    struct val *v = val_map(a), *map = val_map(a);
    json_t *item;
    size_t i;
    if (json_int(reserve, "NanoCPUs"))
        val_set_int(a, v, "cpus", json_int(reserve, "NanoCPUs"));
    json_array_foreach(json_object_get(reserve, "GenericResources"), i, item)
    {
        json_t *discrete = json_object_get(item, "DiscreteResourceSpec");
        struct val *rec = val_map(a);
        val_set_int(a, rec, "value", json_int(discrete, "Value"));
        if (json_text(discrete, "Kind"))
            val_map_set(a, map, json_text(discrete, "Kind"), rec);
    }
    if (map->len)
        val_map_set(a, v, "generic_resources", map);
    if (!v->len)
        return;
    struct val *resources = val_map(a);
    val_map_set(a, resources, "reservations", v);
    val_map_set(a, deploy, "resources", resources);
}

void deploy_read(struct arena *a, json_t *spec, struct val *ret)
{
    json_t *task = json_object_get(spec, "TaskTemplate"), *mode = json_object_get(spec, "Mode");
    const char *endpoint = json_text(json_object_get(spec, "EndpointSpec"), "Mode");
    for (size_t i = 1; i < ARRAY_LEN(modes); i++)
        if (json_object_get(mode, modes[i].json))
            val_set_str(a, ret, "mode", modes[i].field);
    if (str_eq(endpoint, "dnsrr"))
        val_set_str(a, ret, "endpoint_mode", endpoint);
    rollback_read(a, json_object_get(spec, "RollbackConfig"), ret);
    placement_read(a, json_object_get(task, "Placement"), ret);
    restart_policy_read(a, json_object_get(task, "RestartPolicy"), ret);
    reservations_read(a, json_object_get(json_object_get(task, "Resources"), "Reservations"), ret);
}
