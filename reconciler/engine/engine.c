#include "reconciler/engine/internal.h"

#include "base/str.h"

#include <stdlib.h>

int engine_open(const struct env_config *c, const struct engine_env *e, struct engine **ret, struct err *err)
{
    struct engine *en = calloc(1, sizeof(*en));
    if (!en)
        abort();
    en->config = c;
    en->env = *e;
    int r = source_open(&c->source, &en->source, err);
    if (r < 0) {
        engine_close(en);
        return err_wrap(err, "environment %s", c->name);
    }
    *ret = en;
    return 0;
}

void engine_close(struct engine *e)
{
    if (!e)
        return;
    provider_close(e->provider);
    wanted_unref(e->kept);
    source_close(e->source);
    free(e);
}

const struct env_config *engine_config(const struct engine *e)
{
    return e->config;
}

struct source *engine_source(struct engine *e)
{
    return e->source;
}

struct store *engine_store(struct engine *e)
{
    return e->env.store;
}

/* ---- the provider's cache, kept in the store under the target's name ---- */

static int cache_get(void *arg, const char *key, struct arena *a, const void **ret, size_t *ret_len)
{
    struct engine *e = arg;
    return store_cache_get(e->env.store, str_or(e->config->target->name, "local"), key, a, ret, ret_len);
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct engine *e = arg;
    store_cache_put(e->env.store, str_or(e->config->target->name, "local"), key, data, len);
}

static void cache_flush(void *arg)
{
    struct engine *e = arg;
    struct err ignored = {0};
    /* A cache that cannot be written costs time, not correctness. */
    if (store_cache_flush(e->env.store, &ignored) < 0)
        log_debug("cache.flush_failed", "error", ignored.msg, NULL);
}

int engine_provider(struct engine *e, struct provider **ret, struct err *err)
{
    if (!e->provider) {
        const struct provider_env env = {
            .clock = e->env.clock,
            .pool = e->env.pool,
            .cache = {.arg = e, .get = cache_get, .put = cache_put, .flush = cache_flush},
        };
        int r = provider_open(e->config->target, &env, &e->provider, err);
        if (r < 0)
            return r;
    }
    *ret = e->provider;
    return 0;
}

int engine_note(struct engine *e, int result, const struct err *outcome, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state st;
    int r = env_state_get(e->env.store, e->config->name, &a, &st, err);
    if (r < 0)
        return r;
    /* Being stopped, or not being the first, says nothing about the environment. */
    if (result == ERR_CANCELLED || result == ERR_BUSY)
        return 0;
    const char *text = result < 0 ? outcome->msg : NULL;
    if (str_eq(st.error, text))
        return 0;
    st.error = text;
    st.error_ns = text ? clock_wall(e->env.clock) : 0;
    return env_state_put(e->env.store, e->config->name, &st, err);
}

/* ---- suspension (S7) ---- */

int engine_suspend(struct engine *e, const char *who, const char *why, int64_t until_ns, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state st;
    int r = env_state_get(e->env.store, e->config->name, &a, &st, err);
    if (r < 0)
        return r;
    st.suspended_by = who;
    st.suspended_why = why;
    st.suspended_ns = clock_wall(e->env.clock);
    st.suspended_until_ns = until_ns;
    return env_state_put(e->env.store, e->config->name, &st, err);
}

int engine_resume(struct engine *e, const char *who, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state st;
    int r = env_state_get(e->env.store, e->config->name, &a, &st, err);
    if (r < 0)
        return r;
    if (!st.suspended_by)
        return 0;
    log_info("environment.resumed", "environment", e->config->name, "by", who, NULL);
    st.suspended_by = st.suspended_why = NULL;
    st.suspended_ns = st.suspended_until_ns = 0;
    return env_state_put(e->env.store, e->config->name, &st, err);
}
