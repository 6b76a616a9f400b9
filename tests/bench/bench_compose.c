/*
 * The cost of a compose project: one file of 100 services of about 25 lines is read, resolved, converted to
 * resources, and planned against an empty engine. In memory, one thread, nothing cached. Prints the median
 * and the best of a few rounds of each part.
 *
 *   bench_compose [SERVICES] [ROUNDS]
 */
#include <stdio.h>

#include "reconciler/plan/bind.h"
#include "reconciler/plan/plan.h"
#include "schema/load.h"
#include "tests/bench/bench.h"

#define ROUNDS_MAX 101

static const char service[] = "  web%zu:\n"
                              "    <<: *common\n"
                              "    image: registry.example/shop/web:${TAG}\n"
                              "    command: [\"serve\", \"--port\", \"80\"]\n"
                              "    ports:\n"
                              "      - \"%zu:80\"\n"
                              "    environment:\n"
                              "      - LOG_LEVEL=${LEVEL:-info}\n"
                              "      - SHARD=%zu\n"
                              "      - DATABASE_URL=postgres://db/orders\n"
                              "    volumes:\n"
                              "      - data:/var/lib/data:ro\n"
                              "      - ./site.conf:/etc/site.conf:ro\n"
                              "    healthcheck:\n"
                              "      test: [\"CMD\", \"wget\", \"-qO-\", \"http://127.0.0.1/health\"]\n"
                              "      interval: 5s\n"
                              "      retries: 3\n"
                              "    depends_on:\n"
                              "      db: {condition: service_healthy}\n"
                              "    networks: [front, back]\n"
                              "    deploy: {resources: {limits: {cpus: \"0.5\", memory: 128M}}}\n"
                              "    extends: {service: base}\n";

static const char head[] = "x-common: &common\n"
                           "  restart: unless-stopped\n"
                           "  logging: {driver: local, options: {max-size: 10m}}\n"
                           "services:\n"
                           "  base: {image: none, stop_grace_period: 30s, labels: {team: shop}}\n"
                           "  db: {image: \"postgres:16\", env_file: db.env, networks: [back], healthcheck: "
                           "{test: [CMD, pg_isready]}}\n";
static const char tail[] = "networks: {front: , back: {internal: true}}\nvolumes: {data: }\n";

struct project {
    struct load_file files[4];
    const char *texts[4];
};

static int read_file(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    struct project *p = arg;
    (void)err;
    *ret = arena_strndup(a, p->texts[i], p->files[i].size);
    *ret_len = p->files[i].size;
    return 0;
}

static void complain(const struct diag_list *diags, const struct err *err)
{
    struct buf problems = BUF_INIT;
    diag_print(diags, NULL, NULL, false, &problems);
    fprintf(stderr, "%s\n%.2000s", err->msg, buf_str(&problems));
    exit(1);
}

struct took {
    double load, plan;
};

static struct took once(struct project *p)
{
    static const struct plan_policy policy = {.prune = true, .self_heal = true};
    struct arena a = ARENA_INIT;
    struct diag_list diags;
    struct resource_set set;
    struct resource_set bound;
    struct observed observed;
    struct inventory inventory = {0};
    struct plan plan;
    struct err err = {0};
    diag_init(&diags, &a);
    observed_init(&observed, &a);
    observed.caps = ~0u & ~CAP_SERVICES;
    struct load_input in = {
        .files = p->files, .n_files = 4, .environment = "bench", .arg = p, .read = read_file};
    double start = bench_ms(CLOCK_MONOTONIC);
    if (schema_load(&in, &a, &set, &diags, NULL, &err) < 0 || diags.errors)
        complain(&diags, &err);
    double loaded = bench_ms(CLOCK_MONOTONIC);
    const struct plan_input plan_in = {.environment = "bench",
                                       .commit = "c0ffee",
                                       .target = "bench",
                                       .desired = &bound,
                                       .observed = &observed,
                                       .applied = &inventory,
                                       .policy = &policy};
    if (bind_set(&set, "bench", NULL, &a, &bound, &err) < 0 ||
        plan_make(&plan_in, &a, &plan, &diags, &err) < 0)
        complain(&diags, &err);
    struct took took = {.load = loaded - start, .plan = bench_ms(CLOCK_MONOTONIC) - loaded};
    resource_set_release(&bound);
    resource_set_release(&set);
    arena_release(&a);
    return took;
}

static void print(const char *name, double *took, size_t n)
{
    double median = bench_median(took, n);
    printf("%-28s %8.2f ms %8.2f ms\n", name, median, took[0]);
}

int main(int argc, char **argv)
{
    size_t n = bench_argument(argc, argv, 1, 100, 2000);
    size_t rounds = bench_argument(argc, argv, 2, 51, ROUNDS_MAX);
    struct buf text = BUF_INIT;
    buf_adds(&text, head);
    for (size_t i = 0; i < n; i++)
        buf_addf(&text, service, i, 1024 + i, i);
    buf_adds(&text, tail);
    struct project p = {
        .files = {{.path = ".env"}, {.path = "compose.yaml"}, {.path = "db.env"}, {.path = "site.conf"}},
        .texts = {"TAG=1.4\n", buf_str(&text), "POSTGRES_DB=orders\nPOSTGRES_USER=shop\n", "listen 80\n"}};
    for (size_t i = 0; i < 4; i++)
        p.files[i].size = strlen(p.texts[i]);

    double load[ROUNDS_MAX], plan[ROUNDS_MAX], all[ROUNDS_MAX];
    for (size_t i = 0; i < rounds; i++) {
        struct took took = once(&p);
        load[i] = took.load;
        plan[i] = took.plan;
        all[i] = took.load + took.plan;
    }
    printf("%zu services, %zu lines           median       best\n", n, n * 22 + 8);
    print("read and resolved", load, rounds);
    print("planned", plan, rounds);
    print("together", all, rounds);
    buf_release(&text);
    return 0;
}
