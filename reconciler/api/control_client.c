#include "base/limits.h"
#include "base/str.h"
#include "providers/http/http.h"
#include "reconciler/api/control.h"
#include "reconciler/engine/operation.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Lines come in pieces; each whole one is an event, the last of them the answer. */
struct reader {
    struct buf rest;
    void (*emit)(void *arg, const struct val *event);
    void *arg;
    struct arena *arena;
    struct val *last;
};

static int take_line(struct reader *rd, const char *line, size_t len, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *v;
    int r = val_from_json(&a, line, len, "forged", &v, err);
    if (r < 0)
        return err_wrap(err, "the answer of forged");
    if (str_eq(val_get_str(v, "event"), "answer"))
        rd->last = val_clone(rd->arena, v);
    else if (rd->emit)
        rd->emit(rd->arg, v);
    return 0;
}

static int take_bytes(void *arg, const char *data, size_t len, struct err *err)
{
    struct reader *rd = arg;
    buf_add(&rd->rest, data, len);
    int r = buf_check(&rd->rest, "the answer of forged", err);
    const char *start = rd->rest.data, *end = start + rd->rest.len, *nl;
    while (r == 0 && (nl = memchr(start, '\n', (size_t)(end - start)))) {
        r = take_line(rd, start, (size_t)(nl - start), err);
        start = nl + 1;
    }
    size_t left = (size_t)(end - start);
    memmove(rd->rest.data, start, left);
    buf_truncate(&rd->rest, left);
    return r;
}

static int unpack(const struct reader *rd, struct val **ret, struct err *err)
{
    if (!rd->last)
        return err_set(err, ERR_UNAVAILABLE, "forged closed the connection without a response");
    struct val *answer = val_get(rd->last, "answer");
    const struct val *error = val_get(rd->last, "error");
    *ret = answer;
    if (!error)
        return 0;
    err_from_val(error, err);
    return err->code;
}

int control_reachable(const char *path, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (str_empty(path) || strlen(path) >= sizeof(at.sun_path))
        return err_set(err, ERR_UNAVAILABLE, "forged is not running: %s is not a valid socket path",
                       str_or(path, ""));
    str_copy(at.sun_path, sizeof(at.sun_path), path);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, errno, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
        return 0;
    if (errno != EACCES && errno != EPERM)
        return err_set(err, ERR_UNAVAILABLE, "forged is not running: nothing is listening at %s", path);
    err_set(err, ERR_AUTH, "forged is running, but this user has no permission to connect to %s", path);
    return err_hint(err, "use sudo, or join the group that owns the socket");
}

int control_call(const char *path, const char *environment, const char *operation, const struct val *args,
                 const struct cancel *cancel, void (*emit)(void *arg, const struct val *event), void *arg,
                 struct arena *a, struct val **ret, struct err *err)
{
    struct dial *dial;
    int r = dial_new(arena_printf(a, "unix://%s", path), &(struct dial_files){0}, &dial, err);
    if (r < 0)
        return r;
    struct http *http = http_new(dial, -1, 1);
    struct reader rd = {.emit = emit, .arg = arg, .arena = a};
    buf_init(&rd.rest, LIMIT_CONTROL_BYTES);
    _cleanup_buf_ struct buf body = BUF_INIT, url = BUF_INIT;
    buf_adds(&url, "/v1/environments");
    if (environment) {
        buf_addc(&url, '/');
        http_escape(&url, environment);
        buf_addf(&url, "/%s", operation);
    }
    val_json(args, 0, &body);
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    const struct http_request rq = {
        .method = "POST",
        .path = buf_str(&url),
        .body = buf_str(&body),
        .body_len = body.len,
        .sink = take_bytes,
        .arg = &rd,
        .timeout_ns = -1,
        .cancel = cancel,
    };
    r = http_do(http, &rq, &answer, err);
    if (r == 0)
        r = unpack(&rd, ret, err);
    buf_release(&rd.rest);
    http_free(http);
    dial_free(dial);
    return r;
}
