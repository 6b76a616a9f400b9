/* What is recorded while a run is under way: the journal, the inventory, transitions. */
#include "reconciler/exec/internal.h"

#include "base/io.h"
#include "base/str.h"

#include <signal.h>
#include <stdatomic.h>

/* A moment between two durable writes, at which a test may kill the process. */
void record_point(struct run *x)
{
    uint64_t n = atomic_fetch_add(&x->points, 1) + 1;
    if (x->o->test_point)
        x->o->test_point(x->o->test_arg, n);
#ifdef FORGE_TEST_HOOKS
    const char *at = getenv("FORGE_TEST_KILL_AT");
    if (at && strtoull(at, NULL, 10) == n)
        raise(SIGKILL);
#endif
}

int record_lost(struct run *x, const struct err *err)
{
    pthread_mutex_lock(&x->lock);
    if (!x->fatal.code)
        x->fatal = *err;
    pthread_mutex_unlock(&x->lock);
    run_stop(x, err->code);
    return err->code;
}

/* Once a record was lost, none is written any more: later ones would suggest that all before them were
   kept. */
int record_check(struct run *x, struct err *err)
{
    pthread_mutex_lock(&x->lock);
    if (x->fatal.code)
        *err = x->fatal;
    int r = x->fatal.code;
    pthread_mutex_unlock(&x->lock);
    return r;
}

static void stamp(struct run *x, struct journal_entry *e)
{
    e->run = str_or(e->run, x->o->run);
    e->seq = atomic_fetch_add(&x->journal_seq, 1) + 1;
    e->at_ns = clock_wall(x->clock);
    e->generation = x->o->generation;
}

static int append(struct run *x, const struct journal_entry *items, size_t n, struct err *err)
{
    record_point(x);
    int r = journal_append(x->o->store, x->plan->environment, items, n, err);
    if (r < 0)
        return err_wrap(err, "journal");
    record_point(x);
    return 0;
}

/* The entry that begins the run is written with its first action, which saves a commit. */
static int append_first(struct run *x, struct journal_entry *e, bool *ret_done, struct err *err)
{
    int r = 0;
    pthread_mutex_lock(&x->begin_lock);
    *ret_done = !atomic_load(&x->begun);
    if (*ret_done) {
        struct journal_entry both[2] = {{.phase = "run"}};
        stamp(x, &both[0]);
        stamp(x, e);
        both[1] = *e;
        r = append(x, both, ARRAY_LEN(both), err);
        atomic_store(&x->begun, r == 0);
    }
    pthread_mutex_unlock(&x->begin_lock);
    return r;
}

int record_append(struct run *x, struct journal_entry *e, struct err *err)
{
    bool done = false;
    int r = record_check(x, err);
    if (r == 0 && !e->run && !atomic_load(&x->begun))
        r = append_first(x, e, &done, err);
    if (r < 0 || done)
        return r;
    stamp(x, e);
    return append(x, e, 1, err);
}

int record_step(struct run *x, const char *phase, const struct step *s, const char *native_id,
                const char *result, struct err *err)
{
    struct journal_entry e = {
        .phase = phase,
        .id = s->id,
        .verb = step_verb_name(s->verb),
        .native_name = s->verb == STEP_PULL ? s->image : s->native_name,
        .native_id = native_id,
        .result = result,
    };
    return record_append(x, &e, err);
}

static int save(struct run *x, const struct applied *r, struct err *err)
{
    int k = record_check(x, err);
    if (k < 0)
        return k;
    record_point(x);
    k = inventory_save(x->o->store, x->plan->environment, r, err);
    if (k == 0)
        record_point(x);
    return k;
}

int record_image(struct run *x, const struct step *s, const struct step_result *done, struct err *err)
{
    if (s->verb != STEP_PULL || done->unchanged || !*done->engine || !*done->image_id)
        return 0;
    int r = record_check(x, err);
    if (r < 0)
        return r;
    const struct image_record rec = {
        .engine = done->engine,
        .image = done->image_id,
        .target = provider_on(x->provider, s->id)->target->name,
        .env = x->plan->environment,
        .resource = s->id,
        .generation = x->o->generation,
        .pulled_ns = clock_wall(x->clock),
    };
    record_point(x);
    r = done->brought ? image_pulled(x->o->store, &rec, s->image, err)
                      : image_named(x->o->store, rec.engine, rec.image, s->image, err);
    if (r == ERR_NOTFOUND) { /* somebody else had already pulled it there */
        err_clear(err);
        r = 0;
    }
    if (r == 0)
        record_point(x);
    return r;
}

int record_deleting(struct run *x, const struct unit *u, struct err *err)
{
    const struct plan_change *c = u->change;
    struct applied r = c->applied ? *c->applied : (struct applied){.id = c->id};
    r.status = APPLIED_DELETING;
    r.changed_ns = clock_wall(x->clock);
    return save(x, &r, err);
}

/* What was read back of the first instance, if this run touched it. */
static const struct object *first_read(const struct unit *u, bool *ret_is_first)
{
    const struct object *first = NULL;
    for (size_t i = 0; i < u->n_strands; i++) {
        const struct strand *s = &u->strands[i];
        if (s->has_read && (!first || s->read.instance < first->instance))
            first = &s->read;
    }
    *ret_is_first = first && first->instance <= 1;
    return first;
}

/* Corrections of the same drift within one window are counted; the count restarts when something else is
   asked for, or when a person retries what is held. */
static void count_correction(const struct plan_change *c, int64_t now, struct applied *r)
{
    bool released = c->applied && c->applied->status == APPLIED_HELD;
    if (!(c->causes & CAUSE_DRIFT) || c->causes & CAUSE_COMMIT || released) {
        r->corrections = 0;
        r->window_ns = 0;
    } else if (r->window_ns && now - r->window_ns < FLAP_WINDOW_NS) {
        r->corrections++;
    } else {
        r->corrections = 1;
        r->window_ns = now;
    }
}

int record_giving_back(struct run *x, struct unit *u, struct err *err)
{
    const struct plan_change *c = u->change;
    struct applied r = c->applied ? *c->applied : (struct applied){.id = c->id};
    r.status = APPLIED_STALLED;
    r.error = u->err.msg;
    r.input_digest = c->input_digest;
    r.changed_ns = clock_wall(x->clock);
    return save(x, &r, err);
}

/* What the inventory has of a resource after a change that succeeded, or failed. */
static struct applied applied_ok(struct arena *a, const struct run *x, const struct unit *u)
{
    const struct plan_change *c = u->change;
    int64_t now = clock_wall(x->clock);
    struct applied r = c->applied ? *c->applied : (struct applied){.id = c->id};
    bool is_first;
    const struct object *read = first_read(u, &is_first);
    r.spec = c->resource->spec;
    r.labels = c->resource->labels;
    r.annotations = c->resource->annotations;
    if (read && (is_first || !r.baseline)) {
        r.baseline = read->spec;
        r.image_id = read->image_id;
    }
    r.generation = x->o->generation;
    r.commit = x->plan->commit;
    r.status = APPLIED_OK;
    r.error = r.input_digest = NULL;
    r.attempts = 0;
    r.next_ns = 0;
    r.changed_ns = now;
    if (c->action == PLAN_ADOPT && c->n_moves && c->moves[0].action != PLAN_REPLACE && c->moves[0].current)
        r.adopted = c->moves[0].current->native_id;
    else if (c->action == PLAN_CREATE || c->action == PLAN_REPLACE || c->action == PLAN_ADOPT)
        r.adopted = NULL;
    count_correction(c, now, &r);
    if (r.corrections >= FLAP_CORRECTIONS) {
        r.status = APPLIED_HELD;
        r.error = arena_printf(a, "it was restored %u times within %d minutes and changed again each time",
                               r.corrections, (int)(FLAP_WINDOW_NS / NS_PER_S / 60));
        r.input_digest = c->input_digest;
    }
    return r;
}

/* Is it worth retrying automatically? Not where Git says what a failure means, as long as the engine can
   be reached. */
static bool may_try_again(const struct unit *u)
{
    bool decided = u->change->rollout.decided && (u->err.code == ERR_TIMEOUT || u->gives_back);
    return u->taken_away || (u->err.retryable && !decided);
}

static struct applied applied_failed(const struct run *x, const struct unit *u)
{
    const struct plan_change *c = u->change;
    struct applied r = c->applied ? *c->applied : (struct applied){.id = c->id};
    bool again = r.attempts && str_eq(r.input_digest, c->input_digest);
    int64_t now = clock_wall(x->clock);
    uint32_t random;
    io_random(&random, sizeof(random));
    r.attempts = again ? r.attempts + 1 : 1;
    r.error = u->err.msg;
    r.input_digest = c->input_digest;
    r.changed_ns = now;
    r.next_ns = 0;
    if (c->action == PLAN_DELETE)
        r.status = APPLIED_DELETING;
    else if (u->mismatch)
        r.status = APPLIED_HELD;
    else
        r.status = may_try_again(u) && !c->returns ? APPLIED_FAILED : APPLIED_STALLED;
    if (r.status == APPLIED_FAILED || r.status == APPLIED_DELETING)
        r.next_ns = now + backoff_ns(r.attempts, (double)random / 4294967296.0);
    return r;
}

int record_change(struct run *x, struct unit *u, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct plan_change *c = u->change;
    struct inventory_edit edit = {0};
    struct applied applied;
    struct transition t;
    if (u->overtaken && u->result == EXEC_FAILED)
        return 0;
    /* After a return the record describes what was restored, and the reason why the change stalled still
       applies. */
    if (u->result == EXEC_OK && c->resource && !c->returns)
        applied = applied_ok(&a, x, u), edit.save = &applied;
    else if (u->result == EXEC_OK && !c->resource)
        edit.drop = c->id;
    else if (u->result == EXEC_FAILED)
        applied = applied_failed(x, u), edit.save = &applied;
    transition_fill(&a, x, u, &t);
    int r = record_check(x, err);
    if (r < 0)
        return r;
    record_point(x);
    r = transition_add_with(x->o->store, x->plan->environment, &t, &edit, err);
    if (r == 0)
        record_point(x);
    return r;
}
