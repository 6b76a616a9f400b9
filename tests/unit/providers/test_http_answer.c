#include "providers/http/answer.h"

#include "base/buf.h"
#include "base/str.h"
#include "tests/lib/unit.h"

static int parse(const char *text, struct http_head *h, struct err *err)
{
    return http_head_parse(text, strlen(text), h, err);
}

static void test_heads(void **state)
{
    struct err err = {0};
    struct http_head h;
    (void)state;
    assert_ok(parse(
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nApi-Version:1.41\r\nServer: Docker/20.10 (linux)\r\n\r\n",
        &h, &err));
    assert_int_equal(h.status, 200);
    assert_int_equal(h.length, 12);
    assert_true(h.keep);
    assert_string_equal(h.api_version, "1.41");
    assert_string_equal(h.server, "Docker/20.10 (linux)");
    assert_ok(parse("HTTP/1.1 204\r\n\r\n", &h, &err));
    assert_int_equal(h.length, -1);
    assert_ok(parse("HTTP/1.0 200 OK\r\n\r\n", &h, &err));
    assert_false(h.keep);
    assert_ok(parse("HTTP/1.1 200 OK\r\nconnection: Close\r\nTRANSFER-ENCODING: chunked \r\n\r\n", &h, &err));
    assert_true(h.chunked && !h.keep);
    assert_ok(parse("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n", &h, &err));
    assert_true(h.upgraded);
}

static void test_heads_that_are_none(void **state)
{
    static const char *const bad[] = {
        "\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        struct http_head h;
        assert_fails(parse(bad[i], &h, &err), ERR_CORRUPT);
    }
}

/* Feed a body in pieces of `step` bytes. 0 and the content, or the error. */
static int feed(const struct http_head *h, const char *in, size_t len, size_t step, struct buf *out,
                struct http_body *b, struct err *err)
{
    http_body_begin(b, h, false);
    for (size_t at = 0; at < len && b->state != BODY_DONE;) {
        size_t n = len - at < step ? len - at : step, used;
        const char *data;
        size_t got;
        int r = http_body_feed(b, in + at, n, &data, &got, &used, err);
        if (r < 0)
            return r;
        buf_add(out, data, got);
        assert_true(used > 0 && used <= n);
        at += used;
    }
    return 0;
}

static void test_chunked_bodies_in_any_pieces(void **state)
{
    static const char in[] =
        "5\r\nhello\r\n1;ext=\"x\"\r\n \r\n00A\r\nworld, all\r\n0\r\nTrailer: x\r\n\r\nNEXT";
    const struct http_head h = {.status = 200, .chunked = true, .length = -1};
    (void)state;
    for (size_t step = 1; step < sizeof(in); step++) {
        struct err err = {0};
        struct buf out = BUF_INIT;
        struct http_body b;
        assert_ok(feed(&h, in, sizeof(in) - 1, step, &out, &b, &err));
        assert_int_equal(b.state, BODY_DONE);
        assert_string_equal(buf_str(&out), "hello world, all");
        buf_release(&out);
    }
}

static void test_broken_chunks(void **state)
{
    static const struct {
        const char *in;
        int code, end;
    } cases[] = {
        {"x\r\n", ERR_CORRUPT, 0},         {"\r\n", ERR_CORRUPT, 0},
        {"3\r\nabcd\r\n", ERR_CORRUPT, 0}, {"fffffffffffffffff\r\n", ERR_CORRUPT, 0},
        {"5\r\nhel", 0, ERR_UNAVAILABLE},  {"5\r\nhello\r\n", 0, ERR_UNAVAILABLE},
        {"0\r\n", 0, ERR_UNAVAILABLE},     {"0\r\n\r\n", 0, 0},
    };
    const struct http_head h = {.status = 200, .chunked = true, .length = -1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct buf out = BUF_INIT;
        struct http_body b;
        assert_int_equal(feed(&h, cases[i].in, strlen(cases[i].in), 1, &out, &b, &err), cases[i].code);
        if (cases[i].code == 0)
            assert_int_equal(http_body_end(&b, &err), cases[i].end);
        buf_release(&out);
    }
}

static void test_bodies_of_other_kinds(void **state)
{
    struct err err = {0};
    struct buf out = BUF_INIT;
    struct http_body b;
    (void)state;
    assert_ok(feed(&(struct http_head){.status = 200, .length = 4}, "fourmore", 8, 3, &out, &b, &err));
    assert_string_equal(buf_str(&out), "four");
    buf_reset(&out);
    assert_ok(feed(&(struct http_head){.status = 200, .length = -1}, "to the end", 10, 4, &out, &b, &err));
    assert_ok(http_body_end(&b, &err));
    assert_string_equal(buf_str(&out), "to the end");
    http_body_begin(&b, &(struct http_head){.status = 204, .length = -1}, false);
    assert_int_equal(b.state, BODY_DONE);
    http_body_begin(&b, &(struct http_head){.status = 200, .length = 7}, true);
    assert_int_equal(b.state, BODY_DONE);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_heads_that_are_none),
        cmocka_unit_test(test_chunked_bodies_in_any_pieces),
        cmocka_unit_test(test_broken_chunks),
        cmocka_unit_test(test_bodies_of_other_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
