/*
 * What is asked for: by a commit, or by a recorded generation in its place. What a commit asks for is shared
 * by the looks that look at that commit. One thread: the environment's own.
 */
#include "reconciler/engine/internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "reconciler/plan/bind.h"

#include <stdlib.h>

struct wanted *wanted_new(void)
{
    struct wanted *w = mem_new(struct wanted);
    arena_init(&w->arena);
    w->refs = 1;
    return w;
}

void wanted_unref(struct wanted *w)
{
    if (!w || --w->refs)
        return;
    if (w->complete) {
        resource_set_release(&w->desired);
        resource_set_release(&w->bound);
    }
    map_release(&w->edited);
    arena_release(&w->arena);
    free(w);
}

void wanted_use(struct wanted *w, struct look *l)
{
    wanted_unref(l->wanted);
    w->refs++;
    l->wanted = w;
    l->desired = w->desired;
    l->bound = w->bound;
    l->info = &w->info;
}

static void set_info(struct wanted *w, const struct snapshot_info *info)
{
    struct arena *a = &w->arena;
    w->info = (struct snapshot_info){
        .commit = arena_strdup(a, info->commit),
        .subject = arena_strdup(a, info->subject),
        .author = arena_strdup(a, info->author),
        .time_ns = info->time_ns,
        .dirty = info->dirty,
        .where = arena_strdup(a, info->where),
    };
}

/* Keep what this look has loaded. */
static void keep(struct engine *e, struct look *l)
{
    struct wanted *w = l->wanted;
    set_info(w, l->info);
    w->desired = l->desired;
    w->bound = l->bound;
    w->complete = true;
    w->whole_bytes = w->arena.used;
    wanted_unref(e->kept);
    e->kept = w;
    w->refs++;
}

/* ---- reading it ---- */

/* Read the source: fetch when asked to, then the tree of the wanted revision. */
int look_source(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct clock *clock = e->env.clock;
    int64_t begin = clock_mono(clock);
    bool moved = false;
    int r = o->fetch ? source_fetch(e->source, o->cancel, &moved, err) : 0;
    if (r == 0)
        r = source_snapshot(e->source, o->rev, &l->snapshot, err);
    l->fetch_ns = clock_mono(clock) - begin;
    if (r < 0)
        return err_wrap(err, "environment %s", e->config->name);
    l->info = snapshot_info(l->snapshot);
    return 0;
}

static int bind_desired(struct engine *e, struct look *l, struct err *err)
{
    struct arena *a = &l->wanted->arena;
    struct resource_set own = {0};
    const struct resource_set *placed;
    int r = targets_place(e, &l->desired, a, &own, &l->diags, &placed, err);
    if (r == 0)
        r = bind_set(placed, e->config->name, targets_swarms(e, a), a, &l->bound, err);
    resource_set_release(&own);
    return r;
}

/* Fill l->desired; problems of manifests are in l->diags and are an error. */
int look_desired(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct clock *clock = e->env.clock;
    int64_t begin = clock_mono(clock);
    int r = 0;
    if (!l->rollback_to) /* else all of it comes from generations */
        r = look_load(e, l->snapshot, l->info, l->known, &l->wanted->arena, &l->desired, &l->diags,
                      &l->loaded, err);
    if (r == 0 && l->diags.errors)
        r = err_set(err, ERR_INVALID, "environment %s: %zu %s in its manifests", e->config->name,
                    l->diags.errors, l->diags.errors == 1 ? "error" : "errors");
    if (r == 0 && l->rollback_to)
        r = look_rollback(e, o, l, err);
    if (r == 0)
        r = bind_desired(e, l, err);
    l->load_ns = clock_mono(clock) - begin;
    return r;
}

/* ---- which commit ---- */

const char *look_tip(const struct look *l)
{
    return str_empty(l->info->files) ? l->info->commit : l->info->files;
}

bool look_is_held(const struct look *l, const char *tip)
{
    return l->state.held_commit && l->state.held_generation && str_eq(l->state.held_commit, tip);
}

bool wanted_is_current(const struct engine *e, const struct look_options *o, const struct look *l)
{
    const struct env_state *st = &l->state;
    if (o->rollback_to || o->attended || !e->kept)
        return false;
    const char *kept = e->kept->info.commit;
    if (o->rev)
        return str_eq(o->rev, kept); /* a commit's name: it means the same for ever */
    /* Somebody else may have fetched and applied another one. */
    return o->same_commit && e->kept_is_tip && !look_is_held(l, kept) &&
           (!st->seen_commit || str_eq(st->seen_commit, kept));
}

/* Only a commit says what its tree is: a folder changes under it. */
static bool can_keep(const struct engine *e, const struct look_options *o, const struct look *l)
{
    return e->env.keep_wanted && !str_empty(l->info->commit) && !engine_reads_folder(e->config) &&
           !o->attended && !l->rollback_to && (!o->rev || str_eq(o->rev, l->info->commit));
}

static int read_wanted(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    int r = o->rollback_to ? 0 : look_source(e, o, l, err);
    if (r < 0)
        return r;
    if (!o->rollback_to && !o->attended && look_is_held(l, look_tip(l)))
        l->rollback_to = l->state.held_generation;
    bool plain = can_keep(e, o, l);
    if (plain && e->kept && str_eq(e->kept->info.commit, l->info->commit)) {
        wanted_use(e->kept, l);
    } else {
        r = look_desired(e, o, l, err);
        if (r == 0 && plain)
            keep(e, l);
    }
    if (r == 0 && plain)
        e->kept_is_tip = !o->rev;
    return r;
}

int look_wanted(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    if (wanted_is_current(e, o, l)) {
        wanted_use(e->kept, l);
        return 0;
    }
    l->rollback_to = o->rollback_to;
    l->rollback_only = o->rollback_to ? o->rollback_only : NULL;
    int r = read_wanted(e, o, l, err);
    l->unread = r < 0;
    /* The repository does not say this any more: the next look has to find out again. */
    if (r < 0 && !o->rev && !o->rollback_to)
        e->kept_is_tip = false;
    return r;
}

/* ---- from one commit to the next ---- */

/* More files than that are no small change. */
#define FOLLOW_FILES 16u

static int follow(struct engine *e, struct look *l, struct load_edit *ret, struct err *err)
{
    struct wanted *w = e->kept;
    const char *const *removed;
    *ret = (struct load_edit){0};
    int r = source_changes(e->source, w->info.commit, FOLLOW_FILES, &l->arena, &l->snapshot, &removed, err);
    if (r < 0)
        return r;
    const struct snapshot_info *info = snapshot_info(l->snapshot);
    if (*removed || look_is_held(l, info->commit))
        return err_set(err, ERR_UNSUPPORTED, "commit %.12s takes something away", info->commit);
    if (str_eq(info->commit, w->info.commit))
        return 0;
    r = look_load_part(e, l->snapshot, info, &w->desired, ret, err);
    if (r == 0)
        r = bind_part(&w->desired, e->config->name, targets_swarms(e, &l->arena), ret, &w->bound, err);
    if (r == 0)
        set_info(w, info);
    return r;
}

int wanted_follow(struct engine *e, struct look *l, const char *const **ret_ids, struct err *err)
{
    struct wanted *w = e->kept;
    struct load_edit edit;
    const char *seen = l->state.seen_commit;
    /* Somebody else may have applied another one. */
    bool known = w && (!seen || str_eq(seen, w->info.commit));
    if (!known || w->refs > 1 || w->arena.used > 2 * w->whole_bytes)
        return err_set(err, ERR_UNSUPPORTED, "nothing is kept that could be changed");
    int64_t start = clock_mono(e->env.clock);
    int r = follow(e, l, &edit, err);
    l->load_ns = clock_mono(e->env.clock) - start;
    if (r < 0) {
        /* It may be half of it. */
        snapshot_free(l->snapshot);
        l->snapshot = NULL;
        wanted_unref(e->kept);
        e->kept = NULL;
        return r;
    }
    const char **ids = arena_array(&l->arena, const char *, edit.n + 1);
    for (size_t i = 0; i < edit.n; i++) {
        ids[i] = edit.ids[i];
        map_put(&w->edited, edit.ids[i], w);
    }
    *ret_ids = ids;
    e->kept_is_tip = true;
    return 0;
}
