/* Values as JSON, and for people on one line. */
#include "schema_test.h"

static void check_json(struct world *w, const struct val *v, int indent, const char *want)
{
    buf_reset(&w->text);
    val_json(v, indent, &w->text);
    assert_string_equal(buf_str(&w->text), want);
}

static void test_writing(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    check_json(w, NULL, 0, "null");
    check_json(w, val_int(a, INT64_MIN), 0, "-9223372036854775808");
    check_json(w, val_float(a, 0.1), 0, "0.1");
    check_json(w, val_float(a, 1.0 / 3), 0, "0.3333333333333333");
    check_json(w, val_float(a, 1e300), 0, "1e+300");
    check_json(w, val_float(a, __builtin_inf()), 0, "null");
    check_json(w, val_of(w, "{}"), 2, "{}");
    check_json(w, val_of(w, "[]"), 2, "[]");
    check_json(w, val_of(w, "{'b': [1, {'c': null}], 'a': 'x'}"), 0,
               "{\"a\": \"x\", \"b\": [1, {\"c\": null}]}");
    check_json(w, val_of(w, "{'b': [1, {'c': null}], 'a': 'x'}"), 2,
               "{\n  \"a\": \"x\",\n  \"b\": [\n    1,\n    {\n      \"c\": null\n    }\n  ]\n}");
}

static void test_writing_strings(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    check_json(w, val_str(a, "a\"b\\c/"), 0, "\"a\\\"b\\\\c/\"");
    check_json(w, val_str(a, "\b\t\n\v\f\r\x01\x7f"), 0, "\"\\b\\t\\n\\u000b\\f\\r\\u0001\\u007f\"");
    check_json(w, val_strn(a, "a\0b", 3), 0, "\"a\\u0000b\"");
    check_json(w, val_str(a, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 0,
               "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    /* Not UTF-8: a stray continuation, an overlong slash, a surrogate, a cut character. */
    check_json(w, val_str(a, "a\x80z"), 0, "\"a\xef\xbf\xbdz\"");
    check_json(w, val_str(a, "\xc0\xaf"), 0, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    check_json(w, val_str(a, "\xed\xa0\x80"), 0, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_json(w, val_str(a, "\xe2\x82"), 0, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* X4: printing never reveals a secret, whoever calls it. */
static void test_secrets_are_not_printed(void **state)
{
    struct world *w = *state;
    struct val *map = val_map(&w->arena);
    struct val *secret = val_str(&w->arena, "hunter2");
    secret->flags = VAL_F_SECRET;
    val_map_set(&w->arena, map, "password", secret);
    check_json(w, map, 0, "{\"password\": \"(secret)\"}");
    buf_reset(&w->text);
    val_print(map, 100, &w->text);
    assert_string_equal(buf_str(&w->text), "{password: (secret)}");
}

static void test_reading(void **state)
{
    struct world *w = *state;
    const struct val *v = val_of(w, "{'z': 1, 'a': [true, false, null, -2, 2.5, '\\u00e9\\n']}");
    check_json(w, v, 0, "{\"a\": [true, false, null, -2, 2.5, \"\xc3\xa9\\n\"], \"z\": 1}");
    check_json(w, val_of(w, "'x'"), 0, "\"x\"");
    check_json(w, val_of(w, " 12 "), 0, "12");
    assert_int_equal(val_of(w, "9223372036854775807")->i, INT64_MAX);
    assert_int_equal(val_of(w, "1.0")->type, VAL_FLOAT);
}

static void refuse(struct world *w, const char *text, size_t len, int code, uint32_t line, const char *why)
{
    struct val *v = NULL;
    struct err err = {0};
    assert_int_equal(val_from_json(&w->arena, text, len, "answer", &v, &err), code);
    assert_null(v);
    assert_int_equal(err.line, line);
    if (line)
        assert_string_equal(err.file, "answer");
    assert_null(strstr(err.msg, "hunter2"));
    if (!strstr(err.msg, why) || !strstr(err.msg, "answer"))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
}

static void test_reading_is_strict(void **state)
{
    struct world *w = *state;
#define REFUSE(text, line, why) refuse(w, text, sizeof(text) - 1, ERR_INVALID, line, why)
    REFUSE("", 1, "");
    REFUSE("{", 1, "");
    REFUSE("{\"a\": 1,\n \"a\": 2}", 2, "duplicate");
    REFUSE("[1,\n2,\n]", 3, "");
    REFUSE("[1] x", 1, "");
    REFUSE("[hunter2]", 1, "invalid token"); /* without quoting it: X4 */
    REFUSE("{'a': 1}", 1, "");
    REFUSE("[NaN]", 1, "");
    REFUSE("[01]", 1, "");
    REFUSE("[9223372036854775808]", 1, "big");
    REFUSE("\"\\u0000\"", 1, "NUL");
    REFUSE("\"\xff\"", 1, "byte 0xff");
    REFUSE("\"\\ud800\"", 1, "Unicode");
#undef REFUSE
}

/* X2 */
static void test_reading_is_bounded(void **state)
{
    struct world *w = *state;
    enum { DEEP = VAL_DEPTH_MAX + 1, VERY_DEEP = 100000 };
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_addn(&text, '[', DEEP - 1);
    buf_addn(&text, ']', DEEP - 1);
    struct val *v;
    struct err err = {0};
    assert_int_equal(val_from_json(&w->arena, text.data, text.len, "answer", &v, &err), 0);
    buf_reset(&text);
    buf_addn(&text, '[', DEEP + 1);
    buf_addn(&text, ']', DEEP + 1);
    refuse(w, text.data, text.len, ERR_LIMIT, 0, "deeper");
    buf_reset(&text);
    buf_addn(&text, '[', VERY_DEEP);
    refuse(w, text.data, text.len, ERR_INVALID, 1, "depth");
}

static void check_print(struct world *w, const struct val *v, size_t max, const char *want)
{
    buf_reset(&w->text);
    buf_adds(&w->text, "> ");
    val_print(v, max, &w->text);
    assert_string_equal(buf_str(&w->text) + 2, want);
}

static void test_printing(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    check_print(w, NULL, 100, "");
    check_print(w, val_null(a), 100, "null");
    check_print(w, val_str(a, ""), 100, "\"\"");
    check_print(w, val_str(a, "registry.example:5000/web@sha256:ab"), 100,
                "registry.example:5000/web@sha256:ab");
    check_print(w, val_str(a, "a: b"), 100, "\"a: b\"");
    check_print(w, val_str(a, "a, b"), 100, "\"a, b\"");
    check_print(w, val_str(a, " a"), 100, "\" a\"");
    check_print(w, val_str(a, "say \"x\"\\"), 100, "\"say \\\"x\\\"\\\\\"");
    /* Control characters are escaped, so they do not affect a terminal. */
    check_print(w, val_str(a, "a\n\tb\x1b[2J"), 100, "\"a\\n\\tb\\x1b[2J\"");
    /* Text that looks like the placeholder for a secret is quoted. */
    check_print(w, val_str(a, "(secret)"), 100, "\"(secret)\"");
    check_print(w, val_of(w, "{'b': ['x', 1, 0.5, true], 'a b': {}, 'c': []}"), 100,
                "{a b: {}, b: [x, 1, 0.5, true], c: []}");
}

static void test_printing_is_cut(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    check_print(w, val_str(a, "abcdef"), 6, "abcdef");
    check_print(w, val_str(a, "abcdefg"), 6, "abc\xe2\x80\xa6");
    check_print(w, val_str(a, "ab\xc3\xa9\xc3\xa9\xc3\xa9"), 6, "ab\xe2\x80\xa6");
    check_print(w, val_str(a, "abcdef"), 2, "");
    check_print(w, val_of(w, "['aaaa', 'bbbb']"), 10, "[aaaa, \xe2\x80\xa6");

    struct val *list = val_list(a);
    for (int i = 0; i < 100000; i++)
        val_list_add(a, list, val_str(a, "x"));
    check_print(w, list, 12, "[x, x, x,\xe2\x80\xa6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_writing),
        world_test(test_writing_strings),
        world_test(test_secrets_are_not_printed),
        world_test(test_reading),
        world_test(test_reading_is_strict),
        world_test(test_reading_is_bounded),
        world_test(test_printing),
        world_test(test_printing_is_cut),
    };
    return cmocka_run_group_tests_name("val_json", tests, NULL, NULL);
}
