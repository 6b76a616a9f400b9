#include "providers/podman/service.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IDLE_S   "60" /* seconds without a connection after which it ends by itself */
#define START_NS (20 * NS_PER_S)
#define LOOK_NS  (20 * NS_PER_MS)
#define SOCKET   "podman.sock"
#define OOM_FILE "oom" /* created by conmon on cgroup v1, in its working directory */
#define SYSTEM   "/run/podman/" SOCKET

static struct {
    pthread_mutex_t lock;
    unsigned users;
    char dir[80], path[100];
    struct child child;
} own = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool answers(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(to.sun_path))
        return false;
    str_copy(to.sun_path, sizeof(to.sun_path), path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

/* The user's runtime directory. */
static const char *runtime_dir(struct arena *a)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    if (!str_empty(dir))
        return dir;
    const char *usual = geteuid() == 0 ? "/run" : arena_printf(a, "/run/user/%u", (unsigned)geteuid());
    return access(usual, W_OK) == 0 ? usual : "/tmp";
}

static int make_dir(struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    if (*own.dir)
        return 0;
    snprintf(own.dir, sizeof(own.dir), "%s/forge-podman-XXXXXX", runtime_dir(&a));
    if (!mkdtemp(own.dir)) { /* mode 0700 */
        int r = err_errno(err, errno, "cannot make a folder for Podman's socket, %s", own.dir);
        own.dir[0] = '\0';
        return r;
    }
    snprintf(own.path, sizeof(own.path), "%s/" SOCKET, own.dir);
    return 0;
}

static bool is_running(void)
{
    if (own.child.pid <= 0)
        return false;
    if (waitpid(own.child.pid, NULL, WNOHANG) == 0)
        return true;
    close(own.child.in);
    close(own.child.out);
    own.child = (struct child){0};
    return false;
}

static int start(struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *url = arena_printf(&a, "unix://%s", own.path);
    const char *const argv[] = {"podman", "system", "service", "--time", IDLE_S, url, NULL};
    (void)unlink(own.path);
    /* It logs every connection to stderr, which is of no use here. */
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    /* Runs in the socket's folder, because conmon leaves an empty file in the working directory (OOM_FILE). */
    const struct child_opts options = {.argv = argv, .dir = own.dir, .err_fd = nowhere};
    int r = child_start(&options, &own.child, err);
    if (nowhere >= 0)
        close(nowhere);
    if (r < 0)
        return err_wrap(err, "cannot start podman system service");
    log_debug("podman.service.started", "socket", own.path, NULL);
    for (int64_t waited = 0; waited < START_NS; waited += LOOK_NS) {
        if (answers(own.path))
            return 0;
        if (!is_running())
            break;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    child_stop(&own.child, 0);
    err_set(err, ERR_UNAVAILABLE, "podman system service does not answer on %s", own.path);
    return err_hint(err, "run `podman info` to find the cause");
}

int service_wake(struct err *err)
{
    pthread_mutex_lock(&own.lock);
    int r = is_running() ? 0 : make_dir(err);
    if (r == 0 && own.child.pid <= 0)
        r = start(err);
    pthread_mutex_unlock(&own.lock);
    return r;
}

void service_release(void)
{
    pthread_mutex_lock(&own.lock);
    if (own.users > 0 && --own.users == 0) {
        child_stop(&own.child, 0);
        if (*own.dir) {
            _cleanup_arena_ struct arena a = ARENA_INIT;
            (void)unlink(own.path);
            (void)unlink(arena_printf(&a, "%s/" OOM_FILE, own.dir));
            (void)rmdir(own.dir);
            own.dir[0] = '\0';
        }
    }
    pthread_mutex_unlock(&own.lock);
}

int service_url_check(const char *url, struct err *err)
{
    const char *path = str_after(url, "podman://");
    if (*path && *path != '/') {
        err_set(err, ERR_INVALID, "\"%s\": podman:// needs an absolute path, or nothing", url);
        return err_hint(err, "for another machine, use ssh://USER@HOST" SYSTEM);
    }
    return 0;
}

int service_url(struct arena *a, const char *url, const char **ret, bool *ret_own, struct err *err)
{
    const char *path = str_after(url, "podman://");
    *ret_own = false;
    int r = service_url_check(url, err);
    if (r < 0)
        return r;
    if (!str_empty(path)) {
        *ret = arena_printf(a, "unix://%s", path);
        return 0;
    }
    path = geteuid() == 0 ? SYSTEM : arena_printf(a, "%s/podman/" SOCKET, runtime_dir(a));
    if (answers(path)) {
        *ret = arena_printf(a, "unix://%s", path);
        return 0;
    }
    pthread_mutex_lock(&own.lock);
    own.users++;
    pthread_mutex_unlock(&own.lock);
    r = service_wake(err);
    if (r < 0) {
        service_release();
        return r;
    }
    *ret = arena_printf(a, "unix://%s", own.path);
    *ret_own = true;
    return 0;
}
