#ifndef PROVIDERS_DOCKER_DIALECT_H
#define PROVIDERS_DOCKER_DIALECT_H
/*
 * What differs between the engines that speak Docker's API: Docker itself (docker.c), and Podman
 * (providers/podman), which speaks it beside an API of its own (below /libpod). Who answers is seen at the
 * first question, and everything else in this room asks its dialect where they are not alike.
 */
#include "providers/containers/containers.h"

struct act;

struct dialect {
    const char *name;            /* "docker", "podman" */
    const char *list_containers; /* path, with room for more of a query */
    const char *list_networks;
    /* An entry of that listing in the form of Docker's; a new reference. NULL: it is. */
    json_t *(*network)(json_t *entry);
    /* The event log tells what a listing does not show (observe_events.c): worth asking. */
    bool updates_are_events;
    /* All networks are joined by the question that makes a container, in any version. */
    bool joins_at_create;
    /* Files are copied also into a container whose root is read-only. */
    bool copies_into_read_only;
    /* An archive of a container's files is all of them, each with its owner. */
    bool archives_are_faithful;
    /* What is asked of networks and volumes is kept on them (MARK_ASKED), their record being another one. */
    bool keeps_asked;
    const char *bridge; /* what a filter of names calls the network that is always there, "bridge" */
    const char *images; /* path before the reference of an image */
    bool has_id;        /* that lasts, in /info */
    /* A listing shows when a reference means another image than the one that runs. */
    bool listing_shows_moves;
    int64_t facts_age_ns; /* how long the facts of an engine hold */
    /* Do the facts matter where a container like this one is, or is asked for? NULL: always. */
    bool (*wants_facts)(const struct val *spec);
    /* facts: NULL while they are not known. */
    unsigned (*caps)(unsigned api, const struct engine_facts *facts);
    /* container_read(), then what this engine's record makes of it (providers/containers/containers.h). */
    int (*read)(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                struct err *err);
    /* container_defaults(), likewise. */
    const struct val *(*defaults)(struct arena *a, const struct object *o, const struct image_info *image,
                                  const struct engine_facts *facts);
    /* The question that makes a container, and its body, to be released with json_decref(). */
    int (*create)(struct arena *a, const struct create_request *rq, const char **ret_path, json_t **ret_body,
                  struct err *err);
    /* The engine refused a body of create() with *err: mend what can be, and say whether to try again. May be
       NULL. */
    bool (*mend)(struct act *t, const struct val *spec, const struct err *err);
    /* A removal was refused with *err: the same. May be NULL. */
    bool (*mend_removal)(struct act *t, const struct err *err);
    /* Checks the health of a running container when that is due and nobody else does it, for at most
       `left_ns`, and says in how many nanoseconds to look again. NULL: the engine sees to it. */
    int64_t (*check_health)(struct act *t, const struct object *o, int64_t left_ns);
};

extern const struct dialect dialect_docker, dialect_podman;
#endif
