/* forge.yaml: which environment is loaded, and what belongs to it (load_internal.h). */
#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/objects.h"
#include "schema/load_internal.h"
#include "schema/yaml.h"

#define CHAIN_MAX 16

struct project {
    struct loader *l;
    const char *path;
    const struct ynode *node; /* the document, for the parts that are decoded after resolving references */
    const struct val *spec;
    /* The environment and those that it inherits from, the most distant ancestor first; empty when no
       environments are declared. */
    const struct val *chain[CHAIN_MAX];
    const char *names[CHAIN_MAX];
    size_t n;
};

static void problem(struct project *p, const struct val *at, const char *hint, const char *fmt, ...)
    _printf_(4, 5);
static void problem(struct project *p, const struct val *at, const char *hint, const char *fmt, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_addv(&text, fmt, ap);
    va_end(ap);
    struct diag *diag =
        diag_add(p->l->diags, DIAG_ERROR, p->path, at ? at->line : 0, at ? at->col : 0, "%s", buf_str(&text));
    if (hint)
        diag_hint(p->l->diags, diag, "%s", hint);
}

/* How many items of a list are used; bounded, because every file or resource is compared with each of
   them. */
static size_t bounded(struct project *p, const struct val *list, const char *what)
{
    size_t n = val_len(list);
    if (n <= LIMIT_PROJECT_ITEMS)
        return n;
    problem(p, list, NULL, "%s: more than %u", what, LIMIT_PROJECT_ITEMS);
    return LIMIT_PROJECT_ITEMS;
}

static const char *names_of(struct arena *a, const struct val *map)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < val_len(map); i++)
        buf_addf(&text, "%s%s", i ? ", " : "", map->pairs[i].key);
    const char *names = arena_strdup(a, buf_str(&text));
    buf_release(&text);
    return names;
}

static const char *nearest_environment(struct project *p, const struct val *environments, const char *name)
{
    const char **names = arena_array(p->l->arena, const char *, environments->len + 1);
    for (size_t i = 0; i < environments->len; i++)
        names[i] = environments->pairs[i].key;
    const char *near = str_nearest(name, names, environments->len);
    if (near)
        return arena_printf(p->l->arena, "did you mean \"%s\"?", near);
    return arena_printf(p->l->arena, "known environments: %s", names_of(p->l->arena, environments));
}

/* The name of the environment to load; NULL when it cannot be determined. */
static const char *chosen_environment(struct project *p, const struct val *environments)
{
    const struct val *fallback = val_get(p->spec, "default_environment");
    if (!str_empty(p->l->in->environment))
        return p->l->in->environment;
    if (val_is(fallback, VAL_STR)) {
        if (val_get(environments, fallback->s))
            return fallback->s;
        problem(p, fallback, nearest_environment(p, environments, fallback->s),
                "default_environment: there is no environment \"%s\"", fallback->s);
        return NULL;
    }
    if (environments->len == 1)
        return environments->pairs[0].key;
    problem(p, environments, "choose one with -e NAME, or set default_environment in forge.yaml",
            "no environment is selected, and there are several: %s", names_of(p->l->arena, environments));
    return NULL;
}

/* Follow `inherits` from the chosen environment; false after a problem. */
static bool make_chain(struct project *p, const struct val *environments, const char *name)
{
    const struct val *found[CHAIN_MAX];
    const char *names[CHAIN_MAX];
    size_t n = 0;
    const struct val *at = environments;
    while (name) {
        const struct val *env = val_get(environments, name);
        if (!val_is(env, VAL_MAP)) {
            problem(p, at, nearest_environment(p, environments, name),
                    "there is no environment \"%s\" in forge.yaml", name);
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            if (!str_eq(names[i], name))
                continue;
            struct buf path = BUF_INIT;
            for (size_t k = i; k < n; k++)
                buf_addf(&path, "%s -> ", names[k]);
            problem(p, at, "remove inherits from one of them", "inherits forms a cycle: %s%s", buf_str(&path),
                    name);
            buf_release(&path);
            return false;
        }
        if (n == CHAIN_MAX) {
            problem(p, at, NULL, "inherits is nested more than %d levels deep", CHAIN_MAX);
            return false;
        }
        found[n] = env;
        names[n++] = name;
        at = val_get(env, "inherits");
        name = val_is(at, VAL_STR) ? at->s : NULL;
    }
    for (size_t i = 0; i < n; i++) {
        p->chain[i] = found[n - 1 - i];
        p->names[i] = names[n - 1 - i];
    }
    p->n = n;
    return true;
}

static void add_profiles(struct project *p, const struct val *list)
{
    size_t n = bounded(p, list, "profiles");
    for (size_t i = 0; i < n; i++)
        val_list_add(p->l->arena, p->l->env.profiles, list->items[i]);
}

static void add_paths(struct project *p, const struct val *env)
{
    struct load_env *e = &p->l->env;
    const struct val *paths = val_get(env, "paths");
    size_t n = bounded(p, paths, "paths");
    for (size_t i = 0; i < n; i++) {
        const struct val *item = paths->items[i];
        const char *path = load_resolve_path(p->l->arena, "", item->s);
        if (!path) {
            problem(p, item, "paths are relative to forge.yaml and must stay inside its folder",
                    "\"%s\" is outside the repository", item->s);
            continue;
        }
        struct val *clean = val_str(p->l->arena, path);
        val_place(clean, 0, item->line, item->col);
        arena_push(p->l->arena, e->paths, e->n_paths, e->cap_paths, clean);
    }
}

/* Report a reference in forge.yaml that cannot be resolved. */
static void reference_problem(void *arg, const struct ynode *n, const struct err *err)
{
    struct project *p = arg;
    if (err->code == LOAD_VAR_BROKEN)
        return;
    struct diag *diag = diag_add(p->l->diags, DIAG_ERROR, p->path, n->line, n->col, "%s", err->msg);
    if (*err->hint)
        diag_hint(p->l->diags, diag, "%s", err->hint);
}

static const struct ynode *resolved(struct project *p, const struct ynode *n)
{
    struct interp in = load_vars_interp(&p->l->vars, p->l->arena);
    struct ynode copy = *n;
    struct ynode *out = interp_tree(&in, &copy, reference_problem, p);
    return out == &copy ? n : out;
}

static void add_defaults(struct project *p, const struct ynode *owner)
{
    const struct ynode *defaults = owner ? ynode_get(owner, "defaults") : NULL;
    if (!defaults || defaults->type != YN_MAP)
        return;
    struct loader *l = p->l;
    struct decode d = {.arena = l->arena,
                       .diags = l->diags,
                       .file = p->path,
                       .file_index = load_file_index(l, p->path),
                       .patch = true};
    for (size_t i = 0; i < defaults->len; i++) {
        const struct ypair *pair = &defaults->pairs[i];
        const struct kind_desc *kind = kind_find(pair->key->text);
        if (!kind || kind->flags & KIND_META) {
            decode_error_hint(&d, pair->key, "write {Container: {restart: always}}",
                              "defaults: unknown kind \"%.64s\"", pair->key->text);
            continue;
        }
        struct val *part = decode_record(&d, kind->spec, resolved(p, pair->value));
        if (part)
            val_map_set(l->arena, l->env.defaults, kind->name,
                        load_overlay(l, kind->spec, val_get(l->env.defaults, kind->name), part));
    }
}

static void add_patches(struct project *p, const struct ynode *env)
{
    const struct ynode *patches = env ? ynode_get(env, "patches") : NULL;
    if (!patches || patches->type != YN_SEQ)
        return;
    struct loader *l = p->l;
    struct load_env *e = &l->env;
    uint16_t index = load_file_index(l, p->path);
    for (size_t i = 0; i < patches->len; i++) {
        const struct ynode *item = patches->items[i];
        struct decode d = {.arena = l->arena, .diags = l->diags, .file = p->path, .file_index = index};
        if (item->type == YN_SCALAR) {
            const char *path = load_resolve_path(l->arena, "", item->text);
            struct val *file = val_str(l->arena, path ? path : "");
            val_place(file, 0, item->line, item->col);
            if (str_empty(path))
                decode_error(&d, item, "\"%s\" is not a file in the repository", item->text);
            else if (e->n_patch_files == LIMIT_PROJECT_ITEMS)
                decode_error(&d, item, "more than %u patch files", LIMIT_PROJECT_ITEMS);
            else
                arena_push(l->arena, e->patch_files, e->n_patch_files, e->cap_patch_files, file);
            continue;
        }
        struct document doc;
        if (document_decode_inline(&d, resolved(p, item), &doc)) {
            doc.index = index;
            load_stamp(doc.labels, index);
            load_stamp(doc.annotations, index);
            arena_push(l->arena, e->patches, e->n_patches, e->cap_patches, doc);
        }
    }
}

/* Where to record the containers that variables refer to, to be checked later. */
struct ref_sink {
    struct project *p;
    const struct val *at;
};

static void add_ref(void *arg, const char *name)
{
    struct ref_sink *s = arg;
    struct loader *l = s->p->l;
    if (!str_starts(name, "container.") || !str_ends(name, ".host"))
        return;
    struct load_ref ref = {.name = arena_strndup(l->arena, name + 10, strlen(name) - 15),
                           .file = s->p->path,
                           .line = s->at->line,
                           .col = s->at->col};
    arena_push(l->arena, l->refs, l->n_refs, l->cap_refs, ref);
}

static void add_variables(struct project *p, const struct val *map)
{
    load_vars_add(&p->l->vars, p->path, map);
    for (size_t i = 0; val_is(map, VAL_MAP) && i < map->len; i++) {
        struct ref_sink sink = {p, map->pairs[i].val};
        if (val_is(sink.at, VAL_STR))
            interp_names(p->l->arena, sink.at->s, sink.at->len, add_ref, &sink);
    }
}

static void apply_project(struct project *p)
{
    struct loader *l = p->l;
    const struct val *environments = val_get(p->spec, "environments");
    const char *name = l->in->environment;
    if (val_len(environments)) {
        name = chosen_environment(p, environments);
        if (!name || !make_chain(p, environments, name)) {
            /* Nothing can be said about the manifests: a path that matches no file selects none of them, and
               the error keeps everything that runs. */
            struct val *nothing = val_str(l->arena, "\n");
            arena_push(l->arena, l->env.paths, l->env.n_paths, l->env.cap_paths, nothing);
            return;
        }
    }
    l->set->environment = name;
    l->vars.environment = str_empty(name) ? NULL : name;
    l->env.exclude = val_get(p->spec, "exclude");
    l->env.n_exclude = bounded(p, l->env.exclude, "exclude");
    add_profiles(p, val_get(p->spec, "profiles"));
    add_variables(p, val_get(p->spec, "variables"));
    for (size_t i = 0; i < p->n; i++) {
        add_variables(p, val_get(p->chain[i], "variables"));
        add_profiles(p, val_get(p->chain[i], "profiles"));
        add_paths(p, p->chain[i]);
    }
    load_vars_resolve(&l->vars);

    const struct ynode *spec = ynode_get(p->node, "spec");
    const struct ynode *nodes = spec && spec->type == YN_MAP ? ynode_get(spec, "environments") : NULL;
    add_defaults(p, spec && spec->type == YN_MAP ? spec : NULL);
    for (size_t i = 0; i < p->n; i++) {
        const struct ynode *env = nodes && nodes->type == YN_MAP ? ynode_get(nodes, p->names[i]) : NULL;
        env = env && env->type == YN_MAP ? env : NULL;
        add_defaults(p, env);
        add_patches(p, env);
    }
}

/* Find the Project among the documents of forge.yaml; the other documents are read like those of any file. */
static void read_documents(struct loader *l, const char *path, struct ynode **docs, size_t n)
{
    struct project p = {.l = l, .path = path};
    for (size_t i = 0; i < n; i++) {
        struct decode d = {.arena = l->arena, .diags = l->diags, .file = path};
        struct document doc;
        bool foreign;
        const struct ynode *kind = docs[i]->type == YN_MAP ? ynode_get(docs[i], "kind") : NULL;
        if (!kind || kind->type != YN_SCALAR || !str_eq(kind->text, kind_project.name))
            continue;
        if (p.node) {
            decode_error(&d, docs[i], "forge.yaml has two Projects; the first is on line %u", p.node->line);
            continue;
        }
        if (!document_decode(&d, docs[i], &doc, &foreign))
            continue;
        p.node = docs[i];
        p.spec = doc.spec;
        l->set->project = l->vars.project = arena_strdup(l->arena, doc.name);
    }
    if (p.node)
        apply_project(&p);
    else if (l->diags->errors == 0)
        load_vars_resolve(&l->vars);
}

int load_project(struct loader *l, struct err *err)
{
    static const char *const names[] = {"forge.yaml", "forge.yml"};
    l->set->environment = l->in->environment;
    l->vars.environment = str_empty(l->in->environment) ? NULL : l->in->environment;
    for (size_t i = 0; i < l->in->n_files; i++) {
        const struct load_file *file = &l->in->files[i];
        if (!str_eq(file->path, names[0]) && !str_eq(file->path, names[1]))
            continue;
        if (l->project_path) {
            diag_add(l->diags, DIAG_ERROR, arena_strdup(l->arena, file->path), 0, 0,
                     "there is also a %s; keep only one of them", l->project_path);
            continue;
        }
        l->project_path = arena_strdup(l->arena, file->path);
        if (file->size > LIMIT_MANIFEST_BYTES) {
            diag_add(l->diags, DIAG_ERROR, l->project_path, 0, 0, "the file is larger than %u bytes",
                     LIMIT_MANIFEST_BYTES);
            continue;
        }
        const char *text;
        size_t len;
        int r = l->in->read(l->in->arg, i, &l->scratch, &text, &len, err);
        if (r < 0)
            return err_wrap(err, "%s", file->path);
        struct ynode **docs;
        size_t n = yaml_read(&l->scratch, l->project_path, text, len, l->diags, &docs);
        read_documents(l, l->project_path, docs, n);
    }
    return 0;
}
