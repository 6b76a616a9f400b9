#ifndef PROVIDERS_REGISTRY_H
#define PROVIDERS_REGISTRY_H
/*
 * A registry, asked what it has: the distribution API (github.com/opencontainers/distribution-spec, spec.md:
 * GET /v2/NAME/tags/list, HEAD /v2/NAME/manifests/TAG) and its authentication by tokens
 * (distribution.github.io/distribution/spec/auth/token, .../oauth). Nothing is pulled.
 *
 * Who we are, and which authorities are trusted, is found where docker finds it: credential.h, and
 * FOLDER/HOST[:PORT]/ *.crt (docs.docker.com/engine/security/certificates). A registry on loopback that does
 * not speak TLS is spoken to in plain HTTP, as engines do; no other one is.
 *
 * A client is for one thread, and keeps connections and tokens from one question to the next.
 */
#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "providers/provider.h"

#define REGISTRY_CERTS "/etc/docker/certs.d"

struct registry;

/* `target` is borrowed: its logins and its docker_config. `certs` NULL: REGISTRY_CERTS. */
struct registry *registry_new(const struct target *target, const char *certs);
void registry_free(struct registry *r); /* accepts NULL */

/* All tags of the repository that an image reference names, in the registry's order; from page to page.
   ERR_NOTFOUND: there is no such repository. ERR_LIMIT: more than LIMIT_REGISTRY_TAGS. */
int registry_tags(struct registry *r, const char *ref, const struct cancel *c, struct arena *a,
                  const char *const **ret, size_t *ret_n, struct err *err) _must_check_;
/* The digest ("sha256:...") that the reference's tag has now: of the index, where there is one for several
   platforms. ERR_NOTFOUND: there is no such tag. */
int registry_digest(struct registry *r, const char *ref, const struct cancel *c, struct arena *a,
                    const char **ret, struct err *err) _must_check_;
#endif
