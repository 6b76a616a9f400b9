/*
 * The lower bound on a swarm: a client that makes only the calls that any tool has to make, and waits for the
 * tasks.
 *
 *   bench_raw_swarm first N     create N services (and their network), and wait until all their tasks run
 *   bench_raw_swarm noop N      list services, tasks and networks
 *   bench_raw_swarm change V    the same, then update one service, and wait until the swarm reports it done
 *   bench_raw_swarm down        remove everything, and wait until none of its tasks runs
 *   bench_raw_swarm await N     wait until N tasks of the swarm run and no service is being updated
 *   bench_raw_swarm gone        wait until no task of the swarm runs
 *
 * Prints seconds from the first call to the last.
 */
#include "tests/bench/raw_client.h"

#define API     HOST "/v1.41"
#define PAUSE   50000 /* us between two polls of the tasks */
#define FILTERS "filters=%7B%22label%22%3A%5B%22" LABEL "%22%5D%7D"
#define SWARM   "filters=%7B%22scope%22%3A%5B%22swarm%22%5D%7D"

static const char *value = "one";

static void call_free(CURL *c, const char *method, const char *url, const char *body)
{
    free(call(c, method, url, body).data);
}

static void body_of(size_t i, char *ret, size_t size)
{
    snprintf(
        ret, size,
        "{\"Name\":\"raw-%zu\",\"Labels\":{\"" LABEL "\":\"1\"},\"TaskTemplate\":{\"ContainerSpec\":{"
        "\"Image\":\"forge-test/busybox:1\",\"Env\":[\"N=%s\"]},\"Networks\":[{\"Target\":\"raw-net\"}]},"
        "\"UpdateConfig\":{\"Parallelism\":1,\"Monitor\":100000000,\"FailureAction\":\"rollback\"},"
        "\"EndpointSpec\":{\"Mode\":\"dnsrr\"},\"Mode\":{\"Replicated\":{\"Replicas\":1}}}",
        i, value);
}

static void create(CURL *c, size_t i)
{
    char body[1024];
    body_of(i, body, sizeof(body));
    call_free(c, "POST", API "/services/create", body);
}

static size_t running(CURL *c)
{
    struct answer a = call(c, "GET", API "/tasks", NULL);
    size_t n = count(&a, "\"State\":\"running\"");
    free(a.data);
    return n;
}

static void await(CURL *c, size_t n)
{
    while (running(c) != n)
        usleep(PAUSE);
}

static bool updating(CURL *c)
{
    struct answer a = call(c, "GET", API "/services", NULL);
    bool any = count(&a, "\"State\":\"updating\"");
    free(a.data);
    return any;
}

static struct answer look(CURL *c)
{
    call_free(c, "GET", API "/tasks", NULL);
    call_free(c, "GET", API "/networks?" SWARM, NULL);
    return call(c, "GET", API "/services?" FILTERS, NULL);
}

static void change(CURL *c)
{
    char url[128], body[1024];
    static const char before[] = "\"Version\":{\"Index\":";
    bool done = false;
    free(look(c).data);
    struct answer a = call(c, "GET", API "/services/raw-1", NULL);
    const char *at = strstr(a.data, before);
    unsigned long long version = at ? strtoull(at + strlen(before), NULL, 10) : 0;
    free(a.data);
    snprintf(url, sizeof(url), API "/services/raw-1/update?version=%llu", version);
    body_of(1, body, sizeof(body));
    call_free(c, "POST", url, body);
    while (!done) {
        usleep(PAUSE);
        a = call(c, "GET", API "/services/raw-1", NULL);
        done = strstr(a.data, "\"State\":\"completed\"");
        free(a.data);
    }
}

static void take_down(CURL *c, size_t i)
{
    char url[128];
    snprintf(url, sizeof(url), API "/services/raw-%zu", i);
    call_free(c, "DELETE", url, NULL);
}

static int run(CURL *c, int argc, char **argv)
{
    const char *what = argv[1];
    size_t n = number(argc, argv, 2, 10);
    if (strcmp(what, "first") == 0) {
        call_free(c, "POST", API "/networks/create",
                  "{\"Name\":\"raw-net\",\"Driver\":\"overlay\",\"Labels\":{\"" LABEL "\":\"1\"}}");
        each(n, 4, create);
        await(c, n);
    } else if (strcmp(what, "noop") == 0) {
        struct answer a = look(c);
        size_t found = count(&a, "\"CreatedAt\"");
        free(a.data);
        if (found < n)
            return 1;
    } else if (strcmp(what, "change") == 0) {
        value = argc > 2 ? argv[2] : "two";
        change(c);
    } else if (strcmp(what, "down") == 0) {
        struct answer a = call(c, "GET", API "/services?" FILTERS, NULL);
        n = count(&a, "\"CreatedAt\"");
        free(a.data);
        each(n, 4, take_down);
        await(c, 0);
    } else if (strcmp(what, "await") == 0) {
        do
            await(c, n);
        while (updating(c));
    } else if (strcmp(what, "gone") == 0) {
        await(c, 0);
    } else {
        fprintf(stderr, "unknown: %s\n", what);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    return raw_main(argc, argv, "bench_raw_swarm first|noop|change|down|await|gone [N]", run);
}
