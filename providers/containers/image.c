/* Images: what containers inherit from them. */
#include "base/str.h"
#include "providers/containers/wire.h"
#include "schema/kinds/container.h"

/* Fields that an image sets when the spec does not. */
static const char *const image_fields[] = {"environment", "working_dir", "user", "healthcheck",
                                           "stop_signal"};

static bool is_image_field(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(image_fields); i++)
        if (str_eq(name, image_fields[i]))
            return true;
    return false;
}

/* "linux/amd64", "linux/arm/v7", as engines normalise them (containerd's platforms.Normalize). */
static const char *platform_read(struct arena *a, json_t *inspect)
{
    const char *os = json_text(inspect, "Os"), *arch = json_text(inspect, "Architecture");
    const char *variant = json_text(inspect, "Variant");
    if (!os || !arch)
        return NULL;
    if (str_eq(arch, "arm64") && str_eq(variant, "v8"))
        variant = NULL;
    return variant ? arena_printf(a, "%s/%s/%s", os, arch, variant) : arena_printf(a, "%s/%s", os, arch);
}

struct val *command_read(struct arena *a, json_t *list)
{
    struct val *v = read_list(a, list);
    return v ? v : val_list(a);
}

void image_read(struct arena *a, json_t *inspect, struct image_info *ret)
{
    json_t *config = json_object_get(inspect, "Config");
    struct val *v = val_map(a), *exposed = val_list(a);
    for (const struct wire_field *f = wire_fields; f->field; f++) {
        struct val *x = f->section == WIRE_CONFIG && is_image_field(f->field)
                            ? f->read(a, json_object_get(config, f->json))
                            : NULL;
        if (x)
            val_map_set(a, v, f->field, x);
    }
    val_map_set(a, v, "command", command_read(a, json_object_get(config, "Cmd")));
    val_map_set(a, v, "entrypoint", command_read(a, json_object_get(config, "Entrypoint")));
    struct val *labels = read_map(a, json_object_get(config, "Labels"));
    if (labels)
        val_map_set(a, v, "labels", labels);
    val_set_str(a, v, "platform", platform_read(a, inspect));
    const char *port;
    json_t *item;
    json_object_foreach(json_object_get(config, "ExposedPorts"), port, item)
        val_list_add(a, exposed, val_str(a, port));
    val_list_sort(exposed);
    *ret = (struct image_info){
        .id = arena_strdup(a, json_text(inspect, "Id")), .defaults = v, .exposed = exposed};
}

struct val *image_to_val(struct arena *a, const struct image_info *i)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "id", i->id);
    val_map_set(a, v, "defaults", val_clone(a, i->defaults));
    val_map_set(a, v, "exposed", val_clone(a, i->exposed));
    return v;
}

void image_from_val(struct arena *a, const struct val *v, struct image_info *ret)
{
    const struct val *defaults = val_get(v, "defaults"), *exposed = val_get(v, "exposed");
    *ret = (struct image_info){
        .id = val_get_str(v, "id"),
        .defaults = defaults ? defaults : val_map(a),
        .exposed = exposed ? exposed : val_list(a),
    };
}

const char *image_digest(struct arena *a, json_t *inspect, const char *ref)
{
    const char *wanted = ref_repository(a, ref);
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(inspect, "RepoDigests"), i, item)
    {
        const char *s = str_or(json_string_value(item), "");
        const char *at = strchr(s, '@');
        if (at && wanted && str_eq(ref_repository(a, arena_strndup(a, s, (size_t)(at - s))), wanted))
            return arena_strdup(a, at + 1);
    }
    return NULL;
}

int facts_read(struct arena *a, json_t *info, struct engine_facts *ret)
{
    if (!json_is_object(info))
        return ERR_CORRUPT;
    const json_t *swarm = json_object_get(info, "Swarm");
    *ret = (struct engine_facts){
        .logging_driver = arena_strdup(a, json_text(info, "LoggingDriver")),
        .runtime = arena_strdup(a, json_text(info, "DefaultRuntime")),
        .host_name = arena_strdup(a, json_text(info, "Name")),
        .id = arena_strdup(a, json_text(info, "ID")),
        .root = arena_strdup(a, json_text(info, "DockerRootDir")),
        .cgroup2 = str_eq(json_text(info, "CgroupVersion"), "2"),
        .rootless = json_is_true(json_object_get(info, "Rootless")),
        .outside_swarm = swarm && !json_is_true(json_object_get(swarm, "ControlAvailable")),
    };
    return 0;
}

struct val *facts_to_val(struct arena *a, const struct engine_facts *f)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "logging_driver", f->logging_driver);
    val_set_str(a, v, "runtime", f->runtime);
    val_set_str(a, v, "host_name", f->host_name);
    val_set_str(a, v, "id", f->id);
    val_set_str(a, v, "root", f->root);
    val_set_bool(a, v, "cgroup2", f->cgroup2);
    val_set_bool(a, v, "rootless", f->rootless);
    val_set_bool(a, v, "outside_swarm", f->outside_swarm);
    return v;
}

void facts_from_val(const struct val *v, struct engine_facts *ret)
{
    *ret = (struct engine_facts){
        .logging_driver = val_get_str(v, "logging_driver"),
        .runtime = val_get_str(v, "runtime"),
        .host_name = val_get_str(v, "host_name"),
        .id = val_get_str(v, "id"),
        .root = val_get_str(v, "root"),
        .cgroup2 = val_get_bool(v, "cgroup2", false),
        .rootless = val_get_bool(v, "rootless", false),
        .outside_swarm = val_get_bool(v, "outside_swarm", false),
    };
}
