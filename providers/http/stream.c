#include "providers/http/stream.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define BACKLOG_SECONDS 5 /* how long to wait for room in the engine's listen backlog */

int64_t stream_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* connect() failed: set an error that tells the user what to check. */
static int explain_connect(const struct dial *d, int errnum, struct err *err)
{
    int r = err_errno(err, errnum, "cannot connect to the engine at %s", d->url);
    if (errnum == EACCES || errnum == EPERM) {
        err_set(err, ERR_AUTH, "cannot connect to the engine at %s: permission denied", d->url);
        return err_hint(
            err, "run as root, or join the socket's group (usually `docker`; log in again afterwards)");
    }
    if (errnum != ENOENT && errnum != ECONNREFUSED && errnum != EHOSTUNREACH && errnum != ENETUNREACH &&
        errnum != ETIMEDOUT && errnum != ECONNRESET && errnum != EAGAIN)
        return r;
    err->code = ERR_UNAVAILABLE;
    err->retryable = true;
    if (d->scheme == DIAL_UNIX)
        return err_hint(err, "is the engine running (systemctl status docker), and is %s its socket?",
                        d->path);
    return err_hint(err, "is the engine running on %s and listening on port %s?", d->host, d->port);
}

static int open_unix(const struct dial *d, struct stream *s, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    str_copy(addr.sun_path, sizeof(addr.sun_path), d->path);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, errno, "cannot make a socket");
    /* When an engine hangs, its listen backlog fills up. */
    const struct timeval patience = {.tv_sec = BACKLOG_SECONDS};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    /* A blocking connect: it returns at once, or waits for room in the backlog, where a non-blocking one
       fails. */
    int r;
    do {
        r = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return explain_connect(d, errno, err);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(err, errno, "cannot make a socket non-blocking");
    s->rfd = s->wfd = take_fd(&fd);
    return 0;
}

/* A peer that was switched off, or whose network was cut, sends nothing: the kernel asks it after 30 s of
   silence, which an event stream often has, and gives up half a minute later. By default it asks after two
   hours. */
static void keep_alive(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                   {IPPROTO_TCP, TCP_KEEPIDLE, 30},
                   {IPPROTO_TCP, TCP_KEEPINTVL, 10},
                   {IPPROTO_TCP, TCP_KEEPCNT, 3}};
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

static int connect_to(const struct dial *d, const struct addrinfo *ai, struct stream *s, struct err *err)
{
    _cleanup_close_ int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, errno, "cannot make a socket");
    /* Requests are small and answered one by one: waiting to fill a segment would only add latency. */
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    keep_alive(fd);
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
        if (errno != EINPROGRESS)
            return explain_connect(d, errno, err);
        s->connecting = true;
    }
    s->rfd = s->wfd = take_fd(&fd);
    return 0;
}

static int open_tcp(const struct dial *d, struct stream *s, struct err *err)
{
    const struct addrinfo want = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int r = getaddrinfo(d->host, d->port, &want, &list);
    if (r != 0) {
        err_set(err, ERR_UNAVAILABLE, "cannot find the address of the engine's host %s: %s", d->host,
                gai_strerror(r));
        return err_hint(err, "is the host name in the target's URL %s correct?", d->url);
    }
    r = ERR_UNAVAILABLE;
    for (const struct addrinfo *ai = list; ai && r < 0; ai = ai->ai_next)
        r = connect_to(d, ai, s, err);
    freeaddrinfo(list);
    return r;
}

int stream_open(const struct dial *d, struct stream *ret, struct err *err)
{
    struct stream s = {.dial = d, .rfd = -1, .wfd = -1, .child_err = -1};
    int r = d->wake ? d->wake(err) : 0;
    if (r < 0)
        return r;
    if (d->scheme == DIAL_UNIX)
        r = open_unix(d, &s, err);
    else if (d->scheme == DIAL_SSH)
        r = ssh_open(d, &s, err);
    else
        r = open_tcp(d, &s, err);
    if (r < 0)
        return r;
    s.handshaking = d->scheme == DIAL_TLS;
    *ret = s;
    return 0;
}

int stream_connect(struct stream *s, struct err *err)
{
    if (s->connecting) {
        struct pollfd p = {.fd = s->wfd, .events = POLLOUT};
        if (poll(&p, 1, 0) == 0) {
            s->want_write = true;
            s->want_read = false;
            return STREAM_AGAIN;
        }
        int failed = 0;
        socklen_t len = sizeof(failed);
        if (getsockopt(s->wfd, SOL_SOCKET, SO_ERROR, &failed, &len) < 0)
            failed = errno;
        if (failed)
            return explain_connect(s->dial, failed, err);
        s->connecting = false;
    }
    if (s->handshaking) {
        int r = s->ssl ? 0 : tls_begin(s, err);
        if (r == 0)
            r = tls_handshake(s, err);
        if (r != 0)
            return r;
        s->handshaking = false;
    }
    return 0;
}

static int broken(struct stream *s, int errnum, struct err *err)
{
    if (s->child > 0)
        return ssh_explain(s, err);
    err_errno(err, errnum, "the connection to the engine at %s was lost", s->dial->url);
    err->code = ERR_UNAVAILABLE;
    err->retryable = true;
    return err->code;
}

int stream_read(struct stream *s, void *buf, size_t len, size_t *ret_n, struct err *err)
{
    if (s->ssl)
        return tls_read(s, buf, len, ret_n, err);
    for (;;) {
        ssize_t n = read(s->rfd, buf, len);
        if (n >= 0) {
            *ret_n = (size_t)n;
            return 0;
        }
        if (errno == EAGAIN) {
            s->want_read = true;
            s->want_write = false;
            return STREAM_AGAIN;
        }
        if (errno != EINTR)
            return broken(s, errno, err);
    }
}

int stream_write(struct stream *s, const void *data, size_t len, size_t *ret_n, struct err *err)
{
    if (s->ssl)
        return tls_write(s, data, len, ret_n, err);
    for (;;) {
        /* All descriptors are sockets, so a vanished peer is an error here instead of SIGPIPE. */
        ssize_t n = send(s->wfd, data, len, MSG_NOSIGNAL);
        if (n >= 0) {
            *ret_n = (size_t)n;
            return 0;
        }
        if (errno == EAGAIN) {
            s->want_read = false;
            s->want_write = true;
            return STREAM_AGAIN;
        }
        if (errno != EINTR)
            return broken(s, errno, err);
    }
}

void stream_shutdown_write(struct stream *s)
{
    if (s->ssl)
        tls_shutdown(s);
    else if (s->wfd >= 0)
        (void)shutdown(s->wfd, SHUT_WR);
}

bool stream_has_pending(const struct stream *s)
{
    return s->ssl && tls_has_pending(s);
}

bool stream_is_idle(const struct stream *s)
{
    struct pollfd p = {.fd = s->rfd, .events = POLLIN};
    return s->rfd >= 0 && !stream_has_pending(s) && poll(&p, 1, 0) == 0;
}

int stream_explain_end(struct stream *s, struct err *err)
{
    if (s->child > 0)
        return ssh_explain(s, err);
    return err_set(err, ERR_UNAVAILABLE, "the engine at %s closed the connection", s->dial->url);
}

void stream_close(struct stream *s)
{
    if (s->ssl)
        tls_end(s);
    if (s->rfd >= 0)
        close(s->rfd);
    if (s->wfd >= 0 && s->wfd != s->rfd)
        close(s->wfd);
    s->rfd = s->wfd = -1;
    if (s->child > 0)
        ssh_close(s);
}

/* Milliseconds from now to a deadline, rounded up, for poll(). */
static int poll_timeout(int64_t deadline_ns)
{
    if (deadline_ns == 0)
        return -1;
    int64_t left = deadline_ns - stream_now();
    if (left <= 0)
        return 0;
    int64_t ms = (left + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 3600000 ? 3600000 : (int)ms;
}

int stream_wait(const struct stream *s, int64_t deadline_ns, const struct cancel *c, struct err *err)
{
    for (;;) {
        int r = cancel_check(c, err);
        if (r < 0)
            return r;
        int ms = poll_timeout(deadline_ns);
        struct pollfd p[] = {
            {.fd = s->want_read ? s->rfd : -1, .events = POLLIN},
            {.fd = s->want_write ? s->wfd : -1, .events = POLLOUT},
            {.fd = c ? c->fd : -1, .events = POLLIN},
        };
        int n = poll(p, ARRAY_LEN(p), ms);
        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "cannot wait for the engine");
        if (n == 0 && deadline_ns != 0 && stream_now() >= deadline_ns)
            return err_set(err, ERR_TIMEOUT, "the engine at %s did not answer in time", s->dial->url);
        if (n > 0 && (p[0].revents || p[1].revents))
            return 0;
    }
}
