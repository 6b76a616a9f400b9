#ifndef PROVIDERS_DOCKER_DOCKER_H
#define PROVIDERS_DOCKER_DOCKER_H
/*
 * Internal to the Docker provider: one engine, reached over HTTP (Docker Engine API,
 * docs.docker.com/reference/api/engine). What the JSON means is in providers/containers; here is only which
 * request is sent, and when.
 *
 * A struct docker is shared by threads. What it learns about the engine (its version) is written once, under
 * the lock.
 */
#include "base/map.h"
#include "providers/containers/containers.h"
#include "providers/docker/dialect.h"
#include "providers/http/http.h"
#include "providers/provider.h"

#include <pthread.h>

struct docker {
    struct provider provider; /* first: a struct provider * is a struct docker * */
    struct target target;     /* url filled in */
    struct provider_env env;
    struct dial *dial;
    struct http *http;
    int64_t quiet_ns; /* of an event stream, after which the engine is pinged */
    pthread_mutex_t lock;
    bool negotiated;
    const struct dialect *dialect; /* which kind of engine it is */
    unsigned api;                  /* API(1, 41) */
    char prefix[16];               /* "/v1.41" */
    char engine[128];              /* "docker 20.10.24 (API 1.41)" */
    int64_t skew_ns;               /* the engine's clock minus ours, when they differ by more than a second */
    struct pulls *pulls;
    struct crowd *crowd;     /* of a swarm (providers/swarm/crowd.c); NULL */
    struct arena learnt;     /* for facts that hold for ever, or until the engine restarts; under the lock */
    struct map images;       /* id -> struct image_info */
    const struct val *facts; /* facts_to_val(), and when they were read ("at"); NULL: unknown */
    struct arena facts_arena;
};

static inline struct docker *docker_of(const struct provider *p)
{
    union {
        const struct provider *in;
        struct docker *out;
    } u = {.in = p};
    return u.out;
}

/* One request. Strings are borrowed. */
struct ask {
    const char *method; /* NULL: GET */
    const char *path;   /* "/containers/json?all=1", "/libpod/info": without the version */
    json_t *body;       /* released by the call; NULL none */
    const void *raw;    /* body that is not JSON, with its type; NULL none */
    size_t raw_len;
    const char *raw_type;
    const char *headers;
    const struct cancel *cancel;
    int64_t timeout_ns;
    void (*notice)(void *arg); /* see http_request */
    void *notice_arg;
    int64_t notice_ns;
    int (*sink)(void *arg, const char *data, size_t len, struct err *err);
    void *arg;
};

/* Open an engine at `url` for a provider that has other operations. */
int docker_open_as(const struct provider_ops *ops, const struct target *t, const char *url,
                   const struct provider_env *env, struct provider **ret, struct err *err) _must_check_;
void docker_close(struct provider *p);
/* Learn the engine's version, once. Every request does this by itself. */
int docker_negotiate(struct docker *d, const struct cancel *c, struct err *err) _must_check_;
/* Send a request and read the whole answer. Statuses from 400 up are errors with the engine's message
   (refusal_read()); *ret_status (may be NULL) is 0 when there was no answer. */
int docker_ask(struct docker *d, const struct ask *q, struct http_answer *ret, int *ret_status,
               struct err *err) _must_check_;
/* The same, for a JSON answer; release *ret with json_decref(). ret NULL: the answer is ignored. */
int docker_json(struct docker *d, const struct ask *q, json_t **ret, int *ret_status,
                struct err *err) _must_check_;
/* Path with a name in it, escaped: docker_path(a, "/containers/", name, "/json"). */
const char *docker_path(struct arena *a, const char *before, const char *name, const char *after);
/* "filters=..." of one key and values, escaped. */
const char *docker_filters(struct arena *a, const struct val *filters);

static inline void json_freep(json_t **j)
{
    json_decref(*j);
}
#define _cleanup_json_ __attribute__((cleanup(json_freep)))

/* Inspect JSON of a container by name or id. */
int docker_inspect_json(struct docker *d, const char *native, const struct cancel *c, json_t **ret,
                        struct err *err) _must_check_;
/* What containers inherit from an image, from the cache or the engine; NULL when the engine no longer has it.
   By id only. */
int docker_image(struct docker *d, const char *id, const struct cancel *c, struct arena *a,
                 struct image_info **ret, struct err *err) _must_check_;
/* The current state of one object, as far as a step needs it: owner, state, resources and networks; nothing
   that depends on its image. */
int docker_look(struct docker *d, const struct kind_desc *kind, const char *native, const struct cancel *c,
                struct arena *a, struct object *ret, struct err *err) _must_check_;
/* Inspect JSON of the local image that a reference names; its Id begins with "sha256:". ERR_NOTFOUND. */
int docker_image_json(struct docker *d, const char *ref, const struct cancel *c, json_t **ret,
                      struct err *err) _must_check_;
/* The id of that image. */
int docker_image_id(struct docker *d, const char *ref, const struct cancel *c, struct arena *a,
                    const char **ret, struct err *err) _must_check_;
/* The ids of all images, as keys. */
int docker_image_ids(struct docker *d, const struct cancel *c, struct arena *a, struct map *ret,
                     struct err *err) _must_check_;
/* What identifies this engine (engine_images.engine). ERR_UNSUPPORTED: it does not tell. */
int docker_engine_id(struct docker *d, const struct cancel *c, struct arena *a, const char **ret,
                     struct err *err) _must_check_;
/* Are the facts needed to read a container with this spec, or already known? For desired specs the
   observation of the whole environment decides. */
bool docker_wants_facts(struct docker *d, const struct val *spec);
int docker_facts(struct docker *d, bool fresh, const struct cancel *c, struct arena *a,
                 struct engine_facts *ret, struct err *err) _must_check_;

/* "container:ID" with the id replaced by its current name; unchanged when that container is gone. */
const char *docker_resolve_join(struct docker *d, const char *mode, const struct cancel *c, struct arena *a);
/* The caller's cache, storing value trees. NULL: no entry. */
struct val *docker_cache_get(struct docker *d, struct arena *a, const char *key);
void docker_cache_put(struct docker *d, const char *key, const struct val *v);
/* What the cache holds about a container, even if outdated; false: nothing. */
bool docker_recall(struct docker *d, struct arena *a, const char *native_id, struct object *ret);

/* Operations of the provider. */
int docker_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                   struct arena *a, struct observed *ret, struct err *err);
int docker_list(struct provider *p, const struct cancel *c, struct arena *a, struct val **ret,
                struct err *err);
int docker_inspect(struct provider *p, const struct kind_desc *kind, const char *native,
                   const struct cancel *c, struct arena *a, struct object *ret, struct err *err);
int docker_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
                 struct step_result *ret, struct err *err);
int docker_watch_open(struct provider *p, const char *owner, struct watch *w, struct err *err);
int docker_watch_dispatch(struct watch *w, struct err *err);
void docker_watch_close(struct watch *w);
int docker_exec(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
                struct err *err);
int docker_logs(struct provider *p, const struct logs_request *rq, const struct cancel *c, struct err *err);
int docker_volume_save(struct provider *p, const char *volume, int fd, const struct cancel *cancel,
                       struct err *err);
int docker_volume_load(struct provider *p, const char *volume, int fd, bool over, const struct cancel *cancel,
                       struct err *err);
int docker_images(struct provider *p, const struct cancel *c, struct arena *a, struct engine_images *ret,
                  struct err *err);
int docker_image_remove(struct provider *p, const char *id, const char *const *names, const struct cancel *c,
                        struct err *err);
/* The logs of an object below `folder`: "/containers/", "/services/" or "/tasks/"; with a terminal they are
   one stream. */
int docker_logs_of(struct docker *d, const char *folder, bool tty, const struct logs_request *rq,
                   const struct cancel *c, struct err *err) _must_check_;
int docker_stats(struct provider *p, const char *native, struct stats_sample *ret, struct err *err);

/* All of them, in the table of a provider that speaks this API: the rest is its own. */
#define DOCKER_OPS                                                                                    \
    .observe = docker_observe, .inspect = docker_inspect, .list = docker_list, .apply = docker_apply, \
    .watch_open = docker_watch_open, .watch_dispatch = docker_watch_dispatch,                         \
    .watch_close = docker_watch_close, .exec = docker_exec, .logs = docker_logs,                      \
    .volume_save = docker_volume_save, .volume_load = docker_volume_load, .images = docker_images,    \
    .image_remove = docker_image_remove, .stats = docker_stats

/* A step in progress. */
struct act {
    struct docker *d;
    const struct step *step;
    const struct step_context *ctx;
    struct step_result *result;
    struct arena *arena;
};
typedef int act_fn(struct act *t, struct err *err);
act_fn act_pull, act_create, act_update, act_start, act_stop, act_wait, act_rename, act_remove;
act_fn network_create, network_remove, volume_create, volume_remove;

/* Which function executes which step on an engine. A table ends with a row without a kind. */
struct act_row {
    const struct kind_desc *kind;
    enum step_verb verb;
    act_fn *fn;
};
/* provider_ops.apply of an engine: executes the step by its row. A kind that by `caps` does not exist on the
   engine (kind_is_virtual()) needs nothing done; ERR_UNSUPPORTED without a row. */
int docker_apply_by(struct provider *p, const struct act_row *rows, unsigned caps, const struct step *s,
                    const struct step_context *ctx, struct step_result *ret, struct err *err) _must_check_;

/* The object that the step acts on, as it is now: found by id, else by name. ERR_NOTFOUND when it is gone;
   ERR_CONFLICT unless it is ours and the one that the plan saw (S4, L5). */
int act_look(struct act *t, struct object *ret, struct err *err) _must_check_;
/* Is an object the one that the step means, and ours? Otherwise ERR_CONFLICT. */
int act_check(const struct step *s, const struct object *o, struct err *err) _must_check_;
const char *act_target(const struct act *t); /* id, else name */
const struct cancel *act_cancel(const struct act *t);
void act_progress(const struct act *t, const char *what, int64_t done, int64_t total, const char *detail);
/* Is this the object that a CREATE step makes? Its marks are then those of the step. */
bool act_made_by(const struct step *s, const struct object *o);

/* Pulls: steps that want the same image share one pull. */
struct pulls *pulls_new(void);
void pulls_free(struct pulls *p);
/* The X-Registry-Auth header line for an image's registry, or NULL without credentials for it. ERR_* for a
   broken config or helper. credential_free() wipes and frees it. */
int credential_header(struct docker *d, const char *image, const struct cancel *c, char **ret,
                      struct err *err) _must_check_;
void credential_free(char *header);

/* The files of a CREATE step: its configs, and the secrets of its spec, which are read when they are copied. */
struct files {
    struct step_file *items;
    const char **folders; /* for each, the folder that it is copied into (file_folder()) */
    size_t n;
};
/* Collect the files, and check before anything is made that each can be copied to its place. */
int files_collect(struct act *t, const struct val *spec, struct files *ret, struct err *err) _must_check_;
int files_put(struct act *t, const struct val *spec, const struct files *files, const char *id,
              struct err *err) _must_check_;

int network_join(struct act *t, const char *network, const struct val *attachment, const char *container,
                 struct err *err) _must_check_;
/* Join and leave until the networks are those of the step's spec. */
int networks_update(struct act *t, const struct object *o, bool *changed, struct err *err) _must_check_;
/* If `err` says that a network of the step's container is there twice, remove one, so that the next attempt
   succeeds. */
void networks_settle(struct act *t, const struct err *err);

/* The last lines of what it printed, indented, for messages; "" when there are none. `folder` as for
   docker_logs_of(). */
void docker_last_words(struct docker *d, const char *folder, const char *native, bool tty,
                       const struct cancel *c, struct buf *out);
#endif
