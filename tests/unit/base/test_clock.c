#include "base/clock.h"

#include "tests/lib/unit.h"

static void system_goes_forward(void **state)
{
    (void)state;
    struct clock *c = clock_system();
    assert_ptr_equal(c, clock_system());
    int64_t wall = clock_wall(c), mono = clock_mono(c);
    assert_true(wall > INT64_C(1700000000) * NS_PER_S);
    clock_sleep(c, 5 * NS_PER_MS);
    assert_true(clock_mono(c) - mono >= 5 * NS_PER_MS);
    clock_sleep(c, 0);
    clock_sleep(c, -NS_PER_S);
}

static void fake_is_driven(void **state)
{
    (void)state;
    struct clock_fake f;
    clock_fake_init(&f, 1000 * NS_PER_S);
    struct clock *c = &f.clock;
    int64_t mono = clock_mono(c);
    assert_true(mono != 0);
    assert_int_equal(clock_wall(c), 1000 * NS_PER_S);
    clock_sleep(c, 3600 * NS_PER_S); /* returns at once */
    clock_fake_advance(&f, NS_PER_S);
    clock_sleep(c, -5);
    assert_int_equal(clock_mono(c) - mono, 3601 * NS_PER_S);
    assert_int_equal(clock_wall(c), 4601 * NS_PER_S);
    clock_fake_init(&f, 0);
    assert_int_equal(clock_wall(c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_goes_forward),
        cmocka_unit_test(fake_is_driven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
