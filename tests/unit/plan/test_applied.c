/* Records of what was applied: lookup, and the round trip through a value tree. */
#include "base/str.h"
#include "reconciler/plan/applied.h"
#include "tests/lib/unit.h"

static struct val *map_of(const char *key, const char *text)
{
    struct val *m = val_map(&unit_arena);
    val_set_str(&unit_arena, m, key, text);
    return m;
}

static void test_found_by_id(void **state)
{
    (void)state;
    static const char *const ids[] = {"container/web", "network/a", "container/api"};
    struct inventory inv = {.arena = &unit_arena};
    assert_null(inventory_find(&inv, "container/web"));
    assert_null(inventory_find(NULL, "container/web"));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct applied *a = arena_new(&unit_arena, struct applied);
        a->id = ids[i];
        inventory_add(&inv, a);
    }
    inventory_sort(&inv);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_string_equal(inventory_find(&inv, ids[i])->id, ids[i]);
    assert_null(inventory_find(&inv, "container/w"));
}

static void test_journey_as_a_value(void **state)
{
    (void)state;
    struct applied back;
    struct err err = {0};
    const struct applied a = {
        .id = "container/web",
        .spec = map_of("image", "a"),
        .labels = map_of("tier", "front"),
        .annotations = map_of("forge/prune", "disabled"),
        .baseline = map_of("image", "a"),
        .baseline_id = "id1",
        .generation = 12,
        .commit = "c0ffee",
        .status = APPLIED_HELD,
        .error = "flaps",
        .input_digest = "v1:1",
        .attempts = 3,
        .next_ns = 4,
        .changed_ns = 5,
        .image_id = "sha256:1",
        .adopted = "id0",
        .corrections = 6,
        .window_ns = 7,
    };
    assert_ok(applied_from_val(&unit_arena, applied_to_val(&unit_arena, &a), &back, &err));
    assert_true(val_equal(applied_to_val(&unit_arena, &back), applied_to_val(&unit_arena, &a)));
    assert_int_equal(back.status, APPLIED_HELD);
    assert_string_equal(back.baseline_id, "id1");
    assert_string_equal(back.adopted, "id0");
    assert_string_equal(val_get_str(back.annotations, "forge/prune"), "disabled");
}

/* P3: a baseline in the form of another version of Forge is not used to detect drift. */
static void test_baseline_of_another_form_is_dropped(void **state)
{
    (void)state;
    struct applied back;
    struct err err = {0};
    const struct applied a = {.id = "container/web", .baseline = map_of("image", "a")};
    struct val *v = applied_to_val(&unit_arena, &a);
    assert_ok(applied_from_val(&unit_arena, v, &back, &err));
    assert_non_null(back.baseline);
    val_set_int(&unit_arena, v, "baseline_form", 9999);
    assert_ok(applied_from_val(&unit_arena, v, &back, &err));
    assert_null(back.baseline);
}

static void test_damaged_records_are_refused(void **state)
{
    (void)state;
    struct applied back;
    struct err err = {0};
    struct val *v = val_map(&unit_arena);
    assert_fails(applied_from_val(&unit_arena, v, &back, &err), ERR_CORRUPT);
    val_set_str(&unit_arena, v, "id", "container/web");
    assert_ok(applied_from_val(&unit_arena, v, &back, &err));
    assert_null(back.spec);
    val_set_str(&unit_arena, v, "spec", "text");
    assert_fails(applied_from_val(&unit_arena, v, &back, &err), ERR_CORRUPT);
    assert_says("container/web");
    val_map_del(v, "spec");
    val_set_str(&unit_arena, v, "status", "tired");
    assert_fails(applied_from_val(&unit_arena, v, &back, &err), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found_by_id, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_journey_as_a_value, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_baseline_of_another_form_is_dropped, unit_arena_new,
                                        unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_damaged_records_are_refused, unit_arena_new, unit_arena_gone),
    };
    return cmocka_run_group_tests_name("applied", tests, NULL, NULL);
}
