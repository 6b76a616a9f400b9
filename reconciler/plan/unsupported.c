/* What the target cannot do is said at plan time, all of it at once, and where it is asked for. */
#include "reconciler/plan/planner.h"

/* Fields of containers that need a capability. */
static const struct {
    const char *path;
    unsigned cap;
    const char *what;
} needs[] = {
    {"healthcheck", CAP_HEALTHCHECK, "health checks"},
    {"healthcheck.start_interval", CAP_START_INTERVAL, "a start interval of health checks"},
    {"configs", CAP_COPY_INTO, "configs as files"},
    {"secrets", CAP_COPY_INTO, "secrets as files"},
    {"annotations", CAP_ANNOTATIONS, "annotations"},
};

static size_t check_resource(struct planner *p, const struct resource *r)
{
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        const struct val *v = p->caps & needs[i].cap ? NULL : val_path(r->spec, needs[i].path);
        if (!v || ((v->type == VAL_MAP || v->type == VAL_LIST) && v->len == 0))
            continue;
        const char *file =
            v->file && v->file < p->in->desired->n_files ? p->in->desired->files[v->file] : r->file;
        struct diag *d = diag_add(p->diags, DIAG_ERROR, file, v->line ? v->line : r->line,
                                  v->line ? v->col : r->col, "%s: %s: %s cannot do %s", r->id, needs[i].path,
                                  str_or(p->in->observed->engine, "this target"), needs[i].what);
        diag_hint(p->diags, d, "remove it, or use a target that can");
        found++;
    }
    return found;
}

int check_supported(struct planner *p, struct err *err)
{
    size_t found = 0;
    const unsigned all = CAP_HEALTHCHECK | CAP_START_INTERVAL | CAP_COPY_INTO | CAP_ANNOTATIONS;
    if ((p->caps & all) == all)
        return 0;
    for (size_t i = 0; i < p->in->desired->n; i++) {
        const struct resource *r = p->in->desired->items[i];
        if (r->kind->flags & KIND_INSTANCES && planner_selected(p, r->id))
            found += check_resource(p, r);
    }
    if (!found)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "%zu %s that %s cannot do", found,
                   found == 1 ? "thing is asked for" : "things are asked for",
                   str_or(p->in->target, "the target"));
}
