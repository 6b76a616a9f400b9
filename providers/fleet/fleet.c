#include "providers/fleet/fleet.h"

#include "base/mem.h"
#include "base/str.h"

static void fleet_close(struct provider *p)
{
    struct fleet *f = fleet_of(p);
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        member_release(&f->members[i]);
    free(f->members);
    free(f);
}

/* ---- ids that name no member ---- */

static int nobody(const char *id, struct err *err)
{
    err_set(err, ERR_NOTFOUND, "%s names no engine of this environment", id);
    return err_hint(err, "add its target, as in container/web@host2");
}

static int nobody_inspect(struct provider *p, const struct kind_desc *kind, const char *native,
                          const struct cancel *c, struct arena *a, struct object *ret, struct err *err)
{
    (void)p;
    (void)kind;
    (void)c;
    (void)a;
    (void)ret;
    return nobody(native, err);
}

static int nobody_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
                        struct step_result *ret, struct err *err)
{
    (void)p;
    (void)ctx;
    (void)ret;
    return nobody(s->id, err);
}

static const struct provider_ops nobody_ops = {
    .name = "no engine", .inspect = nobody_inspect, .apply = nobody_apply};

static struct provider *fleet_on(struct provider *p, const char *id)
{
    struct fleet *f = fleet_of(p);
    const char *target = id_target(id);
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->members[i].target->name, target))
            return &f->members[i].base;
    return &f->nobody;
}

/* ---- the operations ---- */

static int fleet_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                      struct err *err)
{
    struct fleet *f = mem_alloc(sizeof(*f));
    *f = (struct fleet){.base = {.ops = &provider_fleet, .target = t}, .env = *env};
    f->nobody = (struct provider){.ops = &nobody_ops, .target = t};
    f->members = mem_alloc((t->n_members + 1) * sizeof(*f->members));
    for (size_t i = 0; i < t->n_members; i++) {
        int r = member_init(&f->members[i], f, t->members[i], err);
        if (r < 0) {
            fleet_close(&f->base);
            return r;
        }
        f->n++;
    }
    *ret = &f->base;
    return 0;
}

/* The capabilities that all members have; at least one must answer. */
static int fleet_ping(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                      struct err *err)
{
    struct fleet *f = fleet_of(p);
    unsigned caps = ~0u;
    size_t there = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct member *m = &f->members[i];
        const char *engine;
        unsigned some;
        if (m->base.ops->ping(&m->base, &some, &engine, a, err) < 0)
            continue;
        caps &= some;
        there++;
    }
    if (!there && f->n)
        return err->code;
    *ret_caps = caps;
    *ret_engine = arena_printf(a, "%zu of %zu engines", there, f->n);
    return 0;
}

static int fleet_inspect(struct provider *p, const struct kind_desc *kind, const char *native,
                         const struct cancel *c, struct arena *a, struct object *ret, struct err *err)
{
    return nobody_inspect(p, kind, native, c, a, ret, err);
}

static int fleet_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
                       struct step_result *ret, struct err *err)
{
    struct provider *on = fleet_on(p, s->id);
    return on->ops->apply(on, s, ctx, ret, err);
}

const struct provider_ops provider_fleet = {
    .name = "a set of engines",
    .open = fleet_open,
    .close = fleet_close,
    .ping = fleet_ping,
    .observe = fleet_observe,
    .inspect = fleet_inspect,
    .apply = fleet_apply,
    .watch_open = fleet_watch_open,
    .watch_dispatch = fleet_watch_dispatch,
    .watch_close = fleet_watch_close,
    .on = fleet_on,
};
