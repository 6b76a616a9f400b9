#ifndef BASE_MEM_H
#define BASE_MEM_H
/*
 * Small heap allocations of a size that we choose: running out of memory aborts with a line on stderr, so
 * callers need no error path. Allocations sized by an input go through struct buf or struct arena, which have
 * a maximum. Free with free().
 */
#include "base/cleanup.h"
#include <stddef.h>

/* Zeroed; never NULL, also for a size of 0. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
/* n elements, zeroed; a product that does not fit a size_t aborts. */
void *mem_array(size_t n, size_t elem_size) __attribute__((malloc, returns_nonnull));
/* realloc() to n elements; added ones are not zeroed. */
void *mem_resize(void *p, size_t n, size_t elem_size) __attribute__((returns_nonnull));
char *mem_strdup(const char *s); /* NULL stays NULL */
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))
/*
 * For a program that becomes idle: return free heap memory to the kernel, and drop the read-only pages of the
 * program and its libraries from its resident memory, most of which only start-up needed. The kernel keeps
 * them in its page cache and maps them again when they are used again. From any thread; takes some
 * milliseconds.
 */
void mem_rest(void);
/* Print that memory is exhausted and abort. For callers with an allocator of their own. */
_noreturn_ void mem_exhausted(void);
#endif
