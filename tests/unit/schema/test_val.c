/* Values: building, reading, comparing. */
#include "schema_test.h"

static void test_map_stays_sorted(void **state)
{
    struct world *w = *state;
    struct val *map = val_map(&w->arena);
    val_set_int(&w->arena, map, "b", 2);
    val_set_int(&w->arena, map, "c", 3);
    val_set_int(&w->arena, map, "a", 1);
    val_set_int(&w->arena, map, "b", 20);
    assert_string_equal(json_of(w, map), "{'a': 1, 'b': 20, 'c': 3}");
    val_map_del(map, "b");
    val_map_del(map, "not there");
    assert_string_equal(json_of(w, map), "{'a': 1, 'c': 3}");
    /* Bytewise order: capitals first, non-ASCII last. */
    val_set_bool(&w->arena, map, "\xc3\xa4", true);
    val_set_bool(&w->arena, map, "Z", false);
    assert_string_equal(json_of(w, map), "{'Z': false, 'a': 1, 'c': 3, '\xc3\xa4': true}");
}

struct twice {
    int count;
    int64_t gone, kept;
};

static void note_twice(void *arg, const struct val_pair *gone, const struct val_pair *kept)
{
    struct twice *twice = arg;
    twice->count++;
    twice->gone = gone->val->i;
    twice->kept = kept->val->i;
}

static void test_appended_map_is_sorted_once(void **state)
{
    struct world *w = *state;
    struct val *map = val_map(&w->arena);
    struct twice twice = {0};
    for (int i = 999; i >= 0; i--)
        val_map_append(&w->arena, map, arena_printf(&w->arena, "k%03d", i), val_int(&w->arena, i));
    val_map_append(&w->arena, map, "k500", val_int(&w->arena, -1));
    val_map_sort(map, note_twice, &twice);
    assert_int_equal(val_len(map), 1000);
    assert_string_equal(map->pairs[0].key, "k000");
    assert_int_equal(val_get_int(map, "k999", 0), 999);
    /* The one added last stays, and the callback gets both. */
    assert_int_equal(val_get_int(map, "k500", 0), -1);
    assert_int_equal(twice.count, 1);
    assert_int_equal(twice.gone, 500);
    assert_int_equal(twice.kept, -1);
}

static void test_set_helpers_leave_out_nothing_to_say(void **state)
{
    struct world *w = *state;
    struct val *map = val_map(&w->arena);
    val_set_str(&w->arena, map, "null", NULL);
    val_set_str(&w->arena, map, "empty", "");
    val_set_str(&w->arena, map, "text", "x");
    val_set_int(&w->arena, map, "zero", 0);
    val_set_bool(&w->arena, map, "no", false);
    assert_string_equal(json_of(w, map), "{'no': false, 'text': 'x', 'zero': 0}");
}

static void test_readers_take_anything(void **state)
{
    struct world *w = *state;
    const struct val *v = val_of(w, "{'a': {'b': {'c': 7, 's': 'x'}}, 'l': [1, 2], 't': true, 'a.b': 1}");
    assert_int_equal(val_path(v, "a.b.c")->i, 7);
    assert_null(val_path(v, "a.b.d"));
    assert_null(val_path(v, "a.b.c.d"));
    assert_null(val_path(v, "l.0"));
    assert_null(val_path(v, ""));
    assert_null(val_path(NULL, "a"));
    assert_null(val_get(NULL, "a"));
    assert_null(val_get(val_get(v, "l"), "a"));
    assert_string_equal(val_get_str(val_path(v, "a.b"), "s"), "x");
    assert_null(val_get_str(v, "t"));
    assert_int_equal(val_get_int(v, "t", 42), 42);
    assert_true(val_get_bool(v, "t", false));
    assert_true(val_get_bool(v, "l", true));
    assert_int_equal(val_len(val_get(v, "l")), 2);
    assert_int_equal(val_len(val_get(v, "t")), 0);
    assert_int_equal(val_len(NULL), 0);
}

/* P2: equal in meaning is equal, as are two spellings of the same number. */
static void test_equality(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    assert_true(val_equal(val_int(a, 3), val_float(a, 3.0)));
    assert_true(val_equal(val_float(a, -0.0), val_int(a, 0)));
    assert_false(val_equal(val_int(a, 3), val_float(a, 3.5)));
    assert_false(val_equal(val_int(a, INT64_MAX), val_float(a, 9223372036854775808.0)));
    assert_false(val_equal(val_int(a, (INT64_C(1) << 53) + 1), val_float(a, 9007199254740992.0)));
    assert_false(val_equal(val_int(a, 1), val_bool(a, true)));
    assert_false(val_equal(val_str(a, "1"), val_int(a, 1)));
    assert_false(val_equal(val_null(a), NULL));
    assert_true(val_equal(NULL, NULL));
    assert_true(val_equal(val_null(a), val_str(a, NULL)));
    assert_false(val_equal(val_strn(a, "a\0b", 3), val_strn(a, "a\0c", 3)));
    assert_true(val_equal(val_of(w, "{'a': [1, {'b': null}]}"), val_of(w, "{ 'a' : [1.0, {'b':null}] }")));
    assert_false(val_equal(val_of(w, "{'a': 1}"), val_of(w, "{'b': 1}")));
    assert_false(val_equal(val_of(w, "[1, 2]"), val_of(w, "[2, 1]")));
    assert_false(val_equal(val_of(w, "[1]"), val_of(w, "[1, 1]")));

    struct val *x = val_int(a, 1);
    struct val *y = val_int(a, 1);
    x->line = 7;
    x->flags = VAL_F_REPLACE;
    assert_true(val_equal(x, y));
}

static void test_places_end_at_the_last_one(void **state)
{
    struct world *w = *state;
    struct val *v = val_int(&w->arena, 1);
    val_place(v, 3, VAL_LINE_MAX, VAL_COL_MAX);
    assert_int_equal(v->line, VAL_LINE_MAX);
    assert_int_equal(v->col, VAL_COL_MAX);
    val_place(v, 3, VAL_LINE_MAX + 1, VAL_COL_MAX + 1);
    assert_int_equal(v->line, VAL_LINE_MAX);
    assert_int_equal(v->col, VAL_COL_MAX);
    val_place(v, UINT16_MAX, UINT32_MAX, UINT32_MAX);
    assert_int_equal(v->file, UINT16_MAX);
    assert_int_equal(v->line, VAL_LINE_MAX);
    assert_int_equal(v->col, VAL_COL_MAX);
}

static void test_equality_of_sets(void **state)
{
    struct world *w = *state;
    assert_true(val_equal_set(val_of(w, "['a', 'b']"), val_of(w, "['b', 'a']")));
    assert_true(val_equal_set(val_of(w, "['a', 'a', 'b']"), val_of(w, "['b', 'a']")));
    assert_false(val_equal_set(val_of(w, "['a']"), val_of(w, "['b', 'a']")));
    assert_false(val_equal_set(val_of(w, "['a', 'b']"), val_of(w, "['a']")));
    assert_true(val_equal_set(val_of(w, "[]"), val_of(w, "[]")));
    assert_false(val_equal_set(val_of(w, "[]"), NULL));
    assert_true(val_equal_set(NULL, NULL));
}

static void test_list_sort_makes_a_set(void **state)
{
    struct world *w = *state;
    struct val *list = val_of(w, "['b', 'a', 'B', 'b', 'a', '']");
    val_list_sort(list);
    assert_string_equal(json_of(w, list), "['', 'B', 'a', 'b']");
    struct val *mixed = val_of(w, "[3, 'x', 1, 3, true, 2.5]");
    val_list_sort(mixed);
    assert_string_equal(json_of(w, mixed), "[true, 1, 3, 2.5, 'x']");
    val_list_sort(NULL);
    val_list_sort(val_of(w, "[]"));
}

static void test_clone_shares_nothing(void **state)
{
    struct world *w = *state;
    struct arena other = ARENA_INIT;
    struct val *copy;
    {
        struct arena first = ARENA_INIT;
        struct val *v = val_map(&first);
        struct val *list = val_list(&first);
        struct val *secret = val_strn(&first, "a\0b", 3);
        secret->flags = VAL_F_SECRET;
        val_list_add(&first, list, secret);
        val_list_add(&first, list, val_int(&first, 5));
        val_map_set(&first, v, "list", list);
        v->line = 3;
        copy = val_clone(&other, v);
        arena_release(&first);
    }
    assert_int_equal(copy->line, 3);
    const struct val *list = val_get(copy, "list");
    assert_int_equal(list->items[0]->flags, VAL_F_SECRET);
    assert_int_equal(list->items[0]->len, 3);
    assert_memory_equal(list->items[0]->s, "a\0b", 4);
    val_map_set(&other, copy, "more", val_clone(&other, val_of(w, "{'a': [true]}")));
    assert_string_equal(json_of(w, val_get(copy, "more")), "{'a': [true]}");
    arena_release(&other);
}

static void test_map_copy_leaves_the_original(void **state)
{
    struct world *w = *state;
    struct val *v = val_of(w, "{'a': 1, 'b': 2}");
    struct val *copy = val_map_copy(&w->arena, v);
    val_map_del(copy, "a");
    val_set_int(&w->arena, copy, "c", 3);
    assert_string_equal(json_of(w, v), "{'a': 1, 'b': 2}");
    assert_string_equal(json_of(w, copy), "{'b': 2, 'c': 3}");
    assert_int_equal(val_len(val_map_copy(&w->arena, NULL)), 0);
}

static void test_strings_keep_their_bytes(void **state)
{
    struct world *w = *state;
    const struct val *v = val_strn(&w->arena, "a\0b", 3);
    assert_int_equal(v->len, 3);
    assert_memory_equal(v->s, "a\0b", 4);
    assert_string_equal(val_strf(&w->arena, "%d-%s", 7, "x")->s, "7-x");
    assert_string_equal(val_strn(&w->arena, "abc", 0)->s, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_map_stays_sorted),
        world_test(test_appended_map_is_sorted_once),
        world_test(test_set_helpers_leave_out_nothing_to_say),
        world_test(test_readers_take_anything),
        world_test(test_equality),
        world_test(test_places_end_at_the_last_one),
        world_test(test_equality_of_sets),
        world_test(test_list_sort_makes_a_set),
        world_test(test_clone_shares_nothing),
        world_test(test_map_copy_leaves_the_original),
        world_test(test_strings_keep_their_bytes),
    };
    return cmocka_run_group_tests_name("val", tests, NULL, NULL);
}
