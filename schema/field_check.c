/* Does a canonical value that was not read from YAML have the shape that its table describes (field.h)? */
#include <string.h>

#include "base/str.h"
#include "schema/field.h"

static int check_record(const struct field_table *t, const struct val *v, struct err *err);

static int wrong(const struct field *f, struct err *err)
{
    _cleanup_buf_ struct buf type = BUF_INIT;
    field_type_name(f, &type);
    return err_set(err, ERR_INVALID, "must be %s %s", strchr("aeiou", *buf_str(&type)) ? "an" : "a",
                   buf_str(&type));
}

static int check_int(const struct field *f, const struct val *v, struct err *err)
{
    if (v->type != VAL_INT)
        return wrong(f, err);
    if (f->max > f->min && (v->i < f->min || v->i > f->max) && v->i >= 0)
        return err_set(err, ERR_INVALID, "%lld is out of range", (long long)v->i);
    return 0;
}

static int check_enum(const struct field *f, const struct val *v, struct err *err)
{
    if (v->type != VAL_STR)
        return wrong(f, err);
    for (const char *const *choice = f->choices; *choice; choice++) {
        if (strcmp(*choice, v->s) == 0)
            return 0;
    }
    return err_set(err, ERR_INVALID, "\"%.64s\" is not one of the allowed values", v->s);
}

static int check_value(const struct field *f, const struct val *v, struct err *err);

static int check_list(const struct field *f, const struct val *v, struct err *err)
{
    if (v->type != VAL_LIST)
        return wrong(f, err);
    for (size_t i = 0; i < v->len; i++) {
        if (f->elem && check_value(f->elem, v->items[i], err) < 0)
            return err_wrap(err, "[%zu]", i);
        if (f->type == FT_COMMAND && v->items[i]->type != VAL_STR)
            return wrong(f, err);
    }
    return 0;
}

static int check_map(const struct field *f, const struct val *v, struct err *err)
{
    if (v->type != VAL_MAP)
        return wrong(f, err);
    for (size_t i = 0; i < v->len; i++) {
        const struct val *item = v->pairs[i].val;
        if (f->type == FT_MAP && check_value(f->elem, item, err) < 0)
            return err_wrap(err, "%.64s", v->pairs[i].key);
        /* The table describes only the written form of an item of a keyed list, so its content is not
           checked. */
        if (f->type == FT_KEYED && item->type != VAL_MAP && item->type != VAL_NULL)
            return wrong(f, err);
    }
    return 0;
}

static int check_value(const struct field *f, const struct val *v, struct err *err)
{
    if (v->type == VAL_NULL)
        return 0;
    switch (f->type) {
    case FT_STRING:
        return v->type == VAL_STR ? 0 : wrong(f, err);
    case FT_BOOL:
        return v->type == VAL_BOOL ? 0 : wrong(f, err);
    case FT_INT:
    case FT_CPUS:
    case FT_DURATION:
    case FT_SIZE:
    case FT_MODE:
        return check_int(f, v, err);
    case FT_FLOAT:
        return v->type == VAL_FLOAT || v->type == VAL_INT ? 0 : wrong(f, err);
    case FT_ENUM:
        return check_enum(f, v, err);
    case FT_LIST:
    case FT_COMMAND:
        return check_list(f, v, err);
    case FT_MAP:
    case FT_KEYED:
        return check_map(f, v, err);
    case FT_RECORD:
        return check_record(f->sub, v, err);
    case FT_ANY:
        break;
    }
    return 0;
}

static int check_record(const struct field_table *t, const struct val *v, struct err *err)
{
    if (v->type == VAL_NULL)
        return 0;
    if (v->type != VAL_MAP)
        return err_set(err, ERR_INVALID, "must be a mapping");
    for (size_t i = 0; i < v->len; i++) {
        const struct field *f = field_find(t, v->pairs[i].key);
        if (!f)
            return err_set(err, ERR_INVALID, "\"%.64s\" is not a known key", v->pairs[i].key);
        if (check_value(f, v->pairs[i].val, err) < 0)
            return err_wrap(err, "%s", f->name);
    }
    return 0;
}

int field_check(const struct field_table *t, const struct val *v, struct err *err)
{
    return check_record(t, v, err);
}
