/* libgit2: its start, its set-up, and its errors as ours. */
#include "reconciler/source/internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;

/*
 * libgit2's own TLS is never used: https goes through libcurl (http.c). Debian's libgit2 still parses the
 * machine's whole bundle of certificates when it is initialised (git_mbedtls_stream_global_init), which
 * is 4.2 of the 4.5 ms that its start takes. Our definition of the parser comes before that of libmbedx509,
 * reads nothing, and so leaves that unused TLS with nobody to trust: it could only refuse. With a libgit2
 * built on another TLS library nobody calls it.
 */
__attribute__((visibility("default"))) int mbedtls_x509_crt_parse_file(void *chain, const char *path);
__attribute__((visibility("default"))) int mbedtls_x509_crt_parse_file(_unused_ void *chain,
                                                                       _unused_ const char *path)
{
    return 0;
}

/* A repository named in the settings is trusted by being named there: libgit2 runs no program of a
   repository's configuration, so that its owner gains nothing but what pushing to it gives. The machine's and
   the user's configuration (insteadOf, proxies, includes) is not ours and is not read. */
void libgit_start(void)
{
    pthread_mutex_lock(&lock);
    if (!started) {
        if (git_libgit2_init() < 0) {
            fputs("forge: libgit2 cannot be initialised\n", stderr);
            abort();
        }
        for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
            git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
        git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
        git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
        git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)(8 << 20));
        started = true;
    }
    pthread_mutex_unlock(&lock);
}

void source_shutdown(void)
{
    pthread_mutex_lock(&lock);
    if (started)
        git_libgit2_shutdown();
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
    const git_error *e = git_error_last();
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
    str_clean(err->msg); /* a server's words may be in it */
    if (code == ERR_NOSPACE)
        err_hint(err, "make room on the disk; the last good state is kept");
    return code;
}
