/* The rows of a status. */
#include "reconciler/engine/engine.h"

#include "tests/lib/unit.h"

/* A service of a swarm runs while enough of its tasks do, be it none; until then it is starting, or, after a
   failure, restarting. */
static void test_tasks_are_counted(void **state)
{
    static const struct {
        enum object_state state;
        const char *message;
        unsigned wanted, running;
        int64_t replicas, shown, of;
        const char *health;
    } cases[] = {{OBJECT_RUNNING, NULL, 2, 2, 2, 2, 2, "running"},
                 {OBJECT_RESTARTING, NULL, 2, 1, 2, 1, 2, "starting"},
                 {OBJECT_RESTARTING, "task web.1 failed", 2, 1, 2, 1, 2, "restarting"},
                 {OBJECT_RUNNING, NULL, 0, 0, 0, 0, 0, "running"},
                 {OBJECT_RUNNING, NULL, 0, 0, 2, 0, 2, "running"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        const struct snapshot_info info = {0};
        struct look look = {.info = &info, .plan.environment = "production"};
        struct resource *r = resource_new(&a, &kind_container, "web");
        struct val *spec = val_map(&a);
        val_set_int(&a, spec, "replicas", cases[i].replicas);
        r->spec = spec;
        resource_set_init(&look.bound, &a);
        resource_set_add(&look.bound, r);
        observed_init(&look.observed, &a);
        look.observed.caps = CAP_SERVICES;
        struct object *o = observed_add(&look.observed);
        o->id = r->id;
        o->kind = &kind_container;
        o->owner = "production";
        o->state = cases[i].state;
        o->message = cases[i].message;
        o->tasks_wanted = cases[i].wanted;
        o->tasks_running = cases[i].running;
        observed_sort(&look.observed);
        const struct val *row = val_get(engine_status(&a, &look), "resources")->items[0];
        assert_int_equal(val_get_int(row, "running", -1), cases[i].shown);
        assert_int_equal(val_get_int(row, "replicas", -1), cases[i].of);
        assert_string_equal(val_get_str(row, "health"), cases[i].health);
        resource_set_release(&look.bound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tasks_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
