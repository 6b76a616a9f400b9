/*
 * The cost of planning N containers that are in sync, that all have drifted, or that are all new.
 * Milliseconds, medians.
 *
 *     bench-plan [CASE] [N...]      CASE: sync, lost, drift, new
 */
#include <stdio.h>

#include "base/str.h"
#include "tests/bench/bench.h"
#include "tests/lib/plan_case.h"

#define ROUNDS 15

static const char manifest[] =
    "apiVersion: forge/v1\n"
    "kind: Container\n"
    "metadata: {name: web, labels: {tier: front}}\n"
    "spec:\n"
    "  image: registry.example/shop/web:1.4\n"
    "  command: [serve, --port, \"8080\"]\n"
    "  environment: {LOG_LEVEL: info, DB: \"postgres://db/shop\", CACHE: \"redis://cache\", MODE: "
    "production}\n"
    "  ports: [\"8080\"]\n"
    "  volumes: [\"/srv/web:/srv:ro\"]\n"
    "  networks: [front]\n"
    "  healthcheck: {test: [CMD, wget, -qO-, \"http://127.0.0.1/health\"], interval: 5s, retries: 3}\n"
    "  resources: {cpus: 0.5, memory: 128MiB}\n"
    "  restart: unless-stopped\n"
    "  update: {order: start-first, timeout: 2m}\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Network\n"
    "metadata: {name: front}\n"
    "spec: {}\n";

/* n copies of the container, each with a different value, and the network. */
static void make_set(struct arena *a, size_t n, struct resource_set *ret)
{
    struct resource_set model;
    struct err err = {0};
    resource_set_init(ret, a);
    if (plan_case_text(manifest, "prod", a, &model, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(2);
    }
    const struct resource *web = resource_find(&model, "container/web");
    for (size_t i = 0; i < n; i++) {
        struct resource *r = arena_memdup(a, web, sizeof(*web));
        struct val *spec = val_clone(a, web->spec);
        val_map_set(a, val_get(spec, "environment"), "NUMBER", val_strf(a, "%zu", i));
        r->name = arena_printf(a, "web%05zu", i);
        r->id = arena_printf(a, "container/%s", r->name);
        r->spec = spec;
        resource_set_add(ret, r);
    }
    resource_set_add(ret, arena_memdup(a, resource_find(&model, "network/front"), sizeof(*web)));
    resource_set_sort(ret);
    resource_set_release(&model);
}

struct timing {
    double plan, document;
    size_t changes, memory;
};

static struct timing measure(const struct resource_set *set, const struct observed *observed,
                             const struct inventory *inv)
{
    static const struct plan_policy policy = {.prune = true, .self_heal = true};
    double plans[ROUNDS], documents[ROUNDS];
    struct timing t = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct arena a = ARENA_INIT;
        struct diag_list diags;
        struct plan plan;
        struct err err = {0};
        const struct plan_input in = {.environment = "prod",
                                      .commit = "c0ffee",
                                      .target = "bench",
                                      .desired = set,
                                      .observed = observed,
                                      .applied = inv,
                                      .policy = &policy};
        diag_init(&diags, &a);
        double begin = bench_ms(CLOCK_THREAD_CPUTIME_ID);
        if (plan_make(&in, &a, &plan, &diags, &err) < 0)
            fprintf(stderr, "%s\n", err.msg);
        double made = bench_ms(CLOCK_THREAD_CPUTIME_ID);
        (void)plan_to_val(&a, &plan);
        documents[i] = bench_ms(CLOCK_THREAD_CPUTIME_ID) - made;
        plans[i] = made - begin;
        t.changes = plan.n;
        t.memory = a.used;
        arena_release(&a);
    }
    t.plan = bench_median(plans, ROUNDS);
    t.document = bench_median(documents, ROUNDS);
    return t;
}

static const char *only; /* the only case to run; NULL: all */

static void report(size_t n, const char *what, const struct resource_set *set,
                   const struct observed *observed, const struct inventory *inv)
{
    if (only && !strstr(what, only))
        return;
    struct timing t = measure(set, observed, inv);
    printf("%8zu  %-10s %9.2f %9.2f %8zu %9.1f\n", n, what, t.plan, t.document, t.changes,
           (double)t.memory / 1024);
}

static void run(size_t n)
{
    struct arena a = ARENA_INIT;
    struct world w;
    struct resource_set raw, set;
    struct observed observed;
    struct inventory nothing = {0};
    struct err err = {0};
    make_set(&a, n, &raw);
    double begin = bench_ms(CLOCK_THREAD_CPUTIME_ID);
    if (bind_set(&raw, "prod", NULL, &a, &set, &err) < 0)
        exit(2);
    printf("%8zu  %-10s %9.2f\n", n, "bind", bench_ms(CLOCK_THREAD_CPUTIME_ID) - begin);
    plan_world_init(&w, &a, "prod");
    world_settle(&w, &set);
    world_observe(&w, &a, &observed);
    report(n, "in sync", &set, &observed, &w.inventory);
    report(n, "store lost", &set, &observed, &nothing);
    for (size_t i = 0; i < w.n; i++) {
        struct val *spec = val_clone(&a, w.items[i]->spec);
        val_map_set(&a, spec, "restart", val_str(&a, "no"));
        w.items[i]->spec = spec;
    }
    world_observe(&w, &a, &observed);
    report(n, "all drift", &set, &observed, &w.inventory);
    observed.n = 0;
    report(n, "all new", &set, &observed, &nothing);
    resource_set_release(&raw);
    resource_set_release(&set);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    static const size_t defaults[] = {100, 1000, 10000};
    printf("%8s  %-10s %9s %9s %8s %9s\n", "objects", "case", "plan ms", "json ms", "changes", "KiB");
    if (argc > 1 && !strchr("0123456789", *argv[1])) {
        only = argv[1];
        argc--;
        argv++;
    }
    for (int i = 1; i < argc; i++)
        run((size_t)strtoull(argv[i], NULL, 10));
    for (size_t i = 0; argc < 2 && i < ARRAY_LEN(defaults); i++)
        run(defaults[i]);
    return 0;
}
