/*
 * What is remembered of an environment from run to run. Several processes write it, so every change is made
 * on what is stored at that moment (S7: a suspension that is set meanwhile stays).
 */
#include "reconciler/engine/internal.h"

#include "base/str.h"

int state_load(struct engine *e, struct arena *a, struct env_state *ret, struct err *err)
{
    int r = env_state_get(e->env.store, e->config->name, a, ret, err);
    if (r < 0)
        return r;
    /* An end that has come is as good as a resume. */
    if (ret->suspended_until_ns && ret->suspended_until_ns <= clock_wall(e->env.clock)) {
        ret->suspended_by = ret->suspended_why = NULL;
        ret->suspended_ns = ret->suspended_until_ns = 0;
    }
    return 0;
}

int state_refuse_suspended(const struct engine *e, const struct env_state *st, struct err *err)
{
    if (!st->suspended_by)
        return 0;
    err_set(err, ERR_DENIED, "environment %s is suspended by %s: %s", e->config->name, st->suspended_by,
            str_or(st->suspended_why, "no reason given"));
    return err_hint(err, "`forge-ctl resume` ends the suspension");
}

/* ---- how a reconcile went ---- */

struct note {
    const char *text;
    int64_t now_ns;
};

static void set_note(struct env_state *st, void *arg)
{
    const struct note *n = arg;
    st->error = n->text;
    st->error_ns = n->text ? n->now_ns : 0;
}

int engine_note(struct engine *e, int result, const struct err *outcome, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state st;
    /* Being stopped, or not being the first, says nothing about the environment. */
    if (result == ERR_CANCELLED || engine_lost_race(result, outcome))
        return 0;
    int r = env_state_get(e->env.store, e->config->name, &a, &st, err);
    if (r < 0)
        return r;
    struct note n = {.text = result < 0 ? outcome->msg : NULL, .now_ns = clock_wall(e->env.clock)};
    if (str_eq(st.error, n.text))
        return 0;
    return env_state_update(e->env.store, e->config->name, set_note, &n, err);
}

/* ---- what an apply means for those that follow ---- */

/* Automation keeps away from the commit that was left until another one comes (H2). One resource that was
 * rolled back is part of a generation of its own; all of them are what the older generation says. */
static void hold_commit(struct env_state *st, const struct state_change *c)
{
    st->held_commit = str_or(st->seen_commit, st->applied_commit);
    st->held_generation = c->look->rollback_only ? c->generation : c->look->rollback_to;
}

static void follow_commit(struct env_state *st, const struct state_change *c)
{
    const char *commit = c->look->info->commit;
    st->seen_commit = look_tip(c->look);
    st->good_commit = commit;
    /* A part of a commit is not that commit. */
    if (c->look->policy.only)
        return;
    st->held_commit = NULL;
    st->held_generation = 0;
    if (c->result == 0 && !plan_is_partial(&c->look->plan))
        st->applied_commit = commit;
}

static void change_state(struct env_state *st, void *arg)
{
    const struct state_change *c = arg;
    const struct look *l = c->look;
    st->source = l->info->where;
    /* Automation notes by itself how it went, for it also knows what was wrong with the commit. */
    if (l->attended && c->result != ERR_CANCELLED) {
        st->error = c->result < 0 ? c->outcome->msg : NULL;
        st->error_ns = c->result < 0 ? c->now_ns : 0;
    }
    if (l->rollback_to && l->attended && (!l->rollback_only || c->generation))
        hold_commit(st, c);
    else if (!l->rollback_to)
        follow_commit(st, c);
    if (c->result == 0 && c->generation)
        st->applied_ns = c->now_ns;
    st->checked_ns = c->now_ns;
}

static bool same_state(const struct env_state *a, const struct env_state *b)
{
    return str_eq(a->source, b->source) && str_eq(a->seen_commit, b->seen_commit) &&
           str_eq(a->good_commit, b->good_commit) && str_eq(a->applied_commit, b->applied_commit) &&
           str_eq(a->error, b->error) && a->applied_ns == b->applied_ns &&
           str_eq(a->held_commit, b->held_commit) && a->held_generation == b->held_generation;
}

int state_save(struct engine *e, struct state_change *c, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state before;
    int r = env_state_get(e->env.store, e->config->name, &a, &before, err);
    if (r < 0)
        return r;
    c->now_ns = clock_wall(e->env.clock);
    struct env_state after = before;
    change_state(&after, c);
    if (same_state(&before, &after)) /* L1: a write costs a flush of the disk */
        return 0;
    return env_state_update(e->env.store, e->config->name, change_state, c, err);
}

/* ---- suspension (S7) ---- */

struct suspension {
    const char *who, *why;
    int64_t now_ns, until_ns;
};

static void set_suspension(struct env_state *st, void *arg)
{
    const struct suspension *s = arg;
    st->suspended_by = s->who;
    st->suspended_why = s->why;
    st->suspended_ns = s->who ? s->now_ns : 0;
    st->suspended_until_ns = s->until_ns;
}

int engine_suspend(struct engine *e, const char *who, const char *why, int64_t until_ns, struct err *err)
{
    struct suspension s = {who, why, clock_wall(e->env.clock), until_ns};
    if (until_ns && until_ns <= s.now_ns)
        return err_set(err, ERR_INVALID, "environment %s: the suspension would already have expired",
                       e->config->name);
    return env_state_update(e->env.store, e->config->name, set_suspension, &s, err);
}

int engine_resume(struct engine *e, const char *who, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state st;
    int r = env_state_get(e->env.store, e->config->name, &a, &st, err);
    if (r < 0 || !st.suspended_by)
        return r;
    log_info("environment.resumed", "environment", e->config->name, "by", who, NULL);
    return env_state_update(e->env.store, e->config->name, set_suspension, &(struct suspension){0}, err);
}
