/* The language of the settings file, as tables: what is read, checked, and documented. */
#include "reconciler/engine/settings.h"

#include "schema/kinds/placement.h"

/* clang-format off */

static const char *const log_sinks[] = {"auto", "terminal", "json", "journald", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const versions[] = {"forge/v1", NULL};
static const char *const names[] = {"Settings", NULL};

static const struct field listen_fields[] = {
    {.name = "socket", .type = FT_STRING, .def = "/run/forge/forged.sock",
     .doc = "Unix socket on which `forged` serves `forge-ctl`. Anyone who can write to it can do whatever `forged` can."},
    {.name = "metrics", .type = FT_STRING, .example = "127.0.0.1:9464", .pattern = "^.+:[0-9]+$", .pattern_doc = "ADDRESS:PORT",
     .doc = "Address on which `/metrics` is served for Prometheus. Default: not served."},
    {0},
};
static const struct field_table listen_table = {.name = "settings.listen", .doc = "Where `forged` can be reached.", .fields = listen_fields};

static const struct field log_fields[] = {
    {.name = "sink", .type = FT_ENUM, .choices = log_sinks, .def = "auto",
     .doc = "Where log lines go: `terminal`, `json` (standard error), `journald`, or `auto`, which depends on what standard error is."},
    {.name = "level", .type = FT_ENUM, .choices = log_levels, .def = "info", .doc = "The minimum level of the lines that are logged."},
    {0},
};
static const struct field_table log_table = {.name = "settings.log", .doc = "What is logged, and where.", .fields = log_fields};

static const struct field label_elem = {.name = "label", .type = FT_STRING, .flags = FIELD_EMPTY_OK, .doc = "A label's value."};

static const struct field target_fields[] = {
    {.name = "url", .type = FT_STRING, .example = "unix:///run/docker.sock",
     .doc = "The engine: `unix:///run/docker.sock`, `tcp://host:2376` (with TLS files), `ssh://user@host`, `podman://` (Podman's own socket, or a service that Forge starts); with `swarm+` before it, a manager of a swarm (`swarm+unix:///run/docker.sock`). Default: `$DOCKER_HOST`, then the default sockets of Docker and Podman, then `podman://`."},
    {.name = "ca", .type = FT_STRING, .doc = "CA certificate that signed the engine's certificate, for tcp."},
    {.name = "cert", .type = FT_STRING, .doc = "Client certificate, for tcp with mutual TLS."},
    {.name = "key", .type = FT_STRING, .doc = "Key of the client certificate; must not be readable by others."},
    {.name = "ssh_key", .type = FT_STRING, .doc = "Private key for ssh; must not be readable by others."},
    {.name = "known_hosts", .type = FT_STRING, .doc = "File of trusted host keys (known_hosts), for ssh."},
    {.name = "timeout", .type = FT_DURATION, .def = "1m", .min = 1000000, .max = INT64_C(3600000000000), .doc = "The timeout of one request to the engine."},
    {.name = "labels", .type = FT_MAP, .elem = &label_elem, .example = "{role: edge, site: paris}", .doc = "Labels by which environments and manifests select the target."},
    {.name = "docker_config", .type = FT_STRING, .doc = "Folder of a `config.json` with registry credentials. Default: `$DOCKER_CONFIG`, then `~/.docker`."},
    {0},
};
static const struct field_table target_table = {.name = "settings.targets", .doc = "An engine.", .fields = target_fields};
static const struct field target_elem = {.name = "target", .type = FT_RECORD, .sub = &target_table, .doc = "An engine."};

static const struct field registry_fields[] = {
    {.name = "username", .type = FT_STRING, .flags = FIELD_REQUIRED, .doc = "User name for the registry."},
    {.name = "password_file", .type = FT_STRING, .flags = FIELD_REQUIRED, .doc = "File that holds the password or token; must not be readable by others."},
    {0},
};
static const struct field_table registry_table = {.name = "settings.registries", .doc = "Credentials of a registry.", .fields = registry_fields};
static const struct field registry_elem = {.name = "registry", .type = FT_RECORD, .sub = &registry_table, .doc = "Credentials of a registry."};

static const struct field repository_fields[] = {
    {.name = "url", .type = FT_STRING, .flags = FIELD_REQUIRED, .example = "https://git.example/shop.git",
     .doc = "`https://`, `ssh://`, `git@host:path`, `file://` or a path; `dir:/path` reads a plain folder without Git. Credentials do not belong in it."},
    {.name = "branch", .type = FT_STRING, .doc = "Branch to follow. Default: the remote's HEAD."},
    {.name = "revision", .type = FT_STRING, .doc = "A tag or commit instead of a branch."},
    {.name = "path", .type = FT_STRING, .doc = "Folder of the manifests in the repository. Default: its root."},
    {.name = "username", .type = FT_STRING, .doc = "User name, for https."},
    {.name = "password_file", .type = FT_STRING, .doc = "File with the password or token, for https; must not be readable by others."},
    {.name = "ca", .type = FT_STRING, .doc = "CA certificate that signed the server's certificate, for https."},
    {.name = "ssh_key", .type = FT_STRING, .doc = "Private key, for ssh; must not be readable by others."},
    {.name = "passphrase_file", .type = FT_STRING, .doc = "File with the passphrase of `ssh_key`; must not be readable by others."},
    {.name = "known_hosts", .type = FT_STRING, .doc = "File of trusted host keys (known_hosts), for ssh. Default: `~/.ssh/known_hosts`. A host that is not in it is refused."},
    {.name = "timeout", .type = FT_DURATION, .def = "2m", .min = 1000000, .max = INT64_C(3600000000000), .doc = "The timeout of a fetch."},
    {0},
};
static const struct field_table repository_table = {.name = "settings.repository", .doc = "Where manifests come from.", .fields = repository_fields};

static const struct field sync_fields[] = {
    {.name = "automatic", .type = FT_BOOL, .def = "false", .doc = "Apply new commits automatically. If false, they are only planned and reported, and wait for `forge-ctl apply`."},
    {.name = "prune", .type = FT_BOOL, .def = "true", .doc = "Delete resources that are no longer in Git. Volumes with data are never deleted unless that is explicitly allowed."},
    {.name = "self_heal", .type = FT_BOOL, .def = "true", .doc = "Correct changes made on the engine. If false, drift is only reported."},
    {.name = "delete_cap", .type = FT_INT, .min = 0, .max = 100000, .def = "0 (none)", .doc = "If one plan deletes more resources than this, it waits for approval."},
    {.name = "delete_share", .type = FT_INT, .min = 0, .max = 100, .def = "50", .doc = "If one plan deletes more than this percentage of the resources, it waits for approval; 0 is no limit."},
    {.name = "timeout", .type = FT_DURATION, .def = "30m", .min = 1000000, .max = INT64_C(86400000000000), .doc = "The timeout of one apply."},
    {.name = "parallel", .type = FT_INT, .min = 1, .max = 64, .def = "2 per CPU", .doc = "The number of changes made in parallel on each engine."},
    {0},
};
static const struct field_table sync_table = {.name = "settings.sync", .doc = "What `forged` may do automatically.", .fields = sync_fields};

static const struct field retention_fields[] = {
    {.name = "generations", .type = FT_INT, .min = 2, .max = 100000, .def = "50", .doc = "The minimum number of generations kept, regardless of age."},
    {.name = "age", .type = FT_DURATION, .min = 1, .max = INT64_MAX, .def = "90d", .doc = "Generations younger than this are kept, regardless of their number."},
    {.name = "transitions", .type = FT_INT, .min = 100, .max = 10000000, .def = "10000", .doc = "The number of transitions kept."},
    {0},
};
static const struct field_table retention_table = {.name = "settings.retention", .doc = "How much history is kept.", .fields = retention_fields};

static const struct field images_fields[] = {
    {.name = "prune", .type = FT_BOOL, .def = "true", .doc = "`forged` removes images that are no longer needed: those that Forge pulled for this environment, that no kept generation needs, that no container uses and that have no other name. Other images are never touched, and no removal is forced. If false, `forge-ctl images prune` does the same on demand."},
    {.name = "keep", .type = FT_DURATION, .min = 0, .max = INT64_C(31536000000000000), .def = "7d", .doc = "How long such an image is kept after it was last needed."},
    {0},
};
static const struct field_table images_table = {.name = "settings.images", .doc = "When pulled images are removed.", .fields = images_fields};

static const struct field profile_elem = {.name = "profile", .type = FT_STRING, .doc = "A profile."};

static const struct field env_fields[] = {
    {.name = "repository", .type = FT_RECORD, .sub = &repository_table, .flags = FIELD_REQUIRED, .doc = "Where its manifests come from."},
    {.name = "environment", .type = FT_STRING, .doc = "Which environment of the repository's Project to use. Default: the one with the same name."},
    {.name = "target", .type = FT_STRING, .doc = "Name of the target it runs on. Default: the only one, or the local engine. With `targets`: the target of resources that name none; default: all of them."},
    {.name = "targets", .type = FT_RECORD, .sub = &placement_table, .short_form = placement_short, .example = "{matchLabels: {role: edge}}",
     .doc = "Several targets instead of one, selected by labels or names; `{}` selects all. Each resource runs on all of them, or on those selected by its own `target` or `targets`, and is named `KIND/NAME@TARGET`. While a target is unreachable, its resources are left unchanged."},
    {.name = "profiles", .type = FT_LIST, .elem = &profile_elem, .flags = FIELD_SET, .doc = "Active profiles."},
    {.name = "interval", .type = FT_DURATION, .min = INT64_C(1000000000), .max = INT64_C(86400000000000), .def = "1m", .doc = "How often the repository is polled for new commits. Changes of local repositories are noticed immediately."},
    {.name = "sync", .type = FT_RECORD, .sub = &sync_table, .doc = "What `forged` may do automatically."},
    {.name = "retention", .type = FT_RECORD, .sub = &retention_table, .doc = "How much history is kept."},
    {.name = "images", .type = FT_RECORD, .sub = &images_table, .doc = "When pulled images are removed."},
    {0},
};
static const struct field_table env_table = {.name = "settings.environments", .doc = "An environment: a repository, a target, and what `forged` may do automatically.", .fields = env_fields};
static const struct field env_elem = {.name = "environment", .type = FT_RECORD, .sub = &env_table, .doc = "An environment."};

static const struct field settings_fields[] = {
    {.name = "apiVersion", .type = FT_ENUM, .choices = versions, .flags = FIELD_REQUIRED, .example = "forge/v1", .doc = "`forge/v1`."},
    {.name = "kind", .type = FT_ENUM, .choices = names, .flags = FIELD_REQUIRED, .example = "Settings", .doc = "`Settings`."},
    {.name = "state_dir", .type = FT_STRING, .def = "/var/lib/forge", .doc = "Where history and caches live."},
    {.name = "listen", .type = FT_RECORD, .sub = &listen_table, .doc = "Where `forged` can be reached."},
    {.name = "log", .type = FT_RECORD, .sub = &log_table, .doc = "What is logged, and where."},
    {.name = "targets", .type = FT_MAP, .elem = &target_elem, .doc = "Engines by name."},
    {.name = "registries", .type = FT_MAP, .elem = &registry_elem, .doc = "Credentials by registry, such as `docker.io` or `localhost:5000`. Registries not listed here are looked up in Docker's configuration."},
    {.name = "environments", .type = FT_MAP, .elem = &env_elem, .doc = "Environments by name."},
    {0},
};

/* clang-format on */

const struct field_table settings_table = {
    .name = "settings",
    .doc = "The settings of `forged` and `forge-ctl`: everything that a commit must not decide.",
    .fields = settings_fields,
};
