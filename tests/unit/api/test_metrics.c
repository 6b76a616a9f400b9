/* /metrics as Prometheus reads it (exposition formats, text 0.0.4). */
#include "tests/lib/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "reconciler/api/metrics.h"

static void fill(_unused_ void *arg, struct buf *out)
{
    metrics_head(out, "forge_resources", "gauge", "Resources.");
    metrics_value(out, "forge_resources", "environment", "pro\"d\\\n", 3);
}

/* A port that nobody is listening on right now. */
static unsigned free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static const char *get(unsigned port, const char *request)
{
    static char answer[4096];
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    size_t len = 0;
    ssize_t n;
    while (len < sizeof(answer) - 1 && (n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static void test_page(_unused_ void **state)
{
    struct err err = {0};
    struct metrics *m = NULL, *second = NULL;
    char address[64];
    unsigned port = free_port();
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    assert_ok(metrics_start(address, fill, NULL, &m, &err));
    const char *page = get(port, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_contains(page, "200 OK");
    assert_contains(page, "text/plain; version=0.0.4");
    assert_contains(page, "# HELP forge_resources Resources.\n# TYPE forge_resources gauge\n"
                          "forge_resources{environment=\"pro\\\"d\\\\\\n\"} 3\n");
    /* As for GET, without a body. */
    const char *head = get(port, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_contains(head, "200 OK");
    assert_contains(head, "text/plain; version=0.0.4");
    assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
    assert_contains(get(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "404");
    assert_contains(
        get(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        "Allow: GET, HEAD\r\n");
    assert_fails(metrics_start(address, fill, NULL, &second, &err), ERR_IO);
    assert_hints("in use");
    metrics_stop(m);
}

static void test_addresses(_unused_ void **state)
{
    struct err err = {0};
    struct metrics *m;
    static const char *const wrong[] = {"9464", "host.invalid:9464", "127.0.0.1:http:", "[::1:9464"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_fails(metrics_start(wrong[i], fill, NULL, &m, &err), ERR_INVALID);
    metrics_stop(NULL);
}

static void test_values(_unused_ void **state)
{
    struct buf b = BUF_INIT;
    metrics_value(&b, "a_total", NULL, NULL, 12345678);
    metrics_value(&b, "b_seconds", NULL, NULL, 0.25);
    assert_string_equal(buf_str(&b), "a_total 12345678\nb_seconds 0.25\n");
    buf_release(&b);
}

static void test_histogram(_unused_ void **state)
{
    struct buf b = BUF_INIT;
    struct metrics_histogram h = {0};
    metrics_observe(&h, 5 * NS_PER_MS); /* a bound belongs to its own bucket */
    metrics_observe(&h, 250 * NS_PER_MS);
    metrics_observe(&h, 7200 * NS_PER_S);
    metrics_histogram(&b, "x_seconds", "environment", "prod", &h);
    const char *text = buf_str(&b);
    assert_contains(text, "x_seconds_bucket{environment=\"prod\",le=\"0.005\"} 1\n");
    assert_contains(text, "x_seconds_bucket{environment=\"prod\",le=\"0.1\"} 1\n");
    assert_contains(text, "x_seconds_bucket{environment=\"prod\",le=\"0.25\"} 2\n");
    assert_contains(text, "x_seconds_bucket{environment=\"prod\",le=\"1800\"} 2\n");
    assert_contains(text, "x_seconds_bucket{environment=\"prod\",le=\"+Inf\"} 3\n"
                          "x_seconds_sum{environment=\"prod\"} 7200.255");
    assert_contains(text, "x_seconds_count{environment=\"prod\"} 3\n");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
