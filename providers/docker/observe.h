#ifndef PROVIDERS_DOCKER_OBSERVE_H
#define PROVIDERS_DOCKER_OBSERVE_H
/* An observation under way, shared by its parts: lists (observe.c), containers (observe_containers.c), what
   desired resources need (observe_desired.c), and the engine's event log (observe_events.c). One thread, but
   for the pool's jobs. */
#include "providers/containers/listing.h"
#include "providers/docker/docker.h"

/* Of so many resources the containers are asked for one by one; of more, all. */
#define TOUCHED_MAX 4u

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
    struct http_answer containers[TOUCHED_MAX]; /* listings */
    size_t n_touched;
    bool partly;                  /* they are of what was touched; the rest is as it was before */
    json_t *networks, *volumes;   /* listings */
    struct http_answer events;    /* since the anchor, a JSON object a line */
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
    struct map asked; /* reference -> struct image_fact that was asked for beside the listings */
    struct arena asked_arena;
};

/* What is desired, once it has been read; NULL: nothing is. Waits for it when it is called first. */
const struct resource_set *desired_set(struct look_at *w);

/* The question for the event log, and what its answer says. */
const char *events_path(struct look_at *w);
void events_read(struct look_at *w);
void events_keep(struct look_at *w); /* the new anchor, into the cache */

int containers_list(struct look_at *w,
                    struct err *err) _must_check_; /* reads the listing, recalls what is known */
int containers_look(struct look_at *w,
                    struct err *err) _must_check_; /* inspects the rest, and makes objects */
/* One container that was inspected, with defaults and joins: into o. */
int container_finish(struct look_at *w, struct object *o, struct err *err) _must_check_;
/* The end of a container of which everything else is known, by the event that told of it (observe_told.c). 1:
   it is in w->out, and nothing was asked; 0: it has to be asked about. */
int told_look(struct look_at *w, struct err *err) _must_check_;
int image_of(struct look_at *w, const char *id, struct image_info **ret, struct err *err) _must_check_;

int desired_look(struct look_at *w, const struct resource_set *set, struct err *err) _must_check_;
/* Ask about all images of what is desired, into w->asked: for a thread of its own. */
int images_ask(struct look_at *w, struct err *err) _must_check_;
#endif
