#ifndef PROVIDERS_HTTP_STREAM_H
#define PROVIDERS_HTTP_STREAM_H
/*
 * A byte stream to an engine: a unix socket, TCP, TCP with mutual TLS (OpenSSL), or the pipes of
 * `ssh HOST docker system dial-stdio`. Callers do not see which.
 *
 * Descriptors are non-blocking: calls return STREAM_AGAIN, and want_read and want_write say what to wait for,
 * so that the same stream serves a blocking client (http.h) and an epoll loop (watch). A stream belongs to
 * one thread at a time; a dial is immutable and shared.
 */
#include "base/cancel.h"
#include "base/secret.h"
#include <sys/types.h>

enum dial_scheme { DIAL_UNIX, DIAL_TCP, DIAL_TLS, DIAL_SSH };

/* Where an engine is. */
struct dial {
    enum dial_scheme scheme;
    char *url;                /* as given, for messages; holds no password (refused) */
    char *path;               /* unix: the socket; ssh: the engine's socket on the remote side, or NULL */
    char *host, *port, *user; /* user: ssh only; port NULL: ssh's own default */
    char *ca_file, *cert_file, *key_file;
    char *ssh_key_file, *ssh_known_hosts;
    struct dial_tls *tls; /* TLS context, created with the dial */
    /* unix: called before each connection to make sure that something listens there; NULL: not needed. */
    int (*wake)(struct err *err);
};

struct dial_files {
    const char *ca_file, *cert_file, *key_file; /* any of them makes tcp:// use TLS */
    const char *ssh_key_file, *ssh_known_hosts;
};

/* Parses a URL: unix:///path, tcp://host[:port], https://host[:port], ssh://[user@]host[:port][/path].
   ERR_INVALID says what is wrong; TLS files are read here: NOTFOUND, DENIED (a key that others can read),
   INVALID. */
int dial_new(const char *url, const struct dial_files *files, struct dial **ret,
             struct err *err) _must_check_;
/* Would dial_new() take the URL? Reads no files. */
int dial_check(const char *url, struct err *err) _must_check_;
void dial_free(struct dial *d);

#define STREAM_AGAIN 1 /* would block: wait (want_read, want_write) and call again */

struct stream {
    const struct dial *dial;
    int rfd, wfd;  /* the same descriptor; -1 when closed */
    void *ssl;     /* SSL */
    pid_t child;   /* ssh; 0: none */
    int child_err; /* read end of its stderr; -1 none */
    bool connecting, handshaking;
    bool want_read, want_write; /* what the last AGAIN was for */
};

/* Begin to connect; stream_connect() continues. On error nothing is left open. */
int stream_open(const struct dial *d, struct stream *ret, struct err *err) _must_check_;
/* 0 once connected, STREAM_AGAIN, or an error (UNAVAILABLE, AUTH) that names the URL and says what to check. */
int stream_connect(struct stream *s, struct err *err) _must_check_;
/* 0 with *ret_n bytes (0 bytes: the other side has closed), STREAM_AGAIN, or an error. */
int stream_read(struct stream *s, void *buf, size_t len, size_t *ret_n, struct err *err) _must_check_;
int stream_write(struct stream *s, const void *data, size_t len, size_t *ret_n, struct err *err) _must_check_;
/* Half-close: the other side sees the end of our input. Best effort (TLS: close_notify). */
void stream_shutdown_write(struct stream *s);
/* True when decrypted bytes are buffered: read them before waiting. */
bool stream_has_pending(const struct stream *s);
/* True when there is nothing to read and the other side has not closed: the connection may be reused. */
bool stream_is_idle(const struct stream *s);
/* The other side closed instead of answering: sets err to the reason, as far as it is known. */
int stream_explain_end(struct stream *s, struct err *err);
void stream_close(struct stream *s);

/* Wait until the stream can continue, at most until `deadline_ns` on the monotonic clock (0: no limit).
   0, or ERR_TIMEOUT, ERR_CANCELLED. */
int stream_wait(const struct stream *s, int64_t deadline_ns, const struct cancel *c,
                struct err *err) _must_check_;
int64_t stream_now(void); /* the monotonic clock of those deadlines */

/* Internal: TLS (tls.c) and ssh (ssh.c). */
int tls_context_new(const struct dial *d, struct dial_tls **ret, struct err *err) _must_check_;
void tls_context_free(struct dial_tls *t);
int tls_begin(struct stream *s, struct err *err) _must_check_;
int tls_handshake(struct stream *s, struct err *err) _must_check_;
int tls_read(struct stream *s, void *buf, size_t len, size_t *ret_n, struct err *err) _must_check_;
int tls_write(struct stream *s, const void *data, size_t len, size_t *ret_n, struct err *err) _must_check_;
bool tls_has_pending(const struct stream *s);
void tls_shutdown(struct stream *s);
void tls_end(struct stream *s);
int ssh_open(const struct dial *d, struct stream *ret, struct err *err) _must_check_;
void ssh_close(struct stream *s);
/* Sets err from the messages of ssh when the stream ended early (AUTH, UNAVAILABLE, UNSUPPORTED). */
int ssh_explain(struct stream *s, struct err *err);
#endif
