#ifndef PROVIDERS_DOCKER_WATCH_H
#define PROVIDERS_DOCKER_WATCH_H
/* Internal to the event stream: its state (watch.c), and which object an event is about (watch_filter.c). */
#include "base/map.h"
#include "providers/containers/events.h"
#include "providers/docker/docker.h"

#define WATCH_RECENT 512u /* events; more than the engine's log holds */

enum watch_state { WATCH_WAITING, WATCH_CONNECTING, WATCH_SENDING, WATCH_HEAD, WATCH_BODY };

struct watching;

/* Which events are requested, and which objects they are about: where engines and swarms differ. */
struct watch_rules {
    const char *filters; /* JSON */
    /* Is the event about an object of ours? May fill in missing members of *ev. */
    bool (*concerns)(struct watching *w, const struct engine_event *e, struct provider_event *ev);
    void (*learn)(struct watching *w); /* learn which objects are ours, when the stream begins */
    /* Check for changes without events, every tick_ns while the stream is open; NULL: events report all. */
    void (*tick)(struct watching *w);
    int64_t tick_ns;
};

struct known_container {
    char *id, *owner, *resource;
    unsigned instance;
    uint64_t tasks, tasks_before; /* service: digests of its tasks at the last two ticks; 0: none yet */
};

struct watching {
    struct docker *d;
    struct watch *watch;
    const struct watch_rules *rules;
    char *owner; /* NULL: all of ours */
    enum watch_state state;
    struct stream stream;
    struct buf out; /* the request */
    size_t sent;
    struct buf in;   /* received, not yet parsed */
    struct buf line; /* an incomplete event */
    struct http_body body;
    int timer;
    int64_t backoff_ns;
    bool connected_before, replaying; /* replaying: the last event is expected to come again */
    bool gone; /* it hangs, or since the stream broke at least one attempt to open it again has failed */
    int64_t heard_ns;    /* monotonic: when it last said anything */
    unsigned unanswered; /* pings since then */
    int64_t last_ns;     /* engine's time of the newest event */
    uint64_t last_hash, recent[WATCH_RECENT];
    size_t n_recent;
    struct map known;      /* ids of our networks and names of our volumes: their events carry no labels */
    struct map containers; /* ids of our containers -> struct known_container: events about joining or leaving
                              a network carry only the id */
    struct arena arena;    /* for the current event */
};

/* Is the event about an object of ours? May fill in missing members of *ev. */
bool watch_concerns(struct watching *w, const struct engine_event *e, struct provider_event *ev);
/* Learn which containers, networks and volumes are ours. */
void watch_learn(struct watching *w);
void watch_forget(struct watching *w);
uint64_t watch_hash(const char *s, size_t n); /* never 0 */
bool watch_is_owner(const struct watching *w, const char *owner);
/* Remember an object of ours by the id that its events carry; owner NULL: unknown. */
void watch_know(struct watching *w, const char *id, const char *owner, const char *resource,
                unsigned instance);
int watch_open_by(const struct watch_rules *rules, struct provider *p, const char *owner, struct watch *watch,
                  struct err *err) _must_check_;
#endif
