/* The common part of every call: latency, injected faults, the log and its counters. */
#include "providers/fake/state.h"

#include "base/mem.h"
#include "base/str.h"

static const char *const verb_names[FAKE_VERBS] = {
    [FAKE_PING] = "ping",   [FAKE_OBSERVE] = "observe", [FAKE_INSPECT] = "inspect", [FAKE_WAIT] = "wait",
    [FAKE_WATCH] = "watch", [FAKE_EXEC] = "exec",       [FAKE_LOGS] = "logs",       [FAKE_STATS] = "stats",
    [FAKE_PULL] = "pull",   [FAKE_CREATE] = "create",   [FAKE_UPDATE] = "update",   [FAKE_START] = "start",
    [FAKE_STOP] = "stop",   [FAKE_RENAME] = "rename",   [FAKE_REMOVE] = "remove",   [FAKE_IMAGES] = "images",
    [FAKE_PRUNE] = "prune",
};

const char *fake_verb_name(enum fake_verb v)
{
    return verb_names[v];
}

/* With a fake clock, latency only advances that clock; with the real one it can be cancelled. */
static void spend(struct fake_engine *e, int64_t ns, const struct cancel *c)
{
    if (ns <= 0)
        return;
    if (e->clock == clock_system())
        (void)cancel_sleep(c, ns);
    else
        e->clock->sleep(e->clock, ns);
}

/* The fault that applies to this call, if any; counts the call for every fault that it matches. */
static bool meet_fault(struct fake_engine *e, enum fake_verb v, const char *name, struct fake_fault *ret)
{
    bool met = false;
    for (size_t i = 0; i < e->n_faults; i++) {
        struct fake_fault_entry *f = &e->faults[i];
        if (f->spent || f->f.verb != v || (f->f.name && !str_eq(f->f.name, name)))
            continue;
        unsigned nth = f->f.nth ? f->f.nth : 1;
        if (++f->seen < nth || met)
            continue;
        f->spent = !f->f.always;
        *ret = f->f;
        met = true;
    }
    return met;
}

static int fail_as(const struct fake_fault *f, const struct fake_call *call, struct err *err)
{
    err_set(err, f->code, "%s %s: %s", fake_verb_name(call->verb), call->name,
            str_or(f->message, "injected fault"));
    err->retryable = f->retryable;
    return f->code;
}

static int fail_dark(struct fake_engine *e, struct err *err)
{
    e->dark = true;
    err_set(err, ERR_UNAVAILABLE, "engine fake://%s does not answer", e->name);
    err->retryable = false; /* a retry is useless before fake_power_cut(e, 0) */
    return err->code;
}

static void record(struct fake_engine *e, struct fake_ticket *t, int result, bool changed)
{
    if (e->n_calls == e->cap_calls) {
        e->cap_calls = e->cap_calls ? e->cap_calls * 2 : 256;
        e->calls = mem_resize(e->calls, e->cap_calls, sizeof(*e->calls));
    }
    t->call.code = result;
    t->call.changed = changed;
    t->call.end_ns = fake_now(e);
    e->calls[e->n_calls++] = t->call;
    e->counts[t->call.verb]++;
    e->changes += changed;
    /* A pull that finds the image present counts as a read. */
    if (t->is_write && !(t->call.verb == FAKE_PULL && !changed && result == 0))
        e->writes++;
    else
        e->reads++;
    if (t->is_write)
        e->in_flight--;
}

int fake_enter(struct fake_engine *e, enum fake_verb v, const char *name, const struct cancel *c,
               struct fake_ticket *t, struct err *err)
{
    *t = (struct fake_ticket){.call.verb = v, .is_write = v >= FAKE_PULL};
    str_copy(t->call.name, sizeof(t->call.name), str_or(name, ""));
    fake_lock(e);
    t->call.begin_ns = fake_now(e);
    if (t->is_write && ++e->in_flight > e->parallel)
        e->parallel = e->in_flight;
    int64_t latency = e->latency[v];
    if (latency) {
        fake_unlock(e);
        spend(e, latency, c);
        fake_lock(e);
    }

    int r = cancel_check(c, err);
    bool cut_now = t->is_write && e->cut_at && --e->cut_at == 0;
    if (r == 0 && (e->dark || (cut_now && !e->cut_after_effect)))
        r = fail_dark(e, err);
    t->has_fault = r == 0 && meet_fault(e, v, name, &t->fault);
    if (t->has_fault && !t->fault.after_effect && !t->fault.not_read_back)
        r = fail_as(&t->fault, &t->call, err);
    if (cut_now && e->cut_after_effect)
        e->dark = true;
    if (r < 0) {
        record(e, t, r, false);
        fake_unlock(e);
        return r;
    }
    fake_settle_locked(e);
    return 0;
}

int fake_leave(struct fake_engine *e, struct fake_ticket *t, int result, bool changed, struct err *err)
{
    if (result == 0 && e->dark)
        result = fail_dark(e, err);
    else if (result == 0 && t->has_fault && t->fault.after_effect)
        result = fail_as(&t->fault, &t->call, err);
    record(e, t, result, changed);
    fake_unlock(e);
    return result;
}

void fake_fault(struct fake_engine *e, const struct fake_fault *f)
{
    fake_lock(e);
    struct fake_fault_entry entry = {.f = *f};
    entry.f.name = arena_strdup(&e->arena, f->name);
    entry.f.field = arena_strdup(&e->arena, f->field);
    entry.f.message = arena_strdup(&e->arena, f->message);
    arena_push(&e->arena, e->faults, e->n_faults, e->cap_faults, entry);
    fake_unlock(e);
}

void fake_faults_clear(struct fake_engine *e)
{
    fake_lock(e);
    e->n_faults = 0;
    fake_unlock(e);
}

void fake_latency(struct fake_engine *e, enum fake_verb verb, int64_t ns)
{
    fake_lock(e);
    e->latency[verb] = ns;
    fake_unlock(e);
}

void fake_power_cut(struct fake_engine *e, unsigned nth, bool after_effect)
{
    fake_lock(e);
    e->cut_at = nth;
    e->cut_after_effect = after_effect;
    e->dark = false;
    fake_unlock(e);
}

void fake_power_out(struct fake_engine *e)
{
    fake_lock(e);
    e->dark = true;
    fake_unlock(e);
}

struct fake_call *fake_calls(struct fake_engine *e, size_t *ret_n)
{
    fake_lock(e);
    struct fake_call *copy = mem_array(e->n_calls + 1, sizeof(*copy));
    if (e->n_calls)
        memcpy(copy, e->calls, e->n_calls * sizeof(*copy));
    *ret_n = e->n_calls;
    fake_unlock(e);
    return copy;
}

void fake_calls_clear(struct fake_engine *e)
{
    fake_lock(e);
    e->n_calls = e->reads = e->writes = e->changes = 0;
    e->parallel = e->in_flight;
    memset(e->counts, 0, sizeof(e->counts));
    fake_unlock(e);
}

static size_t counter(struct fake_engine *e, const size_t *at)
{
    fake_lock(e);
    size_t n = *at;
    fake_unlock(e);
    return n;
}

size_t fake_count(struct fake_engine *e, enum fake_verb v)
{
    return counter(e, &e->counts[v]);
}

size_t fake_reads(struct fake_engine *e)
{
    return counter(e, &e->reads);
}

size_t fake_writes(struct fake_engine *e)
{
    return counter(e, &e->writes);
}

size_t fake_changes(struct fake_engine *e)
{
    return counter(e, &e->changes);
}

size_t fake_parallel(struct fake_engine *e)
{
    return counter(e, &e->parallel);
}
