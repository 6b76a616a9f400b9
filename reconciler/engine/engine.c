#include "reconciler/engine/internal.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

int engine_open(const struct env_config *c, const struct engine_env *e, struct engine **ret, struct err *err)
{
    struct engine *en = mem_new(struct engine);
    en->config = c;
    en->env = *e;
    secret_files_init(&en->secrets);
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
    arena_release(&e->notes_arena);
    secret_files_release(&e->secrets);
    source_close(e->source);
    free(e);
}

const struct env_config *engine_config(const struct engine *e)
{
    return e->config;
}

bool engine_reads_folder(const struct env_config *c)
{
    return str_starts(c->source.url, "dir:");
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

/* With several engines each puts its name into its keys, whatever other engines there are. */
static const char *cache_space(const struct engine *e)
{
    return e->config->target->members ? "@" : str_or(e->config->target->name, "local");
}

static int cache_get(void *arg, const char *key, struct arena *a, const void **ret, size_t *ret_len)
{
    struct engine *e = arg;
    return store_cache_get(e->env.store, cache_space(e), key, a, ret, ret_len);
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct engine *e = arg;
    store_cache_put(e->env.store, cache_space(e), key, data, len);
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

bool engine_lost_race(int result, const struct err *err)
{
    return result == ERR_BUSY || (result == ERR_CONFLICT && err->retryable);
}
