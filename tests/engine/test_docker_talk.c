/* Logs, exec, stats and pulls on a real engine. */
#include "tests/engine/docker_bench.h"

#include "base/clock.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define IDLE BENCH_IDLE

static void test_logs(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(
        b, "logs", /* Podman's tail mixes up lines without a newline. */
        b->podman ? "{" IDLE ", 'command': ['sh', '-c', 'echo one; echo two >&2; sleep 0.1; echo three']}"
                  : "{" IDLE ", 'command': ['sh', '-c', 'echo one; echo two >&2; printf three']}");
    bench_make(b, r, true);
    struct step s = bench_step(b, STEP_WAIT, r);
    s.condition = DEPEND_COMPLETED;
    s.timeout_ns = 10 * NS_PER_S;
    bench_must(b, &s);
    const char *out = bench_logs(b, bench_name(b, "logs-1"));
    assert_non_null(strstr(out, "1:one|"));
    assert_non_null(strstr(out, "2:two|"));
    assert_non_null(strstr(out, "1:three|"));
    struct buf text = BUF_INIT;
    const struct logs_request rq = {.native_name = bench_name(b, "logs-1"),
                                    .tail = 1,
                                    .timestamps = true,
                                    .follow = true,
                                    .line = bench_say_line,
                                    .arg = &text};
    assert_int_equal(b->p->ops->logs(b->p, &rq, NULL, &b->err), 0);
    assert_non_null(strstr(buf_str(&text), "Z three|"));
    buf_release(&text);
    bench_remove_all(b);
}

static int run_exec(struct bench *b, const char *const *argv, const char *input, bool tty, struct buf *out,
                    int *ret_exit)
{
    int in[2], o[2];
    char data[4096];
    ssize_t n;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(o), 0);
    if (input)
        assert_true(write(in[1], input, strlen(input)) == (ssize_t)strlen(input));
    close(in[1]);
    const struct exec_request rq = {.native_name = bench_name(b, "exec-1"),
                                    .argv = argv,
                                    .tty = tty,
                                    .interactive = input,
                                    .in_fd = in[0],
                                    .out_fd = o[1],
                                    .err_fd = o[1]};
    int r = b->p->ops->exec(b->p, &rq, NULL, ret_exit, &b->err);
    close(o[1]);
    while ((n = read(o[0], data, sizeof(data))) > 0)
        buf_add(out, data, (size_t)n);
    close(o[0]);
    close(in[0]);
    return r;
}

static void test_exec_and_stats(void **state)
{
    struct bench *b = *state;
    bench_make(b, bench_container(b, "exec", "{" IDLE "}"), true);
    static const char *const say[] = {"sh", "-c", "echo out; echo err >&2; exit 7", NULL},
                             *const cat[] = {"cat", NULL}, *const tty[] = {"tty", NULL},
                             *const none[] = {"/no/such", NULL};
    struct buf out = BUF_INIT;
    int code = -1;
    assert_int_equal(run_exec(b, say, NULL, false, &out, &code), 0);
    assert_int_equal(code, 7);
    assert_non_null(strstr(buf_str(&out), "out\n"));
    assert_non_null(strstr(buf_str(&out), "err\n"));
    buf_reset(&out);
    assert_int_equal(run_exec(b, cat, "through and back", false, &out, &code), 0);
    assert_string_equal(buf_str(&out), "through and back");
    buf_reset(&out);
    assert_int_equal(run_exec(b, tty, NULL, true, &out, &code), 0);
    assert_non_null(strstr(buf_str(&out), "/dev/pts/"));
    buf_reset(&out);
    int r = run_exec(b, none, NULL, false, &out, &code);
    assert_true(r < 0 || code == 126 || code == 127);
    buf_release(&out);
    struct stats_sample s;
    assert_int_equal(b->p->ops->stats(b->p, bench_name(b, "exec-1"), &s, &b->err), 0);
    assert_true(s.cpu_ns > 0 && s.memory_bytes > 0 && s.pids >= 1 && s.cpus >= 1);
    bench_remove_all(b);
}

static void test_pull_policies(void **state)
{
    struct bench *b = *state;
    struct resource *r = bench_container(b, "pull", "{" IDLE "}");
    struct step s = bench_step(b, STEP_PULL, r);
    s.image = IMAGE_1;
    s.pull_policy = "never";
    bench_must(b, &s);
    assert_true(b->result.unchanged && str_starts(b->result.image_id, "sha256:"));
    s.pull_policy = "missing";
    bench_must(b, &s);
    s.image = "forge-test/absent:3";
    s.pull_policy = "never";
    assert_int_equal(bench_do(b, &s), ERR_NOTFOUND);
    s.image = "127.0.0.1:1/none:3"; /* nobody listens there */
    s.pull_policy = "missing";
    assert_int_equal(bench_do(b, &s), ERR_UNAVAILABLE);
    assert_true(b->err.retryable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_exec_and_stats),
        cmocka_unit_test(test_pull_policies),
    };
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
