#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"

extern char **environ;

#define KILL_AFTER_NS    (2 * NS_PER_S)
#define NO_PIDFD_POLL_NS (20 * NS_PER_MS)
#define READ_CHUNK       16384

/* The vectors that posix_spawn() takes are not const for historical reasons only; it does not write to them. */
static char *const *spawn_vector(const char *const *v)
{
    union {
        const char *const *in;
        char *const *out;
    } u = {.in = v};
    return u.out;
}

/* ENOENT can mean the working directory, or the program (or its interpreter): say which. */
static int spawn_error(const struct child_opts *o, int errnum, struct err *err)
{
    struct stat st;
    if (o->dir && (stat(o->dir, &st) < 0 || !S_ISDIR(st.st_mode)))
        return err_errno(err, errnum, "run %s in %s", o->argv[0], o->dir);
    if (errnum == ENOENT) {
        err_set(err, ERR_NOTFOUND, "the program \"%s\" was not found", o->argv[0]);
        return err_hint(err, "install it, or put its folder on PATH");
    }
    return err_errno(err, errnum, "run %s", o->argv[0]);
}

/* fds: become 0, 1 and 2 of the child. It gets a session of its own: its whole group can be killed, and it
   has no terminal to prompt on. */
static int spawn(const struct child_opts *o, const int fds[3], pid_t *ret, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&files, fds[i], i);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    if (o->dir)
        posix_spawn_file_actions_addchdir_np(&files, o->dir);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    char *const *env = o->env ? spawn_vector(o->env) : environ;
    int r = posix_spawnp(ret, o->argv[0], &files, &attr, spawn_vector(o->argv), env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return r == 0 ? 0 : spawn_error(o, r, err);
}

/* All of the input is written before the child starts: nothing more to poll, and no SIGPIPE if it does not
   read. */
static int open_input(const struct child_opts *o, struct err *err)
{
    if (!o->input) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? err_errno(err, errno, "open /dev/null") : fd;
    }
    _cleanup_close_ int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "make the input of %s", o->argv[0]);
    int r = io_write_all(fd, o->input, o->input_len, err);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(err, errno, "rewind the input of %s", o->argv[0]);
    return take_fd(&fd);
}

/* One captured stream: where it is read from, where it goes, how much may still be kept. */
struct capture {
    int fd; /* read end; -1: at its end or discarded */
    struct buf *to;
    size_t left;
};

/* Make the pipe, or open /dev/null when the caller discards the stream; *ret_end is the child's end. */
static int open_capture(struct capture *c, struct buf *to, int *ret_end, struct err *err)
{
    int fds[2];
    *c = (struct capture){.fd = -1, .to = to, .left = LIMIT_CHILD_OUTPUT_BYTES};
    if (!to) {
        *ret_end = open("/dev/null", O_WRONLY | O_CLOEXEC);
        return *ret_end < 0 ? err_errno(err, errno, "open /dev/null") : 0;
    }
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(err, errno, "make a pipe");
    fcntl(fds[0], F_SETFL, O_NONBLOCK); /* our end only: programs expect theirs to block */
    c->fd = fds[0];
    *ret_end = fds[1];
    return 0;
}

static void capture_keep(struct capture *c, const char *data, size_t n)
{
    size_t max = c->to->max ? c->to->max : BUF_MAX_DEFAULT;
    size_t room = c->to->overflow || c->to->len >= max ? 0 : max - c->to->len;
    size_t keep = n < room ? n : room;
    keep = keep < c->left ? keep : c->left;
    buf_add(c->to, data, keep);
    c->left -= keep;
    if (keep < n)
        c->to->overflow = true;
}

/* Read what is available, at most `max` bytes: the last read from a dead child's pipe must end even if a
   process it left behind keeps writing. */
static void capture_read(struct capture *c, size_t max)
{
    char chunk[READ_CHUNK];
    for (size_t got = 0; c->fd >= 0 && got < max;) {
        ssize_t n = read(c->fd, chunk, sizeof(chunk));
        if (n > 0) {
            capture_keep(c, chunk, (size_t)n);
            got += (size_t)n;
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            close(take_fd(&c->fd));
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* A running child, and when and why it is to be stopped. */
struct run {
    const struct child_opts *o;
    pid_t pid;
    int pidfd; /* readable when it has ended; -1 on kernels without */
    struct capture out, errout;
    int64_t deadline; /* of the next step: TERM, then KILL; INT64_MAX: none */
    int why;          /* ERR_TIMEOUT or ERR_CANCELLED once it was signalled to end */
};

static bool reap(struct run *r, int *ret_status)
{
    int status;
    pid_t got;
    while ((got = waitpid(r->pid, &status, WNOHANG)) < 0 && errno == EINTR)
        ;
    if (got == 0)
        return false;
    /* ECHILD: SIGCHLD is ignored in this process, so the status is lost. */
    *ret_status = got < 0 ? 127 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

/* Signal the child's whole group, which it has led since before its exec. */
static void signal_group(pid_t pid, int sig)
{
    if (kill(-pid, sig) < 0)
        kill(pid, sig);
}

static void wait_for_something(struct run *r, int64_t now)
{
    const struct cancel *cancel = r->why ? NULL : r->o->cancel;
    struct pollfd fds[] = {
        {.fd = r->out.fd, .events = POLLIN},
        {.fd = r->errout.fd, .events = POLLIN},
        {.fd = r->pidfd, .events = POLLIN},
        {.fd = cancel ? cancel->fd : -1, .events = POLLIN},
    };
    int64_t ns = r->deadline > now ? r->deadline - now : 0;
    bool slice = r->pidfd < 0 || (cancel && cancel->fd < 0);
    if (slice && ns > NO_PIDFD_POLL_NS)
        ns = NO_PIDFD_POLL_NS;
    struct timespec ts = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    ppoll(fds, ARRAY_LEN(fds), &ts, NULL);
}

/* Send TERM on timeout or cancellation, and KILL if that did not help. */
static void press_to_end(struct run *r, int64_t now)
{
    bool cancelled = cancel_is_set(r->o->cancel);
    if (r->why == 0 && (cancelled || now >= r->deadline)) {
        r->why = cancelled ? ERR_CANCELLED : ERR_TIMEOUT;
        r->deadline = now + KILL_AFTER_NS;
        signal_group(r->pid, SIGTERM);
    } else if (r->why && now >= r->deadline) {
        r->deadline = INT64_MAX;
        signal_group(r->pid, SIGKILL);
    }
}

static int follow(struct run *r, struct err *err)
{
    int status = 0;
    struct clock *clock = clock_system();
    r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    r->deadline = r->o->timeout_ns > 0 ? clock_mono(clock) + r->o->timeout_ns : INT64_MAX;
    for (;;) {
        capture_read(&r->out, LIMIT_CHILD_OUTPUT_BYTES);
        capture_read(&r->errout, LIMIT_CHILD_OUTPUT_BYTES);
        if (reap(r, &status))
            break;
        int64_t now = clock_mono(clock);
        press_to_end(r, now);
        wait_for_something(r, now);
    }
    /* Do not wait for the end of the pipes: a background process that it left may hold them open for ever. */
    capture_read(&r->out, LIMIT_CHILD_OUTPUT_BYTES);
    capture_read(&r->errout, LIMIT_CHILD_OUTPUT_BYTES);
    if (r->pidfd >= 0)
        close(r->pidfd);
    if (r->why == ERR_CANCELLED)
        return err_set(err, ERR_CANCELLED, "%s: cancelled", r->o->argv[0]);
    if (r->why == ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT, "%s did not end within %.3g s", r->o->argv[0],
                       (double)r->o->timeout_ns / (double)NS_PER_S);
    return status;
}

int child_run(const struct child_opts *o, struct buf *out, struct buf *errout, int *ret_status,
              struct err *err)
{
    struct run r = {.o = o, .pidfd = -1, .out.fd = -1, .errout.fd = -1};
    int ends[3] = {-1, -1, -1};
    int result = cancel_check(o->cancel, err);
    if (result == 0)
        result = ends[0] = open_input(o, err);
    if (result >= 0)
        result = open_capture(&r.out, out, &ends[1], err);
    if (result >= 0)
        result = open_capture(&r.errout, errout, &ends[2], err);
    if (result >= 0)
        result = spawn(o, ends, &r.pid, err);
    for (int i = 0; i < 3; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    if (result >= 0)
        result = follow(&r, err);
    if (r.out.fd >= 0)
        close(r.out.fd);
    if (r.errout.fd >= 0)
        close(r.errout.fd);
    if (result < 0)
        return result;
    *ret_status = result;
    return 0;
}

int child_start(const struct child_opts *o, struct child *ret, struct err *err)
{
    _cleanup_close_ int child_in = -1;
    _cleanup_close_ int child_out = -1;
    _cleanup_close_ int our_in = -1;
    _cleanup_close_ int our_out = -1;
    int fds[2];
    pid_t pid;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(err, errno, "make a pipe");
    child_in = fds[0];
    our_in = fds[1];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(err, errno, "make a pipe");
    our_out = fds[0];
    child_out = fds[1];
    int child_err = o->err_fd ? o->err_fd : STDERR_FILENO;
    int r = spawn(o, (const int[3]){child_in, child_out, child_err}, &pid, err);
    if (r < 0)
        return r;
    *ret = (struct child){.pid = pid, .in = take_fd(&our_in), .out = take_fd(&our_out)};
    return 0;
}

/* True when the child ended within the time and was reaped. */
static bool wait_end(struct run *r, int64_t ns)
{
    struct clock *clock = clock_system();
    int status;
    int64_t now = clock_mono(clock);
    r->deadline = now + ns;
    while (!reap(r, &status)) {
        if (now >= r->deadline)
            return false;
        wait_for_something(r, now);
        now = clock_mono(clock);
    }
    return true;
}

void child_stop(struct child *c, int64_t grace_ns)
{
    static const struct child_opts no_opts = {0};
    if (!c || c->pid == 0)
        return;
    close(c->in);
    close(c->out);
    struct run r = {.o = &no_opts, .pid = c->pid, .out.fd = -1, .errout.fd = -1};
    r.pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (!wait_end(&r, grace_ns)) {
        signal_group(c->pid, SIGTERM);
        if (!wait_end(&r, KILL_AFTER_NS)) {
            signal_group(c->pid, SIGKILL);
            wait_end(&r, INT64_MAX / 2);
        }
    }
    if (r.pidfd >= 0)
        close(r.pidfd);
    *c = (struct child){.in = -1, .out = -1};
}
