#ifndef EXEC_INTERNAL_H
#define EXEC_INTERNAL_H
/*
 * A run of the executor from inside; for the files of this folder only.
 *
 * The run is a graph of units. A unit is one change of the plan, one image to pull, or one condition of a
 * dependency to wait for (a gate); it begins when the units before it have ended well. A unit's work is made
 * of strands: lists of steps that run in order, one for each object. Strands of a unit run side by side, but
 * those that change what is serving take turns, and may have to wait for each other (rollout.c).
 *
 * Two pools work on strands. Writers, few for each engine, do what costs it; waiters, many, only wait for
 * health, so that waiting keeps no writer from its work. A strand goes from one to the other as its steps ask
 * for. A strand that waits for its next attempt is with neither.
 *
 * One lock guards the graph, the queues and the counters; no provider call, no write to the store and no
 * event happens under it.
 */
#include "base/arena.h"
#include "reconciler/exec/exec.h"
#include "reconciler/plan/bind.h"

#include <pthread.h>

enum unit_type { UNIT_CHANGE, UNIT_PULL, UNIT_GATE };
enum strand_state { STRAND_WAITING, STRAND_ACTIVE, STRAND_MEETING, STRAND_ENDED };

struct unit;

struct strand {
    struct unit *unit;
    const struct plan_move *move; /* NULL: of a pull, of a gate, or of a change of records only */
    struct step_list steps;
    size_t next;       /* step to do */
    unsigned attempts; /* of that step, failed so far */
    bool in_turn;      /* changes what serves: takes its turn in a batch, and holds later ones back */
    bool last;         /* starts only when the others have passed their point of no return */
    size_t met;        /* how many of its meeting points it has passed */
    enum strand_state state;
    bool failed;
    bool away;                  /* its engine was waited for, in vain */
    bool cut;                   /* ended because the run was stopped */
    bool settled;               /* what it started was given time to prove stable */
    bool touched, done, undone; /* a step was begun; all are done and read back; or all were undone */
    bool waits;                 /* queued with, or run by, the waiters */
    int64_t due_ns;             /* next attempt, monotonic */
    struct strand *link;        /* in a queue, or in the list of sleepers */
    char made_id[80];           /* the engine's id of what it created */
    char doing[200];            /* what its step has told last; "": nothing */
    struct object read;         /* read back */
    bool has_read;
    struct arena arena; /* of `read` */
};

struct edge {
    struct unit *to;
    bool soft; /* goes on even when this one fails (an optional dependency) */
};

struct unit {
    enum unit_type type;
    size_t index;                     /* UNIT_CHANGE: in the plan */
    const struct plan_change *change; /* of a pull or a gate: the first change that needs it */
    const char *name;                 /* for people: "container/db healthy", "image a:1" */
    struct strand *strands;
    size_t n_strands, started, active;
    size_t batch, meeting, failed; /* strands of the current batch; those at a meeting; those that failed */
    int64_t batch_ns;              /* when that batch may begin (monotonic) */
    bool halted;                   /* too many failed: no further strand is begun */
    bool gives_back;               /* what was done is being rolled back (update.failure_action rollback) */
    struct edge *edges;
    size_t n_edges, cap_edges;
    size_t pending; /* predecessors that have not ended */
    bool opened;    /* the record of its beginning is written */
    bool announced; /* EXEC_CHANGE_BEGIN was told */
    bool ended;
    bool undone, mismatch, cut;
    bool overtaken;  /* what it is based on was out of date: an event (exec_options.on_word), or the container
                        that was to be started is gone */
    bool taken_away; /* what this run made was gone when it was read back */
    enum exec_result_code result;
    struct err err; /* the first error of a strand, or why the unit was not begun */
    int64_t begin_ns, begin_wall_ns;
    unsigned retries;
    struct unit *link; /* list of units to announce */
};

/* What writes to one engine: where there are several, a slow one holds up nobody else. */
struct lane {
    struct run *run;
    const char *target; /* NULL: there is one engine */
    struct pool *writers;
    struct strand *hot, *cold; /* those under way first */
    struct strand **hot_end, **cold_end;
};

struct run {
    struct provider *provider;
    const struct plan *plan;
    const struct exec_options *o;
    struct clock *clock;
    unsigned caps;
    struct arena *arena; /* of the graph; only before threads start */
    struct exec_report *report;

    const char *const *resumed; /* ids that earlier runs left half-way */
    struct unit **units;        /* the changes first, in plan order */
    size_t n_units, cap_units;

    pthread_mutex_t lock;
    struct pool *waiters;
    struct lane *lanes; /* one for each engine */
    size_t n_lanes;
    struct strand *wait, **wait_end; /* for waiters */
    struct strand *asleep;
    size_t busy; /* strands queued or running */
    size_t units_left;
    int wake_fd; /* the coordinator sleeps on it */
    struct cancel stop;
    int why_stopped;  /* 0, ERR_CANCELLED, ERR_TIMEOUT, or the code of `fatal` */
    struct err fatal; /* a record could not be written: nothing more is done */

    pthread_mutex_t event_lock;
    size_t changes_done;

    _Atomic uint64_t journal_seq, points;
    pthread_mutex_t begin_lock;    /* held by the thread that writes the first entry of the journal */
    _Atomic bool begun;            /* it is written */
    int64_t begin_ns, deadline_ns; /* monotonic; 0: none */
};

/* ---- run.c ---- */
/* How often a step is tried again. */
unsigned run_retries(const struct run *x);
/* ---- graph.c: units and edges, before anything runs ---- */
struct unit *graph_unit(struct run *x, enum unit_type type, const struct plan_change *c, const char *name,
                        size_t n_strands);
void graph_edge(struct run *x, struct unit *before, struct unit *after, bool soft);
void graph_make(struct run *x);
/* An optional dependency need not succeed. */
bool depend_is_optional(const struct plan_change *c, const char *id);
/* The capabilities of a change's engine. */
unsigned run_caps(const struct run *x, const struct plan_change *c);
/* ---- gates.c ---- */
struct map;
/* The unit that waits for what `step` says, on behalf of `first` and others; `shared` holds the existing
   ones. */
struct unit *gate_of(struct run *x, struct map *shared, const struct unit *first, const struct step *step);
void gates_make(struct run *x, struct map *shared);

/* ---- rollout.c: how the strands of a unit take turns, and what a failure of one means for the others ---- */
bool rollout_may_start(const struct run *x, const struct unit *u, const struct strand *s); /* (locked) */
void rollout_start(struct run *x, struct unit *u, struct strand *s);                       /* (locked) */
bool rollout_meets(const struct strand *s); /* is it at a point where it waits for the others? */
/* The strand waits, has failed or has ended (err NULL): true when the unit is over. (locked) */
bool rollout_pause(struct run *x, struct strand *s);
bool rollout_end(struct run *x, struct strand *s, const struct err *err);
/* The unit is over: undo strands that wait and cannot go on. Called on the thread of its last strand. */
void rollout_give_back(struct run *x, struct unit *u);
/* Prefixes the unit's first error with how far it got. */
void rollout_report(struct unit *u);

/* ---- queue.c: which strand runs where and when ---- */
void queue_init(struct run *x); /* one lane for each engine of the plan; for queue_release() */
void queue_start(struct run *x, unsigned parallel);
void queue_drain(struct run *x); /* (not locked) wait until no job is on its last lines */
void queue_release(struct run *x);
void queue_ready(struct run *x, struct unit *u); /* (locked) all its predecessors have ended */
void queue_continue(struct run *x,
                    struct unit *u); /* (locked) start what may start in a unit that is under way */
void queue_strand(struct run *x, struct strand *s); /* (locked) for its next step, on the right pool */
void queue_sleep(struct run *x, struct strand *s, int64_t ns); /* (locked) */
void queue_wake(struct run *x,
                int64_t now_ns);             /* (locked) those that are due, or all when the run is stopped */
int64_t queue_next_due(const struct run *x); /* (locked) 0: nobody sleeps */
void run_poke(struct run *x);                /* wake the coordinator */
void run_stop(struct run *x, int why);

/* ---- strand.c: the work of one strand, on a thread of a pool ---- */
void strand_work(struct run *x, struct strand *s);
/* ---- undo.c ---- */
void strand_undo(struct run *x, struct strand *s, struct err *why);
/* Several at once: none is started again before all have stopped. */
void strands_undo(struct run *x, struct strand *const *strands, size_t n, struct err *why);
/* ---- readback.c: S9 ---- */
int strand_read_back(struct run *x, struct strand *s, struct err *err) _must_check_;
void readback_keep(struct run *x); /* for the report; when no thread is left */

/* ---- unit.c: how a unit begins and ends ---- */
int unit_open(struct run *x, struct unit *u, struct err *err) _must_check_;
void unit_end(struct run *x, struct unit *u);      /* every strand of it has ended, or none will begin */
void unit_announce(struct run *x, struct unit *u); /* EXEC_CHANGE_BEGIN, once */
void unit_cancel_waiting(struct run *x);           /* those that have not begun, once the run is stopped */

/* ---- record.c: what is kept of it ---- */
void record_point(struct run *x);                              /* a test point between two durable writes */
int record_check(struct run *x, struct err *err) _must_check_; /* the error of a record that was lost */
int record_append(struct run *x, struct journal_entry *e,
                  struct err *err) _must_check_; /* e->run NULL: this one */
int record_step(struct run *x, const char *phase, const struct step *s, const char *native_id,
                const char *result, struct err *err) _must_check_;
/* An image that a pull brought is ours from now on (H3). */
int record_image(struct run *x, const struct step *s, const struct step_result *done,
                 struct err *err) _must_check_;
int record_deleting(struct run *x, const struct unit *u, struct err *err) _must_check_;
/* Written before a failed update is rolled back: should that be interrupted, it must not go forward again. */
int record_giving_back(struct run *x, struct unit *u, struct err *err) _must_check_;
int record_change(struct run *x, struct unit *u, struct err *err) _must_check_; /* inventory and transition */
/* Note that a record could not be written, and stop the run. Returns the error's code. */
int record_lost(struct run *x, const struct err *err);
/* ---- resume.c: the journal's beginning and end ---- */
int resume_begin(struct run *x, struct err *err) _must_check_;
int resume_end(struct run *x, struct err *err) _must_check_;
/* ---- transition.c ---- */
void transition_fill(struct arena *a, const struct run *x, const struct unit *u, struct transition *ret);

/* ---- events.c ---- */
/* Another attempt follows in pause_ns; `attempts` have failed so far. */
void event_retry(struct run *x, const struct strand *s, const struct step *step, const struct err *err,
                 unsigned attempts, int64_t pause_ns);
void event_step(struct run *x, const struct strand *s, enum exec_event_type type, const struct step *step,
                const struct err *err, int64_t duration_ns);
void event_change(struct run *x, const struct unit *u, enum exec_event_type type, const struct err *err,
                  int64_t duration_ns);
void event_progress(void *arg, const struct step_progress *p); /* arg: struct progress_arg */
struct progress_arg {
    struct run *run;
    struct strand *strand;
    const struct step *step;
};

/* A pseudo step: it says only that a change was unfinished when the run began, or is when it ends. */
#define RESUME_VERB "resume"
/* ---- recover.c: the runs that others left open; `except` (may be NULL) is not one of them ---- */
int recover_runs(struct store *s, const char *env, const char *except, struct clock *clock, size_t *ret_runs,
                 struct err *err) _must_check_;
#endif
