#ifndef PROVIDERS_DOCKER_DIALECT_H
#define PROVIDERS_DOCKER_DIALECT_H
/*
 * What differs between the engines that speak Docker's API: Docker itself (docker.c), and Podman
 * (providers/podman), which also has an API of its own (below /libpod). The first answer shows which engine
 * it is; where they differ, the rest of this folder goes by the dialect.
 */
#include "providers/containers/containers.h"

struct act;

struct dialect {
    const char *name;            /* "docker", "podman" */
    const char *list_containers; /* path; more query parameters can be appended */
    const char *list_networks;
    /* Converts an entry of that listing to Docker's form; a new reference. NULL: it already has that form. */
    json_t *(*network)(json_t *entry);
    /* The event log reports changes that a listing does not show (observe_events.c), so it is read. */
    bool updates_are_events;
    /* The create request joins all networks, in any API version. */
    bool joins_at_create;
    /* Files can also be copied into a container with a read-only root. */
    bool copies_into_read_only;
    /* An archive of a container's files holds all of them, each with its owner. */
    bool archives_are_faithful;
    /* What was asked for is kept on networks and volumes (MARK_ASKED), because the engine records it
       differently. */
    bool keeps_asked;
    const char *bridge; /* the name that filters use for the built-in network "bridge" */
    const char *images; /* path before the reference of an image */
    bool has_id;        /* /info contains a permanent id */
    /* A listing shows that a reference now means another image than the one that runs. */
    bool listing_shows_moves;
    int64_t facts_age_ns; /* how long the facts of an engine stay valid */
    /* Are the facts needed for a container with this spec? NULL: always. */
    bool (*wants_facts)(const struct val *spec);
    /* facts: NULL while they are not known. */
    unsigned (*caps)(unsigned api, const struct engine_facts *facts);
    /* container_read(), then corrections for this engine's record (providers/containers/containers.h). */
    int (*read)(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                struct err *err);
    /* container_defaults(), likewise. */
    const struct val *(*defaults)(struct arena *a, const struct object *o, const struct image_info *image,
                                  const struct engine_facts *facts);
    /* Path and body of the create request; release the body with json_decref(). */
    int (*create)(struct arena *a, const struct create_request *rq, const char **ret_path, json_t **ret_body,
                  struct err *err);
    /* The engine refused a request of create() with *err: remove the cause if possible, and return whether to
       try again. May be NULL. */
    bool (*mend)(struct act *t, const struct val *spec, const struct err *err);
    /* The same when a removal was refused with *err. May be NULL. */
    bool (*mend_removal)(struct act *t, const struct err *err);
    /* Runs the health check of a running container when it is due and nobody else runs it, for at most
       `left_ns`; returns in how many nanoseconds to look again. NULL: the engine runs the checks. */
    int64_t (*check_health)(struct act *t, const struct object *o, int64_t left_ns);
};

extern const struct dialect dialect_docker, dialect_podman;
#endif
