/* Rolling back to a recorded generation (H2), and how automation treats it. */
#include "tests/unit/engine/engine_world.h"

#include "base/str.h"

#include <sys/stat.h>

#define USER(name, user) EW_C(name, ", user: \"" user "\"")

static void two_generations(struct ew *w, const char *name)
{
    ew_init(w, name, EW_GIT, false);
    ew_commit(w, "app.yaml", USER("web", "1") USER("db", "1"));
    ew_ok_of(w, ew_reconcile(w));
    ew_commit(w, "app.yaml", USER("web", "2") USER("db", "2") USER("new", "2"));
    ew_ok_of(w, ew_reconcile(w));
}

static void test_all_of_it(_unused_ void **state)
{
    struct ew w;
    two_generations(&w, "rollback");
    ew_ok(ew_look(&w, &(struct look_options){.attended = true, .rollback_to = 1}));
    assert_int_equal(plan_find(&w.look.plan, "container/new")->action, PLAN_DELETE);
    assert_contains(ew_plan_text(&w), "generation 1");
    ew_ok(ew_apply_look(&w));
    assert_int_equal(w.result.generation, 3);
    assert_contains(ew_field(&w, "rollback-web-1", "user"), "1");
    assert_false(fake_exists(w.fake, "rollback-new-1"));
    assert_true(val_equal(ew_generation(&w, 3).resources, ew_generation(&w, 1).resources));

    /* Automation holds the generation: the commit is not applied again, and drift is corrected. */
    fake_calls_clear(w.fake);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);
    assert_int_equal(fake_writes(w.fake), 0);
    fake_remove(w.fake, "rollback-web-1");
    ew_ok(ew_run(&w, &(struct look_options){.same_commit = true, EW_TOUCHED("container/web")}));
    assert_contains(ew_field(&w, "rollback-web-1", "user"), "1");
    assert_int_equal(ew_state(&w).generation, 3);
    ew_restart(&w);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);

    /* Another commit ends the hold. */
    ew_commit(&w, "app.yaml", USER("web", "3") USER("db", "2") USER("new", "2"));
    ew_ok(ew_reconcile(&w));
    assert_contains(ew_field(&w, "rollback-web-1", "user"), "3");
    assert_null(ew_state(&w).held_commit);
    ew_release(&w);
}

static void test_one_resource(_unused_ void **state)
{
    struct ew w;
    two_generations(&w, "rollbackone");
    ew_ok(ew_rollback(&w, 1, "container/web"));
    assert_int_equal(w.result.generation, 3);
    assert_contains(ew_field(&w, "rollbackone-web-1", "user"), "1");
    assert_contains(ew_field(&w, "rollbackone-db-1", "user"), "2");
    /* Automation keeps the mixed state, not the whole older generation. */
    fake_calls_clear(w.fake);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.plan.n, 0);
    assert_int_equal(fake_writes(w.fake), 0);
    assert_true(fake_exists(w.fake, "rollbackone-new-1"));
    /* It is there already. */
    ew_ok(ew_rollback(&w, 1, "container/web"));
    assert_int_equal(w.result.generation, 0);
    assert_int_equal(ew_state(&w).generation, 3);
    assert_int_equal(ew_state(&w).held_generation, 3);
    ew_fails(ew_rollback(&w, 1, "container/nobody"), ERR_NOTFOUND);
    ew_fails(ew_rollback(&w, 77, NULL), ERR_NOTFOUND);
    assert_contains(w.err.hint, "history");
    ew_release(&w);
}

/* One resource goes back alone: what the repository asks for by now, and nobody has applied, is not applied
   along with it, nor need it be right. */
static void one_resource_alone(const char *name, enum ew_source source)
{
    struct ew w;
    ew_init(&w, name, source, false);
    assert_true(source == EW_GIT || mkdir(w.repo, 0700) == 0);
    for (unsigned i = 1; i <= 3; i++) {
        const char *text =
            (const char *[]){USER("web", "1") USER("db", "1"), USER("web", "2") USER("db", "2"),
                             USER("web", "3") USER("db", "3") USER("more", "3")}[i - 1];
        if (source == EW_GIT)
            ew_commit(&w, "app.yaml", text);
        else
            unit_write(unit_path(w.repo, "app.yaml"), text);
        if (i < 3)
            ew_ok(ew_apply(&w));
    }
    const struct look_options o = {.attended = true, .rollback_to = 1, .rollback_only = "container/web"};
    ew_ok(ew_look(&w, &o));
    assert_int_equal(w.look.plan.n, 1);
    assert_string_equal(w.look.plan.changes[0].id, "container/web");
    ew_ok(ew_apply_look(&w));
    assert_contains(ew_field(&w, arena_printf(&w.arena, "%s-web-1", name), "user"), "1");
    assert_contains(ew_field(&w, arena_printf(&w.arena, "%s-db-1", name), "user"), "2");
    struct generation mixed = ew_generation(&w, 3);
    assert_int_equal(val_len(mixed.resources), 2);
    assert_true(val_equal(val_get(mixed.resources, "container/db"),
                          val_get(ew_generation(&w, 2).resources, "container/db")));
    if (source == EW_FOLDER) {
        unit_write(unit_path(w.repo, "app.yaml"), "{");
        ew_ok(ew_rollback(&w, 2, "container/web"));
    }
    ew_release(&w);
}

static void test_a_resource_that_no_generation_has(_unused_ void **state)
{
    static const char *const cases[][2] = {
        {"container/web", "did you mean container/shop-web?"},
        {"container/shop-wen", "did you mean container/shop-web?"},
        {"containr/shop-web", "did you mean container/shop-web?"},
        {"container/sharp", "`forge-ctl show 1` lists what that generation has"},
        {"container/other", "`forge-ctl show 1` lists what that generation has"},
    };
    struct ew w;
    ew_init(&w, "rollbacknone", EW_GIT, false);
    ew_commit(&w, "app.yaml", USER("shop-web", "1"));
    ew_ok_of(&w, ew_reconcile(&w));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(ew_rollback(&w, 1, cases[i][0]), ERR_NOTFOUND);
        assert_string_equal(w.err.hint, cases[i][1]);
    }
    ew_release(&w);
}

static void test_one_resource_alone(_unused_ void **state)
{
    one_resource_alone("alonegit", EW_GIT);
    one_resource_alone("alonefolder", EW_FOLDER);
}

#define PAGE(text) \
    "---\napiVersion: forge/v1\nkind: Config\nmetadata: {name: page}\nspec: {content: \"" text "\"}\n"
#define SHOWS(name, user) EW_C(name, ", user: \"" user "\", configs: [page]")

static const char *page_digest(struct ew *w, uint64_t generation, const char *id)
{
    struct generation g = ew_generation(w, generation);
    const struct val *files = val_get(val_get(val_get(g.resources, id), "spec"), "configs");
    return val_get_str(val_get(files, "/page"), "digest");
}

static const char *page_of(struct ew *w, uint64_t generation)
{
    struct generation g = ew_generation(w, generation);
    return val_get_str(val_get(val_get(g.resources, "config/page"), "spec"), "content");
}

/* A Config goes back with the only one that uses it; one that others use goes back by its own name. */
static void test_one_resource_with_its_configs(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "alonepage", EW_GIT, false);
    ew_commit(&w, "app.yaml", SHOWS("web", "1") PAGE("one"));
    ew_ok(ew_apply(&w));
    ew_commit(&w, "app.yaml", SHOWS("web", "2") PAGE("two"));
    ew_ok(ew_apply(&w));
    ew_ok(ew_rollback(&w, 1, "container/web"));
    assert_string_equal(page_of(&w, 3), "one");
    assert_string_equal(page_digest(&w, 3, "container/web"), page_digest(&w, 1, "container/web"));

    ew_commit(&w, "app.yaml", SHOWS("web", "3") SHOWS("db", "3") PAGE("three"));
    ew_ok(ew_apply(&w));
    const struct look_options o = {.attended = true, .rollback_to = 1, .rollback_only = "container/web"};
    ew_ok(ew_look(&w, &o));
    assert_int_equal(w.look.plan.n, 1);
    assert_int_equal(w.look.diags.n, 1);
    assert_contains(w.look.diags.items[0].msg, "config/page has changed since generation 1");
    assert_contains(w.look.diags.items[0].hint, "forge-ctl rollback 1 config/page");
    ew_ok(ew_apply_look(&w));
    assert_contains(ew_field(&w, "alonepage-web-1", "user"), "1");
    assert_string_equal(page_of(&w, 5), "three");
    assert_string_equal(page_digest(&w, 5, "container/web"), page_digest(&w, 5, "container/db"));
    ew_ok(ew_rollback(&w, 1, "config/page"));
    assert_string_equal(page_of(&w, 6), "one");
    assert_string_equal(page_digest(&w, 6, "container/web"), page_digest(&w, 1, "container/web"));
    assert_string_equal(page_digest(&w, 6, "container/db"), page_digest(&w, 1, "container/web"));
    ew_release(&w);
}

/* What it needs comes back with it. */
static void test_one_resource_with_its_network(_unused_ void **state)
{
#define ON(networks) EW_HEAD("Container", "web") "spec: {image: app:1" networks "}\n"
    struct ew w;
    ew_init(&w, "alonenet", EW_GIT, false);
    ew_commit(&w, "app.yaml",
              ON(", networks: [back], volumes: ['data:/data']")
                  EW_HEAD("Network", "back") "spec: {}\n" EW_HEAD("Volume", "data") "spec: {}\n");
    ew_ok(ew_apply(&w));
    ew_commit(&w, "app.yaml", ON(", network_mode: none"));
    ew_ok(ew_apply(&w));
    assert_null(val_get(ew_generation(&w, 2).resources, "network/back"));
    ew_ok(ew_rollback(&w, 1, "container/web"));
    assert_non_null(val_get(ew_generation(&w, 3).resources, "network/back"));
    assert_non_null(val_get(ew_generation(&w, 3).resources, "volume/data"));
    assert_true(fake_exists(w.fake, "alonenet-back"));
    ew_release(&w);
}

/* A rollback after a commit that failed half-way holds that commit, not the one before it. */
static void test_from_a_failed_commit(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "fromfailed", EW_GIT, false);
    ew_commit(&w, "app.yaml", USER("web", "1"));
    ew_ok(ew_reconcile(&w));
    const char *bad = ew_commit(&w, "app.yaml", USER("web", "2") USER("bad", "2"));
    fake_fault(w.fake,
               &(struct fake_fault){
                   .verb = FAKE_START, .name = "fromfailed-bad-1", .always = true, .code = ERR_FAILED});
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    assert_int_equal(ew_generation(&w, 2).status, GEN_PARTIAL);
    ew_ok(ew_rollback(&w, 1, NULL));
    assert_string_equal(ew_state(&w).held_commit, bad);
    fake_calls_clear(w.fake);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(fake_writes(w.fake), 0);
    /* A rollback to what is already running holds the commit as well. */
    ew_ok(ew_rollback(&w, 1, NULL));
    assert_int_equal(w.result.generation, 0);
    assert_string_equal(ew_state(&w).held_commit, bad);
    ew_release(&w);
}

/* Automation was about to retry the commit when somebody rolled it back. */
static void test_while_automation_looks(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "meanwhile", EW_GIT, false);
    ew_commit(&w, "app.yaml", USER("web", "1"));
    ew_ok(ew_reconcile(&w));
    const char *bad = ew_commit(&w, "app.yaml", USER("web", "2"));
    fake_fault(w.fake, &(struct fake_fault){.verb = FAKE_CREATE, .code = ERR_FAILED});
    ew_fails(ew_reconcile(&w), ERR_FAILED);
    ew_ok(ew_look(&w, &(struct look_options){.force_retry = true}));
    assert_int_equal(w.look.plan.n, 1);
    struct engine *other;
    struct look look;
    struct apply_result result;
    const struct look_options back = {.attended = true, .rollback_to = 1};
    ew_ok(engine_open(&w.config, &w.env, &other, &w.err));
    ew_ok(engine_look(other, &back, &look, &w.err));
    ew_ok(engine_apply(other, &look, &(struct apply_options){.actor = "o", .trigger = "t"}, &result, &w.err));
    assert_int_equal(result.generation, 0); /* generation 1 has run all the time */
    look_release(&look);
    engine_close(other);
    assert_string_equal(ew_state(&w).held_commit, bad);
    ew_fails(ew_apply_look(&w), ERR_CONFLICT);
    assert_true(engine_lost_race(w.err.code, &w.err));
    ew_ok(ew_reconcile(&w));
    assert_contains(ew_field(&w, "meanwhile-web-1", "user"), "1");
    assert_string_equal(ew_state(&w).held_commit, bad);
    ew_release(&w);
}

/* The tag refers to another image by now: a rollback requests the recorded one, also a later rollback. */
static void test_images_are_pinned(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "pins", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    ew_ok(ew_reconcile(&w));
    const char *first = ew_image_id(&w, "pins-web-1");
    fake_image(w.fake,
               &(struct fake_image){.ref = arena_printf(&w.arena, "app@%s", first), .local = 1, .remote = 1});
    const char *pinned =
        ew_generation(&w, 1).images ? val_get_str(val_get(ew_generation(&w, 1).images, "app:1"), "id") : NULL;
    assert_string_equal(pinned, first);
    fake_image(w.fake, &(struct fake_image){.ref = "app:1", .local = 7, .remote = 7});
    ew_commit(&w, "app.yaml", EW_C("web", ", user: \"2\"") EW_C("db", ", user: \"2\""));
    ew_ok(ew_reconcile(&w));
    assert_string_not_equal(ew_image_id(&w, "pins-web-1"), first);
    ew_ok(ew_look(&w, &(struct look_options){.attended = true, .rollback_to = 1}));
    const struct resource *web = resource_find(&w.look.bound, "container/web");
    assert_string_equal(val_get_str(web->spec, "image"), arena_printf(&w.arena, "app@%s", first));
    /* One resource: only that one is pinned. */
    ew_ok(ew_look(
        &w, &(struct look_options){.attended = true, .rollback_to = 1, .rollback_only = "container/web"}));
    web = resource_find(&w.look.bound, "container/web");
    const struct resource *db = resource_find(&w.look.bound, "container/db");
    assert_string_equal(val_get_str(web->spec, "image"), arena_printf(&w.arena, "app@%s", first));
    assert_string_equal(val_get_str(db->spec, "image"), "app:1");
    /* The generation of a rollback records the image under the name used in Git. */
    ew_ok(ew_rollback(&w, 1, NULL));
    const struct generation g = ew_generation(&w, 3);
    assert_string_equal(val_get_str(val_get(g.images, "app:1"), "id"), first);
    fake_calls_clear(w.fake);
    ew_ok(ew_reconcile(&w)); /* held: nothing to do */
    assert_int_equal(w.look.plan.n, 0);
    assert_int_equal(fake_writes(w.fake), 0);
    ew_release(&w);
}

#define ALL_THREE(user) USER("web", user) USER("db", user) USER("more", user)

/* One resource was rolled back alone: the same reference is two images, then and when that generation is
   rolled back to. */
static void test_two_images_under_one_reference(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "twoimages", EW_GIT, false);
    ew_commit(&w, "app.yaml", ALL_THREE("1"));
    ew_ok(ew_reconcile(&w));
    const char *first = ew_image_id(&w, "twoimages-web-1");
    fake_image(w.fake,
               &(struct fake_image){
                   .ref = arena_printf(&w.arena, "app@%s", first), .local = 1, .remote = 1, .id = first});
    fake_image(w.fake, &(struct fake_image){.ref = "app:1", .local = 7, .remote = 7});
    ew_commit(&w, "app.yaml", ALL_THREE("2"));
    ew_ok(ew_reconcile(&w));
    const char *second = ew_image_id(&w, "twoimages-web-1");
    ew_ok(ew_rollback(&w, 1, "container/web"));
    ew_commit(&w, "app.yaml", ALL_THREE("3"));
    ew_ok(ew_reconcile(&w));
    assert_string_equal(ew_image_id(&w, "twoimages-web-1"), second);
    for (uint64_t from = 3; from < 6; from += 2) { /* 5 is itself a rollback */
        ew_ok(ew_rollback(&w, from, NULL));
        assert_string_equal(ew_image_id(&w, "twoimages-web-1"), first);
        assert_string_equal(ew_image_id(&w, "twoimages-db-1"), second);
        assert_string_equal(ew_image_id(&w, "twoimages-more-1"), second);
        ew_commit(&w, "app.yaml", from == 3 ? ALL_THREE("4") : ALL_THREE("5"));
        ew_ok(ew_reconcile(&w));
        assert_string_equal(ew_image_id(&w, "twoimages-web-1"), second);
    }
    ew_release(&w);
}

/* The image that a rollback pins runs already, under another name. */
static void test_what_runs_the_pinned_image_stays(_unused_ void **state)
{
    struct ew w;
    ew_init(&w, "runspin", EW_GIT, false);
    ew_commit(&w, "app.yaml", EW_C("web", ""));
    ew_ok(ew_reconcile(&w));
    const char *first = ew_image_id(&w, "runspin-web-1");
    fake_image(w.fake, &(struct fake_image){.ref = "app:same", .local = 1, .remote = 1, .id = first});
    ew_commit(&w, "app.yaml",
              EW_HEAD("Container", "web") "spec: {image: \"app:same\", network_mode: none}\n");
    ew_ok(ew_reconcile(&w));
    fake_image(w.fake, &(struct fake_image){.ref = "app:1", .local = 7, .remote = 7});
    ew_ok(ew_look(&w, &(struct look_options){.attended = true, .rollback_to = 1}));
    assert_string_equal(val_get_str(resource_find(&w.look.bound, "container/web")->spec, "image"),
                        arena_printf(&w.arena, "app@%s", first));
    for (size_t i = 0; i < w.look.plan.n; i++)
        assert_int_equal(w.look.plan.changes[i].n_moves, 0);
    ew_release(&w);
}

/* A held commit is not loaded, so its errors do not matter. */
static void test_held_commit_is_not_loaded(_unused_ void **state)
{
    struct ew w;
    two_generations(&w, "heldbroken");
    ew_ok(ew_rollback(&w, 1, NULL));
    struct env_state st = ew_state(&w);
    assert_int_equal(st.held_generation, 1);
    ew_ok(ew_reconcile(&w));
    assert_int_equal(w.look.loaded.decoded, 0);
    ew_release(&w);
}

/* A saved plan of a rollback is applied as a rollback. */
static void test_saved_rollback(_unused_ void **state)
{
    struct ew w;
    two_generations(&w, "savedrollback");
    struct val *plan, *answer;
    ew_ok(ew_operation(&w, "diff", "{\"rollback\": 1, \"resource\": \"container/web\"}", &plan));
    struct buf args = BUF_INIT;
    buf_adds(&args, "{\"plan\": ");
    val_json(plan, 0, &args);
    buf_adds(&args, "}");
    ew_ok(ew_operation(&w, "apply", buf_str(&args), &answer));
    buf_release(&args);
    assert_contains(ew_field(&w, "savedrollback-web-1", "user"), "1");
    assert_contains(ew_field(&w, "savedrollback-db-1", "user"), "2");
    ew_release(&w);
}

/* When only part of a commit is applied, the generation records that part and not the whole commit. */
static void test_part_of_a_commit(_unused_ void **state)
{
    struct ew w;
    two_generations(&w, "part");
    ew_ok(ew_rollback(&w, 1, NULL));
    const char *const only[] = {"container/web", NULL};
    ew_ok(ew_run(&w, &(struct look_options){.attended = true, .only = only}));
    assert_contains(ew_field(&w, "part-web-1", "user"), "2");
    const struct val *resources = ew_generation(&w, 4).resources;
    assert_int_equal(val_len(resources), 2);
    assert_true(val_equal(val_get(resources, "container/db"),
                          val_get(ew_generation(&w, 1).resources, "container/db")));
    assert_true(val_equal(val_get(resources, "container/web"),
                          val_get(ew_generation(&w, 2).resources, "container/web")));
    assert_non_null(ew_state(&w).held_commit);
    ew_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it),
        cmocka_unit_test(test_one_resource),
        cmocka_unit_test(test_one_resource_alone),
        cmocka_unit_test(test_a_resource_that_no_generation_has),
        cmocka_unit_test(test_one_resource_with_its_configs),
        cmocka_unit_test(test_one_resource_with_its_network),
        cmocka_unit_test(test_from_a_failed_commit),
        cmocka_unit_test(test_while_automation_looks),
        cmocka_unit_test(test_images_are_pinned),
        cmocka_unit_test(test_two_images_under_one_reference),
        cmocka_unit_test(test_what_runs_the_pinned_image_stays),
        cmocka_unit_test(test_held_commit_is_not_loaded),
        cmocka_unit_test(test_saved_rollback),
        cmocka_unit_test(test_part_of_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
