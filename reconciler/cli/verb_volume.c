/* volume: saves the files of a volume to a tar archive, and restores them. */
#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int find_volume(struct cli *c, const char *id, struct provider **ret_p, struct observed *ret_all,
                       const struct object **ret, struct err *err)
{
    if (!str_starts(id, "volume/")) {
        err_set(err, ERR_INVALID, "%s is not a volume", id);
        return err_hint(err, "write volume/NAME");
    }
    int r = cli_object(c, id, NULL, ret_p, ret_all, ret, err);
    if (r == 0 && !((*ret_p)->ops->volume_save && (*ret_p)->ops->volume_load))
        r = err_set(err, ERR_UNSUPPORTED, "this backend (%s) cannot copy volumes", (*ret_p)->ops->name);
    return r;
}

static bool has_mounted(const struct object *container, const char *volume)
{
    const struct val *mounts = val_get(container->spec, "volumes");
    for (size_t i = 0; i < val_len(mounts); i++)
        if (str_eq(val_get_str(mounts->pairs[i].val, "source"), volume) &&
            !val_get_bool(mounts->pairs[i].val, "read_only", false))
            return true;
    return false;
}

/* A copy of a volume that is being written to may be inconsistent. */
static void warn_of_writers(const struct observed *all, const struct object *volume)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i]->state == OBJECT_RUNNING && has_mounted(all->items[i], volume->native_name))
            fprintf(stderr,
                    "forge-ctl: warning: %s is running and may write to %s during the copy; the copy may "
                    "contain partial writes\n",
                    all->items[i]->id, volume->id);
}

static int make_file(const char *path, int *ret, struct err *err)
{
    *ret = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*ret >= 0)
        return 0;
    err_errno(err, errno, "cannot create %s", path);
    return errno == EEXIST ? err_hint(err, "existing backups are not overwritten; choose another name")
                           : err->code;
}

int cli_volume_save(struct cli *c, const char *id, const char *path, struct err *err)
{
    struct provider *p;
    struct observed all;
    const struct object *volume;
    int fd = -1, r = find_volume(c, id, &p, &all, &volume, err);
    if (r == 0)
        r = make_file(path, &fd, err);
    if (r < 0)
        return r;
    warn_of_writers(&all, volume);
    r = p->ops->volume_save(p, volume->native_name, fd, &c->cancel, err);
    if (r == 0 && fsync(fd) < 0)
        r = err_errno(err, errno, "cannot write %s", path);
    close(fd);
    if (r < 0)
        unlink(path);
    return r < 0 ? err_wrap(err, "%s", id) : 0;
}

static int restore(struct cli *c, const char *id, const char *path, struct err *err)
{
    struct provider *p;
    struct observed all;
    const struct object *volume;
    int r = find_volume(c, id, &p, &all, &volume, err);
    if (r < 0)
        return r;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot read %s", path);
    warn_of_writers(&all, volume);
    r = p->ops->volume_load(p, volume->native_name, fd, cli_flag(c, "overwrite"), &c->cancel, err);
    close(fd);
    if (r == ERR_CONFLICT && !err->hint[0])
        err_hint(err, "--overwrite replaces files that are also in the backup, and keeps the others");
    return r < 0 ? err_wrap(err, "%s", id) : 0;
}

int verb_volume(struct cli *c)
{
    struct err err = {0};
    const char *id = cli_resource_of(c, "volume", c->args[1]), *path = c->args[2];
    bool save = str_eq(c->args[0], "backup");
    int r = 0;
    if (!save && !str_eq(c->args[0], "restore")) {
        err_set(&err, ERR_INVALID, "unknown argument \"%s\" of volume", c->args[0]);
        r = err_hint(&err, "use backup or restore");
    }
    if (r == 0)
        r = save ? cli_volume_save(c, id, path, &err) : restore(c, id, path, &err);
    if (r < 0)
        return cli_fail(c, &err, NULL);
    struct stat st;
    int64_t bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    if (c->json != JSON_OFF) {
        struct val *doc = val_map(&c->arena);
        val_set_str(&c->arena, doc, "format", "forge/volume/v1");
        val_set_str(&c->arena, doc, "resource", id);
        val_set_str(&c->arena, doc, save ? "to" : "from", path);
        val_set_int(&c->arena, doc, "bytes", bytes);
        cli_json(c, doc);
    } else if (save) {
        printf("Saved %s to %s (%lld bytes).\n", id, path, (long long)bytes);
    } else {
        printf("Restored %s from %s (%lld bytes).\n", id, path, (long long)bytes);
    }
    return 0;
}

/* "DIR/data-20261121T053000Z.tar" */
static const char *backup_path(struct cli *c, const char *dir, const char *id)
{
    struct tm tm;
    char when[32];
    const time_t now = (time_t)(clock_wall(clock_system()) / NS_PER_S);
    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
    return arena_printf(&c->arena, "%s/%s-%s.tar", dir, id + strlen("volume/"), when);
}

int cli_volumes_save(struct cli *c, const struct val *plan, const char *dir, struct err *err)
{
    const struct val *changes = val_get(plan, "changes");
    int r = io_make_dirs(dir, 0700, err);
    for (size_t i = 0; i < val_len(changes) && r == 0; i++) {
        const char *id = val_get_str(changes->items[i], "id");
        if (!str_eq(val_get_str(changes->items[i], "impact"), "data-loss") || !str_starts(id, "volume/") ||
            str_eq(val_get_str(changes->items[i], "action"), "blocked"))
            continue;
        const char *path = backup_path(c, dir, id);
        r = cli_volume_save(c, id, path, err);
        if (r == 0)
            fprintf(stderr, "Saved %s to %s.\n", id, path);
    }
    return r < 0 ? err_wrap(err, "nothing was changed") : 0;
}
