/* Diagnostics for people: on stderr, each with the line it refers to, if its file can be read here. */
#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

/* The files that diagnostics refer to, read on demand and once each. */
struct texts {
    struct cli *cli;
    const struct cli_place *place;
    struct snapshot *snapshot;
    bool tried;
    const char *path, *text; /* the last one: diagnostics come sorted by file */
    const struct val *list;
};

static const char *text_from_snapshot(struct texts *t, const char *path)
{
    struct err ignored = {0};
    if (!t->tried && source_snapshot(t->place->source, t->place->rev, &t->snapshot, &ignored) < 0)
        t->snapshot = NULL;
    t->tried = true;
    const struct load_file *files;
    size_t n = t->snapshot ? snapshot_files(t->snapshot, &files) : 0, len;
    for (size_t i = 0; i < n; i++) {
        const char *text;
        if (str_eq(files[i].path, path) &&
            snapshot_read(t->snapshot, i, &t->cli->arena, &text, &len, &ignored) == 0)
            return arena_strndup(&t->cli->arena, text, len);
    }
    return NULL;
}

static const char *text_from_disk(struct texts *t, const char *path)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err ignored = {0};
    if (io_read_file(path, LIMIT_MANIFEST_BYTES, &b, &ignored) < 0)
        return NULL;
    return arena_strdup(&t->cli->arena, buf_str(&b));
}

/* A file made of the lines that the answer itself contains, each at its line number. */
static const char *text_from_answer(struct texts *t, const char *path)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    int64_t at = 1;
    for (size_t i = 0; i < val_len(t->list); i++) {
        const struct val *v = t->list->items[i];
        int64_t line = val_get_int(v, "line", 0);
        if (!str_eq(val_get_str(v, "file"), path) || !val_get_str(v, "text") || line < at)
            continue;
        buf_addn(&b, '\n', (size_t)(line - at));
        buf_adds(&b, val_get_str(v, "text"));
        buf_addc(&b, '\n');
        at = line + 1;
    }
    return b.len ? arena_strndup(&t->cli->arena, buf_str(&b), b.len) : NULL;
}

static const char *text_of(void *arg, const char *path)
{
    struct texts *t = arg;
    if (str_eq(t->path, path))
        return t->text;
    t->path = path;
    t->text = text_from_answer(t, path);
    if (t->text)
        return t->text;
    if (t->place->on_disk)
        return t->text = text_from_disk(t, path);
    const char *inside = str_empty(t->place->prefix) ? path : str_after(path, t->place->prefix);
    t->text = t->place->source && inside ? text_from_snapshot(t, inside) : NULL;
    return t->text;
}

static void list_from_val(const struct val *list, struct diag_list *d)
{
    for (size_t i = 0; i < val_len(list); i++) {
        const struct val *v = list->items[i];
        bool warning = str_eq(val_get_str(v, "severity"), "warning");
        struct diag *added =
            diag_add(d, warning ? DIAG_WARNING : DIAG_ERROR, val_get_str(v, "file"),
                     (uint32_t)val_get_int(v, "line", 0), (uint32_t)val_get_int(v, "column", 0), "%s",
                     str_or(val_get_str(v, "message"), ""));
        if (val_get_str(v, "hint"))
            diag_hint(d, added, "%s", val_get_str(v, "hint"));
    }
}

void cli_diagnostics(struct cli *c, const struct val *answer, const struct cli_place *place)
{
    const struct val *list = val_get(answer, "diagnostics");
    if (!val_len(list))
        return;
    const struct cli_place here = {.source = c->engine ? engine_source(c->engine) : NULL, .rev = c->rev};
    struct texts t = {.cli = c, .place = place ? place : &here, .list = list};
    struct diag_list d;
    diag_init(&d, &c->arena);
    list_from_val(list, &d);
    _cleanup_buf_ struct buf b = BUF_INIT;
    diag_print(&d, text_of, &t, c->err_colour, &b);
    cli_err(&b);
    snapshot_free(t.snapshot);
}
