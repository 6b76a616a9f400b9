/* The files that the settings name: paths, credentials, and what tells that one was replaced. */
#include "reconciler/engine/settings_reading.h"

#include <unistd.h>

/* Replacing a credential file is a change, although the text of the settings stays the same. */
static void note_file(struct settings_reading *rd, const char *path)
{
    struct stat st;
    if (path && stat(path, &st) == 0)
        buf_addf(&rd->files, "%s %llu %lld %lld.%09ld\n", path, (unsigned long long)st.st_ino,
                 (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

const char *reading_path(struct settings_reading *rd, const struct val *map, const char *key)
{
    const char *p = val_get_str(map, key);
    if (!p || p[0] == '/')
        return p;
    return arena_printf(rd->arena, "%s/%s", rd->dir, p);
}

const char *reading_file(struct settings_reading *rd, const struct val *map, const char *key)
{
    const char *p = reading_path(rd, map, key);
    note_file(rd, p);
    if (p && access(p, R_OK) < 0)
        reading_problem(rd, val_get(map, key), "%s: cannot read %s", key, p);
    return p;
}

const char *reading_private_file(struct settings_reading *rd, const struct val *map, const char *key,
                                 mode_t forbidden)
{
    const char *p = reading_file(rd, map, key);
    struct stat st;
    if (p && stat(p, &st) == 0 && st.st_mode & forbidden) {
        struct diag *d = reading_problem(rd, val_get(map, key), "%s: %s is accessible to others", key, p);
        diag_hint(rd->diags, d, "chmod 600 %s", p);
    }
    return p;
}

const struct secret *reading_secret(struct settings_reading *rd, const struct val *map, const char *key)
{
    const char *p = reading_path(rd, map, key);
    struct secret *secret = NULL;
    struct err err = {0};
    if (!p)
        return NULL;
    note_file(rd, p);
    if (secret_read_file(p, &secret, &err) < 0) {
        struct diag *d = reading_problem(rd, val_get(map, key), "%s: %s", key, err.msg);
        if (err.hint[0])
            diag_hint(rd->diags, d, "%s", err.hint);
        return NULL;
    }
    struct settings *s = rd->s;
    arena_push(rd->arena, s->secrets, s->n_secrets, s->cap_secrets, secret);
    return secret;
}
