/* One object takes the place of another. */
#include "reconciler/plan/steps_internal.h"

/* The new one of a replace: the candidate that is there, or one that is made. */
struct newcomer {
    const char *name, *id;
    bool runs; /* it does already, or has ended as a job may */
};

/* It has ended with 0, and that was its own doing: not so surely when Git does not say that it is a job, for
   we may have stopped it ourselves. */
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

/* The old one is gone already: what stands beside its place gets its name. */
static void finish(struct step_maker *m, const struct newcomer *n)
{
    struct newcomer named = *n;
    step_rename(m, n->name, n->id);
    named.name = m->move->native_name;
    start_newcomer(m, &named, STEP_STABLE_STOPPED_NS);
    m->list->commit_at = 0;
}

static void switch_over(struct step_maker *m, const struct object *old, const char *old_name,
                        const struct newcomer *n)
{
    if (m->change->stop_first) {
        step_stop(m, old, old_name);
        start_newcomer(m, n, STEP_STABLE_STOPPED_NS);
    } else {
        start_newcomer(m, n, STEP_STABLE_NS);
        step_stop(m, old, old_name);
        if (m->change->wait == DEPEND_STARTED && step_runs(old))
            step_wait(m, n->name, n->id, STEP_STABLE_NS);
    }
    size_t commit_at = m->list->n;
    step_on(m, STEP_REMOVE, old, old_name);
    step_rename(m, n->name, n->id);
    m->list->commit_at = commit_at;
    /* It may run already, and an engine removes nothing that runs. */
    undo_add(m, STEP_STOP, n->name, n->id)->timeout_ns = stop_grace(m->change->resource->spec);
    undo_add(m, STEP_REMOVE, n->name, n->id);
    if (step_runs(old)) {
        struct step *s = undo_add(m, STEP_START, old_name, old->native_id);
        s->foreign = !old->owner;
    }
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
    if (!(m->caps & CAP_RENAME))
        return replace_in_place(m, old, err);
    struct newcomer n = {.name = arena_printf(m->a, "%s%s", m->move->native_name, MARK_CANDIDATE)};
    if (left && m->move->resume) {
        n = (struct newcomer){left->native_name, left->native_id, has_done(m, left)};
        step_reconnect(m, left, left->native_name);
        if (!old) {
            finish(m, &n);
            return 0;
        }
    } else if (left && !old && step_runs(left)) {
        /* It is all there is: it takes the place first, so that there is room beside it for what is asked for
         * now. */
        step_rename(m, left->native_name, left->native_id);
        old = left;
        old_name = m->move->native_name;
    } else if (left) {
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
        switch_over(m, old, old_name, &n);
    else
        start_newcomer(m, &n, STEP_STABLE_STOPPED_NS);
    return 0;
}

/* A network has its name for itself: the old one goes first. Should the new one be refused, the old one is
 * made again. */
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

/* Whose data is lost is known and allowed by now (S3). An engine keeps a volume as long as any container has
 * it. */
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
