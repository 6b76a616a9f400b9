/* Git servers that break off, go silent or are unreachable: the error, and the last good state. */
/* services: git-ssh git-https */
#include "tests/engine/source_fixture.h"
#include "tests/lib/faultproxy.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/parse.h"

static struct faultproxy *put_proxy(struct fixture *f, char *known_hosts, size_t size)
{
    int64_t port;
    struct err err = {0};
    const char *url = remote_env(f->ssh ? "GIT_SSH_URL" : "GIT_HTTPS_URL");
    const char *colon = strrchr(url, ':');
    char digits[16];
    str_copy(digits, sizeof(digits), colon + 1);
    digits[strspn(digits, "0123456789")] = '\0';
    assert_ok(parse_int(digits, 1, 65535, &port, &err));
    struct faultproxy *p = faultproxy_start((uint16_t)port);
    snprintf(f->url, sizeof(f->url), "%.*s:%u%s/%s.git", (int)(colon - url), url, faultproxy_port(p),
             colon + 1 + strlen(digits), f->name);
    if (f->ssh) {
        struct buf b = BUF_INIT;
        assert_ok(io_read_file(remote_env("SSHD_KNOWN_HOSTS"), 65536, &b, &err));
        const char *key = strchr(buf_str(&b), ' ');
        snprintf(known_hosts, size, "%s/known_hosts", f->dir);
        char line[4096];
        snprintf(line, sizeof(line), "[127.0.0.1]:%u%s", faultproxy_port(p), key);
        unit_write(known_hosts, line);
        f->config.ssh_known_hosts = known_hosts;
        buf_release(&b);
    }
    return p;
}

/* Text that does not compress. */
static void fill(char *text, size_t size)
{
    uint32_t x = 1;
    for (size_t i = 0; i < size - 1; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = (char)('!' + (x >> 24) % 90);
    }
    text[size - 1] = '\0';
}

static void test_server_that_breaks_off_anywhere(void **state)
{
    struct fixture *f = *state;
    char known_hosts[600], first[41], text[20000];
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    str_copy(first, sizeof(first), remote_push(f, "x.yaml", "1"));
    remote_reopen(f);
    remote_fetched(f);
    fill(text, sizeof(text));
    remote_push(f, "x.yaml", text);
    /* Measure how many bytes a fetch takes, then fail at many places in it, with a new connection each
       time. */
    struct err err = {0};
    bool moved;
    size_t total = 0;
    unsigned failures = 0;
    for (size_t at = 1;; at += 1 + at / 6) {
        remote_reopen(f);
        faultproxy_set(p, FAULT_CUT, at);
        err_clear(&err);
        int r = source_fetch(f->source, NULL, &moved, &err);
        if (r == 0)
            break;
        if (err.code != ERR_UNAVAILABLE)
            fail_msg("cut after %zu bytes: %s: %s", at, err_name(err.code), err.msg);
        assert_true(err.retryable);
        failures++;
        assert_string_equal(remote_commit_of(f, NULL), first);
        remote_check_content(f, "x.yaml", "1");
        total = at;
    }
    assert_true(total > 10000);
    assert_true(failures > 20);
    remote_check_content(f, "x.yaml", text);
    faultproxy_stop(p);
    remote_check_no_secret(&err);
}

static void test_silent_server_is_given_up(void **state)
{
    struct fixture *f = *state;
    char known_hosts[600];
    char text[20000];
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    fill(text, sizeof(text));
    remote_push(f, "x.yaml", text);
    f->config.timeout_ns = NS_PER_S / 2;
    static const size_t places[] = {0, 500, 8000};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        remote_reopen(f);
        faultproxy_set(p, FAULT_SILENT, places[i]);
        int64_t begin = clock_mono(clock_system());
        remote_check_fails(f, ERR_TIMEOUT, "it took longer than", "");
        assert_in_range((uintmax_t)(clock_mono(clock_system()) - begin), NS_PER_S / 2, 3 * NS_PER_S);
    }
    faultproxy_stop(p);
}

static void *cancel_soon(void *arg)
{
    usleep(200000);
    cancel_set(arg);
    return NULL;
}

static void test_cancelled_at_once(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char known_hosts[600];
    bool moved;
    pthread_t thread;
    struct cancel c;
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    remote_push(f, "x.yaml", "1");
    cancel_init(&c);
    remote_reopen(f);
    faultproxy_set(p, FAULT_SILENT, 100);
    int64_t begin = clock_mono(clock_system());
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &c), 0);
    assert_fails(source_fetch(f->source, &c, &moved, &err), ERR_CANCELLED);
    assert_in_range((uintmax_t)(clock_mono(clock_system()) - begin), NS_PER_S / 5, NS_PER_S);
    pthread_join(thread, NULL);
    cancel_release(&c);
    faultproxy_stop(p);
}

static void test_nobody_listens(void **state)
{
    struct fixture *f = *state;
    char known_hosts[600];
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    faultproxy_stop(p);
    remote_reopen(f);
    remote_check_fails(f, ERR_UNAVAILABLE, "", "running");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_server_that_breaks_off_anywhere),
        BOTH(test_silent_server_is_given_up),
        BOTH(test_cancelled_at_once),
        BOTH(test_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, remote_shutdown);
}
