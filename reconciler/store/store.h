#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * The store: what Forge remembers between runs. Two backends with one behaviour: LMDB in the state folder, and memory for
 * tests and `diff` without a state folder.
 *
 * Records are value trees under (table, key), each stored with a version byte; cache records are plain bytes and may be
 * dropped at any time. Writes are serialised inside; a write has been committed to disk when it returns, but for the cache,
 * which is made durable by store_cache_flush(). The database grows by itself; a full disk is ERR_NOSPACE with what to
 * do. Thread-safe. Not across fork.
 *
 * Above it: inventory.h, generation.h, transition.h, journal.h, envstate.h, one record type each.
 */
#include "schema/val.h"

struct store;

enum store_table {
    STORE_META,       /* "format", "controller" */
    STORE_ENV,        /* ENV -> state of an environment (envstate.h) */
    STORE_INVENTORY,  /* ENV/ID -> struct applied */
    STORE_GENERATION, /* ENV/NNNNNNNNNN -> generation.h */
    STORE_TRANSITION, /* ENV/NNNNNNNNNN -> transition.h */
    STORE_JOURNAL,    /* ENV/RUN/NNNNNN -> journal.h */
    STORE_TABLES,
};

struct store_options {
    const char *dir;      /* state folder; made (0700) when missing; NULL: in memory */
    bool read_only;       /* never writes, takes no lock: works beside a running daemon */
    size_t map_initial;   /* 0: 16 MiB; doubles when full */
    size_t map_max;       /* 0: 64 GiB */
};

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

/* One record. ERR_NOTFOUND, ERR_CORRUPT (names table and key). */
int store_get(struct store *s, enum store_table t, const char *key, struct arena *a, struct val **ret, struct err *err) _must_check_;
int store_put(struct store *s, enum store_table t, const char *key, const struct val *v, struct err *err) _must_check_;
int store_del(struct store *s, enum store_table t, const char *key, struct err *err) _must_check_; /* absent is success */
/* Records whose key starts with `prefix`, in key order or its reverse, at most `limit` (0: all). fn returns non-zero to stop. */
int store_each(struct store *s, enum store_table t, const char *prefix, bool reverse, size_t limit, struct arena *a,
               int (*fn)(void *arg, const char *key, const struct val *v), void *arg, struct err *err) _must_check_;

/* Several writes, all or none, one durable commit. A batch belongs to one thread and is ended by commit or abort. */
struct store_batch;
struct store_batch *store_begin(struct store *s);
void store_batch_put(struct store_batch *b, enum store_table t, const char *key, const struct val *v);
void store_batch_del(struct store_batch *b, enum store_table t, const char *key);
int store_commit(struct store_batch *b, struct err *err) _must_check_; /* frees the batch either way */
void store_abort(struct store_batch *b);                               /* accepts NULL */

/* The cache: namespace "blob", "container", ... and key -> bytes. Puts gather in memory until the flush. */
int store_cache_get(struct store *s, const char *ns, const char *key, struct arena *a, const void **ret, size_t *ret_len); /* 0 or ERR_NOTFOUND */
/* The same for many at once under one read transaction: begin, get borrowed bytes (valid until end), end. */
struct store_cache_read;
struct store_cache_read *store_cache_begin(struct store *s);
int store_cache_peek(struct store_cache_read *r, const char *ns, const char *key, const void **ret, size_t *ret_len);
void store_cache_end(struct store_cache_read *r);
void store_cache_put(struct store *s, const char *ns, const char *key, const void *data, size_t len);
int store_cache_flush(struct store *s, struct err *err) _must_check_;
/* Drop what was not touched since `ns_age` ago, so that the cache does not grow for ever. */
int store_cache_trim(struct store *s, int64_t now_ns, int64_t ns_age, struct err *err) _must_check_;

/* A consistent copy in one file, while others write (mdb_env_copy2 compact, fsync, rename). */
int store_backup(struct store *s, const char *file, struct err *err) _must_check_;
/* Put a backup in place of the store of a folder nobody has open (else ERR_BUSY); checked before, the old one kept beside it. */
int store_restore(const char *file, const char *dir, struct err *err) _must_check_;

/* The environment's writer lock (L6): a lock file in the state folder naming its holder. ERR_BUSY names the first. */
int store_lock(struct store *s, const char *env, const char *holder, int *ret_fd, struct err *err) _must_check_;
#endif
