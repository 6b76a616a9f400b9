/* A bound spec to the body that creates or updates a service. */
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/service_wire.h"

#include <stdlib.h>

static json_t *container_of(const struct val *spec)
{
    json_t *o = json_object(), *dns = json_object();
    for (const struct service_field *f = service_fields; f->field; f++) {
        const struct val *v = f->json ? val_get(spec, f->field) : NULL;
        if (v && v->type != VAL_NULL)
            json_object_set_new(o, f->json, service_writer(f)(v));
    }
    for (const struct word_pair *w = dns_words; w->field; w++)
        if (val_len(val_get(spec, w->field)))
            json_object_set_new(dns, w->json, json_of(val_get(spec, w->field)));
    if (json_object_size(dns) > 0)
        json_object_set(o, "DNSConfig", dns);
    json_decref(dns);
    return o;
}

static json_t *volume_options(const struct val *rec)
{
    json_t *o = json_object();
    const char *driver = val_get_str(rec, "driver");
    const struct val *options = val_get(rec, "driver_opts"), *labels = val_get(rec, "labels");
    if (val_get_bool(rec, "nocopy", false))
        json_object_set_new(o, "NoCopy", json_true());
    if (driver || val_len(options)) {
        json_t *config = json_pack("{s:s}", "Name", str_or(driver, "local"));
        if (val_len(options))
            json_object_set_new(config, "Options", json_of(options));
        json_object_set_new(o, "DriverConfig", config);
    }
    if (val_len(labels))
        json_object_set_new(o, "Labels", json_of(labels));
    return o;
}

static json_t *mount_json(const char *target, const struct val *rec)
{
    const char *type = str_or(val_get_str(rec, "type"), "volume");
    json_t *m = json_pack("{s:s, s:s, s:b}", "Type", type, "Target", target, "ReadOnly",
                          val_get_bool(rec, "read_only", false));
    if (val_get_str(rec, "source"))
        json_object_set_new(m, "Source", json_string(val_get_str(rec, "source")));
    if (str_eq(type, "bind") && val_get_str(rec, "propagation"))
        json_object_set_new(m, "BindOptions",
                            json_pack("{s:s}", "Propagation", val_get_str(rec, "propagation")));
    if (str_eq(type, "volume")) {
        json_t *o = volume_options(rec);
        if (json_object_size(o) > 0)
            json_object_set(m, "VolumeOptions", o);
        json_decref(o);
    }
    if (str_eq(type, "tmpfs") && (val_get(rec, "size") || val_get(rec, "mode")))
        json_object_set_new(m, "TmpfsOptions",
                            json_pack("{s:I, s:I}", "SizeBytes", (json_int_t)val_get_int(rec, "size", 0),
                                      "Mode", (json_int_t)val_get_int(rec, "mode", 0)));
    return m;
}

/* "mode=1777,size=64m": a swarm supports only these two options. */
static json_t *tmpfs_json(struct arena *a, const char *target, const char *options)
{
    struct val *rec = val_map(a);
    size_t n;
    char **part = str_split(a, options, ',', &n);
    val_set_str(a, rec, "type", "tmpfs");
    for (size_t i = 0; i < n; i++) {
        const char *size = str_after(part[i], "size="), *mode = str_after(part[i], "mode=");
        int64_t bytes;
        struct err ignored = {0};
        if (size && parse_size(size, &bytes, &ignored) == 0)
            val_set_int(a, rec, "size", bytes);
        if (mode)
            val_set_int(a, rec, "mode", strtol(mode, NULL, 8));
    }
    return mount_json(target, rec);
}

static void mounts_of(struct arena *a, const struct val *spec, json_t *container, struct val *asked)
{
    const struct val *volumes = val_get(spec, "volumes"), *tmpfs = val_get(spec, "tmpfs");
    struct val *no_host_path = val_list(a);
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(volumes); i++) {
        const struct val *rec = volumes->pairs[i].val;
        json_array_append_new(list, mount_json(volumes->pairs[i].key, rec));
        if (!val_get_bool(rec, "create_host_path", true))
            val_list_add(a, no_host_path, val_str(a, volumes->pairs[i].key));
    }
    for (size_t i = 0; i < val_len(tmpfs); i++)
        json_array_append_new(list,
                              tmpfs_json(a, tmpfs->pairs[i].key,
                                         val_is(tmpfs->pairs[i].val, VAL_STR) ? tmpfs->pairs[i].val->s : ""));
    if (no_host_path->len)
        val_map_set(a, asked, "no_host_path", no_host_path);
    if (val_len(tmpfs))
        val_map_set(a, asked, "tmpfs", val_clone(a, tmpfs));
    json_object_set_new(container, "Mounts", list);
}

static void files_of(const struct service_request *rq, json_t *container)
{
    json_t *configs = json_array(), *secrets = json_array();
    for (size_t i = 0; i < rq->n_files; i++) {
        const struct service_file *f = &rq->files[i];
        json_t *file = json_pack("{s:s, s:s, s:s, s:I}", "Name", f->target, "UID", str_or(f->uid, "0"), "GID",
                                 str_or(f->gid, "0"), "Mode", (json_int_t)(f->mode < 0 ? 0444 : f->mode));
        json_array_append_new(f->secret ? secrets : configs,
                              json_pack("{s:o, s:s, s:s}", "File", file, f->secret ? "SecretID" : "ConfigID",
                                        f->id, f->secret ? "SecretName" : "ConfigName", f->name));
    }
    json_object_set_new(container, "Configs", configs);
    json_object_set_new(container, "Secrets", secrets);
}

static void networks_of(struct arena *a, const struct val *spec, json_t *task, struct val *asked)
{
    const char *mode = val_get_str(spec, "network_mode");
    const struct val *networks = val_get(spec, "networks");
    json_t *list = json_array();
    if (mode) {
        json_array_append_new(list, json_pack("{s:s}", "Target", mode));
        val_set_str(a, asked, "network_mode", mode);
    }
    for (size_t i = 0; !mode && i < val_len(networks); i++) {
        json_t *o = json_pack("{s:s}", "Target", networks->pairs[i].key);
        if (val_len(val_get(networks->pairs[i].val, "aliases")))
            json_object_set_new(o, "Aliases", json_of(val_get(networks->pairs[i].val, "aliases")));
        if (val_len(val_get(networks->pairs[i].val, "driver_opts")))
            json_object_set_new(o, "DriverOpts", json_of(val_get(networks->pairs[i].val, "driver_opts")));
        json_array_append_new(list, o);
    }
    json_object_set_new(task, "Networks", list);
}

static json_t *endpoint_of(const struct val *spec)
{
    const struct val *ports = val_get(spec, "ports");
    json_t *list = json_array();
    for (size_t i = 0; i < val_len(ports); i++) {
        const struct val *rec = ports->pairs[i].val;
        json_t *o = json_pack("{s:s, s:I, s:s}", "Protocol", str_or(val_get_str(rec, "protocol"), "tcp"),
                              "TargetPort", (json_int_t)val_get_int(rec, "target", 0), "PublishMode",
                              str_or(val_get_str(rec, "mode"), "ingress"));
        if (val_get_int(rec, "published", 0))
            json_object_set_new(o, "PublishedPort", json_integer(val_get_int(rec, "published", 0)));
        json_array_append_new(list, o);
    }
    return json_pack("{s:s, s:o}", "Mode",
                     str_or(val_get_str(val_get(spec, "deploy"), "endpoint_mode"), "vip"), "Ports", list);
}

static json_t *labels_of(struct arena *a, const struct service_request *rq, const struct val *asked)
{
    const struct val *more = val_path(rq->spec, "deploy.labels");
    struct val *labels = val_map_copy(a, rq->labels);
    for (size_t i = 0; i < val_len(more); i++)
        val_map_set(a, labels, more->pairs[i].key, more->pairs[i].val);
    if (asked->len) {
        _cleanup_buf_ struct buf text = BUF_INIT;
        val_json(asked, 0, &text);
        val_set_str(a, labels, MARK_ASKED, buf_str(&text));
    }
    return json_of(labels);
}

static void asked_more(struct arena *a, const struct service_request *rq, struct val *asked)
{
    const struct val *spec = rq->spec;
    const char *ref = val_get_str(spec, "image");
    if (rq->image && !str_eq(rq->image, ref))
        val_set_str(a, asked, "image", ref);
    if (str_eq(val_get_str(spec, "restart"), "unless-stopped"))
        val_set_str(a, asked, "restart", "unless-stopped");
    if (val_len(val_get(spec, "expose")))
        val_map_set(a, asked, "expose", val_clone(a, val_get(spec, "expose")));
    if (val_len(val_get(spec, "secrets")))
        val_map_set(a, asked, "secrets", val_clone(a, val_get(spec, "secrets")));
}

static const struct service_field *log_field(void)
{
    const struct service_field *f = service_fields;
    while (f->json)
        f++;
    return f;
}

json_t *service_write(struct arena *a, const struct service_request *rq)
{
    const struct val *spec = rq->spec, *logging = val_get(spec, log_field()->field);
    struct val *asked = val_map(a);
    json_t *container = container_of(spec), *task = json_pack("{s:o}", "ContainerSpec", container);
    json_t *body = json_pack("{s:s, s:o}", "Name", rq->name, "TaskTemplate", task);
    json_object_set_new(container, "Image",
                        json_string(str_or(rq->image, str_or(val_get_str(spec, "image"), ""))));
    mounts_of(a, spec, container, asked);
    files_of(rq, container);
    networks_of(a, spec, task, asked);
    task_resources_write(spec, task);
    restart_write(spec, task);
    placement_write(a, spec, task);
    if (logging)
        json_object_set_new(task, "LogDriver", log_field()->write(logging));
    json_object_set_new(task, "ForceUpdate", json_integer(rq->force_update));
    json_object_set_new(task, "Runtime", json_string("container"));
    mode_write(spec, body);
    if (!mode_is_job(spec)) /* a job has no rolling update, and a swarm rejects settings for it */
        rolling_write(spec, body);
    json_object_set_new(body, "EndpointSpec", endpoint_of(spec));
    asked_more(a, rq, asked);
    json_object_set_new(body, "Labels", labels_of(a, rq, asked));
    return body;
}
