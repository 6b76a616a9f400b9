/* JSON to values and back: whole trees, and the readers shared by several fields. */
#include "providers/containers/wire.h"

#include "base/str.h"

const char *json_text(json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return str_empty(s) ? NULL : s;
}

int64_t json_int(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static json_t *json_of_map(const struct val *v)
{
    json_t *o = json_object();
    for (size_t i = 0; i < v->len; i++)
        json_object_set_new_nocheck(o, v->pairs[i].key, json_of(v->pairs[i].val));
    return o;
}

static json_t *json_of_list(const struct val *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->len; i++)
        json_array_append_new(list, json_of(v->items[i]));
    return list;
}

json_t *json_of(const struct val *v)
{
    switch (v ? v->type : VAL_NULL) {
    case VAL_BOOL:
        return json_boolean(v->b);
    case VAL_INT:
        return json_integer(v->i);
    case VAL_FLOAT:
        return json_real(v->f);
    case VAL_STR:
        return json_stringn_nocheck(v->s, v->len);
    case VAL_LIST:
        return json_of_list(v);
    case VAL_MAP:
        return json_of_map(v);
    default:
        return json_null();
    }
}

struct val *val_of(struct arena *a, json_t *j)
{
    const char *key;
    json_t *item;
    size_t i;
    struct val *v;
    switch (json_typeof(j)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return val_bool(a, json_is_true(j));
    case JSON_INTEGER:
        return val_int(a, json_integer_value(j));
    case JSON_REAL:
        return val_float(a, json_real_value(j));
    case JSON_STRING:
        return val_strn(a, json_string_value(j), json_string_length(j));
    case JSON_ARRAY:
        v = val_list(a);
        json_array_foreach(j, i, item) val_list_add(a, v, val_of(a, item));
        return v;
    case JSON_OBJECT:
        v = val_map(a);
        for (void *it = json_object_iter(j); it; it = json_object_iter_next(j, it)) {
            key = json_object_iter_key(it);
            val_map_set(a, v, key, val_of(a, json_object_iter_value(it)));
        }
        return v;
    default:
        return val_null(a);
    }
}

struct val *read_text(struct arena *a, json_t *j)
{
    const char *s = json_string_value(j);
    return str_empty(s) ? NULL : val_str(a, s);
}

struct val *read_true(struct arena *a, json_t *j)
{
    return json_is_true(j) ? val_bool(a, true) : NULL;
}

struct val *read_nonzero(struct arena *a, json_t *j)
{
    return json_integer_value(j) ? val_int(a, json_integer_value(j)) : NULL;
}

struct val *read_list(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *list = json_array_size(j) ? val_list(a) : NULL;
    json_array_foreach(j, i, item) if (json_is_string(item))
        val_list_add(a, list, val_str(a, json_string_value(item)));
    return list;
}

struct val *read_set(struct arena *a, json_t *j)
{
    struct val *list = read_list(a, j);
    if (list)
        val_list_sort(list);
    return list;
}

struct val *read_map(struct arena *a, json_t *j)
{
    struct val *map = json_object_size(j) ? val_map(a) : NULL;
    const char *key;
    json_t *item;
    json_object_foreach(j, key, item) if (json_is_string(item))
        val_map_set(a, map, key, val_str(a, json_string_value(item)));
    return map;
}
