#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H
/*
 * The daemon: environments under one loop, from settings that can be read again while it runs.
 *
 * SIGTERM and SIGINT end it after what is under way has been stopped in good order; SIGHUP reads the settings
 * again and, when they are right, starts the environments anew with them.
 */
#include "base/log.h"
#include "reconciler/daemon/env.h"

struct daemon_options {
    const char *settings_path;
    const char *state_dir; /* NULL: the settings' own */
    const char *log_sink;  /* NULL: the settings' own, or "auto" */
    bool verbose;          /* log more than the settings say */
};

/* Runs until told to end. */
int daemon_main(const struct daemon_options *o, struct err *err) _must_check_;
#endif
