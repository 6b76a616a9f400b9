/* explain and schema: print what the field tables say. */
#include "reconciler/cli/cli.h"
#include "schema/doc.h"

/* Without an argument: the kinds that can be explained. */
static int list_kinds(struct cli *c)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct table t;
    table_init(&t, &c->arena, 2, (const char *const[]){"KIND", "DESCRIPTION"});
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        table_row(&t, (const char *const[]){(*kind)->prefix, (*kind)->doc});
    table_row(&t, (const char *const[]){"metadata", "Name, labels and annotations, for every kind."});
    table_print(&t, c->out_colour, &b);
    buf_adds(&b, "\n`forge-ctl explain KIND` lists the fields of a kind, `forge-ctl explain KIND.FIELD` "
                 "describes a field.\n");
    cli_out(&b);
    return 0;
}

int verb_explain(struct cli *c)
{
    struct err err = {0};
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (!c->n_args)
        return list_kinds(c);
    if (doc_explain(c->args[0], &b, &err) < 0)
        return cli_fail(c, &err, NULL);
    cli_out(&b);
    return 0;
}

int verb_schema(struct cli *c)
{
    (void)c;
    _cleanup_buf_ struct buf b = BUF_INIT;
    doc_json_schema(&b);
    cli_out(&b);
    return 0;
}
