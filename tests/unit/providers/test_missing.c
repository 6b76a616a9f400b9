/* Desired native names that none of our objects has. */
#include "providers/containers/missing.h"

#include "schema/kinds/objects.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

static const char manifests[] = "{apiVersion: forge/v1, kind: Container, metadata: {name: web}, "
                                "spec: {image: a, network_mode: none, replicas: 3}}\n"
                                "---\n"
                                "{apiVersion: forge/v1, kind: Network, metadata: {name: front}, "
                                "spec: {external: true, name: proxy}}\n";

struct fixture {
    struct arena arena;
    struct resource_set set;
    struct observed have;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};
    assert_ok(plan_case_text(manifests, "prod", &f->arena, &f->set, &err));
    observed_init(&f->have, &f->arena);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    resource_set_release(&f->set);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static void have(struct fixture *f, const struct kind_desc *kind, const char *native_name)
{
    struct object *o = observed_add(&f->have);
    o->kind = kind;
    o->native_name = native_name;
}

static void test_each_instance_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    _cleanup_missing_ struct missing m;
    have(f, &kind_container, "prod-web-2");
    have(f, &kind_network, "prod-web-3"); /* of another kind */
    missing_init(&m, &f->arena, &f->have, &f->set, "prod", &kind_container, true);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.items[0].name, "prod-web-1");
    assert_int_equal(m.items[0].instance, 1);
    assert_string_equal(m.items[1].name, "prod-web-3");
    assert_int_equal(m.items[1].instance, 3);
    assert_ptr_equal(missing_find(&m, "prod-web-3"), &m.items[1]);
    assert_null(missing_find(&m, "prod-web-2"));
}

static void test_a_service_has_one_name(void **state)
{
    struct fixture *f = *state;
    _cleanup_missing_ struct missing m;
    missing_init(&m, &f->arena, &f->have, &f->set, "prod", &kind_container, false);
    assert_int_equal(m.n, 1);
    assert_string_equal(m.items[0].name, "prod-web");
    assert_int_equal(m.items[0].instance, 0);
}

static void test_an_external_object_has_the_name_it_is_given(void **state)
{
    struct fixture *f = *state;
    _cleanup_missing_ struct missing m;
    missing_init(&m, &f->arena, &f->have, &f->set, "prod", &kind_network, true);
    assert_int_equal(m.n, 1);
    assert_int_equal(m.items[0].instance, 0);
    assert_non_null(missing_find(&m, "proxy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_instance_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_service_has_one_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_external_object_has_the_name_it_is_given, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
