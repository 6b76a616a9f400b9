#ifndef PROVIDERS_FLEET_H
#define PROVIDERS_FLEET_H
/*
 * Several engines as one provider (a composite with the same operations). Shared by the files of this folder;
 * nothing outside includes it.
 *
 *   fleet      opening and closing, which engine an id means
 *   member     one engine: each call to it, supervised, and what happens when it is away
 *   member_ops the operations on it
 *   watchman   the thread that supervises its calls: passes on cancellations, and probes whether it answers
 *   observe    observing all of them in parallel
 *   watch      their event streams as one
 *
 * On the fleet's side ids end with the engine's name (container/web@host2), on the members' side they do not.
 * So backends know nothing about fleets, and the marks on an engine are the same with one engine or several.
 *
 * A member is away when it does not answer: its calls then fail at once with ERR_UNAVAILABLE. It is probed
 * again after a pause that grows with each failure, with jitter. Nothing else in the fleet waits for it.
 * Members are opened at first use and stay open, so connections are reused.
 */
#include "providers/provider.h"

#include <pthread.h>

#define PROBE_AFTER_NS   (INT64_C(3) * 1000000000) /* during a longer call, the engine is probed this often */
#define PROBE_TIMEOUT_NS (INT64_C(5) * 1000000000)
#define AWAY_MOST_NS     (INT64_C(60) * 1000000000) /* the longest pause */

struct fleet;

/* One call to a member, on the caller's stack. */
struct call {
    struct cancel cancel;      /* passed to the backend */
    const struct cancel *user; /* the caller's own; may be NULL */
    int64_t asked_ns;          /* monotonic: when it began, or the engine was last known to answer */
    bool cut;                  /* ended because the engine no longer answers */
    struct call *next;
};

struct member {
    struct provider base; /* returned by provider_on(); must be first */
    struct fleet *fleet;
    const struct target *target;
    struct provider_env env; /* its cache is the member's own part of the fleet's */

    pthread_mutex_t lock;    /* protects everything below */
    struct provider *engine; /* NULL: not opened yet */
    struct call *calls;
    bool guarded, closing;
    pthread_t guard;
    int wake_fd;

    pthread_mutex_t probe_lock; /* one probe at a time */
    struct target brief;        /* the same target with a shorter timeout */
    struct provider *probe;     /* with its own connections; NULL: not needed yet */

    bool away, probing;
    bool answered; /* to this process */
    unsigned failures;
    int64_t since_ns, next_ns; /* wall clock, monotonic */
    struct err why;
    unsigned caps; /* as of its last answer */
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
/* Called before each call: opens the engine if needed. ERR_UNAVAILABLE at once while it is away; `insist`
   probes it even then. */
int member_begin(struct member *m, bool insist, const struct cancel *user, struct call *call,
                 struct err *err) _must_check_;
/* Called after each call: returns `r`, or ERR_UNAVAILABLE if the engine turns out to be away. */
int member_end(struct member *m, struct call *call, int r, struct err *err);
/* True: while it is away, its watchman thread probes it, so that no caller has to wait for that. False with a
   fake clock, which does not advance by itself: then callers probe. */
bool member_asks_beside(const struct member *m);
/* Read its capabilities and engine text over separate connections, and record whether it answers. */
int member_ask(struct member *m, struct arena *a, unsigned *ret_caps, const char **ret_engine,
               struct err *err) _must_check_;
/* The same, when only the answer matters. */
int member_probe(struct member *m, struct err *err) _must_check_;
void member_note_away(struct member *m, const struct err *why);
void member_state(struct member *m, struct arena *a, struct observed_target *ret);

/* ---- member_ops.c ---- */
/* A member's id with the engine's name appended; NULL stays NULL. */
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
