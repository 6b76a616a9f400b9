#ifndef PROVIDERS_PODMAN_SERVICE_H
#define PROVIDERS_PODMAN_SERVICE_H
/*
 * podman:// targets: the socket of Podman's service or, where nothing listens, a service of our own
 * (`podman system service`) on a private socket. There is one per process, shared by all its users, stopped
 * when the last one releases it, and restarted when it dies. If this process is killed, the service ends by
 * itself after a minute without connections. Thread-safe.
 */
#include "base/arena.h"
#include "base/err.h"

/* Is it a podman:// URL that service_url() takes? ERR_INVALID. */
int service_url_check(const char *url, struct err *err) _must_check_;
/* podman:///PATH -> that socket; podman:// -> the socket of the system (root) or of the user, if a service
   answers there, else our own service. *ret_own: it is our own; release it with service_release().
   ERR_NOTFOUND when there is no podman program; ERR_UNAVAILABLE when the service does not answer. */
int service_url(struct arena *a, const char *url, const char **ret, bool *ret_own,
                struct err *err) _must_check_;
/* Start our own service if it is not running. Also called before each connection. */
int service_wake(struct err *err) _must_check_;
void service_release(void);
#endif
