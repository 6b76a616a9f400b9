/* Answers of a registry: pages, tokens, refusals, and invalid ones. */
#include "providers/registry/internal.h"
#include "tests/exchange/peer.h"
#include "tests/lib/faultproxy.h"
#include "tests/lib/unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define DIGEST               "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD(status, fields) "HTTP/1.1 " status "\r\nContent-Length: 0\r\nConnection: close\r\n" fields "\r\n"
#define RAW_CLOSE            (PEER_RAW | PEER_CLOSE)

struct fixture {
    struct peer *peer;
    struct faultproxy *proxy; /* from a port to the peer's socket */
    struct secret *password;
    struct registry_login login;
    struct target target;
    struct registry *registry;
    char host[64], ref[96];
    struct arena arena;
    struct err err;
};

static int setup(void **state)
{
    static const struct peer_answer nothing[] = {{0}};
    struct fixture *f = mem_new(struct fixture);
    f->peer = peer_start(nothing);
    f->proxy = faultproxy_start_unix(str_after(peer_url(f->peer), "unix://"));
    snprintf(f->host, sizeof(f->host), "127.0.0.1:%u", faultproxy_port(f->proxy));
    snprintf(f->ref, sizeof(f->ref), "%s/shop/web:1.4", f->host);
    f->password = secret_new("pass word", 9);
    f->login = (struct registry_login){.registry = f->host, .username = "me", .password = f->password};
    f->target = (struct target){.docker_config = "/nonexistent", .logins = &f->login, .n_logins = 1};
    f->registry = registry_new(&f->target, "/nonexistent");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    registry_free(f->registry);
    faultproxy_stop(f->proxy);
    peer_stop(f->peer);
    secret_free(f->password);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static const char *text(struct fixture *f, const char *fmt, ...) _printf_(2, 3);
static const char *text(struct fixture *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *s = arena_vprintf(&f->arena, fmt, ap);
    va_end(ap);
    return s;
}

static int digest(struct fixture *f, const char **ret)
{
    f->err = (struct err){0};
    return registry_digest(f->registry, f->ref, NULL, &f->arena, ret, &f->err);
}

static int tags(struct fixture *f, const char *const **ret, size_t *ret_n)
{
    f->err = (struct err){0};
    return registry_tags(f->registry, f->ref, NULL, &f->arena, ret, ret_n, &f->err);
}

#define PROBE                                                \
    {                                                        \
        "GET /v2/ ", 200, "{}", PEER_CLOSE, 0, NULL, 0, NULL \
    }

static void test_pages(void **state)
{
    struct fixture *f = *state;
    const char *const *list;
    size_t n;
    static const char page1[] = "{\"tags\":[\"1.0\",\"1.1\"]}";
    const struct peer_answer script[] = {
        PROBE,
        {"GET /v2/shop/web/tags/list?n=1000 ", 0,
         text(f,
              "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n"
              "Link: </v2/shop/web/tags/list?last=1.1&n=2>; rel=\"next\"\r\n\r\n%s",
              sizeof(page1) - 1, page1),
         RAW_CLOSE, 0, NULL, 0, NULL},
        {"GET /v2/shop/web/tags/list?last=1.1&n=2 ", 200, "{\"tags\":[\"2.0\"]}", PEER_CLOSE, 0, NULL, 0,
         NULL},
        {0},
    };
    peer_script(f->peer, script);
    if (tags(f, &list, &n) < 0)
        fail_msg("%s", f->err.msg);
    assert_int_equal(n, 3);
    assert_string_equal(list[0], "1.0");
    assert_string_equal(list[2], "2.0");
}

/* RFC 6750 as in the distribution project: 401 says where to get a token, and for which scope. */
static void test_token(void **state)
{
    struct fixture *f = *state;
    const char *got;
    const struct peer_answer script[] = {
        PROBE,
        {"HEAD /v2/shop/web/manifests/1.4 ", 0,
         text(f,
              HEAD("401 Unauthorized",
                   "WWW-Authenticate: Bearer realm=\"http://%s/token\",service=\"the registry\","
                   "scope=\"repository:shop/web:pull\"\r\n"),
              f->host),
         RAW_CLOSE, 1, NULL, 0, NULL},
        {"GET /token?service=the%20registry&scope=repository%3Ashop%2Fweb%3Apull ", 200,
         "{\"token\":\"a-token\",\"expires_in\":300}", PEER_CLOSE, 1, "Authorization: Basic bWU6cGFzcyB3b3Jk",
         0, NULL},
        {"HEAD /v2/shop/web/manifests/1.4 ", 0, HEAD("200 OK", "Docker-Content-Digest: " DIGEST "\r\n"),
         RAW_CLOSE, 0, "Authorization: Bearer a-token", 0, NULL},
        {0},
    };
    peer_script(f->peer, script);
    if (digest(f, &got) < 0)
        fail_msg("%s", f->err.msg);
    assert_string_equal(got, DIGEST);
    /* The token is cached: the second request does not ask for another one. */
    if (digest(f, &got) < 0)
        fail_msg("%s (%s)", f->err.msg, peer_log(f->peer));
}

static void test_basic(void **state)
{
    struct fixture *f = *state;
    const char *got;
    const struct peer_answer script[] = {
        PROBE,
        {"HEAD /v2/shop/web/manifests/1.4 ", 0,
         HEAD("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n"), RAW_CLOSE, 1, NULL, 0, NULL},
        {"HEAD /v2/shop/web/manifests/1.4 ", 0, HEAD("200 OK", "Docker-Content-Digest: " DIGEST "\r\n"),
         RAW_CLOSE, 0, "Authorization: Basic bWU6cGFzcyB3b3Jk", 0, NULL},
        {0},
    };
    peer_script(f->peer, script);
    if (digest(f, &got) < 0)
        fail_msg("%s", f->err.msg);
    assert_string_equal(got, DIGEST);
}

/* The password is not sent to any other machine, whatever the registry says, and is in no error. */
static void test_a_realm_elsewhere(void **state)
{
    struct fixture *f = *state;
    const char *got;
    const struct peer_answer script[] = {
        PROBE,
        {"HEAD /v2/shop/web/manifests/1.4 ", 0,
         HEAD("401 Unauthorized", "WWW-Authenticate: Bearer realm=\"http://192.0.2.1/token\"\r\n"), RAW_CLOSE,
         0, NULL, 0, NULL},
        {0},
    };
    peer_script(f->peer, script);
    assert_int_equal(digest(f, &got), ERR_AUTH);
    assert_non_null(strstr(f->err.msg, "192.0.2.1"));
    assert_null(strstr(f->err.msg, "pass word"));
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *answer;
        int code;
        bool retryable;
    } cases[] = {
        {HEAD("404 Not Found", ""), ERR_NOTFOUND, false},
        {HEAD("403 Forbidden", ""), ERR_AUTH, false},
        {HEAD("401 Unauthorized", ""), ERR_AUTH, false},
        {HEAD("503 Busy", ""), ERR_UNAVAILABLE, true},
        {HEAD("429 Too Many", ""), ERR_UNAVAILABLE, true},
        {HEAD("302 Found", "Location: http://192.0.2.1/\r\n"), ERR_INVALID, false},
        {HEAD("200 OK", ""), ERR_INVALID, false},
        {HEAD("200 OK", "Docker-Content-Digest: md5:0\r\n"), ERR_INVALID, false},
        {"no HTTP at all\r\n\r\n", ERR_UNAVAILABLE, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {
            PROBE,
            {"HEAD /v2/shop/web/manifests/1.4 ", 0, cases[i].answer, RAW_CLOSE, 0, NULL, 0, NULL},
            {0},
        };
        const char *got;
        peer_script(f->peer, script);
        int r = digest(f, &got);
        if (r != cases[i].code || f->err.retryable != cases[i].retryable)
            fail_msg("%s: %s", cases[i].answer, f->err.msg);
    }
}

static void test_an_answer_that_is_no_list(void **state)
{
    struct fixture *f = *state;
    const char *const *list;
    size_t n;
    const struct peer_answer script[] = {
        PROBE,
        {"GET /v2/shop/web/tags/list", 200, "not JSON", PEER_CLOSE, 0, NULL, 0, NULL},
        {0},
    };
    peer_script(f->peer, script);
    assert_int_equal(tags(f, &list, &n), ERR_INVALID);
}

/* A port that accepts connections, at `host`, which is this machine. */
static int port_at(struct fixture *f, const char *host)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(f->ref, sizeof(f->ref), "%s:%u/shop/web:1.4", host, ntohs(at.sin_port));
    return fd;
}

static void count_notice(void *arg, const char *registry)
{
    (void)registry;
    (*(unsigned *)arg)++;
}

/* It is waited for once, whatever is asked for, and somebody is told. */
static void test_a_registry_that_never_answers(void **state)
{
    struct fixture *f = *state;
    const char *got;
    const char *const *list;
    size_t n;
    unsigned notices = 0;
    int fd = port_at(f, "127.0.0.1"); /* whose owner never says anything */
    f->registry->patience = (struct registry_patience){
        .connect_ms = 1000, .probe_ms = 50, .silence_s = 1, .whole_s = 60, .notice_ms = 1};
    registry_on_wait(f->registry, count_notice, &notices);
    assert_int_equal(digest(f, &got), ERR_TIMEOUT);
    assert_non_null(strstr(f->err.msg, "sent nothing for 1 s"));
    assert_int_equal(notices, 1);
    close(fd); /* another connection would be refused */
    assert_int_equal(tags(f, &list, &n), ERR_TIMEOUT);
    assert_non_null(strstr(f->err.msg, "sent nothing for 1 s"));
    assert_non_null(strstr(f->err.msg, "tags of its repository"));
    assert_int_equal(digest(f, &got), ERR_TIMEOUT);
    assert_int_equal(notices, 1);
}

static void *answer_plainly(void *arg)
{
    static const char answer[] = HEAD("400 Bad Request", "");
    char hello[4096];
    int fd = accept(*(const int *)arg, NULL, NULL);
    if (fd >= 0 && recv(fd, hello, sizeof(hello), 0) > 0)
        (void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

/* Not by a name of loopback: such a registry is never asked without TLS. */
static void test_a_registry_without_tls(void **state)
{
    struct fixture *f = *state;
    const char *got;
    pthread_t owner;
    int fd = port_at(f, "0.0.0.0");
    assert_int_equal(pthread_create(&owner, NULL, answer_plainly, &fd), 0);
    assert_int_equal(digest(f, &got), ERR_UNAVAILABLE);
    assert_contains(f->err.msg, "the registry does not speak TLS");
    assert_contains(f->err.hint, "no setting changes that");
    pthread_join(owner, NULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_basic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_realm_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_that_is_no_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_registry_that_never_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_registry_without_tls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
