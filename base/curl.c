#include "base/curl.h"

#include "base/library.h"

#include <pthread.h>

struct curl_functions curl;

static const struct library_function functions[] = {
#define CURL_FIND(name) {"curl_" #name, &curl.name},
    CURL_FUNCTIONS(CURL_FIND)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct err failed;

/* The ABI is the same since 2006 (curl.se/libcurl/abi.html). */
static void load(void)
{
    (void)!library_load("libcurl.so.4", "libcurl4", functions, ARRAY_LEN(functions), &failed);
}

int curl_load(struct err *err)
{
    (void)pthread_once(&once, load);
    if (failed.code)
        *err = failed;
    return failed.code;
}
