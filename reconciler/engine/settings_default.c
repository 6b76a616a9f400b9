/* Without a settings file: where things are, and one environment for a folder on the local engine. */
#include "reconciler/engine/settings.h"

#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "schema/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

const char *settings_default_path(void)
{
    return "/etc/forge/forged.yaml";
}

const char *settings_default_state_dir(struct arena *a)
{
    const char *dir = getenv("FORGE_STATE_DIR"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (!str_empty(dir))
        return arena_strdup(a, dir);
    if (getuid() == 0)
        return "/var/lib/forge";
    if (!str_empty(state))
        return arena_printf(a, "%s/forge", state);
    return arena_printf(a, "%s/.local/state/forge", str_empty(home) ? "/tmp" : home);
}

const char *settings_default_socket(struct arena *a)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    if (getuid() == 0 || str_empty(run))
        return "/run/forge/forged.sock";
    return arena_printf(a, "%s/forge/forged.sock", run);
}

/* metadata.name of a forge.yaml in the folder. Only a guess at a name: what is wrong there is reported by
 * loading. */
static const char *project_name(struct arena *a, const char *dir)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err ignored = {0};
    if (io_read_file(arena_printf(a, "%s/forge.yaml", dir), LIMIT_MANIFEST_BYTES, &b, &ignored) < 0)
        return NULL;
    struct diag_list diags;
    struct ynode **docs;
    diag_init(&diags, a);
    size_t n = yaml_read(a, "forge.yaml", buf_str(&b), b.len, &diags, &docs);
    for (size_t i = 0; i < n; i++) {
        const struct ynode *kind = ynode_get(docs[i], "kind"), *meta = ynode_get(docs[i], "metadata");
        const struct ynode *name = meta ? ynode_get(meta, "name") : NULL;
        if (kind && kind->type == YN_SCALAR && str_eq(kind->text, "Project") && name &&
            name->type == YN_SCALAR)
            return arena_strdup(a, name->text);
    }
    return NULL;
}

const char *settings_folder_name(struct arena *a, const char *dir)
{
    const char *slash = strrchr(dir, '/');
    char *name = arena_strdup(a, slash ? slash + 1 : dir);
    size_t n = 0;
    for (const char *p = name; *p && n < LIMIT_NAME_BYTES; p++) {
        if (isalnum((unsigned char)*p))
            name[n++] = (char)tolower((unsigned char)*p);
        else if (n && name[n - 1] != '-')
            name[n++] = '-';
    }
    while (n && name[n - 1] == '-')
        n--;
    name[n] = '\0';
    return n ? name : "default";
}

int settings_default(const char *dir, const char *env, const char *state_dir, struct settings *ret,
                     struct err *err)
{
    *ret = (struct settings){0};
    char *real = realpath(dir, NULL);
    if (!real) {
        err_errno(err, errno, "cannot work in %s", dir);
        return err_hint(err, "choose a folder with manifests; `forge-ctl init DIR` writes an example");
    }
    struct arena *a = &ret->arena;
    const char *folder = arena_strdup(a, real);
    free(real);
    const char *project = project_name(a, folder);
    const char *name = env ? env : project;
    if (env && !settings_name_is_valid(env)) {
        settings_release(ret);
        err_set(err, ERR_INVALID, "\"%s\" is not a valid environment name", env);
        return err_hint(err, "use up to %u of a-z, 0-9 and -, with a letter or digit at both ends",
                        LIMIT_NAME_BYTES);
    }
    if (!name || !settings_name_is_valid(name))
        name = settings_folder_name(a, folder);
    ret->state_dir = state_dir ? arena_strdup(a, state_dir) : settings_default_state_dir(a);
    ret->socket = settings_default_socket(a);
    ret->log_level = LOG_INFO;
    ret->targets = arena_new(a, struct target);
    ret->targets[0].name = "local";
    ret->n_targets = 1;
    ret->envs = arena_new(a, struct env_config);
    ret->n_envs = 1;
    ret->envs[0] = (struct env_config){
        .name = arena_strdup(a, name),
        .project_environment = env ? arena_strdup(a, env) : "",
        .source = {.url = arena_printf(a, "dir:%s", folder)},
        .target = &ret->targets[0],
        .no_settings = true,
        .prune = true,
        .self_heal = true,
    };
    return 0;
}
