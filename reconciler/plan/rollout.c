/* How the objects of a resource take turns when they are changed while serving (container.update). */
#include "reconciler/plan/planner.h"

#include "base/parse.h"

static const char *const failures[] = {
    [ROLLOUT_PAUSE] = "pause", [ROLLOUT_CONTINUE] = "continue", [ROLLOUT_ROLLBACK] = "rollback"};

const char *rollout_failure_name(enum rollout_failure f)
{
    return (size_t)f < ARRAY_LEN(failures) ? failures[f] : "unknown";
}

bool move_takes_turn(const struct plan_move *m)
{
    bool never_ran = m->current && object_never_ran(m->current) && !m->candidate;
    return m->action != PLAN_CREATE && m->action != PLAN_DELETE && !never_ran;
}

/* Is it stopped, or another one put in its place? */
static bool interrupts(const struct plan_move *m)
{
    return move_takes_turn(m) &&
           (m->action == PLAN_REPLACE || m->action == PLAN_RESTART || m->action == PLAN_ADOPT);
}

static enum rollout_failure failure_of(const char *name, bool together)
{
    for (size_t i = 0; name && i < ARRAY_LEN(failures); i++)
        if (str_eq(failures[i], name))
            return (enum rollout_failure)i;
    return together ? ROLLOUT_ROLLBACK : ROLLOUT_PAUSE;
}

/* Surplus objects are removed last, once all the others are done: a rollback would miss them. */
static void remove_surplus_last(struct planner *p, struct plan_change *c)
{
    const unsigned replicas = (unsigned)val_get_int(c->resource->spec, "replicas", 1);
    struct plan_move *moves = arena_array(p->a, struct plan_move, c->n_moves);
    size_t n = 0;
    for (int last = 0; last <= 1; last++)
        for (size_t i = 0; i < c->n_moves; i++) {
            const struct plan_move *m = &c->moves[i];
            if ((m->action == PLAN_DELETE && m->instance > replicas) == (last == 1))
                moves[n++] = *m;
        }
    memcpy(c->moves, moves, n * sizeof(*moves));
}

static unsigned tolerated_of(const struct val *update, enum rollout_failure failure, unsigned total)
{
    const struct val *ratio = val_get(update, "max_failure_ratio");
    if (failure == ROLLOUT_CONTINUE)
        return total;
    double share = val_is(ratio, VAL_FLOAT) ? ratio->f : val_is(ratio, VAL_INT) ? (double)ratio->i : 0;
    /* A share written in decimals is not exact: 0.29 of 100 are 29. */
    return share > 0 ? (unsigned)(share * total + 1e-9) : 0;
}

void decide_rollout(struct planner *p, struct plan_change *c)
{
    const struct val *update = val_get(c->resource->spec, "update");
    struct plan_rollout *o = &c->rollout;
    bool interrupted = false;
    *o = (struct plan_rollout){.parallel = 1};
    for (size_t i = 0; i < c->n_moves; i++) {
        o->total += move_takes_turn(&c->moves[i]);
        interrupted |= interrupts(&c->moves[i]);
    }
    /* Live updates take no turns, and services take theirs by themselves. */
    if (!interrupted || c->returns || planner_caps(p, c->id) & CAP_SERVICES)
        return;
    const char *action = val_get_str(update, "failure_action");
    int64_t parallel = val_get_int(update, "parallelism", 1);
    o->together = str_eq(val_get_str(update, "strategy"), "recreate");
    o->failure = failure_of(action, o->together);
    o->decided = action || o->total > 1;
    o->parallel = o->together || parallel <= 0 || parallel > o->total ? o->total : (unsigned)parallel;
    o->delay_ns = o->parallel < o->total ? val_get_int(update, "delay", 0) : 0;
    o->monitor_ns = val_get_int(update, "monitor", 0);
    o->tolerated = tolerated_of(update, o->failure, o->total);
    if (o->failure == ROLLOUT_ROLLBACK)
        remove_surplus_last(p, c);
}

static const char *duration(struct arena *a, int64_t ns)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    format_duration(ns, &b);
    return arena_strdup(a, buf_str(&b));
}

/* "rolling: 2 at a time, start-first, 4 instances" */
static void write_turns(const struct plan_change *c, struct buf *b)
{
    const struct plan_rollout *o = &c->rollout;
    const char *order = c->action == PLAN_RESTART ? "in place" : c->stop_first ? "stop-first" : "start-first";
    if (o->together)
        buf_addf(b, "recreate: all %u stop before any starts", o->total);
    else if (o->parallel == o->total)
        buf_addf(b, "rolling: all %u at once, %s", o->total, order);
    else
        buf_addf(b, "rolling: %u at a time, %s, %u instances", o->parallel, order, o->total);
    if (c->stop_first && c->action != PLAN_RESTART && !o->together)
        buf_addf(b, " (%s)", c->stop_reason);
}

const char *rollout_words(struct arena *a, const struct plan_change *c)
{
    const struct plan_rollout *o = &c->rollout;
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (o->total < 2)
        return o->monitor_ns ? arena_printf(a, "monitored for %s", duration(a, o->monitor_ns)) : NULL;
    write_turns(c, &b);
    if (o->delay_ns)
        buf_addf(&b, ", %s apart", duration(a, o->delay_ns));
    if (o->monitor_ns)
        buf_addf(&b, ", each monitored for %s", duration(a, o->monitor_ns));
    if (o->failure == ROLLOUT_CONTINUE)
        buf_adds(&b, ", continues if one fails");
    else if (o->failure == ROLLOUT_ROLLBACK || o->tolerated)
        buf_addf(&b, ", %s if %s", o->failure == ROLLOUT_ROLLBACK ? "rolls all back" : "pauses",
                 o->tolerated ? arena_printf(a, "more than %u fail", o->tolerated) : "one fails");
    return arena_strdup(a, buf_str(&b));
}
