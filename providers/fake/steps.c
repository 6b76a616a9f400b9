/* The steps that change an engine; all are idempotent. */
#include "providers/fake/state.h"

#include "base/str.h"

#include <assert.h>

/* A step in progress, with the lock held. */
struct doing {
    struct fake_engine *e;
    const struct step *s;
    const char *forget; /* injected fault: a field that is dropped */
    struct step_result *ret;
    bool changed;
};

static int not_ours(const struct step *s, const struct fake_object *o, struct err *err)
{
    const char *owner = fake_label(o, MARK_OWNER);
    err_set(err, ERR_CONFLICT, "%s: %s %s belongs to %s", s->id, o->kind->prefix, o->name,
            owner ? owner : "nobody Forge knows");
    return err_hint(err, "rename one of the two, or take it over with `forge-ctl adopt`");
}

int fake_step_object(struct fake_engine *e, const struct step *s, struct fake_object **ret, struct err *err)
{
    struct fake_object *o = fake_find_kind(e, s->kind, s->native_name);
    if (o && s->native_id && !str_eq(o->id, s->native_id))
        return err_set(err, ERR_CONFLICT, "%s: %s %s is no longer the one in the plan (now %.12s)", s->id,
                       s->kind->prefix, s->native_name, o->id);
    if (!o && s->native_id)
        o = fake_find_kind(e, s->kind, s->native_id);
    const char *resource = o ? fake_label(o, MARK_RESOURCE) : NULL;
    /* Without a mark, only the id that an adoption named is accepted. */
    if (o && (resource ? !str_eq(resource, s->id) : !s->foreign || !s->native_id))
        return not_ours(s, o, err);
    *ret = o;
    return 0;
}

/* The same, for steps that need the object to exist. */
static int existing(struct doing *d, struct fake_object **ret, struct err *err)
{
    struct fake_object *o;
    int r = fake_step_object(d->e, d->s, &o, err);
    if (r < 0)
        return r;
    if (!o)
        return err_set(err, ERR_NOTFOUND, "%s: no %s %s", d->s->id, d->s->kind->prefix, d->s->native_name);
    *ret = o;
    return 0;
}

/* An object has the name of one to be created: it was created by this step before, or is a conflict. */
static int meet_existing(struct doing *d, const struct fake_object *o, struct err *err)
{
    static const char *const marks[] = {MARK_OWNER, MARK_RESOURCE, MARK_INSTANCE, MARK_SPEC};
    const struct val *labels = d->s->labels;
    if (!str_eq(fake_label(o, MARK_OWNER), val_get_str(labels, MARK_OWNER)) ||
        !str_eq(fake_label(o, MARK_RESOURCE), val_get_str(labels, MARK_RESOURCE)))
        return not_ours(d->s, o, err);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (!str_eq(fake_label(o, marks[i]), val_get_str(labels, marks[i])))
            return err_set(err, ERR_EXISTS, "%s: %s %s already exists, created from another specification",
                           d->s->id, o->kind->prefix, o->name);
    }
    str_copy(d->ret->native_id, sizeof(d->ret->native_id), o->id);
    return 0;
}

/* Like Docker, create missing named volumes silently. */
static void make_missing_volumes(struct doing *d, const struct fake_object *o)
{
    const struct val *volumes = val_get(o->spec, "volumes");
    for (size_t i = 0; i < val_len(volumes); i++) {
        const struct val *v = volumes->pairs[i].val;
        const char *source = val_get_str(v, "source");
        if (source && str_eq(val_get_str(v, "type"), "volume") && !fake_find_kind(d->e, &kind_volume, source))
            (void)fake_add(d->e, &kind_volume, source);
    }
}

static int find_image(struct doing *d, const char **ret_id, struct arena *a, struct err *err)
{
    const char *ref = val_get_str(d->s->spec, "image");
    const struct fake_image *img = ref ? fake_image_find(d->e, ref) : NULL;
    if (!img || !img->local)
        return err_set(err, ERR_NOTFOUND, "%s: no such image: %s", d->s->id, str_or(ref, ""));
    *ret_id = fake_local_id(a, img);
    return 0;
}

static int do_create(struct doing *d, struct err *err)
{
    const struct step *s = d->s;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *image_id = NULL;
    const struct fake_object *there = fake_find_kind(d->e, s->kind, s->native_name);
    if (there)
        return meet_existing(d, there, err);
    int r = s->kind == &kind_container ? find_image(d, &image_id, &a, err) : 0;
    if (r < 0)
        return r;

    struct fake_object *o = fake_add(d->e, s->kind, s->native_name);
    o->image_id = arena_strdup(&o->arena, image_id);
    o->spec = fake_kept_spec(&o->arena, s->kind, s->spec);
    if (d->forget)
        val_map_del(o->spec, d->forget);
    o->labels = s->labels ? val_clone(&o->arena, s->labels) : val_map(&o->arena);
    const struct val *own = val_get(o->spec, "labels");
    for (size_t i = 0; i < val_len(own); i++)
        val_map_set(&o->arena, o->labels, own->pairs[i].key, own->pairs[i].val);
    make_missing_volumes(d, o);
    str_copy(d->ret->native_id, sizeof(d->ret->native_id), o->id);
    d->changed = true;
    fake_emit(d->e, o, "create");
    return 0;
}

/* A network to connect to must exist. */
static int check_networks(const struct doing *d, const struct val *networks, struct err *err)
{
    for (size_t i = 0; i < val_len(networks); i++) {
        if (!fake_find_kind(d->e, &kind_network, networks->pairs[i].key))
            return err_set(err, ERR_NOTFOUND, "%s: network %s not found", d->s->id, networks->pairs[i].key);
    }
    return 0;
}

static int do_update(struct doing *d, struct err *err)
{
    const struct step *s = d->s;
    struct fake_object *o;
    int r = existing(d, &o, err);
    if (r < 0)
        return r;
    struct val *wanted = fake_kept_spec(&o->arena, s->kind, s->spec);
    r = check_networks(d, val_get(wanted, "networks"), err);
    if (r < 0)
        return r;
    struct val *next = val_map_copy(&o->arena, o->spec);
    for (const struct field *f = s->kind->spec->fields; f->name; f++) {
        struct val *asked = val_get(wanted, f->name);
        const struct val *now = val_get(o->spec, f->name);
        if (val_equal(asked, now) || field_equal(f, asked, now) || str_eq(f->name, d->forget))
            continue;
        /* A field that is not asked for keeps the engine's value, unless it can be changed while running. */
        if (f->impact > IMPACT_LIVE && asked)
            return err_set(err, ERR_UNSUPPORTED, "%s: %s cannot be changed on a running %s", s->id, f->name,
                           s->kind->prefix);
        if (f->impact > IMPACT_LIVE)
            continue;
        if (asked)
            val_map_set(&o->arena, next, f->name, asked);
        else
            val_map_del(next, f->name);
        d->changed = true;
    }
    o->spec = next;
    if (d->changed)
        fake_emit(d->e, o, "update");
    return 0;
}

static int do_start(struct doing *d, struct err *err)
{
    struct fake_object *o;
    int r = existing(d, &o, err);
    if (r < 0)
        return r;
    d->changed = o->state == OBJECT_PAUSED || !fake_running(o);
    if (o->state == OBJECT_PAUSED) {
        o->state = OBJECT_RUNNING;
        fake_emit(d->e, o, "unpause");
        return 0;
    }
    return d->changed ? fake_life_start(d->e, o, err) : 0;
}

static int do_stop(struct doing *d, struct err *err)
{
    struct fake_object *o;
    int r = fake_step_object(d->e, d->s, &o, err);
    if (r < 0 || !o || !fake_running(o))
        return r;
    d->changed = true;
    fake_life_stop(d->e, o, fake_behaviour_of(d->e, o)->ignores_term ? 137 : 143, "stop");
    return 0;
}

static int do_rename(struct doing *d, struct err *err)
{
    const struct step *s = d->s;
    struct fake_object *there = fake_find_kind(d->e, s->kind, s->new_name);
    struct fake_object *o;
    int r = fake_step_object(d->e, s, &o, err);
    if (r < 0)
        return r;
    bool done = there && (o == there || (!o && str_eq(fake_label(there, MARK_RESOURCE), s->id)));
    if (done)
        return 0;
    if (!o)
        return existing(d, &o, err);
    if (there)
        return err_set(err, ERR_CONFLICT, "%s: the name %s is already in use by %.12s", s->id, s->new_name,
                       there->id);
    o->name = arena_strdup(&o->arena, s->new_name);
    d->changed = true;
    fake_emit(d->e, o, "rename");
    return 0;
}

/* Disconnect our own containers before a network is removed. */
static void disconnect_ours(struct doing *d, const struct fake_object *network)
{
    const char *owner = fake_label(network, MARK_OWNER);
    for (size_t i = 0; owner && i < d->e->n; i++) {
        struct fake_object *u = d->e->objects[i];
        const struct val *networks = val_get(u->spec, "networks");
        if (!str_eq(fake_label(u, MARK_OWNER), owner) || !val_get(networks, network->name))
            continue;
        struct val *rest = val_map_copy(&u->arena, networks);
        val_map_del(rest, network->name);
        val_map_set(&u->arena, u->spec, "networks", rest);
    }
}

/* A container that still uses the network or volume; NULL: none. */
static const struct fake_object *user_of(struct fake_engine *e, const struct fake_object *o)
{
    for (size_t i = 0; i < e->n; i++) {
        const struct fake_object *u = e->objects[i];
        if (u->kind != &kind_container)
            continue;
        if (o->kind == &kind_network && fake_running(u) && val_get(val_get(u->spec, "networks"), o->name))
            return u;
        const struct val *volumes = o->kind == &kind_volume ? val_get(u->spec, "volumes") : NULL;
        for (size_t k = 0; k < val_len(volumes); k++) {
            if (str_eq(val_get_str(volumes->pairs[k].val, "source"), o->name))
                return u;
        }
    }
    return NULL;
}

static int do_remove(struct doing *d, struct err *err)
{
    struct fake_object *o;
    int r = fake_step_object(d->e, d->s, &o, err);
    if (r < 0 || !o)
        return r;
    if (o->kind == &kind_network)
        disconnect_ours(d, o);
    const struct fake_object *user = user_of(d->e, o);
    if (user)
        return err_set(err, ERR_CONFLICT, "%s: %s %s is in use by container %s", d->s->id, o->kind->prefix,
                       o->name, user->name);
    if (o->kind == &kind_container && fake_running(o))
        return err_set(err, ERR_CONFLICT, "%s: cannot remove the running container %s: stop it first",
                       d->s->id, o->name);
    d->changed = true;
    fake_emit(d->e, o, "destroy");
    fake_delete(d->e, o);
    return 0;
}

static const struct {
    enum fake_verb verb;
    int (*run)(struct doing *d, struct err *err);
} table[] = {
    [STEP_CREATE] = {FAKE_CREATE, do_create}, [STEP_UPDATE] = {FAKE_UPDATE, do_update},
    [STEP_START] = {FAKE_START, do_start},    [STEP_STOP] = {FAKE_STOP, do_stop},
    [STEP_RENAME] = {FAKE_RENAME, do_rename}, [STEP_REMOVE] = {FAKE_REMOVE, do_remove},
};

/* A container that ignores the stop signal takes its full grace period. */
static void wait_out_grace(struct fake_engine *e, const struct step *s, const struct cancel *c)
{
    fake_lock(e);
    const struct fake_object *o = fake_find_kind(e, s->kind, s->native_name);
    int64_t grace = o && fake_running(o) && fake_behaviour_of(e, o)->ignores_term ? s->timeout_ns : 0;
    struct clock *clock = e->clock;
    fake_unlock(e);
    if (grace > 0 && clock == clock_system())
        (void)cancel_sleep(c, grace);
    else if (grace > 0)
        clock->sleep(clock, grace);
}

int fake_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
               struct step_result *ret, struct err *err)
{
    struct fake_engine *e = fake_of(p);
    *ret = (struct step_result){0};
    if (s->verb == STEP_WAIT)
        return fake_step_wait(e, s, ctx, err);
    if (s->verb == STEP_PULL)
        return fake_step_pull(p, s, ctx, ret, err);
    if (s->verb == STEP_STOP)
        wait_out_grace(e, s, ctx->cancel);

    struct fake_ticket t;
    int r = fake_enter(e, table[s->verb].verb, s->native_name, ctx->cancel, &t, err);
    if (r < 0)
        return r;
    struct doing d = {.e = e, .s = s, .ret = ret};
    if (t.has_fault && t.fault.not_read_back)
        d.forget = t.fault.field;
    r = table[s->verb].run(&d, err);
    ret->unchanged = !d.changed;
    return fake_leave(e, &t, r, d.changed, err);
}
