/* history and show: what was done, when, by whom, why. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

static const char *time_text(struct cli *c, const struct val *row, const char *key)
{
    int64_t ns = val_get_int(row, key, 0);
    if (!ns)
        return val_get_str(row, key);
    _cleanup_buf_ struct buf b = BUF_INIT;
    format_time(ns, &b);
    /* 2026-11-21T01:33:54.123Z: a table needs no fractions of a second */
    return arena_printf(&c->arena, "%.10s %.8s", buf_str(&b), buf_str(&b) + 11);
}

static const char *took_text(struct cli *c, int64_t ns)
{
    return ns > 0 ? arena_printf(&c->arena, "%.1f s", (double)ns / 1e9) : NULL;
}

static const char *number_text(struct cli *c, const struct val *row, const char *key)
{
    int64_t n = val_get_int(row, key, 0);
    return n ? arena_printf(&c->arena, "%lld", (long long)n) : NULL;
}

static void print_generations(struct cli *c, const struct val *list, struct buf *b)
{
    struct table t;
    table_init(
        &t, &c->arena, 8,
        (const char *const[]){"GENERATION", "WHEN", "STATUS", "COMMIT", "BY", "TRIGGER", "TOOK", "SUBJECT"});
    for (size_t i = 0; i < val_len(list); i++) {
        const struct val *g = list->items[i];
        int64_t begin = val_get_int(g, "begin_ns", 0), end = val_get_int(g, "end_ns", 0);
        const char *commit = str_or(val_get_str(g, "commit"), "");
        table_row(&t, (const char *const[]){number_text(c, g, "generation"), time_text(c, g, "begin_ns"),
                                            val_get_str(g, "status"), arena_printf(&c->arena, "%.7s", commit),
                                            val_get_str(g, "actor"), val_get_str(g, "trigger"),
                                            took_text(c, end - begin), val_get_str(g, "subject")});
    }
    table_print(&t, c->out_colour, b);
}

/* `list` is sorted newest first; `oldest_first` prints it in reverse. */
static void print_transitions(struct cli *c, const struct val *list, bool oldest_first, struct buf *b)
{
    struct table t;
    table_init(&t, &c->arena, 7,
               (const char *const[]){"WHEN", "GENERATION", "RESOURCE", "ACTION", "RESULT", "TOOK", "WHAT"});
    for (size_t i = 0; i < val_len(list); i++) {
        const struct val *x = list->items[oldest_first ? val_len(list) - 1 - i : i];
        const struct val *changes = val_get(x, "changes");
        _cleanup_buf_ struct buf what = BUF_INIT;
        for (size_t k = 0; k < val_len(changes) && k < 3; k++)
            buf_addf(&what, "%s%s", k ? ", " : "", str_or(val_get_str(changes->items[k], "path"), "?"));
        if (val_len(changes) > 3)
            buf_addf(&what, " and %zu more", val_len(changes) - 3);
        if (val_get_str(x, "error"))
            buf_addf(&what, "%s%s", what.len ? ": " : "", val_get_str(x, "error"));
        table_row(&t, (const char *const[]){time_text(c, x, "at_ns"), number_text(c, x, "generation"),
                                            val_get_str(x, "id"), val_get_str(x, "action"),
                                            val_get_str(x, "result"),
                                            took_text(c, val_get_int(x, "duration_ns", 0)),
                                            arena_strdup(&c->arena, buf_str(&what))});
    }
    table_print(&t, c->out_colour, b);
}

int verb_history(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *doc = NULL;
    int64_t limit = 20;
    int r = cli_number("--limit", cli_value(c, "limit"), 0, &limit, &err);
    val_set_int(&c->arena, args, "limit", limit);
    val_set_str(&c->arena, args, "resource", cli_resource(c, c->args[0]));
    val_set_bool(&c->arena, args, "transitions", cli_flag(c, "transitions"));
    if (r == 0)
        r = cli_call(c, "history", args, NULL, NULL, &doc, &err);
    if (r < 0)
        return cli_fail(c, &err, doc);
    if (c->json != JSON_OFF) {
        cli_json(c, doc);
        return 0;
    }
    _cleanup_buf_ struct buf b = BUF_INIT;
    const struct val *generations = val_get(doc, "generations"), *transitions = val_get(doc, "transitions");
    if (c->args[0] && !val_len(transitions))
        buf_addf(&b, "Nothing is recorded for %s in environment %s.\n", cli_resource(c, c->args[0]),
                 val_get_str(doc, "environment"));
    else if (!val_len(generations) && !val_len(transitions))
        buf_addf(&b, "Nothing has been applied to environment %s yet.\n", val_get_str(doc, "environment"));
    else if (generations)
        print_generations(c, generations, &b);
    else
        print_transitions(c, transitions, false, &b);
    cli_out(&b);
    return 0;
}

static void print_pair(struct buf *b, const char *name, const char *value)
{
    if (!str_empty(value))
        buf_addf(b, "%-12s %s\n", name, value);
}

static void print_image(struct buf *b, const char *before, const char *name, const struct val *image)
{
    buf_addf(b, "%s %s  %s\n", before, name,
             str_or(val_get_str(image, "digest"), str_or(val_get_str(image, "id"), "")));
    const struct val *of = val_get(image, "of");
    for (size_t i = 0; i < val_len(of); i++)
        print_image(b, "  of", of->pairs[i].key, of->pairs[i].val);
}

int verb_show(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *doc = NULL;
    int64_t number = 0;
    int r = cli_number("the generation", c->args[0], 1, &number, &err);
    if (r == 0) {
        val_set_int(&c->arena, args, "generation", number);
        r = cli_call(c, "show", args, NULL, NULL, &doc, &err);
    }
    if (r < 0)
        return cli_fail(c, &err, doc);
    if (c->json != JSON_OFF) {
        cli_json(c, doc);
        return 0;
    }
    _cleanup_buf_ struct buf b = BUF_INIT;
    print_pair(&b, "generation", number_text(c, doc, "generation"));
    print_pair(&b, "status", val_get_str(doc, "status"));
    print_pair(&b, "commit", val_get_str(doc, "commit"));
    print_pair(&b, "subject", val_get_str(doc, "subject"));
    print_pair(&b, "author", val_get_str(doc, "author"));
    print_pair(&b, "by", val_get_str(doc, "actor"));
    print_pair(&b, "trigger", val_get_str(doc, "trigger"));
    print_pair(&b, "begun", time_text(c, doc, "begin_ns"));
    print_pair(&b, "ended", time_text(c, doc, "end_ns"));
    print_pair(&b, "plan", val_get_str(doc, "plan_digest"));
    print_pair(&b, "error", val_get_str(doc, "error"));
    buf_addc(&b, '\n');
    print_transitions(c, val_get(doc, "transitions"), true, &b);
    const struct val *images = val_get(doc, "images");
    for (size_t i = 0; i < val_len(images); i++)
        print_image(&b, i ? "image" : "\nimage", images->pairs[i].key, images->pairs[i].val);
    buf_addf(&b, "\n%zu resource%s; --json prints them in full\n", val_len(val_get(doc, "resources")),
             val_len(val_get(doc, "resources")) == 1 ? "" : "s");
    cli_out(&b);
    return 0;
}
