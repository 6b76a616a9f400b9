/* Compose files that include others (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

/* Paths that a node names: a single one, or a list. */
struct paths {
    const char *path[LIMIT_COMPOSE_DEPTH];
    const struct ynode *at[LIMIT_COMPOSE_DEPTH];
    size_t n;
};

static void add_path(struct compose *c, struct paths *paths, const struct ynode *n)
{
    const char *text = compose_text(n);
    const char *path = text ? compose_path(c, compose_base(c, n), text) : NULL;
    if (!text) {
        compose_error(c, n, "write a path, or {path: PATH, project_directory: FOLDER, env_file: PATH}",
                      "a path must be a string, not a %s", ynode_type_name(n));
    } else if (strstr(text, "://") || str_starts(text, "git@")) {
        compose_error(c, n, "copy it into the repository, where changes to it are reviewed",
                      "include: \"%s\" is not in the repository; Forge reads no remote files", text);
    } else if (str_empty(path)) {
        compose_error(c, n, "paths are relative to the compose file, and must be in the repository",
                      "include: \"%s\" is not in the repository", text);
    } else if (paths->n == ARRAY_LEN(paths->path)) {
        compose_error(c, n, NULL, "more than %u files in one item of include", LIMIT_COMPOSE_DEPTH);
    } else {
        paths->path[paths->n] = path;
        paths->at[paths->n++] = n;
    }
}

static void add_paths(struct compose *c, struct paths *paths, const struct ynode *n)
{
    if (n && n->type == YN_SEQ)
        for (size_t i = 0; i < n->len; i++)
            add_path(c, paths, n->items[i]);
    else if (n && !ynode_is_null(n))
        add_path(c, paths, n);
}

static bool equal(const struct ynode *a, const struct ynode *b)
{
    if (a == b)
        return true;
    if (a->type != b->type || a->len != b->len)
        return false;
    if (a->type == YN_SCALAR)
        return a->plain == b->plain && memcmp(a->text, b->text, a->len) == 0;
    for (size_t i = 0; i < a->len; i++) {
        if (a->type == YN_SEQ
                ? !equal(a->items[i], b->items[i])
                : !equal(a->pairs[i].key, b->pairs[i].key) || !equal(a->pairs[i].value, b->pairs[i].value))
            return false;
    }
    return true;
}

/* Add everything of an included model to the file; what both have must be the same. */
static void take_over(struct compose *c, struct compose_file *f, const struct ynode *model)
{
    for (const char *const *name = compose_sections; *name; name++) {
        const struct ynode *from = ynode_get(model, *name);
        if (!from || from->type != YN_MAP || !compose_take(c, from->len, from))
            continue;
        struct ynode *into = ynode_get(f->root, *name);
        into = into && into->type == YN_MAP ? compose_copy(c, into) : compose_map(c, from);
        compose_set(c, f->root, compose_scalar(c, from, *name), into);
        for (size_t i = 0; i < from->len; i++) {
            const struct ynode *there = ynode_get(into, from->pairs[i].key->text);
            if (!there)
                compose_append(c, into, from->pairs[i].key, from->pairs[i].value);
            else if (!equal(there, from->pairs[i].value))
                compose_error(c, there,
                              "to change an included service, use a second file: files: [compose.yaml, "
                              "compose.override.yaml], or include: [{path: [theirs.yaml, ours.yaml]}]",
                              "%s.%s is defined both here and in an included file, and they differ", *name,
                              from->pairs[i].key->text);
        }
    }
}

static const char *const include_keys[] = {"path", "project_directory", "env_file", NULL};

static void include_item(struct compose *c, const struct compose_scope *scope, struct compose_file *f,
                         const struct ynode *item)
{
    struct paths files = {.n = 0};
    struct paths env = {.n = 0};
    const struct ynode *folder = NULL;
    if (item->type == YN_MAP) {
        compose_check_keys(c, item, "include: ", include_keys,
                           "known keys: path, project_directory, env_file");
        add_paths(c, &files, ynode_get(item, "path"));
        add_paths(c, &env, ynode_get(item, "env_file"));
        folder = ynode_get(item, "project_directory");
    } else {
        add_paths(c, &files, item);
    }
    if (!files.n)
        return;
    const char *slash = strrchr(files.path[0], '/');
    const char *base = slash ? arena_strndup(c->arena, files.path[0], (size_t)(slash - files.path[0])) : "";
    if (compose_text(folder))
        base = compose_path(c, compose_base(c, folder), folder->text);
    if (!base) {
        compose_error(c, folder, NULL, "include: \"%s\" is not in the repository", folder->text);
        return;
    }
    struct compose_scope inner = {.outer = scope, .values = val_map(c->arena)};
    struct val *values = val_map(c->arena);
    for (size_t i = 0; i < env.n; i++)
        compose_env_file(c, scope, env.at[i], env.path[i], false, true, values);
    if (!env.n)
        compose_env_file(c, scope, item, compose_path(c, base, ".env"), false, false, values);
    inner.values = values;
    struct ynode *model = compose_model(c, &inner, files.path, files.at, files.n, base);
    if (model)
        take_over(c, f, model);
}

void compose_include(struct compose *c, const struct compose_scope *scope, struct compose_file *f)
{
    const struct ynode *include = ynode_get(f->root, "include");
    if (!include || ynode_is_null(include))
        return;
    if (include->type != YN_SEQ) {
        compose_error(c, include, "write include: [other/compose.yaml]", "include must be a list, not a %s",
                      ynode_type_name(include));
        return;
    }
    for (size_t i = 0; i < include->len && !c->failed; i++)
        include_item(c, scope, f, include->items[i]);
}
