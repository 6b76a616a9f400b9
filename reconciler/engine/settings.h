#ifndef ENGINE_SETTINGS_H
#define ENGINE_SETTINGS_H
/*
 * The settings file: what a commit may not decide. Read with the same field tables as manifests: every
 * problem at once, with its place. Files that hold credentials are named, never their content; they must not
 * be readable by others (X7), and the settings themselves must not be writable by others. Relative paths
 * start at the file's folder. contrib/doc/settings.md is made of the tables.
 */
// clang-format off
/*
 * apiVersion: forge/v1
 * kind: Settings
 * state_dir: /var/lib/forge
 * listen: {socket: /run/forge/forged.sock, metrics: 127.0.0.1:9464}
 * targets:
 *   local: {url: unix:///run/docker.sock, labels: {role: edge}}
 *   far: {url: tcp://h:2376, ca: ca.pem, cert: c.pem, key: k.pem}
 * registries: {localhost:5000: {username: u, password_file: /etc/forge/registry}}
 * environments:
 *   production:
 *     repository: {url: https://git.example/shop.git, branch: main, path: deploy, username: x, password_file: f,
 *                  ca: f, ssh_key: f, passphrase_file: f, known_hosts: f}
 *     target: local           # one engine, or: targets: {matchLabels: {role: edge}}
 *     interval: 1m            # polling
 *     sync: {automatic: true, prune: true, self_heal: true, delete_cap: 5, delete_share: 50, timeout: 10m, parallel: 4}
 *     retention: {generations: 50, age: 90d}
 *     images: {prune: true, keep: 7d}
 *     profiles: [x]
 */
// clang-format on
#include "base/log.h"
#include "providers/provider.h"
#include "reconciler/source/source.h"
#include "reconciler/store/records.h"

struct env_config {
    const char *name;
    const char *form; /* digest of all that it was read from: the same is the same. NULL: not of a file */
    const char *project_environment; /* which environment of the Project; default: its own name */
    struct source_config source;
    const struct target *target; /* one engine, or several (target.members) */
    const char *fallback;        /* several: where a resource goes that says nothing; NULL: to all of them */
    bool no_settings;            /* there is no file that says which targets there are */
    const char *const *profiles;
    int64_t interval_ns; /* 0: 1 min */
    bool automatic, prune, self_heal;
    unsigned delete_cap, delete_share;
    int64_t timeout_ns;
    unsigned parallel;
    struct retention retention;
    bool prune_images;      /* forged removes those that nothing needs (engine_prune_images()) */
    int64_t keep_images_ns; /* for so long before it does */
};

struct settings {
    struct arena arena;
    const char *path; /* NULL: none, the defaults */
    const char *state_dir;
    const char *socket;  /* unix socket of forged */
    const char *metrics; /* "127.0.0.1:9464"; NULL: off */
    const char *log_sink;
    enum log_level log_level;
    struct target *targets;
    size_t n_targets;
    struct env_config *envs;
    size_t n_envs;
    struct secret **secrets; /* read from credential files; freed with the settings */
    size_t n_secrets, cap_secrets;
};

/* Read and check. Problems go to diags (in the arena of `ret`); an unreadable file is the error. `ret`
 * is to be released in any case. */
int settings_load(const char *path, struct settings *ret, struct diag_list *diags,
                  struct err *err) _must_check_;
/* Without a file: one environment for the manifests in `dir` on the local engine (DOCKER_HOST, default
 * sockets). Its name is the Project's, or the folder's. */
int settings_default(const char *dir, const char *env, const char *state_dir, struct settings *ret,
                     struct err *err) _must_check_;
void settings_release(struct settings *s);
/* Another state folder than the file's: for state and for copies of repositories. */
void settings_set_state_dir(struct settings *s, const char *dir);
const struct env_config *settings_env(const struct settings *s,
                                      const char *name); /* NULL name: the only one */
/* The paths of the manual: --settings, $FORGE_SETTINGS, /etc/forge/forged.yaml; --state-dir,
 * $FORGE_STATE_DIR, ... */
const char *settings_default_path(void);
const char *settings_default_state_dir(struct arena *a);
const char *settings_default_socket(struct arena *a);
/* A name for an environment, made of a folder's; "default" where nothing is left of it. */
const char *settings_folder_name(struct arena *a, const char *dir);
/* A DNS label of at most LIMIT_NAME_BYTES. */
bool settings_name_is_valid(const char *name);
extern const struct field_table settings_table;
/* The reference of all settings, in Markdown (contrib/doc/settings.md). */
void settings_reference(struct buf *out);
#endif
