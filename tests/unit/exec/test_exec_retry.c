/* When a step is retried (L3). */
#include "tests/unit/exec/world.h"

#include "base/str.h"

#define C(name, rest)                                                    \
    "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: " name \
    "}\nspec: {image: app:1, network_mode: none" rest "}\n"

static void test_backoff_doubles_to_its_cap(_unused_ void **state)
{
    assert_int_equal(backoff_ns(1, 0.0), 750 * NS_PER_MS);
    assert_int_equal(backoff_ns(2, 0.0), 1500 * NS_PER_MS);
    assert_int_equal(backoff_ns(5, 0.0), 12 * NS_PER_S);
    for (unsigned n = 1; n < 100; n++) {
        assert_true(backoff_ns(n, 0.0) >= 750 * NS_PER_MS);
        assert_true(backoff_ns(n, 0.999) <= 15 * 60 * NS_PER_S);
        assert_true(backoff_ns(n, 0.9) > backoff_ns(n, 0.1));
        assert_true(backoff_ns(n + 1, 0.0) >= backoff_ns(n, 0.0));
    }
    assert_true(backoff_ns(4000000000u, 0.999) > 14 * 60 * NS_PER_S);
}

static void test_times_of_attempts(_unused_ void **state)
{
    struct world w;
    world_init(&w, "times", false);
    world_want(&w, C("a", ""));
    for (int i = 0; i < 3; i++)
        fake_fault(w.engine,
                   &(struct fake_fault){.verb = FAKE_START, .code = ERR_UNAVAILABLE, .retryable = true});
    world_apply_ok(&w);
    assert_int_equal(world_outcome(&w, "container/a")->retries, 3);
    size_t n, starts = 0;
    int64_t last = 0, least = 750 * NS_PER_MS;
    _cleanup_free_ struct fake_call *calls = fake_calls(w.engine, &n);
    for (size_t i = 0; i < n; i++) {
        if (calls[i].verb != FAKE_START)
            continue;
        if (starts++) {
            int64_t pause = calls[i].begin_ns - last;
            assert_true(pause >= least && pause <= least / 3 * 4);
            least *= 2;
        }
        last = calls[i].end_ns;
    }
    assert_int_equal(starts, 4);
    /* Each attempt continues where the last one ended: nothing is created twice. */
    assert_int_equal(world_count(&w, FAKE_CREATE, NULL), 1);
    world_release(&w);
}

/* The call took effect but its answer was lost: the second attempt notices. */
static void test_lost_answers(_unused_ void **state)
{
    static const enum fake_verb verbs[] = {FAKE_CREATE, FAKE_START, FAKE_STOP, FAKE_REMOVE, FAKE_RENAME};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct world w;
        world_init(&w, "lost", false);
        world_want(&w, C("a", ", environment: {V: one}"));
        world_apply_ok(&w);
        fake_fault(w.engine,
                   &(struct fake_fault){
                       .verb = verbs[i], .code = ERR_UNAVAILABLE, .retryable = true, .after_effect = true});
        world_want(&w, C("a", ", environment: {V: two}"));
        world_apply_ok(&w);
        assert_int_equal(world_outcome(&w, "container/a")->retries, 1);
        assert_int_equal(fake_objects(w.engine, NULL, NULL), 1);
        world_assert_in_sync(&w);
        world_release(&w);
    }
}

/* Two networks with one name, as after a kill: another create resolves that (S8). A container is not created
   again. */
static void test_read_back_again(_unused_ void **state)
{
    struct world w;
    world_init(&w, "again", false);
    world_want(&w, "---\napiVersion: forge/v1\nkind: Network\nmetadata: {name: n}\n" C("a", ""));
    fake_fault(w.engine, &(struct fake_fault){
                             .verb = FAKE_INSPECT, .name = "again-n", .code = ERR_BUSY, .retryable = true});
    fake_fault(w.engine, &(struct fake_fault){
                             .verb = FAKE_INSPECT, .name = "again-a-1", .code = ERR_BUSY, .retryable = true});
    world_apply_ok(&w);
    assert_int_equal(world_count(&w, FAKE_CREATE, "again-n"), 2);
    assert_int_equal(world_count(&w, FAKE_CREATE, "again-a-1"), 1);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* A wait for the next attempt does not occupy a worker. */
static void test_waiting_for_an_attempt_takes_no_writer(_unused_ void **state)
{
    struct world w;
    world_init(&w, "aside", true);
    world_want(&w, C("a", "") C("b", "") C("c", "") C("d", ""));
    fake_fault(w.engine,
               &(struct fake_fault){
                   .verb = FAKE_CREATE, .name = "aside-a-1", .code = ERR_UNAVAILABLE, .retryable = true});
    w.options.parallel = 1;
    world_apply_ok(&w);
    world_assert_before(&w, FAKE_START, "aside-d-1", FAKE_START, "aside-a-1");
    assert_true(w.report.duration_ns < 3 * NS_PER_S);
    world_release(&w);
}

static void test_number_of_attempts(_unused_ void **state)
{
    struct world w;
    world_init(&w, "number", false);
    world_want(&w, C("a", ""));
    fake_fault(w.engine, &(struct fake_fault){
                             .verb = FAKE_START, .code = ERR_TIMEOUT, .retryable = true, .always = true});
    w.options.retries = 5;
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_count(&w, FAKE_START, NULL), 6);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_doubles_to_its_cap),
        cmocka_unit_test(test_times_of_attempts),
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_read_back_again),
        cmocka_unit_test(test_waiting_for_an_attempt_takes_no_writer),
        cmocka_unit_test(test_number_of_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
