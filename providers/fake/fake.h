#ifndef PROVIDERS_FAKE_H
#define PROVIDERS_FAKE_H
/*
 * An engine in memory, for tests: the control surface behind provider_fake.
 *
 * "fake://NAME" is one engine. It is created at its first use and, like a real engine, keeps its objects,
 * images and settings however often providers are opened and closed on it, until fake_engine_free(). It
 * behaves as Docker does where that is visible: names are unique, images must be pulled before use, a
 * published port belongs to one running container, a network with running members and a volume in use cannot
 * be removed, and what it reports is filled in with the defaults of the image and of the engine.
 *
 * "fake:///FOLDER/FILE" is kept in a file from one process to the next, for tests of programs (file.c).
 *
 * Time is the wall clock passed to the last provider_open(), so a fake clock drives health and exits too:
 * waiting on a fake clock advances it to the next moment at which something happens here.
 *
 * Every function is thread-safe. `object` is a native name or an engine id. Programming errors (an unknown
 * name) abort.
 */
#include "providers/provider.h"

struct fake_engine;

struct fake_engine *fake_engine(const char *name);
void fake_engine_free(struct fake_engine *e); /* no provider may be open on it */
/* Serialise the engine's content (objects, images, behaviours), and replace it by a serialised one: for an
   engine that outlives the process of a test. Settings of the test (faults, latency, the log) are not
   included. */
void fake_save(struct fake_engine *e, struct buf *out);
int fake_load(struct fake_engine *e, const void *data, size_t len, struct err *err) _must_check_;

/* ---- images ---- */

/* A version stands for a content: an image id is a digest of reference and version. 0: absent. */
struct fake_image {
    const char *ref;
    unsigned local;       /* on the engine */
    unsigned remote;      /* in its registry */
    const char *username; /* the registry provides it only to this login of the target; NULL: to anybody */
    const char *password;
    const struct val *config; /* what containers inherit, as canonical fields of a container; NULL: nothing */
    /* Of the local image; NULL: fake_image_id(). An id that exists: another name of that image. */
    const char *id;
};
void fake_image(struct fake_engine *e, const struct fake_image *img); /* adds or replaces */
/* The id of this version of a reference. */
const char *fake_image_id(struct arena *a, const char *ref, unsigned version);

/* ---- how containers behave ---- */

struct fake_behaviour {
    int64_t healthy_after_ns; /* with a healthcheck; -1: never, FAKE_UNHEALTHY: becomes unhealthy at once; 0:
                                 at once */
    int64_t exit_after_ns;    /* after each start; 0: runs until it is stopped */
    int exit_code;
    bool ignores_term;       /* stops only when the grace period is over */
    const char *start_error; /* START fails with this; NULL */
};
#define FAKE_NEVER     INT64_C(-1)
#define FAKE_UNHEALTHY INT64_C(-2)
/* Sets the behaviour of containers of this resource id, native name or image reference (looked up in this
   order) that start from now on. */
void fake_behave(struct fake_engine *e, const char *key, const struct fake_behaviour *b);

/* ---- faults and latency ---- */

enum fake_verb {
    FAKE_PING,
    FAKE_OBSERVE,
    FAKE_INSPECT,
    FAKE_WAIT,
    FAKE_WATCH,
    FAKE_EXEC,
    FAKE_LOGS,
    FAKE_STATS,
    FAKE_IMAGES,
    FAKE_PULL, /* this and the following may change the engine */
    FAKE_CREATE,
    FAKE_UPDATE,
    FAKE_START,
    FAKE_STOP,
    FAKE_RENAME,
    FAKE_REMOVE,
    FAKE_PRUNE, /* removal of an image */
    FAKE_VERBS,
};
const char *fake_verb_name(enum fake_verb v); /* "create" */

struct fake_fault {
    enum fake_verb verb;
    const char *name;   /* native name or image reference; NULL: any */
    unsigned nth;       /* the n-th matching call from now on, 1-based; 0: the next */
    bool always;        /* and every later one */
    bool after_effect;  /* the call takes effect, but the answer is lost */
    bool not_read_back; /* UPDATE, CREATE: succeeds but drops `field` (an engine that ignores it) */
    const char *field;
    int code; /* ERR_* */
    bool retryable;
    const char *message; /* NULL: "injected fault" */
};
void fake_fault(struct fake_engine *e, const struct fake_fault *f);
void fake_faults_clear(struct fake_engine *e);
/* Real or fake time that each call of a verb takes. */
void fake_latency(struct fake_engine *e, enum fake_verb verb, int64_t ns);
/* A power cut: from the n-th changing call on (1-based, counted from now) everything fails with
   ERR_UNAVAILABLE; `after_effect` says whether that call still takes effect; n = 0 ends the cut. */
void fake_power_cut(struct fake_engine *e, unsigned nth, bool after_effect);
void fake_power_out(struct fake_engine *e); /* now */

/* ---- changes made behind Forge's back ---- */

/* Add an object that is not ours: a running container (spec: canonical, may be NULL), a network or a volume. */
void fake_foreign(struct fake_engine *e, const struct kind_desc *kind, const char *name,
                  const struct val *spec);
void fake_set_field(struct fake_engine *e, const char *object, const char *dotted,
                    const struct val *v);                                       /* NULL: remove it */
void fake_set_image(struct fake_engine *e, const char *object, const char *id); /* that it was made of */
void fake_set_label(struct fake_engine *e, const char *object, const char *key,
                    const char *value); /* NULL: remove it */
void fake_set_health(struct fake_engine *e, const char *object, enum object_health h);
void fake_pause_container(struct fake_engine *e, const char *object);
void fake_kill(struct fake_engine *e, const char *object, int exit_code);
void fake_start(struct fake_engine *e, const char *object);
void fake_remove(struct fake_engine *e, const char *object);
void fake_rename(struct fake_engine *e, const char *object, const char *name);
void fake_log_line(struct fake_engine *e, const char *object, int stream, const char *text);
void fake_exec_result(struct fake_engine *e, int exit_code,
                      const char *output); /* of every exec from now on */
/* The event stream broke: watchers get an event with `lost`. */
void fake_lose_events(struct fake_engine *e);

/* ---- what happened ---- */

struct fake_call {
    enum fake_verb verb;
    char name[128];
    int code;                 /* 0 or ERR_* */
    bool changed;             /* the call changed the engine */
    int64_t begin_ns, end_ns; /* the engine's wall clock */
};
/* A copy of the log, in the order of the calls' ends; free(). */
struct fake_call *fake_calls(struct fake_engine *e, size_t *ret_n);
void fake_calls_clear(struct fake_engine *e); /* also the counters below */
size_t fake_count(struct fake_engine *e, enum fake_verb v);
size_t fake_reads(struct fake_engine *e);    /* calls that cannot change anything */
size_t fake_writes(struct fake_engine *e);   /* calls that can (a pull of a present image is a read) */
size_t fake_changes(struct fake_engine *e);  /* calls that changed something */
size_t fake_parallel(struct fake_engine *e); /* the most writes in progress at the same time */
/* Number of objects of a kind (NULL: all) with an owner mark (NULL: any). */
size_t fake_objects(struct fake_engine *e, const struct kind_desc *kind, const char *owner);
bool fake_exists(struct fake_engine *e, const char *object);
enum object_state fake_state(struct fake_engine *e, const char *object);
/* Engine id of a name, into `ret`; false when there is none. */
bool fake_native_id(struct fake_engine *e, const char *object, char ret[80]);
#endif
