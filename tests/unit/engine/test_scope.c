/* A look at one resource finds the same as a look at everything would find there (P8), or becomes one. */
#include "tests/unit/engine/engine_world.h"

#include "base/str.h"

static const char manifests[] = EW_C("alone", ", user: \"1\"") EW_C("base", "")
    EW_C("user", ", depends_on: [base]") EW_HEAD("Container", "net") "spec: {image: app:1}\n";

static void nothing(_unused_ struct ew *w)
{
}

static void killed(struct ew *w)
{
    fake_kill(w->fake, "scope-alone-1", 1);
}

static void removed(struct ew *w)
{
    fake_remove(w->fake, "scope-alone-1");
}

static void edited(struct ew *w)
{
    fake_set_field(w->fake, "scope-alone-1", "user", val_str(&w->arena, "9"));
}

static void paused(struct ew *w)
{
    fake_pause_container(w->fake, "scope-alone-1");
}

static void renamed(struct ew *w)
{
    fake_rename(w->fake, "scope-alone-1", "elsewhere");
}

static const char *change_text(struct ew *w, const char *id)
{
    const struct val *list = val_get(w->look.doc, "changes");
    for (size_t i = 0; i < val_len(list); i++)
        if (str_eq(val_get_str(list->items[i], "id"), id)) {
            struct buf b = BUF_INIT;
            val_json(list->items[i], 0, &b);
            const char *text = arena_strdup(&w->arena, buf_str(&b));
            buf_release(&b);
            return text;
        }
    return "none";
}

static void test_same_as_a_whole_look(_unused_ void **state)
{
    void (*const drifts[])(struct ew *) = {nothing, killed, removed, edited, paused, renamed};
    for (size_t i = 0; i < ARRAY_LEN(drifts); i++) {
        struct ew w;
        ew_init(&w, "scope", EW_GIT, false);
        ew_commit(&w, "app.yaml", manifests);
        ew_ok(ew_reconcile(&w));
        drifts[i](&w);
        ew_ok(ew_look(&w, &(struct look_options){.same_commit = true}));
        assert_null(w.look.scope);
        const char *whole = change_text(&w, "container/alone");
        assert_int_equal(w.look.plan.n, str_eq(whole, "none") ? 0 : 1);
        ew_ok(ew_look(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/alone")}));
        assert_string_equal(w.look.scope[0], "container/alone");
        assert_string_equal(change_text(&w, "container/alone"), whole);
        ew_ok(ew_apply_look(&w));
        assert_int_equal(w.look.plan.n, 0);
        ew_assert_in_sync(&w);
        assert_int_equal(ew_state(&w).generation, 1);
        ew_release(&w);
    }
}

static void assert_whole(struct ew *w, const struct look_options *o)
{
    ew_ok_of(w, ew_look(w, o));
    assert_null(w->look.scope);
}

static void test_where_it_may_not_be(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "scope", EW_GIT, false);
    ew_commit(&w, "app.yaml", manifests);
    /* Nothing is cached yet. */
    assert_whole(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/alone")});
    ew_ok(ew_apply_look(&w));
    /* Its users do not name it, or it does not exist. */
    const char *const not_alone[] = {"network/default", "container/none"};
    for (size_t i = 0; i < ARRAY_LEN(not_alone); i++)
        assert_whole(&w, &(struct look_options){.same_commit = true, EW_TOUCHED(not_alone[i])});
    assert_whole(&w, &(struct look_options){.same_commit = true});
    assert_whole(&w,
                 &(struct look_options){.same_commit = true, EW_TOUCHED("container/alone"), .fresh = true});
    assert_whole(
        &w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/alone"), .attended = true});
    ew_ok(ew_look(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/net")}));
    assert_string_equal(w.look.scope[0], "container/net"); /* networks are left out */
    /* Its dependents are included, its dependencies are not. */
    ew_ok(ew_look(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/base")}));
    assert_string_equal(w.look.scope[0], "container/base");
    assert_string_equal(w.look.scope[1], "container/user");
    assert_null(w.look.scope[2]);
    ew_ok(ew_look(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/user")}));
    assert_string_equal(w.look.scope[0], "container/user");
    assert_null(w.look.scope[1]);
    /* Another run was killed while changing it. */
    ew_ok(journal_append(
        w.store, w.name,
        &(struct journal_entry){.run = "r", .seq = 1, .phase = "begin", .id = "container/user"}, 1, &w.err));
    assert_whole(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/alone")});
    ew_release(&w);
}

/* More than drift of the one resource: everything is observed. */
static void test_more_than_drift(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "scope", EW_GIT, false);
    ew_commit(&w, "app.yaml", manifests);
    ew_ok(ew_reconcile(&w));
    fake_image(w.fake, &(struct fake_image){.ref = "app:1", .local = 5, .remote = 5});
    ew_ok(ew_look(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/alone")}));
    assert_null(w.look.scope);
    assert_int_equal(w.look.plan.n, 4);
    assert_false(look_continues_generation(&w.look));
    ew_ok(ew_apply_look(&w));
    assert_int_equal(w.result.generation, 2);
    ew_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_a_whole_look),
        cmocka_unit_test(test_where_it_may_not_be),
        cmocka_unit_test(test_more_than_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
