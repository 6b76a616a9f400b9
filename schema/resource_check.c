/* What can only be seen when all resources are there: names and ports that two of them want, and cycles. */
#include "schema/resource.h"

#include "base/str.h"

/* Problems. */

static struct diag *problem(enum diag_level level, const struct resource_set *s, const struct resource *r,
                            const struct val *at, struct diag_list *diags, const char *fmt, va_list ap)
    _printf_(6, 0);
static struct diag *problem(enum diag_level level, const struct resource_set *s, const struct resource *r,
                            const struct val *at, struct diag_list *diags, const char *fmt, va_list ap)
{
    bool placed = at && at->line;
    const char *file = placed && at->file && at->file < s->n_files ? s->files[at->file] : r->file;
    const char *text = arena_vprintf(diags->arena, fmt, ap);
    return diag_add(diags, level, file, placed ? at->line : r->line, placed ? at->col : r->col, "%s: %s",
                    r->id, text);
}

void resource_error(const struct resource_set *s, const struct resource *r, const struct val *at,
                    struct diag_list *diags, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    problem(DIAG_ERROR, s, r, at, diags, fmt, ap);
    va_end(ap);
}

void resource_error_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                         struct diag_list *diags, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct diag *diag = problem(DIAG_ERROR, s, r, at, diags, fmt, ap);
    va_end(ap);
    if (hint)
        diag_hint(diags, diag, "%s", hint);
}

void resource_warning_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                           struct diag_list *diags, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct diag *diag = problem(DIAG_WARNING, s, r, at, diags, fmt, ap);
    va_end(ap);
    if (hint)
        diag_hint(diags, diag, "%s", hint);
}

/* The nearest name among the resources of the same kind, or how to make one. */
static const char *missing_hint(const struct resource_set *s, struct arena *a, const char *id)
{
    const char *slash = strchr(id, '/');
    if (!slash)
        return NULL;
    for (size_t i = 0; i < s->n_inactive; i++)
        if (str_eq(s->inactive[i], id))
            return arena_printf(a, "%s has profiles, and none of them is active", id);
    size_t prefix = (size_t)(slash - id) + 1;
    const char **names = NULL;
    size_t n = 0;
    size_t cap = 0;
    for (size_t i = 0; i < s->n; i++)
        if (strncmp(s->items[i]->id, id, prefix) == 0)
            arena_push(a, names, n, cap, s->items[i]->name);
    const char *near = str_nearest(slash + 1, names, n);
    if (near)
        return arena_printf(a, "did you mean \"%s\"?", near);
    const struct kind_desc *kind = kind_by_prefix(arena_strndup(a, id, prefix - 1));
    return kind ? arena_printf(a, "add a manifest with kind: %s and metadata: {name: %s}", kind->name,
                               slash + 1)
                : NULL;
}

void resource_missing(const struct resource_set *s, const struct resource *r, const struct val *at,
                      struct diag_list *diags, const char *id, const char *field)
{
    const char *hint = missing_hint(s, diags->arena, id);
    if (hint)
        resource_error_hint(s, r, at, diags, hint, "%s: there is no %s", field, id);
    else
        resource_error(s, r, at, diags, "%s: there is no %s", field, id);
}

/* "shop/web.yaml:3", for the other side of a clash. */
static const char *place_of(struct arena *a, const struct resource *r)
{
    return arena_printf(a, "%s, %s:%u", r->id, str_or(r->file, "?"), r->line);
}

/* Native names. */

static void check_names(const struct resource_set *s, struct diag_list *diags)
{
    struct map taken = MAP_INIT;
    for (size_t i = 0; i < s->n; i++) {
        const struct resource *r = s->items[i];
        bool container = r->kind == &kind_container;
        if (r->partial || (!container && r->kind != &kind_network && r->kind != &kind_volume))
            continue;
        const struct val *name = val_get(r->spec, container ? "container_name" : "name");
        if (!val_is(name, VAL_STR))
            continue;
        const char *key = arena_printf(s->arena, "%s %s", r->kind->prefix, name->s);
        const struct resource *other = map_get(&taken, key);
        if (other)
            resource_error(s, r, name, diags, "\"%s\" is already the engine's name of %s", name->s,
                           place_of(diags->arena, other));
        else
            map_put(&taken, key, s->items[i]);
    }
    map_release(&taken);
}

/* Ports. */

struct listener {
    const struct resource *r;
    const struct val *at;
    const char *ip; /* "" all */
    const char *protocol;
    int64_t port;
    size_t order;
};

static int compare_listeners(const void *a, const void *b)
{
    const struct listener *x = a;
    const struct listener *y = b;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    int protocol = strcmp(x->protocol, y->protocol);
    if (protocol)
        return protocol;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Do two addresses of the host mean one socket? All of IPv4 and all of IPv6 are apart; no address is both. */
static bool same_address(const char *x, const char *y)
{
    if (!*x || !*y || strcmp(x, y) == 0)
        return true;
    bool x6 = strchr(x, ':') != NULL;
    bool y6 = strchr(y, ':') != NULL;
    if (x6 != y6)
        return false;
    const char *any = x6 ? "::" : "0.0.0.0";
    return strcmp(x, any) == 0 || strcmp(y, any) == 0;
}

static void check_ports(const struct resource_set *s, struct diag_list *diags)
{
    struct listener *all = NULL;
    size_t n = 0;
    size_t cap = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct resource *r = s->items[i];
        const struct val *ports =
            r->kind == &kind_container && !r->partial ? val_get(r->spec, "ports") : NULL;
        if (!val_len(ports) || val_get_int(r->spec, "replicas", 1) == 0)
            continue;
        for (size_t k = 0; k < val_len(ports); k++) {
            const struct val *port = ports->pairs[k].val;
            struct listener l = {.r = r,
                                 .at = port,
                                 .ip = str_or(val_get_str(port, "host_ip"), ""),
                                 .order = n,
                                 .protocol = str_or(val_get_str(port, "protocol"), "tcp"),
                                 .port = val_get_int(port, "published", 0)};
            if (l.port && !val_get(port, "published_end")) /* the engine avoids what is taken in a range */
                arena_push(s->arena, all, n, cap, l);
        }
    }
    if (n > 1)
        qsort(all, n, sizeof(*all), compare_listeners);
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i;
             j-- > 0 && all[j].port == all[i].port && str_eq(all[j].protocol, all[i].protocol);) {
            if (!same_address(all[i].ip, all[j].ip))
                continue;
            resource_error(s, all[i].r, all[i].at, diags,
                           "port %lld/%s of the host is published by %s already", (long long)all[i].port,
                           all[i].protocol, place_of(diags->arena, all[j].r));
            break;
        }
    }
}

/* Cycles. */

enum colour { WHITE, GREY, BLACK };

struct walk {
    const struct resource_set *s;
    struct diag_list *diags;
    struct map index; /* id -> its element of s->items */
    uint8_t *colour;
    size_t *path; /* resources from the start of the search */
    size_t *edge; /* next dependency of each */
    size_t depth;
};

/* The path from `first` on is a cycle: the last one on it depends on the first. */
static void report_cycle(struct walk *w, size_t first, const struct depend *back)
{
    struct buf text = BUF_INIT;
    const struct resource *last = w->s->items[w->path[w->depth - 1]];
    bool plain = true; /* containers only: their bare names read better */
    for (size_t i = first; i < w->depth; i++)
        plain &= w->s->items[w->path[i]]->kind == &kind_container;
    for (size_t i = first; i <= w->depth; i++) {
        const struct resource *r = w->s->items[w->path[i < w->depth ? i : first]];
        buf_addf(&text, "%s%s", i > first ? " -> " : "", plain ? r->name : r->id);
    }
    resource_error_hint(w->s, last, resource_depend_place(last, back), w->diags,
                        "one of them must start without the next", "%s: dependencies in a circle: %s",
                        back->field, buf_str(&text));
    buf_release(&text);
}

static void visit(struct walk *w, size_t from)
{
    w->depth = 1;
    w->path[0] = from;
    w->edge[0] = 0;
    w->colour[from] = GREY;
    while (w->depth > 0) {
        const struct resource *r = w->s->items[w->path[w->depth - 1]];
        size_t *edge = &w->edge[w->depth - 1];
        if (*edge == r->n_depends) {
            w->colour[w->path[--w->depth]] = BLACK;
            continue;
        }
        const struct depend *dep = &r->depends[(*edge)++];
        struct resource **on = map_get(&w->index, dep->id);
        size_t to = on ? (size_t)(on - w->s->items) : 0;
        if (!on || w->colour[to] == BLACK)
            continue;
        if (w->colour[to] == GREY) {
            size_t first = w->depth;
            while (w->path[--first] != to)
                ;
            report_cycle(w, first, dep);
            continue;
        }
        w->colour[to] = GREY;
        w->path[w->depth] = to;
        w->edge[w->depth++] = 0;
    }
}

static void check_cycles(const struct resource_set *s, struct diag_list *diags)
{
    struct arena a = ARENA_INIT;
    struct walk w = {.s = s, .diags = diags};
    w.colour = arena_alloc(&a, s->n + 1);
    w.path = arena_array(&a, size_t, s->n + 1);
    w.edge = arena_array(&a, size_t, s->n + 1);
    map_init(&w.index);
    for (size_t i = 0; i < s->n; i++)
        map_put(&w.index, s->items[i]->id, &s->items[i]);
    for (size_t i = 0; i < s->n; i++)
        if (w.colour[i] == WHITE)
            visit(&w, i);
    map_release(&w.index);
    arena_release(&a);
}

void resource_set_check(struct resource_set *s, struct diag_list *diags)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct resource *r = s->items[i];
        if (r->kind->check && !r->partial)
            r->kind->check(r, s, diags);
    }
    check_names(s, diags);
    check_ports(s, diags);
    check_cycles(s, diags);
}
