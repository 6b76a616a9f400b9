/* The session of a command: settings, store and engine, or the connection to forged when it runs. */
#include "base/str.h"
#include "reconciler/api/control.h"
#include "reconciler/cli/cli.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int load_settings(struct cli *c, const char *path, struct err *err)
{
    struct diag_list diags;
    diag_init(&diags, &c->arena);
    int r = settings_load(path, &c->settings, &diags, err);
    if (r == 0 && diags.errors)
        r = err_set(err, ERR_INVALID, "%s: %zu %s", path, diags.errors,
                    diags.errors == 1 ? "error" : "errors");
    if (diags.n) {
        c->settings_problems = val_map(&c->arena);
        val_map_set(&c->arena, c->settings_problems, "diagnostics", diags_to_val(&c->arena, &diags));
        cli_diagnostics(c, c->settings_problems, &(const struct cli_place){.on_disk = true});
    }
    return r;
}

int cli_settings(struct cli *c, struct settings **ret, struct err *err)
{
    *ret = &c->settings;
    if (c->have_settings)
        return 0;
    settings_release(&c->settings); /* left by a failed attempt */
    const char *path = cli_value(c, "settings"), *dir = cli_value(c, "directory");
    if (!path && !dir)
        path = getenv("FORGE_SETTINGS");
    if (!path && !dir && access(settings_default_path(), F_OK) == 0)
        path = settings_default_path();
    int r = path ? load_settings(c, path, err)
                 : settings_default(str_or(dir, "."), cli_value(c, "environment"), cli_value(c, "state-dir"),
                                    &c->settings, err);
    if (r == 0) {
        c->have_settings = true;
        if (path && cli_value(c, "state-dir"))
            settings_set_state_dir(&c->settings, cli_value(c, "state-dir"));
    }
    return r;
}

int cli_env(struct cli *c, const struct env_config **ret, struct err *err)
{
    struct settings *s;
    int r = cli_settings(c, &s, err);
    if (r < 0)
        return r;
    const char *name = s->path ? cli_value(c, "environment") : NULL;
    *ret = settings_env(s, name);
    if (*ret)
        return 0;
    struct buf known = BUF_INIT;
    for (size_t i = 0; i < s->n_envs; i++)
        buf_addf(&known, "%s%s", i ? ", " : "", s->envs[i].name);
    if (name)
        err_set(err, ERR_NOTFOUND, "%s has no environment %s", s->path, name);
    else
        err_set(err, ERR_INVALID, "%s has %zu environments: choose one with -e", s->path, s->n_envs);
    err_hint(err, "there %s: %s", s->n_envs == 1 ? "is" : "are", known.len ? buf_str(&known) : "none");
    buf_release(&known);
    return err->code;
}

int cli_store(struct cli *c, struct store **ret, struct err *err)
{
    struct settings *s;
    int r = cli_settings(c, &s, err);
    if (r == 0 && !c->store) {
        const struct store_options o = {.dir = s->state_dir};
        r = store_open(&o, &c->store, err);
    }
    *ret = c->store;
    return r;
}

int cli_engine(struct cli *c, struct engine **ret, struct err *err)
{
    *ret = c->engine;
    if (c->engine)
        return 0;
    const struct env_config *env;
    struct store *store;
    int r = cli_env(c, &env, err);
    if (r == 0)
        r = cli_store(c, &store, err);
    if (r < 0)
        return r;
    if (!c->pool)
        c->pool = pool_new(4);
    const struct engine_env e = {.store = store, .clock = clock_system(), .pool = c->pool};
    r = engine_open(env, &e, &c->engine, err);
    *ret = c->engine;
    return r;
}

const char *cli_actor(struct cli *c)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *pw = getpwuid(getuid());
    const char *name = pw ? pw->pw_name : arena_printf(&c->arena, "uid %u", (unsigned)getuid());
    return sudo && getuid() == 0 ? arena_printf(&c->arena, "%s (sudo)", sudo) : arena_strdup(&c->arena, name);
}

/* Is there a forged to ask? Only one with the same settings as this session. ERR_UNAVAILABLE: no. */
static int find_forged(struct cli *c, const struct env_config **ret, struct err *err)
{
    int r = cli_env(c, ret, err);
    if (r < 0)
        return r;
    if (!c->settings.path || cli_flag(c, "local") || cli_value(c, "state-dir"))
        return err_set(err, ERR_UNAVAILABLE, "this command runs without forged");
    return control_reachable(c->settings.socket, err);
}

/* ---- the settings file is wrong, and forged runs on with what it had read ---- */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The environment that is meant, of those that forged has; NULL: it cannot be told. */
static const char *former_env(struct cli *c, const struct val *environments)
{
    const char *name = cli_value(c, "environment");
    if (name)
        return name;
    return val_len(environments) == 1 ? val_get_str(environments->items[0], "environment") : NULL;
}

/* Is there a forged that was started with the same file? */
static bool find_former(struct cli *c)
{
    struct err ignored = {0};
    struct val *answer;
    const char *socket = c->settings.socket; /* NULL: the file cannot be read even so far */
    if (c->former_socket)
        return true;
    if (!socket)
        socket = settings_default_socket(&c->arena);
    if (cli_flag(c, "local") || cli_value(c, "state-dir") || control_reachable(socket, &ignored) < 0)
        return false;
    if (control_call(socket, NULL, NULL, val_map(&c->arena), &c->cancel, NULL, NULL, &c->arena, &answer,
                     &ignored) < 0)
        return false;
    if (!same_file(val_get_str(answer, "settings"), c->settings.path))
        return false;
    c->former_env = former_env(c, val_get(answer, "environments"));
    c->former_socket = arena_strdup(&c->arena, socket);
    return true;
}

/* What only reads is asked of it; what writes waits until the file is right. `err` is what is wrong. */
static int call_former(struct cli *c, const char *operation, const struct val *args,
                       void (*emit)(void *, const struct val *), void *arg, struct val **ret, struct err *err)
{
    const struct operation *op = operation_find(operation);
    bool before = c->former_socket != NULL;
    if (!find_former(c))
        return err->code;
    if (!op || op->writes) {
        err_hint(err,
                 "forged runs on with the settings it had read before: `forge-ctl status`, diff and history "
                 "ask it; the rest waits until the file is right");
        return err->code;
    }
    if (!c->former_env)
        return err_hint(err, "forged runs on with the settings it had read before: say with -e which of its "
                             "environments to ask it about");
    if (!before)
        fprintf(stderr,
                "forge-ctl: the settings file is wrong; this is the answer of forged, which runs on with "
                "what it had read before\n");
    err_clear(err);
    return control_call(c->former_socket, c->former_env, operation, args, &c->cancel, emit, arg, &c->arena,
                        ret, err);
}

/* ---- */

static int call_here(struct cli *c, const char *operation, const struct val *args,
                     void (*emit)(void *, const struct val *), void *arg, struct val **ret, struct err *err)
{
    struct engine *engine;
    const struct operation *op = operation_find(operation);
    if (!op) {
        err_set(err, ERR_UNAVAILABLE, "forged is not available to this command: %s",
                c->settings.path ? arena_printf(&c->arena, "nothing is listening at %s", c->settings.socket)
                                 : "there is no settings file");
        return err_hint(err, "start forged with --settings, or use `forge-ctl apply`");
    }
    int r = cli_engine(c, &engine, err);
    if (r < 0)
        return r;
    c->rev = val_get_str(args, "rev");
    const struct operation_context oc = {
        .engine = engine,
        .actor = cli_actor(c),
        .cancel = &c->cancel,
        .arena = &c->arena,
        .emit = emit,
        .arg = arg,
    };
    return op->run(&oc, args, ret, err);
}

int cli_call(struct cli *c, const char *operation, const struct val *args,
             void (*emit)(void *, const struct val *), void *arg, struct val **ret, struct err *err)
{
    const struct env_config *env;
    *ret = NULL;
    int r = c->former_socket ? ERR_INVALID : find_forged(c, &env, err);
    if (r == ERR_INVALID && c->settings_problems)
        return call_former(c, operation, args, emit, arg, ret, err);
    if (r == 0)
        return control_call(c->settings.socket, env->name, operation, args, &c->cancel, emit, arg, &c->arena,
                            ret, err);
    if (r != ERR_UNAVAILABLE)
        return r;
    err_clear(err);
    return call_here(c, operation, args, emit, arg, ret, err);
}

void cli_close(struct cli *c)
{
    engine_close(c->engine);
    pool_free(c->pool);
    store_close(c->store);
    settings_release(&c->settings);
    cancel_release(&c->cancel);
    arena_release(&c->arena);
}
