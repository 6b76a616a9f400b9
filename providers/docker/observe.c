/* All objects of an environment: listings in parallel, and details only of what is new or changed. */
#include "providers/docker/observe.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"

static const char *owned(struct look_at *w)
{
    struct val *filters = val_map(w->arena), *labels = val_list(w->arena);
    val_list_add(w->arena, labels, val_strf(w->arena, MARK_OWNER "=%s", w->rq->owner));
    if (w->rq->resource)
        val_list_add(w->arena, labels, val_strf(w->arena, MARK_RESOURCE "=%s", w->rq->resource));
    val_map_set(w->arena, filters, "label", labels);
    return docker_filters(w->arena, filters);
}

struct lane_paths {
    const char *containers, *networks, *volumes, *events;
};

static int lane_rest(struct look_at *w, const struct lane_paths *p, struct err *err)
{
    int r =
        docker_json(w->d, &(struct ask){.path = p->networks, .cancel = w->cancel}, &w->networks, NULL, err);
    if (r == 0)
        r = docker_json(w->d, &(struct ask){.path = p->volumes, .cancel = w->cancel}, &w->volumes, NULL, err);
    if (r == 0 && p->events)
        r = docker_ask(w->d, &(struct ask){.path = p->events, .cancel = w->cancel}, &w->events, NULL, err);
    return r;
}

const struct resource_set *desired_set(struct look_at *w)
{
    if (!w->waited)
        w->desired = w->rq->desired_wait ? w->rq->desired_wait(w->rq->desired_arg) : w->rq->desired;
    w->waited = true;
    return w->desired;
}

/* The listings, in lanes that run in parallel: the containers' takes as long as the others together. If it
   does not show which images have moved, all images are asked about in a lane of their own. */
enum lane { LANE_CONTAINERS, LANE_REST, LANE_IMAGES, LANES };
struct lane_job {
    struct look_at *w;
    struct lane_paths paths;
    int result[LANES];
    struct err err[LANES];
};

static void run_lane(void *arg, size_t i)
{
    struct lane_job *job = arg;
    struct look_at *w = job->w;
    if (i == LANE_CONTAINERS)
        job->result[i] = docker_ask(w->d, &(struct ask){.path = job->paths.containers, .cancel = w->cancel},
                                    &w->containers, NULL, &job->err[i]);
    else if (i == LANE_REST)
        job->result[i] = lane_rest(w, &job->paths, &job->err[i]);
    else
        job->result[i] = images_ask(w, &job->err[i]);
}

static bool asks_events(const struct look_at *w)
{
    return w->d->env.cache.get && !w->rq->resource && w->d->dialect->updates_are_events;
}

static int ask_lists(struct look_at *w, struct err *err)
{
    const char *filters = owned(w);
    struct lane_job job = {
        .w = w,
        .paths =
            {
                .containers = arena_printf(w->arena, "%s&%s", w->d->dialect->list_containers, filters),
                .networks = arena_printf(w->arena, "%s%s", w->d->dialect->list_networks, filters),
                .volumes = arena_printf(w->arena, "/volumes?%s", filters),
                .events = asks_events(w) ? events_path(w) : NULL,
            },
    };
    const size_t lanes = w->d->dialect->listing_shows_moves ? LANE_IMAGES : LANES;
    if (w->d->env.pool)
        pool_each(w->d->env.pool, lanes, run_lane, &job);
    else
        for (size_t i = 0; i < lanes; i++)
            run_lane(&job, i);
    for (size_t i = 0; i < lanes; i++)
        if (job.result[i] < 0) {
            *err = job.err[i];
            return err->code;
        }
    return 0;
}

typedef int read_fn(struct arena *a, json_t *inspect, struct object *ret, struct err *err);

static int add_objects(struct look_at *w, json_t *list, read_fn *read, struct err *err)
{
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        struct object o;
        int r = read(w->arena, item, &o, err);
        if (r < 0)
            return r;
        w->out->listed++;
        /* The filter makes the engine select; this checks the label's value. */
        if (o.owner && str_eq(o.owner, w->rq->owner))
            *observed_add(w->out) = o;
    }
    return 0;
}

/* Convert the dialect's listing of networks to Docker's form. */
static void reform_networks(struct look_at *w)
{
    json_t *list = json_array(), *item;
    size_t i;
    json_array_foreach(w->networks, i, item) json_array_append_new(list, w->d->dialect->network(item));
    json_decref(w->networks);
    w->networks = list;
}

static int observe(struct look_at *w, struct err *err)
{
    int r = docker_negotiate(w->d, w->cancel, err);
    if (r == 0)
        r = told_look(w, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = ask_lists(w, err);
    if (r < 0)
        return r;
    w->continuous = !w->d->dialect->updates_are_events; /* then the listing shows everything */
    events_read(w);
    r = containers_list(w, err);
    if (r == 0)
        r = containers_look(w, err);
    if (r == 0 && w->d->dialect->network)
        reform_networks(w);
    if (r == 0)
        r = add_objects(w, w->networks, network_read, err);
    if (r == 0)
        r = add_objects(w, json_object_get(w->volumes, "Volumes"), volume_read, err);
    if (r < 0)
        return r;
    const struct resource_set *set = desired_set(w);
    if (set)
        r = desired_look(w, set, err);
    if (r < 0)
        return r;
    /* A partial observation says nothing about what happened to the other objects. */
    if (!w->rq->resource)
        events_keep(w);
    if (w->d->env.cache.flush)
        w->d->env.cache.flush(w->d->env.cache.arg);
    return 0;
}

int docker_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                   struct arena *a, struct observed *ret, struct err *err)
{
    struct docker *d = docker_of(p);
    struct look_at w = {.d = d, .rq = rq, .cancel = c, .arena = a, .out = ret};
    observed_init(ret, a);
    map_init(&w.by_id);
    map_init(&w.touched);
    map_init(&w.images);
    map_init(&w.asked);
    arena_init(&w.asked_arena);
    registries_init(&w.registries, d, rq->registries, c, a);
    int r = observe(&w, err);
    if (r == 0) {
        ret->caps = d->dialect->caps(d->api, &w.facts);
        ret->engine = arena_strdup(a, d->engine);
        ret->at_ns = clock_wall(d->env.clock ? d->env.clock : clock_system());
        observed_sort(ret);
    }
    for (size_t i = 0; i < w.n_seen; i++)
        json_decref(w.seen[i].json);
    json_decref(w.networks);
    json_decref(w.volumes);
    http_answer_release(&w.containers);
    http_answer_release(&w.events);
    map_release(&w.by_id);
    map_release(&w.touched);
    map_release(&w.images);
    map_release(&w.asked);
    arena_release(&w.asked_arena);
    registries_release(&w.registries);
    return r < 0 ? err_wrap(err, "target %s", str_or(d->target.name, d->target.url)) : 0;
}
