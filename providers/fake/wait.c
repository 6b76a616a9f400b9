/* Waiting for a container, and pulling images: the steps that take time. */
#include "providers/fake/state.h"

#include "base/str.h"

enum verdict { NOT_YET, HOLDS, WILL_NOT };

static int will_not(const struct step *s, const struct fake_object *o, struct err *err)
{
    if (fake_running(o))
        return err_set(err, ERR_FAILED, "%s: container %s is %s", s->id, o->name,
                       object_health_name(o->health));
    return err_set(err, ERR_FAILED, "%s: container %s exited with code %d", s->id, o->name, o->exit_code);
}

static enum verdict judge(struct fake_engine *e, const struct step *s, const struct fake_object *o,
                          int64_t begin_ns, int64_t deadline)
{
    bool over = o->state == OBJECT_EXITED || o->state == OBJECT_DEAD;
    switch (s->condition) {
    case DEPEND_COMPLETED:
        return !over ? NOT_YET : o->exit_code ? WILL_NOT : HOLDS;
    case DEPEND_HEALTHY:
        if (over || o->health == HEALTH_UNHEALTHY)
            return WILL_NOT;
        /* Without a health check, running is all that can be expected. */
        return o->health == HEALTH_HEALTHY || (o->health == HEALTH_NONE && o->state == OBJECT_RUNNING)
                   ? HOLDS
                   : NOT_YET;
    case DEPEND_STARTED:
        if (over)
            return o->exit_code || !s->may_end ? WILL_NOT : HOLDS;
        if (o->state == OBJECT_RESTARTING || (s->monitor && o->health == HEALTH_UNHEALTHY))
            return WILL_NOT;
        if (s->monitor && o->started_ns > begin_ns)
            return WILL_NOT;
        return o->state == OBJECT_RUNNING && fake_now(e) >= deadline ? HOLDS : NOT_YET;
    }
    return WILL_NOT;
}

static void tell(const struct step_context *ctx, const char *what, int64_t done, int64_t total)
{
    if (ctx->progress)
        ctx->progress(ctx->arg, &(struct step_progress){.what = what, .done = done, .total = total});
}

/* When to give up or, for STARTED, when it has run for long enough. */
static int64_t deadline_of(struct fake_engine *e, const struct step *s)
{
    const struct fake_object *o = fake_find_kind(e, s->kind, s->native_name);
    if (s->condition == DEPEND_STARTED && !s->monitor)
        return (o ? o->started_ns : fake_now(e)) + s->timeout_ns;
    return s->timeout_ns > 0 ? fake_now(e) + s->timeout_ns : INT64_MAX;
}

static int wait_for(struct fake_engine *e, const struct step *s, const struct step_context *ctx,
                    struct err *err)
{
    if (s->gone) /* in this engine, a removed container has ended */
        return 0;
    int64_t begin = fake_now(e), deadline = deadline_of(e, s);
    struct fake_listener l;
    int r = 0;
    fake_listen(e, &l, false);
    for (;;) {
        struct fake_object *o;
        r = fake_step_object(e, s, &o, err);
        if (r == 0 && !o)
            r = err_set(err, ERR_FAILED, "%s: container %s is gone", s->id, s->native_name);
        if (r < 0)
            break;
        enum verdict v = judge(e, s, o, begin, deadline);
        if (v != NOT_YET) {
            r = v == HOLDS ? 0 : will_not(s, o, err);
            break;
        }
        r = cancel_check(ctx->cancel, err);
        if (r < 0)
            break;
        if (fake_now(e) >= deadline) {
            r = err_set(err, ERR_TIMEOUT, "%s: container %s was not %s in time", s->id, s->native_name,
                        depend_condition_name(s->condition));
            break;
        }
        tell(ctx, "waiting", deadline - fake_now(e), s->timeout_ns);
        fake_pause(e, &l, deadline, ctx->cancel);
    }
    fake_unlisten(e, &l);
    return r;
}

int fake_step_wait(struct fake_engine *e, const struct step *s, const struct step_context *ctx,
                   struct err *err)
{
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_WAIT, s->native_name, ctx->cancel, &t, err);
    if (r < 0)
        return r;
    r = wait_for(e, s, ctx, err);
    return fake_leave(e, &t, r, false, err);
}

/* The registry of a reference by Docker's rule: the first part, when it looks like a host. */
static void registry_of(const char *ref, char *ret, size_t size)
{
    const char *slash = strchr(ref, '/');
    size_t n = slash ? (size_t)(slash - ref) : 0;
    bool host = n && (memchr(ref, '.', n) || memchr(ref, ':', n) || strncmp(ref, "localhost", n) == 0);
    if (!host || n >= size) {
        str_copy(ret, size, "docker.io");
        return;
    }
    memcpy(ret, ref, n);
    ret[n] = '\0';
}

static bool may_pull(const struct provider *p, const struct fake_image *img)
{
    if (!img->username)
        return true;
    char registry[128];
    registry_of(img->ref, registry, sizeof(registry));
    for (size_t i = 0; p->target && i < p->target->n_logins; i++) {
        const struct registry_login *l = &p->target->logins[i];
        if (str_eq(l->registry, registry))
            return str_eq(l->username, img->username) && l->password &&
                   str_eq(secret_bytes(l->password, NULL), img->password);
    }
    return false;
}

static int fetch(const struct provider *p, const struct step *s, struct fake_image *img, bool *ret_changed,
                 struct err *err)
{
    bool have = img && img->local;
    if (str_eq(s->pull_policy, "never") && !have)
        return err_set(err, ERR_NOTFOUND, "%s: image %s is not on the engine, and pull_policy is never",
                       s->id, s->image);
    if (have && !str_eq(s->pull_policy, "always"))
        return 0;
    if (!img || !img->remote) {
        /* A locally built image is in no registry. */
        if (have)
            return 0;
        err_set(err, ERR_NOTFOUND, "%s: image %s not found", s->id, s->image);
        return err_hint(err, "check the name and the tag");
    }
    if (!may_pull(p, img)) {
        err_set(err, ERR_AUTH, "%s: pull access denied for %s", s->id, s->image);
        return err_hint(err, "check the registry credentials of the target");
    }
    *ret_changed = img->local != img->remote;
    if (*ret_changed && have)
        fake_image_untag(fake_of(p), img);
    img->local = img->remote;
    if (*ret_changed)
        img->id = NULL;
    return 0;
}

int fake_step_pull(struct provider *p, const struct step *s, const struct step_context *ctx,
                   struct step_result *ret, struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    bool changed = false;
    int r = fake_enter(e, FAKE_PULL, s->image, ctx->cancel, &t, err);
    if (r < 0)
        return r;
    struct fake_image *img = fake_image_find(e, s->image);
    _cleanup_arena_ struct arena a = ARENA_INIT;
    bool there = img && img->remote && fake_image_by_id(e, fake_image_id(&a, img->ref, img->remote));
    r = fetch(p, s, img, &changed, err);
    if (r == 0) {
        str_copy(ret->image_id, sizeof(ret->image_id), fake_local_id(&a, img));
    }
    ret->unchanged = !changed;
    ret->brought = changed && !there;
    snprintf(ret->engine, sizeof(ret->engine), "fake://%s", e->name);
    r = fake_leave(e, &t, r, changed, err);
    if (r == 0 && changed)
        tell(ctx, "pulling", 100, 100);
    return r;
}
