/* Requests to a manager, and combining their answers. */
#include "providers/swarm/swarm.h"

#include "base/str.h"

#include <stdlib.h>

void swarm_lists_release(struct swarm_lists *l)
{
    json_decref(l->services);
    http_answer_release(&l->tasks);
    json_decref(l->networks);
    json_decref(l->nodes);
    *l = (struct swarm_lists){0};
}

static int by_service(const void *pa, const void *pb)
{
    const struct task *a = pa, *b = pb;
    int c = strcmp(str_or(a->service, ""), str_or(b->service, ""));
    return c ? c : strcmp(a->id, b->id);
}

int swarm_read_tasks(struct arena *a, struct swarm_lists *l, struct err *err)
{
    const char *text = buf_str(&l->tasks.body);
    int r = tasks_read(a, (struct span){text, text + l->tasks.body.len}, &l->task, &l->n_tasks, err);
    if (r < 0)
        return err_wrap(err, "the listing of tasks");
    if (l->n_tasks)
        qsort(l->task, l->n_tasks, sizeof(*l->task), by_service);
    return 0;
}

size_t swarm_tasks_of(const struct swarm_lists *l, const char *service, const struct task **ret)
{
    size_t lo = 0, hi = l->n_tasks, end;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(str_or(l->task[mid].service, ""), service) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (end = lo; end < l->n_tasks && str_eq(l->task[end].service, service);)
        end++;
    *ret = &l->task[lo];
    return end - lo;
}

static const char *network_name(void *arg, const char *id)
{
    const struct swarm_lists *l = arg;
    json_t *item;
    size_t i;
    json_array_foreach(l->networks, i,
                       item) if (str_eq(json_string_value(json_object_get(item, "Id")),
                                        id)) return json_string_value(json_object_get(item, "Name"));
    return NULL;
}

int swarm_object(struct arena *a, const struct swarm_lists *l, json_t *service, struct object *ret,
                 struct err *err)
{
    struct swarm_lists copy = *l;
    const struct task *tasks;
    struct service_state state;
    int r = service_read(a, service, network_name, &copy, ret, err);
    if (r < 0)
        return r;
    size_t n = swarm_tasks_of(l, ret->native_id, &tasks);
    tasks_count(service, tasks, n, &state);
    service_judge(a, service, &state, ret);
    return 0;
}

const char *swarm_node_name(const struct swarm_lists *l, const char *id)
{
    json_t *item;
    size_t i;
    json_array_foreach(
        l->nodes, i,
        item) if (str_eq(json_string_value(json_object_get(item, "ID")),
                         id)) return json_string_value(json_object_get(json_object_get(item, "Description"),
                                                                       "Hostname"));
    return NULL;
}

int swarm_ask_list(struct docker *d, const struct ask *q, json_t **ret, struct err *err)
{
    _cleanup_json_ json_t *list = NULL;
    int r = docker_json(d, q, &list, NULL, err);
    if (r < 0)
        return r;
    if (!json_is_array(list) && !json_is_null(list))
        return err_set(err, ERR_CORRUPT, "the answer to GET %.*s is not a list", (int)strcspn(q->path, "?"),
                       q->path);
    *ret = json_incref(list);
    return 0;
}

int swarm_service(struct docker *d, const char *native, const struct cancel *c, json_t **ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct ask q = {.path = docker_path(&a, "/services/", native, ""), .cancel = c};
    return docker_json(d, &q, ret, NULL, err);
}

const char *swarm_filter(struct arena *a, const char *key, const char *value)
{
    struct val *filters = val_map(a), *list = val_list(a);
    val_list_add(a, list, val_str(a, value));
    val_map_set(a, filters, key, list);
    return docker_filters(a, filters);
}

int swarm_ask_tasks(struct docker *d, const char *filter, const struct cancel *c, struct arena *a,
                    struct swarm_lists *ret, struct err *err)
{
    const struct ask q = {.path = arena_printf(a, "/tasks?%s", filter), .cancel = c};
    http_answer_release(&ret->tasks);
    int r = docker_ask(d, &q, &ret->tasks, NULL, err);
    return r < 0 ? r : swarm_read_tasks(a, ret, err);
}

int swarm_service_tasks(struct docker *d, const char *id, const struct cancel *c, struct arena *a,
                        struct swarm_lists *ret, struct err *err)
{
    return swarm_ask_tasks(d, swarm_filter(a, "service", id), c, a, ret, err);
}

int swarm_network_list(struct docker *d, const struct cancel *c, json_t **ret, struct err *err)
{
    static const char path[] = "/networks?filters=%7B%22scope%22%3A%5B%22swarm%22%5D%7D";
    return swarm_ask_list(d, &(struct ask){.path = path, .cancel = c}, ret, err);
}

const char *swarm_pin(struct docker *d, const char *ref, const struct cancel *c, struct arena *a)
{
    struct err ignored = {0};
    const char *digest;
    if (strchr(ref, '@') || str_starts(ref, "sha256:") ||
        docker_ask_registry(d, ref, c, a, &digest, &ignored) < 0)
        return ref;
    return arena_printf(a, "%s@%s", ref, digest);
}
