/*
 * How the strands of a unit take turns, and what a failure of one means for the others.
 *
 * Strands that change what serves go in batches: the next one begins when all of the one before have ended,
 * or wait where they must not go on alone (a meeting). A meeting is over when nothing else of the unit runs
 * or may begin. When so many have failed that the others are to be left alone, nothing is begun any more, and
 * whatever waits at a meeting is taken back: what is past its last meeting stays.
 */
#include "reconciler/exec/internal.h"

#include "base/mem.h"
#include "base/str.h"

static const struct plan_rollout *rollout_of(const struct unit *u)
{
    static const struct plan_rollout none = {.parallel = 1};
    return u->type == UNIT_CHANGE ? &u->change->rollout : &none;
}

bool rollout_may_start(const struct run *x, const struct unit *u, const struct strand *s)
{
    const struct plan_rollout *o = rollout_of(u);
    const struct strand *before = u->started ? s - 1 : NULL;
    if (u->halted || cancel_is_set(&x->stop) || (before && !u->opened))
        return false;
    if (s->last && u->meeting)
        return false;
    if (u->active == 0 || !before)
        return true;
    if (s->in_turn != before->in_turn)
        return false;
    return !s->in_turn || u->batch < o->parallel;
}

void rollout_start(struct run *x, struct unit *u, struct strand *s)
{
    int64_t now = clock_mono(x->clock);
    if (s->in_turn && u->active == 0) {
        u->batch_ns = u->batch ? now + rollout_of(u)->delay_ns : now;
        u->batch = 0;
    }
    u->batch += s->in_turn;
    s->state = STRAND_ACTIVE;
    u->started++;
    u->active++;
    if (s->in_turn && u->batch_ns > now) {
        queue_sleep(x, s, u->batch_ns - now);
        run_poke(x);
    } else {
        queue_strand(x, s);
    }
}

bool rollout_meets(const struct strand *s)
{
    return s->met < s->steps.n_meets && s->next == s->steps.meets[s->met];
}

/* All that can reach the meeting have reached it: they go on. */
static void end_meeting(struct run *x, struct unit *u)
{
    u->meeting = 0;
    for (size_t i = 0; i < u->started; i++) {
        struct strand *s = &u->strands[i];
        if (s->state != STRAND_MEETING)
            continue;
        s->state = STRAND_ACTIVE;
        s->met++;
        u->active++;
        queue_strand(x, s);
    }
}

static bool go_on(struct run *x, struct unit *u)
{
    queue_continue(x, u);
    if (u->active == 0 && u->meeting && !u->halted && !cancel_is_set(&x->stop))
        end_meeting(x, u);
    return u->active == 0;
}

bool rollout_pause(struct run *x, struct strand *s)
{
    struct unit *u = s->unit;
    s->state = STRAND_MEETING;
    u->active--;
    u->meeting++;
    return go_on(x, u);
}

bool rollout_end(struct run *x, struct strand *s, const struct err *err)
{
    struct unit *u = s->unit;
    s->state = STRAND_ENDED;
    u->active--;
    if (err) {
        s->failed = true;
        u->failed++;
        u->halted |= s->cut || u->failed > rollout_of(u)->tolerated;
        if (!u->err.code) {
            u->err = *err;
            u->cut = s->cut;
        }
    }
    return go_on(x, u);
}

/* Undo the waiting strands, one after the other, last first; all at once where old and new must not run
   side by side. */
static void undo_waiting(struct run *x, struct unit *u, struct strand **waiting, size_t n)
{
    if (rollout_of(u)->together) {
        strands_undo(x, waiting, n, &u->err);
        return;
    }
    for (size_t i = n; i > 0; i--)
        strand_undo(x, waiting[i - 1], &u->err);
}

void rollout_give_back(struct run *x, struct unit *u)
{
    struct err err = {0};
    size_t n = 0;
    if (!u->meeting)
        return;
    struct strand **waiting = mem_array(u->n_strands, sizeof(struct strand *));
    for (size_t i = 0; i < u->started; i++) {
        struct strand *s = &u->strands[i];
        if (s->state != STRAND_MEETING)
            continue;
        s->state = STRAND_ENDED;
        waiting[n++] = s;
    }
    if (!u->err.code) {
        u->cut = true;
        err_set(&u->err, ERR_CANCELLED, "the apply was cancelled");
    }
    u->gives_back = !u->cut;
    if (record_check(x, &err) == 0 && u->gives_back && record_giving_back(x, u, &err) < 0)
        (void)record_lost(x, &err);
    if (!err.code)
        undo_waiting(x, u, waiting, n);
    free(waiting);
}

static void count(struct buf *b, size_t n, const char *what)
{
    if (n)
        buf_addf(b, "%s%zu %s", b->len ? ", " : "", n, what);
}

void rollout_report(struct unit *u)
{
    size_t done = 0, back = 0, failed = 0;
    if (!u->err.code || u->n_strands < 2 || rollout_of(u)->total < 2)
        return;
    for (size_t i = 0; i < u->n_strands; i++) {
        const struct strand *s = &u->strands[i];
        done += s->done;
        failed += s->failed;
        back += s->undone && !s->failed;
    }
    _cleanup_buf_ struct buf b = BUF_INIT;
    count(&b, done, "updated");
    count(&b, back, "rolled back");
    count(&b, failed, u->cut ? "interrupted" : "failed");
    count(&b, u->n_strands - u->started, "not updated");
    (void)err_wrap(&u->err, "of %zu instances, %s (update.failure_action: %s)", u->n_strands, buf_str(&b),
                   rollout_failure_name(rollout_of(u)->failure));
}
