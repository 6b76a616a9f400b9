#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H
/*
 * A cancellation token: set once from any thread or a signal handler, polled by whoever waits; the eventfd
 * wakes a poll(). Its creator releases it once no holder uses it any more. `struct cancel *` may be NULL:
 * never cancelled.
 */
#include "base/err.h"
#include <stdatomic.h>

struct cancel {
    atomic_bool set;
    int fd; /* eventfd, readable once set */
};

void cancel_init(struct cancel *c);
void cancel_release(struct cancel *c);
void cancel_set(struct cancel *c); /* async-signal-safe */
bool cancel_is_set(const struct cancel *c);
/* 0, or ERR_CANCELLED. */
int cancel_check(const struct cancel *c, struct err *err) _must_check_;
/* Sleep for up to ns real nanoseconds or until cancelled; true when cancelled. */
bool cancel_sleep(const struct cancel *c, int64_t ns);
#endif
