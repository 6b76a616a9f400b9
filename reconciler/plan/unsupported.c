/* What the target cannot do is said at plan time, all of it at once, and where it is asked for. */
#include "reconciler/plan/planner.h"

/* Fields of containers that need a capability; "*" is any key. Of some only one value does. */
static const struct {
    const char *path;
    unsigned cap;
    const char *what;
    const char *value; /* NULL: any */
} needs[] = {
    {"healthcheck", CAP_HEALTHCHECK, "health checks", NULL},
    {"healthcheck.start_interval", CAP_START_INTERVAL, "a start interval of health checks", NULL},
    {"configs", CAP_COPY_INTO, "configs as files", NULL},
    {"secrets", CAP_COPY_INTO, "secrets as files", NULL},
    {"annotations", CAP_ANNOTATIONS, "annotations", NULL},
    {"resources", CAP_LIMITS, "limits of resources", NULL},
    {"resources.memory_swap", CAP_SWAP_UNLIMITED, "unlimited swap beside a limit of memory", "-1"},
    {"ports.*.published_end", CAP_PORT_CHOICE, "the choice of a port in a range", NULL},
    {"domainname", CAP_DOMAINNAME, "a domain name", NULL},
    {"gpus", CAP_DEVICE_REQUESTS, "requests for devices", NULL},
    {"networks.*.link_local_ips", CAP_ENDPOINT_MORE, "link-local addresses", NULL},
    {"networks.*.driver_opts", CAP_ENDPOINT_MORE, "driver options of an attachment", NULL},
    {"pull_policy", CAP_REMOTE_DIGEST, "a look at the registry before a pull", "always"},
};

static struct diag *refuse(struct planner *p, const struct resource *r, const struct val *v, const char *what)
{
    const char *file =
        v->file && v->file < p->in->desired->n_files ? p->in->desired->files[v->file] : r->file;
    return diag_add(p->diags, DIAG_ERROR, file, v->line ? v->line : r->line, v->line ? v->col : r->col,
                    "%s: %s", r->id, what);
}

/* Without services each replica publishes for itself, and a port of the host has one owner. The engine gives
 * each a port of a range. */
static size_t check_ports(struct planner *p, const struct resource *r)
{
    const int64_t replicas = val_get_int(r->spec, "replicas", 1);
    const struct val *ports = replicas > 1 ? val_get(r->spec, "ports") : NULL;
    size_t found = 0;
    for (size_t i = 0; i < val_len(ports); i++) {
        const struct val *port = ports->pairs[i].val;
        int64_t first = val_get_int(port, "published", 0), last = val_get_int(port, "published_end", first);
        if (!first || last - first + 1 >= replicas)
            continue;
        struct diag *d =
            refuse(p, r, port,
                   arena_printf(p->a, "ports: %lld replicas cannot all publish %s on %s", (long long)replicas,
                                ports->pairs[i].key, str_or(p->in->observed->engine, "one engine")));
        diag_hint(p->diags, d,
                  "publish a range of the host, \"%lld-%lld:%lld\", or leave the host's port out",
                  (long long)first, (long long)(first + replicas - 1),
                  (long long)val_get_int(port, "target", first));
        found++;
    }
    return found;
}

static bool is_there(const struct val *v, const char *value)
{
    char number[24];
    if (!v || v->type == VAL_NULL || ((v->type == VAL_MAP || v->type == VAL_LIST) && v->len == 0))
        return false;
    if (!value)
        return true;
    snprintf(number, sizeof(number), "%lld", v->type == VAL_INT ? (long long)v->i : 0);
    return str_eq(v->type == VAL_STR ? v->s : number, value);
}

/* The first value at a path with at most one "*". */
static const struct val *find(const struct val *spec, const char *path, const char *value)
{
    const char *star = strstr(path, ".*.");
    char before[32];
    if (!star) {
        const struct val *v = val_path(spec, path);
        return is_there(v, value) ? v : NULL;
    }
    str_copy(before, sizeof(before), path);
    before[star - path] = '\0';
    const struct val *map = val_path(spec, before);
    for (size_t i = 0; i < val_len(map); i++) {
        const struct val *v = val_path(map->pairs[i].val, star + 3);
        if (is_there(v, value))
            return v;
    }
    return NULL;
}

static size_t check_resource(struct planner *p, const struct resource *r)
{
    size_t found = planner_caps(p, r->id) & CAP_SERVICES ? 0 : check_ports(p, r);
    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        const struct val *v =
            planner_caps(p, r->id) & needs[i].cap ? NULL : find(r->spec, needs[i].path, needs[i].value);
        if (!v)
            continue;
        const struct observed_target *t = observed_target(p->in->observed, r->id);
        struct diag *d =
            refuse(p, r, v,
                   arena_printf(p->a, "%s: %s cannot do %s", needs[i].path,
                                t ? t->name : str_or(p->in->observed->engine, "this target"), needs[i].what));
        diag_hint(p->diags, d, "remove it, or use a target that can");
        found++;
    }
    return found;
}

int check_supported(struct planner *p, struct err *err)
{
    size_t found = 0;
    for (size_t i = 0; i < p->in->desired->n; i++) {
        const struct resource *r = p->in->desired->items[i];
        if (r->kind->flags & KIND_INSTANCES && planner_selected(p, r->id) &&
            !observed_away(p->in->observed, r->id))
            found += check_resource(p, r);
    }
    if (!found)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "%zu %s that %s cannot do", found,
                   found == 1 ? "thing is asked for" : "things are asked for",
                   str_or(p->in->target, "the target"));
}
