/* Registries that an engine cannot ask for images that are always pulled: said, and not asked again and
   again. */
#include "tests/exchange/docker_world.h"

#include "base/clock.h"
#include "base/str.h"
#include "providers/docker/docker.h"
#include "tests/lib/unit.h"

#define REFUSED \
    "{\"message\":\"Get https://down.example/v2/: dial tcp 10.0.0.1:443: connect: connection refused\"}"
#define NO_LOGIN "{\"message\":\"unauthorized: authentication required\"}"
#define DIGEST   "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct peer_answer script[] = {
    {"GET /v1.41/containers/json", .body = "[]"},
    {"GET /v1.41/networks", .body = "[]"},
    {"GET /v1.41/volumes", .body = "{\"Volumes\":null}"},
    {"GET /v1.41/events", .body = ""},
    {"GET /v1.41/info", .body = "{}"},
    {"GET /v1.41/services", .body = "[]"},
    {"GET /v1.41/tasks", .body = "[]"},
    {"GET /v1.41/images/", .body = "{\"Id\":\"sha256:there\"}"},
    {"GET /v1.41/distribution/down.example", .status = 500, .body = REFUSED},
    {"GET /v1.41/distribution/hangs.example", .flags = PEER_RAW | PEER_HANG},
    {"GET /v1.41/distribution/closed.example", .status = 401, .body = NO_LOGIN},
    {"GET /v1.41/distribution/up.example", .body = "{\"Descriptor\":{\"digest\":\"" DIGEST "\"}}"},
    {0}};

static void want(struct world *w, struct resource_set *set, const char *image, const char *policy)
{
    struct resource *r = resource_new(&w->arena, &kind_container, arena_printf(&w->arena, "c%zu", set->n));
    struct val *spec = val_map(&w->arena);
    val_set_str(&w->arena, spec, "image", image);
    val_set_str(&w->arena, spec, "pull_policy", policy);
    r->spec = spec;
    resource_set_add(set, r);
}

static const char *why(const struct observed *o, const char *ref)
{
    const struct image_fact *f = observed_image(o, ref);
    assert_non_null(f);
    return f->unasked ? f->unasked->err.msg : NULL;
}

static void note_waiting(void *arg, const char *registry)
{
    buf_addf(arg, "%s|", registry);
}

/* In the same run, those that did not answer are not waited for again; without time, none is. */
static void ask_again(struct world *w, const struct resource_set *set, const struct observed *before)
{
    struct buf told = BUF_INIT;
    struct observed o;
    struct registry_asking how = {.waiting = note_waiting, .arg = &told, .before = before};
    const struct observe_request rq = {.owner = "rec", .desired = set, .registries = &how};
    peer_script(w->peer, script);
    assert_int_equal(w->p->ops->observe(w->p, &rq, NULL, &w->arena, &o, &w->err), 0);
    assert_int_equal(peer_count(w->peer, "distribution/down.example") +
                         peer_count(w->peer, "distribution/hangs.example"),
                     0);
    assert_int_equal(peer_count(w->peer, "distribution/closed.example"), 2);
    assert_string_equal(why(&o, "hangs.example/b:1"), "there was no answer for 1 s");
    assert_string_equal(buf_str(&told), "");
    how.before = NULL;
    how.until_ns = clock_mono(clock_system());
    peer_script(w->peer, script);
    assert_int_equal(w->p->ops->observe(w->p, &rq, NULL, &w->arena, &o, &w->err), 0);
    assert_int_equal(peer_count(w->peer, "distribution/"), 0);
    assert_string_equal(why(&o, "up.example/a:1"), "there was no time left to ask it");
    /* Somebody is told after a second. */
    how.until_ns = clock_mono(clock_system()) + 60 * NS_PER_S;
    docker_of(w->p)->target.timeout_ns = 1300 * NS_PER_MS;
    peer_script(w->peer, script);
    assert_int_equal(w->p->ops->observe(w->p, &rq, NULL, &w->arena, &o, &w->err), 0);
    assert_string_equal(buf_str(&told), "hangs.example|");
    assert_string_equal(why(&o, "hangs.example/b:1"), "there was no answer for 1.3 s");
    buf_release(&told);
}

static void registries_of(const char *scheme)
{
    const struct target patient = {.url = scheme, .docker_config = "/no/such", .timeout_ns = NS_PER_S};
    struct world w;
    struct resource_set set;
    struct observed o;
    world_open(&w, script, &patient);
    resource_set_init(&set, &w.arena);
    want(&w, &set, "down.example/a:1", "always");
    want(&w, &set, "down.example/b:1", "always");
    want(&w, &set, "hangs.example/a:1", "always");
    want(&w, &set, "hangs.example/b:1", "always");
    want(&w, &set, "closed.example/a:1", "always");
    want(&w, &set, "closed.example/b:1", "always");
    want(&w, &set, "up.example/a:1", "missing"); /* goes by the next, which means the same image */
    want(&w, &set, "up.example/a:1", "always");
    want(&w, &set, "down.example/c:1", "missing");
    want(&w, &set, "down.example/d@" DIGEST, "always");
    resource_set_sort(&set);
    const struct observe_request rq = {.owner = "rec", .desired = &set};
    if (w.p->ops->observe(w.p, &rq, NULL, &w.arena, &o, &w.err) < 0)
        fail_msg("%s: %s", w.err.msg, peer_log(w.peer));

    assert_int_equal(peer_count(w.peer, "distribution/down.example"), 1);
    assert_int_equal(peer_count(w.peer, "distribution/hangs.example"), 1);
    assert_int_equal(peer_count(w.peer, "distribution/closed.example"), 2); /* it answers */
    assert_int_equal(peer_count(w.peer, "distribution/up.example"), 1);
    assert_contains(why(&o, "down.example/a:1"), "connection refused");
    assert_contains(why(&o, "down.example/b:1"), "connection refused");
    assert_string_equal(why(&o, "hangs.example/b:1"), "there was no answer for 1 s");
    assert_contains(why(&o, "closed.example/b:1"), "authentication required");
    assert_null(why(&o, "up.example/a:1"));
    assert_null(why(&o, "down.example/c:1"));
    assert_null(why(&o, "down.example/d@" DIGEST));
    assert_string_equal(observed_image(&o, "up.example/a:1")->digest, DIGEST);
    assert_string_equal(observed_image(&o, "down.example/a:1")->unasked->registry, "down.example");
    ask_again(&w, &set, &o);
    resource_set_release(&set);
    world_close(&w);
}

/* One that does not answer costs the others no time. */
static void test_several_are_asked_at_the_same_time(void **state)
{
    static const char *const images[] = {"hangs.example:1/a:1", "hangs.example:2/a:1", "hangs.example:3/a:1",
                                         "hangs.example:3/b:1"};
    const struct target patient = {.docker_config = "/no/such", .timeout_ns = NS_PER_S};
    struct world w;
    struct resource_set set;
    struct observed o;
    struct pool *pool = pool_new(4);
    (void)state;
    world_open(&w, script, &patient);
    docker_of(w.p)->env.pool = pool;
    resource_set_init(&set, &w.arena);
    for (size_t i = 0; i < ARRAY_LEN(images); i++)
        want(&w, &set, images[i], "always");
    want(&w, &set, "up.example/a:1", "always");
    resource_set_sort(&set);
    const struct observe_request rq = {.owner = "rec", .desired = &set};
    int64_t begin = clock_mono(clock_system());
    assert_int_equal(w.p->ops->observe(w.p, &rq, NULL, &w.arena, &o, &w.err), 0);
    assert_true(clock_mono(clock_system()) - begin < 5 * NS_PER_S / 2);
    assert_int_equal(peer_count(w.peer, "distribution/hangs.example"), 3);
    for (size_t i = 0; i < ARRAY_LEN(images); i++)
        assert_string_equal(why(&o, images[i]), "there was no answer for 1 s");
    assert_string_equal(observed_image(&o, "up.example/a:1")->digest, DIGEST);
    resource_set_release(&set);
    world_close(&w);
    pool_free(pool);
}

static void test_docker(void **state)
{
    (void)state;
    registries_of(NULL);
}

static void test_swarm(void **state)
{
    (void)state;
    registries_of("swarm+");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_docker), cmocka_unit_test(test_swarm),
                                       cmocka_unit_test(test_several_are_asked_at_the_same_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
