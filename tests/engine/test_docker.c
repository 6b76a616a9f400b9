/* The Docker provider on a real engine: the verbs, and which objects they do not touch. */
#include "tests/engine/docker_bench.h"

#include "base/str.h"
#include "providers/containers/wire.h"
#include "providers/docker/docker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define IDLE BENCH_IDLE

static void test_life_of_a_container(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(b, "life", "{" IDLE "}");
    const char *id = bench_make(b, r, true);
    struct object o = bench_inspect(b, &kind_container, id);
    assert_int_equal(o.state, OBJECT_RUNNING);
    assert_string_equal(o.native_name, bench_name(b, "life-1"));
    assert_string_equal(o.spec_digest, bind_spec_mark(&b->arena, r));

    struct step s = bench_step(b, STEP_START, r);
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    s = bench_step(b, STEP_CREATE, r); /* already done: returns the same object */
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    assert_string_equal(b->result.native_id, id);

    s = bench_step(b, STEP_RENAME, r);
    s.native_id = id;
    s.new_name = bench_name(b, "renamed-1");
    bench_must(b, &s);
    assert_false(b->result.unchanged);
    bench_must(b, &s);
    assert_true(b->result.unchanged);

    s = bench_step(b, STEP_STOP, r);
    s.native_id = id;
    bench_must(b, &s);
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    s.verb = STEP_REMOVE;
    bench_must(b, &s);
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    s.verb = STEP_STOP; /* of a container that no longer exists */
    bench_must(b, &s);
    assert_true(b->result.unchanged);
}

/* S4, L5 */
static void test_what_is_not_the_planned_object_is_left_alone(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(b, "guard", "{" IDLE "}");
    struct resource *other = bench_container(b, "other", "{" IDLE "}");
    bench_make(b, r, true);
    static const enum step_verb verbs[] = {STEP_STOP, STEP_REMOVE, STEP_RENAME, STEP_UPDATE, STEP_START};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct step s = bench_step(b, verbs[i], r);
        s.new_name = bench_name(b, "x-1");
        s.native_id = "0000000000000000000000000000000000000000000000000000000000000000";
        int code = bench_do(b, &s); /* another id: the expected object no longer exists */
        assert_true(code == 0 ? b->result.unchanged : code == ERR_NOTFOUND);
        s = bench_step(b, verbs[i], other); /* another resource's object under this name */
        s.new_name = bench_name(b, "x-1");
        s.native_name = bench_name(b, "guard-1");
        assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
        assert_false(b->err.retryable);
    }
    struct step s = bench_step(b, STEP_STOP, r); /* another environment's resource of the same name */
    s.owner = "somebody-else";
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    s = bench_step(b, STEP_CREATE, other);
    s.native_name = bench_name(b, "guard-1");
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    struct object o = bench_inspect(b, &kind_container, bench_name(b, "guard-1"));
    assert_int_equal(o.state, OBJECT_RUNNING);
    bench_remove_all(b);
}

/* An object without a mark is changed only by the id that an adoption named. */
static void test_adoption(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(b, "adopt", "{" IDLE "}");
    struct step s = bench_step(b, STEP_CREATE, r);
    s.labels = val_map(&b->arena);
    bench_must(b, &s);
    const char *id = arena_strdup(&b->arena, b->result.native_id);
    s = bench_step(b, STEP_START, r);
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    s.native_id = id;
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    s.foreign = true;
    bench_must(b, &s);
    s.verb = STEP_STOP;
    bench_must(b, &s);
    s.verb = STEP_REMOVE;
    bench_must(b, &s);
    assert_false(b->result.unchanged);
}

static void test_failed_create_leaves_nothing(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *spec;
        int code;
    } cases[] = {
        {"{'image': 'forge-test/none:9', 'network_mode': 'none'}", ERR_NOTFOUND},
        {"{" IDLE ", 'resources': {'memory': 1024}}", ERR_INVALID},
        {"{" IDLE ", 'volumes': {'/b': {'type': 'bind', 'source': '/no/such', 'create_host_path': false}}}",
         ERR_NOTFOUND},
        {"{'image': 'forge-test/busybox:1', 'network_mode': 'container:no-such'}", ERR_NOTFOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct step s = bench_step(b, STEP_CREATE, bench_container(b, "bad", cases[i].spec));
        int code = bench_do(b, &s);
        if (code != cases[i].code)
            fail_msg("%s: %d %s", cases[i].spec, code, b->err.msg);
        struct observed seen = bench_observe(b, NULL, true);
        assert_int_equal(seen.n, 0);
    }
}

static void test_networks_change_live(void **state)
{
    struct bench *b = *state;
    bench_make(b, bench_resource(b, &kind_network, "one", val_map(&b->arena)), false);
    bench_make(b, bench_resource(b, &kind_network, "two", val_map(&b->arena)), false);
    static const char *const specs[][2] = {{"one", "['u']"}, {"two", "['u']"}, {"two", "['u', 'v']"}};
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        struct resource *r = bench_container(
            b, "join",
            arena_printf(&b->arena, "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': %s}}}",
                         bench_name(b, specs[i][0]), specs[i][1]));
        if (i == 0)
            bench_make(b, r, true);
        struct step s = bench_step(b, STEP_UPDATE, r);
        bench_must(b, &s);
        assert_true(b->result.unchanged == (i == 0));
        struct object o = bench_inspect(b, &kind_container, bench_name(b, "join-1"));
        if (!field_equal(field_find(kind_container.spec, "networks"), val_get(r->spec, "networks"),
                         val_get(o.spec, "networks")))
            fail_msg("%zu: networks", i);
    }
    bench_remove_all(b);
}

static void test_live_update(void **state)
{
    struct bench *b = *state;
    if (!(b->caps & CAP_LIVE_UPDATE))
        return; /* then no live update is ever planned */
    struct resource *a_net = bench_resource(b, &kind_network, "one", val_map(&b->arena));
    struct resource *b_net = bench_resource(b, &kind_network, "two", val_map(&b->arena));
    bench_make(b, a_net, false);
    bench_make(b, b_net, false);
    static const char *const specs[] = {
        "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': ['u']}}, 'resources': {'memory': "
        "67108864, 'cpus': 500000000}}",
        "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': ['u']}}, 'restart': 'on-failure:2',"
        " 'resources': {'memory': 134217728, 'cpus': 1000000000, 'pids': 50}}",
        "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': ['u', 'v']}}, 'restart': 'always',"
        " 'resources': {'memory': 33554432, 'memory_swap': 33554432, 'cpus': 1000000000}}",
    };
    static const char *const nets[] = {"one", "two", "two"};
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        char *json = arena_strdup(&b->arena, specs[i]), *at = strstr(json, "%s");
        *at = '\0';
        json = arena_printf(&b->arena, "%s%s%s", json, bench_name(b, nets[i]), at + 2);
        struct resource *r = bench_container(b, "update", json);
        struct step s = bench_step(b, STEP_UPDATE, r);
        if (i == 0) {
            bench_make(b, r, true);
        } else {
            bench_must(b, &s);
            assert_false(b->result.unchanged);
        }
        bench_must(b, &s); /* a second time: nothing to do */
        assert_true(b->result.unchanged);
        struct object o = bench_inspect(b, &kind_container, bench_name(b, "update-1"));
        for (size_t k = 0; k < r->spec->len; k++) {
            const struct field *f = field_find(kind_container.spec, r->spec->pairs[k].key);
            const struct val *want = r->spec->pairs[k].val, *got = val_get(o.spec, f->name);
            for (size_t m = 0; f->type == FT_RECORD && m < want->len; m++)
                assert_int_equal(want->pairs[m].val->i, val_get_int(got, want->pairs[m].key, -7));
            if (f->type != FT_RECORD && !field_equal(f, want, got))
                fail_msg("%zu: %s", i, f->name);
        }
    }
    struct resource *r = bench_container(b, "update", "{'image': 'forge-test/busybox:1'}");
    struct step s = bench_step(b, STEP_UPDATE, r);
    assert_int_equal(bench_do(b, &s), ERR_UNSUPPORTED); /* a limit cannot be removed */
    bench_remove_all(b);
}

static void test_networks_and_volumes(void **state)
{
    struct bench *b = *state;
    struct resource *net = bench_resource(
        b, &kind_network, "net",
        bench_json(
            b, "{'driver': 'bridge', 'internal': true, 'labels': {'k': 'v'},"
               " 'driver_opts': {'com.docker.network.driver.mtu': '1400'},"
               " 'ipam': {'config': {'10.77.9.0/24': {'gateway': '10.77.9.9', 'ip_range': '10.77.9.128/25',"
               " 'aux_addresses': {'x': '10.77.9.200'}}}}}"));
    struct resource *vol = bench_resource(
        b, &kind_volume, "vol",
        bench_json(b, "{'labels': {'k': 'v'},"
                      " 'driver_opts': {'type': 'tmpfs', 'device': 'tmpfs', 'o': 'mode=0750'}}"));
    const struct resource *both[] = {net, vol};
    for (size_t i = 0; i < 2; i++) {
        const char *id = bench_make(b, both[i], false);
        struct step s = bench_step(b, STEP_CREATE, both[i]);
        bench_must(b, &s);
        assert_true(b->result.unchanged);
        assert_string_equal(b->result.native_id, id);
        struct object o = bench_inspect(b, both[i]->kind, s.native_name);
        for (size_t k = 0; k < both[i]->spec->len; k++) {
            const struct val_pair *want = &both[i]->spec->pairs[k];
            if (!val_equal(want->val, val_get(o.spec, want->key)))
                fail_msg("%s.%s", both[i]->id, want->key);
        }
        struct observed seen = bench_observe(b, NULL, false);
        const struct object *listed = bench_find(&seen, both[i]->id);
        assert_non_null(listed);
        assert_true(val_equal(listed->spec, o.spec));
        assert_string_equal(listed->native_id, id);
        /* The same name with a different spec: not the same object. */
        struct resource *changed = bench_resource(b, both[i]->kind, both[i]->name, val_map(&b->arena));
        s = bench_step(b, STEP_CREATE, changed);
        assert_int_equal(bench_do(b, &s), ERR_EXISTS);
    }
    /* A network is removed although our containers are on it. */
    struct resource *r =
        bench_container(b, "on",
                        arena_printf(&b->arena, "{'image': 'forge-test/busybox:1', 'networks': {'%s': {}}}",
                                     bench_name(b, "net")));
    bench_make(b, r, true);
    for (size_t i = 0; i < 2; i++) {
        struct step s = bench_step(b, STEP_REMOVE, both[i]);
        bench_must(b, &s);
        assert_false(b->result.unchanged);
        bench_must(b, &s);
        assert_true(b->result.unchanged);
    }
    bench_remove_all(b);
}

static size_t networks_called(struct bench *b, const char *name)
{
    struct observed o = bench_observe(b, NULL, true);
    size_t n = 0;
    for (size_t i = 0; i < o.n; i++)
        n += o.items[i]->kind == &kind_network && str_eq(o.items[i]->native_name, name);
    return n;
}

/* What the request of a killed run may leave; only some engines accept it. */
static void test_two_networks_of_one_name(void **state)
{
    struct bench *b = *state;
    struct resource *net = bench_resource(b, &kind_network, "twin", val_map(&b->arena));
    const char *name = bench_name(b, "twin");
    bench_make(b, net, false);
    struct step s = bench_step(b, STEP_CREATE, net);
    json_t *second =
        json_pack("{s:s, s:b, s:o}", "Name", name, "CheckDuplicate", 0, "Labels", json_of(s.labels));
    bool accepted = docker_json(docker_of(b->p),
                                &(struct ask){.method = "POST", .path = "/networks/create", .body = second},
                                NULL, NULL, &b->err) == 0;
    assert_int_equal(networks_called(b, name), accepted ? 2 : 1);
    struct resource *r = bench_container(
        b, "on", arena_printf(&b->arena, "{'image': 'forge-test/busybox:1', 'networks': {'%s': {}}}", name));
    bench_make(b, r, false);
    s = bench_step(b, STEP_START, r);
    s.spec = NULL; /* as in a plan */
    assert_int_equal(bench_do(b, &s), accepted ? ERR_BUSY : 0);
    assert_true(b->err.retryable == accepted);
    assert_int_equal(networks_called(b, name), 1);
    bench_must(b, &s);
    bench_remove_all(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_a_container),
        cmocka_unit_test(test_what_is_not_the_planned_object_is_left_alone),
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_failed_create_leaves_nothing),
        cmocka_unit_test(test_networks_change_live),
        cmocka_unit_test(test_live_update),
        cmocka_unit_test(test_networks_and_volumes),
        cmocka_unit_test(test_two_networks_of_one_name),
    };
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
