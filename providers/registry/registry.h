#ifndef PROVIDERS_REGISTRY_H
#define PROVIDERS_REGISTRY_H
/*
 * Queries to a registry: the distribution API (github.com/opencontainers/distribution-spec, spec.md:
 * GET /v2/NAME/tags/list, HEAD /v2/NAME/manifests/TAG) and its authentication by tokens
 * (distribution.github.io/distribution/spec/auth/token, .../oauth). Nothing is pulled.
 *
 * Credentials and trusted certificate authorities are found where docker finds them: credential.h, and
 * FOLDER/HOST[:PORT]/ *.crt (docs.docker.com/engine/security/certificates). A registry on loopback that does
 * not speak TLS is accessed over plain HTTP, as engines do; no other one is.
 *
 * A client belongs to one thread, and keeps connections and tokens between requests. A registry that cannot
 * be connected to within 5 s, or sends nothing for 15 s, is waited for once: all later requests to it fail at
 * once.
 */
#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "providers/provider.h"

#define REGISTRY_CERTS "/etc/docker/certs.d"

struct registry;

/* `target` is borrowed, for its logins and its docker_config. `certs` NULL: REGISTRY_CERTS. */
struct registry *registry_new(const struct target *target, const char *certs);
void registry_free(struct registry *r); /* accepts NULL */
/* `waiting` is called, once for each registry, when it has kept a request waiting for a second. */
void registry_on_wait(struct registry *r, void (*waiting)(void *arg, const char *registry), void *arg);

/* All tags of the repository that an image reference names, from all pages, in the registry's order.
   ERR_NOTFOUND: there is no such repository. ERR_LIMIT: more than LIMIT_REGISTRY_TAGS. */
int registry_tags(struct registry *r, const char *ref, const struct cancel *c, struct arena *a,
                  const char *const **ret, size_t *ret_n, struct err *err) _must_check_;
/* The digest ("sha256:...") that the reference's tag has now: that of the index if there is one, for several
   platforms. ERR_NOTFOUND: there is no such tag. */
int registry_digest(struct registry *r, const char *ref, const struct cancel *c, struct arena *a,
                    const char **ret, struct err *err) _must_check_;
#endif
