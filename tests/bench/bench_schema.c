/*
 * The cost of the language: 10,000 manifests of 24 lines are parsed, decoded, encoded for the cache, decoded
 * from it, and digested. One thread. Prints the median and the best of a few rounds of each step, and the
 * share of libyaml.
 *
 *   bench_schema [MANIFESTS] [ROUNDS] [STEP]
 *
 * STEP: run only the step whose name begins with this, for profilers; "cold" depends on no other step.
 */
#include <stdio.h>
#include <yaml.h>

#include "base/mem.h"
#include "schema/kind.h"
#include "tests/bench/bench.h"

#define ROUNDS_MAX 101

struct set {
    size_t n;
    size_t bytes;
    char **texts;
    size_t *lens;
    /* Results that one step leaves for the next. */
    struct arena trees, values;
    struct ynode **docs;
    struct val **specs;
    struct buf *forms;
    struct diag_list diags;
};

static const char manifest[] = "apiVersion: forge/v1\n"
                               "kind: Container\n"
                               "metadata:\n"
                               "  name: web-%zu\n"
                               "  labels: {tier: front, team: shop}\n"
                               "spec:\n"
                               "  image: registry.example/shop/web:1.%zu\n"
                               "  command: [\"serve\", \"--port\", \"80\"]\n"
                               "  ports:\n"
                               "    - \"%zu:80\"\n"
                               "  environment:\n"
                               "    LOG_LEVEL: info\n"
                               "    SHARD: \"%zu\"\n"
                               "    DATABASE_URL: postgres://db.internal/orders\n"
                               "  volumes:\n"
                               "    - data-%zu:/var/lib/data:ro\n"
                               "  healthcheck:\n"
                               "    test: [\"CMD\", \"wget\", \"-qO-\", \"http://127.0.0.1/health\"]\n"
                               "    interval: 5s\n"
                               "    retries: 3\n"
                               "  restart: unless-stopped\n"
                               "  resources: {cpus: 0.5, memory: 128MiB}\n"
                               "  networks: [front, back]\n"
                               "  stop_grace_period: 1m30s\n";

static void set_init(struct set *s, size_t n)
{
    *s = (struct set){.n = n};
    s->texts = mem_array(n, sizeof(*s->texts));
    s->lens = mem_array(n, sizeof(*s->lens));
    s->docs = mem_array(n, sizeof(*s->docs));
    s->specs = mem_array(n, sizeof(*s->specs));
    s->forms = mem_array(n, sizeof(*s->forms));
    for (size_t i = 0; i < n; i++) {
        struct buf text = BUF_INIT;
        buf_addf(&text, manifest, i, i, 10000 + i % 50000, i, i);
        s->lens[i] = text.len;
        s->bytes += text.len;
        s->texts[i] = buf_steal(&text);
    }
}

static void set_release(struct set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->texts[i]);
        buf_release(&s->forms[i]);
    }
    free(s->texts);
    free(s->lens);
    free(s->docs);
    free(s->specs);
    free(s->forms);
    arena_release(&s->trees);
    arena_release(&s->values);
}

static void step_events(struct set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        yaml_parser_t parser;
        bool end = false;
        if (!yaml_parser_initialize(&parser))
            abort();
        yaml_parser_set_input_string(&parser, (const unsigned char *)s->texts[i], s->lens[i]);
        while (!end) {
            yaml_event_t event;
            if (!yaml_parser_parse(&parser, &event))
                abort();
            end = event.type == YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
        }
        yaml_parser_delete(&parser);
    }
}

static void step_read(struct set *s)
{
    arena_release(&s->trees);
    diag_init(&s->diags, &s->trees);
    for (size_t i = 0; i < s->n; i++) {
        struct ynode **docs;
        if (yaml_read(&s->trees, "f", s->texts[i], s->lens[i], &s->diags, &docs) != 1)
            abort();
        s->docs[i] = docs[0];
    }
}

static void step_decode(struct set *s)
{
    arena_release(&s->values);
    diag_init(&s->diags, &s->values);
    struct decode d = {.arena = &s->values, .diags = &s->diags, .file = "f"};
    for (size_t i = 0; i < s->n; i++)
        s->specs[i] = decode_record(&d, kind_container.spec, ynode_get(s->docs[i], "spec"));
}

/* As in the loader: the parsed document of a file is freed before the next file is read. */
static void step_cold(struct set *s)
{
    arena_release(&s->values);
    diag_init(&s->diags, &s->values);
    for (size_t i = 0; i < s->n; i++) {
        struct arena scratch = ARENA_INIT;
        struct ynode **docs;
        struct decode d = {.arena = &s->values, .diags = &s->diags, .file = "f"};
        if (yaml_read(&scratch, "f", s->texts[i], s->lens[i], &s->diags, &docs) != 1)
            abort();
        s->specs[i] = decode_record(&d, kind_container.spec, ynode_get(docs[0], "spec"));
        arena_release(&scratch);
    }
}

static void step_encode(struct set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        buf_reset(&s->forms[i]);
        val_encode(s->specs[i], true, &s->forms[i]);
    }
}

static void step_cached(struct set *s)
{
    arena_release(&s->values);
    for (size_t i = 0; i < s->n; i++) {
        struct err err = {0};
        if (val_decode(&s->values, s->forms[i].data, s->forms[i].len, &s->specs[i], &err) < 0)
            abort();
    }
}

static void step_digest(struct set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct digest digest;
        val_digest(s->specs[i], &digest);
    }
}

/* Processor time, which depends less on other load than wall time does. Nothing here waits. */
static void measure(struct set *s, const char *name, void (*step)(struct set *s), size_t rounds)
{
    double took[ROUNDS_MAX];
    for (size_t i = 0; i < rounds; i++) {
        double start = bench_ms(CLOCK_PROCESS_CPUTIME_ID);
        step(s);
        took[i] = bench_ms(CLOCK_PROCESS_CPUTIME_ID) - start;
    }
    double median = bench_median(took, rounds);
    printf("%-28s %8.1f ms %8.1f ms %8.2f us each\n", name, median, took[0], median * 1e3 / (double)s->n);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*step)(struct set *s);
    } steps[] = {
        {"libyaml, events alone", step_events},
        {"yaml_read", step_read},
        {"decode", step_decode},
        {"cold: read and decode", step_cold},
        {"val_encode", step_encode},
        {"val_decode", step_cached},
        {"val_digest", step_digest},
    };
    struct set s;
    size_t rounds = bench_argument(argc, argv, 2, 9, ROUNDS_MAX);
    set_init(&s, bench_argument(argc, argv, 1, 10000, 1000000));
    printf("%zu manifests, %.1f MB; median and best of %zu\n", s.n, (double)s.bytes / 1e6, rounds);
    const char *only = argc > 3 ? argv[3] : "";
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (strncmp(steps[i].name, only, strlen(only)) == 0)
            measure(&s, steps[i].name, steps[i].step, rounds);
    }

    size_t form_bytes = 0;
    for (size_t i = 0; i < s.n; i++)
        form_bytes += s.forms[i].len;
    printf("cached form %zu bytes each, values %zu bytes each\n", form_bytes / s.n, s.values.used / s.n);
    _cleanup_buf_ struct buf problems = BUF_INIT;
    diag_print(&s.diags, NULL, NULL, false, &problems);
    printf("%.1000s", buf_str(&problems));
    set_release(&s);
    return problems.len > 0;
}
