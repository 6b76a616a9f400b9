#ifndef PLAN_OBSERVED_H
#define PLAN_OBSERVED_H
/*
 * What really runs, as a provider saw it: the observed side of a plan. Built by a provider in an arena,
 * immutable afterwards.
 *
 * A provider normalises: `spec` is the full canonical form (schema/kinds) of what the engine reports, in
 * native names; `defaults` is what the image and the engine would give where nothing is asked for, so that a
 * field removed from Git has a value to go back to (P1). Volatile facts (addresses, ids, times) are never in
 * `spec`.
 *
 * What the planner counts on:
 * - An object without our mark that has the native name of an instance that is asked for ("name-sake") is
 * reported under the resource's id and that instance, with `owner` NULL, or the name of the environment that
 * owns it. So are the networks and volumes that a resource calls external.
 * - network_mode, pid and ipc that join another container say "container:NAME" with its native name; when
 * that container is gone they keep the engine's id, so that the difference is seen.
 * - The alias that an engine adds by itself (a container's short id) is not in `spec`.
 */
#include "schema/resource.h"

enum object_state {
    OBJECT_PRESENT, /* networks, volumes: it is there */
    OBJECT_CREATED,
    OBJECT_RUNNING,
    OBJECT_PAUSED,
    OBJECT_RESTARTING,
    OBJECT_EXITED,
    OBJECT_DEAD,
    OBJECT_REMOVING,
};
enum object_health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *object_state_name(enum object_state s);                /* "running" */
int object_state_from_name(const char *s, enum object_state *ret); /* 0, or ERR_NOTFOUND */
int object_health_from_name(const char *s, enum object_health *ret);
const char *object_health_name(enum object_health h); /* "none", "starting", "healthy", "unhealthy" */

struct object {
    const char *id; /* the resource it belongs to: "container/web" */
    const struct kind_desc *kind;
    unsigned instance;     /* 1-based; 0 for kinds without instances */
    bool candidate;        /* made to take another one's place, and not there yet (its native name ends in
                              MARK_CANDIDATE) */
    const char *owner;     /* environment mark; NULL: it is not ours */
    const char *native_id; /* the engine's id */
    const char *native_name;
    const char *spec_digest; /* mark: versioned digest of the spec it was made from; NULL unknown */
    const char *commit;      /* mark; NULL unknown */
    uint64_t generation;     /* mark; 0 unknown */
    enum object_state state;
    enum object_health health;
    int exit_code;
    const char
        *message; /* the engine's own words about a failure: error text, last health output; NULL none */
    int64_t created_ns, started_ns, finished_ns; /* since the epoch; 0 unknown */
    unsigned restarts;
    const char *image_id; /* "sha256:..." that it runs; NULL for kinds without */
    bool image_moved;     /* its image reference now names another local image than the one it runs */
    /* Services: how many tasks run, and how many should. 0 for everything else. */
    unsigned tasks_running, tasks_wanted;
    bool auto_remove;           /* the engine removes it when it stops */
    const struct val *links;    /* names of others that only it knows, "OTHER:ALIAS"; or NULL */
    bool keep;                  /* mark: not to be deleted when Git no longer has it (MARK_PRUNE) */
    const struct val *spec;     /* never NULL */
    const struct val *defaults; /* never NULL */
};

/* The meaning of `spec` and `defaults`. Raise it when providers start to report something new, or in
   another form: a baseline that an older Forge read back then no longer measures drift (P3). */
#define OBSERVED_FORM 2u

/* Why a registry could not be asked what a reference means. */
struct image_unasked {
    const char *registry; /* "docker.io", "localhost:5000" */
    struct err err;
};

/* What is known of an image reference that the desired side asks for. */
struct image_fact {
    const char *ref;    /* as asked for */
    const char *target; /* the target it is on, where there are several; NULL: the only one */
    bool present;       /* on the engine */
    const char *id;     /* "sha256:..." of the local image; NULL when not present */
    const char *digest; /* repository digest, "sha256:..."; NULL unknown (local builds have none) */
    const struct image_unasked *unasked; /* its registry was to be asked, and could not be; NULL */
};

/* A machine of a swarm. */
struct node_fact {
    const char *id, *name;
    const char *role;         /* "manager", "worker" */
    const char *availability; /* "active", "pause", "drain": what it was asked to be */
    const char *state;        /* "ready", "down", "unknown", "disconnected": what it is */
    const char *message;      /* why, in the engine's words; NULL none */
    const char *address, *engine;
    bool leader;
    const struct val *labels; /* map; never NULL */
    struct val *tasks;        /* list of "production-web.1": what is or was last on it */
};

/* Has the kind no objects of its own on a target with these capabilities? Where services run on any of
   several nodes, volumes are created on each node by the tasks that use them. */
#define kind_is_virtual(kind, caps) \
    ((kind)->flags & KIND_VIRTUAL || ((caps)&CAP_SERVICES && (kind)->flags & KIND_STATEFUL))

/* Capability bits: what a target can do; the planner refuses at plan time what it cannot. */
#define CAP_LIVE_UPDATE     0x0001u /* resources and restart policy of a running container */
#define CAP_NETWORK_CONNECT 0x0002u
#define CAP_RENAME          0x0004u
#define CAP_HEALTHCHECK     0x0008u
#define CAP_COPY_INTO       0x0010u /* configs as files */
#define CAP_START_INTERVAL  0x0020u
#define CAP_SERVICES        0x0040u /* replaces by itself: rolling updates are the engine's (Swarm) */
#define CAP_ANNOTATIONS     0x0080u
#define CAP_SWAP_UNLIMITED  0x0100u /* resources.memory_swap: -1 beside a limit of memory */
#define CAP_PORT_CHOICE     0x0200u /* one host port of a range */
#define CAP_DOMAINNAME      0x0400u
#define CAP_DEVICE_REQUESTS 0x0800u  /* gpus */
#define CAP_ENDPOINT_MORE   0x1000u  /* link-local addresses and driver options of an attachment */
#define CAP_REMOTE_DIGEST   0x2000u  /* asks a registry what a reference means, without pulling */
#define CAP_LIMITS          0x4000u  /* limits of memory, processors and processes */
#define CAP_INIT_SHARED     0x8000u  /* an init in a PID namespace that is another's */
#define CAP_COPY_READ_ONLY  0x10000u /* copies files also into a container whose root is read-only */
#define CAP_OVERLAY         0x20000u /* makes networks that span a swarm */
/* Everything that an engine which manages containers itself can do. */
#define CAPS_CONTAINERS (0x3ffffu & ~CAP_SERVICES)

/* One of several engines, and the result of asking it. */
struct observed_target {
    const char *name;
    unsigned caps;
    const char *engine;  /* "docker 20.10.24 (API 1.41)"; NULL: it has never answered */
    bool away;           /* it did not answer: what is on it is unknown and left alone */
    int64_t since_ns;    /* away since (wall clock) */
    int64_t next_ns;     /* it is asked again then (wall clock) */
    const char *why;     /* away: what it said instead */
    int64_t observed_ns; /* how long it took */
};

struct observed {
    struct arena *arena;
    struct object **items; /* ours and adoptable name-sakes; sorted by id, instance, candidate */
    size_t n, cap;
    const struct node_fact *nodes; /* of a swarm, by name; NULL elsewhere */
    size_t n_nodes;
    struct image_fact *images;
    size_t n_images, cap_images;
    unsigned caps;                   /* CAP_* */
    const char *engine;              /* "docker 20.10.24 (API 1.41)" */
    struct observed_target *targets; /* several engines, in the order of their names; none: one engine */
    size_t n_targets;
    int64_t at_ns;                    /* wall clock of the observation */
    size_t listed, inspected, cached; /* what it cost, for measurements */
    size_t told;                      /* containers whose end is known from an event alone */
};

void observed_init(struct observed *o, struct arena *a);
struct object *observed_add(
    struct observed *o); /* zeroed, spec and defaults empty maps; fill it, then observed_sort() */
void observed_sort(struct observed *o);
/* The objects of a resource are adjacent: first one and count. */
size_t observed_find(const struct observed *o, const char *id, struct object *const **ret);
const struct image_fact *observed_image(const struct observed *o, const char *ref);
/* The same for the engine that an id names; likewise its capabilities, and the engine itself (NULL when
   there is only one, or the id names none of them). */
const struct image_fact *observed_image_for(const struct observed *o, const char *id, const char *ref);
unsigned observed_caps(const struct observed *o, const char *id);
const struct observed_target *observed_target(const struct observed *o, const char *id);
/* Is the engine of this id one that did not answer? */
bool observed_away(const struct observed *o, const char *id);
/* Is it doing its work: running, or about to be run again by the engine. */
bool object_up(const struct object *o);
/* Is it a service, whose tasks are counted? */
static inline bool object_is_service(const struct object *o)
{
    return o->kind->flags & KIND_INSTANCES && !o->instance;
}
/* Is it a service some of whose tasks are on their way, and none has failed? */
static inline bool object_is_coming(const struct object *o)
{
    return o->state == OBJECT_RESTARTING && o->tasks_wanted && !o->message;
}
/* Was it created and never started? Then its creation was interrupted, and it may lack files and networks. */
static inline bool object_never_ran(const struct object *o)
{
    return o->state == OBJECT_CREATED && o->started_ns <= 0;
}
/* A digest of everything a plan can depend on in one object (P6): identity, marks, state, spec, image. Not of
   what passes by itself: times, health, counts of restarts. */
void object_digest(const struct object *o, struct digest *ret);

/* JSON form, for golden tests, the cache, and `status --json`; and back. */
struct val *object_to_val(struct arena *a, const struct object *o);
int object_from_val(struct arena *a, const struct val *v, struct object *ret, struct err *err) _must_check_;
#endif
