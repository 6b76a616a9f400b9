/* The Network kind. */
#include <stdint.h>

#include "base/str.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"
#include "schema/kinds/placement.h"

static struct val *subnet_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, subnet_canonical, "a subnet",
                          "write an address and a prefix length: 10.7.0.0/24, fd00:7::/64");
}

static const struct field subnet_fields[] = {
    {"subnet", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The addresses of the network.",
     .example = "10.7.0.0/24", .short_form = subnet_short},
    {"gateway", FT_STRING, IMPACT_REPLACE, 0, .doc = "The gateway's address. Default: the first one.",
     .example = "10.7.0.1", .short_form = read_address},
    {"ip_range", FT_STRING, IMPACT_REPLACE, 0,
     .doc = "The range from which containers get addresses that are not fixed.", .example = "10.7.0.128/25",
     .short_form = subnet_short},
    {"aux_addresses", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Reserved addresses, by name.",
     .example = "{router: 10.7.0.2}", .elem = &field_address},
    {0},
};
static const struct field_table subnet_table = {"network.ipam.config", "A subnet of the network.",
                                                subnet_fields};

static void subnet_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                         struct val *into)
{
    (void)f;
    (void)n;
    const char *subnet = val_get_str(rec, "subnet");
    if (!subnet)
        return;
    val_map_del(rec, "subnet");
    val_map_set(d->arena, into, subnet, rec);
}

static struct val *subnet_item_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    if (n->type != YN_SCALAR)
        return decode_error_hint(d, n, "write {subnet: 10.7.0.0/24}", "a subnet must be a mapping, not a %s",
                                 ynode_type_name(n));
    struct val *subnet = subnet_short(d, f, n);
    if (!subnet)
        return NULL;
    struct val *rec = val_map(d->arena);
    val_map_set(d->arena, rec, "subnet", subnet);
    return rec;
}

static const struct field ipam_fields[] = {
    {"driver", FT_STRING, IMPACT_REPLACE, 0, .doc = "The driver that assigns addresses.",
     .example = "default", .def = "default", .def_val = DEF_STR("default")},
    {"config", FT_KEYED, IMPACT_REPLACE, 0, .doc = "The subnets. Default: the engine chooses one.",
     .example = "[{subnet: 10.7.0.0/24, gateway: 10.7.0.1}]", .sub = &subnet_table,
     .short_form = subnet_item_short, .keyed = subnet_keyed},
    {"options", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Options for the driver.",
     .example = "{com.example.x: \"1\"}", .elem = &field_text},
    {0},
};
static const struct field_table ipam_table = {"network.ipam", "How containers get their addresses.",
                                              ipam_fields};

static const struct field network_fields[] = {
    {"driver", FT_STRING, IMPACT_REPLACE, 0, .doc = "The engine's driver: `bridge`, `macvlan`, `ipvlan`, ...",
     .example = "bridge", .def = "bridge", .def_val = DEF_STR("bridge")},
    {"driver_opts", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Options for the driver.",
     .example = "{com.docker.network.driver.mtu: 1400}", .elem = &field_text},
    {"ipam", FT_RECORD, IMPACT_REPLACE, 0,
     .doc = "How containers get their addresses. Default: the engine chooses.",
     .example = "{config: [{subnet: 10.7.0.0/24}]}", .sub = &ipam_table},
    {"internal", FT_BOOL, IMPACT_REPLACE, 0,
     .doc = "Isolate the network: its containers can only reach each other.", .example = "true",
     .def = "false", .def_val = DEF_BOOL(false)},
    {"attachable", FT_BOOL, IMPACT_REPLACE, 0,
     .doc = "Standalone containers may attach to the swarm network.", .example = "true", .def = "false",
     .def_val = DEF_BOOL(false)},
    {"enable_ipv6", FT_BOOL, IMPACT_REPLACE, 0, .doc = "Enable IPv6.", .example = "true", .def = "false",
     .def_val = DEF_BOOL(false)},
    {"enable_ipv4", FT_BOOL, IMPACT_REPLACE, 0, .doc = "Enable IPv4.", .example = "true", .def = "true",
     .def_val = DEF_BOOL(true)},
    {"labels", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Labels of the network on the engine.",
     .example = "{com.example.team: shop}", .elem = &field_label},
    {"name", FT_STRING, IMPACT_REPLACE, 0, .doc = "The name on the engine, instead of `ENVIRONMENT-NAME`.",
     .example = "shop-front", .pattern = "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$",
     .pattern_doc = "letters, digits, _, . and -"},
    EXTERNAL_FIELD,
    PLACEMENT_FIELDS,
    {0},
};

const struct field_table network_table = {
    .name = "network",
    .doc = "A network on the engine. The containers attached to it find each other by name.",
    .fields = network_fields,
    .normalize = object_normalize,
};

static void network_check(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    check_external(r, set, diags);
}

const struct kind_desc kind_network = {
    .name = "Network",
    .prefix = "network",
    .doc = "A network on the engine.",
    .spec = &network_table,
    .rank = 10,
    .check = network_check,
};
