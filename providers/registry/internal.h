#ifndef PROVIDERS_REGISTRY_INTERNAL_H
#define PROVIDERS_REGISTRY_INTERNAL_H
/* Shared by the files of this folder. */
#include "base/buf.h"
#include "base/curl.h"
#include "providers/docker/credential.h"
#include "providers/registry/registry.h"

/* How long one registry is waited for. */
struct registry_patience {
    long connect_ms; /* with the handshake of TLS */
    long probe_ms;   /* the same, for what may not speak TLS at all */
    long silence_s;  /* without a single byte */
    long whole_s;    /* for an answer that goes on */
    long notice_ms;  /* until somebody is told what is waited for */
};
#define REGISTRY_PATIENCE                                                                        \
    {                                                                                            \
        .connect_ms = 5000, .probe_ms = 2000, .silence_s = 15, .whole_s = 120, .notice_ms = 1000 \
    }

/* What is known about a registry. */
struct registry_host {
    const char *name;   /* "docker.io", "127.0.0.1:5000" */
    const char *server; /* the host that serves it: "registry-1.docker.io" */
    bool plain;         /* on loopback and without TLS */
    bool probed, basic; /* basic: it asks for user and password instead of a token */
    bool noticed;       /* somebody was told that it is waited for */
    struct err lost;    /* why it is not asked any more; code 0: it is */
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
    struct registry_patience patience;
    void (*waiting)(void *arg, const char *registry); /* see registry_on_wait(); NULL: nobody asks */
    void *waiting_arg;
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
    bool probe; /* it need not be an answer over TLS: see registry_patience */

    long status;
    struct buf body;
    /* Headers of the answer, in `arena`; NULL: absent. */
    const char *challenge, *link, *digest;
    struct arena *arena;
};

/* call.c: send the request. 0 whatever the status is; errors are those of the connection. Never follows a
   redirect. A host that did not answer is not asked again: the same error returns at once. */
int registry_call(struct registry *r, struct registry_host *h, struct registry_call *q,
                  struct err *err) _must_check_;
/* auth.c: send the request with our credentials, in the way that the registry's challenge asks for. */
int registry_ask(struct registry *r, struct registry_host *h, const char *scope, struct registry_call *q,
                 struct err *err) _must_check_;
void registry_forget_tokens(struct registry_host *h);
/* The value of a parameter of a challenge (RFC 9110, 11.2): "realm" of `Bearer realm="...",service="..."`. */
const char *challenge_param(struct arena *a, const char *challenge, const char *name);
#endif
