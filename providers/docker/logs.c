/* Logs of containers, and their resource usage. */
#include "base/clock.h"
#include "base/str.h"
#include "providers/containers/demux.h"
#include "providers/docker/docker.h"

#define LAST_WORDS    5
#define LAST_WORDS_NS (3 * NS_PER_S) /* a swarm asks a node, which may just be going away */

static int to_lines(void *arg, int stream, const char *data, size_t len, struct err *err)
{
    (void)err;
    lines_feed(arg, stream, data, len);
    return 0;
}

static int to_demux(void *arg, const char *data, size_t len, struct err *err)
{
    return demux_feed(arg, data, len, err);
}

static const char *bound(struct arena *a, const char *name, int64_t ns)
{
    return ns ? arena_printf(a, "&%s=%lld.%09lld", name, (long long)(ns / NS_PER_S),
                             (long long)(ns % NS_PER_S))
              : "";
}

int docker_logs(struct provider *p, const struct logs_request *rq, const struct cancel *c, struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_json_ json_t *j = NULL;
    int r = docker_inspect_json(d, rq->native_name, c, &j, err);
    if (r < 0)
        return r;
    bool tty = json_is_true(json_object_get(json_object_get(j, "Config"), "Tty"));
    return docker_logs_of(d, "/containers/", tty, rq, c, err);
}

int docker_logs_of(struct docker *d, const char *folder, bool tty, const struct logs_request *rq,
                   const struct cancel *c, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    struct lines lines = {.line = rq->line, .arg = rq->arg};
    /* Before API 1.42 the answer does not say whether it consists of frames. */
    struct demux demux = {.bare = tty, .out = to_lines, .arg = &lines};
    const char *tail = rq->tail >= 0 ? arena_printf(&a, "&tail=%lld", (long long)rq->tail) : "";
    const char *query = arena_printf(&a, "/logs?stdout=1&stderr=1%s%s%s%s%s", rq->follow ? "&follow=1" : "",
                                     rq->timestamps ? "&timestamps=1" : "", bound(&a, "since", rq->since_ns),
                                     bound(&a, "until", rq->until_ns), tail);
    const struct ask q = {.path = docker_path(&a, folder, rq->native_name, query),
                          .cancel = c,
                          .timeout_ns = rq->follow ? -1 : rq->timeout_ns,
                          .sink = to_demux,
                          .arg = &demux};
    int r = docker_ask(d, &q, &answer, NULL, err);
    lines_end(&lines);
    return r;
}

static void add_line(void *arg, int stream, const char *text, size_t len)
{
    struct buf *b = arg;
    (void)stream;
    if (b->len)
        buf_addc(b, '\n');
    buf_adds(b, "    ");
    buf_add(b, text, len < 160 ? len : 160);
}

void docker_last_words(struct docker *d, const char *folder, const char *native, bool tty,
                       const struct cancel *c, struct buf *out)
{
    struct err ignored = {0};
    const struct logs_request rq = {
        .native_name = native, .tail = LAST_WORDS, .timeout_ns = LAST_WORDS_NS, .line = add_line, .arg = out};
    (void)!docker_logs_of(d, folder, tty, &rq, c, &ignored);
}

static int64_t number(json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* Memory that the kernel can reclaim at once does not count as used (as in docker stats; names of cgroup v1
   and v2). */
static int64_t memory_used(json_t *memory)
{
    json_t *detail = json_object_get(memory, "stats");
    int64_t cache = number(detail, "total_inactive_file");
    if (!cache)
        cache = number(detail, "inactive_file");
    int64_t usage = number(memory, "usage");
    return usage > cache ? usage - cache : usage;
}

static void add_traffic(json_t *networks, struct stats_sample *ret)
{
    const char *name;
    json_t *net;
    json_object_foreach(networks, name, net)
    {
        ret->rx_bytes += number(net, "rx_bytes");
        ret->tx_bytes += number(net, "tx_bytes");
    }
}

static void add_blocks(json_t *list, struct stats_sample *ret)
{
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *op = str_or(json_string_value(json_object_get(item, "op")), "");
        if (strcasecmp(op, "read") == 0)
            ret->block_read += number(item, "value");
        else if (strcasecmp(op, "write") == 0)
            ret->block_write += number(item, "value");
    }
}

int docker_stats(struct provider *p, const char *native, struct stats_sample *ret, struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_json_ json_t *j = NULL;
    const struct ask q = {.path = docker_path(&a, "/containers/", native, "/stats?stream=0&one-shot=1")};
    int r = docker_json(d, &q, &j, NULL, err);
    if (r < 0)
        return r;
    json_t *cpu = json_object_get(j, "cpu_stats"), *memory = json_object_get(j, "memory_stats");
    *ret = (struct stats_sample){
        .at_ns = clock_wall(d->env.clock ? d->env.clock : clock_system()),
        .cpu_ns = number(json_object_get(cpu, "cpu_usage"), "total_usage"),
        .system_cpu_ns = number(cpu, "system_cpu_usage"),
        .cpus = (unsigned)number(cpu, "online_cpus"),
        .memory_bytes = memory_used(memory),
        .memory_limit = number(memory, "limit"),
        .pids = (unsigned)number(json_object_get(j, "pids_stats"), "current"),
    };
    add_traffic(json_object_get(j, "networks"), ret);
    add_blocks(json_object_get(json_object_get(j, "blkio_stats"), "io_service_bytes_recursive"), ret);
    return 0;
}
