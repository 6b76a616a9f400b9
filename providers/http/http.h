#ifndef PROVIDERS_HTTP_HTTP_H
#define PROVIDERS_HTTP_HTTP_H
/*
 * A small HTTP/1.1 client for engines: a pool of persistent connections to one place, bounded bodies,
 * cancellation, timeouts.
 *
 * Why not libcurl, which fetches Git over https: an engine is also reached through the pipes of `ssh HOST
 * docker system dial-stdio`, some requests leave HTTP (exec, attach), and the event stream must be one
 * descriptor in the daemon's epoll that wakes for nothing but events. One transport (stream.h) serves all of
 * these, with the same TLS; what remains of HTTP is parsing the answers (answer.h).
 *
 * Thread-safe: each call takes an idle connection or opens one. Connections that the engine has closed are
 * detected before use; a GET that still hits one is sent once more, other methods never are.
 */
#include "base/buf.h"
#include "providers/http/answer.h"
#include "providers/http/stream.h"

struct http;

/* The dial is borrowed. timeout_ns: for one answer, 0: 60 s. max_connections: at once; further calls wait. */
struct http *http_new(const struct dial *d, int64_t timeout_ns, unsigned max_connections);
void http_free(struct http *h);

/*
 * How an engine that hangs is told from one that is busy: when nothing has come for `silence_ns`, `path` is
 * requested on a connection of its own. If that is not answered within `patience_ns` either, the calls fail
 * with UNAVAILABLE, however long they may take. Until it answers again, each call begins with that request,
 * and waits a quarter of the time for it.
 */
struct http_watch {
    const char *path; /* any answer will do; NULL: not watched */
    int64_t silence_ns, patience_ns;
};
/* Before the first call; the path is borrowed. */
void http_watch_over(struct http *h, const struct http_watch *w);

struct http_request {
    const char *method; /* NULL: GET */
    const char *path;   /* with its query, already escaped */
    const void *body;   /* NULL: none */
    size_t body_len;
    const char *content_type; /* NULL: application/json, when there is a body */
    const char
        *headers; /* more header lines, each ended by \r\n; may hold credentials, is never shown. NULL none */
    /* Receives the body as a stream: its size is not limited, and `timeout_ns` counts from the last byte.
       Returns a negative error code to stop. Called only for statuses below 300; other bodies are in
       ret->body, as always. */
    int (*sink)(void *arg, const char *data, size_t len, struct err *err);
    void *arg;
    int64_t timeout_ns; /* 0: the client's; -1: none */
    /* Called once, when it has been waited for so long; only by clients that watch over their calls. */
    void (*notice)(void *arg);
    void *notice_arg;
    int64_t notice_ns;
    size_t max_body; /* 0: LIMIT_HTTP_BODY_BYTES */
    const struct cancel *cancel;
};

struct http_answer {
    struct http_head head;
    struct buf body; /* for statuses from 400 up at most LIMIT_HTTP_ERROR_BYTES; the rest is dropped */
};
#define HTTP_ANSWER_INIT \
    {                    \
        0                \
    }
void http_answer_release(struct http_answer *a);
#define _cleanup_answer_ _cleanup_(http_answer_release)

/* Any status is success here. UNAVAILABLE, AUTH, TIMEOUT, CANCELLED, LIMIT, CORRUPT. `ret` is reset first,
   and its memory reused. */
int http_do(struct http *h, const struct http_request *rq, struct http_answer *ret,
            struct err *err) _must_check_;

/* A separate connection that is upgraded from HTTP (RFC 9110, 7.8): attach and exec. */
struct http_pipe {
    struct stream stream;
    struct buf early; /* bytes that came with the head; read them first */
};
/* Sends the request with "Upgrade: tcp". After 101 and 200 the pipe is open and owned by the caller. With any
   other status, *ret_open is false, ret_answer holds the answer, and there is nothing to close. */
int http_upgrade(struct http *h, const struct http_request *rq, struct http_pipe *ret, bool *ret_open,
                 struct http_answer *ret_answer, struct err *err) _must_check_;
void http_pipe_close(struct http_pipe *p);

/* Write the head of a request (for callers that drive a stream themselves). */
void http_write_head(struct buf *out, const struct http_request *rq, bool upgrade);
/* Write "%XX" for everything except unreserved characters. */
void http_escape(struct buf *out, const char *text);
#endif
