/*
 * An update that waits for a lost node, and is begun anew.
 *
 * A swarm gives the new task of a slot to a node, and waits until it runs before it turns to the next slot.
 * Where that node is lost the slot gets another task, but the update still waits for the first one: until the
 * node is back, or for a day. It begins anew, with what is left to do, when the service is given another
 * spec. So the service goes back to its former spec, and at once forward again: its former spec is then the
 * same as before, which a rollback needs. Source: swarmkit, manager/orchestrator/update/updater.go.
 */
#include "providers/swarm/swarm.h"

#include "base/log.h"
#include "base/str.h"

#define ATTEMPTS 5u /* when the swarm itself writes the service at the same time */

const struct task *stall_lost_task(const struct task *tasks, size_t n, json_t *service)
{
    for (size_t i = 0; i < n; i++)
        if (task_never_ran(&tasks[i]) && task_is_current(&tasks[i], service))
            return &tasks[i];
    return NULL;
}

/* Forward again: only if nobody else has changed the service since it went back to `former`. */
static int forward(struct act *t, const char *id, json_t *former, json_t *asked, struct err *err)
{
    for (unsigned i = 0;; i++) {
        _cleanup_json_ json_t *now = NULL;
        int status = 0, r = swarm_service(t->d, id, act_cancel(t), &now, err);
        if (r < 0)
            return r;
        if (!json_equal(json_object_get(now, "Spec"), former))
            return 0; /* whoever waits for it sees that */
        r = service_put(t, now, "&registryAuthFrom=previous-spec", asked, &status, err);
        if (r == 0 || !service_moved_on(status, err) || i + 1 >= ATTEMPTS)
            return r;
        err_clear(err);
    }
}

int stall_end(struct act *t, json_t *service, struct err *err)
{
    json_t *asked = json_object_get(service, "Spec"), *former = json_object_get(service, "PreviousSpec");
    const char *id = json_string_value(json_object_get(service, "ID"));
    int status = 0, r;
    if (!former || !id)
        return 0;
    act_progress(t, "beginning the update anew, because a node was lost", 0, 0, NULL);
    log_info("swarm.update.begun_anew", "service", t->step->native_name, "reason", "a node was lost", NULL);
    r = service_put(t, service, "&rollback=previous", former, &status, err);
    if (service_moved_on(status, err)) {
        err_clear(err); /* something has happened after all */
        return 0;
    }
    return r < 0 ? r : forward(t, id, former, asked, err);
}
