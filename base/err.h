#ifndef BASE_ERR_H
#define BASE_ERR_H
/*
 * Errors.
 *
 * A function that can fail returns 0 or one of the negative codes below, and fills a `struct err` that the
 * caller owns (never NULL; initialise it with `struct err err = {0}`). An error is set once, where it
 * happens, and wrapped with context on the way up. Callers branch on the code, never on the text. Not
 * thread-safe: an err belongs to one thread at a time.
 *
 * The message says what failed, on which object, and why; the hint says what to do. Neither ever holds a
 * secret. Both are made safe to show: invalid UTF-8 and control characters other than newline and tab become
 * '?'; a text that is too long is cut and ends in "...".
 */
#include "base/cleanup.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum err_code {
    ERR_OK = 0,
    ERR_INVALID = -1,      /* input is wrong: fix it and try again */
    ERR_NOTFOUND = -2,     /* what was named does not exist */
    ERR_EXISTS = -3,       /* what was to be created already exists */
    ERR_CONFLICT = -4,     /* it was changed meanwhile, or belongs to somebody else */
    ERR_AUTH = -5,         /* credentials are missing or were refused */
    ERR_DENIED = -6,       /* a policy, a cap or a missing approval forbids it */
    ERR_TIMEOUT = -7,      /* it took longer than allowed */
    ERR_UNAVAILABLE = -8,  /* the other side cannot be reached, or asks us to come back later */
    ERR_CANCELLED = -9,    /* we were asked to stop */
    ERR_LIMIT = -10,       /* an input is larger than base/limits.h allows */
    ERR_IO = -11,          /* the local machine failed: disk, descriptor, permission */
    ERR_NOSPACE = -12,     /* disk, quota or database is full */
    ERR_UNSUPPORTED = -13, /* the backend or this build cannot do that */
    ERR_CORRUPT = -14,     /* stored or received data is damaged */
    ERR_BUSY = -15,        /* somebody else is doing it now */
    ERR_FAILED = -16,      /* it ran, and the outcome is a failure (unhealthy, exit code) */
};

struct err {
    int code;       /* enum err_code */
    bool retryable; /* the same call may succeed later without any change */
    uint32_t line;  /* 1-based; 0: no position */
    uint32_t col;   /* 1-based; 0: no column */
    char file[256];
    char msg[1024];
    char hint[384];
};

/* Set the error (overwrites). retryable becomes true for TIMEOUT, UNAVAILABLE and BUSY. Returns `code`. */
int err_set(struct err *err, int code, const char *fmt, ...) _printf_(3, 4);
/* Set from an errno value: ": strerror" is appended, the code is derived (ENOENT NOTFOUND, ENOSPC NOSPACE,
 * ...). */
int err_errno(struct err *err, int errnum, const char *fmt, ...) _printf_(3, 4);
/* Put "context: " before the message. Returns the error's code. */
int err_wrap(struct err *err, const char *fmt, ...) _printf_(2, 3);
/* Set what to do about it (replaces an older hint). Returns the error's code. */
int err_hint(struct err *err, const char *fmt, ...) _printf_(2, 3);
/* Set where in a file it is. Returns the error's code. */
int err_at(struct err *err, const char *file, uint32_t line, uint32_t col);
/* "invalid", "notfound", ...: stable, for JSON and logs. */
const char *err_name(int code);
int err_from_name(const char *name);
/* Append "file:line:col: message" and, when there is one, "\n  hint: ..." (no final newline). */
void err_format(const struct err *err, struct buf *out);
void err_clear(struct err *err);
#endif
