#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H
/*
 * Scope-owned memory and descriptors.
 *
 * A variable marked with one of these is released when its scope ends, unless take_ptr() has moved the value
 * out. Only for things that one scope owns; what a whole run owns lives in an arena instead (see arena.h).
 */
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn)  __attribute__((cleanup(fn)))
#define _unused_       __attribute__((unused))
#define _must_check_   __attribute__((warn_unused_result))
#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define _vprintf_(f)   __attribute__((format(printf, f, 0)))
#define _noreturn_     __attribute__((noreturn))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_freep(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define _cleanup_free_  _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)

/* Take the pointer out of a variable, leaving NULL behind. */
static inline void *take_ptr_(void *pp)
{
    void *p = *(void **)pp;
    *(void **)pp = NULL;
    return p;
}
#define take_ptr(var) take_ptr_(&(var))

/* Take the descriptor out of a variable, leaving -1 behind. */
static inline int take_fd(int *fd)
{
    int v = *fd;
    *fd = -1;
    return v;
}
#endif
