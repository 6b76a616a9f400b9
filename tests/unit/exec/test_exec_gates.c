/* Dependents start when their dependencies meet the required condition (L7). */
#include "tests/unit/exec/world.h"

#include "base/str.h"

#define C(name, rest)                                                    \
    "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: " name \
    "}\nspec: {image: app:1, network_mode: none" rest "}\n"
#define CHECK ", healthcheck: {test: [CMD, \"true\"]}"

static int64_t when_called(struct world *w, enum fake_verb v, const char *name, bool begin)
{
    size_t n;
    _cleanup_free_ struct fake_call *calls = fake_calls(w->engine, &n);
    for (size_t i = 0; i < n; i++) {
        if (calls[i].verb == v && str_eq(calls[i].name, name))
            return begin ? calls[i].begin_ns : calls[i].end_ns;
    }
    fail_msg("no %s of %s", fake_verb_name(v), name);
    return 0;
}

static void test_healthy(_unused_ void **state)
{
    struct world w;
    world_init(&w, "gate", false);
    world_want(&w, C("db", CHECK) C("web", ", depends_on: {db: healthy}"));
    fake_behave(w.engine, "container/db", &(struct fake_behaviour){.healthy_after_ns = 20 * NS_PER_S});
    world_apply_ok(&w);
    int64_t started = when_called(&w, FAKE_START, "gate-db-1", false);
    assert_true(when_called(&w, FAKE_START, "gate-web-1", true) >= started + 20 * NS_PER_S);
    world_release(&w);
}

static void test_completed(_unused_ void **state)
{
    struct world w;
    world_init(&w, "job", false);
    world_want(&w, C("migrate", "") C("web", ", depends_on: {migrate: completed}"));
    fake_behave(w.engine, "container/migrate", &(struct fake_behaviour){.exit_after_ns = 30 * NS_PER_S});
    world_apply_ok(&w);
    int64_t started = when_called(&w, FAKE_START, "job-migrate-1", false);
    assert_true(when_called(&w, FAKE_START, "job-web-1", true) >= started + 30 * NS_PER_S);
    /* A job that has succeeded is not started again. */
    fake_calls_clear(w.engine);
    world_assert_in_sync(&w);
    world_release(&w);
}

static void test_never_healthy(_unused_ void **state)
{
    struct world w;
    world_init(&w, "sick", false);
    world_want(&w, C("db", CHECK) C("web", ", depends_on: {db: healthy}") C("other", ""));
    fake_behave(w.engine, "container/db", &(struct fake_behaviour){.healthy_after_ns = FAKE_UNHEALTHY});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_outcome(&w, "container/web")->result, EXEC_SKIPPED);
    assert_non_null(strstr(world_outcome(&w, "container/web")->err.msg, "container/db"));
    assert_int_equal(world_outcome(&w, "container/other")->result, EXEC_OK);
    assert_false(fake_exists(w.engine, "sick-web-1"));
    world_release(&w);
}

/* A dependency without a change in the plan must be ready as well; it is waited for only once. */
static void test_dependency_in_sync(_unused_ void **state)
{
    struct world w;
    world_init(&w, "sync", false);
    world_want(&w, C("db", CHECK));
    world_apply_ok(&w);
    fake_set_health(w.engine, "sync-db-1", HEALTH_STARTING);
    world_want(&w, C("db", CHECK) C("web", ", depends_on: {db: healthy}")
                       C("web2", ", depends_on: {db: healthy}"));
    fake_calls_clear(w.engine);
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_count(&w, FAKE_WAIT, "sync-db-1"), 1);
    assert_int_equal(world_outcome(&w, "container/web")->result, EXEC_SKIPPED);
    assert_int_equal(world_outcome(&w, "container/web2")->result, EXEC_SKIPPED);
    assert_non_null(strstr(world_outcome(&w, "container/web2")->err.msg, "container/db"));

    /* The dependents have not failed: once the dependency is healthy, they continue automatically. */
    fake_set_health(w.engine, "sync-db-1", HEALTH_HEALTHY);
    world_apply_ok(&w);
    world_assert_in_sync(&w);
    world_release(&w);
}

static void test_optional(_unused_ void **state)
{
    struct world w;
    world_init(&w, "optional", false);
    world_want(&w, C("db", CHECK) C("web", ", depends_on: {db: {condition: healthy, required: false}}"));
    fake_behave(w.engine, "container/db", &(struct fake_behaviour){.healthy_after_ns = FAKE_UNHEALTHY});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_outcome(&w, "container/db")->result, EXEC_FAILED);
    assert_int_equal(world_outcome(&w, "container/web")->result, EXEC_OK);
    world_release(&w);
}

/* Every instance counts. */
static void test_replicas(_unused_ void **state)
{
    struct world w;
    world_init(&w, "each", false);
    world_want(&w, C("db", CHECK ", replicas: 3") C("web", ", depends_on: {db: healthy}"));
    fake_behave(w.engine, "each-db-3", &(struct fake_behaviour){.healthy_after_ns = 60 * NS_PER_S});
    world_apply_ok(&w);
    int64_t started = when_called(&w, FAKE_START, "each-db-3", false);
    assert_true(when_called(&w, FAKE_START, "each-web-1", true) >= started + 60 * NS_PER_S);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),       cmocka_unit_test(test_completed),
        cmocka_unit_test(test_never_healthy), cmocka_unit_test(test_dependency_in_sync),
        cmocka_unit_test(test_optional),      cmocka_unit_test(test_replicas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
