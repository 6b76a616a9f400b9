#include "providers/registry/internal.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "schema/kinds/container.h"

#include <jansson.h>

/* An index is preferred: engines use its digest as the image's. */
#define ACCEPT                                                    \
    "Accept: application/vnd.oci.image.index.v1+json, "           \
    "application/vnd.docker.distribution.manifest.list.v2+json, " \
    "application/vnd.oci.image.manifest.v1+json, "                \
    "application/vnd.docker.distribution.manifest.v2+json"

struct registry *registry_new(const struct target *target, const char *certs)
{
    struct registry *r = mem_new(struct registry);
    r->target = target;
    r->certs = str_or(certs, REGISTRY_CERTS);
    r->patience = (struct registry_patience)REGISTRY_PATIENCE;
    arena_init(&r->arena);
    return r;
}

void registry_on_wait(struct registry *r, void (*waiting)(void *arg, const char *registry), void *arg)
{
    r->waiting = waiting;
    r->waiting_arg = arg;
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    for (struct registry_host *h = r->hosts; h; h = h->next)
        registry_forget_tokens(h);
    if (r->curl)
        curl.easy_cleanup(r->curl);
    arena_release(&r->arena);
    free(r);
}

/* An image reference in its parts. */
struct place {
    struct registry_host *host;
    const char *repository, *tag;
};

static struct registry_host *host_of(struct registry *r, const char *name)
{
    for (struct registry_host *h = r->hosts; h; h = h->next)
        if (str_eq(h->name, name))
            return h;
    struct registry_host *h = arena_new(&r->arena, struct registry_host);
    h->name = arena_strdup(&r->arena, name);
    h->server = str_eq(name, "docker.io") ? "registry-1.docker.io" : h->name;
    h->next = r->hosts;
    return r->hosts = h;
}

static int place_of(struct registry *r, const char *ref, struct arena *a, struct place *ret, struct err *err)
{
    const char *canonical;
    int rc = ref_canonical(a, ref, &canonical, err);
    if (rc < 0)
        return rc;
    size_t host = strcspn(canonical, "/");
    char *rest = arena_strdup(a, canonical + host + 1);
    char *digest = strchr(rest, '@');
    if (digest)
        *digest = '\0';
    char *tag = strrchr(rest, ':');
    if (tag)
        *tag++ = '\0';
    *ret = (struct place){host_of(r, arena_strndup(a, canonical, host)), rest, str_or(tag, "latest")};
    return 0;
}

static bool on_loopback(const char *host)
{
    return str_starts(host, "127.") || str_starts(host, "[::1]") || str_eq(host, "localhost") ||
           str_starts(host, "localhost:");
}

/* Find out whether a registry on loopback speaks TLS. No other registry is ever accessed without TLS. */
static int probe(struct registry *r, struct registry_host *h, const struct cancel *c, struct arena *a,
                 struct err *err)
{
    if (h->probed || !on_loopback(h->server))
        return 0;
    struct registry_call q = {
        .url = arena_printf(a, "https://%s/v2/", h->server), .cancel = c, .arena = a, .body = BUF_INIT};
    q.probe = true;
    int tls = registry_call(r, h, &q, err);
    q.probe = false;
    if (tls < 0 && tls != ERR_CANCELLED && tls != ERR_AUTH && !h->lost.code) {
        h->plain = true;
        q.url = arena_printf(a, "http://%s/v2/", h->server);
        err_clear(err);
        tls = registry_call(r, h, &q, err);
    }
    h->probed = tls == 0;
    if (tls < 0)
        h->plain = false;
    buf_release(&q.body);
    return tls;
}

static const char *url_of(const struct registry_host *h, struct arena *a, const char *path)
{
    return arena_printf(a, "%s://%s%s", h->plain ? "http" : "https", h->server, path);
}

static int check_status(const struct registry_call *q, struct err *err)
{
    if (q->status == 200)
        return 0;
    if (q->status == 404)
        return err_set(err, ERR_NOTFOUND, "the registry does not have it (HTTP 404)");
    if (q->status == 429 || q->status >= 500)
        return err_set(err, ERR_UNAVAILABLE, "the registry reports an internal error (HTTP %ld)", q->status);
    return err_set(err, ERR_INVALID, "the response is not that of a registry (HTTP %ld)", q->status);
}

static int ask(struct registry *r, const struct place *at, struct registry_call *q, struct err *err)
{
    const char *scope = arena_printf(q->arena, "repository:%s:pull", at->repository);
    int rc = registry_ask(r, at->host, scope, q, err);
    return rc < 0 ? rc : check_status(q, err);
}

struct tags {
    const char **items;
    size_t n, cap;
};

static int read_page(const struct registry_call *q, struct tags *t, struct err *err)
{
    json_t *j = json_loadb(buf_str(&q->body), q->body.len, 0, NULL), *item;
    json_t *list = json_object_get(j, "tags");
    size_t i;
    int rc = json_is_object(j) ? 0 : err_set(err, ERR_INVALID, "a list of tags that is not JSON");
    json_array_foreach(list, i, item)
    {
        const char *tag = json_string_value(item);
        if (tag && t->n < LIMIT_REGISTRY_TAGS)
            arena_push(q->arena, t->items, t->n, t->cap, arena_strdup(q->arena, tag));
        else if (tag)
            rc = err_set(err, ERR_LIMIT, "more than %u tags", LIMIT_REGISTRY_TAGS);
    }
    json_decref(j);
    return rc;
}

/* `</v2/NAME/tags/list?last=x&n=100>; rel="next"`, on the same server; NULL: it was the last page. */
static const char *next_page(const struct place *at, const struct registry_call *q)
{
    const char *link = q->link;
    if (!link || *link != '<' || !strstr(link, "next"))
        return NULL;
    size_t n = strcspn(link + 1, ">");
    const char *path = arena_strndup(q->arena, link + 1, n);
    const char *own = str_after(path, url_of(at->host, q->arena, ""));
    path = own ? own : path;
    return str_starts(path, "/v2/") ? path : NULL;
}

int registry_tags(struct registry *r, const char *ref, const struct cancel *c, struct arena *a,
                  const char *const **ret, size_t *ret_n, struct err *err)
{
    struct registry_call q = {.cancel = c, .arena = a, .body = BUF_INIT};
    struct tags t = {0};
    struct place at;
    int rc = place_of(r, ref, a, &at, err);
    if (rc == 0)
        rc = probe(r, at.host, c, a, err);
    const char *path = rc == 0 ? arena_printf(a, "/v2/%s/tags/list?n=1000", at.repository) : NULL;
    for (size_t page = 0; rc == 0 && path; page++) {
        q.url = url_of(at.host, a, path);
        rc = ask(r, &at, &q, err);
        if (rc == 0)
            rc = read_page(&q, &t, err);
        path = next_page(&at, &q);
        if (rc == 0 && path && page > LIMIT_REGISTRY_TAGS / 10)
            rc = err_set(err, ERR_LIMIT, "the list of tags does not end");
    }
    buf_release(&q.body);
    if (rc < 0)
        return err_wrap(err, "image %s: tags of its repository", ref);
    *ret = t.items;
    *ret_n = t.n;
    return 0;
}

int registry_digest(struct registry *r, const char *ref, const struct cancel *c, struct arena *a,
                    const char **ret, struct err *err)
{
    struct registry_call q = {.cancel = c, .arena = a, .body = BUF_INIT, .head = true, .accept = ACCEPT};
    struct place at;
    int rc = place_of(r, ref, a, &at, err);
    if (rc == 0)
        rc = probe(r, at.host, c, a, err);
    if (rc == 0) {
        q.url = url_of(at.host, a, arena_printf(a, "/v2/%s/manifests/%s", at.repository, at.tag));
        rc = ask(r, &at, &q, err);
    }
    if (rc == 0 && (!q.digest || !str_starts(q.digest, "sha256:") || strlen(q.digest) != 71))
        rc = err_set(err, ERR_INVALID, "the registry does not report its digest");
    buf_release(&q.body);
    if (rc < 0)
        return err_wrap(err, "image %s", ref);
    *ret = q.digest;
    return 0;
}
