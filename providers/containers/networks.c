/* Networks of a container: a mode (none, host, another container's), or attachments to networks. */
#include "base/str.h"
#include "providers/containers/wire.h"

#include <ctype.h>

#define SHORT_ID 12
#define ENDPOINTS_AT_CREATE \
    API(1u, 44u) /* several networks, and hardware addresses of endpoints, in the create body */

/* Modes that are not user-defined networks. Docker reports "default" for its own bridge when nothing was
   asked for. */
static const char *mode_read(const char *mode)
{
    if (str_empty(mode) || str_eq(mode, "default") || str_eq(mode, "bridge"))
        return "bridge";
    if (str_eq(mode, "none") || str_eq(mode, "host") || str_after(mode, "container:"))
        return mode;
    return NULL;
}

static const char *lower(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s);
    for (char *p = copy; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

static bool list_has(const struct val *list, const char *s)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (str_eq(list->items[i]->s, s))
            return true;
    return false;
}

/* What is needed to read an endpoint. */
struct endpoint_of {
    const char *id, *hostname; /* the engine adds both as aliases when the container starts */
    const struct val *asked;
};

static struct val *aliases_read(struct arena *a, json_t *list, const char *network,
                                const struct endpoint_of *of)
{
    struct val *v = val_list(a);
    json_t *item;
    size_t i;
    bool keep_hostname = list_has(val_get(of->asked, "hostname_aliases"), network);
    json_array_foreach(list, i, item)
    {
        const char *s = str_or(json_string_value(item), "");
        bool made_up =
            (strlen(s) == SHORT_ID && str_starts(of->id, s)) || (!keep_hostname && str_eq(s, of->hostname));
        if (!made_up)
            val_list_add(a, v, val_str(a, s));
    }
    val_list_sort(v);
    return v->len ? v : NULL;
}

static struct val *attachment_read(struct arena *a, json_t *endpoint, const char *network,
                                   const struct endpoint_of *of)
{
    const char *asked_mac = val_get_str(val_get(of->asked, "networks"), network);
    json_t *ipam = json_object_get(endpoint, "IPAMConfig");
    struct val *v = val_map(a);
    struct val *aliases = aliases_read(a, json_object_get(endpoint, "Aliases"), network, of);
    struct val *links = read_set(a, json_object_get(ipam, "LinkLocalIPs"));
    struct val *options = read_map(a, json_object_get(endpoint, "DriverOpts"));
    if (aliases)
        val_map_set(a, v, "aliases", aliases);
    val_set_str(a, v, "ipv4_address", json_text(ipam, "IPv4Address"));
    val_set_str(a, v, "ipv6_address", json_text(ipam, "IPv6Address"));
    if (links)
        val_map_set(a, v, "link_local_ips", links);
    if (asked_mac) {
        const char *mac = json_text(endpoint, "MacAddress"); /* empty while it does not run */
        val_set_str(a, v, "mac_address", mac ? lower(a, mac) : asked_mac);
    }
    if (options)
        val_map_set(a, v, "driver_opts", options);
    return v;
}

static void mac_read(struct arena *a, json_t *inspect, const char *mode, const struct val *asked,
                     struct val *spec)
{
    const char *mac = json_text(json_object_get(inspect, "Config"), "MacAddress");
    const char *wanted = val_get_str(asked, "mac_address");
    if (!mac && wanted) {
        json_t *networks = json_object_get(json_object_get(inspect, "NetworkSettings"), "Networks");
        mac = str_or(json_text(json_object_get(networks, mode), "MacAddress"), wanted);
    }
    if (mac && (wanted || !val_get(asked, "networks")))
        val_set_str(a, spec, "mac_address", lower(a, mac));
}

void networks_read(struct arena *a, json_t *inspect, const struct val *asked, struct val *spec)
{
    const struct endpoint_of of = {
        .id = str_or(json_text(inspect, "Id"), ""),
        .hostname = json_text(json_object_get(inspect, "Config"), "Hostname"),
        .asked = asked,
    };
    const char *raw = str_or(json_text(json_object_get(inspect, "HostConfig"), "NetworkMode"), "");
    const char *mode = mode_read(raw);
    json_t *networks = json_object_get(json_object_get(inspect, "NetworkSettings"), "Networks");
    struct val *attached = val_map(a);
    const char *name;
    json_t *endpoint;
    if (!mode && str_eq(val_get_str(asked, "network_mode"), raw))
        mode = raw;
    json_object_foreach(networks, name, endpoint)
    {
        if (mode && (str_eq(name, mode) || (str_after(mode, "container:"))))
            continue;
        val_map_set(a, attached, name, attachment_read(a, endpoint, name, &of));
    }
    val_set_str(a, spec, "network_mode", mode);
    if (attached->len || !mode)
        val_map_set(a, spec, "networks", attached);
    mac_read(a, inspect, raw, asked, spec);
}

json_t *container_endpoint(const struct val *attachment, unsigned api)
{
    static const struct {
        const char *field, *json;
    } ipam_fields[] = {
        {"ipv4_address", "IPv4Address"}, {"ipv6_address", "IPv6Address"}, {"link_local_ips", "LinkLocalIPs"}};
    json_t *o = json_object(), *ipam = json_object();
    for (size_t i = 0; i < ARRAY_LEN(ipam_fields); i++)
        if (val_get(attachment, ipam_fields[i].field))
            json_object_set_new(ipam, ipam_fields[i].json,
                                json_of(val_get(attachment, ipam_fields[i].field)));
    if (json_object_size(ipam) > 0)
        json_object_set(o, "IPAMConfig", ipam);
    json_decref(ipam);
    if (val_get(attachment, "aliases"))
        json_object_set_new(o, "Aliases", json_of(val_get(attachment, "aliases")));
    if (val_get(attachment, "driver_opts"))
        json_object_set_new(o, "DriverOpts", json_of(val_get(attachment, "driver_opts")));
    if (api >= ENDPOINTS_AT_CREATE && val_get(attachment, "mac_address"))
        json_object_set_new(o, "MacAddress", json_of(val_get(attachment, "mac_address")));
    return o;
}

const struct val_pair *container_network(const struct val *spec, size_t i)
{
    const struct val *networks = val_get(spec, "networks");
    return i < val_len(networks) ? &networks->pairs[i] : NULL;
}

/* MAC addresses: set on the container in older APIs (for its first network), on endpoints in newer ones. */
static void mac_write(struct arena *a, const struct val *spec, unsigned api, json_t *body, json_t *first,
                      struct val *asked)
{
    const char *mac = val_get_str(spec, "mac_address");
    const struct val *networks = val_get(spec, "networks");
    struct val *macs = val_map(a);
    val_set_str(a, asked, "mac_address", mac);
    for (size_t i = 0; i < val_len(networks); i++) {
        const char *own = val_get_str(networks->pairs[i].val, "mac_address");
        val_set_str(a, macs, networks->pairs[i].key, own);
        if (i == 0 && !mac)
            mac = own;
    }
    if (macs->len)
        val_map_set(a, asked, "networks", macs);
    if (!mac)
        return;
    if (api >= ENDPOINTS_AT_CREATE && first)
        json_object_set_new(first, "MacAddress", json_string(mac));
    else
        json_object_set_new(body, "MacAddress", json_string(mac));
}

static void hostname_write(struct arena *a, const struct val *spec, struct val *asked)
{
    const char *hostname = val_get_str(spec, "hostname");
    const struct val *networks = val_get(spec, "networks");
    struct val *list = val_list(a);
    for (size_t i = 0; hostname && i < val_len(networks); i++)
        if (list_has(val_get(networks->pairs[i].val, "aliases"), hostname))
            val_list_add(a, list, val_str(a, networks->pairs[i].key));
    if (list->len)
        val_map_set(a, asked, "hostname_aliases", list);
}

void networks_write(struct arena *a, const struct val *spec, unsigned api, json_t *body, json_t *host,
                    struct val *asked)
{
    const char *mode = val_get_str(spec, "network_mode");
    json_t *endpoints = json_object(), *first = NULL;
    const struct val_pair *net;
    if (mode && !mode_read(mode))
        val_set_str(a, asked, "network_mode", mode);
    for (size_t i = 0; !mode && (net = container_network(spec, i)); i++) {
        if (i > 0 && api < ENDPOINTS_AT_CREATE)
            break;
        json_t *endpoint = container_endpoint(net->val, api);
        json_object_set_new(endpoints, net->key, endpoint);
        if (i == 0)
            first = endpoint;
    }
    net = mode ? NULL : container_network(spec, 0);
    json_object_set_new(host, "NetworkMode", json_string(mode ? mode : net ? net->key : "none"));
    mac_write(a, spec, api, body, first, asked);
    hostname_write(a, spec, asked);
    if (json_object_size(endpoints) > 0)
        json_object_set_new(body, "NetworkingConfig", json_pack("{s:o}", "EndpointsConfig", endpoints));
    else
        json_decref(endpoints);
}
