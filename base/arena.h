#ifndef BASE_ARENA_H
#define BASE_ARENA_H
/*
 * An arena: many allocations, one release.
 *
 * Everything that one run, one commit or one request builds lives in one arena and goes together. Allocations
 * never return NULL: exhausted memory aborts, because every input is held to base/limits.h before it reaches
 * an arena. Memory is zeroed. Not thread-safe: one thread at a time.
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
/* Take over everything that lives in `from`, which is empty then: what a thread built by itself joins the
 * rest. */
void arena_adopt(struct arena *a, struct arena *from);
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type but long double */
char *arena_bytes(struct arena *a,
                  size_t size); /* zeroed, aligned for nothing: they take no more than they need */
/* n elements; a product that does not fit a size_t aborts. */
void *arena_alloc_array(struct arena *a, size_t n, size_t elem_size);
char *arena_strdup(struct arena *a, const char *s); /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
void *arena_memdup(struct arena *a, const void *p, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) _vprintf_(2);
/*
 * Short strings of which there are many that are equal, as names and values of many manifests are. Between
 * these two calls arena_word() gives one that was given before for an equal one, if it still knows it: it
 * remembers some thousands and forgets the older. What it gives must not be changed. Without them it copies.
 */
void arena_words_begin(struct arena *a);
void arena_words_end(struct arena *a); /* arena_release() does it too */
const char *arena_word(struct arena *a, const char *s,
                       size_t n); /* NUL-terminated; n bytes, NULs among them stay */
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
