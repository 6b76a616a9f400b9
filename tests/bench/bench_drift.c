/*
 * The time from an engine's event to the first call that corrects the drift, in an environment as in forged:
 * the loop, its workers and a store on disk are the real ones. The engine is in memory, or a real Docker:
 * then the times are those of the engine's event, and of the call when it passes a proxy. Wall time in
 * milliseconds: median and worst.
 *
 *   bench-drift [CONTAINERS] [TIMES]
 *   tests/lib/with engine -- bench-drift CONTAINERS TIMES docker
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "providers/fake/fake.h"
#include "reconciler/daemon/env.h"
#include "tests/bench/bench.h"
#include "tests/lib/faultproxy.h"
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#define TICK_NS (1 * NS_PER_MS)

struct bench {
    size_t n;
    char *dir;
    const char *repo;
    struct fake_engine *fake;
    struct store *store;
    struct target target;
    struct env_config config;
    struct loop *loop;
    struct pool *jobs, *inspect;
    struct env *env;
    struct loop_timer tick;
    bool (*until)(struct bench *b);
    char name[40]; /* of the environment */
    char victim[64];
    char url[80];
    const char *socket; /* of a real engine; NULL: the engine is in memory */
    struct faultproxy *proxy;
    _Atomic int64_t event_ns, call_ns; /* of the current correction, with a real engine; 0: not yet */
    struct err err;
};

static void must(const struct bench *b, int r)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s\n", b->err.msg);
    exit(1);
}

static void tick(void *arg)
{
    struct bench *b = arg;
    if (b->until(b))
        loop_stop(b->loop);
    else
        loop_timer_at(b->loop, &b->tick, clock_mono(clock_system()) + TICK_NS);
}

static void wait_until(struct bench *b, bool (*until)(struct bench *b))
{
    b->until = until;
    b->tick = (struct loop_timer){.fn = tick, .arg = b};
    loop_timer_at(b->loop, &b->tick, 1);
    must(b, loop_run(b->loop, &b->err));
    loop_timer_remove(b->loop, &b->tick);
}

static bool in_sync(struct bench *b)
{
    struct env_numbers n;
    env_numbers(b->env, &n);
    return env_idle(b->env) && n.last_success_ns && n.resources && n.out_of_sync == 0;
}

static bool idle(struct bench *b)
{
    return env_idle(b->env);
}

static bool is_called(struct bench *b)
{
    return b->call_ns != 0;
}

/* ---- a real engine ---- */

/* Send one request and ignore the answer. */
static void ask(struct bench *b, const char *method, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char text[300], answer[4096];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    str_copy(at.sun_path, sizeof(at.sun_path), b->socket);
    int n = snprintf(text, sizeof(text), "%s %s HTTP/1.0\r\nHost: engine\r\n\r\n", method, path);
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || write(fd, text, (size_t)n) != n) {
        fprintf(stderr, "no engine at %s\n", b->socket);
        exit(1);
    }
    while (read(fd, answer, sizeof(answer)) > 0)
        ;
    close(fd);
}

static void hear(void *arg, bool to_server, const char *data, size_t len)
{
    static const char time_key[] = "\"timeNano\":";
    struct bench *b = arg;
    _cleanup_buf_ struct buf text = BUF_INIT;
    int64_t now = clock_wall(clock_system());
    buf_add(&text, data, len);
    const char *at = strstr(buf_str(&text), time_key);
    if (to_server && str_starts(buf_str(&text), "POST ") && b->event_ns && !b->call_ns)
        b->call_ns = now;
    else if (!to_server && at && !b->event_ns && strstr(buf_str(&text), "\"Action\":\"die\""))
        b->event_ns = strtoll(at + strlen(time_key), NULL, 10);
}

/* A thread that kills the victim: the engine answers only when the container has ended. */
static void *kill_victim(void *arg)
{
    struct bench *b = arg;
    char path[120];
    snprintf(path, sizeof(path), "/containers/%s/kill", b->victim);
    ask(b, "POST", path);
    return NULL;
}

static double correct_real(struct bench *b)
{
    pthread_t killer;
    b->event_ns = b->call_ns = 0;
    if (pthread_create(&killer, NULL, kill_victim, b) != 0)
        abort();
    wait_until(b, is_called);
    pthread_join(killer, NULL);
    wait_until(b, in_sync);
    return (double)(b->call_ns - b->event_ns) / 1e6;
}

static void open_real(struct bench *b)
{
    const char *host = str_after(str_or(getenv("DOCKER_HOST"), ""), "unix://");
    b->socket = str_or(host, "/var/run/docker.sock");
    b->proxy = faultproxy_start_unix(b->socket);
    faultproxy_listen(b->proxy, hear, b);
    snprintf(b->name, sizeof(b->name), "drift%d", (int)getpid());
    snprintf(b->url, sizeof(b->url), "tcp://127.0.0.1:%u", faultproxy_port(b->proxy));
}

static void close_real(struct bench *b)
{
    char path[120];
    for (size_t i = 0; i < b->n; i++) {
        snprintf(path, sizeof(path), "/containers/%s-c%zu-1?force=1", b->name, i);
        ask(b, "DELETE", path);
    }
    snprintf(path, sizeof(path), "/networks/%s-front", b->name);
    ask(b, "DELETE", path);
    faultproxy_stop(b->proxy);
}

static bool is_back(struct bench *b)
{
    return fake_state(b->fake, b->victim) == OBJECT_RUNNING && in_sync(b);
}

static int64_t now_ns(void)
{
    return clock_wall(clock_system());
}

/* Wait until the events of our own changes have been handled. */
static bool is_quiet(struct bench *b)
{
    static int64_t since;
    struct env_numbers n;
    static uint64_t events;
    env_numbers(b->env, &n);
    if (!env_idle(b->env) || n.events != events)
        since = now_ns();
    events = n.events;
    return now_ns() - since > 50 * NS_PER_MS;
}

static void begin(struct bench *b)
{
    struct buf text = BUF_INIT;
    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < b->n; i++)
        buf_addf(
            &text,
            "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: c%zu}\n"
            "spec: {image: \"%s\", networks: [front], environment: {N: \"%zu\"}, restart: \"no\", ports: "
            "[\"%zu:80\"], command: [sleep, infinity], stop_signal: KILL}\n",
            i, b->socket ? "forge-test/busybox:1" : "app:1", i, 21024 + i);
    b->dir = unit_temp_dir();
    b->repo = strdup(gitrepo_new(b->dir, "repo"));
    gitrepo_commit(b->repo, "net.yaml", "apiVersion: forge/v1\nkind: Network\nmetadata: {name: front}\n");
    gitrepo_commit(b->repo, "app.yaml", buf_str(&text));
    buf_release(&text);
    if (!b->socket) {
        b->fake = fake_engine("drift");
        fake_image(b->fake, &(struct fake_image){.ref = "app:1", .local = 1, .remote = 1});
    }
    b->target = (struct target){.name = "local", .url = b->url};
    b->config = (struct env_config){.name = b->name,
                                    .source = {.url = b->repo, .branch = "main"},
                                    .target = &b->target,
                                    .automatic = true,
                                    .prune = true,
                                    .self_heal = true};
    must(b, store_open(&(struct store_options){.dir = unit_path(b->dir, "state")}, &b->store, &b->err));
    b->loop = loop_new();
    b->jobs = pool_new(4);
    b->inspect = pool_new(2);
    const struct env_host host = {
        .loop = b->loop, .store = b->store, .jobs = b->jobs, .inspect = b->inspect, .clock = clock_system()};
    must(b, env_new(&b->config, &host, &b->env, &b->err));
    wait_until(b, in_sync);
}

static void end(struct bench *b)
{
    env_stop(b->env);
    wait_until(b, idle);
    env_free(b->env);
    pool_free(b->jobs);
    pool_free(b->inspect);
    loop_free(b->loop);
    store_close(b->store);
    if (b->socket)
        close_real(b);
    else
        fake_engine_free(b->fake);
    unit_temp_remove(b->dir);
}

/* Milliseconds from `since` to the first call that changed the engine; -1: none. */
static double first_change(struct bench *b, int64_t since)
{
    size_t n;
    double ms = -1;
    struct fake_call *calls = fake_calls(b->fake, &n);
    for (size_t i = 0; i < n && ms < 0; i++)
        if (calls[i].changed && calls[i].begin_ns >= since)
            ms = (double)(calls[i].begin_ns - since) / 1e6;
    free(calls);
    return ms;
}

static double correct(struct bench *b, size_t i)
{
    snprintf(b->victim, sizeof(b->victim), "%s-c%zu-1", b->name, i % b->n);
    wait_until(b, is_quiet);
    if (b->socket)
        return correct_real(b);
    fake_calls_clear(b->fake);
    int64_t since = now_ns();
    fake_kill(b->fake, b->victim, 1);
    wait_until(b, is_back);
    return first_change(b, since);
}

int main(int argc, char **argv)
{
    enum { MAX = 200 };
    struct bench b = {.n = bench_argument(argc, argv, 1, 1000, 50000)};
    size_t times = bench_argument(argc, argv, 2, 21, MAX);
    double took[MAX];
    log_set_level(LOG_ERROR);
    str_copy(b.name, sizeof(b.name), "drift");
    str_copy(b.url, sizeof(b.url), "fake://drift");
    if (argc > 3)
        open_real(&b);
    begin(&b);
    for (size_t i = 0; i < times; i++)
        took[i] = correct(&b, i * 3);
    end(&b);
    double median = bench_median(took, times);
    char name[80];
    snprintf(name, sizeof(name), "drift of one of %zu%s, to the correcting call", b.n,
             argc > 3 ? " on Docker" : "");
    printf("%-52s %9.2f %9.2f\n", name, median, took[times - 1]);
    return 0;
}
