/*
 * Updates of several serving instances: how many at a time, in which order, the effect of a failure, and that
 * there are never fewer running instances than promised.
 */
#include "tests/unit/exec/world.h"

#include "base/str.h"

#include <pthread.h>

#define WEB(image, rest) \
    "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec: {image: \"" image "\"" rest "}\n"
#define FOUR    ", network_mode: none, replicas: 4"
#define CHECK   ", healthcheck: {test: [CMD, \"true\"]}"
#define FOREVER 1000000000

/* The objects at one moment. No instance has two serving objects, or two candidates. */
struct census {
    unsigned running, objects, old, new;
};

static struct census look(struct world *w)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct observe_request rq = {.owner = w->name};
    struct observed all;
    struct err err = {0};
    struct census c = {0};
    bool seen[2][16] = {{false}};
    if (provider_fake.observe(w->provider, &rq, NULL, &a, &all, &err) < 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < all.n; i++) {
        const struct object *o = all.items[i];
        bool up = o->state == OBJECT_RUNNING;
        if (o->kind != &kind_container)
            continue;
        c.objects++;
        c.running += up;
        c.old += up && str_eq(val_get_str(o->spec, "image"), "app:1");
        c.new += up &&str_eq(val_get_str(o->spec, "image"), "app:2");
        if (seen[o->candidate][o->instance])
            fail_msg("two of instance %u", o->instance);
        seen[o->candidate][o->instance] = true;
    }
    return c;
}

/* A census at each journal write of a run, taken by the worker that writes. */
struct watcher {
    struct world *w;
    pthread_mutex_t lock;
    unsigned least;
};

static void watch(void *arg, _unused_ uint64_t n)
{
    struct watcher *o = arg;
    struct census c = look(o->w);
    pthread_mutex_lock(&o->lock);
    if (c.running < o->least)
        o->least = c.running;
    pthread_mutex_unlock(&o->lock);
}

static void begin(struct world *w, const char *before)
{
    world_init(w, "roll", false);
    world_want(w, before);
    world_apply_ok(w);
    fake_calls_clear(w->engine);
}

static int update(struct world *w, const char *after, unsigned *ret_least)
{
    struct watcher o = {.w = w, .lock = PTHREAD_MUTEX_INITIALIZER, .least = FOREVER};
    w->options.test_point = watch;
    w->options.test_arg = &o;
    w->options.parallel = 8;
    world_want(w, after);
    int r = world_apply(w);
    w->options.test_point = NULL;
    if (ret_least)
        *ret_least = o.least;
    return r;
}

static void test_as_many_at_a_time_as_asked(_unused_ void **state)
{
    static const struct {
        const char *rest;
        unsigned least;
    } cases[] = {
        {FOUR, 4},
        {FOUR ", update: {parallelism: 2}", 4},
        {FOUR ", update: {parallelism: 0}", 4},
        {FOUR CHECK ", update: {parallelism: 3}", 4},
        {FOUR ", update: {order: stop-first}", 3},
        {FOUR ", update: {order: stop-first, parallelism: 2}", 2},
        {FOUR ", update: {order: stop-first, parallelism: 3}", 1},
        {FOUR ", update: {order: stop-first, failure_action: rollback}", 3},
        {FOUR ", update: {failure_action: rollback, parallelism: 2}", 4},
        {FOUR ", update: {strategy: recreate}", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        _cleanup_buf_ struct buf before = BUF_INIT;
        _cleanup_buf_ struct buf after = BUF_INIT;
        unsigned least;
        buf_addf(&before, WEB("app:1", "%s"), cases[i].rest);
        buf_addf(&after, WEB("app:2", "%s"), cases[i].rest);
        begin(&w, buf_str(&before));
        assert_int_equal(update(&w, buf_str(&after), &least), 0);
        assert_true(least >= cases[i].least);
        assert_int_equal(look(&w).new, 4);
        world_assert_in_sync(&w);
        world_release(&w);
    }
}

/* No new instance starts before all old ones have stopped. */
static void test_recreate_stops_all_first(_unused_ void **state)
{
    struct world w;
    begin(&w, WEB("app:1", FOUR ", update: {strategy: recreate}"));
    assert_int_equal(update(&w, WEB("app:2", FOUR ", update: {strategy: recreate}"), NULL), 0);
    for (unsigned i = 1; i <= 4; i++) {
        for (unsigned k = 1; k <= 4; k++) {
            char old[32], new[32];
            snprintf(old, sizeof(old), "roll-web-%u", i);
            snprintf(new, sizeof(new), "roll-web-%u.next", k);
            world_assert_before(&w, FAKE_STOP, old, FAKE_START, new);
        }
    }
    world_release(&w);
}

static void test_batches_are_apart(_unused_ void **state)
{
    struct world w;
    begin(&w, WEB("app:1", FOUR));
    int64_t began = clock_mono(w.clock);
    assert_int_equal(update(&w, WEB("app:2", FOUR ", update: {parallelism: 2, delay: 1m}"), NULL), 0);
    int64_t took = clock_mono(w.clock) - began;
    assert_true(took >= 60 * NS_PER_S && took < 120 * NS_PER_S); /* two batches, one pause */
    world_assert_before(&w, FAKE_RENAME, "roll-web-2.next", FAKE_CREATE, "roll-web-3.next");
    world_release(&w);
}

/* A cancelled run does not wait for the end of the pause. */
static void test_cancelled_between_batches(_unused_ void **state)
{
    struct world w;
    begin(&w, WEB("app:1", FOUR));
    w.options.timeout_ns = 30 * NS_PER_S;
    assert_int_equal(update(&w, WEB("app:2", FOUR ", update: {delay: 1m}"), NULL), ERR_TIMEOUT);
    assert_int_equal(look(&w).new, 1);
    assert_int_equal(look(&w).old, 3);
    w.options.timeout_ns = 0;
    world_apply_ok(&w);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* ---- failures ---- */

static void break_instance(struct world *w, unsigned instance)
{
    char name[32];
    snprintf(name, sizeof(name), "roll-web-%u.next", instance);
    fake_behave(w->engine, name, &(struct fake_behaviour){.start_error = "it is broken"});
}

static void test_what_a_failure_means(_unused_ void **state)
{
    static const struct {
        const char *rest;
        unsigned new, old;
        const char *words;
    } cases[] = {
        {FOUR, 2, 2, "of 4 instances, 2 updated, 1 failed, 1 not updated (update.failure_action: pause)"},
        {FOUR ", update: {failure_action: continue}", 3, 1,
         "of 4 instances, 3 updated, 1 failed (update.failure_action: continue)"},
        {FOUR ", update: {failure_action: rollback}", 0, 4,
         "of 4 instances, 2 rolled back, 1 failed, 1 not updated (update.failure_action: rollback)"},
        {FOUR ", update: {failure_action: rollback, order: stop-first, parallelism: 4}", 0, 4,
         "of 4 instances, 3 rolled back, 1 failed (update.failure_action: rollback)"},
        {FOUR ", update: {strategy: recreate}", 0, 4,
         "of 4 instances, 3 rolled back, 1 failed (update.failure_action: rollback)"},
        {FOUR ", update: {strategy: recreate, failure_action: pause}", 3, 1,
         "of 4 instances, 3 updated, 1 failed (update.failure_action: pause)"},
        {FOUR ", update: {max_failure_ratio: 0.25}", 3, 1,
         "of 4 instances, 3 updated, 1 failed (update.failure_action: pause)"},
        {FOUR ", update: {max_failure_ratio: 0.25, failure_action: rollback}", 3, 1,
         "of 4 instances, 3 updated, 1 failed (update.failure_action: rollback)"},
        {FOUR ", update: {max_failure_ratio: 0.24}", 2, 2,
         "of 4 instances, 2 updated, 1 failed, 1 not updated (update.failure_action: pause)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        _cleanup_buf_ struct buf before = BUF_INIT;
        _cleanup_buf_ struct buf after = BUF_INIT;
        unsigned least;
        buf_addf(&before, WEB("app:1", "%s"), cases[i].rest);
        buf_addf(&after, WEB("app:2", "%s"), cases[i].rest);
        begin(&w, buf_str(&before));
        break_instance(&w, 3);
        assert_int_equal(update(&w, buf_str(&after), &least), ERR_FAILED);
        const char *msg = world_outcome(&w, "container/web")->err.msg;
        if (!strstr(msg, cases[i].words) || !strstr(msg, "it is broken"))
            fail_msg("%s: %s", cases[i].rest, msg);
        struct census now = look(&w);
        if (now.new != cases[i].new || now.old != cases[i].old || now.objects != 4)
            fail_msg("%s: %u new, %u old, %u objects", cases[i].rest, now.new, now.old, now.objects);
        if (!strstr(cases[i].rest, "stop-first") && !strstr(cases[i].rest, "recreate"))
            if (least < 4)
                fail_msg("%s: %u ran", cases[i].rest, least);
        /* L3: it is not retried automatically. */
        assert_int_equal(world_applied(&w, "container/web")->status, APPLIED_STALLED);
        clock_fake_advance(&w.fake_clock, 3600 * NS_PER_S);
        fake_calls_clear(w.engine);
        assert_int_equal(world_apply(&w), 0);
        assert_int_equal(fake_writes(w.engine), 0);
        assert_int_equal(world_outcome(&w, "container/web")->result, EXEC_BLOCKED);
        /* A retry by hand completes it. */
        fake_behave(w.engine, "roll-web-3.next", &(struct fake_behaviour){0});
        w.policy.force_retry = true;
        assert_int_equal(update(&w, buf_str(&after), NULL), 0);
        assert_int_equal(look(&w).new, 4);
        world_assert_in_sync(&w);
        world_release(&w);
    }
}

/* A timeout while waiting for readiness counts as well: an update that was rolled back is not started
   again. */
static void test_timeouts_are_not_tried_again(_unused_ void **state)
{
    struct world w;
    begin(&w, WEB("app:1", FOUR CHECK));
    fake_behave(w.engine, "roll-web-2.next", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    assert_int_equal(
        update(&w, WEB("app:2", FOUR CHECK ", update: {failure_action: rollback, timeout: 9s}"), NULL),
        ERR_FAILED);
    assert_int_equal(look(&w).old, 4);
    assert_int_equal(world_applied(&w, "container/web")->status, APPLIED_STALLED);
    assert_string_equal(world_transition(&w, "container/web").result, "undone");
    world_release(&w);
}

/* An instance becomes ready, and then exits, is restarted, or becomes unhealthy. */
static void test_monitor(_unused_ void **state)
{
    static const char *const rests[] = {
        FOUR ", update: {monitor: 30s}",
        FOUR ", restart: always, update: {monitor: 30s}",
        FOUR ", update: {monitor: 30s, order: stop-first}",
        ", network_mode: none, update: {monitor: 30s}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        struct world w;
        _cleanup_buf_ struct buf before = BUF_INIT;
        _cleanup_buf_ struct buf after = BUF_INIT;
        unsigned all = i == 3 ? 1 : 4, least;
        buf_addf(&before, WEB("app:1", "%s"), rests[i]);
        buf_addf(&after, WEB("app:2", "%s"), rests[i]);
        begin(&w, buf_str(&before));
        fake_behave(w.engine, "app:2",
                    &(struct fake_behaviour){.exit_after_ns = 20 * NS_PER_S, .exit_code = 1});
        assert_int_equal(update(&w, buf_str(&after), &least), ERR_FAILED);
        assert_non_null(strstr(world_outcome(&w, "container/web")->err.msg, "while it was monitored"));
        assert_int_equal(look(&w).old, all);
        assert_int_equal(look(&w).objects, all);
        assert_true(least >= (i == 2 ? 3 : all));
        /* An instance that survives the monitoring window is a success, even if it exits later. */
        fake_behave(w.engine, "app:2",
                    &(struct fake_behaviour){.exit_after_ns = 10000 * NS_PER_S, .exit_code = 1});
        w.policy.force_retry = true;
        assert_int_equal(update(&w, buf_str(&after), NULL), 0);
        world_release(&w);
    }
}

/* ---- scale, together with an update ---- */

static void test_rollback_of_an_update_that_scales(_unused_ void **state)
{
    static const struct {
        unsigned before, after;
    } cases[] = {{2, 4}, {4, 2}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        _cleanup_buf_ struct buf before = BUF_INIT;
        _cleanup_buf_ struct buf after = BUF_INIT;
        unsigned least;
        buf_addf(&before, WEB("app:1", ", network_mode: none, replicas: %u"), cases[i].before);
        buf_addf(&after,
                 WEB("app:2", ", network_mode: none, replicas: %u, update: {failure_action: rollback}"),
                 cases[i].after);
        begin(&w, buf_str(&before));
        if (i == 0)
            fake_behave(w.engine, "roll-web-4", &(struct fake_behaviour){.start_error = "it is broken"});
        else
            break_instance(&w, 2);
        assert_int_equal(update(&w, buf_str(&after), &least), ERR_FAILED);
        struct census now = look(&w);
        assert_int_equal(now.old, cases[i].before);
        assert_int_equal(now.new, 0);
        assert_true(least >= 2);
        fake_behave(w.engine, "roll-web-4", &(struct fake_behaviour){0});
        fake_behave(w.engine, "roll-web-2.next", &(struct fake_behaviour){0});
        w.policy.force_retry = true;
        assert_int_equal(update(&w, buf_str(&after), &least), 0);
        assert_true(least >= 2);
        assert_int_equal(look(&w).new, cases[i].after);
        world_assert_in_sync(&w);
        world_release(&w);
    }
}

/* ---- interrupted ---- */

struct cut {
    struct world *w;
    uint64_t at;
    bool cut;
};

/* From here on no call reaches the engine, as for a process that was killed. */
static void cut_here(void *arg, uint64_t n)
{
    struct cut *c = arg;
    if (n != c->at)
        return;
    c->cut = true;
    fake_power_cut(c->w->engine, 1, false);
}

/* An update whose rollback is interrupted at each journal write: the rollback is finished or, if the failure
   was not recorded yet, the update is tried once more. It ends with the old version, and stays there. */
static void cut_rollback(const char *rest, bool *ret_more, uint64_t at)
{
    struct world w;
    _cleanup_buf_ struct buf before = BUF_INIT;
    _cleanup_buf_ struct buf after = BUF_INIT;
    struct cut cut = {.at = at};
    buf_addf(&before, WEB("app:1", FOUR "%s"), rest);
    buf_addf(&after, WEB("app:2", FOUR "%s"), rest);
    begin(&w, buf_str(&before));
    break_instance(&w, 3);
    cut.w = &w;
    w.options.test_point = cut_here;
    w.options.test_arg = &cut;
    w.options.retries = 1;
    w.options.parallel = 1;
    world_want(&w, buf_str(&after));
    assert_int_equal(world_apply(&w), ERR_FAILED);
    *ret_more = cut.cut;
    w.options.test_point = NULL;
    fake_power_cut(w.engine, 0, false);
    for (int i = 0; i < 4; i++) {
        clock_fake_advance(&w.fake_clock, 3600 * NS_PER_S);
        (void)world_apply(&w);
    }
    struct census now = look(&w);
    if (now.old != 4 || now.new != 0 || now.objects != 4)
        fail_msg("cut at %llu:%s: %u old, %u new, %u objects", (unsigned long long)at, rest, now.old, now.new,
                 now.objects);
    fake_calls_clear(w.engine);
    assert_int_equal(world_apply(&w), 0);
    assert_int_equal(fake_writes(w.engine), 0);
    world_release(&w);
}

static void test_rollback_is_cut_short(_unused_ void **state)
{
    static const char *const rests[] = {", update: {failure_action: rollback}",
                                        ", update: {failure_action: rollback, order: stop-first}",
                                        ", update: {strategy: recreate}"};
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        bool more = true;
        uint64_t at = 1;
        for (; more; at++)
            cut_rollback(rests[i], &more, at);
        assert_true(at > 50);
    }
}

struct listener {
    struct world *w;
    unsigned undone, stalled;
};

/* Called on the thread that rolls back. */
static void hear_undo(void *arg, const struct exec_event *ev)
{
    struct listener *l = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct inventory inv = {0};
    struct err err = {0};
    if (ev->type != EXEC_UNDO || inventory_load(l->w->store, l->w->name, &a, &inv, &err) < 0)
        return;
    const struct applied *r = inventory_find(&inv, "container/web");
    l->undone++;
    l->stalled += r && r->status == APPLIED_STALLED;
}

/* The failure of an update is recorded before its first finished instance is rolled back, so that nobody who
   finds it half-way continues the update. */
static void test_failure_is_recorded_before_it_is_taken_back(_unused_ void **state)
{
    struct world w;
    begin(&w, WEB("app:1", FOUR));
    break_instance(&w, 3);
    struct listener l = {.w = &w};
    w.options.event = hear_undo;
    w.options.arg = &l;
    assert_int_equal(update(&w, WEB("app:2", FOUR ", update: {failure_action: rollback}"), NULL), ERR_FAILED);
    assert_int_equal(l.undone, 3); /* the failed instance, and two successful ones */
    assert_int_equal(l.stalled, 2);
    world_release(&w);
}

/* ---- random combinations: the promise holds ---- */

static unsigned roll(uint64_t *state, unsigned sides)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % sides);
}

static void test_never_fewer_than_promised(_unused_ void **state)
{
    static const char *const orders[] = {"start-first", "stop-first"};
    static const char *const actions[] = {"pause", "continue", "rollback"};
    for (uint64_t seed = 1; seed <= 150; seed++) {
        uint64_t dice = seed * 7919;
        struct world w;
        _cleanup_buf_ struct buf before = BUF_INIT;
        _cleanup_buf_ struct buf rest = BUF_INIT;
        _cleanup_buf_ struct buf after = BUF_INIT;
        unsigned old = 1 + roll(&dice, 5), new = 1 + roll(&dice, 5), parallel = 1 + roll(&dice, 3), least;
        bool stop_first = roll(&dice, 2), broken = roll(&dice, 2);
        buf_addf(&rest, ", network_mode: none, update: {order: %s, parallelism: %u, failure_action: %s}",
                 orders[stop_first], parallel, actions[roll(&dice, 3)]);
        buf_addf(&before, WEB("app:1", ", replicas: %u%s"), old, buf_str(&rest));
        buf_addf(&after, WEB("app:2", ", replicas: %u%s"), new, buf_str(&rest));
        begin(&w, buf_str(&before));
        if (broken)
            break_instance(&w, 1 + roll(&dice, new));
        (void)update(&w, buf_str(&after), &least);
        unsigned promised = old < new ? old : new;
        if (stop_first)
            promised = promised > parallel ? promised - parallel : 0;
        if (least < promised)
            fail_msg("seed %llu: %u ran, of %u promised: %s", (unsigned long long)seed, least, promised,
                     buf_str(&after));
        /* Every object belongs to an instance, and nothing is left over. */
        struct census now = look(&w);
        assert_true(now.objects <= (old > new ? old : new));
        assert_true(now.running >= (stop_first ? promised : old < new ? old : new));
        world_release(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_at_a_time_as_asked),
        cmocka_unit_test(test_recreate_stops_all_first),
        cmocka_unit_test(test_batches_are_apart),
        cmocka_unit_test(test_cancelled_between_batches),
        cmocka_unit_test(test_what_a_failure_means),
        cmocka_unit_test(test_timeouts_are_not_tried_again),
        cmocka_unit_test(test_monitor),
        cmocka_unit_test(test_rollback_of_an_update_that_scales),
        cmocka_unit_test(test_rollback_is_cut_short),
        cmocka_unit_test(test_failure_is_recorded_before_it_is_taken_back),
        cmocka_unit_test(test_never_fewer_than_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
