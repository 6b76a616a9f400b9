/* Files that manifests name (env_file, files of Configs), and digests (load_internal.h). */
#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/objects.h"
#include "schema/load_envfile.h"
#include "schema/load_internal.h"

/* Finding the nearest of many names takes time: stop after this many problems when there are many names. */
#define NEAREST_PROBLEMS 50u
#define NEAREST_FILES    1000u

/* The file that a value of a resource comes from: relative paths in it are relative to that file. */
static const char *file_of(const struct loader *l, const struct resource *r, const struct val *v)
{
    return v->file && v->file < l->set->n_files ? l->set->files[v->file] : r->file;
}

/* The nearest name among the files beside a missing one. */
static const char *nearest_file(struct loader *l, const char *path)
{
    if (l->diags->n > NEAREST_PROBLEMS && l->in->n_files > NEAREST_FILES)
        return NULL;
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    struct arena scratch = ARENA_INIT;
    const char **names = arena_array(&scratch, const char *, l->in->n_files);
    size_t n = 0;
    for (size_t i = 0; i < l->in->n_files; i++) {
        const char *other = l->in->files[i].path;
        if (strncmp(other, path, folder) == 0 && !strchr(other + folder, '/'))
            names[n++] = other + folder;
    }
    const char *near = str_nearest(path + folder, names, n);
    arena_release(&scratch);
    return near;
}

/* A file that a manifest names. */
struct named {
    const char *path;
    const char *data; /* NULL: it could not be read, which is reported, or it is missing and optional */
    size_t len;
};

/* Read the file that `name` names, of at most `max` bytes, into `a`. Its bytes count `weight` times in the
   budget. */
static int read_named(struct loader *l, struct arena *a, struct resource *r, const struct val *name,
                      bool required, size_t max, size_t weight, struct named *ret, struct err *err)
{
    *ret = (struct named){.path = load_resolve_path(l->arena, file_of(l, r, name), name->s)};
    const struct load_file *file = !str_empty(ret->path) ? load_find_file(l, ret->path) : NULL;
    if (!ret->path) {
        resource_error_hint(l->set, r, name, l->diags,
                            "paths are relative to the manifest, and must be in the repository",
                            "\"%s\" is not in the repository", name->s);
    } else if (!file && required) {
        const char *near = nearest_file(l, ret->path);
        const char *hint = near ? arena_printf(l->arena, "did you mean \"%s\"?", near)
                                : "paths are relative to the manifest";
        resource_error_hint(l->set, r, name, l->diags, hint, "there is no file %s in the repository",
                            ret->path);
    } else if (file && file->size > max) {
        resource_error(l->set, r, name, l->diags, "%s is larger than %zu bytes", ret->path, max);
    } else if (file && file->size * weight > l->named_budget) {
        resource_error(l->set, r, name, l->diags,
                       "the files named in manifests have more than %u bytes in total", LIMIT_TREE_BYTES);
    } else if (file) {
        l->named_budget -= file->size * weight;
        int code = l->in->read(l->in->arg, (size_t)(file - l->in->files), a, &ret->data, &ret->len, err);
        return code < 0 ? err_wrap(err, "%s", ret->path) : 0;
    }
    r->partial |= required || !ret->path || file;
    return 0;
}

/* A file of variables, read once for all resources that name it. */
struct env_file {
    struct val *variables;
    bool wrong;
};

/* Variables take several times the size of their text once they are read. */
#define ENV_FILE_WEIGHT 4

/* The variables of one item of env_file; NULL after a problem, or when the file is missing and optional. */
static int read_env_file(struct loader *l, struct resource *r, const struct val *item, const struct val **ret,
                         struct err *err)
{
    *ret = NULL;
    const struct val *name = val_get(item, "path");
    if (!val_is(name, VAL_STR))
        return 0;
    bool raw = str_eq(val_get_str(item, "format"), "raw");
    const char *path = load_resolve_path(l->arena, file_of(l, r, name), name->s);
    load_note_named(l, path, r);
    const char *key = arena_printf(l->arena, "%c%s", raw ? 'r' : 'c', str_or(path, ""));
    struct env_file *known = map_get(&l->env_files, key);
    if (!known) {
        struct arena scratch = ARENA_INIT;
        struct named file;
        int code = read_named(l, &scratch, r, name, val_get_bool(item, "required", true),
                              LIMIT_MANIFEST_BYTES, ENV_FILE_WEIGHT, &file, err);
        if (code == 0 && file.data) {
            size_t before = l->diags->errors;
            struct interp in = load_vars_interp(&l->vars, l->arena);
            known = arena_new(l->arena, struct env_file);
            known->variables = val_map(l->arena);
            envfile_read(l->arena, file.path, file.data, file.len, raw, &in, l->diags,
                         load_file_index(l, file.path), known->variables);
            known->wrong = l->diags->errors > before;
            map_put(&l->env_files, key, known);
        }
        arena_release(&scratch);
        if (code < 0 || !known)
            return code;
    }
    r->partial |= known->wrong;
    *ret = known->variables;
    return 0;
}

static int expand_env_files(struct loader *l, struct resource *r, struct err *err)
{
    const struct val *list = val_get(r->spec, "env_file");
    if (!list)
        return 0;
    const struct val *environment = NULL;
    for (size_t i = 0; i < val_len(list); i++) {
        const struct val *more;
        int code = read_env_file(l, r, list->items[i], &more, err);
        if (code < 0)
            return code;
        if (more)
            environment = environment ? load_overlay_map(l, environment, more) : more;
    }
    struct val *spec = val_map_copy(l->arena, r->spec);
    val_map_del(spec, "env_file");
    const struct val *own = val_get(r->spec, "environment");
    if (environment)
        val_map_set(l->arena, spec, "environment",
                    load_overlay_map(l, environment, val_is(own, VAL_MAP) ? own : val_map(l->arena)));
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
        struct named file;
        if (content) {
            resource_error_hint(l->set, r, name, l->diags,
                                "remove one of them; in a patch, set the other one to null",
                                "content and file cannot be combined");
            r->partial = true;
            return 0;
        }
        struct arena scratch = ARENA_INIT;
        int code = read_named(l, &scratch, r, name, true, LIMIT_CONFIG_BYTES, 1, &file, err);
        load_note_named(l, file.path, r);
        if (code == 0 && file.data)
            config_set_bytes(l->arena, spec, file.data, file.len);
        arena_release(&scratch);
        return code;
    }
    const void *bytes;
    size_t len;
    struct err ignored = {0}; /* the kind's check says what is wrong */
    if (val_is(content, VAL_STR) && config_bytes(r, l->arena, &bytes, &len, &ignored) == 0)
        config_set_bytes(l->arena, spec, bytes, len);
    return 0;
}

/* Fill in what the Config or Secret says about the file where the container says nothing. */
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
            name ? load_find_resource(l, arena_printf(l->arena, "%s/%s", prefix, name)) : NULL;
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

/* Record paths that documents name as files, so that those files are not read as manifests. */
static void note_named(struct loader *l, struct map *named, const struct load_unit *u, const struct val *name)
{
    const char *path = val_is(name, VAL_STR) ? load_resolve_path(l->arena, u->path, name->s) : NULL;
    if (path && *path)
        map_put(named, path, l);
    l->refused |= l->part && path && !load_part_may_name(l->part, path);
}

static void drop_unit(struct loader *l, struct load_unit *u)
{
    struct diag_list *d = l->diags;
    if (u->n_diags)
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
    struct map *named = &l->named;
    for (size_t i = 0; i < l->n_units; i++) {
        const struct load_unit *u = &l->units[i];
        for (size_t k = 0; k < u->n_docs; k++) {
            const struct document *doc = &u->docs[k];
            if (doc->kind == &kind_config)
                note_named(l, named, u, val_get(doc->spec, "file"));
            const struct val *env_files =
                doc->kind == &kind_container ? val_get(doc->spec, "env_file") : NULL;
            for (size_t j = 0; val_is(env_files, VAL_LIST) && j < env_files->len; j++)
                note_named(l, named, u, val_get(env_files->items[j], "path"));
        }
    }
    for (size_t i = 0; named->n && i < l->n_units; i++)
        if (l->units[i].file != SIZE_MAX && map_get(named, l->units[i].path))
            drop_unit(l, &l->units[i]);
}
