#ifndef BASE_CHILD_H
#define BASE_CHILD_H
/*
 * Child processes: posix_spawnp with an argument vector, never a shell. All descriptors but 0-2 are closed in
 * the child; signals are reset; it leads a session of its own, so that it has no terminal to prompt on, and
 * is killed with everything that it started when it is cancelled. Either run to the end with captured output,
 * or started with pipes for a dialogue.
 */
#include "base/buf.h"
#include "base/cancel.h"
#include <sys/types.h>

struct child_opts {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up on PATH */
    const char *const *env;  /* "NAME=value", NULL-terminated; NULL: inherit */
    const char *dir;         /* working directory; NULL: ours */
    const void *input;       /* bytes for its stdin; NULL: /dev/null */
    size_t input_len;
    int64_t timeout_ns; /* 0: none; when it expires TERM, then KILL after 2 s */
    const struct cancel *cancel;
    int err_fd; /* child_start(): becomes its stderr, still owned by the caller; 0: ours */
};

/* Run to the end. stdout and stderr are appended (either may be NULL: discarded), each up to
   LIMIT_CHILD_OUTPUT_BYTES; anything more is dropped and marks the buffer, so that buf_check() reports it.
   *ret_status: exit code, or 128 + signal. Fails only when the program could not be run, timed out or was
   cancelled; a non-zero exit is no error. */
int child_run(const struct child_opts *o, struct buf *out, struct buf *errout, int *ret_status,
              struct err *err) _must_check_;

struct child {
    pid_t pid;
    int in;  /* write end of its stdin */
    int out; /* read end of its stdout; stderr is ours */
};
/* Start a child for a dialogue; the options input, timeout_ns and cancel are ignored. */
int child_start(const struct child_opts *o, struct child *ret, struct err *err) _must_check_;
/* Close both pipes, give it `grace_ns` to end, then TERM, then KILL; reap it. Accepts a zeroed struct. */
void child_stop(struct child *c, int64_t grace_ns);
#endif
