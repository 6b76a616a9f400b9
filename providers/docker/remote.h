#ifndef PROVIDERS_DOCKER_REMOTE_H
#define PROVIDERS_DOCKER_REMOTE_H
/* What registries have under a name: the engine asks, with our credentials
   (docs.docker.com/reference/api/engine, DistributionInspect). Nothing is pulled. */
#include "providers/docker/docker.h"

/* The digest ("sha256:...") that the registry has for a reference without one. ERR_AUTH, ERR_NOTFOUND, ...
   with the registry's message; ERR_TIMEOUT after 15 s, or the target's timeout if that is shorter. */
int docker_ask_registry(struct docker *d, const char *ref, const struct cancel *c, struct arena *a,
                        const char **ret, struct err *err) _must_check_;

/* The registries that one observation asks. One thread; the questions are asked on the target's pool. */
struct registries {
    struct docker *d;
    struct registry_asking how;
    const struct cancel *cancel;
    struct arena *arena;  /* for what is returned */
    struct map lost;      /* name -> const struct image_unasked */
    struct map answers;   /* reference -> struct question */
    struct map noticed;   /* names that somebody was told of */
    pthread_mutex_t lock; /* of `noticed` */
};

/* `how` NULL: as always. */
void registries_init(struct registries *r, struct docker *d, const struct registry_asking *how,
                     const struct cancel *c, struct arena *a);
void registries_release(struct registries *r);
/* Ask about all these references (keys of the map; they outlive r) at the same time, for registries_digest().
   One of each registry goes first, so that one that does not answer is asked once. */
void registries_ask(struct registries *r, const struct map *refs);
/* The digest of a reference, asked for unless it was; NULL: it is not known, and *ret_why says why not (NULL
   when it has a digest already, or when the look is being cancelled). */
const char *registries_digest(struct registries *r, const char *ref, const struct image_unasked **ret_why);
/* The references that some container of the set names with `pull_policy: always`; release with map_release().
   One reference means one image to all that name it: so it does for the others as well. */
void always_pulled(const struct resource_set *set, struct map *ret);
#endif
