/* What only one running container can hold: a published port of the host, an address on a network. */
#include "providers/fake/state.h"

#include "base/str.h"

static bool any_address(const char *ip)
{
    return str_empty(ip) || str_eq(ip, "0.0.0.0") || str_eq(ip, "::");
}

static bool same_port(const struct val *a, const struct val *b)
{
    const char *ip_a = val_get_str(a, "host_ip");
    const char *ip_b = val_get_str(b, "host_ip");
    int64_t port = val_get_int(a, "published", 0);
    return port && port == val_get_int(b, "published", 0) &&
           str_eq(str_or(val_get_str(a, "protocol"), "tcp"), str_or(val_get_str(b, "protocol"), "tcp")) &&
           (any_address(ip_a) || any_address(ip_b) || str_eq(ip_a, ip_b));
}

static int check_ports(const struct fake_object *o, const struct fake_object *other, struct err *err)
{
    const struct val *mine = val_get(o->spec, "ports");
    const struct val *theirs = val_get(other->spec, "ports");
    for (size_t i = 0; i < val_len(mine); i++) {
        for (size_t k = 0; k < val_len(theirs); k++) {
            if (same_port(mine->pairs[i].val, theirs->pairs[k].val))
                return err_set(err, ERR_CONFLICT,
                               "container %s: port %s is already allocated, by container %s", o->name,
                               mine->pairs[i].key, other->name);
        }
    }
    return 0;
}

static int check_addresses(const struct fake_object *o, const struct fake_object *other, struct err *err)
{
    const struct val *mine = val_get(o->spec, "networks");
    const struct val *theirs = val_get(other->spec, "networks");
    for (size_t i = 0; i < val_len(mine); i++) {
        const char *address = val_get_str(mine->pairs[i].val, "ipv4_address");
        if (address && str_eq(address, val_get_str(val_get(theirs, mine->pairs[i].key), "ipv4_address")))
            return err_set(err, ERR_CONFLICT, "container %s: address %s is already in use, by container %s",
                           o->name, address, other->name);
    }
    return 0;
}

int fake_check_clashes(struct fake_engine *e, const struct fake_object *o, struct err *err)
{
    for (size_t i = 0; i < e->n; i++) {
        const struct fake_object *other = e->objects[i];
        if (other == o || other->kind != &kind_container || !fake_running(other))
            continue;
        int r = check_ports(o, other, err);
        if (r == 0)
            r = check_addresses(o, other, err);
        if (r < 0)
            return r;
    }
    return 0;
}
