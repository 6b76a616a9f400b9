/* Values for people, on one line (val.h). */
#include "schema/val.h"

#include <math.h>
#include <string.h>

static const char ellipsis[] = "\xe2\x80\xa6";

void val_print_cut(struct buf *out, size_t start, size_t max)
{
    if (out->len - start <= max)
        return;
    size_t end = start + (max > sizeof(ellipsis) - 1 ? max - (sizeof(ellipsis) - 1) : 0);
    while (end > start && ((unsigned char)out->data[end] & 0xc0) == 0x80)
        end--;
    buf_truncate(out, end);
    if (max >= sizeof(ellipsis) - 1)
        buf_adds(out, ellipsis);
}

/* Bare only where no reader could take it for several values, or for a quoted string. */
static bool is_plain(const char *s, size_t n)
{
    if (n == 0 || s[0] == ' ' || s[n - 1] == ' ' || (n == 8 && memcmp(s, "(secret)", 8) == 0))
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f || strchr("\"'{}[],\\", c))
            return false;
        if (c == ':' && (i + 1 == n || s[i + 1] == ' '))
            return false;
    }
    return true;
}

void val_print_str(const char *s, size_t n, size_t max, struct buf *out)
{
    /* The caller truncates it anyway: one byte more than fits is enough for that. */
    size_t looked = n > max ? max + 1 : n;
    if (is_plain(s, looked)) {
        buf_add(out, s, looked);
        return;
    }
    buf_addc(out, '"');
    for (size_t i = 0; i < looked; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c == '\n')
            buf_adds(out, "\\n");
        else if (c == '\t')
            buf_adds(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            buf_addf(out, "\\x%02x", c);
        else
            buf_addc(out, (char)c);
    }
    buf_addc(out, '"');
}

static void print_list(const struct val *v, size_t start, size_t max, struct buf *out);
static void print_map(const struct val *v, size_t start, size_t max, struct buf *out);

static void print_val(const struct val *v, size_t start, size_t max, struct buf *out)
{
    switch ((enum val_type)v->type) {
    case VAL_NULL:
        buf_adds(out, "null");
        break;
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
        val_json(v, 0, out);
        break;
    case VAL_STR:
        if (v->flags & VAL_F_SECRET)
            buf_adds(out, "(secret)");
        else
            val_print_str(v->s, v->len, max, out);
        break;
    case VAL_LIST:
        print_list(v, start, max, out);
        break;
    case VAL_MAP:
        print_map(v, start, max, out);
        break;
    }
}

static void print_list(const struct val *v, size_t start, size_t max, struct buf *out)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < v->len && out->len - start <= max; i++) {
        if (i > 0)
            buf_adds(out, ", ");
        print_val(v->items[i], start, max, out);
    }
    buf_addc(out, ']');
}

static void print_map(const struct val *v, size_t start, size_t max, struct buf *out)
{
    buf_addc(out, '{');
    for (size_t i = 0; i < v->len && out->len - start <= max; i++) {
        if (i > 0)
            buf_adds(out, ", ");
        val_print_str(v->pairs[i].key, strlen(v->pairs[i].key), max, out);
        buf_adds(out, ": ");
        print_val(v->pairs[i].val, start, max, out);
    }
    buf_addc(out, '}');
}

void val_print(const struct val *v, size_t max, struct buf *out)
{
    size_t start = out->len;
    if (v)
        print_val(v, start, max, out);
    val_print_cut(out, start, max);
}
