/* One engine of a fleet: its lifetime, whether it is away, and what is done before and after each call. */
#include "providers/fleet/fleet.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SETTLE_NS (250 * NS_PER_MS) /* an engine that answers a probe has answered by then */

#define AWAY_KEY "away" /* in the cache: since when it is away, for the next process */

/* ---- its part of the cache ---- */

static int cache_get(void *arg, const char *key, struct arena *a, const void **ret, size_t *ret_len)
{
    struct member *m = arg;
    const struct provider_cache *outer = &m->fleet->env.cache;
    return outer->get(outer->arg, arena_printf(a, "%s %s", m->target->name, key), a, ret, ret_len);
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct member *m = arg;
    const struct provider_cache *outer = &m->fleet->env.cache;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    outer->put(outer->arg, arena_printf(&a, "%s %s", m->target->name, key), data, len);
}

static void cache_flush(void *arg)
{
    struct member *m = arg;
    const struct provider_cache *outer = &m->fleet->env.cache;
    if (outer->flush)
        outer->flush(outer->arg);
}

static void remember_away(struct member *m, int64_t since_ns)
{
    char text[32] = "";
    if (!m->env.cache.put)
        return;
    if (since_ns)
        snprintf(text, sizeof(text), "%" PRId64, since_ns);
    m->env.cache.put(m->env.cache.arg, AWAY_KEY, text, strlen(text));
    cache_flush(m);
}

/* Since when it is away according to an earlier process; 0: not. */
static int64_t remembered_away(struct member *m)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const void *data;
    size_t len;
    int64_t since;
    struct err ignored = {0};
    if (!m->env.cache.get || m->env.cache.get(m->env.cache.arg, AWAY_KEY, &a, &data, &len) < 0 || !len)
        return 0;
    if (parse_int(arena_strndup(&a, data, len), 1, INT64_MAX, &since, &ignored) < 0)
        return 0;
    return since;
}

/* ---- lifetime ---- */

int member_init(struct member *m, struct fleet *f, const struct target *t, struct err *err)
{
    *m = (struct member){.base = {.ops = &member_ops, .target = t}, .fleet = f, .target = t, .env = f->env};
    m->caps = ~0u & ~CAP_SERVICES; /* nothing is planned on it before its first answer */
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->wake_fd < 0)
        return err_errno(err, errno, "eventfd");
    if (f->env.cache.get)
        m->env.cache = (struct provider_cache){m, cache_get, cache_put, cache_flush};
    m->brief = *t;
    if (!m->brief.timeout_ns || m->brief.timeout_ns > PROBE_TIMEOUT_NS)
        m->brief.timeout_ns = PROBE_TIMEOUT_NS;
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->probe_lock, NULL);
    return 0;
}

void member_release(struct member *m)
{
    member_unguard(m);
    provider_close(m->engine);
    provider_close(m->probe);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->probe_lock);
    close(m->wake_fd);
}

/* (locked) */
static int open_engine(struct member *m, struct err *err)
{
    return m->engine ? 0 : provider_open(m->target, &m->env, &m->engine, err);
}

/* ---- away and back ---- */

/* Without the prefix that names the target: messages name it themselves. */
static void keep_reason(struct member *m, const struct err *why)
{
    char prefix[128];
    snprintf(prefix, sizeof(prefix), "target %s: ", m->target->name);
    const char *rest = str_after(why->msg, prefix);
    m->why = *why;
    if (rest)
        str_copy(m->why.msg, sizeof(m->why.msg), rest);
}

void member_note_away(struct member *m, const struct err *why)
{
    struct clock *clock = m->env.clock ? m->env.clock : clock_system();
    pthread_mutex_lock(&m->lock);
    bool news = !m->away;
    m->away = true;
    keep_reason(m, why);
    int64_t pause = backoff_ns(++m->failures, backoff_random());
    m->next_ns = clock_mono(clock) + (pause < AWAY_MOST_NS ? pause : AWAY_MOST_NS);
    int64_t now = clock_wall(clock);
    pthread_mutex_unlock(&m->lock);
    member_wake(m);
    if (!news)
        return;
    int64_t since = remembered_away(m);
    pthread_mutex_lock(&m->lock);
    m->since_ns = since && since < now ? since : now;
    pthread_mutex_unlock(&m->lock);
    if (!since)
        remember_away(m, now);
}

static void note_back(struct member *m)
{
    pthread_mutex_lock(&m->lock);
    bool was = m->away;
    m->away = false;
    m->failures = 0;
    m->since_ns = m->next_ns = 0;
    pthread_mutex_unlock(&m->lock);
    if (was || remembered_away(m))
        remember_away(m, 0);
}

static int ask(struct member *m, struct arena *a, unsigned *ret_caps, const char **ret_engine,
               struct err *err)
{
    const struct provider_env env = {.clock = m->env.clock};
    int r = m->probe ? 0 : provider_open(&m->brief, &env, &m->probe, err);
    return r < 0 ? r : m->probe->ops->ping(m->probe, ret_caps, ret_engine, a, err);
}

static void set_probing(struct member *m, bool probing)
{
    pthread_mutex_lock(&m->lock);
    m->probing = probing;
    pthread_mutex_unlock(&m->lock);
}

bool member_asks_beside(const struct member *m)
{
    return !m->env.clock || m->env.clock == clock_system();
}

/* (locked) When observing again is worthwhile: not before the next probe has shown whether it is back. Wall
   clock. */
static int64_t worth_looking_ns(const struct member *m, struct clock *clock)
{
    int64_t now = clock_mono(clock), at = m->next_ns;
    if (member_asks_beside(m))
        at = (m->probing ? now + PROBE_TIMEOUT_NS : at > now ? at : now) + SETTLE_NS;
    return clock_wall(clock) + (at - now);
}

int member_ask(struct member *m, struct arena *a, unsigned *ret_caps, const char **ret_engine,
               struct err *err)
{
    pthread_mutex_lock(&m->probe_lock);
    set_probing(m, true);
    int r = ask(m, a, ret_caps, ret_engine, err);
    if (r < 0)
        member_note_away(m, err);
    else
        note_back(m);
    set_probing(m, false);
    pthread_mutex_unlock(&m->probe_lock);
    return r;
}

int member_probe(struct member *m, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *engine;
    unsigned caps;
    return member_ask(m, &a, &caps, &engine, err);
}

void member_state(struct member *m, struct arena *a, struct observed_target *ret)
{
    struct clock *clock = m->env.clock ? m->env.clock : clock_system();
    pthread_mutex_lock(&m->lock);
    *ret = (struct observed_target){
        .name = m->target->name,
        .caps = m->caps,
        .engine = *m->engine_text ? arena_strdup(a, m->engine_text) : NULL,
        .away = m->away,
    };
    if (m->away) {
        ret->since_ns = m->since_ns;
        ret->next_ns = worth_looking_ns(m, clock);
        ret->why = arena_strdup(a, m->why.msg);
    }
    pthread_mutex_unlock(&m->lock);
}

/* (locked) */
static int say_away(struct member *m, struct err *err)
{
    err_set(err, ERR_UNAVAILABLE, "target \"%s\" is unreachable: %s", m->target->name, m->why.msg);
    return *m->why.hint ? err_hint(err, "%s", m->why.hint) : err->code;
}

/* ---- a call ---- */

static int check_there(struct member *m, bool insist, struct err *err)
{
    struct clock *clock = m->env.clock ? m->env.clock : clock_system();
    pthread_mutex_lock(&m->lock);
    bool away = m->away, beside = member_asks_beside(m);
    bool wait = away && !insist && (beside || clock_mono(clock) < m->next_ns);
    int r = wait ? say_away(m, err) : 0;
    if (away && beside && !m->guarded && member_guard(m, err) < 0)
        r = err->code;
    pthread_mutex_unlock(&m->lock);
    if (!away || wait)
        return r;
    if (member_probe(m, err) == 0)
        return 0;
    pthread_mutex_lock(&m->lock);
    r = say_away(m, err);
    pthread_mutex_unlock(&m->lock);
    return r;
}

int member_begin(struct member *m, bool insist, const struct cancel *user, struct call *call, struct err *err)
{
    int r = cancel_check(user, err);
    if (r == 0)
        r = check_there(m, insist, err);
    if (r < 0)
        return r;
    *call = (struct call){.user = user, .asked_ns = clock_mono(clock_system())};
    cancel_init(&call->cancel);
    pthread_mutex_lock(&m->lock);
    r = open_engine(m, err);
    if (r == 0)
        r = member_guard(m, err);
    if (r == 0) {
        call->next = m->calls;
        m->calls = call;
    }
    pthread_mutex_unlock(&m->lock);
    if (r < 0) {
        cancel_release(&call->cancel);
        return r;
    }
    member_wake(m);
    return 0;
}

/* It answered: what an earlier process remembered of it is over. */
static void note_answer(struct member *m)
{
    pthread_mutex_lock(&m->lock);
    bool first = !m->answered && !m->away;
    m->answered |= first;
    pthread_mutex_unlock(&m->lock);
    if (first && remembered_away(m))
        remember_away(m, 0);
}

int member_end(struct member *m, struct call *call, int r, struct err *err)
{
    pthread_mutex_lock(&m->lock);
    for (struct call **at = &m->calls; *at; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            break;
        }
    pthread_mutex_unlock(&m->lock);
    cancel_release(&call->cancel);
    if (r >= 0)
        note_answer(m);
    if (r >= 0 || cancel_is_set(call->user))
        return r;
    struct err gone = {0};
    bool away = call->cut;
    /* Either the engine cannot be reached, or a registry that it asked: probe the engine. */
    if (!away && (r == ERR_UNAVAILABLE || r == ERR_TIMEOUT))
        away = member_probe(m, &gone) < 0;
    if (!away)
        return r;
    pthread_mutex_lock(&m->lock);
    r = say_away(m, err);
    pthread_mutex_unlock(&m->lock);
    return r;
}
