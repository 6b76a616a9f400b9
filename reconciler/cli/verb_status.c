#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

static const char *age_text(struct cli *c, int64_t ns)
{
    if (ns < 0)
        return NULL;
    _cleanup_buf_ struct buf b = BUF_INIT;
    format_age(ns, &b);
    return arena_strdup(&c->arena, buf_str(&b));
}

static bool row_is_well(const struct val *row)
{
    static const char *const well[] = {"present", "completed", "healthy", "running"};
    const char *health = val_get_str(row, "health");
    if (!str_eq(val_get_str(row, "sync"), "synced"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(well); i++)
        if (str_eq(health, well[i]))
            return true;
    return false;
}

static const char *health_text(struct cli *c, const struct val *row)
{
    int64_t replicas = val_get_int(row, "replicas", 1);
    const char *health = val_get_str(row, "health");
    if (replicas == 1)
        return health;
    return arena_printf(&c->arena, "%s %lld/%lld", health, (long long)val_get_int(row, "running", 0),
                        (long long)replicas);
}

static void head_lines(struct cli *c, const struct val *doc, struct buf *b)
{
    const char *commit = str_or(val_get_str(doc, "commit"), "");
    buf_addf(b, "environment %s", val_get_str(doc, "environment"));
    if (*commit)
        buf_addf(b, " · commit %.7s \"%s\"", commit, str_or(val_get_str(doc, "subject"), ""));
    if (val_get_int(doc, "generation", 0))
        buf_addf(b, " · generation %lld", (long long)val_get_int(doc, "generation", 0));
    buf_addf(b, " · %s\n", str_or(val_get_str(doc, "engine"), "engine unknown"));
    if (val_get_str(doc, "suspended_by"))
        buf_addf(b, "suspended by %s: %s\n", val_get_str(doc, "suspended_by"),
                 str_or(val_get_str(doc, "suspended_why"), ""));
    if (val_get_int(doc, "held_generation", 0))
        buf_addf(b, "rolled back to generation %lld; commit %.7s is left alone until another one comes\n",
                 (long long)val_get_int(doc, "held_generation", 0),
                 str_or(val_get_str(doc, "held_commit"), ""));
    if (val_get_str(doc, "error"))
        buf_addf(b, "last error: %s\n", val_get_str(doc, "error"));
    buf_addc(b, '\n');
    (void)c;
}

static void print_rows(struct cli *c, const struct val *doc, const char *only)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    head_lines(c, doc, &b);
    struct table t;
    table_init(&t, &c->arena, 6,
               (const char *const[]){"RESOURCE", "SYNC", "HEALTH", "GENERATION", "AGE", "MESSAGE"});
    const struct val *rows = val_get(doc, "resources");
    for (size_t i = 0; i < val_len(rows); i++) {
        const struct val *row = rows->items[i];
        if (only && !str_eq(only, val_get_str(row, "resource")))
            continue;
        int64_t generation = val_get_int(row, "generation", 0);
        table_row(&t, (const char *const[]){
                          val_get_str(row, "resource"), val_get_str(row, "sync"), health_text(c, row),
                          generation ? arena_printf(&c->arena, "%lld", (long long)generation) : NULL,
                          age_text(c, val_get_int(row, "age_ns", -1)), val_get_str(row, "message")});
    }
    table_print(&t, c->out_colour, &b);
    cli_out(&b);
}

static int exit_code(const struct val *doc, const char *only, bool *ret_found)
{
    const struct val *rows = val_get(doc, "resources");
    int code = 0;
    *ret_found = only == NULL;
    for (size_t i = 0; i < val_len(rows); i++) {
        if (only && !str_eq(only, val_get_str(rows->items[i], "resource")))
            continue;
        *ret_found = true;
        if (!row_is_well(rows->items[i]))
            code = EXIT_NOTICE;
    }
    return code;
}

static int show_once(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *doc;
    const char *only = c->args[0];
    val_set_bool(&c->arena, args, "fresh", cli_flag(c, "fresh"));
    if (cli_call(c, "status", args, NULL, NULL, &doc, &err) < 0)
        return cli_fail(c, &err, doc);
    bool found;
    int code = exit_code(doc, only, &found);
    if (!found) {
        err_set(&err, ERR_NOTFOUND, "environment %s has no resource %s", val_get_str(doc, "environment"),
                only);
        err_hint(&err, "resources are named KIND/NAME, like container/web; `forge-ctl status` lists them");
        return cli_fail(c, &err, NULL);
    }
    if (c->json != JSON_OFF)
        cli_json(c, doc);
    else
        print_rows(c, doc, only);
    return code;
}

int verb_status(struct cli *c)
{
    int code = show_once(c);
    while (cli_flag(c, "watch") && code != EXIT_TROUBLE &&
           !cancel_sleep(&c->cancel, 2 * INT64_C(1000000000))) {
        if (c->terminal && c->json == JSON_OFF)
            fputs("\033[H\033[2J", stdout);
        fflush(stdout);
        code = show_once(c);
    }
    return code;
}
