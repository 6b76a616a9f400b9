/* The settings file: from its text to structs, section by section. */
#include "reconciler/engine/settings_reading.h"

#include "base/io.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "schema/yaml.h"

#include <stdlib.h>
#include <string.h>

struct diag *reading_problem(struct settings_reading *rd, const struct val *at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *msg = arena_vprintf(rd->arena, fmt, ap);
    va_end(ap);
    return diag_add(rd->diags, DIAG_ERROR, rd->s->path, at ? at->line : 0, at ? at->col : 0, "%s", msg);
}

static const char *cache_dir_of(struct arena *a, const char *state_dir)
{
    return arena_printf(a, "%s/repositories", state_dir);
}

static void read_registries(struct settings_reading *rd, const struct val *map)
{
    rd->logins = arena_array(rd->arena, struct registry_login, val_len(map) + 1);
    for (size_t i = 0; i < val_len(map); i++) {
        const struct val *v = map->pairs[i].val;
        rd->logins[rd->n_logins++] = (struct registry_login){
            .registry = map->pairs[i].key,
            .username = val_get_str(v, "username"),
            .password = reading_secret(rd, v, "password_file"),
        };
    }
}

/* A relative path starts at the folder of the settings file. */
static const char *url_of(struct settings_reading *rd, const struct val *map)
{
    const char *url = val_get_str(map, "url");
    const char *folder = url ? str_after(url, "dir:") : NULL;
    if (folder && *folder != '/')
        return arena_printf(rd->arena, "dir:%s/%s", rd->dir, folder);
    if (url && !strchr(url, ':') && *url != '/')
        return arena_printf(rd->arena, "%s/%s", rd->dir, url);
    return url;
}

/* Report what the source refuses, with its place. A line that holds a credential gets no place: the report
   would quote it. */
static void check_source(struct settings_reading *rd, const struct val *v, const struct source_config *c)
{
    struct source *s = NULL;
    struct err err = {0};
    if (!c->url)
        return;
    if (source_open(c, &s, &err) < 0) {
        struct diag *d =
            reading_problem(rd, source_url_has_credentials(c->url) ? NULL : val_get(v, "url"), "%s", err.msg);
        if (err.hint[0])
            diag_hint(rd->diags, d, "%s", err.hint);
    }
    source_close(s);
}

static struct source_config read_repository(struct settings_reading *rd, const struct val *v)
{
    const struct source_config c = {
        .url = url_of(rd, v),
        .branch = val_get_str(v, "branch"),
        .revision = val_get_str(v, "revision"),
        .path = val_get_str(v, "path"),
        .cache_dir = cache_dir_of(rd->arena, rd->s->state_dir),
        .username = val_get_str(v, "username"),
        .password = reading_secret(rd, v, "password_file"),
        .ca_file = reading_file(rd, v, "ca"),
        .ssh_key_file = reading_private_file(rd, v, "ssh_key", SSH_KEY_FORBIDDEN),
        .ssh_known_hosts = reading_file(rd, v, "known_hosts"),
        .ssh_passphrase = reading_secret(rd, v, "passphrase_file"),
        .timeout_ns = val_get_int(v, "timeout", 0),
    };
    check_source(rd, v, &c);
    return c;
}

static const char *const *strings_of(struct settings_reading *rd, const struct val *list)
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

static void read_environment(struct settings_reading *rd, const char *name, const struct val *v)
{
    struct settings *s = rd->s;
    const struct val *sync = val_get(v, "sync"), *kept = val_get(v, "retention"),
                     *images = val_get(v, "images");
    const char *fallback;
    const struct target *target = reading_env_target(rd, v, name, &fallback);
    if (!settings_name_is_valid(name)) {
        struct diag *d = reading_problem(rd, v, "\"%s\" is not a valid environment name", name);
        diag_hint(rd->diags, d, "use up to %u of a-z, 0-9 and -, with a letter or digit at both ends",
                  LIMIT_NAME_BYTES);
    }
    s->envs[s->n_envs++] = (struct env_config){
        .name = name,
        .project_environment = val_get_str(v, "environment"),
        .source = read_repository(rd, val_get(v, "repository")),
        .target = target,
        .fallback = fallback,
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
}

/* env_config.form: a digest of an environment's own part and of what all environments share. */
static void note_forms(struct settings_reading *rd, const struct val *v)
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

/* "127.0.0.1:9464" */
static void check_port(struct settings_reading *rd, const struct val *address)
{
    struct err err = {0};
    int64_t port;
    const char *colon = address ? strrchr(address->s, ':') : NULL;
    if (colon && parse_int(colon + 1, 1, 65535, &port, &err) < 0)
        reading_problem(rd, address, "listen.metrics: the port %s", err.msg);
}

static void read_all(struct settings_reading *rd, const struct val *v)
{
    struct settings *s = rd->s;
    s->state_dir = reading_path(rd, v, "state_dir");
    if (!s->state_dir)
        s->state_dir = settings_default_state_dir(rd->arena);
    s->socket = reading_path(rd, val_get(v, "listen"), "socket");
    if (!s->socket)
        s->socket = settings_default_socket(rd->arena);
    s->metrics = val_get_str(val_get(v, "listen"), "metrics");
    check_port(rd, val_get(val_get(v, "listen"), "metrics"));
    s->log_sink = val_get_str(val_get(v, "log"), "sink");
    s->log_level = level_of(val_get_str(val_get(v, "log"), "level"));
    read_registries(rd, val_get(v, "registries"));
    reading_targets(rd, val_get(v, "targets"));
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

/* Whoever can write the settings decides what is deployed, and where. */
static void check_permissions(struct settings_reading *rd, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0 || !(st.st_mode & S_IWOTH))
        return;
    struct diag *d = reading_problem(rd, NULL, "this file is writable by others");
    diag_hint(rd->diags, d, "chmod o-w %s", path);
}

static void decode_document(struct settings_reading *rd, const char *text, size_t len)
{
    struct ynode **docs;
    size_t n = yaml_read(rd->arena, rd->s->path, text, len, rd->diags, &docs);
    if (rd->diags->errors)
        return;
    if (n != 1) {
        diag_add(rd->diags, DIAG_ERROR, rd->s->path, 1, 1,
                 "a settings file must be one YAML document; this one has %zu", n);
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
        err_hint(err, "pass one with --settings; in a folder of manifests, `forge-ctl` works without one");
    if (r < 0)
        return err_wrap(err, "settings");
    arena_init(&ret->arena);
    ret->path = arena_strdup(&ret->arena, path);
    struct settings_reading rd = {
        .s = ret, .arena = &ret->arena, .diags = diags, .dir = folder_of(&ret->arena, path)};
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
