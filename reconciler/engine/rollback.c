/* Desired state from a recorded generation instead of from a commit (H2). */
#include "reconciler/engine/internal.h"

#include "base/str.h"

static int add_recorded(struct look *l, struct resource_set *set, const struct val *record, struct err *err)
{
    struct resource *r;
    int rc = resource_from_val(&l->arena, record, &r, err);
    if (rc < 0)
        return rc;
    resource_set_add(set, r);
    return 0;
}

int rollback_all(struct look *l, const struct generation *g, struct err *err)
{
    resource_set_release(&l->desired);
    resource_set_init(&l->desired, &l->arena);
    for (size_t i = 0; i < val_len(g->resources); i++) {
        int r = add_recorded(l, &l->desired, g->resources->pairs[i].val, err);
        if (r < 0)
            return r;
    }
    resource_set_sort(&l->desired);
    return 0;
}

static int whole_generation(struct engine *e, struct look *l, uint64_t number, struct generation *ret,
                            struct err *err)
{
    int r = generation_get(e->env.store, e->config->name, number, &l->arena, ret, err);
    if (r == ERR_NOTFOUND)
        return err_hint(err, "`forge-ctl history` lists the generations that are kept");
    if (r == 0 && !ret->resources)
        r = err_set(err, ERR_CORRUPT, "generation %llu of environment %s has no resources",
                    (unsigned long long)number, e->config->name);
    return r;
}

int look_rollback(struct engine *e, const struct look_options *o, struct look *l, struct err *err)
{
    struct generation g, last;
    if (o->rollback_only && id_target(o->rollback_only)) {
        err_set(err, ERR_UNSUPPORTED,
                "%s names one of several engines, but a resource is rolled back on all of them",
                o->rollback_only);
        return err_hint(err, "write %s", id_plain(&l->arena, o->rollback_only));
    }
    int r = whole_generation(e, l, l->rollback_to, &g, err);
    if (r == 0 && o->rollback_only)
        r = whole_generation(e, l, l->state.generation, &last, err);
    if (r < 0)
        return r;
    struct snapshot_info *info = arena_new(&l->arena, struct snapshot_info);
    *info = *l->info;
    l->info = info;
    if (o->rollback_only) {
        info->commit = str_or(last.commit, "");
        info->subject = str_or(last.subject, "");
        return rollback_one(l, &last, &g, o->rollback_only, err);
    }
    info->commit = str_or(g.commit, "");
    info->subject = arena_printf(&l->arena, "generation %llu%s%s", (unsigned long long)g.number,
                                 g.subject ? ": " : "", str_or(g.subject, ""));
    return rollback_all(l, &g, err);
}
