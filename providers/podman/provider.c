/* The backend for podman:// URLs: Docker's provider, on Podman's socket. */
#include "base/str.h"
#include "providers/docker/docker.h"
#include "providers/podman/podman.h"
#include "providers/podman/service.h"

static int podman_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                       struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct target resolved = *t;
    struct provider *p;
    bool own;
    int r = service_url(&a, t->url, &resolved.url, &own, err);
    if (r < 0)
        return err_wrap(err, "target \"%s\"", str_or(t->name, t->url));
    r = provider_docker.open(&resolved, env, &p, err);
    if (r < 0) {
        if (own)
            service_release();
        return r;
    }
    p->ops = &provider_podman;
    docker_of(p)->dial->wake = own ? service_wake : NULL;
    *ret = p;
    return 0;
}

static void podman_close(struct provider *p)
{
    bool own = p && docker_of(p)->dial->wake;
    provider_docker.close(p);
    if (own)
        service_release();
}

static int podman_ping(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                       struct err *err)
{
    int r = provider_docker.ping(p, ret_caps, ret_engine, a, err);
    if (r == 0 && docker_of(p)->dial->wake)
        *ret_engine = arena_printf(a, "%s, started by Forge", *ret_engine);
    return r;
}

const struct provider_ops provider_podman = {
    .name = "podman",
    .url_check = service_url_check,
    .open = podman_open,
    .close = podman_close,
    .ping = podman_ping,
    DOCKER_OPS,
};
