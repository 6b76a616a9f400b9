#include "base/str.h"

#include <stdlib.h>

#include "tests/lib/unit.h"

static void predicates(void **state)
{
    (void)state;
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_false(str_eq("", NULL));
    assert_true(str_eq("a", "a"));
    assert_true(str_empty(NULL) && str_empty(""));
    assert_string_equal(str_or(NULL, "x"), "x");
    assert_true(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"));
    assert_true(str_ends("abc", "bc") && str_ends("abc", "") && !str_ends("bc", "abc"));
    assert_string_equal(str_after("ssh://host", "ssh://"), "host");
    assert_string_equal(str_after("x", "x"), "");
    assert_null(str_after("http://", "ssh://"));
}

static void copy_cuts(void **state)
{
    (void)state;
    char b[4] = "zzz";
    str_copy(b, 0, "abc");
    assert_string_equal(b, "zzz");
    str_copy(b, 1, "abc");
    assert_string_equal(b, "");
    str_copy(b, 4, "abcdef");
    assert_string_equal(b, "abc");
    str_copy(b, 4, "a");
    assert_string_equal(b, "a");
}

static void split(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    size_t n;
    assert_non_null(str_split(&a, "", ',', &n));
    assert_int_equal(n, 0);
    char **p = str_split(&a, "one", ',', &n);
    assert_int_equal(n, 1);
    assert_string_equal(p[0], "one");
    p = str_split(&a, ",a,,b,", ',', &n);
    assert_int_equal(n, 5);
    static const char *const want[] = {"", "a", "", "b", ""};
    for (size_t i = 0; i < n; i++)
        assert_string_equal(p[i], want[i]);
    assert_null(p[n]);
    arena_release(&a);
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(str_distance("", "", 5), 0);
    assert_int_equal(str_distance("", "abc", 5), 3);
    assert_int_equal(str_distance("abc", "", 5), 3);
    assert_int_equal(str_distance("kitten", "sitting", 9), 3);
    assert_int_equal(str_distance("ab", "ba", 9), 1);  /* transposition */
    assert_int_equal(str_distance("ca", "abc", 9), 3); /* optimal string alignment, not Damerau */
    assert_int_equal(str_distance("imgae", "image", 1), 1);
    assert_int_equal(str_distance("A", "a", 9), 1);
    assert_int_equal(str_distance("kitten", "sitting", 2), 3); /* more than the maximum: maximum + 1 */
    assert_int_equal(str_distance("a", "abcdefgh", 2), 3);
    char x[400], y[400];
    memset(x, 'x', sizeof(x) - 1);
    x[sizeof(x) - 1] = '\0';
    memcpy(y, x, sizeof(x));
    assert_int_equal(str_distance(x, y, 3), 0);
    y[7] = 'y';
    assert_int_equal(str_distance(x, y, 3), 4);
    x[128] = y[128] = '\0';
    assert_int_equal(str_distance(x, y, 3), 1);
}

static void nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"image", "ports", "environment", "env", "restart", "p"};
    size_t n = ARRAY_LEN(names);
    assert_string_equal(str_nearest("imgae", names, n), "image");
    assert_string_equal(str_nearest("IMAGE", names, n), "image");
    assert_string_equal(str_nearest("port", names, n), "ports");
    assert_string_equal(str_nearest("enviroment", names, n), "environment");
    assert_string_equal(str_nearest("en", names, n), "env");
    assert_string_equal(str_nearest("env", names, n), "env");
    assert_null(str_nearest("volumes", names, n));
    assert_string_equal(str_nearest("", names, n), "p");
    assert_null(str_nearest("image", names, 0));
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain\n", true},
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xEF\xBF\xBF", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\x80", false}, /* continuation alone */
        {"a\xBF", false},
        {"\xC0\x80", false},         /* overlong NUL */
        {"\xC1\xBF", false},         /* overlong DEL */
        {"\xE0\x9F\xBF", false},     /* overlong */
        {"\xF0\x8F\xBF\xBF", false}, /* overlong */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xED\xBF\xBF", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* past U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\xF8\x88\x80\x80\x80", false},
        {"\xFE", false},
        {"\xC3", false}, /* cut */
        {"\xE2\x82", false},
        {"\xF0\x9F\x98", false},
        {"\xE2\x28\xA1", false}, /* broken in the middle */
        {"\xC3\xA9\xFF", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        /* On the heap with the exact length, so that sanitizers notice reads past the end. */
        size_t len = strlen(cases[i].s);
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, cases[i].s, len);
        if (str_utf8_valid(copy, len) != cases[i].valid)
            fail_msg("case %zu", i);
        free(copy);
    }
    assert_false(str_utf8_valid("a\0b", 3));
    assert_int_equal(str_utf8_char("\xE2\x82\xAC", 3), 3);
    assert_int_equal(str_utf8_char("\xE2\x82\xAC", 2), 0);
    assert_int_equal(str_utf8_char("x", 0), 0);
}

static void clean(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"plain \xE2\x82\xAC\n\t", "plain \xE2\x82\xAC\n\t"},
        {"\x01\x1F\x7F\r", "????"},
        {"\033]0;title\a", "?]0;title?"},
        {"\xC2\x9B"
         "31m\xC2\xA0",
         "?31m\xC2\xA0"}, /* C1 becomes one mark; U+00A0 is none */
        {"\xFF\xFE", "??"},
        {"\xE2\x82", "??"},
        {"x\xED\xA0\x80y", "x???y"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char b[64];
        str_copy(b, sizeof(b), cases[i].in);
        str_clean(b);
        assert_string_equal(b, cases[i].out);
        assert_true(str_utf8_valid(b, strlen(b)));
    }
}

static void chomp(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""}, {" \t\r\n", ""}, {"no such host\r\n", "no such host"}, {" a\nb \n", " a\nb"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char b[64];
        str_copy(b, sizeof(b), cases[i][0]);
        str_chomp(b);
        assert_string_equal(b, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicates), cmocka_unit_test(copy_cuts), cmocka_unit_test(split),
        cmocka_unit_test(distances),  cmocka_unit_test(nearest),   cmocka_unit_test(utf8),
        cmocka_unit_test(clean),      cmocka_unit_test(chomp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
