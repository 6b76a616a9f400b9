/* suspend, resume, reconcile: control over automatic reconciliation. */
#include "base/clock.h"
#include "base/parse.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

static int done(struct cli *c, struct val *answer, const char *what, const char *hint)
{
    if (c->json == JSON_OFF)
        printf("Environment %s %s%s.\n", val_get_str(answer, "environment"), what, hint);
    else
        cli_json(c, answer);
    return 0;
}

int verb_suspend(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *answer = NULL;
    int64_t for_ns = 0;
    int r = cli_duration(c, "for", &for_ns, &err);
    val_set_str(&c->arena, args, "reason", cli_value(c, "reason"));
    if (for_ns)
        val_set_int(&c->arena, args, "until_ns", clock_wall(clock_system()) + for_ns);
    if (r == 0)
        r = cli_call(c, "suspend", args, NULL, NULL, &answer, &err);
    if (r < 0)
        return cli_fail(c, &err, answer);
    return done(c, answer, "is suspended", "; `forge-ctl resume` ends it");
}

int verb_resume(struct cli *c)
{
    struct err err = {0};
    struct val *answer = NULL;
    if (cli_call(c, "resume", val_map(&c->arena), NULL, NULL, &answer, &err) < 0)
        return cli_fail(c, &err, answer);
    return done(c, answer, "is resumed", "");
}

int verb_reconcile(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *answer = NULL;
    val_set_bool(&c->arena, args, "wait", cli_flag(c, "wait"));
    if (cli_call(c, "reconcile", args, NULL, NULL, &answer, &err) < 0)
        return cli_fail(c, &err, answer);
    if (!cli_flag(c, "wait"))
        return done(c, answer, "is being reconciled now", "");
    if (!val_get_int(answer, "out_of_sync", 0))
        return done(c, answer, "is reconciled", "");
    bool suspended = val_get_bool(answer, "suspended", false);
    return done(c, answer, suspended ? "is suspended and not in sync" : "was looked at and is not in sync",
                "; `forge-ctl diff` shows what differs");
}
