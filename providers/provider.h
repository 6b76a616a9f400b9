#ifndef PROVIDERS_PROVIDER_H
#define PROVIDERS_PROVIDER_H
/*
 * The contract of a backend: its I/O. (The pure part of a kind is data in schema/kind.h.)
 *
 * A provider is one connection to one target (an engine). Every operation may be called from any thread,
 * concurrently, unless said otherwise; calls block until done, cancelled or timed out. A NULL operation is
 * not possible on this backend: callers answer ERR_UNSUPPORTED. Errors name the object and quote the engine.
 */
#include "base/cancel.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/secret.h"
#include "reconciler/plan/observed.h"
#include "reconciler/plan/steps.h"

struct provider;

/* A small durable cache provided by the caller (the store), for facts about immutable things. All members may
   be NULL. */
struct provider_cache {
    void *arg;
    /* 0 or ERR_NOTFOUND */
    int (*get)(void *arg, const char *key, struct arena *a, const void **ret, size_t *ret_len);
    void (*put)(void *arg, const char *key, const void *data, size_t len);
    void (*flush)(void *arg); /* make everything put so far durable at once */
};

struct registry_login {
    const char *registry; /* "docker.io", "localhost:5000" */
    const char *username;
    const struct secret *password;
};

struct target {
    const char *name; /* "local" */
    /* unix:///run/docker.sock, tcp://host:2376, ssh://user@host, podman://, fake://; NULL: find one. Prefixed
       with "swarm+", it is a manager of a swarm. */
    const char *url;
    const char *ca_file, *cert_file, *key_file; /* tcp with TLS */
    const char *ssh_key_file, *ssh_known_hosts;
    int64_t timeout_ns; /* for one answer; 0: 60 s */
    const struct registry_login *logins;
    size_t n_logins;
    const char *docker_config; /* folder that holds config.json; NULL: $DOCKER_CONFIG or ~/.docker */
    const struct val *labels;  /* map of strings; NULL: none */
    /* The engines of a fleet (providers/fleet), sorted by name. NULL: a single engine. */
    const struct target *const *members;
    size_t n_members;
};

/* Does its URL (for a fleet, the URL of any member) name a manager of a swarm? Contacts no engine. */
bool target_is_swarm(const struct target *t);

struct provider_env {
    struct clock *clock;
    struct pool *pool; /* for parallel inspection; NULL: sequential */
    struct provider_cache cache;
};

/* A container has ended, and nothing else has happened to its resource since it was last observed. The event
   that reports this may come before the engine answers requests about the container (Docker keeps it locked
   for tens of milliseconds, and its listing shows it as running until then). */
struct container_end {
    const char *id, *native_id; /* of the resource, and the engine's */
    int exit_code;
    int64_t at_ns;
};

/* How an observation asks the registries of images that are always pulled. */
struct registry_asking {
    /* One has kept it waiting for a second: once for each, from any thread. May be NULL. */
    void (*waiting)(void *arg, const char *registry);
    void *arg;
    int64_t until_ns;              /* monotonic: no longer than until then; 0: 15 s each */
    const struct observed *before; /* those that did not answer then are not asked again; NULL */
};

struct observe_request {
    const char *owner;                  /* environment */
    const struct resource_set *desired; /* bound; may be NULL. Says which images and name-sakes to look up */
    /* When not NULL, called once instead, after the listings have been read: waits until loading (which runs
       in parallel to the listings) has ended, and returns the bound set, or NULL when there is none. */
    const struct resource_set *(*desired_wait)(void *arg);
    void *desired_arg;
    const char *resource; /* observe the objects of this resource only, afresh; NULL: all */
    /* Only with `resource`, whose container it is: the provider may take the event as an observation
       (observed.told) if it knows the rest about the container. The result may be outdated, so it is only fit
       for decisions that do no harm in that case. NULL: none. */
    const struct container_end *ended;
    bool fresh; /* trust no cache: inspect everything */
    /* Fill in an image_fact for every desired image, not only those missing or moved (rollback). */
    bool images;
    const struct registry_asking *registries; /* NULL: as always */
    bool insist;                              /* fleet: also ask engines that did not answer a moment ago */
    bool nodes;                               /* also read the nodes of a swarm (observed.nodes) */
};

/* Progress of one step; called from the thread that runs it. */
struct step_progress {
    const char *what;    /* "pulling", "waiting for health", ... */
    int64_t done, total; /* bytes, or nanoseconds left; total 0: unknown */
    const char *detail;  /* may be NULL */
};
struct step_context {
    const struct cancel *cancel;
    void (*progress)(void *arg, const struct step_progress *p); /* may be NULL */
    void *arg;
};
struct step_result {
    char native_id[80]; /* CREATE: the engine's id */
    char image_id[80];  /* PULL: the local image id */
    bool unchanged;     /* nothing had to be done */
    bool brought;       /* PULL: the engine did not have this image before, under any name */
    char engine[128];   /* PULL that changed something: engine_images.engine; "" if unknown */
};

/*
 * One event of the engine about an object that carries our mark. Joining or leaving a network is an event
 * about the container ("connect", "disconnect"). For networks and volumes, some engines report only the id:
 * then owner and id are NULL, and native_id is one that was known to be ours.
 */
struct provider_event {
    const char *owner, *id; /* environment and resource; NULL: unknown */
    unsigned instance;
    const char *native_id;
    const char *action; /* "die", "start", "destroy", "update", "health_status: unhealthy", ... */
    int64_t at_ns;
    bool ended; /* a container has ended with exit_code, and nothing else changed */
    int exit_code;
    bool lost; /* the stream broke, and cannot be opened again or resumed without a gap: list in full */
};

/*
 * The event stream, driven by an epoll loop: `fd` is readable when watch_dispatch() has work (it is itself an
 * epoll of the connection and its timers; while nothing happens, it only asks now and then whether the engine
 * still answers). One thread only. It reconnects by itself with back-off, and resumes from its last timestamp
 * with overlap (L5).
 */
struct watch {
    const struct provider *provider;
    int fd;
    bool connected; /* the stream is open now: maintained by watch_open and watch_dispatch */
    void (*event)(void *arg, const struct provider_event *ev);
    void *arg;
    void *impl;
};

struct exec_request {
    const char *native_name;
    const char *const *argv; /* NULL-terminated */
    bool tty, interactive;   /* interactive: stdin is copied */
    const char *user, *workdir;
    int in_fd, out_fd, err_fd;
};
struct logs_request {
    const char *native_name;
    bool follow, timestamps;
    int64_t since_ns, until_ns; /* 0: no bound */
    int64_t tail;               /* lines; -1: all */
    int64_t timeout_ns;         /* 0: the engine's; not with follow, which has none */
    /* Stream 1: stdout, 2: stderr; text without newline. */
    void (*line)(void *arg, int stream, const char *text, size_t len);
    void *arg;
};
/* An image of an engine, and who uses it. */
struct engine_image {
    const char *id;          /* "sha256:..." */
    const char *const *refs; /* "web:1.4", "web@sha256:...", in the engine's spelling; NULL-terminated */
    int64_t size;            /* bytes, including layers shared with other images */
    const char *user;        /* name of a container made from it, whoever owns it; NULL: none */
};
struct engine_images {
    const char *engine; /* identifies this engine, even among engines of the same name or address */
    const struct engine_image *items;
    size_t n;
};

struct stats_sample {
    int64_t at_ns, cpu_ns, system_cpu_ns, memory_bytes, memory_limit;
    int64_t rx_bytes, tx_bytes, block_read, block_write;
    unsigned cpus, pids;
};

struct provider_ops {
    const char *name; /* "docker" */
    /* Can an engine be at this URL? ERR_INVALID says what is wrong with it. No I/O. NULL: any will do. */
    int (*url_check)(const char *url, struct err *err);
    int (*open)(const struct target *t, const struct provider_env *env, struct provider **ret,
                struct err *err);
    void (*close)(struct provider *p); /* accepts NULL; after every other call has returned */
    /* Does the engine answer, and what is it: fills caps and engine text. Cheap. */
    int (*ping)(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                struct err *err);
    /* All objects of an environment, normalised. One listing per kind, details only of what is new or changed.
     */
    int (*observe)(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                   struct arena *a, struct observed *ret, struct err *err);
    /* One object now, bypassing every cache, by native name or id: ERR_NOTFOUND when it is gone. */
    int (*inspect)(struct provider *p, const struct kind_desc *kind, const char *native,
                   const struct cancel *c, struct arena *a, struct object *ret, struct err *err);
    /* All containers of the engine, whoever made them: a list of {name str, labels {K: str}, part_of str},
       sorted by name. part_of, if any, is the pod or service that the container belongs to. May be NULL. */
    int (*list)(struct provider *p, const struct cancel *c, struct arena *a, struct val **ret,
                struct err *err);
    /* Execute one step; idempotent: if it is already done, success with `unchanged`. Destructive steps look
       at the object again first (L5, S4). */
    int (*apply)(struct provider *p, const struct step *s, const struct step_context *ctx,
                 struct step_result *ret, struct err *err);
    /* Owner NULL: objects of all environments. */
    int (*watch_open)(struct provider *p, const char *owner, struct watch *w, struct err *err);
    int (*watch_dispatch)(struct watch *w, struct err *err);
    void (*watch_close)(struct watch *w);
    int (*exec)(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
                struct err *err);
    int (*logs)(struct provider *p, const struct logs_request *rq, const struct cancel *c, struct err *err);
    /* Write the files of a volume as a tar archive, names relative to its root, to a descriptor; and load
       them from a regular file. ERR_CONFLICT: the volume holds files and `over` is not set; with it they
       stay, except those of the same name. If something writes to the volume meanwhile, the copy is not
       consistent. */
    int (*volume_save)(struct provider *p, const char *native_name, int fd, const struct cancel *c,
                       struct err *err);
    int (*volume_load)(struct provider *p, const char *native_name, int fd, bool over, const struct cancel *c,
                       struct err *err);
    /* All images of the engine, whoever pulled them. ERR_UNSUPPORTED: they are out of reach (those of a
       swarm's nodes), and none is ever removed. */
    int (*images)(struct provider *p, const struct cancel *c, struct arena *a, struct engine_images *ret,
                  struct err *err);
    /* Remove an image and its names, never by force. ERR_CONFLICT: it has a name that is not in `names`
       (NULL-terminated; checked right before), or the engine says that it is in use; it stays. An image that
       is already gone is success. */
    int (*image_remove)(struct provider *p, const char *id, const char *const *names, const struct cancel *c,
                        struct err *err);
    int (*stats)(struct provider *p, const char *native, struct stats_sample *ret, struct err *err);
    /* Fleet: the engine that the id of a resource names (id_target()). NULL: a single engine. */
    struct provider *(*on)(struct provider *p, const char *id);
};

struct provider {
    const struct provider_ops *ops;
    const struct target *target;
    /* the backend's own fields follow in its own struct */
};

extern const struct provider_ops provider_docker, provider_podman, provider_swarm, provider_fake,
    provider_fleet;

/* What a backend can do, without asking an engine: one entry for each version or circumstance in which that
   differs. Entries of one backend are adjacent; the fake engine is not included. */
struct backend_variant {
    const char *backend; /* "Docker" */
    const char *name;    /* "API 1.44"; "": the usual case */
    unsigned caps;
    const struct provider_ops *ops;
};
const struct backend_variant *provider_variants(struct arena *a, size_t *ret_n);

/* Is it the URL of an engine, as far as that can be said without I/O? Otherwise ERR_INVALID says why not. */
int provider_url_check(const char *url, struct err *err) _must_check_;
/* Open the backend for a target's URL scheme. A NULL url: $DOCKER_HOST, then the default sockets of Docker
   and Podman. */
int provider_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                  struct err *err) _must_check_;
void provider_close(struct provider *p);
/* The provider for the object with this id: `p` itself, unless it is a fleet. Calls that take native names
   (inspect, exec, logs, stats) must go to it. */
struct provider *provider_on(struct provider *p, const char *id);
#endif
