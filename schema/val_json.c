/* Values as JSON, both ways (val.h). */
#include "schema/val.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/str.h"

static void json_escape(struct buf *out, unsigned char c)
{
    static const char names[] = "btn?fr"; /* 0x08 to 0x0d; 0x0b has no short name */
    if (c == '"' || c == '\\')
        buf_addf(out, "\\%c", c);
    else if (c >= 0x08 && c <= 0x0d && c != 0x0b)
        buf_addf(out, "\\%c", names[c - 0x08]);
    else
        buf_addf(out, "\\u%04x", c);
}

void val_json_str(const char *s, size_t n, struct buf *out)
{
    buf_addc(out, '"');
    size_t from = 0; /* start of the bytes that need no escape and are not written yet */
    size_t i = 0;
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        size_t len = c >= 0x80                                        ? str_utf8_char(s + i, n - i)
                     : c < 0x20 || c == '"' || c == '\\' || c == 0x7f ? 0
                                                                      : 1;
        if (len) {
            i += len;
            continue;
        }
        buf_add(out, s + from, i - from);
        if (c >= 0x80)
            buf_adds(out, "\xef\xbf\xbd");
        else
            json_escape(out, c);
        from = ++i;
    }
    buf_add(out, s + from, i - from);
    buf_addc(out, '"');
}

static void json_float(double f, struct buf *out)
{
    char text[32] = "null"; /* JSON has no infinity and no not-a-number */
    if (isfinite(f)) {
        /* The shortest spelling that reads back as the same number. */
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof(text), "%.*g", digits, f);
            if (strtod(text, NULL) == f)
                break;
        }
    }
    buf_adds(out, text);
}

struct json_style {
    int indent, level;
};

static void json_break(const struct json_style *style, int level, struct buf *out)
{
    if (style->indent > 0) {
        buf_addc(out, '\n');
        buf_addn(out, ' ', (size_t)(style->indent * level));
    }
}

static void json_val(const struct val *v, struct json_style style, struct buf *out);

static void json_items(const struct val *v, struct json_style style, struct buf *out)
{
    struct json_style inner = {style.indent, style.level + 1};
    bool map = v->type == VAL_MAP;
    buf_addc(out, map ? '{' : '[');
    for (size_t i = 0; i < v->len; i++) {
        if (i > 0)
            buf_adds(out, style.indent > 0 ? "," : ", ");
        json_break(&style, inner.level, out);
        if (map) {
            val_json_str(v->pairs[i].key, strlen(v->pairs[i].key), out);
            buf_adds(out, ": ");
        }
        json_val(map ? v->pairs[i].val : v->items[i], inner, out);
    }
    if (v->len > 0)
        json_break(&style, style.level, out);
    buf_addc(out, map ? '}' : ']');
}

static void json_val(const struct val *v, struct json_style style, struct buf *out)
{
    switch ((enum val_type)v->type) {
    case VAL_NULL:
        buf_adds(out, "null");
        break;
    case VAL_BOOL:
        buf_adds(out, v->b ? "true" : "false");
        break;
    case VAL_INT:
        buf_addf(out, "%lld", (long long)v->i);
        break;
    case VAL_FLOAT:
        json_float(v->f, out);
        break;
    case VAL_STR:
        if (v->flags & VAL_F_SECRET)
            buf_adds(out, "\"(secret)\"");
        else
            val_json_str(v->s, v->len, out);
        break;
    case VAL_LIST:
    case VAL_MAP:
        json_items(v, style, out);
        break;
    }
}

void val_json(const struct val *v, int indent, struct buf *out)
{
    if (!v)
        buf_adds(out, "null");
    else
        json_val(v, (struct json_style){.indent = indent}, out);
}

/* NULL when it is nested deeper than VAL_DEPTH_MAX. */
static struct val *from_json(struct arena *a, const json_t *json, unsigned depth)
{
    struct val *v;
    struct val *item;
    const char *key;
    const json_t *child;
    size_t i;

    if (depth > VAL_DEPTH_MAX)
        return NULL;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        v = val_map(a);
        /* jansson's iterators take a mutable object, but do not change it. */
        for (void *it = json_object_iter((json_t *)(uintptr_t)json); it;
             it = json_object_iter_next((json_t *)(uintptr_t)json, it)) {
            key = json_object_iter_key(it);
            item = from_json(a, json_object_iter_value(it), depth + 1);
            if (!item)
                return NULL;
            val_map_append(a, v, arena_strdup(a, key), item);
        }
        val_map_sort(v, NULL, NULL);
        return v;
    case JSON_ARRAY:
        v = val_list(a);
        json_array_foreach(json, i, child)
        {
            item = from_json(a, child, depth + 1);
            if (!item)
                return NULL;
            val_list_add(a, v, item);
        }
        return v;
    case JSON_STRING:
        return val_strn(a, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        return val_int(a, json_integer_value(json));
    case JSON_REAL:
        return val_float(a, json_real_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return val_bool(a, json_typeof(json) == JSON_TRUE);
    case JSON_NULL:
        break;
    }
    return val_null(a);
}

int val_from_json(struct arena *a, const char *text, size_t len, const char *name, struct val **ret,
                  struct err *err)
{
    json_error_t problem;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!json) {
        /* The text near the problem may be a secret: leave it out. */
        char *near = strstr(problem.text, " near '");
        if (near)
            *near = '\0';
        err_set(err, ERR_INVALID, "%s is not valid JSON: %s", name, problem.text);
        return err_at(err, name, problem.line > 0 ? (uint32_t)problem.line : 0,
                      problem.column > 0 ? (uint32_t)problem.column : 0);
    }
    struct val *v = from_json(a, json, 0);
    json_decref(json);
    if (!v)
        return err_set(err, ERR_LIMIT, "%s is nested deeper than %d levels", name, VAL_DEPTH_MAX);
    *ret = v;
    return 0;
}
