/* Equality of value trees (val.h). */
#include "schema/val.h"

#include <string.h>

static bool number_equal(const struct val *a, const struct val *b)
{
    if (a->type == b->type)
        return a->type == VAL_INT ? a->i == b->i : a->f == b->f;
    const struct val *whole = a->type == VAL_INT ? a : b;
    const struct val *real = a->type == VAL_INT ? b : a;
    /* Compared as integers: a double cannot tell neighbours above 2^53 apart. The bounds are exact powers of
     * two. */
    if (!(real->f >= -9223372036854775808.0 && real->f < 9223372036854775808.0))
        return false;
    int64_t i = (int64_t)real->f;
    return (double)i == real->f && i == whole->i;
}

static bool list_equal(const struct val *a, const struct val *b)
{
    for (size_t i = 0; i < a->len; i++) {
        if (!val_equal(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static bool map_equal(const struct val *a, const struct val *b)
{
    for (size_t i = 0; i < a->len; i++) {
        if (strcmp(a->pairs[i].key, b->pairs[i].key) != 0 || !val_equal(a->pairs[i].val, b->pairs[i].val))
            return false;
    }
    return true;
}

static bool is_number(const struct val *v)
{
    return v->type == VAL_INT || v->type == VAL_FLOAT;
}

bool val_equal(const struct val *a, const struct val *b)
{
    if (!a || !b)
        return a == b;
    if (is_number(a) && is_number(b))
        return number_equal(a, b);
    if (a->type != b->type)
        return false;
    switch ((enum val_type)a->type) {
    case VAL_NULL:
        return true;
    case VAL_BOOL:
        return a->b == b->b;
    case VAL_STR:
        return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
    case VAL_LIST:
        return a->len == b->len && list_equal(a, b);
    case VAL_MAP:
        return a->len == b->len && map_equal(a, b);
    case VAL_INT:
    case VAL_FLOAT:
        break;
    }
    return false;
}

static bool list_has(const struct val *list, const struct val *item)
{
    for (size_t i = 0; i < list->len; i++) {
        if (val_equal(list->items[i], item))
            return true;
    }
    return false;
}

static bool list_covers(const struct val *list, const struct val *others)
{
    for (size_t i = 0; i < others->len; i++) {
        if (!list_has(list, others->items[i]))
            return false;
    }
    return true;
}

bool val_equal_set(const struct val *a, const struct val *b)
{
    if (!val_is(a, VAL_LIST) || !val_is(b, VAL_LIST))
        return val_equal(a, b);
    /* Sorted lists, the usual case, compare in one pass. */
    if (a->len == b->len && list_equal(a, b))
        return true;
    return list_covers(a, b) && list_covers(b, a);
}
