/* Creating a container: its body, its networks, its files; all of it or nothing. */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"

/* "container:NAME" -> "container:ID": names move, and the engine looks some of them up again at each start. */
static int resolve_joins(struct act *t, struct val **spec, struct err *err)
{
    static const char *const fields[] = {"network_mode", "pid", "ipc"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const char *name = str_after(str_or(val_get_str(*spec, fields[i]), ""), "container:");
        _cleanup_json_ json_t *j = NULL;
        if (!name)
            continue;
        int r = docker_inspect_json(t->d, name, act_cancel(t), &j, err);
        if (r < 0)
            return err_wrap(err, "%s", fields[i]);
        val_map_set(
            t->arena, *spec, fields[i],
            val_strf(t->arena, "container:%s", str_or(json_string_value(json_object_get(j, "Id")), name)));
    }
    return 0;
}

/* The request that creates a container. */
static int make_body(struct act *t, struct val *spec, const char **ret_path, json_t **ret, struct err *err)
{
    struct create_request rq = {
        .name = t->step->native_name, .spec = spec, .labels = t->step->labels, .api = t->d->api};
    int r = 0;
    if (container_needs_image(spec)) {
        const char *ref = str_or(val_get_str(spec, "image"), "");
        const char *id;
        struct image_info *image = NULL;
        r = docker_image_id(t->d, ref, act_cancel(t), t->arena, &id, err);
        if (r == 0)
            r = docker_image(t->d, id, act_cancel(t), t->arena, &image, err);
        rq.image = image;
    }
    return r < 0 ? r : t->d->dialect->create(t->arena, &rq, ret_path, ret, err);
}

static int post_create(struct act *t, const char *path, json_t *body, char *ret_id, size_t size,
                       int *ret_status, struct err *err)
{
    _cleanup_json_ json_t *answer = NULL;
    int r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = path,
                                      .body = body,
                                      .cancel = act_cancel(t),
                                      .timeout_ns = 300 * NS_PER_S},
                        &answer, ret_status, err);
    if (r < 0)
        return r;
    const char *id = json_string_value(json_object_get(answer, "Id"));
    if (!id)
        return err_set(err, ERR_CORRUPT, "the engine created a container but returned no id");
    str_copy(ret_id, size, id);
    return 0;
}

static void take_back(struct act *t, const char *id)
{
    struct err ignored = {0};
    /* Not cancellable: a half-made container is removed even when the run is being stopped. */
    const struct ask q = {.method = "DELETE",
                          .path = docker_path(t->arena, "/containers/", id, "?v=1&force=1")};
    (void)!docker_json(t->d, &q, NULL, NULL, &ignored);
}

static int join_networks(struct act *t, const struct val *spec, const char *id, struct err *err)
{
    const struct val_pair *net;
    if (t->d->dialect->joins_at_create || t->d->api >= API(1u, 44u) || val_get_str(spec, "network_mode"))
        return 0; /* the create request contained all of them */
    for (size_t i = 1; (net = container_network(spec, i)); i++) {
        int r = network_join(t, net->key, net->val, id, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A name is reserved before its container can be looked up: the create request of a killed run may still be
   in progress. */
#define NAME_PAUSE_NS (20 * NS_PER_MS)
#define NAME_TRIES    500

/* The name is taken: by our own container from an earlier run, unfinished or done, or by something else.
   Returns 0 with *ret_again set when the caller should try once more. */
static int meet_existing(struct act *t, const char *name, bool *ret_again, struct err *err)
{
    struct object o;
    struct err other = {0};
    *ret_again = false;
    int r = docker_look(t->d, &kind_container, name, act_cancel(t), t->arena, &o, &other);
    if (r == ERR_NOTFOUND) {
        *ret_again = true; /* gone meanwhile */
        return 0;
    }
    if (r < 0)
        return err->code;
    if (!act_made_by(t->step, &o)) {
        err_set(err, ERR_CONFLICT, "the name %s is taken by container %.12s, which %s", name, o.native_id,
                o.owner ? "is another container of Forge" : "was not created by Forge");
        return err_hint(err, "rename one of the two, or take it over with `forge-ctl adopt`");
    }
    if (o.state == OBJECT_CREATED) {
        /* It never ran: nothing is lost, and only a new one is sure to have its files and networks. */
        take_back(t, o.native_id);
        *ret_again = true;
        return 0;
    }
    str_copy(t->result->native_id, sizeof(t->result->native_id), o.native_id);
    t->result->unchanged = true;
    return 0;
}

static int create_once(struct act *t, struct val *spec, int *ret_status, struct err *err)
{
    const char *path;
    json_t *body;
    char id[80];
    *ret_status = 0;
    struct files files;
    int r = files_collect(t, spec, &files, err);
    if (r == 0)
        r = make_body(t, spec, &path, &body, err);
    if (r < 0)
        return r;
    r = post_create(t, path, body, id, sizeof(id), ret_status, err);
    if (r < 0)
        return r;
    r = join_networks(t, spec, id, err);
    if (r == 0)
        r = files_put(t, spec, &files, id, err);
    if (r < 0) {
        take_back(t, id);
        return r;
    }
    str_copy(t->result->native_id, sizeof(t->result->native_id), id);
    return 0;
}

int act_create(struct act *t, struct err *err)
{
    struct val *spec = val_map_copy(t->arena, t->step->spec);
    int r = docker_negotiate(t->d, act_cancel(t), err);
    if (r == 0)
        r = resolve_joins(t, &spec, err);
    if (r < 0)
        return r;
    for (int tries = 0;; tries++) {
        int status;
        bool again;
        r = create_once(t, spec, &status, err);
        if (r == 0)
            return r;
        if (t->d->dialect->mend && tries == 0 && t->d->dialect->mend(t, spec, err))
            continue;
        if (status != 409 && r != ERR_EXISTS)
            return r;
        r = meet_existing(t, t->step->native_name, &again, err);
        if (r < 0 || !again || tries == NAME_TRIES)
            return r < 0 || !again ? r : err->code;
        if (cancel_sleep(act_cancel(t), NAME_PAUSE_NS))
            return cancel_check(act_cancel(t), err);
    }
}

int act_update(struct act *t, struct err *err)
{
    struct object o;
    json_t *body;
    int r = act_look(t, &o, err);
    if (r < 0)
        return r;
    /* Compared with the current state, not with what the plan saw: idempotent. */
    r = container_write_update(t->step->spec, o.spec, &body, err);
    if (r < 0)
        return r;
    bool changed = body;
    if (body)
        r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = docker_path(t->arena, "/containers/", o.native_id, "/update"),
                                      .body = body,
                                      .cancel = act_cancel(t)},
                        NULL, NULL, err);
    if (r == 0)
        r = networks_update(t, &o, &changed, err);
    t->result->unchanged = r == 0 && !changed;
    return r;
}
