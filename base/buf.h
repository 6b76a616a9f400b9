#ifndef BASE_BUF_H
#define BASE_BUF_H
/*
 * A growing byte string with a maximum.
 *
 * Appending never fails at the call: what does not fit is dropped whole and sets a sticky `overflow` flag,
 * and everything after it is dropped too. So the content stays a prefix, and a series of appends is checked
 * once, at the end, with buf_check(). The content is always NUL-terminated (the NUL is not counted). Nothing
 * appended may point into the buffer itself. Running out of memory aborts. Owner: whoever initialised it. Not
 * thread-safe.
 */
#include "base/err.h"
#include <stdarg.h>

struct buf {
    char *data; /* NUL-terminated when not NULL */
    size_t len;
    size_t cap;
    size_t max; /* 0: BUF_MAX_DEFAULT */
    bool overflow;
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)
#define BUF_INIT \
    {            \
        0        \
    }
#define _cleanup_buf_ _cleanup_(buf_release)

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* empty it, keep the memory, clear overflow */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addn(struct buf *b, char c, size_t times);
void buf_addf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_addv(struct buf *b, const char *fmt, va_list ap) _vprintf_(2);
void buf_truncate(struct buf *b, size_t len);
/* Make room for at least n more bytes, which the caller writes at data + len and then counts with len += k.
   NULL on overflow. */
char *buf_reserve(struct buf *b, size_t n);
/* 0, or ERR_LIMIT naming `what` when anything was dropped. */
int buf_check(const struct buf *b, const char *what, struct err *err) _must_check_;
/* The content as a C string ("" when empty); valid until the next change. */
const char *buf_str(const struct buf *b);
/* Hand the memory to the caller (free() it) and become empty. Never NULL. */
char *buf_steal(struct buf *b);
#endif
