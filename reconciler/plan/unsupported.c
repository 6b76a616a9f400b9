/* What the target cannot do is reported at plan time, all at once, at the place where it is asked for. */
#include "reconciler/plan/unsupported.h"

#include "base/str.h"
#include "reconciler/plan/planner.h"
#include "reconciler/plan/steps.h"

#define ANY_HINT "remove it, or use a target that supports it"

const struct limit limits[] = {
    {&kind_container, "healthcheck", .with = CAP_HEALTHCHECK, .what = "health checks"},
    {&kind_container, "healthcheck.start_interval", .with = CAP_START_INTERVAL,
     .what = "a start interval for health checks"},
    {&kind_container, "configs", .with = CAP_COPY_INTO, .what = "configs as files"},
    {&kind_container, "secrets", .with = CAP_COPY_INTO, .what = "secrets as files"},
    {&kind_container, "annotations", .with = CAP_ANNOTATIONS, .what = "annotations"},
    {&kind_container, "resources", .with = CAP_LIMITS, .what = "resource limits"},
    {&kind_container, "resources.memory_swap", .with = CAP_SWAP_UNLIMITED,
     .what = "unlimited swap with a memory limit", .value = "-1"},
    {&kind_container, "ports.*.published_end", .with = CAP_PORT_CHOICE,
     .what = "choosing a port from a range"},
    {&kind_container, "domainname", .with = CAP_DOMAINNAME, .what = "a domain name"},
    {&kind_container, "gpus", .with = CAP_DEVICE_REQUESTS, .what = "device requests"},
    {&kind_container, "networks.*.link_local_ips", .with = CAP_ENDPOINT_MORE, .what = "link-local addresses"},
    {&kind_container, "networks.*.driver_opts", .with = CAP_ENDPOINT_MORE,
     .what = "driver options for one container's attachment"},
    {&kind_container, "init", .with = CAP_INIT_SHARED, .what = "init in a shared PID namespace",
     .hint = "remove init or pid", .beside = "pid"},
    {&kind_container, "pull_policy", .with = CAP_REMOTE_DIGEST, .what = "checking the registry before a pull",
     .value = "always"},

    {&kind_container, "hostname", .with = CAP_SERVICES, .what = "templates", .part = "{{",
     .hint = "write the value out, or use a swarm target"},
    {&kind_volume, "name", .with = CAP_SERVICES, .what = "templates", .part = "{{",
     .hint = "write the value out, or use a swarm target"},
    {&kind_container, "deploy.mode", .with = CAP_SERVICES, .what = "this mode",
     .hint = "a single engine has no other nodes: remove it, set replicas, or use a swarm target"},
    {&kind_container, "deploy.placement", .with = CAP_SERVICES, .what = "placement",
     .hint = "a single engine has only one node: remove it, or use a swarm target"},
    {&kind_container, "deploy.endpoint_mode", .with = CAP_SERVICES, .what = "virtual addresses",
     .hint = "remove it (the name resolves to all replicas), or use a swarm target"},
    {&kind_container, "deploy.labels", .with = CAP_SERVICES, .what = "service labels",
     .hint = "put them in labels, or use a swarm target"},
    {&kind_container, "deploy.rollback_config", .with = CAP_SERVICES,
     .what = "a separate configuration for rollbacks",
     .hint = "a rollback uses the settings of the update (see update.failure_action): remove it, or use a "
             "swarm target"},
    {&kind_container, "deploy.restart_policy.delay", .with = CAP_SERVICES, .what = "a delay before restarts",
     .hint = "an engine increases the delay after each restart by itself: remove it, or use a swarm target"},
    {&kind_container, "deploy.restart_policy.window", .with = CAP_SERVICES, .what = "a window for restarts",
     .hint = "an engine counts a restart as successful after ten seconds: remove it, or use a swarm target"},
    {&kind_container, "deploy.resources.reservations", .with = CAP_SERVICES, .what = "reservations",
     .hint = "a single engine cannot reserve resources: remove it, use resources.cpu_shares, or use a swarm "
             "target"},

    {&kind_container, "privileged", .without = CAP_SERVICES, .what = "privileged containers",
     .hint = "grant the capabilities it needs with cap_add, or use a target that is a single engine"},
    {&kind_container, "devices", .without = CAP_SERVICES, .what = "devices"},
    {&kind_container, "device_cgroup_rules", .without = CAP_SERVICES, .what = "device cgroup rules"},
    {&kind_container, "gpus", .without = CAP_SERVICES, .what = "gpus",
     .hint = "advertise them as generic resources of the nodes, and reserve them with "
             "deploy.resources.reservations.generic_resources"},
    {&kind_container, "pid", .without = CAP_SERVICES, .what = "sharing a PID namespace"},
    {&kind_container, "ipc", .without = CAP_SERVICES, .what = "sharing an IPC namespace"},
    {&kind_container, "uts", .without = CAP_SERVICES, .what = "sharing the host's UTS namespace"},
    {&kind_container, "cgroup", .without = CAP_SERVICES, .what = "choosing the control group"},
    {&kind_container, "cgroup_parent", .without = CAP_SERVICES, .what = "choosing the control group"},
    {&kind_container, "userns_mode", .without = CAP_SERVICES, .what = "choosing the user namespace"},
    {&kind_container, "runtime", .without = CAP_SERVICES, .what = "choosing the runtime",
     .hint = "make it the default runtime on the nodes"},
    {&kind_container, "oom_score_adj", .without = CAP_SERVICES, .what = "oom_score_adj"},
    {&kind_container, "oom_kill_disable", .without = CAP_SERVICES, .what = "oom_kill_disable"},
    {&kind_container, "security_opt", .without = CAP_SERVICES, .what = "security options"},
    {&kind_container, "shm_size", .without = CAP_SERVICES, .what = "setting the size of /dev/shm",
     .hint = "mount a tmpfs there: volumes: [{type: tmpfs, target: /dev/shm, size: 256MiB}]"},
    {&kind_container, "storage_opt", .without = CAP_SERVICES, .what = "storage driver options"},
    {&kind_container, "domainname", .without = CAP_SERVICES, .what = "a domain name",
     .hint = "put it in hostname"},
    {&kind_container, "mac_address", .without = CAP_SERVICES, .what = "fixed MAC addresses"},
    {&kind_container, "network_mode", .without = CAP_SERVICES, .what = "this network_mode",
     .hint = "use networks, or network_mode: host", .fine = "host bridge"},
    {&kind_container, "networks.*.ipv4_address", .without = CAP_SERVICES, .what = "fixed IP addresses",
     .hint = "use its name instead"},
    {&kind_container, "networks.*.ipv6_address", .without = CAP_SERVICES, .what = "fixed IP addresses",
     .hint = "use its name instead"},
    {&kind_container, "networks.*.link_local_ips", .without = CAP_SERVICES, .what = "fixed IP addresses"},
    {&kind_container, "networks.*.mac_address", .without = CAP_SERVICES, .what = "fixed MAC addresses"},
    {&kind_container, "ports.*.host_ip", .without = CAP_SERVICES, .what = "publishing ports on one address",
     .hint = "a swarm publishes on all addresses of its nodes: remove it"},
    {&kind_container, "ports.*.published_end", .without = CAP_SERVICES,
     .what = "choosing a port from a range", .hint = "leave out the host port, and the swarm chooses one"},
    {&kind_container, "volumes.*.selinux", .without = CAP_SERVICES, .what = "SELinux labels of mounts"},
    {&kind_container, "resources.memory_swap", .without = CAP_SERVICES, .what = "swap limits"},
    {&kind_container, "resources.memory_swappiness", .without = CAP_SERVICES, .what = "swappiness"},
    {&kind_container, "resources.cpu_shares", .without = CAP_SERVICES, .what = "CPU shares",
     .hint = "use deploy.resources.reservations.cpus"},
    {&kind_container, "resources.cpuset", .without = CAP_SERVICES, .what = "CPU pinning"},
    {&kind_container, "resources.cpu_period", .without = CAP_SERVICES, .what = "CPU quotas",
     .hint = "use resources.cpus"},
    {&kind_container, "resources.cpu_quota", .without = CAP_SERVICES, .what = "CPU quotas",
     .hint = "use resources.cpus"},
    {&kind_network, "driver", .without = CAP_SERVICES, .what = "networks of this driver",
     .hint = "the tasks of a service run on several nodes: remove it, or write driver: overlay",
     .fine = "overlay"},
    {&kind_network, "driver", .with = CAP_OVERLAY, .what = "networks that span a swarm",
     .hint = "remove it, or use an engine that is a manager of a swarm (docker swarm init)",
     .value = "overlay"},
    {0},
};

static bool is_word_of(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
        if (strcspn(p, " ") == n && strncmp(p, word, n) == 0)
            return true;
    return false;
}

/* Asks for nothing: an empty mapping or list, a limit of zero, a switch that is off. */
static bool is_nothing(const struct val *v)
{
    return v->type == VAL_NULL || ((v->type == VAL_MAP || v->type == VAL_LIST) && v->len == 0) ||
           (v->type == VAL_INT && v->i == 0) || (v->type == VAL_BOOL && !v->b);
}

/* At the place of `at`. */
static struct diag *refuse(struct planner *p, const struct resource *r, const struct val *at,
                           const char *what)
{
    const char *file =
        at->file && at->file < p->in->desired->n_files ? p->in->desired->files[at->file] : r->file;
    return diag_add(p->diags, DIAG_ERROR, file, at->line ? at->line : r->line, at->line ? at->col : r->col,
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
                  "publish a range of host ports, \"%lld-%lld:%lld\", or leave out the host port",
                  (long long)first, (long long)(first + replicas - 1),
                  (long long)val_get_int(port, "target", first));
        found++;
    }
    return found;
}

/* A swarm passes on what arrives at each node by the service's virtual address. */
static size_t check_ingress(struct planner *p, const struct resource *r)
{
    const struct val *ports = val_get(r->spec, "ports");
    size_t found = 0;
    if (!str_eq(val_get_str(val_get(r->spec, "deploy"), "endpoint_mode"), "dnsrr"))
        return 0;
    for (size_t i = 0; i < val_len(ports); i++) {
        const struct val *port = ports->pairs[i].val;
        if (str_eq(val_get_str(port, "mode"), "host"))
            continue;
        struct diag *d =
            refuse(p, r, port,
                   arena_printf(
                       p->a, "ports: %s in mode ingress needs a virtual address, and endpoint_mode is dnsrr",
                       ports->pairs[i].key));
        diag_hint(p->diags, d, "give the port `mode: host`, or remove deploy.endpoint_mode");
        found++;
    }
    return found;
}

/* Files can be copied into containers only in some places (folders.c). */
static size_t check_files(struct planner *p, const struct resource *r, unsigned caps)
{
    static const char *const fields[] = {"configs", "secrets"};
    struct val *spec = val_map_copy(p->a, r->spec);
    size_t found = 0;
    if (!(caps & CAP_COPY_INTO))
        return 0;
    if (caps & CAP_COPY_READ_ONLY)
        val_map_del(spec, "read_only");
    for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
        const struct val *files = val_get(r->spec, fields[f]);
        for (size_t i = 0; i < val_len(files); i++) {
            const char *folder;
            struct err why = {0};
            if (file_folder(p->a, spec, files->pairs[i].key, &folder, &why) == 0)
                continue;
            struct diag *d =
                refuse(p, r, files->pairs[i].val, arena_printf(p->a, "%s: %s", fields[f], why.msg));
            diag_hint(p->diags, d, "%s", why.hint);
            found++;
        }
    }
    return found;
}

struct check {
    struct planner *p;
    const struct resource *r;
    const struct limit *limit;
    size_t found;
};

/* `at`: the nearest enclosing value that has a place. */
static void report(struct check *c, const struct val *v, const struct val *at, const char *path)
{
    struct planner *p = c->p;
    const char *text = v->type == VAL_STR   ? v->s
                       : v->type == VAL_INT ? arena_printf(p->a, "%lld", (long long)v->i)
                                            : "";
    if (is_nothing(v) || (c->limit->value && !str_eq(text, c->limit->value)) ||
        (c->limit->part && !strstr(text, c->limit->part)) ||
        (v->type == VAL_STR && is_word_of(c->limit->fine, v->s)))
        return;
    const struct observed_target *t = observed_target(p->in->observed, c->r->id);
    const char *target = t ? t->name : str_or(p->in->observed->engine, "this target");
    struct diag *d =
        refuse(p, c->r, at, arena_printf(p->a, "%s: %s does not support %s", path, target, c->limit->what));
    diag_hint(p->diags, d, "%s", c->limit->hint ? c->limit->hint : ANY_HINT);
    c->found++;
}

static void walk(struct check *c, const struct val *v, const struct val *at, const char *so_far,
                 const char *rest)
{
    const char *dot = strchr(rest, '.');
    const char *key = dot ? arena_strndup(c->p->a, rest, (size_t)(dot - rest)) : rest;
    for (size_t i = 0; val_is(v, VAL_MAP) && i < v->len; i++) {
        if (strcmp(key, "*") != 0 && !str_eq(key, v->pairs[i].key))
            continue;
        const char *path =
            *so_far ? arena_printf(c->p->a, "%s.%s", so_far, v->pairs[i].key) : v->pairs[i].key;
        const struct val *below = v->pairs[i].val->line ? v->pairs[i].val : at;
        if (dot)
            walk(c, v->pairs[i].val, below, path, dot + 1);
        else
            report(c, v->pairs[i].val, below, path);
    }
}

static size_t check_resource(struct planner *p, const struct resource *r)
{
    const unsigned caps = planner_caps(p, r->id);
    const bool deploy = val_get(r->spec, "deploy");
    struct check c = {.p = p, .r = r};
    if (r->kind->flags & KIND_INSTANCES && !(caps & CAP_SERVICES))
        c.found = check_ports(p, r) + check_files(p, r, caps);
    if (r->kind->flags & KIND_INSTANCES && caps & CAP_SERVICES)
        c.found = check_ingress(p, r);
    for (const struct limit *l = limits; l->kind; l++) {
        c.limit = l;
        bool concerns = l->kind == r->kind && (!l->beside || val_get(r->spec, l->beside));
        if (limit_refuses(l, caps) && concerns && (deploy || !str_starts(l->path, "deploy.")))
            walk(&c, r->spec, r->spec, "", l->path);
    }
    return c.found;
}

/* The first problem, without the resource's name; NULL: there were too many to keep it. */
static void note_refused(struct planner *p, const struct resource *r, const struct diag *first)
{
    const char *rest = first ? str_after(first->msg, r->id) : NULL;
    const struct plan_unready u = {r->id, rest ? rest + strlen(": ") : "the target does not support it"};
    arena_push(p->a, p->refused, p->n_refused, p->cap_refused, u);
}

int check_supported(struct planner *p, struct err *err)
{
    size_t found = 0;
    for (size_t i = 0; i < p->in->desired->n; i++) {
        const struct resource *r = p->in->desired->items[i];
        if (!planner_selected(p, r->id) || val_get_bool(r->spec, "external", false) ||
            observed_away(p->in->observed, r->id))
            continue;
        const size_t begin = p->diags->n, here = check_resource(p, r);
        if (here && p->policy->survey)
            note_refused(p, r, p->diags->n > begin ? &p->diags->items[begin] : NULL);
        found += here;
    }
    if (!found || p->policy->survey)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "%zu %s not supported by %s", found,
                   found == 1 ? "field is" : "fields are", str_or(p->in->target, "the target"));
}
