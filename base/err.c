#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static const struct {
    int code;
    const char *name;
} names[] = {
    {ERR_OK, "ok"},
    {ERR_INVALID, "invalid"},
    {ERR_NOTFOUND, "notfound"},
    {ERR_EXISTS, "exists"},
    {ERR_CONFLICT, "conflict"},
    {ERR_AUTH, "auth"},
    {ERR_DENIED, "denied"},
    {ERR_TIMEOUT, "timeout"},
    {ERR_UNAVAILABLE, "unavailable"},
    {ERR_CANCELLED, "cancelled"},
    {ERR_LIMIT, "limit"},
    {ERR_IO, "io"},
    {ERR_NOSPACE, "nospace"},
    {ERR_UNSUPPORTED, "unsupported"},
    {ERR_CORRUPT, "corrupt"},
    {ERR_BUSY, "busy"},
    {ERR_FAILED, "failed"},
};

/* Any errno that is not listed is ERR_IO: a failure of the local machine. */
static const struct {
    int errnum;
    int code;
} errnos[] = {
    {ENOENT, ERR_NOTFOUND},
    {ESRCH, ERR_NOTFOUND},
    {EEXIST, ERR_EXISTS},
    {ENOTEMPTY, ERR_EXISTS},
    {ENOSPC, ERR_NOSPACE},
    {EDQUOT, ERR_NOSPACE},
    {EFBIG, ERR_LIMIT},
    {ENAMETOOLONG, ERR_LIMIT},
    {ELOOP, ERR_INVALID},
    {ENOTDIR, ERR_INVALID},
    {EISDIR, ERR_INVALID},
    {ETIMEDOUT, ERR_TIMEOUT},
    {ECONNREFUSED, ERR_UNAVAILABLE},
    {ECONNRESET, ERR_UNAVAILABLE},
    {ECONNABORTED, ERR_UNAVAILABLE},
    {EPIPE, ERR_UNAVAILABLE},
    {EHOSTUNREACH, ERR_UNAVAILABLE},
    {EHOSTDOWN, ERR_UNAVAILABLE},
    {ENETUNREACH, ERR_UNAVAILABLE},
    {ENETDOWN, ERR_UNAVAILABLE},
    {EAGAIN, ERR_BUSY},
    {EBUSY, ERR_BUSY},
    {ETXTBSY, ERR_BUSY},
    {ECANCELED, ERR_CANCELLED},
    {ENOSYS, ERR_UNSUPPORTED},
    {EOPNOTSUPP, ERR_UNSUPPORTED},
    {EBADMSG, ERR_CORRUPT},
};

/* A truncated text ends in "...", and never inside a UTF-8 sequence. */
static void mark_cut(char *dst, size_t size)
{
    size_t end = size - 4;
    while (end > 0 && ((unsigned char)dst[end] & 0xC0) == 0x80)
        end--;
    memcpy(dst + end, "...", 4);
}

static void format_text(char *dst, size_t size, const char *fmt, va_list ap) _vprintf_(3);
static void format_text(char *dst, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(dst, size, fmt, ap);
    if (n < 0)
        dst[0] = '\0';
    else if ((size_t)n >= size)
        mark_cut(dst, size);
    str_clean(dst);
}

/* dst may be one of the parts: it is read before it is written. */
static void join_text(char *dst, size_t size, const char *a, const char *b)
{
    char text[sizeof(((struct err *)0)->msg)];
    int n = snprintf(text, size, "%s: %s", a, b);
    if (n >= 0 && (size_t)n >= size)
        mark_cut(text, size);
    memcpy(dst, text, strlen(text) + 1);
}

static void start(struct err *err, int code)
{
    err_clear(err);
    err->code = code;
    err->retryable = code == ERR_TIMEOUT || code == ERR_UNAVAILABLE || code == ERR_BUSY;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    /* Formatted into another buffer: the arguments may include the text of this very error. */
    char text[sizeof(err->msg)];
    va_list ap;
    va_start(ap, fmt);
    format_text(text, sizeof(text), fmt, ap);
    va_end(ap);
    start(err, code);
    memcpy(err->msg, text, strlen(text) + 1);
    return code;
}

static int code_of_errno(int errnum)
{
    for (size_t i = 0; i < ARRAY_LEN(errnos); i++)
        if (errnos[i].errnum == errnum)
            return errnos[i].code;
    return ERR_IO;
}

int err_errno(struct err *err, int errnum, const char *fmt, ...)
{
    char text[sizeof(err->msg)], reason[128];
    va_list ap;
    va_start(ap, fmt);
    format_text(text, sizeof(text), fmt, ap);
    va_end(ap);
    start(err, code_of_errno(errnum));
    join_text(err->msg, sizeof(err->msg), text, strerror_r(errnum, reason, sizeof(reason)));
    return err->code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char text[sizeof(err->msg)];
    va_list ap;
    va_start(ap, fmt);
    format_text(text, sizeof(text), fmt, ap);
    va_end(ap);
    join_text(err->msg, sizeof(err->msg), text, err->msg);
    return err->code;
}

int err_hint(struct err *err, const char *fmt, ...)
{
    char text[sizeof(err->hint)];
    va_list ap;
    va_start(ap, fmt);
    format_text(text, sizeof(text), fmt, ap);
    va_end(ap);
    memcpy(err->hint, text, strlen(text) + 1);
    return err->code;
}

int err_at(struct err *err, const char *file, uint32_t line, uint32_t col)
{
    int n = snprintf(err->file, sizeof(err->file), "%s", file ? file : "");
    if (n >= 0 && (size_t)n >= sizeof(err->file))
        mark_cut(err->file, sizeof(err->file));
    err->line = line;
    err->col = col;
    return err->code;
}

const char *err_name(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].code == code)
            return names[i].name;
    return "unknown";
}

int err_from_name(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].code;
    return ERR_FAILED;
}

void err_format(const struct err *err, struct buf *out)
{
    if (err->file[0]) {
        buf_adds(out, err->file);
        if (err->line)
            buf_addf(out, ":%u", err->line);
        if (err->line && err->col)
            buf_addf(out, ":%u", err->col);
        buf_adds(out, ": ");
    }
    buf_adds(out, err->msg);
    if (err->hint[0])
        buf_addf(out, "\n  hint: %s", err->hint);
}

void err_clear(struct err *err)
{
    /* Not the whole struct: it holds about a page of text, and this runs in loops. */
    err->code = ERR_OK;
    err->retryable = false;
    err->line = err->col = 0;
    err->file[0] = err->msg[0] = err->hint[0] = '\0';
}
