/* A saved plan is bound to what it saw (P6); its document is the same for the same situation (P4). */
#include "base/clock.h"
#include "base/str.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

#define WEB(spec) "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec: {" spec "}\n---\n"
#define DB        "apiVersion: forge/v1\nkind: Container\nmetadata: {name: db}\nspec: {image: \"db:1\"}\n"

struct fixture {
    struct arena arena;
    struct world w;
    struct resource_set before, after;
    const char *commit, *target;
    int64_t now_ns;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};
    plan_world_init(&f->w, &f->arena, "prod");
    assert_ok(plan_case_text(WEB("image: \"a:1\", depends_on: {db: started}") DB, "prod", &f->arena,
                             &f->before, &err));
    assert_ok(plan_case_text(WEB("image: \"a:2\", depends_on: {db: started}") DB, "prod", &f->arena,
                             &f->after, &err));
    world_settle(&f->w, &f->before);
    f->commit = "c0ffee";
    f->target = "local";
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    resource_set_release(&f->before);
    resource_set_release(&f->after);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct val *document(struct fixture *f, const struct resource_set *set)
{
    const struct plan_policy policy = {.prune = true, .self_heal = true, .now_ns = f->now_ns};
    struct observed *observed = arena_new(&f->arena, struct observed);
    struct diag_list diags;
    struct plan plan;
    struct err err = {0};
    diag_init(&diags, &f->arena);
    world_observe(&f->w, &f->arena, observed);
    const struct plan_input in = {.environment = "prod",
                                  .commit = f->commit,
                                  .target = f->target,
                                  .desired = set,
                                  .observed = observed,
                                  .applied = &f->w.inventory,
                                  .policy = &policy};
    assert_ok(plan_make(&in, &f->arena, &plan, &diags, &err));
    return plan_to_val(&f->arena, &plan);
}

static struct object *web(struct fixture *f)
{
    return world_find(&f->w, "container/web", 1, false);
}

static void test_same_situation_at_another_time(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct val *saved = document(f, &f->after);
    f->now_ns += 3600 * NS_PER_S;
    f->w.now_ns += 3600 * NS_PER_S;
    web(f)->restarts = 3;
    web(f)->health = HEALTH_STARTING;
    web(f)->started_ns += NS_PER_S;
    const struct val *now = document(f, &f->after);
    assert_ok(plan_verify(saved, now, &err));
    assert_string_equal(val_get_str(saved, "digest"), val_get_str(now, "digest"));
}

static void test_words_do_not_count(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct val *saved = document(f, &f->after);
    val_set_str(&f->arena, saved, "subject", "other words");
    assert_ok(plan_verify(saved, document(f, &f->after), &err));
}

static void test_an_object_was_changed(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct val *saved = document(f, &f->after);
    web(f)->state = OBJECT_EXITED;
    assert_fails(plan_verify(saved, document(f, &f->after), &err), ERR_CONFLICT);
    assert_says("prod-web-1 (container/web) was changed and is now exited");
    assert_hints("forge-ctl diff");
}

/* A change of an object that the plan only depends on also makes it stale. */
static void test_what_is_needed_was_changed(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct val *saved = document(f, &f->after);
    world_find(&f->w, "container/db", 1, false)->native_id = "another";
    assert_fails(plan_verify(saved, document(f, &f->after), &err), ERR_CONFLICT);
    assert_says("prod-db-1 (container/db) is gone");
    assert_says("prod-db-1 (container/db) is new");
}

static void test_an_object_is_gone(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct val *saved = document(f, &f->after);
    world_drop(&f->w, web(f));
    assert_fails(plan_verify(saved, document(f, &f->after), &err), ERR_CONFLICT);
    assert_says("is gone");
}

static void test_something_was_applied_since(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct val *saved = document(f, &f->after);
    f->w.inventory.generation = 9;
    assert_fails(plan_verify(saved, document(f, &f->after), &err), ERR_CONFLICT);
    assert_says("generation 9 has been applied since");
}

static void test_another_commit_or_target(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct val *saved = document(f, &f->after);
    f->commit = "bad";
    f->target = "far";
    assert_fails(plan_verify(saved, document(f, &f->after), &err), ERR_CONFLICT);
    assert_says("commit is now \"bad\", was \"c0ffee\"");
    assert_says("target is now \"far\"");
}

static void test_drift_elsewhere_is_a_change_that_nobody_read(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct resource_set set;
    assert_ok(plan_case_text(WEB("image: \"a:2\"") DB, "prod", &f->arena, &set, &err));
    const struct val *saved = document(f, &set);
    world_find(&f->w, "container/db", 1, false)->state = OBJECT_PAUSED;
    assert_fails(plan_verify(saved, document(f, &set), &err), ERR_CONFLICT);
    assert_says("container/db");
    resource_set_release(&set);
}

static void test_something_else_is_asked_for(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct resource_set set;
    const struct val *saved = document(f, &f->after);
    assert_ok(
        plan_case_text(WEB("image: \"a:3\", depends_on: {db: started}") DB, "prod", &f->arena, &set, &err));
    assert_fails(plan_verify(saved, document(f, &set), &err), ERR_CONFLICT);
    assert_says("the changes to container/web are different");
    assert_fails(plan_verify(saved, document(f, &f->before), &err), ERR_CONFLICT);
    resource_set_release(&set);
}

static void test_many_things_are_counted(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct val *saved = document(f, &f->after);
    f->commit = "bad";
    f->target = "far";
    f->w.inventory.generation = 9;
    for (size_t i = 0; i < f->w.n; i++)
        f->w.items[i]->native_id = arena_printf(&f->arena, "new%zu", i);
    assert_fails(plan_verify(saved, document(f, &f->after), &err), ERR_CONFLICT);
    assert_says("more");
}

static void test_no_plan_at_all(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct val *other = val_map(&f->arena);
    assert_fails(plan_verify(NULL, other, &err), ERR_INVALID);
    assert_fails(plan_verify(other, other, &err), ERR_INVALID);
    val_set_str(&f->arena, other, "format", "forge/plan/v99");
    assert_fails(plan_verify(other, other, &err), ERR_INVALID);
}

/* A plan whose digest was removed or made up is not accepted. */
static void test_a_forged_digest(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct val *saved = document(f, &f->after);
    const struct val *now = document(f, &f->after);
    val_map_del(saved, "digest");
    assert_fails(plan_verify(saved, now, &err), ERR_CONFLICT);
    val_set_str(&f->arena, saved, "digest", "sha256:00");
    assert_fails(plan_verify(saved, now, &err), ERR_CONFLICT);
}

/* X4: no matter which side marks it as a secret. */
static void test_no_byte_of_a_secret(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    for (int desired = 0; desired < 2; desired++) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        struct resource_set set;
        assert_ok(plan_case_text(WEB("image: \"a:1\", environment: {KEY: hunter3}, depends_on: {db: started}")
                                     DB,
                                 "prod", &f->arena, &set, &err));
        struct object *o = web(f);
        struct val *spec = val_clone(&f->arena, o->spec), *there = val_map(&f->arena);
        val_set_str(&f->arena, there, "KEY", "hunter2");
        val_map_set(&f->arena, spec, "environment", there);
        o->spec = spec;
        const struct val *asked = resource_find(&set, "container/web")->spec;
        (desired ? val_path(asked, "environment.KEY") : val_get(there, "KEY"))->flags |= VAL_F_SECRET;
        struct val *doc = document(f, &set);
        val_json(doc, 2, &b);
        plan_text(doc, false, &b);
        assert_null(strstr(buf_str(&b), "hunter"));
        assert_contains(buf_str(&b), "environment.KEY");
        assert_contains(buf_str(&b), "changed (secret)");
        resource_set_release(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_situation_at_another_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_words_do_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_object_was_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_needed_was_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_object_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_something_was_applied_since, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_commit_or_target, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drift_elsewhere_is_a_change_that_nobody_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_something_else_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_things_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_plan_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_forged_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_byte_of_a_secret, setup, teardown),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
