/*
 * Backup and restore. A backup is LMDB's own compacted copy of the store, followed by a trailer:
 *
 *   "forge-backup-v1\n"                     16 bytes
 *   length of the copy, little-endian       8 bytes
 *   SHA-256 of the copy and of that length  32 bytes
 *
 * LMDB has no checksums and would read past the end of a truncated file, so it does not get to see a backup
 * before the digest has been verified. LMDB ignores the trailer.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/store/internal.h"

#define MAGIC "forge-backup-v1\n"
#define CHUNK ((size_t)256 << 10)

struct trailer {
    char magic[16];
    uint8_t len[8];
    struct digest digest;
};

static void put_len(uint8_t at[8], uint64_t len)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(len >> (8 * i));
}

static uint64_t get_len(const uint8_t at[8])
{
    uint64_t len = 0;
    for (int i = 0; i < 8; i++)
        len |= (uint64_t)at[i] << (8 * i);
    return len;
}

static int read_at(int fd, void *to, size_t len, uint64_t at, const char *name, struct err *err)
{
    char *p = to;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "%s", name);
        if (n == 0)
            return err_set(err, ERR_CORRUPT, "%s became shorter during the copy", name);
        p += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return 0;
}

/* The digest of a file's first `len` bytes and of that length. The bytes are also copied to `to`; -1: not. */
static int digest_file(int fd, uint64_t len, int to, const char *name, struct digest *ret, struct err *err)
{
    struct digest_ctx ctx;
    uint8_t of_len[8];
    _cleanup_free_ char *chunk = mem_alloc(CHUNK);
    int r = 0;
    digest_begin(&ctx);
    for (uint64_t at = 0; at < len && r == 0;) {
        size_t n = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
        r = read_at(fd, chunk, n, at, name, err);
        if (r == 0)
            digest_add(&ctx, chunk, n);
        if (r == 0 && to >= 0)
            r = io_write_all(to, chunk, n, err);
        at += n;
    }
    put_len(of_len, len);
    digest_add(&ctx, of_len, sizeof(of_len));
    digest_end(&ctx, ret);
    return r;
}

static int file_size(int fd, const char *name, uint64_t *ret, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", name);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", name);
    *ret = (uint64_t)st.st_size;
    return 0;
}

static int add_trailer(int fd, const char *name, struct err *err)
{
    struct trailer t = {.magic = {0}};
    uint64_t len;
    int r = file_size(fd, name, &len, err);
    if (r == 0)
        r = digest_file(fd, len, -1, name, &t.digest, err);
    if (r < 0)
        return r;
    memcpy(t.magic, MAGIC, sizeof(t.magic));
    put_len(t.len, len);
    if (lseek(fd, 0, SEEK_END) < 0)
        return err_errno(err, errno, "%s", name);
    return io_write_all(fd, &t, sizeof(t), err);
}

/* Flush the folder of a file, so that a new name in it is durable. */
static int sync_folder(const char *file, struct err *err)
{
    const char *slash = strrchr(file, '/');
    _cleanup_free_ char *dir = mem_strdup(slash ? file : ".");
    if (slash)
        dir[slash == file ? 1 : slash - file] = '\0';
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? err_errno(err, errno, "%s", dir) : 0;
}

/* Create and open "file.part-RANDOM"; the caller frees the name. */
static int open_part(const char *file, char **ret_name, struct err *err)
{
    uint32_t id;
    size_t size = strlen(file) + 16;
    char *name = mem_alloc(size);
    io_random(&id, sizeof(id));
    snprintf(name, size, "%s.part-%08x", file, id);
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    *ret_name = name;
    return fd < 0 ? err_errno(err, errno, "%s", name) : fd;
}

int store_backup(struct store *s, const char *file, struct err *err)
{
    _cleanup_free_ char *part = NULL;
    if (!s->kv->ops->copy)
        return err_set(err, ERR_UNSUPPORTED, "a store in memory has no backup");
    _cleanup_close_ int fd = open_part(file, &part, err);
    if (fd < 0)
        return err_wrap(err, "back up the store");
    int r = s->kv->ops->copy(s->kv, fd, err);
    if (r == 0)
        r = add_trailer(fd, part, err);
    if (r == 0 && fsync(fd) < 0)
        r = err_errno(err, errno, "%s: fsync", part);
    if (r == 0 && rename(part, file) < 0)
        r = err_errno(err, errno, "%s", file);
    if (r == 0)
        return sync_folder(file, err);
    unlink(part);
    return err_wrap(err, "back up the store to %s", file);
}

/* Copy a backup without its trailer, and verify it. */
static int copy_checked(const char *file, int to, struct err *err)
{
    struct trailer t;
    struct digest digest;
    uint64_t size = 0;
    _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, errno, "%s", file);
    int r = file_size(fd, file, &size, err);
    if (r < 0)
        return r;
    if (size > sizeof(t))
        r = read_at(fd, &t, sizeof(t), size - sizeof(t), file, err);
    if (r < 0)
        return r;
    if (size <= sizeof(t) || memcmp(t.magic, MAGIC, sizeof(t.magic)) != 0 ||
        get_len(t.len) != size - sizeof(t))
        return err_set(err, ERR_CORRUPT, "%s is not a backup of a store, or is incomplete", file);
    r = digest_file(fd, size - sizeof(t), to, file, &digest, err);
    if (r == 0 && memcmp(&digest, &t.digest, sizeof(digest)) != 0)
        r = err_set(err, ERR_CORRUPT, "%s is damaged: its digest does not match", file);
    return r;
}

/* Can this version of Forge read the copy? */
static int check_copy(const char *file, struct err *err)
{
    static const char *const tables[] = {"meta"};
    struct kv_lmdb_options o = {.file = file,
                                .tables = tables,
                                .n_tables = 1,
                                .read_only = true,
                                .no_lock = true,
                                .map_initial = 1 << 20};
    struct store look = {.read_only = true, .clock = clock_system()};
    struct kv_txn *txn;
    _Static_assert(STORE_META == 0, "the only table that is opened");
    o.map_max = o.map_initial;
    int r = kv_lmdb_open(&o, &look.kv, err);
    if (r < 0)
        return r;
    r = look.kv->ops->begin(look.kv, &txn, err);
    if (r == 0) {
        r = store_check_format(&look, txn, err);
        look.kv->ops->end(txn);
    }
    look.kv->ops->close(look.kv);
    return r == ERR_NOTFOUND ? err_set(err, ERR_CORRUPT, "it contains no store") : r;
}

static int lock_alone(const char *dir, int *ret_fd, struct err *err)
{
    _cleanup_free_ char *path = store_path(dir, STORE_OPEN_LOCK);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        err_set(err, ERR_BUSY, "the store in %s is in use", dir);
        return err_hint(err, "stop forged first");
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* Give the old store a second name, then rename the new one over it: there is a store at all times. */
static int swap_in(const char *part, const char *store, struct err *err)
{
    _cleanup_buf_ struct buf kept = BUF_INIT;
    buf_addf(&kept, "%s.before-", store);
    format_time(clock_wall(clock_system()), &kept);
    if (link(store, buf_str(&kept)) < 0 && errno != ENOENT)
        return err_errno(err, errno, "keep the old store as %s", buf_str(&kept));
    if (rename(part, store) < 0)
        return err_errno(err, errno, "%s", store);
    /* LMDB's lock file lists readers of the old store. */
    _cleanup_buf_ struct buf lock = BUF_INIT;
    buf_addf(&lock, "%s-lock", store);
    unlink(buf_str(&lock));
    return sync_folder(store, err);
}

int store_restore(const char *file, const char *dir, struct err *err)
{
    _cleanup_free_ char *store = store_path(dir, STORE_FILE);
    _cleanup_free_ char *part = NULL;
    _cleanup_close_ int lock = -1;
    int r = io_make_dirs(dir, 0700, err);
    if (r == 0)
        r = lock_alone(dir, &lock, err);
    if (r < 0)
        return err_wrap(err, "restore the store");
    _cleanup_close_ int fd = open_part(store, &part, err);
    if (fd < 0)
        return err_wrap(err, "restore the store");
    r = copy_checked(file, fd, err);
    if (r == 0 && fsync(fd) < 0)
        r = err_errno(err, errno, "%s: fsync", part);
    if (r == 0 && (r = check_copy(part, err)) < 0)
        err_wrap(err, "%s", file);
    if (r == 0)
        r = swap_in(part, store, err);
    if (r < 0) {
        unlink(part);
        return err_wrap(err, "restore the store");
    }
    return 0;
}
