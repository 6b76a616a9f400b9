/* TLS of a stream, with OpenSSL. Loaded and initialised only when a target asks for it. */
#include "providers/http/stream.h"

#include "base/mem.h"
#include "base/str.h"
#include "providers/http/openssl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#define VERDICT_MS 50

struct dial_tls {
    SSL_CTX *ctx;
};

/* The newest of OpenSSL's errors on this thread; clears the others. */
static const char *openssl_reason(char *buf, size_t size)
{
    unsigned long e = openssl.ERR_get_error();
    openssl.ERR_clear_error();
    const char *reason = e ? openssl.ERR_reason_error_string(e) : NULL;
    str_copy(buf, size, reason ? reason : "unknown reason");
    return buf;
}

static int load_key(SSL_CTX *ctx, const char *path, struct err *err)
{
    _cleanup_secret_ struct secret *text = NULL;
    int r = secret_read_file(path, &text, err);
    if (r < 0)
        return err_wrap(err, "TLS key");
    size_t len;
    const char *bytes = secret_bytes(text, &len);
    BIO *bio = openssl.BIO_new_mem_buf(bytes, (int)len);
    EVP_PKEY *key = bio ? openssl.PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    bool ok = key && openssl.SSL_CTX_use_PrivateKey(ctx, key) == 1;
    openssl.EVP_PKEY_free(key);
    openssl.BIO_free(bio);
    if (ok)
        return 0;
    char reason[128];
    return err_set(err, ERR_INVALID, "TLS key %s: %s", path, openssl_reason(reason, sizeof(reason)));
}

static int load_files(SSL_CTX *ctx, const struct dial *d, struct err *err)
{
    char reason[128];
    int ok = d->ca_file ? openssl.SSL_CTX_load_verify_locations(ctx, d->ca_file, NULL)
                        : openssl.SSL_CTX_set_default_verify_paths(ctx);
    if (ok != 1)
        return err_set(err, ERR_INVALID, "TLS CA %s: %s", str_or(d->ca_file, "of the system"),
                       openssl_reason(reason, sizeof(reason)));
    if (d->cert_file && openssl.SSL_CTX_use_certificate_chain_file(ctx, d->cert_file) != 1)
        return err_set(err, ERR_INVALID, "TLS certificate %s: %s", d->cert_file,
                       openssl_reason(reason, sizeof(reason)));
    if (!d->key_file)
        return 0;
    int r = load_key(ctx, d->key_file, err);
    if (r == 0 && d->cert_file && openssl.SSL_CTX_check_private_key(ctx) != 1)
        r = err_set(err, ERR_INVALID, "TLS key %s does not belong to certificate %s", d->key_file,
                    d->cert_file);
    return r;
}

int tls_context_new(const struct dial *d, struct dial_tls **ret, struct err *err)
{
    int r = openssl_load(err);
    if (r < 0)
        return r;
    struct dial_tls *t = mem_new(struct dial_tls);
    t->ctx = openssl.SSL_CTX_new(openssl.TLS_client_method());
    if (!t->ctx)
        mem_exhausted();
    openssl.SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    openssl.SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
    openssl.SSL_CTX_ctrl(t->ctx, SSL_CTRL_MODE,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
    r = load_files(t->ctx, d, err);
    if (r < 0) {
        tls_context_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

void tls_context_free(struct dial_tls *t)
{
    if (!t)
        return;
    openssl.SSL_CTX_free(t->ctx);
    free(t);
}

int tls_begin(struct stream *s, struct err *err)
{
    SSL *ssl = openssl.SSL_new(s->dial->tls->ctx);
    if (!ssl)
        mem_exhausted();
    s->ssl = ssl;
    char *host = s->dial->host; /* SSL_ctrl() takes a void * */
    unsigned char address[16];
    bool ok;
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        ok = openssl.X509_VERIFY_PARAM_set1_ip_asc(openssl.SSL_get0_param(ssl), host) == 1;
    else
        ok = openssl.SSL_set1_host(ssl, host) == 1 &&
             openssl.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host) == 1;
    if (!ok || openssl.SSL_set_fd(ssl, s->rfd) != 1)
        return err_set(err, ERR_INVALID, "\"%s\" is not a name that a certificate can be checked against",
                       host);
    return 0;
}

/* Alerts that a server sends when it does not accept the client certificate (RFC 8446, section 6.2). */
static bool is_certificate_alert(unsigned long e)
{
    switch (ERR_GET_REASON(e)) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

/* Interpret the failure of an SSL call: 0 for a clean end, STREAM_AGAIN, or an error. */
static int tls_result(struct stream *s, int result, struct err *err)
{
    int saved = errno;
    unsigned long reason = openssl.ERR_peek_error();
    char text[128];
    switch (openssl.SSL_get_error(s->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        s->want_read = true;
        s->want_write = false;
        return STREAM_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        s->want_read = false;
        s->want_write = true;
        return STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        openssl.ERR_clear_error();
        err_errno(err, saved ? saved : ECONNRESET, "the TLS connection to the engine at %s was lost",
                  s->dial->url);
        break;
    default:
        if (is_certificate_alert(reason)) {
            err_set(err, ERR_AUTH, "the engine at %s rejected the client certificate: %s", s->dial->url,
                    openssl_reason(text, sizeof(text)));
            return err_hint(err, "check the target's cert and key");
        }
        err_set(err, ERR_UNAVAILABLE, "the TLS connection to the engine at %s was lost: %s", s->dial->url,
                openssl_reason(text, sizeof(text)));
    }
    err->code = ERR_UNAVAILABLE;
    err->retryable = true;
    return err->code;
}

/*
 * In TLS 1.3 the client finishes the handshake before the server has checked its certificate; the server then
 * sends a session ticket, or an alert that rejects the certificate. A client that sends a request at once may
 * see the connection reset and never the alert. So wait a moment for the server: most answer within a round
 * trip.
 */
static int tls_verdict(struct stream *s, struct err *err)
{
    struct pollfd p = {.fd = s->rfd, .events = POLLIN};
    char byte;
    size_t n;
    if (openssl.SSL_version(s->ssl) < TLS1_3_VERSION || poll(&p, 1, VERDICT_MS) <= 0)
        return 0;
    openssl.ERR_clear_error();
    int ok = openssl.SSL_peek_ex(s->ssl, &byte, 1, &n);
    int r = ok == 1 ? 0 : tls_result(s, ok, err);
    return r == STREAM_AGAIN ? 0 : r;
}

int tls_handshake(struct stream *s, struct err *err)
{
    openssl.ERR_clear_error();
    int n = openssl.SSL_connect(s->ssl);
    if (n == 1)
        return tls_verdict(s, err);
    int r = tls_result(s, n, err);
    if (r == STREAM_AGAIN)
        return r;
    if (err->code == ERR_AUTH)
        return r;
    long verify = openssl.SSL_get_verify_result(s->ssl);
    if (verify != X509_V_OK) {
        err_set(err, ERR_AUTH, "the certificate of the engine at %s is not trusted: %s", s->dial->url,
                openssl.X509_verify_cert_error_string(verify));
        return err_hint(err, "check the target's ca, and that the certificate is for this host");
    }
    if (r == 0)
        r = err_set(err, ERR_UNAVAILABLE, "the engine at %s aborted the TLS handshake", s->dial->url);
    err_hint(err, "does the engine need another client certificate, or not use TLS on this port?");
    return r;
}

int tls_read(struct stream *s, void *buf, size_t len, size_t *ret_n, struct err *err)
{
    openssl.ERR_clear_error();
    size_t n = 0;
    int ok = openssl.SSL_read_ex(s->ssl, buf, len, &n);
    if (ok == 1) {
        *ret_n = n;
        return 0;
    }
    int r = tls_result(s, ok, err);
    if (r == 0)
        *ret_n = 0;
    return r;
}

/* OpenSSL uses write(), so a vanished peer would raise SIGPIPE. The signal is blocked for this thread
   meanwhile, and discarded if it was raised. */
struct no_sigpipe {
    sigset_t old;
};

static void no_sigpipe_begin(struct no_sigpipe *g)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &g->old);
}

static void no_sigpipe_end(struct no_sigpipe *g)
{
    sigset_t pipe, pending;
    if (!sigismember(&g->old, SIGPIPE) && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE)) {
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        (void)sigtimedwait(&pipe, NULL, &(struct timespec){0});
    }
    pthread_sigmask(SIG_SETMASK, &g->old, NULL);
}

int tls_write(struct stream *s, const void *data, size_t len, size_t *ret_n, struct err *err)
{
    openssl.ERR_clear_error();
    size_t n = 0;
    struct no_sigpipe guard;
    no_sigpipe_begin(&guard);
    int ok = openssl.SSL_write_ex(s->ssl, data, len, &n);
    no_sigpipe_end(&guard);
    if (ok == 1) {
        *ret_n = n;
        return 0;
    }
    int r = tls_result(s, ok, err);
    return r == 0 ? err_set(err, ERR_UNAVAILABLE, "the engine at %s closed the connection", s->dial->url) : r;
}

bool tls_has_pending(const struct stream *s)
{
    return openssl.SSL_has_pending(s->ssl) == 1;
}

void tls_shutdown(struct stream *s)
{
    struct no_sigpipe guard;
    no_sigpipe_begin(&guard);
    (void)openssl.SSL_shutdown(s->ssl);
    no_sigpipe_end(&guard);
}

void tls_end(struct stream *s)
{
    openssl.SSL_free(s->ssl);
    s->ssl = NULL;
}
