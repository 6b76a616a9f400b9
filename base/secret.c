#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

#define FILE_BYTES ((size_t)64 << 10)

struct secret {
    size_t len;
    char bytes[]; /* and a NUL that is not counted */
};

struct secret *secret_new(const void *bytes, size_t len)
{
    struct secret *s = mem_alloc(sizeof(*s) + len + 1);
    s->len = len;
    if (len)
        memcpy(s->bytes, bytes, len);
    return s;
}

void secret_free(struct secret *s)
{
    if (!s)
        return;
    secret_wipe(s, sizeof(*s) + s->len);
    free(s);
}

const char *secret_bytes(const struct secret *s, size_t *ret_len)
{
    if (ret_len)
        *ret_len = s->len;
    return s->bytes;
}

void secret_wipe(void *p, size_t len)
{
    if (len)
        explicit_bzero(p, len);
}

static int check_file(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s holds a credential and must be a regular file", path);
    if (st.st_mode & (S_IRWXO | S_IWGRP)) {
        err_set(err, ERR_DENIED, "%s holds a credential but others can %s it (mode %04o)", path,
                st.st_mode & (S_IWOTH | S_IWGRP) ? "change" : "read", (unsigned)(st.st_mode & 07777));
        return err_hint(err, "chmod g-w,o-rwx %s", path);
    }
    return 0;
}

/* `room` holds FILE_BYTES + 1 bytes: one byte too many shows that the file is too large. */
static int read_file(int fd, const char *path, char *room, size_t *ret_len, struct err *err)
{
    size_t len = 0;
    while (len <= FILE_BYTES) {
        ssize_t n = read(fd, room + len, FILE_BYTES + 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "%s", path);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    if (len > FILE_BYTES)
        return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes, the maximum for a credential", path,
                       FILE_BYTES);
    len -= len > 0 && room[len - 1] == '\n';
    if (len == 0)
        return err_set(err, ERR_INVALID, "%s holds a credential but is empty", path);
    *ret_len = len;
    return 0;
}

int secret_read_file(const char *path, struct secret **ret, struct err *err)
{
    /* O_NONBLOCK: a pipe put in its place must not block us. */
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    int r = check_file(fd, path, err);
    if (r < 0)
        return r;
    size_t len = 0;
    char *room = mem_alloc(FILE_BYTES + 1);
    r = read_file(fd, path, room, &len, err);
    if (r == 0)
        *ret = secret_new(room, len);
    secret_wipe(room, FILE_BYTES + 1);
    free(room);
    return r;
}
