/*
 * The limit: a client that makes the engine calls a tool has to make, and nothing else. What Forge needs
 * above it is its own cost.
 *
 *   bench_raw first N PARALLEL    create and start N containers (and their network)
 *   bench_raw noop N              list them
 *   bench_raw change              list, then stop, remove, create and start one
 *   bench_raw down PARALLEL       stop and remove all
 *
 * $DOCKER_HOST names a unix socket. Prints seconds from the first call to the last.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LABEL "forge-bench.raw"
#define API   "http://engine/v1.41"

static const char *socket_path;

struct answer {
    char *data;
    size_t len;
    long status;
};

static size_t take(char *data, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;
    char *grown = realloc(a->data, a->len + n * size + 1);
    if (!grown)
        abort();
    a->data = grown;
    memcpy(a->data + a->len, data, n * size);
    a->len += n * size;
    a->data[a->len] = '\0';
    return n * size;
}

static CURL *client(void)
{
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    return c;
}

static struct answer call(CURL *c, const char *method, const char *url, const char *body)
{
    struct answer a = {0};
    struct curl_slist *headers = body ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    if (body)
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
    else
        curl_easy_setopt(c, CURLOPT_HTTPGET, 1L), curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &a);
    CURLcode code = curl_easy_perform(c);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        fprintf(stderr, "%s %s: %s\n", method, url, curl_easy_strerror(code));
        exit(1);
    }
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a.status);
    if (a.status >= 400) {
        fprintf(stderr, "%s %s: %ld %s\n", method, url, a.status, a.data ? a.data : "");
        exit(1);
    }
    return a;
}

static void call_free(CURL *c, const char *method, const char *url, const char *body)
{
    free(call(c, method, url, body).data);
}

/* The network's id: an engine may keep an older one of the same name. */
static char net[65];

static void create_network(CURL *c)
{
    struct answer a =
        call(c, "POST", API "/networks/create", "{\"Name\":\"raw-net\",\"Labels\":{\"" LABEL "\":\"1\"}}");
    if (sscanf(a.data, "{\"Id\":\"%64[0-9a-f]", net) != 1) {
        fprintf(stderr, "no id in %s\n", a.data);
        exit(1);
    }
    free(a.data);
}

/* Of the container that is there, for one that takes its place. */
static void same_network(const struct answer *list)
{
    const char *id = strstr(list->data, "\"NetworkID\":\"");
    if (!id || sscanf(id, "\"NetworkID\":\"%64[0-9a-f]", net) != 1) {
        fprintf(stderr, "no network in %s\n", list->data);
        exit(1);
    }
}

static void create(CURL *c, const char *name)
{
    char url[256], body[512];
    snprintf(url, sizeof(url), API "/containers/create?name=%s", name);
    snprintf(body, sizeof(body),
             "{\"Image\":\"forge-test/busybox:1\",\"Cmd\":[\"sleep\",\"infinity\"],\"Env\":[\"N=1\"],"
             "\"Labels\":{\"" LABEL "\":\"1\"},\"HostConfig\":{\"NetworkMode\":\"%s\"}}",
             net);
    call_free(c, "POST", url, body);
}

static void act(CURL *c, const char *method, const char *name, const char *verb)
{
    char url[256];
    snprintf(url, sizeof(url), API "/containers/%s%s", name, verb);
    call_free(c, method, url, NULL);
}

static void bring_up(CURL *c, size_t i)
{
    char name[64];
    snprintf(name, sizeof(name), "raw-%zu", i);
    create(c, name);
    act(c, "POST", name, "/start");
}

static void take_down(CURL *c, size_t i)
{
    char name[64];
    snprintf(name, sizeof(name), "raw-%zu", i);
    act(c, "POST", name, "/stop?t=1");
    act(c, "DELETE", name, "?v=1");
}

/* ---- n of them, so many at once ---- */

struct crew {
    pthread_mutex_t lock;
    size_t next, n;
    void (*job)(CURL *c, size_t i);
};

static void *work(void *arg)
{
    struct crew *crew = arg;
    CURL *c = client();
    for (;;) {
        pthread_mutex_lock(&crew->lock);
        size_t i = crew->next++;
        pthread_mutex_unlock(&crew->lock);
        if (i >= crew->n)
            break;
        crew->job(c, i + 1);
    }
    curl_easy_cleanup(c);
    return NULL;
}

static void each(size_t n, size_t parallel, void (*job)(CURL *, size_t))
{
    struct crew crew = {.lock = PTHREAD_MUTEX_INITIALIZER, .n = n, .job = job};
    pthread_t threads[64];
    for (size_t i = 0; i < parallel; i++)
        pthread_create(&threads[i], NULL, work, &crew);
    for (size_t i = 0; i < parallel; i++)
        pthread_join(threads[i], NULL);
}

/* ---- what is measured ---- */

static struct answer list(CURL *c)
{
    return call(c, "GET", API "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22" LABEL "%22%5D%7D",
                NULL);
}

static size_t count(const struct answer *a)
{
    size_t n = 0;
    for (const char *p = a->data; (p = strstr(p, "\"Id\":\"")); p++)
        n++;
    return n;
}

static void change(CURL *c)
{
    struct answer a = list(c);
    same_network(&a);
    free(a.data);
    act(c, "POST", "raw-1", "/stop?t=1");
    act(c, "DELETE", "raw-1", "?v=1");
    create(c, "raw-1");
    act(c, "POST", "raw-1", "/start");
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t number(int argc, char **argv, int i, size_t fallback)
{
    return argc > i ? strtoul(argv[i], NULL, 10) : fallback;
}

static int run(int argc, char **argv, const char *what)
{
    CURL *c = client();
    if (strcmp(what, "first") == 0) {
        create_network(c);
        each(number(argc, argv, 2, 100), number(argc, argv, 3, 4), bring_up);
    } else if (strcmp(what, "noop") == 0) {
        struct answer a = list(c);
        size_t n = count(&a), wanted = number(argc, argv, 2, n);
        free(a.data);
        if (n != wanted) {
            fprintf(stderr, "%zu containers, expected %zu\n", n, wanted);
            return 1;
        }
    } else if (strcmp(what, "change") == 0) {
        change(c);
    } else if (strcmp(what, "down") == 0) {
        struct answer a = list(c);
        size_t n = count(&a);
        free(a.data);
        each(n, number(argc, argv, 2, 8), take_down);
    } else {
        fprintf(stderr, "unknown: %s\n", what);
        return 2;
    }
    curl_easy_cleanup(c);
    return 0;
}

int main(int argc, char **argv)
{
    const char *host = getenv("DOCKER_HOST");
    if (argc < 2 || !host || strncmp(host, "unix://", 7) != 0) {
        fprintf(stderr, "usage: DOCKER_HOST=unix://SOCKET bench_raw first|noop|change|down [N] [PARALLEL]\n");
        return 2;
    }
    socket_path = host + 7;
    curl_global_init(CURL_GLOBAL_NOTHING);
    double begin = seconds();
    int r = run(argc, argv, argv[1]);
    printf("%.6f\n", seconds() - begin);
    return r;
}
