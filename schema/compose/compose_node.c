/* Nodes and problems of a compose project (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

static const char *file_of(const struct compose *c, const struct ynode *n)
{
    return n && n->file ? c->l->set->files[n->file] : c->options->file;
}

static struct diag *report(struct compose *c, enum diag_level level, const struct ynode *n, const char *hint,
                           const char *fmt, va_list ap) _vprintf_(5);

static struct diag *report(struct compose *c, enum diag_level level, const struct ynode *n, const char *hint,
                           const char *fmt, va_list ap)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_addv(&text, fmt, ap);
    struct diag *diag = diag_add(c->l->diags, level, file_of(c, n), n ? n->line : c->options->line,
                                 n ? n->col : c->options->col, "%s", buf_str(&text));
    if (!str_empty(hint))
        diag_hint(c->l->diags, diag, "%s", hint);
    return diag;
}

void compose_error(struct compose *c, const struct ynode *n, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(c, DIAG_ERROR, n, hint, fmt, ap);
    va_end(ap);
}

void compose_warning(struct compose *c, const struct ynode *n, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(c, DIAG_WARNING, n, hint, fmt, ap);
    va_end(ap);
}

const char *compose_text(const struct ynode *n)
{
    return n && n->type == YN_SCALAR && !ynode_is_null(n) ? n->text : NULL;
}

bool compose_take(struct compose *c, size_t n, const struct ynode *at)
{
    if (n <= c->budget) {
        c->budget -= n;
        return true;
    }
    if (c->budget)
        compose_error(c, at, "split the project into several Stacks",
                      "more than %u values in one Compose project after extends and merging",
                      LIMIT_COMPOSE_NODES);
    c->budget = 0;
    return false;
}

static struct ynode *new_node(struct compose *c, enum ynode_type type, const struct ynode *at)
{
    struct ynode *n = arena_new(c->arena, struct ynode);
    n->type = type;
    if (at) {
        n->file = at->file;
        n->line = at->line;
        n->col = at->col;
    }
    return n;
}

struct ynode *compose_scalar(struct compose *c, const struct ynode *at, const char *text)
{
    struct ynode *n = new_node(c, YN_SCALAR, at);
    n->len = strlen(text);
    n->text = arena_strndup(c->arena, text, n->len);
    return n;
}

/* The nodes made here have room for a power of two of children, at least eight, so that the length alone
   tells when more room is needed. */
static size_t room_for(size_t len)
{
    size_t room = 8;
    while (room < len)
        room *= 2;
    return room;
}

struct ynode *compose_map(struct compose *c, const struct ynode *at)
{
    struct ynode *n = new_node(c, YN_MAP, at);
    n->pairs = arena_array(c->arena, struct ypair, room_for(0));
    return n;
}

struct ynode *compose_seq(struct compose *c, const struct ynode *at)
{
    struct ynode *n = new_node(c, YN_SEQ, at);
    n->items = arena_array(c->arena, struct ynode *, room_for(0));
    return n;
}

struct ynode *compose_copy(struct compose *c, const struct ynode *n)
{
    struct ynode *copy = arena_memdup(c->arena, n, sizeof(*n));
    size_t room = room_for(n->len);
    if (n->type == YN_MAP) {
        copy->pairs = arena_array(c->arena, struct ypair, room);
        if (n->len)
            memcpy(copy->pairs, n->pairs, n->len * sizeof(*n->pairs));
    } else if (n->type == YN_SEQ) {
        copy->items = arena_array(c->arena, struct ynode *, room);
        if (n->len)
            memcpy(copy->items, n->items, n->len * sizeof(*n->items));
    }
    return copy;
}

struct ynode *compose_change_children(struct compose *c, struct ynode *n, compose_change_fn *change)
{
    struct ynode *copy = NULL;
    if (n->type == YN_SCALAR)
        return n;
    for (size_t i = 0; i < n->len; i++) {
        struct ynode *key = n->type == YN_MAP ? n->pairs[i].key : NULL;
        struct ynode *old = key ? n->pairs[i].value : n->items[i];
        struct ynode *new = change(c, key, old);
        if (!copy && new != old) {
            copy = compose_copy(c, n);
            copy->len = i;
        }
        if (!copy || !new)
            continue;
        if (key)
            copy->pairs[copy->len++] = (struct ypair){.key = key, .value = new};
        else
            copy->items[copy->len++] = new;
    }
    return copy ? copy : n;
}

static bool is_full(const struct ynode *n)
{
    return n->len >= 8 && (n->len & (n->len - 1)) == 0;
}

void compose_append(struct compose *c, struct ynode *map, struct ynode *key, struct ynode *value)
{
    if (is_full(map)) {
        struct ypair *more = arena_array(c->arena, struct ypair, room_for(map->len + 1));
        memcpy(more, map->pairs, map->len * sizeof(*more));
        map->pairs = more;
    }
    map->pairs[map->len++] = (struct ypair){.key = key, .value = value};
}

void compose_set(struct compose *c, struct ynode *map, struct ynode *key, struct ynode *value)
{
    for (size_t i = 0; i < map->len; i++) {
        if (strcmp(map->pairs[i].key->text, key->text) == 0) {
            map->pairs[i].value = value;
            return;
        }
    }
    compose_append(c, map, key, value);
}

void compose_set_text(struct compose *c, struct ynode *map, const struct ynode *at, const char *key,
                      const char *value)
{
    compose_set(c, map, compose_scalar(c, at, key), compose_scalar(c, at, value));
}

void compose_push(struct compose *c, struct ynode *seq, struct ynode *item)
{
    if (is_full(seq)) {
        struct ynode **more = arena_array(c->arena, struct ynode *, room_for(seq->len + 1));
        memcpy(more, seq->items, seq->len * sizeof(struct ynode *));
        seq->items = more;
    }
    seq->items[seq->len++] = item;
}

void compose_remove(struct ynode *map, const char *key)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->len; i++)
        if (strcmp(map->pairs[i].key->text, key) != 0)
            map->pairs[kept++] = map->pairs[i];
    map->len = kept;
}
