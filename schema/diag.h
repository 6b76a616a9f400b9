#ifndef SCHEMA_DIAG_H
#define SCHEMA_DIAG_H
/*
 * Diagnostics: everything that is wrong with a set of files, collected, sorted by place, printed together.
 * Lives in an arena. At most LIMIT_DIAGNOSTICS are kept; the rest are only counted.
 */
#include "base/arena.h"
#include "base/buf.h"

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
    enum diag_level level;
    const char *file;   /* path in the repository; NULL: no place */
    uint32_t line, col; /* 1-based, 0 none */
    const char *msg;
    const char *hint; /* NULL: none */
};

struct diag_list {
    struct arena *arena;
    struct diag *items;
    size_t n, cap;
    size_t errors, warnings; /* of all, kept or not */
    struct diag scratch;     /* returned in place of a diagnostic that is not kept */
};

void diag_init(struct diag_list *d, struct arena *a);
/* Returns the diagnostic, so that a hint can be added before the next diag_add(); never NULL. `file` is
 * borrowed. */
struct diag *diag_add(struct diag_list *d, enum diag_level level, const char *file, uint32_t line,
                      uint32_t col, const char *fmt, ...) _printf_(6, 7);
void diag_hint(struct diag_list *d, struct diag *diag, const char *fmt, ...) _printf_(3, 4);
/* Sort by file, line, column; drop exact duplicates (the counts follow). */
void diag_sort(struct diag_list *d);
/* "file:line:col: error: message" and an indented hint; with the source line and a caret when `source` gives
   it (source may be NULL: path -> text of the file). */
void diag_print(const struct diag_list *d, const char *(*source)(void *arg, const char *path), void *arg,
                bool colour, struct buf *out);
#endif
