/*
 * The engine's event stream, for an epoll loop. The watch's descriptor is itself an epoll of the connection
 * and one timer.
 *
 * Its states are: waiting (until the timer expires), connecting, sending, head, body. A broken connection is
 * opened again with back-off, and asks for events from a little before the last one it saw. That last event
 * shows whether anything was missed: if the engine's log still holds it, the log holds everything after it
 * too. If it does not come again (the log holds 256 events, and nothing from before the engine's start),
 * `lost` is reported. So it is when the first attempt to open the connection again fails: whoever observes
 * the engine then finds out that it is away. When it is back, that is reported in the same way.
 *
 * An engine that hangs keeps the connection, and says nothing. So does one where nothing happens: after a
 * while of silence it is pinged.
 */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "providers/containers/events.h"
#include "providers/docker/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define BACKOFF_FIRST_NS (100 * NS_PER_MS)
#define BACKOFF_LAST_NS  (10 * NS_PER_S)
#define CONNECT_NS       (20 * NS_PER_S)
#define OVERLAP_NS       NS_PER_S
#define REPLAY_NS        (300 * NS_PER_MS) /* the log is sent at once; after this time it is complete */
#define READS_AT_ONCE    16                /* then control returns to the loop */
/* Other engines' events may have to wait for an answer: it is asked for often, and waited for briefly. */
#define PINGS          5
#define PING_NS(quiet) ((quiet) / 10)

static void set_timer(struct watching *w, int64_t ns)
{
    const struct itimerspec t = {.it_value = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S}};
    (void)timerfd_settime(w->timer, 0, &t, NULL);
}

static void emit(struct watching *w, const struct provider_event *ev)
{
    w->watch->event(w->watch->arg, ev);
}

/* While the stream is open. */
static void set_tick(struct watching *w)
{
    const int64_t quiet = w->d->quiet_ns, left = w->heard_ns + quiet - stream_now();
    int64_t wait = w->unanswered ? PING_NS(quiet) : left > NS_PER_MS ? left : NS_PER_MS;
    if (w->rules->tick_ns && w->rules->tick_ns < wait)
        wait = w->rules->tick_ns;
    set_timer(w, wait);
}

static void report_lost(struct watching *w)
{
    w->replaying = false;
    emit(w, &(struct provider_event){.action = "lost", .lost = true});
}

static void leave(struct watching *w)
{
    if (w->state != WATCH_WAITING) {
        epoll_ctl(w->watch->fd, EPOLL_CTL_DEL, w->stream.rfd, NULL);
        stream_close(&w->stream);
    }
    w->state = WATCH_WAITING;
    w->watch->connected = false;
}

/* The connection is gone, or the engine hangs: reconnect later. */
static void fall_back(struct watching *w, const struct err *why)
{
    unsigned char random;
    /* Only the end of an open stream proves nothing: it may be opened again at once. */
    const bool away = w->connected_before && (w->state != WATCH_BODY || w->unanswered);
    log_debug("docker.events.broken", "engine", w->d->dial->url, "error", why->msg, NULL);
    leave(w);
    io_random(&random, 1);
    w->backoff_ns = w->backoff_ns ? w->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (w->backoff_ns > BACKOFF_LAST_NS)
        w->backoff_ns = BACKOFF_LAST_NS;
    set_timer(w, w->backoff_ns / 2 + w->backoff_ns / 512 * random);
    w->unanswered = 0;
    if (away && !w->gone) {
        w->gone = true;
        report_lost(w);
    }
}

static void write_request(struct watching *w)
{
    /* No version in the path: the stream has the same form in all versions, and so needs no negotiation. */
    _cleanup_buf_ struct buf path = BUF_INIT;
    buf_adds(&path, "/events?");
    /* Events of the same moment may be logged out of order. */
    const int64_t since = w->last_ns - OVERLAP_NS;
    if (w->last_ns)
        buf_addf(&path, "since=%lld.%09lld&", (long long)(since / NS_PER_S), (long long)(since % NS_PER_S));
    buf_adds(&path, "filters=");
    http_escape(&path, w->rules->filters);
    buf_reset(&w->out);
    http_write_head(&w->out, &(struct http_request){.path = buf_str(&path)}, false);
    w->sent = 0;
}

static int begin(struct watching *w, struct err *err)
{
    int r = stream_open(w->d->dial, &w->stream, err);
    if (r < 0)
        return r;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT};
    if (epoll_ctl(w->watch->fd, EPOLL_CTL_ADD, w->stream.rfd, &ev) < 0) {
        r = err_errno(err, errno, "cannot watch the engine's connection");
        stream_close(&w->stream);
        return r;
    }
    w->state = WATCH_CONNECTING;
    write_request(w);
    buf_reset(&w->in);
    buf_reset(&w->line);
    set_timer(w, CONNECT_NS);
    return 0;
}

uint64_t watch_hash(const char *s, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    return h ? h : 1;
}

/* Has this event been seen before, and is repeated because of the overlap? */
static bool is_repeated(struct watching *w, uint64_t hash)
{
    for (size_t i = 0; i < WATCH_RECENT; i++)
        if (w->recent[i] == hash)
            return true;
    return false;
}

static void take_line(struct watching *w, const char *text, size_t len)
{
    struct engine_event e;
    struct err ignored = {0};
    arena_release(&w->arena);
    arena_init(&w->arena);
    uint64_t hash = watch_hash(text, len);
    if (len == 0 || is_repeated(w, hash)) {
        if (len > 0 && w->replaying && hash == w->last_hash) {
            w->replaying = false; /* the log reaches back to the last event */
            set_tick(w);
        }
        return;
    }
    if (event_read(&w->arena, text, len, &e, &ignored) < 0)
        return;
    if (w->replaying)
        report_lost(w); /* a newer event came first: the last one is no longer in the log */
    w->recent[w->n_recent++ % WATCH_RECENT] = hash;
    if (e.at_ns >= w->last_ns) {
        w->last_ns = e.at_ns;
        w->last_hash = hash;
    }
    struct provider_event ev = {.owner = e.owner,
                                .id = e.resource,
                                .instance = e.instance,
                                .native_id = e.id,
                                .action = e.action,
                                .at_ns = e.at_ns};
    if (e.type == EVENT_CONTAINER && str_eq(e.action, "die") && e.exit_code) {
        ev.ended = true;
        ev.exit_code = (int)strtol(e.exit_code, NULL, 10);
    }
    if (w->rules->concerns(w, &e, &ev))
        emit(w, &ev);
}

static int take_content(struct watching *w, const char *data, size_t len, struct err *err)
{
    buf_add(&w->line, data, len);
    int r = buf_check(&w->line, "an event of the engine", err);
    if (r < 0 || len == 0)
        return r;
    size_t begin_at = 0;
    char *eol;
    while ((eol = memchr(w->line.data + begin_at, '\n', w->line.len - begin_at))) {
        size_t end = (size_t)(eol - w->line.data);
        take_line(w, w->line.data + begin_at, end - begin_at);
        begin_at = end + 1;
    }
    if (begin_at > 0) {
        size_t rest = w->line.len - begin_at;
        memmove(w->line.data, w->line.data + begin_at, rest);
        buf_truncate(&w->line, rest);
    }
    return 0;
}

/* The head of the answer is complete: the stream is open. */
static int flow(struct watching *w, size_t head_len, struct err *err)
{
    struct http_head head;
    int r = http_head_parse(w->in.data, head_len, &head, err);
    if (r < 0)
        return r;
    if (head.status != 200)
        return refusal_read(head.status, w->in.data + head_len, w->in.len - head_len, err);
    http_body_begin(&w->body, &head, false);
    size_t rest = w->in.len - head_len;
    memmove(w->in.data, w->in.data + head_len, rest);
    buf_truncate(&w->in, rest);
    w->state = WATCH_BODY;
    w->watch->connected = true;
    w->backoff_ns = 0;
    w->replaying = w->connected_before;
    /* It was reported as gone, or there is no event yet whose replay could prove that nothing is missing. */
    if (w->gone || (w->replaying && !w->last_ns))
        report_lost(w);
    w->gone = false;
    if (w->replaying)
        set_timer(w, REPLAY_NS);
    else
        set_tick(w);
    w->connected_before = true;
    w->rules->learn(w);
    return 0;
}

static int take_body(struct watching *w, struct err *err)
{
    size_t at = 0;
    int r = 0;
    while (at < w->in.len && r == 0 && w->body.state != BODY_DONE) {
        const char *data;
        size_t len, used;
        r = http_body_feed(&w->body, w->in.data + at, w->in.len - at, &data, &len, &used, err);
        if (r == 0)
            r = take_content(w, data, len, err);
        at += used;
    }
    buf_reset(&w->in);
    if (r == 0 && w->body.state == BODY_DONE)
        r = err_set(err, ERR_UNAVAILABLE, "the engine ended the event stream");
    return r;
}

static int take_input(struct watching *w, struct err *err)
{
    char *room = buf_reserve(&w->in, 16384);
    size_t n;
    if (!room)
        return err_set(err, ERR_LIMIT, "the head of the engine's answer is too long");
    int r = stream_read(&w->stream, room, 16384, &n, err);
    if (r != 0)
        return r;
    if (n == 0)
        return stream_explain_end(&w->stream, err);
    w->in.len += n;
    w->heard_ns = stream_now();
    w->unanswered = 0;
    if (w->state == WATCH_HEAD) {
        size_t head = http_head_length(w->in.data, w->in.len);
        r = head ? flow(w, head, err) : 0;
    }
    return r == 0 && w->state == WATCH_BODY ? take_body(w, err) : r;
}

/* Advance by one step. 0: there may be more to do; STREAM_AGAIN: wait for the connection. */
static int advance(struct watching *w, struct err *err)
{
    size_t n = 0;
    int r;
    switch (w->state) {
    case WATCH_WAITING:
        return STREAM_AGAIN;
    case WATCH_CONNECTING:
        r = stream_connect(&w->stream, err);
        if (r == 0)
            w->state = WATCH_SENDING;
        return r;
    case WATCH_SENDING:
        r = stream_write(&w->stream, w->out.data + w->sent, w->out.len - w->sent, &n, err);
        w->sent += n;
        if (w->sent == w->out.len)
            w->state = WATCH_HEAD;
        return r;
    case WATCH_HEAD:
    case WATCH_BODY:
        return take_input(w, err);
    }
    return STREAM_AGAIN;
}

/* Does it still answer? Asked only when it has said nothing for a while. */
static bool is_alive(struct watching *w)
{
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    struct err ignored = {0};
    const int64_t quiet = w->d->quiet_ns;
    const struct http_request ping = {.path = "/_ping", .timeout_ns = PING_NS(quiet)};
    if (!w->unanswered && stream_now() - w->heard_ns < quiet)
        return true;
    if (http_do(w->d->http, &ping, &answer, &ignored) < 0)
        return ++w->unanswered < PINGS;
    w->heard_ns = stream_now();
    w->unanswered = 0;
    return true;
}

static void tick(struct watching *w)
{
    struct err err = {0};
    if (w->replaying)
        report_lost(w);
    else if (w->rules->tick)
        w->rules->tick(w);
    if (is_alive(w)) {
        set_tick(w);
        return;
    }
    err_set(&err, ERR_TIMEOUT, "the engine at %s hangs", w->d->dial->url);
    fall_back(w, &err);
}

static void timer_due(struct watching *w)
{
    uint64_t times;
    struct err err = {0};
    if (read(w->timer, &times, sizeof(times)) != (ssize_t)sizeof(times))
        return;
    if (w->state == WATCH_BODY) {
        tick(w);
    } else if (w->state != WATCH_WAITING) {
        err_set(&err, ERR_TIMEOUT, "the engine at %s does not answer", w->d->dial->url);
        fall_back(w, &err);
    } else if (begin(w, &err) < 0) {
        fall_back(w, &err);
    }
}

int docker_watch_dispatch(struct watch *watch, struct err *err)
{
    struct watching *w = watch->impl;
    struct err why = {0};
    int r = 0;
    (void)err;
    timer_due(w);
    /* Data that TLS has already decrypted causes no further wake-up. */
    for (int i = 0;
         r == 0 && (i < READS_AT_ONCE || (w->state != WATCH_WAITING && stream_has_pending(&w->stream))); i++)
        r = advance(w, &why);
    if (r < 0)
        fall_back(w, &why);
    if (w->state == WATCH_WAITING)
        return 0;
    const bool write = r == STREAM_AGAIN ? w->stream.want_write : w->state == WATCH_SENDING;
    struct epoll_event ev = {.events = EPOLLIN | (write ? (uint32_t)EPOLLOUT : 0u)};
    epoll_ctl(w->watch->fd, EPOLL_CTL_MOD, w->stream.rfd, &ev);
    return 0;
}

static const struct watch_rules engine_rules = {
    /* "died" and "remove" are Podman's names. */
    .filters =
        "{\"type\":[\"container\",\"network\",\"volume\"],\"event\":[\"create\",\"start\",\"die\",\"oom\","
        "\"pause\","
        "\"unpause\",\"destroy\",\"died\",\"remove\",\"rename\",\"update\",\"health_status\",\"connect\","
        "\"disconnect\"]}",
    .concerns = watch_concerns,
    .learn = watch_learn,
};

int docker_watch_open(struct provider *p, const char *owner, struct watch *watch, struct err *err)
{
    return watch_open_by(&engine_rules, p, owner, watch, err);
}

int watch_open_by(const struct watch_rules *rules, struct provider *p, const char *owner, struct watch *watch,
                  struct err *err)
{
    struct watching *w = mem_new(struct watching);
    struct err why = {0};
    *w = (struct watching){
        .d = docker_of(p), .watch = watch, .rules = rules, .owner = mem_strdup(owner), .timer = -1};
    watch->impl = w;
    watch->fd = epoll_create1(EPOLL_CLOEXEC);
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    buf_init(&w->in, LIMIT_HTTP_HEADER_BYTES);
    buf_init(&w->line, LIMIT_EVENT_BYTES);
    map_init(&w->known);
    map_init(&w->containers);
    struct epoll_event ev = {.events = EPOLLIN};
    if (watch->fd < 0 || w->timer < 0 || epoll_ctl(watch->fd, EPOLL_CTL_ADD, w->timer, &ev) < 0) {
        int r = err_errno(err, errno, "cannot make an event queue");
        docker_watch_close(watch);
        return r;
    }
    if (begin(w, &why) < 0)
        fall_back(w, &why); /* not an error here: it reconnects later */
    return 0;
}

void docker_watch_close(struct watch *watch)
{
    struct watching *w = watch->impl;
    if (!w)
        return;
    leave(w);
    if (w->timer >= 0)
        close(w->timer);
    if (watch->fd >= 0)
        close(watch->fd);
    buf_release(&w->in);
    buf_release(&w->out);
    buf_release(&w->line);
    watch_forget(w);
    map_release(&w->known);
    map_release(&w->containers);
    arena_release(&w->arena);
    free(w->owner);
    free(w);
    watch->impl = NULL;
    watch->fd = -1;
}
