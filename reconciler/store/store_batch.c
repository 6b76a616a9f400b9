/* Batches: records are encoded when added, and written together. A single write is a batch of one. */
#include "base/limits.h"
#include "base/mem.h"
#include "reconciler/store/internal.h"

struct store_batch {
    struct store *s;
    struct batch_op *ops;
    size_t n, cap;
    int failed;
    struct err err; /* of the first write that could not be added */
};

struct batch_op {
    enum store_table table;
    char *key;
    struct buf bytes; /* empty: delete */
};

struct store_batch *store_begin(struct store *s)
{
    struct store_batch *b = mem_new(struct store_batch);
    b->s = s;
    return b;
}

static struct batch_op *batch_add(struct store_batch *b, enum store_table t, const char *key)
{
    if (b->failed)
        return NULL;
    b->failed = store_check_key(t, key, &b->err);
    if (b->failed)
        return NULL;
    if (b->n == b->cap) {
        b->cap = b->cap * 2 + 4;
        b->ops = mem_resize(b->ops, b->cap, sizeof(*b->ops));
    }
    b->ops[b->n] =
        (struct batch_op){.table = t, .key = mem_strdup(key), .bytes.max = LIMIT_STORE_VALUE_BYTES};
    return &b->ops[b->n++];
}

void store_batch_put(struct store_batch *b, enum store_table t, const char *key, const struct val *v)
{
    struct batch_op *op = batch_add(b, t, key);
    if (op)
        b->failed = record_encode(b->s, t, key, v, &op->bytes, &b->err);
}

void store_batch_del(struct store_batch *b, enum store_table t, const char *key)
{
    batch_add(b, t, key);
}

static int apply_batch(struct store_tx *tx, void *arg, struct err *err)
{
    const struct store_batch *b = arg;
    int r = 0;
    for (size_t i = 0; i < b->n && r == 0; i++) {
        const struct batch_op *op = &b->ops[i];
        if (op->bytes.len)
            r = store_tx_put_bytes(tx, op->table, op->key, (struct slice){op->bytes.data, op->bytes.len},
                                   err);
        else
            r = store_tx_del(tx, op->table, op->key, err);
    }
    return r;
}

int store_commit(struct store_batch *b, struct err *err)
{
    int r = b->failed;
    if (r)
        *err = b->err;
    else if (b->n)
        r = store_update(b->s, apply_batch, b, err);
    store_abort(b);
    return r;
}

void store_abort(struct store_batch *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++) {
        free(b->ops[i].key);
        buf_release(&b->ops[i].bytes);
    }
    free(b->ops);
    free(b);
}

int store_put(struct store *s, enum store_table t, const char *key, const struct val *v, struct err *err)
{
    struct store_batch *b = store_begin(s);
    store_batch_put(b, t, key, v);
    return store_commit(b, err);
}

int store_del(struct store *s, enum store_table t, const char *key, struct err *err)
{
    struct store_batch *b = store_begin(s);
    store_batch_del(b, t, key);
    return store_commit(b, err);
}
