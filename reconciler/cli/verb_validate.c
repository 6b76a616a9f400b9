/* validate: everything that is wrong, at once, without any engine. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

struct totals {
    size_t files, resources, errors, warnings;
    struct val *diagnostics;
};

static int check(struct cli *c, struct engine *e, struct totals *t, struct err *err)
{
    const struct look_options o = {.fetch = true, .cancel = &c->cancel};
    _cleanup_(look_release) struct look l;
    int r = engine_load(e, &o, &l, err);
    if (r < 0 && !l.diags.errors)
        return r;
    const struct val *found = diags_to_val(&c->arena, &l.diags);
    for (size_t i = 0; i < val_len(found); i++)
        if (!cli_flag(c, "no-warnings") || str_eq(val_get_str(found->items[i], "severity"), "error"))
            val_list_add(&c->arena, t->diagnostics, found->items[i]);
    t->files += l.loaded.files;
    t->resources += l.desired.n;
    t->errors += l.diags.errors;
    t->warnings += l.diags.warnings;
    return 0;
}

/* A folder of its own, beside whatever the settings say. */
static int check_folder(struct cli *c, const char *dir, struct totals *t, struct err *err)
{
    struct settings s;
    int r = settings_default(dir, cli_value(c, "environment"), cli_value(c, "state-dir"), &s, err);
    if (r < 0)
        return r;
    _cleanup_store_ struct store *store = NULL;
    _cleanup_(engine_closep) struct engine *e = NULL;
    const struct store_options so = {0};
    r = store_open(&so, &store, err);
    const struct engine_env env = {.store = store, .clock = clock_system()};
    if (r == 0)
        r = engine_open(&s.envs[0], &env, &e, err);
    if (r == 0)
        r = check(c, e, t, err);
    engine_close(take_ptr(e));
    settings_release(&s);
    return r;
}

static int print(struct cli *c, const struct totals *t)
{
    struct val *doc = val_map(&c->arena);
    val_set_str(&c->arena, doc, "format", "forge/validate/v1");
    val_map_set(&c->arena, doc, "diagnostics", t->diagnostics);
    val_set_int(&c->arena, doc, "files", (int64_t)t->files);
    val_set_int(&c->arena, doc, "resources", (int64_t)t->resources);
    val_set_int(&c->arena, doc, "errors", (int64_t)t->errors);
    val_set_int(&c->arena, doc, "warnings", (int64_t)t->warnings);
    if (c->json != JSON_OFF) {
        cli_json(c, doc);
    } else {
        cli_diagnostics(c, doc);
        printf("%zu resources in %zu files: %zu errors, %zu warnings\n", t->resources, t->files, t->errors,
               t->warnings);
    }
    return t->errors ? EXIT_NOTICE : 0;
}

int verb_validate(struct cli *c)
{
    struct err err = {0};
    struct totals t = {.diagnostics = val_list(&c->arena)};
    int r = 0;
    for (size_t i = 0; i < c->n_args && r == 0; i++)
        r = check_folder(c, c->args[i], &t, &err);
    if (!c->n_args) {
        struct engine *e;
        r = cli_engine(c, &e, &err);
        if (r == 0)
            r = check(c, e, &t, &err);
    }
    return r < 0 ? cli_fail(c, &err, NULL) : print(c, &t);
}
