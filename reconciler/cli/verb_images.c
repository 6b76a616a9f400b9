/* images: what registries offer for images that have an image_policy. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

static const char *ago(struct cli *c, int64_t at_ns)
{
    int64_t now = clock_wall(clock_system());
    if (!at_ns || at_ns > now)
        return NULL;
    _cleanup_buf_ struct buf b = BUF_INIT;
    format_age(now - at_ns, &b);
    return arena_strdup(&c->arena, buf_str(&b));
}

static void print_rows(struct cli *c, const struct val *doc, struct buf *b)
{
    const struct val *rows = val_get(doc, "images");
    struct table t;
    if (!val_len(rows)) {
        buf_addf(b, "No resource in environment %s has an image_policy.\n", val_get_str(doc, "environment"));
        return;
    }
    table_init(&t, &c->arena, 6,
               (const char *const[]){"RESOURCE", "IMAGE", "NEWER", "APPLY", "CHECKED", "MESSAGE"});
    for (size_t i = 0; i < val_len(rows); i++) {
        const struct val *row = rows->items[i];
        bool newer = val_get_bool(row, "newer", false);
        table_row(
            &t, (const char *const[]){val_get_str(row, "resource"), val_get_str(row, "asked"),
                                      newer ? val_get_str(row, "found") : NULL, val_get_str(row, "apply"),
                                      ago(c, val_get_int(row, "checked_ns", 0)), val_get_str(row, "error")});
    }
    table_print(&t, c->out_colour, b);
}

/* Below the table: what to do about the messages in it, each once. */
static void print_hints(const struct val *doc, struct buf *b)
{
    const struct val *rows = val_get(doc, "images");
    for (size_t i = 0; i < val_len(rows); i++) {
        const char *hint = val_get_str(rows->items[i], "hint");
        size_t first = 0;
        while (first < i && !str_eq(val_get_str(rows->items[first], "hint"), hint))
            first++;
        if (hint && first == i)
            buf_addf(b, "hint: %s\n", hint);
    }
}

/* A registry that could not be asked shows in the exit code. */
static int exit_code(const struct val *doc)
{
    const struct val *rows = val_get(doc, "images");
    int code = 0;
    for (size_t i = 0; i < val_len(rows); i++) {
        if (val_get_str(rows->items[i], "error"))
            return EXIT_TROUBLE;
        if (val_get_bool(rows->items[i], "newer", false))
            code = EXIT_NOTICE;
    }
    return code;
}

int verb_images(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *doc;
    if (c->n_args && str_eq(c->args[0], "prune"))
        return cli_images_prune(c);
    if (c->n_args) {
        err_set(&err, ERR_INVALID, "unknown argument \"%s\" of images", c->args[0]);
        err_hint(&err, "the only one is prune");
        return cli_fail(c, &err, NULL);
    }
    val_set_bool(&c->arena, args, "fetch", !cli_flag(c, "no-fetch"));
    if (cli_call(c, "images", args, cli_waiting, c, &doc, &err) < 0)
        return cli_fail(c, &err, doc);
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (c->json != JSON_OFF) {
        cli_json(c, doc);
        return exit_code(doc);
    }
    print_rows(c, doc, &b);
    print_hints(doc, &b);
    cli_out(&b);
    return exit_code(doc);
}
