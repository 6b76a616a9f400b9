#include "schema/diag.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "schema/val.h"

void diag_init(struct diag_list *d, struct arena *a)
{
    *d = (struct diag_list){.arena = a};
}

/* Messages quote user input and may be printed on a terminal: one line, no control characters. */
static const char *clean_text(struct arena *a, const char *fmt, va_list ap) _vprintf_(2);

static const char *clean_text(struct arena *a, const char *fmt, va_list ap)
{
    char *text = arena_vprintf(a, fmt, ap);
    str_clean(text);
    for (char *p = strpbrk(text, "\n\t"); p; p = strpbrk(p, "\n\t"))
        *p = ' ';
    return text;
}

struct diag *diag_add(struct diag_list *d, enum diag_level level, const char *file, uint32_t line,
                      uint32_t col, const char *fmt, ...)
{
    if (level == DIAG_ERROR)
        d->errors++;
    else
        d->warnings++;
    /* Not even formatted: input with a million problems must not make us allocate memory for them. */
    if (d->n >= LIMIT_DIAGNOSTICS) {
        d->scratch = (struct diag){.level = level, .msg = ""};
        return &d->scratch;
    }

    va_list ap;
    va_start(ap, fmt);
    const char *msg = clean_text(d->arena, fmt, ap);
    va_end(ap);
    struct diag diag = {.level = level, .file = file, .line = line, .col = col, .msg = msg};
    arena_push(d->arena, d->items, d->n, d->cap, diag);
    return &d->items[d->n - 1];
}

void diag_hint(struct diag_list *d, struct diag *diag, const char *fmt, ...)
{
    if (diag == &d->scratch)
        return;
    va_list ap;
    va_start(ap, fmt);
    diag->hint = clean_text(d->arena, fmt, ap);
    va_end(ap);
}

static int number_order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* A total order, so that the result does not depend on the order in which problems were found. */
static int diag_order(const void *a, const void *b)
{
    const struct diag *x = a;
    const struct diag *y = b;
    int order = strcmp(str_or(x->file, ""), str_or(y->file, ""));
    if (!order)
        order = number_order(x->line, y->line);
    if (!order)
        order = number_order(x->col, y->col);
    if (!order)
        order = number_order(x->level, y->level);
    if (!order)
        order = strcmp(x->msg, y->msg);
    return order ? order : strcmp(str_or(x->hint, ""), str_or(y->hint, ""));
}

void diag_sort(struct diag_list *d)
{
    if (d->n < 2)
        return;
    qsort(d->items, d->n, sizeof(*d->items), diag_order);
    size_t n = 1;
    for (size_t i = 1; i < d->n; i++) {
        if (diag_order(&d->items[i], &d->items[n - 1]) != 0)
            d->items[n++] = d->items[i];
        else if (d->items[i].level == DIAG_ERROR)
            d->errors--;
        else
            d->warnings--;
    }
    d->n = n;
}

struct colours {
    const char *error, *warning, *bold, *dim, *off;
};

static const struct colours with_colours = {
    .error = "\x1b[1;31m", .warning = "\x1b[1;33m", .bold = "\x1b[1m", .dim = "\x1b[2m", .off = "\x1b[0m"};
static const struct colours without_colours = {"", "", "", "", ""};

/* The text of line `line` of a file, without its end. NULL when there is no such line. */
static const char *source_line(const char *text, uint32_t line, size_t *ret_len)
{
    for (uint32_t i = 1; i < line; i++) {
        text = strchr(text, '\n');
        if (!text)
            return NULL;
        text++;
    }
    size_t len = strcspn(text, "\n");
    if (len > 0 && text[len - 1] == '\r')
        len--;
    *ret_len = len;
    return len ? text : NULL;
}

/* Which part of a long line is shown: enough before the caret to see what it points at. */
#define SHOWN_BEFORE 60
#define SHOWN_LEN    100

static size_t char_len(const char *s, size_t n)
{
    size_t len = str_utf8_char(s, n);
    return len ? len : 1;
}

static void print_source(const struct diag *diag, const char *text, const struct colours *c, struct buf *out)
{
    size_t len;
    const char *line = source_line(text, diag->line, &len);
    if (!line)
        return;

    /* Columns count characters. */
    uint32_t skip = diag->col > SHOWN_BEFORE ? diag->col - SHOWN_BEFORE : 0;
    size_t at = 0;
    for (uint32_t i = 0; i < skip && at < len; i++)
        at += char_len(line + at, len - at);

    int margin = snprintf(NULL, 0, "%u", diag->line);
    buf_addf(out, "%s%*u | %s", c->dim, margin + 2, diag->line, c->off);
    size_t caret = 0;
    uint32_t col = skip + 1;
    for (size_t shown = 0; at < len && shown < SHOWN_LEN; shown++, col++) {
        size_t n = char_len(line + at, len - at);
        unsigned char byte = (unsigned char)line[at];
        if (n > 1)
            buf_add(out, line + at, n);
        else
            /* A tab is shown one column wide. */
            buf_addc(out, byte < 0x20 || byte >= 0x7f ? ' ' : (char)byte);
        if (col == diag->col)
            caret = shown;
        at += n;
    }
    if (col == diag->col) /* just past the end */
        caret = (size_t)(col - skip - 1);
    buf_addf(out, "\n%s%*s | %s%*s%s^%s\n", c->dim, margin + 2, "", c->off, (int)caret, "", c->error, c->off);
}

static void print_place(const struct diag *diag, struct buf *out)
{
    if (!diag->file)
        return;
    buf_adds(out, diag->file);
    if (diag->line)
        buf_addf(out, ":%u", diag->line);
    if (diag->line && diag->col)
        buf_addf(out, ":%u", diag->col);
    buf_adds(out, ": ");
}

static bool same_text(const struct diag *a, const struct diag *b)
{
    return a->level == b->level && str_eq(a->msg, b->msg) && str_eq(a->hint, b->hint);
}

/* Other places with the same message, in order. */
#define ELSEWHERE_SHOWN 8

static void print_elsewhere(const struct diag_list *d, size_t first, struct buf *out)
{
    const struct diag *diag = &d->items[first];
    const char *file = diag->file;
    size_t n = 0;
    for (size_t i = first + 1; i < d->n; i++) {
        const struct diag *other = &d->items[i];
        if (!other->file || !same_text(diag, other) || n++ >= ELSEWHERE_SHOWN)
            continue;
        bool here = str_eq(file, other->file);
        buf_addf(out, "%s%s", n == 1 ? "  also at " : ", ", here ? "" : other->file);
        if (other->line)
            buf_addf(out, "%s%u:%u", here ? "" : ":", other->line, other->col);
        file = other->file;
    }
    if (n > ELSEWHERE_SHOWN)
        buf_addf(out, " and %zu more", n - ELSEWHERE_SHOWN);
    if (n)
        buf_addc(out, '\n');
}

/* Has this warning, or only its hint, been printed already for an earlier place? */
static bool is_repeated(const struct diag_list *d, size_t at, bool *ret_hint)
{
    const struct diag *diag = &d->items[at];
    *ret_hint = false;
    for (size_t i = 0; i < at && diag->level == DIAG_WARNING; i++) {
        const struct diag *other = &d->items[i];
        if (other->file && diag->file && same_text(other, diag))
            return true;
        *ret_hint |= other->level == DIAG_WARNING && diag->hint && str_eq(other->hint, diag->hint);
    }
    return false;
}

void diag_print(const struct diag_list *d, const char *(*source)(void *arg, const char *path), void *arg,
                bool colour, struct buf *out)
{
    const struct colours *c = colour ? &with_colours : &without_colours;
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *diag = &d->items[i];
        bool error = diag->level == DIAG_ERROR;
        bool said;
        if (is_repeated(d, i, &said))
            continue;
        buf_adds(out, c->bold);
        print_place(diag, out);
        buf_addf(out, "%s%s%s:%s %s\n", c->off, error ? c->error : c->warning, error ? "error" : "warning",
                 c->off, diag->msg);
        const char *text = source && diag->file && diag->line && diag->col ? source(arg, diag->file) : NULL;
        if (text)
            print_source(diag, text, c, out);
        if (!error && diag->file)
            print_elsewhere(d, i, out);
        if (diag->hint && !said)
            buf_addf(out, "  hint: %s\n", diag->hint);
    }
    size_t all = d->errors + d->warnings;
    if (all > d->n)
        buf_addf(out, "%zu more problems not shown\n", all - d->n);
}
