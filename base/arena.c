#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

/*
 * Blocks double in size up to a maximum, so that a small run costs one page and a large one few calls. Under
 * the address sanitizer each allocation is a block of its own: an overrun is then seen where it happens.
 */
#if defined(__SANITIZE_ADDRESS__)
#define BLOCK_FIRST 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCK_FIRST 0
#endif
#endif
#ifndef BLOCK_FIRST
#define BLOCK_FIRST ((size_t)4096)
#endif
#define BLOCK_LAST (BLOCK_FIRST * 256)

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(max_align_t) char data[];
};

void arena_init(struct arena *a)
{
    *a = (struct arena)ARENA_INIT;
}

void arena_release(struct arena *a)
{
    if (!a)
        return;
    for (struct arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct arena)ARENA_INIT;
}

void arena_adopt(struct arena *a, struct arena *from)
{
    struct arena_block **end = &a->head;
    while (*end)
        end = &(*end)->next;
    *end = from->head;
    a->used += from->used;
    *from = (struct arena)ARENA_INIT;
}

static struct arena_block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block))
        mem_exhausted();
    struct arena_block *b = mem_alloc(sizeof(*b) + size);
    b->size = size;
    return b;
}

/* Add a block with room for `size` bytes. A large one goes behind the head, whose free room stays in use. */
static struct arena_block *add_block(struct arena *a, size_t size)
{
    size_t next = a->head ? a->head->size : BLOCK_FIRST / 2;
    next = next > BLOCK_LAST / 2 ? BLOCK_LAST : next * 2;
    bool large = size > next / 4;
    struct arena_block *b = block_new(large ? size : next);
    if (large && a->head) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX - align)
        mem_exhausted();
    size_t need = BLOCK_FIRST ? (size + align - 1) & ~(align - 1) : size;
    struct arena_block *b = a->head;
    if (!b || b->size - b->used < need || BLOCK_FIRST == 0)
        b = add_block(a, need);
    void *p = b->data + b->used;
    b->used += need;
    a->used += size;
    return p;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t elem_size)
{
    size_t size;
    if (__builtin_mul_overflow(n, elem_size, &size))
        mem_exhausted();
    return arena_alloc(a, size);
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
    void *copy = arena_alloc(a, n);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_memdup(a, s, strlen(s) + 1) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    if (!s)
        return NULL;
    n = strnlen(s, n);
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char small[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n < 0) /* more than INT_MAX bytes, or a wide character that has no form: both are ours to avoid */
        abort();
    char *s = arena_alloc(a, (size_t)n + 1);
    if ((size_t)n < sizeof(small))
        memcpy(s, small, (size_t)n + 1);
    else
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void *arena_grow(struct arena *a, void *items, size_t *cap, size_t need, size_t elem_size)
{
    if (need <= *cap)
        return items;
    size_t n = *cap < 8 ? 8 : *cap;
    while (n < need)
        n = n > SIZE_MAX / 2 ? need : n * 2;
    void *grown = arena_alloc_array(a, n, elem_size);
    if (*cap)
        memcpy(grown, items, *cap * elem_size);
    *cap = n;
    return grown;
}
