/* What runs left that were killed. */
#include "reconciler/exec/internal.h"

#include "base/str.h"

static bool is_known(struct transition *t, size_t n, const char *run)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(t[i].run, run))
            return true;
    }
    return false;
}

/* The run ended between the change's end and its own, or before: only then is nothing recorded of it. */
static int interrupt(struct store *s, const char *env, const struct journal_entry *e, struct clock *clock,
                     struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct transition *known;
    size_t n;
    int r = transition_list(s, env, e->id, e->generation, 0, &a, &known, &n, err);
    if (r < 0 || is_known(known, n, e->run))
        return r;
    int64_t now = clock_wall(clock);
    struct transition t = {
        .generation = e->generation,
        .at_ns = e->at_ns,
        .duration_ns = now > e->at_ns ? now - e->at_ns : 0,
        .run = e->run,
        .id = e->id,
        .action = e->verb,
        .result = "interrupted",
        .error = arena_printf(&a, "the run was killed; last step: %s %s (%s)", str_or(e->verb, "?"),
                              str_or(e->native_name, ""), str_or(e->result, "not known to have ended")),
    };
    return transition_add(s, env, &t, err);
}

static bool is_last_of(const struct journal_entry *entries, size_t n, size_t i)
{
    for (size_t k = i + 1; k < n; k++) {
        if (str_eq(entries[k].run, entries[i].run) && str_eq(entries[k].id, entries[i].id))
            return false;
    }
    return true;
}

int recover_runs(struct store *s, const char *env, const char *except, struct clock *clock, size_t *ret_runs,
                 struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct journal_entry *entries;
    size_t n, runs = 0;
    int r = journal_open(s, env, &a, &entries, &n, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (entries[i].id && !str_eq(entries[i].run, except) && is_last_of(entries, n, i))
            r = interrupt(s, env, &entries[i], clock, err);
    }
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool first = true;
        for (size_t k = 0; k < i && first; k++)
            first = !str_eq(entries[k].run, entries[i].run);
        if (!first || str_eq(entries[i].run, except))
            continue;
        r = journal_close(s, env, entries[i].run, err);
        runs++;
    }
    if (r == 0)
        *ret_runs = runs;
    return r;
}

int exec_recover(struct store *s, const char *env, struct clock *clock, size_t *ret_runs, struct err *err)
{
    return recover_runs(s, env, NULL, clock, ret_runs, err);
}

int exec_resume_ids(struct store *s, const char *env, struct arena *a, const char *const **ret,
                    struct err *err)
{
    struct journal_entry *entries;
    size_t n, n_ids = 0, cap = 0;
    const char **ids = NULL;
    int r = journal_open(s, env, a, &entries, &n, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        bool seen = !entries[i].id;
        for (size_t k = 0; k < n_ids && !seen; k++)
            seen = str_eq(ids[k], entries[i].id);
        if (!seen)
            arena_push(a, ids, n_ids, cap, entries[i].id);
    }
    arena_push(a, ids, n_ids, cap, NULL);
    *ret = ids;
    return 0;
}
