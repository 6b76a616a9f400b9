/* Which files are manifests of the environment, and paths between files (load_internal.h). */
#include "base/limits.h"
#include "base/str.h"
#include "schema/load_internal.h"

/* Where to resume matching after a star has taken one more byte, or one more folder. */
struct star {
    const char *pattern; /* after the star; NULL: none */
    const char *path;    /* end of what it has taken */
    bool folders;        /* "**" followed by a slash: takes whole folders */
};

/* Let a star take more; false when it cannot. */
static bool star_take(struct star *s, bool deep)
{
    if (!s->pattern || !*s->path)
        return false;
    if (s->folders) {
        const char *slash = strchr(s->path, '/');
        s->path = slash ? slash + 1 : NULL;
        return slash != NULL;
    }
    return (deep || *s->path != '/') && s->path++;
}

/* Time is at most proportional to path times pattern: only the last star of each kind is retried, which is
   enough. */
bool load_glob(const char *pattern, const char *path)
{
    struct star deep = {0};
    struct star flat = {0};
    const char *start = pattern;
    for (;;) {
        bool whole = pattern == start || pattern[-1] == '/'; /* otherwise "**" is the same as "*" */
        if (whole && pattern[0] == '*' && pattern[1] == '*' && (!pattern[2] || pattern[2] == '/')) {
            bool folders = pattern[2] == '/';
            deep = (struct star){pattern + (folders ? 3 : 2), path, folders};
            flat = (struct star){0};
            pattern = deep.pattern;
            continue;
        }
        if (*pattern == '*') {
            flat = (struct star){++pattern, path, false};
            continue;
        }
        /* The pattern of a folder, with or without a final slash, matches everything in it. */
        if (!*pattern && (!*path || *path == '/'))
            return true;
        if (pattern[0] == '/' && !pattern[1] && *path == '/')
            return true;
        if (*path && (*pattern == '?' ? *path != '/' : *pattern == *path)) {
            pattern++;
            path++;
            continue;
        }
        if (star_take(&flat, false)) {
            pattern = flat.pattern;
            path = flat.path;
        } else if (star_take(&deep, true)) {
            flat = (struct star){0};
            pattern = deep.pattern;
            path = deep.path;
        } else {
            return false;
        }
    }
}

const char *load_resolve_path(struct arena *a, const char *from, const char *relative)
{
    const char *slash = strrchr(from, '/');
    size_t folder = slash ? (size_t)(slash - from) : 0;
    if (relative[0] == '/')
        return NULL;
    char *text = arena_printf(a, "%.*s/%s", (int)folder, from, relative);
    char *out = arena_alloc(a, strlen(text) + 1);
    size_t len = 0;
    for (const char *p = text; *p;) {
        p += strspn(p, "/");
        size_t part = strcspn(p, "/");
        if (part == 2 && p[0] == '.' && p[1] == '.') {
            if (len == 0)
                return NULL;
            while (len > 0 && out[--len] != '/')
                ;
            out[len] = '\0';
        } else if (part > 0 && !(part == 1 && p[0] == '.')) {
            if (len)
                out[len++] = '/';
            memcpy(out + len, p, part);
            len += part;
        }
        p += part;
    }
    out[len] = '\0';
    return out;
}

bool load_is_manifest(const char *path)
{
    return str_ends(path, ".yaml") || str_ends(path, ".yml");
}

const struct load_file *load_find_file(struct loader *l, const char *path)
{
    if (l->part)
        return load_part_file(l->part, path);
    if (!l->paths.n) {
        size_t *numbers = arena_array(&l->scratch, size_t, l->in->n_files);
        for (size_t i = 0; i < l->in->n_files; i++) {
            numbers[i] = i;
            map_put(&l->paths, l->in->files[i].path, &numbers[i]);
        }
    }
    const size_t *number = map_get(&l->paths, path);
    return number ? &l->in->files[*number] : NULL;
}

static bool is_hidden(const char *path)
{
    return path[0] == '.' || strstr(path, "/.");
}

static bool is_excluded(const struct loader *l, const char *path)
{
    for (size_t i = 0; i < l->env.n_exclude; i++) {
        const struct val *pattern = l->env.exclude->items[i];
        if (!val_is(pattern, VAL_STR))
            continue;
        const char *text = str_starts(pattern->s, "./") ? pattern->s + 2 : pattern->s;
        if (load_glob(text, path))
            return true;
        /* A pattern without a slash matches a name in any folder. */
        for (const char *p = strchr(path, '/'); p && !strchr(text, '/'); p = strchr(p + 1, '/'))
            if (load_glob(text, p + 1))
                return true;
    }
    return false;
}

/* The index of the environment's path that a file lies under, or n_paths. */
static size_t rank_of(const struct loader *l, const char *path)
{
    size_t i = 0;
    for (; i < l->env.n_paths; i++) {
        const char *under = l->env.paths[i]->s;
        size_t len = l->env.paths[i]->len;
        if (len == 0 || (strncmp(path, under, len) == 0 && (!path[len] || path[len] == '/')))
            break;
    }
    return i;
}

static int compare_units(const void *a, const void *b)
{
    const struct load_unit *x = a;
    const struct load_unit *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->file < y->file ? -1 : x->file > y->file;
}

static void add_unit(struct loader *l, size_t file, size_t rank)
{
    struct load_unit u = {
        .file = file, .path = arena_strdup(l->arena, l->in->files[file].path), .rank = rank};
    arena_push(&l->scratch, l->units, l->n_units, l->cap_units, u);
}

/* Patch files that an environment names are applied after all other files, in the order in which they are
   named. */
static void add_patch_files(struct loader *l)
{
    for (size_t i = 0; i < l->env.n_patch_files; i++) {
        const struct val *path = l->env.patch_files[i];
        const struct load_file *file = load_find_file(l, path->s);
        size_t rank = l->env.n_paths + 1 + i;
        if (!file) {
            struct diag *diag = diag_add(l->diags, DIAG_ERROR, l->project_path, path->line, path->col,
                                         "there is no file %s", path->s);
            diag_hint(l->diags, diag, "paths of patches are relative to forge.yaml");
            continue;
        }
        size_t index = (size_t)(file - l->in->files);
        size_t k = 0;
        while (k < l->n_units && l->units[k].file != index)
            k++;
        if (k < l->n_units)
            l->units[k].rank = rank;
        else
            add_unit(l, index, rank);
    }
}

void load_select(struct loader *l)
{
    bool *used = arena_array(&l->scratch, bool, l->env.n_paths + 1);
    l->cap_units = l->in->n_files;
    l->units = arena_array(&l->scratch, struct load_unit, l->cap_units);
    for (size_t i = 0; i < l->in->n_files; i++) {
        const char *path = l->in->files[i].path;
        size_t rank = rank_of(l, path);
        if (l->env.n_paths && rank == l->env.n_paths)
            continue;
        used[rank] = true;
        if (l->part && str_eq(path, l->project_path))
            continue; /* it has not changed */
        if (load_is_manifest(path) && !is_hidden(path) && !is_excluded(l, path))
            add_unit(l, i, rank);
    }
    for (size_t i = 0; i < l->env.n_paths && !l->part; i++) {
        const struct val *path = l->env.paths[i];
        bool nested = rank_of(l, path->s) < i; /* all its files are under an earlier one */
        if (used[i] || nested || *path->s == '\n')
            continue;
        struct diag *diag = diag_add(l->diags, DIAG_ERROR, l->project_path, path->line, path->col,
                                     "there is no file or folder %s", *path->s ? path->s : ".");
        diag_hint(l->diags, diag, "paths are folders or files relative to forge.yaml");
    }
    if (!l->part)
        add_patch_files(l);
    if (l->n_units > 1)
        qsort(l->units, l->n_units, sizeof(*l->units), compare_units);
}
