#include "providers/containers/scan.h"

#include "base/str.h"
#include "tests/lib/unit.h"

static struct span span_of(const char *text)
{
    return (struct span){text, text + strlen(text)};
}

static void test_walks_members_and_elements(void **state)
{
    static const char text[] = " { \"a\" : 1 , \"b\":\"x\\\"}\", \"c\":[1,[2],{\"d\":\"]\"}], \"e\":null }";
    static const char *const keys[] = {"a", "b", "c", "e"};
    static const char *const values[] = {"1", "\"x\\\"}\"", "[1,[2],{\"d\":\"]\"}]", "null"};
    struct err err = {0};
    struct scan s, inner;
    struct span key, value, item;
    size_t n = 0, m = 0;
    (void)state;
    assert_ok(scan_enter(span_of(text), '{', &s, &err));
    while (scan_member(&s, &key, &value, &err) > 0) {
        assert_true(span_is(key, keys[n]) && span_is(value, values[n]));
        if (n++ == 2)
            assert_ok(scan_enter(value, '[', &inner, &err));
    }
    assert_int_equal(n, 4);
    while (scan_element(&inner, &item, &err) > 0)
        m++;
    assert_int_equal(m, 3);
    assert_ok(scan_enter(span_of("[]"), '[', &s, &err));
    assert_int_equal(scan_element(&s, &item, &err), 0);
}

static void test_texts(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"\"\"", ""},
        {"\"a\\n\\t\\\\\\/\\\"b\"", "a\n\t\\/\"b"},
        {"\"\\u00fc\\u20ac\"", "\xc3\xbc\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\ud83d\"", NULL},
        {"\"\\udc00\"", NULL},
        {"\"\\u0000\"", NULL},
        {"\"\\x\"", NULL},
        {"\"\\u12\"", NULL},
        {"12", NULL},
        {"\"", NULL},
    };
    _cleanup_arena_ struct arena a = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(str_eq(span_text(&a, span_of(cases[i].json)), cases[i].text));
}

static void test_what_is_cut_or_broken(void **state)
{
    static const char *const bad[] = {
        "",      "[",          "{\"a\"",   "{\"a\":",    "{\"a\":1",    "{\"a\":1,",
        "{a:1}", "{\"a\" 1}",  "{\"a\":}", "{\"a\":\"x", "{\"a\":[1,2", "{\"a\":1 \"b\":2}",
        "{1:2}", "{\"a\\\":1}"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        struct scan s;
        struct span key, value;
        int r = scan_enter(span_of(bad[i]), '{', &s, &err);
        while (r >= 0 && (r = scan_member(&s, &key, &value, &err)) > 0)
            ;
        if (r != ERR_CORRUPT)
            fail_msg("\"%s\" is taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks_members_and_elements),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_what_is_cut_or_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
