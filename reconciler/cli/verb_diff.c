/* diff: the plan, and nothing else. */
#include "base/io.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

static int save_plan(struct cli *c, const struct val *plan, const char *file, struct err *err)
{
    (void)c;
    _cleanup_buf_ struct buf b = BUF_INIT;
    val_json(plan, 2, &b);
    buf_addc(&b, '\n');
    int r = buf_check(&b, "the plan", err);
    return r < 0 ? r : io_write_file(file, buf_str(&b), b.len, 0600, err);
}

/* "A..B" compares two commits; anything else is a single commit. */
static int set_revisions(struct cli *c, struct val *args, const char *word, struct err *err)
{
    const char *dots = word ? strstr(word, "..") : NULL;
    if (dots && dots[2] == '.') {
        err_set(err, ERR_INVALID,
                "%s: A...B is not supported, because commits are compared with each other and not with their "
                "merge base",
                word);
        return err_hint(err, "write A..B");
    }
    if (dots) {
        val_set_str(&c->arena, args, "against", arena_strndup(&c->arena, word, (size_t)(dots - word)));
        val_set_str(&c->arena, args, "rev", dots + 2);
    } else {
        val_set_str(&c->arena, args, "rev", word);
    }
    return 0;
}

int verb_diff(struct cli *c)
{
    struct err err = {0};
    struct val *args = cli_plan_args(c), *plan = NULL;
    int r = set_revisions(c, args, c->args[0], &err);
    if (r == 0)
        r = cli_call(c, "diff", args, cli_waiting, c, &plan, &err);
    if (r == 0 && cli_value(c, "out"))
        r = save_plan(c, plan, cli_value(c, "out"), &err);
    if (r < 0)
        return cli_fail(c, &err, plan);
    if (c->json != JSON_OFF)
        cli_json(c, plan);
    else
        cli_plan(c, plan);
    return plan_differs(plan) ? EXIT_NOTICE : 0;
}
