#ifndef PROVIDERS_REGISTRY_INTERNAL_H
#define PROVIDERS_REGISTRY_INTERNAL_H
/* Shared by the files of this folder. */
#include "base/buf.h"
#include "base/curl.h"
#include "providers/docker/credential.h"
#include "providers/registry/registry.h"

#define REGISTRY_TIMEOUT_MS 30000L /* for one answer */

/* What is known about a registry. */
struct registry_host {
    const char *name;   /* "docker.io", "127.0.0.1:5000" */
    const char *server; /* the host that serves it: "registry-1.docker.io" */
    bool plain;         /* on loopback and without TLS */
    bool probed, basic; /* basic: it asks for user and password instead of a token */
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
    CURL *curl; /* NULL: nothing was asked yet */
    struct arena arena;
    struct registry_host *hosts;
};

/* One request and its answer. */
struct registry_call {
    const char *url;
    const char *accept; /* NULL: anything */
    bool head;
    const char *post; /* a form; NULL: GET or HEAD */
    const char *user; /* with `password`: basic authentication */
    const struct secret *password;
    const struct secret *bearer;
    const struct cancel *cancel;
    long timeout_ms; /* 0: REGISTRY_TIMEOUT_MS */

    long status;
    struct buf body;
    /* Headers of the answer, in `arena`; NULL: absent. */
    const char *challenge, *link, *digest;
    struct arena *arena;
};

/* call.c: send the request. 0 whatever the status is; errors are those of the connection. Never follows a
   redirect. */
int registry_call(struct registry *r, const struct registry_host *h, struct registry_call *q,
                  struct err *err) _must_check_;
/* auth.c: send the request with our credentials, in the way that the registry's challenge asks for. */
int registry_ask(struct registry *r, struct registry_host *h, const char *scope, struct registry_call *q,
                 struct err *err) _must_check_;
void registry_forget_tokens(struct registry_host *h);
/* The value of a parameter of a challenge (RFC 9110, 11.2): "realm" of `Bearer realm="...",service="..."`. */
const char *challenge_param(struct arena *a, const char *challenge, const char *name);
#endif
