/* Mounts of a container: volumes, host paths and tmpfs. */
#include "base/str.h"
#include "providers/containers/wire.h"

#define CREATE_MOUNTPOINT API(1u, 42u) /* BindOptions.CreateMountpoint */

static void mount_set(struct arena *a, struct val *into, const char *target, struct val *rec)
{
    if (target)
        val_map_set(a, into, target, rec);
}

/* "SOURCE:TARGET[:OPTIONS]" in HostConfig.Binds: the form in which engines create the path on the host. */
static void bind_read(struct arena *a, const char *text, struct val *into)
{
    size_t n;
    char **part = str_split(a, text, ':', &n);
    if (n < 2)
        return;
    struct val *rec = val_map(a);
    val_set_str(a, rec, "type", part[0][0] == '/' ? "bind" : "volume");
    val_set_str(a, rec, "source", part[0]);
    size_t n_options = 0;
    char **option = n > 2 ? str_split(a, part[2], ',', &n_options) : NULL;
    for (size_t i = 0; i < n_options; i++) {
        if (str_eq(option[i], "ro"))
            val_set_bool(a, rec, "read_only", true);
        else if (str_eq(option[i], "nocopy"))
            val_set_bool(a, rec, "nocopy", true);
        else if (str_eq(option[i], "z") || str_eq(option[i], "Z"))
            val_set_str(a, rec, "selinux", option[i]);
        else if (str_ends(option[i], "private") || str_ends(option[i], "shared") ||
                 str_ends(option[i], "slave"))
            val_set_str(a, rec, "propagation", option[i]);
    }
    mount_set(a, into, part[1], rec);
}

static void mount_read(struct arena *a, json_t *m, struct val *into)
{
    json_t *bind = json_object_get(m, "BindOptions");
    json_t *volume = json_object_get(m, "VolumeOptions");
    json_t *tmpfs = json_object_get(m, "TmpfsOptions");
    const char *type = str_or(json_text(m, "Type"), "volume");
    struct val *rec = val_map(a);
    val_set_str(a, rec, "type", type);
    val_set_str(a, rec, "source", json_text(m, "Source"));
    if (json_is_true(json_object_get(m, "ReadOnly")))
        val_set_bool(a, rec, "read_only", true);
    val_set_str(a, rec, "propagation", json_text(bind, "Propagation"));
    if (str_eq(type, "bind") && !json_is_true(json_object_get(bind, "CreateMountpoint")))
        val_set_bool(a, rec, "create_host_path", false);
    if (json_is_true(json_object_get(volume, "NoCopy")))
        val_set_bool(a, rec, "nocopy", true);
    if (json_int(tmpfs, "SizeBytes"))
        val_set_int(a, rec, "size", json_int(tmpfs, "SizeBytes"));
    if (json_int(tmpfs, "Mode"))
        val_set_int(a, rec, "mode", json_int(tmpfs, "Mode"));
    mount_set(a, into, json_text(m, "Target"), rec);
}

static bool is_ours(const struct val *folders, const char *target)
{
    for (size_t i = 0; i < val_len(folders); i++)
        if (str_eq(folders->items[i]->s, target))
            return true;
    return false;
}

void mounts_read(struct arena *a, json_t *host, const struct val *asked, struct val *spec)
{
    struct val *volumes = val_map(a);
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(host, "Binds"), i, item)
        bind_read(a, str_or(json_string_value(item), ""), volumes);
    json_array_foreach(json_object_get(host, "Mounts"), i,
                       item) if (!is_ours(val_get(asked, "folders"), json_text(item, "Target")))
        mount_read(a, item, volumes);
    if (volumes->len)
        val_map_set(a, spec, "volumes", volumes);
}

/* Does it need the older form: for a host path to be created, or SELinux labels, which the newer form cannot
   express? */
static bool wants_bind(const struct val *rec, unsigned api)
{
    if (val_get_str(rec, "selinux"))
        return true;
    return str_eq(val_get_str(rec, "type"), "bind") && val_get_bool(rec, "create_host_path", true) &&
           api < CREATE_MOUNTPOINT;
}

static int bind_write(struct arena *a, const char *target, const struct val *rec, json_t *binds,
                      struct err *err)
{
    const char *source = str_or(val_get_str(rec, "source"), "");
    const char *propagation = val_get_str(rec, "propagation"), *selinux = val_get_str(rec, "selinux");
    if (strchr(source, ':') || strchr(target, ':'))
        return err_set(err, ERR_UNSUPPORTED,
                       "volumes: this engine cannot mount %s at %s because of the colon", source, target);
    const char *text = arena_printf(a, "%s:%s:%s%s%s%s%s%s", source, target,
                                    val_get_bool(rec, "read_only", false) ? "ro" : "rw",
                                    val_get_bool(rec, "nocopy", false) ? ",nocopy" : "", selinux ? "," : "",
                                    str_or(selinux, ""), propagation ? "," : "", str_or(propagation, ""));
    json_array_append_new(binds, json_string(text));
    return 0;
}

static void mount_write(const char *target, const struct val *rec, unsigned api, json_t *mounts)
{
    const char *type = str_or(val_get_str(rec, "type"), "volume");
    json_t *m = json_pack("{s:s, s:s, s:b}", "Type", type, "Target", target, "ReadOnly",
                          val_get_bool(rec, "read_only", false));
    if (val_get_str(rec, "source"))
        json_object_set_new(m, "Source", json_string(val_get_str(rec, "source")));
    if (str_eq(type, "bind")) {
        json_t *o = json_object();
        if (val_get_str(rec, "propagation"))
            json_object_set_new(o, "Propagation", json_string(val_get_str(rec, "propagation")));
        if (api >= CREATE_MOUNTPOINT && val_get_bool(rec, "create_host_path", true))
            json_object_set_new(o, "CreateMountpoint", json_true());
        json_object_set_new(m, "BindOptions", o);
    } else if (str_eq(type, "volume") && val_get_bool(rec, "nocopy", false)) {
        json_object_set_new(m, "VolumeOptions", json_pack("{s:b}", "NoCopy", 1));
    } else if (str_eq(type, "tmpfs")) {
        json_t *o = json_object();
        if (val_get(rec, "size"))
            json_object_set_new(o, "SizeBytes", json_of(val_get(rec, "size")));
        if (val_get(rec, "mode"))
            json_object_set_new(o, "Mode", json_of(val_get(rec, "mode")));
        json_object_set_new(m, "TmpfsOptions", o);
    }
    json_array_append_new(mounts, m);
}

int mounts_write(struct arena *a, const struct val *spec, unsigned api, json_t *host, struct val *asked,
                 struct err *err)
{
    const struct val *volumes = val_get(spec, "volumes");
    json_t *binds = json_array(), *mounts = json_array();
    json_object_set_new(host, "Binds", binds);
    json_object_set_new(host, "Mounts", mounts);
    for (size_t i = 0; i < val_len(volumes); i++) {
        const struct val *rec = volumes->pairs[i].val;
        int r = 0;
        if (wants_bind(rec, api))
            r = bind_write(a, volumes->pairs[i].key, rec, binds, err);
        else
            mount_write(volumes->pairs[i].key, rec, api, mounts);
        if (r < 0)
            return r;
    }
    struct val *folders = folders_needed(a, spec);
    for (size_t i = 0; i < folders->len; i++)
        json_array_append_new(mounts,
                              json_pack("{s:s, s:s}", "Type", "volume", "Target", folders->items[i]->s));
    if (folders->len)
        val_map_set(a, asked, "folders", folders);
    return 0;
}
