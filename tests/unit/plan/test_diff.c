/* Three-way comparison of fields (P1), and equality in meaning (P2). */
#include "base/str.h"
#include "reconciler/plan/compare.h"
#include "schema/kinds/container.h"
#include "tests/lib/unit.h"

static struct val *json(const char *text)
{
    struct val *v;
    struct err err = {0};
    assert_ok(val_from_json(&unit_arena, text, strlen(text), "test", &v, &err));
    return v;
}

/* "PATH cause before->after impact" for each field that differs. */
static const char *differences(const struct sides *s)
{
    struct field_list l = {.arena = &unit_arena};
    _cleanup_buf_ struct buf b = BUF_INIT;
    compare_object(&container_table, s, &l);
    for (size_t i = 0; i < l.n; i++) {
        const struct field_change *f = &l.items[i];
        buf_addf(&b, "%s%s %s ", i ? "; " : "", f->path, cause_name(f->cause));
        if (f->before)
            val_print(f->before, 60, &b);
        buf_adds(&b, "->");
        if (f->after)
            val_print(f->after, 60, &b);
        buf_addf(&b, " %s%s%s", impact_name(f->impact), f->reverted_default ? " default" : "",
                 f->secret ? " secret" : "");
    }
    return arena_strdup(&unit_arena, buf_str(&b));
}

static struct sides all(const char *desired, const char *applied, const char *baseline, const char *observed)
{
    return (struct sides){
        .desired = json(desired),
        .applied = applied ? json(applied) : NULL,
        .has_applied = applied != NULL,
        .baseline = baseline ? json(baseline) : NULL,
        .has_baseline = baseline != NULL,
        .observed = json(observed),
        .caps = CAP_LIVE_UPDATE | CAP_NETWORK_CONNECT | CAP_RENAME,
    };
}

static void expect(struct sides s, const char *want)
{
    assert_string_equal(differences(&s), want);
}

static void test_asked_for_and_not_so(void **state)
{
    (void)state;
    expect(all("{\"user\": \"a\"}", NULL, NULL, "{}"), "user commit ->a replace");
    expect(all("{\"user\": \"a\"}", NULL, NULL, "{\"user\": \"b\"}"), "user commit b->a replace");
    expect(all("{\"user\": \"a\"}", "{\"user\": \"b\"}", NULL, "{\"user\": \"b\"}"),
           "user commit b->a replace");
    expect(all("{\"user\": \"a\"}", "{\"user\": \"a\"}", NULL, "{\"user\": \"b\"}"),
           "user drift b->a replace");
    expect(all("{\"user\": \"a\"}", "{\"user\": \"b\"}", NULL, "{\"user\": \"a\"}"), "");
}

static void test_no_longer_asked_for(void **state)
{
    (void)state;
    expect(all("{}", "{\"user\": \"a\"}", NULL, "{\"user\": \"a\"}"), "user commit a-> replace");
    struct sides s = all("{}", "{\"user\": \"a\"}", NULL, "{\"user\": \"a\"}");
    s.defaults = json("{\"user\": \"root\"}");
    expect(s, "user commit a->root replace default");
    s.observed = json("{\"user\": \"root\"}");
    expect(s, "");
}

static void test_never_asked_for(void **state)
{
    (void)state;
    /* Nothing is known: left alone. */
    expect(all("{}", "{}", NULL, "{\"restart\": \"always\"}"), "");
    expect(all("{}", NULL, NULL, "{\"restart\": \"always\"}"), "");
    /* The value was in the baseline: left alone. */
    expect(all("{}", "{}", "{\"restart\": \"always\"}", "{\"restart\": \"always\"}"), "");
    /* It was not in the baseline, or had another value there. */
    expect(all("{}", "{}", "{}", "{\"restart\": \"always\"}"), "restart drift always-> live");
    expect(all("{}", "{}", "{\"restart\": \"no\"}", "{\"restart\": \"always\"}"),
           "restart drift always->no live");
    /* Not desired and missing now: in sync. */
    expect(all("{}", "{}", "{\"user\": \"a\"}", "{}"), "");
}

/* P3: fields that cannot be changed cannot have drifted on the same object. */
static void test_words_of_another_version(void **state)
{
    (void)state;
    struct sides s = all("{}", "{}", "{}", "{\"hostname\": \"x\", \"restart\": \"always\"}");
    expect(s, "hostname drift x-> replace; restart drift always-> live");
    s.same_object = true;
    expect(s, "restart drift always-> live");
}

static void test_maps_by_key(void **state)
{
    (void)state;
    expect(all("{\"environment\": {\"A\": \"1\", \"B\": \"2\"}}",
               "{\"environment\": {\"A\": \"1\", \"C\": \"3\"}}", "{}",
               "{\"environment\": {\"A\": \"9\", \"C\": \"3\", \"PATH\": \"/bin\"}}"),
           "environment.A drift 9->1 replace; environment.B commit ->2 replace; environment.C commit 3-> "
           "replace; "
           "environment.PATH drift /bin-> replace");
}

static void test_keyed_lists_by_item(void **state)
{
    (void)state;
    static const char old[] =
        "{\"ports\": {\"80->80/tcp\": {\"target\": 80, \"published\": 80, \"protocol\": \"tcp\"}}}";
    static const char new[] =
        "{\"ports\": {\"81->80/tcp\": {\"target\": 80, \"published\": 81, \"protocol\": \"tcp\"}}}";
    expect(all(new, old, NULL, old),
           "ports.80->80/tcp commit {protocol: tcp, published: 80, target: 80}-> replace; "
           "ports.81->80/tcp commit ->{protocol: tcp, published: 81, target: 80} replace");
    expect(all(new, new, NULL, new), "");
    expect(all("{\"volumes\": {\"/d\": {\"type\": \"bind\", \"source\": \"/a\"}}}", NULL, NULL,
               "{\"volumes\": {\"/d\": {\"type\": \"bind\", \"source\": \"/b\", \"propagation\": "
               "\"rprivate\"}}}"),
           "volumes./d.source commit /b->/a replace");
}

static void test_records_by_field(void **state)
{
    (void)state;
    expect(all("{\"healthcheck\": {\"test\": [\"CMD\", \"a\"], \"retries\": 3}}", NULL, NULL,
               "{\"healthcheck\": {\"test\": [\"CMD\", \"a\"], \"retries\": 5, \"interval\": 30}}"),
           "healthcheck.retries commit 5->3 replace");
}

static void test_networks_live_where_the_target_can(void **state)
{
    (void)state;
    struct sides s = all("{\"networks\": {\"a\": {}}}", "{\"networks\": {\"b\": {}}}", NULL,
                         "{\"networks\": {\"b\": {}}}");
    expect(s, "networks.a commit ->{} live; networks.b commit {}-> live");
    s.caps = CAP_LIVE_UPDATE;
    expect(s, "networks.a commit ->{} replace; networks.b commit {}-> replace");
}

static void test_limits_live_but_not_lifted(void **state)
{
    (void)state;
    struct sides s = all("{\"resources\": {\"memory\": 2}}", "{\"resources\": {\"memory\": 1, \"cpus\": 5}}",
                         NULL, "{\"resources\": {\"memory\": 1, \"cpus\": 5}}");
    expect(s, "resources.cpus commit 5-> replace; resources.memory commit 1->2 live");
    s.caps = 0;
    expect(s, "resources.cpus commit 5-> replace; resources.memory commit 1->2 replace");
}

static void test_what_is_not_of_the_engine_is_not_compared(void **state)
{
    (void)state;
    expect(all("{\"image\": \"a\", \"replicas\": 3, \"container_name\": \"x\", \"pull_policy\": \"always\", "
               "\"depends_on\": "
               "{\"db\": {\"condition\": \"started\"}}, \"update\": {\"order\": \"stop-first\"}, "
               "\"profiles\": [\"x\"]}",
               "{}", "{}", "{}"),
           "");
}

/* P2 */
static void test_equal_in_meaning(void **state)
{
    (void)state;
    expect(all("{\"restart\": \"no\", \"init\": false, \"stop_grace_period\": 10000000000, \"cap_add\": []}",
               NULL, NULL, "{}"),
           "");
    expect(all("{}", "{\"restart\": \"no\"}", NULL, "{}"), "");
    expect(all("{\"cap_add\": [\"A\", \"B\"]}", NULL, NULL, "{\"cap_add\": [\"B\", \"A\"]}"), "");
    expect(all("{\"command\": [\"A\", \"B\"]}", NULL, NULL, "{\"command\": [\"B\", \"A\"]}"),
           "command commit [B, A]->[A, B] replace");
    expect(all("{\"command\": []}", NULL, NULL, "{\"command\": []}"), "");
}

static void test_ignored_paths(void **state)
{
    (void)state;
    struct sides s =
        all("{\"user\": \"a\", \"environment\": {\"A\": \"1\", \"B\": \"1\"}}", NULL, NULL, "{}");
    s.ignore = ignore_parse(&unit_arena, "spec.user, environment.A ,");
    expect(s, "environment.B commit ->1 replace");
    s.ignore = ignore_parse(&unit_arena, "spec.environment");
    expect(s, "user commit ->a replace");
    assert_null(ignore_parse(&unit_arena, ""));
    assert_null(ignore_parse(&unit_arena, NULL));
}

/* X4 */
static void test_secrets_are_known_by_any_side(void **state)
{
    (void)state;
    struct sides s =
        all("{\"environment\": {\"A\": \"1\"}}", NULL, NULL, "{\"environment\": {\"A\": \"2\"}}");
    val_path(s.desired, "environment.A")->flags |= VAL_F_SECRET;
    expect(s, "environment.A commit 2->(secret) replace secret");
}

static void test_record_sees_everything(void **state)
{
    (void)state;
    struct field_list l = {.arena = &unit_arena};
    compare_record(&container_table,
                   json("{\"image\": \"a\", \"update\": {\"timeout\": 5}, \"depends_on\": {\"db\": "
                        "{\"condition\": \"started\"}}}"),
                   json("{\"image\": \"b\", \"update\": {\"timeout\": 6}, \"restart\": \"no\"}"), &l);
    assert_int_equal(l.n, 3);
    assert_string_equal(l.items[0].path, "depends_on.db");
    assert_string_equal(l.items[1].path, "image");
    assert_string_equal(l.items[2].path, "update.timeout");
    for (size_t i = 0; i < l.n; i++)
        assert_int_equal(l.items[i].impact, IMPACT_NONE);
}

static enum image_verdict image(const char *ref, const char *runs, const char *runs_id, const char *fact_id,
                                bool moved)
{
    struct val *spec = val_map(&unit_arena);
    val_set_str(&unit_arena, spec, "image", runs);
    const struct object o = {.spec = spec, .image_id = runs_id, .image_moved = moved};
    const struct image_fact fact = {.ref = ref, .present = fact_id != NULL, .id = fact_id};
    const char *id;
    return image_compare(&unit_arena, ref, &o, &fact, &id);
}

static void test_images_by_meaning(void **state)
{
    (void)state;
    static const char pinned[] =
        "web@sha256:1111111111111111111111111111111111111111111111111111111111111111";
    static const char id[] = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    assert_int_equal(image("web", "docker.io/library/web:latest", "x", "x", false), IMAGE_SAME);
    assert_int_equal(image("web:1", "web:2", "x", "y", false), IMAGE_REF);
    /* The same image under another tag is still another reference. */
    assert_int_equal(image("web:1", "web:2", "x", "x", false), IMAGE_REF);
    assert_int_equal(image("web:1", "web:1", "x", "y", false), IMAGE_MOVED);
    assert_int_equal(image("web:1", "web:1", "x", NULL, true), IMAGE_MOVED);
    assert_int_equal(image("web:1", "web:1", "x", NULL, false), IMAGE_SAME);
    assert_int_equal(image("web:1", "web:1", "x", "x", true), IMAGE_SAME);
    /* Digests and ids identify the content. */
    assert_int_equal(image(pinned, "web:1", "x", "x", false), IMAGE_SAME);
    assert_int_equal(image(pinned, "web:1", "x", "y", false), IMAGE_REF);
    assert_int_equal(image("web:1", pinned, "x", "x", false), IMAGE_SAME);
    assert_int_equal(image(pinned, pinned, "x", NULL, false), IMAGE_SAME);
    assert_int_equal(image(id, "web:1", id, NULL, false), IMAGE_SAME);
    assert_int_equal(image(id, "web:1", "x", NULL, false), IMAGE_REF);
    assert_int_equal(image("web:1", id, id, id, false), IMAGE_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_asked_for_and_not_so, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_no_longer_asked_for, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_never_asked_for, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_words_of_another_version, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_maps_by_key, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_keyed_lists_by_item, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_records_by_field, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_networks_live_where_the_target_can, unit_arena_new,
                                        unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_limits_live_but_not_lifted, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_what_is_not_of_the_engine_is_not_compared, unit_arena_new,
                                        unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_equal_in_meaning, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_ignored_paths, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_secrets_are_known_by_any_side, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_record_sees_everything, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_images_by_meaning, unit_arena_new, unit_arena_gone),
    };
    return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
