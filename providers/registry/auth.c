/* Authentication at a registry: with user and password, or with a token for each scope. */
#include "providers/registry/internal.h"

#include "base/clock.h"
#include "base/str.h"

#include <jansson.h>
#include <strings.h>

#define TOKEN_S      60 /* lifetime of a token that does not state it (default of the specification) */
#define TOKEN_MOST_S 3600

const char *challenge_param(struct arena *a, const char *challenge, const char *name)
{
    size_t n = strlen(name);
    const char *s = challenge + strcspn(challenge, " ");
    while (*s) {
        s += strspn(s, " ,\t");
        size_t key = strcspn(s, "=, \t");
        bool wanted = key == n && strncasecmp(s, name, n) == 0;
        s += key;
        if (*s != '=')
            continue;
        bool quoted = *++s == '"';
        s += quoted;
        size_t len = strcspn(s, quoted ? "\"" : ", \t");
        if (wanted)
            return arena_strndup(a, s, len);
        s += len;
        s += quoted && *s;
    }
    return NULL;
}

void registry_forget_tokens(struct registry_host *h)
{
    for (struct registry_token *t = h->tokens; t; t = t->next)
        secret_free(t->value);
    h->tokens = NULL;
}

static const struct secret *known_token(const struct registry_host *h, const char *scope)
{
    for (const struct registry_token *t = h->tokens; t; t = t->next)
        if (str_eq(t->scope, scope) && clock_mono(clock_system()) < t->until_ns)
            return t->value;
    return NULL;
}

/* {"token" or "access_token": "...", "expires_in": seconds} */
static int keep_token(struct registry *r, struct registry_host *h, const char *scope, struct buf *body,
                      struct err *err)
{
    json_t *j = json_loadb(buf_str(body), body->len, 0, NULL);
    const char *token = json_string_value(json_object_get(j, "token"));
    json_int_t seconds = json_integer_value(json_object_get(j, "expires_in"));
    if (str_empty(token))
        token = json_string_value(json_object_get(j, "access_token"));
    int rc = 0;
    if (str_empty(token)) {
        rc = err_set(err, ERR_INVALID, "the registry's token server returned no token");
    } else {
        struct registry_token *t = arena_new(&r->arena, struct registry_token);
        seconds = seconds < TOKEN_S ? TOKEN_S : seconds > TOKEN_MOST_S ? TOKEN_MOST_S : seconds;
        *t = (struct registry_token){
            .scope = arena_strdup(&r->arena, scope),
            .value = secret_new(token, strlen(token)),
            /* Somewhat before it expires, so that it is still valid when the registry gets it. */
            .until_ns = clock_mono(clock_system()) + (seconds - 5) * NS_PER_S,
            .next = h->tokens,
        };
        h->tokens = t;
    }
    json_decref(j);
    if (body->data)
        secret_wipe(body->data, body->cap);
    return rc;
}

static char *escape(struct registry *r, struct arena *a, const char *text)
{
    char *e = curl.easy_escape(r->curl, text, 0);
    char *out = arena_strdup(a, str_or(e, ""));
    curl.free(e);
    return out;
}

/* A token may only be requested where our password is safe: over TLS, or on this machine. */
static bool realm_is_safe(const struct registry_host *h, const char *realm)
{
    return str_starts(realm, "https://") ||
           (h->plain && (str_starts(realm, "http://127.") || str_starts(realm, "http://localhost")));
}

static int fetch_token(struct registry *r, struct registry_host *h, const struct login *l, const char *scope,
                       const struct registry_call *asked, struct err *err)
{
    struct arena *a = asked->arena;
    const char *realm = challenge_param(a, asked->challenge, "realm");
    const char *service = str_or(challenge_param(a, asked->challenge, "service"), "");
    if (!realm || !realm_is_safe(h, realm))
        return err_set(err, ERR_AUTH, "the registry requires a token from %s", str_or(realm, "nowhere"));
    struct registry_host server = {
        .name = h->name, .plain = str_starts(realm, "http://"), .noticed = h->noticed};
    struct registry_call q = {.cancel = asked->cancel, .arena = a, .body = BUF_INIT};
    char *form = NULL;
    if (l->token) {
        form = arena_printf(
            a, "grant_type=refresh_token&client_id=forge&service=%s&scope=%s&refresh_token=%s",
            escape(r, a, service), escape(r, a, scope), escape(r, a, secret_bytes(l->token, NULL)));
        q.url = realm;
        q.post = form;
    } else {
        q.url = arena_printf(a, "%s%sservice=%s&scope=%s", realm, strchr(realm, '?') ? "&" : "?",
                             escape(r, a, service), escape(r, a, scope));
        q.user = l->user;
        q.password = l->password;
    }
    int rc = registry_call(r, &server, &q, err);
    h->noticed = server.noticed;
    if (rc < 0)
        rc = err_wrap(err, "its token server %s", realm);
    if (server.lost.code)
        h->lost = *err;
    if (rc == 0 && q.status != 200) {
        rc = err_set(err, q.status >= 500 ? ERR_UNAVAILABLE : ERR_AUTH,
                     "the registry's token server returned HTTP %ld", q.status);
        err_hint(err, "%s",
                 login_known(l) ? "are the credentials of the registry still valid?"
                                : "log in to the registry, or set its login in the target");
    }
    if (rc == 0)
        rc = keep_token(r, h, scope, &q.body, err);
    if (form)
        secret_wipe(form, strlen(form));
    buf_release(&q.body);
    return rc;
}

static int refused(const struct registry_call *q, const struct login *l, struct err *err)
{
    err_set(err, ERR_AUTH, "the registry %s (HTTP %ld)",
            login_known(l) ? "rejected the credentials" : "asks for credentials, but none are known",
            q->status);
    return err_hint(err, "%s",
                    login_known(l) ? "are they still valid, and do they allow reading this repository?"
                                   : "log in with docker, or set the login in the target's settings");
}

int registry_ask(struct registry *r, struct registry_host *h, const char *scope, struct registry_call *q,
                 struct err *err)
{
    _cleanup_(login_release) struct login l = {.user = NULL};
    int rc = login_find(r->target, h->name, q->cancel, &l, err);
    /* First with what is known so far, then once more with what the challenge asks for. */
    for (int attempt = 0; rc == 0 && attempt < 2; attempt++) {
        q->bearer = known_token(h, scope);
        q->user = h->basic && !q->bearer && l.password ? l.user : NULL;
        q->password = q->user ? l.password : NULL;
        rc = registry_call(r, h, q, err);
        if (rc < 0 || q->status != 401)
            break;
        const char *how = str_or(q->challenge, "");
        if (attempt == 1)
            break;
        if (strncasecmp(how, "Bearer ", 7) == 0) {
            registry_forget_tokens(h);
            rc = fetch_token(r, h, &l, scope, q, err);
        } else if (strncasecmp(how, "Basic", 5) == 0 && l.password) {
            h->basic = true;
        } else {
            break;
        }
    }
    q->bearer = q->password = NULL;
    q->user = NULL;
    if (rc == 0 && (q->status == 401 || q->status == 403))
        rc = refused(q, &l, err);
    return rc;
}
