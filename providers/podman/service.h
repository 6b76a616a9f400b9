#ifndef PROVIDERS_PODMAN_SERVICE_H
#define PROVIDERS_PODMAN_SERVICE_H
/*
 * podman:// targets: the socket of Podman's service, or, where nobody listens, a service of our own
 * (`podman system service`) on a private one. It is one for the process, shared by all who ask for it, ended
 * with the last of them, and started again when it dies. Should this process be killed, it ends by itself:
 * nobody has asked it anything for a minute. Thread-safe.
 */
#include "base/arena.h"
#include "base/err.h"

/* podman:///PATH -> that socket; podman:// -> the one of the system (root) or of the user, when somebody
   answers there, else our own. *ret_own: it is our own, to be released with service_release().
   ERR_UNAVAILABLE when there is no program either. */
int service_url(struct arena *a, const char *url, const char **ret, bool *ret_own,
                struct err *err) _must_check_;
/* See to it that it listens. Also called before each connection. */
int service_wake(struct err *err) _must_check_;
void service_release(void);
#endif
