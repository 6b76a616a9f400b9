/* What goes to stdout and stderr, and nothing else does. */
#include "base/io.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>
#include <unistd.h>

void cli_out(const struct buf *b)
{
    struct err ignored = {0};
    fflush(stdout);
    /* A reader that went away (| head) is no error of ours. */
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

static void to_stderr(const struct buf *b)
{
    struct err ignored = {0};
    if (io_write_all(STDERR_FILENO, buf_str(b), b->len, &ignored) < 0)
        return;
}

static const char *paint(bool colour, const char *code)
{
    return colour ? code : "";
}

void cli_diagnostics(struct cli *c, const struct val *answer)
{
    const struct val *list = val_get(answer, "diagnostics");
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < val_len(list); i++) {
        const struct val *d = list->items[i];
        const char *severity = str_or(val_get_str(d, "severity"), "error"), *file = val_get_str(d, "file");
        if (file)
            buf_addf(&b, "%s%s", paint(c->err_colour, "\033[1m"), file);
        if (file && val_get_int(d, "line", 0))
            buf_addf(&b, ":%lld:%lld", (long long)val_get_int(d, "line", 0),
                     (long long)val_get_int(d, "column", 0));
        if (file)
            buf_addf(&b, ":%s ", paint(c->err_colour, "\033[0m"));
        buf_addf(&b, "%s%s:%s %s\n",
                 paint(c->err_colour, str_eq(severity, "error") ? "\033[31m" : "\033[33m"), severity,
                 paint(c->err_colour, "\033[0m"), str_or(val_get_str(d, "message"), ""));
        if (val_get_str(d, "hint"))
            buf_addf(&b, "  hint: %s\n", val_get_str(d, "hint"));
    }
    to_stderr(&b);
}

int cli_fail(struct cli *c, const struct err *err, const struct val *answer)
{
    if (c->json != JSON_OFF) {
        struct val *doc = answer ? val_map_copy(&c->arena, answer) : val_map(&c->arena);
        val_map_set(&c->arena, doc, "error", err_to_val(&c->arena, err));
        cli_json(c, doc);
    }
    cli_diagnostics(c, answer);
    _cleanup_buf_ struct buf b = BUF_INIT;
    buf_addf(&b, "%sforge-ctl:%s ", paint(c->err_colour, "\033[31m"), paint(c->err_colour, "\033[0m"));
    err_format(err, &b);
    buf_addc(&b, '\n');
    to_stderr(&b);
    return EXIT_TROUBLE;
}

bool cli_confirm(struct cli *c, const char *question, bool *ret_asked)
{
    *ret_asked = isatty(STDIN_FILENO) && c->terminal;
    if (!*ret_asked)
        return false;
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    char line[16];
    if (!fgets(line, sizeof(line), stdin))
        return false;
    return line[0] == 'y' || line[0] == 'Y';
}
