#ifndef API_CONTROL_H
#define API_CONTROL_H
/*
 * The control socket: forge-ctl asks forged. HTTP/1.1 on a unix socket (libmicrohttpd serves it).
 *
 *   POST /v1/environments/NAME/OPERATION    arguments as a JSON object (engine/operation.h)
 *   GET  /v1/environments                   what there is, with numbers, and the path of the settings file
 *
 * An answer is JSON lines: the events of the operation as they happen, and last {"event": "answer", "answer":
 * ..., "error": ...}. Who may connect is decided by the socket's permissions; who asks is told by the kernel
 * (SO_PEERCRED, unix(7)). When the caller goes away, the operation is cancelled.
 */
#include "base/cancel.h"
#include "schema/val.h"

struct control;

struct control_request {
    const char *environment; /* NULL: of the daemon itself */
    const char *operation;   /* "diff", "environments", ... */
    const struct val *args;
    const char *actor; /* the caller's user name */
    const struct cancel *cancel;
    struct arena *arena; /* the answer lives here */
    void (*emit)(void *arg, const struct val *event);
    void *arg;
};

struct control_handler {
    void *arg;
    /* Called on a thread of the connection's own. */
    int (*call)(void *arg, const struct control_request *rq, struct val **ret, struct err *err);
};

/* Serve until control_stop(). The socket is replaced if nobody answers on it (else ERR_BUSY); mode 0660,
   group `forge` when there is one. */
int control_start(const char *path, const struct control_handler *h, struct control **ret,
                  struct err *err) _must_check_;
void control_stop(struct control *c); /* cancels what is under way and waits for it; accepts NULL */

/* Is somebody listening at `path`? ERR_UNAVAILABLE: nobody; ERR_AUTH: somebody we may not talk to. */
int control_reachable(const char *path, struct err *err) _must_check_;
/* The other side: ask what listens at `path`. Without an environment: which there are. */
int control_call(const char *path, const char *environment, const char *operation, const struct val *args,
                 const struct cancel *cancel, void (*emit)(void *arg, const struct val *event), void *arg,
                 struct arena *a, struct val **ret, struct err *err) _must_check_;
#endif
