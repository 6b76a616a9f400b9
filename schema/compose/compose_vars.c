/* ${...} in compose files: where values come from, and files of variables (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"
#include "schema/load_envfile.h"

struct lookup {
    struct compose *c;
    const struct compose_scope *scope;
    bool naming; /* the project's name itself is looked for */
};

static const char *from_scope(const struct compose_scope *scope, const char *name)
{
    const char *value = scope->outer ? from_scope(scope->outer, name) : NULL;
    return value ? value : val_get_str(scope->values, name);
}

static int lookup(void *arg, const char *name, const char **ret, struct err *err)
{
    const struct lookup *look = arg;
    struct compose *c = look->c;
    if (strchr(name, '.')) {
        err_set(err, ERR_INVALID, "\"${%s}\" is not a Compose variable", name);
        return err_hint(err, "define a variable in the Stack: environment: {NAME: ${%s}}, and write ${NAME}",
                        name);
    }
    *ret = val_get_str(val_get(c->options->spec, "environment"), name);
    if (*ret)
        return 0;
    compose_ask_name(c, name);
    struct interp variables = load_vars_interp(&c->l->vars, c->arena);
    struct err ignored = {0};
    int r = variables.lookup(variables.arg, name, ret, &ignored);
    if (r == LOAD_VAR_BROKEN)
        return err_set(err, r, "invalid variable %s", name);
    if (r == 0)
        return 0;
    *ret = from_scope(look->scope, name);
    if (!*ret && !look->naming && str_eq(name, "COMPOSE_PROJECT_NAME"))
        *ret = c->project ? c->project : c->l->set->environment;
    /* The folder of the project, as used in bind mounts. */
    if (!*ret && str_eq(name, "PWD"))
        *ret = str_or(val_get_str(c->options->spec, "directory"), ".");
    if (*ret)
        return 0;
    err_set(err, ERR_NOTFOUND, "%s is not set", name);
    return err_hint(err, "set it in the environment of the Stack, in variables of forge.yaml, or in .env");
}

const char *compose_lookup(struct compose *c, const struct compose_scope *scope, const char *name)
{
    struct lookup look = {.c = c, .scope = scope};
    const char *value;
    struct err ignored = {0};
    return lookup(&look, name, &value, &ignored) == 0 ? value : NULL;
}

static const char where_to_set[] = "set it in the Stack's environment, in variables of forge.yaml or in "
                                   ".env; Forge does not use the environment of its own process";

/* As in Compose: it reads as "", and is reported once. */
static void unset(void *arg, const char *name)
{
    const struct lookup *look = arg;
    struct compose *c = look->c;
    c->saw_unset = true;
    if (val_get(c->warned, name))
        return;
    val_map_set(c->arena, c->warned, name, val_bool(c->arena, true));
    compose_warning(c, c->at, where_to_set, "the variable %s is not set and defaults to \"\"", name);
}

static struct interp interp_of(struct lookup *look)
{
    return (struct interp){.arena = look->c->arena,
                           .arg = look,
                           .lookup = lookup,
                           .budget = &look->c->l->vars.budget,
                           .bare = true,
                           .unset = unset};
}

static struct ynode *resolve_scalar(struct lookup *look, struct ynode *n)
{
    const char *text;
    size_t len;
    struct err err = {0};
    struct compose *c = look->c;
    if (!memchr(n->text, '$', n->len))
        return n;
    struct interp in = interp_of(look);
    struct ynode *copy = arena_memdup(c->arena, n, sizeof(*n));
    c->at = n;
    c->saw_unset = false;
    if (interp_text(&in, n->text, n->len, &text, &len, &err) < 0) {
        if (err.code != LOAD_VAR_BROKEN)
            compose_error(c, n, err.code == ERR_NOTFOUND ? where_to_set : err.hint, "%s", err.msg);
        copy->text = "";
        copy->len = 0;
        copy->plain = true; /* null: what could not be resolved is treated as absent */
        c->broken = true;
        arena_push(c->arena, c->unresolved, c->n_unresolved, c->cap_unresolved, copy);
        return copy;
    }
    copy->text = text;
    copy->len = len;
    if (c->saw_unset)
        arena_push(c->arena, c->blank, c->n_blank, c->cap_blank, copy);
    if (copy->plain && ynode_is_null(copy))
        copy->plain = false; /* the value of a variable is text */
    return copy;
}

static struct ynode *resolve(struct lookup *look, struct ynode *n)
{
    if (n->type == YN_SCALAR)
        return resolve_scalar(look, n);
    struct ynode *copy = NULL;
    for (size_t i = 0; i < n->len; i++) {
        struct ynode *old = n->type == YN_SEQ ? n->items[i] : n->pairs[i].value;
        if (n->type == YN_MAP && str_starts(n->pairs[i].key->text, "x-"))
            continue;
        struct ynode *new = resolve(look, old);
        if (new == old)
            continue;
        if (!copy)
            copy = compose_copy(look->c, n);
        if (n->type == YN_SEQ)
            copy->items[i] = new;
        else
            copy->pairs[i].value = new;
    }
    return copy ? copy : n;
}

struct ynode *compose_resolve(struct compose *c, const struct compose_scope *scope, struct ynode *n)
{
    struct lookup look = {.c = c, .scope = scope};
    return resolve(&look, n);
}

/* Problems are reported when the file as a whole is resolved. */
static void unset_in_name(void *arg, const char *name)
{
    (void)arg;
    (void)name;
}

const char *compose_name_text(struct compose *c, const struct compose_scope *scope, const struct ynode *n)
{
    struct lookup look = {.c = c, .scope = scope, .naming = true};
    struct interp in = interp_of(&look);
    in.unset = unset_in_name;
    const char *text = compose_text(n);
    size_t len;
    struct err ignored = {0};
    if (!text || interp_text(&in, n->text, n->len, &text, &len, &ignored) < 0)
        return NULL;
    return str_empty(text) ? NULL : text;
}

bool compose_is_unresolved(const struct compose *c, const struct ynode *n)
{
    for (size_t i = 0; i < c->n_unresolved; i++)
        if (c->unresolved[i] == n)
            return true;
    return false;
}

/* Variables take several times the size of their text once they are read. */
#define ENV_FILE_WEIGHT 4

void compose_env_file(struct compose *c, const struct compose_scope *scope, const struct ynode *at,
                      const char *path, bool raw, bool required, struct val *into)
{
    struct loader *l = c->l;
    const struct load_file *file = compose_find_file(c, path);
    if (!file) {
        if (required)
            compose_error(c, at, "add it to the repository, or write {path: ..., required: false}",
                          "there is no file %s in the repository", path);
        return;
    }
    if (file->size > LIMIT_MANIFEST_BYTES || file->size * ENV_FILE_WEIGHT > l->named_budget) {
        compose_error(c, at, NULL, "%s is too large for a variables file", path);
        return;
    }
    l->named_budget -= file->size * ENV_FILE_WEIGHT;
    const char *text;
    size_t len;
    c->at = at;
    compose_use_file(c, file->path);
    int r = l->in->read(l->in->arg, (size_t)(file - l->in->files), c->arena, &text, &len, c->err);
    if (r < 0) {
        c->failed = err_wrap(c->err, "%s", path);
        return;
    }
    struct lookup look = {.c = c, .scope = scope};
    struct interp in = interp_of(&look);
    envfile_read(c->arena, file->path, text, len, raw, &in, l->diags, load_file_index(l, file->path), into);
}
