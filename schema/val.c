#include "schema/val.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static struct val *val_new(struct arena *a, enum val_type type)
{
    struct val *v = arena_new(a, struct val);
    v->type = (uint8_t)type;
    return v;
}

struct val *val_null(struct arena *a)
{
    return val_new(a, VAL_NULL);
}

struct val *val_bool(struct arena *a, bool b)
{
    struct val *v = val_new(a, VAL_BOOL);
    v->b = b;
    return v;
}

struct val *val_int(struct arena *a, int64_t i)
{
    struct val *v = val_new(a, VAL_INT);
    v->i = i;
    return v;
}

struct val *val_float(struct arena *a, double f)
{
    struct val *v = val_new(a, VAL_FLOAT);
    v->f = f;
    return v;
}

struct val *val_str_borrow(struct arena *a, const char *s, size_t n)
{
    assert(n <= UINT32_MAX);
    struct val *v = val_new(a, VAL_STR);
    v->s = s;
    v->len = (uint32_t)n;
    return v;
}

struct val *val_strn(struct arena *a, const char *s, size_t n)
{
    /* Not arena_strndup(), which stops at a NUL: the length has to be true. */
    return val_str_borrow(a, arena_word(a, s, n), n);
}

struct val *val_str(struct arena *a, const char *s)
{
    return s ? val_strn(a, s, strlen(s)) : val_null(a);
}

struct val *val_strf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return val_str_borrow(a, s, strlen(s));
}

struct val *val_list(struct arena *a)
{
    return val_new(a, VAL_LIST);
}

struct val *val_map(struct arena *a)
{
    return val_new(a, VAL_MAP);
}

struct val *val_list_sized(struct arena *a, size_t n)
{
    assert(n <= UINT32_MAX);
    struct val *v = val_list(a);
    v->items = n ? arena_array(a, struct val *, n) : NULL;
    v->cap = (uint32_t)n;
    return v;
}

struct val *val_map_sized(struct arena *a, size_t n)
{
    assert(n <= UINT32_MAX);
    struct val *v = val_map(a);
    v->pairs = n ? arena_array(a, struct val_pair, n) : NULL;
    v->cap = (uint32_t)n;
    return v;
}

/* Make room for one more element of a list or map; val.cap is narrower than the counter of arena_grow(). */
static void *val_room(struct arena *a, struct val *v, void *items, size_t elem_size)
{
    if (v->len < v->cap)
        return items;
    /* Most maps and lists of a manifest have one to three elements, and there are many of them. */
    size_t cap = v->cap < 2 ? 2 : (size_t)v->cap * 2;
    assert(cap <= UINT32_MAX);
    void *grown = arena_alloc_array(a, cap, elem_size);
    if (v->len)
        memcpy(grown, items, v->len * elem_size);
    v->cap = (uint32_t)cap;
    return grown;
}

void val_list_add(struct arena *a, struct val *list, struct val *item)
{
    assert(list->type == VAL_LIST && item);
    list->items = val_room(a, list, list->items, sizeof(*list->items));
    list->items[list->len++] = item;
}

/* Keys of one map mostly differ in their first byte, which is compared without a call. */
static inline int key_order(const char *a, const char *b)
{
    int order = (unsigned char)*a - (unsigned char)*b;
    return order ? order : strcmp(a, b);
}

/* Where `key` is, or where it would have to be inserted. */
static bool map_find(const struct val *map, const char *key, size_t *ret_at)
{
    size_t low = 0;
    size_t high = map->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = key_order(map->pairs[middle].key, key);
        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_at = low;
    return false;
}

void val_map_set(struct arena *a, struct val *map, const char *key, struct val *v)
{
    assert(map->type == VAL_MAP && v);
    size_t at;
    if (map_find(map, key, &at)) {
        map->pairs[at].val = v;
        return;
    }
    map->pairs = val_room(a, map, map->pairs, sizeof(*map->pairs));
    memmove(map->pairs + at + 1, map->pairs + at, (map->len - at) * sizeof(*map->pairs));
    map->pairs[at] = (struct val_pair){.key = arena_word(a, key, strlen(key)), .val = v};
    map->len++;
}

void val_map_del(struct val *map, const char *key)
{
    size_t at;
    if (!val_is(map, VAL_MAP) || !map_find(map, key, &at))
        return;
    map->len--;
    memmove(map->pairs + at, map->pairs + at + 1, (map->len - at) * sizeof(*map->pairs));
}

void val_map_append(struct arena *a, struct val *map, const char *key, struct val *v)
{
    assert(map->type == VAL_MAP && v);
    map->pairs = val_room(a, map, map->pairs, sizeof(*map->pairs));
    map->pairs[map->len++] = (struct val_pair){.key = key, .val = v};
}

/* qsort() is not stable: equal keys are ordered by the position they had. */
struct sort_slot {
    struct val_pair pair;
    size_t at;
};

static int slot_order(const void *a, const void *b)
{
    const struct sort_slot *x = a;
    const struct sort_slot *y = b;
    int order = strcmp(x->pair.key, y->pair.key);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static bool map_is_sorted(const struct val *map)
{
    for (size_t i = 1; i < map->len; i++) {
        if (strcmp(map->pairs[i - 1].key, map->pairs[i].key) >= 0)
            return false;
    }
    return true;
}

void val_map_sort(struct val *map,
                  void (*dropped)(void *arg, const struct val_pair *gone, const struct val_pair *kept),
                  void *arg)
{
    if (map_is_sorted(map))
        return;

    struct sort_slot few[32];
    _cleanup_free_ struct sort_slot *many = NULL;
    struct sort_slot *slots = few;
    if (map->len > ARRAY_LEN(few)) {
        slots = many = mem_array(map->len, sizeof(*many));
    }
    for (size_t i = 0; i < map->len; i++)
        slots[i] = (struct sort_slot){.pair = map->pairs[i], .at = i};
    qsort(slots, map->len, sizeof(*slots), slot_order);

    uint32_t n = 0;
    for (size_t i = 0; i < map->len; i++) {
        bool last = i + 1 == map->len || strcmp(slots[i].pair.key, slots[i + 1].pair.key) != 0;
        if (last)
            map->pairs[n++] = slots[i].pair;
        else if (dropped)
            dropped(arg, &slots[i].pair, &slots[i + 1].pair);
    }
    map->len = n;
}

void val_set_str(struct arena *a, struct val *map, const char *key, const char *s)
{
    if (!str_empty(s))
        val_map_set(a, map, key, val_str(a, s));
}

void val_set_int(struct arena *a, struct val *map, const char *key, int64_t i)
{
    val_map_set(a, map, key, val_int(a, i));
}

void val_set_bool(struct arena *a, struct val *map, const char *key, bool b)
{
    val_map_set(a, map, key, val_bool(a, b));
}

/* A total order of scalars, for sets. Lists and maps have none: they keep their positions. */
static int scalar_order(const struct val *a, const struct val *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    switch ((enum val_type)a->type) {
    case VAL_BOOL:
        return (int)a->b - (int)b->b;
    case VAL_INT:
        return (a->i > b->i) - (a->i < b->i);
    case VAL_FLOAT:
        return (a->f > b->f) - (a->f < b->f);
    case VAL_STR:
        return strcmp(a->s, b->s);
    case VAL_NULL:
    case VAL_LIST:
    case VAL_MAP:
        break;
    }
    return 0;
}

static int item_order(const void *a, const void *b)
{
    return scalar_order(*(struct val *const *)a, *(struct val *const *)b);
}

void val_list_sort(struct val *list)
{
    if (!val_is(list, VAL_LIST) || list->len < 2)
        return;
    qsort(list->items, list->len, sizeof(*list->items), item_order);
    uint32_t n = 1;
    for (uint32_t i = 1; i < list->len; i++) {
        if (!val_equal(list->items[i], list->items[n - 1]))
            list->items[n++] = list->items[i];
    }
    list->len = n;
}

struct val *val_clone(struct arena *a, const struct val *v)
{
    struct val *copy = arena_memdup(a, v, sizeof(*v));
    switch ((enum val_type)v->type) {
    case VAL_STR:
        copy->s = arena_word(a, v->s, v->len);
        break;
    case VAL_LIST:
        copy->cap = v->len;
        copy->items = arena_array(a, struct val *, v->len);
        for (size_t i = 0; i < v->len; i++)
            copy->items[i] = val_clone(a, v->items[i]);
        break;
    case VAL_MAP:
        copy->cap = v->len;
        copy->pairs = arena_array(a, struct val_pair, v->len);
        for (size_t i = 0; i < v->len; i++) {
            copy->pairs[i].key = arena_word(a, v->pairs[i].key, strlen(v->pairs[i].key));
            copy->pairs[i].val = val_clone(a, v->pairs[i].val);
        }
        break;
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
        break;
    }
    return copy;
}

struct val *val_map_copy(struct arena *a, const struct val *map)
{
    return val_map_copy_room(a, map, 0);
}

struct val *val_map_copy_room(struct arena *a, const struct val *map, size_t more)
{
    assert(!map || map->type == VAL_MAP);
    size_t n = val_len(map);
    struct val *copy = val_map_sized(a, n + more);
    if (!map)
        return copy;
    copy->flags = map->flags;
    val_place_like(copy, map);
    copy->len = map->len;
    if (n)
        memcpy(copy->pairs, map->pairs, n * sizeof(*map->pairs));
    return copy;
}

struct val *val_get(const struct val *map, const char *key)
{
    size_t at;
    return val_is(map, VAL_MAP) && map_find(map, key, &at) ? map->pairs[at].val : NULL;
}

static struct val *map_getn(const struct val *map, const char *key, size_t n)
{
    for (size_t i = 0; i < map->len; i++) {
        if (strncmp(map->pairs[i].key, key, n) == 0 && !map->pairs[i].key[n])
            return map->pairs[i].val;
    }
    return NULL;
}

struct val *val_path(const struct val *v, const char *dotted)
{
    struct val *found = NULL;
    for (;;) {
        size_t n = strcspn(dotted, ".");
        found = val_is(v, VAL_MAP) ? map_getn(v, dotted, n) : NULL;
        if (!found || !dotted[n])
            return found;
        v = found;
        dotted += n + 1;
    }
}

const char *val_get_str(const struct val *map, const char *key)
{
    const struct val *v = val_get(map, key);
    return val_is(v, VAL_STR) ? v->s : NULL;
}

int64_t val_get_int(const struct val *map, const char *key, int64_t fallback)
{
    const struct val *v = val_get(map, key);
    return val_is(v, VAL_INT) ? v->i : fallback;
}

bool val_get_bool(const struct val *map, const char *key, bool fallback)
{
    const struct val *v = val_get(map, key);
    return val_is(v, VAL_BOOL) ? v->b : fallback;
}

size_t val_len(const struct val *v)
{
    return val_is(v, VAL_STR) || val_is(v, VAL_LIST) || val_is(v, VAL_MAP) ? v->len : 0;
}
