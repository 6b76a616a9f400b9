#ifndef BASE_CURL_H
#define BASE_CURL_H
/*
 * libcurl, loaded when it is first needed. Starting a program that is linked with it takes 4 ms and 3 MB
 * more, for the twenty libraries that it needs in turn, and most runs speak to an engine's socket alone.
 */
#include "base/err.h"

#include <curl/curl.h>

/* The functions that are used, by their names without "curl_" (curl.se/libcurl/c). */
// clang-format off
#define CURL_FUNCTIONS(X)                                                                        \
    X(easy_init) X(easy_cleanup) X(easy_reset) X(easy_setopt) X(easy_getinfo) X(easy_perform)    \
    X(easy_pause) X(easy_strerror) X(easy_escape) X(free) X(slist_append) X(slist_free_all)      \
    X(multi_init) X(multi_cleanup) X(multi_add_handle) X(multi_remove_handle) X(multi_perform)   \
    X(multi_poll) X(multi_info_read) X(version_info)
// clang-format on

#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
struct curl_functions {
    CURL_FUNCTIONS(CURL_MEMBER)
};

/* Valid once curl_load() has succeeded. */
extern struct curl_functions curl;

/* Load it, once; it stays. ERR_UNSUPPORTED when this machine does not have it. Any thread. */
int curl_load(struct err *err) _must_check_;
#endif
