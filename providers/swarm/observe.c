/* All objects of an environment: listings of services, tasks and networks, requested in parallel. */
#include "providers/swarm/swarm.h"

#include "base/clock.h"
#include "base/str.h"
#include "providers/containers/missing.h"

struct looking {
    struct docker *d;
    const struct observe_request *rq;
    const struct cancel *cancel;
    struct arena *arena;
    struct observed *out;
    struct swarm_lists lists;
    struct registries registries;
};

static const char *services_path(struct looking *w)
{
    struct val *filters = val_map(w->arena), *labels = val_list(w->arena);
    val_list_add(w->arena, labels, val_strf(w->arena, MARK_OWNER "=%s", w->rq->owner));
    if (w->rq->resource)
        val_list_add(w->arena, labels, val_strf(w->arena, MARK_RESOURCE "=%s", w->rq->resource));
    val_map_set(w->arena, filters, "label", labels);
    return arena_printf(w->arena, "/services?%s", docker_filters(w->arena, filters));
}

enum { LANE_SERVICES, LANE_TASKS, LANE_NETWORKS, LANE_NODES, LANES };

struct lanes {
    struct looking *w;
    const char *services;
    int result[LANES];
    struct err err[LANES];
};

static void run_lane(void *arg, size_t i)
{
    struct lanes *l = arg;
    struct looking *w = l->w;
    struct swarm_lists *lists = &w->lists;
    struct ask q = {.cancel = w->cancel};
    switch (i) {
    case LANE_SERVICES:
        q.path = l->services;
        l->result[i] = swarm_ask_list(w->d, &q, &lists->services, &l->err[i]);
        break;
    case LANE_TASKS:
        q.path = "/tasks";
        l->result[i] = docker_ask(w->d, &q, &lists->tasks, NULL, &l->err[i]);
        break;
    case LANE_NETWORKS:
        l->result[i] = swarm_network_list(w->d, w->cancel, &lists->networks, &l->err[i]);
        break;
    default:
        if (w->rq->nodes) {
            q.path = "/nodes";
            l->result[i] = swarm_ask_list(w->d, &q, &lists->nodes, &l->err[i]);
        }
        break;
    }
}

static int ask_lists(struct looking *w, struct err *err)
{
    struct lanes l = {.w = w, .services = services_path(w)};
    if (w->d->env.pool)
        pool_each(w->d->env.pool, LANES, run_lane, &l);
    else
        for (size_t i = 0; i < LANES; i++)
            run_lane(&l, i);
    for (size_t i = 0; i < LANES; i++)
        if (l.result[i] < 0) {
            *err = l.err[i];
            return err->code;
        }
    return swarm_read_tasks(w->arena, &w->lists, err);
}

static void add_foreign(struct looking *w, const struct missing_name *want, struct object *o)
{
    o->id = want->resource->id;
    o->instance = want->instance;
    *observed_add(w->out) = *o;
}

static int find_services(struct looking *w, const struct missing *missing, struct err *err)
{
    struct val *filters = val_map(w->arena), *names = val_list(w->arena);
    size_t i;
    json_t *item;
    if (!missing->n)
        return 0;
    for (i = 0; i < missing->n; i++)
        val_list_add(w->arena, names, val_str(w->arena, missing->items[i].name));
    val_map_set(w->arena, filters, "name", names);
    const char *path = arena_printf(w->arena, "/services?%s", docker_filters(w->arena, filters));
    _cleanup_json_ json_t *list = NULL;
    int r = swarm_ask_list(w->d, &(struct ask){.path = path, .cancel = w->cancel}, &list, err);
    if (r < 0)
        return r;
    json_array_foreach(list, i, item)
    {
        struct object o;
        r = swarm_object(w->arena, &w->lists, item, &o, err);
        if (r < 0)
            return r;
        const struct missing_name *want = missing_find(missing, o.native_name);
        if (want) /* the filter also matches longer names with this prefix */
            add_foreign(w, want, &o);
    }
    return 0;
}

static int find_networks(struct looking *w, const struct missing *missing, struct err *err)
{
    json_t *item;
    size_t i;
    json_array_foreach(w->lists.networks, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "Name"));
        const struct missing_name *want = name ? missing_find(missing, name) : NULL;
        struct object o;
        if (!want)
            continue;
        int r = swarm_network_read(w->arena, item, &o, err);
        if (r < 0)
            return r;
        add_foreign(w, want, &o);
    }
    return 0;
}

static int find_namesakes(struct looking *w, const struct resource_set *set, struct err *err)
{
    _cleanup_missing_ struct missing services, networks;
    missing_init(&services, w->arena, w->out, set, w->rq->owner, &kind_container, false);
    missing_init(&networks, w->arena, w->out, set, w->rq->owner, &kind_network, false);
    int r = find_services(w, &services, err);
    return r < 0 ? r : find_networks(w, &networks, err);
}

/* What a reference means: the digest with which one of our services runs it, or which the registry has. Nodes
   pull images by themselves, so all images count as present. */
static void learn_image(struct looking *w, const char *ref, bool always)
{
    const char *at = strchr(ref, '@'), *id = at ? at + 1 : NULL;
    const struct image_unasked *unasked = NULL;
    for (size_t i = 0; i < w->out->n && !id && !always; i++) {
        const struct object *o = w->out->items[i];
        if (str_eq(o->owner, w->rq->owner) && str_eq(val_get_str(o->spec, "image"), ref))
            id = o->image_id;
    }
    if (!id && (always || w->rq->images))
        id = registries_digest(&w->registries, ref, &unasked);
    const struct image_fact fact = {
        .ref = ref, .present = true, .id = id, .digest = id, .unasked = always ? unasked : NULL};
    arena_push(w->out->arena, w->out->images, w->out->n_images, w->out->cap_images, fact);
}

static void learn_images(struct looking *w, const struct resource_set *set)
{
    _cleanup_map_ struct map known = MAP_INIT, always;
    always_pulled(set, &always);
    registries_ask(&w->registries, &always);
    for (size_t i = 0; i < set->n; i++) {
        const struct resource *r = set->items[i];
        const char *ref = val_get_str(r->spec, "image");
        if (!ref || !(r->kind->flags & KIND_INSTANCES) || map_get(&known, ref))
            continue;
        learn_image(w, ref, map_get(&always, ref));
        map_put(&known, ref, w);
    }
}

static int add_services(struct looking *w, struct err *err)
{
    json_t *item;
    size_t i;
    json_array_foreach(w->lists.services, i, item)
    {
        struct object o;
        int r = swarm_object(w->arena, &w->lists, item, &o, err);
        if (r < 0)
            return r;
        w->out->listed++;
        if (o.owner && str_eq(o.owner, w->rq->owner))
            *observed_add(w->out) = o;
    }
    return 0;
}

static int add_networks(struct looking *w, struct err *err)
{
    json_t *item;
    size_t i;
    json_array_foreach(w->lists.networks, i, item)
    {
        struct object o;
        int r = swarm_network_read(w->arena, item, &o, err);
        if (r < 0)
            return r;
        w->out->listed++;
        if (o.owner && str_eq(o.owner, w->rq->owner) && (!w->rq->resource || str_eq(o.id, w->rq->resource)))
            *observed_add(w->out) = o;
    }
    return 0;
}

/* The tasks that run on each node, or should; for a node that is down, those that ran there. */
static void add_nodes(struct looking *w)
{
    size_t n;
    struct node_fact *nodes = nodes_read(w->arena, w->lists.nodes, &n);
    json_t *item;
    size_t i;
    struct map names;
    map_init(&names);
    json_array_foreach(w->lists.services, i, item) map_put(
        &names, json_string_value(json_object_get(item, "ID")),
        arena_strdup(w->arena, json_string_value(json_object_get(json_object_get(item, "Spec"), "Name"))));
    for (size_t k = 0; k < n; k++)
        for (i = 0; i < w->lists.n_tasks; i++) {
            const struct task *t = &w->lists.task[i];
            const char *name = t->service ? map_get(&names, t->service) : NULL;
            bool down = !str_eq(nodes[k].state, "ready");
            bool had = str_eq(t->wanted, "running") || (down && str_eq(t->state, "running"));
            if (!name || !had || !str_eq(t->node, nodes[k].id))
                continue;
            val_list_add(w->arena, nodes[k].tasks,
                         t->slot ? val_strf(w->arena, "%s.%lld", name, (long long)t->slot)
                                 : val_str(w->arena, name));
        }
    map_release(&names);
    w->out->nodes = nodes;
    w->out->n_nodes = n;
}

static int look(struct looking *w, struct err *err)
{
    int r = ask_lists(w, err);
    if (r == 0)
        r = add_services(w, err);
    if (r == 0)
        r = add_networks(w, err);
    if (r < 0)
        return r;
    if (w->lists.nodes)
        add_nodes(w);
    const struct resource_set *set =
        w->rq->desired_wait ? w->rq->desired_wait(w->rq->desired_arg) : w->rq->desired;
    if (!set)
        return 0;
    r = find_namesakes(w, set, err);
    if (r == 0)
        learn_images(w, set);
    return r;
}

static int by_ref(const void *pa, const void *pb)
{
    return strcmp(((const struct image_fact *)pa)->ref, ((const struct image_fact *)pb)->ref);
}

int swarm_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                  struct arena *a, struct observed *ret, struct err *err)
{
    struct docker *d = docker_of(p);
    struct looking w = {.d = d, .rq = rq, .cancel = c, .arena = a, .out = ret};
    observed_init(ret, a);
    registries_init(&w.registries, d, rq->registries, c, a);
    int r = look(&w, err);
    if (r == 0) {
        ret->caps = swarm_caps(d->api);
        ret->engine = arena_printf(a, "swarm, %s", d->engine);
        ret->at_ns = clock_wall(d->env.clock ? d->env.clock : clock_system());
        observed_sort(ret);
        if (ret->n_images)
            qsort(ret->images, ret->n_images, sizeof(*ret->images), by_ref);
    }
    swarm_lists_release(&w.lists);
    registries_release(&w.registries);
    return r < 0 ? err_wrap(err, "target %s", str_or(d->target.name, d->target.url)) : 0;
}

static int inspect_service(struct docker *d, const char *native, const struct cancel *c, struct arena *a,
                           struct object *ret, struct err *err)
{
    struct swarm_lists l = {0};
    _cleanup_json_ json_t *j = NULL;
    int r = swarm_service(d, native, c, &j, err);
    if (r == 0)
        r = swarm_network_list(d, c, &l.networks, err);
    if (r == 0)
        r = swarm_service_tasks(d, json_string_value(json_object_get(j, "ID")), c, a, &l, err);
    if (r == 0)
        r = swarm_object(a, &l, j, ret, err);
    swarm_lists_release(&l);
    return r;
}

int swarm_inspect(struct provider *p, const struct kind_desc *kind, const char *native,
                  const struct cancel *c, struct arena *a, struct object *ret, struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_json_ json_t *j = NULL;
    if (kind == &kind_container)
        return inspect_service(d, native, c, a, ret, err);
    if (kind != &kind_network)
        return err_set(err, ERR_NOTFOUND, "a swarm has no objects of kind %s", kind->name);
    const char *path = docker_path(a, "/networks/", native, "?scope=swarm");
    int r = docker_json(d, &(struct ask){.path = path, .cancel = c}, &j, NULL, err);
    return r < 0 ? r : swarm_network_read(a, j, ret, err);
}
