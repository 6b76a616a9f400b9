#include "base/cancel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "tests/lib/unit.h"

static void null_is_never_cancelled(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(cancel_is_set(NULL));
    assert_ok(cancel_check(NULL, &err));
    assert_false(cancel_sleep(NULL, NS_PER_MS));
    cancel_release(NULL);
}

static void set_is_seen_and_stays(void **state)
{
    (void)state;
    struct err err = {0};
    struct cancel c;
    cancel_init(&c);
    struct pollfd p = {.fd = c.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_ok(cancel_check(&c, &err));
    errno = 77;
    cancel_set(&c);
    cancel_set(&c);
    assert_int_equal(errno, 77);
    assert_true(cancel_is_set(&c));
    assert_fails(cancel_check(&c, &err), ERR_CANCELLED);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_int_equal(poll(&p, 1, 0), 1); /* every waiter sees it */
    assert_true(cancel_sleep(&c, 3600 * NS_PER_S));
    cancel_release(&c);
    cancel_release(&c);
}

static void sleep_lasts_as_long_as_it_should(void **state)
{
    (void)state;
    struct cancel c;
    cancel_init(&c);
    int64_t begin = clock_mono(clock_system());
    assert_false(cancel_sleep(&c, 20 * NS_PER_MS));
    assert_true(clock_mono(clock_system()) - begin >= 20 * NS_PER_MS);
    assert_false(cancel_sleep(&c, 0));
    assert_false(cancel_sleep(&c, -1));
    cancel_release(&c);
}

static void *set_soon(void *arg)
{
    clock_sleep(clock_system(), 30 * NS_PER_MS);
    cancel_set(arg);
    return NULL;
}

static void wakes_a_sleeper(struct cancel *c)
{
    pthread_t t;
    int64_t begin = clock_mono(clock_system());
    assert_int_equal(pthread_create(&t, NULL, set_soon, c), 0);
    assert_true(cancel_sleep(c, 60 * NS_PER_S));
    pthread_join(t, NULL);
    assert_true(clock_mono(clock_system()) - begin < 30 * NS_PER_S);
}

static void another_thread_wakes_a_sleeper(void **state)
{
    (void)state;
    struct cancel c;
    cancel_init(&c);
    wakes_a_sleeper(&c);
    cancel_release(&c);
}

static void works_without_a_descriptor(void **state)
{
    (void)state;
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = 0;
    struct cancel c;
    setrlimit(RLIMIT_NOFILE, &none);
    cancel_init(&c);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(c.fd, -1);
    wakes_a_sleeper(&c);
    cancel_release(&c);
}

static struct cancel from_signal;

static void handler(int sig)
{
    (void)sig;
    cancel_set(&from_signal);
}

static void a_signal_handler_may_set_it(void **state)
{
    (void)state;
    cancel_init(&from_signal);
    struct sigaction act = {.sa_handler = handler}, old;
    sigaction(SIGALRM, &act, &old);
    ualarm(20000, 0);
    assert_true(cancel_sleep(&from_signal, 60 * NS_PER_S));
    sigaction(SIGALRM, &old, NULL);
    cancel_release(&from_signal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_never_cancelled),          cmocka_unit_test(set_is_seen_and_stays),
        cmocka_unit_test(sleep_lasts_as_long_as_it_should), cmocka_unit_test(another_thread_wakes_a_sleeper),
        cmocka_unit_test(works_without_a_descriptor),       cmocka_unit_test(a_signal_handler_may_set_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
