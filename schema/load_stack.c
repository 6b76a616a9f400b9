/* Stacks: compose files are turned into the resources they stand for (load_internal.h, compose/compose.h). */
#include "base/limits.h"
#include "base/str.h"
#include "schema/compose/compose.h"
#include "schema/kinds/objects.h"

/* A Stack with its patches applied. */
struct stack {
    const struct load_unit *unit;
    const struct document *doc;
    struct val *spec;
    bool removed;
};

static void patch_stack(struct loader *l, struct stack *stacks, size_t n, const struct document *doc,
                        const char *file, uint16_t index)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(stacks[i].doc->name, doc->name))
            continue;
        load_stamp(doc->spec, index);
        stacks[i].removed |= doc->use == DOCUMENT_REMOVE;
        if (doc->use == DOCUMENT_PATCH)
            stacks[i].spec = load_overlay(l, kind_stack.spec, stacks[i].spec, doc->spec);
        return;
    }
    const char **names = arena_array(l->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = stacks[i].doc->name;
    const char *near = str_nearest(doc->name, names, n);
    struct diag *diag =
        diag_add(l->diags, DIAG_ERROR, file, doc->line, doc->col,
                 "the patch for stack/%s has nothing to change: there is no such Stack in this environment",
                 doc->name);
    if (near)
        diag_hint(l->diags, diag, "did you mean \"%s\"?", near);
}

/* All Stacks of the environment, patched. */
static struct stack *collect(struct loader *l, size_t *ret_n)
{
    struct stack *stacks = NULL;
    size_t n = 0;
    size_t cap = 0;
    const struct val *defaults = val_get(l->env.defaults, kind_stack.name);
    for (size_t i = 0; i < l->n_units; i++) {
        const struct load_unit *u = &l->units[i];
        for (size_t k = 0; k < u->n_docs; k++) {
            const struct document *doc = &u->docs[k];
            if (doc->kind != &kind_stack || doc->use != DOCUMENT_RESOURCE)
                continue;
            struct stack s = {.unit = u, .doc = doc, .spec = doc->spec};
            load_stamp(s.spec, load_file_index(l, u->path));
            if (defaults)
                s.spec = load_overlay(l, kind_stack.spec, defaults, s.spec);
            for (size_t j = 0; j < n; j++)
                if (str_eq(stacks[j].doc->name, doc->name))
                    diag_add(l->diags, DIAG_ERROR, u->path, doc->line, doc->col,
                             "stack/%s is defined twice; first in %s:%u", doc->name, stacks[j].unit->path,
                             stacks[j].doc->line);
            arena_push(l->arena, stacks, n, cap, s);
        }
    }
    for (size_t i = 0; i < l->n_units; i++)
        for (size_t k = 0; k < l->units[i].n_docs; k++) {
            const struct document *doc = &l->units[i].docs[k];
            if (doc->kind == &kind_stack && doc->use != DOCUMENT_RESOURCE)
                patch_stack(l, stacks, n, doc, l->units[i].path, load_file_index(l, l->units[i].path));
        }
    for (size_t i = 0; i < l->env.n_patches; i++)
        if (l->env.patches[i].kind == &kind_stack)
            patch_stack(l, stacks, n, &l->env.patches[i], l->project_path, l->env.patches[i].index);
    *ret_n = n;
    return stacks;
}

static int expand(struct loader *l, const struct compose_options *o, struct err *err)
{
    struct load_unit unit = {.file = SIZE_MAX, .path = o->file};
    l->has_stacks = true;
    int r = compose_load(l, o, &unit, &l->named, err);
    arena_push(&l->scratch, l->units, l->n_units, l->cap_units, unit);
    return r;
}

static const char *folder_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path)) : "";
}

/* The compose files of a Stack, as paths of the repository; 0 after an error. */
static size_t files_of(struct loader *l, const struct stack *s, const char **ret, const struct val **ret_at)
{
    const struct val *files = val_get(s->spec, "files");
    size_t n = 0;
    *ret_at = NULL;
    if (!val_len(files)) {
        n = compose_find(l, folder_of(l->arena, s->unit->path), ret);
        if (!n) {
            struct diag *d =
                diag_add(l->diags, DIAG_ERROR, s->unit->path, s->doc->line, s->doc->col,
                         "stack/%s: there is no compose.yaml next to this manifest", s->doc->name);
            diag_hint(l->diags, d, "name the compose file: spec: {files: [PATH]}");
        }
        return n;
    }
    *ret_at = files;
    for (size_t i = 0; i < files->len && n < LIMIT_COMPOSE_FILES; i++) {
        const struct val *item = files->items[i];
        const char *from = item->file ? l->set->files[item->file] : s->unit->path;
        const char *path = load_resolve_path(l->arena, from, item->s);
        if (str_empty(path)) {
            struct diag *d =
                diag_add(l->diags, DIAG_ERROR, from, item->line, item->col,
                         "stack/%s: files: \"%s\" is not in the repository", s->doc->name, item->s);
            diag_hint(l->diags, d, "paths are relative to the manifest, and must be in the repository");
            return 0;
        }
        ret[n++] = path;
    }
    return n;
}

static int expand_stack(struct loader *l, const struct stack *s, struct err *err)
{
    const char *files[LIMIT_COMPOSE_FILES + 1] = {NULL};
    const struct val *at;
    const char *prefix = val_get_str(s->spec, "prefix");
    if (!files_of(l, s, files, &at))
        return 0;
    struct compose_options o = {
        .file = s->unit->path,
        .line = s->doc->line,
        .col = s->doc->col,
        .name = s->doc->name,
        .prefix = prefix ? prefix : arena_printf(l->arena, "%s-", s->doc->name),
        .files = files,
        .at = at,
        .spec = s->spec,
    };
    return expand(l, &o, err);
}

/* Is a path in a top-level folder of the environment? */
static bool is_topmost(const struct loader *l, const char *path, const char **ret_folder)
{
    *ret_folder = folder_of(l->arena, path);
    if (!l->env.n_paths)
        return !**ret_folder;
    for (size_t i = 0; i < l->env.n_paths; i++)
        if (str_eq(l->env.paths[i]->s, *ret_folder) || str_eq(l->env.paths[i]->s, path))
            return true;
    return false;
}

/* Expand compose files that are used without a Stack: in a top-level folder, and not named by any Stack. */
static int expand_alone(struct loader *l, bool *ret_any, struct err *err)
{
    size_t n = l->n_units;
    for (size_t i = 0; i < n; i++) {
        const struct load_unit *u = &l->units[i];
        const char *folder;
        const char *files[3] = {NULL};
        if (!u->n_compose || map_get(&l->named, u->path) || !compose_is_default(u->path) ||
            !is_topmost(l, u->path, &folder) || !compose_find(l, folder, files) || !str_eq(files[0], u->path))
            continue;
        struct compose_options o = {.file = u->path, .prefix = "", .files = files};
        int r = expand(l, &o, err);
        if (r < 0)
            return r;
        *ret_any = true;
    }
    return 0;
}

/* Where only compose files were found, other YAML files beside them are not reported: they are data for the
   containers. */
static void leave_foreign(struct loader *l)
{
    for (size_t i = 0; i < l->n_units; i++)
        if (l->units[i].n_docs && l->units[i].file != SIZE_MAX)
            return;
    for (size_t i = 0; i < l->n_units; i++)
        if (l->units[i].foreign && !l->units[i].n_compose)
            map_put(&l->named, l->units[i].path, l);
}

int load_stacks(struct loader *l, struct err *err)
{
    size_t n;
    bool alone = false;
    struct stack *stacks = collect(l, &n);
    l->refused |= n > 0;
    if (l->part)
        return 0;
    for (size_t i = 0; i < n; i++) {
        int r = stacks[i].removed ? 0 : expand_stack(l, &stacks[i], err);
        if (r < 0)
            return r;
    }
    int r = expand_alone(l, &alone, err);
    if (r == 0 && alone)
        leave_foreign(l);
    return r;
}

/* The file that a Config names, relative to the folder of the project's first file. */
static struct val *named_from(struct loader *l, const struct document *doc, const char *first)
{
    const struct val *file = val_get(doc->spec, "file");
    if (doc->kind != &kind_config || !val_is(file, VAL_STR))
        return doc->spec;
    const char *path =
        load_resolve_path(l->arena, file->file ? l->set->files[file->file] : doc->path, file->s);
    struct val *spec = val_map_copy(l->arena, doc->spec);
    if (path)
        val_map_set(l->arena, spec, "file", val_str(l->arena, compose_relative(l->arena, first, path)));
    return spec;
}

int load_compose(struct loader *l, const char *const *files, const struct val *spec, const char *prefix,
                 struct err *err)
{
    struct compose_options o = {.file = files[0], .prefix = prefix, .files = files, .spec = spec};
    int r = expand(l, &o, err);
    const struct load_unit *u = &l->units[l->n_units - 1];
    for (size_t i = 0; i < u->n_docs; i++) {
        const struct document *doc = &u->docs[i];
        struct resource *made = resource_new(l->arena, doc->kind, doc->name);
        made->spec = named_from(l, doc, files[0]);
        made->file = doc->path;
        made->line = doc->line;
        made->col = doc->col;
        made->partial = doc->partial;
        resource_set_add(l->set, made);
    }
    return r;
}
