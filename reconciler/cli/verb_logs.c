/* logs and exec: for one container of a resource, looked up on the engine. */
#include "base/clock.h"
#include "base/io.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>
#include <unistd.h>

static int find_container(struct cli *c, struct provider **ret_p, const char **ret_name, struct err *err)
{
    struct observed all;
    const struct object *o;
    int r = cli_object(c, cli_resource(c, c->args[0]), cli_value(c, "instance"), ret_p, &all, &o, err);
    if (r == 0)
        *ret_name = o->native_name;
    return r;
}

/* With --json=lines each line is an event, with --json all lines are one document at the end. */
struct log_lines {
    struct cli *cli;
    struct val *list;
};

static void print_line(void *arg, int stream, const char *text, size_t len)
{
    struct log_lines *l = arg;
    if (l->cli->json != JSON_OFF) {
        _cleanup_arena_ struct arena brief = ARENA_INIT;
        struct arena *a = l->cli->json == JSON_LINES ? &brief : &l->cli->arena;
        char *line = arena_strndup(a, text, len);
        struct val *v = val_map(a);
        str_clean(line); /* JSON must be UTF-8, whatever the container prints */
        val_set_str(a, v, "event", "log");
        val_set_str(a, v, "stream", stream == 2 ? "stderr" : "stdout");
        val_set_str(a, v, "line", line);
        if (l->cli->json == JSON_LINES)
            cli_json(l->cli, v);
        else
            val_list_add(a, l->list, v);
        return;
    }
    FILE *to = stream == 2 ? stderr : stdout;
    fwrite(text, 1, len, to);
    fputc('\n', to);
    fflush(to);
}

/* A point in time, or a duration before now. */
static int parse_since(const char *s, int64_t *ret_ns, struct err *err)
{
    struct err ignored = {0};
    int64_t age;
    if (parse_duration(s, &age, &ignored) == 0) {
        *ret_ns = clock_wall(clock_system()) - age;
        return 0;
    }
    if (parse_time(s, ret_ns, err) == 0)
        return 0;
    err_set(err, ERR_INVALID, "--since: \"%s\" is not an age or a time", s);
    return err_hint(err, "write 10m, 2h, or 2026-11-21T01:33:54Z");
}

int verb_logs(struct cli *c)
{
    struct err err = {0};
    struct provider *p = NULL;
    struct log_lines lines = {c, val_list(&c->arena)};
    struct logs_request rq = {
        .follow = cli_flag(c, "follow"),
        .timestamps = cli_flag(c, "timestamps"),
        .tail = -1,
        .line = print_line,
        .arg = &lines,
    };
    int r = cli_number("--tail", cli_value(c, "tail"), 0, &rq.tail, &err);
    if (r == 0 && cli_value(c, "since"))
        r = parse_since(cli_value(c, "since"), &rq.since_ns, &err);
    if (r == 0)
        r = find_container(c, &p, &rq.native_name, &err);
    if (r == 0 && !p->ops->logs)
        r = err_set(&err, ERR_UNSUPPORTED, "this backend has no logs");
    if (r == 0)
        r = p->ops->logs(p, &rq, &c->cancel, &err);
    if (r < 0 && r != ERR_CANCELLED)
        return cli_fail(c, &err, NULL);
    if (c->json == JSON_DOCUMENT) {
        struct val *doc = val_map(&c->arena);
        val_set_str(&c->arena, doc, "format", "forge/logs/v1");
        val_map_set(&c->arena, doc, "lines", lines.list);
        cli_json(c, doc);
    }
    return 0;
}

int verb_exec(struct cli *c)
{
    struct err err = {0};
    struct provider *p = NULL;
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    struct exec_request rq = {
        .argv = c->args + 1,
        .tty = cli_flag(c, "tty") || terminal,
        .interactive = cli_flag(c, "interactive") || terminal,
        .user = cli_value(c, "user"),
        .workdir = cli_value(c, "workdir"),
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .err_fd = STDERR_FILENO,
    };
    int code = 0;
    int r = find_container(c, &p, &rq.native_name, &err);
    if (r == 0 && !p->ops->exec)
        r = err_set(&err, ERR_UNSUPPORTED, "this backend cannot run commands in a container");
    if (r == 0)
        r = p->ops->exec(p, &rq, &c->cancel, &code, &err);
    return r < 0 ? cli_fail(c, &err, NULL) : code;
}
