/* The words of a change: why, and what it costs. */
#include "reconciler/plan/planner.h"

#include "base/parse.h"
#include "schema/kinds/container.h"

static void add_part(struct buf *b, const char *text)
{
    if (b->len)
        buf_adds(b, ", ");
    buf_adds(b, text);
}

static void describe_ports(struct arena *a, const struct val *ports, struct buf *b)
{
    size_t n = val_len(ports);
    for (size_t i = 0; i < n; i++) {
        if (i == 3) {
            add_part(b, arena_printf(a, "%zu more", n - i));
            return;
        }
        add_part(b, arena_printf(a, "%s%s", i == 0 ? n == 1 ? "port " : "ports " : "", ports->pairs[i].key));
    }
}

static void describe_container(struct arena *a, const struct val *spec, struct buf *b)
{
    struct err err = {0};
    const char *ref = val_get_str(spec, "image"), *canonical;
    if (ref)
        add_part(b, ref_canonical(a, ref, &canonical, &err) == 0 ? ref_familiar(a, canonical) : ref);
    int64_t replicas = val_get_int(spec, "replicas", 1);
    if (replicas != 1)
        add_part(b, arena_printf(a, "%lld replicas", (long long)replicas));
    describe_ports(a, val_get(spec, "ports"), b);
}

const char *describe_resource(struct arena *a, const struct resource *r)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (r->kind->flags & KIND_INSTANCES)
        describe_container(a, r->spec, &b);
    else if (val_get_str(r->spec, "driver"))
        add_part(&b, arena_printf(a, "driver %s", val_get_str(r->spec, "driver")));
    return b.len ? arena_strndup(a, buf_str(&b), b.len) : NULL;
}

static bool any_up(const struct plan_change *c)
{
    for (size_t i = 0; i < c->n_moves; i++) {
        const struct object *o = c->moves[i].current ? c->moves[i].current : c->moves[i].candidate;
        if (o && o->state != OBJECT_PRESENT && object_up(o) && (!object_is_service(o) || o->tasks_running))
            return true;
    }
    return false;
}

/* Is an interrupted replace taken up where it stands? */
static bool goes_on(const struct plan_change *c)
{
    for (size_t i = 0; i < c->n_moves; i++)
        if (c->moves[i].resume)
            return true;
    return false;
}

/* How serving objects take turns, and what is missing meanwhile. */
static const char *interruption(struct planner *p, const struct plan_change *c, bool replace)
{
    const char *turns = rollout_words(p->a, c);
    bool several = c->rollout.total > 1, gap = c->stop_first || !replace;
    const char *end = !gap                              ? "no downtime expected"
                      : several && !c->rollout.together ? "short downtime for each"
                                                        : "short downtime";
    if (several)
        return arena_printf(p->a, "%s; %s", turns, end);
    if (replace && c->stop_first)
        end = arena_printf(p->a, "the old container stops first (%s), short downtime", c->stop_reason);
    else if (replace)
        end = "rolling, no downtime expected";
    return turns ? arena_printf(p->a, "%s, %s", end, turns) : end;
}

/* What people notice of it. */
static const char *how(struct planner *p, const struct plan_change *c)
{
    bool containers = c->kind->flags & KIND_INSTANCES;
    bool replace = c->action == PLAN_REPLACE || (c->action == PLAN_ADOPT && c->impact >= IMPACT_REPLACE);
    if (!c->n_moves)
        return NULL;
    if (replace && c->kind->flags & KIND_STATEFUL)
        return "recreated empty";
    if (replace && !containers)
        return "its containers are disconnected and reconnected";
    if (containers && goes_on(c))
        return p->policy->under_way ? "being replaced by another apply"
                                    : "resumes the interrupted replacement";
    if (!containers || !any_up(c))
        return NULL;
    if (planner_caps(p, c->id) & CAP_SERVICES)
        return (!replace && c->action != PLAN_RESTART) || !val_get_int(c->resource->spec, "replicas", 1)
                   ? NULL
               : service_keeps_running(c->resource->spec) ? "rolling, no downtime expected"
                                                          : "old tasks stop first, short downtime";
    if (c->returns || (!replace && c->action != PLAN_RESTART))
        return NULL;
    return interruption(p, c, replace);
}

static const char *creation_reason(struct planner *p, const struct plan_change *c)
{
    const char *what = describe_resource(p->a, c->resource);
    if (!(c->kind->flags & KIND_INSTANCES) && c->n_moves)
        what = arena_printf(p->a, "%s%s%s", c->moves[0].native_name, what ? ", " : "", what ? what : "");
    if (c->causes & CAUSE_COMMIT)
        return what ? arena_printf(p->a, "new: %s", what) : "new";
    if (c->causes & CAUSE_RESUME)
        return p->policy->under_way ? "being created by another apply"
                                    : "an earlier apply was interrupted; will be created";
    return c->kind->flags & KIND_STATEFUL ? "removed on the engine; will be recreated empty"
                                          : "removed on the engine; will be recreated";
}

static const char *removal_reason(struct planner *p, const struct plan_change *c)
{
    size_t n = c->n_moves;
    const char *absent = planner_absent(p);
    return n > 1 ? arena_printf(p->a, "%s (%zu objects)", absent, n) : absent;
}

static const char *forget_reason(const struct planner *p, const struct plan_change *c)
{
    if (target_is_gone(p, c->id))
        return "its target is no longer part of this environment; nothing there is changed";
    const char *stays = "";
    if (c->applied && val_get_bool(c->applied->spec, "external", false))
        stays = "; the external object is kept";
    else if (c->applied && c->applied->adopted)
        stays = "; the adopted object has no Forge label and is kept";
    else
        stays = ", and already gone from the engine";
    return arena_printf(p->a, "%s%s", planner_absent(p), stays);
}

static const char *adoption_reason(struct planner *p, const struct plan_change *c)
{
    const struct object *o = c->n_moves ? c->moves[0].current : NULL;
    if (!o)
        return NULL;
    return arena_printf(p->a, "takes over %s%s", o->native_name,
                        c->impact >= IMPACT_REPLACE ? (c->how ? "" : ", and recreates it")
                        : c->impact >= IMPACT_LIVE  ? " while it runs"
                                                    : " as it is");
}

static bool all_await(const struct plan_change *c)
{
    for (size_t i = 0; i < c->n_moves; i++)
        if (!c->moves[i].await)
            return false;
    return true;
}

/* One whose check has failed was waited for, or has had the time. */
static const char *await_reason(const struct planner *p, const struct plan_change *c)
{
    if (p->policy->under_way)
        return "started by another apply, which waits for it now";
    for (size_t i = 0; i < c->n_moves; i++)
        if (c->moves[i].current && c->moves[i].current->health == HEALTH_UNHEALTHY)
            return "started, but did not become healthy; Forge waits for it again";
    return "started by an apply that ended before it was ready; Forge waits for it now";
}

void describe(struct planner *p, struct plan_change *c)
{
    c->how = how(p, c);
    if (c->returns && c->action != PLAN_BLOCKED)
        c->reason = arena_printf(p->a, "restores the previous version: %s",
                                 str_or(c->applied->error, "its update failed"));
    if (c->reason)
        return;
    switch (c->action) {
    case PLAN_CREATE:
        c->reason = creation_reason(p, c);
        break;
    case PLAN_DELETE:
        c->reason = removal_reason(p, c);
        break;
    case PLAN_FORGET:
        c->reason = forget_reason(p, c);
        break;
    case PLAN_ADOPT:
        c->reason = adoption_reason(p, c);
        break;
    case PLAN_UPDATE:
        if (!c->n_moves)
            c->reason = p->policy->under_way && id_listed(p->policy->resume, c->id)
                            ? "being changed by another apply"
                            : "recorded only: no running object changes";
        else if (all_await(c))
            c->reason = await_reason(p, c);
        else if (c->impact == IMPACT_NONE && c->n_fields)
            c->reason = "changed in Git while it was missing from the engine";
        break;
    case PLAN_NONE:
    case PLAN_RESTART:
    case PLAN_REPLACE:
    case PLAN_BLOCKED:
        break;
    }
}
