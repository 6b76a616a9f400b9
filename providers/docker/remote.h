#ifndef PROVIDERS_DOCKER_REMOTE_H
#define PROVIDERS_DOCKER_REMOTE_H
/* What registries have under a name: the engine asks, with our credentials
   (docs.docker.com/reference/api/engine, DistributionInspect). Nothing is pulled. */
#include "providers/docker/docker.h"

/* The digest ("sha256:...") that the registry has for a reference without one. ERR_AUTH, ERR_NOTFOUND, ...
   with the registry's message; ERR_TIMEOUT after 15 s, or the target's timeout if that is shorter. */
int docker_ask_registry(struct docker *d, const char *ref, const struct cancel *c, struct arena *a,
                        const char **ret, struct err *err) _must_check_;

/* The registries that one observation asks: one that does not answer is asked once. One thread. */
struct registries {
    struct docker *d;
    struct registry_asking how;
    const struct cancel *cancel;
    struct arena *arena; /* for what is returned */
    struct map lost;     /* name -> const struct image_unasked */
    struct map noticed;  /* names that somebody was told of */
    const char *asked;   /* the one that is being asked */
};

/* `how` NULL: as always. */
void registries_init(struct registries *r, struct docker *d, const struct registry_asking *how,
                     const struct cancel *c, struct arena *a);
void registries_release(struct registries *r);
/* The digest of a reference without one; NULL: it is not known, and *ret_why says why not (NULL when the look
   is being cancelled). */
const char *registries_digest(struct registries *r, const char *ref, const struct image_unasked **ret_why);
/* The references that some container of the set names with `pull_policy: always`; release with map_release().
   One reference means one image to all that name it: so it does for the others as well. */
void always_pulled(const struct resource_set *set, struct map *ret);
#endif
