#include "providers/provider.h"

#include "base/str.h"

#include <sys/stat.h>
#include <unistd.h>

/* Selection of the backend that serves a URL. */
static const struct {
    const char *prefix;
    const struct provider_ops *ops;
} backends[] = {
    {"unix://", &provider_docker},   {"tcp://", &provider_docker}, {"http://", &provider_docker},
    {"https://", &provider_docker},  {"ssh://", &provider_docker}, {"fake://", &provider_fake},
    {"podman://", &provider_podman}, {"swarm+", &provider_swarm},
};

static const struct provider_ops *backend_of(const char *url)
{
    for (size_t i = 0; i < ARRAY_LEN(backends); i++)
        if (str_starts(url, backends[i].prefix))
            return backends[i].ops;
    return NULL;
}

/* Where engines listen by default. %s: $XDG_RUNTIME_DIR. */
static const char *const default_sockets[] = {
    "/run/docker.sock",        "/var/run/docker.sock",  "%s/docker.sock",
    "/run/podman/podman.sock", "%s/podman/podman.sock",
};

static bool is_socket(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static const char *find_socket(struct arena *a)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    for (size_t i = 0; i < ARRAY_LEN(default_sockets); i++) {
        const char *below = str_after(default_sockets[i], "%s");
        if (below && str_empty(runtime))
            continue;
        const char *path = below ? arena_printf(a, "%s%s", runtime, below) : default_sockets[i];
        if (is_socket(path))
            return arena_printf(a, "unix://%s", path);
    }
    return NULL;
}

/* The same environment variables that docker's command line reads. */
static void from_environment(struct arena *a, struct target *t)
{
    const char *certs = getenv("DOCKER_CERT_PATH");
    t->url = getenv("DOCKER_HOST");
    if (str_empty(getenv("DOCKER_TLS_VERIFY")) || str_empty(certs) || t->ca_file)
        return;
    t->ca_file = arena_printf(a, "%s/ca.pem", certs);
    t->cert_file = arena_printf(a, "%s/cert.pem", certs);
    t->key_file = arena_printf(a, "%s/key.pem", certs);
}

/* Is the podman program on PATH? Then its service can be started. */
static bool has_podman(struct arena *a)
{
    const char *rest = str_or(getenv("PATH"), "/usr/bin");
    for (size_t n; *rest; rest += n + (rest[n] == ':')) {
        n = strcspn(rest, ":");
        if (access(arena_printf(a, "%.*s/podman", (int)n, rest), X_OK) == 0)
            return true;
    }
    return false;
}

static int resolve(struct arena *a, struct target *t, struct err *err)
{
    if (!str_empty(t->url))
        return 0;
    from_environment(a, t);
    if (str_empty(t->url))
        t->url = find_socket(a);
    if (!t->url && has_podman(a))
        t->url = "podman://";
    if (t->url && !str_starts(t->url, "fake://")) /* a fake engine must be named in the settings */
        return 0;
    err_set(err, ERR_UNAVAILABLE, "no container engine was found: there is no Docker or Podman socket");
    return err_hint(
        err, "install and start one (Debian: apt install docker.io), or set DOCKER_HOST or the target's url");
}

bool target_is_swarm(const struct target *t)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct target resolved = *t;
    struct err ignored = {0};
    bool any = false;
    for (size_t i = 0; t->members && i < t->n_members; i++)
        any |= target_is_swarm(t->members[i]);
    if (t->members || resolve(&a, &resolved, &ignored) < 0)
        return any;
    return backend_of(resolved.url) == &provider_swarm;
}

int provider_url_check(const char *url, struct err *err)
{
    const struct provider_ops *ops = backend_of(url);
    if (ops)
        return ops->url_check ? ops->url_check(url, err) : 0;
    err_set(err, ERR_INVALID, "\"%s\" is not a valid engine URL", url);
    return err_hint(err, "write unix:///run/docker.sock, podman://, tcp://HOST:2376 or ssh://USER@HOST; for "
                         "the manager of a swarm, put swarm+ before it");
}

int provider_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                  struct err *err)
{
    if (t->members)
        return provider_fleet.open(t, env, ret, err);
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct target resolved = *t;
    int r = resolve(&a, &resolved, err);
    if (r < 0)
        return r;
    r = provider_url_check(resolved.url, err);
    return r < 0 ? r : backend_of(resolved.url)->open(str_empty(t->url) ? &resolved : t, env, ret, err);
}

struct provider *provider_on(struct provider *p, const char *id)
{
    return p->ops->on ? p->ops->on(p, id) : p;
}

void provider_close(struct provider *p)
{
    if (p)
        p->ops->close(p);
}
