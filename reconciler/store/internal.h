#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H
/* Shared by the files of the store; nothing outside this folder includes it. */
#include <pthread.h>

#include "base/clock.h"
#include "base/map.h"
#include "reconciler/store/kv.h"
#include "reconciler/store/seal.h"
#include "reconciler/store/store.h"

#define STORE_FORMAT 1            /* of the whole store; a store with a higher format is not opened */
#define STORE_CACHE  STORE_TABLES /* one more table, with plain bytes instead of records */

#define STORE_FILE      "store.mdb"
#define STORE_OPEN_LOCK "store.lock"

struct write_job;

/* Cache entries that are not written yet, and the keys that were read and need a new time stamp. */
struct cache {
    pthread_mutex_t lock;
    pthread_mutex_t flushing; /* one flush at a time */
    struct map puts;          /* key -> struct cache_put */
    size_t bytes;
    struct map touched; /* key -> the key itself, owned */
};

/* An environment's lock file, for a store in memory. */
struct memory_lock {
    struct memory_lock *next;
    char *env;
    int fd;
};

struct store {
    struct kv *kv;
    char *dir; /* NULL: in memory */
    bool read_only;
    struct clock *clock;
    int open_fd; /* holds the shared lock that excludes a restore; -1: none */
    char controller[33];
    struct sealer sealer;
    /* Group commit: writers queue up, and one of them writes for all (store_write.c). */
    pthread_mutex_t write_lock;
    pthread_cond_t written;
    struct write_job *queue, **queue_last;
    bool writing;
    struct cache cache;
    pthread_mutex_t locks_lock;
    struct memory_lock *locks;
};

const char *store_table_name(unsigned table);
/* "dir/name"; the caller frees it. */
char *store_path(const char *dir, const char *name);
/* ERR_INVALID when the key is empty or too long. */
int store_check_key(unsigned table, const char *key, struct err *err) _must_check_;
/* Between a record and its bytes (record.c). */
int record_encode(const struct store *s, unsigned table, const char *key, const struct val *v,
                  struct buf *out, struct err *err) _must_check_;
int record_decode(const struct store *s, unsigned table, const char *key, struct slice bytes, struct arena *a,
                  struct val **ret, struct err *err) _must_check_;

/* A transaction of store_update(). */
struct store_tx {
    struct store *s;
    struct kv_txn *txn;
    bool dirty; /* it wrote something */
};

int store_tx_put_bytes(struct store_tx *tx, unsigned t, const char *key, struct slice bytes,
                       struct err *err) _must_check_;

struct inventory_edit;
int inventory_tx_edit(struct store_tx *tx, const char *env, const struct inventory_edit *edit,
                      struct err *err) _must_check_;

/* Mark this thread as reading from a store, or as done with it: a write by the same thread meanwhile could
   deadlock. */
void store_reading(const struct store *s, bool begins);
bool store_is_reading(const struct store *s);

void cache_init(struct cache *c);
void cache_release(struct cache *c);

void store_locks_release(struct store *s);

/* Read a store's format and controller id, and check the format. ERR_NOTFOUND: the store is new. */
int store_check_format(struct store *s, struct kv_txn *txn, struct err *err) _must_check_;
#endif
