/* A command in the container of a task. It must be on the node we are connected to: a manager reaches no
   other. */
#include "providers/swarm/swarm.h"

#include "base/str.h"

struct search {
    json_t *service, *info;
    struct swarm_lists lists;
};

static int ask(struct docker *d, const char *native, const struct cancel *c, struct arena *a,
               struct search *s, struct err *err)
{
    int r = swarm_service(d, native, c, &s->service, err);
    if (r == 0)
        r = docker_json(d, &(struct ask){.path = "/info", .cancel = c}, &s->info, NULL, err);
    if (r == 0)
        r = swarm_ask_list(d, &(struct ask){.path = "/nodes", .cancel = c}, &s->lists.nodes, err);
    if (r == 0)
        r = swarm_service_tasks(d, json_string_value(json_object_get(s->service, "ID")), c, a, &s->lists,
                                err);
    return r;
}

/* The container of the first task that runs on this node; otherwise the error names the node of another. */
static int find(struct search *s, const char *native, struct arena *a, const char **ret, struct err *err)
{
    const char *here = json_string_value(json_object_get(json_object_get(s->info, "Swarm"), "NodeID"));
    const char *elsewhere = NULL;
    for (size_t i = 0; i < s->lists.n_tasks; i++) {
        const struct task *t = &s->lists.task[i];
        if (!str_eq(t->state, "running") || !str_eq(t->wanted, "running"))
            continue;
        if (t->container && str_eq(t->node, here)) {
            *ret = arena_strdup(a, t->container);
            return 0;
        }
        elsewhere = t->node;
    }
    if (!elsewhere)
        return err_set(err, ERR_NOTFOUND, "service %s has no running task", native);
    const char *node = str_or(swarm_node_name(&s->lists, elsewhere), elsewhere);
    err_set(err, ERR_UNSUPPORTED, "service %s has no task on this node, but one on node %s", native, node);
    return err_hint(
        err, "run the command on %s: use docker exec there, or a target with the url of the engine on %s",
        node, node);
}

int swarm_exec(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
               struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct search s = {0};
    struct exec_request in = *rq;
    int r = ask(docker_of(p), rq->native_name, c, &a, &s, err);
    if (r == 0)
        r = find(&s, rq->native_name, &a, &in.native_name, err);
    swarm_lists_release(&s.lists);
    json_decref(s.service);
    json_decref(s.info);
    return r < 0 ? r : docker_exec(p, &in, c, ret_exit, err);
}
