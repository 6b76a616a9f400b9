#include "providers/http/http.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <pthread.h>
#include <stdatomic.h>

#define INPUT_BYTES        ((size_t)32 << 10)
#define DEFAULT_TIMEOUT_NS (60 * NS_PER_S)

struct connection {
    struct stream stream;
    char *in; /* received and not yet consumed: in[pos..len) */
    size_t pos, len, cap;
    bool used; /* has served a request before */
    struct connection *next;
};

struct http {
    const struct dial *dial;
    int64_t timeout_ns;
    unsigned max, open; /* connections in use or idle */
    struct connection *idle;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct http_watch watch;
    atomic_bool hangs; /* it did not answer when it was last watched */
};

struct http *http_new(const struct dial *d, int64_t timeout_ns, unsigned max_connections)
{
    struct http *h = mem_new(struct http);
    h->dial = d;
    h->timeout_ns = timeout_ns > 0 ? timeout_ns : DEFAULT_TIMEOUT_NS;
    h->max = max_connections;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->freed, NULL);
    return h;
}

static void connection_free(struct connection *c)
{
    stream_close(&c->stream);
    free(c->in);
    free(c);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    while (h->idle) {
        struct connection *c = h->idle;
        h->idle = c->next;
        connection_free(c);
    }
    pthread_cond_destroy(&h->freed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void http_answer_release(struct http_answer *a)
{
    buf_release(&a->body);
}

void http_escape(struct buf *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
                     strchr("-_.~", *p);
        if (plain) {
            buf_addc(out, (char)*p);
        } else {
            buf_addc(out, '%');
            buf_addc(out, hex[*p >> 4]);
            buf_addc(out, hex[*p & 15]);
        }
    }
}

void http_write_head(struct buf *out, const struct http_request *rq, bool upgrade)
{
    buf_addf(out, "%s %s HTTP/1.1\r\nHost: engine\r\nUser-Agent: forge\r\n", str_or(rq->method, "GET"),
             rq->path);
    if (upgrade)
        buf_adds(out, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
    if (rq->body)
        buf_addf(out, "Content-Type: %s\r\n", str_or(rq->content_type, "application/json"));
    if (rq->body || (rq->method && !str_eq(rq->method, "GET") && !str_eq(rq->method, "HEAD")))
        buf_addf(out, "Content-Length: %zu\r\n", rq->body_len);
    if (rq->headers)
        buf_adds(out, rq->headers);
    buf_adds(out, "\r\n");
}

void http_watch_over(struct http *h, const struct http_watch *w)
{
    h->watch = *w;
}

/* The call in progress: its timeout and its cancellation. */
struct call {
    struct http *watched; /* NULL: only its timeout ends it */
    const struct http_request *rq;
    const struct cancel *cancel;
    int64_t timeout_ns;  /* -1: none */
    int64_t deadline_ns; /* 0: none */
    int64_t notice_ns;   /* when somebody is told that it takes long; 0: nobody */
};

static void call_touch(struct call *c)
{
    c->deadline_ns = c->timeout_ns < 0 ? 0 : stream_now() + c->timeout_ns;
}

static int probe(struct http *h, const struct cancel *c, int64_t patience_ns, struct err *err);

/* Wait for the stream, and for the engine if it is busy: not if it hangs. */
static int wait_for(const struct stream *s, struct call *call, struct err *err)
{
    struct http *h = call->watched;
    if (!h)
        return stream_wait(s, call->deadline_ns, call->cancel, err);
    for (;;) {
        int64_t until = stream_now() + h->watch.silence_ns;
        if (call->deadline_ns && call->deadline_ns < until)
            until = call->deadline_ns;
        const bool notice = call->notice_ns && call->notice_ns < until;
        int r = stream_wait(s, notice ? call->notice_ns : until, call->cancel, err);
        if (r != ERR_TIMEOUT || (!notice && until == call->deadline_ns))
            return r;
        err_clear(err);
        if (notice) {
            call->notice_ns = 0;
            call->rq->notice(call->rq->notice_arg);
            continue;
        }
        r = probe(h, call->cancel, h->watch.patience_ns, err);
        if (r < 0)
            return r;
    }
}

static int take_idle_or_slot(struct http *h, struct call *call, struct connection **ret, struct err *err)
{
    int r = 0;
    pthread_mutex_lock(&h->lock);
    while (!h->idle && h->open >= h->max && (r = cancel_check(call->cancel, err)) == 0) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_sec++; /* wake up regularly to check for cancellation */
        pthread_cond_timedwait(&h->freed, &h->lock, &t);
    }
    *ret = NULL;
    if (r == 0 && h->idle) {
        *ret = h->idle;
        h->idle = h->idle->next;
    } else if (r == 0) {
        h->open++;
    }
    pthread_mutex_unlock(&h->lock);
    return r;
}

static void give_up_slot(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    h->open--;
    pthread_cond_signal(&h->freed);
    pthread_mutex_unlock(&h->lock);
}

static int connect_stream(const struct dial *d, struct call *call, struct stream *ret, struct err *err)
{
    struct stream s;
    int r = stream_open(d, &s, err);
    if (r < 0)
        return r;
    while ((r = stream_connect(&s, err)) == STREAM_AGAIN)
        if ((r = stream_wait(&s, call->deadline_ns, call->cancel, err)) < 0)
            break;
    if (r < 0)
        stream_close(&s);
    else
        *ret = s;
    return r;
}

static int take_connection(struct http *h, struct call *call, struct connection **ret, struct err *err)
{
    for (;;) {
        struct connection *c;
        int r = take_idle_or_slot(h, call, &c, err);
        if (r < 0)
            return r;
        if (c) {
            if (stream_is_idle(&c->stream)) {
                *ret = c;
                return 0;
            }
            connection_free(c);
            give_up_slot(h);
            continue;
        }
        c = mem_new(struct connection);
        r = connect_stream(h->dial, call, &c->stream, err);
        if (r < 0) {
            free(c);
            give_up_slot(h);
            return r;
        }
        *ret = c;
        return 0;
    }
}

static void put_connection(struct http *h, struct connection *c, bool keep)
{
    if (!keep) {
        connection_free(c);
        give_up_slot(h);
        return;
    }
    c->used = true;
    c->pos = c->len = 0;
    pthread_mutex_lock(&h->lock);
    c->next = h->idle;
    h->idle = c;
    pthread_cond_signal(&h->freed);
    pthread_mutex_unlock(&h->lock);
}

static int write_all(struct stream *s, struct call *call, const char *data, size_t len, struct err *err)
{
    while (len > 0) {
        size_t n = 0;
        int r = stream_write(s, data, len, &n, err);
        if (r == STREAM_AGAIN)
            r = wait_for(s, call, err);
        if (r < 0)
            return r;
        data += n;
        len -= n;
        if (n > 0)
            call_touch(call);
    }
    return 0;
}

static int send_request(struct stream *s, struct call *call, bool upgrade, struct err *err)
{
    const struct http_request *rq = call->rq;
    struct buf head = BUF_INIT;
    http_write_head(&head, rq, upgrade);
    /* Small requests take one write: head and body in one segment. */
    bool joined = rq->body && rq->body_len <= INPUT_BYTES;
    if (joined)
        buf_add(&head, rq->body, rq->body_len);
    int r = write_all(s, call, head.data, head.len, err);
    if (r == 0 && rq->body && !joined)
        r = write_all(s, call, rq->body, rq->body_len, err);
    secret_wipe(head.data, head.len); /* it may contain a registry's password */
    buf_release(&head);
    return r;
}

static int read_some(struct stream *s, struct call *call, char *dst, size_t len, size_t *ret_n,
                     struct err *err)
{
    for (;;) {
        int r = stream_read(s, dst, len, ret_n, err);
        if (r == STREAM_AGAIN)
            r = wait_for(s, call, err);
        else
            return r;
        if (r < 0)
            return r;
    }
}

/* Read more input after in[pos..len), of at most `max` bytes in all. *ret_n 0: the other side has closed. */
static int fill(struct connection *c, struct call *call, size_t max, size_t *ret_n, struct err *err)
{
    if (c->pos == c->len)
        c->pos = c->len = 0;
    if (c->len == c->cap) {
        if (c->cap >= max)
            return err_set(err, ERR_LIMIT, "the headers of the engine's answer are longer than %zu bytes",
                           max);
        c->cap = c->cap ? c->cap * 2 : INPUT_BYTES;
        c->in = mem_resize(c->in, c->cap, 1);
    }
    int r = read_some(&c->stream, call, c->in + c->len, c->cap - c->len, ret_n, err);
    if (r == 0)
        c->len += *ret_n;
    return r;
}

/* Read the head of the answer. *ret_silent: the connection ended before any byte of it. */
static int read_head(struct connection *c, struct call *call, struct http_head *ret, bool *ret_silent,
                     struct err *err)
{
    *ret_silent = false;
    for (;;) {
        size_t n = http_head_length(c->in + c->pos, c->len - c->pos);
        if (n > 0) {
            int r = http_head_parse(c->in + c->pos, n, ret, err);
            c->pos += n;
            if (r < 0 || ret->status >= 200 || ret->upgraded)
                return r;
            continue; /* 100, 102, 103: the final answer follows */
        }
        int r = fill(c, call, LIMIT_HTTP_HEADER_BYTES, &n, err);
        if (r < 0) {
            *ret_silent = c->len == 0 && err->code == ERR_UNAVAILABLE;
            return r;
        }
        if (n == 0) {
            *ret_silent = c->len == 0;
            return stream_explain_end(&c->stream, err);
        }
    }
}

/* Pass content to the sink, append it to the body, or (the tail of a long error) discard it. */
static int deliver(struct call *call, struct http_answer *a, const char *data, size_t len, struct err *err)
{
    const struct http_request *rq = call->rq;
    if (len == 0)
        return 0;
    if (rq->sink && a->head.status < 300) {
        call_touch(call);
        return rq->sink(rq->arg, data, len, err);
    }
    if (a->head.status >= 400) {
        size_t room = LIMIT_HTTP_ERROR_BYTES - a->body.len;
        buf_add(&a->body, data, len < room ? len : room);
        return 0;
    }
    buf_add(&a->body, data, len);
    return buf_check(&a->body, "the engine's answer", err);
}

static int read_body(struct connection *c, struct call *call, struct http_answer *a, struct err *err)
{
    struct http_body b;
    size_t dropped = 0;
    http_body_begin(&b, &a->head, str_eq(call->rq->method, "HEAD"));
    while (b.state != BODY_DONE) {
        const char *data;
        size_t len, used;
        if (c->pos == c->len) {
            size_t n;
            int r = fill(c, call, INPUT_BYTES, &n, err);
            if (r < 0)
                return r;
            if (n == 0) {
                a->head.keep = false;
                return http_body_end(&b, err);
            }
        }
        int r = http_body_feed(&b, c->in + c->pos, c->len - c->pos, &data, &len, &used, err);
        if (r < 0)
            return r;
        c->pos += used;
        r = deliver(call, a, data, len, err);
        if (r < 0)
            return r;
        if (a->head.status >= 400 && (dropped += len) > LIMIT_HTTP_BODY_BYTES)
            return err_set(err, ERR_LIMIT, "the engine's error message is too long");
    }
    return 0;
}

static int exchange(struct http *h, struct call *call, struct http_answer *ret, bool *ret_silent,
                    struct err *err)
{
    struct connection *c;
    *ret_silent = false;
    int r = take_connection(h, call, &c, err);
    if (r < 0)
        return r;
    bool reused = c->used;
    r = send_request(&c->stream, call, false, err);
    if (r < 0)
        *ret_silent = reused && err->code == ERR_UNAVAILABLE;
    else
        r = read_head(c, call, &ret->head, ret_silent, err);
    *ret_silent = *ret_silent && reused;
    if (r == 0)
        r = read_body(c, call, ret, err);
    put_connection(h, c, r == 0 && ret->head.keep && c->pos == c->len && !ret->head.upgraded);
    return r;
}

/* Does it answer at all? */
static int probe(struct http *h, const struct cancel *c, int64_t patience_ns, struct err *err)
{
    const struct http_request rq = {.path = h->watch.path};
    struct call call = {.rq = &rq, .cancel = c, .timeout_ns = patience_ns};
    struct connection own = {.next = NULL};
    struct http_head head;
    bool silent;
    call_touch(&call);
    int r = connect_stream(h->dial, &call, &own.stream, err);
    if (r == 0) {
        r = send_request(&own.stream, &call, false, err);
        if (r == 0)
            r = read_head(&own, &call, &head, &silent, err);
        stream_close(&own.stream);
    }
    free(own.in);
    atomic_store(&h->hangs, r == ERR_TIMEOUT);
    if (r != ERR_TIMEOUT)
        return r;
    err_set(err, ERR_UNAVAILABLE, "the engine at %s hangs: it does not even answer %s", h->dial->url,
            h->watch.path);
    return err_hint(err, "is its process stopped, or its machine overloaded?");
}

static int call_begin(struct http *h, const struct http_request *rq, struct call *ret, struct err *err)
{
    struct http *watched = h->watch.path ? h : NULL;
    *ret = (struct call){.watched = watched,
                         .rq = rq,
                         .cancel = rq->cancel,
                         .timeout_ns = rq->timeout_ns ? rq->timeout_ns : h->timeout_ns};
    int r = watched && atomic_load(&h->hangs) ? probe(h, rq->cancel, h->watch.patience_ns / 4, err) : 0;
    call_touch(ret);
    if (rq->notice)
        ret->notice_ns = stream_now() + rq->notice_ns;
    return r;
}

int http_do(struct http *h, const struct http_request *rq, struct http_answer *ret, struct err *err)
{
    bool silent, again = !rq->method || str_eq(rq->method, "GET") || str_eq(rq->method, "HEAD");
    struct call call;
    buf_reset(&ret->body);
    ret->body.max = rq->max_body ? rq->max_body : LIMIT_HTTP_BODY_BYTES;
    ret->head = (struct http_head){0};
    int r = call_begin(h, rq, &call, err);
    if (r < 0)
        return r;
    while ((r = exchange(h, &call, ret, &silent, err)) < 0 && silent && again && !atomic_load(&h->hangs))
        again = false;
    return r;
}

int http_upgrade(struct http *h, const struct http_request *rq, struct http_pipe *ret, bool *ret_open,
                 struct http_answer *ret_answer, struct err *err)
{
    struct call call;
    struct connection c = {.next = NULL};
    bool silent;
    *ret_open = false;
    int r = call_begin(h, rq, &call, err);
    if (r == 0)
        r = connect_stream(h->dial, &call, &c.stream, err);
    if (r < 0)
        return r;
    r = send_request(&c.stream, &call, true, err);
    if (r == 0)
        r = read_head(&c, &call, &ret_answer->head, &silent, err);
    bool open = r == 0 && (ret_answer->head.upgraded || ret_answer->head.status == 200);
    if (open) {
        buf_init(&ret->early, INPUT_BYTES);
        buf_add(&ret->early, c.in + c.pos, c.len - c.pos);
        ret->stream = c.stream;
        *ret_open = true;
    } else {
        if (r == 0)
            r = read_body(&c, &call, ret_answer, err);
        stream_close(&c.stream);
    }
    free(c.in);
    return r;
}

void http_pipe_close(struct http_pipe *p)
{
    stream_close(&p->stream);
    buf_release(&p->early);
}
