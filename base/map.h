#ifndef BASE_MAP_H
#define BASE_MAP_H
/*
 * A hash map from strings to pointers (open addressing, randomly keyed hash, so that hostile keys cost no
 * more). Keys are borrowed: they must outlive the map. Values may be anything but NULL. Not thread-safe.
 */
#include "base/cleanup.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    const char *key;
    void *value;
    uint64_t hash;
};

struct map {
    struct map_slot *slots;
    size_t cap; /* power of two */
    size_t n;
    size_t filled; /* live and deleted */
};

#define MAP_INIT \
    {            \
        0        \
    }
#define _cleanup_map_ _cleanup_(map_release)

void map_init(struct map *m);
void map_release(struct map *m);
void *map_get(const struct map *m, const char *key);       /* NULL when absent */
void map_put(struct map *m, const char *key, void *value); /* inserts or replaces */
bool map_del(struct map *m, const char *key);
void map_clear(struct map *m);
/* Iterate in no particular order: `size_t it = 0; while ((s = map_next(&m, &it)))`. No insertion meanwhile. */
const struct map_slot *map_next(const struct map *m, size_t *it);
#endif
