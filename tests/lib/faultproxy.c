#include "tests/lib/faultproxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/lib/unit.h"

#define PAIRS_MAX 64

struct pair {
    int client, server; /* -1: free */
};

struct faultproxy {
    pthread_t thread;
    int listener, stop;
    uint16_t port;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_un un;
    } target;
    socklen_t target_len;
    _Atomic int fault;
    _Atomic size_t after, bytes;
    struct pair pairs[PAIRS_MAX];
    faultproxy_tap *tap;
    void *tap_arg;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void close_pair(struct pair *p)
{
    if (p->client >= 0)
        close(p->client);
    if (p->server >= 0)
        close(p->server);
    p->client = p->server = -1;
}

static void accept_one(struct faultproxy *f)
{
    int client = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    int server = socket(f->target.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (struct pair *p = f->pairs; client >= 0 && p < f->pairs + PAIRS_MAX; p++)
        if (p->client < 0 && connect(server, &f->target.any, f->target_len) == 0) {
            *p = (struct pair){client, server};
            return;
        }
    close(client);
    close(server);
}

static void tap(const struct faultproxy *f, bool to_server, const char *data, ssize_t n)
{
    if (f->tap && n > 0)
        f->tap(f->tap_arg, to_server, data, (size_t)n);
}

static bool copy_up(struct faultproxy *f, struct pair *p)
{
    char data[4096];
    ssize_t n = recv(p->client, data, sizeof(data), 0);
    tap(f, true, data, n);
    return n > 0 && send(p->server, data, (size_t)n, MSG_NOSIGNAL) == n;
}

/* Forward bytes from the server, as far as the fault allows; false closes the connection. */
static bool copy_down(struct faultproxy *f, struct pair *p)
{
    char data[4096];
    size_t left = SIZE_MAX;
    if (f->fault != FAULT_NONE)
        left = f->bytes < f->after ? f->after - f->bytes : 0;
    if (left == 0)
        return f->fault == FAULT_SILENT;
    ssize_t n = recv(p->server, data, left < sizeof(data) ? left : sizeof(data), 0);
    tap(f, false, data, n);
    if (n <= 0 || send(p->client, data, (size_t)n, MSG_NOSIGNAL) != n)
        return false;
    f->bytes += (size_t)n;
    return true;
}

static bool silent(const struct faultproxy *f)
{
    return f->fault == FAULT_SILENT && f->bytes >= f->after;
}

static void serve_pairs(struct faultproxy *f, const struct pollfd *fds)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        struct pair *p = &f->pairs[i];
        const struct pollfd *pf = &fds[2 + 2 * i];
        if (p->client < 0 || pf[0].fd != p->client)
            continue;
        if (pf[0].revents && !copy_up(f, p))
            close_pair(p);
        else if (pf[1].revents && !copy_down(f, p))
            close_pair(p);
    }
}

static void *run(void *arg)
{
    struct faultproxy *f = arg;
    for (;;) {
        struct pollfd fds[2 + 2 * PAIRS_MAX] = {{.fd = f->stop, .events = POLLIN},
                                                {.fd = f->listener, .events = POLLIN}};
        for (size_t i = 0; i < PAIRS_MAX; i++) {
            fds[2 + 2 * i] = (struct pollfd){.fd = f->pairs[i].client, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = silent(f) ? -1 : f->pairs[i].server, .events = POLLIN};
        }
        /* The timeout lets a changed fault take effect on idle connections. */
        poll(fds, 2 + 2 * PAIRS_MAX, 50);
        if (fds[0].revents)
            return NULL;
        serve_pairs(f, fds);
        if (fds[1].revents)
            accept_one(f);
    }
}

static struct faultproxy *start(struct faultproxy *f)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof(at);
    f->stop = eventfd(0, EFD_CLOEXEC);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < PAIRS_MAX; i++)
        f->pairs[i] = (struct pair){-1, -1};
    assert_int_equal(bind(f->listener, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(f->listener, 16), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &len), 0);
    f->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
    return f;
}

struct faultproxy *faultproxy_start(uint16_t port)
{
    struct faultproxy *f = mem_new(struct faultproxy);
    f->target.in = loopback(port);
    f->target_len = sizeof(f->target.in);
    return start(f);
}

struct faultproxy *faultproxy_start_unix(const char *path)
{
    struct faultproxy *f = mem_new(struct faultproxy);
    f->target.un.sun_family = AF_UNIX;
    str_copy(f->target.un.sun_path, sizeof(f->target.un.sun_path), path);
    f->target_len = sizeof(f->target.un);
    return start(f);
}

uint16_t faultproxy_port(const struct faultproxy *f)
{
    return f->port;
}

void faultproxy_set(struct faultproxy *f, enum fault fault, size_t after_bytes)
{
    f->fault = FAULT_NONE;
    f->bytes = 0;
    f->after = after_bytes;
    f->fault = (int)fault;
}

void faultproxy_listen(struct faultproxy *f, faultproxy_tap *listener, void *arg)
{
    f->tap = listener;
    f->tap_arg = arg;
}

void faultproxy_stop(struct faultproxy *f)
{
    if (!f)
        return;
    const uint64_t one = 1;
    assert_int_equal(write(f->stop, &one, sizeof(one)), sizeof(one));
    pthread_join(f->thread, NULL);
    for (size_t i = 0; i < PAIRS_MAX; i++)
        close_pair(&f->pairs[i]);
    close(f->listener);
    close(f->stop);
    free(f);
}
