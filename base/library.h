#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H
/*
 * Shared libraries that are loaded when they are first needed, because each start of a program that is linked
 * with them takes milliseconds and megabytes more, and most runs do not need them.
 */
#include "base/err.h"

#include <pthread.h>
#include <stddef.h>

struct library_function {
    const char *name;
    void *to; /* the function pointer to set */
};

struct library {
    const char *file, *package; /* its soname, and Debian's name for it, for the hint */
    const struct library_function *functions;
    size_t n;
    bool loaded;
    pthread_mutex_t lock; /* PTHREAD_MUTEX_INITIALIZER */
};

/* Load it and find its functions, once; it stays. ERR_UNSUPPORTED when this machine does not have it. Any
   thread. */
int library_load(struct library *l, struct err *err) _must_check_;
#endif
