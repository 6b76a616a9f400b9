#include "base/library.h"

#include <dlfcn.h>

int library_load(const char *file, const char *package, const struct library_function *functions, size_t n,
                 struct err *err)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_NODELETE);
    bool found = library;
    for (size_t i = 0; i < n && found; i++) {
        /* ISO C has no conversion between pointers to objects and to functions; POSIX has for dlsym(). */
        void **to = functions[i].to;
        *to = dlsym(library, functions[i].name);
        found = *to;
    }
    if (found)
        return 0;
    err_set(err, ERR_UNSUPPORTED, "%s cannot be loaded: %s", file, dlerror());
    return err_hint(err, "install it (Debian: %s)", package);
}
