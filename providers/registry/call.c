/* One request, with libcurl. */
#include "providers/registry/internal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "forge_version.h"

#include <strings.h>
#include <unistd.h>

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct registry_call *q = arg;
    buf_add(&q->body, data, size * n);
    return q->body.overflow ? CURL_WRITEFUNC_ERROR : size * n;
}

static void keep_header(struct registry_call *q, const char *line, size_t len, const char *name,
                        const char **ret)
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return;
    const char *value = line + n + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    *ret = arena_strndup(q->arena, value, (size_t)(end - value));
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct registry_call *q = arg;
    size_t len = size * n;
    keep_header(q, line, len, "WWW-Authenticate", &q->challenge);
    keep_header(q, line, len, "Link", &q->link);
    keep_header(q, line, len, "Docker-Content-Digest", &q->digest);
    return len;
}

/* One request under way. */
struct flight {
    struct registry *registry;
    struct registry_host *host;
    const struct registry_call *call;
    int64_t begin_ns;
};

static int64_t waited_ns(const struct flight *f)
{
    return clock_mono(clock_system()) - f->begin_ns;
}

/* libcurl calls it at least once a second. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct flight *f = arg;
    const struct registry *r = f->registry;
    (void)a, (void)b, (void)c, (void)d;
    if (r->waiting && !f->host->noticed && waited_ns(f) >= r->patience.notice_ms * NS_PER_MS) {
        f->host->noticed = true;
        r->waiting(r->waiting_arg, f->host->name);
    }
    return cancel_is_set(f->call->cancel) ? 1 : 0;
}

static const struct failure {
    CURLcode curl;
    int code;
    bool lost; /* whatever is asked for */
    const char *hint;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERR_UNAVAILABLE, true,
     "is the registry's name correct, and does DNS resolve it?"},
    {CURLE_COULDNT_CONNECT, ERR_UNAVAILABLE, true,
     "is the registry running and reachable from this machine?"},
    {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, true, "is the registry running, and what does its log say?"},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_AUTH, false,
     "if the registry uses your own CA, put its certificate into " REGISTRY_CERTS "/HOST[:PORT]/ca.crt"},
    {CURLE_WRITE_ERROR, ERR_LIMIT, false, NULL},
    {CURLE_OUT_OF_MEMORY, ERR_IO, false, NULL},
};

/* What OpenSSL and GnuTLS, with which libcurl may be built, say of an answer that is not TLS. */
static bool is_plain(CURLcode result, const char *words)
{
    return result == CURLE_SSL_CONNECT_ERROR &&
           (strstr(words, "wrong version number") || strstr(words, "unexpected TLS packet"));
}

static int not_tls(const struct flight *f, struct err *err)
{
    err_set(err, ERR_UNAVAILABLE, "the registry does not speak TLS");
    return err_hint(err,
                    "set up TLS on it, with a certificate of your own CA if you like (" REGISTRY_CERTS
                    "/%s/ca.crt): plain HTTP is used only on this machine (localhost, 127.0.0.1), and no "
                    "setting changes that",
                    f->host->name);
}

static int failed(const struct flight *f, CURLcode result, const char *words, struct err *err)
{
    static const struct failure other = {.code = ERR_UNAVAILABLE};
    const struct failure *w = &other;
    const struct registry_patience *p = &f->registry->patience;
    double connected = 0;
    if (result == CURLE_ABORTED_BY_CALLBACK && cancel_is_set(f->call->cancel))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (is_plain(result, words))
        return not_tls(f, err);
    for (size_t i = 0; i < ARRAY_LEN(failures); i++)
        if (failures[i].curl == result)
            w = &failures[i];
    curl.easy_getinfo(f->registry->curl, CURLINFO_PRETRANSFER_TIME, &connected);
    if (result == CURLE_OPERATION_TIMEDOUT && waited_ns(f) >= p->whole_s * NS_PER_S)
        err_set(err, w->code, "the registry had not sent all of its answer after %ld s", p->whole_s);
    else if (result == CURLE_OPERATION_TIMEDOUT && connected > 0)
        err_set(err, w->code, "the registry accepted the connection, but sent nothing for %ld s",
                p->silence_s);
    else
        err_set(err, w->code, "%s", *words ? words : curl.easy_strerror(result));
    if (w->hint)
        err_hint(err, "%s", w->hint);
    if (w->lost && !f->call->probe)
        f->host->lost = *err;
    return w->code;
}

static void set_patience(CURL *c, const struct registry_patience *p, bool probe)
{
    curl.easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, probe ? p->probe_ms : p->connect_ms);
    curl.easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl.easy_setopt(c, CURLOPT_LOW_SPEED_TIME, p->silence_s);
    curl.easy_setopt(c, CURLOPT_TIMEOUT, p->whole_s);
}

/* The registry's own CA certificate, where docker looks for it; docker's manual names it ca.crt. */
static const char *own_authority(const struct registry *r, const struct registry_host *h, struct arena *a)
{
    const char *path = arena_printf(a, "%s/%s/ca.crt", r->certs, h->name);
    return access(path, R_OK) == 0 ? path : NULL;
}

static void set_identity(CURL *c, const struct registry_call *q)
{
    if (q->user) {
        curl.easy_setopt(c, CURLOPT_USERNAME, q->user);
        curl.easy_setopt(c, CURLOPT_PASSWORD, secret_bytes(q->password, NULL));
        curl.easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    }
    if (q->bearer) {
        curl.easy_setopt(c, CURLOPT_XOAUTH2_BEARER, secret_bytes(q->bearer, NULL));
        curl.easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    }
}

static int need_curl(struct registry *r, struct err *err)
{
    int k = r->curl ? 0 : curl_load(err);
    if (k == 0 && !r->curl)
        r->curl = curl.easy_init();
    if (k == 0 && !r->curl)
        abort();
    return k;
}

int registry_call(struct registry *r, struct registry_host *h, struct registry_call *q, struct err *err)
{
    char words[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    struct flight flight = {.registry = r, .host = h, .call = q, .begin_ns = clock_mono(clock_system())};
    if (h->lost.code) {
        *err = h->lost;
        return err->code;
    }
    int k = need_curl(r, err);
    if (k < 0)
        return k;
    CURL *c = r->curl;
    curl.easy_reset(c);
    buf_release(&q->body);
    buf_init(&q->body, LIMIT_REGISTRY_BYTES);
    q->challenge = q->link = q->digest = NULL;
    curl.easy_setopt(c, CURLOPT_URL, q->url);
    curl.easy_setopt(c, CURLOPT_PROTOCOLS_STR, h->plain ? "http" : "https");
    curl.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    set_patience(c, &r->patience, q->probe);
    curl.easy_setopt(c, CURLOPT_USERAGENT, "forge/" FORGE_VERSION);
    curl.easy_setopt(c, CURLOPT_ERRORBUFFER, words);
    curl.easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl.easy_setopt(c, CURLOPT_WRITEDATA, q);
    curl.easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl.easy_setopt(c, CURLOPT_HEADERDATA, q);
    curl.easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl.easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl.easy_setopt(c, CURLOPT_XFERINFODATA, &flight);
    if (own_authority(r, h, q->arena))
        curl.easy_setopt(c, CURLOPT_CAINFO, own_authority(r, h, q->arena));
    if (q->head)
        curl.easy_setopt(c, CURLOPT_NOBODY, 1L);
    if (q->post)
        curl.easy_setopt(c, CURLOPT_COPYPOSTFIELDS, q->post);
    if (q->accept)
        headers = curl.slist_append(headers, q->accept);
    curl.easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    set_identity(c, q);
    CURLcode result = curl.easy_perform(c);
    curl.easy_getinfo(c, CURLINFO_RESPONSE_CODE, &q->status);
    k = result == CURLE_OK ? 0 : failed(&flight, result, words, err);
    curl.easy_reset(c); /* drops its pointer to the password */
    curl.slist_free_all(headers);
    return k;
}
