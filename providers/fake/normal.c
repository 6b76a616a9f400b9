/* What the engine reports about its objects: in canonical form, with the defaults of image and engine. */
#include "providers/fake/state.h"

#include "base/parse.h"
#include "base/str.h"

#define SHM_DEFAULT (INT64_C(64) << 20)

/* Does the engine store the field? Some have no place in an engine; the name is reported as native name. */
static bool is_kept(const struct field *f)
{
    return !(f->flags & (FIELD_VIRTUAL | FIELD_CREATE_ONLY | FIELD_ALIAS)) && !str_eq(f->name, "replicas") &&
           !str_eq(f->name, "container_name") && !str_eq(f->name, "name") && !str_eq(f->name, "external");
}

struct val *fake_kept_spec(struct arena *a, const struct kind_desc *kind, const struct val *spec)
{
    struct val *kept = val_map(a);
    for (size_t i = 0; i < val_len(spec); i++) {
        const struct field *f = field_find(kind->spec, spec->pairs[i].key);
        if (!f || is_kept(f))
            val_map_set(a, kept, spec->pairs[i].key, val_clone(a, spec->pairs[i].val));
    }
    return kept;
}

static bool merges(const char *field)
{
    return str_eq(field, "environment") || str_eq(field, "labels");
}

/* `over` on top of `under`, one level. */
static struct val *merge_maps(struct arena *a, const struct val *under, const struct val *over)
{
    struct val *merged = val_map_copy(a, under);
    for (size_t i = 0; i < val_len(over); i++)
        val_map_set(a, merged, over->pairs[i].key, over->pairs[i].val);
    return merged;
}

static struct val *container_defaults(struct arena *a, struct fake_engine *e, const struct fake_object *o)
{
    const struct fake_image *img = fake_image_by_id(e, o->image_id);
    struct val *d = img && img->config ? val_clone(a, img->config) : val_map(a);
    /* Setting the entrypoint discards the image's command. */
    if (val_get(o->spec, "entrypoint"))
        val_map_del(d, "command");
    val_set_str(a, d, "restart", "no");
    val_set_int(a, d, "shm_size", SHM_DEFAULT);
    struct val *logging = val_map(a);
    val_set_str(a, logging, "driver", "json-file");
    val_map_set(a, d, "logging", logging);
    if (!val_len(val_get(o->spec, "networks")))
        val_set_str(a, d, "network_mode", "bridge");
    return d;
}

static struct val *defaults_of(struct arena *a, struct fake_engine *e, const struct fake_object *o)
{
    if (o->kind == &kind_container)
        return container_defaults(a, e, o);
    struct val *d = val_map(a);
    val_set_str(a, d, "driver", o->kind == &kind_network ? "bridge" : "local");
    return d;
}

/* The labels of an object that are not our marks. */
static struct val *plain_labels(struct arena *a, const struct fake_object *o)
{
    struct val *plain = val_map(a);
    for (size_t i = 0; i < o->labels->len; i++) {
        if (!str_starts(o->labels->pairs[i].key, MARK_PREFIX))
            val_map_set(a, plain, o->labels->pairs[i].key, val_clone(a, o->labels->pairs[i].val));
    }
    return plain;
}

struct val *fake_full_spec(struct arena *a, struct fake_engine *e, const struct fake_object *o,
                           struct val **ret_defaults)
{
    struct val *defaults = defaults_of(a, e, o);
    struct val *spec = val_clone(a, o->spec);
    val_map_del(spec, "labels");
    struct val *labels = plain_labels(a, o);
    if (labels->len)
        val_map_set(a, spec, "labels", labels);
    for (size_t i = 0; i < defaults->len; i++) {
        const char *key = defaults->pairs[i].key;
        const struct val *asked = val_get(spec, key);
        if (!asked)
            val_map_set(a, spec, key, defaults->pairs[i].val);
        else if (merges(key))
            val_map_set(a, spec, key, merge_maps(a, defaults->pairs[i].val, asked));
    }
    *ret_defaults = defaults;
    return spec;
}

static uint64_t number_label(const struct fake_object *o, const char *key)
{
    const char *text = fake_label(o, key);
    int64_t n = 0;
    struct err err = {0};
    return text && parse_int(text, 0, INT64_MAX, &n, &err) == 0 ? (uint64_t)n : 0;
}

/* Does the reference now name another local image than the one this container was made from? */
static bool image_moved(struct arena *a, struct fake_engine *e, const struct fake_object *o)
{
    const char *ref = val_get_str(o->spec, "image");
    const struct fake_image *img = ref ? fake_image_find(e, ref) : NULL;
    return img && img->local && !str_eq(fake_local_id(a, img), o->image_id);
}

void fake_fill_object(struct arena *a, struct fake_engine *e, const struct fake_object *o, struct object *ret)
{
    struct val *defaults;
    *ret = (struct object){
        .id = arena_strdup(a, fake_label(o, MARK_RESOURCE)),
        .kind = o->kind,
        .instance = (unsigned)number_label(o, MARK_INSTANCE),
        .candidate = str_ends(o->name, MARK_CANDIDATE),
        .owner = arena_strdup(a, fake_label(o, MARK_OWNER)),
        .native_id = arena_strdup(a, o->id),
        .native_name = arena_strdup(a, o->name),
        .spec_digest = arena_strdup(a, fake_label(o, MARK_SPEC)),
        .commit = arena_strdup(a, fake_label(o, MARK_COMMIT)),
        .generation = number_label(o, MARK_GENERATION),
        .state = o->state,
        .health = o->health,
        .exit_code = o->exit_code,
        .message = arena_strdup(a, o->message),
        .created_ns = o->created_ns,
        .started_ns = o->started_ns,
        .finished_ns = o->finished_ns,
        .restarts = o->restarts,
        .image_id = arena_strdup(a, o->image_id),
        .keep = str_eq(fake_label(o, MARK_PRUNE), "disabled"),
        .image_moved = o->kind == &kind_container && image_moved(a, e, o),
        .spec = fake_full_spec(a, e, o, &defaults),
        .defaults = defaults,
    };
}
