#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H
/*
 * The loop: one thread that owns the daemon's state and sleeps in epoll until a descriptor, a timer or a
 * message from another thread wakes it. Everything but loop_post() and loop_stop() is called on that thread.
 */
#include "base/err.h"

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Call fn whenever fd is readable. The descriptor stays the caller's; remove it before closing it. */
int loop_add_fd(struct loop *l, int fd, void (*fn)(void *arg), void *arg, struct err *err) _must_check_;
void loop_remove_fd(struct loop *l, int fd);

/* A timer that fires once; set it again to repeat. The struct is the caller's and must outlive its setting. */
struct loop_timer {
    void (*fn)(void *arg);
    void *arg;
    int64_t at_ns; /* monotonic; 0: not set */
    struct loop_timer *next;
    bool linked;
    unsigned round; /* in which it fired last */
};
void loop_timer_at(struct loop *l, struct loop_timer *t, int64_t at_ns); /* 0: off */
void loop_timer_remove(struct loop *l, struct loop_timer *t);

/* Have fn(arg) called on the loop's thread. From any thread; never lost, in order. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* Drop the messages to arg that have not been delivered yet: its owner goes away. */
void loop_forget(struct loop *l, const void *arg);

/* Run until loop_stop(), which may have been called already. */
int loop_run(struct loop *l, struct err *err) _must_check_;
void loop_stop(struct loop *l);
#endif
