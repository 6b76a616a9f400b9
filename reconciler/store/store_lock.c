/* The lock of an environment: one writer at a time among all processes of this machine (L6). */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/store/internal.h"

static struct memory_lock *find_in_memory(const struct store *s, const char *env)
{
    struct memory_lock *l = s->locks;
    while (l && !str_eq(l->env, env))
        l = l->next;
    return l;
}

/* A store in memory has no folder: the lock is on an anonymous file. Each caller opens that file again,
   because a lock belongs to an open file description and not to the file. */
static int lock_in_memory(struct store *s, const char *env, const char *holder, int *ret_fd, struct err *err)
{
    struct memory_lock *l = find_in_memory(s, env);
    if (!l) {
        int made = memfd_create("lock", MFD_CLOEXEC);
        if (made < 0)
            return err_errno(err, errno, "make a lock");
        l = mem_new(struct memory_lock);
        *l = (struct memory_lock){.next = s->locks, .env = mem_strdup(env), .fd = made};
        s->locks = l;
    }
    char path[64], name[LIMIT_NAME_BYTES + 32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", l->fd);
    snprintf(name, sizeof(name), "environment %s", env);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "open the lock of environment %s", env);
    int r = io_lock_fd(fd, name, holder, err);
    if (r == 0)
        *ret_fd = take_fd(&fd);
    return r;
}

static int lock_in_folder(const struct store *s, const char *env, const char *holder, int *ret_fd,
                          struct err *err)
{
    char name[LIMIT_NAME_BYTES + 16];
    _cleanup_free_ char *locks = store_path(s->dir, "locks");
    int r = io_make_dirs(locks, 0700, err);
    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "%s.lock", env);
    _cleanup_free_ char *path = store_path(locks, name);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    snprintf(name, sizeof(name), "environment %s", env);
    r = io_lock_fd(fd, name, holder, err);
    if (r == 0)
        *ret_fd = take_fd(&fd);
    return r;
}

int store_lock(struct store *s, const char *env, const char *holder, int *ret_fd, struct err *err)
{
    if (!*env || *env == '.' || strchr(env, '/') || strlen(env) > LIMIT_NAME_BYTES)
        return err_set(err, ERR_INVALID, "\"%.80s\" is not a valid environment name", env);
    if (s->read_only)
        return err_set(err, ERR_DENIED, "the store in %s was opened read-only", s->dir);
    if (s->dir)
        return lock_in_folder(s, env, holder, ret_fd, err);
    pthread_mutex_lock(&s->locks_lock);
    int r = lock_in_memory(s, env, holder, ret_fd, err);
    pthread_mutex_unlock(&s->locks_lock);
    return r;
}

const char *store_lock_holder(struct store *s, const char *env, struct arena *a)
{
    char holder[IO_OWNER_BYTES];
    char *path = NULL;
    if (s->dir) {
        path = arena_printf(a, "%s/locks/%s.lock", s->dir, env);
    } else {
        pthread_mutex_lock(&s->locks_lock);
        const struct memory_lock *l = find_in_memory(s, env);
        path = l ? arena_printf(a, "/proc/self/fd/%d", l->fd) : NULL;
        pthread_mutex_unlock(&s->locks_lock);
    }
    _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
    return fd >= 0 && io_lock_owner(fd, holder) ? arena_strdup(a, holder) : NULL;
}

void store_locks_release(struct store *s)
{
    for (struct memory_lock *l = s->locks, *next; l; l = next) {
        next = l->next;
        close(l->fd);
        free(l->env);
        free(l);
    }
    s->locks = NULL;
}
