/* Steps: which function executes which, and what the verbs share. */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/str.h"

const char *act_target(const struct act *t)
{
    return str_or(t->step->native_id, t->step->native_name);
}

const struct cancel *act_cancel(const struct act *t)
{
    return t->ctx ? t->ctx->cancel : NULL;
}

void act_progress(const struct act *t, const char *what, int64_t done, int64_t total, const char *detail)
{
    if (t->ctx && t->ctx->progress)
        t->ctx->progress(t->ctx->arg, &(struct step_progress){
                                          .what = what, .done = done, .total = total, .detail = detail});
}

bool act_made_by(const struct step *s, const struct object *o)
{
    return str_eq(o->owner, val_get_str(s->labels, MARK_OWNER)) && str_eq(o->id, s->id) &&
           o->instance == s->instance && str_eq(o->spec_digest, val_get_str(s->labels, MARK_SPEC));
}

static int not_ours(const struct step *s, const struct object *o, struct err *err)
{
    if (o->owner)
        err_set(err, ERR_CONFLICT, "%s %s belongs to %s of environment %s", s->kind->prefix, o->native_name,
                o->id, o->owner);
    else
        err_set(err, ERR_CONFLICT, "%s %s was not created by Forge", s->kind->prefix, o->native_name);
    return err_hint(err, "rename one of the two, or take it over with `forge-ctl adopt`");
}

int act_check(const struct step *s, const struct object *o, struct err *err)
{
    if (s->native_id && !str_eq(o->native_id, s->native_id))
        return err_set(err, ERR_CONFLICT, "%s %s is no longer the one in the plan", s->kind->prefix,
                       s->native_name);
    /* Without a mark, only the id that an adoption named is accepted. */
    bool ours = o->owner ? str_eq(o->id, s->id) && (!s->owner || str_eq(o->owner, s->owner))
                         : s->foreign && s->native_id;
    return ours ? 0 : not_ours(s, o, err);
}

int act_look(struct act *t, struct object *ret, struct err *err)
{
    const struct step *s = t->step;
    const char *native = s->kind == &kind_volume ? s->native_name : act_target(t);
    struct object o;
    int r = docker_look(t->d, s->kind, native, act_cancel(t), t->arena, &o, err);
    if (r == 0)
        r = act_check(s, &o, err);
    if (r == 0)
        *ret = o;
    return r;
}

static int start(struct act *t, const char *native_id, const char *verb, struct err *err)
{
    int status;
    int r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = docker_path(t->arena, "/containers/", native_id, verb),
                                      .cancel = act_cancel(t),
                                      .timeout_ns = 300 * NS_PER_S},
                        NULL, &status, err);
    t->result->unchanged = r == 0 && status == 304;
    return r;
}

/* Marks never change, so the cached data of a container is enough to tell who owns it. */
static bool is_known_as_ours(struct act *t)
{
    struct object o;
    struct err ignored = {0};
    const char *id = t->step->native_id;
    return t->step->made ||
           (id && docker_recall(t->d, t->arena, id, &o) && act_check(t->step, &o, &ignored) == 0);
}

/* The engine's id of the step's object, which is only looked up when it is not already known to be ours. */
static int find_id(struct act *t, const char **ret, struct err *err)
{
    struct object o;
    *ret = t->step->native_id;
    if (is_known_as_ours(t))
        return 0;
    int r = act_look(t, &o, err);
    if (r == 0)
        *ret = o.native_id;
    return r;
}

/*
 * Looking first would block while the engine is still busy with the container's end (Docker keeps the
 * container locked meanwhile). Engines refuse to start a paused container; only then is its state looked at.
 */
int act_start(struct act *t, struct err *err)
{
    struct object o;
    struct err refused = {0};
    if (is_known_as_ours(t)) {
        int r = start(t, t->step->native_id, "/start", &refused);
        if (r != ERR_CONFLICT && r != ERR_FAILED) {
            *err = refused;
            return r;
        }
    }
    int r = act_look(t, &o, err);
    if (r < 0)
        return r;
    if (o.state != OBJECT_PAUSED && refused.code) {
        *err = refused;
        return err->code;
    }
    return start(t, o.native_id, o.state == OBJECT_PAUSED ? "/unpause" : "/start", err);
}

static int stop(struct act *t, const char *native_id, int64_t grace, struct err *err)
{
    int status;
    const char *tail = arena_printf(t->arena, "/stop?t=%lld", (long long)grace);
    int r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = docker_path(t->arena, "/containers/", native_id, tail),
                                      .cancel = act_cancel(t),
                                      .timeout_ns = (grace + 60) * NS_PER_S},
                        NULL, &status, err);
    t->result->unchanged = status == 304 || status == 404;
    return r;
}

int act_stop(struct act *t, struct err *err)
{
    const char *id;
    int64_t grace = t->step->timeout_ns > 0 ? (t->step->timeout_ns + NS_PER_S - 1) / NS_PER_S : 0;
    int r = find_id(t, &id, err);
    if (r == ERR_NOTFOUND) {
        t->result->unchanged = true;
        return 0;
    }
    if (r < 0)
        return r;
    act_progress(t, "stopping", 0, 0, NULL);
    r = stop(t, id, grace, err);
    if (r == ERR_FAILED || r == ERR_CONFLICT) {
        /* Podman refuses to stop a paused container (HTTP 500), which could not handle the signal. */
        struct object o;
        struct err ignored = {0};
        if (act_look(t, &o, &ignored) < 0 || o.state != OBJECT_PAUSED)
            return r;
        *err = ignored;
        r = start(t, id, "/unpause", err);
        if (r == 0)
            r = stop(t, id, grace, err);
    }
    return r == ERR_NOTFOUND ? 0 : r;
}

static int rename_to(struct act *t, const char *native_id, struct err *err)
{
    _cleanup_buf_ struct buf tail = BUF_INIT;
    buf_adds(&tail, "/rename?name=");
    http_escape(&tail, t->step->new_name);
    return docker_json(t->d,
                       &(struct ask){.method = "POST",
                                     .path = docker_path(t->arena, "/containers/", native_id, buf_str(&tail)),
                                     .cancel = act_cancel(t)},
                       NULL, NULL, err);
}

int act_rename(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    struct object o;
    struct err refused = {0};
    /* If the answer to an earlier attempt was lost, this one is refused; then check whether it is done. */
    if (s->made && rename_to(t, s->native_id, &refused) == 0)
        return 0;
    int r = act_look(t, &o, err);
    if (r == ERR_NOTFOUND && !s->native_id) {
        /* Done by an earlier run, if the object with the new name belongs to this resource. */
        struct act again = *t;
        struct step renamed = *s;
        struct err ignored = {0};
        renamed.native_name = s->new_name;
        again.step = &renamed;
        if (act_look(&again, &o, &ignored) == 0 && o.instance == s->instance) {
            t->result->unchanged = true;
            return 0;
        }
    }
    if (r < 0)
        return r;
    if (str_eq(o.native_name, s->new_name)) {
        t->result->unchanged = true;
        return 0;
    }
    return rename_to(t, o.native_id, err);
}

/* The engine answers 409 while another removal of the same container is under way: wait for that one to
   end. */
static int removal_ended(struct act *t, const char *id, struct err *err)
{
    for (int i = 0; i < 100; i++) {
        _cleanup_json_ json_t *j = NULL;
        int r = docker_inspect_json(t->d, id, act_cancel(t), &j, err);
        if (r < 0)
            return r == ERR_NOTFOUND ? 0 : r;
        if (cancel_sleep(act_cancel(t), 100 * NS_PER_MS))
            return cancel_check(act_cancel(t), err);
    }
    return err_set(err, ERR_TIMEOUT, "container %s is still being removed", t->step->native_name);
}

static int delete_container(struct act *t, const char *id, int *ret_status, struct err *err)
{
    /* v=1 also removes anonymous volumes, but no named ones (API, ContainerDelete). */
    return docker_json(t->d,
                       &(struct ask){.method = "DELETE",
                                     .path = docker_path(t->arena, "/containers/", id, "?v=1"),
                                     .cancel = act_cancel(t),
                                     .timeout_ns = 120 * NS_PER_S},
                       NULL, ret_status, err);
}

int act_remove(struct act *t, struct err *err)
{
    const char *id;
    int status = 0, r = find_id(t, &id, err);
    if (r == 0)
        r = delete_container(t, id, &status, err);
    if (r < 0 && status && t->d->dialect->mend_removal && t->d->dialect->mend_removal(t, err)) {
        err_clear(err);
        r = delete_container(t, id, &status, err);
    }
    if (r == ERR_CONFLICT && err->retryable && t->step->timeout_ns > 0) {
        /* It runs again: what an engine that hung was asked for comes true later. */
        err_clear(err);
        r = act_stop(t, err);
        if (r == 0)
            r = delete_container(t, id, &status, err);
    }
    if (r == ERR_BUSY && status == 409)
        r = removal_ended(t, id, err);
    t->result->unchanged = r == ERR_NOTFOUND;
    return r == ERR_NOTFOUND ? 0 : r;
}

int docker_apply_by(struct provider *p, const struct act_row *rows, unsigned caps, const struct step *s,
                    const struct step_context *ctx, struct step_result *ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct act t = {.d = docker_of(p), .step = s, .ctx = ctx, .result = ret, .arena = &a};
    *ret = (struct step_result){0};
    if (kind_is_virtual(s->kind, caps)) {
        ret->unchanged = true;
        return 0;
    }
    for (const struct act_row *row = rows; row->kind; row++) {
        if (row->kind != s->kind || row->verb != s->verb)
            continue;
        int r = row->fn(&t, err);
        if (r < 0)
            networks_settle(&t, err);
        return r < 0 ? err_wrap(err, "%s", s->id) : 0;
    }
    return err_set(err, ERR_UNSUPPORTED, "%s: %s cannot %s a %s", s->id, p->ops->name,
                   step_verb_name(s->verb), s->kind->prefix);
}

int docker_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
                 struct step_result *ret, struct err *err)
{
    static const struct act_row rows[] = {
        {&kind_container, STEP_PULL, act_pull},
        {&kind_container, STEP_CREATE, act_create},
        {&kind_container, STEP_UPDATE, act_update},
        {&kind_container, STEP_START, act_start},
        {&kind_container, STEP_STOP, act_stop},
        {&kind_container, STEP_WAIT, act_wait},
        {&kind_container, STEP_RENAME, act_rename},
        {&kind_container, STEP_REMOVE, act_remove},
        {&kind_network, STEP_CREATE, network_create},
        {&kind_network, STEP_REMOVE, network_remove},
        {&kind_volume, STEP_CREATE, volume_create},
        {&kind_volume, STEP_REMOVE, volume_remove},
        {0},
    };
    return docker_apply_by(p, rows, 0, s, ctx, ret, err);
}
