#include "base/map.h"

#include <pthread.h>
#include <sodium/crypto_shorthash.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

#define FIRST_CAP 16

/* One key per process: with SipHash and a key unknown outside, nobody can aim many keys at one slot. */
static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

/* Marks the slot of a deleted key, so that a search for other keys continues past it. */
static const char deleted[] = "";

static void make_hash_key(void)
{
    io_random(hash_key, sizeof(hash_key));
}

static uint64_t hash_of(const char *key)
{
    uint64_t hash;
    _Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "SipHash gives 64 bits");
    pthread_once(&hash_once, make_hash_key);
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key, strlen(key), hash_key);
    return hash;
}

static bool is_live(const struct map_slot *s)
{
    return s->key && s->key != deleted;
}

/* The slot of a key, or the one to insert it into; never called on a full table. */
static struct map_slot *find(const struct map *m, const char *key, uint64_t hash)
{
    struct map_slot *free_slot = NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];
        if (!s->key)
            return free_slot ? free_slot : s;
        if (s->key == deleted) {
            if (!free_slot)
                free_slot = s;
        } else if (s->hash == hash && strcmp(s->key, key) == 0) {
            return s;
        }
    }
}

static void rehash(struct map *m, size_t cap)
{
    struct map_slot *old = m->slots;
    size_t old_cap = m->cap;
    m->slots = mem_array(cap, sizeof(*m->slots));
    m->cap = cap;
    m->filled = m->n;
    for (size_t i = 0; i < old_cap; i++)
        if (is_live(&old[i]))
            *find(m, old[i].key, old[i].hash) = old[i];
    free(old);
}

void map_init(struct map *m)
{
    *m = (struct map)MAP_INIT;
}

void map_release(struct map *m)
{
    if (!m)
        return;
    free(m->slots);
    *m = (struct map)MAP_INIT;
}

void *map_get(const struct map *m, const char *key)
{
    if (m->n == 0)
        return NULL;
    const struct map_slot *s = find(m, key, hash_of(key));
    return is_live(s) ? s->value : NULL;
}

void map_put(struct map *m, const char *key, void *value)
{
    /* At most three quarters full; a table full of deleted slots is rehashed at the same size. */
    if (m->filled + 1 > m->cap / 4 * 3)
        rehash(m, m->cap == 0 ? FIRST_CAP : m->n > m->cap / 2 ? m->cap * 2 : m->cap);
    uint64_t hash = hash_of(key);
    struct map_slot *s = find(m, key, hash);
    if (is_live(s)) {
        s->value = value; /* the first key stays: the one passed now may not live as long */
        return;
    }
    m->filled += s->key == NULL;
    m->n++;
    *s = (struct map_slot){key, value, hash};
}

bool map_del(struct map *m, const char *key)
{
    if (m->n == 0)
        return false;
    struct map_slot *s = find(m, key, hash_of(key));
    if (!is_live(s))
        return false;
    *s = (struct map_slot){.key = deleted};
    m->n--;
    return true;
}

void map_clear(struct map *m)
{
    if (m->slots)
        memset(m->slots, 0, m->cap * sizeof(*m->slots));
    m->n = m->filled = 0;
}

const struct map_slot *map_next(const struct map *m, size_t *it)
{
    while (*it < m->cap) {
        const struct map_slot *s = &m->slots[(*it)++];
        if (is_live(s))
            return s;
    }
    return NULL;
}
