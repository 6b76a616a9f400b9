#include "providers/containers/demux.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/lib/unit.h"

static int collect(void *arg, int stream, const char *data, size_t len, struct err *err)
{
    struct buf *out = arg;
    (void)err;
    buf_add(&out[stream], data, len);
    return 0;
}

static void test_frames_in_any_pieces(void **state)
{
    static const char in[] = "\1\0\0\0\0\0\0\5hello\2\0\0\0\0\0\0\3err\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1!";
    (void)state;
    for (size_t step = 1; step < sizeof(in); step++) {
        struct err err = {0};
        struct buf out[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
        struct demux d = {.out = collect, .arg = out};
        for (size_t at = 0; at < sizeof(in) - 1; at += step) {
            size_t n = sizeof(in) - 1 - at < step ? sizeof(in) - 1 - at : step;
            assert_ok(demux_feed(&d, in + at, n, &err));
        }
        assert_string_equal(buf_str(&out[1]), "hello!");
        assert_string_equal(buf_str(&out[2]), "err");
        buf_release(&out[1]);
        buf_release(&out[2]);
    }
}

static void test_bare_and_broken(void **state)
{
    struct err err = {0};
    struct buf out[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
    struct demux d = {.out = collect, .arg = out, .bare = true};
    (void)state;
    assert_ok(demux_feed(&d, "plain\r\n", 7, &err));
    assert_string_equal(buf_str(&out[1]), "plain\r\n");
    d = (struct demux){.out = collect, .arg = out};
    assert_fails(demux_feed(&d, "plain text", 10, &err), ERR_CORRUPT);
    buf_release(&out[1]);
}

static void say(void *arg, int stream, const char *text, size_t len)
{
    buf_addf(arg, "%d:%.*s|", stream, (int)(len > 20 ? 20 : len), text);
}

static void test_lines(void **state)
{
    struct buf out = BUF_INIT;
    struct lines l = {.line = say, .arg = &out};
    (void)state;
    lines_feed(&l, 1, "one\ntw", 6);
    lines_feed(&l, 2, "err\r\n\n", 6);
    lines_feed(&l, 1, "o\nthree", 7);
    lines_end(&l);
    assert_string_equal(buf_str(&out), "1:one|2:err|2:|1:two|1:three|");
    buf_release(&out);
}

static void count(void *arg, int stream, const char *text, size_t len)
{
    size_t *total = arg;
    (void)stream;
    (void)text;
    assert_true(len <= LIMIT_EVENT_BYTES);
    *total += len;
}

static void test_an_endless_line_comes_in_pieces(void **state)
{
    size_t total = 0, n = (size_t)LIMIT_EVENT_BYTES * 2 + 17;
    char *text = mem_alloc(n);
    struct lines l = {.line = count, .arg = &total};
    (void)state;
    memset(text, 'x', n);
    lines_feed(&l, 1, text, n);
    lines_end(&l);
    assert_int_equal(total, n);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_in_any_pieces),
        cmocka_unit_test(test_bare_and_broken),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_an_endless_line_comes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
