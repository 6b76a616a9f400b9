#ifndef BASE_ARENA_H
#define BASE_ARENA_H
/*
 * An arena: many allocations, one release.
 *
 * Everything that one run, one commit or one request builds lives in one arena and is released together.
 * Allocations never return NULL: running out of memory aborts, because every input is checked against
 * base/limits.h before it reaches an arena. Memory is zeroed. Not thread-safe: one thread at a time.
 */
#include "base/cleanup.h"
#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena_words;

struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out, for measurements and budgets */
    struct arena_words *words;
};

#define ARENA_INIT \
    {              \
        0          \
    }
#define _cleanup_arena_ _cleanup_(arena_release)

void arena_init(struct arena *a);
void arena_release(struct arena *a);
/* Move everything that lives in `from` into `a`, leaving `from` empty: for what a thread built in an arena of
   its own. */
void arena_adopt(struct arena *a, struct arena *from);
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type but long double */
char *arena_bytes(struct arena *a, size_t size); /* zeroed, unaligned: no padding */
/* n elements; a product that does not fit a size_t aborts. */
void *arena_alloc_array(struct arena *a, size_t n, size_t elem_size);
char *arena_strdup(struct arena *a, const char *s); /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
void *arena_memdup(struct arena *a, const void *p, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) _vprintf_(2);
/*
 * Sharing of short strings that repeat often, such as names and values in many manifests. Between these two
 * calls arena_word() returns an earlier equal string if it still remembers one: it keeps some thousands, and
 * newer ones replace older ones. Its result must not be modified. Outside of these calls it copies.
 */
void arena_words_begin(struct arena *a);
void arena_words_end(struct arena *a); /* arena_release() does it too */
const char *arena_word(struct arena *a, const char *s,
                       size_t n); /* NUL-terminated; exactly n bytes, embedded NULs included */
#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc_array((a), (n), sizeof(type)))
/* Grow an array that lives in the arena: returns room for at least `need` elements, old content copied. */
void *arena_grow(struct arena *a, void *items, size_t *cap, size_t need, size_t elem_size);
/* Append one element to an arena array held as items/n/cap variables or members. */
#define arena_push(a, items, n, cap, value)                                        \
    do {                                                                           \
        if ((n) == (cap))                                                          \
            (items) = arena_grow((a), (items), &(cap), (n) + 1, sizeof(*(items))); \
        (items)[(n)++] = (value);                                                  \
    } while (0)
#endif
