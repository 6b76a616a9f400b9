/* The fake engine behaves like a real one: names, images, ports, networks, volumes, ownership, time. */
#include "providers/fake/fake.h"

#include "base/str.h"
#include "reconciler/plan/bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fixture {
    struct fake_engine *engine;
    struct clock_fake clock;
    struct target target;
    struct provider *p;
    struct arena a;
    struct err err;
    struct step_result result;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.target = {.name = "t", .url = "fake://unit"}};
    clock_fake_init(&f->clock, INT64_C(1800000000) * NS_PER_S);
    const struct provider_env env = {.clock = &f->clock.clock};
    f->engine = fake_engine("unit");
    assert_int_equal(provider_fake.open(&f->target, &env, &f->p, &f->err), 0);
    fake_image(f->engine, &(struct fake_image){.ref = "app:1", .local = 1});
}

static void teardown(struct fixture *f)
{
    provider_fake.close(f->p);
    fake_engine_free(f->engine);
    arena_release(&f->a);
}

static struct val *labels(struct fixture *f, const char *owner, const char *id)
{
    struct val *m = val_map(&f->a);
    val_set_str(&f->a, m, MARK_OWNER, owner);
    val_set_str(&f->a, m, MARK_RESOURCE, id);
    val_set_str(&f->a, m, MARK_INSTANCE, "1");
    val_set_str(&f->a, m, MARK_SPEC, "v1:x");
    return m;
}

static int run(struct fixture *f, struct step s)
{
    const struct step_context ctx = {0};
    f->err = (struct err){0};
    return provider_fake.apply(f->p, &s, &ctx, &f->result, &f->err);
}

static struct step on(const struct kind_desc *kind, enum step_verb verb, const char *name)
{
    return (struct step){.verb = verb, .kind = kind, .id = "container/a", .instance = 1, .native_name = name};
}

static int create(struct fixture *f, const struct kind_desc *kind, const char *name, const char *json)
{
    struct step s = on(kind, STEP_CREATE, name);
    struct val *spec = val_map(&f->a);
    if (json)
        assert_int_equal(val_from_json(&f->a, json, strlen(json), "spec", &spec, &f->err), 0);
    s.spec = spec;
    s.labels = labels(f, "env", "container/a");
    return run(f, s);
}

#define CREATE(f, name, json) create(f, &kind_container, name, json)
#define DO(f, verb, name)     run(f, on(&kind_container, verb, name))

static struct object inspect(struct fixture *f, const char *name)
{
    struct object o = {0};
    assert_int_equal(provider_fake.inspect(f->p, &kind_container, name, NULL, &f->a, &o, &f->err), 0);
    return o;
}

static void test_names_are_unique(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    assert_int_equal(CREATE(&f, "a", "{\"image\": \"app:1\"}"), 0);
    assert_false(f.result.unchanged);
    char first[80];
    str_copy(first, sizeof(first), f.result.native_id);
    /* Creating the same again is already done. */
    assert_int_equal(CREATE(&f, "a", "{\"image\": \"app:1\"}"), 0);
    assert_true(f.result.unchanged);
    assert_string_equal(f.result.native_id, first);
    /* Another object with that name is a conflict. */
    struct step s = on(&kind_container, STEP_CREATE, "a");
    s.spec = val_map(&f.a);
    s.labels = labels(&f, "other", "container/a");
    assert_int_equal(run(&f, s), ERR_CONFLICT);
    s.labels = labels(&f, "env", "container/a");
    val_map_set(&f.a, (struct val *)(uintptr_t)s.labels, MARK_SPEC, val_str(&f.a, "v1:y"));
    assert_int_equal(run(&f, s), ERR_EXISTS);
    assert_int_equal(fake_objects(f.engine, NULL, NULL), 1);
    teardown(&f);
}

static void test_images(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    fake_image(f.engine, &(struct fake_image){.ref = "new:1", .remote = 1});
    assert_int_equal(CREATE(&f, "a", "{\"image\": \"new:1\"}"), ERR_NOTFOUND);
    struct step pull = on(&kind_container, STEP_PULL, "a");
    pull.image = "new:1";
    pull.pull_policy = "never";
    assert_int_equal(run(&f, pull), ERR_NOTFOUND);
    pull.pull_policy = "missing";
    assert_int_equal(run(&f, pull), 0);
    assert_false(f.result.unchanged);
    assert_int_equal(run(&f, pull), 0);
    assert_true(f.result.unchanged);
    assert_int_equal(CREATE(&f, "a", "{\"image\": \"new:1\"}"), 0);

    /* The tag moves: pull policy `always` notices it, and the running container is reported as outdated. */
    assert_false(inspect(&f, "a").image_moved);
    fake_image(f.engine, &(struct fake_image){.ref = "new:1", .local = 1, .remote = 2});
    pull.pull_policy = "always";
    assert_int_equal(run(&f, pull), 0);
    assert_false(f.result.unchanged);
    assert_true(inspect(&f, "a").image_moved);
    pull.image = "nosuch:1";
    assert_int_equal(run(&f, pull), ERR_NOTFOUND);
    teardown(&f);
}

static void test_registry_login(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    fake_image(f.engine, &(struct fake_image){
                             .ref = "localhost:5000/x:1", .remote = 1, .username = "u", .password = "p"});
    struct step pull = on(&kind_container, STEP_PULL, "a");
    pull.image = "localhost:5000/x:1";
    assert_int_equal(run(&f, pull), ERR_AUTH);
    _cleanup_secret_ struct secret *wrong = secret_new("q", 1);
    _cleanup_secret_ struct secret *right = secret_new("p", 1);
    struct registry_login login = {.registry = "localhost:5000", .username = "u", .password = wrong};
    f.target.logins = &login;
    f.target.n_logins = 1;
    assert_int_equal(run(&f, pull), ERR_AUTH);
    login.password = right;
    assert_int_equal(run(&f, pull), 0);
    teardown(&f);
}

#define PORT(ip)                                                                                         \
    "{\"image\": \"app:1\", \"ports\": {\"x\": {\"target\": 80, \"published\": 8080, \"host_ip\": \"" ip \
    "\"}}}"

static void test_ports(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    assert_int_equal(CREATE(&f, "a", PORT("127.0.0.1")), 0);
    assert_int_equal(CREATE(&f, "b", PORT("0.0.0.0")), 0);
    assert_int_equal(CREATE(&f, "c", PORT("127.0.0.2")), 0);
    assert_int_equal(DO(&f, STEP_START, "a"), 0);
    assert_int_equal(DO(&f, STEP_START, "b"), ERR_CONFLICT);
    assert_non_null(strstr(f.err.msg, "already allocated"));
    assert_int_equal(DO(&f, STEP_START, "c"), 0);
    /* Free again once the container has stopped. */
    assert_int_equal(DO(&f, STEP_STOP, "a"), 0);
    assert_int_equal(DO(&f, STEP_STOP, "c"), 0);
    assert_int_equal(DO(&f, STEP_START, "b"), 0);
    teardown(&f);
}

static void test_networks_and_volumes(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    assert_int_equal(CREATE(&f, "a",
                            "{\"image\": \"app:1\", \"networks\": {\"net\": {}}, \"volumes\": {\"/d\": "
                            "{\"type\": \"volume\", \"source\": \"vol\"}}}"),
                     0);
    assert_true(fake_exists(f.engine, "vol"));
    assert_int_equal(DO(&f, STEP_START, "a"), ERR_NOTFOUND);
    assert_int_equal(create(&f, &kind_network, "net", NULL), 0);
    assert_int_equal(DO(&f, STEP_START, "a"), 0);
    fake_foreign(f.engine, &kind_volume, "theirs", NULL);
    assert_int_equal(run(&f, on(&kind_volume, STEP_REMOVE, "theirs")), ERR_CONFLICT);
    fake_set_label(f.engine, "vol", MARK_RESOURCE, "container/a");
    assert_int_equal(run(&f, on(&kind_volume, STEP_REMOVE, "vol")), ERR_CONFLICT);
    /* A network can be removed while our containers are on it. */
    assert_int_equal(run(&f, on(&kind_network, STEP_REMOVE, "net")), 0);
    assert_int_equal(DO(&f, STEP_REMOVE, "a"), ERR_CONFLICT); /* it is running */
    assert_int_equal(DO(&f, STEP_STOP, "a"), 0);
    assert_int_equal(DO(&f, STEP_REMOVE, "a"), 0);
    assert_int_equal(run(&f, on(&kind_volume, STEP_REMOVE, "vol")), 0);
    assert_int_equal(run(&f, on(&kind_volume, STEP_REMOVE, "vol")), 0);
    assert_true(f.result.unchanged);
    teardown(&f);
}

/* S4, L5: only the object that was observed is changed, and only if it has our mark. */
static void test_ownership(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    fake_foreign(f.engine, &kind_container, "theirs", NULL);
    char id[80];
    assert_true(fake_native_id(f.engine, "theirs", id));
    assert_int_equal(DO(&f, STEP_STOP, "theirs"), ERR_CONFLICT);
    struct step s = on(&kind_container, STEP_REMOVE, "theirs");
    s.native_id = id;
    assert_int_equal(run(&f, s), ERR_CONFLICT);
    assert_true(fake_exists(f.engine, "theirs"));
    s.native_id = "0000";
    s.foreign = true;
    assert_int_equal(run(&f, s), ERR_CONFLICT);
    s.native_id = id;
    fake_kill(f.engine, "theirs", 0);
    assert_int_equal(run(&f, s), 0);
    assert_false(fake_exists(f.engine, "theirs"));
    teardown(&f);
}

static void test_rename(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    assert_int_equal(CREATE(&f, "a.next", "{\"image\": \"app:1\"}"), 0);
    assert_true(inspect(&f, "a.next").candidate);
    struct step s = on(&kind_container, STEP_RENAME, "a.next");
    s.new_name = "a";
    assert_int_equal(run(&f, s), 0);
    assert_int_equal(run(&f, s), 0);
    assert_true(f.result.unchanged);
    assert_int_equal(CREATE(&f, "b", "{\"image\": \"app:1\"}"), 0);
    s = on(&kind_container, STEP_RENAME, "b");
    s.new_name = "a";
    assert_int_equal(run(&f, s), ERR_CONFLICT);
    teardown(&f);
}

static void test_updates_live_fields_only(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    assert_int_equal(CREATE(&f, "a", "{\"image\": \"app:1\", \"user\": \"u\"}"), 0);
    struct step s = on(&kind_container, STEP_UPDATE, "a");
    const char *json = "{\"image\": \"app:1\", \"user\": \"u\", \"restart\": \"always\"}";
    struct val *spec;
    assert_int_equal(val_from_json(&f.a, json, strlen(json), "spec", &spec, &f.err), 0);
    s.spec = spec;
    assert_int_equal(run(&f, s), 0);
    assert_string_equal(val_get_str(inspect(&f, "a").spec, "restart"), "always");
    val_map_set(&f.a, spec, "user", val_str(&f.a, "v"));
    assert_int_equal(run(&f, s), ERR_UNSUPPORTED);
    assert_string_equal(val_get_str(inspect(&f, "a").spec, "user"), "u");
    teardown(&f);
}

/* A reported spec is complete, with the image's defaults before the engine's, and the defaults are
   reported. */
static void test_normal_form(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    const char *json = "{\"command\": [\"run\"], \"environment\": {\"PATH\": \"/bin\", \"A\": \"image\"}, "
                       "\"labels\": {\"l\": \"i\"}}";
    struct val *config;
    assert_int_equal(val_from_json(&f.a, json, strlen(json), "image", &config, &f.err), 0);
    fake_image(f.engine,
               &(struct fake_image){.ref = "docker.io/library/full:latest", .local = 1, .config = config});
    assert_int_equal(
        CREATE(&f, "a", "{\"image\": \"full\", \"environment\": {\"A\": \"mine\"}, \"replicas\": 1}"), 0);
    struct object o = inspect(&f, "a");
    assert_string_equal(val_get_str(o.spec, "restart"), "no");
    assert_string_equal(val_path(o.spec, "environment.A")->s, "mine");
    assert_string_equal(val_path(o.spec, "environment.PATH")->s, "/bin");
    assert_string_equal(val_path(o.defaults, "environment.A")->s, "image");
    assert_string_equal(val_path(o.spec, "labels.l")->s, "i");
    assert_null(val_get(val_get(o.spec, "labels"), MARK_OWNER));
    assert_int_equal(val_len(val_get(o.spec, "command")), 1);
    assert_null(val_get(o.spec, "replicas"));
    assert_string_equal(o.owner, "env");
    assert_string_equal(o.spec_digest, "v1:x");
    assert_int_equal(o.instance, 1);
    teardown(&f);
}

static int wait_for(struct fixture *f, const char *name, enum depend_condition c, int64_t timeout)
{
    struct step s = on(&kind_container, STEP_WAIT, name);
    s.condition = c;
    s.timeout_ns = timeout;
    return run(f, s);
}

#define CHECKED "{\"image\": \"app:1\", \"healthcheck\": {\"test\": [\"CMD\", \"true\"]}}"

static void test_waits(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    fake_behave(f.engine, "slow", &(struct fake_behaviour){.healthy_after_ns = 10 * NS_PER_S});
    fake_behave(f.engine, "never", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    fake_behave(f.engine, "sick", &(struct fake_behaviour){.healthy_after_ns = FAKE_UNHEALTHY});
    fake_behave(f.engine, "job", &(struct fake_behaviour){.exit_after_ns = 5 * NS_PER_S});
    fake_behave(f.engine, "crash", &(struct fake_behaviour){.exit_after_ns = NS_PER_MS, .exit_code = 9});
    /* Behaviours are looked up by resource first. */
    const char *const names[] = {"slow", "never", "sick", "job", "crash"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(CREATE(&f, names[i], CHECKED), 0);
        assert_int_equal(DO(&f, STEP_START, names[i]), 0);
    }
    assert_int_equal(wait_for(&f, "slow", DEPEND_HEALTHY, 60 * NS_PER_S), 0);
    assert_int_equal(wait_for(&f, "never", DEPEND_HEALTHY, 60 * NS_PER_S), ERR_TIMEOUT);
    assert_int_equal(wait_for(&f, "sick", DEPEND_HEALTHY, 60 * NS_PER_S), ERR_FAILED);
    assert_int_equal(wait_for(&f, "job", DEPEND_COMPLETED, 60 * NS_PER_S), 0);
    assert_int_equal(wait_for(&f, "crash", DEPEND_COMPLETED, 60 * NS_PER_S), ERR_FAILED);
    assert_non_null(strstr(f.err.msg, "code 9"));
    assert_int_equal(wait_for(&f, "crash", DEPEND_STARTED, NS_PER_S), ERR_FAILED);
    assert_int_equal(wait_for(&f, "gone", DEPEND_STARTED, NS_PER_S), ERR_FAILED);
    assert_int_equal(wait_for(&f, "slow", DEPEND_STARTED, NS_PER_S), 0);
    teardown(&f);
}

static void test_restart_policies(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    fake_behave(f.engine, "a", &(struct fake_behaviour){.exit_after_ns = NS_PER_S, .exit_code = 1});
    assert_int_equal(CREATE(&f, "a", "{\"image\": \"app:1\", \"restart\": \"on-failure:2\"}"), 0);
    assert_int_equal(DO(&f, STEP_START, "a"), 0);
    clock_fake_advance(&f.clock, NS_PER_S);
    assert_int_equal(fake_state(f.engine, "a"), OBJECT_RESTARTING);
    clock_fake_advance(&f.clock, 60 * NS_PER_S);
    assert_int_equal(fake_state(f.engine, "a"), OBJECT_EXITED);
    assert_int_equal(inspect(&f, "a").restarts, 2);
    assert_int_equal(inspect(&f, "a").exit_code, 1);
    teardown(&f);
}

static void test_survives_close_and_copies(_unused_ void **state)
{
    struct fixture f;
    _cleanup_buf_ struct buf saved = BUF_INIT;
    setup(&f);
    assert_int_equal(CREATE(&f, "a", CHECKED), 0);
    assert_int_equal(DO(&f, STEP_START, "a"), 0);
    struct object before = inspect(&f, "a");
    provider_fake.close(f.p);
    const struct provider_env env = {.clock = &f.clock.clock};
    assert_int_equal(provider_fake.open(&f.target, &env, &f.p, &f.err), 0);
    assert_string_equal(inspect(&f, "a").native_id, before.native_id);

    fake_save(f.engine, &saved);
    fake_remove(f.engine, "a");
    assert_int_equal(fake_load(f.engine, saved.data, saved.len, &f.err), 0);
    struct object after = inspect(&f, "a");
    assert_string_equal(after.native_id, before.native_id);
    assert_true(val_equal(after.spec, before.spec));
    assert_int_equal(after.state, OBJECT_RUNNING);
    assert_int_equal(after.health, HEALTH_HEALTHY);
    assert_true(fake_load(f.engine, "junk", 4, &f.err) < 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_registry_login),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_networks_and_volumes),
        cmocka_unit_test(test_ownership),
        cmocka_unit_test(test_rename),
        cmocka_unit_test(test_updates_live_fields_only),
        cmocka_unit_test(test_normal_form),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_restart_policies),
        cmocka_unit_test(test_survives_close_and_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
