#include "providers/http/stream.h"

#include "base/str.h"
#include "tests/lib/unit.h"

#include <sys/stat.h>

static void test_urls(void **state)
{
    static const struct {
        const char *url;
        enum dial_scheme scheme;
        const char *path, *user, *host, *port;
    } cases[] = {
        {"unix:///run/docker.sock", DIAL_UNIX, "/run/docker.sock", NULL, NULL, NULL},
        {"tcp://10.0.0.1", DIAL_TCP, NULL, NULL, "10.0.0.1", "2375"},
        {"tcp://engine:1234/", DIAL_TCP, NULL, NULL, "engine", "1234"},
        {"http://[::1]:80", DIAL_TCP, NULL, NULL, "::1", "80"},
        {"https://engine", DIAL_TLS, NULL, NULL, "engine", "2376"},
        {"ssh://ops@host:2222", DIAL_SSH, NULL, "ops", "host", "2222"},
        {"ssh://host/run/user/1000/docker.sock", DIAL_SSH, "/run/user/1000/docker.sock", NULL, "host", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct dial *d;
        assert_ok(dial_new(cases[i].url, &(struct dial_files){0}, &d, &err));
        assert_int_equal(d->scheme, cases[i].scheme);
        assert_true(str_eq(d->path, cases[i].path));
        assert_true(str_eq(d->user, cases[i].user));
        assert_true(str_eq(d->host, cases[i].host));
        assert_true(str_eq(d->port, cases[i].port));
        dial_free(d);
    }
}

static void test_urls_that_are_none(void **state)
{
    static const char *const bad[] = {
        "",
        "docker.sock",
        "unix://run/docker.sock",
        "tcp://",
        "tcp://:2375",
        "tcp://h:0",
        "tcp://h:99999",
        "tcp://h:x",
        "tcp://h/path",
        "tcp://u@h",
        "http://[::1",
        "http://[::1]x",
        "ssh://-oProxyCommand=x",
        "ssh://-l@h",
        "ssh://@h",
        "npipe:////./pipe/x",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        struct dial *d;
        assert_fails(dial_new(bad[i], &(struct dial_files){0}, &d, &err), ERR_INVALID);
    }
}

/* X7 */
static void test_a_password_in_a_url_is_refused_and_not_repeated(void **state)
{
    struct err err = {0};
    struct dial *d;
    (void)state;
    assert_fails(dial_new("ssh://ops:canary@host", &(struct dial_files){0}, &d, &err), ERR_INVALID);
    assert_null(strstr(err.msg, "canary"));
    assert_null(strstr(err.hint, "canary"));
}

static void test_tls_files(void **state)
{
    struct err err = {0};
    struct dial *d;
    char *dir = unit_temp_dir();
    (void)state;
    assert_true(dial_new("tcp://h", &(struct dial_files){.ca_file = "/no/such"}, &d, &err) < 0);
    unit_write(unit_path(dir, "key.pem"), "not a key");
    assert_int_equal(chmod(unit_path(dir, "key.pem"), 0644), 0);
    assert_fails(dial_new("tcp://h", &(struct dial_files){.key_file = unit_path(dir, "key.pem")}, &d, &err),
                 ERR_DENIED);
    assert_int_equal(chmod(unit_path(dir, "key.pem"), 0600), 0);
    assert_fails(dial_new("tcp://h", &(struct dial_files){.key_file = unit_path(dir, "key.pem")}, &d, &err),
                 ERR_INVALID);
    unit_temp_remove(dir);
}

static void test_where_nobody_listens(void **state)
{
    struct err err = {0};
    struct dial *d;
    struct stream s;
    (void)state;
    assert_ok(dial_new("unix:///no/such.sock", &(struct dial_files){0}, &d, &err));
    assert_fails(stream_open(d, &s, &err), ERR_UNAVAILABLE);
    assert_true(err.retryable);
    assert_contains(err.hint, "running");
    dial_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_urls_that_are_none),
        cmocka_unit_test(test_a_password_in_a_url_is_refused_and_not_repeated),
        cmocka_unit_test(test_tls_files),
        cmocka_unit_test(test_where_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
