/* Images that nothing needs are removed (H3); images that are not ours, or may be rolled back to, stay. */
#include "tests/unit/engine/fleet_world.h"

#include "base/str.h"

#include <unistd.h>

#define DAY (24 * 3600 * NS_PER_S)

/* Put an image into the registry, but not on the engine. */
static void publish(struct fake_engine *e, const char *ref, unsigned version)
{
    fake_image(e, &(struct fake_image){.ref = ref, .remote = version});
}

static void setup(struct ew *w, const char *name)
{
    ew_init(w, name, EW_GIT, false);
    w->config.retention = (struct retention){.generations = 2, .age_ns = 1};
    publish(w->fake, "r.example/web:1", 1);
    publish(w->fake, "r.example/web:2", 2);
    publish(w->fake, "r.example/web:3", 3);
}

static void deploy(struct ew *w, const char *image)
{
    ew_commit(w, "app.yaml",
              arena_printf(&w->arena,
                           EW_HEAD("Container", "web") "spec: {image: \"%s\", network_mode: none}\n", image));
    ew_ok_of(w, ew_reconcile(w));
    clock_fake_advance(&w->time, NS_PER_S);
}

static struct prune_result prune_with(struct ew *w, const struct prune_options *o)
{
    struct prune_result r;
    w->err = (struct err){0};
    ew_ok_of(w, engine_prune_images(w->engine, o, &w->arena, &r, &w->err));
    return r;
}

static struct prune_result prune(struct ew *w)
{
    return prune_with(w, &(struct prune_options){.actor = "tester", .trigger = "test"});
}

/* "kept: generation 3 of x needs it"; NULL: the image is not listed. */
static const char *fate(struct ew *w, const struct prune_result *r, const char *name)
{
    for (size_t i = 0; i < val_len(r->rows); i++)
        if (str_eq(val_get_str(r->rows->items[i], "name"), name))
            return arena_printf(&w->arena, "%s: %s", val_get_str(r->rows->items[i], "state"),
                                val_get_str(r->rows->items[i], "why"));
    return NULL;
}

static bool is_there(const struct target *t, const char *ref)
{
    struct provider *p;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    struct engine_images l;
    bool found = false;
    assert_int_equal(provider_open(t, &(struct provider_env){0}, &p, &err), 0);
    assert_int_equal(p->ops->images(p, NULL, &a, &l, &err), 0);
    for (size_t i = 0; i < l.n; i++)
        for (const char *const *r = l.items[i].refs; *r; r++)
            found |= str_eq(*r, ref);
    provider_close(p);
    arena_release(&a);
    return found;
}

static void test_goes_with_the_last_generation(_unused_ void **state)
{
    struct ew w;
    setup(&w, "prunelast");
    deploy(&w, "r.example/web:1");
    struct prune_result r = prune(&w);
    assert_string_equal(fate(&w, &r, "r.example/web:1"), "kept: generation 1 of prunelast needs it");
    deploy(&w, "r.example/web:2");
    r = prune(&w);
    assert_string_equal(fate(&w, &r, "r.example/web:1"), "kept: generation 1 of prunelast needs it");
    deploy(&w, "r.example/web:3"); /* generation 1 is deleted */
    r = prune_with(&w, &(struct prune_options){.dry_run = true});
    assert_string_equal(fate(&w, &r, "r.example/web:1"), "goes: not needed");
    assert_int_equal(r.removed, 1);
    assert_int_equal(r.bytes, 1000000);
    assert_true(is_there(&w.target, "r.example/web:1"));
    uint64_t before = ew_state(&w).transition;
    r = prune(&w);
    assert_string_equal(fate(&w, &r, "r.example/web:1"), "gone: it was no longer needed");
    assert_false(is_there(&w.target, "r.example/web:1"));
    assert_true(is_there(&w.target, "r.example/web:2"));
    /* H1 */
    struct val *answer;
    ew_ok(ew_operation(&w, "history", "{\"resource\": \"image/r.example/web:1\"}", &answer));
    const struct val *list = val_get(answer, "transitions");
    assert_int_equal(val_len(list), 1);
    assert_int_equal(val_get_int(list->items[0], "seq", 0), before + 1);
    assert_string_equal(val_get_str(list->items[0], "action"), "prune");
    assert_string_equal(val_get_str(list->items[0], "before"), fake_image_id(&w.arena, "r.example/web:1", 1));
    /* The record is gone: an image that somebody else brings under that name is not ours. */
    fake_image(w.fake, &(struct fake_image){.ref = "r.example/web:1", .local = 1, .remote = 1});
    r = prune(&w);
    assert_null(fate(&w, &r, "r.example/web:1"));
    assert_true(is_there(&w.target, "r.example/web:1"));
    ew_release(&w);
}

static void test_what_is_not_ours_stays(_unused_ void **state)
{
    struct ew w;
    setup(&w, "prunenot");
    /* On the engine before Forge: app:1, and web:1, which somebody else pulled. */
    fake_image(w.fake, &(struct fake_image){.ref = "r.example/web:1", .local = 1, .remote = 1});
    deploy(&w, "r.example/web:1");
    deploy(&w, "app:1");
    deploy(&w, "r.example/web:2");
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    /* Ours, but somebody else has given it a name. */
    fake_image(w.fake, &(struct fake_image){.ref = "mine:keep",
                                            .local = 2,
                                            .id = fake_image_id(&w.arena, "r.example/web:2", 2)});
    struct prune_result r = prune(&w);
    assert_string_equal(fate(&w, &r, "r.example/web:2"),
                        "kept: it also has the name mine:keep, which Forge did not give it");
    assert_int_equal(val_len(r.rows), 1);
    assert_true(is_there(&w.target, "r.example/web:1"));
    assert_true(is_there(&w.target, "app:1"));
    ew_release(&w);
}

static void test_a_pull_of_what_is_there_is_not_ours(_unused_ void **state)
{
    struct ew w;
    setup(&w, "pruneid");
    /* The same image under somebody else's name: our pull only adds a name. */
    fake_image(w.fake, &(struct fake_image){.ref = "theirs:1",
                                            .local = 1,
                                            .id = fake_image_id(&w.arena, "r.example/web:1", 1)});
    deploy(&w, "r.example/web:1");
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    struct prune_result r = prune(&w);
    assert_int_equal(val_len(r.rows), 0);
    assert_true(is_there(&w.target, "r.example/web:1"));
    ew_release(&w);
}

static void test_a_container_of_anybodys_keeps_it(_unused_ void **state)
{
    struct ew w;
    setup(&w, "pruneuse");
    deploy(&w, "r.example/web:1");
    fake_foreign(w.fake, &kind_container, "theirs", NULL);
    fake_set_image(w.fake, "theirs", fake_image_id(&w.arena, "r.example/web:1", 1));
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    struct prune_result r = prune(&w);
    assert_string_equal(fate(&w, &r, "r.example/web:1"), "kept: container theirs was created from it");
    assert_true(r.next_ns > 0);
    /* The engine has the last word. */
    fake_remove(w.fake, "theirs");
    fake_fault(w.fake, &(struct fake_fault){
                           .verb = FAKE_PRUNE, .code = ERR_CONFLICT, .message = "image is being used"});
    r = prune(&w);
    assert_string_equal(fate(&w, &r, "r.example/web:1"),
                        arena_printf(&w.arena, "kept: the engine refused: prune %s: image is being used",
                                     fake_image_id(&w.arena, "r.example/web:1", 1)));
    assert_int_equal(r.removed, 0);
    r = prune(&w);
    assert_int_equal(r.removed, 1);
    ew_release(&w);
}

static void test_a_lost_store_owns_nothing(_unused_ void **state)
{
    struct ew w;
    setup(&w, "prunelost");
    deploy(&w, "r.example/web:1");
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    engine_close(w.engine);
    store_close(w.store);
    assert_int_equal(store_open(&(struct store_options){.clock = &w.time.clock}, &w.store, &w.err), 0);
    w.env.store = w.store;
    assert_int_equal(engine_open(&w.config, &w.env, &w.engine, &w.err), 0);
    ew_ok(ew_reconcile(&w));
    struct prune_result r = prune(&w);
    assert_int_equal(val_len(r.rows), 0);
    assert_true(is_there(&w.target, "r.example/web:1"));
    ew_release(&w);
}

static void remember_found(struct env_state *st, void *arg)
{
    struct ew *w = arg;
    struct val *images = val_map(&w->arena), *entry = val_map(&w->arena);
    val_set_str(&w->arena, entry, "found", "r.example/web:2");
    val_map_set(&w->arena, images, "container/web", entry);
    st->images = images;
}

/* What its registry had is needed as long as it follows it, not for ever. */
static void test_what_was_found_goes_with_its_policy(_unused_ void **state)
{
    static const char follows[] =
        EW_HEAD("Container", "web") "spec: {image: \"app:%d\", network_mode: none, image_policy: "
                                    "{follow: semver, range: 1.x}}\n";
    struct ew w;
    setup(&w, "prunefound");
    deploy(&w, "r.example/web:2");
    for (int i = 1; i < 3; i++) {
        ew_commit(&w, "app.yaml", arena_printf(&w.arena, follows, i));
        ew_ok(ew_reconcile(&w));
        clock_fake_advance(&w.time, NS_PER_S);
    }
    ew_ok(env_state_update(w.store, w.config.name, remember_found, &w, &w.err));
    struct prune_result r = prune(&w);
    assert_contains(fate(&w, &r, "r.example/web:2"), "kept: prunefound uses r.example/web:2");
    deploy(&w, "app:1");
    r = prune(&w);
    assert_contains(fate(&w, &r, "r.example/web:2"), "gone");
    ew_release(&w);
}

static void test_automation_waits(_unused_ void **state)
{
    struct ew w;
    setup(&w, "prunewait");
    const struct prune_options o = {
        .own_only = true, .keep_ns = 7 * DAY, .actor = "forged", .trigger = "retention"};
    struct prune_result r = prune_with(&w, &o);
    assert_int_equal(fake_count(w.fake, FAKE_IMAGES), 0); /* no image is ours: no request (L1) */
    deploy(&w, "r.example/web:1");
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    r = prune_with(&w, &o);
    assert_contains(fate(&w, &r, "r.example/web:1"), "kept: not needed; will be removed in 7d");
    assert_int_equal(r.next_ns, clock_wall(&w.time.clock) + 7 * DAY);
    clock_fake_advance(&w.time, 6 * DAY);
    r = prune_with(&w, &o);
    assert_int_equal(r.removed, 0);
    /* Needed again for a while: its idle time starts over. */
    deploy(&w, "r.example/web:1");
    r = prune_with(&w, &o);
    assert_contains(fate(&w, &r, "r.example/web:1"), "needs it");
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    r = prune_with(&w, &o);
    clock_fake_advance(&w.time, 6 * DAY);
    r = prune_with(&w, &o);
    assert_int_equal(r.removed, 0);
    clock_fake_advance(&w.time, DAY);
    r = prune_with(&w, &o);
    assert_int_equal(r.removed, 1);
    assert_false(is_there(&w.target, "r.example/web:1"));
    ew_release(&w);
}

static void test_a_moved_tag_can_be_gone_back_to(_unused_ void **state)
{
    struct ew w;
    setup(&w, "prunemoved");
    ew_commit(&w, "app.yaml",
              EW_HEAD("Container",
                      "web") "spec: {image: \"r.example/web:1\", network_mode: none, pull_policy: always}\n");
    ew_ok(ew_reconcile(&w));
    const char *first = ew_image_id(&w, "prunemoved-web-1");
    fake_image(w.fake, &(struct fake_image){.ref = "r.example/web:1", .local = 1, .remote = 9});
    ew_commit(&w, "app.yaml",
              EW_HEAD("Container", "web") "spec: {image: \"r.example/web:1\", network_mode: none, "
                                          "pull_policy: always, user: \"1\"}\n");
    ew_ok(ew_reconcile(&w));
    assert_string_not_equal(ew_image_id(&w, "prunemoved-web-1"), first);
    struct prune_result r = prune(&w);
    assert_int_equal(r.removed, 0);
    assert_int_equal(val_len(r.rows), 2);
    fake_image(w.fake, &(struct fake_image){.ref = "r.example/web:1", .local = 9}); /* the registry is away */
    ew_ok(ew_rollback(&w, 1, NULL));
    assert_string_equal(ew_image_id(&w, "prunemoved-web-1"), first);
    ew_release(&w);
}

static void test_suspended_and_locked(_unused_ void **state)
{
    struct ew w;
    struct prune_result r;
    setup(&w, "prunestop");
    deploy(&w, "r.example/web:1");
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    const struct prune_options o = {0};
    ew_ok(engine_suspend(w.engine, "somebody", "holidays", 0, &w.err));
    ew_fails(engine_prune_images(w.engine, &o, &w.arena, &r, &w.err), ERR_DENIED);
    ew_ok(engine_prune_images(w.engine, &(struct prune_options){.dry_run = true}, &w.arena, &r, &w.err));
    assert_int_equal(r.removed, 1);
    ew_ok(engine_resume(w.engine, "somebody", &w.err));
    int lock;
    ew_ok(store_lock(w.store, w.name, "another", &lock, &w.err));
    ew_fails(engine_prune_images(w.engine, &o, &w.arena, &r, &w.err), ERR_BUSY);
    close(lock);
    assert_true(is_there(&w.target, "r.example/web:1"));
    ew_release(&w);
}

/* Another environment of the store needs the image, or only refers to its name. */
static void test_other_environments_count(_unused_ void **state)
{
    struct ew w;
    setup(&w, "pruneothers");
    deploy(&w, "r.example/web:1");
    deploy(&w, "app:1");
    deploy(&w, "app:2");
    struct val *resources = val_map(&w.arena), *res = val_map(&w.arena), *spec = val_map(&w.arena);
    val_set_str(&w.arena, spec, "image", "r.example/web:1");
    val_map_set(&w.arena, res, "spec", spec);
    val_map_set(&w.arena, resources, "container/x", res);
    struct generation g = {.resources = resources};
    ew_ok(generation_begin(w.store, "elsewhere", &g, &w.err));
    struct prune_result r = prune(&w);
    assert_string_equal(fate(&w, &r, "r.example/web:1"), "kept: elsewhere uses r.example/web:1");
    ew_release(&w);
}

static void test_each_engine_by_itself(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "prunefleet", 3, false);
    w.ew.config.retention = (struct retention){.generations = 2, .age_ns = 1};
    for (const char *l = "abc"; *l; l++)
        fake_image(fw_fake(&w, *l),
                   &(struct fake_image){.ref = "r.example/web:1", .remote = 1, .local = *l == 'b'});
    deploy(&w.ew, "r.example/web:1");
    deploy(&w.ew, "app:1");
    deploy(&w.ew, "app:2");
    fw_leave(&w, 'c');
    struct prune_result r = prune(&w.ew);
    assert_int_equal(r.removed, 1); /* b had it before us, c is unreachable */
    assert_string_equal(val_get_str(r.rows->items[0], "target"), "a");
    assert_int_equal(val_len(r.targets), 1);
    assert_string_equal(val_get_str(r.targets->items[0], "target"), "c");
    assert_false(is_there(&w.targets[0], "r.example/web:1"));
    assert_true(is_there(&w.targets[1], "r.example/web:1"));
    fw_return(&w, 'c');
    clock_fake_advance(&w.ew.time, 3600 * NS_PER_S);
    r = prune(&w.ew);
    assert_int_equal(r.removed, 1);
    assert_string_equal(val_get_str(r.rows->items[0], "target"), "c");
    struct val *answer;
    w.ew.err = (struct err){0};
    unit_check_code(ew_operation(&w.ew, "history", "{\"resource\": \"image/r.example/web:1@a\"}", &answer), 0,
                    &w.ew.err, "history", __FILE__, __LINE__);
    assert_int_equal(val_len(val_get(answer, "transitions")), 1);
    fw_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_with_the_last_generation),
        cmocka_unit_test(test_what_is_not_ours_stays),
        cmocka_unit_test(test_a_pull_of_what_is_there_is_not_ours),
        cmocka_unit_test(test_a_container_of_anybodys_keeps_it),
        cmocka_unit_test(test_a_lost_store_owns_nothing),
        cmocka_unit_test(test_automation_waits),
        cmocka_unit_test(test_what_was_found_goes_with_its_policy),
        cmocka_unit_test(test_a_moved_tag_can_be_gone_back_to),
        cmocka_unit_test(test_suspended_and_locked),
        cmocka_unit_test(test_other_environments_count),
        cmocka_unit_test(test_each_engine_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
