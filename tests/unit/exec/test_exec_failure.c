/* Failures are contained: dependents are skipped, everything else continues, and the record says what happens
   next. */
#include "tests/unit/exec/world.h"

#include "base/str.h"

#define HEAD(kind, name) "---\napiVersion: forge/v1\nkind: " kind "\nmetadata: {name: " name "}\n"
#define C(name, rest)    HEAD("Container", name) "spec: {image: app:1, network_mode: none" rest "}\n"

/* L4 */
static void test_the_rest_goes_on(_unused_ void **state)
{
    struct world w;
    world_init(&w, "isolate", false);
    world_want(&w, C("a", "") C("bad", "") C("after", ", depends_on: [bad]")
                       C("last", ", depends_on: [after]") C("z", ", depends_on: [a]"));
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_START,
                                              .name = "isolate-bad-1",
                                              .code = ERR_FAILED,
                                              .message = "exec: no such file"});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_outcome(&w, "container/a")->result, EXEC_OK);
    assert_int_equal(world_outcome(&w, "container/z")->result, EXEC_OK);
    assert_int_equal(world_outcome(&w, "container/bad")->result, EXEC_FAILED);
    assert_non_null(strstr(world_outcome(&w, "container/bad")->err.msg, "exec: no such file"));
    assert_int_equal(world_outcome(&w, "container/after")->result, EXEC_SKIPPED);
    assert_non_null(strstr(world_outcome(&w, "container/after")->err.msg, "container/bad"));
    assert_int_equal(world_outcome(&w, "container/last")->result, EXEC_SKIPPED);
    assert_int_equal(w.report.failed, 1);
    assert_int_equal(w.report.skipped, 2);
    assert_int_equal(w.report.ok, 2);
    assert_false(fake_exists(w.engine, "isolate-after-1"));
    world_release(&w);
}

/* L3: a permanent error stalls until the input changes. */
static void test_permanent_error_stalls(_unused_ void **state)
{
    struct world w;
    world_init(&w, "stall", false);
    world_want(&w, C("a", ""));
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_START, .code = ERR_FAILED, .always = true});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_outcome(&w, "container/a")->retries, 0);
    const struct applied *r = world_applied(&w, "container/a");
    assert_int_equal(r->status, APPLIED_STALLED);
    assert_string_equal(r->input_digest, plan_find(&w.plan, "container/a")->input_digest);
    assert_null(r->spec);
    assert_non_null(strstr(r->error, "injected"));
    struct transition t = world_transition(&w, "container/a");
    assert_true(str_eq(t.result, "failed") || str_eq(t.result, "undone"));

    fake_faults_clear(w.engine);
    world_plan(&w);
    assert_true(plan_empty(&w.plan));
    world_want(&w, C("a", ", environment: {A: b}"));
    world_apply_ok(&w);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* L3: a transient error is retried later. */
static void test_transient_error_waits(_unused_ void **state)
{
    struct world w;
    world_init(&w, "transient", false);
    world_want(&w, C("a", ""));
    fake_fault(w.engine,
               &(struct fake_fault){
                   .verb = FAKE_CREATE, .code = ERR_UNAVAILABLE, .retryable = true, .always = true});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_outcome(&w, "container/a")->retries, 3);
    assert_int_equal(fake_count(w.engine, FAKE_CREATE), 4);
    const struct applied *r = world_applied(&w, "container/a");
    assert_int_equal(r->status, APPLIED_FAILED);
    assert_int_equal(r->attempts, 1);
    int64_t pause = r->next_ns - clock_wall(w.clock);
    assert_true(pause >= 700 * NS_PER_MS && pause <= NS_PER_S);

    clock_fake_advance(&w.fake_clock, 2 * NS_PER_S);
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_applied(&w, "container/a")->attempts, 2);
    clock_fake_advance(&w.fake_clock, 2 * NS_PER_S);
    fake_faults_clear(w.engine);
    world_apply_ok(&w);
    r = world_applied(&w, "container/a");
    assert_int_equal(r->status, APPLIED_OK);
    assert_int_equal(r->attempts, 0);
    assert_null(r->error);
    world_release(&w);
}

static void test_image_errors(_unused_ void **state)
{
    struct world w;
    world_init(&w, "images", false);
    fake_image(w.engine,
               &(struct fake_image){
                   .ref = "localhost:5000/secret:1", .remote = 1, .username = "u", .password = "p"});
    world_want(&w, HEAD("Container", "a") "spec: {image: \"nosuch:1\", network_mode: none}\n" HEAD(
                       "Container",
                       "b") "spec: {image: \"localhost:5000/secret:1\", network_mode: none}\n" C("c", "")
                       C("d", ", depends_on: [a]"));
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(world_outcome(&w, "container/a")->err.code, ERR_NOTFOUND);
    assert_int_equal(world_outcome(&w, "container/b")->err.code, ERR_AUTH);
    assert_int_equal(world_outcome(&w, "container/c")->result, EXEC_OK);
    assert_int_equal(world_outcome(&w, "container/d")->result, EXEC_SKIPPED);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_STALLED);
    assert_int_equal(fake_objects(w.engine, NULL, "images"), 1);
    world_release(&w);
}

/* S5 */
static void test_failed_delete_is_tried_again(_unused_ void **state)
{
    struct world w;
    world_init(&w, "delete", false);
    world_want(&w, C("a", "") C("b", ""));
    world_apply_ok(&w);
    world_want(&w, C("a", ""));
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_REMOVE, .code = ERR_CONFLICT});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    const struct applied *r = world_applied(&w, "container/b");
    assert_int_equal(r->status, APPLIED_DELETING);
    assert_non_null(r->spec);
    assert_true(fake_exists(w.engine, "delete-b-1"));

    clock_fake_advance(&w.fake_clock, 3600 * NS_PER_S);
    world_apply_ok(&w);
    assert_false(fake_exists(w.engine, "delete-b-1"));
    world_plan(&w);
    assert_null(inventory_find(&w.inventory, "container/b"));
    world_release(&w);
}

/* S9, L9: a field that does not take effect is named, and the resource is held. */
static void test_field_that_does_not_arrive(_unused_ void **state)
{
    struct world w;
    world_init(&w, "readback", false);
    world_want(&w, C("a", ", hostname: h, user: nobody"));
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_CREATE, .not_read_back = true, .field = "user"});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_non_null(strstr(world_outcome(&w, "container/a")->err.msg, "user"));
    assert_null(strstr(world_outcome(&w, "container/a")->err.msg, "hostname"));
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_HELD);
    assert_string_equal(world_transition(&w, "container/a").result, "held");
    world_plan(&w);
    assert_true(plan_empty(&w.plan));
    world_release(&w);
}

static void test_dies_after_start(_unused_ void **state)
{
    struct world w;
    world_init(&w, "dies", false);
    world_want(&w, C("a", ""));
    fake_behave(w.engine, "container/a",
                &(struct fake_behaviour){.exit_after_ns = NS_PER_MS, .exit_code = 3});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_non_null(strstr(world_outcome(&w, "container/a")->err.msg, "code 3"));
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_STALLED);
    world_release(&w);
}

/* S4: somebody else's object with the same name is left alone, and the change fails. */
static void test_somebody_elses(_unused_ void **state)
{
    struct world w;
    world_init(&w, "foreign", false);
    world_want(&w, C("a", "") C("b", ""));
    fake_foreign(w.engine, &kind_container, "foreign-a-1", NULL);
    char before[80], after[80];
    assert_true(fake_native_id(w.engine, "foreign-a-1", before));
    (void)world_apply(&w);
    assert_true(fake_native_id(w.engine, "foreign-a-1", after));
    assert_string_equal(before, after);
    assert_int_equal(fake_state(w.engine, "foreign-a-1"), OBJECT_RUNNING);
    assert_int_equal(world_outcome(&w, "container/b")->result, EXEC_OK);
    world_release(&w);
}

/* The name is taken between the plan and the run. */
static void test_name_taken_meanwhile(_unused_ void **state)
{
    struct world w;
    world_init(&w, "race", false);
    world_want(&w, C("a", ""));
    fake_fault(w.engine,
               &(struct fake_fault){.verb = FAKE_CREATE, .code = ERR_CONFLICT, .message = "belongs to x"});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_int_equal(fake_objects(w.engine, NULL, NULL), 0);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rest_goes_on),
        cmocka_unit_test(test_permanent_error_stalls),
        cmocka_unit_test(test_transient_error_waits),
        cmocka_unit_test(test_image_errors),
        cmocka_unit_test(test_failed_delete_is_tried_again),
        cmocka_unit_test(test_field_that_does_not_arrive),
        cmocka_unit_test(test_dies_after_start),
        cmocka_unit_test(test_somebody_elses),
        cmocka_unit_test(test_name_taken_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
