#include "tests/engine/docker_bench.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct cached {
    char *key;
    void *data;
    size_t len;
};

static int cache_get(void *arg, const char *key, struct arena *a, const void **ret, size_t *ret_len)
{
    struct bench *b = arg;
    const struct cached *c = map_get(&b->cache, key);
    if (!c)
        return ERR_NOTFOUND;
    b->cache_hits++;
    *ret = arena_memdup(a, c->data, c->len);
    *ret_len = c->len;
    return 0;
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct bench *b = arg;
    struct cached *c = arena_new(&b->arena, struct cached);
    *c = (struct cached){arena_strdup(&b->arena, key), arena_memdup(&b->arena, data, len), len};
    map_put(&b->cache, c->key, c);
}

static void open_provider(struct bench *b)
{
    b->env = (struct provider_env){.pool = b->pool, .cache = {.arg = b, .get = cache_get, .put = cache_put}};
    b->target = (struct target){.name = "test"};
    if (provider_open(&b->target, &b->env, &b->p, &b->err) < 0)
        b->p = NULL;
}

void bench_reopen(struct bench *b)
{
    provider_close(b->p);
    open_provider(b);
    assert_non_null(b->p);
}

int bench_setup(void **state)
{
    struct bench *b = mem_new(struct bench);
    unsigned char random[5];
    const char *engine;
    io_random(random, sizeof(random));
    snprintf(b->owner, sizeof(b->owner), "t%02x%02x%02x%02x%02x", random[0], random[1], random[2], random[3],
             random[4]);
    b->pool = pool_new(4);
    map_init(&b->cache);
    open_provider(b);
    if (!b->p || b->p->ops->ping(b->p, &b->caps, &engine, &b->arena, &b->err) < 0) {
        printf("skip - no engine: %s\n", b->err.msg);
        exit(77);
    }
    b->podman = str_starts(engine, "podman ");
    *state = b;
    return 0;
}

void bench_remove_all(struct bench *b)
{
    struct observed o;
    struct err ignored = {0};
    const struct observe_request rq = {.owner = b->owner, .fresh = true};
    if (b->p->ops->observe(b->p, &rq, NULL, &b->arena, &o, &ignored) < 0)
        return;
    static const enum step_verb verbs[] = {STEP_STOP, STEP_REMOVE};
    static const struct kind_desc *const order[] = {&kind_container, &kind_network, &kind_volume};
    for (size_t k = 0; k < ARRAY_LEN(order); k++)
        for (size_t i = 0; i < o.n; i++)
            for (size_t v = order[k] == &kind_container ? 0 : 1; v < 2 && o.items[i]->kind == order[k]; v++) {
                const struct step s = {.verb = verbs[v],
                                       .kind = order[k],
                                       .id = o.items[i]->id,
                                       .instance = o.items[i]->instance,
                                       .native_name = o.items[i]->native_name,
                                       .native_id = o.items[i]->native_id};
                if (bench_do(b, &s) < 0)
                    print_message("clean-up: %s\n", b->err.msg);
            }
}

int bench_teardown(void **state)
{
    struct bench *b = *state;
    bench_remove_all(b);
    provider_close(b->p);
    pool_free(b->pool);
    map_release(&b->cache);
    arena_release(&b->arena);
    free(b);
    return 0;
}

struct val *bench_json(struct bench *b, const char *json)
{
    char *text = arena_strdup(&b->arena, json);
    struct val *v;
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    if (val_from_json(&b->arena, text, strlen(text), "test", &v, &b->err) < 0)
        fail_msg("%s: %s", json, b->err.msg);
    return v;
}

const char *bench_name(struct bench *b, const char *name)
{
    return arena_printf(&b->arena, "%s-%s", b->owner, name);
}

struct resource *bench_resource(struct bench *b, const struct kind_desc *kind, const char *name,
                                struct val *spec)
{
    struct resource *r = arena_new(&b->arena, struct resource);
    r->kind = kind;
    r->name = name;
    r->id = arena_printf(&b->arena, "%s/%s", kind->prefix, name);
    r->spec = spec;
    r->labels = r->annotations = val_map(&b->arena);
    return r;
}

struct step bench_step(struct bench *b, enum step_verb verb, const struct resource *r)
{
    unsigned instance = r->kind->flags & KIND_INSTANCES ? 1 : 0;
    return (struct step){
        .verb = verb,
        .kind = r->kind,
        .id = r->id,
        .owner = b->owner,
        .instance = instance,
        .native_name = bind_native_name(&b->arena, b->owner, r, instance),
        .spec = r->spec,
        .labels = bind_marks(&b->arena, b->owner, r, instance, 7, "c0ffee"),
        .resource = r,
    };
}

static void on_progress(void *arg, const struct step_progress *p)
{
    struct bench *b = arg;
    b->progress_calls++;
    b->progress_done = p->done;
}

int bench_do(struct bench *b, const struct step *s)
{
    const struct step_context ctx = {.progress = on_progress, .arg = b};
    err_clear(&b->err);
    return b->p->ops->apply(b->p, s, &ctx, &b->result, &b->err);
}

void bench_must(struct bench *b, const struct step *s)
{
    if (bench_do(b, s) < 0)
        fail_msg("%s %s: %s", step_verb_name(s->verb), s->native_name, b->err.msg);
}

const char *bench_make(struct bench *b, const struct resource *r, bool start)
{
    struct step s = bench_step(b, STEP_CREATE, r);
    bench_must(b, &s);
    const char *id = arena_strdup(&b->arena, b->result.native_id);
    s.verb = STEP_START;
    if (start)
        bench_must(b, &s);
    return id;
}

struct observed bench_observe(struct bench *b, const struct resource_set *desired, bool fresh)
{
    struct observed o;
    const struct observe_request rq = {.owner = b->owner, .desired = desired, .fresh = fresh};
    if (b->p->ops->observe(b->p, &rq, NULL, &b->arena, &o, &b->err) < 0)
        fail_msg("observe: %s", b->err.msg);
    return o;
}

const struct object *bench_find(const struct observed *o, const char *id)
{
    struct object *const *found;
    return observed_find(o, id, &found) ? found[0] : NULL;
}

struct object bench_inspect(struct bench *b, const struct kind_desc *kind, const char *native)
{
    struct object o;
    if (b->p->ops->inspect(b->p, kind, native, NULL, &b->arena, &o, &b->err) < 0)
        fail_msg("inspect %s: %s", native, b->err.msg);
    return o;
}

struct resource *bench_container(struct bench *b, const char *name, const char *json)
{
    return bench_resource(b, &kind_container, name, bench_json(b, json));
}

void bench_say_line(void *arg, int stream, const char *text, size_t len)
{
    buf_addf(arg, "%d:%.*s|", stream, (int)len, text);
}

const char *bench_logs(struct bench *b, const char *native)
{
    struct buf out = BUF_INIT;
    const struct logs_request rq = {.native_name = native, .tail = -1, .line = bench_say_line, .arg = &out};
    assert_int_equal(b->p->ops->logs(b->p, &rq, NULL, &b->err), 0);
    const char *text = arena_strdup(&b->arena, buf_str(&out));
    buf_release(&out);
    return text;
}
