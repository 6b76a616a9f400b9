#ifndef ENGINE_SETTINGS_READING_H
#define ENGINE_SETTINGS_READING_H
/*
 * One reading of a settings file, shared by the settings_*.c files that do it; nothing else includes this.
 * Everything returned is in the arena of the settings. No function fails: what is wrong becomes a diagnostic
 * at its place in the file.
 */
#include "reconciler/engine/settings.h"

#include <sys/stat.h>

struct settings_reading {
    struct settings *s;
    struct arena *arena; /* of s */
    struct diag_list *diags;
    const char *dir; /* the folder of the file: relative paths start there */
    struct registry_login *logins;
    size_t n_logins;
    struct buf files; /* each file the settings name, and its inode, size and time of change */
};

/* Report an error at the value `at` (NULL: the whole file). Never NULL; for diag_hint(). */
struct diag *reading_problem(struct settings_reading *rd, const struct val *at, const char *fmt, ...)
    _printf_(3, 4);

/* ---- settings_files.c: what map[key] names; NULL when it is absent ---- */
/* The path, made absolute. The file need not exist. */
const char *reading_path(struct settings_reading *rd, const struct val *map, const char *key);
/* The path of a file that must be readable. */
const char *reading_file(struct settings_reading *rd, const struct val *map, const char *key);
/* The same for a private key (X7), which must have none of the permission bits in `forbidden`. */
const char *reading_private_file(struct settings_reading *rd, const struct val *map, const char *key,
                                 mode_t forbidden);
/* The content of a credential file; freed with the settings. NULL also when it cannot be read. */
const struct secret *reading_secret(struct settings_reading *rd, const struct val *map, const char *key);

/* ssh refuses a key that its group may read. Debian's ssl-cert group may read TLS keys. */
#define SSH_KEY_FORBIDDEN (S_IRWXG | S_IRWXO)
#define TLS_KEY_FORBIDDEN (S_IWGRP | S_IRWXO)

/* ---- settings_targets.c ---- */
/* The section "targets" into settings.targets; one local target when it is empty. Needs the logins. */
void reading_targets(struct settings_reading *rd, const struct val *map);
/* The target of an environment: the one that "target" names, or all that "targets" selects, as one target
   with members. Never NULL. *ret_fallback: where resources without a placement go; NULL: to every member. */
const struct target *reading_env_target(struct settings_reading *rd, const struct val *env, const char *name,
                                        const char **ret_fallback);
#endif
