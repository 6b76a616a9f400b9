#include "schema/memo.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Several times what all tables need; a power of two. */
#define SLOTS 4096u

struct slot {
    _Atomic(const void *) key;
    _Atomic(void *) value; /* NULL while it is being made */
};

static struct slot slots[SLOTS];

/* The slot of a key; an empty one is claimed if the key has none yet. */
static struct slot *find(const void *key)
{
    /* Addresses of constants differ in the middle bits. */
    uint64_t hash = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &slots[((hash >> 40) + i) & (SLOTS - 1)];
        const void *there = atomic_load_explicit(&slot->key, memory_order_acquire);
        if (there == key)
            return slot;
        if (!there && (atomic_compare_exchange_strong(&slot->key, &there, key) || there == key))
            return slot;
    }
    abort(); /* more constants than slots: raise SLOTS */
}

void *memo_get(const void *key, void *(*make)(const void *key), void (*drop)(void *value))
{
    struct slot *slot = find(key);
    void *value = atomic_load_explicit(&slot->value, memory_order_acquire);
    if (value)
        return value;
    void *made = make(key);
    assert(made);
    if (atomic_compare_exchange_strong(&slot->value, &value, made))
        return made;
    drop(made);
    return value;
}
