/* Files that manifests name: env_file and the files of Configs; and digests (load_internal.h). */
#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/objects.h"
#include "schema/load_envfile.h"
#include "schema/load_internal.h"

/* The file that a value of a resource stands in: what its relative paths are relative to. */
static const char *file_of(const struct loader *l, const struct resource *r, const struct val *v)
{
    return v->file && v->file < l->set->n_files ? l->set->files[v->file] : r->file;
}

/* The names of the files beside a missing one, for the nearest. */
static const char *nearest_file(struct loader *l, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    const char **names = NULL;
    size_t n = 0;
    size_t cap = 0;
    for (size_t i = 0; i < l->in->n_files; i++) {
        const char *other = l->in->files[i].path;
        if (strncmp(other, path, folder) == 0 && !strchr(other + folder, '/'))
            arena_push(l->arena, names, n, cap, other + folder);
    }
    return str_nearest(path + folder, names, n);
}

/* The named file's bytes; NULL with a problem, or when it is missing and need not be there. *ret_path is its
 * path. */
static int read_named(struct loader *l, struct resource *r, const struct val *name, bool required, size_t max,
                      const char **ret_path, const char **ret, size_t *ret_len, struct err *err)
{
    const char *path = load_resolve_path(l->arena, file_of(l, r, name), name->s);
    *ret = NULL;
    *ret_path = path;
    const struct load_file *file = path && *path ? load_find_file(l, path) : NULL;
    if (!path) {
        resource_error_hint(l->set, r, name, l->diags,
                            "files are named relative to the manifest, and stand in the repository",
                            "\"%s\" is not in the repository", name->s);
    } else if (!file && required) {
        const char *near = nearest_file(l, path);
        const char *hint = near ? arena_printf(l->arena, "did you mean \"%s\"?", near)
                                : "paths are relative to the manifest";
        resource_error_hint(l->set, r, name, l->diags, hint, "there is no file %s in the repository", path);
    } else if (file && file->size > max) {
        resource_error(l->set, r, name, l->diags, "%s is larger than %zu bytes", path, max);
    } else if (file) {
        int code = l->in->read(l->in->arg, (size_t)(file - l->in->files), l->arena, ret, ret_len, err);
        return code < 0 ? err_wrap(err, "%s", path) : 0;
    }
    r->partial |= required || path == NULL || file;
    return 0;
}

static int expand_env_files(struct loader *l, struct resource *r, struct err *err)
{
    const struct val *list = val_get(r->spec, "env_file");
    if (!list)
        return 0;
    struct val *environment = val_map(l->arena);
    struct interp in = load_vars_interp(&l->vars, l->arena);
    for (size_t i = 0; i < val_len(list); i++) {
        const struct val *item = list->items[i];
        const struct val *name = val_get(item, "path");
        const char *path;
        const char *text;
        size_t len;
        if (!val_is(name, VAL_STR))
            continue;
        int code = read_named(l, r, name, val_get_bool(item, "required", true), LIMIT_MANIFEST_BYTES, &path,
                              &text, &len, err);
        if (code < 0)
            return code;
        size_t before = l->diags->errors;
        if (text)
            envfile_read(l->arena, path, text, len, str_eq(val_get_str(item, "format"), "raw"), &in, l->diags,
                         environment);
        r->partial |= l->diags->errors > before;
        load_stamp(environment, text ? load_file_index(l, path) : 0);
    }
    const struct val *own = val_get(r->spec, "environment");
    struct val *spec = val_map_copy(l->arena, r->spec);
    val_map_del(spec, "env_file");
    if (val_is(own, VAL_MAP))
        environment = load_overlay_map(l->arena, environment, own);
    if (environment->len)
        val_map_set(l->arena, spec, "environment", environment);
    r->spec = spec;
    return 0;
}

static int expand_config(struct loader *l, struct resource *r, struct err *err)
{
    const struct val *name = val_get(r->spec, "file");
    const struct val *content = val_get(r->spec, "content");
    struct val *spec = val_map_copy(l->arena, r->spec);
    val_map_del(spec, "file");
    r->spec = spec;
    if (val_is(name, VAL_STR)) {
        const char *path;
        const char *data;
        size_t len;
        if (content) {
            resource_error_hint(l->set, r, name, l->diags, "remove one; in a patch set the other one to null",
                                "content and file exclude each other");
            r->partial = true;
            return 0;
        }
        int code = read_named(l, r, name, true, LIMIT_CONFIG_BYTES, &path, &data, &len, err);
        if (code == 0 && data)
            config_set_bytes(l->arena, spec, data, len);
        return code;
    }
    const void *bytes;
    size_t len;
    struct err ignored = {0}; /* the kind's check says what is wrong */
    if (val_is(content, VAL_STR) && config_bytes(r, l->arena, &bytes, &len, &ignored) == 0)
        config_set_bytes(l->arena, spec, bytes, len);
    return 0;
}

/* What a Config or Secret says of the file, where the container says nothing. */
static struct val *filled_file(struct loader *l, const struct val *file, const struct resource *source,
                               const char *const *keys)
{
    struct val *copy = val_map_copy(l->arena, file);
    for (; *keys; keys++) {
        struct val *v = val_get(source->spec, *keys);
        if (v && !val_get(file, *keys))
            val_map_set(l->arena, copy, *keys, v);
    }
    return copy;
}

static void fill_files(struct loader *l, struct resource *r, const char *field, const char *prefix,
                       const char *const *keys)
{
    const struct val *files = val_get(r->spec, field);
    if (!val_len(files))
        return;
    struct val *filled = val_map_copy(l->arena, files);
    for (size_t i = 0; i < filled->len; i++) {
        const char *name = val_get_str(filled->pairs[i].val, "source");
        const struct resource *source =
            name ? resource_find(l->set, arena_printf(l->arena, "%s/%s", prefix, name)) : NULL;
        if (source)
            filled->pairs[i].val = filled_file(l, filled->pairs[i].val, source, keys);
    }
    struct val *spec = val_map_copy(l->arena, r->spec);
    val_map_set(l->arena, spec, field, filled);
    r->spec = spec;
}

int load_expand(struct loader *l, struct err *err)
{
    static const char *const of_config[] = {"digest", "mode", "uid", "gid", NULL};
    static const char *const of_secret[] = {"file", "mode", "uid", "gid", NULL};
    for (size_t i = 0; i < l->set->n; i++) {
        struct resource *r = l->set->items[i];
        int code = 0;
        if (r->kind == &kind_config)
            code = expand_config(l, r, err);
        else if (r->kind == &kind_container)
            code = expand_env_files(l, r, err);
        if (code < 0)
            return code;
    }
    for (size_t i = 0; i < l->set->n; i++) {
        struct resource *r = l->set->items[i];
        if (r->kind != &kind_container)
            continue;
        fill_files(l, r, "configs", "config", of_config);
        fill_files(l, r, "secrets", "secret", of_secret);
    }
    return 0;
}

/* Paths that documents name as files, so that those are no manifests. */
static void note_named(struct loader *l, struct map *named, const struct load_unit *u, const struct val *name)
{
    const char *path = val_is(name, VAL_STR) ? load_resolve_path(l->arena, u->path, name->s) : NULL;
    if (path && *path)
        map_put(named, path, l);
}

static void drop_unit(struct loader *l, struct load_unit *u)
{
    struct diag_list *d = l->diags;
    memmove(d->items + u->first_diag, d->items + u->first_diag + u->n_diags,
            (d->n - u->first_diag - u->n_diags) * sizeof(*d->items));
    d->n -= u->n_diags;
    d->errors -= u->errors;
    d->warnings -= u->warnings;
    for (struct load_unit *other = l->units; other < l->units + l->n_units; other++)
        if (other->first_diag > u->first_diag)
            other->first_diag -= u->n_diags;
    u->n_diags = 0;
    u->n_docs = 0;
    u->n_refs = 0;
}

void load_drop_named(struct loader *l)
{
    struct map named = MAP_INIT;
    for (size_t i = 0; i < l->n_units; i++) {
        const struct load_unit *u = &l->units[i];
        for (size_t k = 0; k < u->n_docs; k++) {
            const struct document *doc = &u->docs[k];
            if (doc->kind == &kind_config)
                note_named(l, &named, u, val_get(doc->spec, "file"));
            const struct val *env_files =
                doc->kind == &kind_container ? val_get(doc->spec, "env_file") : NULL;
            for (size_t j = 0; val_is(env_files, VAL_LIST) && j < env_files->len; j++)
                note_named(l, &named, u, val_get(env_files->items[j], "path"));
        }
    }
    for (size_t i = 0; named.n && i < l->n_units; i++)
        if (map_get(&named, l->units[i].path))
            drop_unit(l, &l->units[i]);
    map_release(&named);
}
