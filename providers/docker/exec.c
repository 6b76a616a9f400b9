/* A command in a running container: the connection is upgraded from HTTP and carries its input and output
   (API, ExecStart). */
#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"
#include "providers/containers/demux.h"
#include "providers/docker/docker.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

struct session {
    struct docker *d;
    const struct exec_request *rq;
    const struct cancel *cancel;
    const char *id;
    struct http_pipe pipe;
    struct demux demux;
    bool input_open;
    char out[8192]; /* input read but not yet sent */
    size_t out_at, out_len;
    struct winsize size; /* last sent */
    struct arena arena;
};

static int write_output(void *arg, int stream, const char *data, size_t len, struct err *err)
{
    const struct session *s = arg;
    return io_write_all(stream == 2 ? s->rq->err_fd : s->rq->out_fd, data, len, err);
}

/* Send the size of our terminal to the container's when it has changed. */
static void tell_size(struct session *s)
{
    struct winsize now;
    struct err ignored = {0};
    if (!s->rq->tty || ioctl(s->rq->out_fd, TIOCGWINSZ, &now) < 0 || now.ws_row == 0 ||
        (now.ws_row == s->size.ws_row && now.ws_col == s->size.ws_col))
        return;
    s->size = now;
    const char *tail = arena_printf(&s->arena, "/resize?h=%u&w=%u", now.ws_row, now.ws_col);
    const struct ask q = {
        .method = "POST", .path = docker_path(&s->arena, "/exec/", s->id, tail), .cancel = s->cancel};
    (void)!docker_json(s->d, &q, NULL, NULL, &ignored);
}

static int take_input(struct session *s, struct err *err)
{
    ssize_t n = read(s->rq->in_fd, s->out, sizeof(s->out));
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        return err_errno(err, errno, "cannot read the input of the command");
    if (n > 0) {
        s->out_at = 0;
        s->out_len = (size_t)n;
    } else if (n == 0) {
        s->input_open = false;
        stream_shutdown_write(&s->pipe.stream);
    }
    return 0;
}

static int send_input(struct session *s, struct err *err)
{
    while (s->out_at < s->out_len) {
        size_t n = 0;
        int r = stream_write(&s->pipe.stream, s->out + s->out_at, s->out_len - s->out_at, &n, err);
        if (r != 0)
            return r == STREAM_AGAIN ? 0 : r;
        s->out_at += n;
    }
    s->out_at = s->out_len = 0;
    return 0;
}

/* 1 once the command's output has ended. */
static int take_output(struct session *s, struct err *err)
{
    char data[16384];
    for (;;) {
        size_t n;
        int r = stream_read(&s->pipe.stream, data, sizeof(data), &n, err);
        if (r == STREAM_AGAIN)
            return 0;
        if (r < 0)
            return r;
        if (n == 0)
            return 1;
        r = demux_feed(&s->demux, data, n, err);
        if (r < 0)
            return r;
    }
}

static int converse(struct session *s, struct err *err)
{
    int r = demux_feed(&s->demux, s->pipe.early.data, s->pipe.early.len, err);
    while (r >= 0 && (r = take_output(s, err)) == 0) {
        bool full = s->out_len > 0;
        struct pollfd p[] = {
            {.fd = s->pipe.stream.rfd, .events = (short)(POLLIN | (full ? POLLOUT : 0))},
            {.fd = s->input_open && !full ? s->rq->in_fd : -1, .events = POLLIN},
            {.fd = s->cancel ? s->cancel->fd : -1, .events = POLLIN},
        };
        r = cancel_check(s->cancel, err);
        if (r < 0)
            break;
        tell_size(s);
        /* With a terminal, poll for a new size: the signal for it may be handled by somebody else. */
        if (poll(p, ARRAY_LEN(p), s->rq->tty ? 500 : -1) < 0 && errno != EINTR)
            return err_errno(err, errno, "cannot wait for the command");
        if (p[1].revents)
            r = take_input(s, err);
        if (r == 0)
            r = send_input(s, err);
    }
    return r > 0 ? 0 : r;
}

static int make_exec(struct session *s, struct err *err)
{
    const struct exec_request *rq = s->rq;
    _cleanup_json_ json_t *answer = NULL;
    json_t *argv = json_array();
    for (size_t i = 0; rq->argv[i]; i++)
        json_array_append_new(argv, json_string(rq->argv[i]));
    json_t *body = json_pack("{s:b, s:b, s:b, s:b, s:o, s:s, s:s}", "AttachStdin", rq->interactive,
                             "AttachStdout", 1, "AttachStderr", 1, "Tty", rq->tty, "Cmd", argv, "User",
                             str_or(rq->user, ""), "WorkingDir", str_or(rq->workdir, ""));
    const struct ask q = {.method = "POST",
                          .path = docker_path(&s->arena, "/containers/", rq->native_name, "/exec"),
                          .body = body,
                          .cancel = s->cancel};
    int r = docker_json(s->d, &q, &answer, NULL, err);
    if (r < 0)
        return r;
    s->id = arena_strdup(&s->arena, json_string_value(json_object_get(answer, "Id")));
    return s->id ? 0 : err_set(err, ERR_CORRUPT, "the engine returned no id for the command");
}

static int start_exec(struct session *s, bool *ret_open, struct err *err)
{
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    const char *body =
        arena_printf(&s->arena, "{\"Detach\":false,\"Tty\":%s}", s->rq->tty ? "true" : "false");
    const char *path = docker_path(&s->arena, "/exec/", s->id, "/start");
    const struct http_request rq = {.method = "POST",
                                    .path = arena_printf(&s->arena, "%s%s", s->d->prefix, path),
                                    .body = body,
                                    .body_len = strlen(body),
                                    .cancel = s->cancel};
    int r = http_upgrade(s->d->http, &rq, &s->pipe, ret_open, &answer, err);
    if (r == 0 && !*ret_open)
        r = refusal_read(answer.head.status, answer.body.data, answer.body.len, err);
    return r;
}

static int exit_code(struct session *s, int *ret, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    /* The output may end a moment before the engine records the exit. */
    for (int i = 0; i < 50; i++) {
        json_decref(j);
        j = NULL;
        int r = docker_json(s->d, &(struct ask){.path = docker_path(&s->arena, "/exec/", s->id, "/json")}, &j,
                            NULL, err);
        if (r < 0)
            return r;
        if (!json_is_true(json_object_get(j, "Running")))
            break;
        if (cancel_sleep(s->cancel, 10 * NS_PER_MS))
            break;
    }
    *ret = (int)json_integer_value(json_object_get(j, "ExitCode"));
    return 0;
}

/* Our terminal must pass on every key, because the container's terminal interprets them. */
static bool terminal_raw(int fd, struct termios *ret_old)
{
    struct termios raw;
    if (!isatty(fd) || tcgetattr(fd, ret_old) < 0)
        return false;
    raw = *ret_old;
    cfmakeraw(&raw);
    return tcsetattr(fd, TCSANOW, &raw) == 0;
}

int docker_exec(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
                struct err *err)
{
    struct session s = {.d = docker_of(p), .rq = rq, .cancel = c, .input_open = rq->interactive};
    struct termios old;
    bool open = false, raw = false;
    arena_init(&s.arena);
    s.demux = (struct demux){.bare = rq->tty, .out = write_output, .arg = &s};
    int r = make_exec(&s, err);
    if (r == 0)
        r = start_exec(&s, &open, err);
    if (r == 0) {
        raw = rq->tty && rq->interactive && terminal_raw(rq->in_fd, &old);
        r = converse(&s, err);
        if (raw)
            tcsetattr(rq->in_fd, TCSANOW, &old);
    }
    if (open)
        http_pipe_close(&s.pipe);
    if (r == 0)
        r = exit_code(&s, ret_exit, err);
    arena_release(&s.arena);
    return r < 0 ? err_wrap(err, "container %s", rq->native_name) : 0;
}
