#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H
/*
 * Shared libraries that are loaded when they are first needed, because each start of a program that is linked
 * with them takes milliseconds and megabytes more, and most runs do not need them.
 */
#include "base/err.h"

#include <stddef.h>

struct library_function {
    const char *name;
    void *to; /* the function pointer to set */
};

/* Load `file` and find its functions; it stays loaded. `package` is Debian's, for the hint. ERR_UNSUPPORTED
   when this machine does not have it. The caller sees to it that it is called once. */
int library_load(const char *file, const char *package, const struct library_function *functions, size_t n,
                 struct err *err) _must_check_;
#endif
