#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "tests/lib/unit.h"

static atomic_int count;

static void add_one(void *arg)
{
    (void)arg;
    atomic_fetch_add(&count, 1);
}

static void every_job_runs_once(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 1, 2, 7, 64, 1000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct pool *p = pool_new(sizes[i]);
        atomic_store(&count, 0);
        for (int j = 0; j < 5000; j++)
            pool_submit(p, add_one, NULL);
        pool_drain(p);
        assert_int_equal(atomic_load(&count), 5000);
        for (int j = 0; j < 100; j++)
            pool_submit(p, add_one, NULL);
        pool_free(p); /* waits as well */
        assert_int_equal(atomic_load(&count), 5100);
    }
    pool_free(pool_new(4)); /* no thread was ever started */
    pool_free(NULL);
    struct pool *p = pool_new(2);
    pool_drain(p);
    pool_free(p);
}

struct order {
    int next, n;
    int seen[1000];
};

static void note(void *arg)
{
    struct order *o = arg;
    o->seen[o->n++] = o->next++;
}

static void one_thread_keeps_the_order(void **state)
{
    (void)state;
    struct order o = {0};
    struct pool *p = pool_new(1);
    for (int i = 0; i < 1000; i++)
        pool_submit(p, note, &o);
    pool_free(p);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(o.seen[i], i);
}

struct tree {
    struct pool *pool;
    int depth;
};

static struct tree levels[12];

/* Each job submits two, to a depth of 11: 4095 jobs. */
static void branch(void *arg)
{
    struct tree *t = arg;
    atomic_fetch_add(&count, 1);
    if (t->depth == 0)
        return;
    pool_submit(t->pool, branch, t - 1);
    pool_submit(t->pool, branch, t - 1);
}

static void jobs_submit_jobs(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct pool *p = pool_new(4);
        atomic_store(&count, 0);
        for (int i = 0; i < 12; i++)
            levels[i] = (struct tree){p, i};
        pool_submit(p, branch, &levels[11]);
        if (round % 2)
            pool_drain(p);
        pool_free(p);
        assert_int_equal(atomic_load(&count), 4095);
    }
}

struct barrier {
    pthread_barrier_t b;
};

static void meet(void *arg)
{
    struct barrier *b = arg;
    pthread_barrier_wait(&b->b);
}

/* Jobs that all wait for each other, one per thread, end only if each of them has its own thread. */
static void jobs_run_at_the_same_time(void **state)
{
    (void)state;
    struct barrier b;
    struct pool *p = pool_new(8);
    for (int round = 0; round < 20; round++) {
        pthread_barrier_init(&b.b, NULL, 8);
        for (int i = 0; i < 8; i++)
            pool_submit(p, meet, &b);
        pool_drain(p);
        pthread_barrier_destroy(&b.b);
    }
    pool_free(p);
}

static atomic_int hits[10000];

static void hit(void *arg, size_t i)
{
    assert_ptr_equal(arg, hits);
    atomic_fetch_add(&hits[i], 1);
}

static void each_takes_every_index_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 100, 10000};
    struct pool *p = pool_new(4);
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        memset(hits, 0, sizeof(hits));
        pool_each(p, sizes[k], hit, hits);
        for (size_t i = 0; i < ARRAY_LEN(hits); i++)
            assert_int_equal(atomic_load(&hits[i]), i < sizes[k]);
    }
    for (int i = 0; i < 2000; i++) /* late helpers must find no work, and not freed memory */
        pool_each(p, 3, hit, hits);
    pool_free(p);
}

static void nested(void *arg, size_t i)
{
    (void)i;
    pool_each(arg, 50, hit, hits);
}

/* More loops inside jobs than threads: no loop waits for a helper that is never free. */
static void loops_within_loops_end(void **state)
{
    (void)state;
    memset(hits, 0, sizeof(hits));
    struct pool *p = pool_new(2);
    pool_each(p, 40, nested, p);
    assert_int_equal(atomic_load(&hits[49]), 40);
    pool_free(p);
}

static void send_signals_elsewhere(void *arg)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    *(bool *)arg = sigismember(&now, SIGTERM) && sigismember(&now, SIGINT) && sigismember(&now, SIGCHLD);
}

static void workers_get_no_signals(void **state)
{
    (void)state;
    bool blocked = false;
    sigset_t now;
    struct pool *p = pool_new(1);
    pool_submit(p, send_signals_elsewhere, &blocked);
    pool_free(p);
    assert_true(blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    assert_false(sigismember(&now, SIGTERM)); /* the caller's mask is unchanged */
}

static void *submit_many(void *arg)
{
    for (int i = 0; i < 2000; i++)
        pool_submit(arg, add_one, NULL);
    return NULL;
}

static void many_threads_submit(void **state)
{
    (void)state;
    pthread_t t[6];
    struct pool *p = pool_new(3);
    atomic_store(&count, 0);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&t[i], NULL, submit_many, p), 0);
    for (size_t i = 0; i < 6; i++)
        pthread_join(t[i], NULL);
    pool_drain(p);
    assert_int_equal(atomic_load(&count), 12000);
    pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(one_thread_keeps_the_order),
        cmocka_unit_test(jobs_submit_jobs),
        cmocka_unit_test(jobs_run_at_the_same_time),
        cmocka_unit_test(each_takes_every_index_once),
        cmocka_unit_test(loops_within_loops_end),
        cmocka_unit_test(workers_get_no_signals),
        cmocka_unit_test(many_threads_submit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
