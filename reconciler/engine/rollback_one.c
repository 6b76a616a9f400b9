/* One resource as an older generation had it, with what it needs, over all that was applied last. */
#include "reconciler/engine/internal.h"

#include "base/str.h"

static int no_such_resource(struct look *l, const struct generation *last, const struct generation *g,
                            const char *id, struct err *err)
{
    const struct val *both[] = {last->resources, g->resources};
    const char **ids = arena_array(&l->arena, const char *, val_len(both[0]) + val_len(both[1]) + 1);
    size_t n = 0;
    for (size_t b = 0; b < ARRAY_LEN(both); b++)
        for (size_t i = 0; i < val_len(both[b]); i++)
            ids[n++] = both[b]->pairs[i].key;
    const char *near = id_nearest(&l->arena, id, ids, n);
    err_set(err, ERR_NOTFOUND, "neither generation %llu nor the newest, %llu, has %s",
            (unsigned long long)g->number, (unsigned long long)last->number, id);
    return near ? err_hint(err, "did you mean %s?", near)
                : err_hint(err, "`forge-ctl show %llu` lists what that generation has",
                           (unsigned long long)g->number);
}

static bool uses_config(const struct val *record, const char *name)
{
    const struct val *configs = val_get(val_get(record, "spec"), "configs");
    for (size_t i = 0; i < val_len(configs); i++)
        if (str_eq(val_get_str(configs->pairs[i].val, "source"), name))
            return true;
    return false;
}

static bool used_by_another(const struct val *resources, const char *id, const char *config)
{
    for (size_t i = 0; i < val_len(resources); i++)
        if (!str_eq(resources->pairs[i].key, id) && uses_config(resources->pairs[i].val, config))
            return true;
    return false;
}

/* Where a resource names others, and of what kind; by their `source`, or by the key. */
static const struct {
    const char *field, *prefix;
    bool by_key;
} references[] = {{"configs", "config", false},
                  {"secrets", "secret", false},
                  {"volumes", "volume", false},
                  {"networks", "network", true}};

/* What `id` refers to and is no longer asked for comes back with it. A Config also goes back with it, unless
   others use it as well, because they are to stay. */
static void restore_needs(struct look *l, struct val *resources, const struct generation *g, const char *id)
{
    const struct val *spec = val_get(val_get(resources, id), "spec");
    for (size_t i = 0; i < ARRAY_LEN(references); i++) {
        const struct val *map = val_get(spec, references[i].field);
        for (size_t k = 0; k < val_len(map); k++) {
            const char *source = val_get_str(map->pairs[k].val, "source");
            const char *name = references[i].by_key ? map->pairs[k].key : str_or(source, "");
            const char *need = arena_printf(&l->arena, "%s/%s", references[i].prefix, name);
            const struct val *then = val_get(g->resources, need);
            bool goes_back = str_eq(references[i].prefix, "config") && !used_by_another(resources, id, name);
            if (then && (goes_back || !val_get(resources, need)))
                val_map_set(&l->arena, resources, need, val_clone(&l->arena, then));
        }
    }
}

/* The digest of a Config's content that a container was recorded with, brought up to the Config as it is
   restored. */
static void refresh_digest(struct look *l, const struct resource *r, struct val *file,
                           const struct generation *g, const char *id)
{
    const char *name = str_or(val_get_str(file, "source"), "");
    const struct resource *config = resource_find(&l->desired, arena_printf(&l->arena, "config/%s", name));
    const char *digest = config ? val_get_str(config->spec, "digest") : NULL;
    if (!digest || str_eq(digest, val_get_str(file, "digest")))
        return;
    if (str_eq(r->id, id))
        resource_warning_hint(&l->desired, r, file, &l->diags,
                              arena_printf(&l->arena, "for all that use it: `forge-ctl rollback %llu %s`",
                                           (unsigned long long)g->number, config->id),
                              "%s has changed since generation %llu; the rollback uses its current content, "
                              "because it is not only used here",
                              config->id, (unsigned long long)g->number);
    val_set_str(&l->arena, file, "digest", digest);
}

static void refresh_digests(struct look *l, const struct generation *g, const char *id)
{
    for (size_t i = 0; i < l->desired.n; i++) {
        struct resource *r = l->desired.items[i];
        const struct val *configs = val_get(r->spec, "configs");
        if (!(r->kind->flags & KIND_INSTANCES) || !val_len(configs))
            continue;
        struct val *spec = val_map_copy(&l->arena, r->spec), *files = val_clone(&l->arena, configs);
        for (size_t k = 0; k < files->len; k++)
            refresh_digest(l, r, files->pairs[k].val, g, id);
        val_map_set(&l->arena, spec, "configs", files);
        r->spec = spec;
    }
}

int rollback_one(struct look *l, const struct generation *last, const struct generation *g, const char *id,
                 struct err *err)
{
    const struct val *record = val_get(g->resources, id);
    if (!record && !val_get(last->resources, id))
        return no_such_resource(l, last, g, id, err);
    struct generation mixed = *last;
    struct val *resources = val_map_copy(&l->arena, last->resources);
    val_map_del(resources, id);
    if (record) {
        val_map_set(&l->arena, resources, id, val_clone(&l->arena, record));
        restore_needs(l, resources, g, id);
    }
    mixed.resources = resources;
    l->rollback_same = val_equal(resources, last->resources);
    int r = rollback_all(l, &mixed, err);
    if (r == 0)
        refresh_digests(l, g, id);
    return r;
}
