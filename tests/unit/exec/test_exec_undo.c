/*
 * A replacement that fails at each of its steps, one after the other (S6): the old container keeps serving or
 * is started again, nothing is left over, and the next run converges.
 */
#include "tests/unit/exec/world.h"

#include "base/str.h"

#define WEB(image, rest) \
    "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec: {image: \"" image "\"" rest "}\n"
#define PLAIN ", network_mode: none"
#define PORT  ", ports: [\"8080:80\"]" /* and the default network */

static void assert_serving(struct world *w, const char *image_version)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct object o;
    struct err err = {0};
    assert_int_equal(provider_fake.inspect(w->provider, &kind_container, "undo-web-1", NULL, &a, &o, &err),
                     0);
    assert_int_equal(o.state, OBJECT_RUNNING);
    if (image_version)
        assert_string_equal(val_get_str(o.spec, "image"), image_version);
}

/* Let a replacement fail at one step, and check the consequences. */
static void fail_at(enum fake_verb verb, const char *name, bool after_effect, const char *rest)
{
    struct world w;
    _cleanup_buf_ struct buf before = BUF_INIT;
    _cleanup_buf_ struct buf after = BUF_INIT;
    buf_addf(&before, WEB("app:1", "%s"), rest);
    buf_addf(&after, WEB("app:2", "%s"), rest);
    world_init(&w, "undo", false);
    world_want(&w, buf_str(&before));
    world_apply_ok(&w);
    assert_serving(&w, "app:1");

    world_want(&w, buf_str(&after));
    fake_fault(w.engine, &(struct fake_fault){
                             .verb = verb, .name = name, .code = ERR_FAILED, .after_effect = after_effect});
    int r = world_apply(&w);
    assert_int_equal(r, ERR_FAILED);
    /* Whatever failed: a container serves, under its final name or as the candidate. */
    size_t serving =
        fake_exists(w.engine, "undo-web-1") && fake_state(w.engine, "undo-web-1") == OBJECT_RUNNING;
    serving +=
        fake_exists(w.engine, "undo-web-1.next") && fake_state(w.engine, "undo-web-1.next") == OBJECT_RUNNING;
    assert_true(serving >= 1);

    /* After a forced retry, as by a user, everything is in sync and nothing is left over. */
    w.policy.force_retry = true;
    clock_fake_advance(&w.fake_clock, 3600 * NS_PER_S);
    world_apply_ok(&w);
    assert_serving(&w, "app:2");
    assert_int_equal(fake_objects(w.engine, &kind_container, NULL), 1);
    world_assert_in_sync(&w);
    world_release(&w);
}

static void test_each_step_of_start_first(_unused_ void **state)
{
    static const struct {
        enum fake_verb verb;
        const char *name;
    } steps[] = {
        {FAKE_CREATE, NULL}, {FAKE_START, NULL},  {FAKE_WAIT, NULL},
        {FAKE_STOP, NULL},   {FAKE_REMOVE, NULL}, {FAKE_RENAME, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        fail_at(steps[i].verb, steps[i].name, false, PLAIN);
        if (steps[i].verb != FAKE_WAIT)
            fail_at(steps[i].verb, steps[i].name, true, PLAIN);
    }
}

static void test_each_step_of_stop_first(_unused_ void **state)
{
    static const enum fake_verb steps[] = {FAKE_CREATE, FAKE_STOP,   FAKE_START,
                                           FAKE_WAIT,   FAKE_REMOVE, FAKE_RENAME};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        fail_at(steps[i], NULL, false, PORT);
        if (steps[i] != FAKE_WAIT)
            fail_at(steps[i], NULL, true, PORT);
    }
}

/* The new container never becomes healthy: the old one keeps serving. */
static void test_unhealthy_replacement(_unused_ void **state)
{
    static const char *const rests[] = {
        PLAIN ", healthcheck: {test: [CMD, \"true\"]}, update: {timeout: 30s}",
        PORT ", healthcheck: {test: [CMD, \"true\"]}, update: {timeout: 30s}"};
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        struct world w;
        _cleanup_buf_ struct buf before = BUF_INIT;
        _cleanup_buf_ struct buf after = BUF_INIT;
        buf_addf(&before, WEB("app:1", "%s"), rests[i]);
        buf_addf(&after, WEB("app:2", "%s"), rests[i]);
        world_init(&w, "undo", false);
        fake_behave(w.engine, "app:2", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
        world_want(&w, buf_str(&before));
        world_apply_ok(&w);
        char old[80], now[80];
        assert_true(fake_native_id(w.engine, "undo-web-1", old));
        /* Behaviours are looked up by resource first: only the image distinguishes old and new. */
        world_want(&w, buf_str(&after));
        fake_calls_clear(w.engine);
        assert_int_equal(world_apply(&w), ERR_FAILED);
        assert_int_equal(world_outcome(&w, "container/web")->err.code, ERR_TIMEOUT);
        assert_true(fake_native_id(w.engine, "undo-web-1", now));
        assert_string_equal(old, now);
        assert_serving(&w, "app:1");
        assert_int_equal(fake_objects(w.engine, &kind_container, NULL), 1);
        assert_int_equal(world_count(&w, FAKE_STOP, "undo-web-1"), i == 0 ? 0 : 1);
        /* A timeout is retried later. */
        assert_int_equal(world_applied(&w, "container/web")->status, APPLIED_FAILED);
        assert_string_equal(world_transition(&w, "container/web").result, "undone");
        world_release(&w);
    }
}

/* The undo fails as well: the error reports both failures, and the next run repairs the state. */
static void test_undo_fails(_unused_ void **state)
{
    struct world w;
    world_init(&w, "undo", false);
    world_want(&w, WEB("app:1", PLAIN));
    world_apply_ok(&w);
    world_want(&w, WEB("app:2", PLAIN));
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_START, .code = ERR_FAILED, .message = "first"});
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_REMOVE, .code = ERR_FAILED, .message = "second"});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    const char *msg = world_outcome(&w, "container/web")->err.msg;
    assert_non_null(strstr(msg, "first"));
    assert_non_null(strstr(msg, "second"));
    assert_serving(&w, "app:1");
    assert_string_equal(world_transition(&w, "container/web").result, "failed");
    w.policy.force_retry = true;
    world_apply_ok(&w);
    assert_serving(&w, "app:2");
    assert_int_equal(fake_objects(w.engine, &kind_container, NULL), 1);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_step_of_start_first),
        cmocka_unit_test(test_each_step_of_stop_first),
        cmocka_unit_test(test_unhealthy_replacement),
        cmocka_unit_test(test_undo_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
