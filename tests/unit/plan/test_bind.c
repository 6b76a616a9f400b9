/* From names in manifests to names on an engine. */
#include "base/str.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

static const char manifests[] =
    "apiVersion: forge/v1\n"
    "kind: Container\n"
    "metadata:\n"
    "  name: web\n"
    "  labels: {tier: front}\n"
    "  annotations: {forge/prune: disabled}\n"
    "spec:\n"
    "  image: shop/web:1\n"
    "  networks: {front: {aliases: [www]}, proxy: {}}\n"
    "  volumes: [\"data:/data\", \"/srv:/srv\", \"media:/media\"]\n"
    "  configs: [{source: conf, target: /etc/conf}]\n"
    "  replicas: 2\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Container\n"
    "metadata: {name: side}\n"
    "spec: {image: shop/side, network_mode: \"service:web\", pid: \"container/web\"}\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Container\n"
    "metadata: {name: plain}\n"
    "spec: {image: shop/plain, container_name: very-plain}\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Network\n"
    "metadata: {name: front}\n"
    "spec: {}\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Network\n"
    "metadata: {name: proxy}\n"
    "spec: {external: true}\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Volume\n"
    "metadata: {name: data}\n"
    "spec: {}\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Volume\n"
    "metadata: {name: media}\n"
    "spec: {external: true, name: shared-media}\n"
    "---\n"
    "apiVersion: forge/v1\n"
    "kind: Config\n"
    "metadata: {name: conf}\n"
    "spec: {content: \"a=1\"}\n";

struct fixture {
    struct arena arena;
    struct resource_set set;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};
    assert_ok(plan_case_text(manifests, "prod", &f->arena, &f->set, &err));
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

static const struct resource *get(void **state, const char *id)
{
    struct fixture *f = *state;
    const struct resource *r = resource_find(&f->set, id);
    assert_non_null(r);
    return r;
}

static const char *print(void **state, const struct val *v)
{
    struct fixture *f = *state;
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (v)
        val_json(v, 0, &b);
    return arena_strdup(&f->arena, buf_str(&b));
}

static void test_networks_become_native_and_carry_the_name_as_alias(void **state)
{
    const struct val *networks = val_get(get(state, "container/web")->spec, "networks");
    assert_string_equal(
        print(state, networks),
        "{\"prod-front\": {\"aliases\": [\"web\", \"www\"]}, \"proxy\": {\"aliases\": [\"web\"]}}");
}

static void test_volumes_become_native_and_folders_stay(void **state)
{
    const struct val *volumes = val_get(get(state, "container/web")->spec, "volumes");
    assert_string_equal(val_get_str(val_get(volumes, "/data"), "source"), "prod-data");
    assert_string_equal(val_get_str(val_get(volumes, "/media"), "source"), "shared-media");
    assert_string_equal(val_get_str(val_get(volumes, "/srv"), "source"), "/srv");
}

static void test_joined_namespaces_name_the_first_instance(void **state)
{
    const struct resource *side = get(state, "container/side");
    assert_string_equal(val_get_str(side->spec, "network_mode"), "container:prod-web-1");
    assert_string_equal(val_get_str(side->spec, "pid"), "container:prod-web-1");
    assert_null(val_get(side->spec, "networks"));
}

static void test_who_names_no_network_gets_the_default_one(void **state)
{
    const struct resource *plain = get(state, "container/plain");
    bool depends = false;
    assert_string_equal(print(state, val_get(plain->spec, "networks")),
                        "{\"prod-default\": {\"aliases\": [\"plain\"]}}");
    for (size_t i = 0; i < plain->n_depends; i++)
        depends |= str_eq(plain->depends[i].id, "network/default");
    assert_true(depends);
    assert_ptr_equal(get(state, "network/default")->kind, &kind_network);
}

static void test_native_names(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->arena;
    assert_string_equal(bind_native_name(a, "prod", get(state, "container/web"), 2), "prod-web-2");
    assert_string_equal(bind_native_name(a, "prod", get(state, "container/plain"), 1), "very-plain");
    assert_string_equal(bind_native_name(a, "prod", get(state, "network/front"), 0), "prod-front");
    assert_string_equal(bind_native_name(a, "prod", get(state, "network/proxy"), 0), "proxy");
    assert_string_equal(bind_native_name(a, "prod", get(state, "volume/media"), 0), "shared-media");
}

static void test_marks(void **state)
{
    struct fixture *f = *state;
    const struct resource *web = get(state, "container/web");
    const struct val *marks = bind_marks(&f->arena, "prod", web, 2, 12, "c0ffee");
    assert_string_equal(val_get_str(marks, MARK_OWNER), "prod");
    assert_string_equal(val_get_str(marks, MARK_RESOURCE), "container/web");
    assert_string_equal(val_get_str(marks, MARK_INSTANCE), "2");
    assert_string_equal(val_get_str(marks, MARK_GENERATION), "12");
    assert_string_equal(val_get_str(marks, MARK_COMMIT), "c0ffee");
    assert_string_equal(val_get_str(marks, MARK_PRUNE), "disabled");
    assert_string_equal(val_get_str(marks, MARK_SPEC), bind_spec_mark(&f->arena, web));
    assert_contains(val_get_str(marks, MARK_CONFIGS), "\"/etc/conf\": {");
    marks = bind_marks(&f->arena, "prod", get(state, "volume/data"), 0, 0, NULL);
    assert_null(val_get(marks, MARK_INSTANCE));
    assert_null(val_get(marks, MARK_COMMIT));
    assert_null(val_get(marks, MARK_CONFIGS));
}

/* P3: a change here recreates nothing, but makes all marks on existing objects useless. */
static void test_spec_mark_is_stable(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(bind_spec_mark(&f->arena, get(state, "container/plain")),
                        "v1:949c68a5969c326dc47c81e33b1cb975e135cfc00bcb3efbdbb3f04ed26e5a70");
}

static void test_spec_mark_follows_spec_and_labels(void **state)
{
    struct fixture *f = *state;
    struct resource r = *get(state, "container/web");
    const char *before = bind_spec_mark(&f->arena, &r);
    struct val *labels = val_map(&f->arena);
    val_set_str(&f->arena, labels, "tier", "back");
    r.labels = labels;
    assert_string_not_equal(bind_spec_mark(&f->arena, &r), before);
}

static void test_an_environment_needs_a_name(void **state)
{
    struct fixture *f = *state;
    struct resource_set ret;
    struct err err = {0};
    assert_fails(bind_set(&f->set, "", NULL, &f->arena, &ret, &err), ERR_INVALID);
}

#define SAME_NAME(a, b)                                          \
    "apiVersion: forge/v1\nkind: Container\nmetadata: {name: " a \
    "}\nspec: {image: x, container_name: same}\n---\n"           \
    "apiVersion: forge/v1\nkind: Container\nmetadata: {name: " b \
    "}\nspec: {image: x, container_name: same}\n"

static void test_one_name_for_two_is_refused(void **state)
{
    struct fixture *f = *state;
    struct resource_set ret;
    struct err err = {0};
    assert_fails(plan_case_text(SAME_NAME("a", "b"), "prod", &f->arena, &ret, &err), ERR_INVALID);
    assert_says("same");
    resource_set_release(&ret);
}

#define AWAITED(more)                                                                              \
    "apiVersion: forge/v1\nkind: Container\nmetadata: {name: migrate}\nspec: {image: x" more "}\n" \
    "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\n"                          \
    "spec: {image: x, depends_on: {migrate: completed}}\n"

/* A swarm would start it again for ever. */
static void test_what_others_wait_for_ends_on_a_swarm(void **state)
{
    struct fixture *f = *state;
    static const struct {
        bool swarm;
        const char *yaml, *restart;
    } cases[] = {{true, AWAITED(""), "no"},
                 {true, AWAITED(", restart: on-failure"), "on-failure"},
                 {true, AWAITED(", deploy: {mode: replicated-job}"), "absent"},
                 {false, AWAITED(""), "absent"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct resource_set set;
        struct err err = {0};
        assert_ok((cases[i].swarm ? plan_case_swarm_text : plan_case_text)(cases[i].yaml, "prod", &f->arena,
                                                                           &set, &err));
        const char *migrate = val_get_str(resource_find(&set, "container/migrate")->spec, "restart");
        assert_string_equal(str_or(migrate, "absent"), cases[i].restart);
        assert_null(val_get(resource_find(&set, "container/web")->spec, "restart"));
        resource_set_release(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_networks_become_native_and_carry_the_name_as_alias, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_volumes_become_native_and_folders_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_joined_namespaces_name_the_first_instance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_names_no_network_gets_the_default_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_native_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spec_mark_is_stable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spec_mark_follows_spec_and_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_environment_needs_a_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_name_for_two_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_others_wait_for_ends_on_a_swarm, setup, teardown),
    };
    return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
