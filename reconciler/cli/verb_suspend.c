/* suspend, resume, reconcile: what automation may do, and when. */
#include "base/clock.h"
#include "base/parse.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

static int done(struct cli *c, const char *text)
{
    if (c->json == JSON_OFF) {
        puts(text);
        return 0;
    }
    struct val *doc = val_map(&c->arena);
    val_set_str(&c->arena, doc, "format", arena_printf(&c->arena, "forge/%s/v1", c->verb->name));
    cli_json(c, doc);
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
    return done(c, "Suspended. `forge-ctl resume` ends it.");
}

int verb_resume(struct cli *c)
{
    struct err err = {0};
    struct val *answer = NULL;
    if (cli_call(c, "resume", val_map(&c->arena), NULL, NULL, &answer, &err) < 0)
        return cli_fail(c, &err, answer);
    return done(c, "Resumed.");
}

int verb_reconcile(struct cli *c)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *answer = NULL;
    val_set_bool(&c->arena, args, "wait", cli_flag(c, "wait"));
    if (cli_call(c, "reconcile", args, NULL, NULL, &answer, &err) < 0)
        return cli_fail(c, &err, answer);
    return done(c, cli_flag(c, "wait") ? "Reconciled." : "forged looks now.");
}
