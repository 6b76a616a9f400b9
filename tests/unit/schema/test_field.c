/* Field tables: finding, comparing, printing, checking. */
#include "schema_test.h"
#include "toy.h"

static const struct field *field(const char *name)
{
    const struct field *f = field_path(&toy_table, name);
    if (!f)
        fail_msg("no field %s", name);
    return f;
}

static void test_find(void **state)
{
    (void)state;
    for (const struct field *f = toy_table.fields; f->name; f++)
        assert_ptr_equal(field_find(&toy_table, f->name), f);
    assert_null(field_find(&toy_table, ""));
    assert_null(field_find(&toy_table, "nam"));
    assert_null(field_find(&toy_table, "names"));
}

static void test_path(void **state)
{
    (void)state;
    assert_string_equal(field("address.port")->name, "port");
    assert_string_equal(field("env")->name, "env");
    assert_ptr_equal(field("env.LOG.LEVEL"), field("env")->elem);
    assert_ptr_equal(field("by_name.a.b"), field("by_name")->elem);
    assert_string_equal(field("by_name.a.b.port")->name, "port");
    assert_string_equal(field("by_name.port")->name, "port"); /* without a key, as in the documentation */
    assert_string_equal(field("hosts.db.example.port")->name, "port");
    assert_ptr_equal(field("hosts.db.example"), field("hosts"));
    assert_string_equal(field("peers.host")->name, "host");
    assert_ptr_equal(field("free.a.b"), field("free"));
    assert_null(field_path(&toy_table, "address.nothing"));
    assert_null(field_path(&toy_table, "nothing.port"));
    assert_null(field_path(&toy_table, "text.port"));
    assert_null(field_path(&toy_table, ""));
    assert_null(field_path(&toy_table, "."));
    char long_name[200];
    memset(long_name, 'a', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    assert_null(field_path(&toy_table, long_name));
}

static void check_equal(struct world *w, const char *name, const char *a, const char *b, bool want)
{
    const struct val *x = a ? val_of(w, a) : NULL;
    const struct val *y = b ? val_of(w, b) : NULL;
    if (field_equal(field(name), x, y) != want || field_equal(field(name), y, x) != want)
        fail_msg("%s: %s %s %s", name, a ? a : "absent", want ? "differs from" : "equals", b ? b : "absent");
}

/* P2: equal in meaning is equal: defaults, meaningless order, empty values. */
static void test_equal(void **state)
{
    struct world *w = *state;
    check_equal(w, "text", "'a'", "'a'", true);
    check_equal(w, "text", "'a'", "'b'", false);
    check_equal(w, "text", "''", NULL, false);
    check_equal(w, "text", NULL, NULL, true);
    check_equal(w, "on", "false", NULL, true);
    check_equal(w, "on", "true", NULL, false);
    check_equal(w, "count", "0", NULL, false);
    check_equal(w, "wait", "10000000000", NULL, true);
    check_equal(w, "ratio", "1", "1.0", true);
    check_equal(w, "tags", "['b', 'a']", "['a', 'b']", true);
    check_equal(w, "tags", "[]", NULL, true);
    check_equal(w, "words", "['b', 'a']", "['a', 'b']", false);
    check_equal(w, "words", "['a']", "['a', 'b']", false);
    /* An empty command means none; an absent one means the image's. */
    check_equal(w, "command", "[]", NULL, false);
    check_equal(w, "words", "[]", NULL, false);
    check_equal(w, "env", "{}", NULL, true);
    check_equal(w, "env", "{'A': ''}", NULL, false);
    check_equal(w, "env", "{'A': ''}", "{'B': ''}", false);
    check_equal(w, "address", "{}", NULL, true);
    check_equal(w, "address", "{'port': 80}", NULL, true);
    check_equal(w, "address", "{'host': 'a', 'port': 80}", "{'host': 'a'}", true);
    check_equal(w, "address", "{'host': 'a', 'port': 81}", "{'host': 'a'}", false);
    check_equal(w, "peers", "[{'host': 'a', 'port': 80}]", "[{'host': 'a'}]", true);
    /* Keys of maps count: an entry without content differs from a missing entry. */
    check_equal(w, "by_name", "{'a': {}}", NULL, false);
    check_equal(w, "by_name", "{'a': {'port': 80}}", "{'a': {}}", true);
    check_equal(w, "hosts", "{'a': {'port': 80}}", "{'a': {}}", true);
    check_equal(w, "hosts", "{'a': {}}", "{'b': {}}", false);
    /* Fields that exist only in the canonical form are compared as well. */
    check_equal(w, "hosts", "{'a': {'digest': 'x'}}", "{'a': {'digest': 'x'}}", true);
    check_equal(w, "hosts", "{'a': {'digest': 'x'}}", "{'a': {'digest': 'y'}}", false);
    check_equal(w, "hosts", "{'a': {'digest': 'x'}}", "{'a': {}}", false);
    check_equal(w, "free", "{'a': [1.0]}", "{'a': [1]}", true);
    check_equal(w, "free", "null", NULL, false);
}

static void check_print(struct world *w, const char *name, const char *value, const char *want)
{
    buf_reset(&w->text);
    field_print(field(name), value ? val_of(w, value) : NULL, 60, &w->text);
    assert_string_equal(buf_str(&w->text), want);
}

static void test_print(void **state)
{
    struct world *w = *state;
    check_print(w, "memory", "134217728", "128MiB");
    check_print(w, "memory", "-1", "-1");
    check_print(w, "wait", "90000000000", "1m30s");
    check_print(w, "cpus", "500000000", "0.5");
    check_print(w, "cpus", "2000000000", "2");
    check_print(w, "cpus", "1", "0.000000001");
    check_print(w, "mode", "420", "0644");
    check_print(w, "count", "420", "420");
    check_print(w, "on", "true", "true");
    check_print(w, "text", "'a: b'", "\"a: b\"");
    check_print(w, "text", NULL, "");
    check_print(w, "password", "'hunter2'", "(secret)"); /* X4 */
    check_print(w, "words", "['a', 'b c']", "[a, b c]");
    check_print(w, "env", "{'A': 'b'}", "{A: b}");
    check_print(w, "hosts", "{'a': {'host': 'b', 'port': 80}}", "{a: {host: b, port: 80}}");
    check_print(w, "by_name", "{'a': {'port': 80}}", "{a: {port: 80}}");
    check_print(w, "free", "{'a': [1, null]}", "{a: [1, null]}");
    check_print(w, "words",
                "['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb']",
                "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbb\xe2\x80\xa6");
}

static void check_shape(struct world *w, const char *value, const char *problem)
{
    struct err err = {0};
    int code = field_check(&toy_table, val_of(w, value), &err);
    assert_string_equal(code ? err.msg : "", problem);
    assert_int_equal(code, *problem ? ERR_INVALID : 0);
}

static void test_check(void **state)
{
    struct world *w = *state;
    check_shape(w, "{}", "");
    check_shape(w,
                "{'name': 'x', 'on': true, 'count': 3, 'ratio': 1, 'colour': 'red', 'words': ['a'], 'env': "
                "{'A': 'b'},"
                " 'address': {'port': 5}, 'hosts': {'a': {'anything': 1}}, 'command': ['a'], 'free': [{}], "
                "'digest': 'x'}",
                "");
    check_shape(w, "{'name': null, 'count': null}", "");
    check_shape(w, "[]", "must be a mapping");
    check_shape(w, "{'nam': 'x'}", "\"nam\" is not a known key");
    check_shape(w, "{'on': 'true'}", "on: must be a boolean");
    check_shape(w, "{'count': 1001}", "count: 1001 is out of range");
    check_shape(w, "{'count': 1.5}", "count: must be an integer");
    check_shape(w, "{'colour': 'mauve'}", "colour: \"mauve\" is not one of the allowed values");
    check_shape(w, "{'words': [1]}", "words: [0]: must be a string");
    check_shape(w, "{'command': [1]}", "command: must be a string or list of strings");
    check_shape(w, "{'address': {'port': 'x'}}", "address: port: must be an integer");
    check_shape(w, "{'by_name': {'a': {'x': 1}}}", "by_name: a: \"x\" is not a known key");
    check_shape(w, "{'hosts': []}", "hosts: must be a list");
    check_shape(w, "{'hosts': {'a': 1}}", "hosts: must be a list");
}

static void test_impacts(void **state)
{
    (void)state;
    assert_string_equal(impact_name(IMPACT_NONE), "none");
    assert_string_equal(impact_name(IMPACT_LIVE), "live");
    assert_string_equal(impact_name(IMPACT_RESTART), "restart");
    assert_string_equal(impact_name(IMPACT_REPLACE), "replace");
    assert_string_equal(impact_name(IMPACT_DATA_LOSS), "data-loss");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_find),  world_test(test_path),  world_test(test_equal),
        world_test(test_print), world_test(test_check), world_test(test_impacts),
    };
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
