/*
 * The lower bound: a client that makes only the engine calls that any tool has to make. Any time that Forge
 * needs on top of it is Forge's own cost. BACKEND is docker, or podman for Podman's own API.
 *
 *   bench_raw BACKEND first N PARALLEL    create and start N containers (and their network)
 *   bench_raw BACKEND noop N              list them
 *   bench_raw BACKEND change              list, then stop, remove, create and start one
 *   bench_raw BACKEND replace             list, then create and start one beside the old one, which is then
 * stopped and removed, and take its name: the calls of a change without downtime bench_raw BACKEND down
 * PARALLEL       stop and remove all, and their network
 *
 * $DOCKER_HOST names a unix socket. Prints seconds from the first call to the last.
 */
#include "tests/bench/raw_client.h"

struct backend {
    const char *name;
    const char *api, *network, *stop, *remove;
    const char *network_id,
        *listed_network; /* the text before the network's id in answers; NULL: it is used by name */
    void (*body)(const char *name, char *ret, size_t size);
};

/* An engine may have an older network of the same name, so Docker is given the id. */
static char net[65] = "raw-net";

static void docker_body(const char *name, char *ret, size_t size)
{
    (void)name;
    snprintf(ret, size,
             "{\"Image\":\"forge-test/busybox:1\",\"Cmd\":[\"sleep\",\"infinity\"],\"Env\":[\"N=1\"],"
             "\"Labels\":{\"" LABEL "\":\"1\"},\"HostConfig\":{\"NetworkMode\":\"%s\"}}",
             net);
}

static void podman_body(const char *name, char *ret, size_t size)
{
    snprintf(ret, size,
             "{\"name\":\"%s\",\"image\":\"forge-test/busybox:1\",\"command\":[\"sleep\",\"infinity\"],"
             "\"env\":{\"N\":\"1\"},\"labels\":{\"" LABEL "\":\"1\"},\"netns\":{\"nsmode\":\"bridge\"},"
             "\"Networks\":{\"%s\":{}}}",
             name, net);
}

static const struct backend backends[] = {
    {"docker", HOST "/v1.41", "{\"Name\":\"raw-net\",\"Labels\":{\"" LABEL "\":\"1\"}}", "/stop?t=1", "?v=1",
     "{\"Id\":\"", "\"NetworkID\":\"", docker_body},
    {"podman", HOST "/v4.0.0/libpod",
     "{\"name\":\"raw-net\",\"driver\":\"bridge\",\"dns_enabled\":true,\"labels\":{\"" LABEL "\":\"1\"}}",
     "/stop?timeout=1", "?v=true", NULL, NULL, podman_body},
};
static const struct backend *at;

static void take_network(const struct answer *a, const char *before)
{
    const char *id = before && a->data ? strstr(a->data, before) : NULL;
    if (before && (!id || sscanf(id + strlen(before), "%64[0-9a-f]", net) != 1)) {
        fprintf(stderr, "no network in %s\n", a->data ? a->data : "nothing");
        exit(1);
    }
}

static struct answer api(CURL *c, const char *method, const char *path, const char *body)
{
    char url[512];
    snprintf(url, sizeof(url), "%s%s", at->api, path);
    return call(c, method, url, body);
}

static void create_network(CURL *c)
{
    struct answer a = api(c, "POST", "/networks/create", at->network);
    take_network(&a, at->network_id);
    free(a.data);
}

static void create(CURL *c, const char *name)
{
    char path[256], body[512];
    snprintf(path, sizeof(path), "/containers/create?name=%s", name);
    at->body(name, body, sizeof(body));
    free(api(c, "POST", path, body).data);
}

static void act(CURL *c, const char *method, const char *name, const char *verb)
{
    char path[256];
    snprintf(path, sizeof(path), "/containers/%s%s", name, verb);
    free(api(c, method, path, NULL).data);
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
    act(c, "POST", name, at->stop);
    act(c, "DELETE", name, at->remove);
}

static struct answer list(CURL *c)
{
    return api(c, "GET", "/containers/json?all=true&filters=%7B%22label%22%3A%5B%22" LABEL "%22%5D%7D", NULL);
}

static void change(CURL *c)
{
    struct answer a = list(c);
    take_network(&a, at->listed_network);
    free(a.data);
    act(c, "POST", "raw-1", at->stop);
    act(c, "DELETE", "raw-1", at->remove);
    create(c, "raw-1");
    act(c, "POST", "raw-1", "/start");
}

static void replace(CURL *c)
{
    struct answer a = list(c);
    take_network(&a, at->listed_network);
    free(a.data);
    create(c, "raw-1-new");
    act(c, "POST", "raw-1-new", "/start");
    act(c, "POST", "raw-1", at->stop);
    act(c, "DELETE", "raw-1", at->remove);
    act(c, "POST", "raw-1-new", "/rename?name=raw-1");
}

static int run(CURL *c, int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
        if (strcmp(argv[1], backends[i].name) == 0)
            at = &backends[i];
    const char *what = argc > 2 ? argv[2] : "";
    if (at && strcmp(what, "first") == 0) {
        create_network(c);
        each(number(argc, argv, 3, 100), number(argc, argv, 4, 4), bring_up);
    } else if (at && strcmp(what, "noop") == 0) {
        struct answer a = list(c);
        size_t n = count(&a, "\"Id\":\""), wanted = number(argc, argv, 3, n);
        free(a.data);
        if (n != wanted) {
            fprintf(stderr, "%zu containers, expected %zu\n", n, wanted);
            return 1;
        }
    } else if (at && strcmp(what, "change") == 0) {
        change(c);
    } else if (at && strcmp(what, "replace") == 0) {
        replace(c);
    } else if (at && strcmp(what, "down") == 0) {
        struct answer a = list(c);
        size_t n = count(&a, "\"Id\":\"");
        free(a.data);
        each(n, number(argc, argv, 3, 8), take_down);
        free(api(c, "DELETE", "/networks/raw-net", NULL).data);
    } else {
        fprintf(stderr, "unknown: %s %s\n", argv[1], what);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    return raw_main(argc, argv, "bench_raw docker|podman first|noop|change|replace|down [N] [PARALLEL]", run);
}
