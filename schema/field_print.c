/* Canonical values as a person writes them, by their field's type (field.h). */
#include <string.h>

#include "base/parse.h"
#include "schema/field.h"

struct printer {
    struct buf *out;
    size_t start, max;
};

static bool is_full(const struct printer *p)
{
    return p->out->len - p->start > p->max;
}

/* Nanocpus as a decimal fraction without trailing zeros. */
static void print_cpus(int64_t nano, struct buf *out)
{
    char fraction[16];
    buf_addf(out, "%lld", (long long)(nano / 1000000000));
    snprintf(fraction, sizeof(fraction), "%09lld", (long long)(nano % 1000000000));
    size_t n = strlen(fraction);
    while (n > 0 && fraction[n - 1] == '0')
        n--;
    if (n > 0)
        buf_addf(out, ".%.*s", (int)n, fraction);
}

/* An integer in the unit of its field. Negative ones are not amounts ("unlimited") and stay plain numbers. */
static void print_int(const struct field *f, int64_t i, struct buf *out)
{
    enum field_type type = f && i >= 0 ? f->type : FT_INT;
    if (type == FT_SIZE)
        format_size(i, out);
    else if (type == FT_DURATION)
        format_duration(i, out);
    else if (type == FT_CPUS)
        print_cpus(i, out);
    else if (type == FT_MODE)
        buf_addf(out, "0%llo", (unsigned long long)i);
    else
        buf_addf(out, "%lld", (long long)i);
}

static void print_value(struct printer *p, const struct field *f, const struct field_table *t,
                        const struct val *v);

static void print_list(struct printer *p, const struct field *f, const struct val *v)
{
    buf_addc(p->out, '[');
    for (size_t i = 0; i < v->len && !is_full(p); i++) {
        if (i > 0)
            buf_adds(p->out, ", ");
        print_value(p, f ? f->elem : NULL, NULL, v->items[i]);
    }
    buf_addc(p->out, ']');
}

/* t: the table of a record, NULL for a map of `f`. */
static void print_map(struct printer *p, const struct field *f, const struct field_table *t,
                      const struct val *v)
{
    buf_addc(p->out, '{');
    for (size_t i = 0; i < v->len && !is_full(p); i++) {
        const char *key = v->pairs[i].key;
        if (i > 0)
            buf_adds(p->out, ", ");
        val_print_str(key, strlen(key), p->max, p->out);
        buf_adds(p->out, ": ");
        if (t)
            print_value(p, field_find(t, key), NULL, v->pairs[i].val);
        else
            print_value(p, f ? f->elem : NULL, f ? f->sub : NULL, v->pairs[i].val);
    }
    buf_addc(p->out, '}');
}

/* f: the field of the value, NULL if it has none. t: its table, for an item of a keyed list, which has no
   field. */
static void print_value(struct printer *p, const struct field *f, const struct field_table *t,
                        const struct val *v)
{
    if (f && f->type == FT_RECORD)
        t = f->sub;
    if (v->type == VAL_INT)
        print_int(f, v->i, p->out);
    else if (v->type == VAL_LIST)
        print_list(p, f, v);
    else if (v->type == VAL_MAP)
        print_map(p, f, t, v);
    else if (v->type == VAL_STR && f && f->flags & FIELD_SECRET)
        buf_adds(p->out, "(secret)");
    else
        val_print(v, p->max, p->out);
}

void field_print(const struct field *f, const struct val *v, size_t max, struct buf *out)
{
    struct printer p = {.out = out, .start = out->len, .max = max};
    if (v)
        print_value(&p, f, NULL, v);
    val_print_cut(out, p.start, max);
}
