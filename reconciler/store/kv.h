#ifndef STORE_KV_H
#define STORE_KV_H
/*
 * What the store stands on: tables of bytes under ordered keys, with snapshots for readers and transactions
 * for one writer. Two implementations: LMDB (kv_lmdb.c) and memory (kv_mem.c); every test of the store runs
 * on both.
 *
 * Keys are 1 to KV_KEY_MAX bytes of any value, compared bytewise; who calls sees to that. Threads: any number
 * of read transactions at the same time, each used by one thread; kv_ops.write is called by one thread at a
 * time (store_write.c sees to it). A read transaction sees what was committed before it began.
 */
#include <string.h>

#include "base/err.h"

#define KV_KEY_MAX 511 /* LMDB's */

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
    int (*begin)(struct kv *kv, struct kv_txn **ret, struct err *err); /* to read */
    void (*end)(struct kv_txn *txn);
    /* ERR_NOTFOUND, without a message, when absent. What is returned is valid until the transaction ends, or,
       in a write transaction, until its next put. */
    int (*get)(struct kv_txn *txn, unsigned table, struct slice key, struct slice *ret, struct err *err);
    /* Each record whose key starts with the prefix, in key order or its reverse, until fn returns other than
       0; *ret_stop is what it returned last. fn does not write. */
    int (*walk)(struct kv_txn *txn, unsigned table, struct slice prefix, bool reverse, kv_walk_fn *fn,
                void *arg, int *ret_stop, struct err *err);
    /* Run fn in a write transaction and commit it durably; roll back when it returns other than 0, which is
       then the result. fn may be run more than once: when the database has to grow, its first run is rolled
       back. */
    int (*write)(struct kv *kv, kv_write_fn *fn, void *arg, struct err *err);
    int (*put)(struct kv_txn *txn, unsigned table, struct slice key, struct slice value, struct err *err);
    int (*del)(struct kv_txn *txn, unsigned table, struct slice key, struct err *err); /* absent: success */
    /* A consistent copy into an open file, while others read and write. NULL: there is nothing to copy. */
    int (*copy)(struct kv *kv, int fd, struct err *err);
    /* Give back the memory in which the kernel shows this process what was read. NULL: there is none. */
    void (*relax)(struct kv *kv);
};

/* Each implementation's own struct begins with this. */
struct kv {
    const struct kv_ops *ops;
};

struct kv *kv_mem_open(unsigned tables);

struct kv_lmdb_options {
    const char *file;
    const char *const *tables; /* their names */
    unsigned n_tables;         /* up to KV_TABLES_MAX */
    bool read_only;            /* the file must be there */
    bool no_lock;              /* nobody else has it open and it is not written: a backup that is looked at */
    size_t map_initial, map_max;
};
#define KV_TABLES_MAX 16

/* A process opens a file once only (else ERR_BUSY): LMDB's locks do not hold between two handles in one
   process. ERR_NOTFOUND when read_only and there is none. */
int kv_lmdb_open(const struct kv_lmdb_options *o, struct kv **ret, struct err *err) _must_check_;
#endif
