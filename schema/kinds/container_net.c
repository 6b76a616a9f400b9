/* Container: networks, names and addresses. Fields in tbl/container_net.h; ports have a file of their own. */
#include "schema/kinds/container_internal.h"

#include <ctype.h>
#include <sys/socket.h>

#include "base/str.h"

/* Another container's namespace: "service:NAME" (Compose) and "container/NAME" mean a resource of the set,
   "container:ID" a container of the engine. NULL: none of them. */
static const char *joined_canonical(struct arena *a, const char *text)
{
    const char *name = str_after(text, "service:");
    if (!name)
        name = str_after(text, "container/");
    if (!str_empty(name))
        return arena_printf(a, "container/%s", name);
    const char *id = str_after(text, "container:");
    return str_empty(id) ? NULL : arena_strdup(a, text);
}

static const char *network_mode_canonical(struct arena *a, const char *text)
{
    const char *joined = joined_canonical(a, text);
    if (joined || strpbrk(text, ":/ "))
        return joined;
    if (str_eq(text, "default"))
        return "bridge";
    return *text ? arena_strdup(a, text) : NULL;
}

struct val *network_mode_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, network_mode_canonical, "a network mode",
                          "write none, host, bridge, service:NAME or container:ID");
}

struct val *namespace_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    static const char *const modes[] = {"host", "private", "shareable", "none"};
    bool ipc = str_eq(f->name, "ipc");
    const char *joined = joined_canonical(d->arena, n->text);
    if (joined)
        return val_str(d->arena, joined);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (str_eq(n->text, modes[i]) && (ipc || i < 2)) /* for pid only host and private */
            return val_str(d->arena, n->text);
    return decode_error_hint(d, n,
                             ipc ? "write private, shareable, host, none, service:NAME or container:ID"
                                 : "write host, service:NAME or container:ID",
                             "\"%s\" is not a namespace", n->text);
}

/* Engines and the kernel accept more than the DNS does (moby, daemon/container.go); "_" and "-" anywhere are
   in common use. */
static const char *hostname_canonical(struct arena *a, const char *text)
{
    size_t label = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        bool dot = text[i] == '.';
        if (dot ? label == 0 : !isalnum((unsigned char)text[i]) && !strchr("-_", text[i]))
            return NULL;
        label = dot ? 0 : label + 1;
        if (label > 63)
            return NULL;
    }
    return len && len <= 253 && label ? arena_strdup(a, text) : NULL;
}

struct val *hostname_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, hostname_canonical, "a host name",
                          "use letters, digits, - and _, in parts separated by dots");
}

/* A template that a swarm fills in for each task may stand for any part of a label. */
static const char *task_name_canonical(struct arena *a, const char *text)
{
    char *rest = arena_strdup(a, text);
    for (char *begin; (begin = strstr(rest, "{{"));) {
        char *end = strstr(begin, "}}");
        if (!end)
            return NULL;
        *begin = 'x';
        memmove(begin + 1, end + 2, strlen(end + 2) + 1);
    }
    return hostname_canonical(a, rest) ? arena_strdup(a, text) : NULL;
}

struct val *task_name_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, task_name_canonical, "a host name",
                          "use letters, digits, - and _, in parts separated by dots");
}

static const char *mac_canonical(struct arena *a, const char *text)
{
    char *mac = arena_strdup(a, text);
    if (strlen(mac) != 17)
        return NULL;
    for (size_t i = 0; i < 17; i++) {
        if (i % 3 == 2) {
            if (mac[i] != ':' && mac[i] != '-')
                return NULL;
            mac[i] = ':';
        } else if (!isxdigit((unsigned char)mac[i])) {
            return NULL;
        }
        mac[i] = (char)tolower((unsigned char)mac[i]);
    }
    return mac;
}

struct val *mac_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, mac_canonical, "a MAC address",
                          "write six pairs of hexadecimal digits: \"02:42:ac:11:00:02\"");
}

static struct val *address_of(struct decode *d, const struct ynode *n, int family, const char *what)
{
    int got;
    const char *address = address_canonical(d->arena, n->text, &got);
    if (!address || got != family)
        return decode_error(d, n, "\"%s\" is not an %s address", n->text, what);
    return val_str(d->arena, address);
}

static struct val *ipv4_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return address_of(d, n, AF_INET, "IPv4");
}

static struct val *ipv6_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return address_of(d, n, AF_INET6, "IPv6");
}

static const struct field attachment_fields[] = {
    {"aliases", FT_LIST, IMPACT_LIVE, FIELD_SET, .doc = "Additional names for the container on this network.",
     .example = "[api, backend]", .elem = &field_word},
    {"ipv4_address", FT_STRING, IMPACT_LIVE, 0,
     .doc = "A fixed address; the Network needs a subnet that contains it.", .example = "10.7.0.10",
     .short_form = ipv4_short},
    {"ipv6_address", FT_STRING, IMPACT_LIVE, 0,
     .doc = "A fixed address; the Network needs a subnet that contains it.", .example = "\"fd00:7::10\"",
     .short_form = ipv6_short},
    {"link_local_ips", FT_LIST, IMPACT_LIVE, FIELD_SET, .doc = "Additional link-local addresses.",
     .example = "[169.254.10.7]", .elem = &field_address},
    {"mac_address", FT_STRING, IMPACT_LIVE, 0, .doc = "The MAC address on this network.",
     .example = "\"02:42:ac:11:00:02\"", .short_form = mac_short},
    {"driver_opts", FT_MAP, IMPACT_LIVE, FIELD_LIST_FORM, .doc = "Options for the network driver.",
     .example = "{com.example.mtu: \"1400\"}", .elem = &field_text},
    {0},
};
static const struct field_refusal attachment_refused[] = {
    {"priority", "remove it: networks are attached in the order of their names"},
    {"gw_priority", "remove it: the default gateway is that of the first network, by name, that has one"},
    {"interface_name",
     "remove it: the engine names the interfaces eth0, eth1, ... in the order of attachment"},
    {0},
};
const struct field_table attachment_table = {"container.networks", "The attachment to one network.",
                                             attachment_fields, .refused = attachment_refused};

struct val *network_item_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    if (n->type == YN_SCALAR && ynode_is_null(n))
        return val_map(d->arena);
    return decode_error_hint(d, n, "write {aliases: [...]}, or {} for the defaults",
                             "the settings of an attachment must be a mapping, not a %s", ynode_type_name(n));
}

static struct val *attached(struct decode *d, const struct ynode *n)
{
    (void)n;
    return val_map(d->arena);
}

struct val *networks_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_names(d, n, "an item of networks must be the name of a Network",
                      "write [front, back], or {front: {aliases: [web]}}", attached);
}

static const char *host_address_canonical(struct arena *a, const char *text)
{
    return str_eq(text, "host-gateway") ? text : address_canonical(a, text, NULL);
}

static struct val *host_address_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, host_address_canonical, "an IP address",
                          "write an address, or host-gateway for the host");
}

const struct field host_address = {"",
                                   FT_STRING,
                                   IMPACT_REPLACE,
                                   0,
                                   .doc = "An IP address, or host-gateway.",
                                   .short_form = host_address_short};

/* A name that is listed twice has both addresses. */
static void add_addresses(void *arg, const struct val_pair *gone, const struct val_pair *kept)
{
    struct decode *d = arg;
    for (size_t i = 0; i < gone->val->len; i++)
        val_list_add(d->arena, kept->val, gone->val->items[i]);
}

struct val *extra_hosts_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    struct val *map = val_map(d->arena);
    size_t count = n->type == YN_SEQ ? n->len : 1;
    for (size_t i = 0; i < count; i++) {
        const struct ynode *item = n->type == YN_SEQ ? n->items[i] : n;
        const char *text = item->type == YN_SCALAR ? item->text : "";
        /* "NAME=ADDRESS" or "NAME:ADDRESS"; an IPv6 address contains colons, so the first one separates. */
        size_t name = strcspn(text, strchr(text, '=') ? "=" : ":");
        const char *address = text[name] ? host_address_canonical(d->arena, text + name + 1) : NULL;
        if (!address || name == 0) {
            decode_error_hint(d, item, "write \"db.local=10.0.0.7\"", "\"%s\" must be a name and an address",
                              text);
            continue;
        }
        struct val *list = placed_at(item, val_list(d->arena));
        val_list_add(d->arena, list, val_str(d->arena, address));
        val_map_append(d->arena, map, arena_strndup(d->arena, text, name), list);
    }
    val_map_sort(map, add_addresses, d);
    for (size_t i = 0; i < map->len; i++)
        val_list_sort(map->pairs[i].val);
    return map;
}

void net_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    expose_normalize(d, n, spec);
}
