/* All containers of the engine, whoever made them. */
#include "providers/docker/docker.h"

#include "base/str.h"
#include "providers/containers/wire.h"

static struct val *labels_of(struct arena *a, json_t *item)
{
    struct val *labels = val_map(a);
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(item, "Labels"), key, value) if (json_is_string(value))
        val_map_append(a, labels, arena_strdup(a, key), val_str(a, json_string_value(value)));
    val_map_sort(labels, NULL, NULL);
    return labels;
}

/* Its own name: names that links gave it contain a second slash. */
static const char *name_of(json_t *item)
{
    json_t *name;
    size_t i;
    json_array_foreach(json_object_get(item, "Names"), i, name)
    {
        const char *text = str_or(json_string_value(name), "");
        text += *text == '/';
        if (*text && !strchr(text, '/'))
            return text;
    }
    return NULL;
}

/* The pod (Podman's own listing) or the swarm's service that it belongs to; NULL: none. */
static const char *owner_of(struct arena *a, json_t *item)
{
    const char *pod = json_text(item, "Pod");
    const char *service = json_text(json_object_get(item, "Labels"), "com.docker.swarm.service.name");
    if (pod)
        return arena_printf(a, "pod %s", str_or(json_text(item, "PodName"), pod));
    return service ? arena_printf(a, "service %s of a swarm", service) : NULL;
}

int docker_list(struct provider *p, const struct cancel *c, struct arena *a, struct val **ret,
                struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_json_ json_t *list = NULL;
    int r = docker_negotiate(d, c, err);
    if (r == 0)
        r = docker_json(d, &(struct ask){.path = d->dialect->list_containers, .cancel = c}, &list, NULL, err);
    if (r < 0)
        return r;
    struct val *by_name = val_map(a);
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *name = name_of(item);
        if (!name)
            continue;
        struct val *v = val_map(a);
        val_set_str(a, v, "name", name);
        val_map_set(a, v, "labels", labels_of(a, item));
        val_set_str(a, v, "part_of", owner_of(a, item));
        val_map_append(a, by_name, arena_strdup(a, name), v);
    }
    val_map_sort(by_name, NULL, NULL);
    *ret = val_list(a);
    for (size_t k = 0; k < by_name->len; k++)
        val_list_add(a, *ret, by_name->pairs[k].val);
    return 0;
}
