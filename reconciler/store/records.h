#ifndef STORE_RECORDS_H
#define STORE_RECORDS_H
/*
 * What the store remembers of an environment, as records: its state, its inventory, its generations, its
 * transitions and its journal. Structs are built in the caller's arena; strings may be NULL where "absent"
 * makes sense.
 */
#include "reconciler/plan/applied.h"
#include "reconciler/store/store.h"

/* ---- the environment's own state ---- */
struct env_state {
    const char *source;      /* repository and path it follows, without credentials */
    const char *seen_commit; /* newest fetched */
    const char *good_commit; /* newest that loaded without errors */
    const char *applied_commit;
    const char *error; /* of the last reconcile; NULL: none */
    int64_t error_ns, checked_ns, applied_ns;
    const char *suspended_by, *suspended_why; /* S7; NULL: not suspended */
    int64_t suspended_ns, suspended_until_ns; /* until 0: for ever */
    const char *held_commit; /* H2: rolled back from; automation leaves it alone until another commit comes */
    uint64_t held_generation;
    const struct val *images; /* what registries have for image_policy (engine/images.c); NULL */
    uint64_t generation;      /* newest; 0 none */
    uint64_t transition;      /* newest sequence number */
};
int env_state_get(struct store *s, const char *env, struct arena *a, struct env_state *ret,
                  struct err *err) _must_check_; /* absent: zeroed, 0 */
/* Change it in one commit; generation and transition follow from what is stored, and are not taken from here:
   between another process's word (a suspension) and ours nothing is lost. fn may be run more than once, each
   time on what is stored; strings that it sets live until this returns. */
int env_state_update(struct store *s, const char *env, void (*fn)(struct env_state *st, void *arg), void *arg,
                     struct err *err) _must_check_;
/* Those of which there is anything, by name. */
int env_list(struct store *s, struct arena *a, const char ***ret, size_t *ret_n,
             struct err *err) _must_check_;

/* ---- the inventory: what was last applied (plan/applied.h) ---- */
int inventory_load(struct store *s, const char *env, struct arena *a, struct inventory *ret,
                   struct err *err) _must_check_;
/* One record of it, or none. */
int inventory_load_one(struct store *s, const char *env, const char *id, struct arena *a,
                       struct inventory *ret, struct err *err) _must_check_;
int inventory_save(struct store *s, const char *env, const struct applied *r, struct err *err) _must_check_;
/* Many in one commit: a commit costs a flush of the disk, whatever its size. */
int inventory_save_all(struct store *s, const char *env, const struct applied *items, size_t n,
                       struct err *err) _must_check_;
int inventory_drop(struct store *s, const char *env, const char *id, struct err *err) _must_check_;

/* ---- generations (what was asked for, whole) ----
   Resources are kept by content: a resource that many generations share is stored once, so that a generation
   of ten thousand resources in which one changed costs one record and a list of digests. */
enum generation_status { GEN_RUNNING, GEN_OK, GEN_PARTIAL, GEN_FAILED, GEN_INTERRUPTED };
const char *generation_status_name(enum generation_status s);
struct generation {
    uint64_t number;
    const char *commit, *subject, *author;
    const char *actor;   /* "root", "forged" */
    const char *trigger; /* "apply", "commit", "drift", "rollback to 12", "schedule" */
    const char *plan_digest;
    int64_t begin_ns, end_ns;
    enum generation_status status;
    const char *error;
    const struct val *resources; /* {id: resource_to_val}, unbound, resolved */
    uint64_t base; /* generation_begin(): `resources` are only those that this older one has not, or not so;
                      0: all of them */
    const struct val *images;  /* {ref: {id, digest}} as they ran (H3) */
    const struct val *secrets; /* {path: keyed digest} of the files they were read from; NULL: none */
    const struct val *summary; /* {create: n, update: n, ...} */
};
/* Takes the next number of the environment (written in the same commit as env_state.generation). */
int generation_begin(struct store *s, const char *env, struct generation *g, struct err *err) _must_check_;
/* Writes it anew, but for its resources, which are as they were at its begin. ERR_NOTFOUND. */
int generation_end(struct store *s, const char *env, const struct generation *g,
                   struct err *err) _must_check_;
int generation_get(struct store *s, const char *env, uint64_t number, struct arena *a, struct generation *ret,
                   struct err *err) _must_check_;
/* Without its resources. */
int generation_get_brief(struct store *s, const char *env, uint64_t number, struct arena *a,
                         struct generation *ret, struct err *err) _must_check_;
/* Newest first, without `resources` when `brief`; at most limit (0: all). */
int generation_list(struct store *s, const char *env, size_t limit, bool brief, struct arena *a,
                    struct generation **ret, size_t *ret_n, struct err *err) _must_check_;

/* ---- transitions (H1): one durable record each ---- */
struct transition {
    uint64_t seq, generation;
    int64_t at_ns, duration_ns;
    const char *actor, *trigger, *commit, *plan_digest, *run;
    const char *id, *action;    /* resource, plan action */
    const char *before, *after; /* digests or short texts: "image a:1 -> a:2" lives in `changes` */
    const struct val *changes;  /* [{path, before, after, cause, impact}] */
    const char *result;         /* "ok", "failed", "cancelled", "interrupted", "held", "undone" */
    const char *error;
};
int transition_add(struct store *s, const char *env, struct transition *t,
                   struct err *err) _must_check_; /* sets seq */
/* `id` without a target stands for the resource on all its engines. */
int transition_list(struct store *s, const char *env, const char *id, uint64_t generation, size_t limit,
                    struct arena *a, struct transition **ret, size_t *ret_n,
                    struct err *err) _must_check_; /* newest first; id NULL, generation 0: any */
struct val *generation_to_val(struct arena *a, const struct generation *g); /* as exported (H4) */
struct val *transition_to_val(struct arena *a, const struct transition *t);

/* ---- the journal (S8): intent before, result after ---- */
struct journal_entry {
    const char *run;
    uint64_t seq; /* within the run */
    int64_t at_ns;
    const char *phase; /* "run", "begin", "end", "undo", "done" */
    uint64_t generation;
    const char *id, *verb, *native_name, *native_id, *result;
};
/* In one commit. */
int journal_append(struct store *s, const char *env, const struct journal_entry *items, size_t n,
                   struct err *err) _must_check_;
/* Entries of runs that have no "done", oldest first: what a kill left. */
int journal_open(struct store *s, const char *env, struct arena *a, struct journal_entry **ret, size_t *ret_n,
                 struct err *err) _must_check_;
int journal_close(struct store *s, const char *env, const char *run,
                  struct err *err) _must_check_; /* the run's entries go; its transitions stay */

/* ---- images that were brought to engines (H3) ----
   What is recorded here is ours to remove one day, and nothing else is: an image that was on the engine
   before, under whatever name, is never recorded, and a store that was lost owns nothing. */
struct image_record {
    const char *engine;         /* what tells the engine from any other (engine_images.engine) */
    const char *image;          /* "sha256:...", the engine's id */
    const struct val *names;    /* references by which it was pulled, as asked for */
    const char *target;         /* the engine's name in the settings */
    const char *env, *resource; /* for which it was pulled first */
    uint64_t generation;
    int64_t pulled_ns;
    int64_t idle_ns; /* since when nothing needs it, as far as is known; 0: something does */
};
/* Pulled under one more name (`name`), or for the first time. */
int image_pulled(struct store *s, const struct image_record *rec, const char *name,
                 struct err *err) _must_check_;
/* The same for an image that is recorded already; ERR_NOTFOUND: it is not ours, and is not from now on. */
int image_named(struct store *s, const char *engine, const char *image, const char *name,
                struct err *err) _must_check_;
/* Is there any at all? */
int image_any(struct store *s, bool *ret, struct err *err) _must_check_;
/* Those of an engine, by id. */
int image_list(struct store *s, const char *engine, struct arena *a, struct image_record **ret, size_t *ret_n,
               struct err *err) _must_check_;
int image_set_idle(struct store *s, const char *engine, const char *image, int64_t idle_ns,
                   struct err *err) _must_check_;
int image_forget(struct store *s, const char *engine, const char *image, struct err *err) _must_check_;

/* ---- retention (H4) ---- */
struct retention {
    unsigned generations; /* kept at least, with the newest that succeeded and the one that a rollback holds;
                             0: 50 */
    int64_t age_ns;       /* and what is younger; 0: 90 days */
    unsigned transitions; /* 0: 10,000 */
};
/* Deletes in lots: up to a tenth more than asked for is kept, so that not every run pays for it. */
int retention_apply(struct store *s, const char *env, const struct retention *r, int64_t now_ns,
                    struct err *err) _must_check_;
/* Image ids and digests that kept generations and the inventory need (H3): {id or digest: newest generation
 * with it}. */
int retention_images(struct store *s, const char *env, struct arena *a, struct val **ret,
                     struct err *err) _must_check_;
#endif
