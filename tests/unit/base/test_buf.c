#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/unit.h"

static void empty_is_a_string(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_string_equal(buf_str(&b), "");
    buf_adds(&b, "");
    buf_add(&b, NULL, 0);
    buf_addn(&b, 'x', 0);
    buf_addf(&b, "%s", "");
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_str(&b), "");
    char *s = buf_steal(&b);
    assert_string_equal(s, "");
    free(s);
    buf_truncate(&b, 0);
    buf_reset(&b);
    buf_release(&b);
    buf_release(&b);
    buf_release(NULL);
}

static void appends_keep_their_order(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_adds(&b, "one");
    buf_addc(&b, ' ');
    buf_addf(&b, "%d-%s", 2, "two");
    buf_addn(&b, '.', 3);
    buf_add(&b, "a\0b", 3);
    assert_int_equal(b.len, 3 + 1 + 5 + 3 + 3);
    assert_memory_equal(b.data, "one 2-two...a\0b", 16);
    buf_truncate(&b, 3);
    assert_string_equal(buf_str(&b), "one");
    buf_release(&b);
}

static void grows_past_any_step(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_addf(&b, "%d,", i % 10);
    assert_int_equal(b.len, 200000);
    assert_int_equal(strlen(b.data), 200000);
    buf_release(&b);
    /* Formatted text that is longer than the remaining space, for each amount of space. */
    for (size_t n = 0; n < 140; n++) {
        struct buf c = BUF_INIT;
        buf_addn(&c, 'x', n);
        buf_addf(&c, "%0100d|", 7);
        assert_int_equal(c.len, n + 101);
        assert_string_equal(c.data + n + 95, "00007|");
        buf_release(&c);
    }
}

static void overflow_keeps_a_prefix(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf b;
    buf_init(&b, 10);
    buf_adds(&b, "12345");
    buf_adds(&b, "67890");
    assert_ok(buf_check(&b, "the text", &err));
    assert_int_equal(b.len, 10);
    buf_addc(&b, 'x');
    assert_true(b.overflow);
    assert_string_equal(buf_str(&b), "1234567890");
    assert_fails(buf_check(&b, "the text", &err), ERR_LIMIT);
    assert_string_equal(err.msg, "the text is larger than 10 bytes");
    buf_release(&b);

    buf_init(&b, 10);
    buf_adds(&b, "123");
    buf_adds(&b, "too long to fit");
    buf_adds(&b, "4"); /* would fit, but the content stays a prefix */
    buf_addf(&b, "%d", 5);
    buf_addn(&b, '6', 1);
    assert_null(buf_reserve(&b, 1));
    assert_string_equal(buf_str(&b), "123");
    buf_reset(&b);
    buf_addf(&b, "%s", "12345678901");
    assert_true(b.overflow);
    assert_string_equal(buf_str(&b), "");
    buf_reset(&b);
    buf_addn(&b, 'x', (size_t)-1);
    assert_true(b.overflow);
    buf_reset(&b);
    buf_adds(&b, "ok");
    assert_ok(buf_check(&b, "x", &err));
    assert_string_equal(buf_str(&b), "ok");
    buf_release(&b);
    assert_int_equal(b.max, 10);
}

static void reserve_is_written_in_place(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    char *p = buf_reserve(&b, 8);
    assert_non_null(p);
    memset(p, '8', 8);
    b.len += 8;
    buf_truncate(&b, 8);
    assert_string_equal(buf_str(&b), "88888888");
    assert_null(buf_reserve(&b, 1));
    buf_release(&b);
}

static void steal_leaves_it_usable(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_adds(&b, "hello");
    char *s = buf_steal(&b);
    assert_string_equal(s, "hello");
    assert_int_equal(b.len, 0);
    buf_adds(&b, "again!");
    assert_true(b.overflow); /* the maximum stays */
    free(s);
    buf_release(&b);
}

static void default_maximum_holds(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_addn(&b, 'x', BUF_MAX_DEFAULT);
    assert_false(b.overflow);
    buf_addc(&b, 'x');
    assert_true(b.overflow);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_a_string),           cmocka_unit_test(appends_keep_their_order),
        cmocka_unit_test(grows_past_any_step),         cmocka_unit_test(overflow_keeps_a_prefix),
        cmocka_unit_test(reserve_is_written_in_place), cmocka_unit_test(steal_leaves_it_usable),
        cmocka_unit_test(default_maximum_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
