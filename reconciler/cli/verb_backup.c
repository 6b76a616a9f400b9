/* backup and restore: the whole store. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int done(struct cli *c, const char *format, const char *from, const char *to)
{
    struct val *doc = val_map(&c->arena);
    val_set_str(&c->arena, doc, "format", format);
    val_set_str(&c->arena, doc, "from", from);
    val_set_str(&c->arena, doc, "to", to);
    cli_json(c, doc);
    return 0;
}

int verb_backup(struct cli *c)
{
    struct err err = {0};
    struct store *s;
    int r = cli_store(c, &s, &err);
    if (r == 0)
        r = store_backup(s, c->args[0], &err);
    if (r == ERR_NOTFOUND)
        err_hint(&err, "does the folder of %s exist?", c->args[0]);
    if (r < 0)
        return cli_fail(c, &err, NULL);
    const char *from = str_or(store_dir(s), "the store");
    if (c->json != JSON_OFF)
        return done(c, "forge/backup/v1", from, c->args[0]);
    printf("Backed up %s to %s.\n", from, c->args[0]);
    return 0;
}

int verb_restore(struct cli *c)
{
    struct err err = {0};
    struct settings *s;
    int r = cli_settings(c, &s, &err);
    if (r == 0 && access(c->args[0], R_OK) < 0)
        r = err_errno(&err, errno, "cannot read %s", c->args[0]);
    if (r == 0 && !cli_flag(c, "yes")) {
        bool asked;
        char question[512];
        snprintf(question, sizeof(question), "Replace the store in %s with %s?", s->state_dir, c->args[0]);
        if (!cli_confirm(c, question, &asked)) {
            err_set(&err, ERR_DENIED, "nothing was changed");
            r = err_hint(&err, "--yes restores without asking");
        }
    }
    if (r == 0)
        r = store_restore(c->args[0], s->state_dir, &err);
    if (r < 0)
        return cli_fail(c, &err, NULL);
    if (c->json != JSON_OFF)
        return done(c, "forge/restore/v1", c->args[0], s->state_dir);
    printf("Restored %s from %s. A store that was there is kept in it as store.mdb.before-TIME.\n",
           s->state_dir, c->args[0]);
    return 0;
}
