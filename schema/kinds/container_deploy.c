/* Container: Compose's deploy section, as far as one engine can honour it: read, then moved to the fields
 * that mean it. */
#include "schema/kinds/container_internal.h"

#include "base/limits.h"
#include "base/str.h"

static const char *const modes[] = {"replicated", "global", NULL};
static const char *const conditions[] = {"none", "on-failure", "any", NULL};
static const char *const orders[] = {"stop-first", "start-first", NULL};
static const char *const failure_actions[] = {"pause", "continue", "rollback", NULL};

static const struct field device_request = {
    "", FT_RECORD, IMPACT_REPLACE, 0, .doc = "A request for devices.", .sub = &gpu_table};

static const struct field limit_fields[] = {
    {"cpus", FT_CPUS, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.cpus`.", .example = "\"0.50\""},
    {"memory", FT_SIZE, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.memory`.", .example = "50M"},
    {"pids", FT_INT, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.pids`.", .example = "100", .min = -1,
     .max = INT64_MAX},
    {0},
};
static const struct field_table limits_table = {"container.deploy.resources.limits",
                                                "What it may use at most.", limit_fields};

static const struct field reservation_fields[] = {
    {"memory", FT_SIZE, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources.memory_reservation`.", .example = "20M"},
    {"devices", FT_LIST, IMPACT_REPLACE, FIELD_ALIAS, .doc = "`gpus`.",
     .example = "[{driver: nvidia, count: 1, capabilities: [gpu]}]", .elem = &device_request},
    {0},
};
static const struct field_refusal reservation_refused[] = {
    {"cpus", "an engine cannot set processors aside: remove it, or use resources.cpu_shares"},
    {"generic_resources", "only a swarm knows them, and swarms are not supported yet"},
    {0},
};
static const struct field_table reservations_table = {"container.deploy.resources.reservations",
                                                      "What it is sure to have.", reservation_fields,
                                                      .refused = reservation_refused};

static const struct field resource_fields[] = {
    {"limits", FT_RECORD, IMPACT_LIVE, FIELD_ALIAS, .doc = "What it may use at most.",
     .example = "{memory: 50M}", .sub = &limits_table},
    {"reservations", FT_RECORD, IMPACT_LIVE, FIELD_ALIAS, .doc = "What it is sure to have.",
     .example = "{memory: 20M}", .sub = &reservations_table},
    {0},
};
static const struct field_table resource_table = {"container.deploy.resources", "Limits and reservations.",
                                                  resource_fields};

static const struct field restart_fields[] = {
    {"condition", FT_ENUM, IMPACT_LIVE, FIELD_ALIAS, .doc = "`none` is `restart: no`, `any` is `always`.",
     .example = "on-failure", .def = "any", .choices = conditions},
    {"max_attempts", FT_INT, IMPACT_LIVE, FIELD_ALIAS, .doc = "The N of `restart: on-failure:N`.",
     .example = "3", .min = 0, .max = INT32_MAX},
    {0},
};
static const struct field_refusal restart_refused[] = {
    {"delay", "an engine waits longer after each restart by itself: remove it"},
    {"window", "an engine counts a restart as good after ten seconds: remove it"},
    {0},
};
static const struct field_table restart_table = {"container.deploy.restart_policy",
                                                 "`restart`, in the words of swarms.", restart_fields,
                                                 .refused = restart_refused};

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
static const struct field_table update_config_table = {
    "container.deploy.update_config", "`update`, in the words of swarms.", update_config_fields};

static const struct field deploy_fields[] = {
    {"mode", FT_ENUM, IMPACT_LIVE, FIELD_ALIAS, .doc = "Only `replicated`.", .example = "replicated",
     .choices = modes},
    {"replicas", FT_INT, IMPACT_LIVE, FIELD_ALIAS, .doc = "`replicas`.", .example = "2", .min = 0,
     .max = LIMIT_REPLICAS},
    {"resources", FT_RECORD, IMPACT_LIVE, FIELD_ALIAS, .doc = "`resources` and `gpus`.",
     .example = "{limits: {memory: 50M}}", .sub = &resource_table},
    {"restart_policy", FT_RECORD, IMPACT_LIVE, FIELD_ALIAS, .doc = "`restart`.",
     .example = "{condition: on-failure}", .sub = &restart_table},
    {"update_config", FT_RECORD, IMPACT_NONE, FIELD_ALIAS, .doc = "`update`.",
     .example = "{order: start-first}", .sub = &update_config_table},
    {0},
};
const struct field_table deploy_table = {"container.deploy", "Compose's deploy section.", deploy_fields,
                                         .refused = deploy_refused};

static const struct ynode *below(const struct ynode *n, const char *key)
{
    const struct ynode *child = n && n->type == YN_MAP ? ynode_get(n, key) : NULL;
    return child ? child : n;
}

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
    if (str_eq(condition, "none"))
        restart = val_str(d->arena, "no");
    else if (str_eq(condition, "any") && !attempts)
        restart = val_str(d->arena, "always");
    else /* an engine counts attempts only of failures */
        restart =
            attempts ? val_strf(d->arena, "on-failure:%d", (int)attempts) : val_str(d->arena, "on-failure");
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

void deploy_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    const struct val *deploy = val_get(spec, "deploy");
    const struct ynode *node = below(n, "deploy");
    val_map_del(spec, "deploy");
    if (!val_is(deploy, VAL_MAP))
        return;
    if (str_eq(val_get_str(deploy, "mode"), "global"))
        decode_error_hint(d, below(node, "mode"), "one engine has no other nodes: remove it, or set replicas",
                          "deploy.mode global needs a swarm, and swarms are not supported yet");
    alias_move(d, below(node, "replicas"), spec, "replicas", val_get(deploy, "replicas"), "deploy.replicas");
    move_resources(d, below(node, "resources"), spec, val_get(deploy, "resources"));
    if (val_is(val_get(deploy, "restart_policy"), VAL_MAP))
        move_restart(d, below(node, "restart_policy"), spec, val_get(deploy, "restart_policy"));
    move_update(d, below(node, "update_config"), spec, val_get(deploy, "update_config"));
}
