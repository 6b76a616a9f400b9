/* A compose project from its files to documents (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

static const char *const default_names[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
                                            "docker-compose.yaml"};
static const char *const override_names[] = {"compose.override.yaml", "compose.override.yml",
                                             "docker-compose.override.yml", "docker-compose.override.yaml"};

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool compose_is_default(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(default_names); i++)
        if (str_eq(file_name(path), default_names[i]) || str_eq(file_name(path), override_names[i]))
            return true;
    return false;
}

static const char *find_one(struct loader *l, const char *folder, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *path = arena_printf(l->arena, "%s%s%s", folder, *folder ? "/" : "", names[i]);
        if (load_find_file(l, path))
            return path;
    }
    return NULL;
}

size_t compose_find(struct loader *l, const char *folder, const char *ret[2])
{
    ret[0] = find_one(l, folder, default_names, ARRAY_LEN(default_names));
    if (!ret[0])
        return 0;
    ret[1] = find_one(l, folder, override_names, ARRAY_LEN(override_names));
    return ret[1] ? 2 : 1;
}

static const char *folder_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path)) : "";
}

/* The place of a value of the Stack, as a node for messages. */
static const struct ynode *place_of(struct compose *c, const struct val *v)
{
    struct ynode *n = arena_new(c->arena, struct ynode);
    n->file = v->file;
    n->line = v->line;
    n->col = v->col;
    return n;
}

static void read_values(struct compose *c, struct val *values)
{
    const struct val *names = val_get(c->options->spec, "env_files");
    for (size_t i = 0; i < val_len(names); i++) {
        const char *path = load_resolve_path(c->l->arena, c->options->file, names->items[i]->s);
        const struct ynode *at = place_of(c, names->items[i]);
        if (str_empty(path))
            compose_error(c, at, NULL, "env_files: \"%s\" is not in the repository", names->items[i]->s);
        else
            compose_env_file(c, &c->scope, at, path, false, true, values);
    }
    if (!names)
        compose_env_file(c, &c->scope, NULL, compose_path(c, c->base, ".env"), false, false, values);
}

/* Which files the project has is the Stack's to say, or Compose's default names are looked for. */
static void warn_of_choice(struct compose *c, const struct val *values)
{
    static const struct {
        const char *name, *field;
    } choices[] = {{"COMPOSE_FILE", "files"}, {"COMPOSE_ENV_FILES", "env_files"}};
    const char *const *files = c->options->files;
    for (size_t i = 0; i < ARRAY_LEN(choices) && !c->options->at; i++) {
        const struct val *v = val_get(values, choices[i].name);
        bool same = v && i == 0 && !files[1] && str_eq(v->s, file_name(files[0]));
        if (v && v->len && !same)
            compose_warning(
                c, place_of(c, v),
                arena_printf(c->arena, "write a Stack with %s, which names them", choices[i].field),
                "%s is ignored", choices[i].name);
    }
}

/* Take the project's name from the file, unless the Stack or .env has given one. */
static void read_name(struct compose *c, const struct ynode *root)
{
    const struct ynode *name = root ? ynode_get(root, "name") : NULL;
    const char *text = name ? compose_text(name) : NULL;
    if (!c->fixed)
        c->project = text;
    for (const char *p = text; p && *p; p++) {
        bool good = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || (p > text && strchr("_-", *p));
        if (good)
            continue;
        compose_error(c, name, "use lowercase letters, digits, _ and -, starting with a letter or digit",
                      "\"%.64s\" is not a valid project name", text);
        break;
    }
}

static void make_documents(struct compose *c, struct ynode *root)
{
    root = compose_untag(c, root);
    compose_declare(c, root);
    if (!c->names->n_services && c->l->diags->errors == c->errors)
        compose_error(c, root, "write services: {web: {image: ...}}", "the Compose project has no services");
    compose_links(c);
    for (size_t i = 0; i < c->names->n_services && !c->failed; i++)
        if (!str_starts(c->names->services_list[i].name, "x-"))
            compose_service(c, &c->scope, &c->names->services_list[i]);
    compose_objects(c);
}

static bool same_place(const struct diag *d, const char *file, uint32_t line, uint32_t col)
{
    return d->line == line && d->col == col && str_eq(d->file, file);
}

/* Is it a further diagnostic for a node that could not be resolved? */
static bool is_echo(const struct compose *c, const struct diag_list *d, size_t first, size_t n,
                    const struct diag *item)
{
    bool unresolved = false;
    for (size_t i = 0; i < c->n_unresolved && !unresolved; i++)
        unresolved = same_place(item, c->l->set->files[c->unresolved[i]->file], c->unresolved[i]->line,
                                c->unresolved[i]->col);
    for (size_t i = first; i < n && unresolved; i++)
        if (same_place(&d->items[i], item->file, item->line, item->col))
            return true;
    return false;
}

/* What could not be resolved cannot be read either: one message for it is enough. */
static void drop_echoes(struct compose *c, size_t first)
{
    struct diag_list *d = c->l->diags;
    size_t kept = first;
    for (size_t i = first; i < d->n; i++) {
        if (!is_echo(c, d, first, kept, &d->items[i]))
            d->items[kept++] = d->items[i];
        else if (d->items[i].level == DIAG_ERROR)
            d->errors--;
        else
            d->warnings--;
    }
    d->n = kept;
}

static void load_project_files(struct compose *c)
{
    const struct compose_options *o = c->options;
    size_t n = 0;
    while (o->files[n])
        n++;
    const struct ynode **at = arena_array(c->arena, const struct ynode *, n + 1);
    for (size_t i = 0; i < n; i++)
        at[i] = o->at ? place_of(c, o->at->items[i]) : NULL;
    struct val *values = val_map(c->arena);
    read_values(c, values);
    warn_of_choice(c, values);
    c->scope.values = values;
    c->project = val_get_str(o->spec, "project");
    if (!c->project)
        c->project = val_get_str(val_get(o->spec, "environment"), "COMPOSE_PROJECT_NAME");
    if (!c->project)
        c->project = val_get_str(values, "COMPOSE_PROJECT_NAME");
    c->fixed = c->project != NULL;
    struct ynode *root = compose_model(c, &c->scope, o->files, at, n, c->base);
    read_name(c, root);
    if (root && !c->failed)
        make_documents(c, root);
}

int compose_load(struct loader *l, const struct compose_options *o, struct load_unit *unit, struct map *used,
                 struct err *err)
{
    if (compose_recall(l, o, unit, used))
        return 0;
    struct arena scratch = ARENA_INIT;
    struct compose_names names = {.n_services = 0};
    struct compose *c = arena_new(&scratch, struct compose);
    *c = (struct compose){.l = l,
                          .arena = &scratch,
                          .options = o,
                          .base = folder_of(&scratch, o->files[0]),
                          .warned = val_map(&scratch),
                          .budget = LIMIT_COMPOSE_NODES,
                          .used = used,
                          .errors = l->diags->errors,
                          .err = err,
                          .names = &names,
                          .unit = unit};
    map_init(&c->by_role);
    map_init(&names.services);
    map_init(&names.resources);
    map_init(&names.folded);
    for (int s = 0; s < SECTION_END; s++)
        map_init(&names.sections[s]);

    const struct diag_list *diags = l->diags;
    size_t first = diags->n, warnings = diags->warnings;
    load_project_files(c);
    drop_echoes(c, first);
    if (diags->errors == c->errors && diags->n - first == diags->warnings - warnings)
        compose_keep(c, first);

    map_release(&c->by_role);
    map_release(&names.services);
    map_release(&names.resources);
    map_release(&names.folded);
    for (int s = 0; s < SECTION_END; s++)
        map_release(&names.sections[s]);
    int r = c->failed;
    arena_release(&scratch);
    return r;
}
