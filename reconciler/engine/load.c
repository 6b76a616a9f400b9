/* From a snapshot to a set of resources, with decoded manifests cached by blob id and schema version. */
#include "reconciler/engine/internal.h"

#include <stdio.h>

/* So much is put into the cache, or read of it, before what that takes of memory is given back: what waits to
   be written, and the pages of the store that were looked at. */
#define MANY_FILES   1000u
#define BREATH_BYTES ((size_t)1 << 20)

struct load_context {
    struct store *store;
    size_t moved;                  /* bytes since the last breath */
    struct store_cache_read *read; /* one read transaction for the whole load */
    struct snapshot *snapshot;
    char ns[32];
};

static int manifest_read(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len,
                         struct err *err)
{
    struct load_context *c = arg;
    return snapshot_read(c->snapshot, i, a, ret, ret_len, err);
}

static void breathe(struct load_context *c, size_t bytes)
{
    struct err ignored = {0};
    c->moved += bytes;
    if (c->moved < BREATH_BYTES)
        return;
    c->moved = 0;
    store_cache_end(c->read); /* nobody writes to the store while he reads from it */
    if (store_cache_flush(c->store, &ignored) < 0)
        log_debug("cache.flush_failed", "error", ignored.msg, NULL);
    store_relax(c->store);
    c->read = store_cache_begin(c->store);
}

static int manifest_cached(void *arg, const char *blob_id, const void **ret, size_t *ret_len)
{
    struct load_context *c = arg;
    breathe(c, 0);
    int r = store_cache_peek(c->read, c->ns, blob_id, ret, ret_len);
    c->moved += r == 0 ? *ret_len : 0;
    return r;
}

static void manifest_keep(void *arg, const char *blob_id, const void *data, size_t len)
{
    struct load_context *c = arg;
    store_cache_put(c->store, c->ns, blob_id, data, len);
    breathe(c, len);
}

int look_load(struct engine *e, struct snapshot *snap, const struct snapshot_info *info, struct arena *a,
              struct resource_set *ret, struct diag_list *diags, struct load_stats *stats, struct err *err)
{
    struct load_context c = {.store = e->env.store, .snapshot = snap};
    snprintf(c.ns, sizeof(c.ns), "manifest-%u", SCHEMA_VERSION);
    const struct env_config *config = e->config;
    struct load_input in = {
        .environment = config->project_environment ? config->project_environment : config->name,
        .commit = info->commit,
        .profiles = config->profiles,
        .arg = &c,
        .read = manifest_read,
    };
    /* A store in memory is gone when we are: what it would recall has just been read. */
    if (store_dir(e->env.store)) {
        in.cache_get = manifest_cached;
        in.cache_put = manifest_keep;
    }
    in.n_files = snapshot_files(snap, &in.files);
    c.read = store_cache_begin(e->env.store);
    int r = schema_load(&in, a, ret, diags, stats, err);
    store_cache_end(c.read);
    if (r < 0)
        return err_wrap(err, "environment %s", config->name);
    struct err ignored = {0};
    if (stats->decoded && store_cache_flush(e->env.store, &ignored) < 0)
        log_debug("cache.flush_failed", "error", ignored.msg, NULL);
    if (stats->files > MANY_FILES)
        store_relax(e->env.store);
    return 0;
}
