#ifndef PROVIDERS_FLEET_H
#define PROVIDERS_FLEET_H
/*
 * Several engines as one provider (architecture: a composite behind the same operations); shared by the files
 * of this room, and nothing outside includes it.
 *
 *   fleet    opening and closing, which engine an id means
 *   member     one engine: each call to it, watched, and what to do when it is away
 *   member_ops the operations on it
 *   watchman   the thread beside the calls to it: passes on cancellations, and asks whether it still answers
 *   observe    asking all of them at once
 *   watch      their event streams as one
 *
 * Ids have the engine's name at their end on this side (container/web@host2) and none on the members' side,
 * so a backend knows nothing of it, and the marks on an engine are the same with one engine and with several.
 *
 * A member is away when it does not answer: its calls fail at once with ERR_UNAVAILABLE, until a pause is
 * over that grows with each failure, with jitter. Nothing else of the fleet waits for it. Members are opened
 * at first use and stay open, so connections are reused.
 */
#include "providers/provider.h"

#include <pthread.h>

#define PROBE_AFTER_NS   (INT64_C(3) * 1000000000) /* a call that takes longer is looked after, so often */
#define PROBE_TIMEOUT_NS (INT64_C(5) * 1000000000)
#define AWAY_MOST_NS     (INT64_C(60) * 1000000000) /* the longest pause */

struct fleet;

/* One call to a member, on the caller's stack. */
struct call {
    struct cancel cancel;      /* what the backend is given */
    const struct cancel *user; /* the caller's own; may be NULL */
    int64_t asked_ns;          /* monotonic: begun, or last known to be alive */
    bool cut;                  /* ended because the engine does not answer any more */
    struct call *next;
};

struct member {
    struct provider base; /* what provider_on() gives; must be first */
    struct fleet *fleet;
    const struct target *target;
    struct provider_env env; /* with a part of the cache of its own */

    pthread_mutex_t lock;    /* of everything below */
    struct provider *engine; /* NULL: not opened yet */
    struct call *calls;
    bool guarded, closing;
    pthread_t guard;
    int wake_fd;

    pthread_mutex_t probe_lock; /* one at a time */
    struct target brief;        /* the same engine, asked with less patience */
    struct provider *probe;     /* on connections of its own; NULL: not needed yet */

    bool away, probing;
    unsigned failures;
    int64_t since_ns, next_ns; /* wall clock, monotonic */
    struct err why;
    unsigned caps; /* when it was last heard of */
    char engine_text[96];
};

struct fleet {
    struct provider base;
    struct provider_env env;
    struct member *members;
    size_t n;
    struct provider nobody; /* for ids that name no member */
};

static inline struct fleet *fleet_of(struct provider *p)
{
    return (struct fleet *)p;
}
static inline struct member *member_of(struct provider *p)
{
    return (struct member *)p;
}

/* ---- member.c ---- */
int member_init(struct member *m, struct fleet *f, const struct target *t, struct err *err) _must_check_;
void member_release(struct member *m);
/* Before and after each call: opens it where needed. ERR_UNAVAILABLE at once while it is away and its pause
   is not over; `insist` asks it all the same. */
int member_begin(struct member *m, bool insist, const struct cancel *user, struct call *call,
                 struct err *err) _must_check_;
/* Gives `r` back, or what it means: an engine that went away meanwhile is ERR_UNAVAILABLE. */
int member_end(struct member *m, struct call *call, int r, struct err *err);
/* While it is away the thread beside it asks whether it is back, so that nobody who looks waits for that.
   With the clock of a test, which does not go on by itself, whoever looks asks. */
bool member_asks_beside(const struct member *m);
/* Ask what it is and can, on connections of its own, and note whether it is there. */
int member_ask(struct member *m, struct arena *a, unsigned *ret_caps, const char **ret_engine,
               struct err *err) _must_check_;
/* The same, for who only wants to know whether it is there. */
int member_probe(struct member *m, struct err *err) _must_check_;
void member_note_away(struct member *m, const struct err *why);
void member_state(struct member *m, struct arena *a, struct observed_target *ret);

/* ---- member_ops.c ---- */
/* An id of its engine with the engine's name at its end; NULL stays. */
const char *member_id(struct member *m, struct arena *a, const char *id);
extern const struct provider_ops member_ops;

/* ---- watchman.c ---- */
void member_wake(struct member *m);
int member_guard(struct member *m, struct err *err) _must_check_; /* (locked) starts the thread, once */
void member_unguard(struct member *m);

/* ---- observe.c ---- */
int member_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                   struct arena *a, struct observed *ret, struct err *err) _must_check_;
int fleet_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                  struct arena *a, struct observed *ret, struct err *err) _must_check_;

/* ---- watch.c ---- */
int fleet_watch_open(struct provider *p, const char *owner, struct watch *w, struct err *err) _must_check_;
int fleet_watch_dispatch(struct watch *w, struct err *err) _must_check_;
void fleet_watch_close(struct watch *w);
#endif
