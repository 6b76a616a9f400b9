/* Creating, updating and removing services. */
#include "providers/swarm/swarm.h"

#include "base/clock.h"
#include "base/str.h"
#include "reconciler/plan/compare.h"

#define KEEP_FILES 5u /* newest versions of a config or secret that are kept, for rollbacks */

#define OUT_OF_SEQUENCE 4u /* attempts when updates by others intervene */

/* The image with the digest that the nodes pull. What the plan found comes first. A service that is pinned
   keeps its digest, unless another reference is asked for, or pull_policy is always. One without a digest
   could not be resolved by its registry: a restart tries again. */
static const char *exact_image(struct act *t, const char *runs)
{
    const struct step *s = t->step;
    const char *ref = str_or(val_get_str(s->spec, "image"), "");
    const char *rest = runs ? str_after(runs, ref) : NULL;
    bool same = rest && (*rest == '@' || (!*rest && !s->restart)) &&
                !str_eq(val_get_str(s->spec, "pull_policy"), "always");
    if (s->image_digest && !strchr(ref, '@'))
        return arena_printf(t->arena, "%s@%s", ref, s->image_digest);
    return same ? runs : swarm_pin(t->d, ref, act_cancel(t), t->arena);
}

/* The body of a create or update request; `now` is the existing service, or NULL. */
static int make_body(struct act *t, json_t *now, json_t **ret, struct err *err)
{
    const struct step *s = t->step;
    json_t *task = json_object_get(json_object_get(now, "Spec"), "TaskTemplate");
    const char *image = json_string_value(json_object_get(json_object_get(task, "ContainerSpec"), "Image"));
    struct service_file *files;
    size_t n;
    int r = swarm_files(t, &files, &n, err);
    if (r < 0)
        return r;
    const struct service_request rq = {
        .name = s->native_name,
        .spec = s->spec,
        .labels = s->labels,
        .image = exact_image(t, image),
        .force_update = json_integer_value(json_object_get(task, "ForceUpdate")) + (s->restart ? 1 : 0),
        .files = files,
        .n_files = n,
    };
    *ret = service_write(t->arena, &rq);
    return 0;
}

/* POST with the credentials for the image's registry, which are passed on to the nodes. */
static int post(struct act *t, const char *path, json_t *body, json_t **ret, int *ret_status, struct err *err)
{
    char *login = NULL;
    int r =
        credential_header(t->d, str_or(val_get_str(t->step->spec, "image"), ""), act_cancel(t), &login, err);
    if (r < 0) {
        json_decref(body);
        return r;
    }
    r = docker_json(t->d,
                    &(struct ask){.method = "POST",
                                  .path = path,
                                  .body = body,
                                  .headers = login,
                                  .cancel = act_cancel(t),
                                  .timeout_ns = 120 * NS_PER_S},
                    ret, ret_status, err);
    credential_free(login);
    return r;
}

/* The name is taken: by the result of this same step in an earlier run, or by something else. */
static int meet_existing(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    _cleanup_json_ json_t *j = NULL;
    struct object o;
    struct err other = {0};
    const struct swarm_lists none = {0};
    int r = swarm_service(t->d, s->native_name, act_cancel(t), &j, &other);
    if (r == 0)
        r = swarm_object(t->arena, &none, j, &o, &other);
    if (r < 0)
        return err->code;
    if (!act_made_by(s, &o)) {
        err_set(err, ERR_CONFLICT, "the name %s is taken by a service which %s", s->native_name,
                o.owner ? "is another service of Forge" : "was not created by Forge");
        return err_hint(err, "rename one of the two, or take it over with `forge-ctl adopt`");
    }
    err_clear(err);
    str_copy(t->result->native_id, sizeof(t->result->native_id), o.native_id);
    t->result->unchanged = true;
    return 0;
}

int service_create(struct act *t, struct err *err)
{
    _cleanup_json_ json_t *answer = NULL;
    json_t *body;
    int status = 0, r = docker_negotiate(t->d, act_cancel(t), err);
    if (r == 0)
        r = make_body(t, NULL, &body, err);
    if (r < 0)
        return r;
    r = post(t, "/services/create", body, &answer, &status, err);
    if (status == 409)
        return meet_existing(t, err);
    if (r < 0)
        return r;
    const char *id = json_string_value(json_object_get(answer, "ID"));
    if (!id)
        return err_set(err, ERR_CORRUPT, "the swarm created a service but returned no id");
    str_copy(t->result->native_id, sizeof(t->result->native_id), id);
    return 0;
}

/* Has an interrupted run already done this step, with nothing left to change? Then no update is needed. */
static bool is_done(struct act *t, const struct object *o, json_t *now, json_t *body)
{
    json_t *have = json_object_get(json_object_get(now, "Spec"), "Labels"),
           *want = json_object_get(body, "Labels");
    struct field_list differs = {.arena = t->arena};
    /* What is there and not asked for is a difference as well: somebody added it. */
    const struct sides sides = {.desired = t->step->spec,
                                .applied = o->spec,
                                .observed = o->spec,
                                .defaults = o->defaults,
                                .has_applied = true,
                                .caps = CAP_SERVICES};
    const char *image = json_string_value(
        json_object_get(json_object_get(json_object_get(body, "TaskTemplate"), "ContainerSpec"), "Image"));
    const char *runs = json_string_value(json_object_get(
        json_object_get(json_object_get(json_object_get(now, "Spec"), "TaskTemplate"), "ContainerSpec"),
        "Image"));
    compare_object(t->step->kind->spec, &sides, &differs);
    return !t->step->restart && !differs.n && str_eq(image, runs) && json_equal(have, want);
}

/* The update was refused because the service has a newer version. If somebody changed what the plan was based
   on, fail, so that it is planned again and not overwritten. */
static int out_of_sequence(struct act *t, const struct object *before, struct err *err)
{
    struct object now;
    struct err other = {0};
    int r = swarm_look(t, &now, NULL, &other);
    if (r < 0) {
        *err = other;
        return r;
    }
    if (val_equal(before->spec, now.spec) && str_eq(before->image_id, now.image_id))
        return 0;
    err_set(err, ERR_CONFLICT, "service %s was changed by another client in the meantime",
            t->step->native_name);
    err_hint(err, "make a new plan: `forge-ctl diff` shows the current state");
    err->retryable = true;
    return err->code;
}

static int update_once(struct act *t, struct object *o, int *ret_status, struct err *err)
{
    _cleanup_json_ json_t *now = NULL;
    json_t *body;
    *ret_status = 0;
    int r = swarm_look(t, o, &now, err);
    if (r == 0)
        r = make_body(t, now, &body, err);
    if (r < 0)
        return r;
    /* An image whose reference resolves again to the digest that runs is not a change. */
    if (is_done(t, o, now, body)) {
        json_decref(body);
        t->result->unchanged = true;
        return 0;
    }
    const char *tail = arena_printf(t->arena, "/update?version=%lld", (long long)service_version(now));
    return post(t, docker_path(t->arena, "/services/", o->native_id, tail), body, NULL, ret_status, err);
}

bool service_moved_on(int status, const struct err *err)
{
    return status >= 400 && err->code == ERR_CONFLICT && err->retryable;
}

int service_update(struct act *t, struct err *err)
{
    struct object o;
    if (t->step->back)
        return service_back(t, err);
    for (unsigned i = 0;; i++) {
        int status, r = update_once(t, &o, &status, err);
        if (r == 0 || !service_moved_on(status, err) || i + 1 >= OUT_OF_SEQUENCE) {
            if (r == 0)
                swarm_collect(t, t->step->spec, KEEP_FILES);
            return r;
        }
        err_clear(err);
        r = out_of_sequence(t, &o, err);
        if (r < 0)
            return r;
    }
}

/* Is the current spec the one that this step's update made? */
static bool is_of_this_step(const struct step *s, const struct object *o)
{
    const char *generation = val_get_str(s->labels, MARK_GENERATION);
    return str_eq(o->spec_digest, val_get_str(s->labels, MARK_SPEC)) &&
           (!generation || o->generation == strtoull(generation, NULL, 10));
}

/* Did somebody else change the service after this step's update? Then its former spec is the one that this
   step made, and going back to it would undo what they did. */
static bool was_changed_since(struct act *t, json_t *now)
{
    struct object o;
    struct err ignored = {0};
    struct field_list differs = {.arena = t->arena};
    _cleanup_json_ json_t *before = json_copy(now), *networks = NULL;
    json_object_set(before, "Spec", json_object_get(now, "PreviousSpec"));
    if (swarm_network_list(t->d, act_cancel(t), &networks, &ignored) < 0)
        return false;
    const struct swarm_lists names = {.networks = networks};
    if (swarm_object(t->arena, &names, before, &o, &ignored) < 0 || !is_of_this_step(t->step, &o))
        return false;
    const struct sides sides = {
        .desired = t->step->spec, .observed = o.spec, .defaults = o.defaults, .caps = CAP_SERVICES};
    compare_object(t->step->kind->spec, &sides, &differs);
    const char *digest = t->step->image_digest;
    return !differs.n && str_eq(val_get_str(o.spec, "image"), val_get_str(t->step->spec, "image")) &&
           (!digest || str_eq(digest, o.image_id));
}

int service_put(struct act *t, json_t *now, const char *how, json_t *spec, int *ret_status, struct err *err)
{
    const char *id = json_string_value(json_object_get(now, "ID"));
    const char *tail = arena_printf(t->arena, "/update?version=%lld%s", (long long)service_version(now), how);
    return docker_json(t->d,
                       &(struct ask){.method = "POST",
                                     .path = docker_path(t->arena, "/services/", id, tail),
                                     .body = json_incref(spec)},
                       NULL, ret_status, err);
}

int service_back(struct act *t, struct err *err)
{
    _cleanup_json_ json_t *now = NULL;
    struct object o;
    int r = swarm_glance(t, &o, &now, err);
    json_t *before = json_object_get(now, "PreviousSpec");
    if (r < 0 || !before || !is_of_this_step(t->step, &o) || was_changed_since(t, now)) {
        t->result->unchanged = true;
        return r == ERR_NOTFOUND ? 0 : r;
    }
    act_progress(t, "rolling back", 0, 0, NULL);
    /* No registry credentials are needed: the nodes have the image of the previous spec. */
    return service_put(t, now, "&rollback=previous", before, NULL, err);
}

int service_remove(struct act *t, struct err *err)
{
    struct object o;
    int r = swarm_glance(t, &o, NULL, err);
    if (r == 0) {
        const struct ask q = {.method = "DELETE",
                              .path = docker_path(t->arena, "/services/", o.native_id, ""),
                              .cancel = act_cancel(t)};
        r = docker_json(t->d, &q, NULL, NULL, err);
    }
    t->result->unchanged = r == ERR_NOTFOUND;
    if (r == 0)
        swarm_collect(t, o.spec, 0);
    return r == ERR_NOTFOUND ? 0 : r;
}
