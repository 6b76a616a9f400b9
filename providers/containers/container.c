/* A container as a whole: inspect JSON to an object, a spec to the body of its create request. */
#include "base/clock.h"
#include "base/str.h"
#include "providers/containers/wire.h"
#include "schema/kinds/container.h"

#define SHORT_ID      12
#define LABEL_DISABLE "label=disable"

const struct val *label_tree(struct arena *a, json_t *labels, const char *key)
{
    const char *text = json_text(labels, key);
    struct val *v;
    struct err ignored = {0};
    if (!text || val_from_json(a, text, strlen(text), key, &v, &ignored) < 0 || !val_is(v, VAL_MAP))
        return NULL;
    return v;
}

static void fields_read(struct arena *a, json_t *config, json_t *host, struct val *spec)
{
    for (const struct wire_field *f = wire_fields; f->field; f++) {
        json_t *j = json_object_get(f->section == WIRE_CONFIG ? config : host, f->json);
        struct val *v = f->read(a, j);
        const struct field *field = v ? field_find(&container_table, f->field) : NULL;
        if (v && !(field && field->def_val && val_equal(field->def_val, v)))
            val_map_set(a, spec, f->field, v);
    }
}

/* A host name that the engine generated was not asked for. */
static void hostname_read(const char *id, struct val *spec)
{
    const char *name = val_get_str(spec, "hostname");
    if (name && strlen(name) == SHORT_ID && str_starts(id, name))
        val_map_del(spec, "hostname");
}

/* Engines only store whole seconds; a value with a fraction is kept in MARK_ASKED. */
static void grace_read(struct arena *a, const struct val *asked, struct val *spec)
{
    int64_t ns = val_get_int(asked, "stop_grace_period", 0);
    int64_t whole = (ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S;
    if (ns && val_get_int(spec, "stop_grace_period", 10 * NS_PER_S) == whole)
        val_set_int(a, spec, "stop_grace_period", ns);
}

/* Engines turn SELinux labels off by themselves for containers that see the host's processes (Docker's
   daemon/create.go). */
static void security_read(struct arena *a, const struct val *asked, struct val *spec)
{
    bool implied = val_get_bool(spec, "privileged", false) || str_eq(val_get_str(spec, "pid"), "host") ||
                   str_eq(val_get_str(spec, "ipc"), "host");
    const struct val *list = val_get(spec, "security_opt");
    struct val *kept = val_list(a);
    if (!implied || val_get_bool(asked, "label_disable", false))
        return;
    for (size_t i = 0; i < val_len(list); i++)
        if (!str_eq(list->items[i]->s, LABEL_DISABLE))
            val_list_add(a, kept, list->items[i]);
    val_map_del(spec, "security_opt");
    if (kept->len)
        val_map_set(a, spec, "security_opt", kept);
}

static struct val *spec_read(struct arena *a, json_t *inspect, const struct image_info *image)
{
    json_t *config = json_object_get(inspect, "Config"), *host = json_object_get(inspect, "HostConfig");
    json_t *labels = json_object_get(config, "Labels");
    const struct val *asked = label_tree(a, labels, MARK_ASKED), *files;
    struct val *spec = val_map(a), *v;
    fields_read(a, config, host, spec);
    val_map_set(a, spec, "command", command_read(a, json_object_get(config, "Cmd")));
    val_map_set(a, spec, "entrypoint", command_read(a, json_object_get(config, "Entrypoint")));
    if (image)
        val_set_str(a, spec, "platform", val_get_str(image->defaults, "platform"));
    hostname_read(str_or(json_text(inspect, "Id"), ""), spec);
    grace_read(a, asked, spec);
    security_read(a, asked, spec);
    ports_read(a, config, host, asked, image, spec);
    networks_read(a, inspect, asked, spec);
    mounts_read(a, host, asked, spec);
    if ((v = resources_read(a, host))->len)
        val_map_set(a, spec, "resources", v);
    if ((v = labels_read(a, labels)))
        val_map_set(a, spec, "labels", v);
    if ((files = label_tree(a, labels, MARK_CONFIGS)))
        val_map_set(a, spec, "configs", val_clone(a, files));
    if ((files = val_get(asked, "secrets")))
        val_map_set(a, spec, "secrets", val_clone(a, files));
    return spec;
}

/* On the default network "/OTHER:/SELF/ALIAS", on others "OTHER:ALIAS". */
static const struct val *links_read(struct arena *a, json_t *inspect)
{
    struct val *out = val_list(a);
    json_t *networks = json_object_get(json_object_get(inspect, "NetworkSettings"), "Networks");
    const char *name;
    json_t *endpoint, *link;
    size_t i;
    json_object_foreach(networks, name, endpoint)
    {
        json_array_foreach(json_object_get(endpoint, "Links"), i, link)
        {
            if (json_is_string(link))
                val_list_add(a, out, val_str(a, json_string_value(link)));
        }
    }
    json_array_foreach(json_object_get(json_object_get(inspect, "HostConfig"), "Links"), i, link)
    {
        const char *text = str_or(json_string_value(link), ""), *colon = strchr(text, ':');
        const char *alias = colon ? strrchr(colon, '/') : NULL;
        if (alias && *text == '/')
            val_list_add(
                a, out, val_str(a, arena_printf(a, "%.*s:%s", (int)(colon - text) - 1, text + 1, alias + 1)));
    }
    return out->len ? out : NULL;
}

int container_read(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                   struct err *err)
{
    const char *id = json_text(inspect, "Id"), *name = json_text(inspect, "Name");
    json_t *config = json_object_get(inspect, "Config");
    if (!id || !name || !json_is_object(config) || !json_is_object(json_object_get(inspect, "HostConfig")))
        return err_set(err, ERR_CORRUPT,
                       "the engine's description of a container has no id, name or configuration");
    *ret = (struct object){.kind = &kind_container, .native_id = arena_strdup(a, id)};
    marks_read(a, json_object_get(config, "Labels"), *name == '/' ? name + 1 : name, ret);
    state_read(a, inspect, ret);
    ret->image_id = arena_strdup(a, json_text(inspect, "Image"));
    ret->auto_remove = json_is_true(json_object_get(json_object_get(inspect, "HostConfig"), "AutoRemove"));
    ret->links = links_read(a, inspect);
    ret->spec = spec_read(a, inspect, image);
    ret->defaults = val_map(a);
    return 0;
}

/* If the container sets its own entrypoint, the image's command does not apply. */
static void command_defaults(struct arena *a, const struct object *o, struct val *v)
{
    if (!val_equal(val_get(o->spec, "entrypoint"), val_get(v, "entrypoint")))
        val_map_set(a, v, "command", val_list(a));
}

/* Docker reports the names of the host, or of the container, whose network is shared. */
static void hostname_defaults(struct arena *a, const struct object *o, const struct engine_facts *facts,
                              struct val *v)
{
    static const char *const names[] = {"hostname", "domainname"};
    const char *mode = str_or(val_get_str(o->spec, "network_mode"), "");
    if (str_eq(mode, "host"))
        val_set_str(a, v, "hostname", facts->host_name);
    for (size_t i = 0; str_starts(mode, "container:") && i < ARRAY_LEN(names); i++)
        if (val_get(o->spec, names[i]))
            val_map_set(a, v, names[i], val_clone(a, val_get(o->spec, names[i])));
}

const struct val *container_defaults(struct arena *a, const struct object *o, const struct image_info *image,
                                     const struct engine_facts *facts)
{
    struct val *v = val_map_copy(a, image ? image->defaults : NULL);
    struct val *logging = val_map(a);
    int64_t memory = val_get_int(val_get(o->spec, "resources"), "memory", 0);
    if (image)
        command_defaults(a, o, v);
    else
        val_set_str(a, v, "stop_signal", "SIGTERM");
    val_set_str(a, logging, "driver", str_or(facts->logging_driver, "json-file"));
    val_map_set(a, v, "logging", logging);
    val_set_str(a, v, "runtime", str_or(facts->runtime, "runc"));
    val_set_str(a, v, "ipc", "private");
    /* On cgroup v2 the default is a private cgroup namespace (dockerd --default-cgroupns-mode). */
    val_set_str(a, v, "cgroup", facts->cgroup2 ? "private" : "host");
    hostname_defaults(a, o, facts, v);
    if (memory) {
        struct val *resources = val_map(a);
        val_set_int(a, resources, "memory_swap", 2 * memory);
        val_map_set(a, v, "resources", resources);
    }
    return v;
}

/* Creation. */

bool container_needs_image(const struct val *spec)
{
    const struct val *command = val_get(spec, "command");
    return val_is(command, VAL_LIST) && command->len == 0 && !val_get(spec, "entrypoint");
}

static void command_write(const struct create_request *rq, json_t *body)
{
    const struct val *command = val_get(rq->spec, "command"), *entrypoint = val_get(rq->spec, "entrypoint");
    /* An empty command means none only together with an entrypoint; an entrypoint of one empty word means
       none. */
    if (container_needs_image(rq->spec) && rq->image)
        entrypoint = val_get(rq->image->defaults, "entrypoint");
    if (entrypoint)
        json_object_set_new(body, "Entrypoint",
                            val_len(entrypoint) ? json_of(entrypoint) : json_pack("[s]", ""));
    if (val_len(command))
        json_object_set_new(body, "Cmd", json_of(command));
}

static void asked_more(struct arena *a, const struct val *spec, struct val *asked)
{
    int64_t grace = val_get_int(spec, "stop_grace_period", 0);
    const struct val *secrets = val_get(spec, "secrets"), *options = val_get(spec, "security_opt");
    if (grace % NS_PER_S)
        val_set_int(a, asked, "stop_grace_period", grace);
    for (size_t i = 0; i < val_len(options); i++)
        if (str_eq(options->items[i]->s, LABEL_DISABLE))
            val_set_bool(a, asked, "label_disable", true);
    if (val_len(secrets))
        val_map_set(a, asked, "secrets", val_clone(a, secrets));
}

json_t *container_labels(struct arena *a, const struct create_request *rq, const struct val *asked)
{
    struct val *labels = val_map_copy(a, rq->labels);
    const struct val *own = val_get(rq->spec, "labels");
    for (size_t i = 0; i < val_len(own); i++)
        val_map_set(a, labels, own->pairs[i].key, own->pairs[i].val);
    if (asked->len) {
        _cleanup_buf_ struct buf text = BUF_INIT;
        val_json(asked, 0, &text);
        val_set_str(a, labels, MARK_ASKED, buf_str(&text));
    }
    return json_of(labels);
}

int container_write(struct arena *a, const struct create_request *rq, json_t **ret, struct err *err)
{
    json_t *body = json_object(), *host = json_object();
    struct val *asked = val_map(a);
    json_object_set_new(body, "HostConfig", host);
    for (const struct wire_field *f = wire_fields; f->field; f++) {
        const struct val *v = val_get(rq->spec, f->field);
        if (v && v->type != VAL_NULL)
            json_object_set_new(f->section == WIRE_CONFIG ? body : host, f->json, f->write(v));
    }
    command_write(rq, body);
    ports_write(a, rq->spec, body, host, asked);
    networks_write(a, rq->spec, rq->api, body, host, asked);
    resources_write(val_get(rq->spec, "resources"), host);
    asked_more(a, rq->spec, asked);
    int r = mounts_write(a, rq->spec, rq->api, host, asked, err);
    if (r < 0) {
        json_decref(body);
        return r;
    }
    json_object_set_new(body, "Labels", container_labels(a, rq, asked));
    *ret = body;
    return 0;
}
