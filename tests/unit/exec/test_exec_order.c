/* The order in which a run does things, and how much of it in parallel. */
#include "tests/unit/exec/world.h"

#include "base/str.h"

#define SHOP                                                              \
    "apiVersion: forge/v1\nkind: Network\nmetadata: {name: back}\n"       \
    "---\napiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\n"   \
    "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: db}\n"  \
    "spec: {image: app:1, networks: [back], volumes: [\"data:/data\"]}\n" \
    "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\n" \
    "spec: {image: app:1, networks: [back], depends_on: [db]}\n"

static void test_dependencies_first(_unused_ void **state)
{
    struct world w;
    world_init(&w, "order", false);
    world_want(&w, SHOP);
    world_apply_ok(&w);
    world_assert_before(&w, FAKE_CREATE, "order-back", FAKE_CREATE, "order-db-1");
    world_assert_before(&w, FAKE_CREATE, "order-data", FAKE_CREATE, "order-db-1");
    world_assert_before(&w, FAKE_START, "order-db-1", FAKE_CREATE, "order-web-1");
    assert_int_equal(w.report.ok, 4);
    assert_int_equal(fake_objects(w.engine, NULL, "order"), 4);
    world_assert_in_sync(&w);
    world_release(&w);
}

static void test_deletes_in_reverse(_unused_ void **state)
{
    struct world w;
    world_init(&w, "reverse", false);
    world_want(&w, SHOP);
    world_apply_ok(&w);
    world_want(&w, "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\n");
    fake_calls_clear(w.engine);
    world_apply_ok(&w);
    world_assert_before(&w, FAKE_REMOVE, "reverse-web-1", FAKE_REMOVE, "reverse-db-1");
    world_assert_before(&w, FAKE_REMOVE, "reverse-db-1", FAKE_REMOVE, "reverse-back");
    assert_int_equal(fake_objects(w.engine, NULL, "reverse"), 1);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* L1: when everything is in sync, a run costs one listing and writes nothing. */
static void test_nothing_to_do_does_nothing(_unused_ void **state)
{
    struct world w;
    world_init(&w, "idle", false);
    world_want(&w, SHOP);
    world_apply_ok(&w);
    fake_calls_clear(w.engine);
    world_assert_in_sync(&w);
    assert_int_equal(fake_writes(w.engine), 0);
    assert_int_equal(fake_reads(w.engine), 1);
    world_release(&w);
}

static const char *many(unsigned n, const char *rest)
{
    static char text[16384];
    size_t at = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: c%u}\n"
                               "spec: {image: app:1, network_mode: none%s}\n",
                               i, rest);
    return text;
}

static void test_branches_run_side_by_side(_unused_ void **state)
{
    struct world w;
    world_init(&w, "parallel", true);
    world_want(&w, many(12, ""));
    fake_latency(w.engine, FAKE_START, 20 * NS_PER_MS);
    w.options.parallel = 4;
    world_apply_ok(&w);
    assert_int_equal(w.report.ok, 12);
    assert_int_equal(fake_parallel(w.engine), 4);
    world_release(&w);
}

static void test_one_at_a_time(_unused_ void **state)
{
    struct world w;
    world_init(&w, "serial", true);
    world_want(&w, many(5, ""));
    fake_latency(w.engine, FAKE_START, 5 * NS_PER_MS);
    w.options.parallel = 1;
    world_apply_ok(&w);
    assert_int_equal(fake_parallel(w.engine), 1);
    world_release(&w);
}

/* A wait for health does not occupy a worker. */
static void test_waiting_takes_no_writer(_unused_ void **state)
{
    struct world w;
    world_init(&w, "waiting", true);
    world_want(&w, many(10, ", healthcheck: {test: [CMD, \"true\"]}"));
    fake_behave(w.engine, "app:1", &(struct fake_behaviour){.healthy_after_ns = 300 * NS_PER_MS});
    w.options.parallel = 1;
    world_apply_ok(&w);
    /* In sequence they would take three seconds. */
    assert_true(w.report.duration_ns < 2 * NS_PER_S);
    world_release(&w);
}

static void test_replicas_side_by_side(_unused_ void **state)
{
    struct world w;
    world_init(&w, "replicas", true);
    world_want(&w, many(1, ", replicas: 8"));
    fake_latency(w.engine, FAKE_START, 20 * NS_PER_MS);
    w.options.parallel = 4;
    world_apply_ok(&w);
    assert_int_equal(fake_parallel(w.engine), 4);
    assert_int_equal(fake_objects(w.engine, &kind_container, "replicas"), 8);

    /* Instances are replaced one at a time, so that the others keep serving. */
    world_want(&w, many(1, ", replicas: 8, environment: {A: b}"));
    fake_calls_clear(w.engine);
    world_apply_ok(&w);
    assert_int_equal(fake_parallel(w.engine), 1);
    assert_int_equal(fake_objects(w.engine, &kind_container, "replicas"), 8);
    world_assert_in_sync(&w);
    world_release(&w);
}

static void test_one_pull_for_all(_unused_ void **state)
{
    struct world w;
    world_init(&w, "pull", true);
    fake_image(w.engine, &(struct fake_image){.ref = "app:1", .remote = 1});
    world_want(&w, many(10, ""));
    w.options.parallel = 4;
    world_apply_ok(&w);
    assert_int_equal(fake_count(w.engine, FAKE_PULL), 1);

    /* And no request for objects that are known to exist. */
    world_want(&w, many(12, ""));
    fake_calls_clear(w.engine);
    world_apply_ok(&w);
    assert_int_equal(fake_count(w.engine, FAKE_PULL), 0);
    world_release(&w);
}

/* The calls of a first apply: no unnecessary ones. */
static void test_calls_for_one_container(_unused_ void **state)
{
    struct world w;
    world_init(&w, "calls", false);
    world_want(&w, many(1, ""));
    world_apply_ok(&w);
    assert_int_equal(fake_count(w.engine, FAKE_CREATE), 1);
    assert_int_equal(fake_count(w.engine, FAKE_START), 1);
    assert_int_equal(fake_count(w.engine, FAKE_INSPECT), 1);
    assert_int_equal(fake_writes(w.engine), 2);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dependencies_first),
        cmocka_unit_test(test_deletes_in_reverse),
        cmocka_unit_test(test_nothing_to_do_does_nothing),
        cmocka_unit_test(test_branches_run_side_by_side),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_waiting_takes_no_writer),
        cmocka_unit_test(test_replicas_side_by_side),
        cmocka_unit_test(test_one_pull_for_all),
        cmocka_unit_test(test_calls_for_one_container),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
