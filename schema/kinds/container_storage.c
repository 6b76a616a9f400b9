/* Container: volumes, tmpfs, configs and secrets as files, devices. Fields in tbl/container_storage.h. */
#include "schema/kinds/container_internal.h"

#include <ctype.h>

#include "base/str.h"

/* Mount. */

static const char *const propagations[] = {"rprivate", "private", "rshared", "shared",
                                           "rslave",   "slave",   NULL};
static const char *const mount_types[] = {"volume", "bind", "tmpfs", NULL};
static const char *const selinux_modes[] = {"z", "Z", NULL};

static bool one_of(const char *text, const char *const *choices)
{
    for (; *choices; choices++)
        if (strcmp(text, *choices) == 0)
            return true;
    return false;
}

/* One option of the short form; false when it is unknown. */
static bool mount_option(struct decode *d, struct val *rec, const char *option)
{
    static const char *const no_effect[] = {"rw", "cached", "delegated", "consistent", "", NULL};
    if (str_eq(option, "ro"))
        val_set_bool(d->arena, rec, "read_only", true);
    else if (str_eq(option, "nocopy"))
        val_set_bool(d->arena, rec, "nocopy", true);
    else if (one_of(option, selinux_modes))
        val_set_str(d->arena, rec, "selinux", option);
    else if (one_of(option, propagations))
        val_set_str(d->arena, rec, "propagation", option);
    else
        return one_of(option, no_effect);
    return true;
}

/* Report an unknown option. Compose ignores it: a warning, and true, in a compose file; else an error, and
   false. */
static bool report_option(struct decode *d, const struct ynode *n, const char *option)
{
    static const char hint[] = "options are ro, rw, z, Z, nocopy, and rslave, rshared, ...";
    if (d->lenient)
        decode_warning(d, n, hint, "\"%s\": \"%s\" is not a volume option and is ignored", n->text, option);
    else
        decode_error_hint(d, n, hint, "\"%s\": \"%s\" is not a volume option", n->text, option);
    return d->lenient;
}

/* SOURCE:TARGET[:OPTIONS], or TARGET alone. */
struct val *volume_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    static const char hint[] =
        "write \"data:/var/lib/data\", \"/etc/ssl:/etc/ssl:ro\", or {type: ..., target: ...}";
    if (n->type != YN_SCALAR || n->len == 0 || ynode_is_null(n))
        return decode_error_hint(d, n, hint, "a volume must be a string or a mapping");
    size_t count;
    char **part = str_split(d->arena, n->text, ':', &count);
    if (count > 3)
        return decode_error_hint(d, n, hint, "\"%s\" has too many colons", n->text);
    for (size_t i = 0; i < count; i++)
        if (!*part[i])
            return decode_error_hint(d, n, hint, "\"%s\" has an empty part", n->text);

    struct val *rec = val_map(d->arena);
    const char *source = count > 1 ? part[0] : NULL;
    bool path = source && strchr("/.~", source[0]);
    val_set_str(d->arena, rec, "type", path ? "bind" : "volume");
    val_set_str(d->arena, rec, "source", source);
    val_set_str(d->arena, rec, "target", count > 1 ? part[1] : part[0]);
    if (count < 3)
        return rec;
    char **option = str_split(d->arena, part[2], ',', &count);
    for (size_t i = 0; i < count; i++)
        if (!mount_option(d, rec, option[i]) && !report_option(d, n, option[i]))
            return NULL;
    return rec;
}

/* The source of a bind mount as the engine will see it, or an error: there is no checkout that a relative
   path could refer to. */
static const char *bind_source(struct decode *d, const struct ynode *n, const char *source)
{
    if (source[0] == '/')
        return path_clean(d->arena, source);
    decode_error_hint(d, n,
                      "manifests are read from Git, not from a folder on the host: use an absolute path, or "
                      "a Config for a file in the repository",
                      "\"%s\" is a relative path, and there is no host folder that it could be relative to",
                      source);
    return NULL;
}

static bool volume_name_is_valid(const char *s)
{
    bool good = isalnum((unsigned char)s[0]);
    for (; *s && good; s++)
        good = isalnum((unsigned char)*s) || strchr("_.-", *s);
    return good;
}

/* In the long form options are in records of their own (bind, volume, tmpfs); the canonical mount is flat. */
static void mount_flatten(struct decode *d, const struct ynode *n, struct val *rec)
{
    static const char *const groups[] = {"bind", "volume", "tmpfs"};
    const char *type = str_or(val_get_str(rec, "type"), "volume");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        const struct val *group = val_get(rec, groups[i]);
        if (val_is(group, VAL_MAP) && group->len && !str_eq(type, groups[i]))
            decode_error(d, node_at(n, groups[i]),
                         "%s: options for a %s cannot be used with a mount of type %s", groups[i], groups[i],
                         type);
        for (size_t j = 0; val_is(group, VAL_MAP) && j < group->len; j++)
            val_map_set(d->arena, rec, group->pairs[j].key, group->pairs[j].val);
        val_map_del(rec, groups[i]);
    }
    val_map_del(rec, "consistency");
}

static void mount_check(struct decode *d, const struct ynode *n, const struct val *rec, const char *type)
{
    static const struct {
        const char *key, *type;
    } fits[] = {{"propagation", "bind"}, {"selinux", "bind"}, {"create_host_path", "bind"},
                {"nocopy", "volume"},    {"size", "tmpfs"},   {"mode", "tmpfs"}};
    for (size_t i = 0; i < ARRAY_LEN(fits); i++)
        if (val_get(rec, fits[i].key) && !str_eq(type, fits[i].type) &&
            !(str_eq(fits[i].key, "selinux") && str_eq(type, "volume")))
            decode_error(d, n, "%s belongs to a mount of type %s, and this is a %s", fits[i].key,
                         fits[i].type, type);
}

void volume_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                  struct val *into)
{
    (void)f;
    if (!val_get_str(rec, "type") && node_at(n, "type") != n)
        return; /* decoding has reported it */
    mount_flatten(d, n, rec);
    const char *type = str_or(val_get_str(rec, "type"), "volume");
    const char *source = val_get_str(rec, "source");
    const char *text = val_get_str(rec, "target");
    if (!text)
        return; /* decoding has reported it */
    const char *target = path_clean(d->arena, text);
    if (!target || str_eq(target, "/")) {
        decode_error_hint(d, node_at(n, "target"), "write an absolute path below /",
                          "\"%s\" is not a valid volume target", text);
        return;
    }

    if (str_eq(type, "bind")) {
        source = source ? bind_source(d, node_at(n, "source"), source) : NULL;
        if (!source && !val_get_str(rec, "source"))
            decode_error(d, n, "a bind mount needs a source");
    } else if (str_eq(type, "tmpfs") && source) {
        decode_error(d, node_at(n, "source"), "a tmpfs has no source");
    } else if (source && !volume_name_is_valid(source)) {
        decode_error_hint(d, node_at(n, "source"),
                          "for a path on the host, start it with / and set type: bind",
                          "\"%s\" is not a valid Volume name", source);
    }
    mount_check(d, n, rec, type);

    val_map_del(rec, "target");
    val_set_str(d->arena, rec, "type", type);
    val_set_str(d->arena, rec, "source", source);
    val_map_set(d->arena, into, target, rec);
}

static const struct field bind_fields[] = {
    {"propagation", FT_ENUM, IMPACT_REPLACE, 0, .doc = "The mount propagation.", .example = "rslave",
     .choices = propagations},
    {"create_host_path", FT_BOOL, IMPACT_REPLACE, 0, .doc = "Create the folder on the host if it is missing.",
     .example = "false"},
    {"selinux", FT_ENUM, IMPACT_REPLACE, 0, .doc = "SELinux label: `z` shared, `Z` private.", .example = "z",
     .choices = selinux_modes},
    {0},
};
static const struct field_refusal bind_refused[] = {
    {"recursive", "not supported yet: mounts below the path are included, and may be writable unless the "
                  "engine makes them read-only; use a path without mounts below it"},
    {0},
};
static const struct field_table bind_table = {"container.volumes.bind", "Options for a bind mount.",
                                              bind_fields, .refused = bind_refused};

static const struct field volume_fields[] = {
    {"nocopy", FT_BOOL, IMPACT_REPLACE, 0, .doc = "Do not copy the files of the image into a new volume.",
     .example = "true"},
    {0},
};
static const struct field_refusal volume_refused[] = {
    {"subpath", "not supported yet: mount the whole volume"},
    {"labels", "labels belong to the Volume: put them in its spec"},
    {0},
};
static const struct field_table volume_options_table = {"container.volumes.volume", "Options for a volume.",
                                                        volume_fields, .refused = volume_refused};

static const struct field tmpfs_fields[] = {
    {"size", FT_SIZE, IMPACT_REPLACE, 0, .doc = "The maximum size. Default: half of the memory.",
     .example = "16MiB"},
    {"mode", FT_MODE, IMPACT_REPLACE, 0, .doc = "The mode of its root folder.", .example = "\"1777\""},
    {0},
};
static const struct field_table tmpfs_options_table = {"container.volumes.tmpfs", "Options for a tmpfs.",
                                                       tmpfs_fields};

static const struct field mount_fields[] = {
    {"type", FT_ENUM, IMPACT_REPLACE, 0,
     .doc = "`volume`: a Volume, or an anonymous one; `bind`: a path on the host; `tmpfs`: memory.",
     .example = "bind", .def = "volume", .choices = mount_types},
    {"source", FT_STRING, IMPACT_REPLACE, 0, .doc = "The name of a Volume, or a path on the host.",
     .example = "data"},
    {"target", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The path in the container.",
     .example = "/var/lib/data"},
    {"read_only", FT_BOOL, IMPACT_REPLACE, 0, .doc = "The container cannot write to it.", .example = "true",
     .def = "false", .def_val = DEF_BOOL(false)},
    {"bind", FT_RECORD, IMPACT_REPLACE, FIELD_ALIAS, .doc = "Options for a bind mount.",
     .example = "{propagation: rslave}", .sub = &bind_table},
    {"volume", FT_RECORD, IMPACT_REPLACE, FIELD_ALIAS, .doc = "Options for a volume.",
     .example = "{nocopy: true}", .sub = &volume_options_table},
    {"tmpfs", FT_RECORD, IMPACT_REPLACE, FIELD_ALIAS, .doc = "Options for a tmpfs.",
     .example = "{size: 16MiB}", .sub = &tmpfs_options_table},
    {"consistency", FT_STRING, IMPACT_NONE, FIELD_ALIAS, .doc = "Has no effect on Linux.",
     .example = "cached"},
    {"propagation", FT_ENUM, IMPACT_REPLACE, 0, .doc = "Same as `bind.propagation`.", .example = "rslave",
     .def = "rprivate", .def_val = DEF_STR("rprivate"), .choices = propagations},
    {"create_host_path", FT_BOOL, IMPACT_REPLACE, 0, .doc = "Same as `bind.create_host_path`.",
     .example = "false", .def = "true", .def_val = DEF_BOOL(true)},
    {"selinux", FT_ENUM, IMPACT_REPLACE, 0, .doc = "Same as `bind.selinux`.", .example = "z",
     .choices = selinux_modes},
    {"nocopy", FT_BOOL, IMPACT_REPLACE, 0, .doc = "Same as `volume.nocopy`.", .example = "true",
     .def = "false", .def_val = DEF_BOOL(false)},
    {"size", FT_SIZE, IMPACT_REPLACE, 0, .doc = "Same as `tmpfs.size`.", .example = "16MiB"},
    {"mode", FT_MODE, IMPACT_REPLACE, 0, .doc = "Same as `tmpfs.mode`.", .example = "\"1777\""},
    /* Copied from the Volume for services, whose tasks create it (plan/bind.h). */
    {"driver", FT_STRING, IMPACT_REPLACE, FIELD_HIDDEN | FIELD_VIRTUAL | FIELD_SERVICES,
     .doc = "The volume driver.", .def = "local", .def_val = DEF_STR("local")},
    {"driver_opts", FT_MAP, IMPACT_REPLACE, FIELD_HIDDEN | FIELD_VIRTUAL | FIELD_SERVICES,
     .doc = "Options of its driver.", .elem = &field_text},
    {"labels", FT_MAP, IMPACT_NONE, FIELD_HIDDEN | FIELD_CREATE_ONLY, .doc = "Its labels.",
     .elem = &field_label},
    {0},
};
static const struct field_refusal mount_refused[] = {
    {"image", "mounts of type image are not supported yet"},
    {0},
};
const struct field_table mount_table = {"container.volumes",
                                        "A volume, a path on the host, or a tmpfs in the container.",
                                        mount_fields, .refused = mount_refused};

/* Tmpfs. */

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *mount_options_canonical(struct arena *a, const char *text)
{
    size_t count;
    char **option = str_split(a, text, ',', &count);
    if (count)
        qsort(option, count, sizeof(*option), compare_strings);
    char *out = arena_alloc(a, strlen(text) + 1);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (!*option[i] || (i && strcmp(option[i], option[i - 1]) == 0))
            continue;
        if (len)
            out[len++] = ',';
        size_t n = strlen(option[i]);
        memcpy(out + len, option[i], n);
        len += n;
    }
    return out;
}

/* Adds "PATH[:OPTIONS]" to a map of paths and options. */
static void tmpfs_item(struct decode *d, const struct ynode *n, struct val *map)
{
    if (n->type != YN_SCALAR || n->len == 0 || ynode_is_null(n)) {
        decode_error_hint(d, n, "write /run, or \"/run:mode=755,size=16m\"",
                          "a tmpfs must be a path, optionally with options");
        return;
    }
    size_t path = strcspn(n->text, ":");
    const char *key = arena_strndup(d->arena, n->text, path);
    const char *options = mount_options_canonical(d->arena, n->text + path + (n->text[path] == ':'));
    val_map_append(d->arena, map, key, placed_at(n, val_str(d->arena, options)));
}

struct val *tmpfs_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    struct val *map = val_map(d->arena);
    if (n->type == YN_SEQ)
        for (size_t i = 0; i < n->len; i++)
            tmpfs_item(d, n->items[i], map);
    else
        tmpfs_item(d, n, map);
    decode_sort(d, map);
    return map;
}

struct val *tmpfs_options_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return val_str(d->arena, ynode_is_null(n) ? "" : mount_options_canonical(d->arena, n->text));
}

void storage_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    const struct val *tmpfs = val_get(spec, "tmpfs");
    if (!val_is(tmpfs, VAL_MAP))
        return;
    struct val *map = placed_at(node_at(n, "tmpfs"), val_map(d->arena));
    for (size_t i = 0; i < tmpfs->len; i++) {
        const char *target = path_clean(d->arena, tmpfs->pairs[i].key);
        if (target && !str_eq(target, "/"))
            val_map_append(d->arena, map, target, tmpfs->pairs[i].val);
        else
            decode_error_hint(d, node_at(n, "tmpfs"), "write an absolute path below /",
                              "tmpfs: \"%s\" is not a valid tmpfs target", tmpfs->pairs[i].key);
    }
    decode_sort(d, map);
    val_map_set(d->arena, spec, "tmpfs", map);
}

/* Configs and secrets. */

struct val *file_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    if (n->type != YN_SCALAR || n->len == 0 || ynode_is_null(n))
        return decode_error_hint(d, n, "write a name, or {source: NAME, target: /path}",
                                 "an item of %s must be a name or a mapping", f->name);
    struct val *rec = val_map(d->arena);
    val_set_str(d->arena, rec, "source", n->text);
    return rec;
}

/* A target that is not an absolute path is a name below `folder`, as in Compose. */
static void file_keyed(struct decode *d, const struct ynode *n, struct val *rec, struct val *into,
                       const char *folder)
{
    const char *source = val_get_str(rec, "source");
    if (!source)
        return; /* decoding has reported it */
    const char *target = str_or(val_get_str(rec, "target"), source);
    if (target[0] != '/')
        target = arena_printf(d->arena, "%s/%s", folder, target);
    target = path_clean(d->arena, target);
    if (str_eq(target, "/")) {
        decode_error(d, n, "a file needs a name");
        return;
    }
    val_map_del(rec, "target");
    val_map_set(d->arena, into, target, rec);
}

void config_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                  struct val *into)
{
    (void)f;
    file_keyed(d, n, rec, into, "");
}

void secret_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                  struct val *into)
{
    (void)f;
    file_keyed(d, n, rec, into, "/run/secrets");
}

static const struct field file_fields[] = {
    {"source", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The name of the Config or Secret.",
     .example = "nginx-conf"},
    {"target", FT_STRING, IMPACT_REPLACE, 0,
     .doc = "The file in the container; a name without a folder is below `/` (configs) or `/run/secrets` "
            "(secrets).",
     .example = "/etc/nginx/nginx.conf"},
    {"uid", FT_STRING, IMPACT_REPLACE, 0, .doc = "The file's owner, as a numeric uid.", .example = "\"101\"",
     .def = "0", .def_val = DEF_STR("0"), .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {"gid", FT_STRING, IMPACT_REPLACE, 0, .doc = "The file's group, as a numeric gid.", .example = "\"101\"",
     .def = "0", .def_val = DEF_STR("0"), .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {"mode", FT_MODE, IMPACT_REPLACE, 0, .doc = "The file's mode, octal.", .example = "\"0440\"",
     .def = "0444", .def_val = DEF_INT(0444)},
    {"digest", FT_STRING, IMPACT_REPLACE, FIELD_HIDDEN, .doc = "SHA-256 of the content."},
    {"file", FT_STRING, IMPACT_REPLACE, FIELD_HIDDEN,
     .doc = "The path on the host from which a secret is read."},
    {"content", FT_STRING, IMPACT_REPLACE, FIELD_HIDDEN | FIELD_KEYED_DIGEST,
     .doc = "The digest of a secret's content, keyed with a key from the state folder."},
    {0},
};
static const struct field_refusal file_refused[] = {
    {"from", "external secrets are not supported yet: declare a Secret and name it in source"},
    {"env", "secrets as environment variables are not supported yet: read the file in /run/secrets"},
    {0},
};
const struct field_table file_table = {"container.configs", "A file in the container.", file_fields,
                                       .refused = file_refused};

/* Devices. */

static bool is_permissions(const char *s)
{
    return *s && strspn(s, "rwm") == strlen(s);
}

struct val *device_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    static const char hint[] = "write \"/dev/ttyUSB0\", or \"/dev/sda:/dev/xvda:rw\"";
    if (n->type != YN_SCALAR || n->len == 0 || ynode_is_null(n))
        return decode_error_hint(d, n, hint, "a device must be a string or a mapping");
    if (n->text[0] != '/' && strchr(n->text, '='))
        return decode_error_hint(d, n, "use gpus, or the path of the device",
                                 "\"%s\": CDI devices are not supported yet", n->text);
    size_t count;
    char **part = str_split(d->arena, n->text, ':', &count);
    if (count > 3 || !*part[0] || !*part[count - 1])
        return decode_error_hint(d, n, hint, "\"%s\" is not a device", n->text);
    struct val *rec = val_map(d->arena);
    val_set_str(d->arena, rec, "source", part[0]);
    bool short_permissions = count == 2 && is_permissions(part[1]); /* as docker run reads it */
    if (count > 1 && !short_permissions)
        val_set_str(d->arena, rec, "target", part[1]);
    if (count == 3 || short_permissions)
        val_set_str(d->arena, rec, "permissions", part[count - 1]);
    return rec;
}

void device_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                  struct val *into)
{
    (void)f;
    const char *text = val_get_str(rec, "source");
    if (!text)
        return;
    const char *source = path_clean(d->arena, text);
    const char *target = path_clean(d->arena, str_or(val_get_str(rec, "target"), text));
    const char *permissions = str_or(val_get_str(rec, "permissions"), "rwm");
    if (!source || !target) {
        decode_error_hint(d, n, "write absolute paths", "\"%s\" is not a device",
                          source ? val_get_str(rec, "target") : text);
        return;
    }
    if (!is_permissions(permissions)) {
        decode_error_hint(d, n, "write r, w and m (mknod) in any combination",
                          "\"%s\" are not device permissions", permissions);
        return;
    }
    char sorted[4] = {0};
    for (const char *all = "rwm", *p = all; *p; p++)
        if (strchr(permissions, *p))
            sorted[strlen(sorted)] = *p;
    struct val *device = val_map(d->arena);
    val_set_str(d->arena, device, "source", source);
    val_set_str(d->arena, device, "permissions", sorted);
    val_map_set(d->arena, into, target, device);
}

static const struct field device_fields[] = {
    {"source", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The path of the device on the host.",
     .example = "/dev/ttyUSB0"},
    {"target", FT_STRING, IMPACT_REPLACE, 0, .doc = "Its path in the container. Default: the same path.",
     .example = "/dev/ttyUSB0"},
    {"permissions", FT_STRING, IMPACT_REPLACE, 0, .doc = "`r` (read), `w` (write) and `m` (mknod).",
     .example = "rw", .def = "rwm", .def_val = DEF_STR("rwm"), .pattern = "^[rwm]+$",
     .pattern_doc = "r, w and m in any combination"},
    {0},
};
const struct field_table device_table = {"container.devices", "A device on the host.", device_fields};
