/* The operations on one engine of a fleet: each is the backend's own, between member_begin() and
 * member_end(). */
#include "providers/fleet/fleet.h"

#include "base/str.h"

const char *member_id(struct member *m, struct arena *a, const char *id)
{
    return id ? id_on(a, id, m->target->name) : NULL;
}

static void no_close(struct provider *p)
{
    (void)p; /* owned by the fleet */
}

static void note_heard(struct member *m, unsigned caps, const char *engine)
{
    pthread_mutex_lock(&m->lock);
    m->caps = caps;
    str_copy(m->engine_text, sizeof(m->engine_text), str_or(engine, ""));
    pthread_mutex_unlock(&m->lock);
}

static int member_ping(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                       struct err *err)
{
    struct member *m = member_of(p);
    int r = member_ask(m, a, ret_caps, ret_engine, err);
    if (r == 0)
        note_heard(m, *ret_caps, *ret_engine);
    return r;
}

static int member_inspect(struct provider *p, const struct kind_desc *kind, const char *native,
                          const struct cancel *c, struct arena *a, struct object *ret, struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, false, c, &call, err);
    if (r < 0)
        return r;
    r = m->engine->ops->inspect(m->engine, kind, native, &call.cancel, a, ret, err);
    r = member_end(m, &call, r, err);
    if (r == 0)
        ret->id = member_id(m, a, ret->id);
    return r;
}

static int member_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
                        struct step_result *ret, struct err *err)
{
    struct member *m = member_of(p);
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct call call;
    struct step plain = *s;
    plain.id = id_plain(&a, s->id);
    int r = member_begin(m, false, ctx ? ctx->cancel : NULL, &call, err);
    if (r < 0)
        return err_wrap(err, "%s", s->id);
    struct step_context watched = ctx ? *ctx : (struct step_context){0};
    watched.cancel = &call.cancel;
    r = m->engine->ops->apply(m->engine, &plain, &watched, ret, err);
    bool said = r < 0 && !call.cut; /* then the error already names the resource */
    r = member_end(m, &call, r, err);
    return r < 0 && !said ? err_wrap(err, "%s", s->id) : r;
}

static int cannot(struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "this backend cannot do that");
}

static int member_exec(struct provider *p, const struct exec_request *rq, const struct cancel *c,
                       int *ret_exit, struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, true, c, &call, err);
    if (r < 0)
        return r;
    const struct provider_ops *ops = m->engine->ops;
    r = ops->exec ? ops->exec(m->engine, rq, &call.cancel, ret_exit, err) : cannot(err);
    return member_end(m, &call, r, err);
}

static int member_logs(struct provider *p, const struct logs_request *rq, const struct cancel *c,
                       struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, true, c, &call, err);
    if (r < 0)
        return r;
    const struct provider_ops *ops = m->engine->ops;
    r = ops->logs ? ops->logs(m->engine, rq, &call.cancel, err) : cannot(err);
    return member_end(m, &call, r, err);
}

static int member_volume_save(struct provider *p, const char *native_name, int fd, const struct cancel *c,
                              struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, true, c, &call, err);
    if (r < 0)
        return r;
    const struct provider_ops *ops = m->engine->ops;
    r = ops->volume_save ? ops->volume_save(m->engine, native_name, fd, &call.cancel, err) : cannot(err);
    return member_end(m, &call, r, err);
}

static int member_volume_load(struct provider *p, const char *native_name, int fd, bool over,
                              const struct cancel *c, struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, true, c, &call, err);
    if (r < 0)
        return r;
    const struct provider_ops *ops = m->engine->ops;
    r = ops->volume_load ? ops->volume_load(m->engine, native_name, fd, over, &call.cancel, err)
                         : cannot(err);
    return member_end(m, &call, r, err);
}

static int member_stats(struct provider *p, const char *native, struct stats_sample *ret, struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, true, NULL, &call, err);
    if (r < 0)
        return r;
    const struct provider_ops *ops = m->engine->ops;
    r = ops->stats ? ops->stats(m->engine, native, ret, err) : cannot(err);
    return member_end(m, &call, r, err);
}

static int member_images(struct provider *p, const struct cancel *c, struct arena *a,
                         struct engine_images *ret, struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, false, c, &call, err);
    if (r < 0)
        return r;
    const struct provider_ops *ops = m->engine->ops;
    r = ops->images ? ops->images(m->engine, &call.cancel, a, ret, err) : cannot(err);
    return member_end(m, &call, r, err);
}

static int member_image_remove(struct provider *p, const char *id, const char *const *names,
                               const struct cancel *c, struct err *err)
{
    struct member *m = member_of(p);
    struct call call;
    int r = member_begin(m, false, c, &call, err);
    if (r < 0)
        return r;
    const struct provider_ops *ops = m->engine->ops;
    r = ops->image_remove ? ops->image_remove(m->engine, id, names, &call.cancel, err) : cannot(err);
    return member_end(m, &call, r, err);
}

const struct provider_ops member_ops = {
    .name = "the engine",
    .close = no_close,
    .ping = member_ping,
    .observe = member_observe,
    .inspect = member_inspect,
    .apply = member_apply,
    .exec = member_exec,
    .logs = member_logs,
    .volume_save = member_volume_save,
    .volume_load = member_volume_load,
    .images = member_images,
    .image_remove = member_image_remove,
    .stats = member_stats,
};
