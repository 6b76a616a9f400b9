/* libgit2: loading it, setting it up, and mapping its errors to ours. */
#include "reconciler/source/internal.h"

#include "base/library.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>

/* Its ABI is another one with each version: only that of the headers will do. */
#define LIBRARY "libgit2.so." LIBGIT2_SOVERSION
#define PACKAGE "libgit2-" LIBGIT2_SOVERSION

struct libgit_functions git2;

static const struct library_function functions[] = {
#define LIBGIT_FIND(name) {"git_" #name, &git2.name},
    LIBGIT_FUNCTIONS(LIBGIT_FIND)};

static struct library library = {
    LIBRARY, PACKAGE, functions, ARRAY_LEN(functions), false, PTHREAD_MUTEX_INITIALIZER};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `started` */
static bool started;

/*
 * libgit2's own TLS is never used: https goes through libcurl (http.c). Debian's libgit2 still parses the
 * system's whole bundle of certificates when it is initialised (git_mbedtls_stream_global_init), which takes
 * 4.2 of the 4.5 ms of its start. This definition of the parser overrides that of libmbedx509 and reads
 * nothing, so the unused TLS trusts no authority and would refuse every server. With a libgit2 built on
 * another TLS library it is never called.
 */
__attribute__((visibility("default"))) int mbedtls_x509_crt_parse_file(void *chain, const char *path);
__attribute__((visibility("default"))) int mbedtls_x509_crt_parse_file(_unused_ void *chain,
                                                                       _unused_ const char *path)
{
    return 0;
}

/* A repository named in the settings is trusted, so its owner is not validated: libgit2 runs no program from
   a repository's configuration, and the owner gains nothing beyond what a push gives. The system's and the
   user's Git configuration (insteadOf, proxies, includes) is not read: it was not written for Forge. */
static int start(struct err *err)
{
    if (git2.libgit2_init() < 0)
        return libgit_error(err, GIT_ERROR, "libgit2 cannot be initialised");
    for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
        git2.libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    git2.libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    git2.libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    git2.libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)(8 << 20));
    return 0;
}

int libgit_start(struct err *err)
{
    pthread_mutex_lock(&lock);
    int r = library_load(&library, err);
    if (r == 0 && !started)
        r = start(err);
    started |= r == 0;
    pthread_mutex_unlock(&lock);
    return r;
}

int source_library(struct arena *a, const char **ret, struct err *err)
{
    int major, minor, patch, r = libgit_start(err);
    if (r < 0)
        return r;
    git2.libgit2_version(&major, &minor, &patch);
    *ret = arena_printf(a, "%d.%d.%d", major, minor, patch);
    return 0;
}

void source_shutdown(void)
{
    pthread_mutex_lock(&lock);
    if (started)
        git2.libgit2_shutdown();
    started = false;
    pthread_mutex_unlock(&lock);
}

static const struct {
    int git; /* return code */
    int code;
} by_return[] = {
    {GIT_ENOTFOUND, ERR_NOTFOUND},   {GIT_EUNBORNBRANCH, ERR_NOTFOUND},
    {GIT_EEXISTS, ERR_EXISTS},       {GIT_EAMBIGUOUS, ERR_INVALID},
    {GIT_EINVALIDSPEC, ERR_INVALID}, {GIT_EPEEL, ERR_INVALID},
    {GIT_ELOCKED, ERR_BUSY},         {GIT_EAUTH, ERR_AUTH},
    {GIT_ECERTIFICATE, ERR_AUTH},    {GIT_EEOF, ERR_UNAVAILABLE},
    {GIT_EMISMATCH, ERR_CORRUPT},    {GIT_EOWNER, ERR_DENIED},
};

static const struct {
    int klass;
    int code;
} by_class[] = {
    {GIT_ERROR_NET, ERR_UNAVAILABLE}, {GIT_ERROR_HTTP, ERR_UNAVAILABLE},
    {GIT_ERROR_SSH, ERR_UNAVAILABLE}, {GIT_ERROR_OS, ERR_IO},
    {GIT_ERROR_FILESYSTEM, ERR_IO},   {GIT_ERROR_NOMEMORY, ERR_IO},
    {GIT_ERROR_ZLIB, ERR_CORRUPT},    {GIT_ERROR_ODB, ERR_CORRUPT},
    {GIT_ERROR_OBJECT, ERR_CORRUPT},  {GIT_ERROR_TREE, ERR_CORRUPT},
    {GIT_ERROR_INDEXER, ERR_CORRUPT}, {GIT_ERROR_SHA, ERR_CORRUPT},
    {GIT_ERROR_TAG, ERR_CORRUPT},     {GIT_ERROR_REFERENCE, ERR_CORRUPT},
    {GIT_ERROR_CONFIG, ERR_CORRUPT},  {GIT_ERROR_REPOSITORY, ERR_INVALID},
};

static int code_of(int r, const git_error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(by_return); i++)
        if (by_return[i].git == r)
            return by_return[i].code;
    /* libgit2 keeps the text of an errno, not its number. */
    if (e && e->message && strstr(e->message, strerror(ENOSPC)))
        return ERR_NOSPACE;
    for (size_t i = 0; e && i < ARRAY_LEN(by_class); i++)
        if (by_class[i].klass == e->klass)
            return by_class[i].code;
    return ERR_FAILED;
}

int libgit_error(struct err *err, int r, const char *fmt, ...)
{
    const git_error *e = git2.error_last();
    int code = code_of(r, e);
    char context[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof(context), fmt, ap);
    va_end(ap);
    if (e && !str_empty(e->message))
        err_set(err, code, "%s: %s", context, e->message);
    else
        err_set(err, code, "%s: libgit2 gave error %d", context, r);
    str_clean(err->msg); /* it may contain text from a server */
    if (code == ERR_NOSPACE)
        err_hint(err, "free some space on the disk; the last good state is kept");
    return code;
}
