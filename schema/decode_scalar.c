/* Single values, read as the field's type says, without guessing (decode_internal.h). */
#include <math.h>
#include <regex.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "schema/decode_internal.h"
#include "schema/memo.h"

static void drop_pattern(void *value)
{
    regfree(value);
    free(value);
}

static void *make_pattern(const void *key)
{
    regex_t *regex = mem_new(regex_t);
    if (regcomp(regex, key, REG_EXTENDED | REG_NOSUB) != 0)
        abort(); /* a mistake in a table; a test compiles them all */
    return regex;
}

static bool matches(const char *pattern, const char *text)
{
    return regexec(memo_get(pattern, make_pattern, drop_pattern), text, 0, NULL, 0) == 0;
}

/* The text to show in a message; a secret is not shown. */
static const char *shown(const struct field *f, const struct ynode *n)
{
    return f->flags & FIELD_SECRET ? "(secret)" : n->text;
}

static bool has_range(const struct field *f)
{
    return f->max > f->min;
}

static struct val *read_string(struct decode *d, const struct field *f, const struct ynode *n)
{
    size_t max = has_range(f) ? (size_t)f->max : LIMIT_SCALAR_BYTES;
    if (n->len == 0 && !(f->flags & FIELD_EMPTY_OK))
        return decode_error(d, n, "must not be empty");
    if (n->len > max)
        return decode_error(d, n, "%zu bytes long; the maximum is %zu", n->len, max);
    if (has_range(f) && n->len < (size_t)f->min)
        return decode_error(d, n, "%zu bytes long; the minimum is %lld", n->len, (long long)f->min);
    if (f->pattern && n->len > 0 && !matches(f->pattern, n->text)) {
        const char *hint = f->example ? arena_printf(d->diags->arena, "for example: %s", f->example) : NULL;
        return decode_error_hint(d, n, hint, "\"%.64s\" is invalid: expected %s", shown(f, n),
                                 str_or(f->pattern_doc, "another format"));
    }
    struct val *v = val_strn(d->arena, n->text, n->len);
    if (f->flags & FIELD_SECRET)
        v->flags |= VAL_F_SECRET;
    return v;
}

static struct val *read_enum(struct decode *d, const struct field *f, const struct ynode *n)
{
    size_t count = 0;
    for (; f->choices[count]; count++) {
        if (strcmp(f->choices[count], n->text) == 0)
            return val_str_borrow(d->arena, f->choices[count], n->len);
    }
    const char *near = str_nearest(n->text, f->choices, count);
    _cleanup_buf_ struct buf names = BUF_INIT;
    for (size_t i = 0; i < count; i++)
        buf_addf(&names, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", f->choices[i]);
    const char *hint = near ? arena_printf(d->diags->arena, "did you mean \"%s\"?", near) : NULL;
    return decode_error_hint(d, n, hint, "\"%.64s\" is not one of %s", n->text, buf_str(&names));
}

/* An integer with a unit, checked against the field's range; the message gives the bounds as people write
   them. */
static struct val *ranged(struct decode *d, const struct field *f, const struct ynode *n, int64_t i,
                          void (*format)(int64_t value, struct buf *out))
{
    if (!has_range(f) || (i >= f->min && i <= f->max))
        return val_int(d->arena, i);
    _cleanup_buf_ struct buf bound = BUF_INIT;
    format(i < f->min ? f->min : f->max, &bound);
    return decode_error(d, n, "%.64s is too %s; the %s is %s", n->text, i < f->min ? "small" : "large",
                        i < f->min ? "minimum" : "maximum", buf_str(&bound));
}

static struct val *read_number(struct decode *d, const struct field *f, const struct ynode *n,
                               struct err *err)
{
    int64_t i = 0;
    double x = 0;
    bool ranged_field = has_range(f);
    if (f->type == FT_INT)
        return parse_int(n->text, ranged_field ? f->min : INT64_MIN, ranged_field ? f->max : INT64_MAX, &i,
                         err) < 0
                   ? NULL
                   : val_int(d->arena, i);
    double least = ranged_field ? (double)f->min : -HUGE_VAL;
    double most = ranged_field ? (double)f->max : HUGE_VAL;
    return parse_float(n->text, least, most, &x, err) < 0 ? NULL : val_float(d->arena, x);
}

/* A fraction of processors as nanocpus, the unit of the engines. */
static struct val *read_cpus(struct decode *d, const struct ynode *n, struct err *err)
{
    double cpus;
    if (parse_float(n->text, 0, 1e6, &cpus, err) < 0)
        return NULL;
    return val_int(d->arena, (int64_t)(cpus * 1e9 + 0.5));
}

static struct val *read_bool(struct decode *d, const struct ynode *n, struct err *err)
{
    bool b;
    return parse_bool(n->text, &b, err) < 0 ? NULL : val_bool(d->arena, b);
}

static struct val *read_mode(struct decode *d, const struct ynode *n, struct err *err)
{
    int64_t mode;
    return parse_mode(n->text, &mode, err) < 0 ? NULL : val_int(d->arena, mode);
}

struct val *decode_scalar(struct decode *d, const struct field *f, const struct ynode *n)
{
    struct val *v = NULL;
    struct err err = {0};
    int64_t i;
    if (n->type != YN_SCALAR)
        return decode_wrong_type(d, f, n);
    switch (f->type) {
    case FT_STRING:
        return read_string(d, f, n);
    case FT_ENUM:
        return read_enum(d, f, n);
    case FT_DURATION:
        if (parse_duration(n->text, &i, &err) == 0)
            return ranged(d, f, n, i, format_duration);
        break;
    case FT_SIZE:
        if (parse_size(n->text, &i, &err) == 0)
            return ranged(d, f, n, i, format_size);
        break;
    case FT_BOOL:
        v = read_bool(d, n, &err);
        break;
    case FT_CPUS:
        v = read_cpus(d, n, &err);
        break;
    case FT_MODE:
        v = read_mode(d, n, &err);
        break;
    default:
        v = read_number(d, f, n, &err);
        break;
    }
    return v ? v : decode_error_hint(d, n, err.hint, "%s", err.msg);
}
