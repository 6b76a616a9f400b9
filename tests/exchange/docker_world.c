#include "tests/exchange/docker_world.h"

#include "base/clock.h"
#include "tests/lib/unit.h"

#include <poll.h>
#include <string.h>

#define PATIENCE_MS 30000

struct cached {
    void *data;
    size_t len;
};

static int cache_get(void *arg, const char *key, struct arena *a, const void **ret, size_t *ret_len)
{
    struct world *w = arg;
    const struct cached *c = map_get(&w->cache, key);
    if (!c)
        return ERR_NOTFOUND;
    *ret = arena_memdup(a, c->data, c->len);
    *ret_len = c->len;
    return 0;
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct world *w = arg;
    struct cached *c = arena_new(&w->arena, struct cached);
    *c = (struct cached){arena_memdup(&w->arena, data, len), len};
    map_put(&w->cache, arena_strdup(&w->arena, key), c);
}

void world_open(struct world *w, const struct peer_answer *script, const struct target *more)
{
    *w = (struct world){.peer = peer_start(script)};
    const struct provider_env env = {.cache = {.arg = w, .get = cache_get, .put = cache_put}};
    map_init(&w->cache);
    w->target = more ? *more : (struct target){.docker_config = "/no/such"};
    w->target.name = "peer";
    w->target.url = arena_printf(&w->arena, "%s%s", w->target.url ? w->target.url : "", peer_url(w->peer));
    if (!w->target.timeout_ns)
        w->target.timeout_ns = 2 * NS_PER_S;
    if (provider_open(&w->target, &env, &w->p, &w->err) < 0)
        fail_msg("%s", w->err.msg);
}

void world_close(struct world *w)
{
    provider_close(w->p);
    peer_stop(w->peer);
    map_release(&w->cache);
    arena_release(&w->arena);
}

void world_want(struct world *w, struct resource_set *set, const struct kind_desc *kind, const char *name,
                const char *json)
{
    struct resource *r = resource_new(&w->arena, kind, name);
    struct val *spec;
    if (val_from_json(&w->arena, json, strlen(json), "spec", &spec, &w->err) < 0)
        fail_msg("%s", w->err.msg);
    r->spec = spec;
    resource_set_add(set, r);
}

int world_observe(struct world *w, const struct resource_set *set, struct observed *ret)
{
    const struct observe_request rq = {.owner = "rec", .desired = set};
    err_clear(&w->err);
    return w->p->ops->observe(w->p, &rq, NULL, &w->arena, ret, &w->err);
}

static void hear(void *arg, const struct provider_event *ev)
{
    buf_addf(arg, "%s%s|", ev->lost ? "LOST" : ev->action, ev->id && !ev->lost ? "!" : "");
}

void listen_begin(struct listener *l, struct world *w)
{
    *l = (struct listener){.heard = BUF_INIT};
    l->watch = (struct watch){.provider = w->p, .event = hear, .arg = &l->heard};
    assert_int_equal(w->p->ops->watch_open(w->p, "rec", &l->watch, &w->err), 0);
}

/* Until `what` (may be NULL) is in the text, but no longer than `ms`. */
static void listen_at_most(struct listener *l, const char *what, int ms)
{
    struct err err = {0};
    int64_t end = clock_mono(clock_system()) + ms * NS_PER_MS;
    while (clock_mono(clock_system()) < end && !(what && strstr(buf_str(&l->heard), what))) {
        struct pollfd p = {.fd = l->watch.fd, .events = POLLIN};
        if (poll(&p, 1, 20) > 0)
            assert_int_equal(l->watch.provider->ops->watch_dispatch(&l->watch, &err), 0);
    }
}

void listen_until(struct listener *l, const char *what)
{
    listen_at_most(l, what, PATIENCE_MS);
    assert_contains(buf_str(&l->heard), what);
}

void listen_for(struct listener *l, int ms)
{
    listen_at_most(l, NULL, ms);
}

void listen_end(struct listener *l)
{
    l->watch.provider->ops->watch_close(&l->watch);
    buf_release(&l->heard);
}
