#include "reconciler/store/keys.h"

#include <stdarg.h>

struct key key_of(const char *env, const char *fmt, ...)
{
    struct key k;
    int n = snprintf(k.text, sizeof(k.text), "%s/", env);
    size_t at = n < 0 ? 0 : (size_t)n < sizeof(k.text) ? (size_t)n : sizeof(k.text) - 1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(k.text + at, sizeof(k.text) - at, fmt, ap);
    va_end(ap);
    return k;
}

uint64_t key_number(const char *key)
{
    const char *slash = strrchr(key, '/');
    const char *digits = slash ? slash + 1 : key;
    digits += strcspn(digits, "0123456789");
    return strtoull(digits, NULL, 10);
}

struct collect {
    struct arena *arena;
    struct keys *keys;
    size_t limit;
};

static int collect_key(void *arg, struct slice key, struct slice value)
{
    struct collect *c = arg;
    (void)value;
    arena_push(c->arena, c->keys->items, c->keys->n, c->keys->cap,
               arena_strndup(c->arena, key.data, key.len));
    return c->keys->n == c->limit;
}

int store_tx_keys(struct store_tx *tx, unsigned table, const char *prefix, bool reverse, size_t limit,
                  struct arena *a, struct keys *ret, struct err *err)
{
    struct collect c = {a, ret, limit};
    int stop;
    *ret = (struct keys){0};
    return tx->s->kv->ops->walk(tx->txn, table, slice_of(prefix), reverse, collect_key, &c, &stop, err);
}

int store_keys(struct store *s, unsigned table, const char *prefix, bool reverse, size_t limit,
               struct arena *a, struct keys *ret, struct err *err)
{
    struct store_tx tx = {.s = s};
    int r = s->kv->ops->begin(s->kv, &tx.txn, err);
    if (r < 0)
        return r;
    r = store_tx_keys(&tx, table, prefix, reverse, limit, a, ret, err);
    s->kv->ops->end(tx.txn);
    return r;
}

bool store_tx_has(struct store_tx *tx, unsigned table, const char *key)
{
    struct err ignored = {0};
    struct slice bytes;
    return tx->s->kv->ops->get(tx->txn, table, slice_of(key), &bytes, &ignored) == 0;
}

int store_tx_newest(struct store_tx *tx, unsigned table, const char *env, uint64_t *ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct key prefix = key_of(env, "%s", "");
    struct keys keys;
    int r = store_tx_keys(tx, table, prefix.text, true, 1, &a, &keys, err);
    if (r == 0)
        *ret = keys.n ? key_number(keys.items[0]) : 0;
    return r;
}
