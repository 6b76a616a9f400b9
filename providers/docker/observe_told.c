/*
 * The end of a container, observed from the event that reported it. When Docker sends `die` it still keeps
 * the container locked until its networks are released: an inspection waits for that, and the listing shows
 * it as running until then (daemon/monitor.go). Everything else about the container was observed before and
 * has not changed since: a caller that uses this has followed all events.
 */
#include "providers/docker/observe.h"

#include "base/str.h"

static const struct resource *asked_for(const struct look_at *w)
{
    return w->rq->desired ? resource_find(w->rq->desired, w->rq->resource) : NULL;
}

/* Does only Forge restart it, is it the only instance, and does it depend on no other container or moving
   image? */
static bool is_plain(const struct resource *r)
{
    static const char *const joins[] = {"network_mode", "pid", "ipc"};
    const char *restart = val_get_str(r->spec, "restart");
    for (size_t i = 0; i < ARRAY_LEN(joins); i++)
        if (str_starts(str_or(val_get_str(r->spec, joins[i]), ""), "container:"))
            return false;
    return r->kind == &kind_container && val_get_int(r->spec, "replicas", 1) == 1 &&
           (!restart || str_eq(restart, "no")) && !str_eq(val_get_str(r->spec, "pull_policy"), "always");
}

static bool is_known(const struct look_at *w, const struct object *o)
{
    const struct container_end *end = w->rq->ended;
    return o->kind == &kind_container && o->state == OBJECT_RUNNING && !o->candidate &&
           str_eq(o->native_id, end->native_id) && str_eq(o->id, w->rq->resource) &&
           str_eq(o->owner, w->rq->owner) && o->started_ns <= end->at_ns &&
           str_eq(str_or(val_get_str(o->spec, "restart"), "no"), "no");
}

int told_look(struct look_at *w, struct err *err)
{
    const struct container_end *end = w->rq->ended;
    const struct resource *r =
        end && w->rq->resource && !w->rq->fresh && !w->rq->images ? asked_for(w) : NULL;
    struct object o;
    if (!r || !is_plain(r) || !docker_recall(w->d, w->arena, end->native_id, &o) || !is_known(w, &o))
        return 0;
    o.state = OBJECT_EXITED;
    o.health = HEALTH_NONE;
    o.exit_code = end->exit_code;
    o.finished_ns = end->at_ns;
    o.message = NULL;
    int rc =
        docker_wants_facts(w->d, o.spec) ? docker_facts(w->d, false, w->cancel, w->arena, &w->facts, err) : 0;
    if (rc == 0)
        rc = container_finish(w, &o, err);
    if (rc < 0)
        return rc;
    *observed_add(w->out) = o;
    w->out->told++;
    rc = desired_look(w, w->rq->desired, err);
    return rc < 0 ? rc : 1;
}
