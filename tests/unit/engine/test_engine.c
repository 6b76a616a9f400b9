/* An environment from commit to engine: what an apply does, records, and leaves alone. */
#include "tests/unit/engine/engine_world.h"

#include "base/str.h"

#include <string.h>
#include <unistd.h>

#define TWO EW_C("web", ", environment: {A: one}") EW_C("db", "")

/* The part of the store that any write would change. */
struct ledger {
    uint64_t generation, transition;
    int64_t checked_ns;
};

static struct ledger ledger(struct ew *w)
{
    const struct env_state st = ew_state(w);
    return (struct ledger){st.generation, st.transition, st.checked_ns};
}

static void apply_and_repeat(const char *name, bool disk)
{
    struct ew w;
    ew_init(&w, name, EW_GIT, disk);
    const char *commit = ew_commit(&w, "app.yaml", TWO);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.generation, 1);
    assert_int_equal(w.result.report.ok, 2);
    assert_int_equal(fake_objects(w.fake, &kind_container, name), 2);
    const struct generation g = ew_generation(&w, 1);
    assert_int_equal(g.status, GEN_OK);
    assert_string_equal(g.commit, commit);
    assert_string_equal(g.actor, "tester");
    assert_non_null(val_get(g.resources, "container/web"));
    assert_non_null(val_get(val_get(g.images, "app:1"), "id"));
    assert_string_equal(ew_state(&w).applied_commit, commit);

    /* L1: no write, to the engine or to the store. */
    const struct ledger before = ledger(&w);
    fake_calls_clear(w.fake);
    clock_fake_advance(&w.time, NS_PER_S);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.generation, 0);
    assert_int_equal(fake_writes(w.fake), 0);
    assert_int_equal(fake_count(w.fake, FAKE_OBSERVE), 1);
    assert_int_equal(fake_count(w.fake, FAKE_INSPECT), 0);
    const struct ledger after = ledger(&w);
    assert_memory_equal(&before, &after, sizeof(before));

    ew_restart(&w);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.generation, 0);
    assert_int_equal(fake_writes(w.fake), 0);
    ew_release(&w);
}

static void test_no_change(_unused_ void **state)
{
    apply_and_repeat("nochange", false);
}

static void test_no_change_on_disk(_unused_ void **state)
{
    apply_and_repeat("nochangedisk", true);
}

/* P7 */
static void test_looking_writes_nothing(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "looking", EW_GIT, false);
    fake_image(w.fake, &(struct fake_image){.ref = "far:1", .remote = 1});
    ew_commit(&w, "app.yaml", TWO EW_HEAD("Container", "far") "spec: {image: far:1}\n");
    for (int attended = 0; attended < 2; attended++) {
        ew_ok(ew_look(&w, &(struct look_options){.attended = attended, .fetch = true, .images = true}));
        assert_int_equal(w.look.plan.n, 4); /* and the default network */
    }
    struct val *answer;
    ew_ok(ew_operation(&w, "diff", NULL, &answer));
    ew_ok(ew_operation(&w, "status", NULL, &answer));
    assert_int_equal(fake_writes(w.fake), 0);
    const struct env_state st = ew_state(&w);
    assert_int_equal(st.generation, 0);
    assert_null(st.seen_commit);
    assert_null(ew_applied(&w, "container/web"));
    ew_release(&w);
}

/* S1: an empty tree and a broken manifest prune nothing. */
static void test_nothing_is_pruned_unless_all_loads(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "prune", EW_GIT, false);
    ew_commit(&w, "app.yaml", TWO);
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", "") "---\nkind: Nonsense\n");
    ew_fails(ew_reconcile(&w), ERR_INVALID);
    assert_true(w.look.diags.errors > 0);
    assert_true(w.look.unread);
    ew_remove_file(&w, "app.yaml");
    ew_ok(ew_reconcile(&w));
    assert_true(w.look.plan.prune_skipped);
    ew_ok(ew_apply(&w)); /* nor by hand */
    assert_int_equal(fake_objects(w.fake, &kind_container, "prune"), 2);
    assert_int_equal(fake_count(w.fake, FAKE_REMOVE), 0);
    ew_release(&w);
}

/* S2 */
static void test_many_deletions_want_approval(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "caps", EW_GIT, false);
    w.config.delete_cap = 1;
    ew_commit(&w, "app.yaml", TWO EW_C("x", "") EW_C("y", ""));
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", ", environment: {A: one}") EW_C("db", ""));
    ew_fails(ew_reconcile(&w), ERR_DENIED);
    assert_contains(w.err.msg, "2 of 4 resources would be deleted");
    assert_int_equal(fake_objects(w.fake, &kind_container, "caps"), 4);
    assert_int_equal(ew_state(&w).generation, 1);
    w.config.delete_cap = 0;
    w.config.delete_share = 40;
    ew_fails(ew_reconcile(&w), ERR_DENIED);
    w.config.delete_share = 50;
    ew_ok(ew_look(&w, &(struct look_options){0}));
    w.config.delete_share = 10;
    ew_ok(ew_apply(&w));
    assert_int_equal(fake_objects(w.fake, &kind_container, "caps"), 2);
    ew_release(&w);
}

/* S6 */
static void test_failed_replace_keeps_the_old_one(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "replace", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    char before[80], after[80];
    assert_true(fake_native_id(w.fake, "replace-web-1", before));
    fake_behave(w.fake, "app:2", &(struct fake_behaviour){.start_error = "exec: no such file"});
    ew_commit(&w, "app.yaml", EW_HEAD("Container", "web") "spec: {image: app:2, network_mode: none}\n");
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    assert_true(fake_native_id(w.fake, "replace-web-1", after));
    assert_string_equal(before, after);
    assert_int_equal(fake_state(w.fake, "replace-web-1"), OBJECT_RUNNING);
    const struct generation g = ew_generation(&w, 2);
    assert_int_equal(g.status, GEN_FAILED);
    assert_contains(g.error, "no such file");
    assert_int_equal(fake_objects(w.fake, NULL, "replace"), 1);
    ew_release(&w);
}

/* L9: the field is named, the resource is held, and nothing is retried. */
static void test_what_does_not_converge_is_held(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "converge", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ", mem_limit: 32m") EW_C("db", ""));
    const struct fake_fault forgets = {
        .verb = FAKE_CREATE, .name = "converge-web-1", .always = true, .not_read_back = true, .field = "user"};
    fake_fault(w.fake, &forgets);
    ew_commit(&w, "app.yaml", EW_C("web", ", user: \"5\"") EW_C("db", ""));
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    assert_contains(w.err.msg, "user");
    assert_int_equal(ew_applied(&w, "container/web")->status, APPLIED_HELD);
    assert_int_equal(fake_state(w.fake, "converge-db-1"), OBJECT_RUNNING); /* L4 */
    fake_calls_clear(w.fake);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(fake_writes(w.fake), 0);
    assert_int_equal(w.look.plan.counts[PLAN_BLOCKED], 1);
    assert_contains(plan_find(&w.look.plan, "container/web")->reason, "user");
    /* A change in Git releases it. */
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    ew_ok(ew_reconcile(&w));
    ew_assert_in_sync(&w);
    ew_release(&w);
}

/* After the loss of the store it is rebuilt, and no container is touched. */
static void test_lost_store_is_rebuilt(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "lost", EW_GIT, false);
    ew_commit(&w, "app.yaml", TWO);
    ew_ok(ew_reconcile(&w));
    store_close(w.store);
    ew_ok(store_open(&(struct store_options){0}, &w.store, &w.err));
    ew_restart(&w);
    fake_calls_clear(w.fake);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(fake_writes(w.fake), 0);
    const struct applied *web = ew_applied(&w, "container/web");
    assert_non_null(web);
    assert_int_equal(web->status, APPLIED_OK);
    assert_non_null(web->baseline);
    /* Three-way comparison works again: what was removed from Git is removed. */
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    ew_ok(ew_reconcile(&w));
    const char *environment = ew_field(&w, "lost-web-1", "environment");
    assert_true(!environment || !strstr(environment, "one"));
    ew_release(&w);
}

/* S4 */
static void test_adoption(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "adopt", EW_GIT, false);
    fake_foreign(w.fake, &kind_container, "adopt-web-1", NULL);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.counts[PLAN_BLOCKED], 1);
    assert_int_equal(fake_writes(w.fake), 0);
    const char *const adopt[] = {"container/web", NULL};
    ew_ok(ew_run(&w, &(struct look_options){.attended = true, .adopt = adopt}));
    assert_int_equal(fake_objects(w.fake, &kind_container, "adopt"), 1);
    assert_int_equal(fake_objects(w.fake, &kind_container, NULL), 1);
    ew_assert_in_sync(&w);
    ew_release(&w);
}

/* A folder has no commit that identifies its content: it is read each time. */
static void test_folder(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "folder", EW_FOLDER, false);
    gitrepo_new(w.dir, "repo");
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    unit_write(unit_path(w.repo, "app.yaml"), EW_C("web", ", user: \"7\""));
    ew_ok(ew_run(&w, &(struct look_options){.same_commit = true}));
    assert_int_equal(w.result.generation, 2);
    assert_contains(ew_field(&w, "folder-web-1", "user"), "7");
    const struct generation g = ew_generation(&w, 2);
    assert_contains(g.subject, "uncommitted");
    ew_release(&w);
}

/* H4: history survives the process, is bounded, and is the same document wherever it is requested. */
static void test_history(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "history", EW_GIT, true);
    w.config.retention = (struct retention){.generations = 5, .age_ns = 1};
    for (int i = 0; i < 12; i++) {
        ew_commit(&w, "app.yaml", arena_printf(&w.arena, EW_C("web", ", user: \"%d\""), i));
        clock_fake_advance(&w.time, NS_PER_S);
        ew_ok(ew_reconcile(&w));
    }
    ew_restart(&w);
    struct val *answer;
    ew_ok(ew_operation(&w, "history", NULL, &answer));
    const struct val *list = val_get(answer, "generations");
    assert_true(val_len(list) >= 5 && val_len(list) < 8);
    assert_int_equal(val_get_int(list->items[0], "generation", 0), 12);
    ew_ok(ew_operation(&w, "history", "{\"resource\": \"container/web\", \"limit\": 3}", &answer));
    list = val_get(answer, "transitions");
    assert_int_equal(val_len(list), 3);
    assert_string_equal(val_get_str(list->items[0], "result"), "ok");
    ew_ok(ew_operation(&w, "show", "{\"generation\": 12}", &answer));
    assert_int_equal(val_len(val_get(answer, "transitions")), 1);
    ew_fails(ew_operation(&w, "show", "{\"generation\": 1}", &answer), ERR_NOTFOUND);
    ew_release(&w);
}

/* A..B: the engine is not contacted. */
static void test_comparison_of_commits(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "compare", EW_GIT, false);
    const char *a = ew_commit(&w, "app.yaml", TWO);
    const char *b = ew_commit(&w, "app.yaml", EW_C("web", ", environment: {A: two}") EW_C("new", ""));
    ew_ok(ew_look(&w, &(struct look_options){.rev = b, .against = a, .attended = true}));
    assert_int_equal(plan_find(&w.look.plan, "container/new")->action, PLAN_CREATE);
    assert_int_equal(plan_find(&w.look.plan, "container/db")->action, PLAN_DELETE);
    const struct plan_change *web = plan_find(&w.look.plan, "container/web");
    assert_int_equal(web->n_fields, 1);
    assert_int_equal(web->causes, CAUSE_COMMIT);
    ew_ok(ew_look(&w, &(struct look_options){.rev = a, .against = a, .attended = true}));
    assert_int_equal(w.look.plan.n, 0);
    assert_int_equal(fake_reads(w.fake) + fake_writes(w.fake), 0);
    ew_fails(ew_look(&w, &(struct look_options){.against = "nothing", .attended = true}), ERR_NOTFOUND);
    ew_release(&w);
}

static bool is_cached(struct ew *w, const char *key)
{
    const void *data;
    size_t len;
    return store_cache_get(w->store, "test", key, &w->arena, &data, &len) == 0;
}

/* An apply drops cache entries that were not read for months. */
static void test_the_cache_does_not_grow_for_ever(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "trim", EW_GIT, false);
    store_cache_put(w.store, "test", "gone", "1", 1);
    store_cache_put(w.store, "test", "used", "1", 1);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    clock_fake_advance(&w.time, 60 * 24 * 3600 * NS_PER_S);
    assert_true(is_cached(&w, "used"));
    clock_fake_advance(&w.time, 40 * 24 * 3600 * NS_PER_S);
    ew_ok(ew_reconcile(&w)); /* nothing to do, nothing written (L1) */
    ew_commit(&w, "app.yaml", EW_C("web", ", user: \"1\""));
    ew_ok(ew_reconcile(&w));
    assert_false(is_cached(&w, "gone"));
    assert_true(is_cached(&w, "used"));
    ew_release(&w);
}

static const struct provider_ops *real_ops;
static unsigned looks;
static bool
    without_digests; /* as Docker does when a container runs the image: its description is not needed */

static int count_look(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                      struct arena *a, struct observed *ret, struct err *err)
{
    looks++;
    int r = real_ops->observe(p, rq, c, a, ret, err);
    for (size_t i = 0; r == 0 && without_digests && i < ret->n_images; i++)
        ret->images[i].digest = NULL;
    return r;
}

/* The images that the newest generation records, as text. */
static const char *recorded_images(struct ew *w)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    val_json(ew_generation(w, ew_state(w).generation).images, 0, &b);
    return arena_strdup(&w->arena, buf_str(&b));
}

/* Commit, reconcile; how often was the engine observed? */
static unsigned looks_of(struct ew *w, const char *manifests)
{
    ew_commit(w, "app.yaml", manifests);
    looks = 0;
    ew_ok_of(w, ew_reconcile(w));
    return looks;
}

/* A run reads back what it changes. After a short one of a few containers, that is all there is to know;
   otherwise everything is observed again. */
static void test_what_was_changed_is_read_back(_unused_ void **state)
{
    struct ew w;
    struct provider *p;
    ew_init(&w, "readback", EW_GIT, false);
    ew_ok(engine_provider(w.engine, &p, &w.err));
    real_ops = p->ops;
    struct provider_ops counting = *p->ops;
    counting.observe = count_look;
    p->ops = &counting;
    assert_int_equal(looks_of(&w, TWO), 1);
    const char *images = recorded_images(&w);
    assert_contains(images, "digest");
    without_digests = true;
    assert_int_equal(looks_of(&w, EW_C("web", ", environment: {A: two}") EW_C("db", "")), 1);
    assert_int_equal(w.result.report.ok, 1);
    assert_string_equal(recorded_images(&w), images);
    struct object *const *o;
    assert_int_equal(observed_find(&w.look.observed, "container/web", &o), 1);
    assert_string_equal(val_get_str(val_get((*o)->spec, "environment"), "A"), "two");
    assert_int_equal(observed_find(&w.look.observed, "container/db", &o), 1);
    ew_assert_in_sync(&w);

    ew_commit(&w, "app.yaml", EW_C("web", ", environment: {A: three}") EW_C("db", ""));
    looks = 0;
    ew_ok(ew_look(&w, &(struct look_options){.attended = true, .fetch = true}));
    clock_fake_advance(&w.time, 3 * NS_PER_S);
    ew_ok(ew_apply_look(&w));
    assert_int_equal(looks, 2);

    assert_int_equal(looks_of(&w, EW_C("web", ", replicas: 3") EW_C("db", "")), 1);
    assert_int_equal(observed_find(&w.look.observed, "container/web", &o), 3);
    assert_int_equal(looks_of(&w, EW_C("web", ", replicas: 2")), 1);
    assert_int_equal(observed_find(&w.look.observed, "container/web", &o), 2);
    assert_int_equal(observed_find(&w.look.observed, "container/db", &o), 0);
    ew_assert_in_sync(&w);
    assert_int_equal(looks_of(&w, EW_C("web", "") EW_HEAD("Volume", "data") "spec: {}\n"), 2);
    assert_int_equal(
        looks_of(&w, EW_HEAD("Container", "web") "spec: {image: app:2, network_mode: none}\n" EW_HEAD(
                         "Volume", "data") "spec: {}\n"),
        2); /* the digest of the new image is not known yet */
    assert_contains(recorded_images(&w), "app:2");
    p->ops = real_ops;
    ew_release(&w);
}

/* What another session, or another process, sees while an apply is at work. */
struct onlooker {
    struct ew *w;
    const char *text, *status;
    int result;
};

static void look_on(void *arg, const struct exec_event *ev)
{
    struct onlooker *o = arg;
    struct ew *w = o->w;
    struct engine *other;
    struct look look;
    struct err err = {0};
    if (ev->type != EXEC_STEP_END || ev->step->verb != STEP_START || o->text)
        return;
    o->result = engine_open(&w->config, &w->env, &other, &err);
    if (o->result < 0)
        return;
    o->result = engine_look(other, &(struct look_options){.attended = true}, &look, &err);
    if (o->result == 0) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        plan_text(look.doc, false, &b);
        o->text = arena_strdup(&w->arena, buf_str(&b));
        o->status = arena_strdup(&w->arena, val_get_str(engine_status(&look.arena, &look), "under_way"));
    }
    look_release(&look);
    engine_close(other);
}

static void under_way(const char *name, bool disk)
{
    struct ew w;
    struct onlooker o = {.w = &w};
    ew_init(&w, name, EW_GIT, disk);
    ew_commit(&w, "app.yaml", TWO);
    ew_ok(ew_reconcile(&w));
    ew_commit(&w, "app.yaml", EW_C("web", ", environment: {A: two}") EW_C("db", ""));
    ew_ok(ew_look(&w, &(struct look_options){.attended = true}));
    assert_null(w.look.under_way);
    const struct apply_options ao = {.actor = "alice", .trigger = "test", .event = look_on, .arg = &o};
    ew_ok(engine_apply(w.engine, &w.look, &ao, &w.result, &w.err));
    assert_int_equal(o.result, 0);
    const char *holder = arena_printf(&w.arena, "alice (process %d)", (int)getpid());
    assert_contains(o.text, arena_printf(&w.arena, "! %s is applying to this environment now", holder));
    assert_contains(o.text, "container/web   replace: being replaced by another apply");
    assert_null(strstr(o.text, "interrupted"));
    assert_string_equal(o.status, holder);
    ew_assert_in_sync(&w);
    assert_null(w.look.under_way);
    ew_release(&w);
}

static void test_under_way(_unused_ void **state)
{
    under_way("underway", false);
    under_way("underwaydisk", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cache_does_not_grow_for_ever),
        cmocka_unit_test(test_no_change),
        cmocka_unit_test(test_no_change_on_disk),
        cmocka_unit_test(test_under_way),
        cmocka_unit_test(test_looking_writes_nothing),
        cmocka_unit_test(test_nothing_is_pruned_unless_all_loads),
        cmocka_unit_test(test_many_deletions_want_approval),
        cmocka_unit_test(test_failed_replace_keeps_the_old_one),
        cmocka_unit_test(test_what_does_not_converge_is_held),
        cmocka_unit_test(test_what_was_changed_is_read_back),
        cmocka_unit_test(test_lost_store_is_rebuilt),
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_comparison_of_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
