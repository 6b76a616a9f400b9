/* An engine behind ssh: `ssh HOST docker system dial-stdio` connects its standard streams to the engine's
   socket there. */
#include "providers/http/stream.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern char **environ;

#define SSH_ARGS          40
#define SSH_KILL_AFTER_NS (2 * NS_PER_S)

struct args {
    const char *v[SSH_ARGS];
    size_t n;
    struct arena arena;
};

static void args_add(struct args *a, const char *s)
{
    if (a->n + 1 < SSH_ARGS)
        a->v[a->n++] = s;
}

static void args_option(struct args *a, const char *name, const char *value)
{
    args_add(a, "-o");
    args_add(a, arena_printf(&a->arena, "%s=%s", name, value));
}

/* The remote shell parses the command: only characters without a special meaning are allowed. */
static bool is_plain_path(const char *s)
{
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./") == strlen(s);
}

static int make_args(const struct dial *d, struct args *a, struct err *err)
{
    args_add(a, "ssh");
    args_add(a, "-T");
    args_option(a, "BatchMode", "yes"); /* nobody can answer a prompt */
    args_option(a, "ConnectTimeout", "15");
    args_option(a, "ServerAliveInterval", "15");
    args_option(a, "ServerAliveCountMax", "3");
    args_option(a, "LogLevel", "ERROR");
    if (d->ssh_known_hosts) {
        args_option(a, "UserKnownHostsFile", d->ssh_known_hosts);
        args_option(a, "GlobalKnownHostsFile", "/dev/null");
        args_option(a, "StrictHostKeyChecking", "yes");
    }
    if (d->ssh_key_file) {
        args_option(a, "IdentitiesOnly", "yes");
        args_add(a, "-i");
        args_add(a, d->ssh_key_file);
    }
    if (d->port) {
        args_add(a, "-p");
        args_add(a, d->port);
    }
    if (d->user) {
        args_add(a, "-l");
        args_add(a, d->user);
    }
    args_add(a, "--");
    args_add(a, d->host);
    /* The remote side has docker or podman: the socket's name tells which. */
    const bool podman = d->path && str_ends(d->path, "/podman.sock");
    args_add(a, podman ? "podman" : "docker");
    if (d->path) {
        if (!is_plain_path(d->path))
            return err_set(err, ERR_INVALID,
                           "\"%s\": the socket path can only contain letters, digits, _ - . and /", d->url);
        args_add(a, arena_printf(&a->arena, "--%s=unix://%s", podman ? "url" : "host", d->path));
    }
    args_add(a, "system");
    args_add(a, "dial-stdio");
    a->v[a->n] = NULL;
    return 0;
}

static int spawn_ssh(const struct args *a, int io, int errors, pid_t *ret, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&files, io, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, io, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
    /* Its own process group: Ctrl-C at the terminal must only reach us. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    union {
        const char *const *in;
        char *const *out;
    } argv = {.in = a->v};
    int failed = posix_spawnp(ret, "ssh", &files, &attr, argv.out, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (!failed)
        return 0;
    err_errno(err, failed, "cannot run ssh");
    return err_hint(err, "install it (Debian: openssh-client)");
}

int ssh_open(const struct dial *d, struct stream *ret, struct err *err)
{
    struct args a = {.n = 0};
    int io[2], errors[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, io) < 0)
        return err_errno(err, errno, "cannot make a socket pair for ssh");
    _cleanup_close_ int ours = io[0], theirs = io[1];
    if (pipe2(errors, O_CLOEXEC) < 0)
        return err_errno(err, errno, "cannot make a pipe for ssh");
    _cleanup_close_ int errors_read = errors[0], errors_write = errors[1];
    (void)fcntl(ours, F_SETFL, O_NONBLOCK);
    (void)fcntl(errors_read, F_SETFL, O_NONBLOCK);
    arena_init(&a.arena);
    int r = make_args(d, &a, err);
    if (r == 0)
        r = spawn_ssh(&a, theirs, errors_write, &ret->child, err);
    arena_release(&a.arena);
    if (r < 0)
        return r;
    ret->rfd = ret->wfd = take_fd(&ours);
    ret->child_err = take_fd(&errors_read);
    return 0;
}

/* Wait up to `ns` for the child; true once it is reaped (then s->child is 0). */
static bool reap(struct stream *s, int64_t ns, int *status)
{
    int64_t end = stream_now() + ns;
    for (;;) {
        pid_t r = waitpid(s->child, status, WNOHANG);
        if (r == s->child || (r < 0 && errno != EINTR)) {
            s->child = 0;
            return true;
        }
        if (stream_now() >= end)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

void ssh_close(struct stream *s)
{
    int status;
    /* Its streams are closed, so it would end by itself; SIGTERM makes it quicker. */
    kill(s->child, SIGTERM);
    if (!reap(s, SSH_KILL_AFTER_NS, &status)) {
        kill(s->child, SIGKILL);
        (void)waitpid(s->child, &status, 0);
    }
    if (s->child_err >= 0)
        close(s->child_err);
    s->child = 0;
    s->child_err = -1;
}

/* Known messages of ssh and the remote docker, and what they mean. */
static const struct {
    const char *text;
    int code;
    const char *hint;
    const char *instead; /* of the program's words; NULL: they will do */
} complaints[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", ERR_AUTH,
     "has its host key been changed on purpose? Then put the new one into the target's known_hosts",
     "its host key is not the one in known_hosts"},
    {"Permission denied (", ERR_AUTH, "is the key correct, and in authorized_keys on the remote host?"},
    {"Host key verification failed", ERR_AUTH,
     "verify the host key, then add it to known_hosts (ssh-keyscan HOST)"},
    {"No such identity", ERR_AUTH, "the target's ssh_key does not exist"},
    {"UNPROTECTED PRIVATE KEY", ERR_AUTH, "chmod 600 the key file"},
    {"permission denied while trying to connect", ERR_AUTH,
     "the ssh user must be in the group docker on the remote host"},
    {"command not found", ERR_UNSUPPORTED,
     "the remote host needs the docker command line (docker system dial-stdio)"},
    {"Could not resolve hostname", ERR_UNAVAILABLE, "is the host name in the target's URL correct?"},
    {"Connection refused", ERR_UNAVAILABLE, "is sshd running on that host and port?"},
};

int ssh_explain(struct stream *s, struct err *err)
{
    char text[512] = "";
    int status = 0;
    (void)reap(s, SSH_KILL_AFTER_NS, &status);
    ssize_t n = s->child_err >= 0 ? read(s->child_err, text, sizeof(text) - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    str_clean(text);
    for (char *p = text + strlen(text); p > text && strchr(" \r\n?", p[-1]);)
        *--p = '\0';
    if (s->child == 0 && s->child_err >= 0) {
        close(s->child_err);
        s->child_err = -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(complaints); i++) {
        if (!strstr(text, complaints[i].text))
            continue;
        err_set(err, complaints[i].code, "cannot reach the engine at %s: %s", s->dial->url,
                str_or(complaints[i].instead, text));
        return err_hint(err, "%s", complaints[i].hint);
    }
    return err_set(err, ERR_UNAVAILABLE, "cannot reach the engine at %s: %s", s->dial->url,
                   *text ? text : "ssh closed the connection");
}
