/* From a snapshot to a set of resources, with decoded manifests cached by blob id and schema version. */
#include "reconciler/engine/internal.h"

#include <stdio.h>

/* After this much was put into the cache, or read from it, the memory for that is released: entries that
   wait to be written, and the pages of the store that were read. */
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
    store_cache_end(c->read); /* nobody writes to the store while reading from it */
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

static void begin(struct engine *e, struct snapshot *snap, const struct snapshot_info *info,
                  struct load_context *c, struct load_input *ret)
{
    const struct env_config *config = e->config;
    *c = (struct load_context){.store = e->env.store, .snapshot = snap};
    snprintf(c->ns, sizeof(c->ns), "manifest-%u", SCHEMA_VERSION);
    *ret = (struct load_input){
        .environment = config->project_environment ? config->project_environment : config->name,
        .commit = info->commit,
        .profiles = config->profiles,
        .services = target_is_swarm(config->target),
        .trace = e->env.keep_wanted,
        .arg = c,
        .read = manifest_read,
    };
    /* An in-memory store ends with this process: what it could recall has just been read. */
    if (store_dir(e->env.store)) {
        ret->cache_get = manifest_cached;
        ret->cache_put = manifest_keep;
    }
    c->read = store_cache_begin(e->env.store);
}

static void end(struct load_context *c, bool flush)
{
    struct err ignored = {0};
    store_cache_end(c->read);
    if (flush && store_cache_flush(c->store, &ignored) < 0)
        log_debug("cache.flush_failed", "error", ignored.msg, NULL);
}

/* Most likely the wrong folder or branch, or a forgotten profile. */
static void warn_of_nothing(size_t n_files, size_t n_inactive, struct diag_list *diags)
{
    if (n_inactive) {
        struct diag *d = diag_add(diags, DIAG_WARNING, NULL, 0, 0,
                                  "no resource is active: all profiles of %zu resource%s are inactive",
                                  n_inactive, n_inactive == 1 ? "" : "s");
        diag_hint(diags, d, "activate profiles in the settings of the environment, or in forge.yaml");
        return;
    }
    struct diag *d =
        diag_add(diags, DIAG_WARNING, NULL, 0, 0, "there are no manifests here (%zu YAML file%s)", n_files,
                 n_files == 1 ? "" : "s");
    diag_hint(diags, d, "a manifest starts with apiVersion: forge/v1; `forge-ctl init` writes an example");
}

int look_load(struct engine *e, struct snapshot *snap, const struct snapshot_info *info,
              struct load_known *known, struct arena *a, struct resource_set *ret, struct diag_list *diags,
              struct load_stats *stats, struct err *err)
{
    struct load_context c;
    struct load_input in;
    begin(e, snap, info, &c, &in);
    in.n_files = snapshot_files(snap, &in.files);
    in.known = known;
    int r = schema_load(&in, a, ret, diags, stats, err);
    end(&c, r == 0 && stats->decoded);
    if (r == 0 && ret->n == 0 && !diags->errors)
        warn_of_nothing(in.n_files, ret->n_inactive, diags);
    if (r == 0 && stats->files > MANY_FILES)
        store_relax(e->env.store);
    return r < 0 ? err_wrap(err, "environment %s", e->config->name) : 0;
}

static int find_file(void *arg, const char *path, size_t *ret_number, struct load_file *ret)
{
    struct load_context *c = arg;
    struct err ignored = {0};
    const struct load_file *files;
    int r = snapshot_find(c->snapshot, path, ret_number, &ignored);
    if (r < 0)
        return r;
    snapshot_files(c->snapshot, &files);
    *ret = files[*ret_number];
    return 0;
}

int look_load_part(struct engine *e, struct snapshot *snap, const struct snapshot_info *info,
                   struct resource_set *set, struct load_edit *ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct load_context c;
    struct load_input in;
    const struct load_file *files;
    struct load_part_input part = {.load = &in, .n_changed = snapshot_files(snap, &files), .find = find_file};
    const char **paths = arena_array(&a, const char *, part.n_changed + 1);
    for (size_t i = 0; i < part.n_changed; i++)
        paths[i] = files[i].path;
    part.changed = paths;
    begin(e, snap, info, &c, &in);
    int r = schema_load_part(&part, set, ret, err);
    end(&c, false); /* one file more or less: with the next flush */
    return r;
}
