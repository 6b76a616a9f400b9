/* How a unit begins and ends, and what its end means for those after it. */
#include "reconciler/exec/internal.h"

#include "base/log.h"
#include "base/str.h"

static struct unit *change_unit(struct run *x, const struct unit *u)
{
    return x->units[u->change - x->plan->changes];
}

void unit_announce(struct run *x, struct unit *u)
{
    /* The time of a pull or a gate counts towards its change. */
    struct unit *c = change_unit(x, u);
    pthread_mutex_lock(&x->lock);
    bool told = c->announced || c->ended;
    c->announced = true;
    pthread_mutex_unlock(&x->lock);
    if (!told)
        event_change(x, c, EXEC_CHANGE_BEGIN, NULL, 0);
}

int unit_open(struct run *x, struct unit *u, struct err *err)
{
    u->begin_ns = clock_mono(x->clock);
    u->begin_wall_ns = clock_wall(x->clock);
    unit_announce(x, u);
    if (u->type == UNIT_CHANGE && u->change->action == PLAN_DELETE)
        return record_deleting(x, u, err);
    return 0;
}

static void report_change(struct run *x, const struct unit *u, int64_t duration)
{
    struct exec_report *rep = x->report;
    pthread_mutex_lock(&x->lock);
    rep->outcomes[u->index] = (struct exec_outcome){
        .result = u->result,
        .err = u->err,
        .duration_ns = duration,
        .retries = u->retries,
    };
    rep->ok += u->result == EXEC_OK;
    rep->failed += u->result == EXEC_FAILED;
    rep->skipped += u->result == EXEC_SKIPPED;
    rep->cancelled += u->result == EXEC_CANCELLED;
    pthread_mutex_unlock(&x->lock);
}

/* A unit is over: record what has to be kept of its change, and announce it. */
static void close_unit(struct run *x, struct unit *u)
{
    if (u->type == UNIT_CHANGE) {
        struct err err = {0};
        bool kept =
            u->result == EXEC_OK || u->result == EXEC_FAILED || (u->result == EXEC_CANCELLED && u->opened);
        if (kept && record_change(x, u, &err) < 0) {
            (void)record_lost(x, &err);
            u->result = EXEC_FAILED;
            u->err = err;
        }
        int64_t duration = u->opened ? clock_mono(x->clock) - u->begin_ns : 0;
        report_change(x, u, duration);
        event_change(x, u, EXEC_CHANGE_END, u->err.code ? &u->err : NULL, duration);
    }
    for (size_t i = 0; i < u->n_strands && !x->o->keep_read; i++)
        arena_release(&u->strands[i].arena);
}

/* What becomes of a unit because one before it did not succeed. */
static void inherit(struct unit *u, const struct unit *before)
{
    if (before->type == UNIT_PULL && before->result == EXEC_FAILED) {
        /* The image is part of this very change. */
        u->result = EXEC_FAILED;
        u->err = before->err;
        return;
    }
    u->result = before->result == EXEC_CANCELLED ? EXEC_CANCELLED : EXEC_SKIPPED;
    if (u->result == EXEC_CANCELLED)
        u->err = before->err;
    else if (before->type == UNIT_GATE)
        err_set(&u->err, ERR_FAILED, "%s: waits for %s: %s", u->name, before->name, before->err.msg);
    else
        err_set(&u->err, ERR_FAILED, "%s: depends on %s, which was not applied", u->name, before->name);
}

/* (locked) Release the units that waited for `u`; those that cannot be done any more are put on *gone. */
static void resolve(struct run *x, struct unit *u, struct unit **gone)
{
    struct unit *todo = u;
    u->link = NULL;
    while (todo) {
        struct unit *from = todo;
        todo = from->link;
        if (from != u) {
            from->link = *gone;
            *gone = from;
        }
        for (size_t i = 0; i < from->n_edges; i++) {
            struct unit *to = from->edges[i].to;
            to->pending--;
            if (to->ended)
                continue;
            if (from->result == EXEC_OK || (from->edges[i].soft && from->result != EXEC_CANCELLED)) {
                if (to->pending == 0)
                    queue_ready(x, to);
                continue;
            }
            inherit(to, from);
            to->ended = true;
            to->link = todo;
            todo = to;
        }
    }
}

static void finish(struct run *x, struct unit *u)
{
    struct unit *gone = NULL;
    size_t n = 1;
    close_unit(x, u);
    pthread_mutex_lock(&x->lock);
    u->ended = true;
    resolve(x, u, &gone);
    pthread_mutex_unlock(&x->lock);
    while (gone) {
        struct unit *next = gone->link;
        close_unit(x, gone);
        gone = next;
        n++;
    }
    pthread_mutex_lock(&x->lock);
    x->units_left -= n;
    bool matters = x->units_left == 0 || cancel_is_set(&x->stop);
    pthread_mutex_unlock(&x->lock);
    if (matters)
        run_poke(x);
}

void unit_end(struct run *x, struct unit *u)
{
    rollout_give_back(x, u);
    rollout_report(u);
    if (u->result == EXEC_OK && u->err.code)
        u->result = u->cut ? EXEC_CANCELLED : EXEC_FAILED;
    else if (u->result == EXEC_OK && u->started < u->n_strands) {
        u->result = EXEC_CANCELLED;
        err_set(&u->err, ERR_CANCELLED, "the run was stopped");
    }
    finish(x, u);
}

void unit_cancel_waiting(struct run *x)
{
    struct unit *gone = NULL;
    size_t n = 0;
    pthread_mutex_lock(&x->lock);
    for (size_t i = 0; i < x->n_units; i++) {
        struct unit *u = x->units[i];
        if (u->ended || u->started > 0)
            continue;
        u->ended = true;
        /* What was blocked stays so. */
        if (u->result != EXEC_BLOCKED) {
            u->result = EXEC_CANCELLED;
            err_set(&u->err, ERR_CANCELLED, "the run was stopped before it");
        }
        u->link = gone;
        gone = u;
        n++;
    }
    pthread_mutex_unlock(&x->lock);
    while (gone) {
        struct unit *next = gone->link;
        close_unit(x, gone);
        gone = next;
    }
    pthread_mutex_lock(&x->lock);
    x->units_left -= n;
    pthread_mutex_unlock(&x->lock);
}
