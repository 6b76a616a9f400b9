/* Container: published and exposed ports. */
#include "schema/kinds/container_internal.h"

#include <ctype.h>

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"

#define PORT_MAX 65535

struct range {
    int first, last;
};

/* "80", "8000-8010". 0 is allowed where `zero` says so: the engine chooses. */
static bool parse_range(struct arena *a, const char *text, int zero, struct range *ret)
{
    int64_t first;
    int64_t last;
    struct err err = {0};
    const char *dash = strchr(text, '-');
    const char *low = dash ? arena_strndup(a, text, (size_t)(dash - text)) : text;
    if (parse_int(low, zero ? 0 : 1, PORT_MAX, &first, &err) < 0)
        return false;
    last = first;
    if (dash && parse_int(dash + 1, first, PORT_MAX, &last, &err) < 0)
        return false;
    *ret = (struct range){(int)first, (int)last};
    return true;
}

/* May a range expand to this many items? A few bytes of YAML must not turn into any amount of memory. */
static bool take_items(struct decode *d, const struct ynode *n, int count)
{
    size_t each = LIMIT_EXPANDED_ITEMS;
    size_t *budget = d->budget ? d->budget : &each;
    size_t more = count > 1 ? (size_t)count - 1 : 0;
    if (more > *budget) {
        decode_error(d, n, "the port ranges of the environment contain more than %u ports",
                     LIMIT_EXPANDED_ITEMS);
        return false;
    }
    *budget -= more;
    return true;
}

static const char *protocol_canonical(struct arena *a, const char *text)
{
    static const char *const protocols[] = {"tcp", "udp", "sctp"};
    (void)a;
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (strcasecmp(text, protocols[i]) == 0)
            return protocols[i];
    return NULL;
}

const char *port_key_range(struct arena *a, const char *host_ip, int first, int last, int target,
                           const char *protocol)
{
    bool v6 = host_ip && strchr(host_ip, ':');
    const char *end = last > first ? arena_printf(a, "-%d", last) : "";
    return arena_printf(a, "%s%s%s%s%d%s->%d/%s", v6 ? "[" : "", str_or(host_ip, ""), v6 ? "]" : "",
                        str_empty(host_ip) ? "" : ":", first, end, target, protocol);
}

const char *port_key(struct arena *a, const char *host_ip, int published, int target, const char *protocol)
{
    return port_key_range(a, host_ip, published, 0, target, protocol);
}

/* The short form as the fields of the long one; `target` may be the text of a range, which only the short
   form allows. */
struct val *port_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    static const char hint[] =
        "write \"8080:80\", \"127.0.0.1:8080:80/udp\", or {target: 80, published: 8080}";
    if (n->type != YN_SCALAR || n->len == 0 || ynode_is_null(n))
        return decode_error_hint(d, n, hint, "a port must be a string or a mapping");
    struct val *rec = val_map(d->arena);
    char *text = arena_strdup(d->arena, n->text);

    char *slash = strchr(text, '/');
    if (slash) {
        const char *protocol = protocol_canonical(d->arena, slash + 1);
        if (!protocol)
            return decode_error_hint(d, n, "write tcp, udp or sctp", "\"%s\": \"%s\" is not a protocol",
                                     n->text, slash + 1);
        val_set_str(d->arena, rec, "protocol", protocol);
        *slash = '\0';
    }

    /* From the right, because an IPv6 address may be written without brackets. */
    char *colon = strrchr(text, ':');
    const char *target = colon ? colon + 1 : text;
    if (colon) {
        *colon = '\0';
        char *before = strrchr(text, ':');
        const char *published = before ? before + 1 : text;
        if (before) {
            *before = '\0';
            const char *ip = *text ? address_canonical(d->arena, text, NULL) : NULL;
            if (!ip && *text) /* ":8080:80": no address means all of them */
                return decode_error_hint(d, n, hint, "\"%s\": \"%s\" is not an IP address", n->text, text);
            val_set_str(d->arena, rec, "host_ip", ip);
        }
        val_set_str(d->arena, rec, "published", published);
    }
    val_map_set(d->arena, rec, "target", val_str(d->arena, target));
    return rec;
}

static const char *published_canonical(struct arena *a, const char *text)
{
    struct range range;
    if (!*text || !parse_range(a, text, true, &range))
        return NULL;
    return arena_strdup(a, text);
}

static struct val *published_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, published_canonical, "a host port or a range of them",
                          "write 8080, or \"8000-8010\"");
}

static struct val *protocol_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, protocol_canonical, "a protocol", "write tcp, udp or sctp");
}

static void add_port(struct decode *d, const struct ynode *n, struct val *into, const struct val *rec,
                     struct range host, int target)
{
    const char *ip = val_get_str(rec, "host_ip");
    const char *protocol = str_or(val_get_str(rec, "protocol"), "tcp");
    struct val *port = placed_at(n, val_map(d->arena));
    val_set_int(d->arena, port, "target", target);
    val_set_int(d->arena, port, "published", host.first);
    if (host.last > host.first)
        val_set_int(d->arena, port, "published_end", host.last);
    val_set_str(d->arena, port, "host_ip", ip);
    val_set_str(d->arena, port, "protocol", protocol);
    if (str_eq(val_get_str(rec, "mode"), "host"))
        val_set_str(d->arena, port, "mode", "host");
    val_map_append(d->arena, into, port_key_range(d->arena, ip, host.first, host.last, target, protocol),
                   port);
}

void port_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                struct val *into)
{
    (void)f;
    struct range target = {0};
    struct range host = {0};
    const struct val *t = val_get(rec, "target");
    const char *published = val_get_str(rec, "published");
    if (val_is(t, VAL_INT)) {
        target = (struct range){(int)t->i, (int)t->i};
    } else if (!val_is(t, VAL_STR) || !parse_range(d->arena, t->s, false, &target)) {
        if (t)
            decode_error_hint(d, n, "ports are from 1 to 65535; a range is LOW-HIGH",
                              "\"%s\" is not a container port", val_is(t, VAL_STR) ? t->s : "");
        return;
    }
    if (!str_empty(published) && !parse_range(d->arena, published, true, &host)) {
        decode_error_hint(d, n, "ports are from 1 to 65535; a range is LOW-HIGH", "\"%s\" is not a host port",
                          published);
        return;
    }

    int targets = target.last - target.first + 1;
    int hosts = host.last - host.first + 1;
    if (!take_items(d, n, targets))
        return;
    if (targets == 1) {
        add_port(d, n, into, rec, host, target.first);
    } else if (host.first && hosts != targets) {
        decode_error_hint(
            d, n, "give both ranges the same length, or one container port with a range of host ports",
            "%d host ports for %d container ports", hosts, targets);
    } else {
        for (int i = 0; i < targets; i++) {
            int first = host.first ? host.first + i : 0;
            add_port(d, n, into, rec, (struct range){first, first}, target.first + i);
        }
    }
}

static const char *const modes[] = {"ingress", "host", NULL};

static const struct field port_fields[] = {
    {"target", FT_INT, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The container port.", .example = "80",
     .min = 1, .max = PORT_MAX},
    {"published", FT_STRING, IMPACT_REPLACE, 0,
     .doc = "The host port, or a range for the engine to choose from. Default, and 0: any free port.",
     .example = "8080", .short_form = published_short},
    {"host_ip", FT_STRING, IMPACT_REPLACE, 0, .doc = "The host address to listen on. Default: all.",
     .example = "127.0.0.1"},
    {"protocol", FT_STRING, IMPACT_REPLACE, 0, .doc = "`tcp`, `udp` or `sctp`.", .example = "udp",
     .def = "tcp", .def_val = DEF_STR("tcp"), .pattern = "^(tcp|udp|sctp|TCP|UDP|SCTP)$",
     .pattern_doc = "tcp, udp or sctp", .short_form = protocol_short},
    {"mode", FT_ENUM, IMPACT_REPLACE, FIELD_VIRTUAL | FIELD_SERVICES,
     .doc = "`host`: publish on the node that runs it; `ingress`: on every node of a swarm. On a single "
            "engine they are the same.",
     .example = "host", .def = "ingress", .def_val = DEF_STR("ingress"), .choices = modes},
    {"name", FT_STRING, IMPACT_NONE, FIELD_ALIAS, .doc = "Informational only.", .example = "web"},
    {"app_protocol", FT_STRING, IMPACT_NONE, FIELD_ALIAS, .doc = "Informational only.", .example = "http"},
    {"published_end", FT_INT, IMPACT_REPLACE, FIELD_HIDDEN,
     .doc = "The last port of the range to choose from."},
    {0},
};

/* Bring the address of the long form to its canonical spelling; the short form's already has it. */
static void port_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    const char *text = val_get_str(rec, "host_ip");
    if (!text)
        return;
    const char *ip = address_canonical(d->arena, text, NULL);
    if (ip)
        val_set_str(d->arena, rec, "host_ip", ip);
    else
        decode_error(d, node_at(n, "host_ip"), "host_ip: \"%s\" is not an IP address", text);
}

const struct field_table port_table = {"container.ports", "A port published on the host.", port_fields,
                                       .normalize = port_normalize};

/* One item of expose: "3000", "3000/udp", "8000-8005". */
static void expose_item(struct decode *d, const struct ynode *n, struct val *list)
{
    static const char hint[] = "write a container port: \"3000\", \"8000-8005\", \"53/udp\"";
    if (n->type != YN_SCALAR)
        return; /* decoding has reported it */
    char *text = arena_strdup(d->arena, n->text);
    char *slash = strchr(text, '/');
    const char *protocol = "tcp";
    if (slash) {
        *slash = '\0';
        protocol = protocol_canonical(d->arena, slash + 1);
    }
    struct range range;
    if (!protocol || !parse_range(d->arena, text, false, &range)) {
        decode_error_hint(d, n, hint, "expose: \"%s\" is not a port", n->text);
        return;
    }
    bool allowed = take_items(d, n, range.last - range.first + 1);
    for (int port = range.first; port <= range.last && allowed; port++) {
        struct val *v = placed_at(n, val_strf(d->arena, "%d/%s", port, protocol));
        val_list_add(d->arena, list, v);
    }
}

void expose_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    if (!val_is(val_get(spec, "expose"), VAL_LIST))
        return;
    const struct ynode *node = node_at(n, "expose");
    /* A range becomes several items, so the whole list is read again. */
    struct val *list = val_list(d->arena);
    if (node->type == YN_SEQ)
        for (size_t i = 0; i < node->len; i++)
            expose_item(d, node->items[i], list);
    else
        expose_item(d, node, list);
    val_list_sort(list);
    val_map_set(d->arena, spec, "expose", list);
}
