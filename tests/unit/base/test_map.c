#include "base/map.h"

#include <string.h>

#include "tests/lib/unit.h"

static int values[20000];
static char keys[20000][16];

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        snprintf(keys[i], sizeof(keys[i]), "key-%zu", i);
    return 0;
}

static void empty(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    size_t it = 0;
    assert_null(map_get(&m, "x"));
    assert_false(map_del(&m, "x"));
    assert_null(map_next(&m, &it));
    map_clear(&m);
    map_release(&m);
    map_release(&m);
    map_release(NULL);
}

static void put_get_replace_delete(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    char a[] = "same", b[] = "same";
    map_put(&m, a, &values[1]);
    map_put(&m, "", &values[2]);
    assert_ptr_equal(map_get(&m, b), &values[1]);
    assert_ptr_equal(map_get(&m, ""), &values[2]);
    assert_null(map_get(&m, "Same"));
    map_put(&m, b, &values[3]);
    assert_int_equal(m.n, 2);
    assert_ptr_equal(map_get(&m, a), &values[3]);
    size_t it = 0, seen = 0;
    const struct map_slot *s;
    while ((s = map_next(&m, &it)))
        seen += s->key == a; /* the first key stays the borrowed one */
    assert_int_equal(seen, 1);
    assert_true(map_del(&m, "same"));
    assert_false(map_del(&m, "same"));
    assert_null(map_get(&m, "same"));
    assert_int_equal(m.n, 1);
    assert_true(map_del(&m, ""));
    assert_null(map_get(&m, ""));
    map_release(&m);
}

static void many(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        map_put(&m, keys[i], &values[i]);
    assert_int_equal(m.n, ARRAY_LEN(keys));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_ptr_equal(map_get(&m, keys[i]), &values[i]);
    size_t it = 0, n = 0;
    const struct map_slot *s;
    while ((s = map_next(&m, &it))) {
        size_t i = (size_t)((int *)s->value - values);
        assert_string_equal(s->key, keys[i]);
        values[i]++;
        n++;
    }
    assert_int_equal(n, ARRAY_LEN(keys));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_int_equal(values[i], 1);
    map_clear(&m);
    assert_int_equal(m.n, 0);
    assert_null(map_get(&m, keys[5]));
    map_put(&m, keys[5], &values[5]);
    assert_ptr_equal(map_get(&m, keys[5]), &values[5]);
    map_release(&m);
}

/* Compared with a plain array. */
static void random_operations(void **state)
{
    (void)state;
    enum { N = 300 };
    struct map m = MAP_INIT;
    void *truth[N] = {0};
    unsigned seed = 42;
    for (int step = 0; step < 200000; step++) {
        seed = seed * 1103515245 + 12345;
        size_t i = seed / 65536 % N;
        if (seed / 7 % 3) {
            truth[i] = &values[step % 1000];
            map_put(&m, keys[i], truth[i]);
        } else {
            assert_int_equal(map_del(&m, keys[i]), truth[i] != NULL);
            truth[i] = NULL;
        }
    }
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        assert_ptr_equal(map_get(&m, keys[i]), truth[i]);
        n += truth[i] != NULL;
    }
    assert_int_equal(m.n, n);
    map_release(&m);
}

static void deletions_do_not_make_it_grow(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        map_put(&m, keys[i], &values[i]);
        map_del(&m, keys[i]);
    }
    assert_int_equal(m.n, 0);
    assert_true(m.cap <= 64);
    map_release(&m);
}

static void deleting_while_iterating(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    for (size_t i = 0; i < 1000; i++)
        map_put(&m, keys[i], &values[i]);
    size_t it = 0, n = 0;
    const struct map_slot *s;
    for (; (s = map_next(&m, &it)); n++)
        assert_true(map_del(&m, s->key));
    assert_int_equal(n, 1000);
    assert_int_equal(m.n, 0);
    map_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(put_get_replace_delete),
        cmocka_unit_test(many),
        cmocka_unit_test(random_operations),
        cmocka_unit_test(deletions_do_not_make_it_grow),
        cmocka_unit_test(deleting_while_iterating),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
