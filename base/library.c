#include "base/library.h"

#include <dlfcn.h>

static int load(const struct library *l, struct err *err)
{
    void *library = dlopen(l->file, RTLD_NOW | RTLD_NODELETE);
    bool found = library;
    for (size_t i = 0; i < l->n && found; i++) {
        /* ISO C has no conversion between pointers to objects and to functions; POSIX has for dlsym(). */
        void **to = l->functions[i].to;
        *to = dlsym(library, l->functions[i].name);
        found = *to;
    }
    if (found)
        return 0;
    err_set(err, ERR_UNSUPPORTED, "%s cannot be loaded: %s", l->file, dlerror());
    return err_hint(err, "install it (Debian: %s)", l->package);
}

int library_load(struct library *l, struct err *err)
{
    pthread_mutex_lock(&l->lock);
    int r = l->loaded ? 0 : load(l, err);
    l->loaded = r == 0;
    pthread_mutex_unlock(&l->lock);
    return r;
}
