#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * The store: what Forge remembers between runs. It has two backends that behave alike: LMDB in the state
 * folder, and memory for tests and `diff` without a state folder.
 *
 * Records are value trees under (table, key). Each is stored with a version byte and a checksum, and sealed
 * (seal.h) when it holds a secret. Cache records are plain bytes and may be dropped at any time. Writes are
 * serialised internally, and writes of several threads share a commit. A write is durable when it returns,
 * except in the cache, which store_cache_flush() makes durable. The database grows automatically; a full disk
 * is ERR_NOSPACE with a hint.
 *
 * Thread-safe, but not across fork. Several processes may have the same store open, each of them only once
 * (else ERR_BUSY). A thread must not write while it reads: not from the callback of store_each(), nor between
 * store_cache_begin() and _end().
 *
 * Keys are 1 to 511 bytes. A prefix matches any key that starts with it, so end it with the separator
 * ("ENV/"). Numbers in keys have leading zeros, so that keys sort in numerical order.
 *
 * Built on top of it: records.h, what the store remembers of an environment.
 */
#include "schema/val.h"

struct clock;

struct store;

enum store_table {
    STORE_META,       /* "format", "controller" */
    STORE_ENV,        /* ENV -> struct env_state */
    STORE_INVENTORY,  /* ENV/ID -> struct applied */
    STORE_GENERATION, /* ENV/NNNNNNNNNN -> struct generation, without its resources */
    STORE_RESOURCE,   /* ENV/DIGEST -> a resource of one or more generations; ENV/@NNNNNNNNNN -> a
                         generation's list of resources, by digest */
    STORE_TRANSITION, /* ENV/NNNNNNNNNN -> struct transition */
    STORE_JOURNAL,    /* ENV/RUN/NNNNNNNNNN -> struct journal_entry */
    STORE_IMAGE,      /* ENGINE/IMAGE (ENGINE as a digest) -> struct image_record */
    STORE_TABLES,
};

struct store_options {
    const char *dir;    /* state folder; created (0700) when missing; NULL: in memory */
    bool read_only;     /* never writes; works beside a running daemon. ERR_NOTFOUND when there is no store */
    size_t map_initial; /* 0: 16 MiB; doubles when full */
    size_t map_max;     /* 0: 64 GiB */
    struct clock *clock; /* for cache time stamps; NULL: the system's */
};

/* ERR_UNSUPPORTED: created by a newer Forge. ERR_BUSY: already open in this process, or being restored. */
int store_open(const struct store_options *o, struct store **ret, struct err *err) _must_check_;
void store_close(struct store *s);
static inline void store_closep(struct store **s)
{
    store_close(*s);
}
#define _cleanup_store_ _cleanup_(store_closep)
/* The random id of this controller, generated when the store was created. */
const char *store_controller(const struct store *s);
const char *store_dir(const struct store *s); /* NULL: in memory */

/* A keyed digest of some content, with the key of the state folder (seal.h). It is stored instead of a
   secret, to tell whether the secret changed. NULL: the folder has no key. Any thread. */
const char *store_keyed_digest(const struct store *s, struct arena *a, const char *context, const void *data,
                               size_t len);

/* One record. ERR_NOTFOUND, ERR_CORRUPT (names table and key). */
int store_get(struct store *s, enum store_table t, const char *key, struct arena *a, struct val **ret,
              struct err *err) _must_check_;
int store_put(struct store *s, enum store_table t, const char *key, const struct val *v,
              struct err *err) _must_check_;
int store_del(struct store *s, enum store_table t, const char *key,
              struct err *err) _must_check_; /* absent is success */
/* Records whose key starts with `prefix`, in key order or its reverse, at most `limit` (0: all). fn returns
   non-zero to stop. */
int store_each(struct store *s, enum store_table t, const char *prefix, bool reverse, size_t limit,
               struct arena *a, int (*fn)(void *arg, const char *key, const struct val *v), void *arg,
               struct err *err) _must_check_;

/* Several writes in one durable commit, all or none. A batch is used by one thread, and ended by commit or
   abort. */
struct store_batch;
struct store_batch *store_begin(struct store *s);
void store_batch_put(struct store_batch *b, enum store_table t, const char *key, const struct val *v);
void store_batch_del(struct store_batch *b, enum store_table t, const char *key);
int store_commit(struct store_batch *b, struct err *err) _must_check_; /* frees the batch either way */
void store_abort(struct store_batch *b);                               /* accepts NULL */

/* Read and write in one durable commit, all or none: until the commit, no thread or process can change what
   fn has read. fn may be run more than once, and on another thread, so its only effects are those through
   `tx` and state that each run sets again. When it returns anything but 0, nothing is written, and its return
   value is the result. */
struct store_tx;
typedef int store_update_fn(struct store_tx *tx, void *arg, struct err *err);
int store_update(struct store *s, store_update_fn *fn, void *arg, struct err *err) _must_check_;
int store_tx_get(struct store_tx *tx, enum store_table t, const char *key, struct arena *a, struct val **ret,
                 struct err *err) _must_check_;
int store_tx_put(struct store_tx *tx, enum store_table t, const char *key, const struct val *v,
                 struct err *err) _must_check_;
int store_tx_del(struct store_tx *tx, enum store_table t, const char *key, struct err *err) _must_check_;

/* Release the mapped pages of the store that this process has read, which count as its memory. To be called
   after reading a lot, and before a long wait. */
void store_relax(struct store *s);

/* The cache: namespace "blob", "container", ... and key -> bytes (not aligned). Puts are buffered in memory,
   where reads find them, until the flush; beyond 32 MiB a put flushes by itself. A read-only store ignores
   puts. */
int store_cache_get(struct store *s, const char *ns, const char *key, struct arena *a, const void **ret,
                    size_t *ret_len); /* 0 or ERR_NOTFOUND */
/* The same for many at once under one read transaction: begin, get borrowed bytes (valid until end), end. */
struct store_cache_read;
struct store_cache_read *store_cache_begin(struct store *s);
int store_cache_peek(struct store_cache_read *r, const char *ns, const char *key, const void **ret,
                     size_t *ret_len);
void store_cache_end(struct store_cache_read *r);
void store_cache_put(struct store *s, const char *ns, const char *key, const void *data, size_t len);
int store_cache_flush(struct store *s, struct err *err) _must_check_;
/* Drop entries that were not put or read within the last `ns_age`, so that the cache does not grow for ever.
   The time of a read is recorded at the next flush, with a resolution of one hour. */
int store_cache_trim(struct store *s, int64_t now_ns, int64_t ns_age, struct err *err) _must_check_;

/* Write a consistent copy to one file (0600, replaced atomically) with its digest at the end; others may
   write to the store meanwhile. The key of sealed records is not in the copy: back up the folder's file "key"
   separately. ERR_UNSUPPORTED in memory. */
int store_backup(struct store *s, const char *file, struct err *err) _must_check_;
/* Replace the store of a folder, which nobody may have open (else ERR_BUSY), by a backup. The backup's digest
   and format are checked first (ERR_CORRUPT), and the old store is kept as store.mdb.before-TIME. */
int store_restore(const char *file, const char *dir, struct err *err) _must_check_;

/* The environment's writer lock (L6): a lock file in the state folder that names its holder. ERR_BUSY, naming
   the holder, when it is taken. */
int store_lock(struct store *s, const char *env, const char *holder, int *ret_fd,
               struct err *err) _must_check_;
/* Who holds it now; NULL: nobody, or that cannot be found out. */
const char *store_lock_holder(struct store *s, const char *env, struct arena *a);
#endif
