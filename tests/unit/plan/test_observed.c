/* Observed objects: order, lookup, digest, and the round trip through a value tree. */
#include "base/str.h"
#include "reconciler/plan/observed.h"
#include "tests/lib/unit.h"

static struct object *add(struct observed *o, const char *id, unsigned instance, bool candidate)
{
    struct object *obj = observed_add(o);
    obj->id = id;
    obj->kind = &kind_container;
    obj->instance = instance;
    obj->candidate = candidate;
    obj->owner = "prod";
    obj->native_id = arena_printf(&unit_arena, "%s-%u-%d", id, instance, candidate);
    obj->native_name = obj->native_id;
    obj->state = OBJECT_RUNNING;
    return obj;
}

static void test_objects_of_a_resource_are_adjacent_and_in_order(void **state)
{
    (void)state;
    struct observed o;
    struct object *const *found;
    observed_init(&o, &unit_arena);
    add(&o, "container/web", 2, false);
    add(&o, "container/web", 1, true);
    add(&o, "container/we", 1, false);
    add(&o, "container/web", 1, false);
    add(&o, "container/webs", 1, false);
    observed_sort(&o);
    assert_int_equal(observed_find(&o, "container/web", &found), 3);
    assert_int_equal(found[0]->instance, 1);
    assert_false(found[0]->candidate);
    assert_true(found[1]->candidate);
    assert_int_equal(found[2]->instance, 2);
    assert_int_equal(observed_find(&o, "container/w", &found), 0);
    assert_int_equal(observed_find(&o, "container/z", &found), 0);
}

static void test_images_by_reference(void **state)
{
    (void)state;
    struct observed o;
    observed_init(&o, &unit_arena);
    assert_null(observed_image(&o, "a"));
    const struct image_fact facts[] = {
        {.ref = "c", .id = "3"}, {.ref = "a", .id = "1"}, {.ref = "b", .id = "2"}};
    for (size_t i = 0; i < ARRAY_LEN(facts); i++)
        arena_push(&unit_arena, o.images, o.n_images, o.cap_images, facts[i]);
    observed_sort(&o);
    assert_string_equal(observed_image(&o, "b")->id, "2");
    assert_null(observed_image(&o, "d"));
    assert_null(observed_image(&o, NULL));
}

static const char *digest(const struct object *o)
{
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    object_digest(o, &d);
    digest_hex(&d, hex);
    return arena_strdup(&unit_arena, hex);
}

/* Transient state does not make a saved plan stale (P6). */
static void test_digest_is_not_of_what_passes(void **state)
{
    (void)state;
    struct observed o;
    observed_init(&o, &unit_arena);
    struct object *obj = add(&o, "container/web", 1, false);
    const char *before = digest(obj);
    obj->restarts = 7;
    obj->started_ns = obj->created_ns = obj->finished_ns = 5;
    obj->health = HEALTH_UNHEALTHY;
    obj->message = "connection refused";
    obj->state = OBJECT_RESTARTING;
    obj->generation = 4;
    assert_string_equal(digest(obj), before);
}

static void test_digest_is_of_what_a_plan_depends_on(void **state)
{
    (void)state;
    struct observed o;
    observed_init(&o, &unit_arena);
    struct object *obj = add(&o, "container/web", 1, false);
    const char *seen[12];
    size_t n = 0;
    seen[n++] = digest(obj);
    obj->state = OBJECT_EXITED;
    seen[n++] = digest(obj);
    obj->exit_code = 1;
    seen[n++] = digest(obj);
    obj->native_id = "another";
    seen[n++] = digest(obj);
    obj->native_name = "stray";
    seen[n++] = digest(obj);
    obj->spec_digest = "v1:1";
    seen[n++] = digest(obj);
    obj->image_id = "sha256:1";
    seen[n++] = digest(obj);
    obj->image_moved = true;
    seen[n++] = digest(obj);
    obj->owner = NULL;
    seen[n++] = digest(obj);
    obj->owner = "";
    seen[n++] = digest(obj);
    struct val *spec = val_map(&unit_arena);
    val_set_str(&unit_arena, spec, "image", "a");
    obj->spec = spec;
    seen[n++] = digest(obj);
    obj->keep = true;
    seen[n++] = digest(obj);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
}

static void test_journey_as_a_value(void **state)
{
    (void)state;
    struct observed o;
    struct object back;
    struct err err = {0};
    observed_init(&o, &unit_arena);
    struct object *obj = add(&o, "container/web", 3, true);
    struct val *spec = val_map(&unit_arena);
    val_set_str(&unit_arena, spec, "image", "a");
    obj->spec = obj->defaults = spec;
    obj->state = OBJECT_EXITED;
    obj->health = HEALTH_UNHEALTHY;
    obj->exit_code = 137;
    obj->message = "killed";
    obj->generation = 9;
    obj->commit = "c0ffee";
    obj->spec_digest = "v1:1";
    obj->image_id = "sha256:1";
    obj->image_moved = obj->keep = true;
    obj->created_ns = 1;
    obj->started_ns = 2;
    obj->finished_ns = 3;
    obj->restarts = 4;
    assert_ok(object_from_val(&unit_arena, object_to_val(&unit_arena, obj), &back, &err));
    assert_true(val_equal(object_to_val(&unit_arena, &back), object_to_val(&unit_arena, obj)));
    assert_string_equal(digest(&back), digest(obj));
    assert_ptr_equal(back.kind, &kind_container);
}

static void test_a_bare_object(void **state)
{
    (void)state;
    struct object back;
    struct err err = {0};
    struct val *v = val_map(&unit_arena);
    val_set_str(&unit_arena, v, "id", "volume/data");
    assert_ok(object_from_val(&unit_arena, v, &back, &err));
    assert_int_equal(back.state, OBJECT_PRESENT);
    assert_non_null(back.spec);
    assert_non_null(back.defaults);
    assert_null(back.owner);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const ids[] = {NULL, "web", "teapot/web",
                                      "averylongkindofresourcethatnobodyknows/web"};
    struct object back;
    struct err err = {0};
    struct val *v = val_map(&unit_arena);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        val_set_str(&unit_arena, v, "id", ids[i]);
        assert_fails(object_from_val(&unit_arena, v, &back, &err), ERR_INVALID);
    }
    val_set_str(&unit_arena, v, "id", "container/web");
    val_set_str(&unit_arena, v, "state", "sleepy");
    assert_fails(object_from_val(&unit_arena, v, &back, &err), ERR_INVALID);
    assert_says("sleepy");
}

static void test_names_go_both_ways(void **state)
{
    (void)state;
    for (int i = OBJECT_PRESENT; i <= OBJECT_REMOVING; i++) {
        enum object_state s;
        assert_int_equal(object_state_from_name(object_state_name((enum object_state)i), &s), 0);
        assert_int_equal(s, i);
    }
    for (int i = HEALTH_NONE; i <= HEALTH_UNHEALTHY; i++) {
        enum object_health h;
        assert_int_equal(object_health_from_name(object_health_name((enum object_health)i), &h), 0);
        assert_int_equal(h, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_objects_of_a_resource_are_adjacent_and_in_order, unit_arena_new,
                                        unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_images_by_reference, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_digest_is_not_of_what_passes, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_digest_is_of_what_a_plan_depends_on, unit_arena_new,
                                        unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_journey_as_a_value, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_a_bare_object, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_nonsense_is_refused, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_names_go_both_ways, unit_arena_new, unit_arena_gone),
    };
    return cmocka_run_group_tests_name("observed", tests, NULL, NULL);
}
