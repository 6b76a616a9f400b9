/*
 * The store's tables in LMDB: one file, one named database for each table.
 *
 * LMDB maps the file, and can change the size of the map only while this process has no transaction; another
 * process may grow the file at any time. So every transaction passes the gate below, and a resize waits until
 * nobody is inside. Read transactions are not tied to threads (MDB_NOTLS).
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/mem.h"
#include "reconciler/store/kv.h"

#define MAX_READERS    1024
#define MAPS_MAX       ((size_t)1 << 20)   /* bytes of /proc/self/maps */
#define NEARLY_NOTHING ((uint64_t)1 << 20) /* with fewer free bytes, a short write means a full disk */

struct lmdb {
    struct kv kv;
    struct lmdb *next_open;
    dev_t dev;
    ino_t ino;
    char *file;
    MDB_env *env;
    MDB_dbi tables[KV_TABLES_MAX];
    bool have[KV_TABLES_MAX]; /* false: opened read-only before the table existed */
    bool read_only;
    size_t map_max;
    pthread_mutex_t gate;
    pthread_cond_t empty;
    unsigned inside;
};

struct kv_txn {
    struct lmdb *l;
    MDB_txn *txn;
    bool full; /* a put found no room in the map */
};

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lmdb *all_open;

/* Is the disk full, or has the file reached this process's limit on file sizes? */
static bool has_no_room(const struct lmdb *l)
{
    struct statvfs fs;
    struct rlimit limit;
    struct stat st;
    if (statvfs(l->file, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < NEARLY_NOTHING)
        return true;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && stat(l->file, &st) == 0 &&
           (rlim_t)st.st_size >= limit.rlim_cur;
}

static int fail(const struct lmdb *l, int rc, const char *what, struct err *err)
{
    switch (rc) {
    case MDB_MAP_FULL:
        err_set(err, ERR_NOSPACE, "the store %s has reached its maximum size, %zu MiB", l->file,
                l->map_max >> 20);
        return err_hint(err, "keep less history, or allow a larger store");
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
        err_set(err, ERR_CORRUPT, "the store %s is damaged (%s: %s)", l->file, what, mdb_strerror(rc));
        return err_hint(
            err, "stop forged and restore a backup, or move the file away and start with an empty store");
    case MDB_VERSION_MISMATCH:
        return err_set(err, ERR_UNSUPPORTED, "the store %s was created by another version of LMDB", l->file);
    case MDB_READERS_FULL:
        return err_set(err, ERR_BUSY, "the store %s has too many readers", l->file);
    case MDB_PANIC:
        err_set(err, ERR_IO, "the store %s cannot go on after a failed write", l->file);
        return err_hint(err, "check the disk, then restart forged");
    default:
        break;
    }
    /* LMDB reports a short write as EIO. */
    if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG || (rc == EIO && has_no_room(l))) {
        err_set(err, ERR_NOSPACE, "the store %s cannot grow: no space left on its disk", l->file);
        return err_hint(err, "free some space; committed data is safe");
    }
    if (rc > 0)
        return err_errno(err, rc, "the store %s: %s", l->file, what);
    return err_set(err, ERR_IO, "the store %s: %s: %s", l->file, what, mdb_strerror(rc));
}

static void gate_enter(struct lmdb *l)
{
    pthread_mutex_lock(&l->gate);
    l->inside++;
    pthread_mutex_unlock(&l->gate);
}

static void gate_leave(struct lmdb *l)
{
    pthread_mutex_lock(&l->gate);
    if (--l->inside == 0)
        pthread_cond_broadcast(&l->empty);
    pthread_mutex_unlock(&l->gate);
}

/* Enlarge the map: to twice its size or, with `adopt`, to the size that another process gave it. The gate
   stays open while this waits, or a thread with nested read transactions would deadlock. */
static int resize(struct lmdb *l, bool adopt, struct err *err)
{
    MDB_envinfo info;
    int rc = 0, dead;
    pthread_mutex_lock(&l->gate);
    while (l->inside > 0)
        pthread_cond_wait(&l->empty, &l->gate);
    mdb_reader_check(l->env, &dead); /* the slot of a killed reader prevents the reuse of pages */
    mdb_env_info(l->env, &info);
    size_t size = info.me_mapsize > l->map_max / 2 ? l->map_max : info.me_mapsize * 2;
    if (!adopt && size <= info.me_mapsize)
        rc = MDB_MAP_FULL;
    else
        rc = mdb_env_set_mapsize(l->env, adopt ? 0 : size);
    pthread_mutex_unlock(&l->gate);
    return rc ? fail(l, rc, "grow", err) : 0;
}

/* Enter the gate and begin a transaction; on failure the gate is left again. */
static int begin(struct lmdb *l, unsigned flags, MDB_txn **ret, struct err *err)
{
    for (bool checked = false;;) {
        int dead;
        gate_enter(l);
        int rc = mdb_txn_begin(l->env, NULL, flags, ret);
        if (rc == 0)
            return 0;
        gate_leave(l);
        if (rc == MDB_MAP_RESIZED) {
            int r = resize(l, true, err);
            if (r < 0)
                return r;
        } else if (rc == MDB_READERS_FULL && !checked) {
            mdb_reader_check(l->env, &dead);
            checked = true;
        } else {
            return fail(l, rc, "begin", err);
        }
    }
}

static int lmdb_begin(struct kv *kv, struct kv_txn **ret, struct err *err)
{
    struct lmdb *l = (struct lmdb *)kv;
    MDB_txn *txn;
    int r = begin(l, MDB_RDONLY, &txn, err);
    if (r < 0)
        return r;
    *ret = mem_new(struct kv_txn);
    **ret = (struct kv_txn){.l = l, .txn = txn};
    return 0;
}

static void lmdb_end(struct kv_txn *txn)
{
    mdb_txn_abort(txn->txn);
    gate_leave(txn->l);
    free(txn);
}

/* MDB_val is not const, although LMDB does not write to it. */
static MDB_val to_val(struct slice s)
{
    union {
        const void *in;
        void *out;
    } u = {.in = s.data};
    return (MDB_val){.mv_size = s.len, .mv_data = u.out};
}

static struct slice from_val(MDB_val v)
{
    return (struct slice){v.mv_data, v.mv_size};
}

static int lmdb_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *ret, struct err *err)
{
    if (!txn->l->have[table])
        return ERR_NOTFOUND;
    MDB_val k = to_val(key), v;
    int rc = mdb_get(txn->txn, txn->l->tables[table], &k, &v);
    if (rc == MDB_NOTFOUND)
        return ERR_NOTFOUND;
    if (rc)
        return fail(txn->l, rc, "read", err);
    *ret = from_val(v);
    return 0;
}

/* Put the cursor on the first record with the prefix or, in reverse, on the last one: that is the record
   before the first key past the prefix, which is the prefix with its last byte incremented. */
static int seek(MDB_cursor *c, struct slice prefix, bool reverse, MDB_val *k, MDB_val *v)
{
    if (!reverse) {
        *k = to_val(prefix);
        return mdb_cursor_get(c, k, v, prefix.len ? MDB_SET_RANGE : MDB_FIRST);
    }
    unsigned char past[KV_KEY_MAX];
    size_t n = prefix.len;
    if (n)
        memcpy(past, prefix.data, n);
    while (n > 0 && past[n - 1] == 0xFF)
        n--;
    if (n == 0)
        return mdb_cursor_get(c, k, v, MDB_LAST);
    past[n - 1]++;
    *k = (MDB_val){.mv_size = n, .mv_data = past};
    int rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);
    return mdb_cursor_get(c, k, v, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

static int lmdb_walk(struct kv_txn *txn, unsigned table, struct slice prefix, bool reverse, kv_walk_fn *fn,
                     void *arg, int *ret_stop, struct err *err)
{
    *ret_stop = 0;
    if (!txn->l->have[table])
        return 0;
    MDB_cursor *c;
    int rc = mdb_cursor_open(txn->txn, txn->l->tables[table], &c);
    if (rc)
        return fail(txn->l, rc, "open a cursor", err);
    MDB_val k = {0}, v;
    rc = seek(c, prefix, reverse, &k, &v);
    while (rc == 0 && k.mv_size >= prefix.len &&
           (!prefix.len || memcmp(k.mv_data, prefix.data, prefix.len) == 0)) {
        *ret_stop = fn(arg, from_val(k), from_val(v));
        if (*ret_stop)
            break;
        rc = mdb_cursor_get(c, &k, &v, reverse ? MDB_PREV : MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc && rc != MDB_NOTFOUND ? fail(txn->l, rc, "walk", err) : 0;
}

static int lmdb_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value, struct err *err)
{
    MDB_val k = to_val(key), v = to_val(value);
    int rc = mdb_put(txn->txn, txn->l->tables[table], &k, &v, 0);
    txn->full = txn->full || rc == MDB_MAP_FULL;
    return rc ? fail(txn->l, rc, "write", err) : 0;
}

static int lmdb_del(struct kv_txn *txn, unsigned table, struct slice key, struct err *err)
{
    MDB_val k = to_val(key);
    int rc = mdb_del(txn->txn, txn->l->tables[table], &k, NULL);
    txn->full = txn->full || rc == MDB_MAP_FULL; /* a deletion needs new pages, too */
    return rc && rc != MDB_NOTFOUND ? fail(txn->l, rc, "delete", err) : 0;
}

/* One attempt; *ret_full: the map was full. */
static int write_once(struct lmdb *l, kv_write_fn *fn, void *arg, bool *ret_full, struct err *err)
{
    struct kv_txn txn = {.l = l};
    int r = begin(l, 0, &txn.txn, err);
    if (r < 0)
        return r;
    r = fn(&txn, arg, err);
    if (r == 0) {
        int rc = mdb_txn_commit(txn.txn);
        txn.full = rc == MDB_MAP_FULL; /* the list of free pages needs space as well */
        r = rc ? fail(l, rc, "commit", err) : 0;
    } else {
        mdb_txn_abort(txn.txn);
    }
    gate_leave(l);
    *ret_full = txn.full;
    return r;
}

static int lmdb_write(struct kv *kv, kv_write_fn *fn, void *arg, struct err *err)
{
    struct lmdb *l = (struct lmdb *)kv;
    if (l->read_only)
        return err_set(err, ERR_DENIED, "the store %s was opened read-only", l->file);
    for (;;) {
        bool full = false;
        int r = write_once(l, fn, arg, &full, err);
        if (!full)
            return r;
        r = resize(l, false, err);
        if (r < 0)
            return r;
    }
}

static int lmdb_copy(struct kv *kv, int fd, struct err *err)
{
    struct lmdb *l = (struct lmdb *)kv;
    for (;;) {
        gate_enter(l);
        int rc = mdb_env_copyfd2(l->env, fd, MDB_CP_COMPACT);
        gate_leave(l);
        if (rc == 0)
            return 0;
        if (rc != MDB_MAP_RESIZED)
            return rc == ENOSPC || rc == EFBIG ? err_errno(err, rc, "copy the store")
                                               : fail(l, rc, "copy", err);
        int r = resize(l, true, err);
        if (r < 0)
            return r;
    }
}

static void lmdb_close(struct kv *kv)
{
    struct lmdb *l = (struct lmdb *)kv;
    pthread_mutex_lock(&open_lock);
    for (struct lmdb **p = &all_open; *p; p = &(*p)->next_open) {
        if (*p == l) {
            *p = l->next_open;
            break;
        }
    }
    if (l->env)
        mdb_env_close(l->env);
    pthread_mutex_unlock(&open_lock);
    pthread_cond_destroy(&l->empty);
    pthread_mutex_destroy(&l->gate);
    free(l->file);
    free(l);
}

/* A line of /proc/self/maps: "FROM-TO PERMS OFFSET MAJOR:MINOR INODE PATH" (proc(5)). */
static bool read_mapping(const char *line, unsigned long *ret_from, unsigned long *ret_to, dev_t *ret_dev,
                         ino_t *ret_ino)
{
    char *at;
    *ret_from = strtoul(line, &at, 16);
    if (*at != '-')
        return false;
    *ret_to = strtoul(at + 1, &at, 16);
    for (int field = 0; field < 2 && at; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return false;
    unsigned long major = strtoul(at, &at, 16);
    if (*at != ':')
        return false;
    *ret_dev = makedev((unsigned)major, (unsigned)strtoul(at + 1, &at, 16));
    *ret_ino = strtoul(at, NULL, 10);
    return true;
}

/* Every page of the map that was read counts as this process's memory. The kernel keeps the pages in its page
   cache anyway, so reading them again is cheap. LMDB does not expose the address of its map. */
static void lmdb_relax(struct kv *kv)
{
    struct lmdb *l = (struct lmdb *)kv;
    _cleanup_buf_ struct buf maps = BUF_INIT;
    struct err ignored = {0};
    char *saved = NULL, *line = NULL;
    gate_enter(l);
    if (io_read_file("/proc/self/maps", MAPS_MAX, &maps, &ignored) == 0 && maps.len)
        line = strtok_r(maps.data, "\n", &saved);
    for (; line; line = strtok_r(NULL, "\n", &saved)) {
        unsigned long from, to;
        dev_t dev;
        ino_t ino;
        if (read_mapping(line, &from, &to, &dev, &ino) && ino == l->ino && dev == l->dev)
            madvise((void *)from, to - from, MADV_DONTNEED); // NOLINT(performance-no-int-to-ptr)
    }
    gate_leave(l);
}

static const struct kv_ops lmdb_ops = {
    .close = lmdb_close,
    .begin = lmdb_begin,
    .end = lmdb_end,
    .get = lmdb_get,
    .walk = lmdb_walk,
    .write = lmdb_write,
    .put = lmdb_put,
    .del = lmdb_del,
    .copy = lmdb_copy,
    .relax = lmdb_relax,
};

/* Open the environment and note it, unless this process has it open already. The caller holds open_lock. */
static int open_env(struct lmdb *l, const struct kv_lmdb_options *o, struct err *err)
{
    struct stat st;
    if (stat(o->file, &st) == 0) {
        for (struct lmdb *other = all_open; other; other = other->next_open)
            if (other->dev == st.st_dev && other->ino == st.st_ino)
                return err_set(err, ERR_BUSY, "the store %s is already open in this process", o->file);
    } else if (errno != ENOENT || o->read_only) {
        return err_errno(err, errno, "the store %s", o->file);
    }
    int rc = mdb_env_create(&l->env);
    if (rc)
        return fail(l, rc, "create", err);
    mdb_env_set_mapsize(l->env, o->map_initial < o->map_max ? o->map_initial : o->map_max);
    mdb_env_set_maxdbs(l->env, KV_TABLES_MAX);
    mdb_env_set_maxreaders(l->env, MAX_READERS);
    unsigned flags =
        MDB_NOSUBDIR | MDB_NOTLS | (o->read_only ? MDB_RDONLY : 0u) | (o->no_lock ? MDB_NOLOCK : 0u);
    rc = mdb_env_open(l->env, o->file, flags, 0600);
    if (rc)
        return fail(l, rc, "open", err);
    int fd;
    if (mdb_env_get_fd(l->env, &fd) == 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC); /* the only one of LMDB's three descriptors that lacks it */
    if (stat(o->file, &st) < 0)
        return err_errno(err, errno, "the store %s", o->file);
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    l->next_open = all_open;
    all_open = l;
    return 0;
}

static int open_tables(struct kv_txn *txn, void *arg, struct err *err)
{
    const struct kv_lmdb_options *o = arg;
    struct lmdb *l = txn->l;
    for (unsigned i = 0; i < o->n_tables; i++) {
        int rc = mdb_dbi_open(txn->txn, o->tables[i], o->read_only ? 0u : MDB_CREATE, &l->tables[i]);
        l->have[i] = rc == 0;
        txn->full = txn->full || rc == MDB_MAP_FULL;
        if (rc && !(rc == MDB_NOTFOUND && o->read_only))
            return fail(l, rc, "open a table", err);
    }
    return 0;
}

/* Table handles stay valid only if the transaction that opened them is committed, even a read transaction. */
static int open_tables_to_read(struct lmdb *l, struct kv_lmdb_options *o, struct err *err)
{
    struct kv_txn txn = {.l = l};
    int r = begin(l, MDB_RDONLY, &txn.txn, err);
    if (r < 0)
        return r;
    r = open_tables(&txn, o, err);
    if (r == 0)
        mdb_txn_commit(txn.txn);
    else
        mdb_txn_abort(txn.txn);
    gate_leave(l);
    return r;
}

int kv_lmdb_open(const struct kv_lmdb_options *o, struct kv **ret, struct err *err)
{
    struct kv_lmdb_options options = *o;
    struct lmdb *l = mem_new(struct lmdb);
    l->kv.ops = &lmdb_ops;
    l->file = mem_strdup(o->file);
    l->read_only = o->read_only;
    l->map_max = o->map_max;
    pthread_mutex_init(&l->gate, NULL);
    pthread_cond_init(&l->empty, NULL);
    pthread_mutex_lock(&open_lock);
    int dead, r = open_env(l, o, err);
    pthread_mutex_unlock(&open_lock);
    if (r == 0) {
        mdb_reader_check(l->env, &dead);
        r = o->read_only ? open_tables_to_read(l, &options, err)
                         : lmdb_write(&l->kv, open_tables, &options, err);
    }
    if (r < 0) {
        lmdb_close(&l->kv);
        return r;
    }
    *ret = &l->kv;
    return 0;
}
