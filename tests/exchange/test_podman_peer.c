/* Which requests Podman gets, and which it does not: each answer takes milliseconds, some a quarter of a
   second. */
#include "tests/exchange/docker_world.h"

#include "base/clock.h"
#include "base/str.h"
#include "tests/lib/unit.h"

#define PING \
    "HTTP/1.1 200 OK\r\nServer: Libpod/4.3.1 (linux)\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"
#define IS_PODMAN                                     \
    {                                                 \
        "GET /_ping", .flags = PEER_RAW, .body = PING \
    }

#define INFO "{\"Name\":\"host\",\"DefaultRuntime\":\"crun\",\"CgroupVersion\":\"1\",\"Rootless\":true}"

static const struct peer_answer empty_engine[] = {
    IS_PODMAN,
    {"GET /v4.0.0/libpod/containers/json", .body = "[]"},
    {"GET /v1.41/containers/json", .body = "[]"},
    {"GET /v4.0.0/libpod/networks/json", .body = "[]"},
    {"GET /v1.41/volumes", .body = "{\"Volumes\":null}"},
    {"GET /v4.0.0/libpod/images/none%3A1/json", .status = 404, .body = "{\"message\":\"no such image\"}"},
    {"GET /v4.0.0/libpod/images/web%3A1/json", .body = "{\"Id\":\"0123abcd\"}"},
    {"GET /v1.41/info", .body = INFO},
    {0}};

/* Once for each image, however many containers use it. */
static void test_images_are_asked_about_once(void **state)
{
    struct world w;
    struct resource_set set;
    struct observed o;
    (void)state;
    world_open(&w, empty_engine, NULL);
    resource_set_init(&set, &w.arena);
    world_want(&w, &set, &kind_container, "a", "{\"image\":\"web:1\"}");
    world_want(&w, &set, &kind_container, "b", "{\"image\":\"none:1\"}");
    world_want(&w, &set, &kind_container, "c", "{\"image\":\"web:1\"}");
    resource_set_sort(&set);
    assert_int_equal(world_observe(&w, &set, &o), 0);
    assert_int_equal(peer_count(w.peer, "/images/web%3A1/json"), 1);
    assert_int_equal(peer_count(w.peer, "/images/none%3A1/json"), 1);
    assert_int_equal(o.n_images, 2);
    for (size_t i = 0; i < o.n_images; i++) {
        bool there = str_eq(o.images[i].ref, "web:1");
        assert_int_equal(o.images[i].present, there);
        if (there)
            assert_string_equal(o.images[i].id, "sha256:0123abcd");
    }
    resource_set_release(&set);
    world_close(&w);
}

/* An engine that is slow to describe itself is only asked when something depends on it, and then the answer
   is cached for a while. */
static void test_facts_are_asked_for_when_they_matter(void **state)
{
    static const struct {
        const char *spec;
        size_t asked;
    } cases[] = {
        {"{\"image\":\"web:1\",\"environment\":{\"A\":\"b\"}}", 0},
        {"{\"image\":\"web:1\",\"resources\":{\"pids\":9}}", 1},
        {"{\"image\":\"web:1\",\"runtime\":\"crun\"}", 1},
        {"{\"image\":\"web:1\",\"network_mode\":\"none\"}", 0},
        {"{\"image\":\"web:1\",\"network_mode\":\"host\"}", 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct resource_set set;
        struct observed o;
        world_open(&w, empty_engine, NULL);
        resource_set_init(&set, &w.arena);
        world_want(&w, &set, &kind_container, "a", cases[i].spec);
        assert_int_equal(world_observe(&w, &set, &o), 0);
        assert_int_equal(world_observe(&w, &set, &o), 0);
        if (peer_count(w.peer, "GET /v1.41/info") != cases[i].asked)
            fail_msg("%s: %s", cases[i].spec, peer_log(w.peer));
        /* Rootless Podman without control groups of version 2 has no limits. */
        assert_int_equal(o.caps & CAP_LIMITS, cases[i].asked ? 0 : CAP_LIMITS);
        resource_set_release(&set);
        world_close(&w);
    }
}

#define ID "5aaf0d9d"

static struct step step_of(enum step_verb verb)
{
    return (struct step){.verb = verb,
                         .kind = &kind_container,
                         .id = "container/web",
                         .owner = "rec",
                         .instance = 1,
                         .native_name = "rec-web-1.next",
                         .native_id = ID,
                         .new_name = "rec-web-1"};
}

/* The owner of an object that this run has created is known; for any other object it is requested. */
static void test_what_this_run_made_is_known(void **state)
{
    static const struct peer_answer script[] = {
        IS_PODMAN,
        {"POST /v1.41/containers/" ID "/start", .status = 204},
        {"POST /v1.41/containers/" ID "/stop?t=0 ", .status = 204},
        {"POST /v1.41/containers/" ID "/rename?name=rec-web-1 ", .status = 204},
        {"DELETE /v1.41/containers/" ID "?v=1 ", .status = 204},
        {"GET /v1.41/containers/" ID "/json", .status = 404, .body = "{\"message\":\"no such container\"}"},
        {0}};
    static const struct {
        enum step_verb verb;
        int gone; /* result if there is no such container */
    } cases[] = {{STEP_START, ERR_NOTFOUND}, {STEP_RENAME, ERR_NOTFOUND}, {STEP_STOP, 0}, {STEP_REMOVE, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct step_result result;
        struct step s = step_of(cases[i].verb);
        world_open(&w, script, NULL);
        assert_int_equal(w.p->ops->apply(w.p, &s, NULL, &result, &w.err), cases[i].gone);
        assert_int_equal(result.unchanged, cases[i].gone == 0);
        assert_null(strstr(peer_log(w.peer), "POST"));
        assert_null(strstr(peer_log(w.peer), "DELETE"));
        peer_script(w.peer, script);
        s.made = true;
        err_clear(&w.err);
        assert_int_equal(w.p->ops->apply(w.p, &s, NULL, &result, &w.err), 0);
        assert_false(result.unchanged);
        assert_null(strstr(peer_log(w.peer), "GET /v1"));
        assert_int_equal(peer_count(w.peer, "POST") + peer_count(w.peer, "DELETE"), 1);
        world_close(&w);
    }
}

#define MARKS \
    "{\"io.forge.environment\":\"rec\",\"io.forge.resource\":\"container/web\",\"io.forge.instance\":\"1\"}"
/* The answer to the first attempt was lost: the container already has the name, and the engine refuses to
   assign it again. */
static void test_a_rename_is_done_once(void **state)
{
    static const char *const names[] = {"rec-web-1", "rec-web-1.next"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct world w;
        struct step_result result = {0};
        struct step s = step_of(STEP_RENAME);
        s.made = true;
        world_open(&w, empty_engine, NULL);
        const struct peer_answer script[] = {
            IS_PODMAN,
            {"POST /v1.41/containers/" ID "/rename", .status = 409,
             .body = "{\"message\":\"the container name is in use\"}"},
            {"GET /v1.41/containers/" ID "/json",
             .body =
                 arena_printf(&w.arena,
                              "{\"Id\":\"" ID "\",\"Name\":\"/%s\",\"Image\":\"sha256:1\",\"State\":"
                              "{\"Status\":\"running\"},\"Config\":{\"Labels\":" MARKS "},\"HostConfig\":{}}",
                              names[i])},
            {0}};
        peer_script(w.peer, script);
        assert_int_equal(w.p->ops->apply(w.p, &s, NULL, &result, &w.err), i ? ERR_CONFLICT : 0);
        assert_int_equal(result.unchanged, !i);
        world_close(&w);
    }
}

#define RUNS_AGAIN(restarts)                                                                            \
    "{\"Id\":\"" ID "\",\"Name\":\"/rec-web-1.next\",\"Image\":\"sha256:1\",\"RestartCount\":" restarts \
    ",\"State\":{\"Status\":\"running\",\"Running\":true},\"Config\":{\"Labels\":" MARKS                \
    "},\"HostConfig\":{}}"
#define RUNS RUNS_AGAIN("0")
#define ENDED                                                                           \
    "{\"Id\":\"" ID "\",\"Name\":\"/rec-web-1.next\",\"Image\":\"sha256:1\",\"State\":" \
    "{\"Status\":\"exited\",\"ExitCode\":3},\"Config\":{\"Labels\":" MARKS "},\"HostConfig\":{}}"

/* A short wait and one inspection, instead of listing events. A container that was restarted meanwhile is
   watched again. */
static void test_a_short_watch_is_one_look(void **state)
{
    static const struct {
        const char *first, *then;
        int result;
        size_t looks;
    } cases[] = {
        {RUNS, ENDED, 0, 1},
        {ENDED, ENDED, ERR_FAILED, 1},
        {RUNS_AGAIN("1"), RUNS_AGAIN("1"), 0, 2},
        {RUNS_AGAIN("1"), ENDED, ERR_FAILED, 2},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {
            IS_PODMAN,
            {"GET /v1.41/containers/" ID "/json", .body = cases[i].first, .times = 1},
            {"GET /v1.41/containers/" ID "/json", .body = cases[i].then},
            {"GET /v1.41/containers/" ID "/logs", .body = ""},
            {0}};
        struct world w;
        struct step_result result;
        struct step s = step_of(STEP_WAIT);
        s.condition = DEPEND_STARTED;
        s.timeout_ns = 20 * NS_PER_MS;
        world_open(&w, script, NULL);
        int64_t begin = clock_mono(clock_system());
        assert_int_equal(w.p->ops->apply(w.p, &s, NULL, &result, &w.err), cases[i].result);
        assert_true(clock_mono(clock_system()) - begin >= s.timeout_ns);
        if (peer_count(w.peer, "GET /v1.41/containers/" ID "/json") != cases[i].looks)
            fail_msg("case %zu: %s", i, peer_log(w.peer));
        assert_int_equal(peer_count(w.peer, "/events"), 0);
        if (cases[i].result < 0)
            assert_contains(w.err.msg, "exited with code 3");
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_are_asked_about_once),
        cmocka_unit_test(test_facts_are_asked_for_when_they_matter),
        cmocka_unit_test(test_what_this_run_made_is_known),
        cmocka_unit_test(test_a_rename_is_done_once),
        cmocka_unit_test(test_a_short_watch_is_one_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
