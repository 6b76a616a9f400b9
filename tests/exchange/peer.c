#include "tests/exchange/peer.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/lib/unit.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define CONNECTIONS 64

struct peer {
    const struct peer_answer *script;
    unsigned *played; /* one for each line of the script */
    char dir[64], url[128];
    int listener;
    pthread_t thread, workers[CONNECTIONS];
    int fds[CONNECTIONS];
    unsigned n;
    bool stopping;
    struct buf log, shown;
    pthread_mutex_t lock;
};

struct worker {
    struct peer *p;
    unsigned i;
};

static void log_request(struct peer *p, const char *mark, const char *request)
{
    size_t n = strcspn(request, "\r\n");
    const char *version = memmem(request, n, " HTTP/", 6);
    buf_adds(&p->log, mark);
    buf_add(&p->log, request, version ? (size_t)(version - request) : n);
    buf_addc(&p->log, '|');
}

static const struct peer_answer *choose(struct peer *p, const char *request, size_t len)
{
    static const struct peer_answer ping = {"GET /_ping", 0, "OK", 0, 0, NULL},
                                    none = {"", 599, "{\"message\":\"not in the script\"}", 0, 0, NULL};
    const struct peer_answer *found = NULL;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; p->script[i].request && !found; i++) {
        const struct peer_answer *a = &p->script[i];
        if (!str_starts(request, a->request) || (a->times && p->played[i] >= a->times))
            continue;
        p->played[i]++;
        found = a;
    }
    if (!found && str_starts(request, ping.request))
        found = &ping;
    bool met = found && (!found->expect || memmem(request, len, found->expect, strlen(found->expect)));
    if (found != &ping)
        log_request(p, !found ? "?" : met ? "" : "!", request);
    pthread_mutex_unlock(&p->lock);
    return found ? found : &none;
}

static bool send_some(int fd, const char *data, size_t len, unsigned flags)
{
    size_t step = flags & PEER_DRIP ? 1 : len;
    for (size_t at = 0; at < len; at += step) {
        if (send(fd, data + at, step, MSG_NOSIGNAL) != (ssize_t)step)
            return false;
        if (flags & PEER_DRIP)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return true;
}

/* Returns false when the connection is to be closed. */
static bool play(int fd, const struct peer_answer *a)
{
    struct buf out = BUF_INIT;
    const char *body = a->body ? a->body : "";
    size_t len = a->body_len ? a->body_len : strlen(body);
    if (!(a->flags & PEER_RAW))
        buf_addf(&out,
                 "HTTP/1.1 %d X\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nContent-Length: "
                 "%zu\r\n\r\n",
                 a->status ? a->status : 200, len);
    buf_add(&out, body, len);
    bool good = send_some(fd, out.data, out.len, a->flags);
    if (a->again)
        len = strlen(body = a->again);
    while (good && a->flags & PEER_ENDLESS)
        good = send_some(fd, body, len, 0);
    buf_release(&out);
    if (a->flags & PEER_HANG) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN | POLLRDHUP};
        poll(&pfd, 1, 20000);
        return false;
    }
    return good && !(a->flags & PEER_CLOSE);
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    return at ? strtoul(at + 17, NULL, 10) : 0;
}

static void *serve(void *arg)
{
    struct worker w = *(struct worker *)arg;
    int fd = w.p->fds[w.i];
    struct buf in = BUF_INIT;
    char data[65536];
    free(arg);
    for (;;) {
        const char *end = in.len ? memmem(in.data, in.len, "\r\n\r\n", 4) : NULL;
        size_t need = end ? (size_t)(end - in.data) + 4 + content_length(in.data) : 0;
        if (!end || in.len < need) {
            ssize_t n = recv(fd, data, sizeof(data), 0);
            if (n <= 0)
                break;
            buf_add(&in, data, (size_t)n);
            continue;
        }
        /* A copy, because the test may continue and free its script once the request is answered. */
        const struct peer_answer a = *choose(w.p, in.data, need);
        size_t rest = in.len - need;
        memmove(in.data, in.data + need, rest);
        buf_truncate(&in, rest);
        if (!play(fd, &a))
            break;
    }
    buf_release(&in);
    shutdown(fd, SHUT_RDWR);
    return NULL;
}

static void *listen_loop(void *arg)
{
    struct peer *p = arg;
    for (;;) {
        int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        pthread_mutex_lock(&p->lock);
        if (p->stopping || p->n == CONNECTIONS) {
            pthread_mutex_unlock(&p->lock);
            close(fd);
            if (p->stopping)
                return NULL;
            continue;
        }
        struct worker *w = mem_new(struct worker);
        *w = (struct worker){p, p->n};
        p->fds[p->n] = fd;
        pthread_create(&p->workers[p->n], NULL, serve, w);
        p->n++;
        pthread_mutex_unlock(&p->lock);
    }
}

static void use_script(struct peer *p, const struct peer_answer *script)
{
    size_t n = 0;
    while (script[n].request)
        n++;
    free(p->played);
    p->played = mem_array(n + 1, sizeof(*p->played));
    p->script = script;
}

struct peer *peer_start(const struct peer_answer *script)
{
    struct peer *p = mem_new(struct peer);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    str_copy(p->dir, sizeof(p->dir), "/tmp/forge-peer-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->url, sizeof(p->url), "unix://%s/s", p->dir);
    str_copy(addr.sun_path, sizeof(addr.sun_path), p->url + 7);
    use_script(p, script);
    pthread_mutex_init(&p->lock, NULL);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(p->listener >= 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(p->listener, 32), 0);
    pthread_create(&p->thread, NULL, listen_loop, p);
    return p;
}

const char *peer_url(const struct peer *p)
{
    return p->url;
}

const char *peer_log(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    buf_reset(&p->shown);
    buf_adds(&p->shown, buf_str(&p->log));
    pthread_mutex_unlock(&p->lock);
    return buf_str(&p->shown);
}

size_t peer_count(struct peer *p, const char *what)
{
    size_t n = 0;
    for (const char *at = peer_log(p); (at = strstr(at, what)); at++)
        n++;
    return n;
}

unsigned peer_connections(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->n;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void peer_cut(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->n; i++)
        shutdown(p->fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&p->lock);
}

void peer_script(struct peer *p, const struct peer_answer *script)
{
    pthread_mutex_lock(&p->lock);
    use_script(p, script);
    buf_reset(&p->log);
    pthread_mutex_unlock(&p->lock);
}

void peer_stop(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
    peer_cut(p);
    for (unsigned i = 0; i < p->n; i++) {
        pthread_join(p->workers[i], NULL);
        close(p->fds[i]);
    }
    unlink(p->url + 7);
    rmdir(p->dir);
    free(p->played);
    buf_release(&p->log);
    buf_release(&p->shown);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

char *peer_recorded(const char *name)
{
    char path[200];
    json_error_t why;
    snprintf(path, sizeof(path), "tests/exchange/recorded/%s", name);
    json_t *j = json_load_file(path, 0, &why);
    if (!j)
        fail_msg("%s: %s", path, why.text);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}
