/* One request, with libcurl. */
#include "providers/registry/internal.h"

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

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct registry_call *q = arg;
    (void)a, (void)b, (void)c, (void)d;
    return cancel_is_set(q->cancel) ? 1 : 0;
}

static const struct {
    CURLcode curl;
    int code;
    const char *hint;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERR_UNAVAILABLE, "is the registry's name correct, and does DNS resolve it?"},
    {CURLE_COULDNT_CONNECT, ERR_UNAVAILABLE, "is the registry running and reachable from this machine?"},
    {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, "the registry is slow or unreachable"},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_AUTH,
     "if the registry uses your own CA, put its certificate into " REGISTRY_CERTS "/HOST[:PORT]/ca.crt"},
    {CURLE_WRITE_ERROR, ERR_LIMIT, NULL},
    {CURLE_OUT_OF_MEMORY, ERR_IO, NULL},
};

static int failed(const struct registry_call *q, CURLcode result, const char *words, struct err *err)
{
    int code = ERR_UNAVAILABLE;
    const char *hint = NULL;
    if (result == CURLE_ABORTED_BY_CALLBACK && cancel_is_set(q->cancel))
        return err_set(err, ERR_CANCELLED, "cancelled");
    for (size_t i = 0; i < ARRAY_LEN(failures); i++)
        if (failures[i].curl == result) {
            code = failures[i].code;
            hint = failures[i].hint;
        }
    err_set(err, code, "%s", *words ? words : curl.easy_strerror(result));
    return hint ? err_hint(err, "%s", hint) : code;
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

int registry_call(struct registry *r, const struct registry_host *h, struct registry_call *q, struct err *err)
{
    char words[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
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
    curl.easy_setopt(c, CURLOPT_TIMEOUT_MS, q->timeout_ms ? q->timeout_ms : REGISTRY_TIMEOUT_MS);
    curl.easy_setopt(c, CURLOPT_USERAGENT, "forge/" FORGE_VERSION);
    curl.easy_setopt(c, CURLOPT_ERRORBUFFER, words);
    curl.easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl.easy_setopt(c, CURLOPT_WRITEDATA, q);
    curl.easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl.easy_setopt(c, CURLOPT_HEADERDATA, q);
    curl.easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl.easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl.easy_setopt(c, CURLOPT_XFERINFODATA, q);
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
    curl.easy_reset(c); /* drops its pointer to the password */
    curl.slist_free_all(headers);
    return result == CURLE_OK ? 0 : failed(q, result, words, err);
}
