/* From the settings file to structs: relative paths, credential files, references between sections. */
#include "reconciler/engine/settings.h"

#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/placement.h"
#include "schema/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
    struct settings *s;
    struct arena *arena;
    struct diag_list *diags;
    const char *dir; /* of the file: relative paths start there */
    struct registry_login *logins;
    size_t n_logins;
    struct buf files; /* that are named, and how each was found */
};

/* A credential that was written anew is a change, though the settings read the same. */
static void note_file(struct reading *rd, const char *path)
{
    struct stat st;
    if (path && stat(path, &st) == 0)
        buf_addf(&rd->files, "%s %llu %lld %lld.%09ld\n", path, (unsigned long long)st.st_ino,
                 (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static struct diag *problem(struct reading *rd, const struct val *at, const char *msg)
{
    return diag_add(rd->diags, DIAG_ERROR, rd->s->path, at ? at->line : 0, at ? at->col : 0, "%s", msg);
}

static const char *path_of(struct reading *rd, const struct val *map, const char *key)
{
    const char *p = val_get_str(map, key);
    if (!p || p[0] == '/')
        return p;
    return arena_printf(rd->arena, "%s/%s", rd->dir, p);
}

static const char *cache_dir_of(struct arena *a, const char *state_dir)
{
    return arena_printf(a, "%s/repositories", state_dir);
}

/* A file that has to be there. */
static const char *file_of(struct reading *rd, const struct val *map, const char *key)
{
    const char *p = path_of(rd, map, key);
    note_file(rd, p);
    if (p && access(p, R_OK) < 0)
        problem(rd, val_get(map, key), arena_printf(rd->arena, "%s: cannot read %s", key, p));
    return p;
}

/* A file that has to be there and to be nobody else's (X7): none of these permissions. */
static const char *private_file_of(struct reading *rd, const struct val *map, const char *key,
                                   mode_t forbidden)
{
    const char *p = file_of(rd, map, key);
    struct stat st;
    if (p && stat(p, &st) == 0 && st.st_mode & forbidden) {
        struct diag *d =
            problem(rd, val_get(map, key), arena_printf(rd->arena, "%s: %s can be used by others", key, p));
        diag_hint(rd->diags, d, "chmod 600 %s", p);
    }
    return p;
}

/* ssh refuses keys that the group may read; a TLS key may be its group's, as Debian has it for ssl-cert. */
#define SSH_KEY_FORBIDDEN (S_IRWXG | S_IRWXO)
#define TLS_KEY_FORBIDDEN (S_IWGRP | S_IRWXO)

static const struct secret *secret_of(struct reading *rd, const struct val *map, const char *key)
{
    const char *p = path_of(rd, map, key);
    struct secret *secret = NULL;
    struct err err = {0};
    if (!p)
        return NULL;
    note_file(rd, p);
    if (secret_read_file(p, &secret, &err) < 0) {
        struct diag *d = problem(rd, val_get(map, key), arena_printf(rd->arena, "%s: %s", key, err.msg));
        if (err.hint[0])
            diag_hint(rd->diags, d, "%s", err.hint);
        return NULL;
    }
    struct settings *s = rd->s;
    arena_push(rd->arena, s->secrets, s->n_secrets, s->cap_secrets, secret);
    return secret;
}

/* ---- sections ---- */

static void read_registries(struct reading *rd, const struct val *map)
{
    rd->logins = arena_array(rd->arena, struct registry_login, val_len(map) + 1);
    for (size_t i = 0; i < val_len(map); i++) {
        const struct val *v = map->pairs[i].val;
        rd->logins[rd->n_logins++] = (struct registry_login){
            .registry = map->pairs[i].key,
            .username = val_get_str(v, "username"),
            .password = secret_of(rd, v, "password_file"),
        };
    }
}

/* It stands in ids, as in container/web@NAME. */
static void check_target_name(struct reading *rd, const char *name, const struct val *at)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t n = strlen(name);
    if (n && n <= LIMIT_NAME_BYTES && !strchr("_.-", name[0]) && strspn(name, good) == n)
        return;
    struct diag *d = problem(rd, at, arena_printf(rd->arena, "\"%s\" is no name for a target", name));
    diag_hint(rd->diags, d, "use up to %u letters, digits, _, . and -, and begin with a letter or digit",
              LIMIT_NAME_BYTES);
}

static void read_targets(struct reading *rd, const struct val *map)
{
    struct settings *s = rd->s;
    s->targets = arena_array(rd->arena, struct target, val_len(map) + 1);
    if (val_len(map) > LIMIT_TARGETS)
        problem(rd, map,
                arena_printf(rd->arena, "%zu targets are more than the %u that there may be", val_len(map),
                             LIMIT_TARGETS));
    for (size_t i = 0; i < val_len(map); i++) {
        const struct val *v = map->pairs[i].val;
        s->targets[s->n_targets++] = (struct target){
            .name = map->pairs[i].key,
            .url = val_get_str(v, "url"),
            .ca_file = file_of(rd, v, "ca"),
            .cert_file = file_of(rd, v, "cert"),
            .key_file = private_file_of(rd, v, "key", TLS_KEY_FORBIDDEN),
            .ssh_key_file = private_file_of(rd, v, "ssh_key", SSH_KEY_FORBIDDEN),
            .ssh_known_hosts = file_of(rd, v, "known_hosts"),
            .timeout_ns = val_get_int(v, "timeout", 0),
            .logins = rd->logins,
            .n_logins = rd->n_logins,
            .docker_config = path_of(rd, v, "docker_config"),
            .labels = val_get(v, "labels"),
        };
        check_target_name(rd, map->pairs[i].key, v);
    }
    if (!s->n_targets)
        s->targets[s->n_targets++] =
            (struct target){.name = "local", .logins = rd->logins, .n_logins = rd->n_logins};
}

static const struct target *find_target(struct reading *rd, const struct val *env, const char *env_name)
{
    const struct settings *s = rd->s;
    const char *name = val_get_str(env, "target");
    const char **names = arena_array(rd->arena, const char *, s->n_targets);
    for (size_t i = 0; i < s->n_targets; i++) {
        names[i] = s->targets[i].name;
        if (name ? str_eq(name, names[i]) : s->n_targets == 1)
            return &s->targets[i];
    }
    const struct val *at = name ? val_get(env, "target") : env;
    struct diag *d =
        problem(rd, at,
                name ? arena_printf(rd->arena, "there is no target \"%s\"", name)
                     : arena_printf(rd->arena, "environment %s must name its target: there are %zu", env_name,
                                    s->n_targets));
    const char *near = name ? str_nearest(name, names, s->n_targets) : NULL;
    if (near)
        diag_hint(rd->diags, d, "did you mean \"%s\"?", near);
    return &s->targets[0];
}

/* ---- several targets ---- */

static void check_names(struct reading *rd, const struct val *names)
{
    const struct settings *s = rd->s;
    const char **known = arena_array(rd->arena, const char *, s->n_targets);
    for (size_t i = 0; i < s->n_targets; i++)
        known[i] = s->targets[i].name;
    for (size_t i = 0; i < val_len(names); i++) {
        const struct val *name = names->items[i];
        bool found = false;
        for (size_t k = 0; k < s->n_targets; k++)
            found |= str_eq(known[k], name->s);
        if (found)
            continue;
        struct diag *d = problem(rd, name, arena_printf(rd->arena, "there is no target \"%s\"", name->s));
        const char *near = str_nearest(name->s, known, s->n_targets);
        if (near)
            diag_hint(rd->diags, d, "did you mean \"%s\"?", near);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct target *const *)a)->name, (*(const struct target *const *)b)->name);
}

/* The targets that an environment chose, as one. */
static const struct target *target_set(struct reading *rd, const struct val *selector)
{
    const struct settings *s = rd->s;
    const struct target **members = arena_array(rd->arena, const struct target *, s->n_targets + 1);
    struct target *set = arena_new(rd->arena, struct target);
    _cleanup_buf_ struct buf names = BUF_INIT;
    check_names(rd, val_get(selector, "names"));
    for (size_t i = 0; i < s->n_targets; i++)
        if (placement_fits(selector, s->targets[i].name, s->targets[i].labels))
            members[set->n_members++] = &s->targets[i];
    qsort(members, set->n_members, sizeof(*members), by_name);
    for (size_t i = 0; i < set->n_members; i++)
        buf_addf(&names, "%s%s", i ? ", " : "", members[i]->name);
    set->members = members;
    set->name = arena_strdup(rd->arena, buf_str(&names));
    if (!set->n_members) {
        struct diag *d = problem(rd, selector, "no target fits");
        diag_hint(rd->diags, d, "the section \"targets\" at the top of this file gives them labels");
    }
    return set;
}

static const char *read_fallback(struct reading *rd, const struct target *set, const struct val *name)
{
    const char **names = arena_array(rd->arena, const char *, set->n_members + 1);
    if (!name)
        return NULL;
    for (size_t i = 0; i < set->n_members; i++) {
        names[i] = set->members[i]->name;
        if (str_eq(names[i], name->s))
            return name->s;
    }
    struct diag *d = problem(
        rd, name, arena_printf(rd->arena, "target \"%s\" is none of those that targets chooses", name->s));
    const char *near = str_nearest(name->s, names, set->n_members);
    if (near)
        diag_hint(rd->diags, d, "did you mean \"%s\"?", near);
    return NULL;
}

/* A relative path means a folder beside the file. */
static const char *url_of(struct reading *rd, const struct val *map)
{
    const char *url = val_get_str(map, "url");
    const char *folder = url ? str_after(url, "dir:") : NULL;
    if (folder && *folder != '/')
        return arena_printf(rd->arena, "dir:%s/%s", rd->dir, folder);
    if (url && !strchr(url, ':') && *url != '/')
        return arena_printf(rd->arena, "%s/%s", rd->dir, url);
    return url;
}

/* What a source refuses is said here, with its place; but a line that holds a credential is not pointed at,
   because it would be shown. */
static void check_source(struct reading *rd, const struct val *v, const struct source_config *c)
{
    struct source *s = NULL;
    struct err err = {0};
    if (!c->url)
        return;
    if (source_open(c, &s, &err) < 0) {
        struct diag *d = problem(rd, source_url_has_credentials(c->url) ? NULL : val_get(v, "url"), err.msg);
        if (err.hint[0])
            diag_hint(rd->diags, d, "%s", err.hint);
    }
    source_close(s);
}

static struct source_config read_repository(struct reading *rd, const struct val *v)
{
    const struct source_config c = {
        .url = url_of(rd, v),
        .branch = val_get_str(v, "branch"),
        .revision = val_get_str(v, "revision"),
        .path = val_get_str(v, "path"),
        .cache_dir = cache_dir_of(rd->arena, rd->s->state_dir),
        .username = val_get_str(v, "username"),
        .password = secret_of(rd, v, "password_file"),
        .ca_file = file_of(rd, v, "ca"),
        .ssh_key_file = private_file_of(rd, v, "ssh_key", SSH_KEY_FORBIDDEN),
        .ssh_known_hosts = file_of(rd, v, "known_hosts"),
        .ssh_passphrase = secret_of(rd, v, "passphrase_file"),
        .timeout_ns = val_get_int(v, "timeout", 0),
    };
    check_source(rd, v, &c);
    return c;
}

static const char *const *strings_of(struct reading *rd, const struct val *list)
{
    if (!val_len(list))
        return NULL;
    const char **out = arena_array(rd->arena, const char *, val_len(list) + 1);
    for (size_t i = 0; i < val_len(list); i++)
        out[i] = val_is(list->items[i], VAL_STR) ? list->items[i]->s : "";
    return out;
}

bool settings_name_is_valid(const char *name)
{
    size_t n = strlen(name);
    if (!n || n > LIMIT_NAME_BYTES || name[0] == '-' || name[n - 1] == '-')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static void read_environment(struct reading *rd, const char *name, const struct val *v)
{
    struct settings *s = rd->s;
    const struct val *sync = val_get(v, "sync"), *kept = val_get(v, "retention"),
                     *images = val_get(v, "images");
    const struct val *targets = val_get(v, "targets");
    if (!settings_name_is_valid(name)) {
        struct diag *d =
            problem(rd, v, arena_printf(rd->arena, "\"%s\" is no name for an environment", name));
        diag_hint(rd->diags, d, "use up to %u of a-z, 0-9 and -, with a letter or digit at both ends",
                  LIMIT_NAME_BYTES);
    }
    s->envs[s->n_envs++] = (struct env_config){
        .name = name,
        .project_environment = val_get_str(v, "environment"),
        .source = read_repository(rd, val_get(v, "repository")),
        .target = targets ? target_set(rd, targets) : find_target(rd, v, name),
        .profiles = strings_of(rd, val_get(v, "profiles")),
        .interval_ns = val_get_int(v, "interval", 0),
        .automatic = val_get_bool(sync, "automatic", false),
        .prune = val_get_bool(sync, "prune", true),
        .self_heal = val_get_bool(sync, "self_heal", true),
        .delete_cap = (unsigned)val_get_int(sync, "delete_cap", 0),
        .delete_share = (unsigned)val_get_int(sync, "delete_share", 50),
        .timeout_ns = val_get_int(sync, "timeout", INT64_C(30) * 60 * 1000000000),
        .parallel = (unsigned)val_get_int(sync, "parallel", 0),
        .retention = {.generations = (unsigned)val_get_int(kept, "generations", 0),
                      .age_ns = val_get_int(kept, "age", 0),
                      .transitions = (unsigned)val_get_int(kept, "transitions", 0)},
        .prune_images = val_get_bool(images, "prune", true),
        .keep_images_ns = val_get_int(images, "keep", INT64_C(7) * 24 * 3600 * 1000000000),
    };
    struct env_config *c = &s->envs[s->n_envs - 1];
    if (targets)
        c->fallback = read_fallback(rd, c->target, val_get(v, "target"));
}

/* What an environment was read from: its own part, and what all of them share. */
static void note_forms(struct reading *rd, const struct val *v)
{
    const struct val *envs = val_get(v, "environments");
    for (size_t i = 0; i < rd->s->n_envs; i++) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        struct digest d;
        char hex[DIGEST_HEX_LEN + 1];
        const struct val *parts[] = {envs->pairs[i].val, val_get(v, "targets"), val_get(v, "registries")};
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            if (parts[k])
                val_json(parts[k], 0, &b);
            buf_addc(&b, '\n');
        }
        buf_addf(&b, "%s\n%s\n%s", rd->dir, rd->s->state_dir, buf_str(&rd->files));
        digest_of(b.data, b.len, &d);
        digest_hex(&d, hex);
        rd->s->envs[i].form = arena_strdup(rd->arena, hex);
    }
}

static enum log_level level_of(const char *name)
{
    static const char *const levels[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (str_eq(name, levels[i]))
            return (enum log_level)i;
    return LOG_INFO;
}

static void read_all(struct reading *rd, const struct val *v)
{
    struct settings *s = rd->s;
    s->state_dir = path_of(rd, v, "state_dir");
    if (!s->state_dir)
        s->state_dir = settings_default_state_dir(rd->arena);
    s->socket = path_of(rd, val_get(v, "listen"), "socket");
    if (!s->socket)
        s->socket = settings_default_socket(rd->arena);
    s->metrics = val_get_str(val_get(v, "listen"), "metrics");
    s->log_sink = val_get_str(val_get(v, "log"), "sink");
    s->log_level = level_of(val_get_str(val_get(v, "log"), "level"));
    read_registries(rd, val_get(v, "registries"));
    read_targets(rd, val_get(v, "targets"));
    const struct val *envs = val_get(v, "environments");
    s->envs = arena_array(rd->arena, struct env_config, val_len(envs) + 1);
    for (size_t i = 0; i < val_len(envs); i++)
        read_environment(rd, envs->pairs[i].key, envs->pairs[i].val);
    note_forms(rd, v);
}

/* ---- the file ---- */

static const char *folder_of(struct arena *a, const char *path)
{
    char *real = realpath(path, NULL);
    const char *full = arena_strdup(a, real ? real : path);
    free(real);
    const char *slash = strrchr(full, '/');
    return slash ? arena_strndup(a, full, (size_t)(slash - full)) : ".";
}

/* Whoever can write the settings decides what is deployed, and where to. */
static void check_permissions(struct reading *rd, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0 || !(st.st_mode & S_IWOTH))
        return;
    struct diag *d = problem(rd, NULL, "everybody may change this file");
    diag_hint(rd->diags, d, "chmod o-w %s", path);
}

static void decode_document(struct reading *rd, const char *text, size_t len)
{
    struct ynode **docs;
    size_t n = yaml_read(rd->arena, rd->s->path, text, len, rd->diags, &docs);
    if (rd->diags->errors)
        return;
    if (n != 1) {
        diag_add(rd->diags, DIAG_ERROR, rd->s->path, 1, 1,
                 "a settings file is one document; this one has %zu", n);
        return;
    }
    struct decode d = {.arena = rd->arena, .diags = rd->diags, .file = rd->s->path};
    const struct val *v = decode_record(&d, &settings_table, docs[0]);
    if (v)
        read_all(rd, v);
}

int settings_load(const char *path, struct settings *ret, struct diag_list *diags, struct err *err)
{
    *ret = (struct settings){0};
    _cleanup_buf_ struct buf b = BUF_INIT;
    int r = io_read_file(path, LIMIT_SETTINGS_BYTES, &b, err);
    if (r == ERR_NOTFOUND)
        err_hint(err, "name one with --settings; `forge-ctl` works without one in a folder of manifests");
    if (r < 0)
        return err_wrap(err, "settings");
    arena_init(&ret->arena);
    ret->path = arena_strdup(&ret->arena, path);
    struct reading rd = {.s = ret, .arena = &ret->arena, .diags = diags, .dir = folder_of(&ret->arena, path)};
    check_permissions(&rd, path);
    decode_document(&rd, buf_str(&b), b.len);
    buf_release(&rd.files);
    diag_sort(diags);
    return 0;
}

void settings_release(struct settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_secrets; i++)
        secret_free(s->secrets[i]);
    arena_release(&s->arena);
    *s = (struct settings){0};
}

void settings_set_state_dir(struct settings *s, const char *dir)
{
    s->state_dir = arena_strdup(&s->arena, dir);
    for (size_t i = 0; i < s->n_envs; i++)
        s->envs[i].source.cache_dir = cache_dir_of(&s->arena, dir);
}

const struct env_config *settings_env(const struct settings *s, const char *name)
{
    if (!name)
        return s->n_envs == 1 ? &s->envs[0] : NULL;
    for (size_t i = 0; i < s->n_envs; i++)
        if (str_eq(s->envs[i].name, name))
            return &s->envs[i];
    return NULL;
}
