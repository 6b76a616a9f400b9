/* Ports: bindings of a container's ports to the host's, and the ports it declares to listen on. */
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/wire.h"
#include "schema/kinds/container.h"

#include <stdlib.h>

/* "80/tcp" -> 80, "tcp" */
static int port_of(struct arena *a, const char *text, const char **ret_protocol)
{
    size_t n = strspn(text, "0123456789");
    *ret_protocol = text[n] == '/' ? arena_strdup(a, text + n + 1) : "tcp";
    return (int)strtol(text, NULL, 10);
}

static void binding_read(struct arena *a, const char *port, json_t *binding, struct val *into)
{
    const char *protocol, *ip = json_text(binding, "HostIp");
    const char *host = str_or(json_text(binding, "HostPort"), "0");
    int target = port_of(a, port, &protocol);
    int first = (int)strtol(host, NULL, 10);
    const char *dash = strchr(host, '-');
    int last = dash ? (int)strtol(dash + 1, NULL, 10) : 0;
    if (last == first)
        last = 0;
    struct val *rec = val_map(a);
    val_set_int(a, rec, "target", target);
    val_set_int(a, rec, "published", first);
    if (last)
        val_set_int(a, rec, "published_end", last);
    val_set_str(a, rec, "host_ip", ip);
    val_set_str(a, rec, "protocol", protocol);
    val_map_set(a, into, port_key_range(a, ip, first, last, target, protocol), rec);
}

static bool list_has(const struct val *list, const char *s)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (str_eq(list->items[i]->s, s))
            return true;
    return false;
}

/* Ports of the image and published ports are exposed by implication: they are listed only if asked for. */
static struct val *expose_read(struct arena *a, json_t *exposed, json_t *bindings, const struct val *asked,
                               const struct image_info *image)
{
    struct val *list = val_list(a);
    const char *port;
    json_t *item;
    json_object_foreach(exposed, port, item)
    {
        bool implied = json_object_get(bindings, port) || (image && list_has(image->exposed, port));
        if (!implied || list_has(asked, port))
            val_list_add(a, list, val_str(a, port));
    }
    val_list_sort(list);
    return list->len ? list : NULL;
}

void ports_read(struct arena *a, json_t *config, json_t *host, const struct val *asked,
                const struct image_info *image, struct val *spec)
{
    json_t *bindings = json_object_get(host, "PortBindings");
    struct val *ports = val_map(a);
    const char *port;
    json_t *list, *item;
    size_t i;
    json_object_foreach(bindings, port, list) json_array_foreach(list, i, item)
        binding_read(a, port, item, ports);
    if (ports->len)
        val_map_set(a, spec, "ports", ports);
    struct val *expose =
        expose_read(a, json_object_get(config, "ExposedPorts"), bindings, val_get(asked, "expose"), image);
    if (expose)
        val_map_set(a, spec, "expose", expose);
}

static void binding_write(struct arena *a, const struct val *rec, json_t *bindings, json_t *exposed)
{
    const char *port = arena_printf(a, "%lld/%s", (long long)val_get_int(rec, "target", 0),
                                    str_or(val_get_str(rec, "protocol"), "tcp"));
    int64_t first = val_get_int(rec, "published", 0), last = val_get_int(rec, "published_end", 0);
    const char *host = "";
    if (last)
        host = arena_printf(a, "%lld-%lld", (long long)first, (long long)last);
    else if (first)
        host = arena_printf(a, "%lld", (long long)first);
    json_t *list = json_object_get(bindings, port);
    if (!list) {
        list = json_array();
        json_object_set_new(bindings, port, list);
    }
    json_array_append_new(
        list, json_pack("{s:s, s:s}", "HostIp", str_or(val_get_str(rec, "host_ip"), ""), "HostPort", host));
    /* The engine only publishes ports that are also exposed. */
    json_object_set_new(exposed, port, json_object());
}

void ports_write(struct arena *a, const struct val *spec, json_t *config, json_t *host, struct val *asked)
{
    const struct val *ports = val_get(spec, "ports"), *expose = val_get(spec, "expose");
    json_t *bindings = json_object(), *exposed = json_object();
    for (size_t i = 0; i < val_len(ports); i++)
        binding_write(a, ports->pairs[i].val, bindings, exposed);
    for (size_t i = 0; i < val_len(expose); i++)
        json_object_set_new(exposed, expose->items[i]->s, json_object());
    if (val_len(expose))
        val_map_set(a, asked, "expose", val_clone(a, expose));
    json_object_set_new(host, "PortBindings", bindings);
    json_object_set_new(config, "ExposedPorts", exposed);
}
