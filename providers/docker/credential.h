#ifndef PROVIDERS_DOCKER_CREDENTIAL_H
#define PROVIDERS_DOCKER_CREDENTIAL_H
/*
 * Credentials for a registry: the target's logins, then those of docker's command line (config.json: auths,
 * credHelpers, credsStore; docs.docker.com/reference/cli/docker/login). The same for pulls by an engine and
 * for requests to the registry itself.
 */
#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "providers/provider.h"

struct login {
    const char *user;              /* in the arena, or borrowed from the target */
    const struct secret *password; /* `own`, or borrowed from the target */
    struct secret *own, *token;    /* token: an identity token instead of user and password */
    struct arena arena;            /* for everything that is not secret */
};

/* The registry of an image reference, "docker.io" or "localhost:5000"; NULL: it is none. */
const char *registry_of(struct arena *a, const char *image);
/* Fills *ret; no credentials for the registry ("docker.io", "localhost:5000") leave it zeroed. May run a
   credential helper. login_release() it in any case. */
int login_find(const struct target *t, const char *registry, const struct cancel *c, struct login *ret,
               struct err *err) _must_check_;
void login_release(struct login *l);
/* Does it hold any credentials? */
bool login_known(const struct login *l);
#endif
