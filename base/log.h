#ifndef BASE_LOG_H
#define BASE_LOG_H
/*
 * Logging: an event name and key=value pairs, to a sink chosen from a table (terminal, json, journald, none).
 *
 *     log_info("apply.done", "env", env, "generation", LOG_INT(g), "run", run, NULL);
 *
 * Pairs end with NULL; values are strings (NULL prints as empty), or LOG_INT/LOG_DUR, which format into a
 * per-call scratch. Libraries log at debug only; the caller that has the context logs once. Each line is one
 * write, so that threads do not interleave. log_run() sets a pair "run" that is added to each line of its
 * thread.
 * Thread-safe.
 */
#include "base/cleanup.h"
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_scratch {
    char text[32];
};
const char *log_fmt_int(struct log_scratch *s, int64_t v);
const char *log_fmt_dur(struct log_scratch *s, int64_t ns);
#define LOG_INT(v)  log_fmt_int(&(struct log_scratch){{0}}, (v))
#define LOG_DUR(ns) log_fmt_dur(&(struct log_scratch){{0}}, (ns))

/* sink: "terminal", "json", "journald", "none", or "auto" (journald when stderr is the journal, else terminal
   on a tty, else json). Returns false for an unknown name. Call once before threads start. */
bool log_setup(const char *sink, enum log_level level);
/* For tests: write to this descriptor instead of stderr, and use this socket as the journal's (NULL:
   unchanged). */
void log_redirect(int fd, const char *journal_socket);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
void log_run(const char *run_id); /* for this thread; NULL ends it */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));
#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_event(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_event(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_event(LOG_DEBUG, __VA_ARGS__)
#endif
