/* A service's JSON to the canonical model. */
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/service_wire.h"
#include "schema/kinds/container.h"

static bool list_has(const struct val *list, const char *s)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (val_is(list->items[i], VAL_STR) && str_eq(list->items[i]->s, s))
            return true;
    return false;
}

static void fields_read(struct arena *a, json_t *task, json_t *container, struct val *spec)
{
    for (const struct service_field *f = service_fields; f->field; f++) {
        json_t *j = f->json ? json_object_get(container, f->json) : json_object_get(task, "LogDriver");
        struct val *v = j && !json_is_null(j) ? service_reader(f)(a, j) : NULL;
        const struct field *field = v ? field_find(&container_table, f->field) : NULL;
        if (v && !(field && field->def_val && val_equal(field->def_val, v)))
            val_map_set(a, spec, f->field, v);
    }
    for (const struct word_pair *w = dns_words; w->field; w++) {
        struct val *v = read_list(a, json_object_get(json_object_get(container, "DNSConfig"), w->json));
        if (v)
            val_map_set(a, spec, w->field, v);
    }
}

/* The reference as asked for and, separately, the digest of the image that it resolved to. */
static void image_read_pinned(struct arena *a, const char *image, const struct val *asked, struct val *spec,
                              struct object *ret)
{
    const char *ref = val_get_str(asked, "image"), *at = strchr(image, '@');
    const char *rest = ref ? str_after(image, ref) : NULL;
    val_set_str(a, spec, "image", rest && *rest == '@' ? ref : image);
    ret->image_id = at ? arena_strdup(a, at + 1) : NULL;
}

static void ports_of_service(struct arena *a, json_t *endpoint, struct val *spec)
{
    struct val *map = val_map(a);
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(endpoint, "Ports"), i, item)
    {
        struct val *rec = val_map(a);
        const char *protocol = str_or(json_text(item, "Protocol"), "tcp");
        int published = (int)json_int(item, "PublishedPort"), target = (int)json_int(item, "TargetPort");
        val_set_int(a, rec, "target", target);
        val_set_int(a, rec, "published", published);
        val_set_str(a, rec, "protocol", protocol);
        if (str_eq(json_text(item, "PublishMode"), "host"))
            val_set_str(a, rec, "mode", "host");
        val_map_set(a, map, port_key(a, NULL, published, target, protocol), rec);
    }
    if (map->len)
        val_map_set(a, spec, "ports", map);
}

struct networks {
    network_name_fn *name;
    void *arg;
};

static void networks_of_service(struct arena *a, json_t *task, const struct networks *n,
                                const struct val *asked, struct val *spec)
{
    struct val *map = val_map(a);
    json_t *item;
    size_t i;
    if (val_get_str(asked, "network_mode")) {
        val_set_str(a, spec, "network_mode", val_get_str(asked, "network_mode"));
        return;
    }
    json_array_foreach(json_object_get(task, "Networks"), i, item)
    {
        const char *id = str_or(json_text(item, "Target"), ""), *name = n->name(n->arg, id);
        struct val *rec = val_map(a), *v;
        if ((v = read_set(a, json_object_get(item, "Aliases"))))
            val_map_set(a, rec, "aliases", v);
        if ((v = read_map(a, json_object_get(item, "DriverOpts"))))
            val_map_set(a, rec, "driver_opts", v);
        val_map_set(a, map, name ? arena_strdup(a, name) : arena_strdup(a, id), rec);
    }
    val_map_set(a, spec, "networks", map);
}

/* How a node creates the volume if it has none of that name. */
static void volume_kind_read(struct arena *a, json_t *options, struct val *rec)
{
    json_t *config = json_object_get(options, "DriverConfig");
    const char *driver = json_text(config, "Name");
    struct val *v;
    if (driver && !str_eq(driver, "local"))
        val_set_str(a, rec, "driver", driver);
    if ((v = read_map(a, json_object_get(config, "Options"))))
        val_map_set(a, rec, "driver_opts", v);
    if ((v = read_map(a, json_object_get(options, "Labels"))))
        val_map_set(a, rec, "labels", v);
}

static struct val *mount_of(struct arena *a, json_t *m, bool no_host_path)
{
    json_t *bind = json_object_get(m, "BindOptions"), *tmpfs = json_object_get(m, "TmpfsOptions");
    struct val *rec = val_map(a);
    val_set_str(a, rec, "type", str_or(json_text(m, "Type"), "volume"));
    val_set_str(a, rec, "source", json_text(m, "Source"));
    if (json_is_true(json_object_get(m, "ReadOnly")))
        val_set_bool(a, rec, "read_only", true);
    val_set_str(a, rec, "propagation", json_text(bind, "Propagation"));
    if (no_host_path)
        val_set_bool(a, rec, "create_host_path", false);
    if (json_is_true(json_object_get(json_object_get(m, "VolumeOptions"), "NoCopy")))
        val_set_bool(a, rec, "nocopy", true);
    volume_kind_read(a, json_object_get(m, "VolumeOptions"), rec);
    if (json_int(tmpfs, "SizeBytes"))
        val_set_int(a, rec, "size", json_int(tmpfs, "SizeBytes"));
    if (json_int(tmpfs, "Mode"))
        val_set_int(a, rec, "mode", json_int(tmpfs, "Mode"));
    return rec;
}

static void mounts_of_service(struct arena *a, json_t *container, const struct val *asked, struct val *spec)
{
    struct val *volumes = val_map(a), *tmpfs = val_map(a);
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(container, "Mounts"), i, item)
    {
        const char *target = arena_strdup(a, json_text(item, "Target"));
        struct val *options = target ? val_get(val_get(asked, "tmpfs"), target) : NULL;
        if (!target)
            continue;
        if (options && str_eq(json_text(item, "Type"), "tmpfs"))
            val_map_set(a, tmpfs, target, val_clone(a, options));
        else
            val_map_set(a, volumes, target,
                        mount_of(a, item, list_has(val_get(asked, "no_host_path"), target)));
    }
    if (volumes->len)
        val_map_set(a, spec, "volumes", volumes);
    if (tmpfs->len)
        val_map_set(a, spec, "tmpfs", tmpfs);
}

#define NAME_DIGITS 12 /* of the digest, at the end of an object's name */

/* Does the name of a swarm's config match the digest? Names end with the first digits of the content's
   digest. */
static bool name_says(const char *name, const char *digest)
{
    const char *hex = digest ? str_after(digest, "sha256:") : NULL;
    size_t n = strlen(name);
    hex = hex ? hex : digest;
    return !hex || (n > NAME_DIGITS && strlen(hex) > NAME_DIGITS &&
                    strncmp(name + n - NAME_DIGITS, hex, NAME_DIGITS) == 0);
}

/* The files that the service has. A known target keeps what was asked for; its digest is replaced if the
   object's name shows other content. */
static void files_of_service(struct arena *a, json_t *list, const char *name_key, const struct val *asked,
                             const char *field, struct val *spec)
{
    struct val *map = val_map(a);
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        json_t *file = json_object_get(item, "File");
        const char *target = arena_strdup(a, json_text(file, "Name"));
        const char *name = str_or(json_text(item, name_key), "");
        const struct val *known = target ? val_get(asked, target) : NULL;
        struct val *rec;
        if (!target)
            continue;
        rec = known ? val_map_copy(a, known) : val_map(a);
        if (!known)
            val_set_str(a, rec, "source", name);
        else if (!name_says(name, val_get_str(known, "digest")))
            val_set_str(a, rec, "digest", name);
        val_set_str(a, rec, "uid", str_or(json_text(file, "UID"), "0"));
        val_set_str(a, rec, "gid", str_or(json_text(file, "GID"), "0"));
        val_set_int(a, rec, "mode", json_int(file, "Mode"));
        val_map_set(a, map, target, rec);
    }
    if (map->len)
        val_map_set(a, spec, field, map);
}

static void resources_of_service(struct arena *a, json_t *resources, struct val *spec)
{
    static const struct {
        const char *json;
        const struct word_pair *words;
    } groups[] = {{"Limits", limit_words}, {"Reservations", reservation_words}};
    struct val *v = val_map(a);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        for (const struct word_pair *w = groups[i].words; w->field; w++) {
            int64_t n = json_int(json_object_get(resources, groups[i].json), w->json);
            if (n)
                val_set_int(a, v, w->field, n);
        }
    if (v->len)
        val_map_set(a, spec, "resources", v);
}

static const char *restart_text(struct arena *a, json_t *policy, const struct val *asked)
{
    const char *condition = str_or(json_text(policy, "Condition"), "any");
    int64_t times = json_int(policy, "MaxAttempts");
    if (str_eq(condition, "none"))
        return "no";
    if (str_eq(condition, "any"))
        return str_or(val_get_str(asked, "restart"), "always");
    return times ? arena_printf(a, "on-failure:%lld", (long long)times) : "on-failure";
}

static void platform_read(struct arena *a, json_t *task, struct val *spec)
{
    json_t *p = json_array_get(json_object_get(json_object_get(task, "Placement"), "Platforms"), 0);
    if (json_text(p, "OS"))
        val_set_str(a, spec, "platform",
                    arena_printf(a, "%s/%s", json_text(p, "OS"), str_or(json_text(p, "Architecture"), "")));
}

static void mode_read_replicas(struct arena *a, json_t *body, struct val *spec)
{
    json_t *mode = json_object_get(body, "Mode");
    json_t *of = json_object_get(mode, "Replicated"), *job = json_object_get(mode, "ReplicatedJob");
    if (of)
        val_set_int(a, spec, "replicas", json_int(of, "Replicas"));
    if (job)
        val_set_int(a, spec, "replicas", json_int(job, "TotalCompletions"));
}

static struct val *spec_of_service(struct arena *a, json_t *body, const struct networks *n, struct object *o)
{
    json_t *task = json_object_get(body, "TaskTemplate");
    json_t *container = json_object_get(task, "ContainerSpec"), *labels = json_object_get(body, "Labels");
    const struct val *asked = label_tree(a, labels, MARK_ASKED);
    struct val *spec = val_map(a), *deploy = val_map(a), *more;
    fields_read(a, task, container, spec);
    image_read_pinned(a, str_or(json_text(container, "Image"), ""), asked, spec, o);
    ports_of_service(a, json_object_get(body, "EndpointSpec"), spec);
    networks_of_service(a, task, n, asked, spec);
    mounts_of_service(a, container, asked, spec);
    files_of_service(a, json_object_get(container, "Configs"), "ConfigName",
                     label_tree(a, labels, MARK_CONFIGS), "configs", spec);
    files_of_service(a, json_object_get(container, "Secrets"), "SecretName", val_get(asked, "secrets"),
                     "secrets", spec);
    resources_of_service(a, json_object_get(task, "Resources"), spec);
    val_set_str(a, spec, "restart", restart_text(a, json_object_get(task, "RestartPolicy"), asked));
    platform_read(a, task, spec);
    mode_read_replicas(a, body, spec);
    if (val_get(asked, "expose"))
        val_map_set(a, spec, "expose", val_clone(a, val_get(asked, "expose")));
    deploy_read(a, body, deploy);
    if ((more = labels_read(a, labels)))
        val_map_set(a, deploy, "labels", more);
    if (deploy->len)
        val_map_set(a, spec, "deploy", deploy);
    return spec;
}

/* A swarm's defaults. */
static const struct val *service_defaults(struct arena *a, const struct val *spec)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "restart", mode_is_job(spec) ? "on-failure" : "always");
    return v;
}

int64_t service_version(json_t *service)
{
    return json_int(json_object_get(service, "Version"), "Index");
}

static int64_t time_of(json_t *o, const char *key)
{
    const char *s = json_text(o, key);
    int64_t ns;
    struct err ignored = {0};
    return s && parse_time(s, &ns, &ignored) == 0 ? ns : 0;
}

int service_read(struct arena *a, json_t *service, network_name_fn *network_name, void *arg,
                 struct object *ret, struct err *err)
{
    const char *id = json_text(service, "ID");
    json_t *body = json_object_get(service, "Spec");
    const char *name = json_text(body, "Name");
    const struct networks n = {network_name, arg};
    if (!id || !name || !json_is_object(json_object_get(body, "TaskTemplate")))
        return err_set(err, ERR_CORRUPT, "the engine's description of a service has no id, name or tasks");
    *ret = (struct object){.kind = &kind_container, .native_id = arena_strdup(a, id)};
    marks_read(a, json_object_get(body, "Labels"), name, ret);
    ret->instance = 0;
    ret->candidate = false;
    ret->created_ns = time_of(service, "CreatedAt");
    ret->spec = spec_of_service(a, body, &n, ret);
    ret->defaults = service_defaults(a, ret->spec);
    return 0;
}

int swarm_network_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err)
{
    int r = network_read(a, inspect, ret, err);
    if (r < 0)
        return r;
    /* The VXLAN list is an option that the engine adds by itself; nobody asked for it. */
    struct val *spec = val_map_copy(a, ret->spec), *defaults = val_map_copy(a, ret->defaults);
    struct val *options = val_map_copy(a, val_get(spec, "driver_opts"));
    val_map_del(options, "com.docker.network.driver.overlay.vxlanid_list");
    val_map_del(spec, "driver_opts");
    if (options->len)
        val_map_set(a, spec, "driver_opts", options);
    val_set_str(a, defaults, "driver", "overlay");
    ret->spec = spec;
    ret->defaults = defaults;
    return 0;
}

json_t *swarm_network_write(const char *name, const struct val *spec, const struct val *labels)
{
    json_t *o = network_write(name, spec, labels);
    json_object_set_new(o, "Driver", json_string(str_or(val_get_str(spec, "driver"), "overlay")));
    json_object_set_new(o, "Scope", json_string("swarm"));
    return o;
}
