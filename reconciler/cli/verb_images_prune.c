/* images prune: removes images that nothing needs any more. */
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

static const char *size_text(struct cli *c, int64_t bytes)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    format_size(bytes, &b);
    return arena_strdup(&c->arena, buf_str(&b));
}

static bool has_targets(const struct val *rows)
{
    for (size_t i = 0; i < val_len(rows); i++)
        if (val_get_str(rows->items[i], "target"))
            return true;
    return false;
}

static void print_table(struct cli *c, const struct val *rows, struct buf *b)
{
    struct table t;
    bool several = has_targets(rows);
    const char *heads[] = {"IMAGE", "ID", "SIZE", "STATE", several ? "TARGET" : "WHY", "WHY"};
    table_init(&t, &c->arena, several ? 6 : 5, heads);
    for (size_t i = 0; i < val_len(rows); i++) {
        const struct val *row = rows->items[i];
        const char *id = str_or(str_after(val_get_str(row, "image"), "sha256:"), "");
        const char *why = val_get_str(row, "why"), *target = val_get_str(row, "target");
        const char *cells[] = {val_get_str(row, "name"),
                               arena_strndup(&c->arena, id, 12),
                               size_text(c, val_get_int(row, "size", 0)),
                               val_get_str(row, "state"),
                               several ? target : why,
                               why};
        table_row(&t, cells);
    }
    table_print(&t, c->out_colour, b);
}

static void print_doc(struct cli *c, const struct val *doc, struct buf *b)
{
    const struct val *rows = val_get(doc, "images"), *targets = val_get(doc, "targets");
    bool dry = val_get_bool(doc, "dry_run", false);
    int64_t n = val_get_int(doc, "removed", 0);
    for (size_t i = 0; i < val_len(targets); i++)
        buf_addf(b, "target %s: %s\n", val_get_str(targets->items[i], "target"),
                 val_get_str(targets->items[i], "message"));
    if (val_len(rows))
        print_table(c, rows, b);
    else
        buf_adds(b, "Forge pulled no images here. Other images are left alone.\n");
    if (!val_len(rows))
        return;
    buf_addf(b, "\n%lld image%s %s, freeing up to %s. Images that Forge did not pull are left alone.\n",
             (long long)n, n == 1 ? "" : "s",
             dry      ? "would be removed"
             : n == 1 ? "was removed"
                      : "were removed",
             size_text(c, val_get_int(doc, "bytes", 0)));
}

static int exit_code(const struct val *doc)
{
    const struct val *targets = val_get(doc, "targets");
    for (size_t i = 0; i < val_len(targets); i++)
        if (val_get_bool(targets->items[i], "away", false))
            return EXIT_TROUBLE;
    bool dry = val_get_bool(doc, "dry_run", false);
    return dry && val_get_int(doc, "removed", 0) ? EXIT_NOTICE : 0;
}

int cli_images_prune(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *doc = NULL;
    val_set_bool(&c->arena, args, "dry_run", cli_flag(c, "dry-run"));
    int r = cli_call(c, "prune-images", args, NULL, NULL, &doc, &err);
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (r < 0 && !val_len(val_get(doc, "images")))
        return cli_fail(c, &err, doc);
    if (c->json != JSON_OFF) {
        cli_json(c, doc);
    } else {
        print_doc(c, doc, &b);
        cli_out(&b);
    }
    return r < 0 ? cli_fail(c, &err, NULL) : exit_code(doc);
}
