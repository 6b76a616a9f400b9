/* Checks that need all resources: names and ports claimed by two of them, and cycles. */
#include "schema/resource.h"

#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/placement.h"

/* Problems. */

static void problem(enum diag_level level, const struct resource_set *s, const struct resource *r,
                    const struct val *at, struct diag_list *diags, const char *hint, const char *fmt,
                    va_list ap) _vprintf_(7);

static void problem(enum diag_level level, const struct resource_set *s, const struct resource *r,
                    const struct val *at, struct diag_list *diags, const char *hint, const char *fmt,
                    va_list ap)
{
    bool placed = at && at->line;
    const char *file = placed && at->file && at->file < s->n_files ? s->files[at->file] : r->file;
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_addv(&text, fmt, ap);
    struct diag *diag = diag_add(diags, level, file, placed ? at->line : r->line, placed ? at->col : r->col,
                                 "%s: %s", r->id, buf_str(&text));
    if (hint)
        diag_hint(diags, diag, "%s", hint);
}

void resource_error(const struct resource_set *s, const struct resource *r, const struct val *at,
                    struct diag_list *diags, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    problem(DIAG_ERROR, s, r, at, diags, NULL, fmt, ap);
    va_end(ap);
}

void resource_error_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                         struct diag_list *diags, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    problem(DIAG_ERROR, s, r, at, diags, hint, fmt, ap);
    va_end(ap);
}

void resource_warning_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                           struct diag_list *diags, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    problem(DIAG_WARNING, s, r, at, diags, hint, fmt, ap);
    va_end(ap);
}

/* Finding the nearest of many names takes time: stop after this many problems when there are many names. */
#define NEAREST_PROBLEMS 50u
#define NEAREST_NAMES    1000u

const char *resource_nearest(const struct resource_set *s, const struct kind_desc *kind, const char *name,
                             const struct diag_list *diags)
{
    if (s->n > NEAREST_NAMES && diags->n > NEAREST_PROBLEMS)
        return NULL;
    struct arena scratch = ARENA_INIT;
    const char **names = arena_array(&scratch, const char *, s->n);
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i]->kind == kind && s->items[i]->name)
            names[n++] = s->items[i]->name;
    const char *near = str_nearest(name, names, n);
    arena_release(&scratch);
    return near;
}

/* The nearest name among the resources of the same kind, or how to create one. */
static const char *missing_hint(const struct resource_set *s, struct diag_list *diags, const char *id)
{
    struct arena *a = diags->arena;
    for (size_t i = 0; i < s->n_inactive; i++)
        if (str_eq(s->inactive[i], id))
            return arena_printf(a, "%s has profiles, but none of them is active", id);
    const char *slash = strchr(id, '/');
    const struct kind_desc *kind = slash ? kind_by_prefix(arena_strndup(a, id, (size_t)(slash - id))) : NULL;
    if (!kind)
        return NULL;
    const char *near = resource_nearest(s, kind, slash + 1, diags);
    if (near)
        return arena_printf(a, "did you mean \"%s\"?", near);
    return arena_printf(a, "add a manifest with kind: %s and metadata: {name: %s}", kind->name, slash + 1);
}

void resource_missing(const struct resource_set *s, const struct resource *r, const struct val *at,
                      struct diag_list *diags, const char *id, const char *field)
{
    const char *hint = diags->n < LIMIT_DIAGNOSTICS ? missing_hint(s, diags, id) : NULL;
    if (hint)
        resource_error_hint(s, r, at, diags, hint, "%s: there is no %s", field, id);
    else
        resource_error(s, r, at, diags, "%s: there is no %s", field, id);
}

/* Native names. */

/* Which engines it is on, as far as is known here: equal texts mean the same engines. For different texts the
   settings decide: the check is repeated once each resource is on its engine (plan/place.h). */
static const char *engine_of(const struct resource_set *s, const struct resource *r)
{
    const char *target = id_target(r->id);
    return target ? target : placement_text(s->arena, r->spec);
}

static void check_names(const struct resource_set *s, struct diag_list *diags)
{
    struct map taken = MAP_INIT;
    for (size_t i = 0; i < s->n; i++) {
        const struct resource *r = s->items[i];
        bool container = r->kind == &kind_container;
        if (!container && r->kind != &kind_network && r->kind != &kind_volume)
            continue;
        const struct val *name = val_get(r->spec, container ? "container_name" : "name");
        if (!val_is(name, VAL_STR))
            continue;
        const char *key = arena_printf(s->arena, "%s %s %s", r->kind->prefix, name->s, engine_of(s, r));
        const struct resource *other = map_get(&taken, key);
        if (other)
            resource_error(s, r, name, diags, "the name \"%s\" on the engine is already used by %s, %s:%u",
                           name->s, other->id, str_or(other->file, "?"), other->line);
        else
            map_put(&taken, key, s->items[i]);
    }
    map_release(&taken);
}

/* Ports. */

struct listener {
    const struct resource *r;
    const struct val *at;
    const char *engine;
    const char *ip; /* "": all addresses */
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
    int engine = strcmp(x->engine, y->engine);
    if (engine)
        return engine;
    int address = strcmp(x->ip, y->ip);
    if (address)
        return address;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* The listeners on one port of one protocol, by kind of address; the first of each kind. */
struct port_group {
    const struct listener *any, *everywhere, *every[2], *some[2];
};

static int family_of(const char *ip)
{
    return strchr(ip, ':') ? 1 : 0;
}

/* "0.0.0.0" and "::" mean all addresses of one family; an empty address means all of both. */
static bool is_every(const char *ip)
{
    return str_eq(ip, "0.0.0.0") || str_eq(ip, "::");
}

static void keep_first(const struct listener **first, const struct listener *l)
{
    if (!*first || l->order < (*first)->order)
        *first = l;
}

static void group_add(struct port_group *g, const struct listener *l)
{
    int family = family_of(l->ip);
    keep_first(&g->any, l);
    if (!*l->ip) {
        keep_first(&g->everywhere, l);
        return;
    }
    keep_first(&g->some[family], l);
    if (is_every(l->ip))
        keep_first(&g->every[family], l);
}

/* The first listener before `l` that conflicts with it, or NULL. `same` is the first one with the same
   address. */
static const struct listener *taken_by(const struct port_group *g, const struct listener *l,
                                       const struct listener *same)
{
    int family = family_of(l->ip);
    const struct listener *rivals[] = {same, g->everywhere, *l->ip ? g->every[family] : g->any,
                                       is_every(l->ip) ? g->some[family] : NULL};
    const struct listener *first = l;
    for (size_t i = 0; i < ARRAY_LEN(rivals); i++)
        if (rivals[i] && rivals[i]->order < first->order)
            first = rivals[i];
    return first == l ? NULL : first;
}

static void check_listeners(const struct resource_set *s, const struct listener *all, size_t n,
                            struct diag_list *diags)
{
    size_t end;
    for (size_t start = 0; start < n; start = end) {
        struct port_group group = {0};
        for (end = start;
             end < n && all[end].port == all[start].port && str_eq(all[end].protocol, all[start].protocol) &&
             str_eq(all[end].engine, all[start].engine);
             end++)
            group_add(&group, &all[end]);
        const struct listener *same = &all[start];
        for (size_t i = start; i < end; i++) {
            if (!str_eq(all[i].ip, same->ip))
                same = &all[i];
            const struct listener *there = taken_by(&group, &all[i], same);
            if (there)
                resource_error(s, all[i].r, all[i].at, diags,
                               "host port %lld/%s is already published by %s, %s:%u", (long long)all[i].port,
                               all[i].protocol, there->r->id, str_or(there->r->file, "?"), there->r->line);
        }
    }
}

static void check_ports(const struct resource_set *s, struct diag_list *diags)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct listener *all = NULL;
    size_t n = 0;
    size_t cap = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct resource *r = s->items[i];
        const struct val *ports = r->kind == &kind_container ? val_get(r->spec, "ports") : NULL;
        if (!val_len(ports) || val_get_int(r->spec, "replicas", 1) == 0)
            continue;
        const char *engine = engine_of(s, r);
        for (size_t k = 0; k < val_len(ports); k++) {
            const struct val *port = ports->pairs[k].val;
            struct listener l = {.r = r,
                                 .engine = engine,
                                 .at = port,
                                 .ip = str_or(val_get_str(port, "host_ip"), ""),
                                 .order = n,
                                 .protocol = str_or(val_get_str(port, "protocol"), "tcp"),
                                 .port = val_get_int(port, "published", 0)};
            /* within a range the engine avoids ports that are taken */
            if (l.port && !val_get(port, "published_end"))
                arena_push(&a, all, n, cap, l);
        }
    }
    if (n > 1)
        qsort(all, n, sizeof(*all), compare_listeners);
    check_listeners(s, all, n, diags);
}

/* Cycles. */

enum colour { WHITE, GREY, BLACK };

struct walk {
    const struct resource_set *s;
    struct diag_list *diags;
    struct map index; /* id -> its element of s->items */
    uint8_t *colour;
    size_t *path; /* resources from the start of the search */
    size_t *edge; /* the next dependency to follow, of each */
    size_t depth;
};

#define CYCLE_SHOWN 12u /* of a long cycle, how many to show at its start */

/* Report the cycle that begins at `first` on the path: the last resource on the path depends on that one. */
static void report_cycle(struct walk *w, size_t first, const struct depend *back)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    const struct resource *last = w->s->items[w->path[w->depth - 1]];
    size_t length = w->depth - first;
    bool plain = true; /* containers only: their bare names read better */
    for (size_t i = first; i < w->depth; i++)
        plain &= w->s->items[w->path[i]]->kind == &kind_container;
    for (size_t i = first; i <= w->depth && w->diags->n < LIMIT_DIAGNOSTICS; i++) {
        if (i == first + CYCLE_SHOWN && length > CYCLE_SHOWN * 2) {
            buf_addf(&text, " -> (%zu more)", length - CYCLE_SHOWN - 1);
            i = w->depth - 1;
        }
        const struct resource *r = w->s->items[w->path[i < w->depth ? i : first]];
        buf_addf(&text, "%s%s", i > first ? " -> " : "", plain ? r->name : r->id);
    }
    resource_error_hint(w->s, last, resource_depend_place(last, back), w->diags,
                        "remove one of these dependencies", "%s: dependency cycle: %s", back->field,
                        buf_str(&text));
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
        if (r->kind->check)
            r->kind->check(r, s, diags);
    }
    resource_set_check_engines(s, diags);
    check_cycles(s, diags);
}

void resource_set_check_engines(struct resource_set *s, struct diag_list *diags)
{
    check_names(s, diags);
    check_ports(s, diags);
}
