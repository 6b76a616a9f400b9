#include "reconciler/cli/cli.h"

#include <string.h>

void table_init(struct table *t, struct arena *a, size_t columns, const char *const *heads)
{
    *t = (struct table){.arena = a, .columns = columns};
    table_row(t, heads);
}

/* A message of several lines, as one. */
static const char *one_line(struct arena *a, const char *s)
{
    char *to, *line;
    if (!strchr(s, '\n'))
        return s;
    to = line = arena_strdup(a, s);
    for (; *s; s++)
        if (*s != '\n')
            *to++ = *s;
        else {
            *to++ = ' ';
            s += strspn(s, "\n ") - 1;
        }
    *to = '\0';
    return line;
}

void table_row(struct table *t, const char *const *cells)
{
    for (size_t i = 0; i < t->columns; i++) {
        const char *cell = cells[i] && *cells[i] ? one_line(t->arena, cells[i]) : "-";
        arena_push(t->arena, t->cells, t->n, t->cap, cell);
    }
}

/* Width on a terminal: the number of UTF-8 characters. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

void table_print(const struct table *t, bool colour, struct buf *out)
{
    size_t *widths = arena_array(t->arena, size_t, t->columns);
    for (size_t i = 0; i < t->n; i++) {
        size_t w = width_of(t->cells[i]);
        if (w > widths[i % t->columns])
            widths[i % t->columns] = w;
    }
    for (size_t i = 0; i < t->n; i++) {
        size_t column = i % t->columns;
        bool head = i < t->columns, last = column + 1 == t->columns;
        if (head && column == 0 && colour)
            buf_adds(out, "\033[1m");
        buf_adds(out, t->cells[i]);
        if (!last)
            buf_addn(out, ' ', widths[column] - width_of(t->cells[i]) + 2);
        if (head && last && colour)
            buf_adds(out, "\033[0m");
        if (last)
            buf_addc(out, '\n');
    }
}
