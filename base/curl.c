#include "base/curl.h"

#include "base/library.h"

struct curl_functions curl;

static const struct library_function functions[] = {
#define CURL_FIND(name) {"curl_" #name, &curl.name},
    CURL_FUNCTIONS(CURL_FIND)};

/* The ABI is the same since 2006 (curl.se/libcurl/abi.html). */
static struct library library = {"libcurl.so.4",       "libcurl4", functions,
                                 ARRAY_LEN(functions), false,      PTHREAD_MUTEX_INITIALIZER};

int curl_load(struct err *err)
{
    return library_load(&library, err);
}
