#ifndef STORE_RECORDS_H
#define STORE_RECORDS_H
/*
 * The records that the store keeps for an environment: its state, its inventory, its generations, its
 * transitions and its journal; and the images that Forge pulled. Structs are built in the caller's arena;
 * strings may be NULL where "absent" makes sense.
 */
#include "reconciler/plan/applied.h"
#include "reconciler/store/store.h"

/* ---- the environment's own state ---- */
struct env_state {
    const char *source;      /* repository and path it follows, without credentials */
    const char *seen_commit; /* newest that was fetched; of a folder, the digest of its files */
    const char *good_commit; /* newest that loaded without errors */
    const char *applied_commit;
    const char *error; /* of the last reconcile; NULL: none */
    int64_t error_ns, checked_ns, applied_ns;
    const char *suspended_by, *suspended_why; /* S7; NULL: not suspended */
    int64_t suspended_ns, suspended_until_ns; /* until 0: for ever */
    const char *held_commit; /* H2: the commit that was rolled back; not applied automatically again until
                                another commit appears */
    uint64_t held_generation;
    const struct val *images; /* images in registries, for image_policy (engine/images.c); NULL */
    uint64_t generation;      /* newest; 0 none */
    uint64_t transition;      /* newest sequence number */
};
int env_state_get(struct store *s, const char *env, struct arena *a, struct env_state *ret,
                  struct err *err) _must_check_; /* absent: zeroed, 0 */
/* Read, change by fn and write the state in one commit, so that no update of another process (a suspension)
   is lost. `generation` and `transition` are derived from the tables; what fn sets there is ignored. fn may
   be run more than once, each time on the stored state; strings that it sets must live until this returns. */
int env_state_update(struct store *s, const char *env, void (*fn)(struct env_state *st, void *arg), void *arg,
                     struct err *err) _must_check_;
/* The names of all environments that have a state or a generation. */
int env_list(struct store *s, struct arena *a, const char ***ret, size_t *ret_n,
             struct err *err) _must_check_;

/* ---- the inventory: what was last applied (plan/applied.h) ---- */
int inventory_load(struct store *s, const char *env, struct arena *a, struct inventory *ret,
                   struct err *err) _must_check_;
/* An inventory with one record, or with none if `id` has no record. */
int inventory_load_one(struct store *s, const char *env, const char *id, struct arena *a,
                       struct inventory *ret, struct err *err) _must_check_;
int inventory_save(struct store *s, const char *env, const struct applied *r, struct err *err) _must_check_;
/* Many records in one commit: every commit costs a disk flush, whatever its size. */
int inventory_save_all(struct store *s, const char *env, const struct applied *items, size_t n,
                       struct err *err) _must_check_;
int inventory_drop(struct store *s, const char *env, const char *id, struct err *err) _must_check_;
/* What becomes of one record. Both NULL: nothing. */
struct inventory_edit {
    const struct applied *save;
    const char *drop; /* id */
};

/* ---- generations: the full desired state that was applied ----
   Resources are stored by content: a resource that many generations share is stored once, so a generation of
   ten thousand resources of which one changed costs one record and a list of digests. */
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
    uint64_t base; /* generation_begin(): `resources` holds only those that are new or differ from this older
                      generation; 0: all of them */
    const struct val *images;  /* {ref: {id, digest}} that were run (H3); on several engines also
                                  on: {TARGET: {id, digest}}, for their images need not be the same; and
                                  of: {RESOURCE: {id, digest}} for those that ran another one under it */
    const struct val *secrets; /* {path: keyed digest} of the files that secrets were read from; NULL: none */
    const struct val *summary; /* {create: n, update: n, ...} */
};
/* Records a generation under the environment's next number, and sets g->number. ERR_CONFLICT: g->base is not
   the newest generation. */
int generation_begin(struct store *s, const char *env, struct generation *g, struct err *err) _must_check_;
/* Rewrites the record, but not its resources, which stay as generation_begin() wrote them. ERR_NOTFOUND. */
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
    const char *before, *after; /* digests or short texts; "image a:1 -> a:2" would be in `changes` */
    const struct val *changes;  /* [{path, before, after, cause, impact}] */
    const char *result;         /* "ok", "failed", "cancelled", "interrupted", "held", "undone" */
    const char *error;
};
int transition_add(struct store *s, const char *env, struct transition *t,
                   struct err *err) _must_check_; /* sets seq */
/* The same, with what the change means for the inventory, in one commit. */
int transition_add_with(struct store *s, const char *env, struct transition *t,
                        const struct inventory_edit *edit, struct err *err) _must_check_;
/* Transitions of the resource `id`: without a target, on all its engines. */
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
/* Entries of runs without a "done", oldest first: those that were interrupted, for example killed. */
int journal_open(struct store *s, const char *env, struct arena *a, struct journal_entry **ret, size_t *ret_n,
                 struct err *err) _must_check_;
int journal_close(struct store *s, const char *env, const char *run,
                  struct err *err) _must_check_; /* deletes the run's entries; its transitions stay */

/* ---- images that Forge pulled (H3) ----
   Forge may only ever remove images that are recorded here. An image that the engine already had, under
   whatever name, is never recorded, and after the loss of the store no image is ours. */
struct image_record {
    const char *engine;         /* unique identity of the engine (engine_images.engine) */
    const char *image;          /* "sha256:...", the engine's image id */
    const struct val *names;    /* references by which it was pulled, as written in the spec */
    const char *target;         /* the engine's name in the settings */
    const char *env, *resource; /* for which it was first pulled */
    uint64_t generation;
    int64_t pulled_ns;
    int64_t idle_ns; /* since when nothing is known to need it; 0: something does */
};
/* The image was pulled by the reference `name`, for the first time or again. */
int image_pulled(struct store *s, const struct image_record *rec, const char *name,
                 struct err *err) _must_check_;
/* The same, but only for an image that is already recorded. ERR_NOTFOUND: it is not ours, and stays so. */
int image_named(struct store *s, const char *engine, const char *image, const char *name,
                struct err *err) _must_check_;
/* Is any image recorded, on any engine? */
int image_any(struct store *s, bool *ret, struct err *err) _must_check_;
/* The images of an engine, sorted by id. */
int image_list(struct store *s, const char *engine, struct arena *a, struct image_record **ret, size_t *ret_n,
               struct err *err) _must_check_;
int image_set_idle(struct store *s, const char *engine, const char *image, int64_t idle_ns,
                   struct err *err) _must_check_;
int image_forget(struct store *s, const char *engine, const char *image, struct err *err) _must_check_;

/* ---- retention (H4) ---- */
struct retention {
    unsigned generations; /* the minimum to keep, besides the newest that succeeded and the one that a
                             rollback holds; 0: 50 */
    int64_t age_ns;       /* generations younger than this are kept as well; 0: 90 days */
    unsigned transitions; /* how many to keep; 0: 10,000 */
};
/* Deletes in batches: up to a tenth more than the limits is kept, so that not every run has the cost. */
int retention_apply(struct store *s, const char *env, const struct retention *r, int64_t now_ns,
                    struct err *err) _must_check_;
/* Image ids and digests that the stored generations and the inventory need (H3): {id or digest: newest
   generation that has it}. */
int retention_images(struct store *s, const char *env, struct arena *a, struct val **ret,
                     struct err *err) _must_check_;
#endif
