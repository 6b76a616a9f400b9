#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H
/* Shared by the files of this room; nothing outside includes it. */
#include "reconciler/engine/engine.h"

struct engine {
    const struct env_config *config;
    struct engine_env env;
    struct source *source;
    struct provider *provider; /* opened on first use */
    struct wanted *kept;       /* of the last commit that was looked at (env.keep_wanted) */
};

/* wanted.c */
struct wanted {
    struct arena arena;
    unsigned refs;
    bool complete; /* the sets are here, and not only in the look that is filling them */
    struct snapshot_info info;
    struct resource_set desired, bound;
};
struct wanted *wanted_new(void);
void wanted_unref(struct wanted *w); /* accepts NULL */
/* Use what is kept in this look. */
void wanted_use(struct wanted *w, struct look *l);
/* Keep what this look has loaded. */
void wanted_keep(struct engine *e, struct look *l);
/* Can this resource be looked at by itself: is nothing else built on it, and it on nothing that runs? */
bool wanted_is_alone(const struct wanted *w, const char *id);

/* load.c: fill l->desired from a snapshot's files, decoded forms cached in the store. */
int look_load(struct engine *e, struct snapshot *snap, const struct snapshot_info *info, struct arena *a,
              struct resource_set *ret, struct diag_list *diags, struct load_stats *stats,
              struct err *err) _must_check_;
/* rollback.c: fill l->desired from a recorded generation (all of it, or one resource of it over what is
 * there). */
int look_rollback(struct engine *e, const struct look_options *o, struct look *l,
                  struct err *err) _must_check_;
/* rollback.c: pin each container's image to what the generation ran, where its reference means another image
 * by now. */
int rollback_pin_images(struct engine *e, struct look *l, struct err *err) _must_check_;
/* compare.c: stand in for an engine that runs exactly what `rev` asks for. */
int look_against(struct engine *e, const char *rev, struct look *l, struct err *err) _must_check_;

/* observe.c: observation on a thread of its own, beside loading. */
struct observing;
int observing_start(struct engine *e, const struct look_options *o, struct look *l, struct observing **ret,
                    struct err *err) _must_check_;
/* Give it the bound set (NULL: loading failed) and wait for its end; frees it. */
int observing_end(struct observing *ob, const struct resource_set *bound, struct err *err) _must_check_;

/* observe.c: only the objects of l->scope, on this thread. */
int observe_scope(struct engine *e, const struct look_options *o, struct look *l,
                  struct err *err) _must_check_;

/* look.c: plan again from what the look holds (inventory and observation refreshed by the caller). */
int look_plan(struct engine *e, const struct look_options *o, struct look *l, struct err *err) _must_check_;
#endif
