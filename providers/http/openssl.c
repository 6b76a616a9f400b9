#include "providers/http/openssl.h"

#include "base/library.h"

#include <pthread.h>

/* Its ABI is the same within a major version (openssl.org, "Versioning Policy"). Its libcrypto comes with it.
 */
#define LIBRARY(major) "libssl.so." STRING(major)
#define PACKAGE(major) "libssl" STRING(major)
#define STRING(number) #number

struct openssl_functions openssl;

static const struct library_function functions[] = {
#define OPENSSL_FIND(name) {#name, &openssl.name},
    OPENSSL_FUNCTIONS(OPENSSL_FIND)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct err failed;

static void load(void)
{
    (void)!library_load(LIBRARY(OPENSSL_VERSION_MAJOR), PACKAGE(OPENSSL_VERSION_MAJOR), functions,
                        ARRAY_LEN(functions), &failed);
}

int openssl_load(struct err *err)
{
    (void)pthread_once(&once, load);
    if (failed.code)
        *err = failed;
    return failed.code;
}
