#ifndef STORE_KV_H
#define STORE_KV_H
/*
 * The backend of the store: tables of bytes under ordered keys, with snapshots for readers and transactions
 * for one writer. Two implementations: LMDB (kv_lmdb.c) and memory (kv_mem.c); every test of the store runs
 * on both.
 *
 * Keys are 1 to KV_KEY_MAX bytes of any value, compared bytewise; callers check the length. Threads: any
 * number of concurrent read transactions, each used by one thread; kv_ops.write is called by one thread at a
 * time (store_write.c ensures it). A read transaction sees what was committed before it began.
 */
#include <string.h>

#include "base/err.h"

#define KV_KEY_MAX 511 /* LMDB's limit */

struct slice {
    const void *data;
    size_t len;
};

static inline struct slice slice_of(const char *s)
{
    return (struct slice){s, strlen(s)};
}

struct kv;
struct kv_txn; /* each implementation's own */

typedef int kv_walk_fn(void *arg, struct slice key, struct slice value);
typedef int kv_write_fn(struct kv_txn *txn, void *arg, struct err *err);

struct kv_ops {
    void (*close)(struct kv *kv);
    int (*begin)(struct kv *kv, struct kv_txn **ret, struct err *err); /* a read transaction */
    void (*end)(struct kv_txn *txn);
    /* ERR_NOTFOUND, without a message, when absent. *ret is borrowed: valid until the transaction ends or, in
       a write transaction, until its next put. */
    int (*get)(struct kv_txn *txn, unsigned table, struct slice key, struct slice *ret, struct err *err);
    /* Call fn for each record whose key starts with the prefix, in key order or its reverse, until fn returns
       anything but 0; *ret_stop is its last return value. fn must not write. */
    int (*walk)(struct kv_txn *txn, unsigned table, struct slice prefix, bool reverse, kv_walk_fn *fn,
                void *arg, int *ret_stop, struct err *err);
    /* Run fn in a write transaction and commit it durably. When fn returns anything but 0, roll back and
       return that. fn may be run more than once: when the database has to grow, its run is rolled back and
       repeated. */
    int (*write)(struct kv *kv, kv_write_fn *fn, void *arg, struct err *err);
    int (*put)(struct kv_txn *txn, unsigned table, struct slice key, struct slice value, struct err *err);
    int (*del)(struct kv_txn *txn, unsigned table, struct slice key, struct err *err); /* absent: success */
    /* Write a consistent copy to an open file, while others read and write. NULL: not supported. */
    int (*copy)(struct kv *kv, int fd, struct err *err);
    /* Release mapped pages that were read (store_relax()). NULL: nothing is mapped. */
    void (*relax)(struct kv *kv);
};

/* The first member of each implementation's own struct. */
struct kv {
    const struct kv_ops *ops;
};

struct kv *kv_mem_open(unsigned tables);

struct kv_lmdb_options {
    const char *file;
    const char *const *tables; /* their names */
    unsigned n_tables;         /* up to KV_TABLES_MAX */
    bool read_only;            /* the file must exist */
    bool no_lock;              /* nobody else has the file open and nothing is written: to check a backup */
    size_t map_initial, map_max;
};
#define KV_TABLES_MAX 16

/* A process may open a file only once (else ERR_BUSY): LMDB's locks do not work between two handles of one
   process. ERR_NOTFOUND when read_only and there is no file. */
int kv_lmdb_open(const struct kv_lmdb_options *o, struct kv **ret, struct err *err) _must_check_;
#endif
