/* Who may write, and when: suspension (S7), one writer (L6), and stale plans. */
#include "tests/unit/engine/engine_world.h"

#include "base/str.h"

#include <pthread.h>
#include <unistd.h>

static void test_suspension_stops_every_writer(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "suspend", EW_GIT, true);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(engine_suspend(w.engine, "alice", "the disk is being moved", 0, &w.err));
    ew_fails(ew_reconcile(&w), ERR_DENIED);
    assert_contains(w.err.msg, "suspended by alice: the disk is being moved");
    ew_fails(ew_apply(&w), ERR_DENIED);
    ew_restart(&w);
    ew_fails(ew_apply(&w), ERR_DENIED);
    assert_int_equal(fake_writes(w.fake), 0);
    struct val *answer;
    ew_ok(ew_operation(&w, "status", NULL, &answer)); /* reading still works */
    assert_string_equal(val_get_str(answer, "suspended_by"), "alice");
    assert_string_equal(val_get_str(answer, "suspended_why"), "the disk is being moved");
    ew_ok(ew_operation(&w, "resume", NULL, &answer));
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.generation, 1);
    ew_release(&w);
}

static void test_suspension_expires(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "expire", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    int64_t now = clock_wall(&w.time.clock);
    ew_ok(engine_suspend(w.engine, "alice", "lunch", now + NS_PER_S, &w.err));
    ew_fails(ew_reconcile(&w), ERR_DENIED);
    clock_fake_advance(&w.time, NS_PER_S);
    ew_ok(ew_reconcile(&w));
    struct val *answer;
    ew_ok(ew_operation(&w, "status", NULL, &answer));
    assert_null(val_get_str(answer, "suspended_by"));
    ew_fails(engine_suspend(w.engine, "alice", "yesterday", now, &w.err), ERR_INVALID);
    ew_release(&w);
}

/* A suspension that is set between the look and the lock is respected. */
static void test_suspension_after_the_look(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "latesuspend", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_look(&w, &(struct look_options){0}));
    ew_ok(engine_suspend(w.engine, "alice", "stop", 0, &w.err));
    ew_fails(ew_apply_look(&w), ERR_DENIED);
    assert_int_equal(fake_writes(w.fake), 0);
    ew_release(&w);
}

static void *suspend_soon(void *arg)
{
    struct ew *w = arg;
    struct err err = {0};
    while (!fake_exists(w->fake, "midway-first-1") || fake_state(w->fake, "midway-first-1") != OBJECT_RUNNING)
        usleep(1000);
    if (engine_suspend(w->engine, "alice", "stop it", 0, &err) < 0)
        abort();
    return NULL;
}

/* A suspension that is set during a run ends the run, and is not overwritten by the run's update of the
   state. */
static void test_suspension_ends_a_run(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "midway", EW_GIT, true);
    w.env.clock = clock_system();
    engine_close(w.engine);
    ew_ok(engine_open(&w.config, &w.env, &w.engine, &w.err));
    fake_behave(w.fake, "container/first", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    ew_commit(&w, "app.yaml",
              EW_C("first", ", healthcheck: {test: [CMD, \"true\"], interval: 60s, start_period: 1h}")
                  EW_C("then", ", depends_on: {first: {condition: healthy}}"));
    ew_ok(ew_look(&w, &(struct look_options){0}));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, suspend_soon, &w), 0);
    ew_fails(ew_apply_look(&w), ERR_CANCELLED);
    assert_contains(w.err.msg, "suspended by alice");
    pthread_join(thread, NULL);
    assert_false(fake_exists(w.fake, "midway-then-1"));
    const struct env_state st = ew_state(&w);
    assert_string_equal(st.suspended_by, "alice");
    assert_int_equal(st.generation, 1);
    assert_null(st.error);
    ew_fails(ew_reconcile(&w), ERR_DENIED);
    ew_release(&w);
}

/* L6 */
static void test_second_writer_is_refused(_unused_ void **state)
{
    for (int disk = 0; disk < 2; disk++) {
        struct ew w;
        ew_init(&w, disk ? "writersdisk" : "writers", EW_GIT, disk);
        ew_commit(&w, "app.yaml", EW_C("web", ""));
        int lock;
        ew_ok(store_lock(w.store, w.name, "bob (process 7)", &lock, &w.err));
        ew_fails(ew_reconcile(&w), ERR_BUSY);
        assert_contains(w.err.msg, "bob (process 7)");
        assert_contains(w.err.hint, "one apply at a time");
        assert_true(engine_lost_race(ERR_BUSY, &w.err));
        assert_int_equal(fake_writes(w.fake), 0);
        assert_int_equal(ew_state(&w).generation, 0);
        close(lock);
        ew_ok(ew_reconcile(&w));
        ew_release(&w);
    }
}

/* A plan is not run if somebody else has applied since it was made. */
static void test_stale_look_is_refused(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "stale", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", ", user: \"1\""));
    ew_ok(ew_look(&w, &(struct look_options){0}));
    struct engine *other;
    struct look look;
    struct apply_result result;
    const struct apply_options ao = {.actor = "other", .trigger = "test"};
    ew_ok(engine_open(&w.config, &w.env, &other, &w.err));
    ew_ok(engine_look(other, &(struct look_options){0}, &look, &w.err));
    ew_ok(engine_apply(other, &look, &ao, &result, &w.err));
    look_release(&look);
    fake_calls_clear(w.fake);
    ew_fails(ew_apply_look(&w), ERR_CONFLICT);
    assert_true(w.err.retryable);
    assert_true(engine_lost_race(w.err.code, &w.err));
    assert_int_equal(fake_writes(w.fake), 0);
    ew_ok(ew_reconcile(&w)); /* planned again, there is nothing left */
    assert_int_equal(w.result.generation, 0);

    /* A correction creates no generation, but is noticed as well. */
    fake_kill(w.fake, "stale-web-1", 1);
    ew_ok(ew_look(&w, &(struct look_options){0}));
    ew_ok(engine_look(other, &(struct look_options){0}, &look, &w.err));
    ew_ok(engine_apply(other, &look, &ao, &result, &w.err));
    look_release(&look);
    ew_fails(ew_apply_look(&w), ERR_CONFLICT);
    /* So is a run that was killed before its first change was done. */
    ew_ok(ew_look(&w, &(struct look_options){0}));
    ew_ok(journal_append(w.store, w.name,
                         &(struct journal_entry){
                             .run = "r", .seq = 1, .phase = "begin", .id = "container/web", .verb = "stop"},
                         1, &w.err));
    ew_fails(ew_apply_look(&w), ERR_CONFLICT);
    engine_close(other);
    ew_release(&w);
}

/* The cached state of a commit is not used after somebody else has applied another one. */
static void test_commit_of_another_writer(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "another", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", ", user: \"5\""));
    const struct look_options drift = {.same_commit = true};
    ew_ok(ew_look(&w, &drift)); /* nobody has fetched yet: the commit of the last look counts */
    assert_int_equal(w.look.plan.n, 0);
    struct engine *other;
    struct look look;
    struct apply_result result;
    ew_ok(engine_open(&w.config, &w.env, &other, &w.err));
    ew_ok(engine_look(other, &(struct look_options){.attended = true}, &look, &w.err));
    ew_ok(engine_apply(other, &look, &(struct apply_options){.actor = "o", .trigger = "t"}, &result, &w.err));
    look_release(&look);
    engine_close(other);
    ew_ok(ew_run(&w, &drift));
    assert_int_equal(w.look.plan.n, 0);
    assert_contains(ew_field(&w, "another-web-1", "user"), "5");
    ew_release(&w);
}

/* P6 */
static void test_saved_plan(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "saved", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", ", user: \"1\""));
    struct val *plan, *answer;
    ew_ok(ew_operation(&w, "diff", NULL, &plan));
    ew_commit(&w, "app.yaml",
              EW_C("web", ", user: \"2\"")); /* the branch goes on; the plan is for its commit */
    struct buf args = BUF_INIT;
    buf_adds(&args, "{\"plan\": ");
    val_json(plan, 0, &args);
    buf_adds(&args, "}");
    fake_kill(w.fake, "saved-web-1", 3);
    ew_fails(ew_operation(&w, "apply", buf_str(&args), &answer), ERR_CONFLICT);
    assert_contains(w.err.msg, "saved-web-1");
    fake_start(w.fake, "saved-web-1");
    ew_ok(ew_operation(&w, "apply", buf_str(&args), &answer));
    assert_string_equal(val_get_str(answer, "result"), "ok");
    assert_int_equal(val_get_int(answer, "generation", 0), 2);
    assert_contains(ew_field(&w, "saved-web-1", "user"), "1");
    ew_fails(ew_operation(&w, "apply", buf_str(&args), &answer), ERR_CONFLICT);
    assert_contains(w.err.msg, "generation 2 has been applied since");
    buf_release(&args);
    ew_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspension_stops_every_writer), cmocka_unit_test(test_suspension_expires),
        cmocka_unit_test(test_suspension_after_the_look),     cmocka_unit_test(test_suspension_ends_a_run),
        cmocka_unit_test(test_second_writer_is_refused),      cmocka_unit_test(test_stale_look_is_refused),
        cmocka_unit_test(test_commit_of_another_writer),      cmocka_unit_test(test_saved_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
