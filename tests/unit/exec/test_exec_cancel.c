/* Cancelled runs: by a user or a newer commit (L2), or because of a timeout. */
#include "tests/unit/exec/world.h"

#include "base/str.h"
#include "tests/lib/unit.h"

#include <pthread.h>

#define C(name, rest)                                                    \
    "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: " name \
    "}\nspec: {image: app:1, network_mode: none" rest "}\n"
#define CHECK ", healthcheck: {test: [CMD, \"true\"]}"

struct stopper {
    struct cancel cancel;
    enum exec_event_type type;
    const char *id;
    enum step_verb verb;
    bool any_verb;
};

static void stop_at(void *arg, const struct exec_event *ev)
{
    struct stopper *s = arg;
    if (ev->type == s->type && str_eq(ev->change->id, s->id) &&
        (s->any_verb || (ev->step && ev->step->verb == s->verb)))
        cancel_set(&s->cancel);
}

static int apply_and_stop(struct world *w, struct stopper *s)
{
    cancel_init(&s->cancel);
    w->options.cancel = &s->cancel;
    w->options.event = stop_at;
    w->options.arg = s;
    int r = world_apply(w);
    w->options.cancel = NULL;
    w->options.event = NULL;
    cancel_release(&s->cancel);
    return r;
}

static void test_between_steps(_unused_ void **state)
{
    struct world w;
    world_init(&w, "between", false);
    world_want(&w, C("a", "") C("b", ", depends_on: [a]") C("c", ", depends_on: [b]"));
    struct stopper s = {.type = EXEC_STEP_END, .id = "container/b", .verb = STEP_CREATE};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_int_equal(world_outcome(&w, "container/a")->result, EXEC_OK);
    assert_int_equal(world_outcome(&w, "container/b")->result, EXEC_CANCELLED);
    assert_int_equal(world_outcome(&w, "container/c")->result, EXEC_CANCELLED);
    assert_int_equal(world_count(&w, FAKE_START, "between-b-1"), 0);
    assert_int_equal(world_count(&w, FAKE_CREATE, "between-c-1"), 0);
    assert_string_equal(world_transition(&w, "container/b").result, "cancelled");

    /* The next run can continue immediately. */
    world_apply_ok(&w);
    assert_int_equal(fake_objects(w.engine, NULL, NULL), 3);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* A replacement is cancelled while it waits for health: the old container stays. */
static void test_while_waiting_for_health(_unused_ void **state)
{
    struct world w;
    world_init(&w, "health", true);
    world_want(&w, C("a", CHECK));
    world_apply_ok(&w);
    char old[80], now[80];
    assert_true(fake_native_id(w.engine, "health-a-1", old));
    fake_behave(w.engine, "container/a", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    world_want(&w, C("a", CHECK ", environment: {V: two}"));
    struct stopper s = {.type = EXEC_STEP_PROGRESS, .id = "container/a", .any_verb = true};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_true(w.report.duration_ns < 5 * NS_PER_S);
    assert_true(fake_native_id(w.engine, "health-a-1", now));
    assert_string_equal(old, now);
    assert_int_equal(fake_state(w.engine, "health-a-1"), OBJECT_RUNNING);
    assert_int_equal(fake_objects(w.engine, NULL, NULL), 1);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
    world_release(&w);
}

static void test_while_waiting_for_an_attempt(_unused_ void **state)
{
    struct world w;
    world_init(&w, "attempt", true);
    world_want(&w, C("a", ""));
    fake_fault(w.engine,
               &(struct fake_fault){
                   .verb = FAKE_CREATE, .code = ERR_UNAVAILABLE, .retryable = true, .always = true});
    struct stopper s = {.type = EXEC_RETRY, .id = "container/a", .any_verb = true};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_int_equal(fake_count(w.engine, FAKE_CREATE), 1);
    assert_true(w.report.duration_ns < NS_PER_S / 2);
    world_release(&w);
}

/* An engine that does not answer cannot undo anything either: who stops the run need not wait for that. */
static void test_while_undoing_on_an_engine_that_is_away(_unused_ void **state)
{
    struct world w;
    world_init(&w, "undoaway", true);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    world_want(&w, C("a", ", environment: {A: b}"));
    fake_calls_clear(w.engine);
    for (int verb = 0; verb < 3; verb++)
        fake_fault(w.engine,
                   &(struct fake_fault){.verb = (enum fake_verb[]){FAKE_START, FAKE_STOP, FAKE_REMOVE}[verb],
                                        .code = ERR_UNAVAILABLE,
                                        .retryable = true,
                                        .always = true});
    struct stopper s = {.type = EXEC_RETRY, .id = "container/a", .any_verb = true};
    assert_true(apply_and_stop(&w, &s) < 0);
    assert_int_equal(world_count(&w, FAKE_START, "undoaway-a-1.next"), 1);
    assert_true(fake_count(w.engine, FAKE_REMOVE) + fake_count(w.engine, FAKE_STOP) >= 1);
    assert_true(w.report.duration_ns < NS_PER_S / 2);
    world_plan(&w);
    assert_string_equal(w.policy.resume[0], "container/a"); /* the next run finishes it */
    world_release(&w);
}

/* It is waited for once, not for each step of undoing anew. */
static void test_undoing_waits_once_for_an_engine(_unused_ void **state)
{
    struct world w;
    world_init(&w, "undoonce", false);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    world_want(&w, C("a", ", environment: {A: b}"));
    fake_calls_clear(w.engine);
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_START, .code = ERR_FAILED});
    for (int verb = 0; verb < 2; verb++)
        fake_fault(w.engine, &(struct fake_fault){.verb = verb ? FAKE_STOP : FAKE_REMOVE,
                                                  .code = ERR_UNAVAILABLE,
                                                  .retryable = true,
                                                  .always = true});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    size_t asked = fake_count(w.engine, FAKE_REMOVE) + fake_count(w.engine, FAKE_STOP);
    assert_true(asked >= 4 && asked <= 5); /* four attempts at the first step, one at any other */
    world_release(&w);
}

/* Nor once more after the step that failed because of it had waited for it. */
static void test_undoing_does_not_wait_again(_unused_ void **state)
{
    static const enum fake_verb verbs[] = {FAKE_START, FAKE_STOP, FAKE_REMOVE};
    struct world w;
    world_init(&w, "undonomore", false);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    world_want(&w, C("a", ", environment: {A: b}"));
    fake_calls_clear(w.engine);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        fake_fault(w.engine,
                   &(struct fake_fault){
                       .verb = verbs[i], .code = ERR_UNAVAILABLE, .retryable = true, .always = true});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    /* Four attempts at the start, then one at each step of undoing. */
    assert_true(fake_count(w.engine, FAKE_START) <= 5);
    assert_int_equal(fake_count(w.engine, FAKE_STOP), 1);
    assert_int_equal(fake_count(w.engine, FAKE_REMOVE), 1);
    world_release(&w);
}

/* Nor when the run's time is up. */
static void test_undoing_waits_for_no_engine_when_time_is_up(_unused_ void **state)
{
    struct world w;
    world_init(&w, "undolate", true);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    world_want(&w, C("a", CHECK));
    fake_calls_clear(w.engine);
    fake_behave(w.engine, "container/a", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    for (int verb = 0; verb < 2; verb++)
        fake_fault(w.engine, &(struct fake_fault){.verb = verb ? FAKE_STOP : FAKE_REMOVE,
                                                  .code = ERR_UNAVAILABLE,
                                                  .retryable = true,
                                                  .always = true});
    w.options.timeout_ns = 200 * NS_PER_MS;
    assert_true(world_apply(&w) < 0);
    assert_int_equal(fake_count(w.engine, FAKE_STOP) + fake_count(w.engine, FAKE_REMOVE), 2);
    world_plan(&w);
    assert_string_equal(w.policy.resume[0], "container/a");
    world_release(&w);
}

static void test_before_anything(_unused_ void **state)
{
    struct world w;
    world_init(&w, "before", false);
    world_want(&w, C("a", "") C("b", ""));
    struct cancel c;
    cancel_init(&c);
    cancel_set(&c);
    w.options.cancel = &c;
    assert_int_equal(world_apply(&w), ERR_CANCELLED);
    assert_int_equal(w.report.cancelled + w.report.ok, 2);
    w.options.cancel = NULL;
    cancel_release(&c);
    world_apply_ok(&w);
    world_release(&w);
}

/*
 * Cancelled past the point of no return: the old container is removed, the new one does not have its name
 * yet. The next run finishes the replacement, even where a missing container would otherwise be left alone
 * as drift. If that run is cancelled before it gets to it, the run after it finishes it.
 */
static void test_half_way_is_finished(_unused_ void **state)
{
    struct world w;
    world_init(&w, "half", false);
    w.policy.self_heal = false;
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    world_want(&w, C("a", ", environment: {V: two}"));
    struct stopper s = {.type = EXEC_STEP_END, .id = "container/a", .verb = STEP_REMOVE};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_true(fake_exists(w.engine, "half-a-1.next"));
    assert_false(fake_exists(w.engine, "half-a-1"));
    struct cancel c;
    cancel_init(&c);
    cancel_set(&c);
    w.options.cancel = &c;
    assert_int_equal(world_apply(&w), ERR_CANCELLED);
    w.options.cancel = NULL;
    cancel_release(&c);
    assert_string_equal(w.policy.resume[0], "container/a");
    world_apply_ok(&w);
    assert_true(fake_exists(w.engine, "half-a-1"));
    assert_int_equal(fake_objects(w.engine, NULL, NULL), 1);
    world_assert_in_sync(&w);
    assert_null(w.policy.resume[0]);
    world_release(&w);
}

/* A run for another resource does not lose the record of the half-finished one (S8). */
static void test_half_way_outlives_a_run_of_another(_unused_ void **state)
{
    static const char *const only[] = {"container/b", NULL};
    struct world w;
    world_init(&w, "other", false);
    w.policy.self_heal = false;
    world_want(&w, C("a", "") C("b", ""));
    world_apply_ok(&w);
    world_want(&w, C("a", ", environment: {V: two}") C("b", ", environment: {V: two}"));
    struct stopper s = {.type = EXEC_STEP_END, .id = "container/a", .verb = STEP_REMOVE};
    w.options.parallel = 1;
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_false(fake_exists(w.engine, "other-a-1"));
    w.policy.only = only;
    world_apply_ok(&w);
    assert_true(fake_exists(w.engine, "other-b-1"));
    assert_false(fake_exists(w.engine, "other-a-1"));
    w.policy.only = NULL;
    world_plan(&w);
    assert_string_equal(w.policy.resume[0], "container/a");
    world_apply_ok(&w);
    assert_true(fake_exists(w.engine, "other-a-1"));
    world_assert_in_sync(&w);
    assert_null(w.policy.resume[0]);
    world_release(&w);
}

/* Created and started, but cancelled before it was read back: it is known to be unfinished, even if it
   exits. */
static void test_started_and_cancelled_is_finished(_unused_ void **state)
{
    struct world w;
    world_init(&w, "started", false);
    w.policy.self_heal = false;
    world_want(&w, C("a", CHECK));
    struct stopper s = {.type = EXEC_STEP_END, .id = "container/a", .verb = STEP_START};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_int_equal(fake_state(w.engine, "started-a-1"), OBJECT_RUNNING);
    assert_string_equal(world_transition(&w, "container/a").result, "cancelled");
    fake_kill(w.engine, "started-a-1", 1);
    world_plan(&w);
    assert_string_equal(w.policy.resume[0], "container/a");
    world_apply_ok(&w);
    assert_int_equal(fake_state(w.engine, "started-a-1"), OBJECT_RUNNING);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* Started, but cancelled before it was healthy: the next run does not report success before it is (S9). */
static void test_started_and_cancelled_is_waited_for(_unused_ void **state)
{
    struct world w;
    world_init(&w, "awaited", false);
    world_want(&w, C("a", CHECK) C("b", ", depends_on: {a: healthy}"));
    fake_behave(w.engine, "container/a", &(struct fake_behaviour){.healthy_after_ns = 20 * NS_PER_S});
    struct stopper s = {.type = EXEC_STEP_END, .id = "container/a", .verb = STEP_START};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_int_equal(world_count(&w, FAKE_START, "awaited-b-1"), 0);
    world_apply_ok(&w);
    assert_int_equal(world_count(&w, FAKE_START, "awaited-a-1"), 1);
    assert_true(w.report.duration_ns >= 15 * NS_PER_S);
    assert_int_equal(world_outcome(&w, "container/a")->result, EXEC_OK);
    assert_int_equal(world_count(&w, FAKE_START, "awaited-b-1"), 1);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* It never becomes healthy: that is not a success, now or later, and its dependents are not started. */
static void test_started_and_cancelled_is_never_well(_unused_ void **state)
{
    struct world w;
    world_init(&w, "unwell", false);
    world_want(&w, C("a", CHECK) C("b", ", depends_on: {a: healthy}"));
    fake_behave(w.engine, "container/a", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    struct stopper s = {.type = EXEC_STEP_END, .id = "container/a", .verb = STEP_START};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_true(world_apply(&w) < 0);
    assert_int_equal(world_outcome(&w, "container/a")->result, EXEC_FAILED);
    assert_int_equal(world_outcome(&w, "container/b")->result, EXEC_SKIPPED);
    world_plan(&w);
    assert_int_equal(plan_find(&w.plan, "container/a")->action, PLAN_BLOCKED);
    assert_int_equal(world_count(&w, FAKE_START, "unwell-b-1"), 0);
    world_release(&w);
}

/* Created but never started: an engine that was killed meanwhile may never be able to start that
   container. */
static void test_made_and_cancelled_is_made_anew(_unused_ void **state)
{
    struct world w;
    char first[80], now[80];
    world_init(&w, "anew", false);
    world_want(&w, C("a", ""));
    struct stopper s = {.type = EXEC_STEP_END, .id = "container/a", .verb = STEP_CREATE};
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_true(fake_native_id(w.engine, "anew-a-1", first));
    world_apply_ok(&w);
    assert_true(fake_native_id(w.engine, "anew-a-1", now));
    assert_string_not_equal(first, now);
    assert_int_equal(fake_objects(w.engine, NULL, NULL), 1);

    /* The same for a replacement: the old container serves until a new one can. */
    world_want(&w, C("a", ", environment: {V: two}"));
    assert_int_equal(apply_and_stop(&w, &s), ERR_CANCELLED);
    assert_int_equal(fake_state(w.engine, "anew-a-1"), OBJECT_RUNNING);
    world_apply_ok(&w);
    assert_int_equal(fake_objects(w.engine, NULL, NULL), 1);
    world_assert_in_sync(&w);
    world_release(&w);
}

static void test_time_is_up(_unused_ void **state)
{
    struct world w;
    world_init(&w, "late", true);
    world_want(&w, C("a", CHECK) C("b", ", depends_on: {a: healthy}"));
    fake_behave(w.engine, "container/a", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    w.options.timeout_ns = 200 * NS_PER_MS;
    assert_int_equal(world_apply(&w), ERR_TIMEOUT);
    assert_true(w.report.duration_ns < 5 * NS_PER_S);
    assert_int_equal(world_outcome(&w, "container/a")->result, EXEC_CANCELLED);
    assert_int_equal(world_outcome(&w, "container/b")->result, EXEC_CANCELLED);
    assert_string_equal(world_outcome(&w, "container/a")->err.msg, "the run's time was up while waiting");
    world_release(&w);
}

static void test_time_is_up_on_a_fake_clock(_unused_ void **state)
{
    struct world w;
    world_init(&w, "clock", false);
    world_want(&w, C("a", ""));
    fake_fault(w.engine,
               &(struct fake_fault){
                   .verb = FAKE_CREATE, .code = ERR_UNAVAILABLE, .retryable = true, .always = true});
    w.options.timeout_ns = 2 * NS_PER_S;
    w.options.retries = 100;
    assert_int_equal(world_apply(&w), ERR_TIMEOUT);
    assert_true(w.report.duration_ns >= 2 * NS_PER_S && w.report.duration_ns < 3 * NS_PER_S);
    /* Making the plan has taken a part of it. */
    w.options.timeout_ns = 4 * NS_PER_S;
    w.options.spent_ns = 3 * NS_PER_S;
    assert_int_equal(world_apply(&w), ERR_TIMEOUT);
    assert_true(w.report.duration_ns >= NS_PER_S && w.report.duration_ns < 2 * NS_PER_S);
    assert_contains(w.err.msg, "4s");
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_steps),
        cmocka_unit_test(test_while_waiting_for_health),
        cmocka_unit_test(test_while_waiting_for_an_attempt),
        cmocka_unit_test(test_while_undoing_on_an_engine_that_is_away),
        cmocka_unit_test(test_undoing_waits_once_for_an_engine),
        cmocka_unit_test(test_undoing_does_not_wait_again),
        cmocka_unit_test(test_undoing_waits_for_no_engine_when_time_is_up),
        cmocka_unit_test(test_before_anything),
        cmocka_unit_test(test_half_way_is_finished),
        cmocka_unit_test(test_half_way_outlives_a_run_of_another),
        cmocka_unit_test(test_started_and_cancelled_is_finished),
        cmocka_unit_test(test_started_and_cancelled_is_waited_for),
        cmocka_unit_test(test_started_and_cancelled_is_never_well),
        cmocka_unit_test(test_made_and_cancelled_is_made_anew),
        cmocka_unit_test(test_time_is_up),
        cmocka_unit_test(test_time_is_up_on_a_fake_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
