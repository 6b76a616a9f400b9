#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/str.h"

#define READ_CHUNK ((size_t)16 << 10)
#define OPEN_FLAGS \
    (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) /* a pipe must not block us, nor a terminal become ours */
#define TREE_DEPTH 512

/* Append the result of one read(). */
static int read_chunk(int fd, const char *path, struct buf *out, size_t *ret_n, struct err *err)
{
    char chunk[READ_CHUNK];
    ssize_t n;
    do
        n = read(fd, chunk, sizeof(chunk));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(err, errno, "%s", path);
    buf_add(out, chunk, (size_t)n);
    *ret_n = (size_t)n;
    return 0;
}

/* Append an open descriptor's whole content, or nothing. `path` is for messages. */
static int read_fd(int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    if (st.st_size > 0 && (uintmax_t)st.st_size > max)
        return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, max);
    size_t start = out->len, n = 0;
    int r = 0;
    /* The size is only a hint: files grow, and those in /proc report none. */
    if (st.st_size > 0 && !out->overflow)
        buf_reserve(out, (size_t)st.st_size);
    do
        r = read_chunk(fd, path, out, &n, err);
    while (r == 0 && n > 0 && out->len - start <= max);
    if (r == 0 && out->len - start > max)
        r = err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, max);
    if (r == 0)
        r = buf_check(out, path, err);
    if (r < 0)
        buf_truncate(out, start);
    return r;
}

int io_read_file(const char *path, size_t max, struct buf *out, struct err *err)
{
    _cleanup_close_ int fd = open(path, OPEN_FLAGS);
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    return read_fd(fd, path, max, out, err);
}

/* Open one component, never through a symlink. */
static int open_step(int dirfd, const char *name, bool last, const char *path, int *ret, struct err *err)
{
    if (str_eq(name, "..") || !*name)
        return err_set(err, ERR_INVALID, "%s: a path here must be relative and without \"..\"", path);
    int fd =
        openat(dirfd, name, last ? OPEN_FLAGS | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int saved = errno;
        struct stat st;
        if ((saved == ELOOP || saved == ENOTDIR) && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(st.st_mode))
            return err_set(err, ERR_INVALID, "%s: \"%s\" is a symlink, which is not followed here", path,
                           name);
        return err_errno(err, saved, "%s", path);
    }
    *ret = fd;
    return 0;
}

int io_read_file_at(int dirfd, const char *path, size_t max, struct buf *out, struct err *err)
{
    _cleanup_close_ int at = -1;
    char name[256];
    for (const char *rest = path;;) {
        size_t len = strcspn(rest, "/");
        if (len >= sizeof(name))
            return err_errno(err, ENAMETOOLONG, "%s", path);
        memcpy(name, rest, len);
        name[len] = '\0';
        bool last = rest[len] == '\0';
        int fd = -1, r = open_step(at >= 0 ? at : dirfd, name, last, path, &fd, err);
        if (r < 0)
            return r;
        if (at >= 0)
            close(at);
        at = fd;
        if (last)
            return read_fd(at, path, max, out, err);
        rest += len + 1;
    }
}

int io_write_all(int fd, const void *data, size_t len, struct err *err)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n >= 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return err_errno(err, errno, "write");
        }
    }
    return 0;
}

/* Write, sync, rename over `name`; when this fails, the caller removes the temporary file. */
static int write_temp(int dirfd, int fd, const char *temp, const char *name, const void *data, size_t len,
                      mode_t mode, struct err *err)
{
    int r = io_write_all(fd, data, len, err);
    if (r < 0)
        return r;
    if (fchmod(fd, mode) < 0)
        return err_errno(err, errno, "set mode %04o", (unsigned)mode);
    if (fsync(fd) < 0)
        return err_errno(err, errno, "fsync");
    if (renameat(dirfd, temp, dirfd, name) < 0)
        return err_errno(err, errno, "rename");
    if (fsync(dirfd) < 0)
        return err_errno(err, errno, "fsync its folder");
    return 0;
}

/* Create a file with an unguessable name in the folder. */
static int open_temp(int dirfd, char *name, size_t size, struct err *err)
{
    uint64_t id;
    io_random(&id, sizeof(id));
    snprintf(name, size, ".forge-%016llx.tmp", (unsigned long long)id);
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? err_errno(err, errno, "create a temporary file beside it") : fd;
}

int io_write_file(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    _cleanup_free_ char *folder =
        slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder || !*name)
        return err_set(err, ERR_INVALID, "%s is not a file name", path);
    _cleanup_close_ int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return err_errno(err, errno, "%s: open its folder", path);
    char temp[48];
    _cleanup_close_ int fd = open_temp(dirfd, temp, sizeof(temp), err);
    if (fd < 0)
        return err_wrap(err, "%s", path);
    if (write_temp(dirfd, fd, temp, name, data, len, mode, err) < 0) {
        unlinkat(dirfd, temp, 0);
        return err_wrap(err, "%s", path);
    }
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int io_make_dirs(const char *path, mode_t mode, struct err *err)
{
    _cleanup_buf_ struct buf part = BUF_INIT;
    for (const char *rest = path; *rest;) {
        size_t len = strspn(rest, "/");
        len += strcspn(rest + len, "/");
        buf_add(&part, rest, len);
        rest += len;
        if (mkdir(buf_str(&part), mode) < 0 && !is_folder(buf_str(&part)))
            return err_errno(err, errno == EEXIST ? ENOTDIR : errno, "make the folder %s", buf_str(&part));
    }
    return 0;
}

static int remove_below(int fd, const char *path, unsigned depth, struct err *err);

static int remove_entry(int dirfd, const char *name, const char *path, unsigned depth, struct err *err)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM) /* for a folder, POSIX says EPERM and Linux EISDIR */
        return err_errno(err, errno, "%s/%s", path, name);
    if (depth == 0)
        return err_set(err, ERR_LIMIT, "%s: more than %d nested folders", path, TREE_DEPTH);
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "%s/%s", path, name);
    int r = remove_below(fd, path, depth - 1, err);
    if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = err_errno(err, errno, "%s/%s", path, name);
    return r;
}

/* Remove everything below an open folder, and close it. */
static int remove_below(int fd, const char *path, unsigned depth, struct err *err)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return err_errno(err, errno, "%s", path);
    }
    int r = 0;
    struct dirent *e;
    while (r == 0 && (errno = 0, e = readdir(d)))
        if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
            r = remove_entry(fd, e->d_name, path, depth, err);
    if (r == 0 && errno)
        r = err_errno(err, errno, "%s", path);
    closedir(d);
    return r;
}

int io_remove_tree(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return unlink(path) == 0 || errno == ENOENT ? 0 : err_errno(err, errno, "%s", path);
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    int r = remove_below(fd, path, TREE_DEPTH, err);
    if (r == 0 && rmdir(path) < 0 && errno != ENOENT)
        return err_errno(err, errno, "%s", path);
    return r;
}

void io_random(void *buf, size_t n)
{
    char *p = buf;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            fputs("forge: cannot get random bytes from the kernel\n", stderr);
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}

/* For a moment after it takes the lock, the holder has not yet written its name. */
static void read_owner(int fd, char ret[IO_OWNER_BYTES])
{
    ssize_t n = pread(fd, ret, IO_OWNER_BYTES - 1, 0);
    ret[n > 0 ? n : 0] = '\0';
    if (!*ret)
        str_copy(ret, IO_OWNER_BYTES, "another process");
}

/* Locks of open file descriptions, fcntl_locking(2): only these can be asked for without being taken. */
int io_lock_fd(int fd, const char *name, const char *owner, struct err *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
        if (errno != EAGAIN && errno != EACCES)
            return err_errno(err, errno, "lock %s", name);
        char holder[IO_OWNER_BYTES];
        read_owner(fd, holder);
        return err_set(err, ERR_BUSY, "%s is locked by %s", name, holder);
    }
    size_t len = strnlen(owner, IO_OWNER_BYTES - 1);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, owner, len, 0) != (ssize_t)len)
        return err_errno(err, errno, "write the owner of %s", name);
    return 0;
}

bool io_lock_owner(int fd, char ret[IO_OWNER_BYTES])
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_GETLK, &whole) < 0 || whole.l_type == F_UNLCK)
        return false;
    read_owner(fd, ret);
    return true;
}

int io_lock_file(const char *path, const char *owner, int *ret_fd, struct err *err)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);
    if (fd < 0)
        return err_errno(err, errno, "lock %s", path);
    int r = io_lock_fd(fd, path, owner, err);
    if (r == 0)
        *ret_fd = take_fd(&fd);
    return r;
}
