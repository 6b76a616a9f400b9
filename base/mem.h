#ifndef BASE_MEM_H
#define BASE_MEM_H
/*
 * Heap memory that is small and of a size we chose: exhaustion aborts with a line on stderr, so no caller has
 * a path for it. What an input sizes goes through struct buf or struct arena, which know a maximum. Free with
 * free().
 */
#include "base/cleanup.h"
#include <stddef.h>

/* Zeroed; never NULL, also for a size of 0. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
/* n elements, zeroed; a product that does not fit a size_t aborts. */
void *mem_array(size_t n, size_t elem_size) __attribute__((malloc, returns_nonnull));
/* realloc() of n elements; what is added is not zeroed. */
void *mem_resize(void *p, size_t n, size_t elem_size) __attribute__((returns_nonnull));
char *mem_strdup(const char *s); /* NULL stays NULL */
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))
/*
 * For a program that comes to rest: give what is free back to the kernel, and let go of the pages of the
 * program and its libraries that only had to be read, of which starting takes the most. The kernel keeps them
 * as the files', and maps again what is used again. From any thread; some milliseconds.
 */
void mem_rest(void);
/* Say so and abort. For those who call an allocator of their own. */
_noreturn_ void mem_exhausted(void);
#endif
