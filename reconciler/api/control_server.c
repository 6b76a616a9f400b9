#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/api/control.h"
#include "reconciler/engine/operation.h"

#include <errno.h>
#include <grp.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PEER_CHECK_MS 250

struct control {
    struct control_handler handler;
    struct MHD_Daemon *daemon;
    char *path;
    int listener;
    pthread_mutex_t lock;
    struct call *calls;
    bool stopping; /* calls that arrive now are cancelled at once; otherwise stopping would wait for them */
};

/* One request: its body while it arrives, then the lines of its answer while they are produced. */
struct call {
    struct control *control;
    struct buf body, lines;
    size_t sent;
    char *url;
    int fd;
    struct cancel cancel;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool running, done;
    struct call *next;
};

/* ---- the lines of an answer ---- */

static void add_line(struct call *c, const struct val *v)
{
    pthread_mutex_lock(&c->lock);
    val_json(v, 0, &c->lines);
    buf_addc(&c->lines, '\n');
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
}

static void emit(void *arg, const struct val *event)
{
    add_line(arg, event);
}

static bool peer_has_gone(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Wait for something to send, and notice when the caller goes away. */
static void wait_for_lines(struct call *c)
{
    while (c->sent == c->lines.len && !c->done) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PEER_CHECK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_cond_timedwait(&c->more, &c->lock, &until) == ETIMEDOUT && peer_has_gone(c->fd))
            cancel_set(&c->cancel);
    }
}

static ssize_t read_lines(void *arg, uint64_t pos, char *to, size_t max)
{
    struct call *c = arg;
    (void)pos;
    pthread_mutex_lock(&c->lock);
    wait_for_lines(c);
    size_t n = c->lines.len - c->sent;
    if (n > max)
        n = max;
    if (n)
        memcpy(to, c->lines.data + c->sent, n);
    c->sent += n;
    if (c->sent == c->lines.len) {
        buf_reset(&c->lines);
        c->sent = 0;
    }
    pthread_mutex_unlock(&c->lock);
    return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

/* ---- running a call ---- */

static const char *user_of(struct arena *a, int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
        return "unknown";
    struct passwd pw, *found = NULL;
    char *buf = arena_alloc(a, 4096);
    if (getpwuid_r(who.uid, &pw, buf, 4096, &found) == 0 && found)
        return arena_strdup(a, pw.pw_name);
    return arena_printf(a, "uid %u", (unsigned)who.uid);
}

/* "/v1/environments/NAME/OPERATION" or "/v1/environments". */
static int parse_url(struct arena *a, const char *url, struct control_request *rq, struct err *err)
{
    size_t n;
    char **parts = str_split(a, url, '/', &n);
    bool ours = n >= 3 && str_eq(parts[1], "v1") && str_eq(parts[2], "environments");
    if (ours && n == 3) {
        rq->operation = "environments";
        return 0;
    }
    if (!ours || n != 5)
        return err_set(err, ERR_NOTFOUND, "unknown path %s", url);
    rq->environment = parts[3];
    rq->operation = parts[4];
    return 0;
}

static int run_call(struct call *c, struct arena *a, struct val **ret, struct err *err)
{
    struct control_request rq = {
        .actor = user_of(a, c->fd), .cancel = &c->cancel, .arena = a, .emit = emit, .arg = c};
    struct val *args = val_map(a);
    int r = parse_url(a, c->url, &rq, err);
    if (r == 0)
        r = buf_check(&c->body, "the request", err);
    if (r == 0 && c->body.len)
        r = val_from_json(a, buf_str(&c->body), c->body.len, "request", &args, err);
    rq.args = args;
    return r < 0 ? r : c->control->handler.call(c->control->handler.arg, &rq, ret, err);
}

static void *call_main(void *arg)
{
    struct call *c = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct val *answer = NULL, *last = val_map(&a);
    int r = run_call(c, &a, &answer, &err);
    val_set_str(&a, last, "event", "answer");
    if (answer)
        val_map_set(&a, last, "answer", answer);
    if (r < 0)
        val_map_set(&a, last, "error", err_to_val(&a, &err));
    add_line(c, last);
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- libmicrohttpd ---- */

static struct call *call_new(struct control *control, const char *url, int fd)
{
    struct call *c = mem_new(struct call);
    c->url = mem_strdup(url);
    c->control = control;
    c->fd = fd;
    buf_init(&c->body, LIMIT_CONTROL_BYTES);
    cancel_init(&c->cancel);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
    pthread_mutex_lock(&control->lock);
    c->next = control->calls;
    control->calls = c;
    if (control->stopping)
        cancel_set(&c->cancel);
    pthread_mutex_unlock(&control->lock);
    return c;
}

static void call_free(struct call *c)
{
    pthread_mutex_lock(&c->control->lock);
    for (struct call **p = &c->control->calls; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            break;
        }
    pthread_mutex_unlock(&c->control->lock);
    if (c->running) {
        cancel_set(&c->cancel);
        pthread_join(c->thread, NULL);
    }
    buf_release(&c->body);
    buf_release(&c->lines);
    cancel_release(&c->cancel);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->more);
    free(c->url);
    free(c);
}

static enum MHD_Result answer_call(struct MHD_Connection *connection, struct call *c)
{
    if (pthread_create(&c->thread, NULL, call_main, c) != 0)
        return MHD_NO;
    c->running = true;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_lines, c, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/x-ndjson");
    enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **state)
{
    (void)method;
    (void)version;
    struct call *c = *state;
    if (!c) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *state = call_new(arg, url, info ? info->connect_fd : -1);
        return MHD_YES;
    }
    if (*size) {
        buf_add(&c->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return answer_call(connection, c);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)connection;
    (void)why;
    if (*state)
        call_free(*state);
    *state = NULL;
}

/* ---- the socket ---- */

static bool somebody_answers(const struct sockaddr_un *at)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
}

static void give_to_group(const char *path)
{
    const struct group *g = getgrnam("forge");
    /* Without that group, or the right to give the socket to it, the socket stays its owner's. */
    if (g && chown(path, (uid_t)-1, g->gr_gid) < 0)
        return;
}

static int listen_at(const char *path, int *ret, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(at.sun_path))
        return err_set(err, ERR_INVALID, "%s is too long for a socket path (at most %zu bytes)", path,
                       sizeof(at.sun_path) - 1);
    str_copy(at.sun_path, sizeof(at.sun_path), path);
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *slash = strrchr(path, '/');
    int r =
        slash && slash > path ? io_make_dirs(arena_strndup(&a, path, (size_t)(slash - path)), 0755, err) : 0;
    if (r < 0)
        return r;
    if (somebody_answers(&at))
        return err_set(err, ERR_BUSY, "another forged is already listening at %s", path);
    /* What a killed daemon left is taken away, and nothing else. */
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        err_set(err, ERR_EXISTS, "cannot listen at %s: it exists and is not a socket", path);
        return err_hint(err, "remove it, or set another listen.socket in the settings");
    }
    unlink(path);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0117);
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
    int reason = errno;
    umask(mask);
    if (!bound || listen(fd, 64) < 0)
        return err_errno(err, bound ? errno : reason, "cannot listen at %s", path);
    give_to_group(path);
    *ret = take_fd(&fd);
    return 0;
}

int control_start(const char *path, const struct control_handler *h, struct control **ret, struct err *err)
{
    struct control *c = mem_new(struct control);
    c->path = mem_strdup(path);
    c->handler = *h;
    c->listener = -1;
    pthread_mutex_init(&c->lock, NULL);
    int r = listen_at(path, &c->listener, err);
    if (r == 0) {
        c->daemon = MHD_start_daemon(
            MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
            on_request, c, MHD_OPTION_LISTEN_SOCKET, c->listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
            NULL, MHD_OPTION_CONNECTION_LIMIT, 64u, MHD_OPTION_END);
        if (!c->daemon)
            r = err_set(err, ERR_IO, "cannot serve at %s", path);
    }
    if (r < 0) {
        control_stop(c);
        return r;
    }
    *ret = c;
    return 0;
}

void control_stop(struct control *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    for (struct call *k = c->calls; k; k = k->next)
        cancel_set(&k->cancel);
    pthread_mutex_unlock(&c->lock);
    if (c->daemon) {
        unlink(c->path);
        MHD_stop_daemon(c->daemon); /* closes the listener, waits for its threads */
    } else if (c->listener >= 0) {
        close(c->listener);
    }
    pthread_mutex_destroy(&c->lock);
    free(c->path);
    free(c);
}
