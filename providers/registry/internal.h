#ifndef PROVIDERS_REGISTRY_INTERNAL_H
#define PROVIDERS_REGISTRY_INTERNAL_H
/* Shared by the files of this room. */
#include "base/buf.h"
#include "providers/docker/credential.h"
#include "providers/registry/registry.h"

#include <curl/curl.h>

#define REGISTRY_TIMEOUT_MS 30000L /* of one answer */

/* What a registry is known to be. */
struct registry_host {
    const char *name;   /* "docker.io", "127.0.0.1:5000" */
    const char *server; /* that answers for it: "registry-1.docker.io" */
    bool plain;         /* on loopback, and speaks no TLS */
    bool probed, basic; /* it wants our name and password themselves */
    struct registry_token *tokens;
    struct registry_host *next;
};
struct registry_token {
    const char *scope;
    struct secret *value;
    int64_t until_ns; /* monotonic */
    struct registry_token *next;
};

struct registry {
    const struct target *target;
    const char *certs;
    CURL *curl;
    struct arena arena;
    struct registry_host *hosts;
};

/* One question and its answer. */
struct registry_call {
    const char *url;
    const char *accept; /* NULL: anything */
    bool head;
    const char *post; /* a form; NULL: it is a GET or HEAD */
    const char *user; /* with `password`: basic authentication */
    const struct secret *password;
    const struct secret *bearer;
    const struct cancel *cancel;
    long timeout_ms; /* 0: REGISTRY_TIMEOUT_MS */

    long status;
    struct buf body;
    /* Of the answer's head, in `arena`; NULL: absent. */
    const char *challenge, *link, *digest;
    struct arena *arena;
};

/* call.c: ask. 0 whatever the status is; errors are of the connection. Never follows a redirect. */
int registry_call(struct registry *r, const struct registry_host *h, struct registry_call *q,
                  struct err *err) _must_check_;
/* auth.c: ask as whoever we are, learning from the answer what is wanted of us. */
int registry_ask(struct registry *r, struct registry_host *h, const char *scope, struct registry_call *q,
                 struct err *err) _must_check_;
void registry_forget_tokens(struct registry_host *h);
/* The value of a parameter of a challenge (RFC 9110, 11.2): "realm" of `Bearer realm="...",service="..."`. */
const char *challenge_param(struct arena *a, const char *challenge, const char *name);
#endif
