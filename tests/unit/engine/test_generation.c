/* What creates a new generation, and what belongs to the newest one. */
#include "tests/unit/engine/engine_world.h"

#include "base/str.h"

/* A correction belongs to the generation whose state it restores. */
static void test_drift_is_part_of_it(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "gendrift", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    ew_ok(ew_reconcile(&w));
    uint64_t before = ew_state(&w).transition;
    fake_kill(w.fake, "gendrift-web-1", 137);
    fake_remove(w.fake, "gendrift-db-1");
    ew_ok(ew_look(&w, &(struct look_options){0}));
    assert_true(look_continues_generation(&w.look));
    ew_ok(ew_apply_look(&w));
    assert_int_equal(w.result.generation, 1);
    assert_int_equal(w.result.report.ok, 2);
    const struct env_state st = ew_state(&w);
    assert_int_equal(st.generation, 1);
    assert_int_equal(st.transition, before + 2); /* H1: each is recorded */
    assert_int_equal(ew_generation(&w, 1).status, GEN_OK);
    assert_int_equal(ew_applied(&w, "container/web")->generation, 1);
    /* Together with a change from a commit, it belongs to a new generation. */
    fake_kill(w.fake, "gendrift-web-1", 137);
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ", user: \"1\""));
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.generation, 2);
    ew_release(&w);
}

static void retried(const char *name, const char *first, const char *second, enum generation_status status)
{
    struct ew w;
    ew_init(&w, name, EW_GIT, false);
    uint64_t number = 1;
    if (first) {
        ew_commit(&w, "app.yaml", first);
        ew_ok(ew_reconcile(&w));
        number++;
    }
    ew_commit(&w, "app.yaml", second);
    const struct fake_fault away = {
        .verb = FAKE_START, .always = true, .code = ERR_UNAVAILABLE, .retryable = true};
    fake_fault(w.fake, &away);
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    assert_int_equal(ew_generation(&w, number).status, status);
    const struct applied *rec = ew_applied(&w, "container/web");
    assert_int_equal(rec->status, APPLIED_FAILED);
    fake_calls_clear(w.fake);
    ew_ok(ew_reconcile(&w)); /* L3: not before its time */
    assert_int_equal(fake_writes(w.fake), 0);
    fake_faults_clear(w.fake);
    clock_fake_advance(&w.time, rec->next_ns - clock_wall(&w.time.clock) + 1);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.generation, number);
    assert_int_equal(ew_state(&w).generation, number);
    const struct generation g = ew_generation(&w, number);
    assert_int_equal(g.status, GEN_OK);
    assert_null(g.error);
    assert_non_null(val_get(g.images, "app:1"));
    assert_int_equal(val_len(g.resources), 1);
    ew_assert_in_sync(&w);
    ew_release(&w);
}

/* A successful retry repairs a failed generation, whether the change came from drift or from a commit. */
static void test_retry_makes_it_good(_unused_ void **state)
{
    retried("genretry", NULL, EW_C("web", ""), GEN_FAILED);
    retried("genretrychange", EW_C("web", ""), EW_C("web", ", user: \"2\""), GEN_FAILED);
}

/* Trying again a part of what failed makes the generation good with the last of it. */
static void test_retry_of_a_part(_unused_ void **state)
{
    static const char *const web[] = {"container/web", NULL}, *const db[] = {"container/db", NULL};
    struct ew w;
    ew_init(&w, "genpart", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    fake_fault(w.fake, &(struct fake_fault){.verb = FAKE_START, .always = true, .code = ERR_FAILED});
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    fake_faults_clear(w.fake);
    ew_ok(ew_look(&w, &(struct look_options){.only = web, .attended = true}));
    ew_ok(ew_apply_look(&w));
    assert_int_equal(w.result.report.ok, 1);
    assert_int_not_equal(ew_generation(&w, 1).status, GEN_OK);
    ew_ok(ew_look(&w, &(struct look_options){.only = db, .attended = true}));
    ew_ok(ew_apply_look(&w));
    assert_int_equal(ew_state(&w).generation, 1);
    assert_int_equal(ew_generation(&w, 1).status, GEN_OK);
    ew_release(&w);
}

/* A commit that failed and was reverted stays failed: a correction of drift only restores what was there
 * before it. */
static void test_reverted_stays_failed(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "genreverted", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", ", user: \"2\""));
    fake_fault(w.fake, &(struct fake_fault){.verb = FAKE_START, .always = true, .code = ERR_FAILED});
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    fake_faults_clear(w.fake);
    assert_int_equal(ew_generation(&w, 2).status, GEN_FAILED);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    fake_remove(w.fake, "genreverted-web-1");
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.report.ok, 1);
    ew_assert_in_sync(&w);
    assert_int_equal(ew_generation(&w, 2).status, GEN_FAILED);
    ew_release(&w);
}

/* S5: a failed delete stays recorded, and is retried within the generation that requested it. */
static void test_failed_delete(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "gendelete", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    fake_fault(w.fake, &(struct fake_fault){
                           .verb = FAKE_REMOVE, .always = true, .code = ERR_UNAVAILABLE, .retryable = true});
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    const struct applied *rec = ew_applied(&w, "container/db");
    assert_int_equal(rec->status, APPLIED_DELETING);
    fake_faults_clear(w.fake);
    clock_fake_advance(&w.time, rec->next_ns - clock_wall(&w.time.clock) + 1);
    ew_ok(ew_reconcile(&w));
    assert_null(ew_applied(&w, "container/db"));
    assert_int_equal(ew_state(&w).generation, 2);
    assert_int_equal(ew_generation(&w, 2).status, GEN_OK);
    ew_release(&w);
}

/* Write what a process leaves in the store when it is killed right after the intent of its first step. */
static void leave_killed_run(struct ew *w)
{
    ew_ok_of(w, ew_look(w, &(struct look_options){0}));
    struct val *resources = val_map(&w->arena);
    for (size_t i = 0; i < w->look.desired.n; i++)
        val_map_set(&w->arena, resources, w->look.desired.items[i]->id,
                    resource_to_val(&w->arena, w->look.desired.items[i]));
    struct generation g = {.commit = w->look.info->commit,
                           .actor = "a",
                           .trigger = "t",
                           .status = GEN_RUNNING,
                           .resources = resources};
    ew_ok_of(w, generation_begin(w->store, w->name, &g, &w->err));
    const struct journal_entry entries[] = {
        {.run = "killed", .seq = 1, .phase = "run", .generation = g.number},
        {.run = "killed",
         .seq = 2,
         .phase = "begin",
         .generation = g.number,
         .id = "container/web",
         .verb = "create",
         .native_name = "genkill-web-1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        ew_ok_of(w, journal_append(w->store, w->name, &entries[i], 1, &w->err));
    ew_restart(w);
}

/* S8: the next run finishes what was interrupted; the generation does not stay "running" for ever. */
static void test_killed_run(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "genkill", EW_GIT, true);
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    leave_killed_run(&w);
    ew_ok(ew_look(&w, &(struct look_options){0}));
    assert_non_null(w.look.resume[0]);
    ew_ok(ew_apply_look(&w));
    ew_assert_in_sync(&w);
    assert_null(w.look.resume[0]);
    assert_int_equal(fake_objects(w.fake, NULL, "genkill"), 2);
    assert_int_equal(ew_generation(&w, 1).status, GEN_INTERRUPTED);
    assert_int_equal(ew_generation(&w, 2).status, GEN_OK);
    struct transition *t;
    size_t n;
    ew_ok(transition_list(w.store, w.name, "container/web", 1, 0, &w.arena, &t, &n, &w.err));
    assert_int_equal(n, 1);
    assert_string_equal(t[0].result, "interrupted");
    ew_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drift_is_part_of_it), cmocka_unit_test(test_retry_makes_it_good),
        cmocka_unit_test(test_retry_of_a_part),     cmocka_unit_test(test_reverted_stays_failed),
        cmocka_unit_test(test_failed_delete),       cmocka_unit_test(test_killed_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
