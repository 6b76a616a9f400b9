/* Values that are computed once per constant: the same for all threads. */
#include "schema_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "schema/memo.h"

enum { KEYS = 500, THREADS = 4 };

static const char keys[KEYS];
static atomic_int made, dropped;

static void *make(const void *key)
{
    const void **value = mem_new(const void *);
    *value = key;
    atomic_fetch_add(&made, 1);
    return value;
}

static void drop(void *value)
{
    atomic_fetch_add(&dropped, 1);
    free(value);
}

static void *get_all(void *arg)
{
    void **values = arg;
    for (size_t i = 0; i < KEYS; i++)
        values[i] = memo_get(&keys[i], make, drop);
    return NULL;
}

static void test_threads_see_one_value(void **state)
{
    (void)state;
    static void *values[THREADS][KEYS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_all, values[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t k = 0; k < KEYS; k++) {
        assert_ptr_equal(*(const void **)values[0][k], &keys[k]);
        for (size_t i = 1; i < THREADS; i++)
            assert_ptr_equal(values[i][k], values[0][k]);
    }
    /* Values that lost the race were freed. */
    assert_int_equal(made - dropped, KEYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_see_one_value),
    };
    return cmocka_run_group_tests_name("memo", tests, NULL, NULL);
}
