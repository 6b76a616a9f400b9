#ifndef DAEMON_SERVE_H
#define DAEMON_SERVE_H
/*
 * What forged answers: operations on its environments over the control socket, and /metrics. Calls run on
 * threads of their own with an engine of their own; the environment's lock keeps them and its automation
 * apart (L6).
 */
#include "reconciler/daemon/env.h"

struct serve;

/* The environments and settings are borrowed until serve_stop() has returned. */
int serve_start(const struct settings *s, const struct env_host *host, struct env *const *envs, size_t n_envs,
                struct serve **ret, struct err *err) _must_check_;
void serve_stop(struct serve *s); /* accepts NULL */
#endif
