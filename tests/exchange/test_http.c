/* The HTTP client against a well-behaved peer, and against some that are not. */
#include "providers/http/http.h"

#include "base/clock.h"
#include "base/str.h"
#include "tests/exchange/peer.h"
#include "tests/lib/unit.h"

#include <pthread.h>

struct client {
    struct peer *peer;
    struct dial *dial;
    struct http *http;
    struct http_answer answer;
    struct err err;
};

static void open_client(struct client *c, const struct peer_answer *script, int64_t timeout_ms)
{
    *c = (struct client){.peer = peer_start(script)};
    if (dial_new(peer_url(c->peer), &(struct dial_files){0}, &c->dial, &c->err) < 0)
        fail_msg("%s", c->err.msg);
    c->http = http_new(c->dial, timeout_ms * NS_PER_MS, 4);
}

static void close_client(struct client *c)
{
    http_answer_release(&c->answer);
    http_free(c->http);
    dial_free(c->dial);
    peer_stop(c->peer);
}

static int get(struct client *c, const char *path)
{
    const struct http_request rq = {.path = path};
    err_clear(&c->err);
    return http_do(c->http, &rq, &c->answer, &c->err);
}

static void test_a_connection_is_kept(void **state)
{
    static const struct peer_answer script[] = {
        {"GET /a", .body = "one"},
        {"POST /b", .status = 404, .body = "no", .expect = "\r\n\r\n{\"x\":1}"},
        {0}};
    struct client c;
    (void)state;
    open_client(&c, script, 2000);
    assert_int_equal(get(&c, "/a"), 0);
    assert_string_equal(buf_str(&c.answer.body), "one");
    const struct http_request post = {.method = "POST", .path = "/b", .body = "{\"x\":1}", .body_len = 7};
    assert_int_equal(http_do(c.http, &post, &c.answer, &c.err), 0);
    assert_int_equal(c.answer.head.status, 404);
    assert_string_equal(buf_str(&c.answer.body), "no");
    assert_int_equal(get(&c, "/a"), 0);
    assert_int_equal(peer_connections(c.peer), 1);
    assert_string_equal(peer_log(c.peer), "GET /a|POST /b|GET /a|");
    close_client(&c);
}

static void test_a_closed_connection_is_replaced(void **state)
{
    static const struct peer_answer script[] = {
        {"GET /a", .body = "one", .flags = PEER_CLOSE}, {"POST /b", .flags = PEER_CLOSE, .body = "x"}, {0}};
    struct client c;
    (void)state;
    open_client(&c, script, 2000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(get(&c, "/a"), 0);
    assert_int_equal(peer_connections(c.peer), 3);
    close_client(&c);
}

/* A request that may have had an effect is not sent twice. */
static void test_only_reading_is_repeated(void **state)
{
    static const struct peer_answer script[] = {
        {"GET /a", .body = "x"},  {"GET /b", .flags = PEER_RAW | PEER_CLOSE, .body = "", .times = 1},
        {"GET /b", .body = "y"},  {"POST /c", .flags = PEER_RAW | PEER_CLOSE, .body = "", .times = 1},
        {"POST /c", .body = "z"}, {0}};
    struct client c;
    (void)state;
    open_client(&c, script, 2000);
    assert_int_equal(get(&c, "/a"), 0);
    assert_int_equal(get(&c, "/b"), 0);
    assert_string_equal(buf_str(&c.answer.body), "y");
    assert_int_equal(
        http_do(c.http, &(struct http_request){.method = "POST", .path = "/c"}, &c.answer, &c.err),
        ERR_UNAVAILABLE);
    assert_true(c.err.retryable);
    assert_string_equal(peer_log(c.peer), "GET /a|GET /b|GET /b|POST /c|");
    close_client(&c);
}

/* A call may take as long as it likes while the engine answers others. */
static void test_an_engine_that_is_busy_and_one_that_hangs(void **state)
{
    static const struct peer_answer busy[] = {{"GET /ping", .status = 404, .body = "x"},
                                              {"POST /start", .flags = PEER_RAW | PEER_HANG, .body = ""},
                                              {0}};
    static const struct peer_answer hanging[] = {{"GET /ping", .flags = PEER_RAW | PEER_HANG, .body = ""},
                                                 {"POST /start", .flags = PEER_RAW | PEER_HANG, .body = ""},
                                                 {0}};
    static const struct peer_answer well[] = {{"GET /ping", .body = "x"}, {"POST /start", .body = "y"}, {0}};
    static const struct peer_answer hanging_get[] = {{"GET /ping", .flags = PEER_RAW | PEER_HANG, .body = ""},
                                                     {"GET /list", .flags = PEER_RAW | PEER_HANG, .body = ""},
                                                     {0}};
    static const struct http_watch watch = {
        .path = "/ping", .silence_ns = 100 * NS_PER_MS, .patience_ns = 400 * NS_PER_MS};
    const struct http_request start = {.method = "POST", .path = "/start", .timeout_ns = NS_PER_S};
    struct client c;
    (void)state;
    open_client(&c, busy, 2000);
    http_watch_over(c.http, &watch);
    assert_int_equal(http_do(c.http, &start, &c.answer, &c.err), ERR_TIMEOUT);
    assert_true(str_starts(peer_log(c.peer), "POST /start|GET /ping|GET /ping|GET /ping|"));
    peer_script(c.peer, hanging);
    for (int i = 0; i < 2; i++) {
        err_clear(&c.err);
        assert_int_equal(http_do(c.http, &start, &c.answer, &c.err), ERR_UNAVAILABLE);
        assert_true(c.err.retryable);
        assert_contains(c.err.msg, "hangs: it does not even answer /ping");
        /* It is only asked for more once it answers. */
        assert_string_equal(peer_log(c.peer),
                            i ? "POST /start|GET /ping|GET /ping|" : "POST /start|GET /ping|");
    }
    peer_script(c.peer, well);
    assert_int_equal(http_do(c.http, &start, &c.answer, &c.err), 0);
    assert_int_equal(http_do(c.http, &start, &c.answer, &c.err), 0);
    assert_string_equal(peer_log(c.peer), "GET /ping|POST /start|POST /start|");
    /* On a connection that was used before: it is not the connection that ended. */
    peer_script(c.peer, hanging_get);
    assert_int_equal(get(&c, "/list"), ERR_UNAVAILABLE);
    assert_string_equal(peer_log(c.peer), "GET /list|GET /ping|");
    close_client(&c);
}

static void test_broken_answers(void **state)
{
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
    static const struct {
        struct peer_answer a;
        int code;
    } cases[] = {
        {{"GET /", .body = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
          .flags = PEER_RAW | PEER_CLOSE},
         ERR_UNAVAILABLE},
        {{"GET /", .body = OK_HEAD "Content-Length: 100\r\n\r\nshort", .flags = PEER_RAW | PEER_CLOSE},
         ERR_UNAVAILABLE},
        {{"GET /", .body = OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", .flags = PEER_RAW},
         ERR_CORRUPT},
        {{"GET /", .body = "no http at all\r\n\r\n", .flags = PEER_RAW}, ERR_CORRUPT},
        {{"GET /", .body = OK_HEAD, .flags = PEER_RAW | PEER_CLOSE}, ERR_UNAVAILABLE},
        {{"GET /", .body = OK_HEAD, .flags = PEER_RAW | PEER_HANG}, ERR_TIMEOUT},
        {{"GET /", .body = "slow as molasses in january, and it never seems to end", .flags = PEER_DRIP},
         ERR_TIMEOUT},
        {{"GET /", .body = OK_HEAD "X: y\r\n", .flags = PEER_RAW | PEER_HANG}, ERR_TIMEOUT},
        {{"GET /", .body = OK_HEAD "\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", .flags = PEER_RAW | PEER_ENDLESS},
         ERR_LIMIT},
        {{"GET /", .body = "HTTP/1.1 200 OK\r\nX: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
          .flags = PEER_RAW | PEER_ENDLESS},
         ERR_LIMIT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {cases[i].a, {0}};
        struct client c;
        open_client(&c, script, 300);
        const struct http_request rq = {.path = "/x", .max_body = 100000};
        int64_t begin = stream_now();
        int r = http_do(c.http, &rq, &c.answer, &c.err);
        if (r != cases[i].code)
            fail_msg("case %zu: %d %s", i, r, c.err.msg);
        assert_true(stream_now() - begin < 2 * NS_PER_S);
        close_client(&c);
    }
}

static void test_long_errors_are_cut_and_whole_answers_are_not(void **state)
{
    char *text = malloc(200001);
    (void)state;
    memset(text, 'x', 200000);
    text[200000] = '\0';
    const struct peer_answer script[] = {
        {"GET /error", .status = 500, .body = text}, {"GET /big", .body = text}, {0}};
    struct client c;
    open_client(&c, script, 2000);
    assert_int_equal(get(&c, "/error"), 0);
    assert_int_equal(c.answer.body.len, 16384);
    assert_int_equal(get(&c, "/big"), 0);
    assert_int_equal(c.answer.body.len, 200000);
    assert_int_equal(peer_connections(c.peer), 1);
    close_client(&c);
    free(text);
}

static void *cancel_later(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    cancel_set(arg);
    return NULL;
}

static void test_cancellation(void **state)
{
    static const struct peer_answer script[] = {{"GET /", .flags = PEER_RAW | PEER_HANG, .body = ""}, {0}};
    struct client c;
    struct cancel cancel;
    pthread_t thread;
    (void)state;
    open_client(&c, script, 10000);
    cancel_init(&cancel);
    pthread_create(&thread, NULL, cancel_later, &cancel);
    int64_t begin = stream_now();
    const struct http_request rq = {.path = "/x", .cancel = &cancel};
    assert_int_equal(http_do(c.http, &rq, &c.answer, &c.err), ERR_CANCELLED);
    assert_true(stream_now() - begin < NS_PER_S);
    pthread_join(thread, NULL);
    cancel_release(&cancel);
    close_client(&c);
}

static int stop_after_one(void *arg, const char *data, size_t len, struct err *err)
{
    buf_add(arg, data, len);
    return err_set(err, ERR_FAILED, "enough");
}

static void test_a_sink_stops_a_stream(void **state)
{
    static const struct peer_answer script[] = {
        {"GET /", .flags = PEER_RAW | PEER_HANG, .body = "HTTP/1.1 200 OK\r\n\r\nfirst\n"}, {0}};
    struct client c;
    struct buf got = BUF_INIT;
    (void)state;
    open_client(&c, script, 5000);
    const struct http_request rq = {.path = "/x", .sink = stop_after_one, .arg = &got};
    assert_int_equal(http_do(c.http, &rq, &c.answer, &c.err), ERR_FAILED);
    assert_string_equal(buf_str(&got), "first\n");
    buf_release(&got);
    close_client(&c);
}

static void *get_many(void *arg)
{
    struct client *c = arg;
    struct http_answer a = HTTP_ANSWER_INIT;
    struct err err = {0};
    intptr_t bad = 0;
    for (int i = 0; i < 50; i++)
        bad += http_do(c->http, &(struct http_request){.path = "/a"}, &a, &err) != 0 ||
               !str_eq(buf_str(&a.body), "one");
    http_answer_release(&a);
    return bad ? c : NULL;
}

static void test_many_threads_share_few_connections(void **state)
{
    static const struct peer_answer script[] = {{"GET /a", .body = "one"}, {0}};
    struct client c;
    pthread_t threads[8];
    (void)state;
    open_client(&c, script, 5000);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, get_many, &c);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    assert_true(peer_connections(c.peer) <= 4);
    close_client(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_is_kept),
        cmocka_unit_test(test_a_closed_connection_is_replaced),
        cmocka_unit_test(test_only_reading_is_repeated),
        cmocka_unit_test(test_an_engine_that_is_busy_and_one_that_hangs),
        cmocka_unit_test(test_broken_answers),
        cmocka_unit_test(test_long_errors_are_cut_and_whole_answers_are_not),
        cmocka_unit_test(test_cancellation),
        cmocka_unit_test(test_a_sink_stops_a_stream),
        cmocka_unit_test(test_many_threads_share_few_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
