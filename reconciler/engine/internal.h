#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H
/* Shared by the files of this room; nothing outside includes it. */
#include "reconciler/engine/engine.h"

#include <pthread.h>

/* secret_files.c: what is known about the files of secrets; shared with callers that ask whether one
   changed. */
struct secret_files {
    pthread_mutex_t lock;
    struct secret_file *items;
    size_t n, cap;
};

struct engine {
    const struct env_config *config;
    struct engine_env env;
    struct source *source;
    struct provider *provider; /* opened on first use */
    bool loading;              /* only to check what exists: no engine takes part */
    struct wanted *kept;       /* of the last commit that was looked at (env.keep_wanted) */
    bool kept_is_tip;          /* that was the configured revision's commit, not one asked for by name */
    struct arena notes_arena;  /* what the last look said about resources, for looks at a part */
    struct plan_note *notes;
    size_t n_notes;
    struct secret_files secrets;
    int64_t trimmed_ns; /* wall clock: when the cache was last trimmed; 0: not yet */
};

void secret_files_init(struct secret_files *s);
void secret_files_release(struct secret_files *s);
/* Put the contents of secrets, as digests, into the containers of l->bound; those whose file cannot be read
   are in l->unready, with a warning at the place of the Secret. Before l->bound is used. */
void secrets_stamp(struct engine *e, struct look *l);
/* {path: digest} of all that is asked for, for the record of a generation; NULL: there are no secrets. */
const struct val *secrets_recorded(struct look *l);
/* Report which files of `r` have another content than in the generation that is rolled back to. */
void secrets_warn_rollback(struct look *l, const struct resource *r, const struct generation *g);

/* wanted.c */
struct wanted {
    struct arena arena;
    unsigned refs;
    bool complete; /* the sets are here, not only in the look that is filling them */
    struct snapshot_info info;
    struct resource_set desired, bound;
    size_t whole_bytes;  /* size of the arena when everything was loaded; what parts replace stays in it */
    uint64_t generation; /* that asks for this apart from `edited`; 0: unknown */
    struct map edited;   /* ids */
};
struct wanted *wanted_new(void);
void wanted_unref(struct wanted *w); /* accepts NULL */
/* Use what is kept in this look. */
void wanted_use(struct wanted *w, struct look *l);
/* Is the kept set still what is asked for, as far as can be told without the repository? */
bool wanted_is_current(const struct engine *e, const struct look_options *o, const struct look *l);
/* Bring the kept set up to the repository's commit by what differs: ids of resources that ask for
   something new, NULL-terminated. After an error everything has to be loaded. */
int wanted_follow(struct engine *e, struct look *l, const char *const **ret_ids,
                  struct err *err) _must_check_;
/* What the source says now, by a name: its commit or, of a folder, a digest of its files. */
const char *look_tip(const struct look *l);
/* Does automation leave what has this name alone, because somebody rolled back from it (H2)? */
bool look_is_held(const struct look *l, const char *tip);
/* Read the source: fetch when asked to, then the tree of the wanted revision. */
int look_source(struct engine *e, const struct look_options *o, struct look *l, struct err *err) _must_check_;
/* Fill l->desired and l->bound from it; problems of manifests are in l->diags and are an error. */
int look_desired(struct engine *e, const struct look_options *o, struct look *l,
                 struct err *err) _must_check_;
/* Both, where the kept set will not do; or from a recorded generation in place of the repository. */
int look_wanted(struct engine *e, const struct look_options *o, struct look *l, struct err *err) _must_check_;

/* targets.c */
/* Assign everything in l->desired to its targets; ERR_INVALID when l->diags say that it cannot be. */
int targets_place(struct engine *e, const struct resource_set *in, struct arena *a, struct resource_set *ret,
                  struct diag_list *diags, const struct resource_set **ret_placed,
                  struct err *err) _must_check_;
/* The targets of the environment that are swarms, as bind.h names them. */
const char *const *targets_swarms(const struct engine *e, struct arena *a);
/* All engines of the environment, as present and fully capable, in l->observed. */
void targets_stand_in(struct engine *e, struct look *l);
/* When an environment went from one engine to several, or back, give records the ids that their resources
   now have; in the look only. */
void targets_follow(struct engine *e, struct look *l);
/* Write what targets_follow() has found. */
int targets_record(struct engine *e, struct look *l, struct err *err) _must_check_;

/* scope.c */
/* Observe what can have changed and what depends on it. ERR_UNSUPPORTED: look at everything. */
int look_scope(struct engine *e, const struct look_options *o, struct look *l, struct err *err) _must_check_;
/* The objects and records of l->scope and of what it needs, afresh. */
int scope_observe(struct engine *e, struct look *l, const struct cancel *c, bool images,
                  struct err *err) _must_check_;
int scope_inventory(struct engine *e, struct look *l, struct err *err) _must_check_;
/* Is it one of those observed? */
bool look_covers(const struct look *l, const char *id);

/* state.c */
/* With a suspension only while it is in force. */
int state_load(struct engine *e, struct arena *a, struct env_state *ret, struct err *err) _must_check_;
int state_refuse_suspended(const struct engine *e, const struct env_state *st, struct err *err) _must_check_;
struct state_change {
    const struct look *look; /* that was applied */
    int result;
    const struct err *outcome;
    uint64_t generation; /* that it made or continued; 0: nothing was to be done */
    int64_t now_ns;
};
/* Record what it means for later looks; writes only when that changed. */
int state_save(struct engine *e, struct state_change *c, struct err *err) _must_check_;

/* closing.c */
/* Before a run: will closing_observe() need what it reads back (exec_options.keep_read)? */
bool closing_needs_read(const struct look *l);
/* After a run: l->observed as it is now. images: with a fact for every image that is asked for. */
int closing_observe(struct engine *e, struct look *l, const struct exec_report *rep, bool images,
                    struct err *err) _must_check_;

/* guard.c: while a plan runs, cancel it when anybody suspends the environment (S7). */
struct guard;
struct guard *guard_start(struct engine *e, const struct cancel *user); /* NULL: no thread could be had */
const struct cancel *guard_cancel(struct guard *g);
/* Ends and frees it. Sets `err` when the suspension ended the run. */
int guard_end(struct guard *g, int result, struct err *err) _must_check_;

/* record.c: recording an apply as a generation, and what was found in sync. */
int record_begin(struct engine *e, struct look *l, struct generation *g, struct err *err) _must_check_;
int record_end(struct engine *e, struct look *l, struct generation *g, struct err *err) _must_check_;
/* Something of the newest generation was restored; if that had not succeeded, it now has. */
int record_continued(struct engine *e, struct look *l, struct err *err) _must_check_;
/* A newest generation that never ended was killed: there is only one writer, and that is us. */
int record_interrupted(struct engine *e, struct err *err) _must_check_;
int record_inventory(struct engine *e, struct look *l, struct err *err) _must_check_;

/* record_images.c: which images ran. */
/* What each reference means now: {reference: {id, digest}}, as in struct generation. */
int record_images(struct engine *e, struct look *l, const struct val **ret, struct err *err) _must_check_;
/* The same of the generation that the look saw; may be NULL. */
int record_images_before(struct engine *e, struct look *l, const struct val **ret,
                         struct err *err) _must_check_;
/* What a resource ran by its reference in Git, by such a record; NULL: unknown. */
const struct val *image_meaning(const struct val *images, const char *ref, const char *id);
/* Is this image in the record? Then its digest is known, if it has one. */
bool image_is_recorded(const struct val *images, const char *image_id);

/* load.c: load what differs, by source_changes(), into a kept set. */
int look_load_part(struct engine *e, struct snapshot *snap, const struct snapshot_info *info,
                   struct resource_set *set, struct load_edit *ret, struct err *err) _must_check_;
/* load.c: fill l->desired from a snapshot's files, decoded forms cached in the store. */
int look_load(struct engine *e, struct snapshot *snap, const struct snapshot_info *info,
              struct load_known *known, struct arena *a, struct resource_set *ret, struct diag_list *diags,
              struct load_stats *stats, struct err *err) _must_check_;
/* rollback.c: fill l->desired from a recorded generation: all of it, or one resource of it over the rest of
 * the newest generation. */
int look_rollback(struct engine *e, const struct look_options *o, struct look *l,
                  struct err *err) _must_check_;
/* Everything the generation asked for. */
int rollback_all(struct look *l, const struct generation *g, struct err *err) _must_check_;
/* rollback_one.c: all that was applied last, but `id` as the older generation had it (or not at all, when it
   had none). What the repository asks for by now is not applied along with it. */
int rollback_one(struct look *l, const struct generation *last, const struct generation *g, const char *id,
                 struct err *err) _must_check_;
/* rollback_images.c: pin each container's image to what the generation ran, where its reference means another
   image now. */
int rollback_pin_images(struct engine *e, struct look *l, struct err *err) _must_check_;
/* images.c: ask for the image that a registry has, where a policy follows it. Before l->bound is used. */
void images_follow(struct look *l, bool attended);
/* Warn, once for each registry, that it could not be asked for images that are always pulled. */
void images_warn(struct look *l);
/* It has been applied: from now on automation asks for the same. */
int images_take(struct engine *e, struct look *l, struct err *err) _must_check_;
/* compare.c: stand in for an engine that runs exactly what `rev` asks for. */
int look_against(struct engine *e, const char *rev, struct look *l, struct err *err) _must_check_;

/* observe.c: observation on a thread of its own, beside loading. */
struct observing;
int observing_start(struct engine *e, const struct look_options *o, struct look *l, struct observing **ret,
                    struct err *err) _must_check_;
/* Give it the bound set (NULL: loading failed) and wait for it to end; frees it. */
int observing_end(struct observing *ob, const struct resource_set *bound, struct err *err) _must_check_;

/* look.c: plan again from what the look holds (the caller has refreshed inventory and observation). */
int look_plan(struct engine *e, const struct look_options *o, struct look *l, struct err *err) _must_check_;
#endif
