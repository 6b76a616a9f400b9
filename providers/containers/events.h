#ifndef PROVIDERS_CONTAINERS_EVENTS_H
#define PROVIDERS_CONTAINERS_EVENTS_H
/* One event of an engine's stream (API, GET /events): one JSON object per line. Pure. */
#include "providers/containers/containers.h"

struct engine_event {
    enum { EVENT_CONTAINER, EVENT_NETWORK, EVENT_VOLUME, EVENT_SERVICE, EVENT_NODE, EVENT_OTHER } type;
    const char *action; /* "die", "health_status: unhealthy" */
    const char *id;     /* of the object; a volume's name */
    const char *name;
    const char *service;          /* if the container is a task: the id of its service; NULL none */
    const char *container;        /* network event: the container that joins or leaves; NULL none */
    const char *owner, *resource; /* marks of a container; NULL none */
    unsigned instance;
    const char *exit_code; /* of a container that dies; NULL: not reported */
    int64_t at_ns;
};

/* ERR_CORRUPT when the line is not an event. Strings are copied to the arena. */
int event_read(struct arena *a, const char *line, size_t len, struct engine_event *ret,
               struct err *err) _must_check_;
#endif
