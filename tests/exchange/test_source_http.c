/* Valid and invalid answers of a Git server over http, and its redirects. */
#include "tests/exchange/peer.h"
#include "tests/lib/faultproxy.h"
#include "tests/lib/unit.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"

/* The head of a list of references (gitprotocol-http(5)). */
#define LIST(body)                                                                                 \
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nConnection: " \
    "close\r\n\r\n" body
#define SERVICE   "001e# service=git-upload-pack\n0000"
#define ID        "1234567812345678123456781234567812345678"
#define ONE_REF   LIST(SERVICE "0045" ID " refs/heads/main\0agent=x\n0000")
#define REDIRECT  "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nConnection: close\r\nLocation: "
#define GET_REFS  "GET /x.git/info/refs?service=git-upload-pack"
#define RAW_CLOSE (PEER_RAW | PEER_CLOSE)

struct fixture {
    char *dir;
    struct peer *peer;
    struct faultproxy *proxy; /* from a port to the peer's socket */
    char url[128];
    struct source *source;
    struct err err;
    struct arena arena; /* of scripts, which the peer's threads use until it stops */
};

static int setup(void **state)
{
    static const struct peer_answer nothing[] = {{0}};
    struct fixture *f = mem_new(struct fixture);
    f->dir = unit_temp_dir();
    f->peer = peer_start(nothing);
    f->proxy = faultproxy_start_unix(str_after(peer_url(f->peer), "unix://"));
    snprintf(f->url, sizeof(f->url), "http://localhost:%u/x.git", faultproxy_port(f->proxy));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    source_close(f->source);
    faultproxy_stop(f->proxy);
    peer_stop(f->peer);
    arena_release(&f->arena);
    unit_temp_remove(f->dir);
    free(f);
    return 0;
}

static const struct peer_answer *kept(struct fixture *f, const struct peer_answer *script)
{
    size_t n = 0;
    while (script[n].request)
        n++;
    struct peer_answer *copy = arena_memdup(&f->arena, script, (n + 1) * sizeof(*script));
    for (size_t i = 0; i < n; i++)
        copy[i].body = script[i].body_len ? script[i].body : arena_strdup(&f->arena, script[i].body);
    return copy;
}

/* A fetch must fail with this code and message. */
static void check(struct fixture *f, const struct peer_answer *script, int code, const char *says)
{
    struct err err = {0};
    bool moved;
    const struct source_config c = {
        .url = f->url, .cache_dir = f->dir, .branch = "main", .timeout_ns = 30 * NS_PER_S};
    source_close(f->source);
    f->source = NULL;
    assert_ok(source_open(&c, &f->source, &err));
    peer_script(f->peer, kept(f, script));
    assert_fails(source_fetch(f->source, NULL, &moved, &err), code);
    assert_says(says);
    assert_int_equal(err.retryable, code == ERR_UNAVAILABLE);
    for (const char *p = err.msg; *p; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
    f->err = err;
}

static void check_status(struct fixture *f, int status, int code, const char *says)
{
    const struct peer_answer script[] = {{GET_REFS, .status = status, .body = "<html>no</html>"}, {0}};
    check(f, script, code, says);
}

static void test_status(void **state)
{
    struct fixture *f = *state;
    check_status(f, 401, ERR_AUTH, "asks for credentials, but none are configured (HTTP 401)");
    check_status(f, 403, ERR_AUTH, "HTTP 403");
    check_status(f, 404, ERR_NOTFOUND, "no such repository (HTTP 404)");
    check_status(f, 429, ERR_UNAVAILABLE, "HTTP 429");
    check_status(f, 500, ERR_UNAVAILABLE, "HTTP 500");
    check_status(f, 503, ERR_UNAVAILABLE, "HTTP 503");
    check_status(f, 418, ERR_INVALID, "the response is not that of a Git server (HTTP 418)");
    check_status(f, 200, ERR_INVALID, "the response is not that of a Git server");
}

static void test_lists_that_are_none(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        LIST(""),
        LIST("rubbish"),
        LIST(SERVICE),
        LIST(SERVICE "zzzz"),
        LIST(SERVICE "0003"),
        LIST(SERVICE "ffff1234"),
        LIST("001e# service=git-receive-pack\n0000"),
        LIST(SERVICE "0010not an oid!!\n0000"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        const struct peer_answer script[] = {{GET_REFS, .body = bodies[i], .flags = RAW_CLOSE}, {0}};
        check(f, script, ERR_UNAVAILABLE, "repository http://localhost");
    }
}

static void test_words_of_the_server_are_cleaned(void **state)
{
    struct fixture *f = *state;
    static const struct peer_answer script[] = {
        {GET_REFS, .body = LIST(SERVICE "0019ERR \033]0;owned\007 no way"), .flags = RAW_CLOSE}, {0}};
    check(f, script, ERR_UNAVAILABLE, "?]0;owned? no way");
}

/* X2 */
static void test_endless_list(void **state)
{
    struct fixture *f = *state;
    struct buf b = BUF_INIT;
    for (unsigned i = 0; i < 1000; i++)
        buf_adds(&b, "003f" ID " refs/heads/branch\n");
    const struct peer_answer script[] = {{GET_REFS, .body = LIST(SERVICE), .flags = PEER_RAW | PEER_ENDLESS,
                                          .again = arena_strdup(&f->arena, buf_str(&b))},
                                         {0}};
    buf_release(&b);
    check(f, script, ERR_LIMIT, "more than 67108864 bytes of references");
}

static void test_redirect_on_the_same_server(void **state)
{
    struct fixture *f = *state;
    static const struct peer_answer script[] = {
        {GET_REFS, .body = REDIRECT "/new.git/info/refs?service=git-upload-pack\r\n\r\n", .flags = RAW_CLOSE},
        {"GET /new.git/info/refs?service=git-upload-pack", .body = ONE_REF, .body_len = sizeof(ONE_REF) - 1,
         .flags = RAW_CLOSE},
        {"POST /new.git/git-upload-pack", .status = 503, .expect = "want " ID},
        {0}};
    check(f, script, ERR_UNAVAILABLE, "HTTP 503");
    assert_contains(peer_log(f->peer), "POST /new.git/git-upload-pack|");
}

static void check_redirect(struct fixture *f, const char *location, int code, const char *says)
{
    char body[512];
    snprintf(body, sizeof(body), REDIRECT "%s\r\n\r\n", location);
    const struct peer_answer script[] = {
        {GET_REFS, .body = body, .flags = RAW_CLOSE, .times = 1},
        {"GET /", .body = ONE_REF, .body_len = sizeof(ONE_REF) - 1, .flags = RAW_CLOSE},
        {0}};
    check(f, script, code, says);
}

static void test_redirect_elsewhere(void **state)
{
    struct fixture *f = *state;
    char location[256];
    /* curl resolves all names below .localhost to this machine. */
    snprintf(location, sizeof(location), "http://other.localhost:%u/x.git/info/refs?service=git-upload-pack",
             faultproxy_port(f->proxy));
    check_redirect(f, location, ERR_INVALID, "redirects to http://other.localhost");
    assert_contains(f->err.hint, "use it as the address of the repository");
    check_redirect(f, "/login?next=x.git", ERR_INVALID, "redirects to");
    check_redirect(f, "file:///etc/passwd", ERR_INVALID, "");
    check_redirect(f, "ftp://localhost/x", ERR_INVALID, "");
    check_redirect(f, "/x.git/info/refs?service=git-upload-pack", ERR_UNAVAILABLE, "");
}

static int shut_down(_unused_ void **state)
{
    source_shutdown();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_status),
        TEST(test_lists_that_are_none),
        TEST(test_words_of_the_server_are_cleaned),
        TEST(test_endless_list),
        TEST(test_redirect_on_the_same_server),
        TEST(test_redirect_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
