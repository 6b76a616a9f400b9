#ifndef DAEMON_ENV_INTERNAL_H
#define DAEMON_ENV_INTERNAL_H
/* Shared by env*.c; nothing outside includes it. */
#include "reconciler/daemon/env.h"

#include <pthread.h>

#define WANT_COMMIT  0x01u /* the repository moved */
#define WANT_DRIFT   0x02u /* the engine reported something about objects of ours */
#define WANT_RETRY   0x04u /* something failed before and is due for a retry */
#define WANT_RESYNC  0x08u /* there was no event for long, or something was done that causes none */
#define WANT_REQUEST 0x10u /* somebody asked */
#define WANT_FRESH   0x20u /* the event stream had a gap: trust no cache */
#define WANT_IMAGES  0x40u /* registries are to be asked */
#define WANT_SECRETS 0x80u /* the file of a secret has another content */

#define TOUCHED_MAX 8u

/* Which resources events named: some, or more than is worth telling apart. */
struct touched {
    char ids[TOUCHED_MAX][128];
    struct {
        bool only; /* its only container ended, and nothing else happened */
        char native_id[80];
        int exit_code;
        int64_t at_ns;
    } end[TOUCHED_MAX];
    size_t n;
    bool many;
};

/* What the watcher has heard and the loop has not taken yet. */
struct told {
    struct touched touched;
    bool gap;    /* something may have been missed */
    bool posted; /* a message to the loop is under way */
};

/* The watcher's own, on its thread (env_events.c). */
struct watcher {
    struct env *env;
    struct provider *provider;
    bool opened_before;
    unsigned failures; /* in a row */
    struct told news;  /* of the dispatch at hand */
};

struct env {
    const struct env_config *config;
    struct env_host host;
    pthread_mutex_t lock; /* of what follows */
    struct env_numbers numbers;
    struct env_target *targets; /* of each engine */
    size_t n_targets;
    struct told told;
    bool watching; /* the watcher's thread is still running */

    pthread_t watcher;
    bool has_watcher;
    struct cancel cancel_watch;

    /* The loop's. */
    struct source *watch_source; /* of inotify */
    bool stopping;
    bool asked;                       /* a fetch has ended, well or not: what there is can be looked at */
    bool fetching, fetch_again;       /* of the fetch under way: somebody wants what came after it began */
    bool poked;                       /* a request waits for the fetch */
    bool busy, held_off;              /* a run is under way; somebody else's is, and is given a moment */
    unsigned want;                    /* WANT_* bits: to be served as soon as possible */
    unsigned owed;                    /* of runs that did not get to it: added to the next one */
    struct touched touched;           /* what the engine's events were about */
    unsigned failures;                /* of reconciles in a row */
    uint64_t poke_ticket, run_ticket; /* the newest request that waits; the one being served */
    struct loop_timer poll, retry, resync, images;
    int source_fd;

    /* The job's, while one is under way (fetching, busy); the loop's otherwise. */
    struct source *fetch_source; /* so that a newer commit is seen while an older one is applied */
    struct cancel cancel_fetch;
    struct err fetch_err;
    int fetch_result;
    bool fetch_moved, secrets_moved;
    struct engine *engine;
    struct cancel cancel_run;
    unsigned serving;
    struct touched serving_touched;
    bool clean;  /* the last look left nothing to do */
    bool broken; /* the repository could not be read, or its manifests are wrong: the error at that time */
    struct err broken_err;
    char broken_commit[41]; /* "": it could not be told */
    char refused[1100];     /* the commit that the last apply was not allowed to apply, and why; "": none */
    bool refused_again;     /* in this run, as in the one before: the log has it */
    bool looked_at_all, applied; /* in this run */
    bool pruned_before;          /* images were pruned since the start */
    struct err run_err;
    int run_result;
    int64_t images_next_ns; /* wall clock of the next question to a registry; 0: none */
    bool images_failed;     /* it was due in this run, and could not be asked */
    int64_t prune_next_ns;  /* wall clock of the next look for unused images; 0: after an apply */
    int64_t run_next_ns;    /* wall clock of the next retry, or of the end of a suspension; 0: none */
};

/* The end of the container of touched resource i; native_id NULL: it was something else, or more. Borrows
   from t. */
struct container_end touched_end(const struct touched *t, size_t i);
int64_t env_mono(const struct env *e);
double env_random(void);
/* Serve what is wanted, if it is time. */
void env_serve(struct env *e);

/* env_targets.c: record the state of each engine after a look; log when one goes away or comes back. */
void env_targets_init(struct env *e);
void env_targets_note(struct env *e, const struct look *l);

/* env_run.c: one reconcile, on a worker; leaves run_result, run_err, run_next_ns. */
void env_run(struct env *e);

/* env_events.c */
int env_start_watching(struct env *e, struct err *err) _must_check_;
bool env_is_watching(const struct env *e);
void env_stop_watching(struct env *e); /* waits for the thread, which has ended once this is false */
#endif
