#include "base/parse.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tests/lib/unit.h"

struct good {
    const char *s;
    int64_t value;
};

static void all_good(int (*fn)(const char *, int64_t *, struct err *), const struct good *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = {0};
        int64_t v = -12345;
        if (fn(cases[i].s, &v, &err) < 0)
            fail_msg("\"%s\": %s", cases[i].s, err.msg);
        if (v != cases[i].value)
            fail_msg("\"%s\": %" PRId64 " instead of %" PRId64, cases[i].s, v, cases[i].value);
    }
}

static void all_bad(int (*fn)(const char *, int64_t *, struct err *), const char *const *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = {0};
        int64_t v = -12345;
        if (fn(cases[i], &v, &err) != ERR_INVALID)
            fail_msg("\"%s\" was read as %" PRId64, cases[i], v);
        assert_int_equal(v, -12345); /* nothing is written on failure */
        assert_int_equal(err.code, ERR_INVALID);
        assert_true(err.msg[0]);
    }
}

static int any_int(const char *s, int64_t *ret, struct err *err)
{
    return parse_int(s, INT64_MIN, INT64_MAX, ret, err);
}

static void ints(void **state)
{
    (void)state;
    static const struct good good[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"+7", 7},
        {"-42", -42},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const bad[] = {
        "",
        " 1",
        "1 ",
        "1x",
        "x",
        "-",
        "+",
        "+-1",
        "0x10",
        "010",
        "-01",
        "00",
        "1.0",
        "1e3",
        "1_000",
        "\xD9\xA1",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999",
    };
    all_good(any_int, good, ARRAY_LEN(good));
    all_bad(any_int, bad, ARRAY_LEN(bad));
    struct err err = {0};
    int64_t v = 0;
    assert_ok(parse_int("65535", 1, 65535, &v, &err));
    assert_fails(parse_int("65536", 1, 65535, &v, &err), ERR_INVALID);
    assert_string_equal(err.msg, "65536 is out of range; write a number from 1 to 65535");
    assert_fails(parse_int("0", 1, 65535, &v, &err), ERR_INVALID);
    assert_fails(parse_int("010", 0, 99, &v, &err), ERR_INVALID);
    assert_says("without leading zeros");
    assert_fails(parse_int("eighty", 0, 99, &v, &err), ERR_INVALID);
    assert_string_equal(err.msg, "\"eighty\" is not an integer; write digits only, such as 42");
}

static void floats(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        double value;
    } good[] = {{"0", 0},      {"0.5", 0.5},   {"-2", -2},  {"+1.25", 1.25},
                {"1e3", 1000}, {"1E-2", 0.01}, {".5", 0.5}, {"5.", 5}};
    static const char *const bad[] = {"",    ".",  "-",  "e",   "e5", "1.2.3", "0x10", "inf",
                                      "nan", " 1", "1 ", "1,5", "1e", "1e999", "--1"};
    struct err err = {0};
    double v;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_ok(parse_float(good[i].s, -1e6, 1e6, &v, &err));
        assert_true(v == good[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (parse_float(bad[i], -1e6, 1e6, &v, &err) != ERR_INVALID)
            fail_msg("\"%s\" was read", bad[i]);
    assert_fails(parse_float("2.5", 0, 2, &v, &err), ERR_INVALID);
    assert_string_equal(err.msg, "2.5 is out of range; write a number from 0 to 2");
}

static void bools(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const yes[] = {"true", "yes", "on", "TRUE", "Yes"};
    static const char *const no[] = {"false", "no", "off", "False", "OFF"};
    static const char *const bad[] = {"", "1", "0", "y", "n", "truee", "maybe"};
    bool v;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        v = false;
        assert_ok(parse_bool(yes[i], &v, &err));
        assert_true(v);
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        v = true;
        assert_ok(parse_bool(no[i], &v, &err));
        assert_false(v);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_fails(parse_bool(bad[i], &v, &err), ERR_INVALID);
}

static void durations(void **state)
{
    (void)state;
    static const struct good good[] = {
        {"0", 0},
        {"0s", 0},
        {"10s", 10 * NS_PER_S},
        {"1m30s", 90 * NS_PER_S},
        {"2h", 7200 * NS_PER_S},
        {"500ms", 500 * NS_PER_MS},
        {"1.5s", 1500 * NS_PER_MS},
        {"1.5h", 5400 * NS_PER_S},
        {"0.000000001s", 1},
        {"0.0000000019s", 1}, /* rounded down */
        {"1.9999999999999999999999999999ns", 1},
        {"1us", 1000},
        {"1\xC2\xB5s", 1000},
        {"3ns", 3},
        {"1w2d3h4m5s6ms7us8ns", ((((7 + 2) * INT64_C(24) + 3) * 60 + 4) * 60 + 5) * NS_PER_S + 6007008},
        {"0.1w", 604800 * NS_PER_S / 10},
        {"0.3d", 86400 * NS_PER_S / 10 * 3},
        {"9223372036854775807ns", INT64_MAX},
        {"9223372036.854775807s", INT64_MAX},
        {"00010s", 10 * NS_PER_S},
    };
    static const char *const bad[] = {
        "",
        "s",
        "10",
        "1.5",
        "-1s",
        "+1s",
        " 1s",
        "1s ",
        "1 s",
        "1m 30s",
        "30s1m",
        "1s1s",
        "1us1\xC2\xB5s",
        "1M",
        "1S",
        "1min",
        "1.s",
        ".5s",
        "1..5s",
        "1y",
        "1s5",
        "1e3s",
        "0x1s",
        "9223372036854775808ns",
        "9223372036.854775808s",
        "15251w",
        "99999999999999999999s",
        "1h99999999999999999999m",
    };
    all_good(parse_duration, good, ARRAY_LEN(good));
    all_bad(parse_duration, bad, ARRAY_LEN(bad));
    struct err err = {0};
    int64_t v;
    assert_fails(parse_duration("10x", &v, &err), ERR_INVALID);
    assert_says("\"10x\" is not a duration");
    assert_says("write 10s, 1m30s, 2h, 500ms");
    assert_fails(parse_duration("10", &v, &err), ERR_INVALID);
    assert_says("no unit");
    assert_fails(parse_duration("30s1m", &v, &err), ERR_INVALID);
    assert_says("descend");
    assert_fails(parse_duration("999999w", &v, &err), ERR_INVALID);
    assert_says("292 years");
}

static void sizes(void **state)
{
    (void)state;
    const int64_t k = 1024;
    const struct good good[] = {
        {"0", 0},
        {"1", 1},
        {"1048576", k * k},
        {"10b", 10},
        {"10B", 10},
        {"1k", k},
        {"1K", k},
        {"1kb", k},
        {"1KiB", k},
        {"1kib", k},
        {"64m", 64 * k * k},
        {"1.5g", k * k * k * 3 / 2},
        {"0.5k", 512},
        {"1.0001k", 1024},
        {"2 MiB", 2 * k * k},
        {"1t", k * k * k * k},
        {"3PiB", 3 * k * k * k * k * k},
        {"9223372036854775807", INT64_MAX},
        {"0.9b", 0},
        {"8191p", 8191 * (INT64_C(1) << 50)},
    };
    static const char *const bad[] = {
        "",
        "k",
        "-1",
        "+1",
        "1x",
        "1kk",
        "1kbb",
        "1ki",
        "1 ",
        "1  k",
        " 1k",
        "1.k",
        ".5k",
        "1,5g",
        "0x10",
        "1e3",
        "8192p",
        "9223372036854775808",
        "99999999999999999999999t",
        "1bib",
        "1m5k",
    };
    all_good(parse_size, good, ARRAY_LEN(good));
    all_bad(parse_size, bad, ARRAY_LEN(bad));
}

static void modes(void **state)
{
    (void)state;
    static const struct good good[] = {{"0", 0},   {"644", 0644},   {"0644", 0644},  {"0o644", 0644},
                                       {"0O7", 7}, {"7777", 07777}, {"07777", 07777}};
    static const char *const bad[] = {"",      "8",      "0o",      "0x1",  "rw",
                                      "10000", "077777", "0000644", "-644", "6 4"};
    all_good(parse_mode, good, ARRAY_LEN(good));
    all_bad(parse_mode, bad, ARRAY_LEN(bad));
}

static void times(void **state)
{
    (void)state;
    static const struct good good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000000001Z", 1},
        {"1969-12-31T23:59:59.5Z", -500 * NS_PER_MS},
        {"2026-11-21T01:33:54.123Z", INT64_C(1795224834123) * NS_PER_MS},
        {"2026-11-21t01:33:54.123z", INT64_C(1795224834123) * NS_PER_MS},
        {"2026-11-21 02:33:54.123+01:00", INT64_C(1795224834123) * NS_PER_MS},
        {"2026-11-20T20:03:54.123-05:30", INT64_C(1795224834123) * NS_PER_MS},
        {"2000-02-29T00:00:00Z", INT64_C(951782400) * NS_PER_S},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800) * NS_PER_S}, /* a leap second is the next one */
        {"0001-01-01T00:00:00Z", 0},                              /* Docker's "never" */
        {"2026-11-21T01:33:54.1234567899999Z", INT64_C(1795224834) * NS_PER_S + 123456789},
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
    };
    static const char *const bad[] = {
        "",
        "2026-11-21",
        "2026-11-21T01:33:54",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T00:60:00Z",
        "2026-11-21T00:00:61Z",
        "2026-11-21T00:00:00.Z",
        "2026-11-21T00:00:00Zx",
        "2026-11-21T00:00:00+1:00",
        "2026-11-21T00:00:00+01",
        "2026-11-21T00:00:00+24:00",
        "26-11-21T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "+2026-11-21T00:00:00Z",
        "0002-01-01T00:00:00Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59Z",
    };
    all_good(parse_time, good, ARRAY_LEN(good));
    all_bad(parse_time, bad, ARRAY_LEN(bad));
}

static const char *formatted(void (*fn)(int64_t, struct buf *), int64_t v)
{
    static char text[64];
    _cleanup_buf_ struct buf b = BUF_INIT;
    fn(v, &b);
    snprintf(text, sizeof(text), "%s", buf_str(&b));
    return text;
}

static void duration_spellings(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {"0s", 0},
        {"1ns", 1},
        {"999ns", 999},
        {"1us", 1000},
        {"1.5ms", 1500 * NS_PER_US},
        {"999.999999ms", NS_PER_S - 1},
        {"1s", NS_PER_S},
        {"1.5s", 1500 * NS_PER_MS},
        {"1m30s", 90 * NS_PER_S},
        {"1m", 60 * NS_PER_S},
        {"1h0.25s", 3600 * NS_PER_S + 250 * NS_PER_MS},
        {"1d", 86400 * NS_PER_S},
        {"14d", 14 * 86400 * NS_PER_S},
        {"1d1h1m1.000000001s", (86400 + 3600 + 60 + 1) * NS_PER_S + 1},
        {"-1m30s", -90 * NS_PER_S},
        {"-1.5ms", -1500 * NS_PER_US},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(formatted(format_duration, cases[i].value), cases[i].s);
    assert_string_equal(formatted(format_duration, INT64_MIN), "-106751d23h47m16.854775808s");
}

/* Formatted values parse to the same value. */
static void spellings_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        struct err err = {0};
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t v = (int64_t)((seed >> 1) >> (seed % 61)), back;
        assert_ok(parse_duration(formatted(format_duration, v), &back, &err));
        assert_true(back == v);
        assert_ok(parse_size(formatted(format_size, v), &back, &err));
        assert_true(back == v);
        int64_t t = (int64_t)(seed >> (seed % 50)) / 2 / NS_PER_MS * NS_PER_MS;
        assert_ok(parse_time(formatted(format_time, t), &back, &err));
        assert_true(back == t);
    }
}

static void other_spellings(void **state)
{
    (void)state;
    assert_string_equal(formatted(format_age, 0), "0 s");
    assert_string_equal(formatted(format_age, -5), "0 s");
    assert_string_equal(formatted(format_age, INT64_MIN), "0 s");
    assert_string_equal(formatted(format_age, 4 * NS_PER_S + 999), "4 s");
    assert_string_equal(formatted(format_age, 59 * NS_PER_S), "59 s");
    assert_string_equal(formatted(format_age, 60 * NS_PER_S), "1 m");
    assert_string_equal(formatted(format_age, 3 * 3600 * NS_PER_S), "3 h");
    assert_string_equal(formatted(format_age, 5 * 86400 * NS_PER_S), "5 d");
    assert_string_equal(formatted(format_size, 0), "0B");
    assert_string_equal(formatted(format_size, 1000), "1000B");
    assert_string_equal(formatted(format_size, 1024), "1KiB");
    assert_string_equal(formatted(format_size, 134217728), "128MiB");
    assert_string_equal(formatted(format_size, INT64_C(1536) << 20), "1536MiB");
    assert_string_equal(formatted(format_size, INT64_C(3) << 50), "3PiB");
    assert_string_equal(formatted(format_size, -1), "-1B");
    assert_string_equal(formatted(format_time, 0), "1970-01-01T00:00:00.000Z");
    assert_string_equal(formatted(format_time, -1), "1969-12-31T23:59:59.999Z");
    assert_string_equal(formatted(format_time, INT64_C(1795224834123456789)), "2026-11-21T01:33:54.123Z");
    assert_string_equal(formatted(format_time, INT64_C(951782400) * NS_PER_S), "2000-02-29T00:00:00.000Z");
    assert_string_equal(formatted(format_time, INT64_MAX), "2262-04-11T23:47:16.854Z");
    assert_string_equal(formatted(format_time, INT64_MIN), "1677-09-21T00:12:43.145Z");
}

static void long_input_is_cut_in_messages(void **state)
{
    (void)state;
    struct err err = {0};
    char s[300];
    int64_t v;
    for (size_t i = 0; i < sizeof(s) - 1; i++)
        s[i] = 'x';
    s[sizeof(s) - 1] = '\0';
    assert_fails(parse_duration(s, &v, &err), ERR_INVALID);
    assert_says("xxx...\" is not");
    assert_says("write 10s");
    assert_fails(parse_duration("\033[2J", &v, &err), ERR_INVALID);
    assert_says("\"?[2J\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints),
        cmocka_unit_test(floats),
        cmocka_unit_test(bools),
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(modes),
        cmocka_unit_test(times),
        cmocka_unit_test(duration_spellings),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(spellings_round_trip),
        cmocka_unit_test(long_input_is_cut_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
