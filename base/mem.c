#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

_noreturn_ void mem_exhausted(void)
{
    static const char text[] = "forge: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    abort();
}

void *mem_alloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t n, size_t elem_size)
{
    bool none = n == 0 || elem_size == 0;
    void *p = none ? calloc(1, 1) : calloc(n, elem_size);
    if (!p)
        mem_exhausted();
    return p;
}

void *mem_resize(void *p, size_t n, size_t elem_size)
{
    size_t size;
    if (__builtin_mul_overflow(n, elem_size, &size))
        mem_exhausted();
    void *q = realloc(p, size ? size : 1);
    if (!q)
        mem_exhausted();
    return q;
}

char *mem_strdup(const char *s)
{
    if (!s)
        return NULL;
    char *copy = strdup(s);
    if (!copy)
        mem_exhausted();
    return copy;
}
