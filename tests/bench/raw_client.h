#ifndef TESTS_BENCH_RAW_CLIENT_H
#define TESTS_BENCH_RAW_CLIENT_H
/* A minimal client of an engine's unix socket ($DOCKER_HOST): any failure ends the program. For the programs
   bench_raw*.c, each of which includes it once. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LABEL "forge-bench.raw"
#define HOST  "http://engine"

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

/* Run n jobs, a number of them in parallel. */

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

static int raw_main(int argc, char **argv, const char *usage, int (*run)(CURL *c, int argc, char **argv))
{
    const char *host = getenv("DOCKER_HOST");
    if (argc < 2 || !host || strncmp(host, "unix://", 7) != 0) {
        fprintf(stderr, "usage: DOCKER_HOST=unix://SOCKET %s\n", usage);
        return 2;
    }
    socket_path = host + 7;
    curl_global_init(CURL_GLOBAL_NOTHING);
    double begin = seconds();
    CURL *c = client();
    int r = run(c, argc, argv);
    curl_easy_cleanup(c);
    printf("%.6f\n", seconds() - begin);
    return r;
}

static size_t count(const struct answer *a, const char *what)
{
    size_t n = 0;
    for (const char *p = a->data; p && (p = strstr(p, what)); p++)
        n++;
    return n;
}
#endif
