#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * The store: what Forge remembers between runs. Two backends with one behaviour: LMDB in the state folder,
 * and memory for tests and `diff` without a state folder.
 *
 * Records are value trees under (table, key), each stored with a version byte and a checksum, and sealed
 * (seal.h) when it holds a secret; cache records are plain bytes and may be dropped at any time. Writes are
 * serialised inside, and those of several threads share a commit; a write has been committed to disk when it
 * returns, but for the cache, which is made durable by store_cache_flush(). The database grows by itself; a
 * full disk is ERR_NOSPACE with what to do.
 *
 * Thread-safe; several processes may have one store open, but one process only once (else ERR_BUSY). Not
 * across fork. A thread does not write while it reads: not from the function of store_each(), nor between
 * store_cache_begin() and _end().
 *
 * Keys are 1 to 511 bytes; a prefix is a plain prefix, so end it with the separator ("ENV/"). Numbers in keys
 * are written with leading zeros, so that their order is the keys'.
 *
 * Above it: records.h, what the store remembers of an environment.
 */
#include "schema/val.h"

struct clock;

struct store;

enum store_table {
    STORE_META,       /* "format", "controller" */
    STORE_ENV,        /* ENV -> struct env_state */
    STORE_INVENTORY,  /* ENV/ID -> struct applied */
    STORE_GENERATION, /* ENV/NNNNNNNNNN -> struct generation, its resources by digest */
    STORE_RESOURCE,   /* ENV/DIGEST -> a resource of one or more generations */
    STORE_TRANSITION, /* ENV/NNNNNNNNNN -> struct transition */
    STORE_JOURNAL,    /* ENV/RUN/NNNNNN -> struct journal_entry */
    STORE_IMAGE,      /* ENGINE/IMAGE -> struct image_record */
    STORE_TABLES,
};

struct store_options {
    const char *dir;    /* state folder; made (0700) when missing; NULL: in memory */
    bool read_only;     /* never writes; works beside a running daemon. ERR_NOTFOUND when there is no store */
    size_t map_initial; /* 0: 16 MiB; doubles when full */
    size_t map_max;     /* 0: 64 GiB */
    struct clock *clock; /* stamps the cache; NULL: the system's */
};

/* ERR_UNSUPPORTED: made by a newer Forge. ERR_BUSY: open in this process already, or being restored. */
int store_open(const struct store_options *o, struct store **ret, struct err *err) _must_check_;
void store_close(struct store *s);
static inline void store_closep(struct store **s)
{
    store_close(*s);
}
#define _cleanup_store_ _cleanup_(store_closep)
/* A random id made with the store: names this controller. */
const char *store_controller(const struct store *s);
const char *store_dir(const struct store *s); /* NULL: in memory */

/* A content's digest under the key of the state folder (seal.h): what is kept in place of a secret, to tell
   whether it changed. NULL: the folder has no key. Any thread. */
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

/* Several writes, all or none, one durable commit. A batch belongs to one thread and is ended by commit or
   abort. */
struct store_batch;
struct store_batch *store_begin(struct store *s);
void store_batch_put(struct store_batch *b, enum store_table t, const char *key, const struct val *v);
void store_batch_del(struct store_batch *b, enum store_table t, const char *key);
int store_commit(struct store_batch *b, struct err *err) _must_check_; /* frees the batch either way */
void store_abort(struct store_batch *b);                               /* accepts NULL */

/* Read and write in one durable commit, all or none: what fn reads cannot change before it is written, in no
   process. fn may be run more than once, and on another thread, so all it does is done through `tx` or set
   anew on each run. When it returns other than 0 nothing is written, and that is the result. */
struct store_tx;
typedef int store_update_fn(struct store_tx *tx, void *arg, struct err *err);
int store_update(struct store *s, store_update_fn *fn, void *arg, struct err *err) _must_check_;
int store_tx_get(struct store_tx *tx, enum store_table t, const char *key, struct arena *a, struct val **ret,
                 struct err *err) _must_check_;
int store_tx_put(struct store_tx *tx, enum store_table t, const char *key, const struct val *v,
                 struct err *err) _must_check_;
int store_tx_del(struct store_tx *tx, enum store_table t, const char *key, struct err *err) _must_check_;

/* Give back the memory in which the kernel shows this process what it has read of the store: after a lot was
   read, and before a long wait. */
void store_relax(struct store *s);

/* The cache: namespace "blob", "container", ... and key -> bytes (not aligned). Puts gather in memory until
   the flush, and are found there; past 32 MiB a put flushes by itself. A store that was opened for reading
   ignores them. */
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
/* Drop what was not put or read since `ns_age` ago, so that the cache does not grow for ever. That something
   was read is noted at the next flush, and to the hour. */
int store_cache_trim(struct store *s, int64_t now_ns, int64_t ns_age, struct err *err) _must_check_;

/* A consistent copy in one file (0600, replaced atomically), while others write, with its digest at the end.
   The key of sealed records is not in it: keep the folder's file "key" apart. ERR_UNSUPPORTED in memory. */
int store_backup(struct store *s, const char *file, struct err *err) _must_check_;
/* Put a backup in place of the store of a folder nobody has open (else ERR_BUSY); its digest and format are
   checked before (ERR_CORRUPT), and the old store is kept beside it as store.mdb.before-TIME. */
int store_restore(const char *file, const char *dir, struct err *err) _must_check_;

/* The environment's writer lock (L6): a lock file in the state folder naming its holder. ERR_BUSY names the
   first. */
int store_lock(struct store *s, const char *env, const char *holder, int *ret_fd,
               struct err *err) _must_check_;
#endif
