/* Observation of a real engine: the cache, objects with the same name, joined namespaces. */
#include "base/clock.h"
#include "tests/engine/docker_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define IDLE BENCH_IDLE

static void test_the_cache_spares_inspection(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(b, "one", "{" IDLE ", 'resources': {'memory': 67108864}}");
    const char *id = bench_make(b, r, true);
    bench_make(b, bench_container(b, "two", "{" IDLE "}"), true);
    struct observed o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 2);
    bench_reopen(b); /* a new process */
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 0);
    assert_int_equal(o.cached, 2);
    const struct object *one = bench_find(&o, "container/one");
    struct object now = bench_inspect(b, &kind_container, id);
    assert_true(val_equal(one->spec, now.spec));
    assert_true(val_equal(one->defaults, now.defaults));
    assert_string_equal(one->image_id, now.image_id);

    o = bench_observe(b, NULL, true);
    assert_int_equal(o.inspected, 2);

    /* Limits, changed by hand on a running container, are not in the listing. */
    struct step s = bench_step(b, STEP_UPDATE,
                               bench_container(b, "one", "{" IDLE ", 'resources': {'memory': 134217728}}"));
    if (b->caps & CAP_LIVE_UPDATE) {
        bench_must(b, &s);
        o = bench_observe(b, NULL, false);
        assert_int_equal(o.inspected, 1);
        assert_int_equal(
            val_get_int(val_get(bench_find(&o, "container/one")->spec, "resources"), "memory", 0), 134217728);
        o = bench_observe(b, NULL, false);
        assert_int_equal(o.inspected, 0);
    }

    /* A stopped and a renamed container look different in the listing. */
    s = bench_step(b, STEP_STOP, r);
    bench_must(b, &s);
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 1);
    assert_int_equal(bench_find(&o, "container/one")->state, OBJECT_EXITED);
    bench_remove_all(b);
}

static struct observed observe_end(struct bench *b, struct resource *r, const char *native_id)
{
    struct resource_set set;
    struct observed o;
    const struct container_end end = {
        .id = r->id, .native_id = native_id, .exit_code = 137, .at_ns = clock_wall(clock_system())};
    resource_set_init(&set, &b->arena);
    resource_set_add(&set, r);
    const struct observe_request rq = {.owner = b->owner, .desired = &set, .resource = r->id, .ended = &end};
    if (b->p->ops->observe(b->p, &rq, NULL, &b->arena, &o, &b->err) < 0)
        fail_msg("observe: %s", b->err.msg);
    resource_set_release(&set);
    return o;
}

/* An event about a container's end is trusted if everything else is known about the container, and the engine
   does not restart it. */
static void test_an_end_is_believed(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(b, "end", "{" IDLE ", 'resources': {'memory': 67108864}}");
    const char *id = bench_make(b, r, true);
    struct observed o = observe_end(b, r, id);
    assert_int_equal(o.told, 0); /* nothing is known about it yet: it is inspected, and is running */
    assert_int_equal(bench_find(&o, "container/end")->state, OBJECT_RUNNING);
    o = observe_end(b, r, id);
    const struct object *told = bench_find(&o, "container/end");
    struct object now = bench_inspect(b, &kind_container, id);
    assert_int_equal(o.told, 1);
    assert_int_equal(o.listed, 0);
    assert_int_equal(told->state, OBJECT_EXITED);
    assert_int_equal(told->exit_code, 137);
    assert_true(val_equal(told->spec, now.spec));
    assert_true(val_equal(told->defaults, now.defaults));

    /* The event is about another container. */
    o = observe_end(b, r, "0123456789ab");
    assert_int_equal(o.told, 0);
    assert_int_equal(bench_find(&o, "container/end")->state, OBJECT_RUNNING);

    /* The engine may restart it. */
    r = bench_container(b, "again", "{" IDLE ", 'restart': 'always'}");
    id = bench_make(b, r, true);
    observe_end(b, r, id);
    o = observe_end(b, r, id);
    assert_int_equal(o.told, 0);
    assert_int_equal(bench_find(&o, "container/again")->state, OBJECT_RUNNING);
    bench_remove_all(b);
}

/* When the event log does not reach back to the last event seen, the cache is not trusted. */
static void test_a_gap_in_the_event_log_inspects_all(void **state)
{
    struct bench *b = *state;
    if (!(b->caps & CAP_LIVE_UPDATE))
        return; /* then nothing can change that only the log would report */
    bench_make(b, bench_container(b, "gap", "{" IDLE "}"), true);
    bench_observe(b, NULL, false);
    struct observed o = bench_observe(b, NULL, false);
    assert_int_equal(o.cached, 1);
    struct val *anchor = bench_json(b, "{'time': 1700000000000000000, 'id': 'x', 'action': 'start'}");
    struct buf bytes = BUF_INIT;
    val_encode(anchor, false, &bytes);
    b->env.cache.put(b, arena_printf(&b->arena, "docker1/anchor/%s", b->owner), bytes.data, bytes.len);
    buf_release(&bytes);
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 1);
    bench_remove_all(b);
}

static void test_name_sakes_externals_and_images(void **state)
{
    struct bench *b = *state;
    struct resource *taken = bench_container(b, "taken", "{" IDLE "}");
    const char *ext_name = "bridge"; /* that is always there */
    struct resource *ext = bench_resource(b, &kind_network, ext_name, bench_json(b, "{'external': true}"));
    struct resource *none =
        bench_container(b, "none", "{'image': 'forge-test/absent:3', 'network_mode': 'none'}");
    struct step s = bench_step(b, STEP_CREATE, taken);
    s.labels =
        bench_json(b, "{'io.forge.environment': 'somebody-else', 'io.forge.resource': 'container/theirs'}");
    bench_must(b, &s);
    struct resource_set set;
    resource_set_init(&set, &b->arena);
    resource_set_add(&set, taken);
    resource_set_add(&set, ext);
    resource_set_add(&set, none);
    resource_set_sort(&set);
    struct observed o = bench_observe(b, &set, false);
    const struct object *found = bench_find(&o, "container/taken");
    assert_non_null(found);
    assert_string_equal(found->owner, "somebody-else");
    assert_int_equal(found->instance, 1);
    found = bench_find(&o, ext->id);
    assert_non_null(found);
    assert_null(found->owner);
    assert_string_equal(found->native_name, ext_name);
    assert_null(bench_find(&o, "container/none"));
    assert_true(observed_image(&o, IMAGE_1)->present);
    assert_false(observed_image(&o, "forge-test/absent:3")->present);
    resource_set_release(&set);
    s = (struct step){.verb = STEP_REMOVE,
                      .kind = &kind_container,
                      .id = "container/theirs",
                      .native_name = bench_name(b, "taken-1")};
    bench_must(b, &s);
}

static void test_candidates_and_joined_namespaces(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(b, "base", "{" IDLE "}");
    const char *id = bench_make(b, r, true);
    struct resource *join = bench_container(
        b, "join",
        arena_printf(
            &b->arena,
            "{'image': 'forge-test/busybox:1', 'network_mode': 'container:%s', 'pid': 'container:%s'}",
            bench_name(b, "base-1"), bench_name(b, "base-1")));
    bench_make(b, join, true);
    struct step s = bench_step(b, STEP_CREATE, r);
    s.native_name = bench_name(b, "base-1" MARK_CANDIDATE);
    bench_must(b, &s);
    struct observed o = bench_observe(b, NULL, false);
    struct object *const *found;
    assert_int_equal(observed_find(&o, "container/base", &found), 2);
    assert_false(found[0]->candidate);
    assert_true(found[1]->candidate);
    const struct object *j = bench_find(&o, "container/join");
    assert_true(field_equal(field_find(kind_container.spec, "network_mode"),
                            val_get(join->spec, "network_mode"), val_get(j->spec, "network_mode")));
    assert_string_equal(val_get_str(j->spec, "pid"), val_get_str(join->spec, "pid"));
    s = bench_step(b, STEP_STOP, r);
    s.native_id = id;
    bench_must(b, &s);
    s.verb = STEP_REMOVE;
    bench_must(b, &s);
    o = bench_observe(b, NULL, false);
    j = bench_find(&o, "container/join");
    /* Podman removes a container together with the owner of the namespace that it joined. */
    if (j)
        assert_string_equal(val_get_str(j->spec, "pid"), arena_printf(&b->arena, "container:%s", id));
    bench_remove_all(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cache_spares_inspection),
        cmocka_unit_test(test_an_end_is_believed),
        cmocka_unit_test(test_a_gap_in_the_event_log_inspects_all),
        cmocka_unit_test(test_name_sakes_externals_and_images),
        cmocka_unit_test(test_candidates_and_joined_namespaces),
    };
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
