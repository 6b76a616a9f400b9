/*
 * The cache. A value is a time stamp (8 bytes, little-endian nanoseconds: when it was put or last read, to
 * the hour) followed by the bytes. Puts are buffered in memory. A read of an entry with an old stamp is
 * noted, and the stamp is renewed by the next flush, so that reads never write.
 */
#include "base/digest.h"
#include "base/mem.h"
#include "reconciler/store/internal.h"

#define STAMP_BYTES   8
#define STAMP_STEP_NS (3600 * NS_PER_S)
#define AUTO_FLUSH    ((size_t)32 << 20)
#define TOUCHED_MAX   100000u
#define TRIM_STEP     1000u /* deletions in one commit, so that other writers are not blocked for long */

struct cache_put {
    char *key;
    size_t len;
    char data[]; /* stamp, then bytes */
};

struct cache_key {
    char text[KV_KEY_MAX + 1];
};

/* The namespace, a byte that no namespace contains, and the key, or its digest when the key is too long. */
static struct cache_key make_key(const char *ns, const char *key)
{
    struct cache_key k;
    int n = snprintf(k.text, sizeof(k.text), "%s\x1f%s", ns, key);
    if (n >= 0 && (size_t)n < sizeof(k.text))
        return k;
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    digest_of(key, strlen(key), &d);
    digest_hex(&d, hex);
    snprintf(k.text, sizeof(k.text), "%.64s\x1f#%s", ns, hex);
    return k;
}

static void put_stamp(char *at, int64_t ns)
{
    for (int i = 0; i < STAMP_BYTES; i++)
        at[i] = (char)((uint64_t)ns >> (8 * i) & 0xFF);
}

static int64_t get_stamp(const void *at)
{
    const unsigned char *p = at;
    uint64_t ns = 0;
    for (int i = 0; i < STAMP_BYTES; i++)
        ns |= (uint64_t)p[i] << (8 * i);
    return (int64_t)ns;
}

static void put_free(struct cache_put *p)
{
    free(p->key);
    free(p);
}

void cache_init(struct cache *c)
{
    *c = (struct cache){0};
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->flushing, NULL);
}

void cache_release(struct cache *c)
{
    const struct map_slot *slot;
    for (size_t it = 0; (slot = map_next(&c->puts, &it));)
        put_free(slot->value);
    for (size_t it = 0; (slot = map_next(&c->touched, &it));)
        free(slot->value);
    map_release(&c->puts);
    map_release(&c->touched);
    pthread_mutex_destroy(&c->flushing);
    pthread_mutex_destroy(&c->lock);
}

void store_cache_put(struct store *s, const char *ns, const char *key, const void *data, size_t len)
{
    struct cache *c = &s->cache;
    struct err ignored = {0};
    if (s->read_only)
        return;
    struct cache_put *p = mem_alloc(sizeof(*p) + STAMP_BYTES + len);
    p->key = mem_strdup(make_key(ns, key).text);
    p->len = STAMP_BYTES + len;
    put_stamp(p->data, clock_wall(s->clock));
    if (len)
        memcpy(p->data + STAMP_BYTES, data, len);
    pthread_mutex_lock(&c->lock);
    struct cache_put *old = map_get(&c->puts, p->key);
    if (old) {
        map_del(&c->puts, old->key);
        c->bytes -= old->len;
        put_free(old);
    }
    map_put(&c->puts, p->key, p);
    c->bytes += p->len;
    bool full = c->bytes > AUTO_FLUSH;
    pthread_mutex_unlock(&c->lock);
    if (full && !store_is_reading(s) && store_cache_flush(s, &ignored) < 0)
        return; /* the entries are lost, but memory stays bounded */
}

struct store_cache_read {
    struct store *s;
    struct kv_txn *txn; /* NULL: the store cannot be read now, and everything is a miss */
    struct arena arena; /* copies of entries that were not written yet */
};

struct store_cache_read *store_cache_begin(struct store *s)
{
    struct err ignored = {0};
    struct store_cache_read *r = mem_new(struct store_cache_read);
    r->s = s;
    if (s->kv->ops->begin(s->kv, &r->txn, &ignored) < 0)
        r->txn = NULL;
    store_reading(s, true);
    return r;
}

void store_cache_end(struct store_cache_read *r)
{
    if (!r)
        return;
    store_reading(r->s, false);
    if (r->txn)
        r->s->kv->ops->end(r->txn);
    arena_release(&r->arena);
    free(r);
}

/* Look among the buffered puts. Returns a copy, because a flush may free them. */
static bool find_put(struct store_cache_read *r, const char *key, const void **ret, size_t *ret_len)
{
    struct cache *c = &r->s->cache;
    pthread_mutex_lock(&c->lock);
    const struct cache_put *p = c->puts.n ? map_get(&c->puts, key) : NULL;
    if (p) {
        *ret_len = p->len - STAMP_BYTES;
        *ret = arena_memdup(&r->arena, p->data + STAMP_BYTES, *ret_len);
    }
    pthread_mutex_unlock(&c->lock);
    return p != NULL;
}

static void note_touch(struct store *s, const char *key)
{
    struct cache *c = &s->cache;
    pthread_mutex_lock(&c->lock);
    if (!s->read_only && c->touched.n < TOUCHED_MAX && !map_get(&c->touched, key)) {
        char *copy = mem_strdup(key);
        map_put(&c->touched, copy, copy);
    }
    pthread_mutex_unlock(&c->lock);
}

int store_cache_peek(struct store_cache_read *r, const char *ns, const char *key, const void **ret,
                     size_t *ret_len)
{
    struct cache_key k = make_key(ns, key);
    struct err ignored = {0};
    struct slice bytes;
    if (find_put(r, k.text, ret, ret_len))
        return 0;
    if (!r->txn || r->s->kv->ops->get(r->txn, STORE_CACHE, slice_of(k.text), &bytes, &ignored) < 0 ||
        bytes.len < STAMP_BYTES)
        return ERR_NOTFOUND;
    if (clock_wall(r->s->clock) - get_stamp(bytes.data) > STAMP_STEP_NS)
        note_touch(r->s, k.text);
    *ret = (const char *)bytes.data + STAMP_BYTES;
    *ret_len = bytes.len - STAMP_BYTES;
    return 0;
}

int store_cache_get(struct store *s, const char *ns, const char *key, struct arena *a, const void **ret,
                    size_t *ret_len)
{
    const void *data;
    size_t len;
    struct store_cache_read *r = store_cache_begin(s);
    int result = store_cache_peek(r, ns, key, &data, &len);
    if (result == 0) {
        *ret = arena_memdup(a, data, len);
        *ret_len = len;
    }
    store_cache_end(r);
    return result;
}

/* What one flush writes: the puts and touched keys at the time it began. */
struct flush {
    struct cache_put **puts;
    char **touched;
    size_t n_puts, n_touched;
    int64_t now_ns;
};

static int stamp_anew(struct store_tx *tx, const char *key, int64_t now_ns, struct err *err)
{
    _cleanup_buf_ struct buf copy = BUF_INIT;
    struct slice bytes;
    int r = tx->s->kv->ops->get(tx->txn, STORE_CACHE, slice_of(key), &bytes, err);
    if (r == ERR_NOTFOUND)
        return 0;
    if (r < 0)
        return r;
    if (bytes.len < STAMP_BYTES || get_stamp(bytes.data) >= now_ns)
        return 0;
    buf_add(&copy, bytes.data, bytes.len);
    if (copy.len != bytes.len)
        return 0; /* larger than any buffer: its stamp is not renewed */
    put_stamp(copy.data, now_ns);
    return store_tx_put_bytes(tx, STORE_CACHE, key, (struct slice){copy.data, copy.len}, err);
}

static int write_flush(struct store_tx *tx, void *arg, struct err *err)
{
    const struct flush *f = arg;
    int r = 0;
    for (size_t i = 0; i < f->n_touched && r == 0; i++)
        r = stamp_anew(tx, f->touched[i], f->now_ns, err);
    for (size_t i = 0; i < f->n_puts && r == 0; i++) {
        const struct cache_put *p = f->puts[i];
        r = store_tx_put_bytes(tx, STORE_CACHE, p->key, (struct slice){p->data, p->len}, err);
    }
    return r;
}

/* Take everything that is buffered. Until it is written, readers miss it, which is acceptable in a cache. */
static void flush_take(struct cache *c, struct flush *f)
{
    const struct map_slot *slot;
    f->puts = mem_array(c->puts.n, sizeof(*f->puts));
    f->touched = mem_array(c->touched.n, sizeof(*f->touched));
    for (size_t it = 0; (slot = map_next(&c->puts, &it));)
        f->puts[f->n_puts++] = slot->value;
    for (size_t it = 0; (slot = map_next(&c->touched, &it));)
        f->touched[f->n_touched++] = slot->value;
    map_clear(&c->touched);
    map_clear(&c->puts);
    c->bytes = 0;
}

int store_cache_flush(struct store *s, struct err *err)
{
    struct cache *c = &s->cache;
    struct flush f = {.now_ns = clock_wall(s->clock)};
    int r = 0;
    if (s->read_only)
        return 0;
    pthread_mutex_lock(&c->flushing);
    pthread_mutex_lock(&c->lock);
    flush_take(c, &f);
    pthread_mutex_unlock(&c->lock);
    if (f.n_puts || f.n_touched)
        r = store_update(s, write_flush, &f, err);
    for (size_t i = 0; i < f.n_puts; i++)
        put_free(f.puts[i]);
    for (size_t i = 0; i < f.n_touched; i++)
        free(f.touched[i]);
    free(f.puts);
    free(f.touched);
    pthread_mutex_unlock(&c->flushing);
    return r;
}

/* Keys whose stamp is older than `before_ns`; the first `done` of them have been deleted. */
struct stale {
    int64_t before_ns;
    struct arena arena;
    struct slice *keys;
    size_t n, cap, done;
};

static int collect_stale(void *arg, struct slice key, struct slice value)
{
    struct stale *st = arg;
    if (value.len < STAMP_BYTES || get_stamp(value.data) < st->before_ns) {
        struct slice copy = {arena_memdup(&st->arena, key.data, key.len), key.len};
        arena_push(&st->arena, st->keys, st->n, st->cap, copy);
    }
    return 0;
}

static int delete_stale(struct store_tx *tx, void *arg, struct err *err)
{
    const struct stale *st = arg;
    int r = 0;
    for (size_t i = st->done; i < st->n && i < st->done + TRIM_STEP && r == 0; i++) {
        tx->dirty = true;
        r = tx->s->kv->ops->del(tx->txn, STORE_CACHE, st->keys[i], err);
    }
    return r;
}

static int find_stale(struct store *s, struct stale *st, struct err *err)
{
    struct kv_txn *txn;
    int stop, r = s->kv->ops->begin(s->kv, &txn, err);
    if (r < 0)
        return r;
    r = s->kv->ops->walk(txn, STORE_CACHE, (struct slice){"", 0}, false, collect_stale, st, &stop, err);
    s->kv->ops->end(txn);
    return r;
}

int store_cache_trim(struct store *s, int64_t now_ns, int64_t ns_age, struct err *err)
{
    struct stale st = {.before_ns = now_ns - ns_age};
    int r = store_cache_flush(s, err); /* first renew the stamps of entries that were read recently */
    if (r < 0 || s->read_only)
        return r;
    r = find_stale(s, &st, err);
    for (; r == 0 && st.done < st.n; st.done += TRIM_STEP)
        r = store_update(s, delete_stale, &st, err);
    arena_release(&st.arena);
    return r;
}
