#ifndef PROVIDERS_DOCKER_OBSERVE_H
#define PROVIDERS_DOCKER_OBSERVE_H
/* An observation in progress, shared by its parts: listings (observe.c), containers (observe_containers.c),
   what desired resources need (observe_desired.c), and the engine's event log (observe_events.c). One thread,
   except for jobs of the pool. */
#include "providers/containers/listing.h"
#include "providers/docker/docker.h"
#include "providers/docker/remote.h"

struct seen {
    struct listed l;
    struct object o;
    bool known;   /* o came from the cache */
    json_t *json; /* inspected */
};

struct look_at {
    struct docker *d;
    const struct observe_request *rq;
    const struct cancel *cancel;
    struct arena *arena;
    struct observed *out;
    struct http_answer containers; /* listings */
    json_t *networks, *volumes;
    struct http_answer events;    /* since the anchor, one JSON object per line */
    const struct val *anchor;     /* of the last observation; NULL none */
    const struct val *new_anchor; /* newest event seen; NULL none */
    bool continuous;              /* the event log reaches back to the last observation without a gap */
    struct seen *seen;
    size_t n_seen;
    struct map touched; /* engine ids that the event log names: inspected whatever the cache says */
    struct map by_id;   /* engine id -> struct seen */
    struct engine_facts facts;
    struct map images; /* id -> const struct image_info, of this observation */
    bool waited;       /* for `desired` */
    const struct resource_set *desired;
    struct map asked; /* reference -> struct image_fact read in parallel to the listings */
    struct arena asked_arena;
    struct registries registries;
};

/* The desired resources; NULL: none. The first call waits until they are loaded. */
const struct resource_set *desired_set(struct look_at *w);

/* The request for the event log, and reading its answer. */
const char *events_path(struct look_at *w);
void events_read(struct look_at *w);
void events_keep(struct look_at *w); /* the new anchor, into the cache */

int containers_list(struct look_at *w,
                    struct err *err) _must_check_; /* reads the listing, recalls cached objects */
int containers_look(struct look_at *w,
                    struct err *err) _must_check_; /* inspects the rest, and creates objects */
/* Complete o, an inspected container, with defaults and the names of joined containers. */
int container_finish(struct look_at *w, struct object *o, struct err *err) _must_check_;
/* Observe the end of a container from the event that reported it, if everything else is known
   (observe_told.c). 1: it is in w->out, and was not asked about; 0: the engine must be asked. */
int told_look(struct look_at *w, struct err *err) _must_check_;
int image_of(struct look_at *w, const char *id, struct image_info **ret, struct err *err) _must_check_;

int desired_look(struct look_at *w, const struct resource_set *set, struct err *err) _must_check_;
/* Look up all desired images, into w->asked; runs on a thread of its own. */
int images_ask(struct look_at *w, struct err *err) _must_check_;
#endif
