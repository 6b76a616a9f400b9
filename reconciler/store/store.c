#include "reconciler/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/store/internal.h"

#define MAP_INITIAL ((size_t)16 << 20)
#define MAP_MAX     (sizeof(size_t) > 4 ? (size_t)((uint64_t)64 << 30) : (size_t)1 << 30)

static const char *const table_names[] = {
    [STORE_META] = "meta",           [STORE_ENV] = "env",
    [STORE_INVENTORY] = "inventory", [STORE_GENERATION] = "generation",
    [STORE_RESOURCE] = "resource",   [STORE_TRANSITION] = "transition",
    [STORE_JOURNAL] = "journal",     [STORE_IMAGE] = "image",
    [STORE_CACHE] = "cache",
};

const char *store_table_name(unsigned table)
{
    return table < ARRAY_LEN(table_names) ? table_names[table] : "?";
}

char *store_path(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = mem_alloc(size);
    snprintf(path, size, "%s/%s", dir, name);
    return path;
}

int store_check_key(unsigned table, const char *key, struct err *err)
{
    size_t len = strlen(key);
    if (len > 0 && len <= KV_KEY_MAX)
        return 0;
    return err_set(err, ERR_INVALID, "\"%.40s%s\" cannot be a key of table %s: it must have 1 to %d bytes",
                   key, len > 40 ? "..." : "", store_table_name(table), KV_KEY_MAX);
}

/* Hold a shared lock while the store is open: a restore needs it exclusively. */
static int lock_open(struct store *s, struct err *err)
{
    _cleanup_free_ char *path = store_path(s->dir, STORE_OPEN_LOCK);
    _cleanup_close_ int fd =
        open(path, (s->read_only ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && s->read_only)
        return 0; /* it does not exist, or may not be opened: opening the database reports that */
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    if (flock(fd, LOCK_SH | LOCK_NB) < 0)
        return err_set(err, ERR_BUSY, "the store in %s is being restored", s->dir);
    s->open_fd = take_fd(&fd);
    return 0;
}

int store_check_format(struct store *s, struct kv_txn *txn, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct store_tx tx = {.s = s, .txn = txn};
    struct val *format, *controller;
    int r = store_tx_get(&tx, STORE_META, "format", &a, &format, err);
    if (r == 0)
        r = store_tx_get(&tx, STORE_META, "controller", &a, &controller, err);
    if (r < 0)
        return r;
    int64_t version = val_get_int(format, "version", 0);
    if (version > STORE_FORMAT) {
        err_set(
            err, ERR_UNSUPPORTED,
            "the store was created by a newer version of Forge (format %lld; this version supports up to %d)",
            (long long)version, STORE_FORMAT);
        return err_hint(err, "use that version, or restore a backup of this one");
    }
    str_copy(s->controller, sizeof(s->controller), str_or(val_get_str(controller, "id"), ""));
    return 0;
}

static int write_format(struct store_tx *tx, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *format = val_map(&a), *controller = val_map(&a);
    uint8_t id[16];
    io_random(id, sizeof(id));
    for (size_t i = 0; i < sizeof(id); i++)
        snprintf(tx->s->controller + 2 * i, 3, "%02x", id[i]);
    val_set_int(&a, format, "version", STORE_FORMAT);
    val_set_int(&a, format, "created", clock_wall(tx->s->clock));
    val_set_str(&a, controller, "id", tx->s->controller);
    int r = store_tx_put(tx, STORE_META, "format", format, err);
    return r < 0 ? r : store_tx_put(tx, STORE_META, "controller", controller, err);
}

/* Runs in a write transaction, which only one process can have at a time, so that only one of them creates
   format and key. */
static int start(struct store_tx *tx, void *arg, struct err *err)
{
    struct store *s = tx->s;
    (void)arg;
    int r = store_check_format(s, tx->txn, err);
    if (r == ERR_NOTFOUND) {
        err_clear(err);
        r = write_format(tx, err);
    }
    if (r < 0)
        return r;
    if (!s->dir) {
        seal_random(&s->sealer);
        return 0;
    }
    _cleanup_free_ char *key = store_path(s->dir, "key");
    return seal_load(&s->sealer, key, true, err);
}

static int start_reading(struct store *s, struct err *err)
{
    struct kv_txn *txn;
    int r = s->kv->ops->begin(s->kv, &txn, err);
    if (r < 0)
        return r;
    r = store_check_format(s, txn, err);
    s->kv->ops->end(txn);
    if (r < 0)
        return r;
    _cleanup_free_ char *key = store_path(s->dir, "key");
    return seal_load(&s->sealer, key, false, err);
}

static int open_tables(struct store *s, const struct store_options *o, struct err *err)
{
    if (!s->dir) {
        s->kv = kv_mem_open(ARRAY_LEN(table_names));
        return 0;
    }
    int r = s->read_only ? 0 : io_make_dirs(s->dir, 0700, err);
    if (r == 0)
        r = lock_open(s, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *file = store_path(s->dir, STORE_FILE);
    struct kv_lmdb_options lmdb = {
        .file = file,
        .tables = table_names,
        .n_tables = ARRAY_LEN(table_names),
        .read_only = s->read_only,
        .map_initial = o->map_initial ? o->map_initial : MAP_INITIAL,
        .map_max = o->map_max ? o->map_max : MAP_MAX,
    };
    r = kv_lmdb_open(&lmdb, &s->kv, err);
    if (r == ERR_NOTFOUND)
        return err_set(err, ERR_NOTFOUND, "there is no store in %s yet", s->dir);
    return r;
}

int store_open(const struct store_options *o, struct store **ret, struct err *err)
{
    struct store *s = mem_new(struct store);
    s->dir = mem_strdup(o->dir);
    s->read_only = o->read_only && o->dir;
    s->clock = o->clock ? o->clock : clock_system();
    s->open_fd = -1;
    s->queue_last = &s->queue;
    pthread_mutex_init(&s->write_lock, NULL);
    pthread_cond_init(&s->written, NULL);
    pthread_mutex_init(&s->locks_lock, NULL);
    cache_init(&s->cache);
    int r = open_tables(s, o, err);
    if (r == 0)
        r = s->read_only ? start_reading(s, err) : store_update(s, start, NULL, err);
    if (r < 0) {
        store_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s)
{
    struct err ignored = {0};
    if (!s)
        return;
    if (s->kv && !s->read_only && store_cache_flush(s, &ignored) < 0)
        err_clear(&ignored); /* losing cache entries is harmless */
    if (s->kv)
        s->kv->ops->close(s->kv);
    cache_release(&s->cache);
    store_locks_release(s);
    seal_release(&s->sealer);
    pthread_mutex_destroy(&s->locks_lock);
    pthread_cond_destroy(&s->written);
    pthread_mutex_destroy(&s->write_lock);
    if (s->open_fd >= 0)
        close(s->open_fd);
    free(s->dir);
    free(s);
}

const char *store_controller(const struct store *s)
{
    return s->controller;
}

const char *store_dir(const struct store *s)
{
    return s->dir;
}

const char *store_keyed_digest(const struct store *s, struct arena *a, const char *context, const void *data,
                               size_t len)
{
    char text[SEAL_DIGEST_TEXT];
    return seal_digest(&s->sealer, context, data, len, text) ? arena_strdup(a, text) : NULL;
}

void store_relax(struct store *s)
{
    if (s->kv->ops->relax)
        s->kv->ops->relax(s->kv);
}

int store_get(struct store *s, enum store_table t, const char *key, struct arena *a, struct val **ret,
              struct err *err)
{
    struct kv_txn *txn;
    int r = s->kv->ops->begin(s->kv, &txn, err);
    if (r < 0)
        return r;
    r = store_tx_get(&(struct store_tx){.s = s, .txn = txn}, t, key, a, ret, err);
    s->kv->ops->end(txn);
    return r;
}

struct each {
    const struct store *s;
    unsigned table;
    size_t left; /* SIZE_MAX: all */
    struct arena *arena;
    int (*fn)(void *arg, const char *key, const struct val *v);
    void *arg;
    int result;
    struct err *err;
};

static int each_record(void *arg, struct slice key, struct slice value)
{
    struct each *e = arg;
    char text[KV_KEY_MAX + 1];
    struct val *v;
    memcpy(text, key.data, key.len);
    text[key.len] = '\0';
    e->result = record_decode(e->s, e->table, text, value, e->arena, &v, e->err);
    if (e->result < 0)
        return 1;
    return e->fn(e->arg, text, v) != 0 || --e->left == 0;
}

int store_each(struct store *s, enum store_table t, const char *prefix, bool reverse, size_t limit,
               struct arena *a, int (*fn)(void *arg, const char *key, const struct val *v), void *arg,
               struct err *err)
{
    struct each e = {s, t, limit ? limit : SIZE_MAX, a, fn, arg, 0, err};
    struct kv_txn *txn;
    int stop;
    if (strlen(prefix) > KV_KEY_MAX)
        return 0; /* no key is that long */
    int r = s->kv->ops->begin(s->kv, &txn, err);
    if (r < 0)
        return r;
    store_reading(s, true);
    r = s->kv->ops->walk(txn, t, slice_of(prefix), reverse, each_record, &e, &stop, err);
    store_reading(s, false);
    s->kv->ops->end(txn);
    return r < 0 ? r : e.result;
}
