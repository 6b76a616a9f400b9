#include "reconciler/api/metrics.h"

#include "base/mem.h"
#include "base/str.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct metrics {
    struct MHD_Daemon *daemon;
    void (*fill)(void *arg, struct buf *out);
    void *arg;
};

/* Of a HEAD request libmicrohttpd sends the head alone, with the length that the body would have. */
static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, struct buf *text)
{
    size_t len = text->len;
    struct MHD_Response *r = MHD_create_response_from_buffer(len, buf_steal(text), MHD_RESPMEM_MUST_FREE);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, "Allow", "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    struct metrics *m = arg;
    (void)version;
    (void)data;
    (void)state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    if (*size)
        return MHD_NO; /* nothing is uploaded here */
    bool reads = str_eq(method, "GET") || str_eq(method, "HEAD"), found = str_eq(url, "/metrics");
    if (!reads || !found) {
        buf_adds(&text, "only GET /metrics is served here\n");
        return answer(c, found ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND, &text);
    }
    m->fill(m->arg, &text);
    return answer(c, MHD_HTTP_OK, &text);
}

/* "127.0.0.1:9464", "[::1]:9464" */
static int resolve(const char *address, struct addrinfo **ret, struct err *err)
{
    char host[256];
    str_copy(host, sizeof(host), address);
    char *colon = strrchr(host, ':');
    if (!colon)
        return err_set(err, ERR_INVALID, "%s is not ADDRESS:PORT", address);
    *colon = '\0';
    char *name = host;
    if (name[0] == '[' && colon > name && colon[-1] == ']') {
        colon[-1] = '\0';
        name++;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
    int failed = getaddrinfo(name, colon + 1, &hints, ret);
    return failed ? err_set(err, ERR_INVALID, "%s: %s", address, gai_strerror(failed)) : 0;
}

int metrics_start(const char *address, void (*fill)(void *arg, struct buf *out), void *arg,
                  struct metrics **ret, struct err *err)
{
    struct addrinfo *at;
    int r = resolve(address, &at, err);
    if (r < 0)
        return err_wrap(err, "metrics");
    struct metrics *m = mem_new(struct metrics);
    *m = (struct metrics){.fill = fill, .arg = arg};
    unsigned flags =
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | (at->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    m->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR, at->ai_addr,
                                 MHD_OPTION_CONNECTION_LIMIT, 16u, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
                                 MHD_OPTION_END);
    freeaddrinfo(at);
    if (!m->daemon) {
        free(m);
        err_set(err, ERR_IO, "cannot serve metrics at %s", address);
        return err_hint(err, "is the port in use?");
    }
    *ret = m;
    return 0;
}

void metrics_stop(struct metrics *m)
{
    if (!m)
        return;
    MHD_stop_daemon(m->daemon);
    free(m);
}

void metrics_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(struct buf *out, const struct metrics_label *l)
{
    buf_addf(out, "%s=\"", l->name);
    for (const char *p = l->value; *p; p++) {
        if (*p == '"' || *p == '\\' || *p == '\n')
            buf_addc(out, '\\');
        buf_addc(out, *p == '\n' ? 'n' : *p);
    }
    buf_addc(out, '"');
}

void metrics_sample(struct buf *out, const char *name, const struct metrics_label *labels, size_t n,
                    double value)
{
    buf_adds(out, name);
    for (size_t i = 0; i < n; i++) {
        buf_addc(out, i ? ',' : '{');
        put_label(out, &labels[i]);
    }
    if (n)
        buf_addc(out, '}');
    buf_addf(out, " %.17g\n", value);
}

void metrics_value(struct buf *out, const char *name, const char *label, const char *label_value,
                   double value)
{
    const struct metrics_label one = {label, label_value};
    metrics_sample(out, name, &one, label ? 1 : 0, value);
}

/* In seconds: the default buckets of Prometheus' clients, and on to half an hour, for an apply waits until
   what it has started is healthy. */
static const double bounds[METRICS_BUCKETS - 1] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                                   5,     10,   30,    60,   120, 300,  600, 1800};

void metrics_observe(struct metrics_histogram *h, int64_t duration_ns)
{
    double seconds = (double)duration_ns / 1e9;
    size_t i = 0;
    while (i < ARRAY_LEN(bounds) && seconds > bounds[i])
        i++;
    h->counts[i]++;
    h->sum_s += seconds;
}

void metrics_histogram(struct buf *out, const char *name, const char *label, const char *label_value,
                       const struct metrics_histogram *h)
{
    char le[32], part[128];
    uint64_t below = 0;
    snprintf(part, sizeof(part), "%s_bucket", name);
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        if (i < ARRAY_LEN(bounds))
            snprintf(le, sizeof(le), "%g", bounds[i]);
        below += h->counts[i];
        const struct metrics_label labels[] = {{label, label_value},
                                               {"le", i < ARRAY_LEN(bounds) ? le : "+Inf"}};
        metrics_sample(out, part, labels, ARRAY_LEN(labels), (double)below);
    }
    snprintf(part, sizeof(part), "%s_sum", name);
    metrics_value(out, part, label, label_value, h->sum_s);
    snprintf(part, sizeof(part), "%s_count", name);
    metrics_value(out, part, label, label_value, (double)below);
}
