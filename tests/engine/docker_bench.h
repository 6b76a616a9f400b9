#ifndef TESTS_ENGINE_DOCKER_BENCH_H
#define TESTS_ENGINE_DOCKER_BENCH_H
/*
 * A real engine for tests of the Docker provider: the one at $DOCKER_HOST (or the default socket), an
 * environment with a random name, a cache in memory, a pool, and shorthands for steps. The environment's
 * objects are removed at the end.
 */
#include "base/map.h"
#include "providers/provider.h"
#include "reconciler/plan/bind.h"

/* An idle container without a network. */
#define BENCH_IDLE "'image': 'forge-test/busybox:1', 'network_mode': 'none'"
#define IMAGE_1    "forge-test/busybox:1"
#define IMAGE_2    "forge-test/busybox:2"

struct bench {
    struct arena arena;
    struct provider *p;
    struct pool *pool;
    struct target target;
    struct provider_env env;
    char owner[32];
    bool podman;
    unsigned caps; /* of the engine: tests skip what it cannot do */
    struct err err;
    struct step_result result;
    int64_t progress_calls, progress_done;
    struct map cache;
    size_t cache_hits;
};

/* cmocka group set-up; when no engine answers, skips all tests with exit code 77, saying what is missing. */
int bench_setup(void **state);
int bench_teardown(void **state);
void bench_reopen(struct bench *b); /* a new provider, as a new process would have; the cache stays */
void bench_remove_all(struct bench *b);

struct val *bench_json(struct bench *b, const char *json); /* ' stands for " */
/* OWNER-NAME-1; for networks and volumes OWNER-NAME. */
const char *bench_name(struct bench *b, const char *name);
struct resource *bench_resource(struct bench *b, const struct kind_desc *kind, const char *name,
                                struct val *spec);
struct resource *bench_container(struct bench *b, const char *name, const char *json);
/* All output of a container, "1:out|2:err|", and a callback for lines that appends this form to a struct
   buf. */
const char *bench_logs(struct bench *b, const char *native);
void bench_say_line(void *arg, int stream, const char *text, size_t len);
/* A step on instance 1 of a resource, with marks for its spec. */
struct step bench_step(struct bench *b, enum step_verb verb, const struct resource *r);
int bench_do(struct bench *b, const struct step *s);
void bench_must(struct bench *b, const struct step *s);
/* CREATE, and START when `start`; returns the id. */
const char *bench_make(struct bench *b, const struct resource *r, bool start);
struct observed bench_observe(struct bench *b, const struct resource_set *desired, bool fresh);
const struct object *bench_find(const struct observed *o, const char *id);
struct object bench_inspect(struct bench *b, const struct kind_desc *kind, const char *native);
#endif
