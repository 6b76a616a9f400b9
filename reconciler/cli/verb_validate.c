/* validate: reports all errors at once, without any engine. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct totals {
    size_t files, resources, errors, warnings;
    struct val *diagnostics;
};

/* What to validate instead of the environment's own repository. */
struct place {
    const char *dir;    /* the folder that is loaded */
    const char *prefix; /* shown before its paths */
    const char *file;   /* report only this file's problems; NULL: all */
    const char *shown;  /* its name as the user gave it */
};

static bool wanted(struct cli *c, const struct val *diagnostic, const struct place *p)
{
    if (cli_flag(c, "no-warnings") && !str_eq(val_get_str(diagnostic, "severity"), "error"))
        return false;
    return !p || !p->file || str_eq(p->file, val_get_str(diagnostic, "file"));
}

static void take(struct cli *c, const struct val *found, const struct place *p, struct val *into,
                 struct totals *t)
{
    for (size_t i = 0; i < val_len(found); i++) {
        struct val *d = val_map_copy(&c->arena, found->items[i]);
        if (!wanted(c, d, p))
            continue;
        if (str_eq(val_get_str(d, "severity"), "error"))
            t->errors++;
        else
            t->warnings++;
        if (p && val_get_str(d, "file"))
            val_set_str(&c->arena, d, "file",
                        p->shown ? p->shown
                                 : arena_printf(&c->arena, "%s%s", p->prefix, val_get_str(d, "file")));
        val_list_add(&c->arena, into, d);
    }
}

static void count(const struct look *l, const struct place *p, struct totals *t)
{
    t->files += p && p->file ? 1 : l->loaded.files;
    for (size_t i = 0; i < l->desired.n; i++)
        if (!p || !p->file || str_eq(p->file, l->desired.items[i]->file))
            t->resources++;
}

static int check(struct cli *c, struct engine *e, const struct place *p, struct totals *t, struct err *err)
{
    const struct look_options o = {.fetch = true, .cancel = &c->cancel};
    _cleanup_(look_release) struct look l;
    int r = engine_load(e, &o, &l, err);
    if (r < 0 && !l.diags.errors)
        return r;
    struct val *mine = val_list(&c->arena);
    take(c, look_diagnostics(&l, &c->arena), p, mine, t);
    count(&l, p, t);
    for (size_t i = 0; i < val_len(mine); i++)
        val_list_add(&c->arena, t->diagnostics, mine->items[i]);
    if (c->json == JSON_OFF) {
        struct val *answer = val_map(&c->arena);
        val_map_set(&c->arena, answer, "diagnostics", mine);
        const struct cli_place from = {
            .source = engine_source(e), .prefix = p ? p->prefix : NULL, .on_disk = p && p->shown};
        cli_diagnostics(c, answer, &from);
    }
    return 0;
}

static bool has(struct cli *c, const char *dir, const char *name)
{
    return access(arena_printf(&c->arena, "%s/%s", dir, name), F_OK) == 0;
}

/* A file is loaded together with its surroundings, which overlays and references need: the nearest folder
   above it with a forge.yaml, within its Git repository, else its own folder. */
static void place_of_file(struct cli *c, const char *path, const char *real, struct place *ret)
{
    const char *dir = arena_strndup(&c->arena, real, (size_t)(strrchr(real, '/') - real));
    ret->dir = *dir ? dir : "/";
    while (*dir) {
        if (has(c, dir, "forge.yaml")) {
            ret->dir = dir;
            break;
        }
        if (has(c, dir, ".git"))
            break;
        dir = arena_strndup(&c->arena, dir, (size_t)(strrchr(dir, '/') - dir));
    }
    ret->file = arena_strdup(&c->arena, real + strlen(ret->dir) + (ret->dir[1] != '\0'));
    ret->shown = path;
}

static struct place place_of(struct cli *c, const char *path)
{
    struct place p = {.dir = path, .prefix = ""};
    struct stat st;
    char *real = stat(path, &st) == 0 && !S_ISDIR(st.st_mode) ? realpath(path, NULL) : NULL;
    if (real)
        place_of_file(c, path, real, &p);
    else if (!str_eq(path, "."))
        p.prefix = arena_printf(&c->arena, "%s%s", path, str_ends(path, "/") ? "" : "/");
    free(real);
    return p;
}

/* Validate a folder or file, whatever the settings say. */
static int check_path(struct cli *c, const char *path, struct totals *t, struct err *err)
{
    const struct place p = place_of(c, path);
    struct settings s;
    int r = settings_default(p.dir, cli_value(c, "environment"), cli_value(c, "state-dir"), &s, err);
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
        r = check(c, e, &p, t, err);
    engine_close(take_ptr(e));
    settings_release(&s);
    return r;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
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
        printf("%zu resource%s in %zu file%s: ", t->resources, plural(t->resources), t->files,
               plural(t->files));
        if (t->errors || t->warnings)
            printf("%zu error%s, %zu warning%s\n", t->errors, plural(t->errors), t->warnings,
                   plural(t->warnings));
        else
            puts("valid");
    }
    return t->errors ? EXIT_NOTICE : 0;
}

int verb_validate(struct cli *c)
{
    struct err err = {0};
    struct totals t = {.diagnostics = val_list(&c->arena)};
    int r = 0;
    for (size_t i = 0; i < c->n_args && r == 0; i++)
        r = check_path(c, c->args[i], &t, &err);
    if (!c->n_args) {
        struct engine *e;
        r = cli_engine(c, &e, &err);
        if (r == 0)
            r = check(c, e, NULL, &t, &err);
    }
    return r < 0 ? cli_fail(c, &err, NULL) : print(c, &t);
}
