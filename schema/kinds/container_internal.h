#ifndef SCHEMA_KINDS_CONTAINER_INTERNAL_H
#define SCHEMA_KINDS_CONTAINER_INTERNAL_H
/*
 * What the parts of the Container kind share. The kind has one table (container.c); its parts are files by
 * theme: process, net, ports, storage, limits. Each has the fields (tbl/container_THEME.h), their readers,
 * and a normalize function that runs after a spec is decoded. Values may be VAL_NULL in a patch.
 */
#include "schema/kinds/common.h"
#include "schema/kinds/container.h"
#include "schema/resource.h"

void process_normalize(struct decode *d, const struct ynode *n, struct val *spec);
void net_normalize(struct decode *d, const struct ynode *n, struct val *spec);
void expose_normalize(struct decode *d, const struct ynode *n, struct val *spec);
void storage_normalize(struct decode *d, const struct ynode *n, struct val *spec);
void deploy_normalize(struct decode *d, const struct ynode *n, struct val *spec);
void limits_normalize(struct decode *d, const struct ynode *n, struct val *spec);

void container_check(const struct resource *r, const struct resource_set *set, struct diag_list *diags);
void container_depends(struct resource *r, struct arena *a);
const struct val *container_settle(struct arena *a, const struct val *spec);

/* Move `v`, written as `alias` at node n, to its canonical place map[key]; a different value there is an
   error. */
void alias_move(struct decode *d, const struct ynode *n, struct val *map, const char *key, struct val *v,
                const char *alias);
/* spec.resources, created when it is missing. NULL when a patch removes it. */
struct val *resources_of(struct decode *d, struct val *spec);

/* Readers, by theme. */
typedef struct val *short_form_fn(struct decode *d, const struct field *f, const struct ynode *n);
typedef void keyed_fn(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                      struct val *into);

short_form_fn image_short, pull_policy_short, platform_short, env_file_short, restart_short, signal_short;
short_form_fn native_name_short, profile_short, healthcheck_test_short, depends_short, depends_item_short;
short_form_fn port_short, networks_short, network_item_short, extra_hosts_short;
short_form_fn network_mode_short, namespace_short, hostname_short, task_name_short, mac_short;
short_form_fn volume_short, tmpfs_short, tmpfs_options_short, file_short, device_short, device_rule_short;
bool platform_same(const struct val *a, const struct val *b);
keyed_fn port_keyed, volume_keyed, config_keyed, secret_keyed, device_keyed;
short_form_fn capability_short, security_option_short;
short_form_fn ulimit_short, gpus_short, cpuset_short, memory_swap_short;

extern const struct field host_address;
extern const struct field_table healthcheck_table, logging_table, update_table, image_policy_table,
    depends_table, env_file_table;
extern const struct field_table port_table;
extern const struct field_table attachment_table;
extern const struct field_table mount_table, file_table, device_table;
extern const struct field_table resources_table, deploy_table, ulimit_table, gpu_table;
extern const struct field_refusal container_refused[];
#endif
