#ifndef BASE_IO_H
#define BASE_IO_H
/* Files: bounded reading, atomic replacement, folders. Descriptors are CLOEXEC. Errors name the path. */
#include "base/buf.h"
#include <sys/types.h>

/* Append a whole file. ERR_LIMIT beyond `max` bytes; not a regular file is ERR_INVALID; NOTFOUND, IO. */
int io_read_file(const char *path, size_t max, struct buf *out, struct err *err) _must_check_;
/* The same below an open directory: a relative path without ".."; no symlink in it is followed. */
int io_read_file_at(int dirfd, const char *path, size_t max, struct buf *out, struct err *err) _must_check_;
/* Write to a temporary file beside it, fsync, rename, fsync the folder. */
int io_write_file(const char *path, const void *data, size_t len, mode_t mode, struct err *err) _must_check_;
/* mkdir -p; existing folders are left as they are. */
int io_make_dirs(const char *path, mode_t mode, struct err *err) _must_check_;
/* Remove a tree below `path` (no symlink is followed); a missing one is no error. */
int io_remove_tree(const char *path, struct err *err) _must_check_;
/* Write all bytes, restarting on EINTR and short writes. */
int io_write_all(int fd, const void *data, size_t len, struct err *err) _must_check_;
/* n random bytes from the kernel; aborts when it provides none. */
void io_random(void *buf, size_t n);
/* Take an exclusive advisory lock on a file (made when missing), writing `owner` into it. ERR_BUSY names the
   owner text of the holder. The lock lives as long as *ret_fd is open. */
int io_lock_file(const char *path, const char *owner, int *ret_fd, struct err *err) _must_check_;
/* The same for a file that is open for reading and writing; `name` is for messages. */
int io_lock_fd(int fd, const char *name, const char *owner, struct err *err) _must_check_;
/* Who holds the lock of an open file now? false: nobody, through any other descriptor. Takes nothing. */
#define IO_OWNER_BYTES 200
bool io_lock_owner(int fd, char ret[IO_OWNER_BYTES]);
#endif
