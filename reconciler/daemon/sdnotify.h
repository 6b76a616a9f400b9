#ifndef DAEMON_SDNOTIFY_H
#define DAEMON_SDNOTIFY_H
/* The service manager's notification socket (sd_notify(3)): one datagram of NAME=VALUE lines. Nothing when
 * there is none. */
#include <stdint.h>

void sdnotify(const char *state); /* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." */
/* How often the manager wants to hear WATCHDOG=1, in nanoseconds (half its time-out); 0: not at all. */
int64_t sdnotify_watchdog_ns(void);
#endif
