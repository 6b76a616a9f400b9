#ifndef BASE_SECRET_H
#define BASE_SECRET_H
/*
 * A secret value. It cannot be printed by accident: the struct is opaque, its bytes are only reached with
 * secret_bytes() at the place of use, and they are zeroed when it is freed. Not copied by value. Thread-safe
 * to read.
 */
#include "base/err.h"

struct secret;

struct secret *secret_new(const void *bytes, size_t len);
void secret_free(struct secret *s);
const char *secret_bytes(const struct secret *s, size_t *ret_len); /* NUL-terminated; ret_len may be NULL */
/* Read a file that holds a credential: at most 64 KiB, a regular file, not readable by others (else
   ERR_DENIED with the chmod that corrects it); one trailing newline is dropped. */
int secret_read_file(const char *path, struct secret **ret, struct err *err) _must_check_;
static inline void secret_freep(struct secret **s)
{
    secret_free(*s);
}
#define _cleanup_secret_ _cleanup_(secret_freep)
/* Zero memory in a way that the compiler does not optimise away. */
void secret_wipe(void *p, size_t len);
#endif
