/* explain and schema: what the field tables say. */
#include "reconciler/cli/cli.h"
#include "schema/doc.h"

int verb_explain(struct cli *c)
{
    struct err err = {0};
    _cleanup_buf_ struct buf b = BUF_INIT;
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
