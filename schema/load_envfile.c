#include "schema/load_envfile.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

struct reader {
    struct arena *arena;
    const char *file;
    const char *p, *end;
    uint32_t line;
    const struct interp *outer;
    struct diag_list *diags;
    uint16_t index;
    struct val *into;
};

static void problem(const struct reader *r, uint32_t line, const char *hint, const char *fmt, ...)
    _printf_(4, 5);
static void problem(const struct reader *r, uint32_t line, const char *hint, const char *fmt, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_addv(&text, fmt, ap);
    va_end(ap);
    struct diag *diag = diag_add(r->diags, DIAG_ERROR, r->file, line, 1, "%s", buf_str(&text));
    if (!str_empty(hint))
        diag_hint(r->diags, diag, "%s", hint);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct reader *r)
{
    while (r->p < r->end && is_blank(*r->p))
        r->p++;
}

static const char *line_end(const struct reader *r)
{
    const char *newline = r->p < r->end ? memchr(r->p, '\n', (size_t)(r->end - r->p)) : NULL;
    return newline ? newline : r->end;
}

static void next_line(struct reader *r)
{
    r->p = line_end(r);
    if (r->p < r->end)
        r->p++;
    r->line++;
}

static int lookup(void *arg, const char *name, const char **ret, struct err *err)
{
    const struct reader *r = arg;
    *ret = val_get_str(r->into, name);
    if (*ret)
        return 0;
    return r->outer->lookup(r->outer->arg, name, ret, err);
}

static void unset(void *arg, const char *name)
{
    const struct reader *r = arg;
    struct diag *diag = diag_add(r->diags, DIAG_WARNING, r->file, r->line, 1,
                                 "the variable %s is not set and defaults to \"\"", name);
    diag_hint(r->diags, diag, "put the value in single quotes for a literal dollar sign");
}

static void set(struct reader *r, const char *name, uint32_t line, const char *text, size_t len)
{
    if (r->into->len == LIMIT_ENV_VARIABLES && !val_get(r->into, name)) {
        problem(r, line, NULL, "more than %u variables in env files", LIMIT_ENV_VARIABLES);
        r->p = r->end;
        return;
    }
    struct val *v = val_strn(r->arena, text, len);
    val_place(v, r->index, line, 1);
    val_map_set(r->arena, r->into, name, v);
}

static void set_resolved(struct reader *r, const char *name, uint32_t line, const char *text, size_t len)
{
    const char *value;
    size_t value_len;
    struct err err = {0};
    struct interp in = {.arena = r->arena,
                        .arg = r,
                        .lookup = lookup,
                        .budget = r->outer->budget,
                        .bare = r->outer->bare,
                        .unset = r->outer->unset ? unset : NULL};
    if (interp_text(&in, text, len, &value, &value_len, &err) < 0)
        problem(r, line, str_eq(err.hint, "") ? NULL : err.hint, "%s: %s", name, err.msg);
    else
        set(r, name, line, value, value_len);
}

/* After a closing quote only a comment may follow. */
static void end_quoted(struct reader *r, const char *name, uint32_t line)
{
    const char *end = line_end(r);
    skip_blanks(r);
    if (r->p < end && *r->p != '#')
        problem(r, line, "put the whole value inside the quotes", "%s: text after the closing quote", name);
    next_line(r);
}

/* The text up to the closing quote, with escapes resolved; false when there is no closing quote. A literal
   dollar is written as two, which resolving references turns back into one. */
static bool read_quoted(struct reader *r, char quote, struct buf *out)
{
    for (r->p++; r->p < r->end; r->p++) {
        char c = *r->p;
        if (c == quote) {
            r->p++;
            return true;
        }
        if (c == '\n')
            r->line++;
        if (c != '\\' || r->p + 1 == r->end) {
            buf_addc(out, c);
            continue;
        }
        char escaped = r->p[1];
        static const char from[] = "nrt\\\"", to[] = "\n\r\t\\\"";
        const char *at = escaped ? strchr(from, escaped) : NULL;
        if (quote == '\'' ? escaped == '\'' : at != NULL)
            buf_addc(out, quote == '\'' ? '\'' : to[at - from]);
        else if (quote == '"' && escaped == '$')
            buf_adds(out, "$$");
        else {
            buf_addc(out, c);
            continue; /* the character after it is handled on its own */
        }
        r->p++;
    }
    return false;
}

static void read_value(struct reader *r, const char *name)
{
    uint32_t line = r->line;
    skip_blanks(r);
    char quote = r->p < r->end ? *r->p : '\0';
    if (quote == '"' || quote == '\'') {
        _cleanup_buf_ struct buf text = BUF_INIT;
        buf_init(&text, LIMIT_SCALAR_BYTES);
        if (!read_quoted(r, quote, &text)) {
            problem(r, line, NULL, "%s: missing closing quote", name);
            return;
        }
        if (text.overflow)
            problem(r, line, NULL, "%s: the value is longer than %u bytes", name, LIMIT_SCALAR_BYTES);
        else if (quote == '"')
            set_resolved(r, name, line, buf_str(&text), text.len);
        else
            set(r, name, line, buf_str(&text), text.len);
        end_quoted(r, name, line);
        return;
    }
    const char *start = r->p;
    const char *end = line_end(r);
    for (const char *p = start; p < end; p++)
        if (*p == '#' && (p == start || is_blank(p[-1]))) {
            end = p;
            break;
        }
    while (end > start && is_blank(end[-1]))
        end--;
    set_resolved(r, name, line, start, (size_t)(end - start));
    next_line(r);
}

/* A name alone: as in Compose, the value that it has outside, or null. */
static void inherit(struct reader *r, const char *name)
{
    const char *value;
    struct err ignored = {0};
    if (r->outer->lookup(r->outer->arg, name, &value, &ignored) == 0) {
        set(r, name, r->line, value, strlen(value));
    } else if (!val_get(r->into, name)) {
        struct val *none = val_null(r->arena);
        val_place(none, r->index, r->line, 1);
        val_map_set(r->arena, r->into, name, none);
    }
}

static void read_line(struct reader *r, bool raw)
{
    skip_blanks(r);
    const char *end = line_end(r);
    if (r->p == end || *r->p == '#') {
        next_line(r);
        return;
    }
    if (end - r->p > 7 && memcmp(r->p, "export ", 7) == 0) {
        r->p += 7;
        skip_blanks(r);
    }
    const char *equals = r->p < end ? memchr(r->p, '=', (size_t)(end - r->p)) : NULL;
    /* Compose accepts "NAME: value" too, whichever separator comes first; the raw format is Docker's own,
       with "=". */
    const char *colon =
        r->p < end && !raw ? memchr(r->p, ':', (size_t)((equals ? equals : end) - r->p)) : NULL;
    equals = colon ? colon : equals;
    const char *stop = equals ? equals : end;
    while (stop > r->p && is_blank(stop[-1]))
        stop--;
    const char *name = arena_strndup(r->arena, r->p, (size_t)(stop - r->p));
    if (!equals && r->outer->bare && *name && !strpbrk(name, " \t\"'$#:")) {
        inherit(r, name);
        next_line(r);
        return;
    }
    if (!equals || !*name || strpbrk(name, " \t\"'$#") || strlen(name) != (size_t)(stop - r->p)) {
        const char *hint = equals || strpbrk(name, " :\"'$#")
                               ? "write NAME=value"
                               : arena_printf(r->diags->arena, "write %.64s= for an empty value", name);
        problem(r, r->line, hint,
                equals ? "\"%.64s\" is not a valid variable name" : "\"%.64s\" has no value", name);
        next_line(r);
        return;
    }
    r->p = equals + 1;
    if (!raw) {
        read_value(r, name);
        return;
    }
    if (end > r->p && end[-1] == '\r')
        end--;
    set(r, name, r->line, r->p, (size_t)(end - r->p));
    next_line(r);
}

void envfile_read(struct arena *a, const char *file, const char *text, size_t len, bool raw,
                  const struct interp *in, struct diag_list *diags, uint16_t index, struct val *into)
{
    struct reader r = {.arena = a,
                       .file = file,
                       .p = text,
                       .end = text + len,
                       .line = 1,
                       .outer = in,
                       .diags = diags,
                       .index = index,
                       .into = into};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r.p += 3;
    if (memchr(text, '\0', len)) {
        problem(&r, 1, NULL, "a variables file must be text, and this one contains a NUL byte");
        return;
    }
    while (r.p < r.end)
        read_line(&r, raw);
}
