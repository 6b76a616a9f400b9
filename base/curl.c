#include "base/curl.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "libcurl.so.4" /* the ABI since 2006 (curl.se/libcurl/abi.html) */

struct curl_functions curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct err failed;

/* ISO C has no conversion between pointers to objects and to functions; POSIX has for dlsym(). */
static int find(void *library, const char *name, void *ret)
{
    *(void **)ret = dlsym(library, name);
    return *(void **)ret ? 0 : err_set(&failed, ERR_UNSUPPORTED, "%s: %s", LIBRARY, dlerror());
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_NODELETE);
    if (!library) {
        err_set(&failed, ERR_UNSUPPORTED, "%s", dlerror());
        err_hint(&failed, "install libcurl (Debian: libcurl4)");
        return;
    }
#define CURL_FIND(name)                                       \
    if (find(library, "curl_" #name, (void *)&curl.name) < 0) \
        return;
    CURL_FUNCTIONS(CURL_FIND)
}

int curl_load(struct err *err)
{
    (void)pthread_once(&once, load);
    if (failed.code)
        *err = failed;
    return failed.code;
}
