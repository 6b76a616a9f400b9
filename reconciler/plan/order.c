/*
 * The order of changes. What something needs comes before it. What is taken away, or made anew in its place,
 * comes after those that used it and do not any more, and what gives up a port, an address or a name comes
 * before the one that takes it. The latter two can contradict the first and each other in odd cases (a
 * container that takes the port of the one it replaces, while somebody who used the old one waits for the new
 * one): then the softer rule gives way.
 */
#include "reconciler/plan/planner.h"

#include <stdlib.h>

enum rule { NEEDS, CLAIMS, USES, RULES }; /* from hard to soft */

struct edge {
    size_t to;
    enum rule rule;
};

struct node {
    struct plan_change *change;
    struct edge *edges;
    size_t n, cap;
    size_t waits[RULES]; /* edges that lead here from nodes that are not placed yet */
    size_t place;
    bool placed;
};

struct order {
    struct planner *p;
    struct node *nodes; /* sorted by preference */
    size_t n;
    struct map index; /* id -> node */
    size_t *heap;     /* nodes that wait for nothing, smallest first */
    size_t n_heap;
};

static int by_preference(const void *pa, const void *pb)
{
    const struct plan_change *a = ((const struct node *)pa)->change, *b = ((const struct node *)pb)->change;
    /* Deletions last, and in the reverse order of ranks. */
    bool da = !a->resource, db = !b->resource;
    if (da != db)
        return da ? 1 : -1;
    if (a->kind->rank != b->kind->rank)
        return (a->kind->rank < b->kind->rank) != da ? -1 : 1;
    return strcmp(a->id, b->id);
}

static bool takes_part(const struct plan_change *c)
{
    return c->action != PLAN_BLOCKED && c->n_moves > 0;
}

static void add_edge(struct order *o, struct node *from, struct node *to, enum rule rule)
{
    if (!from || !to || from == to || !takes_part(from->change) || !takes_part(to->change))
        return;
    /* Edges to one node are added one after the other for each rule; twice by two rules does no harm. */
    if (from->n && from->edges[from->n - 1].to == (size_t)(to - o->nodes))
        return;
    const struct edge e = {(size_t)(to - o->nodes), rule};
    arena_push(o->p->a, from->edges, from->n, from->cap, e);
    to->waits[rule]++;
}

static void add_needs(struct order *o, struct node *n)
{
    const struct resource *r = n->change->resource;
    for (size_t i = 0; r && i < r->n_depends; i++)
        add_edge(o, map_get(&o->index, r->depends[i].id), n, NEEDS);
}

/* ---- what only one can have ---- */

/* Engines do not share what is on them. */
static const char *on_engine(const struct order *o, const struct plan_change *c, const char *key)
{
    return id_on(o->p->a, key, id_target(c->id));
}

/* One key for everything that a port may exclude, whatever its address. */
static const char *claim_key(const char *claim)
{
    const char *colon = str_starts(claim, "port ") ? strrchr(claim, ':') : NULL;
    return colon ? colon + 1 : str_starts(claim, "port ") ? claim + strlen("port ") : claim;
}

static const char *name_key(const struct order *o, const struct plan_change *c, const char *name)
{
    return on_engine(o, c, arena_printf(o->p->a, "name of %s %s", c->kind->prefix, name));
}

/* Does it keep what it has? Something on the host's network shares that with others. */
static bool keeps(const struct order *o, const struct plan_change *c, const char *claim)
{
    const char *const *own = c->resource ? claims_of(o->p->a, c->resource->spec) : NULL;
    for (; own && *own; own++)
        if (str_eq(claim_key(*own), claim_key(claim)))
            return true;
    return !str_starts(claim, "port ") && !str_starts(claim, "address ");
}

static void note_released(struct order *o, struct node *n, struct map *released)
{
    struct plan_change *c = n->change;
    for (size_t i = 0; takes_part(c) && i < c->n_moves; i++) {
        const struct plan_move *m = &c->moves[i];
        if (!m->current ||
            (m->action != PLAN_DELETE && m->action != PLAN_REPLACE && m->action != PLAN_UPDATE))
            continue;
        if (m->action != PLAN_UPDATE)
            for (const char *const *claim = claims_of(o->p->a, m->current->spec); *claim; claim++)
                if (!keeps(o, c, *claim))
                    map_put(released, on_engine(o, c, claim_key(*claim)), n);
        if (m->current->native_name)
            map_put(released, name_key(o, c, m->current->native_name), n);
    }
}

static void add_claims(struct order *o)
{
    struct map released = MAP_INIT;
    for (size_t i = 0; i < o->n; i++)
        note_released(o, &o->nodes[i], &released);
    for (size_t i = 0; released.n && i < o->n; i++) {
        struct node *n = &o->nodes[i];
        struct plan_change *c = n->change;
        if (!c->resource || !takes_part(c))
            continue;
        for (const char *const *claim = claims_of(o->p->a, c->resource->spec); *claim; claim++)
            add_edge(o, map_get(&released, on_engine(o, c, claim_key(*claim))), n, CLAIMS);
        for (size_t k = 0; k < c->n_moves; k++)
            add_edge(o, map_get(&released, name_key(o, c, c->moves[k].native_name)), n, CLAIMS);
    }
    map_release(&released);
}

/* ---- what is used until now ---- */

struct use {
    struct node *by;
    struct use *next;
};

static void add_use(struct order *o, struct map *uses, const char *key, struct node *by)
{
    struct use *u = arena_new(o->p->a, struct use);
    key = on_engine(o, by->change, key);
    u->by = by;
    u->next = map_get(uses, key);
    map_put(uses, key, u);
}

static void note_uses(struct order *o, struct map *uses, struct node *n, const struct val *spec)
{
    struct arena *a = o->p->a;
    const struct val *networks = val_get(spec, "networks"), *volumes = val_get(spec, "volumes");
    for (size_t i = 0; i < val_len(networks); i++)
        add_use(o, uses, arena_printf(a, "network %s", networks->pairs[i].key), n);
    for (size_t i = 0; i < val_len(volumes); i++) {
        const char *source = val_get_str(volumes->pairs[i].val, "source");
        if (source && str_eq(val_get_str(volumes->pairs[i].val, "type"), "volume"))
            add_use(o, uses, arena_printf(a, "volume %s", source), n);
    }
    for (const char *const *field = join_fields; *field; field++) {
        const char *name = joined_name(spec, *field);
        if (name)
            add_use(o, uses, arena_printf(a, "container %s", name), n);
    }
    const struct val *needs = val_get(spec, "depends_on");
    for (size_t i = 0; i < val_len(needs); i++)
        add_use(o, uses, arena_printf(a, "container/%s", needs->pairs[i].key), n);
}

static bool needs(const struct node *n, const char *id)
{
    const struct resource *r = n->change->resource;
    for (size_t i = 0; r && i < r->n_depends; i++)
        if (str_eq(r->depends[i].id, id))
            return true;
    return false;
}

/* Users that keep using it are ordered after it by their dependency. */
static void wait_for_users(struct order *o, const struct map *uses, struct node *n, const char *key)
{
    for (const struct use *u = map_get(uses, key); u; u = u->next)
        if (!needs(u->by, n->change->id))
            add_edge(o, u->by, n, USES);
}

/* What others use must be released by them first: it is removed, or something else takes its place. */
static bool must_be_left(const struct plan_change *c)
{
    return c->action == PLAN_DELETE || (c->action == PLAN_REPLACE && c->kind != &kind_container);
}

static void add_uses(struct order *o)
{
    struct map uses = MAP_INIT;
    bool any = false;
    for (size_t i = 0; i < o->n; i++)
        any |= must_be_left(o->nodes[i].change);
    for (size_t i = 0; any && i < o->n; i++) {
        struct plan_change *c = o->nodes[i].change;
        for (size_t k = 0; k < c->n_moves; k++)
            if (c->moves[k].current)
                note_uses(o, &uses, &o->nodes[i], c->moves[k].current->spec);
        if (c->applied && c->n_moves)
            note_uses(o, &uses, &o->nodes[i], c->applied->spec);
    }
    for (size_t i = 0; any && i < o->n; i++) {
        struct plan_change *c = o->nodes[i].change;
        if (!must_be_left(c))
            continue;
        wait_for_users(o, &uses, &o->nodes[i], c->id);
        for (size_t k = 0; k < c->n_moves; k++)
            if (c->moves[k].native_name)
                wait_for_users(
                    o, &uses, &o->nodes[i],
                    on_engine(o, c,
                              arena_printf(o->p->a, "%s %s", c->kind->prefix, c->moves[k].native_name)));
    }
    map_release(&uses);
}

/* ---- putting them in line ---- */

static void heap_push(struct order *o, size_t v)
{
    size_t i = o->n_heap++;
    for (; i > 0 && o->heap[(i - 1) / 2] > v; i = (i - 1) / 2)
        o->heap[i] = o->heap[(i - 1) / 2];
    o->heap[i] = v;
}

static size_t heap_pop(struct order *o)
{
    size_t top = o->heap[0], v = o->heap[--o->n_heap], i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= o->n_heap)
            break;
        if (child + 1 < o->n_heap && o->heap[child + 1] < o->heap[child])
            child++;
        if (o->heap[child] >= v)
            break;
        o->heap[i] = o->heap[child];
        i = child;
    }
    o->heap[i] = v;
    return top;
}

static bool waits(const struct node *n, enum rule up_to)
{
    for (int rule = NEEDS; rule <= (int)up_to; rule++)
        if (n->waits[rule])
            return true;
    return false;
}

/* Nothing is free: drop the softest rule that frees a node. */
static size_t break_tie(const struct order *o)
{
    static const enum rule kept[] = {CLAIMS, NEEDS};
    for (size_t k = 0; k < ARRAY_LEN(kept); k++)
        for (size_t i = 0; i < o->n; i++)
            if (!o->nodes[i].placed && !waits(&o->nodes[i], kept[k]))
                return i;
    for (size_t i = 0; i < o->n; i++)
        if (!o->nodes[i].placed)
            return i;
    return 0;
}

static void place(struct order *o, size_t i, struct plan_change **line, size_t at)
{
    struct node *n = &o->nodes[i];
    n->placed = true;
    n->place = at;
    line[at] = n->change;
    for (size_t k = 0; k < n->n; k++) {
        struct node *to = &o->nodes[n->edges[k].to];
        if (to->placed)
            continue;
        to->waits[n->edges[k].rule]--;
        if (!to->change->n_after || to->change->after[to->change->n_after - 1] != at)
            arena_push(o->p->a, to->change->after, to->change->n_after, to->change->cap_after, at);
        if (!waits(to, USES))
            heap_push(o, n->edges[k].to);
    }
}

void order_changes(struct planner *p)
{
    struct order o = {.p = p, .n = p->n};
    o.nodes = arena_array(p->a, struct node, p->n + 1);
    o.heap = arena_array(p->a, size_t, p->n + 1);
    struct plan_change **line = arena_array(p->a, struct plan_change *, p->n + 1);
    for (size_t i = 0; i < p->n; i++)
        o.nodes[i].change = p->changes[i];
    if (p->n)
        qsort(o.nodes, p->n, sizeof(*o.nodes), by_preference);
    for (size_t i = 0; i < p->n; i++)
        map_put(&o.index, o.nodes[i].change->id, &o.nodes[i]);
    for (size_t i = 0; i < p->n; i++)
        add_needs(&o, &o.nodes[i]);
    add_claims(&o);
    add_uses(&o);
    for (size_t i = 0; i < p->n; i++)
        if (!waits(&o.nodes[i], USES))
            heap_push(&o, i);
    for (size_t at = 0; at < p->n; at++)
        place(&o, o.n_heap ? heap_pop(&o) : break_tie(&o), line, at);
    map_release(&o.index);
    p->changes = line;
}
