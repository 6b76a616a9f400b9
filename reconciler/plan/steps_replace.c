/* One object takes the place of another. */
#include "reconciler/plan/steps_internal.h"

/* The new object of a replace: an existing candidate, or a new one. */
struct newcomer {
    const char *name, *id;
    bool runs; /* it already runs, or has ended as a job may */
};

/* It has exited with 0 by itself. That is not certain when Git does not say that it is a job: we may have
   stopped it. */
static bool has_done_its_job(const struct step_maker *m, const struct object *o)
{
    const char *restart = val_get_str(m->change->resource->spec, "restart");
    bool surely = m->change->wait == DEPEND_COMPLETED || str_eq(restart, "no") ||
                  (restart && str_starts(restart, "on-failure"));
    return surely && m->change->job && o->state == OBJECT_EXITED && o->exit_code == 0;
}

static bool has_done(const struct step_maker *m, const struct object *o)
{
    return object_up(o) || has_done_its_job(m, o);
}

static void start_newcomer(struct step_maker *m, const struct newcomer *n, int64_t stable_ns)
{
    if (!n->runs)
        step_start(m, n->name, n->id);
    step_wait(m, n->name, n->id, stable_ns);
}

static void step_rename(struct step_maker *m, const char *name, const char *id)
{
    if (!str_eq(name, m->move->native_name))
        step_add(m, STEP_RENAME, name, id)->new_name = m->move->native_name;
}

/* The old one is already gone: the candidate takes its name. */
static void finish(struct step_maker *m, const struct newcomer *n)
{
    struct newcomer named = *n;
    step_rename(m, n->name, n->id);
    named.name = m->move->native_name;
    start_newcomer(m, &named, STEP_STABLE_STOPPED_NS);
    m->list->commit_at = 0;
}

/* Restore the old one: it runs, and is as healthy as it was, before the new one is removed. */
static void undo_start_old(struct step_maker *m, const struct object *old, const char *old_name, bool await)
{
    struct step *s = undo_add(m, STEP_START, old_name, old->native_id);
    s->foreign = !old->owner;
    if (!await || old->health != HEALTH_HEALTHY)
        return;
    s = undo_add(m, STEP_WAIT, old_name, old->native_id);
    s->foreign = !old->owner;
    s->condition = DEPEND_HEALTHY;
    s->timeout_ns = step_patience(old->spec, DEPEND_HEALTHY);
}

/* It runs, or did until we stopped it in favour of its candidate. */
static bool has_served(const struct step_maker *m, const struct object *old)
{
    return step_runs(old) || (m->move->candidate && old->state == OBJECT_EXITED && !has_done_its_job(m, old));
}

static void undo_switch(struct step_maker *m, const struct object *old, const char *old_name,
                        const struct newcomer *n)
{
    bool beside = !m->change->stop_first, served = has_served(m, old);
    if (served && beside)
        undo_start_old(m, old, old_name, true);
    /* It may be running, and an engine does not remove a running container. */
    undo_add(m, STEP_STOP, n->name, n->id)->timeout_ns = stop_grace(m->change->resource->spec);
    undo_add(m, STEP_REMOVE, n->name, n->id)->timeout_ns = stop_grace(m->change->resource->spec);
    if (served && !beside)
        undo_start_old(m, old, old_name, false);
}

static void stop_old(struct step_maker *m, const struct object *old, const char *old_name, bool runs)
{
    if (runs)
        step_on(m, STEP_STOP, old, old_name)->timeout_ns = stop_grace(old->spec);
}

static void switch_over(struct step_maker *m, const struct object *old, const char *old_name, bool old_runs,
                        const struct newcomer *n)
{
    const struct plan_rollout *rollout = &m->change->rollout;
    bool look_again = m->change->wait == DEPEND_STARTED && old_runs && !m->change->stop_first;
    if (m->change->stop_first) {
        stop_old(m, old, old_name, old_runs);
        if (rollout->together)
            step_meet(m);
        start_newcomer(m, n, STEP_STABLE_STOPPED_NS);
        step_monitor(m, n->name, n->id);
    } else {
        start_newcomer(m, n, STEP_STABLE_NS);
        step_monitor(m, n->name, n->id);
        stop_old(m, old, old_name, old_runs);
    }
    if (rollout->failure == ROLLOUT_ROLLBACK && rollout->total > 1) {
        step_meet(m);
        look_again = true;
    }
    /* It has been running while the old one stopped or others were replaced: that it still runs is enough. */
    if (look_again)
        step_wait(m, n->name, n->id, 0);
    if (rollout->failure == ROLLOUT_ROLLBACK)
        step_meet(m);
    size_t commit_at = m->list->n;
    step_on(m, STEP_REMOVE, old, old_name)->timeout_ns = old_runs ? stop_grace(old->spec) : 0;
    step_rename(m, n->name, n->id);
    m->list->commit_at = commit_at;
    undo_switch(m, old, old_name, n);
}

/* An engine that cannot rename has no place beside the old one. */
static int replace_in_place(struct step_maker *m, const struct object *old, struct err *err)
{
    if (m->move->candidate)
        step_discard(m, m->move->candidate);
    if (old)
        step_discard(m, old);
    int r = step_create(m, m->move->native_name, err);
    if (r < 0)
        return r;
    const struct newcomer n = {.name = m->move->native_name};
    start_newcomer(m, &n, STEP_STABLE_STOPPED_NS);
    m->list->commit_at = 0;
    return 0;
}

int steps_replace_container(struct step_maker *m, struct err *err)
{
    const struct object *old = m->move->current, *left = m->move->candidate;
    const char *old_name = old ? old->native_name : NULL;
    bool old_runs = old && step_runs(old);
    if (!(m->caps & CAP_RENAME))
        return replace_in_place(m, old, err);
    /* Nothing serves, so nothing is lost: the new one is created in the old one's place. */
    if (old && object_never_ran(old)) {
        step_discard(m, old);
        old = NULL;
    }
    struct newcomer n = {.name = arena_printf(m->a, "%s%s", m->move->native_name, MARK_CANDIDATE)};
    if (left && m->move->resume) {
        n = (struct newcomer){left->native_name, left->native_id, has_done(m, left)};
        step_reconnect(m, left, left->native_name);
        if (!old) {
            finish(m, &n);
            return 0;
        }
    } else if (left && !old && step_runs(left)) {
        /* The candidate is all there is: it takes the name first, to make room for the new one beside it. */
        step_rename(m, left->native_name, left->native_id);
        old = left;
        old_name = m->move->native_name;
        old_runs = true;
    } else if (left) {
        /* We stopped the old one for a candidate that is no longer wanted: the old one serves until there
           is a new candidate. */
        if (old && !old_runs && step_runs(left) && !m->change->stop_first && has_served(m, old)) {
            step_start(m, old_name, old->native_id);
            old_runs = true;
        }
        step_discard(m, left);
    }
    if (!n.id) {
        if (!old)
            n.name = m->move->native_name;
        int r = step_create(m, n.name, err);
        if (r < 0)
            return r;
    }
    if (old)
        switch_over(m, old, old_name, old_runs, &n);
    else
        start_newcomer(m, &n, STEP_STABLE_STOPPED_NS);
    return 0;
}

/* A network's name is exclusive: the old one is removed first. Should creating the new one fail, the old
   one is created again. */
int steps_replace_network(struct step_maker *m, struct err *err)
{
    const struct object *old = m->move->current;
    step_on(m, STEP_REMOVE, old, old->native_name);
    int r = step_create(m, m->move->native_name, err);
    if (r < 0)
        return r;
    struct step made = m->list->items[m->list->n - 1];
    struct step *s = undo_add(m, STEP_CREATE, old->native_name, NULL);
    s->spec = old->spec;
    s->labels = made.labels;
    return 0;
}

/* By now the loss of data is known and allowed (S3). An engine keeps a volume as long as any container has
   it. */
int steps_replace_volume(struct step_maker *m, struct err *err)
{
    const struct object *old = m->move->current;
    const struct observed *all = m->plan->observed;
    for (size_t i = 0; i < all->n; i++) {
        const struct object *o = all->items[i];
        const struct val *volumes = val_get(o->spec, "volumes");
        bool uses = false;
        for (size_t k = 0; k < val_len(volumes); k++)
            uses |= str_eq(val_get_str(volumes->pairs[k].val, "source"), old->native_name);
        if (!uses || !str_eq(o->owner, m->plan->environment))
            continue;
        size_t at = m->list->n;
        step_discard(m, o);
        for (; at < m->list->n; at++) {
            m->list->items[at].id = o->id;
            m->list->items[at].kind = o->kind;
            m->list->items[at].resource = resource_find(m->plan->desired, o->id);
        }
    }
    step_on(m, STEP_REMOVE, old, old->native_name);
    int r = step_create(m, m->move->native_name, err);
    m->list->commit_at = 0;
    return r;
}
