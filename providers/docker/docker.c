/* One engine: opening, version negotiation, requests. */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

#include <time.h>

/* Fewer over ssh: each connection is a process here and a login there. */
#define CONNECTIONS     16u
#define CONNECTIONS_SSH 4u
/* An engine under heavy load answers a ping within a second; many requests take longer than this. */
#define HANG_SILENCE_NS  (10 * NS_PER_S)
#define HANG_PATIENCE_NS (10 * NS_PER_S)
/* Of events, before a ping, which takes a fraction of a millisecond; over SSH it may begin with a connection.
 */
#define QUIET_NS     (20 * NS_PER_S)
#define QUIET_SSH_NS (60 * NS_PER_S)
/* The oldest version of Podman's own API that has all we use; newer ones still serve it. */
#define LIBPOD_PREFIX "/v4.0.0"

void docker_close(struct provider *p)
{
    if (!p)
        return;
    struct docker *d = docker_of(p);
    http_free(d->http);
    dial_free(d->dial);
    pulls_free(d->pulls);
    map_release(&d->images);
    arena_release(&d->learnt);
    arena_release(&d->facts_arena);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

int docker_open_as(const struct provider_ops *ops, const struct target *t, const char *url,
                   const struct provider_env *env, struct provider **ret, struct err *err)
{
    const struct dial_files files = {
        .ca_file = t->ca_file,
        .cert_file = t->cert_file,
        .key_file = t->key_file,
        .ssh_key_file = t->ssh_key_file,
        .ssh_known_hosts = t->ssh_known_hosts,
    };
    struct dial *dial;
    int r = dial_new(url, &files, &dial, err);
    if (r < 0)
        return err_wrap(err, "target \"%s\"", str_or(t->name, url));
    struct docker *d = mem_new(struct docker);
    d->target = *t;
    d->target.url = dial->url;
    d->target.ca_file = dial->ca_file;
    d->target.cert_file = dial->cert_file;
    d->target.key_file = dial->key_file;
    d->provider = (struct provider){.ops = ops, .target = &d->target};
    d->env = *env;
    d->dial = dial;
    d->http = http_new(dial, t->timeout_ns, dial->scheme == DIAL_SSH ? CONNECTIONS_SSH : CONNECTIONS);
    http_watch_over(d->http, &(struct http_watch){"/_ping", HANG_SILENCE_NS, HANG_PATIENCE_NS});
    d->quiet_ns = dial->scheme == DIAL_SSH ? QUIET_SSH_NS : QUIET_NS;
    d->pulls = pulls_new();
    d->dialect = &dialect_docker;
    arena_init(&d->learnt);
    arena_init(&d->facts_arena);
    map_init(&d->images);
    pthread_mutex_init(&d->lock, NULL);
    *ret = &d->provider;
    return 0;
}

static int docker_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                       struct err *err)
{
    return docker_open_as(&provider_docker, t, t->url, env, ret, err);
}

/* "1.41" -> API(1, 41); 0 when it is not a version. */
static unsigned version_read(const char *s)
{
    const char *dot = strchr(s, '.');
    char major[8];
    int64_t a, b;
    struct err ignored = {0};
    if (!dot || (size_t)(dot - s) >= sizeof(major))
        return 0;
    memcpy(major, s, (size_t)(dot - s));
    major[dot - s] = '\0';
    if (parse_int(major, 1, 9, &a, &ignored) < 0 || parse_int(dot + 1, 0, 999, &b, &ignored) < 0)
        return 0;
    return API((unsigned)a, (unsigned)b);
}

/* "Docker/20.10.24+dfsg1 (linux)" -> "docker 20.10.24+dfsg1"; "Libpod/4.3.1 (linux)" -> "podman 4.3.1" */
static void engine_name(struct docker *d, const struct http_head *h)
{
    char version[64];
    const char *slash = strchr(h->server, '/');
    str_copy(version, sizeof(version), slash ? slash + 1 : "");
    version[strcspn(version, " ")] = '\0';
    snprintf(d->engine, sizeof(d->engine), "%s%s%s (API %u.%u)", d->dialect->name, *version ? " " : "",
             version, d->api / 1000, d->api % 1000);
}

/* The header's time has a resolution of one second. */
static int64_t clock_skew(const char *date)
{
    struct tm tm = {0};
    struct timespec now;
    const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t skew = ((int64_t)timegm(&tm) - (int64_t)now.tv_sec) * NS_PER_S;
    return skew >= -2 * NS_PER_S && skew <= 2 * NS_PER_S ? 0 : skew;
}

static int negotiate(struct docker *d, const struct cancel *c, struct err *err)
{
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    const struct http_request rq = {.path = "/_ping", .cancel = c, .max_body = LIMIT_HTTP_ERROR_BYTES};
    int r = http_do(d->http, &rq, &answer, err);
    if (r < 0)
        return r;
    if (answer.head.status >= 400)
        return refusal_read(answer.head.status, answer.body.data, answer.body.len, err);
    unsigned api = version_read(answer.head.api_version);
    if (api == 0)
        return err_set(err, ERR_UNSUPPORTED, "the service at %s is not a container engine", d->dial->url);
    if (api < API_OLDEST) {
        err_set(err, ERR_UNSUPPORTED, "the engine at %s is too old: it supports API %s, but 1.41 is needed",
                d->dial->url, answer.head.api_version);
        return err_hint(err, "upgrade it to Docker 20.10 or newer");
    }
    d->api = api < API_NEWEST ? api : API_NEWEST;
    snprintf(d->prefix, sizeof(d->prefix), "/v%u.%u", d->api / 1000, d->api % 1000);
    d->dialect = str_starts(answer.head.server, "Libpod/") ? &dialect_podman : &dialect_docker;
    engine_name(d, &answer.head);
    d->skew_ns = clock_skew(answer.head.date);
    d->negotiated = true;
    return 0;
}

int docker_negotiate(struct docker *d, const struct cancel *c, struct err *err)
{
    pthread_mutex_lock(&d->lock);
    int r = d->negotiated ? 0 : negotiate(d, c, err);
    pthread_mutex_unlock(&d->lock);
    return r;
}

int docker_ask(struct docker *d, const struct ask *q, struct http_answer *ret, int *ret_status,
               struct err *err)
{
    _cleanup_buf_ struct buf path = BUF_INIT;
    char *body = NULL;
    if (ret_status)
        *ret_status = 0;
    int r = docker_negotiate(d, q->cancel, err);
    if (q->body) {
        body = json_dumps(q->body, JSON_COMPACT);
        json_decref(q->body);
        if (!body)
            mem_exhausted();
    }
    if (r == 0) {
        buf_adds(&path, str_starts(q->path, "/libpod/") ? LIBPOD_PREFIX : d->prefix);
        buf_adds(&path, q->path);
        const struct http_request rq = {
            .method = q->method,
            .path = buf_str(&path),
            .body = body ? body : q->raw,
            .body_len = body ? strlen(body) : q->raw_len,
            .content_type = q->raw_type,
            .headers = q->headers,
            .sink = q->sink,
            .arg = q->arg,
            .timeout_ns = q->timeout_ns,
            .notice = q->notice,
            .notice_arg = q->notice_arg,
            .notice_ns = q->notice_ns,
            .cancel = q->cancel,
        };
        r = http_do(d->http, &rq, ret, err);
    }
    free(body);
    if (r < 0)
        return r;
    if (ret_status)
        *ret_status = ret->head.status;
    if (ret->head.status >= 400)
        return refusal_read(ret->head.status, ret->body.data, ret->body.len, err);
    return 0;
}

int docker_json(struct docker *d, const struct ask *q, json_t **ret, int *ret_status, struct err *err)
{
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    int r = docker_ask(d, q, &answer, ret_status, err);
    if (r < 0 || !ret)
        return r;
    json_error_t why;
    json_t *j = json_loadb(buf_str(&answer.body), answer.body.len, 0, &why);
    if (!j)
        return err_set(err, ERR_CORRUPT, "the engine's answer to %s is not JSON: %s", q->path, why.text);
    *ret = j;
    return 0;
}

const char *docker_path(struct arena *a, const char *before, const char *name, const char *after)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    buf_adds(&b, before);
    http_escape(&b, name);
    buf_adds(&b, after);
    return arena_strdup(a, buf_str(&b));
}

const char *docker_filters(struct arena *a, const struct val *filters)
{
    _cleanup_buf_ struct buf json = BUF_INIT, b = BUF_INIT;
    val_json(filters, 0, &json);
    buf_adds(&b, "filters=");
    http_escape(&b, buf_str(&json));
    return arena_strdup(a, buf_str(&b));
}

static int docker_ping(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                       struct err *err)
{
    struct docker *d = docker_of(p);
    int r = docker_negotiate(d, NULL, err);
    if (r < 0)
        return r;
    *ret_caps = d->dialect->caps(d->api, NULL);
    *ret_engine = arena_strdup(a, d->engine);
    return 0;
}

const struct provider_ops provider_docker = {
    .name = "docker",
    .url_check = dial_check,
    .open = docker_open,
    .close = docker_close,
    .ping = docker_ping,
    DOCKER_OPS,
};
