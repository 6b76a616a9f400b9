#ifndef PROVIDERS_FAKE_STATE_H
#define PROVIDERS_FAKE_STATE_H
/*
 * Internals of the fake engine; for the files of this folder only.
 *
 * One lock guards an engine. Functions marked (locked) are called with it held; nothing sleeps with it held.
 */
#include "providers/fake/fake.h"
#include "reconciler/plan/bind.h"

#include <pthread.h>

struct fake_line {
    int stream;
    int64_t at_ns;
    const char *text;
};

struct fake_object {
    const struct kind_desc *kind;
    struct arena arena; /* owns everything that the members below point to */
    const char *id;
    const char *name;
    struct val *labels; /* all of them, marks included */
    struct val *spec;   /* as asked for, limited to what an engine stores */
    const char *image_id;
    const char *message;
    enum object_state state;
    enum object_health health;
    int exit_code;
    unsigned restarts;
    bool stopped_by_hand; /* then restart policies do not apply */
    int64_t created_ns, started_ns, finished_ns;
    int64_t health_due_ns, exit_due_ns, restart_due_ns; /* 0: not scheduled */
    enum object_health health_then;
    int exit_then;
    struct fake_line *lines;
    size_t n_lines, cap_lines;
};

struct fake_behaviour_entry {
    const char *key;
    struct fake_behaviour b;
};

struct fake_fault_entry {
    struct fake_fault f;
    unsigned seen;
    bool spent;
};

/* A listener is woken when something changes; with `queue`, it also gets the events. */
struct fake_listener {
    struct fake_listener *next;
    int event_fd;
    int timer_fd; /* -1: it checks the next due time itself */
    bool queue;
    bool lost;
    char *owner; /* NULL: everything */
    struct fake_event {
        char owner[64], id[128], native_id[80], action[64];
        unsigned instance;
        int64_t at_ns;
    } * events;
    size_t n, cap;
};

struct fake_engine {
    struct fake_engine *next;
    char name[64];
    bool from_file; /* read by file.c */
    pthread_mutex_t lock;
    struct clock *clock;
    struct arena arena; /* images, behaviours, faults: never shrinks */
    uint64_t serial;    /* number of ids generated so far */

    struct fake_object **objects;
    size_t n, cap;
    struct fake_image **images;
    size_t n_images, cap_images;
    struct fake_behaviour_entry *behaviours;
    size_t n_behaviours, cap_behaviours;
    struct fake_fault_entry *faults;
    size_t n_faults, cap_faults;
    struct fake_listener *listeners;
    int exec_exit;
    const char *exec_output;

    int64_t latency[FAKE_VERBS];
    unsigned cut_at; /* power cut: writes still allowed + 1; 0: none planned */
    bool cut_after_effect, dark;

    struct fake_call *calls;
    size_t n_calls, cap_calls;
    size_t counts[FAKE_VERBS];
    size_t reads, writes, changes, in_flight, parallel;
};

/* The provider: an engine and the arguments it was opened with. */
struct fake_provider {
    struct provider base;
    struct fake_engine *engine;
    struct provider_env env;
    const char *file; /* holds the engine; NULL: it lives in this process only. Part of the target's URL */
};
static inline struct fake_engine *fake_of(const struct provider *p)
{
    return ((const struct fake_provider *)p)->engine;
}

/* ---- file.c: engines that outlive the process ---- */
struct fake_engine *fake_file_engine(const char *path);
int fake_file_open(struct fake_engine *e, const char *path, struct err *err) _must_check_;
void fake_file_close(struct fake_engine *e, const char *path);

void fake_lock(struct fake_engine *e);
void fake_unlock(struct fake_engine *e);
int64_t fake_now(struct fake_engine *e);

/* ---- state.c: objects and images (locked) ---- */
struct fake_object *fake_find(struct fake_engine *e, const char *name_or_id);
struct fake_object *fake_find_kind(struct fake_engine *e, const struct kind_desc *kind,
                                   const char *name_or_id);
struct fake_object *fake_add(struct fake_engine *e, const struct kind_desc *kind, const char *name);
void fake_delete(struct fake_engine *e, struct fake_object *o);
struct fake_image *fake_image_find(struct fake_engine *e, const char *ref);
void fake_image_put(struct fake_engine *e, const struct fake_image *img); /* adds or replaces */
const char *fake_local_id(struct arena *a, const struct fake_image *img);
struct fake_image *fake_image_by_id(struct fake_engine *e, const char *id);
const struct fake_behaviour *fake_behaviour_of(struct fake_engine *e, const struct fake_object *o);
const char *fake_label(const struct fake_object *o, const char *key); /* NULL when absent */

/* ---- calls.c: the common part of every call ---- */
struct fake_ticket {
    struct fake_call call;
    struct fake_fault fault; /* fires after the effect, or changes it */
    bool has_fault, is_write;
};
/* Takes the lock, after the verb's latency; returns an error, with the lock released, for an injected fault
   or a power cut. */
int fake_enter(struct fake_engine *e, enum fake_verb v, const char *name, const struct cancel *c,
               struct fake_ticket *t, struct err *err) _must_check_;
/* Releases the lock and returns the result for the caller. */
int fake_leave(struct fake_engine *e, struct fake_ticket *t, int result, bool changed,
               struct err *err) _must_check_;

/* ---- life.c: containers over time (locked) ---- */
void fake_settle_locked(struct fake_engine *e);
int64_t fake_next_due(struct fake_engine *e); /* 0: nothing is scheduled */
int fake_life_start(struct fake_engine *e, struct fake_object *o, struct err *err) _must_check_;
void fake_life_stop(struct fake_engine *e, struct fake_object *o, int exit_code, const char *action);
bool fake_running(const struct fake_object *o); /* also when paused or between restarts */

/* ---- watch.c ---- */
void fake_emit(struct fake_engine *e, const struct fake_object *o,
               const char *action); /* (locked) wakes every listener */
void fake_listen(struct fake_engine *e, struct fake_listener *l, bool queue); /* (locked) */
void fake_unlisten(struct fake_engine *e, struct fake_listener *l);           /* (locked) */
/* (locked; the lock is released meanwhile) Wait until something changes, `until_ns` is reached or `c` is set.
   A fake clock is advanced to that time instead. */
void fake_pause(struct fake_engine *e, struct fake_listener *l, int64_t until_ns, const struct cancel *c);
int fake_watch_open(struct provider *p, const char *owner, struct watch *w, struct err *err);
int fake_watch_dispatch(struct watch *w, struct err *err);
void fake_watch_close(struct watch *w);

/* ---- normal.c: what the engine reports (locked) ---- */
struct val *fake_kept_spec(struct arena *a, const struct kind_desc *kind, const struct val *spec);
struct val *fake_full_spec(struct arena *a, struct fake_engine *e, const struct fake_object *o,
                           struct val **ret_defaults);
void fake_fill_object(struct arena *a, struct fake_engine *e, const struct fake_object *o,
                      struct object *ret);

/* ---- images.c ---- */
int fake_images(struct provider *p, const struct cancel *c, struct arena *a, struct engine_images *ret,
                struct err *err);
int fake_image_remove(struct provider *p, const char *id, const char *const *names, const struct cancel *c,
                      struct err *err);
/* (locked) The tag is about to name another image: the current one is kept under its digest. */
void fake_image_untag(struct fake_engine *e, const struct fake_image *img);

/* ---- observe.c, steps.c, wait.c ---- */
int fake_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                 struct arena *a, struct observed *ret, struct err *err);
int fake_inspect(struct provider *p, const struct kind_desc *kind, const char *native, const struct cancel *c,
                 struct arena *a, struct object *ret, struct err *err);
int fake_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
               struct step_result *ret, struct err *err);
int fake_step_wait(struct fake_engine *e, const struct step *s, const struct step_context *ctx,
                   struct err *err);
int fake_step_pull(struct provider *p, const struct step *s, const struct step_context *ctx,
                   struct step_result *ret, struct err *err);
/* (locked) The object a step acts on; it must belong to the step's resource and still be the one that was
   observed (S4). *ret is NULL when it is gone. */
int fake_step_object(struct fake_engine *e, const struct step *s, struct fake_object **ret,
                     struct err *err) _must_check_;
/* (locked) Fails if a running container already holds one of its ports or addresses. */
int fake_check_clashes(struct fake_engine *e, const struct fake_object *o, struct err *err) _must_check_;
#endif
