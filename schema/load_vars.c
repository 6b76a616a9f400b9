/* The variables of forge.yaml, and the other names that references can use. */
#include "base/limits.h"
#include "base/str.h"
#include "schema/load_internal.h"

enum var_state { VAR_RAW, VAR_BUSY, VAR_DONE, VAR_BROKEN };

struct load_var {
    const char *name;
    const struct val *raw;
    const char *file;
    const char *value;
    struct digest digest; /* of the value */
    enum var_state state;
};

void load_vars_init(struct load_vars *v, struct arena *a, struct diag_list *diags)
{
    *v = (struct load_vars){.arena = a, .diags = diags, .budget = LIMIT_EXPANSION_BYTES};
    map_init(&v->by_name);
}

void load_vars_release(struct load_vars *v)
{
    map_release(&v->by_name);
}

void load_vars_add(struct load_vars *v, const char *file, const struct val *map)
{
    for (size_t i = 0; val_is(map, VAL_MAP) && i < map->len; i++) {
        const struct val_pair *pair = &map->pairs[i];
        if (!val_is(pair->val, VAL_STR))
            continue;
        size_t plain = strspn(pair->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        if (pair->key[plain] || strchr("0123456789", pair->key[0])) {
            struct diag *diag = diag_add(v->diags, DIAG_ERROR, file, pair->val->line, pair->val->col,
                                         "\"%.64s\" is not a valid variable name", pair->key);
            diag_hint(v->diags, diag, "use letters, digits and _, not starting with a digit");
            continue;
        }
        struct load_var *var = map_get(&v->by_name, pair->key);
        if (!var) {
            var = arena_new(v->arena, struct load_var);
            var->name = pair->key;
            map_put(&v->by_name, var->name, var);
            arena_push(v->arena, v->names, v->n, v->cap, var->name);
        }
        var->raw = pair->val;
        var->file = file;
    }
}

static int lookup(void *arg, const char *name, const char **ret, struct err *err);

static int resolve(struct load_vars *v, struct load_var *var, struct err *err)
{
    struct interp in = {.arena = v->arena, .arg = v, .lookup = lookup, .budget = &v->budget};
    size_t len;
    var->state = VAR_BUSY;
    int r = interp_text(&in, var->raw->s, var->raw->len, &var->value, &len, err);
    var->state = r < 0 ? VAR_BROKEN : VAR_DONE;
    if (r == 0)
        digest_of(var->value, len, &var->digest);
    return r;
}

static int lookup_variable(struct load_vars *v, const char *name, const char **ret, struct err *err)
{
    struct load_var *var = map_get(&v->by_name, name);
    if (!var) {
        const char *near = str_nearest(name, v->names, v->n);
        err_set(err, ERR_NOTFOUND, "variable %s is not set", name);
        if (near)
            err_hint(err, "did you mean \"%s\"?", near);
        else
            err_hint(err, "set it in variables of forge.yaml, or write a default: ${%s:-value}", name);
        return err->code;
    }
    if (var->state == VAR_BUSY)
        return err_set(err, ERR_INVALID, "variable %s refers to itself", name);
    if (var->state == VAR_RAW && resolve(v, var, err) < 0)
        return err_wrap(err, "variable %s", name);
    if (var->state == VAR_BROKEN)
        return err_set(err, LOAD_VAR_BROKEN, "invalid variable %s", name);
    *ret = var->value;
    return 0;
}

static int known(const char *value, const char *name, const char *hint, const char **ret, struct err *err)
{
    *ret = value;
    if (value)
        return 0;
    err_set(err, ERR_NOTFOUND, "%s is not available", name);
    err_hint(err, "%s; or give a default: ${%s:-value}", hint, name);
    return err->code;
}

static int lookup_container(struct load_vars *v, const char *name, const char *rest, const char **ret,
                            struct err *err)
{
    const char *dot = strrchr(rest, '.');
    if (!dot || !str_eq(dot, ".host")) {
        err_set(err, ERR_INVALID, "unknown reference \"${%s}\"", name);
        return err_hint(err, "write ${container.NAME.host}");
    }
    /* A container carries its own name as an alias on each of its networks. */
    *ret = arena_strndup(v->arena, rest, (size_t)(dot - rest));
    return 0;
}

static int lookup(void *arg, const char *name, const char **ret, struct err *err)
{
    static const char *const all[] = {"git.commit", "git.short", "environment.name", "project.name"};
    struct load_vars *v = arg;
    const char *rest;
    v->knows_commit |= str_starts(name, "git.");
    if (!strchr(name, '.'))
        return lookup_variable(v, name, ret, err);
    if ((rest = str_after(name, "env.")) && !strchr(rest, '.'))
        return lookup_variable(v, rest, ret, err);
    if ((rest = str_after(name, "container.")))
        return lookup_container(v, name, rest, ret, err);
    if (strcmp(name, "git.commit") == 0)
        return known(v->commit, name, "manifests that are not read from a Git commit have none", ret, err);
    if (strcmp(name, "git.short") == 0)
        return known(v->commit ? arena_strndup(v->arena, v->commit, 7) : NULL, name,
                     "manifests that are not read from a Git commit have none", ret, err);
    if (strcmp(name, "environment.name") == 0)
        return known(v->environment, name, "no environment was named", ret, err);
    if (strcmp(name, "project.name") == 0)
        return known(v->project, name, "there is no forge.yaml", ret, err);
    if (str_starts(name, "secret.") || str_starts(name, "database.")) {
        err_set(err, ERR_UNSUPPORTED, "\"${%s}\": references to secrets and databases are not supported yet",
                name);
        return err_hint(err, "a secret reaches a container as a file: secrets: [NAME]");
    }
    const char *near = str_nearest(name, all, ARRAY_LEN(all));
    err_set(err, ERR_INVALID, "unknown reference \"${%s}\"", name);
    if (near)
        return err_hint(err, "did you mean \"%s\"?", near);
    return err_hint(err, "known references: env.NAME, git.commit, git.short, environment.name, project.name "
                         "and container.NAME.host");
}

void load_vars_resolve(struct load_vars *v)
{
    for (size_t i = 0; i < v->n; i++) {
        struct load_var *var = map_get(&v->by_name, v->names[i]);
        struct err err = {0};
        if (var->state != VAR_RAW || resolve(v, var, &err) == 0)
            continue;
        struct diag *diag = diag_add(v->diags, DIAG_ERROR, var->file, var->raw->line, var->raw->col,
                                     "variable %s: %s", var->name, err.msg);
        if (*err.hint)
            diag_hint(v->diags, diag, "%s", err.hint);
    }
}

struct interp load_vars_interp(struct load_vars *v, struct arena *a)
{
    return (struct interp){.arena = a, .arg = v, .lookup = lookup, .budget = &v->budget};
}

void load_vars_digest(struct load_vars *v, const char *name, struct digest_ctx *ctx)
{
    const char *bare = str_after(name, "env.");
    const struct load_var *var = map_get(&v->by_name, bare ? bare : name);
    const char *value = NULL;
    struct err err = {0};
    digest_add(ctx, name, strlen(name) + 1);
    if (var && var->state == VAR_DONE) {
        digest_add(ctx, "=", 1);
        digest_add(ctx, var->digest.bytes, sizeof(var->digest.bytes));
    } else if (lookup(v, name, &value, &err) == 0 && value) {
        digest_add(ctx, ":", 1);
        digest_add(ctx, value, strlen(value) + 1);
    } else {
        digest_add(ctx, "-", 1);
    }
}
