/* Observed objects as value trees, and back. What is absent, false or zero is left out. */
#include "base/str.h"
#include "reconciler/plan/observed.h"

static void set_number(struct arena *a, struct val *m, const char *key, int64_t i)
{
    if (i)
        val_set_int(a, m, key, i);
}

static void set_flag(struct arena *a, struct val *m, const char *key, bool b)
{
    if (b)
        val_set_bool(a, m, key, true);
}

struct val *object_to_val(struct arena *a, const struct object *o)
{
    struct val *m = val_map(a);
    val_set_str(a, m, "id", o->id);
    set_number(a, m, "instance", o->instance);
    set_flag(a, m, "candidate", o->candidate);
    val_set_str(a, m, "owner", o->owner);
    val_set_str(a, m, "native_id", o->native_id);
    val_set_str(a, m, "native_name", o->native_name);
    val_set_str(a, m, "spec_digest", o->spec_digest);
    val_set_str(a, m, "commit", o->commit);
    set_number(a, m, "generation", (int64_t)o->generation);
    val_set_str(a, m, "state", object_state_name(o->state));
    if (o->health != HEALTH_NONE)
        val_set_str(a, m, "health", object_health_name(o->health));
    set_number(a, m, "exit_code", o->exit_code);
    val_set_str(a, m, "message", o->message);
    set_number(a, m, "created_ns", o->created_ns);
    set_number(a, m, "started_ns", o->started_ns);
    set_number(a, m, "finished_ns", o->finished_ns);
    set_number(a, m, "restarts", o->restarts);
    val_set_str(a, m, "image_id", o->image_id);
    set_flag(a, m, "image_moved", o->image_moved);
    set_flag(a, m, "keep", o->keep);
    val_map_set(a, m, "spec", val_clone(a, o->spec));
    if (val_len(o->defaults))
        val_map_set(a, m, "defaults", val_clone(a, o->defaults));
    return m;
}

static int read_kind(const struct val *v, struct object *o, struct err *err)
{
    const char *id = val_get_str(v, "id");
    const char *slash = id ? strchr(id, '/') : NULL;
    if (!slash)
        return err_set(err, ERR_INVALID, "an observed object has no id of the form \"container/web\"");
    char prefix[32];
    size_t n = (size_t)(slash - id);
    if (n >= sizeof(prefix))
        return err_set(err, ERR_INVALID, "object %s is of an unknown kind", id);
    memcpy(prefix, id, n);
    prefix[n] = '\0';
    o->kind = kind_by_prefix(prefix);
    if (!o->kind)
        return err_set(err, ERR_INVALID, "object %s is of an unknown kind", id);
    o->id = id;
    return 0;
}

static int read_state(const struct val *v, struct object *o, struct err *err)
{
    const char *state = val_get_str(v, "state"), *health = val_get_str(v, "health");
    if (state && object_state_from_name(state, &o->state) < 0)
        return err_set(err, ERR_INVALID, "%s: \"%s\" is not an object state", o->id, state);
    if (health && object_health_from_name(health, &o->health) < 0)
        return err_set(err, ERR_INVALID, "%s: \"%s\" is not a health state", o->id, health);
    return 0;
}

int object_from_val(struct arena *a, const struct val *v, struct object *ret, struct err *err)
{
    struct object o = {0};
    int r = read_kind(v, &o, err);
    if (r == 0)
        r = read_state(v, &o, err);
    if (r < 0)
        return r;
    o.instance = (unsigned)val_get_int(v, "instance", 0);
    o.candidate = val_get_bool(v, "candidate", false);
    o.owner = val_get_str(v, "owner");
    o.native_id = val_get_str(v, "native_id");
    o.native_name = val_get_str(v, "native_name");
    o.spec_digest = val_get_str(v, "spec_digest");
    o.commit = val_get_str(v, "commit");
    o.generation = (uint64_t)val_get_int(v, "generation", 0);
    o.exit_code = (int)val_get_int(v, "exit_code", 0);
    o.message = val_get_str(v, "message");
    o.created_ns = val_get_int(v, "created_ns", 0);
    o.started_ns = val_get_int(v, "started_ns", 0);
    o.finished_ns = val_get_int(v, "finished_ns", 0);
    o.restarts = (unsigned)val_get_int(v, "restarts", 0);
    o.image_id = val_get_str(v, "image_id");
    o.image_moved = val_get_bool(v, "image_moved", false);
    o.keep = val_get_bool(v, "keep", false);
    const struct val *spec = val_get(v, "spec"), *defaults = val_get(v, "defaults");
    o.spec = val_is(spec, VAL_MAP) ? spec : val_map(a);
    o.defaults = val_is(defaults, VAL_MAP) ? defaults : val_map(a);
    *ret = o;
    return 0;
}
