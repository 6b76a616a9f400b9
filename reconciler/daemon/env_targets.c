/* The engines of an environment, one by one: for metrics, status and the log. */
#include "reconciler/daemon/env_internal.h"

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

void env_targets_init(struct env *e)
{
    const struct target *t = e->config->target;
    e->n_targets = t->members ? t->n_members : 1;
    e->targets = mem_array(e->n_targets, sizeof(*e->targets));
    for (size_t i = 0; i < e->n_targets; i++)
        e->targets[i].name = str_or(t->members ? t->members[i]->name : t->name, "local");
}

size_t env_targets(struct env *e, struct env_target *ret, size_t most)
{
    pthread_mutex_lock(&e->lock);
    size_t n = e->n_targets < most ? e->n_targets : most;
    memcpy(ret, e->targets, n * sizeof(*ret));
    if (!e->config->target->members && n)
        ret[0].up = e->numbers.engine_connected;
    pthread_mutex_unlock(&e->lock);
    return n;
}

static void log_turn(const struct env *e, const struct observed_target *t, bool up, const char *since)
{
    if (up)
        log_info("target.back", "environment", e->config->name, "target", t->name, "engine", t->engine, NULL);
    else
        log_warn("target.away", "environment", e->config->name, "target", t->name, "since", since, "error",
                 t->why, NULL);
}

static bool is_on(const char *id, const struct env_target *t, bool several)
{
    return !several || str_eq(id_target(id), t->name);
}

static void count(const struct look *l, bool several, struct env_target *t)
{
    t->resources = t->unknown = t->drifted = 0;
    for (size_t i = 0; i < l->bound.n; i++)
        t->resources += is_on(l->bound.items[i]->id, t, several);
    for (size_t i = 0; i < l->plan.n_unknown; i++)
        t->unknown += is_on(l->plan.unknown[i], t, several);
    for (size_t i = 0; i < l->plan.n; i++)
        t->drifted += l->plan.changes[i].causes & CAUSE_DRIFT && is_on(l->plan.changes[i].id, t, several);
}

void env_targets_note(struct env *e, const struct look *l)
{
    const bool several = e->config->target->members != NULL;
    for (size_t i = 0; i < e->n_targets && !l->scope; i++) {
        const struct observed_target *seen =
            several && i < l->observed.n_targets ? &l->observed.targets[i] : NULL;
        struct env_target now = {.name = e->targets[i].name, .up = true};
        count(l, several, &now);
        if (seen) {
            now.up = !seen->away;
            now.since_ns = seen->away ? seen->since_ns : 0;
            now.observed_ns = seen->observed_ns;
        }
        pthread_mutex_lock(&e->lock);
        const struct env_target before = e->targets[i];
        e->targets[i] = now;
        pthread_mutex_unlock(&e->lock);
        bool turned = seen && (before.up != now.up || before.since_ns != now.since_ns);
        /* At first, only what is wrong is worth a line. */
        if (turned && (!now.up || before.since_ns)) {
            _cleanup_buf_ struct buf since = BUF_INIT;
            format_time(now.since_ns, &since);
            log_turn(e, seen, now.up, buf_str(&since));
        }
    }
}
