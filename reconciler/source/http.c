/*
 * Git's smart HTTP (gitprotocol-http(5)) for libgit2, by libcurl.
 *
 * libgit2's own http transport has no timeout and no cancellation, takes the certificates it trusts from one
 * place for the whole process, and waits for a delayed TCP acknowledgement on each request. Here the
 * certificates belong to the source, each wait is bounded and wakes on cancellation, and the connection is
 * reused by the next fetch.
 *
 * Credentials are passed to libcurl as options: they are in no address, and are not sent to another host
 * after a redirect. Certificates and host names are always verified.
 */
#include "reconciler/source/internal.h"

#include "base/curl.h"
#include "base/mem.h"
#include "forge_version.h"

#include <limits.h>

#define CONNECT_MS  20000L
#define STALL_S     60L
#define RECEIVE_MAX ((size_t)1 << 20)  /* unread bytes, beyond which the transfer is paused */
#define REQUEST_MAX ((size_t)64 << 20) /* a request: the ids of wanted objects and of those we have */

struct http_session {
    CURLM *multi;
    CURL *easy;
};

struct http_sub {
    git_smart_subtransport parent;
    struct remote_op *op;
    struct http_session *session;
    char *base; /* target of a redirect of the first request; NULL: the configured address */
};

struct http_stream {
    git_smart_subtransport_stream parent;
    struct http_sub *sub;
    bool post, started, paused, done;
    struct buf request, received;
    size_t taken; /* bytes of `received` that have been read */
    struct curl_slist *headers;
    CURLcode result;
    char words[CURL_ERROR_SIZE];
};

/* ---- errors ---- */

static const struct {
    CURLcode curl;
    int code;
    const char *hint;
} curl_errors[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERR_UNAVAILABLE, "is the host name right, and does DNS answer?"},
    {CURLE_COULDNT_CONNECT, ERR_UNAVAILABLE, "is the server running and reachable from this machine?"},
    {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, "the server is slow or unreachable; Forge will try again"},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_AUTH,
     "if the server uses your own CA, give it as the ca of the repository"},
    {CURLE_SSL_CACERT_BADFILE, ERR_INVALID,
     "the repository's ca must name a readable file of certificates in PEM"},
    {CURLE_SSL_CONNECT_ERROR, ERR_UNAVAILABLE, "does the server speak TLS on this port?"},
    {CURLE_TOO_MANY_REDIRECTS, ERR_INVALID, "use the address that it redirects to"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_INVALID, "the server redirected to an address that is not https"},
    {CURLE_OUT_OF_MEMORY, ERR_IO, NULL},
};

static int curl_failed(struct remote_op *op, CURLcode result, const char *words)
{
    int code = ERR_UNAVAILABLE;
    const char *hint = "the server closed the connection; Forge will try again";
    if (op->err->code)
        return GIT_EUSER;
    for (size_t i = 0; i < ARRAY_LEN(curl_errors); i++)
        if (curl_errors[i].curl == result) {
            code = curl_errors[i].code;
            hint = curl_errors[i].hint;
        }
    err_set(op->err, code, "%s", *words ? words : curl.easy_strerror(result));
    if (hint)
        err_hint(op->err, "%s", hint);
    return GIT_EUSER;
}

static int status_failed(struct remote_op *op, long status)
{
    bool given = op->source->config.password != NULL;
    struct err *err = op->err;
    if (status == 401 || status == 403) {
        err_set(err, ERR_AUTH, "the server %s (HTTP %ld)",
                given ? "rejected the credentials" : "asks for credentials, but none are configured", status);
        err_hint(err, "%s",
                 given ? "is the token or password still valid, and may it read this repository?"
                       : "set username and password_file (which may contain a token)");
    } else if (status == 404 || status == 410) {
        err_set(err, ERR_NOTFOUND, "there is no such repository (HTTP %ld)", status);
        err_hint(err, "check the address; servers also report this to users without read access");
    } else if (status == 429 || status >= 500) {
        err_set(err, ERR_UNAVAILABLE, "the server reports an internal error (HTTP %ld)", status);
    } else {
        err_set(err, ERR_INVALID, "the response is not that of a Git server (HTTP %ld)", status);
    }
    return GIT_EUSER;
}

/* ---- one request ---- */

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct http_stream *t = arg;
    if (t->received.len - t->taken > RECEIVE_MAX) {
        t->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (remote_op_received(t->sub->op, size * n) < 0)
        return CURL_WRITEFUNC_ERROR;
    if (t->taken == t->received.len) {
        buf_reset(&t->received);
        t->taken = 0;
    }
    buf_add(&t->received, data, size * n);
    return t->received.overflow ? CURL_WRITEFUNC_ERROR : size * n;
}

static void set_credentials(CURL *c, const struct source_config *config)
{
    if (!config->password)
        return;
    /* Git hosting services accept a token as the password, with any user name that is not empty; this is the
       one that GitHub documents. */
    curl.easy_setopt(c, CURLOPT_USERNAME, str_empty(config->username) ? "x-access-token" : config->username);
    curl.easy_setopt(c, CURLOPT_PASSWORD, secret_bytes(config->password, NULL));
    curl.easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
}

static void set_options(struct http_stream *t, CURL *c)
{
    struct source *s = t->sub->op->source;
    const char *schemes = s->url.tls ? "https" : "http,https";
    curl.easy_reset(c);
    curl.easy_setopt(c, CURLOPT_PROTOCOLS_STR, schemes);
    curl.easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, schemes);
    curl.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)remote_op_wait_ms(t->sub->op, (int)CONNECT_MS) + 1);
    curl.easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl.easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl.easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
    /* Some servers recognise a Git client only by a user agent that starts with "git/". */
    curl.easy_setopt(c, CURLOPT_USERAGENT, "git/2 (forge " FORGE_VERSION ")");
    curl.easy_setopt(c, CURLOPT_ERRORBUFFER, t->words);
    curl.easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
    curl.easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl.easy_setopt(c, CURLOPT_PRIVATE, t);
    if (s->config.ca_file)
        curl.easy_setopt(c, CURLOPT_CAINFO, s->config.ca_file);
    set_credentials(c, &s->config);
}

static void add_header(struct http_stream *t, const char *line)
{
    struct curl_slist *list = curl.slist_append(t->headers, line);
    if (!list)
        abort();
    t->headers = list;
}

static int start(struct http_stream *t)
{
    struct remote_op *op = t->sub->op;
    CURL *c = t->sub->session->easy;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *base = t->sub->base ? t->sub->base : op->source->url.text;
    int slash = str_ends(base, "/") ? 1 : 0;
    const char *url = arena_printf(&a, "%.*s%s", (int)strlen(base) - slash, base,
                                   t->post ? "/git-upload-pack" : "/info/refs?service=git-upload-pack");
    set_options(t, c);
    curl.easy_setopt(c, CURLOPT_URL, url);
    if (t->post) {
        add_header(t, "Content-Type: application/x-git-upload-pack-request");
        add_header(t, "Accept: application/x-git-upload-pack-result");
        add_header(t, "Expect:");
        curl.easy_setopt(c, CURLOPT_POST, 1L);
        curl.easy_setopt(c, CURLOPT_POSTFIELDS, buf_str(&t->request));
        curl.easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->request.len);
    } else {
        add_header(t, "Accept: application/x-git-upload-pack-advertisement");
        curl.easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
        curl.easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
    }
    curl.easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
    t->started = true;
    if (curl.multi_add_handle(t->sub->session->multi, c) != CURLM_OK) {
        err_set(op->err, ERR_IO, "libcurl cannot start a request");
        return GIT_EUSER;
    }
    return 0;
}

/* After a redirect, later requests go to its target. They carry our credentials, so it must be the same
   server. */
static int take_redirect(struct http_stream *t)
{
    static const char tail[] = "/info/refs?service=git-upload-pack";
    struct source *s = t->sub->op->source;
    char *url = NULL;
    long redirects = 0;
    CURL *c = t->sub->session->easy;
    curl.easy_getinfo(c, CURLINFO_REDIRECT_COUNT, &redirects);
    if (!redirects || curl.easy_getinfo(c, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK || !url)
        return 0;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct source_url u;
    struct err ignored = {0};
    bool fits = str_ends(url, tail);
    const char *base = arena_strndup(&a, url, strlen(url) - (fits ? sizeof(tail) - 1 : 0));
    fits = fits && source_url_parse(&a, base, &u, &ignored) == 0 && strcasecmp(u.host, s->url.host) == 0 &&
           str_eq(u.port, s->url.port) && u.tls == s->url.tls;
    if (!fits) {
        err_set(t->sub->op->err, ERR_INVALID, "the server redirects to %s", source_url_scrub(&a, base));
        err_hint(t->sub->op->err, "if that is correct, use it as the address of the repository");
        return GIT_EUSER;
    }
    free(t->sub->base);
    t->sub->base = mem_strdup(base);
    return 0;
}

/* The response headers have arrived: are they those of a Git server? */
static int check_answer(struct http_stream *t)
{
    CURL *c = t->sub->session->easy;
    long status = 0;
    char *type = NULL;
    const char *wanted =
        t->post ? "application/x-git-upload-pack-result" : "application/x-git-upload-pack-advertisement";
    curl.easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return status_failed(t->sub->op, status);
    curl.easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    if (!type || !str_starts(type, wanted)) {
        err_set(t->sub->op->err, ERR_INVALID, "the response is not that of a Git server");
        err_hint(t->sub->op->err,
                 "is this the address to clone from, and does the server speak Git's smart protocol?");
        return GIT_EUSER;
    }
    return t->post ? 0 : take_redirect(t);
}

/* Advance the transfer, waiting for at most a second. */
static int pump(struct http_stream *t)
{
    struct remote_op *op = t->sub->op;
    CURLM *multi = t->sub->session->multi;
    int running = 0, left;
    if (t->paused && t->taken == t->received.len) {
        t->paused = false;
        curl.easy_pause(t->sub->session->easy, CURLPAUSE_CONT);
    }
    curl.multi_perform(multi, &running);
    const CURLMsg *m;
    while ((m = curl.multi_info_read(multi, &left)))
        if (m->msg == CURLMSG_DONE) {
            t->done = true;
            t->result = m->data.result;
        }
    if (t->done || t->taken < t->received.len)
        return 0;
    struct curl_waitfd wake = {.fd = op->cancel ? op->cancel->fd : -1, .events = CURL_WAIT_POLLIN};
    curl.multi_poll(multi, &wake, op->cancel ? 1 : 0, remote_op_wait_ms(op, 1000), NULL);
    return remote_op_check(op) < 0 ? GIT_EUSER : 0;
}

/* ---- what libgit2 calls ---- */

static int stream_read(git_smart_subtransport_stream *stream, char *buffer, size_t size, size_t *ret)
{
    struct http_stream *t = (struct http_stream *)stream;
    bool first = !t->started;
    int r = t->started ? 0 : start(t);
    *ret = 0;
    while (r == 0 && !t->done && t->taken == t->received.len)
        r = pump(t);
    if (r == 0 && t->done && t->result != CURLE_OK && t->taken == t->received.len)
        r = curl_failed(t->sub->op, t->result, t->words);
    if (r == 0 && first)
        r = check_answer(t);
    if (r < 0)
        return r;
    size_t n = t->received.len - t->taken;
    size = remote_read_size(t->sub->op, size);
    n = n < size ? n : size;
    if (n)
        memcpy(buffer, t->received.data + t->taken, n);
    t->taken += n;
    *ret = n;
    return 0;
}

static int stream_write(git_smart_subtransport_stream *stream, const char *buffer, size_t len)
{
    struct http_stream *t = (struct http_stream *)stream;
    buf_add(&t->request, buffer, len);
    return buf_check(&t->request, "the request to the Git server", t->sub->op->err) < 0 ? GIT_EUSER : 0;
}

static void stream_free(git_smart_subtransport_stream *stream)
{
    struct http_stream *t = (struct http_stream *)stream;
    if (t->started) {
        curl.multi_remove_handle(t->sub->session->multi, t->sub->session->easy);
        /* The handle points into this stream and to the password. */
        curl.easy_reset(t->sub->session->easy);
    }
    curl.slist_free_all(t->headers);
    buf_release(&t->request);
    buf_release(&t->received);
    free(t);
}

static int sub_action(git_smart_subtransport_stream **ret, git_smart_subtransport *transport,
                      _unused_ const char *url, git_smart_service_t action)
{
    struct http_sub *sub = (struct http_sub *)transport;
    if (action != GIT_SERVICE_UPLOADPACK_LS && action != GIT_SERVICE_UPLOADPACK) {
        err_set(sub->op->err, ERR_UNSUPPORTED, "nothing is ever pushed");
        return GIT_EUSER;
    }
    struct http_stream *t = mem_new(struct http_stream);
    t->parent = (git_smart_subtransport_stream){
        .subtransport = transport, .read = stream_read, .write = stream_write, .free = stream_free};
    t->sub = sub;
    t->post = action == GIT_SERVICE_UPLOADPACK;
    buf_init(&t->request, REQUEST_MAX);
    *ret = &t->parent;
    return 0;
}

static int sub_close(_unused_ git_smart_subtransport *transport)
{
    return 0;
}

static void sub_free(git_smart_subtransport *transport)
{
    struct http_sub *sub = (struct http_sub *)transport;
    free(sub->base);
    free(sub);
}

static int sub_new(git_smart_subtransport **ret, _unused_ git_transport *owner, void *arg)
{
    struct remote_op *op = arg;
    struct http_sub *sub = mem_new(struct http_sub);
    sub->parent = (git_smart_subtransport){.action = sub_action, .close = sub_close, .free = sub_free};
    sub->op = op;
    sub->session = op->source->http;
    *ret = &sub->parent;
    return 0;
}

int http_transport(git_transport **ret, git_remote *owner, struct remote_op *op)
{
    git_smart_subtransport_definition d = {.callback = sub_new, .rpc = 1, .param = op};
    if (curl_load(op->err) < 0)
        return GIT_EUSER;
    if (!op->source->http) {
        struct http_session *h = op->source->http = mem_new(struct http_session);
        /* No curl_global_init() is needed: on Linux libcurl initialises itself thread-safely on first use. */
        h->multi = curl.multi_init();
        h->easy = curl.easy_init();
        if (!h->multi || !h->easy)
            abort();
    }
    return git2.transport_smart(ret, owner, &d);
}

void http_session_free(struct http_session *h)
{
    if (!h)
        return;
    curl.easy_cleanup(h->easy);
    curl.multi_cleanup(h->multi);
    free(h);
}
