#ifndef PROVIDERS_CONTAINERS_SERVICE_H
#define PROVIDERS_CONTAINERS_SERVICE_H
/*
 * The pure rules of Swarm: what a service's JSON means in the canonical model, how a bound spec becomes the
 * JSON of a service, and what its tasks say about its state. No I/O. Source: Docker Engine API v1.41,
 * "Service" and "Task"; behaviour beyond it was recorded from Docker 20.10.
 *
 * A service stores what was asked for verbatim. So a field that is not asked for is absent, and what has no
 * place in a service's JSON is in MARK_ASKED, a label of the service itself: changing that one creates no
 * task anew. It is a JSON object:
 *   image            the reference, when the digest that it resolved to was added
 *   restart          "unless-stopped", which a swarm calls "any"
 *   expose           the list
 *   network_mode     "host", "bridge": in a swarm these are networks
 *   tmpfs            {TARGET: options}: in a service they are mounts like those of `volumes`
 *   no_host_path     targets of bind mounts with create_host_path: false
 *   secrets          as in the spec; never their content
 */
#include "providers/containers/containers.h"
#include "providers/containers/scan.h"

/* A Config or Secret of the swarm, as a file in the service's containers. */
struct service_file {
    bool secret;
    const char *target; /* path in the container */
    const char *id, *name;
    const char *uid, *gid; /* NULL: 0 */
    int64_t mode;          /* -1: 0444 */
};

struct service_request {
    const char *name;
    const struct val *spec, *labels; /* bound; marks and labels of the resource */
    const char *image;               /* with its digest; NULL: as in the spec */
    int64_t force_update;            /* incremented to recreate all tasks */
    const struct service_file *files;
    size_t n_files;
};
/* Body of POST /services/create and /services/ID/update, to be released with json_decref(). */
json_t *service_write(struct arena *a, const struct service_request *rq);

/* The name of the network with this id; NULL: there is none. */
typedef const char *network_name_fn(void *arg, const char *id);
/* One service of a listing -> object, except what its tasks say: service_judge(). ERR_CORRUPT. */
int service_read(struct arena *a, json_t *service, network_name_fn *network_name, void *arg,
                 struct object *ret, struct err *err) _must_check_;
int64_t service_version(json_t *service); /* the index that an update has to send */
/* How many tasks it should have: replicas, or -1 for one on each eligible node. */
int64_t service_wanted(json_t *service);

/* The members of a swarm's task that are used here. */
struct task {
    const char *id, *service, *node;
    const char *container; /* on its node; NULL: none yet */
    int64_t slot;          /* 0: a global service */
    const char *state;     /* "new", "pending", ..., "running", "complete", "failed", "rejected", ... */
    const char *wanted;    /* "running", "shutdown", "complete", "ready", "remove" */
    const char *error;     /* NULL none */
    int64_t exit_code;
    int64_t at_ns, created_ns; /* of the state; of the task */
    struct span spec;          /* the TaskTemplate that it was made from; points into the listing's text */
};
/* The listing of tasks, walked without building a tree: most of it describes their networks. The text must
   outlive the tasks. "null" is an empty listing. ERR_CORRUPT. */
int tasks_read(struct arena *a, struct span list, struct task **ret, size_t *ret_n,
               struct err *err) _must_check_;
bool task_failed(const struct task *t);    /* failed, rejected or orphaned */
bool task_runs(const struct task *t);      /* runs, and is meant to */
bool task_never_ran(const struct task *t); /* it is to end although it has not begun: its node may be lost */
/* Was it made from the service's current spec? Placement is ignored: changing it leaves tasks that still fit
   alone. */
bool task_is_current(const struct task *t, json_t *service);
/* The TaskTemplate; release it with json_decref(). NULL: none. */
json_t *task_spec(const struct task *t);

/* The state of a service, derived from its tasks; all counts are of tasks. */
struct service_state {
    size_t wanted, running, coming, complete; /* coming: meant to run, and not there yet. complete: where that
                                                 was the last task of its slot */
    size_t failed;                            /* failed attempts with the current spec */
    const struct task *failure;               /* the newest of those; NULL: none */
    int64_t oldest_ns;                        /* since when its oldest running task runs; 0: none */
};
void tasks_count(json_t *service, const struct task *tasks, size_t n, struct service_state *ret);
/* Fills in state, health, message and counts of the object. */
void service_judge(struct arena *a, json_t *service, const struct service_state *s, struct object *o);
/* "task production-web.1 on node 3: failed: no such image"; `node` may be NULL. */
const char *task_words(struct arena *a, const char *service, const struct task *t, const char *node);

/* The listing of nodes, sorted by name. */
struct node_fact *nodes_read(struct arena *a, json_t *list, size_t *ret_n);
/* network_read() for a swarm, whose default network driver differs. */
int swarm_network_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err) _must_check_;
json_t *swarm_network_write(const char *name, const struct val *spec, const struct val *labels);
#endif
