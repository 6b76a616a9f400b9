/* Networks and volumes. */
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/wire.h"

static void created_read(json_t *o, const char *key, struct object *ret)
{
    struct err ignored = {0};
    const char *s = json_text(o, key);
    if (s && parse_time(s, &ret->created_ns, &ignored) < 0)
        ret->created_ns = 0;
}

/* Our own labels are left out of the spec; the marks go into the object. */
static void common_read(struct arena *a, json_t *o, const char *name, struct object *ret, struct val *spec)
{
    json_t *labels = json_object_get(o, "Labels");
    struct val *own = labels_read(a, labels);
    marks_read(a, labels, name, ret);
    ret->candidate = false;
    ret->state = OBJECT_PRESENT;
    ret->spec = spec;
    ret->defaults = val_map(a);
    if (own)
        val_map_set(a, spec, "labels", own);
}

/* What was asked for, where it is kept on the object (MARK_ASKED): a network or volume never changes later. */
static void asked_read(struct arena *a, json_t *o, struct object *ret)
{
    const struct val *fields = val_get(label_tree(a, json_object_get(o, "Labels"), MARK_ASKED), "fields");
    if (!fields)
        return;
    struct val *spec = val_clone(a, fields);
    const struct val *labels = val_get(ret->spec, "labels");
    if (labels)
        val_map_set(a, spec, "labels", val_clone(a, labels));
    ret->spec = spec;
}

static json_t *labels_merge(const struct val *labels, const struct val *spec)
{
    json_t *o = val_len(labels) ? json_of(labels) : json_object();
    const struct val *own = val_get(spec, "labels");
    for (size_t i = 0; i < val_len(own); i++)
        json_object_set_new(o, own->pairs[i].key, json_of(own->pairs[i].val));
    return o;
}

static const struct {
    const char *field, *json;
} network_flags[] = {{"internal", "Internal"}, {"attachable", "Attachable"}, {"enable_ipv6", "EnableIPv6"}};

/* The engine gives a network a subnet when none is asked for, and records it in the same place, so what it
   gave is in `defaults` too. */
static struct val *subnets_read(struct arena *a, json_t *list)
{
    struct val *map = json_array_size(list) ? val_map(a) : NULL;
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        struct val *subnet = val_map(a);
        struct val *aux = read_map(a, json_object_get(item, "AuxiliaryAddresses"));
        val_set_str(a, subnet, "gateway", json_text(item, "Gateway"));
        val_set_str(a, subnet, "ip_range", json_text(item, "IPRange"));
        if (aux)
            val_map_set(a, subnet, "aux_addresses", aux);
        val_map_set(a, map, str_or(json_text(item, "Subnet"), ""), subnet);
    }
    return map;
}

static struct val *ipam_read(struct arena *a, json_t *ipam)
{
    struct val *v = val_map(a);
    struct val *options = read_map(a, json_object_get(ipam, "Options"));
    struct val *subnets = subnets_read(a, json_object_get(ipam, "Config"));
    const char *driver = json_text(ipam, "Driver");
    if (!str_eq(driver, "default"))
        val_set_str(a, v, "driver", driver);
    if (options)
        val_map_set(a, v, "options", options);
    if (subnets)
        val_map_set(a, v, "config", subnets);
    return v;
}

int network_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err)
{
    const char *id = json_text(inspect, "Id"), *name = json_text(inspect, "Name");
    struct val *spec = val_map(a), *v;
    if (!id || !name)
        return err_set(err, ERR_CORRUPT, "the engine's description of a network has no id or name");
    *ret = (struct object){.kind = &kind_network, .native_id = arena_strdup(a, id)};
    common_read(a, inspect, name, ret, spec);
    created_read(inspect, "Created", ret);
    val_set_str(a, spec, "driver", json_text(inspect, "Driver"));
    if ((v = read_map(a, json_object_get(inspect, "Options"))))
        val_map_set(a, spec, "driver_opts", v);
    for (size_t i = 0; i < ARRAY_LEN(network_flags); i++)
        if (json_is_true(json_object_get(inspect, network_flags[i].json)))
            val_set_bool(a, spec, network_flags[i].field, true);
    if (json_is_false(json_object_get(inspect, "EnableIPv4"))) /* API 1.48 */
        val_set_bool(a, spec, "enable_ipv4", false);
    if ((v = ipam_read(a, json_object_get(inspect, "IPAM")))->len) {
        val_map_set(a, spec, "ipam", v);
        struct val *defaults = val_map(a);
        val_map_set(a, defaults, "ipam", v);
        ret->defaults = defaults;
    }
    asked_read(a, inspect, ret);
    return 0;
}

static json_t *subnets_write(const struct val *subnets)
{
    static const struct {
        const char *field, *json;
    } fields[] = {{"gateway", "Gateway"}, {"ip_range", "IPRange"}, {"aux_addresses", "AuxiliaryAddresses"}};
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(subnets); i++) {
        json_t *o = json_pack("{s:s}", "Subnet", subnets->pairs[i].key);
        for (size_t j = 0; j < ARRAY_LEN(fields); j++)
            if (val_get(subnets->pairs[i].val, fields[j].field))
                json_object_set_new(o, fields[j].json,
                                    json_of(val_get(subnets->pairs[i].val, fields[j].field)));
        json_array_append_new(list, o);
    }
    return list;
}

json_t *network_write(const char *name, const struct val *spec, const struct val *labels)
{
    const struct val *ipam = val_get(spec, "ipam");
    /* CheckDuplicate: otherwise older engines accept a second network of the same name. */
    json_t *o = json_pack("{s:s, s:s, s:b, s:o}", "Name", name, "Driver",
                          str_or(val_get_str(spec, "driver"), "bridge"), "CheckDuplicate", 1, "Labels",
                          labels_merge(labels, spec));
    for (size_t i = 0; i < ARRAY_LEN(network_flags); i++)
        if (val_get_bool(spec, network_flags[i].field, false))
            json_object_set_new(o, network_flags[i].json, json_true());
    if (!val_get_bool(spec, "enable_ipv4", true))
        json_object_set_new(o, "EnableIPv4", json_false());
    if (val_get(spec, "driver_opts"))
        json_object_set_new(o, "Options", json_of(val_get(spec, "driver_opts")));
    if (val_len(ipam)) {
        json_t *i = json_pack("{s:s, s:o}", "Driver", str_or(val_get_str(ipam, "driver"), "default"),
                              "Config", subnets_write(val_get(ipam, "config")));
        if (val_get(ipam, "options"))
            json_object_set_new(i, "Options", json_of(val_get(ipam, "options")));
        json_object_set_new(o, "IPAM", i);
    }
    return o;
}

/* Volumes have no id: the creation time distinguishes two of the same name. */
static const char *volume_id(struct arena *a, const char *name, const char *created)
{
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    const char *text = arena_printf(a, "%s %s", name, str_or(created, ""));
    digest_of(text, strlen(text), &d);
    digest_hex(&d, hex);
    return arena_strdup(a, hex);
}

int volume_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err)
{
    const char *name = json_text(inspect, "Name");
    struct val *spec = val_map(a), *options;
    if (!name)
        return err_set(err, ERR_CORRUPT, "the engine's description of a volume has no name");
    *ret = (struct object){.kind = &kind_volume,
                           .native_id = volume_id(a, name, json_text(inspect, "CreatedAt"))};
    common_read(a, inspect, name, ret, spec);
    created_read(inspect, "CreatedAt", ret);
    val_set_str(a, spec, "driver", json_text(inspect, "Driver"));
    if ((options = read_map(a, json_object_get(inspect, "Options"))))
        val_map_set(a, spec, "driver_opts", options);
    asked_read(a, inspect, ret);
    return 0;
}

json_t *volume_write(const char *name, const struct val *spec, const struct val *labels)
{
    json_t *o = json_pack("{s:s, s:s, s:o}", "Name", name, "Driver",
                          str_or(val_get_str(spec, "driver"), "local"), "Labels", labels_merge(labels, spec));
    if (val_get(spec, "driver_opts"))
        json_object_set_new(o, "DriverOpts", json_of(val_get(spec, "driver_opts")));
    return o;
}
