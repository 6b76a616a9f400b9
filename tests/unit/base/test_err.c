#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "tests/lib/unit.h"

static void set_overwrites_everything(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(err_set(&err, ERR_TIMEOUT, "first %d", 1), ERR_TIMEOUT);
    assert_true(err.retryable);
    err_hint(&err, "a hint");
    err_at(&err, "a.yaml", 3, 4);
    assert_int_equal(err_set(&err, ERR_INVALID, "second"), ERR_INVALID);
    assert_string_equal(err.msg, "second");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.file, "");
    assert_int_equal(err.line, 0);
    assert_false(err.retryable);
}

static void retryable_follows_the_code(void **state)
{
    (void)state;
    struct err err = {0};
    for (int code = ERR_FAILED; code < 0; code++) {
        err_set(&err, code, "x");
        assert_int_equal(err.retryable, code == ERR_TIMEOUT || code == ERR_UNAVAILABLE || code == ERR_BUSY);
    }
}

static void wrap_puts_context_before(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_NOTFOUND, "image a:1 not found");
    err_hint(&err, "check the tag");
    err_at(&err, "f", 7, 0);
    assert_int_equal(err_wrap(&err, "container/%s", "web"), ERR_NOTFOUND);
    assert_string_equal(err.msg, "container/web: image a:1 not found");
    assert_string_equal(err.hint, "check the tag");
    assert_int_equal(err.line, 7);
}

static void its_own_text_may_be_an_argument(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, "inner");
    err_set(&err, ERR_CORRUPT, "outer(%s)", err.msg);
    assert_string_equal(err.msg, "outer(inner)");
    err_wrap(&err, "%s", err.msg);
    assert_string_equal(err.msg, "outer(inner): outer(inner)");
    err_hint(&err, "h");
    err_hint(&err, "%s and %s", err.hint, err.msg);
    assert_string_equal(err.hint, "h and outer(inner): outer(inner)");
}

static void long_texts_are_cut_at_a_character(void **state)
{
    (void)state;
    struct err err = {0};
    /* Two-byte characters at even and odd offsets, so that one of the cuts is inside a character. */
    for (int shift = 0; shift < 2; shift++) {
        struct buf b = BUF_INIT;
        buf_addn(&b, 'x', (size_t)shift);
        for (int i = 0; i < 2000; i++)
            buf_adds(&b, "\xC3\xA9");
        err_set(&err, ERR_INVALID, "%s", buf_str(&b));
        assert_true(strlen(err.msg) < sizeof(err.msg));
        assert_true(strlen(err.msg) > sizeof(err.msg) - 8);
        assert_true(str_ends(err.msg, "..."));
        assert_true(str_utf8_valid(err.msg, strlen(err.msg)));
        err_wrap(&err, "%s", buf_str(&b));
        assert_true(str_ends(err.msg, "..."));
        assert_true(str_utf8_valid(err.msg, strlen(err.msg)));
        err_hint(&err, "%s", buf_str(&b));
        assert_true(str_ends(err.hint, "..."));
        err_at(&err, buf_str(&b), 1, 1);
        assert_true(str_ends(err.file, "..."));
        buf_release(&b);
    }
}

static void wrapping_again_and_again_stays_in_bounds(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_FAILED, "root");
    for (int i = 0; i < 500; i++)
        err_wrap(&err, "layer %d of many", i);
    assert_true(strlen(err.msg) < sizeof(err.msg));
    assert_true(str_starts(err.msg, "layer 499"));
    assert_true(str_ends(err.msg, "..."));
}

static void foreign_bytes_are_made_safe(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_INVALID,
            "a\033[31mb\x7F"
            "c\r\xFF\xC2\x9B"
            "d\ne\tf\xE2\x82\xAC");
    assert_string_equal(err.msg, "a?[31mb?c???d\ne\tf\xE2\x82\xAC");
}

static void errno_gives_code_and_reason(void **state)
{
    (void)state;
    static const struct {
        int errnum, code;
    } cases[] = {
        {ENOENT, ERR_NOTFOUND},    {EEXIST, ERR_EXISTS}, {ENOSPC, ERR_NOSPACE},
        {EDQUOT, ERR_NOSPACE},     {EACCES, ERR_IO},     {ECONNREFUSED, ERR_UNAVAILABLE},
        {ETIMEDOUT, ERR_TIMEOUT},  {EBUSY, ERR_BUSY},    {ECANCELED, ERR_CANCELLED},
        {ENOSYS, ERR_UNSUPPORTED}, {EIO, ERR_IO},        {99999, ERR_IO},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        assert_int_equal(err_errno(&err, cases[i].errnum, "open %s", "/x"), cases[i].code);
        assert_int_equal(err.code, cases[i].code);
    }
    struct err err = {0};
    err_errno(&err, ENOENT, "open %s", "/x");
    assert_string_equal(err.msg, "open /x: No such file or directory");
}

static void names_round_trip(void **state)
{
    (void)state;
    for (int code = ERR_FAILED; code <= 0; code++) {
        assert_string_not_equal(err_name(code), "unknown");
        assert_int_equal(err_from_name(err_name(code)), code);
    }
    assert_string_equal(err_name(7), "unknown");
    assert_string_equal(err_name(-99), "unknown");
    assert_int_equal(err_from_name("nonsense"), ERR_FAILED);
    assert_int_equal(err_from_name(NULL), ERR_FAILED);
}

static void format_shows_what_is_known(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct err err = {0};
    err_set(&err, ERR_INVALID, "bad");
    err_format(&err, &b);
    assert_string_equal(buf_str(&b), "bad");
    buf_reset(&b);
    err_at(&err, "a.yaml", 0, 9);
    err_format(&err, &b);
    assert_string_equal(buf_str(&b), "a.yaml: bad");
    buf_reset(&b);
    err_at(&err, "a.yaml", 3, 0);
    err_hint(&err, "try %s", "this");
    err_format(&err, &b);
    assert_string_equal(buf_str(&b), "a.yaml:3: bad\n  hint: try this");
    buf_reset(&b);
    err_at(&err, "a.yaml", 3, 4);
    err_hint(&err, "%s", "");
    err_format(&err, &b);
    assert_string_equal(buf_str(&b), "a.yaml:3:4: bad");
    buf_release(&b);
    err_clear(&err);
    assert_int_equal(err.code, 0);
    assert_string_equal(err.msg, "");
    err_at(&err, NULL, 1, 1);
    assert_string_equal(err.file, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_overwrites_everything),
        cmocka_unit_test(retryable_follows_the_code),
        cmocka_unit_test(wrap_puts_context_before),
        cmocka_unit_test(its_own_text_may_be_an_argument),
        cmocka_unit_test(long_texts_are_cut_at_a_character),
        cmocka_unit_test(wrapping_again_and_again_stays_in_bounds),
        cmocka_unit_test(foreign_bytes_are_made_safe),
        cmocka_unit_test(errno_gives_code_and_reason),
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(format_shows_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
