/*
 * Generations. The record itself is small. Its resources are a list of digests in a record of its own (table
 * resource, "ENV/@N"), and each resource is a record under its digest ("ENV/DIGEST"), stored once however
 * many generations have it.
 *
 * A list may be a difference: {"@base": {"": M}, id: digest, ...} is the list of generation M, overridden by
 * the named entries. No id begins with an @. Before retention deletes the base of a list, it rewrites the
 * list without a base.
 */
#include <string.h>

#include "base/digest.h"
#include "base/str.h"
#include "reconciler/store/fields.h"
#include "reconciler/store/generation.h"
#include "reconciler/store/keys.h"

static const char *const status_names[] = {
    [GEN_RUNNING] = "running",         [GEN_OK] = "ok", [GEN_PARTIAL] = "partial", [GEN_FAILED] = "failed",
    [GEN_INTERRUPTED] = "interrupted",
};

static const struct stored_field fields[] = {
    {"generation", FIELD_UINT, offsetof(struct generation, number)},
    STORED(generation, FIELD_STR, commit),
    STORED(generation, FIELD_STR, subject),
    STORED(generation, FIELD_STR, author),
    STORED(generation, FIELD_STR, actor),
    STORED(generation, FIELD_STR, trigger),
    STORED(generation, FIELD_STR, plan_digest),
    STORED(generation, FIELD_INT, begin_ns),
    STORED(generation, FIELD_INT, end_ns),
    STORED(generation, FIELD_STR, error),
    STORED(generation, FIELD_TREE, resources),
    STORED(generation, FIELD_TREE, images),
    STORED(generation, FIELD_TREE, secrets),
    STORED(generation, FIELD_TREE, summary),
};

const char *generation_status_name(enum generation_status s)
{
    return (size_t)s < ARRAY_LEN(status_names) ? status_names[s] : "unknown";
}

struct val *generation_to_val(struct arena *a, const struct generation *g)
{
    struct val *v = fields_to_val(a, fields, ARRAY_LEN(fields), g);
    val_set_str(a, v, "status", generation_status_name(g->status));
    return v;
}

static int from_val(const struct val *v, const char *key, struct generation *ret, struct err *err)
{
    const char *status = val_get_str(v, "status");
    size_t i = 0;
    *ret = (struct generation){0};
    fields_from_val(fields, ARRAY_LEN(fields), v, ret);
    while (i < ARRAY_LEN(status_names) && !str_eq(status_names[i], status))
        i++;
    if (i == ARRAY_LEN(status_names))
        return err_set(err, ERR_CORRUPT, "the store's generation %s has no known status", key);
    ret->status = (enum generation_status)i;
    return 0;
}

struct key generation_list_key(const char *env, uint64_t number)
{
    return key_of(env, "@" KEY_NUMBER, (unsigned long long)number);
}

static struct key generation_key(const char *env, uint64_t number)
{
    return key_of(env, KEY_NUMBER, (unsigned long long)number);
}

/* A resource's name in the store: half of the SHA-256 of its encoded value, flags included. */
static const char *name_of(struct arena *a, const struct val *v)
{
    _cleanup_buf_ struct buf bytes = BUF_INIT;
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    val_encode(v, false, &bytes);
    digest_of(bytes.data, bytes.len, &d);
    digest_hex(&d, hex);
    return arena_strndup(a, hex, DIGEST_HEX_LEN / 2);
}

#define LIST_BASE "@base"
#define CHAIN_MAX 64u /* a full list is written once in this many generations, which limits chains */

/* The generation that a list is based on; 0: none. */
static uint64_t list_base(const struct val *names)
{
    return (uint64_t)val_get_int(val_get(names, LIST_BASE), "", 0);
}

/* Read a generation's list and its chain of bases, and merge them; *ret_depth: the number of differences. */
static int read_list(struct store_tx *tx, const char *env, uint64_t number, struct arena *a,
                     const struct val **ret, size_t *ret_depth, struct err *err)
{
    const struct val *chain[CHAIN_MAX + 1];
    size_t n = 0;
    for (uint64_t at = number; at;) {
        struct val *names;
        if (n > CHAIN_MAX)
            return err_set(err, ERR_CORRUPT,
                           "generation %llu of environment %s: its chain of bases is too long",
                           (unsigned long long)number, env);
        int r = store_tx_get(tx, STORE_RESOURCE, generation_list_key(env, at).text, a, &names, err);
        if (r == ERR_NOTFOUND && at != number)
            r = err_set(err, ERR_CORRUPT, "generation %llu of environment %s: its base %llu is missing",
                        (unsigned long long)number, env, (unsigned long long)at);
        if (r < 0)
            return r;
        chain[n++] = names;
        uint64_t base = list_base(names);
        at = base < at ? base : 0;
    }
    *ret_depth = n - 1;
    *ret = chain[n - 1];
    if (n == 1)
        return 0;
    struct val *whole = val_map(a);
    for (size_t i = n; i > 0; i--)
        for (size_t k = 0; k < chain[i - 1]->len; k++)
            val_map_append(a, whole, chain[i - 1]->pairs[k].key, chain[i - 1]->pairs[k].val);
    val_map_sort(whole, NULL, NULL); /* of equal keys the last one wins */
    val_map_del(whole, LIST_BASE);
    *ret = whole;
    return 0;
}

int generation_list_whole(struct store_tx *tx, const char *env, uint64_t number, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct val *names;
    size_t depth = 0;
    int r = read_list(tx, env, number, &a, &names, &depth, err);
    if (r == ERR_NOTFOUND) {
        err_clear(err);
        return 0;
    }
    return r < 0 || depth == 0
               ? r
               : store_tx_put(tx, STORE_RESOURCE, generation_list_key(env, number).text, names, err);
}

struct begin {
    const char *env;
    const struct generation *g;
    const struct val *names; /* {id: digest} */
    uint64_t number;
};

static int put_list(struct store_tx *tx, const struct begin *b, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct val *base;
    size_t depth = 0;
    const struct key list = generation_list_key(b->env, b->number);
    const char *key = list.text;
    if (!b->g->base)
        return store_tx_put(tx, STORE_RESOURCE, key, b->names, err);
    struct val *names = val_map_copy(&a, b->names), *on = val_map(&a);
    if (b->g->base % CHAIN_MAX) {
        val_set_int(&a, on, "", (int64_t)b->g->base);
        val_map_set(&a, names, LIST_BASE, on);
        return store_tx_put(tx, STORE_RESOURCE, key, names, err);
    }
    int r = read_list(tx, b->env, b->g->base, &a, &base, &depth, err);
    if (r < 0)
        return r;
    struct val *whole = val_map_copy(&a, base);
    for (size_t i = 0; i < names->len; i++)
        val_map_set(&a, whole, names->pairs[i].key, names->pairs[i].val);
    return store_tx_put(tx, STORE_RESOURCE, key, whole, err);
}

static int put_resources(struct store_tx *tx, const struct begin *b, struct err *err)
{
    for (size_t i = 0; i < val_len(b->names); i++) {
        struct key key = key_of(b->env, "%s", b->names->pairs[i].val->s);
        if (store_tx_has(tx, STORE_RESOURCE, key.text))
            continue;
        int r = store_tx_put(tx, STORE_RESOURCE, key.text, b->g->resources->pairs[i].val, err);
        if (r < 0)
            return r;
    }
    return put_list(tx, b, err);
}

static int put_record(struct store_tx *tx, const char *env, const struct generation *g, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct generation record = *g;
    record.resources = NULL;
    return store_tx_put(tx, STORE_GENERATION, generation_key(env, g->number).text,
                        generation_to_val(&a, &record), err);
}

static int run_begin(struct store_tx *tx, void *arg, struct err *err)
{
    struct begin *b = arg;
    int r = store_tx_newest(tx, STORE_GENERATION, b->env, &b->number, err);
    if (r < 0)
        return r;
    if (b->g->base && b->g->base != b->number)
        return err_set(err, ERR_CONFLICT, "environment %s: another generation was recorded in the meantime",
                       b->env);
    b->number++;
    struct generation g = *b->g;
    g.number = b->number;
    r = put_record(tx, b->env, &g, err);
    return r < 0 || !b->names ? r : put_resources(tx, b, err);
}

int generation_begin(struct store *s, const char *env, struct generation *g, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct begin b = {.env = env, .g = g};
    if (g->resources) {
        struct val *names = val_map(&a);
        for (size_t i = 0; i < val_len(g->resources); i++) {
            const struct val_pair *p = &g->resources->pairs[i];
            val_map_append(&a, names, p->key, val_str_borrow(&a, name_of(&a, p->val), DIGEST_HEX_LEN / 2));
        }
        b.names = names; /* in the same order as g->resources */
    }
    int r = store_update(s, run_begin, &b, err);
    if (r == 0)
        g->number = b.number;
    return r;
}

struct end {
    const char *env;
    const struct generation *g;
};

static int run_end(struct store_tx *tx, void *arg, struct err *err)
{
    const struct end *e = arg;
    if (!store_tx_has(tx, STORE_GENERATION, generation_key(e->env, e->g->number).text))
        return generation_missing(e->env, e->g->number, err);
    return put_record(tx, e->env, e->g, err);
}

int generation_end(struct store *s, const char *env, const struct generation *g, struct err *err)
{
    return store_update(s, run_end, &(struct end){env, g}, err);
}

int generation_missing(const char *env, uint64_t number, struct err *err)
{
    return err_set(err, ERR_NOTFOUND, "environment %s has no generation %llu", env,
                   (unsigned long long)number);
}

/* The resources of a generation; NULL when it was begun without any. */
static int load_resources(struct store_tx *tx, const char *env, uint64_t number, struct arena *a,
                          const struct val **ret, struct err *err)
{
    const struct val *names;
    struct val *all = val_map(a);
    size_t depth;
    int r = read_list(tx, env, number, a, &names, &depth, err);
    if (r == ERR_NOTFOUND) {
        err_clear(err);
        *ret = NULL;
        return 0;
    }
    for (size_t i = 0; r == 0 && i < val_len(names); i++) {
        struct val *v = NULL;
        const char *name = names->pairs[i].val->type == VAL_STR ? names->pairs[i].val->s : "";
        r = store_tx_get(tx, STORE_RESOURCE, key_of(env, "%s", name).text, a, &v, err);
        if (r == ERR_NOTFOUND)
            r = err_set(err, ERR_CORRUPT, "generation %llu of environment %s: its resource %s is missing",
                        (unsigned long long)number, env, names->pairs[i].key);
        else if (r == 0)
            val_map_append(a, all, names->pairs[i].key, v);
    }
    *ret = all;
    return r;
}

static int get(struct store_tx *tx, const char *env, uint64_t number, struct arena *a, struct generation *ret,
               struct err *err)
{
    struct key key = generation_key(env, number);
    struct generation g;
    struct val *v;
    int r = store_tx_get(tx, STORE_GENERATION, key.text, a, &v, err);
    if (r == ERR_NOTFOUND)
        return generation_missing(env, number, err);
    if (r == 0)
        r = from_val(v, key.text, &g, err);
    if (r == 0)
        r = load_resources(tx, env, number, a, &g.resources, err);
    if (r == 0)
        *ret = g;
    return r;
}

int generation_get_brief(struct store *s, const char *env, uint64_t number, struct arena *a,
                         struct generation *ret, struct err *err)
{
    struct key key = generation_key(env, number);
    struct val *v;
    int r = store_get(s, STORE_GENERATION, key.text, a, &v, err);
    if (r == ERR_NOTFOUND)
        return generation_missing(env, number, err);
    return r < 0 ? r : from_val(v, key.text, ret, err);
}

int generation_get(struct store *s, const char *env, uint64_t number, struct arena *a, struct generation *ret,
                   struct err *err)
{
    struct store_tx tx = {.s = s};
    int r = s->kv->ops->begin(s->kv, &tx.txn, err);
    if (r < 0)
        return r;
    r = get(&tx, env, number, a, ret, err);
    s->kv->ops->end(tx.txn);
    return r;
}

struct listing {
    struct arena *arena;
    struct generation *items;
    size_t n, cap;
    int result;
    struct err *err;
};

static int add_listed(void *arg, const char *key, const struct val *v)
{
    struct listing *l = arg;
    struct generation g;
    l->result = from_val(v, key, &g, l->err);
    if (l->result < 0)
        return 1;
    arena_push(l->arena, l->items, l->n, l->cap, g);
    return 0;
}

int generation_list(struct store *s, const char *env, size_t limit, bool brief, struct arena *a,
                    struct generation **ret, size_t *ret_n, struct err *err)
{
    struct listing l = {.arena = a, .err = err};
    int r = store_each(s, STORE_GENERATION, key_of(env, "%s", "").text, true, limit, a, add_listed, &l, err);
    if (r == 0)
        r = l.result;
    for (size_t i = 0; r == 0 && !brief && i < l.n; i++)
        r = generation_get(s, env, l.items[i].number, a, &l.items[i], err);
    if (r < 0)
        return r;
    *ret = l.items;
    *ret_n = l.n;
    return 0;
}
