/* What is recorded of a run: journal, inventory, transitions; and what happens when the store fails. */
#include "tests/unit/exec/world.h"

#include "base/io.h"
#include "base/str.h"

#include <sys/stat.h>

#define C(name, rest)                                                    \
    "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: " name \
    "}\nspec: {image: app:1, network_mode: none" rest "}\n"

/* The state of the journal at the n-th point of a run. */
struct spy {
    struct world *w;
    uint64_t points;
    size_t open_before_first_write; /* entries at the time of the first change to the engine */
};

static size_t open_entries(struct world *w)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct journal_entry *entries;
    size_t n;
    struct err err = {0};
    assert_int_equal(journal_open(w->store, w->name, &a, &entries, &n, &err), 0);
    return n;
}

static void count_points(void *arg, uint64_t n)
{
    struct spy *s = arg;
    s->points = n;
    if (!s->open_before_first_write && fake_changes(s->w->engine))
        s->open_before_first_write = open_entries(s->w);
}

/* S8: an intent is durable before anything is done. */
static void test_journal_before_work(_unused_ void **state)
{
    struct world w;
    world_init(&w, "journal", false);
    world_want(&w, C("a", ""));
    struct spy s = {.w = &w};
    w.options.test_point = count_points;
    w.options.test_arg = &s;
    world_apply_ok(&w);
    assert_true(s.points > 8);
    assert_true(s.open_before_first_write >= 2); /* the run, and the create */
    assert_int_equal(open_entries(&w), 0);
    world_release(&w);
}

struct witness {
    struct world *w;
    bool ended;
    uint64_t missing_at;
};

static void see_end(void *arg, const struct exec_event *ev)
{
    struct witness *s = arg;
    s->ended |= ev->type == EXEC_CHANGE_END;
}

static void look_for_a(void *arg, uint64_t n)
{
    struct witness *s = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *const *ids;
    struct err err = {0};
    assert_int_equal(exec_resume_ids(s->w->store, s->w->name, &a, &ids, &err), 0);
    bool found = false;
    for (; *ids; ids++)
        found |= str_eq(*ids, "container/a");
    if (!found && !s->ended && !s->missing_at)
        s->missing_at = n;
}

/* S8: a change that an earlier run left half-way stays recorded as such until it is finished. */
static void test_taken_over_without_a_gap(_unused_ void **state)
{
    struct world w;
    world_init(&w, "takeover", false);
    world_want(&w, C("a", ""));
    struct journal_entry e = {.run = "old", .seq = 1, .phase = "run"};
    assert_int_equal(journal_append(w.store, w.name, &e, 1, &w.err), 0);
    e = (struct journal_entry){
        .run = "old", .seq = 2, .phase = "begin", .id = "container/a", .verb = "create"};
    assert_int_equal(journal_append(w.store, w.name, &e, 1, &w.err), 0);
    struct witness s = {.w = &w};
    w.options.test_point = look_for_a;
    w.options.test_arg = &s;
    w.options.event = see_end;
    w.options.arg = &s;
    w.options.parallel = 1;
    world_apply_ok(&w);
    assert_true(s.ended);
    assert_int_equal(s.missing_at, 0);
    assert_int_equal(open_entries(&w), 0);
    /* The interrupted run has exactly one transition. */
    struct transition *list;
    size_t n;
    assert_int_equal(transition_list(w.store, w.name, "container/a", 0, 0, &w.arena, &list, &n, &w.err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[1].result, "interrupted");
    assert_string_equal(list[1].run, "old");
    world_release(&w);
}

static void test_inventory(_unused_ void **state)
{
    struct world w;
    world_init(&w, "inventory", false);
    world_want(&w, C("a", ", environment: {A: b}, labels: {x: y}"));
    world_apply_ok(&w);
    const struct applied *r = world_applied(&w, "container/a");
    assert_int_equal(r->status, APPLIED_OK);
    assert_int_equal(r->generation, 1);
    assert_string_equal(val_get_str(val_get(r->spec, "environment"), "A"), "b");
    /* The baseline contains the engine's defaults. */
    assert_string_equal(val_get_str(r->baseline, "restart"), "no");
    assert_non_null(r->image_id);
    assert_non_null(r->commit);
    world_release(&w);
}

/* H1 */
static void test_transition(_unused_ void **state)
{
    struct world w;
    world_init(&w, "transition", false);
    world_want(&w, C("a", ", environment: {A: one}"));
    world_apply_ok(&w);
    w.options.plan_digest = "digest";
    world_want(&w, C("a", ", environment: {A: two}"));
    world_apply_ok(&w);
    struct transition t = world_transition(&w, "container/a");
    assert_string_equal(t.actor, "tester");
    assert_string_equal(t.trigger, "apply");
    assert_string_equal(t.plan_digest, "digest");
    assert_string_equal(t.run, "run-2");
    assert_int_equal(t.generation, 2);
    assert_string_equal(t.action, "replace");
    assert_string_equal(t.result, "ok");
    assert_null(t.error);
    assert_true(t.at_ns > 0);
    assert_non_null(t.commit);
    assert_true(!str_eq(t.before, t.after));
    bool found = false;
    for (size_t i = 0; i < val_len(t.changes); i++) {
        const struct val *c = t.changes->items[i];
        if (!str_eq(val_get_str(c, "path"), "environment.A"))
            continue;
        found = true;
        assert_string_equal(val_get_str(c, "before"), "one");
        assert_string_equal(val_get_str(c, "after"), "two");
        assert_string_equal(val_get_str(c, "cause"), "commit");
    }
    assert_true(found);
    world_release(&w);
}

static void test_forgotten(_unused_ void **state)
{
    struct world w;
    world_init(&w, "forget", false);
    world_want(&w, C("a", "") C("b", ""));
    world_apply_ok(&w);
    fake_remove(w.engine, "forget-b-1");
    world_want(&w, C("a", ""));
    fake_calls_clear(w.engine);
    world_apply_ok(&w);
    assert_int_equal(fake_writes(w.engine), 0);
    world_plan(&w);
    assert_null(inventory_find(&w.inventory, "container/b"));
    world_release(&w);
}

/* L8: corrections of the same resource within a time window are counted. */
static void test_corrections_are_counted(_unused_ void **state)
{
    struct world w;
    world_init(&w, "flap", false);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    for (unsigned i = 1; i <= 2; i++) {
        fake_kill(w.engine, "flap-a-1", 1);
        world_apply_ok(&w);
        assert_int_equal(world_applied(&w, "container/a")->corrections, i);
    }
    clock_fake_advance(&w.fake_clock, 3600 * NS_PER_S);
    fake_kill(w.engine, "flap-a-1", 1);
    world_apply_ok(&w);
    assert_int_equal(world_applied(&w, "container/a")->corrections, 1);
    world_want(&w, C("a", ", environment: {A: b}"));
    world_apply_ok(&w);
    assert_int_equal(world_applied(&w, "container/a")->corrections, 0);
    world_release(&w);
}

/* L8: after a few corrections the resource is held, until somebody retries it or changes its manifest. */
static void test_what_flaps_is_held(_unused_ void **state)
{
    struct world w;
    world_init(&w, "held", false);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    for (unsigned i = 0; i < FLAP_CORRECTIONS; i++) {
        assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
        fake_kill(w.engine, "held-a-1", 1);
        world_apply_ok(&w);
    }
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_HELD);
    assert_non_null(strstr(world_applied(&w, "container/a")->error, "restored 5 times"));
    fake_kill(w.engine, "held-a-1", 1);
    world_plan(&w);
    assert_int_equal(w.plan.n, 1);
    assert_int_equal(w.plan.changes[0].action, PLAN_BLOCKED);
    world_want(&w, C("a", ", environment: {A: b}"));
    world_apply_ok(&w);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
    world_release(&w);
}

/* A start because of an event that was outdated: nothing is known, so nothing is recorded about it. */
static void test_overtaken_is_not_recorded(_unused_ void **state)
{
    struct world w;
    world_init(&w, "word", false);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    fake_kill(w.engine, "word-a-1", 1);
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_START, .code = ERR_BUSY, .retryable = true});
    w.options.on_word = true;
    assert_true(world_apply(&w) < 0);
    assert_int_equal(world_count(&w, FAKE_START, "word-a-1"), 2);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
    assert_string_equal(world_transition(&w, "container/a").result, "ok"); /* the first one's */
    world_plan(&w);
    assert_null(w.policy.resume[0]);
    w.options.on_word = false;
    world_apply_ok(&w);
    world_assert_in_sync(&w);
    world_release(&w);
}

/* Somebody removed the container between the look and its start: that is no failed restart. */
static void test_gone_is_not_recorded(_unused_ void **state)
{
    struct world w;
    world_init(&w, "gone", false);
    world_want(&w, C("a", ""));
    world_apply_ok(&w);
    fake_kill(w.engine, "gone-a-1", 1);
    world_plan(&w);
    fake_remove(w.engine, "gone-a-1");
    assert_int_equal(exec_run(w.provider, &w.plan, w.observed.caps, &w.options, &w.arena, &w.report, &w.err),
                     ERR_CONFLICT);
    assert_true(w.err.retryable);
    assert_int_equal(world_applied(&w, "container/a")->status, APPLIED_OK);
    assert_string_equal(world_transition(&w, "container/a").result, "ok"); /* the first one's */
    /* Where it still exists, "not found" is about something else. */
    world_apply_ok(&w);
    fake_kill(w.engine, "gone-a-1", 1);
    fake_fault(w.engine, &(struct fake_fault){.verb = FAKE_START, .code = ERR_NOTFOUND});
    assert_int_equal(world_apply(&w), ERR_FAILED);
    assert_string_equal(world_transition(&w, "container/a").result, "failed");
    world_release(&w);
}

/* Without a journal nothing is changed: nobody could finish or undo it. */
static void test_no_journal_no_work(_unused_ void **state)
{
    struct world w;
    char dir[] = "/tmp/forge-exec-XXXXXX";
    assert_non_null(mkdtemp(dir));
    world_init(&w, "readonly", false);
    world_close(&w);
    world_open(&w, dir);
    world_want(&w, C("a", ""));
    world_plan(&w);
    store_close(w.store);
    const struct store_options so = {.dir = dir, .read_only = true};
    assert_int_equal(store_open(&so, &w.store, &w.err), 0);
    assert_true(world_apply(&w) < 0);
    assert_int_equal(fake_writes(w.engine), 0);
    assert_int_not_equal(world_outcome(&w, "container/a")->result, EXEC_OK);
    world_release(&w);
    struct err err = {0};
    assert_int_equal(io_remove_tree(dir, &err), 0);
}

/* The store fills up in the middle: changes in flight are finished, nothing else is begun, and the run fails
   with the store's error. */
static void test_store_fills_up(_unused_ void **state)
{
    struct world w;
    char dir[] = "/tmp/forge-exec-XXXXXX";
    assert_non_null(mkdtemp(dir));
    world_init(&w, "full", true);
    fake_latency(w.engine, FAKE_START, 20 * NS_PER_MS);
    store_close(w.store);
    const struct store_options so = {.dir = dir, .map_initial = 256 << 10, .map_max = 256 << 10};
    assert_int_equal(store_open(&so, &w.store, &w.err), 0);
    _cleanup_buf_ struct buf text = BUF_INIT;
    for (int i = 0; i < 40; i++) {
        buf_addf(&text, "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: c%d}\nspec:\n", i);
        buf_adds(&text, "  image: app:1\n  network_mode: none\n  environment: {BIG: \"");
        buf_addn(&text, 'x', 16000);
        buf_adds(&text, "\"}\n");
    }
    world_want(&w, buf_str(&text));
    w.options.parallel = 2;
    assert_int_equal(world_apply(&w), ERR_NOSPACE);
    assert_true(w.report.ok > 0 && w.report.ok < 40);
    /* Only changes that were in flight at that time are not recorded. */
    assert_true(fake_objects(w.engine, NULL, NULL) <= w.report.ok + w.report.failed + 2);
    assert_true(w.report.cancelled > 0);
    world_release(&w);
    struct err err = {0};
    assert_int_equal(io_remove_tree(dir, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal_before_work),
        cmocka_unit_test(test_taken_over_without_a_gap),
        cmocka_unit_test(test_inventory),
        cmocka_unit_test(test_transition),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_corrections_are_counted),
        cmocka_unit_test(test_what_flaps_is_held),
        cmocka_unit_test(test_overtaken_is_not_recorded),
        cmocka_unit_test(test_gone_is_not_recorded),
        cmocka_unit_test(test_no_journal_no_work),
        cmocka_unit_test(test_store_fills_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
