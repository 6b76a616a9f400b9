#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H
/*
 * The executor: runs a plan on a target.
 *
 * Changes whose predecessors succeeded run in parallel on a pool. The steps of one object run in order, each
 * journaled before and after (S8) unless it only waits; instances of one resource are made and removed side
 * by side, and replaced one after the other. An image is pulled once, ahead of the changes that need it. A
 * change that starts something waits for the conditions of its dependencies, also of those that are not part
 * of the plan (L7).
 *
 * A failed change is undone as far as steps.h says, its dependents are skipped, and everything independent
 * goes on (L4). Transient errors are retried with back-off within the run (L3), without keeping a thread. A
 * cancelled run, or one whose time is up, lets steps under way end or be undone, and starts no other (L2).
 * After a change its objects are read back: what does not match is a failure that names the field (S9, L9),
 * and the resource is held.
 *
 * When a record cannot be written, nothing more is done: not even undone, for that would leave no trace
 * either.
 */
#include "base/backoff.h"
#include "providers/provider.h"
#include "reconciler/plan/plan.h"
#include "reconciler/store/records.h"

enum exec_event_type {
    EXEC_CHANGE_BEGIN,
    EXEC_STEP_BEGIN,
    EXEC_STEP_PROGRESS,
    EXEC_STEP_END,
    EXEC_RETRY,      /* after `err`, in duration_ns, and for retry_ns at most */
    EXEC_UNDO,       /* the change failed and is being undone */
    EXEC_CHANGE_END, /* result */
};
enum exec_result_code { EXEC_OK, EXEC_FAILED, EXEC_SKIPPED, EXEC_CANCELLED, EXEC_BLOCKED };
const char *exec_result_name(enum exec_result_code r);

struct exec_event {
    enum exec_event_type type;
    const struct plan_change *change;
    const struct step *step;              /* STEP_* */
    const struct step_progress *progress; /* STEP_PROGRESS */
    enum exec_result_code result;         /* CHANGE_END */
    const struct err *err;                /* RETRY, UNDO, failed ends */
    int64_t duration_ns;
    int64_t retry_ns;   /* RETRY: the pauses of all attempts that are left, at their longest */
    size_t done, total; /* changes */
};

struct exec_options {
    struct clock *clock;
    const struct cancel *cancel;
    unsigned parallel;   /* 0: 2 per processor, at most 8 */
    int64_t timeout_ns;  /* of the whole run; 0: none */
    int64_t spent_ns;    /* of that, before it began */
    unsigned retries;    /* more attempts at a step after a transient error, within the run; 0: 3 */
    struct store *store; /* journal, inventory, transitions; never NULL (an in-memory one will do) */
    const char *run;     /* run id, in each record and log line */
    const char *actor, *trigger, *plan_digest;
    /* The plan is based on an event alone. When the engine then refuses a start because the container is
       going or gone, that says nothing about the manifest: it is neither retried nor recorded. */
    bool on_word;
    uint64_t generation;
    bool keep_read; /* fill in exec_outcome.read: for a few changes, since it takes memory */
    /* One at a time, from any thread. May be NULL. */
    void (*event)(void *arg, const struct exec_event *ev);
    void *arg;
    /* For tests: called right before and right after each record that a run makes durable, counted from 1;
       a process that exits in it stands for one that was killed at that moment. NULL otherwise. A build
       with FORGE_TEST_HOOKS also kills itself with SIGKILL at the point that the environment variable
       FORGE_TEST_KILL_AT names. */
    void (*test_point)(void *arg, uint64_t n);
    void *test_arg;
};

struct exec_outcome {
    enum exec_result_code result;
    struct err err; /* FAILED, SKIPPED (which dependency), CANCELLED, BLOCKED (the plan's reason) */
    int64_t duration_ns;
    unsigned retries;
    /* OK: the objects that were changed and are still there, as they were read back; in the caller's arena.
       Only with exec_options.keep_read. */
    const struct object **read;
    size_t n_read;
};
struct exec_report {
    struct exec_outcome *outcomes; /* one for each change of the plan */
    size_t ok, failed, skipped, cancelled;
    int64_t duration_ns;
};

/* Returns 0 when every change succeeded; ERR_FAILED with a summary when some did not; ERR_CONFLICT
   (retryable) when these only failed because the plan was out of date, of which nothing is recorded;
   ERR_CANCELLED; ERR_TIMEOUT when the run's time was up; ERR_IO/NOSPACE when the journal cannot be written.
   BLOCKED changes are not failures. The report is filled in every case. Runs that were left open are closed
   as by exec_recover(), once this one has taken over their unfinished changes. */
int exec_run(struct provider *p, const struct plan *plan, unsigned caps, const struct exec_options *o,
             struct arena *a, struct exec_report *ret, struct err *err) _must_check_;

/* Clean up after a kill: transitions of open runs are recorded as interrupted, and their journal is
   closed. The next plan finishes or undoes their unfinished changes (CAUSE_RESUME), provided it is made
   with what exec_resume_ids() returned before. *ret_runs: how many runs there were. */
int exec_recover(struct store *s, const char *env, struct clock *clock, size_t *ret_runs,
                 struct err *err) _must_check_;

/* Ids whose change was under way when the last run ended, NULL-terminated, for plan_policy.resume. Writes
 * nothing. */
int exec_resume_ids(struct store *s, const char *env, struct arena *a, const char *const **ret,
                    struct err *err) _must_check_;
#endif
