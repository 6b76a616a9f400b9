/*
 * Writing, with group commit. A durable commit costs a disk flush whatever its size, so writers queue up, and
 * the first one writes for all that wait, in one commit. When the shared commit fails, each write is retried
 * alone, so that one that cannot be written does not make the others fail.
 */
#include <assert.h>

#include "base/limits.h"
#include "reconciler/store/internal.h"

struct write_job {
    struct write_job *next;
    store_update_fn *fn;
    void *arg;
    struct err *err;
    int result;
    bool done;
};

struct group {
    struct store *s;
    struct write_job *jobs;
};

static _Thread_local const struct store *reading;
static _Thread_local unsigned reading_depth;

void store_reading(const struct store *s, bool begins)
{
    if (begins && reading_depth++ == 0)
        reading = s;
    else if (!begins && --reading_depth == 0)
        reading = NULL;
}

bool store_is_reading(const struct store *s)
{
    return reading == s;
}

static int run_alone(struct kv_txn *txn, void *arg, struct err *err)
{
    const struct group *g = arg;
    struct store_tx tx = {.s = g->s, .txn = txn};
    return g->jobs->fn(&tx, g->jobs->arg, err);
}

static int run_all(struct kv_txn *txn, void *arg, struct err *err)
{
    const struct group *g = arg;
    for (struct write_job *j = g->jobs; j; j = j->next) {
        struct store_tx tx = {.s = g->s, .txn = txn};
        j->result = j->fn(&tx, j->arg, j->err);
        if (j->result != 0 && tx.dirty) /* the transaction holds part of a failed write */
            return err_set(err, ERR_FAILED, "each alone");
    }
    return 0;
}

static void write_group(struct store *s, struct write_job *jobs)
{
    struct err err = {0};
    struct group all = {s, jobs};
    if (jobs->next && s->kv->ops->write(s->kv, run_all, &all, &err) == 0)
        return;
    for (struct write_job *j = jobs, *next; j; j = next) {
        struct group one = {s, j};
        next = j->next;
        j->next = NULL;
        j->result = s->kv->ops->write(s->kv, run_alone, &one, j->err);
        j->next = next;
    }
}

/* Write what is queued. The lock is held on entry and on return. */
static void lead(struct store *s)
{
    struct write_job *jobs = s->queue;
    s->queue = NULL;
    s->queue_last = &s->queue;
    s->writing = true;
    pthread_mutex_unlock(&s->write_lock);
    write_group(s, jobs);
    pthread_mutex_lock(&s->write_lock);
    s->writing = false;
    for (struct write_job *j = jobs, *next; j; j = next) {
        next = j->next; /* `j` is on its owner's stack, and gone once the owner sees `done` */
        j->done = true;
    }
    pthread_cond_broadcast(&s->written);
}

int store_update(struct store *s, store_update_fn *fn, void *arg, struct err *err)
{
    assert(!store_is_reading(s)); /* the database may have to grow, which waits for all readers */
    if (s->read_only)
        return err_set(err, ERR_DENIED, "the store in %s was opened read-only", s->dir);
    struct write_job job = {.fn = fn, .arg = arg, .err = err};
    pthread_mutex_lock(&s->write_lock);
    *s->queue_last = &job;
    s->queue_last = &job.next;
    while (!job.done) {
        if (s->writing)
            pthread_cond_wait(&s->written, &s->write_lock);
        else
            lead(s);
    }
    pthread_mutex_unlock(&s->write_lock);
    return job.result;
}

int store_tx_get(struct store_tx *tx, enum store_table t, const char *key, struct arena *a, struct val **ret,
                 struct err *err)
{
    struct slice bytes;
    int r = store_check_key(t, key, err);
    if (r == 0)
        r = tx->s->kv->ops->get(tx->txn, t, slice_of(key), &bytes, err);
    if (r == ERR_NOTFOUND)
        return err_set(err, ERR_NOTFOUND, "the store has no record %s in table %s", key, store_table_name(t));
    return r < 0 ? r : record_decode(tx->s, t, key, bytes, a, ret, err);
}

int store_tx_put_bytes(struct store_tx *tx, unsigned t, const char *key, struct slice bytes, struct err *err)
{
    tx->dirty = true;
    return tx->s->kv->ops->put(tx->txn, t, slice_of(key), bytes, err);
}

int store_tx_put(struct store_tx *tx, enum store_table t, const char *key, const struct val *v,
                 struct err *err)
{
    _cleanup_buf_ struct buf bytes = {.max = LIMIT_STORE_VALUE_BYTES};
    int r = store_check_key(t, key, err);
    if (r == 0)
        r = record_encode(tx->s, t, key, v, &bytes, err);
    return r < 0 ? r : store_tx_put_bytes(tx, t, key, (struct slice){bytes.data, bytes.len}, err);
}

int store_tx_del(struct store_tx *tx, enum store_table t, const char *key, struct err *err)
{
    int r = store_check_key(t, key, err);
    if (r < 0)
        return r;
    tx->dirty = true;
    return tx->s->kv->ops->del(tx->txn, t, slice_of(key), err);
}
