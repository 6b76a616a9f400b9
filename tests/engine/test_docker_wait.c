/* Waiting for containers of a real engine. */
#include "tests/engine/docker_bench.h"

#include "base/clock.h"
#include "base/str.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define IDLE BENCH_IDLE

static void test_waiting(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *spec;
        enum depend_condition condition;
        int64_t timeout_ms;
        bool may_end;
        int code;
        const char *says;
    } cases[] = {
        {"{" IDLE "}", DEPEND_STARTED, 300, false, 0, NULL},
        {"{" IDLE ", 'command': ['true']}", DEPEND_COMPLETED, 10000, false, 0, NULL},
        {"{" IDLE ", 'command': ['sh', '-c', 'echo no disk >&2; exit 3']}", DEPEND_COMPLETED, 10000, false,
         ERR_FAILED, "no disk"},
        {"{" IDLE ", 'command': ['sh', '-c', 'sleep 0.2; exit 4']}", DEPEND_STARTED, 5000, false, ERR_FAILED,
         "exited with code 4"},
        {"{" IDLE ", 'command': ['sleep', '0.2']}", DEPEND_STARTED, 5000, true, 0, NULL},
        {"{" IDLE ", 'command': ['sleep', '0.2']}", DEPEND_STARTED, 5000, false, ERR_FAILED,
         "exited with code 0"},
        {"{" IDLE ", 'command': ['sleep', '5']}", DEPEND_COMPLETED, 300, false, ERR_TIMEOUT, "in time"},
        {"{" IDLE "}", DEPEND_HEALTHY, 1000, false, 0, NULL},
        {"{" IDLE ", 'healthcheck': {'test': ['CMD', 'true'], 'interval': 100000000}}", DEPEND_HEALTHY, 10000,
         false, 0, NULL},
        {"{" IDLE ", 'healthcheck': {'test': ['CMD-SHELL', 'echo not yet; false'], 'interval': 100000000, "
         "'retries': 1}}",
         DEPEND_HEALTHY, 10000, false, ERR_FAILED, "not yet"},
        {"{" IDLE ", 'healthcheck': {'test': ['CMD', 'sleep', '9'], 'interval': 100000000}}", DEPEND_HEALTHY,
         500, false, ERR_TIMEOUT, "healthy"},
        {"{" IDLE ", 'restart': 'always', 'command': ['false']}", DEPEND_STARTED, 3000, false, ERR_FAILED,
         "exited with code 1"},
        {"{" IDLE ", 'command': ['sh', '-c', 'exit 137']}", DEPEND_COMPLETED, 10000, false, ERR_FAILED,
         "137 is SIGKILL"},
        /* In the error where the engine tells, and otherwise in the hint: an engine may miss it. */
        {"{" IDLE ", 'command': ['sh', '-c', 'sleep 1; (x=aaaaaaaaaaaaaaaa; while :; do x=$x$x$x; done); "
         "sleep 1; exit 137'], 'resources': {'memory': 8388608, 'memory_swap': 8388608}}",
         DEPEND_COMPLETED, 20000, false, ERR_FAILED, "OOM"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct resource *r = bench_container(b, "wait", cases[i].spec);
        bench_make(b, r, true);
        struct step s = bench_step(b, STEP_WAIT, r);
        s.condition = cases[i].condition;
        s.timeout_ns = cases[i].timeout_ms * NS_PER_MS;
        s.may_end = cases[i].may_end;
        int64_t begin = clock_mono(clock_system());
        int code = bench_do(b, &s);
        int64_t took = clock_mono(clock_system()) - begin;
        const char *says = cases[i].says;
        if (code != cases[i].code || (says && !strstr(b->err.msg, says) && !strstr(b->err.hint, says)))
            fail_msg("%s: %d %s (%s)", cases[i].spec, code, b->err.msg, b->err.hint);
        assert_true(took < s.timeout_ns + 4 * NS_PER_S);
        bench_remove_all(b);
    }
}

static void *cancel_soon(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    cancel_set(arg);
    return NULL;
}

static void test_a_wait_is_cancelled(void **state)
{
    struct bench *b = *state;
    struct cancel c;
    pthread_t thread;
    struct resource *r = bench_container(b, "cancel", "{" IDLE "}");
    bench_make(b, r, true);
    cancel_init(&c);
    struct step s = bench_step(b, STEP_WAIT, r);
    s.condition = DEPEND_COMPLETED;
    s.timeout_ns = 60 * NS_PER_S;
    const struct step_context ctx = {.cancel = &c};
    int64_t begin = clock_mono(clock_system());
    pthread_create(&thread, NULL, cancel_soon, &c);
    assert_int_equal(b->p->ops->apply(b->p, &s, &ctx, &b->result, &b->err), ERR_CANCELLED);
    assert_true(clock_mono(clock_system()) - begin < 10 * NS_PER_S);
    pthread_join(thread, NULL);
    cancel_release(&c);
    bench_remove_all(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_a_wait_is_cancelled),
    };
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
