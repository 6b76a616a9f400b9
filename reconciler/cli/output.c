/* All output to stdout and stderr. */
#include "base/io.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>
#include <unistd.h>

void cli_out(const struct buf *b)
{
    struct err ignored = {0};
    fflush(stdout);
    /* A reader that has gone away (| head) is not an error. */
    if (io_write_all(STDOUT_FILENO, buf_str(b), b->len, &ignored) < 0)
        return;
}

void cli_json(struct cli *c, const struct val *doc)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    val_json(doc, c->json == JSON_LINES ? 0 : 2, &b);
    buf_addc(&b, '\n');
    cli_out(&b);
}

void cli_waiting(void *cli, const struct val *event)
{
    struct cli *c = cli;
    if (c->json == JSON_LINES)
        cli_json(c, event);
    else if (c->json == JSON_OFF && str_eq(val_get_str(event, "event"), "registry.wait"))
        fprintf(stderr, "waiting for the registry %s to answer\n", val_get_str(event, "registry"));
}

void cli_err(const struct buf *b)
{
    struct err ignored = {0};
    if (io_write_all(STDERR_FILENO, buf_str(b), b->len, &ignored) < 0)
        return;
}

void cli_plan(struct cli *c, const struct val *plan)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    cli_diagnostics(c, plan, NULL);
    plan_text(plan, c->out_colour, &b);
    cli_out(&b);
}

int cli_fail(struct cli *c, const struct err *err, const struct val *answer)
{
    if (!answer && c->settings_problems)
        answer = c->settings_problems;
    if (c->json != JSON_OFF) {
        struct val *doc = answer ? val_map_copy(&c->arena, answer) : val_map(&c->arena);
        val_map_set(&c->arena, doc, "error", err_to_val(&c->arena, err));
        cli_json(c, doc);
    }
    if (answer != c->settings_problems) /* those were printed when they were found */
        cli_diagnostics(c, answer, NULL);
    _cleanup_buf_ struct buf b = BUF_INIT;
    buf_addf(&b, "%sforge-ctl:%s ", c->err_colour ? "\033[31m" : "", c->err_colour ? "\033[0m" : "");
    err_format(err, &b);
    buf_addc(&b, '\n');
    cli_err(&b);
    return EXIT_TROUBLE;
}

bool cli_confirm(struct cli *c, const char *question, bool *ret_asked)
{
    /* Ask only if the user could see what the question is about. */
    *ret_asked = isatty(STDIN_FILENO) && c->terminal && c->json == JSON_OFF;
    if (!*ret_asked)
        return false;
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    char line[16];
    if (!fgets(line, sizeof(line), stdin))
        return false;
    return line[0] == 'y' || line[0] == 'Y';
}
