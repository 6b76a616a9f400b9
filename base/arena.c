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
#define ALIGN      8u /* of integers and pointers; max_align_t can be larger, for long double */

/* Aligned allocations come from the front, bytes from the back: no padding between a string and a pointer. */
struct arena_block {
    struct arena_block *next;
    size_t front, back; /* where the free space begins and ends */
    size_t size;
    _Alignas(max_align_t) char data[];
};

/*
 * A direct-mapped cache of words handed out: each has the one slot that its hash selects, and replaces what
 * was there. So there is nothing to grow and nothing to search, and words crafted to collide cost no more
 * than others.
 */
#define WORDS     4096u /* a power of two */
#define WORD_LAST 48u   /* bytes; longer ones are rarely equal */

struct arena_words {
    struct arena_word {
        const char *s;
        size_t n;
    } slots[WORDS];
};

void arena_init(struct arena *a)
{
    *a = (struct arena)ARENA_INIT;
}

void arena_release(struct arena *a)
{
    if (!a)
        return;
    arena_words_end(a);
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
    arena_words_end(from);
    *from = (struct arena)ARENA_INIT;
}

static struct arena_block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block))
        mem_exhausted();
    struct arena_block *b = mem_alloc(sizeof(*b) + size);
    b->back = b->size = size;
    return b;
}

/* Add a block with room for `size` bytes. A large one goes behind the head, whose free space stays in use. */
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

/* A block with room for `need` bytes; added if there is none. */
static struct arena_block *block_for(struct arena *a, size_t need)
{
    struct arena_block *b = a->head;
    return !b || b->back - b->front < need || BLOCK_FIRST == 0 ? add_block(a, need) : b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = ALIGN;
    if (size > SIZE_MAX - align)
        mem_exhausted();
    size_t need = BLOCK_FIRST ? (size + align - 1) & ~(align - 1) : size;
    struct arena_block *b = block_for(a, need);
    void *p = b->data + b->front;
    b->front += need;
    a->used += size;
    return p;
}

char *arena_bytes(struct arena *a, size_t size)
{
    struct arena_block *b = block_for(a, size);
    b->back -= size;
    a->used += size;
    return b->data + b->back;
}

void arena_words_begin(struct arena *a)
{
    if (!a->words)
        a->words = mem_new(struct arena_words);
}

void arena_words_end(struct arena *a)
{
    free(a->words);
    a->words = NULL;
}

static uint64_t word_hash(const char *s, size_t n)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = n * odd;
    for (; n >= sizeof(uint64_t); s += sizeof(uint64_t), n -= sizeof(uint64_t)) {
        uint64_t part;
        memcpy(&part, s, sizeof(part));
        hash = (hash ^ part) * odd;
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < n; i++)
        rest = rest << 8 | (unsigned char)s[i];
    hash = (hash ^ rest) * odd;
    return hash ^ hash >> 32;
}

static char *copy_word(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_bytes(a, n + 1);
    if (n)
        memcpy(copy, s, n);
    return copy;
}

const char *arena_word(struct arena *a, const char *s, size_t n)
{
    if (!a->words || n > WORD_LAST)
        return copy_word(a, s, n);
    if (!n)
        return "";
    struct arena_word *slot = &a->words->slots[word_hash(s, n) & (WORDS - 1)];
    if (slot->n != n || memcmp(slot->s, s, n) != 0)
        *slot = (struct arena_word){copy_word(a, s, n), n};
    return slot->s;
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
    return s ? copy_word(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    if (!s)
        return NULL;
    n = strnlen(s, n);
    return copy_word(a, s, n);
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
    if (n < 0) /* more than INT_MAX bytes, or a wide character that cannot be encoded: both are our bugs */
        abort();
    char *s = arena_bytes(a, (size_t)n + 1);
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
