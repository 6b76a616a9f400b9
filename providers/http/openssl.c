#include "providers/http/openssl.h"

#include "base/library.h"

/* Its ABI is the same within a major version (openssl.org, "Versioning Policy"). Its libcrypto comes with it.
 */
#define LIBRARY(major) "libssl.so." STRING(major)
#define PACKAGE(major) "libssl" STRING(major)
#define STRING(number) #number

struct openssl_functions openssl;

static const struct library_function functions[] = {
#define OPENSSL_FIND(name) {#name, &openssl.name},
    OPENSSL_FUNCTIONS(OPENSSL_FIND)};

static struct library library = {
    LIBRARY(OPENSSL_VERSION_MAJOR), PACKAGE(OPENSSL_VERSION_MAJOR), functions, ARRAY_LEN(functions), false,
    PTHREAD_MUTEX_INITIALIZER};

int openssl_load(struct err *err)
{
    return library_load(&library, err);
}
