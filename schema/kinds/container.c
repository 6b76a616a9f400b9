/* The Container kind: its table, put together from tbl/, and what is done after a spec has been decoded. */
#include "schema/kinds/container_internal.h"

#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/placement.h"

#define HOSTNAME_PATTERN "^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$"
#define HOSTNAME_DOC     "a host name: letters, digits, - and _, in parts separated by dots"
/* A host name that may contain the templates of a swarm: "{{.Node.Hostname}}-{{.Task.Slot}}". */
#define TASK_NAME_PATTERN "^([A-Za-z0-9_-]|[{][{][^{}]+[}][}])+([.]([A-Za-z0-9_-]|[{][{][^{}]+[}][}])+)*$"
#define TASK_NAME_DOC     HOSTNAME_DOC "; on a swarm, also templates"

static const char *const pull_policies[] = {"missing", "always", "never", NULL};
static const char *const uts_modes[] = {"host", NULL};
static const char *const cgroup_modes[] = {"private", "host", NULL};

/* Elements of lists and maps, and records that have a short form. */
static const struct field env_file_item = {"",
                                           FT_RECORD,
                                           IMPACT_REPLACE,
                                           0,
                                           .doc = "A path, or a path with options.",
                                           .sub = &env_file_table,
                                           .short_form = env_file_short};
static const struct field depends_item = {"",
                                          FT_RECORD,
                                          IMPACT_NONE,
                                          FIELD_VIRTUAL,
                                          .doc = "A condition, or options.",
                                          .sub = &depends_table,
                                          .short_form = depends_item_short};
static const struct field profile_name = {
    "", FT_STRING, IMPACT_NONE, 0, .doc = "A profile's name.", .short_form = profile_short};
static const struct field capability_name = {
    "", FT_STRING, IMPACT_REPLACE, 0, .doc = "A capability.", .short_form = capability_short};
static const struct field security_option = {"", FT_STRING,           IMPACT_REPLACE,
                                             0,  .doc = "An option.", .short_form = security_option_short};
static const struct field device_rule = {"", FT_STRING,        IMPACT_REPLACE,
                                         0,  .doc = "A rule.", .short_form = device_rule_short};
static const struct field gpu_item = {
    "", FT_RECORD, IMPACT_REPLACE, 0, .doc = "A device request.", .sub = &gpu_table};
static const struct field ulimit_item = {"",
                                         FT_RECORD,
                                         IMPACT_REPLACE,
                                         0,
                                         .doc = "One number, or soft and hard limits.",
                                         .sub = &ulimit_table,
                                         .short_form = ulimit_short};
static const struct field exposed_port = {"", FT_STRING, IMPACT_REPLACE, 0,
                                          .doc = "A port or a range, with a protocol."};
static const struct field attachment = {"",
                                        FT_RECORD,
                                        IMPACT_LIVE,
                                        0,
                                        .doc = "The settings of the attachment to that network.",
                                        .sub = &attachment_table,
                                        .short_form = network_item_short};
static const struct field tmpfs_options = {"",
                                           FT_STRING,
                                           IMPACT_REPLACE,
                                           FIELD_EMPTY_OK,
                                           .doc = "Options of mount(8).",
                                           .short_form = tmpfs_options_short};
static const struct field host_addresses = {
    "", FT_LIST, IMPACT_REPLACE, FIELD_SET | FIELD_SCALAR_OK, .doc = "Addresses.", .elem = &host_address};

/* clang-format off */
static const struct field container_fields[] = {
#include "schema/kinds/tbl/container_process.h"
#include "schema/kinds/tbl/container_net.h"
#include "schema/kinds/tbl/container_storage.h"
#include "schema/kinds/tbl/container_limits.h"
#include "schema/kinds/tbl/container_isolation.h"
    PLACEMENT_FIELDS,
    {0},
};
/* clang-format on */

void alias_move(struct decode *d, const struct ynode *n, struct val *map, const char *key, struct val *v,
                const char *alias)
{
    if (!map || !v)
        return;
    const struct val *there = val_get(map, key);
    if (there && !val_equal(there, v))
        decode_error_hint(d, n, "set only one of them, or the same value in both",
                          "%s conflicts with %s: both set the same thing", alias, key);
    else
        val_map_set(d->arena, map, key, v);
}

static void container_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    process_normalize(d, n, spec);
    net_normalize(d, n, spec);
    storage_normalize(d, n, spec);
    limits_normalize(d, n, spec);
    placement_normalize(d, n, spec);
}

const struct field_table container_table = {
    .name = "container",
    .doc = "One or more containers from one image. The fields are those of a Compose service, in their short "
           "and long forms.",
    .fields = container_fields,
    .refused = container_refused,
    .normalize = container_normalize,
};

const char *const join_fields[] = {"network_mode", "pid", "ipc", NULL};

const struct kind_desc kind_container = {
    .name = "Container",
    .prefix = "container",
    .doc = "One or more containers from one image, with the fields of a Compose service.",
    .spec = &container_table,
    .flags = KIND_INSTANCES,
    .rank = 20,
    .check = container_check,
    .depends = container_depends,
    .settle = container_settle,
};
