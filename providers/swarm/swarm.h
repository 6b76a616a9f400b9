#ifndef PROVIDERS_SWARM_SWARM_H
#define PROVIDERS_SWARM_SWARM_H
/*
 * Internal to the Swarm provider: a manager of a swarm, accessed over the same connection and in the same way
 * as a plain engine (providers/docker). A Container of the language is a service here. What the JSON means is
 * in providers/containers/service.h; here is only which request is sent, and when. Source: Docker Engine API
 * v1.41, "Services", "Tasks", "Nodes", "Configs", "Secrets".
 *
 * It uses struct docker unchanged; only the provider operations differ.
 */
#include "providers/containers/service.h"
#include "providers/docker/docker.h"
#include "providers/docker/remote.h"

#define SWARM_SCHEME "swarm+" /* before the URL of a manager */

unsigned swarm_caps(unsigned api);

/* Listings, and what is parsed from them once. */
struct swarm_lists {
    json_t *services, *networks, *nodes; /* any may be NULL: not requested */
    struct http_answer tasks;            /* the text that `task` points into */
    struct task *task;                   /* of all services, sorted by service */
    size_t n_tasks;
};
void swarm_lists_release(struct swarm_lists *l);
/* Parse l->tasks. */
int swarm_read_tasks(struct arena *a, struct swarm_lists *l, struct err *err) _must_check_;
/* The tasks of one service. */
size_t swarm_tasks_of(const struct swarm_lists *l, const char *service, const struct task **ret);
/* A service of the listing as an object, with the state that its tasks show. */
int swarm_object(struct arena *a, const struct swarm_lists *l, json_t *service, struct object *ret,
                 struct err *err) _must_check_;
const char *swarm_node_name(const struct swarm_lists *l, const char *id); /* NULL: unknown */

/* Request a listing. An answer that is not a list is ERR_CORRUPT and not an empty list; only null is, which
   is how an engine writes a nil list. Release *ret. */
int swarm_ask_list(struct docker *d, const struct ask *q, json_t **ret, struct err *err) _must_check_;
/* "filters=..." of one key and one value. */
const char *swarm_filter(struct arena *a, const char *key, const char *value);
/* The current state of one service, by name or id: ERR_NOTFOUND. Release *ret. */
int swarm_service(struct docker *d, const char *native, const struct cancel *c, json_t **ret,
                  struct err *err) _must_check_;
/* The current tasks that "filters=..." selects, into lists that hold no other tasks. */
int swarm_ask_tasks(struct docker *d, const char *filter, const struct cancel *c, struct arena *a,
                    struct swarm_lists *ret, struct err *err) _must_check_;
/* The same for the tasks of one service. */
int swarm_service_tasks(struct docker *d, const char *id, const struct cancel *c, struct arena *a,
                        struct swarm_lists *ret, struct err *err) _must_check_;
int swarm_network_list(struct docker *d, const struct cancel *c, json_t **ret, struct err *err) _must_check_;
/* The reference with the digest that its registry has for it now: NAME:TAG@sha256:...; unchanged if no
   registry knows it. */
const char *swarm_pin(struct docker *d, const char *ref, const struct cancel *c, struct arena *a);

/* The object that a step acts on, as it is now, with its JSON; like act_look() for plain engines. The caller
   releases *ret_json. */
int swarm_look(struct act *t, struct object *ret, json_t **ret_json, struct err *err) _must_check_;
/* The same with one request less: networks in the spec have ids instead of names, so do not compare it. */
int swarm_glance(struct act *t, struct object *ret, json_t **ret_json, struct err *err) _must_check_;

/* The configs and secrets of a step's spec, as objects of the swarm; missing ones are created. */
int swarm_files(struct act *t, struct service_file **ret, size_t *ret_n, struct err *err) _must_check_;
/* Remove unused config and secret objects of this service's sources, except the newest `keep` of each. */
void swarm_collect(struct act *t, const struct val *spec, size_t keep);

/* Steps that wait for services at the same time, between crowd_join() and crowd_leave(), share requests. Any
   thread. */
struct crowd *crowd_new(void);
void crowd_free(struct crowd *c); /* NULL is fine */
void crowd_join(struct crowd *c);
void crowd_leave(struct crowd *c);
/* The service of a step and its tasks, as of `since_ns` (stream_now()) or later. Release *ret, and *lists,
   which holds nothing else. ERR_NOTFOUND. */
int crowd_look(struct act *t, int64_t since_ns, json_t **ret, struct swarm_lists *lists,
               struct err *err) _must_check_;

act_fn service_create, service_update, service_remove, service_wait, swarm_network_create,
    swarm_network_remove;
/* Roll the service back to its spec before the update of this step (step.back). */
int service_back(struct act *t, struct err *err) _must_check_;
/* Send a spec for the service `now`, with its version index and `how` ("&rollback=previous") as parameters,
   and without credentials. *ret_status may be NULL. */
int service_put(struct act *t, json_t *now, const char *how, json_t *spec, int *ret_status,
                struct err *err) _must_check_;
/* Was that refused because the service has a newer version by now? */
bool service_moved_on(int status, const struct err *err);
/* A new task that was lost with its node before it ran, and keeps the service's update waiting; NULL: none. */
const struct task *stall_lost_task(const struct task *tasks, size_t n, json_t *service);
/* Make the swarm begin the update anew. 0 also if the service has changed in the meantime. */
int stall_end(struct act *t, json_t *service, struct err *err) _must_check_;

int swarm_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                  struct arena *a, struct observed *ret, struct err *err);
int swarm_inspect(struct provider *p, const struct kind_desc *kind, const char *native,
                  const struct cancel *c, struct arena *a, struct object *ret, struct err *err);
int swarm_exec(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
               struct err *err);
int swarm_watch_open(struct provider *p, const char *owner, struct watch *w, struct err *err);
#endif
