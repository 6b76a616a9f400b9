/* The table of limits, checked against the field tables and the existing backends. */
#include "base/str.h"
#include "providers/provider.h"
#include "reconciler/plan/compare.h"
#include "reconciler/plan/unsupported.h"
#include "tests/lib/unit.h"

/* A path that matches no field would refuse nothing. */
static void test_paths_are_fields(_unused_ void **state)
{
    for (const struct limit *l = limits; l->kind; l++) {
        if (!field_path(l->kind->spec, l->path))
            fail_msg("%s has no field %s", l->kind->name, l->path);
        assert_true(l->with || l->without);
        assert_non_null(l->what);
    }
}

/* A limit that applies to no backend, or to all, is unnecessary. */
static void test_each_tells_backends_apart(_unused_ void **state)
{
    struct arena a = ARENA_INIT;
    size_t n;
    const struct backend_variant *v = provider_variants(&a, &n);
    assert_true(n >= 4);
    for (const struct limit *l = limits; l->kind; l++) {
        size_t refused = 0;
        for (size_t i = 0; i < n; i++)
            refused += limit_refuses(l, v[i].caps);
        /* CAP_HEALTHCHECK and CAP_COPY_INTO are reserved for future backends. */
        bool all_can = l->with == CAP_HEALTHCHECK || l->with == CAP_COPY_INTO;
        if (all_can ? refused != 0 : refused == 0 || refused == n)
            fail_msg("%s: refused by %zu of %zu", l->path, refused, n);
    }
    arena_release(&a);
}

static void test_what_a_change_costs(_unused_ void **state)
{
    const unsigned service = CAP_SERVICES, plain = CAPS_CONTAINERS,
                   podman = CAPS_CONTAINERS & ~CAP_LIVE_UPDATE;
    assert_int_equal(impact_on(plain, "resources", IMPACT_LIVE, false), IMPACT_LIVE);
    assert_int_equal(impact_on(plain, "resources", IMPACT_LIVE, true), IMPACT_REPLACE);
    assert_int_equal(impact_on(podman, "resources", IMPACT_LIVE, false), IMPACT_REPLACE);
    assert_int_equal(impact_on(podman, "networks", IMPACT_LIVE, false), IMPACT_LIVE);
    assert_int_equal(impact_on(podman, "replicas", IMPACT_LIVE, false), IMPACT_LIVE);
    assert_int_equal(impact_on(podman, "container_name", IMPACT_LIVE, false), IMPACT_LIVE);
    assert_int_equal(impact_on(service, "container_name", IMPACT_LIVE, false), IMPACT_REPLACE);
    assert_int_equal(impact_on(service, "deploy", IMPACT_LIVE, false), IMPACT_LIVE);
    assert_int_equal(impact_on(service, "networks", IMPACT_LIVE, false), IMPACT_REPLACE);
    assert_int_equal(impact_on(plain, "environment", IMPACT_REPLACE, false), IMPACT_REPLACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_fields),
        cmocka_unit_test(test_each_tells_backends_apart),
        cmocka_unit_test(test_what_a_change_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
