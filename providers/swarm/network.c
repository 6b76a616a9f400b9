/* Networks of a swarm: the same requests as for an engine, with another driver and scope. */
#include "providers/swarm/swarm.h"

#include "base/clock.h"
#include "base/str.h"

static int find(struct act *t, const char *native, struct object *ret, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    const char *path = docker_path(t->arena, "/networks/", native, "?scope=swarm");
    int r = docker_json(t->d, &(struct ask){.path = path, .cancel = act_cancel(t)}, &j, NULL, err);
    return r < 0 ? r : swarm_network_read(t->arena, j, ret, err);
}

static int meet_existing(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    struct object o;
    struct err other = {0};
    if (find(t, s->native_name, &o, &other) < 0)
        return err->code;
    if (!act_made_by(s, &o)) {
        err_set(err, ERR_CONFLICT, "network %s already exists and %s", s->native_name,
                o.owner ? "is another network of Forge" : "was not created by Forge");
        return err_hint(err, "rename one of the two, or take it over with `forge-ctl adopt`");
    }
    err_clear(err);
    str_copy(t->result->native_id, sizeof(t->result->native_id), o.native_id);
    t->result->unchanged = true;
    return 0;
}

#define SETTLE_TRIES 250u /* every 20 ms */

/* The swarm sets a network up after it has accepted it; until then it reports neither driver nor addresses.
   What is never set up, because its addresses are taken, is left to the read-back. */
static int await_driver(struct act *t, struct err *err)
{
    const char *path = docker_path(t->arena, "/networks/", t->result->native_id, "?scope=swarm");
    for (unsigned i = 0; i < SETTLE_TRIES; i++) {
        _cleanup_json_ json_t *j = NULL;
        int r = docker_json(t->d, &(struct ask){.path = path, .cancel = act_cancel(t)}, &j, NULL, err);
        if (r < 0 || !str_empty(json_string_value(json_object_get(j, "Driver"))))
            return r;
        if (cancel_sleep(act_cancel(t), 20 * NS_PER_MS))
            return cancel_check(act_cancel(t), err);
    }
    return 0;
}

int swarm_network_create(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    _cleanup_json_ json_t *answer = NULL;
    int status = 0;
    int r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = "/networks/create",
                                      .body = swarm_network_write(s->native_name, s->spec, s->labels),
                                      .cancel = act_cancel(t)},
                        &answer, &status, err);
    if (status == 409)
        return meet_existing(t, err);
    if (r < 0)
        return r;
    str_copy(t->result->native_id, sizeof(t->result->native_id),
             str_or(json_string_value(json_object_get(answer, "Id")), ""));
    return await_driver(t, err);
}

#define TRIES 300u /* every 200 ms: ended tasks only leave the network after a while */

/* `removed`: the swarm has already removed it; another DELETE would fail, as the swarm no longer knows it. */
static int remove_once(struct act *t, bool *removed, struct err *err)
{
    struct object o;
    int r = find(t, act_target(t), &o, err);
    if (r == 0 && !*removed)
        r = act_check(t->step, &o, err);
    if (r < 0)
        return r;
    const struct ask q = {.method = "DELETE",
                          .path = docker_path(t->arena, "/networks/", o.native_id, ""),
                          .cancel = act_cancel(t)};
    r = *removed ? 0 : docker_json(t->d, &q, NULL, NULL, err);
    *removed = r == 0;
    /* The swarm has removed it, but the node we are connected to keeps it as long as a task uses it. */
    return r == 0 ? err_set(err, ERR_BUSY, "network %s still exists on the node", o.native_name) : r;
}

int swarm_network_remove(struct act *t, struct err *err)
{
    bool removed = false;
    for (unsigned i = 0;; i++) {
        int r = remove_once(t, &removed, err);
        t->result->unchanged = i == 0 && r == ERR_NOTFOUND;
        if (r != ERR_BUSY || i >= TRIES)
            return r == ERR_NOTFOUND ? 0 : r;
        if (i == 1)
            act_progress(t, "waiting for its tasks to leave", 0, 0, NULL);
        if (i > 0 && cancel_sleep(act_cancel(t), 200 * NS_PER_MS))
            return cancel_check(act_cancel(t), err);
        err_clear(err);
    }
}
