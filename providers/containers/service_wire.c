/* Fields that containers and services express in the same or nearly the same way. */
#include "providers/containers/service_wire.h"

#include "base/str.h"

/* ["ADDRESS HOST ALIAS..."], like lines of /etc/hosts. */
static struct val *read_host_lines(struct arena *a, json_t *j)
{
    json_t *item;
    size_t i;
    struct val *map = json_array_size(j) ? val_map(a) : NULL;
    json_array_foreach(j, i, item)
    {
        size_t n;
        char **word = str_split(a, str_or(json_string_value(item), ""), ' ', &n);
        for (size_t k = 1; k < n; k++) {
            struct val *addresses = val_get(map, word[k]);
            if (!addresses)
                val_map_set(a, map, word[k], addresses = val_list(a));
            val_list_add(a, addresses, val_str(a, word[0]));
            val_list_sort(addresses);
        }
    }
    return map;
}

static json_t *write_host_lines(const struct val *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(v); i++) {
        const struct val *addresses = v->pairs[i].val;
        for (size_t j = 0; j < val_len(addresses); j++)
            json_array_append_new(list, json_sprintf("%s %s", addresses->items[j]->s, v->pairs[i].key));
    }
    return list;
}

/* A swarm reports capabilities with the prefix CAP_, and only accepts them with it. */
static json_t *write_capabilities(const struct val *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(v); i++) {
        const char *name = v->items[i]->s;
        json_array_append_new(list, json_sprintf("%s%s", str_eq(name, "ALL") ? "" : "CAP_", name));
    }
    return list;
}

static struct val *read_signal_asked(struct arena *a, json_t *j)
{
    const struct wire_field *f = wire_fields;
    while (!str_eq(f->field, "stop_signal"))
        f++;
    return str_empty(json_string_value(j)) ? NULL : f->read(a, j);
}

static struct val *read_log_driver(struct arena *a, json_t *j)
{
    struct val *v = val_map(a), *options = read_map(a, json_object_get(j, "Options"));
    val_set_str(a, v, "driver", json_text(j, "Name"));
    if (options)
        val_map_set(a, v, "options", options);
    return v->len ? v : NULL;
}

static json_t *write_log_driver(const struct val *v)
{
    json_t *o = json_pack("{s:s}", "Name", str_or(val_get_str(v, "driver"), ""));
    if (val_get(v, "options"))
        json_object_set_new(o, "Options", json_of(val_get(v, "options")));
    return o;
}

const struct service_field service_fields[] = {
    {"command", "Args", read_list, json_of},
    {"entrypoint", "Command", read_list, json_of},
    {"environment", "Env", NULL, NULL},
    {"working_dir", "Dir", NULL, NULL},
    {"user", "User", NULL, NULL},
    {"hostname", "Hostname", NULL, NULL},
    {"group_add", "Groups", NULL, NULL},
    {"tty", "TTY", NULL, NULL},
    {"stdin_open", "OpenStdin", NULL, NULL},
    {"read_only", "ReadOnly", NULL, NULL},
    {"init", "Init", NULL, NULL},
    {"stop_signal", "StopSignal", read_signal_asked, NULL},
    {"stop_grace_period", "StopGracePeriod", read_nonzero, json_of},
    {"healthcheck", "Healthcheck", NULL, NULL},
    {"extra_hosts", "Hosts", read_host_lines, write_host_lines},
    {"sysctls", "Sysctls", NULL, NULL},
    {"cap_add", "CapabilityAdd", NULL, write_capabilities},
    {"cap_drop", "CapabilityDrop", NULL, write_capabilities},
    {"ulimits", "Ulimits", NULL, NULL},
    {"labels", "Labels", read_map, json_of},
    {"logging", NULL, read_log_driver, write_log_driver}, /* TaskTemplate.LogDriver */
    {0},
};

static const struct wire_field *wire_find(const char *field)
{
    const struct wire_field *f = wire_fields;
    while (f->field && !str_eq(f->field, field))
        f++;
    return f;
}

wire_read_fn *service_reader(const struct service_field *f)
{
    return f->read ? f->read : wire_find(f->field)->read;
}

wire_write_fn *service_writer(const struct service_field *f)
{
    return f->write ? f->write : wire_find(f->field)->write;
}

const struct word_pair dns_words[] = {
    {"dns", "Nameservers"}, {"dns_search", "Search"}, {"dns_opt", "Options"}, {0}};
const struct word_pair limit_words[] = {
    {"cpus", "NanoCPUs"}, {"memory", "MemoryBytes"}, {"pids", "Pids"}, {0}};
const struct word_pair reservation_words[] = {{"memory_reservation", "MemoryBytes"}, {0}};
