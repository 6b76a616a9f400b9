/*
 * The store's tables in memory. A table is a sorted array of records that is never changed once it is shared:
 * a writer changes a copy and installs it on commit, a reader keeps the table it began with. Tables and
 * records have reference counts, which are guarded by the lock.
 */
#include <pthread.h>

#include "base/mem.h"
#include "reconciler/store/kv.h"

struct record {
    size_t refs;
    size_t key_len, len;
    char data[]; /* key, then value */
};

struct table {
    size_t refs;
    size_t n, cap;
    struct record **items;
};

struct mem {
    struct kv kv;
    pthread_mutex_t lock;
    unsigned n;
    struct table *tables[KV_TABLES_MAX];
};

struct kv_txn {
    struct mem *m;
    struct table *tables[KV_TABLES_MAX];
};

static void record_unref(struct record *r)
{
    if (--r->refs == 0)
        free(r);
}

static void table_unref(struct table *t)
{
    if (--t->refs > 0)
        return;
    for (size_t i = 0; i < t->n; i++)
        record_unref(t->items[i]);
    free(t->items);
    free(t);
}

static int compare(struct slice a, struct slice b)
{
    int c = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static struct slice key_of(const struct record *r)
{
    return (struct slice){r->data, r->key_len};
}

/* Index of the first record whose key is not less than `key`. */
static size_t lower_bound(const struct table *t, struct slice key)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(key_of(t->items[mid]), key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_at(const struct table *t, size_t i, struct slice key)
{
    return i < t->n && compare(key_of(t->items[i]), key) == 0;
}

static void mem_close(struct kv *kv)
{
    struct mem *m = (struct mem *)kv;
    for (unsigned i = 0; i < m->n; i++)
        table_unref(m->tables[i]);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static struct kv_txn *txn_new(struct mem *m)
{
    struct kv_txn *txn = mem_new(struct kv_txn);
    txn->m = m;
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->n; i++) {
        txn->tables[i] = m->tables[i];
        txn->tables[i]->refs++;
    }
    pthread_mutex_unlock(&m->lock);
    return txn;
}

static int mem_begin(struct kv *kv, struct kv_txn **ret, struct err *err)
{
    (void)err;
    *ret = txn_new((struct mem *)kv);
    return 0;
}

static void mem_end(struct kv_txn *txn)
{
    struct mem *m = txn->m;
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->n; i++)
        table_unref(txn->tables[i]);
    pthread_mutex_unlock(&m->lock);
    free(txn);
}

static int mem_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *ret, struct err *err)
{
    (void)err;
    const struct table *t = txn->tables[table];
    size_t i = lower_bound(t, key);
    if (!is_at(t, i, key))
        return ERR_NOTFOUND;
    *ret = (struct slice){t->items[i]->data + t->items[i]->key_len, t->items[i]->len};
    return 0;
}

static bool has_prefix(const struct record *r, struct slice prefix)
{
    return r->key_len >= prefix.len && (prefix.len == 0 || memcmp(r->data, prefix.data, prefix.len) == 0);
}

static int mem_walk(struct kv_txn *txn, unsigned table, struct slice prefix, bool reverse, kv_walk_fn *fn,
                    void *arg, int *ret_stop, struct err *err)
{
    (void)err;
    const struct table *t = txn->tables[table];
    size_t begin = prefix.len ? lower_bound(t, prefix) : 0, end = begin, past = t->n;
    while (end < past) { /* records with the prefix are contiguous */
        size_t mid = end + (past - end) / 2;
        if (has_prefix(t->items[mid], prefix))
            end = mid + 1;
        else
            past = mid;
    }
    *ret_stop = 0;
    for (size_t i = 0; i < end - begin && *ret_stop == 0; i++) {
        const struct record *r = t->items[reverse ? end - 1 - i : begin + i];
        *ret_stop = fn(arg, key_of(r), (struct slice){r->data + r->key_len, r->len});
    }
    return 0;
}

/* The transaction's own copy of a table. */
static struct table *own(struct kv_txn *txn, unsigned table)
{
    struct mem *m = txn->m;
    pthread_mutex_lock(&m->lock);
    struct table *old = txn->tables[table], *t = old;
    if (old->refs > 1) {
        t = mem_new(struct table);
        *t = (struct table){.refs = 1, .n = old->n, .cap = old->n + 8};
        t->items = mem_array(t->cap, sizeof(*t->items));
        for (size_t i = 0; i < old->n; i++) {
            t->items[i] = old->items[i];
            t->items[i]->refs++;
        }
        table_unref(old);
        txn->tables[table] = t;
    }
    pthread_mutex_unlock(&m->lock);
    return t;
}

static void replace(struct mem *m, struct record **at, struct record *with)
{
    pthread_mutex_lock(&m->lock);
    record_unref(*at);
    pthread_mutex_unlock(&m->lock);
    *at = with;
}

static int mem_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value, struct err *err)
{
    (void)err;
    struct record *r = mem_alloc(sizeof(*r) + key.len + value.len);
    r->refs = 1;
    r->key_len = key.len;
    r->len = value.len;
    memcpy(r->data, key.data, key.len);
    if (value.len)
        memcpy(r->data + key.len, value.data, value.len);
    struct table *t = own(txn, table);
    size_t i = lower_bound(t, key);
    if (is_at(t, i, key)) {
        replace(txn->m, &t->items[i], r);
        return 0;
    }
    if (t->n == t->cap) {
        t->cap = t->cap * 2 + 8;
        t->items = mem_resize(t->items, t->cap, sizeof(*t->items));
    }
    memmove(t->items + i + 1, t->items + i, (t->n - i) * sizeof(*t->items));
    t->items[i] = r;
    t->n++;
    return 0;
}

static int mem_del(struct kv_txn *txn, unsigned table, struct slice key, struct err *err)
{
    (void)err;
    size_t i = lower_bound(txn->tables[table], key);
    if (!is_at(txn->tables[table], i, key))
        return 0;
    struct table *t = own(txn, table);
    replace(txn->m, &t->items[i], NULL);
    t->n--;
    memmove(t->items + i, t->items + i + 1, (t->n - i) * sizeof(*t->items));
    return 0;
}

static int mem_write(struct kv *kv, kv_write_fn *fn, void *arg, struct err *err)
{
    struct mem *m = (struct mem *)kv;
    struct kv_txn *txn = txn_new(m);
    int r = fn(txn, arg, err);
    if (r == 0) {
        /* Swap: the transaction's tables become current, and mem_end() releases the old ones. */
        pthread_mutex_lock(&m->lock);
        for (unsigned i = 0; i < m->n; i++) {
            struct table *old = m->tables[i];
            m->tables[i] = txn->tables[i];
            txn->tables[i] = old;
        }
        pthread_mutex_unlock(&m->lock);
    }
    mem_end(txn);
    return r;
}

static const struct kv_ops mem_ops = {
    .close = mem_close,
    .begin = mem_begin,
    .end = mem_end,
    .get = mem_get,
    .walk = mem_walk,
    .write = mem_write,
    .put = mem_put,
    .del = mem_del,
};

struct kv *kv_mem_open(unsigned tables)
{
    struct mem *m = mem_new(struct mem);
    m->kv.ops = &mem_ops;
    m->n = tables;
    pthread_mutex_init(&m->lock, NULL);
    for (unsigned i = 0; i < tables; i++) {
        m->tables[i] = mem_new(struct table);
        m->tables[i]->refs = 1;
    }
    return &m->kv;
}
