/* What only one object can have at a time, and what two at once might damage: the reasons why a replace
   stops the old object first. */
#include "reconciler/plan/planner.h"

struct claims {
    struct arena *arena;
    const char **items;
    size_t n, cap;
};

static void claim(struct claims *c, const char *text)
{
    arena_push(c->arena, c->items, c->n, c->cap, text);
}

static void claim_ports(struct claims *c, const struct val *spec)
{
    const struct val *ports = val_get(spec, "ports");
    for (size_t i = 0; i < val_len(ports); i++) {
        const struct val *port = ports->pairs[i].val;
        int64_t published = val_get_int(port, "published", 0);
        const char *host = val_get_str(port, "host_ip"),
                   *protocol = str_or(val_get_str(port, "protocol"), "tcp");
        /* With a range, or none at all, the engine finds a free one. */
        if (!published || val_get(port, "published_end"))
            continue;
        bool any = !host || str_eq(host, "0.0.0.0") || str_eq(host, "::");
        claim(c, any ? arena_printf(c->arena, "port %lld/%s", (long long)published, protocol)
                     : arena_printf(c->arena, "port %s:%lld/%s", host, (long long)published, protocol));
    }
}

static void claim_addresses(struct claims *c, const struct val *spec)
{
    static const char *const fields[] = {"ipv4_address", "ipv6_address", "mac_address"};
    const struct val *networks = val_get(spec, "networks");
    for (size_t i = 0; i < val_len(networks); i++)
        for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
            const char *address = val_get_str(networks->pairs[i].val, fields[k]);
            if (address)
                claim(c, arena_printf(c->arena, "address %s on %s", address, networks->pairs[i].key));
        }
}

const char *const *claims_of(struct arena *a, const struct val *spec)
{
    struct claims c = {.arena = a};
    claim_ports(&c, spec);
    claim_addresses(&c, spec);
    if (str_eq(val_get_str(spec, "network_mode"), "host"))
        claim(&c, "the host's network");
    claim(&c, NULL);
    return c.items;
}

/* "port 10.0.0.1:80/tcp" and "port 80/tcp" exclude each other: the latter is on every address. */
static bool same_claim(const char *one, const char *other)
{
    if (str_eq(one, other))
        return true;
    if (!str_starts(one, "port ") || !str_starts(other, "port "))
        return false;
    const char *short_one = strrchr(one, ':'), *short_other = strrchr(other, ':');
    if (!short_one == !short_other)
        return false;
    return str_eq(short_one ? short_one + 1 : one + strlen("port "),
                  short_other ? short_other + 1 : other + strlen("port "));
}

const char *claims_shared(struct arena *a, const struct val *one, const struct val *other)
{
    const char *const *mine = claims_of(a, one), *const *theirs = claims_of(a, other);
    for (; *mine; mine++)
        for (const char *const *t = theirs; *t; t++)
            if (same_claim(*mine, *t))
                return *mine;
    return NULL;
}

static bool writes(const struct val *mount)
{
    const char *type = val_get_str(mount, "type");
    return (str_eq(type, "volume") || str_eq(type, "bind")) && val_get_str(mount, "source") &&
           !val_get_bool(mount, "read_only", false);
}

const char *claims_data(struct arena *a, const struct val *one, const struct val *other)
{
    const struct val *mine = val_get(one, "volumes"), *theirs = val_get(other, "volumes");
    for (size_t i = 0; i < val_len(mine); i++) {
        const char *source = val_get_str(mine->pairs[i].val, "source");
        for (size_t k = 0; writes(mine->pairs[i].val) && k < val_len(theirs); k++)
            if (writes(theirs->pairs[k].val) && str_eq(source, val_get_str(theirs->pairs[k].val, "source")))
                return arena_printf(
                    a, "%s %s", str_eq(val_get_str(mine->pairs[i].val, "type"), "bind") ? "folder" : "volume",
                    source);
    }
    return NULL;
}
