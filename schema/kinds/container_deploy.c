/* Container: Compose's deploy section. What a single engine supports too is moved to the fields with that
   meaning; what stays in `deploy` is for services, and the planner reports it where the target has none. */
#include "schema/kinds/container_internal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"

static const char *const modes[] = {"replicated", "global", "replicated-job", "global-job", NULL};
static const char *const endpoint_modes[] = {"vip", "dnsrr", NULL};
static const char *const conditions[] = {"none", "on-failure", "any", NULL};
static const char *const orders[] = {"stop-first", "start-first", NULL};
static const char *const failure_actions[] = {"pause", "continue", "rollback", NULL};
static const char *const rollback_failures[] = {"pause", "continue", NULL};

static const struct field device_request = {
    "", FT_RECORD, IMPACT_REPLACE, 0, .doc = "A device request.", .sub = &gpu_table};

static const struct field limit_fields[] = {
    {"cpus", FT_CPUS, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.cpus`.", .example = "\"0.50\""},
    {"memory", FT_SIZE, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.memory`.", .example = "50M"},
    {"pids", FT_INT, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.pids`.", .example = "100", .min = -1,
     .max = INT64_MAX},
    {0},
};
static const struct field_table limits_table = {"container.deploy.resources.limits", "The upper limits.",
                                                limit_fields};

/* {discrete_resource_spec: {kind: gpu, value: 2}}; canonical: {gpu: {value: 2}}. */
static const struct field discrete_fields[] = {
    {"kind", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The name of the resource.", .example = "gpu"},
    {"value", FT_INT, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "How many.", .example = "2", .min = 1,
     .max = INT64_MAX},
    {0},
};
static const struct field_table discrete_table = {
    "container.deploy.resources.reservations.generic_resources.discrete_resource_spec",
    "A countable resource.", discrete_fields};
static const struct field generic_fields[] = {
    {"discrete_resource_spec", FT_RECORD, IMPACT_REPLACE, FIELD_ALIAS, .doc = "`kind` and `value`.",
     .example = "{kind: gpu, value: 2}", .sub = &discrete_table},
    {"value", FT_INT, IMPACT_REPLACE, FIELD_HIDDEN, .doc = "How many."},
    {0},
};
static const struct field_table generic_table = {"container.deploy.resources.reservations.generic_resources",
                                                 "A resource that nodes advertise by name.", generic_fields};

static void generic_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                          struct val *into)
{
    const struct val *spec = val_get(rec, "discrete_resource_spec");
    const char *kind = val_get_str(spec, "kind");
    struct val *item = val_map(d->arena);
    (void)f;
    if (!spec)
        decode_error_hint(d, n, "write {discrete_resource_spec: {kind: gpu, value: 2}}",
                          "a generic resource needs discrete_resource_spec");
    if (!kind)
        return; /* decoding has reported it */
    val_set_int(d->arena, item, "value", val_get_int(spec, "value", 1));
    val_map_set(d->arena, into, kind, item);
}

static const struct field reservation_fields[] = {
    {"cpus", FT_CPUS, IMPACT_REPLACE, 0,
     .doc = "CPUs that a node must have available for each task. Swarm only.", .example = "\"0.25\""},
    {"memory", FT_SIZE, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.memory_reservation`.", .example = "20M"},
    {"devices", FT_LIST, IMPACT_REPLACE, FIELD_ALIAS, .doc = "`gpus`.",
     .example = "[{driver: nvidia, count: 1, capabilities: [gpu]}]", .elem = &device_request},
    {"generic_resources", FT_KEYED, IMPACT_REPLACE, 0,
     .doc = "Resources that nodes advertise by name (`node-generic-resources` of their engines). Swarm only.",
     .example = "[{discrete_resource_spec: {kind: gpu, value: 2}}]", .sub = &generic_table,
     .keyed = generic_keyed},
    {0},
};
static const struct field_table reservations_table = {"container.deploy.resources.reservations",
                                                      "What is reserved for it.", reservation_fields};

static const struct field resource_fields[] = {
    {"limits", FT_RECORD, IMPACT_LIVE, FIELD_ALIAS, .doc = "The upper limits.", .example = "{memory: 50M}",
     .sub = &limits_table},
    {"reservations", FT_RECORD, IMPACT_LIVE, 0, .doc = "What is reserved for it.", .example = "{memory: 20M}",
     .sub = &reservations_table},
    {0},
};
static const struct field_table resource_table = {"container.deploy.resources", "Limits and reservations.",
                                                  resource_fields};

static const struct field restart_fields[] = {
    {"condition", FT_ENUM, IMPACT_LIVE, FIELD_ALIAS, .doc = "`none` is `restart: no`, `any` is `always`.",
     .example = "on-failure", .def = "any", .choices = conditions},
    {"max_attempts", FT_INT, IMPACT_LIVE, FIELD_ALIAS, .doc = "The N of `restart: on-failure:N`.",
     .example = "3", .min = 0, .max = INT32_MAX},
    {"delay", FT_DURATION, IMPACT_REPLACE, 0, .doc = "The delay before each restart. Swarm only.",
     .example = "10s", .def = "5s", .def_val = DEF_INT(5 * NS_PER_S)},
    {"window", FT_DURATION, IMPACT_REPLACE, 0,
     .doc = "How long a task must run before the restart counts as successful; 0: immediately. Swarm only.",
     .example = "2m", .def = "0", .def_val = DEF_INT(0)},
    {0},
};
static const struct field_table restart_table = {"container.deploy.restart_policy",
                                                 "The swarm form of `restart`.", restart_fields};

static const struct field update_config_fields[] = {
    {"order", FT_ENUM, IMPACT_NONE, FIELD_ALIAS, .doc = "`update.order`.", .example = "start-first",
     .choices = orders},
    {"parallelism", FT_INT, IMPACT_NONE, FIELD_ALIAS, .doc = "`update.parallelism`.", .example = "2",
     .min = 0, .max = LIMIT_REPLICAS},
    {"delay", FT_DURATION, IMPACT_NONE, FIELD_ALIAS, .doc = "`update.delay`.", .example = "10s"},
    {"monitor", FT_DURATION, IMPACT_NONE, FIELD_ALIAS, .doc = "`update.monitor`.", .example = "30s"},
    {"failure_action", FT_ENUM, IMPACT_NONE, FIELD_ALIAS, .doc = "`update.failure_action`.",
     .example = "rollback", .choices = failure_actions},
    {"max_failure_ratio", FT_FLOAT, IMPACT_NONE, FIELD_ALIAS, .doc = "`update.max_failure_ratio`.",
     .example = "0.25", .min = 0, .max = 1},
    {0},
};
static const struct field_table update_config_table = {"container.deploy.update_config",
                                                       "The swarm form of `update`.", update_config_fields};

static const struct field rollback_fields[] = {
    {"order", FT_ENUM, IMPACT_LIVE, 0,
     .doc = "Whether the new task starts first or the old one stops first. Swarm only.",
     .example = "start-first", .def = "stop-first", .def_val = DEF_STR("stop-first"), .choices = orders},
    {"parallelism", FT_INT, IMPACT_LIVE, 0, .doc = "How many tasks at a time; 0: all at once. Swarm only.",
     .example = "2", .def = "1", .def_val = DEF_INT(1), .min = 0, .max = INT32_MAX},
    {"delay", FT_DURATION, IMPACT_LIVE, 0, .doc = "The delay between them. Swarm only.", .example = "10s",
     .def = "0", .def_val = DEF_INT(0)},
    {"monitor", FT_DURATION, IMPACT_LIVE, 0,
     .doc = "How long each is monitored for failure afterwards. Swarm only.", .example = "30s", .def = "5s",
     .def_val = DEF_INT(5 * NS_PER_S)},
    {"max_failure_ratio", FT_FLOAT, IMPACT_LIVE, 0,
     .doc = "The fraction of tasks that may fail before it counts as failed. Swarm only.", .example = "0.25",
     .def = "0", .def_val = DEF_FLOAT(0), .min = 0, .max = 1},
    {"failure_action", FT_ENUM, IMPACT_LIVE, 0,
     .doc = "What Swarm does when the rollback fails too. Swarm only.", .example = "continue", .def = "pause",
     .def_val = DEF_STR("pause"), .choices = rollback_failures},
    {0},
};
static const struct field_table rollback_config_table = {
    "container.deploy.rollback_config", "How Swarm rolls back a failed update.", rollback_fields};

static const struct ynode *below(const struct ynode *n, const char *key)
{
    const struct ynode *child = n && n->type == YN_MAP ? ynode_get(n, key) : NULL;
    return child ? child : n;
}

/* Removes the blanks that are allowed around the operator (moby/swarmkit, constraint.Parse); NULL: there is
   no operator. */
const char *constraint_canonical(struct arena *a, const char *text)
{
    const char *op = strstr(text, "==");
    op = op ? op : strstr(text, "!=");
    if (!op)
        return NULL;
    const char *key = text + strspn(text, " \t"), *value = op + 2 + strspn(op + 2, " \t");
    size_t key_len = op > key ? (size_t)(op - key) : 0, value_len = strlen(value);
    while (key_len && strchr(" \t", key[key_len - 1]))
        key_len--;
    while (value_len && strchr(" \t", value[value_len - 1]))
        value_len--;
    return arena_printf(a, "%.*s%.2s%.*s", (int)key_len, key, op, (int)value_len, value);
}

/* What a swarm knows of a node. Anything else is no error to it: no node meets such a condition, and nothing
   is spread over it (moby/swarmkit, constraint.NodeMatches and nodeset.tree). */
static const char *const node_facts[] = {"node.id", "node.hostname",    "node.role",
                                         "node.ip", "node.platform.os", "node.platform.arch"};

#define LABELS "labels are node.labels.NAME and engine.labels.NAME"

static bool is_node_label(const char *key)
{
    static const char *const prefixes[] = {"node.labels.", "engine.labels."};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (strncasecmp(key, prefixes[i], strlen(prefixes[i])) == 0)
            return key[strlen(prefixes[i])];
    return false;
}

static void check_condition(struct decode *d, const struct ynode *n, const char *canonical)
{
    const char *key = arena_strndup(d->arena, canonical, strcspn(canonical, "=!"));
    bool known = is_node_label(key);
    for (size_t i = 0; i < ARRAY_LEN(node_facts); i++)
        known |= strcasecmp(key, node_facts[i]) == 0;
    const char *near = str_nearest(key, node_facts, ARRAY_LEN(node_facts));
    if (!known)
        decode_warning(d, n, near ? arena_printf(d->arena, "did you mean %s?", near) : LABELS,
                       "no node of a swarm has %s, so none meets \"%s\"", key, canonical);
}

static void preference_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    const char *label = val_get_str(rec, "spread");
    if (label && !is_node_label(label))
        decode_warning(d, below(n, "spread"), LABELS,
                       "spread: a swarm spreads over labels of its nodes, and ignores \"%s\"", label);
}

static struct val *constraint_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    const char *canonical = constraint_canonical(d->arena, n->text);
    if (canonical) {
        check_condition(d, n, canonical);
        return val_str(d->arena, canonical);
    }
    return decode_error_hint(d, n, "write node.role==manager, node.labels.disk!=ssd, ...",
                             "\"%s\" is not a comparison", n->text);
}

static const struct field constraint = {"",
                                        FT_STRING,
                                        IMPACT_REPLACE,
                                        0,
                                        .doc = "`node.role==manager`, `node.labels.disk!=ssd`, ...",
                                        .short_form = constraint_short};
static const struct field preference_fields[] = {
    {"spread", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED,
     .doc = "The label whose values tasks are spread over.", .example = "node.labels.zone"},
    {0},
};
static const struct field_table preference_table = {"container.deploy.placement.preferences",
                                                    "What tasks are spread over.", preference_fields,
                                                    .normalize = preference_normalize};
static const struct field preference = {
    "", FT_RECORD, IMPACT_REPLACE, 0, .doc = "A label to spread over.", .sub = &preference_table};

static const struct field placement_fields[] = {
    {"constraints", FT_LIST, IMPACT_REPLACE, FIELD_SET | FIELD_SCALAR_OK,
     .doc = "Conditions that a node must meet; all of them apply.",
     .example = "[\"node.role==worker\", \"node.labels.disk==ssd\"]", .elem = &constraint},
    {"preferences", FT_LIST, IMPACT_REPLACE, 0,
     .doc = "What its tasks are spread over, in order of importance.",
     .example = "[{spread: node.labels.zone}]", .elem = &preference},
    {"max_replicas_per_node", FT_INT, IMPACT_REPLACE, 0,
     .doc = "The maximum number on one node; 0: no limit.", .example = "1", .def = "0", .def_val = DEF_INT(0),
     .min = 0, .max = INT32_MAX},
    {0},
};
static const struct field_table placement_table = {"container.deploy.placement", "Which nodes may run it.",
                                                   placement_fields};

static const struct field deploy_fields[] = {
    {"mode", FT_ENUM, IMPACT_REPLACE, 0,
     .doc = "`replicated`: `replicas` tasks; `global`: one on each node; `replicated-job` and `global-job`: "
            "tasks that end. All but the first are Swarm only; changing it recreates the service.",
     .example = "global", .def = "replicated", .def_val = DEF_STR("replicated"), .choices = modes},
    {"replicas", FT_INT, IMPACT_LIVE, FIELD_ALIAS, .doc = "`replicas`.", .example = "2", .min = 0,
     .max = LIMIT_REPLICAS},
    {"resources", FT_RECORD, IMPACT_LIVE, 0,
     .doc = "The Compose form of `resources` and `gpus`, and Swarm reservations.",
     .example = "{limits: {memory: 50M}}", .sub = &resource_table},
    {"restart_policy", FT_RECORD, IMPACT_LIVE, 0,
     .doc = "The Compose form of `restart`, with the settings that only Swarm has.",
     .example = "{condition: on-failure, delay: 10s}", .sub = &restart_table},
    {"update_config", FT_RECORD, IMPACT_NONE, FIELD_ALIAS, .doc = "`update`.",
     .example = "{order: start-first}", .sub = &update_config_table},
    {"rollback_config", FT_RECORD, IMPACT_NONE, 0, .doc = "How Swarm rolls back a failed update. Swarm only.",
     .example = "{parallelism: 0}", .sub = &rollback_config_table},
    {"placement", FT_RECORD, IMPACT_REPLACE, 0, .doc = "Which nodes may run it. Swarm only.",
     .example = "{constraints: [\"node.role==worker\"]}", .sub = &placement_table},
    {"endpoint_mode", FT_ENUM, IMPACT_REPLACE, 0,
     .doc = "`vip`: one address for all tasks; `dnsrr`: the name resolves to the addresses of all tasks. "
            "Swarm only.",
     .example = "dnsrr", .def = "vip", .def_val = DEF_STR("vip"), .choices = endpoint_modes},
    {"labels", FT_MAP, IMPACT_LIVE, FIELD_LIST_FORM,
     .doc = "Labels of the service (those of its containers are in `labels`). Swarm only.",
     .example = "{com.example.team: shop}", .elem = &field_label},
    {0},
};
const struct field_table deploy_table = {"container.deploy", "The deploy section of Compose.", deploy_fields};

static void move_resources(struct decode *d, const struct ynode *n, struct val *spec,
                           const struct val *resources)
{
    static const struct {
        const char *group, *key, *field;
    } moves[] = {
        {"limits", "cpus", "cpus"},
        {"limits", "memory", "memory"},
        {"limits", "pids", "pids"},
        {"reservations", "memory", "memory_reservation"},
    };
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        struct val *v = val_get(val_get(resources, moves[i].group), moves[i].key);
        if (v)
            alias_move(d, below(below(n, moves[i].group), moves[i].key), resources_of(d, spec),
                       moves[i].field, v,
                       arena_printf(d->arena, "deploy.resources.%s.%s", moves[i].group, moves[i].key));
    }
    alias_move(d, below(below(n, "reservations"), "devices"), spec, "gpus",
               val_get(val_get(resources, "reservations"), "devices"),
               "deploy.resources.reservations.devices");
}

static void move_restart(struct decode *d, const struct ynode *n, struct val *spec, const struct val *policy)
{
    const char *condition = str_or(val_get_str(policy, "condition"), "any");
    int64_t attempts = val_get_int(policy, "max_attempts", 0);
    struct val *restart;
    /* A policy that only sets the delay does not contradict `restart`. */
    if (val_get(spec, "restart") && !val_get(policy, "condition") && !attempts)
        return;
    if (str_eq(condition, "none"))
        restart = val_str(d->arena, "no");
    else if (str_eq(condition, "any") && !attempts)
        restart = val_str(d->arena, "always");
    else /* engines count attempts for failures only */
        restart =
            attempts ? val_strf(d->arena, "on-failure:%d", (int)attempts) : val_str(d->arena, "on-failure");
    const struct val *there = val_get(spec, "restart");
    if (d->lenient && there && !val_equal(there, restart)) {
        decode_warning(d, n, "write one of them",
                       "restart differs from deploy.restart_policy, which takes precedence");
        val_map_del(spec, "restart");
    }
    alias_move(d, n, spec, "restart", placed_at(n, restart), "deploy.restart_policy");
}

static void move_update(struct decode *d, const struct ynode *n, struct val *spec, const struct val *config)
{
    struct val *update = val_get(spec, "update");
    if (!val_len(config))
        return;
    if (!update) {
        update = val_map(d->arena);
        val_map_set(d->arena, spec, "update", update);
    }
    for (const struct field *f = update_config_fields; val_is(update, VAL_MAP) && f->name; f++)
        alias_move(d, below(n, f->name), update, f->name, val_get(config, f->name),
                   arena_printf(d->arena, "deploy.update_config.%s", f->name));
}

/* Fields that have been moved to where they mean the same on every engine. */
static const char *const moved[] = {
    "replicas",
    "resources.limits",
    "resources.reservations.memory",
    "resources.reservations.devices",
    "restart_policy.condition",
    "restart_policy.max_attempts",
    "update_config",
};

static void take_out(struct arena *a, struct val *map, const char *path)
{
    const char *dot = strchr(path, '.');
    if (!dot) {
        val_map_del(map, path);
        return;
    }
    struct val *child = val_get(map, arena_strndup(a, path, (size_t)(dot - path)));
    if (val_is(child, VAL_MAP))
        take_out(a, child, dot + 1);
}

static void drop_empty(struct val *map)
{
    for (size_t i = map->len; i > 0; i--) {
        struct val *v = map->pairs[i - 1].val;
        if (val_is(v, VAL_MAP))
            drop_empty(v);
        if (val_is(v, VAL_MAP) && !v->len)
            val_map_del(map, map->pairs[i - 1].key);
    }
}

static void check_mode(struct decode *d, const struct ynode *node, const struct val *spec, struct val *deploy)
{
    const char *mode = val_get_str(deploy, "mode");
    if (mode && str_starts(mode, "global") && val_is(val_get(spec, "replicas"), VAL_INT))
        decode_error_hint(d, below(node, "mode"), "remove one of them",
                          "replicas cannot be combined with deploy.mode %s", mode);
    /* The default mode is what every target can do, so it is dropped; in a patch it has to override the mode
       below. */
    if (str_eq(mode, "replicated") && !d->patch)
        val_map_del(deploy, "mode");
}

void deploy_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    struct val *deploy = val_get(spec, "deploy");
    const struct ynode *node = below(n, "deploy");
    if (!val_is(deploy, VAL_MAP))
        return;
    check_labels(d, node, val_get(deploy, "labels"), "deploy.labels");
    alias_move(d, below(node, "replicas"), spec, "replicas", val_get(deploy, "replicas"), "deploy.replicas");
    move_resources(d, below(node, "resources"), spec, val_get(deploy, "resources"));
    if (val_is(val_get(deploy, "restart_policy"), VAL_MAP))
        move_restart(d, below(node, "restart_policy"), spec, val_get(deploy, "restart_policy"));
    move_update(d, below(node, "update_config"), spec, val_get(deploy, "update_config"));
    check_mode(d, node, spec, deploy);
    for (size_t i = 0; i < ARRAY_LEN(moved); i++)
        take_out(d->arena, deploy, moved[i]);
    drop_empty(deploy);
    if (!deploy->len)
        val_map_del(spec, "deploy");
}
