/*
 * Git over ssh (gitprotocol-pack(5), "SSH Transport") for libgit2, by running ssh, as git itself does.
 *
 * libgit2's own ssh transport has no timeouts, and the libssh2 of Debian 12 signs with RSA keys only in a way
 * that servers have refused since OpenSSH 8.8. OpenSSH supports every kind of key, hashed and marked
 * known_hosts entries, agents, jump hosts and the user's ~/.ssh/config. It never prompts: host keys must be
 * known (StrictHostKeyChecking).
 */
#include "reconciler/source/internal.h"

#include "base/child.h"
#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#define ARGS_MAX      48
#define END_GRACE_NS  (200 * NS_PER_MS)
#define LAST_WORDS_MS 1000

extern char **environ;

struct ssh_sub {
    git_smart_subtransport parent;
    git_smart_subtransport_stream stream;
    struct remote_op *op;
    struct child child;
    bool running;
    int errors;     /* read end of its stderr */
    int passphrase; /* memfd that the askpass program reads; -1: none */
};

static struct ssh_sub *sub_of(git_smart_subtransport_stream *stream)
{
    return (struct ssh_sub *)stream->subtransport;
}

/* ---- what is run ---- */

struct args {
    struct arena *arena;
    const char *v[ARGS_MAX];
    size_t n;
};

static void add(struct args *a, const char *s)
{
    if (a->n + 1 >= ARGS_MAX)
        abort();
    a->v[a->n++] = s;
}

static void option(struct args *a, const char *name, const char *value)
{
    add(a, "-o");
    add(a, arena_printf(a->arena, "%s=%s", name, value));
}

/* The server passes the command to a shell: quote it as git's sq_quote does. */
static const char *quoted(struct arena *a, const char *s)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    buf_addc(&b, '\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '!')
            buf_addf(&b, "'\\%c'", *s);
        else
            buf_addc(&b, *s);
    }
    buf_addc(&b, '\'');
    return arena_strdup(a, buf_str(&b));
}

static void make_args(const struct source *s, struct args *a)
{
    const struct source_config *c = &s->config;
    add(a, "ssh");
    add(a, "-T");
    option(a, "StrictHostKeyChecking", "yes");
    option(a, "UpdateHostKeys", "no");
    option(a, "BatchMode", c->ssh_passphrase ? "no" : "yes");
    option(a, "PasswordAuthentication", "no");
    option(a, "KbdInteractiveAuthentication", "no");
    option(a, "NumberOfPasswordPrompts", "1");
    option(a, "ConnectTimeout", "20");
    option(a, "ServerAliveInterval", "15");
    option(a, "ServerAliveCountMax", "3");
    option(a, "ClearAllForwardings", "yes");
    option(a, "PermitLocalCommand", "no");
    /* A shared connection would have been checked against another known_hosts, and would outlive us. */
    option(a, "ControlMaster", "no");
    option(a, "ControlPath", "none");
    option(a, "LogLevel", "ERROR");
    if (c->ssh_known_hosts) {
        option(a, "UserKnownHostsFile", quoted(a->arena, c->ssh_known_hosts));
        option(a, "GlobalKnownHostsFile", "/dev/null");
    }
    if (c->ssh_key_file) {
        option(a, "IdentitiesOnly", "yes");
        option(a, "IdentityAgent", "none");
        add(a, "-i");
        add(a, c->ssh_key_file);
    }
    if (s->url.port) {
        add(a, "-p");
        add(a, s->url.port);
    }
    if (s->url.user) {
        add(a, "-l");
        add(a, s->url.user);
    }
    add(a, "--");
    add(a, s->url.host);
    add(a, arena_printf(a->arena, "git-upload-pack %s", quoted(a->arena, s->url.path)));
}

/* ---- the passphrase ---- */

/* ssh runs a program to get it (SSH_ASKPASS in ssh(1)). Ours prints a file that only exists in memory, so the
   passphrase is in no argument, in no environment variable and on no disk. */
static int lend_passphrase(struct ssh_sub *t, struct arena *a, const char **ret_program, struct err *err)
{
    static const char script[] = "#!/bin/sh\nexec cat -- \"$FORGE_ASKPASS_FILE\"\n";
    const struct source_config *c = &t->op->source->config;
    size_t len;
    const char *bytes = secret_bytes(c->ssh_passphrase, &len);
    t->passphrase = memfd_create("askpass", MFD_CLOEXEC);
    if (t->passphrase < 0)
        return err_errno(err, errno, "cannot pass the passphrase to ssh");
    int r = io_write_all(t->passphrase, bytes, len, err);
    if (r < 0)
        return r;
    *ret_program = arena_printf(a, "%s/askpass", c->cache_dir);
    return io_write_file(*ret_program, script, sizeof(script) - 1, 0700, err);
}

static const char *const *make_env(const struct ssh_sub *t, struct arena *a, const char *askpass)
{
    size_t n = 0, k = 0;
    while (environ[n])
        n++;
    const char **env = arena_array(a, const char *, n + 5);
    for (size_t i = 0; i < n; i++)
        if (!str_starts(environ[i], "SSH_ASKPASS") && !str_starts(environ[i], "DISPLAY="))
            env[k++] = environ[i];
    if (askpass) {
        env[k++] = arena_printf(a, "SSH_ASKPASS=%s", askpass);
        env[k++] = "SSH_ASKPASS_REQUIRE=force";
        env[k++] = "DISPLAY=:0"; /* without it, older versions do not run the program */
        env[k++] = arena_printf(a, "FORGE_ASKPASS_FILE=/proc/%ld/fd/%d", (long)getpid(), t->passphrase);
    }
    return env;
}

static int start(struct ssh_sub *t)
{
    struct err *err = t->op->err;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *askpass = NULL;
    int errors[2];
    struct args args = {.arena = &a};
    make_args(t->op->source, &args);
    int r = t->op->source->config.ssh_passphrase ? lend_passphrase(t, &a, &askpass, err) : 0;
    if (r < 0)
        return r;
    if (pipe2(errors, O_CLOEXEC) < 0)
        return err_errno(err, errno, "cannot make a pipe for ssh");
    _cleanup_close_ int theirs = errors[1];
    t->errors = errors[0];
    fcntl(t->errors, F_SETFL, O_NONBLOCK);
    const struct child_opts o = {.argv = args.v, .env = make_env(t, &a, askpass), .err_fd = theirs};
    r = child_start(&o, &t->child, err);
    if (r < 0)
        return err_hint(err, "install it (Debian: openssh-client)");
    t->running = true;
    fcntl(t->child.in, F_SETFL, O_NONBLOCK);
    fcntl(t->child.out, F_SETFL, O_NONBLOCK);
    return 0;
}

static void stop(struct ssh_sub *t)
{
    if (t->running)
        child_stop(&t->child, END_GRACE_NS);
    t->running = false;
    cleanup_closep(&t->errors);
    cleanup_closep(&t->passphrase);
    t->errors = t->passphrase = -1;
}

/* ---- what it says when it fails ---- */

static const struct {
    const char *text;
    int code;
    const char *say; /* instead of ssh's own words; NULL: those */
    const char *hint;
} complaints[] = {
    {"HOST IDENTIFICATION HAS CHANGED", ERR_AUTH, "the server's host key is not the one in known_hosts",
     "compare it with the key published by the server's owner before you add it"},
    {"Host key verification failed", ERR_AUTH, NULL,
     "compare the server's key with the one published by its owner, then add it to known_hosts (ssh-keyscan "
     "HOST)"},
    {"UNPROTECTED PRIVATE KEY", ERR_AUTH, "others can read the key file", "chmod 600 the key file"},
    {"Permission denied (", ERR_AUTH, NULL,
     "is the key right (and its passphrase), and is it a deploy key of the repository?"},
    {"does not appear to be a git repository", ERR_NOTFOUND, NULL,
     "check the path in the repository's address"},
    {"epository not found", ERR_NOTFOUND, NULL,
     "check the address; servers also report this to users without read access"},
    {"could not be found or you don't have permission", ERR_NOTFOUND, NULL,
     "check the address, and the access rights of the key"},
    {"not our ref", ERR_NOTFOUND, "the server does not provide this commit",
     "has it been pushed? Some servers only provide branches and tags: use one of those"},
    {"dubious ownership", ERR_DENIED, NULL,
     "on the server, the repository belongs to another user than the one who logs in"},
    {"git-upload-pack: not found", ERR_UNSUPPORTED, NULL, "install git on the server"},
    {"git-upload-pack: command not found", ERR_UNSUPPORTED, NULL, "install git on the server"},
    {"Could not resolve hostname", ERR_UNAVAILABLE, NULL, "is the host name right, and does DNS answer?"},
    {"Connection refused", ERR_UNAVAILABLE, NULL, "is sshd running on that host and port?"},
    {"timed out", ERR_TIMEOUT, NULL, "the server is slow or unreachable; Forge will try again"},
};

/* Collect pending stderr output; false at its end. */
static bool hear(struct ssh_sub *t)
{
    char chunk[1024];
    ssize_t n = t->errors < 0 ? 0 : read(t->errors, chunk, sizeof(chunk));
    if (n > 0)
        buf_add(&t->op->said, chunk, (size_t)n); /* anything beyond its limit is dropped */
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* The output of ssh and of the server as one line. */
static const char *words(struct buf *said, struct arena *a)
{
    char *text = arena_strdup(a, buf_str(said));
    str_clean(text);
    size_t n;
    char **lines = str_split(a, text, '\n', &n);
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        char *line = lines[i];
        /* ssh ends its lines with carriage returns, by now "?" (str_clean()); its banners consist of "@". */
        line[strcspn(line, "?")] = '\0';
        if (strspn(line, "@ ") == strlen(line))
            continue;
        buf_addf(&b, "%s%s", b.len ? "; " : "", line);
    }
    return arena_strndup(a, buf_str(&b), 500);
}

static int explain(struct ssh_sub *t)
{
    struct err *err = t->op->err;
    struct pollfd p = {.fd = t->errors, .events = POLLIN};
    _cleanup_arena_ struct arena a = ARENA_INIT;
    while (hear(t) && poll(&p, 1, LAST_WORDS_MS) > 0)
        ;
    const char *text = words(&t->op->said, &a);
    for (size_t i = 0; i < ARRAY_LEN(complaints); i++) {
        if (!strstr(text, complaints[i].text))
            continue;
        err_set(err, complaints[i].code, "%s", str_or(complaints[i].say, text));
        err_hint(err, "%s", complaints[i].hint);
        return GIT_EUSER;
    }
    err_set(err, ERR_UNAVAILABLE, "the connection ended%s%s", *text ? ": " : "", text);
    return GIT_EUSER;
}

/* ---- what libgit2 calls ---- */

/* Wait until `fd` can be read or written, collecting stderr meanwhile. */
static int wait_for(struct ssh_sub *t, int fd, short events)
{
    const struct cancel *c = t->op->cancel;
    for (;;) {
        struct pollfd p[] = {{.fd = fd, .events = events},
                             {.fd = t->errors, .events = POLLIN},
                             {.fd = c ? c->fd : -1, .events = POLLIN}};
        if (remote_op_check(t->op) < 0)
            return GIT_EUSER;
        poll(p, ARRAY_LEN(p), remote_op_wait_ms(t->op, 1000));
        if ((p[1].revents & (POLLIN | POLLHUP)) && !hear(t)) {
            close(t->errors);
            t->errors = -1;
        }
        if (p[0].revents)
            return 0;
    }
}

static int stream_read(git_smart_subtransport_stream *stream, char *buffer, size_t size, size_t *ret)
{
    struct ssh_sub *t = sub_of(stream);
    size = remote_read_size(t->op, size);
    *ret = 0;
    for (;;) {
        ssize_t n = read(t->child.out, buffer, size);
        if (n > 0) {
            *ret = (size_t)n;
            return remote_op_received(t->op, (size_t)n) < 0 ? GIT_EUSER : 0;
        }
        /* libgit2 reads no further than it needs to, so end of file always comes too early. */
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return explain(t);
        if (wait_for(t, t->child.out, POLLIN) < 0)
            return GIT_EUSER;
    }
}

/* write(), but SIGPIPE must not kill this process when ssh has exited. */
static ssize_t write_quietly(int fd, const char *data, size_t len)
{
    sigset_t pipe_, old, pending;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_, &old);
    ssize_t n = write(fd, data, len);
    int saved = errno;
    if (n < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return n;
}

static int stream_write(git_smart_subtransport_stream *stream, const char *data, size_t len)
{
    struct ssh_sub *t = sub_of(stream);
    while (len > 0) {
        ssize_t n = write_quietly(t->child.in, data, len);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return explain(t);
        } else if (wait_for(t, t->child.in, POLLOUT) < 0) {
            return GIT_EUSER;
        }
    }
    return 0;
}

static void stream_free(git_smart_subtransport_stream *stream)
{
    stop(sub_of(stream));
}

static int sub_action(git_smart_subtransport_stream **ret, git_smart_subtransport *transport,
                      _unused_ const char *url, git_smart_service_t action)
{
    struct ssh_sub *t = (struct ssh_sub *)transport;
    if (action == GIT_SERVICE_UPLOADPACK_LS && !t->running) {
        t->stream = (git_smart_subtransport_stream){
            .subtransport = transport, .read = stream_read, .write = stream_write, .free = stream_free};
        if (start(t) < 0)
            return GIT_EUSER;
    } else if (action != GIT_SERVICE_UPLOADPACK || !t->running) {
        err_set(t->op->err, ERR_UNSUPPORTED, "nothing is ever pushed");
        return GIT_EUSER;
    }
    *ret = &t->stream; /* both actions share one ssh connection */
    return 0;
}

static int sub_close(git_smart_subtransport *transport)
{
    stop((struct ssh_sub *)transport);
    return 0;
}

static void sub_free(git_smart_subtransport *transport)
{
    stop((struct ssh_sub *)transport);
    free(transport);
}

static int sub_new(git_smart_subtransport **ret, _unused_ git_transport *owner, void *arg)
{
    struct ssh_sub *t = mem_new(struct ssh_sub);
    t->parent = (git_smart_subtransport){.action = sub_action, .close = sub_close, .free = sub_free};
    t->op = arg;
    t->errors = t->passphrase = -1;
    *ret = &t->parent;
    return 0;
}

int ssh_transport(git_transport **ret, git_remote *owner, struct remote_op *op)
{
    git_smart_subtransport_definition d = {.callback = sub_new, .rpc = 0, .param = op};
    return git2.transport_smart(ret, owner, &d);
}
