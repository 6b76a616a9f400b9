/* Registry credentials. Helpers are programs that read a request from stdin
   (github.com/docker/docker-credential-helpers). */
#include "providers/docker/credential.h"

#include "providers/docker/docker.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/container.h"
#include "schema/kinds/objects.h"

#define HUB     "docker.io"
#define HUB_KEY "https://index.docker.io/v1/"

void login_release(struct login *l)
{
    secret_free(l->own);
    secret_free(l->token);
    arena_release(&l->arena);
}

static void set_password(struct login *l, const char *user, const char *bytes, size_t len)
{
    l->user = arena_strdup(&l->arena, user);
    l->password = l->own = secret_new(bytes, len);
}

const char *registry_of(struct arena *a, const char *image)
{
    const char *canonical;
    struct err ignored = {0};
    if (ref_canonical(a, image, &canonical, &ignored) < 0)
        return NULL;
    return arena_strndup(a, canonical, strcspn(canonical, "/"));
}

/* Settings name a registry in several ways: "localhost:5000", "https://localhost:5000/v2/", Hub's aliases. */
static bool same_registry(const char *name, const char *registry)
{
    static const char *const hub[] = {"docker.io", "index.docker.io", "registry-1.docker.io",
                                      "registry.hub.docker.com"};
    const char *s = str_after(name, "https://");
    if (!s)
        s = str_after(name, "http://");
    if (!s)
        s = name;
    size_t n = strcspn(s, "/");
    if (strlen(registry) == n && strncmp(s, registry, n) == 0)
        return true;
    for (size_t i = 0; str_eq(registry, HUB) && i < ARRAY_LEN(hub); i++)
        if (strlen(hub[i]) == n && strncmp(s, hub[i], n) == 0)
            return true;
    return false;
}

static bool from_target(const struct target *t, const char *registry, struct login *l)
{
    for (size_t i = 0; i < t->n_logins; i++) {
        const struct registry_login *x = &t->logins[i];
        if (!same_registry(x->registry, registry))
            continue;
        l->user = x->username;
        l->password = x->password;
        return true;
    }
    return false;
}

/* {"Username": ..., "Secret": ...} */
static int from_helper(const char *helper, const char *key, const struct cancel *c, struct login *l,
                       struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct buf out = BUF_INIT, errout = BUF_INIT;
    int status = 0;
    if (strpbrk(helper, "/ "))
        return err_set(err, ERR_INVALID, "\"%s\" is not a valid credential helper name", helper);
    const char *const argv[] = {arena_printf(&a, "docker-credential-%s", helper), "get", NULL};
    const struct child_opts o = {
        .argv = argv, .input = key, .input_len = strlen(key), .timeout_ns = 30 * NS_PER_S, .cancel = c};
    int r = child_run(&o, &out, &errout, &status, err);
    json_t *j = r == 0 && status == 0 ? json_loadb(buf_str(&out), out.len, 0, NULL) : NULL;
    const char *user = json_string_value(json_object_get(j, "Username"));
    const char *secret = json_string_value(json_object_get(j, "Secret"));
    /* "<token>" says that the secret is an identity token. */
    if (user && secret && str_eq(user, "<token>")) {
        l->token = secret_new(secret, strlen(secret));
    } else if (user && secret) {
        set_password(l, user, secret, strlen(secret));
    } else if (r == 0 && status != 0 && !strstr(buf_str(&out), "credentials not found")) {
        r = err_set(err, ERR_AUTH, "the credential helper docker-credential-%s failed (exit code %d)", helper,
                    status);
    }
    json_decref(j);
    if (out.data)
        secret_wipe(out.data, out.cap);
    buf_release(&out);
    buf_release(&errout);
    return r;
}

/* "auth": base64 of "user:password"; or "identitytoken". */
static void from_auth(json_t *entry, struct login *l)
{
    const char *auth = json_string_value(json_object_get(entry, "auth"));
    const char *token = json_string_value(json_object_get(entry, "identitytoken"));
    const char *user = json_string_value(json_object_get(entry, "username"));
    const char *password = json_string_value(json_object_get(entry, "password"));
    size_t n = 0;
    char *text = str_empty(auth) ? NULL : base64_decode(&l->arena, auth, strlen(auth), &n);
    char *colon = text ? memchr(text, ':', n) : NULL;
    if (!str_empty(token)) {
        l->token = secret_new(token, strlen(token));
    } else if (colon) {
        *colon = '\0';
        set_password(l, text, colon + 1, n - (size_t)(colon + 1 - text));
    } else if (user && password) {
        set_password(l, user, password, strlen(password));
    }
    if (text)
        secret_wipe(text, n);
}

static int from_config(json_t *config, const char *registry, const struct cancel *c, struct login *l,
                       struct err *err)
{
    const char *name;
    json_t *item;
    const char *key = str_eq(registry, HUB) ? HUB_KEY : registry;
    json_object_foreach(json_object_get(config, "credHelpers"), name,
                        item) if (same_registry(name, registry) &&
                                  json_is_string(item)) return from_helper(json_string_value(item), key, c, l,
                                                                           err);
    const char *store = json_string_value(json_object_get(config, "credsStore"));
    if (!str_empty(store)) {
        int r = from_helper(store, key, c, l, err);
        if (r < 0 || l->user || l->token)
            return r;
    }
    json_object_foreach(json_object_get(config, "auths"), name, item) if (same_registry(name, registry))
        from_auth(item, l);
    return 0;
}

static int from_docker(const struct target *t, const char *registry, const struct cancel *c, struct login *l,
                       struct err *err)
{
    const char *dir = t->docker_config, *home = getenv("HOME");
    struct buf text = BUF_INIT;
    struct err missing = {0};
    if (str_empty(dir))
        dir = getenv("DOCKER_CONFIG");
    if (str_empty(dir) && str_empty(home))
        return 0;
    const char *path = str_empty(dir) ? arena_printf(&l->arena, "%s/.docker/config.json", home)
                                      : arena_printf(&l->arena, "%s/config.json", dir);
    int r = io_read_file(path, LIMIT_SETTINGS_BYTES, &text, &missing);
    if (r == ERR_NOTFOUND) {
        r = 0;
    } else if (r < 0) {
        *err = missing;
    } else {
        _cleanup_json_ json_t *config = json_loadb(buf_str(&text), text.len, 0, NULL);
        r = config ? from_config(config, registry, c, l, err)
                   : err_set(err, ERR_INVALID, "%s is not JSON", path);
    }
    if (text.data)
        secret_wipe(text.data, text.cap);
    buf_release(&text);
    return r;
}

bool login_known(const struct login *l)
{
    return l->token || (l->user && l->password);
}

int login_find(const struct target *t, const char *registry, const struct cancel *c, struct login *ret,
               struct err *err)
{
    *ret = (struct login){.user = NULL};
    arena_init(&ret->arena);
    int r = from_target(t, registry, ret) ? 0 : from_docker(t, registry, c, ret, err);
    return r < 0 ? err_wrap(err, "credentials of registry %s", registry) : 0;
}

/* RFC 4648, section 5, with padding, as Go's base64.URLEncoding reads it. */
static void add_base64url(struct buf *out, const char *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < len; i += 3) {
        unsigned v =
            (unsigned)p[i] << 16 | (i + 1 < len ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < len ? p[i + 2] : 0);
        buf_addc(out, digits[v >> 18]);
        buf_addc(out, digits[v >> 12 & 63]);
        buf_addc(out, i + 1 < len ? digits[v >> 6 & 63] : '=');
        buf_addc(out, i + 2 < len ? digits[v & 63] : '=');
    }
}

/* X-Registry-Auth: base64url of JSON (API, "Authentication"). */
static char *make_header(const struct login *l, const char *registry)
{
    json_t *j = json_object();
    const char *server = str_eq(registry, HUB) ? HUB_KEY : registry;
    if (l->token) {
        json_object_set_new(j, "identitytoken", json_string(secret_bytes(l->token, NULL)));
    } else {
        json_object_set_new(j, "username", json_string(l->user));
        json_object_set_new(j, "password", json_string(secret_bytes(l->password, NULL)));
    }
    json_object_set_new(j, "serveraddress", json_string(server));
    char *text = json_dumps(j, JSON_COMPACT);
    size_t len = strlen(text);
    struct buf header = BUF_INIT;
    /* Reserve all of it at once: a growing buffer would leave copies of the secret in freed memory. */
    (void)buf_reserve(&header, len * 2 + 64);
    buf_adds(&header, "X-Registry-Auth: ");
    add_base64url(&header, text, len);
    buf_adds(&header, "\r\n");
    secret_wipe(text, len);
    free(text);
    json_decref(j);
    return buf_steal(&header);
}

int credential_header(struct docker *d, const char *image, const struct cancel *c, char **ret,
                      struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_(login_release) struct login l = {.user = NULL};
    const char *registry = registry_of(&a, image);
    int r = registry ? login_find(&d->target, registry, c, &l, err) : 0;
    if (r == 0)
        *ret = login_known(&l) ? make_header(&l, registry) : NULL;
    return r;
}

void credential_free(char *header)
{
    if (!header)
        return;
    secret_wipe(header, strlen(header));
    free(header);
}
