/* A secret is the content of a file on the host: its changes are noticed by a keyed digest. */
#include "tests/unit/engine/engine_world.h"

#include "base/io.h"
#include "base/str.h"

#include <sys/stat.h>
#include <unistd.h>

#define FIELD "secrets./run/secrets/key"

static const char *path_of(struct ew *w, const char *name)
{
    return arena_strdup(&w->arena, unit_path(w->dir, name));
}

static void put(struct ew *w, const char *path, const char *content)
{
    ew_ok_of(w, io_write_file(path, content, strlen(content), 0600, &w->err));
}

/* web reads FOLDER/key, other nothing. */
static const char *begin(struct ew *w, const char *name, bool disk)
{
    ew_init(w, name, EW_GIT, disk);
    const char *key = path_of(w, "key");
    put(w, key, "hunter2");
    ew_commit(w, "app.yaml",
              arena_printf(&w->arena,
                           EW_C("web", ", secrets: [key]") EW_C("other", "")
                               EW_HEAD("Secret", "key") "spec: {file: %s}\n",
                           key));
    ew_ok_of(w, ew_reconcile(w));
    return key;
}

static const struct plan_change *change_of(struct ew *w, const char *id)
{
    return plan_find(&w->look.plan, id);
}

static void no_byte_is_shown(struct ew *w)
{
    _cleanup_buf_ struct buf doc = BUF_INIT;
    val_json(w->look.doc, 0, &doc);
    assert_null(strstr(buf_str(&doc), "hunter"));
    assert_null(strstr(ew_plan_text(w), "hunter"));
}

static void test_a_change_is_noticed(_unused_ void **state)
{
    struct ew w;
    const char *key = begin(&w, "secretfile", false);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);
    assert_false(engine_secrets_moved(w.engine));

    put(&w, key, "hunter3");
    assert_true(engine_secrets_moved(w.engine));
    assert_false(engine_secrets_moved(w.engine)); /* reported once */
    ew_ok(ew_look(&w, &(struct look_options){.same_commit = true}));
    assert_int_equal(w.look.plan.n, 1);
    assert_int_equal(change_of(&w, "container/web")->action, PLAN_REPLACE);
    assert_int_equal(change_of(&w, "container/web")->causes, CAUSE_SECRET);
    assert_contains(ew_plan_text(&w), FIELD "   content changed");
    no_byte_is_shown(&w);
    ew_ok(ew_apply_look(&w));
    assert_int_equal(w.result.generation, 2);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);

    /* Touched, with the same content. */
    put(&w, key, "hunter3");
    assert_false(engine_secrets_moved(w.engine));
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);
    ew_release(&w);
}

/* A look at some resources also checks their files. */
static void test_a_part(_unused_ void **state)
{
    struct ew w;
    const char *key = begin(&w, "secretpart", false);
    ew_ok(ew_reconcile(&w));
    put(&w, key, "hunter3");
    ew_ok(ew_run(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/other")}));
    assert_int_equal(w.look.plan.n, 0);
    ew_ok(ew_look(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/web")}));
    assert_int_equal(change_of(&w, "container/web")->action, PLAN_REPLACE);
    ew_release(&w);
}

static void test_unreadable(_unused_ void **state)
{
    struct ew w;
    const char *key = begin(&w, "secretgone", false);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(unlink(key), 0);
    assert_true(engine_secrets_moved(w.engine));
    ew_commit(&w, "more.yaml", EW_C("more", ", secrets: [key]") EW_C("free", ""));
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 2);
    assert_int_equal(change_of(&w, "container/more")->action, PLAN_BLOCKED);
    assert_int_equal(change_of(&w, "container/web")->action, PLAN_BLOCKED);
    assert_contains(change_of(&w, "container/web")->reason, FIELD " cannot be read");
    assert_contains(change_of(&w, "container/web")->reason, key);
    assert_true(fake_exists(w.fake, "secretgone-free-1"));
    assert_true(fake_exists(w.fake, "secretgone-web-1"));
    assert_int_equal(w.look.diags.n, 1);
    assert_string_equal(w.look.diags.items[0].file, "app.yaml");
    assert_int_equal(w.look.diags.items[0].line, 15);
    assert_true(w.look.diags.items[0].col > 0);
    assert_contains(w.look.diags.items[0].msg, "secret/key: file: ");

    /* The file is back, unchanged: only the change that waited for it is done. */
    put(&w, key, "hunter2");
    assert_true(engine_secrets_moved(w.engine));
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);
    assert_int_equal(w.look.diags.n, 0);
    assert_true(fake_exists(w.fake, "secretgone-more-1"));
    ew_release(&w);
}

/* A file that others can read is reported as when a container is created. */
static void test_readable_by_others(_unused_ void **state)
{
    struct ew w;
    const char *key = begin(&w, "secretopen", false);
    assert_int_equal(chmod(key, 0644), 0);
    ew_ok(ew_look(&w, &(struct look_options){0}));
    assert_int_equal(change_of(&w, "container/web")->action, PLAN_BLOCKED);
    assert_contains(w.look.diags.items[0].hint, "chmod");
    ew_release(&w);
}

/* Neither a lost store nor a lost key recreates anything (P3), and the loss is reported once. */
static void test_lost_key(_unused_ void **state)
{
    struct ew w;
    const char *key = begin(&w, "secretlost", true);
    assert_int_equal(unlink(unit_path(w.dir, "state/key")), 0);
    assert_int_equal(unlink(unit_path(w.dir, "state/store.mdb")), 0);
    ew_restart(&w);
    fake_calls_clear(w.fake);
    ew_ok(ew_look(&w, &(struct look_options){0}));
    assert_int_equal(w.look.plan.n, 0);
    assert_contains(ew_plan_text(&w), FIELD ": its digest was recorded with a key that no longer exists");
    ew_ok(ew_apply_look(&w));
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);
    assert_null(strstr(ew_plan_text(&w), "note"));
    assert_int_equal(fake_writes(w.fake), 0);

    /* From then on changes are noticed. */
    put(&w, key, "hunter3");
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.report.ok, 1);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);
    ew_release(&w);
}

static void test_rollback_says_what_it_cannot(_unused_ void **state)
{
    struct ew w;
    const char *key = begin(&w, "secretback", false);
    put(&w, key, "hunter3");
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.result.generation, 2);
    ew_ok(ew_look(&w, &(struct look_options){.attended = true, .rollback_to = 2}));
    assert_int_equal(w.look.diags.n, 0);
    ew_ok(ew_look(&w, &(struct look_options){.attended = true, .rollback_to = 1}));
    assert_int_equal(w.look.plan.n, 0); /* apart from the secret, generation 1 is running */
    assert_int_equal(w.look.diags.n, 1);
    assert_contains(w.look.diags.items[0].msg, "changed since generation 1; the rollback uses its current");
    put(&w, key, "hunter2");
    ew_ok(ew_look(&w, &(struct look_options){.attended = true, .rollback_to = 1}));
    assert_int_equal(w.look.diags.n, 0);
    assert_int_equal(change_of(&w, "container/web")->action, PLAN_REPLACE);
    ew_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_is_noticed),
        cmocka_unit_test(test_a_part),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_readable_by_others),
        cmocka_unit_test(test_lost_key),
        cmocka_unit_test(test_rollback_says_what_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
