#ifndef DAEMON_ENV_H
#define DAEMON_ENV_H
/*
 * The automation of one environment: when to fetch, when to look, when to apply. Its state belongs to the
 * loop's thread; fetches and reconciles run on the daemon's pool and answer by message, one of each at a
 * time, and a thread listens to the engine.
 *
 *   poll timer, inotify ──> fetch ──(moved)──┐
 *   files of secrets (with each fetch) ──────┤
 *   engine events ───────────────────────────┼──> reconcile: look, and apply what automation may ──> retry
 * timer retry timer, resync timer, requests ─────┘
 *
 * Wake-ups while a reconcile runs are kept as bits and served after it, so none is lost, and what a failed
 * run was to do is done by the next one; a newer commit also cancels the one that runs (L2). When nothing was
 * heard since the last look, nothing is done at all.
 */
#include "reconciler/api/metrics.h"
#include "reconciler/daemon/loop.h"
#include "reconciler/engine/engine.h"

struct env;

/* Numbers for /metrics and `status`; read under env_numbers(). */
struct env_numbers {
    const char *name;
    uint64_t reconciles, failures, applies, corrections, events, fetches, fetch_failures, skipped;
    struct metrics_histogram reconcile_durations, apply_durations;
    int64_t last_reconcile_ns, last_duration_ns, last_success_ns; /* wall, duration, wall */
    uint64_t resources, drifted, out_of_sync, held;
    uint64_t generation;
    uint64_t requested, answered; /* tickets (env_request()) */
    int answer;                   /* how the run ended that answered */
    char answer_error[512];       /* what was wrong, where it failed */
    bool suspended, engine_connected;
    int64_t fetch_failing_ns, fetch_next_ns; /* wall clock: since when fetches have been failing (0: they are
                                                not), and the next one */
    char fetch_error[512];
};

/* One engine of it, at the last look. */
struct env_target {
    const char *name;
    bool up;
    int64_t since_ns; /* down since (wall clock); 0: up, or unknown */
    uint64_t resources, unknown, drifted;
    int64_t observed_ns; /* how long the last observation took */
};

struct env_host {
    struct loop *loop;
    struct store *store;
    struct pool *jobs;    /* fetches and reconciles */
    struct pool *inspect; /* lent to providers */
    struct clock *clock;
};

int env_new(const struct env_config *c, const struct env_host *host, struct env **ret,
            struct err *err) _must_check_;
/* Ask what runs to stop; env_idle() tells when it has, and only then may it be freed. */
void env_stop(struct env *e);
bool env_idle(const struct env *e);
void env_free(struct env *e);

/*
 * Fetch and look now, and try again what is held. A ticket is answered by a run that began after it was drawn
 * and came to an end of its own: numbers.answered is at least that ticket then. Draw from any thread, poke
 * from the loop's.
 */
uint64_t env_request(struct env *e);
void env_poke(struct env *e);
/* Somebody else has applied, or resumed: look whether anything is left to do. From the loop's thread. */
void env_look_again(struct env *e);
/* Stop what is under way (a suspension was asked for). From the loop's thread. */
void env_interrupt(struct env *e);
const char *env_name(const struct env *e);
/* A copy; from any thread. */
void env_numbers(struct env *e, struct env_numbers *ret);
/* Its engines, whose number never changes; into `ret`, at most `most`. The names belong to the settings. */
size_t env_targets(struct env *e, struct env_target *ret, size_t most);
#endif
