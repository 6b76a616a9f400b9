/*
 * Files copied into a container: where they can go.
 *
 * An engine copies files into a container that does not run yet, below its root. Not when that is read-only:
 * then only into volumes, so the file's folder becomes an anonymous volume, which starts with what the image
 * has there and goes with the container. Memory (tmpfs) is empty until the start, and what is below it could
 * not be seen.
 */
#include "base/str.h"
#include "reconciler/plan/steps.h"

/* Is `path` the folder `dir`, or in it. */
static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The innermost mount that holds a path. */
static const char *mount_over(const struct val *mounts, const char *path)
{
    const char *best = NULL;
    for (size_t i = 0; i < val_len(mounts); i++)
        if (is_below(path, mounts->pairs[i].key) && (!best || strlen(mounts->pairs[i].key) > strlen(best)))
            best = mounts->pairs[i].key;
    return best;
}

static const char *parent_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash > path ? arena_strndup(a, path, (size_t)(slash - path)) : "/";
}

int file_folder(struct arena *a, const struct val *spec, const char *target, const char **ret,
                struct err *err)
{
    const char *tmpfs = mount_over(val_get(spec, "tmpfs"), target);
    const char *over = mount_over(val_get(spec, "volumes"), target);
    const struct val *mount = over ? val_get(val_get(spec, "volumes"), over) : NULL;
    if (mount && str_eq(val_get_str(mount, "type"), "tmpfs"))
        tmpfs = over;
    if (tmpfs && (!over || strlen(tmpfs) >= strlen(over))) {
        err_set(err, ERR_UNSUPPORTED,
                "%s cannot be put on the tmpfs %s, which is empty when the container starts", target, tmpfs);
        return err_hint(err, "choose a target outside it");
    }
    if (mount && val_get_bool(mount, "read_only", false)) {
        err_set(err, ERR_UNSUPPORTED, "%s cannot be put on the read-only mount %s", target, over);
        return err_hint(err, "choose a target outside it");
    }
    if (!val_get_bool(spec, "read_only", false)) {
        *ret = "/";
        return 0;
    }
    *ret = over ? over : parent_of(a, target);
    if (!str_eq(*ret, "/"))
        return 0;
    err_set(err, ERR_UNSUPPORTED, "%s cannot be put at the root of a read-only container", target);
    return err_hint(err, "give it a target in a folder, such as /etc/app%s", target);
}
