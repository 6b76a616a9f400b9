/* Diagnostics of a look as a document, each with its source line: whoever prints it may not have the
   repository. */
#include "reconciler/engine/internal.h"
#include "reconciler/engine/operation.h"

#include "base/str.h"

#define LINE_MAX_BYTES 400u /* longer lines are not shown: a column in them would be hard to find */

static const char *text_of(struct look *l, struct arena *a, const char *path)
{
    const struct load_file *files;
    struct err ignored = {0};
    size_t n = snapshot_files(l->snapshot, &files), len;
    for (size_t i = 0; i < n; i++) {
        const char *text;
        if (str_eq(files[i].path, path))
            return snapshot_read(l->snapshot, i, a, &text, &len, &ignored) == 0 ? arena_strndup(a, text, len)
                                                                                : NULL;
    }
    return NULL;
}

static const char *line_of(struct arena *a, const char *text, int64_t number)
{
    while (text && --number > 0) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    size_t n = text ? strcspn(text, "\r\n") : 0;
    return n && n <= LINE_MAX_BYTES ? arena_strndup(a, text, n) : NULL;
}

struct val *look_diagnostics(struct look *l, struct arena *a)
{
    struct val *list = val_clone(a, diags_to_val(&l->arena, &l->diags));
    const char *path = NULL, *text = NULL;
    for (size_t i = 0; l->snapshot && i < val_len(list); i++) {
        const char *file = val_get_str(list->items[i], "file");
        int64_t line = val_get_int(list->items[i], "line", 0);
        if (!file || !line)
            continue;
        if (!str_eq(file, path)) /* they come sorted by file */
            text = text_of(l, &l->arena, file);
        path = file;
        val_set_str(a, list->items[i], "text", line_of(a, text, line));
    }
    return list;
}
