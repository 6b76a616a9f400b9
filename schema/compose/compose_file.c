/* Reading and combining the files of a compose project (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

const char *compose_base(const struct compose *c, const struct ynode *n)
{
    for (size_t i = 0; n && n->file && i < c->n_files; i++)
        if (c->files[i].index == n->file)
            return c->files[i].base;
    return c->base;
}

const char *compose_path(struct compose *c, const char *base, const char *relative)
{
    return load_resolve_path(c->l->arena, arena_printf(c->arena, "%s/", base), relative);
}

/* Mark all nodes of a tree as standing in this file. Aliases share nodes, which are visited only once. */
static void stamp(struct ynode *n, uint16_t index)
{
    if (n->file == index)
        return;
    n->file = index;
    for (size_t i = 0; i < n->len && n->type != YN_SCALAR; i++) {
        if (n->type == YN_MAP)
            n->pairs[i].key->file = index;
        stamp(n->type == YN_SEQ ? n->items[i] : n->pairs[i].value, index);
    }
}

/* A separate index for each role of a file, because the meaning of its paths depends on the role. */
static uint16_t new_index(struct loader *l, const char *path)
{
    struct resource_set *s = l->set;
    if (s->n_files > UINT16_MAX)
        return 0;
    if (!s->n_files)
        arena_push(l->arena, s->files, s->n_files, s->cap_files, NULL);
    arena_push(l->arena, s->files, s->n_files, s->cap_files, path);
    return (uint16_t)(s->n_files - 1);
}

/* The documents of a file; those that the search for manifests has read already are reused, once. */
static size_t read_nodes(struct compose *c, const struct load_file *file, const struct ynode *at,
                         struct ynode ***ret)
{
    struct loader *l = c->l;
    size_t number = (size_t)(file - l->in->files);
    for (size_t i = 0; i < l->n_units; i++) {
        struct load_unit *u = &l->units[i];
        if (u->file == number && u->n_compose && !u->unread && u != c->unit) {
            size_t n = u->n_compose;
            *ret = u->compose;
            u->n_compose = 0;
            return n;
        }
    }
    if (file->size > LIMIT_MANIFEST_BYTES) {
        compose_error(c, at, "split it into several files and join them with include",
                      "%s is larger than %u bytes", file->path, LIMIT_MANIFEST_BYTES);
        return 0;
    }
    const char *text;
    size_t len;
    int r = l->in->read(l->in->arg, number, c->arena, &text, &len, c->err);
    if (r < 0) {
        c->failed = err_wrap(c->err, "%s", file->path);
        return 0;
    }
    l->stats->decoded++;
    size_t errors = l->diags->errors;
    size_t n = yaml_read(c->arena, file->path, text, len, l->diags, ret);
    if (!n && l->diags->errors == errors)
        compose_error(c, at, "write services: ...", "the compose file %s is empty", file->path);
    return n;
}

/* A likely mistake when a folder's files are imported. */
static bool is_manifest(struct compose *c, const struct ynode *root)
{
    const struct ynode *version = ynode_get(root, "apiVersion");
    if (version)
        compose_error(c, version, "name a compose file, with services: at the top level",
                      "this is a Forge manifest, not a compose file");
    return version;
}

/* Before version 2 of the format, services stood at the top level. */
static bool is_first_format(struct compose *c, const struct ynode *root)
{
    if (ynode_get(root, "services") || ynode_get(root, "include"))
        return false;
    for (size_t i = 0; i < root->len; i++) {
        const struct ynode *value = root->pairs[i].value;
        if (str_starts(root->pairs[i].key->text, "x-") || value->type != YN_MAP ||
            !(ynode_get(value, "image") || ynode_get(value, "build")))
            continue;
        compose_error(c, root->pairs[i].key, "put them under services:, indented",
                      "this is version 1 of the Compose format, with services at the top level");
        return true;
    }
    return false;
}

static void check_top(struct compose *c, const struct ynode *root)
{
    if (is_manifest(c, root) || is_first_format(c, root))
        return;
    compose_check_keys(c, root, "", compose_top_keys,
                       "a compose file has services, networks, volumes, configs, secrets, include, name "
                       "and x-...");
}

/* A mapping within a mapping, as a copy that may be changed; created when it is missing or null. NULL: it is
   something else, which is reported. */
static struct ynode *own_section(struct compose *c, struct ynode *root, const char *name)
{
    struct ynode *section = ynode_get(root, name);
    if (section && section->type != YN_MAP && !ynode_is_null(section)) {
        compose_error(c, section, "write NAME: {...} for each", "%s must be a mapping, not a %s", name,
                      ynode_type_name(section));
        section = NULL;
    }
    if (section && section->type == YN_MAP)
        section = compose_copy(c, section);
    else
        section = compose_map(c, section ? section : root);
    compose_set(c, root, compose_scalar(c, section, name), section);
    return section;
}

/* Drop build sections: images are not built here, and so the variables in them need no value. */
static struct ynode *without_build(struct compose *c, struct ynode *root)
{
    struct ynode *services = ynode_get(root, "services");
    struct ynode *copy = NULL;
    for (size_t i = 0; services && services->type == YN_MAP && i < services->len; i++) {
        const struct ynode *service = services->pairs[i].value;
        const struct ynode *build = service->type == YN_MAP ? ynode_get(service, "build") : NULL;
        if (!build || build->tag || ynode_is_null(build))
            continue;
        if (!copy)
            copy = compose_copy(c, services);
        copy->pairs[i].value = compose_copy(c, service);
        compose_set_text(c, copy->pairs[i].value, build, "build", ".");
    }
    if (!copy)
        return root;
    root = compose_copy(c, root);
    compose_set(c, root, compose_scalar(c, services, "services"), copy);
    return root;
}

static struct ynode *read_document(struct compose *c, const struct compose_scope *scope, struct ynode *root)
{
    if (root->type != YN_MAP) {
        compose_error(c, root, "write services: ...", "a compose file is a mapping, not a %s",
                      ynode_type_name(root));
        return NULL;
    }
    const struct ynode *name = ynode_get(root, "name");
    if (!c->fixed && !c->depth && name) /* for ${COMPOSE_PROJECT_NAME} in the rest of the file */
        c->project = str_or(compose_name_text(c, scope, name), c->project);
    root = compose_resolve(c, scope, without_build(c, root));
    root = compose_copy(c, compose_drop_ignored(c, root, ""));
    check_top(c, root);
    for (const char *const *section = compose_sections; *section; section++)
        if (ynode_get(root, *section))
            own_section(c, root, *section);
    return root;
}

struct compose_file *compose_read(struct compose *c, const struct compose_scope *scope, const char *path,
                                  const char *base, const struct ynode *at)
{
    struct loader *l = c->l;
    const char *role = arena_printf(c->arena, "%s\n%s", path, base);
    struct compose_file *f = map_get(&c->by_role, role);
    if (f)
        return f->root ? f : NULL;
    const struct load_file *file = compose_find_file(c, path);
    if (!file) {
        compose_error(c, at, "paths are relative to the file that names them",
                      "there is no file %s in the repository", path);
        return NULL;
    }
    if (c->n_files == LIMIT_COMPOSE_FILES) {
        compose_error(c, at, "split the project into several Stacks",
                      "more than %u files in one Compose project", LIMIT_COMPOSE_FILES);
        return NULL;
    }
    f = &c->files[c->n_files++];
    *f = (struct compose_file){.path = arena_strdup(l->arena, path), .base = base};
    f->index = new_index(l, f->path);
    map_put(&c->by_role, role, f);
    compose_use_file(c, f->path);

    struct ynode **docs = NULL;
    size_t n = read_nodes(c, file, at, &docs);
    for (size_t i = 0; i < n; i++) {
        stamp(docs[i], f->index);
        if (!compose_take(c, 1, docs[i]))
            break;
        struct ynode *root = read_document(c, scope, docs[i]);
        if (root)
            f->root = f->root ? compose_merge(c, f->root, root, "") : root;
    }
    return f->root ? f : NULL;
}

static bool in_chain(struct compose *c, const char *path, const struct ynode *at)
{
    for (size_t i = 0; i < c->depth; i++) {
        if (!str_eq(c->chain[i]->path, path))
            continue;
        _cleanup_buf_ struct buf text = BUF_INIT;
        for (size_t k = i; k < c->depth; k++)
            buf_addf(&text, "%s -> ", c->chain[k]->path);
        compose_error(c, at, "remove one of the include entries", "include forms a cycle: %s%s",
                      buf_str(&text), path);
        return true;
    }
    if (c->depth < LIMIT_COMPOSE_DEPTH)
        return false;
    compose_error(c, at, NULL, "include is nested more than %u levels deep", LIMIT_COMPOSE_DEPTH);
    return true;
}

struct ynode *compose_model(struct compose *c, const struct compose_scope *scope, const char *const *paths,
                            const struct ynode *const *at, size_t n, const char *base)
{
    struct ynode *model = NULL;
    for (size_t i = 0; i < n && !c->failed; i++) {
        if (in_chain(c, paths[i], at ? at[i] : NULL))
            continue;
        struct compose_file *f = compose_read(c, scope, paths[i], base, at ? at[i] : NULL);
        if (!f)
            continue;
        if (!f->ready) {
            f->ready = true;
            c->chain[c->depth++] = f;
            compose_extends(c, scope, f);
            compose_include(c, scope, f);
            c->depth--;
        }
        model = model ? compose_merge(c, model, f->root, "") : f->root;
    }
    return model;
}
