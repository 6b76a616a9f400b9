#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H
/*
 * The executor: runs a plan on a target.
 *
 * Changes whose predecessors succeeded run in parallel on a pool; the steps of one change run in order on one thread, each
 * journaled before and after (S8). A failed change is undone as far as steps.h says, its dependents are skipped, and
 * everything independent goes on (L4). Transient errors are retried with back-off within the run (L3). A cancelled run
 * lets steps under way end or be undone, and starts no other (L2). After a change its objects are read back: what does
 * not match is a failure that names the field (S9, L9).
 */
#include "providers/provider.h"
#include "reconciler/plan/plan.h"
#include "reconciler/store/records.h"

enum exec_event_type {
    EXEC_CHANGE_BEGIN,
    EXEC_STEP_BEGIN,
    EXEC_STEP_PROGRESS,
    EXEC_STEP_END,
    EXEC_RETRY,      /* after `err`, in duration_ns */
    EXEC_UNDO,       /* the change failed and is being undone */
    EXEC_CHANGE_END, /* result */
};
enum exec_result_code { EXEC_OK, EXEC_FAILED, EXEC_SKIPPED, EXEC_CANCELLED, EXEC_BLOCKED };
const char *exec_result_name(enum exec_result_code r);

struct exec_event {
    enum exec_event_type type;
    const struct plan_change *change;
    const struct step *step;          /* STEP_* */
    const struct step_progress *progress; /* STEP_PROGRESS */
    enum exec_result_code result;     /* CHANGE_END */
    const struct err *err;            /* RETRY, UNDO, failed ends */
    int64_t duration_ns;
    size_t done, total;               /* changes */
};

struct exec_options {
    struct clock *clock;
    const struct cancel *cancel;
    unsigned parallel;      /* 0: 2 per processor, at most 8 */
    int64_t timeout_ns;     /* of the whole run; 0: none */
    unsigned retries;       /* transient errors of one step within the run; 0: 3 */
    struct store *store;    /* journal, inventory, transitions; never NULL (an in-memory one will do) */
    const char *run;        /* run id, in each record and log line */
    const char *actor, *trigger, *plan_digest;
    uint64_t generation;
    /* One at a time, from any thread. May be NULL. */
    void (*event)(void *arg, const struct exec_event *ev);
    void *arg;
};

struct exec_outcome {
    enum exec_result_code result;
    struct err err; /* FAILED, SKIPPED (which dependency) */
    int64_t duration_ns;
    unsigned retries;
};
struct exec_report {
    struct exec_outcome *outcomes; /* one for each change of the plan */
    size_t ok, failed, skipped, cancelled;
    int64_t duration_ns;
};

/* Returns 0 when every change succeeded; ERR_FAILED with a summary when some did not; ERR_CANCELLED; ERR_IO/NOSPACE when the
   journal cannot be written (then nothing more is done). The report is filled in every case. */
int exec_run(struct provider *p, const struct plan *plan, unsigned caps, const struct exec_options *o, struct arena *a, struct exec_report *ret, struct err *err) _must_check_;

/* What a kill left: transitions of open runs are recorded as interrupted, their journal is closed. The next plan finishes or
   undoes what is half-way (CAUSE_RESUME). *ret_runs: how many there were. */
int exec_recover(struct store *s, const char *env, struct clock *clock, size_t *ret_runs, struct err *err) _must_check_;

/* The pause before attempt n (1-based) of something that failed for a transient reason: 750 ms doubling to 15 min, with
   jitter from `random` in [0, 1) (L3). */
int64_t backoff_ns(unsigned attempt, double random);
#endif
