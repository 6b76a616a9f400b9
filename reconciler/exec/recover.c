/* What killed runs left behind. */
#include "reconciler/exec/internal.h"

#include "base/map.h"
#include "base/str.h"

struct recovery {
    struct store *store;
    const char *env;
    struct clock *clock;
    struct arena arena;
    struct journal_entry *entries; /* of all open runs, oldest first */
    size_t n;
    struct map seen;  /* "RUN ID" whose last entry was dealt with */
    struct map known; /* "RUN ID" of which there is a transition */
    struct map asked; /* runs whose transitions are in `known` */
};

static const char *key_of(struct recovery *v, const char *run, const char *id)
{
    return arena_printf(&v->arena, "%s %s", run, id);
}

/* A run that was killed between a change's end and its own already has a transition for that change. */
static int learn_known(struct recovery *v, const struct journal_entry *e, struct err *err)
{
    struct transition *list;
    size_t n;
    if (map_get(&v->asked, e->run))
        return 0;
    int r = transition_list(v->store, v->env, NULL, e->generation, 0, &v->arena, &list, &n, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (list[i].run && list[i].id)
            map_put(&v->known, key_of(v, list[i].run, list[i].id), &list[i]);
    }
    map_put(&v->asked, e->run, v);
    return 0;
}

static int add_interrupted(struct recovery *v, const struct journal_entry *e, struct err *err)
{
    int64_t now = clock_wall(v->clock);
    struct transition t = {
        .generation = e->generation,
        .at_ns = e->at_ns,
        .duration_ns = now > e->at_ns ? now - e->at_ns : 0,
        .run = e->run,
        .id = e->id,
        .action = e->verb,
        .result = "interrupted",
        .error = arena_printf(&v->arena, "the apply was killed; last step: %s %s (%s)", str_or(e->verb, "?"),
                              str_or(e->native_name, ""), str_or(e->result, "not known to have finished")),
    };
    return transition_add(v->store, v->env, &t, err);
}

/* The last entry about each change that a run began. */
static int interrupt(struct recovery *v, const struct journal_entry *e, struct err *err)
{
    const char *key = key_of(v, e->run, e->id);
    if (map_get(&v->seen, key))
        return 0;
    map_put(&v->seen, key, v);
    /* Taken over from another run, and not reached. */
    if (str_eq(e->verb, RESUME_VERB))
        return 0;
    int r = learn_known(v, e, err);
    return r < 0 || map_get(&v->known, key) ? r : add_interrupted(v, e, err);
}

static int recover(struct recovery *v, const char *except, size_t *ret_runs, struct err *err)
{
    int r = 0;
    size_t runs = 0;
    for (size_t i = v->n; r == 0 && i > 0; i--) {
        const struct journal_entry *e = &v->entries[i - 1];
        if (e->id && !str_eq(e->run, except))
            r = interrupt(v, e, err);
    }
    for (size_t i = 0; r == 0 && i < v->n; i++) {
        const struct journal_entry *e = &v->entries[i];
        if (str_eq(e->run, except) || map_get(&v->seen, e->run))
            continue;
        map_put(&v->seen, e->run, v);
        runs += str_eq(e->phase, "run"); /* entries that a run left for the next one do not begin with it */
        r = journal_close(v->store, v->env, e->run, err);
    }
    if (r == 0)
        *ret_runs = runs;
    return r;
}

int recover_runs(struct store *s, const char *env, const char *except, struct clock *clock, size_t *ret_runs,
                 struct err *err)
{
    struct recovery v = {.store = s, .env = env, .clock = clock};
    int r = journal_open(s, env, &v.arena, &v.entries, &v.n, err);
    if (r == 0)
        r = recover(&v, except, ret_runs, err);
    map_release(&v.seen);
    map_release(&v.known);
    map_release(&v.asked);
    arena_release(&v.arena);
    return r;
}

int exec_recover(struct store *s, const char *env, struct clock *clock, size_t *ret_runs, struct err *err)
{
    return recover_runs(s, env, NULL, clock, ret_runs, err);
}

int exec_resume_ids(struct store *s, const char *env, struct arena *a, const char *const **ret,
                    struct err *err)
{
    _cleanup_map_ struct map seen = MAP_INIT;
    struct journal_entry *entries;
    size_t n, n_ids = 0, cap = 0;
    const char **ids = NULL;
    int r = journal_open(s, env, a, &entries, &n, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (!entries[i].id || map_get(&seen, entries[i].id))
            continue;
        map_put(&seen, entries[i].id, &entries[i]);
        arena_push(a, ids, n_ids, cap, entries[i].id);
    }
    arena_push(a, ids, n_ids, cap, NULL);
    *ret = ids;
    return 0;
}
