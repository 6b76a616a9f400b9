/* forge-ctl: parse, find the verb, run it. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct cancel *interrupted;

static void on_signal(int number)
{
    /* The first signal requests an orderly end, the second one exits at once. */
    if (cancel_is_set(interrupted))
        _exit(128 + number);
    cancel_set(interrupted);
}

static void catch_signals(struct cli *c)
{
    interrupted = &c->cancel;
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void choose_colours(struct cli *c)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool wanted = str_empty(no_colour) && !cli_flag(c, "no-color") && !str_eq(term, "dumb");
    bool out = isatty(STDOUT_FILENO), errs = isatty(STDERR_FILENO);
    c->out_colour = wanted && out && c->json == JSON_OFF;
    c->err_colour = wanted && errs;
    c->terminal = out && errs && !str_eq(term, "dumb");
}

int main(int argc, char **argv)
{
    struct cli c = {0};
    struct err err = {0};
    arena_init(&c.arena);
    cancel_init(&c.cancel);
    int code;
    int r = cli_parse(&c, argc, argv, &err);
    choose_colours(&c);
    log_setup("terminal", cli_flag(&c, "verbose") ? LOG_DEBUG : LOG_ERROR);
    if (r < 0) {
        code = cli_fail(&c, &err, NULL);
    } else if (!c.verb || cli_flag(&c, "help")) {
        code = verb_help(&c);
        if (!c.verb && !cli_flag(&c, "help"))
            code = EXIT_TROUBLE;
    } else if (c.json != JSON_OFF && c.verb->text_only) {
        err_set(&err, ERR_UNSUPPORTED, "%s does not support --json: it prints text", c.verb->name);
        code = cli_fail(&c, &err, NULL);
    } else {
        catch_signals(&c);
        code = c.verb->run(&c);
    }
    cli_close(&c);
    return code;
}
