/*
 * Saving and loading the files of a volume as a tar archive. An engine offers archives only for containers
 * (API, GET and PUT /containers/ID/archive), and mounts their volumes for it. So a container is created from
 * an empty image, never started, and removed afterwards. This needs neither an existing image nor a network.
 */
#include "providers/docker/docker.h"

#include "base/io.h"
#include "base/str.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TAR_BLOCK   512u
#define MOUNT_POINT "/volume"

/* The temporary container that has the volume mounted. */
struct carrier {
    struct docker *d;
    const struct cancel *cancel;
    struct arena arena;
    const char *image, *id;
};

/* Importing an empty archive creates an empty image (API, ImageCreate, fromSrc). */
static int make_image(struct carrier *c, struct err *err)
{
    static const char nothing[2 * TAR_BLOCK];
    _cleanup_json_ json_t *j = NULL;
    const struct ask q = {.method = "POST",
                          .path = "/images/create?fromSrc=-",
                          .raw = nothing,
                          .raw_len = sizeof(nothing),
                          .raw_type = "application/x-tar",
                          .cancel = c->cancel};
    int r = docker_json(c->d, &q, &j, NULL, err);
    if (r < 0)
        return r;
    const char *id = json_string_value(json_object_get(j, "status"));
    if (!id)
        return err_set(err, ERR_CORRUPT, "the engine created an image but returned no id");
    c->image = arena_strdup(&c->arena, id);
    return 0;
}

/* Its name is derived from the volume's, so there is only one at a time for each volume. */
static int make_container(struct carrier *c, const char *volume, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    const char *name = arena_printf(&c->arena, "forge-copy-%s", volume);
    const struct ask q = {.method = "POST",
                          .path = docker_path(&c->arena, "/containers/create?name=", name, ""),
                          .body = json_pack("{s:s, s:[s], s:{s:s, s:[{s:s, s:s, s:s}]}}", "Image", c->image,
                                            "Cmd", "-", "HostConfig", "NetworkMode", "none", "Mounts", "Type",
                                            "volume", "Source", volume, "Target", MOUNT_POINT),
                          .cancel = c->cancel};
    int r = docker_json(c->d, &q, &j, NULL, err);
    if (r == ERR_CONFLICT) {
        err_wrap(err, "the volume is being copied, or a copy was interrupted");
        return err_hint(err, "if no copy is running: docker rm %s", name);
    }
    if (r < 0)
        return r;
    c->id = arena_strdup(&c->arena, json_string_value(json_object_get(j, "Id")));
    return c->id ? 0 : err_set(err, ERR_CORRUPT, "the engine created a container but returned no id");
}

/* Cleans up even after a cancellation: nothing may be left behind. */
static void carrier_release(struct carrier *c)
{
    struct err ignored = {0};
    if (c->id)
        (void)!docker_json(c->d,
                           &(struct ask){.method = "DELETE",
                                         .path = docker_path(&c->arena, "/containers/", c->id, "?force=1")},
                           NULL, NULL, &ignored);
    if (c->image)
        (void)!docker_json(
            c->d, &(struct ask){.method = "DELETE", .path = docker_path(&c->arena, "/images/", c->image, "")},
            NULL, NULL, &ignored);
    arena_release(&c->arena);
}

static int carrier_open(struct carrier *c, const char *volume, struct err *err)
{
    struct object o;
    arena_init(&c->arena);
    /* An engine would create an empty volume for an unknown name, so check first. */
    int r = docker_look(c->d, &kind_volume, volume, c->cancel, &c->arena, &o, err);
    if (r == 0)
        r = make_image(c, err);
    return r < 0 ? r : make_container(c, volume, err);
}

static const char *archive_path(struct carrier *c, const char *path)
{
    return docker_path(&c->arena, "/containers/", c->id, arena_printf(&c->arena, "/archive?path=%s", path));
}

static int write_out(void *arg, const char *data, size_t len, struct err *err)
{
    return io_write_all(*(const int *)arg, data, len, err);
}

int docker_volume_save(struct provider *p, const char *volume, int fd, const struct cancel *cancel,
                       struct err *err)
{
    struct carrier c = {.d = docker_of(p), .cancel = cancel};
    int r = carrier_open(&c, volume, err);
    /* Checked after opening: only then is the dialect known. */
    if (r == 0 && !c.d->dialect->archives_are_faithful) {
        r = err_set(err, ERR_UNSUPPORTED,
                    "the API of %s makes root the owner of all files and leaves out dev, proc and sys",
                    c.d->dialect->name);
        (void)err_hint(err, "on the engine's machine, run: podman volume export %s --output FILE", volume);
    } else if (r == 0) {
        _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
        /* "/.": the contents of the folder, with names that begin with "./". */
        const struct ask q = {
            .path = archive_path(&c, MOUNT_POINT "/."), .sink = write_out, .arg = &fd, .cancel = cancel};
        r = docker_ask(c.d, &q, &answer, NULL, err);
    }
    carrier_release(&c);
    return r < 0 ? err_wrap(err, "cannot save volume %s", volume) : 0;
}

/* Counts the bytes of the volume's archive; fails as soon as it holds more than the root folder. */
static int count_bytes(void *arg, const char *data, size_t len, struct err *err)
{
    size_t *n = arg;
    (void)data;
    *n += len;
    /* The archive of an empty folder is its own header and two zero blocks at the end. */
    return *n > 3 * (size_t)TAR_BLOCK ? err_set(err, ERR_CONFLICT, "it already contains files") : 0;
}

static int check_empty(struct carrier *c, struct err *err)
{
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    size_t n = 0;
    const struct ask q = {
        .path = archive_path(c, MOUNT_POINT "/."), .sink = count_bytes, .arg = &n, .cancel = c->cancel};
    return docker_ask(c->d, &q, &answer, NULL, err);
}

static int put_archive(struct carrier *c, int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return err_set(err, ERR_INVALID, "a backup is a tar archive in a regular file");
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return err_errno(err, errno, "cannot read the backup");
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    const struct ask q = {.method = "PUT",
                          .path = archive_path(c, MOUNT_POINT),
                          .raw = data,
                          .raw_len = (size_t)st.st_size,
                          .raw_type = "application/x-tar",
                          .timeout_ns = -1, /* the engine only answers when everything is unpacked */
                          .cancel = c->cancel};
    int r = docker_ask(c->d, &q, &answer, NULL, err);
    munmap(data, (size_t)st.st_size);
    return r;
}

int docker_volume_load(struct provider *p, const char *volume, int fd, bool over, const struct cancel *cancel,
                       struct err *err)
{
    struct carrier c = {.d = docker_of(p), .cancel = cancel};
    int r = carrier_open(&c, volume, err);
    if (r == 0 && !over)
        r = check_empty(&c, err);
    if (r == 0)
        r = put_archive(&c, fd, err);
    carrier_release(&c);
    return r < 0 ? err_wrap(err, "cannot fill volume %s", volume) : 0;
}
