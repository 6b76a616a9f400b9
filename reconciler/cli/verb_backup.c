/* backup and restore: the store, whole. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

int verb_backup(struct cli *c)
{
    struct err err = {0};
    struct store *s;
    int r = cli_store(c, &s, &err);
    if (r == 0)
        r = store_backup(s, c->args[0], &err);
    if (r < 0)
        return cli_fail(c, &err, NULL);
    if (c->json == JSON_OFF)
        printf("Backed up %s to %s.\n", str_or(store_dir(s), "the store"), c->args[0]);
    return 0;
}

int verb_restore(struct cli *c)
{
    struct err err = {0};
    struct settings *s;
    int r = cli_settings(c, &s, &err);
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
    if (c->json == JSON_OFF)
        printf("Restored %s from %s. The old store is kept beside it.\n", s->state_dir, c->args[0]);
    return 0;
}
