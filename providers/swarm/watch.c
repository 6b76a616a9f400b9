/*
 * A swarm's events. Those of services carry no labels, so the watch knows our services by id. There are no
 * events about tasks on other nodes, so the tasks that should run are listed every few seconds and compared
 * with the previous list; on the node we are connected to, container events report changes at once. A node
 * that goes down, comes back or is drained concerns all environments. Configs and secrets never change, and
 * cannot be removed while a service uses them: their events are not requested.
 */
#include "providers/swarm/swarm.h"

#include "base/clock.h"
#include "base/str.h"
#include "providers/docker/watch.h"

#define ANSWER_NS (2 * NS_PER_S)
#define TICK_NS   (3 * NS_PER_S)

static const char ours[] = "filters=%7B%22label%22%3A%5B%22" MARK_OWNER "%22%5D%7D";

static void learn_object(struct watching *w, const char *id, json_t *labels)
{
    const char *owner = json_string_value(json_object_get(labels, MARK_OWNER));
    const char *resource = json_string_value(json_object_get(labels, MARK_RESOURCE));
    if (id && watch_is_owner(w, owner))
        watch_know(w, id, owner, resource, 0);
}

static void swarm_learn(struct watching *w)
{
    _cleanup_json_ json_t *services = NULL, *networks = NULL;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err ignored = {0};
    json_t *item;
    size_t i;
    struct ask q = {.path = arena_printf(&a, "/services?%s", ours), .timeout_ns = ANSWER_NS};
    if (docker_json(w->d, &q, &services, NULL, &ignored) < 0)
        return;
    q.path = arena_printf(&a, "/networks?%s", ours);
    if (docker_json(w->d, &q, &networks, NULL, &ignored) < 0)
        return;
    json_array_foreach(services, i, item)
        learn_object(w, json_string_value(json_object_get(item, "ID")),
                     json_object_get(json_object_get(item, "Spec"), "Labels"));
    json_array_foreach(networks, i, item)
        learn_object(w, json_string_value(json_object_get(item, "Id")), json_object_get(item, "Labels"));
}

/* Look up an unknown object, and remember it if it is ours. */
static void look_at(struct watching *w, const struct engine_event *e)
{
    _cleanup_json_ json_t *j = NULL;
    struct err ignored = {0};
    bool network = e->type == EVENT_NETWORK;
    const struct ask q = {.path = docker_path(&w->arena, network ? "/networks/" : "/services/", e->id, ""),
                          .timeout_ns = ANSWER_NS};
    if (docker_json(w->d, &q, &j, NULL, &ignored) < 0)
        return;
    learn_object(w, e->id, json_object_get(network ? j : json_object_get(j, "Spec"), "Labels"));
}

static bool swarm_concerns(struct watching *w, const struct engine_event *e, struct provider_event *ev)
{
    const char *id = e->type == EVENT_CONTAINER ? e->service : e->id;
    if (e->type == EVENT_NODE) {
        ev->owner = ev->id = NULL;
        return true;
    }
    if (!id || e->type == EVENT_VOLUME || e->type == EVENT_OTHER)
        return false;
    if ((e->type == EVENT_SERVICE || e->type == EVENT_NETWORK) && !map_get(&w->containers, id) &&
        !str_eq(e->action, "destroy"))
        look_at(w, e);
    const struct known_container *k = map_get(&w->containers, id);
    if (!k)
        return false;
    ev->owner = k->owner;
    ev->id = k->resource;
    ev->instance = 0;
    ev->native_id = id;
    return true;
}

/* Compute for each service a digest of its tasks and which of them run, independent of their order. */
static void count_tasks(struct watching *w, const struct swarm_lists *lists)
{
    struct known_container *k;
    const struct map_slot *s;
    size_t it = 0;
    while ((s = map_next(&w->containers, &it))) {
        k = s->value;
        k->tasks_before = k->tasks;
        k->tasks = 1;
    }
    for (size_t i = 0; i < lists->n_tasks; i++) {
        const struct task *t = &lists->task[i];
        k = t->service ? map_get(&w->containers, t->service) : NULL;
        if (k)
            k->tasks += watch_hash(t->id, strlen(t->id)) * (str_eq(t->state, "running") ? 3 : 2);
    }
}

static void look_at_tasks(struct watching *w)
{
    static const char path[] = "/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D";
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct swarm_lists lists = {0};
    struct err ignored = {0};
    const struct map_slot *s;
    size_t it = 0;
    const struct ask q = {.path = path, .timeout_ns = ANSWER_NS};
    int r = docker_ask(w->d, &q, &lists.tasks, NULL, &ignored);
    if (r == 0)
        r = swarm_read_tasks(&a, &lists, &ignored);
    if (r == 0)
        count_tasks(w, &lists);
    swarm_lists_release(&lists);
    if (r < 0)
        return; /* if the engine is unreachable, the stream reports it */
    while ((s = map_next(&w->containers, &it))) {
        const struct known_container *k = s->value;
        if (k->tasks_before && k->tasks != k->tasks_before)
            w->watch->event(w->watch->arg, &(struct provider_event){.owner = k->owner,
                                                                    .id = k->resource,
                                                                    .native_id = k->id,
                                                                    .action = "tasks",
                                                                    .at_ns = w->last_ns});
    }
}

static const struct watch_rules swarm_rules = {
    .filters = "{\"type\":[\"service\",\"node\",\"network\",\"container\"],\"event\":[\"create\",\"update\","
               "\"remove\",\"die\",\"oom\"]}",
    .concerns = swarm_concerns,
    .learn = swarm_learn,
    .tick = look_at_tasks,
    .tick_ns = TICK_NS,
};

int swarm_watch_open(struct provider *p, const char *owner, struct watch *w, struct err *err)
{
    return watch_open_by(&swarm_rules, p, owner, w, err);
}
