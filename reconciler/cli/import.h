#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H
/* What `forge-ctl import` collects before it writes. */
#include "reconciler/cli/cli.h"

struct import {
    struct cli *c;
    struct resource_set set; /* in the cli's arena */
    struct diag_list diags;
};

/* Make manifests from the compose files in c->args. */
int import_compose(struct import *m, struct err *err) _must_check_;
/* Make manifests from running containers: those of --project, those named, or all that are not Forge's. */
int import_running(struct import *m, struct err *err) _must_check_;
#endif
