/* The canonical binary form and digests of values. */
#include "schema_test.h"

/* A value with one of each type. */
static struct val *sample(struct world *w)
{
    struct arena *a = &w->arena;
    struct val *v = val_of(
        w, "{'image': 'web:1.4', 'replicas': 2, 'init': true, 'tty': false, 'none': null, 'share': 0.5,"
           " 'command': ['a', '', 'b c'], 'env': {'A': '1', 'B': ''}, 'empty': [{}, []]}");
    val_set_int(a, v, "low", INT64_MIN);
    val_set_int(a, v, "high", INT64_MAX);
    val_map_set(a, v, "bytes", val_strn(a, "\0\xff", 2));
    return v;
}

static struct val *decode_again(struct world *w, const struct val *v, bool places)
{
    _cleanup_buf_ struct buf form = BUF_INIT;
    struct val *back = NULL;
    struct err err = {0};
    val_encode(v, places, &form);
    if (val_decode(&w->arena, form.data, form.len, &back, &err) < 0)
        fail_msg("%s", err.msg);
    return back;
}

static void test_round_trip(void **state)
{
    struct world *w = *state;
    struct val *v = sample(w);
    const struct val *back = decode_again(w, v, false);
    assert_string_equal(json_of(w, back), json_of(w, v));
    assert_memory_equal(val_get(back, "bytes")->s, "\0\xff", 3);
    assert_true(val_equal(decode_again(w, v, false), v));
    assert_true(val_equal(decode_again(w, v, true), v));
}

static void test_flags_and_places(void **state)
{
    struct world *w = *state;
    struct val *list = val_list(&w->arena);
    static const struct val places[] = {{.line = 1, .col = 1},
                                        {.line = 900, .col = 4, .file = 3},
                                        {.line = 2, .col = VAL_COL_MAX},
                                        {.line = VAL_LINE_MAX},
                                        {.file = UINT16_MAX},
                                        {0},
                                        {.line = 5, .col = 800}};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct val *item = val_int(&w->arena, 1);
        val_place_like(item, &places[i]);
        item->flags = (uint8_t)(i & (VAL_F_SECRET | VAL_F_REPLACE));
        val_list_add(&w->arena, list, item);
    }
    const struct val *with = decode_again(w, list, true);
    const struct val *without = decode_again(w, list, false);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        assert_int_equal(with->items[i]->line, places[i].line);
        assert_int_equal(with->items[i]->col, places[i].col);
        assert_int_equal(with->items[i]->file, places[i].file);
        assert_int_equal(with->items[i]->flags, list->items[i]->flags);
        assert_int_equal(without->items[i]->line, 0);
        /* A secret is still marked as one after storing it. */
        assert_int_equal(without->items[i]->flags, list->items[i]->flags);
    }
}

static void check_form(const struct val *v, const void *bytes, size_t len)
{
    _cleanup_buf_ struct buf form = BUF_INIT;
    val_encode(v, false, &form);
    assert_int_equal(form.len, len);
    assert_memory_equal(form.data, bytes, len);
}

/* The exact bytes, because stores contain them. */
static void test_form_is_fixed(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    check_form(val_null(a), "\x01\x00", 2);
    check_form(val_bool(a, false), "\x01\x01", 2);
    check_form(val_bool(a, true), "\x01\x02", 2);
    check_form(val_int(a, -1), "\x01\x03\x01", 3);
    check_form(val_int(a, 64), "\x01\x03\x80\x01", 4);
    check_form(val_float(a, 64.0), "\x01\x03\x80\x01", 4);
    check_form(val_float(a, -0.0), "\x01\x03\x00", 3);
    check_form(val_float(a, 0.5), "\x01\x04\0\0\0\0\0\0\xe0\x3f", 10);
    check_form(val_float(a, -__builtin_nan("7")), "\x01\x04\0\0\0\0\0\0\xf8\x7f", 10);
    check_form(val_str(a, "ab"),
               "\x01\x05\x02"
               "ab\0",
               6);
    check_form(val_of(w, "[true, []]"), "\x01\x06\x02\x02\x06\x00", 6);
    check_form(val_of(w, "{'b': null, 'a': 1}"),
               "\x01\x07\x02\x01"
               "a\0\x03\x02\x01"
               "b\0\x00",
               12);
}

static void refuse(struct world *w, const void *bytes, size_t len, const char *why)
{
    /* A copy of the exact size, so that sanitizers notice reads beyond it. */
    _cleanup_free_ char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    struct val *v = NULL;
    struct err err = {0};
    assert_int_equal(val_decode(&w->arena, copy, len, &v, &err), ERR_CORRUPT);
    assert_null(v);
    if (why && !strstr(err.msg, why))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
}

static void test_damage_is_seen(void **state)
{
    struct world *w = *state;
    refuse(w, "", 0, "version");
    refuse(w, "\x02\x00", 2, "version");
    refuse(w, "\x01", 1, "too early");
    refuse(w, "\x01\x00\x00", 3, "data after its end");
    refuse(w, "\x01\x08", 2, "unknown type");
    refuse(w, "\x01\x80", 2, "unknown type");
    refuse(w, "\x01\x03\x80\x00", 4, "shortest");
    refuse(w, "\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 12, "shortest");
    refuse(w, "\x01\x04\0\0\0\0\0\0\xf0\x3f", 10, "canonical"); /* 1.0 */
    refuse(w, "\x01\x04\1\0\0\0\0\0\xf8\x7f", 10, "canonical");
    refuse(w,
           "\x01\x05\x02"
           "abc",
           6, "no terminator");
    refuse(w, "\x01\x06\xff\xff\xff\xff\x0f", 7, "too early");
    refuse(w,
           "\x01\x07\x02\x01"
           "b\0\x00\x01"
           "a\0\x00",
           11, "not in order");
    refuse(w,
           "\x01\x07\x02\x01"
           "a\0\x00\x01"
           "a\0\x00",
           11, "not in order");
    refuse(w,
           "\x01\x07\x01\x02"
           "a\0\0\x00",
           8, "not in order");
    refuse(w, "\x01\x10\x01\x02", 4, "out of range");     /* a negative line */
    refuse(w, "\x01\x10\x00\x00", 4, "out of range");     /* an empty place */
    refuse(w, "\x01\x10\x02\x03\x00", 5, "out of range"); /* an invalid file */
}

static void test_every_cut_is_seen(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf form = BUF_INIT;
    struct val *v = sample(w);
    val_place(v, 0, 300, 0);
    val_encode(v, true, &form);
    for (size_t len = 0; len < form.len; len++)
        refuse(w, form.data, len, NULL);
}

/* Any accepted input is in canonical form: encoding it again gives the same bytes. */
static void test_every_changed_byte_is_seen_or_canonical(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf form = BUF_INIT;
    val_encode(sample(w), true, &form);
    for (size_t i = 0; i < form.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct arena arena = ARENA_INIT;
            struct val *v;
            struct err err = {0};
            form.data[i] = (char)(form.data[i] ^ (1 << bit));
            if (val_decode(&arena, form.data, form.len, &v, &err) == 0) {
                _cleanup_buf_ struct buf again = BUF_INIT;
                val_encode(v, true, &again);
                assert_int_equal(again.len, form.len);
                assert_memory_equal(again.data, form.data, form.len);
            }
            form.data[i] = (char)(form.data[i] ^ (1 << bit));
            arena_release(&arena);
        }
    }
}

/* X2: neither deep nesting nor a wrong count can use more memory than a multiple of the input. */
static void test_depth_is_bounded(void **state)
{
    struct world *w = *state;
    char bytes[1 + 2 * (VAL_DEPTH_MAX + 2)];
    size_t n = 0;
    bytes[n++] = 1;
    for (int i = 0; i <= VAL_DEPTH_MAX; i++) {
        bytes[n++] = 6;
        bytes[n++] = 1;
    }
    bytes[n++] = 0;
    refuse(w, bytes, n, "too deeply");

    struct val *v;
    struct err err = {0};
    memmove(bytes + 1, bytes + 3, n - 3);
    assert_int_equal(val_decode(&w->arena, bytes, n - 2, &v, &err), 0);
}

static void check_digest(const struct val *v, const char *hex)
{
    struct digest digest;
    char text[DIGEST_HEX_LEN + 1];
    val_digest(v, &digest);
    digest_hex(&digest, text);
    assert_string_equal(text, hex);
}

/* P3: these constants never change. If this test has to be edited, an upgrade would recreate containers. */
static void test_digests_are_golden(void **state)
{
    struct world *w = *state;
    check_digest(val_null(&w->arena), "8c7789dcbe337976a9b2e41cb502672c5fda413d4b4420ff0da21c8b853d55d4");
    check_digest(val_of(w, "{}"), "9307fc0b046eb9268dd0111b000c68b16e0526a60062709b0bb297759cce2762");
    check_digest(val_of(w, "[]"), "563bcdc2981e377378137414b0b8bef02807f6c36437114fdbd0ad9c839e84b5");
    check_digest(val_of(w, "'1'"), "130bcac9ace850fde0df64915fda98562e196a1d5ee4acd8aa2376aad782f092");
    check_digest(val_of(w, "1"), "3bf052303ecd86a6339e51d93b18f25a332a07efa92ec99b4c3331aef6f47d88");
    check_digest(
        val_of(w, "{'image': 'web:1.4', 'replicas': 2, 'resources': {'cpus': 500000000, 'memory': 134217728},"
                  " 'command': ['serve', '--port', '80'], 'init': true, 'share': 0.25}"),
        "62fd921c99bb2dde1d0ac05d4fdc1f29f1232eac38e01d4ebcf7032a241efc5b");
}

static void test_digest_takes_meaning_only(void **state)
{
    struct world *w = *state;
    struct digest one;
    struct digest two;
    struct val *v = val_of(w, "{'b': 'x', 'a': 2.0}");
    val_digest(v, &one);
    v->line = 5;
    v->flags = VAL_F_REPLACE;
    val_get(v, "b")->flags = VAL_F_SECRET; /* a field that becomes secret changes no container (P3) */
    val_get(v, "b")->file = 9;
    val_digest(v, &two);
    assert_memory_equal(one.bytes, two.bytes, DIGEST_LEN);
    val_digest(val_of(w, "{'a': 2, 'b': 'x'}"), &two);
    assert_memory_equal(one.bytes, two.bytes, DIGEST_LEN);
    val_digest(val_of(w, "{'a': '2', 'b': 'x'}"), &two);
    assert_memory_not_equal(one.bytes, two.bytes, DIGEST_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_round_trip),
        world_test(test_flags_and_places),
        world_test(test_form_is_fixed),
        world_test(test_damage_is_seen),
        world_test(test_every_cut_is_seen),
        world_test(test_every_changed_byte_is_seen_or_canonical),
        world_test(test_depth_is_bounded),
        world_test(test_digests_are_golden),
        world_test(test_digest_takes_meaning_only),
    };
    return cmocka_run_group_tests_name("val_code", tests, NULL, NULL);
}
