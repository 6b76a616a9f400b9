#ifndef PROVIDERS_PROVIDER_H
#define PROVIDERS_PROVIDER_H
/*
 * The contract of a backend: I/O. (What is pure about a kind is data in schema/kind.h.)
 *
 * A provider is one connection to one target (an engine). Every slot may be called from any thread, several
 * at once, unless said otherwise; calls block until done, cancelled or out of time. A slot that is NULL cannot
 * be done on this backend: callers answer ERR_UNSUPPORTED. Errors name the object and the engine's own words.
 */
#include "base/cancel.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/secret.h"
#include "reconciler/plan/observed.h"
#include "reconciler/plan/steps.h"

struct provider;

/* A small durable cache lent by the caller (the store): what was learnt of immutable things. All may be
   NULL. */
struct provider_cache {
    void *arg;
    /* 0 or ERR_NOTFOUND */
    int (*get)(void *arg, const char *key, struct arena *a, const void **ret, size_t *ret_len);
    void (*put)(void *arg, const char *key, const void *data, size_t len);
    void (*flush)(void *arg); /* make what was put durable, in one go */
};

struct registry_login {
    const char *registry; /* "docker.io", "localhost:5000" */
    const char *username;
    const struct secret *password;
};

struct target {
    const char *name; /* "local" */
    /* unix:///run/docker.sock, tcp://host:2376, ssh://user@host, podman://, fake://; NULL: find one. After
       "swarm+", one of these is a manager of a swarm. */
    const char *url;
    const char *ca_file, *cert_file, *key_file; /* tcp with TLS */
    const char *ssh_key_file, *ssh_known_hosts;
    int64_t timeout_ns; /* of one answer; 0: 60 s */
    const struct registry_login *logins;
    size_t n_logins;
    const char *docker_config; /* folder of config.json; NULL: $DOCKER_CONFIG or ~/.docker */
    const struct val *labels;  /* map of strings; NULL: none */
    /* Several engines in place of one (providers/fleet): these, in the order of their names. NULL: it is one.
     */
    const struct target *const *members;
    size_t n_members;
};

/* Does its URL (or, of several, that of any) name a manager of a swarm? Asks nobody. */
bool target_is_swarm(const struct target *t);

struct provider_env {
    struct clock *clock;
    struct pool *pool; /* for parallel inspection; NULL: sequential */
    struct provider_cache cache;
};

/* A container has ended, and nothing else happened to its resource since it was last observed. An engine may
   say so in an event before it answers questions about the container (Docker holds it for tens of
   milliseconds, and its listing shows it as running until then). */
struct container_end {
    const char *id, *native_id; /* of the resource, and the engine's */
    int exit_code;
    int64_t at_ns;
};

struct observe_request {
    const char *owner;                  /* environment */
    const struct resource_set *desired; /* bound; may be NULL. Tells which images and name-sakes to look up */
    /* When not NULL, called once instead, after the listings have been read: waits until loading (which runs
       beside the listings) has ended, and returns the bound set, or NULL when there is none. */
    const struct resource_set *(*desired_wait)(void *arg);
    void *desired_arg;
    const char *resource; /* observe the objects of this resource only, afresh; NULL: all */
    /* With `resource`, of which it is: may be taken at its word (observed.told) where what is known of the
       container says all the rest. Only good for what would do no harm if it had been overtaken. NULL: none. */
    const struct container_end *ended;
    /* What was observed a moment ago, where the caller has changed nothing since but `touched` (resources,
       ends with NULL): of other containers it may be taken from there. NULL: all are asked about. */
    const struct observed *before;
    const char *const *touched;
    bool fresh; /* trust no cache: inspect everything */
    /* Fill in an image_fact for every image that is asked for, not only those missing or moved (rollback). */
    bool images;
    bool insist; /* of several engines: ask those as well that did not answer a moment ago */
    bool nodes;  /* learn the machines of a swarm, too (observed.nodes) */
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
    bool brought;       /* PULL: the engine did not have this image before, under whatever name */
    char engine[128];   /* PULL that changed something: engine_images.engine; "" where it cannot be told */
};

/*
 * One event of the engine about an object that carries our mark. What joins or leaves a network is an event
 * about that container ("connect", "disconnect"). Of networks and volumes, some engines tell only the id:
 * then owner and id are NULL, and native_id is one that was known to be ours.
 */
struct provider_event {
    const char *owner, *id; /* environment and resource; NULL: unknown */
    unsigned instance;
    const char *native_id;
    const char *action; /* "die", "start", "destroy", "update", "health_status: unhealthy", ... */
    int64_t at_ns;
    bool ended; /* a container has ended with exit_code, and that is all */
    int exit_code;
    bool lost; /* the stream broke and could not be resumed without a gap: list in full */
};

/*
 * The event stream, to be driven by an epoll loop: `fd` is readable when watch_dispatch() has work (it is
 * itself an epoll of the connection and its timers; nothing wakes while nothing happens). One thread only. It
 * reconnects by itself with back-off, from its last timestamp with overlap (L5).
 */
struct watch {
    const struct provider *provider;
    int fd;
    bool connected; /* the stream is open now: kept by watch_open and watch_dispatch */
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
    /* Stream 1: stdout, 2: stderr; text without newline. */
    void (*line)(void *arg, int stream, const char *text, size_t len);
    void *arg;
};
/* An image of an engine, and who holds on to it. */
struct engine_image {
    const char *id;          /* "sha256:..." */
    const char *const *refs; /* "web:1.4", "web@sha256:...", in the engine's spelling; NULL-terminated */
    int64_t size;            /* bytes, with the layers that others have as well */
    const char *user;        /* name of a container that is made of it, whosever; NULL: none */
};
struct engine_images {
    const char *engine; /* tells this engine from any other, also from one of the same name or address */
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
    int (*open)(const struct target *t, const struct provider_env *env, struct provider **ret,
                struct err *err);
    void (*close)(struct provider *p); /* accepts NULL; after every other call has returned */
    /* Is it there, what is it: fills caps and engine text. Cheap. */
    int (*ping)(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                struct err *err);
    /* Everything of an environment, normalised. One listing per kind, details only of what is new or moved. */
    int (*observe)(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                   struct arena *a, struct observed *ret, struct err *err);
    /* One object now, past every cache, by native name or id: ERR_NOTFOUND when it is gone. */
    int (*inspect)(struct provider *p, const struct kind_desc *kind, const char *native,
                   const struct cancel *c, struct arena *a, struct object *ret, struct err *err);
    /* All containers of the engine, whoever made them: a list of {name str, labels {K: str}, part_of str},
       sorted by name. part_of, where there is one, is the pod or service that made it. May be NULL. */
    int (*list)(struct provider *p, const struct cancel *c, struct arena *a, struct val **ret,
                struct err *err);
    /* Do one step; idempotent: done already is success with unchanged. Destructive ones look again first
       (L5, S4). */
    int (*apply)(struct provider *p, const struct step *s, const struct step_context *ctx,
                 struct step_result *ret, struct err *err);
    /* Owner NULL: all of ours. */
    int (*watch_open)(struct provider *p, const char *owner, struct watch *w, struct err *err);
    int (*watch_dispatch)(struct watch *w, struct err *err);
    void (*watch_close)(struct watch *w);
    int (*exec)(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
                struct err *err);
    int (*logs)(struct provider *p, const struct logs_request *rq, const struct cancel *c, struct err *err);
    /* The files of a volume as a tar archive, names relative to its root, into a descriptor; and back, from a
       regular file. ERR_CONFLICT: there are files in it, and `over` (they stay, but for those of the same
       name) is not set. What writes to it meanwhile makes the copy of no one moment. */
    int (*volume_save)(struct provider *p, const char *native_name, int fd, const struct cancel *c,
                       struct err *err);
    int (*volume_load)(struct provider *p, const char *native_name, int fd, bool over, const struct cancel *c,
                       struct err *err);
    /* All images of the engine, whoever brought them. ERR_UNSUPPORTED: they are out of reach (of a swarm's
       nodes), and none is ever removed. */
    int (*images)(struct provider *p, const struct cancel *c, struct arena *a, struct engine_images *ret,
                  struct err *err);
    /* Remove an image and its names, never by force. ERR_CONFLICT: it has a name that is none of `names`
       (NULL-terminated, looked at right before), or the engine says that something uses it; it stays. What is
       gone is success. */
    int (*image_remove)(struct provider *p, const char *id, const char *const *names, const struct cancel *c,
                        struct err *err);
    int (*stats)(struct provider *p, const char *native, struct stats_sample *ret, struct err *err);
    /* Of several engines: the one that the id of a resource names (id_target()). NULL: it is one engine. */
    struct provider *(*on)(struct provider *p, const char *id);
};

struct provider {
    const struct provider_ops *ops;
    const struct target *target;
    /* the backend's own fields follow in its own struct */
};

extern const struct provider_ops provider_docker, provider_podman, provider_swarm, provider_fake,
    provider_fleet;

/* What a backend can do, for who asks no engine: the versions and circumstances in which that differs. Those
   of one backend are adjacent; fake engines are not among them. */
struct backend_variant {
    const char *backend; /* "Docker" */
    const char *name;    /* "API 1.44"; "": the usual */
    unsigned caps;
    const struct provider_ops *ops;
};
const struct backend_variant *provider_variants(struct arena *a, size_t *ret_n);

/* Is there a backend for the URL's scheme? ERR_INVALID otherwise, with what there is. Asks nobody. */
int provider_url_check(const char *url, struct err *err) _must_check_;
/* The backend for a target's URL scheme, opened. A NULL url: $DOCKER_HOST, then the default sockets of Docker
   and Podman. */
int provider_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                  struct err *err) _must_check_;
void provider_close(struct provider *p);
/* The provider for what has this id: `p` itself, unless it is several engines. What it is asked by native
   names (inspect, exec, logs, stats) has to go there. */
struct provider *provider_on(struct provider *p, const char *id);
#endif
