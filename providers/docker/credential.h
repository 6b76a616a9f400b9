#ifndef PROVIDERS_DOCKER_CREDENTIAL_H
#define PROVIDERS_DOCKER_CREDENTIAL_H
/*
 * Who we are to a registry: the target's logins, then what docker's own command line was told (config.json:
 * auths, credHelpers, credsStore; docs.docker.com/reference/cli/docker/login). The same for pulls by an
 * engine and for questions that are asked of the registry itself.
 */
#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "providers/provider.h"

struct login {
    const char *user;              /* in the arena, or the target's */
    const struct secret *password; /* ours or the target's */
    struct secret *own, *token;    /* token: an identity token in place of user and password */
    struct arena arena;            /* of what is no secret */
};

/* Fills *ret, zeroed where nothing is known of the registry ("docker.io", "localhost:5000"). May run a
   credential helper. login_release() it in any case. */
int login_find(const struct target *t, const char *registry, const struct cancel *c, struct login *ret,
               struct err *err) _must_check_;
void login_release(struct login *l);
/* Has it anything to say? */
bool login_known(const struct login *l);
#endif
