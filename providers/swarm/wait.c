/*
 * Waiting until the tasks of a service run: a swarm accepts any spec, and problems only show in its tasks.
 * There are no events about tasks, so they are listed, which takes a manager a millisecond.
 */
#include "providers/swarm/swarm.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/wire.h"

#define LOOK_FIRST_NS (100 * NS_PER_MS)
#define LOOK_EVERY_NS (250 * NS_PER_MS)
/* A swarm starts many tasks in waves of some seconds, and has to answer all waiting steps meanwhile. */
#define LOOK_LATE_NS  (500 * NS_PER_MS)
#define FAILURES_MOST 2u /* of one slot; the first may be due to a dependency that was not up yet */
/* A swarm begins an update a moment after accepting it: until then the status is empty and the old tasks run.
 */
#define BEGIN_NS (2 * NS_PER_S)
/* A task that exits at once is seen running for a moment. */
#define STABLE_NS (500 * NS_PER_MS)
/* A swarm's own time for monitoring a task, and what its steps take besides. */
#define MONITOR_NS (5 * NS_PER_S)
#define SLACK_NS   (5 * NS_PER_S)

enum verdict { NOT_YET, HOLDS, WILL_NOT };

/* What is remembered from one look to the next. */
struct waiting {
    int64_t begin_ns;
    int64_t up_since; /* since when all tasks have been seen running; 0: not now */
    size_t most;      /* tasks of the current spec that ran at the same time */
    int64_t moved_ns; /* when there were more of them than before, or the update was begun anew */
    json_t *asked;    /* the service's spec when it was first looked at */
    bool by_hand;     /* the rollback that goes on, or went on last, was asked for by somebody */
};

struct watching_service {
    struct act *t;
    json_t *service;
    struct swarm_lists lists;
    struct service_state state;
    size_t current; /* running tasks that were made from the current spec */
    struct object object;
    const char *phase; /* state of its update; "": none */
    struct waiting *since;
};

/* The largest number of failed tasks in one slot; in a global service each node is a slot. */
static size_t most_failures(const struct watching_service *w)
{
    const struct task *tasks;
    size_t most = 0, n = swarm_tasks_of(&w->lists, w->object.native_id, &tasks);
    bool *failed = arena_array(w->t->arena, bool, n + 1);
    for (size_t i = 0; i < n; i++)
        failed[i] = task_failed(&tasks[i]) && task_is_current(&tasks[i], w->service);
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        for (size_t k = 0; k < n; k++)
            same += failed[k] && tasks[k].slot == tasks[i].slot &&
                    (tasks[k].slot || str_eq(tasks[k].node, tasks[i].node));
        most = same > most ? same : most;
    }
    return most;
}

/* Does the last change require the swarm to replace tasks? */
static bool moves_tasks(const struct watching_service *w)
{
    static const char *const parts[] = {"TaskTemplate", "EndpointSpec"};
    json_t *before = json_object_get(w->service, "PreviousSpec"), *now = json_object_get(w->service, "Spec");
    bool differs = false;
    for (size_t i = 0; before && i < ARRAY_LEN(parts); i++)
        differs |= !json_equal(json_object_get(before, parts[i]), json_object_get(now, parts[i]));
    return differs;
}

static bool all_run(const struct watching_service *w)
{
    return w->state.running >= w->state.wanted && w->current >= w->state.wanted;
}

/* Has the last change led to a task? Until then the service shows how the tasks before it ended. */
static bool has_begun(const struct watching_service *w)
{
    json_t *update = json_object_get(w->service, "UpdateStatus");
    const char *started = json_string_value(json_object_get(update, "StartedAt"));
    const struct task *tasks;
    size_t n = swarm_tasks_of(&w->lists, w->object.native_id, &tasks);
    int64_t since_ns;
    struct err ignored = {0};
    if (!*w->phase)
        return !moves_tasks(w) || stream_now() - w->since->begin_ns >= BEGIN_NS;
    if (!started || parse_time(started, &since_ns, &ignored) < 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (tasks[i].created_ns >= since_ns)
            return true;
    return !str_eq(w->phase, "updating");
}

/* For how long all tasks have been seen running as wanted. */
static int64_t up_for(const struct watching_service *w)
{
    if (!all_run(w))
        w->since->up_since = 0;
    else if (!w->since->up_since)
        w->since->up_since = stream_now();
    return w->since->up_since ? stream_now() - w->since->up_since : 0;
}

/*
 * How long an update takes at most from when all new tasks run. After that the swarm only waits for a task
 * that a lost node was given and never started: it runs elsewhere by then, which the update does not notice.
 */
static int64_t update_tail(const struct watching_service *w)
{
    json_t *config = json_object_get(json_object_get(w->service, "Spec"), "UpdateConfig");
    int64_t monitor = json_int(config, "Monitor");
    return (monitor ? monitor : MONITOR_NS) + json_int(config, "Delay") + SLACK_NS;
}

static enum verdict judge(const struct watching_service *w)
{
    const struct step *s = w->t->step;
    int64_t up = up_for(w);
    if (str_starts(w->phase, "rollback_"))
        return str_eq(w->phase, "rollback_started") ? NOT_YET : WILL_NOT;
    if (str_eq(w->phase, "paused"))
        return WILL_NOT;
    if (w->object.state == OBJECT_EXITED && !has_begun(w))
        return NOT_YET;
    if (s->condition == DEPEND_COMPLETED || (s->may_end && w->object.state == OBJECT_EXITED))
        return w->object.state != OBJECT_EXITED ? NOT_YET : w->object.exit_code ? WILL_NOT : HOLDS;
    if (w->object.state == OBJECT_EXITED)
        return WILL_NOT;
    if (str_eq(w->phase, "updating")) /* the swarm itself judges the tasks, by update_config */
        return all_run(w) && up >= update_tail(w) ? HOLDS : NOT_YET;
    if (!*w->phase && moves_tasks(w) && stream_now() - w->since->begin_ns < BEGIN_NS)
        return NOT_YET;
    if (all_run(w) && str_eq(w->phase, "completed"))
        return HOLDS; /* the swarm has monitored them */
    if (all_run(w))
        return up >= STABLE_NS ? HOLDS : NOT_YET;
    return most_failures(w) >= FAILURES_MOST ? WILL_NOT : NOT_YET;
}

static const struct task *newest_of(const struct watching_service *w, json_t *service)
{
    const struct task *tasks, *newest = NULL;
    size_t n = swarm_tasks_of(&w->lists, w->object.native_id, &tasks);
    for (size_t i = 0; i < n; i++)
        if (task_failed(&tasks[i]) && (!newest || tasks[i].created_ns > newest->created_ns) &&
            (!service || task_is_current(&tasks[i], service)))
            newest = &tasks[i];
    return newest;
}

/* The newest failure that tells why. After a rollback it is one of the spec that was undone: those of the
   spec before may have failed as well, or while they were removed. */
static const struct task *newest_failure(const struct watching_service *w)
{
    if (!str_starts(w->phase, "rollback_"))
        return w->state.failure ? w->state.failure : newest_of(w, NULL);
    _cleanup_json_ json_t *undone = json_pack("{s:O}", "Spec", w->since->asked);
    return newest_of(w, undone);
}

/* A failure in words: the task, its node, and the swarm's error. NULL without one. */
static const char *why(struct watching_service *w, const struct task *t)
{
    struct docker *d = w->t->d;
    struct err ignored = {0};
    if (!t)
        return NULL;
    if (docker_json(d, &(struct ask){.path = "/nodes", .cancel = act_cancel(w->t)}, &w->lists.nodes, NULL,
                    &ignored) < 0)
        w->lists.nodes = NULL;
    return task_words(w->t->arena, w->t->step->native_name, t,
                      t->node ? swarm_node_name(&w->lists, t->node) : NULL);
}

/* A node only reports that it has no such image. To learn why it could not pull it, ask the registry in the
   same way. 0: there was no reason to ask, or nothing is wrong. */
static int ask_registry(struct watching_service *w, const struct task *t, struct err *err)
{
    const char *digest;
    if (!t || !t->error || !strstr(t->error, "No such image"))
        return 0;
    _cleanup_json_ json_t *spec = task_spec(t);
    const char *image = json_string_value(json_object_get(json_object_get(spec, "ContainerSpec"), "Image"));
    if (!image || strchr(image, '@'))
        return 0;
    return docker_ask_registry(w->t->d, image, act_cancel(w->t), w->t->arena, &digest, err);
}

/* What the failed task printed last, as a continuation of the reason; "" if it never ran. */
static const char *last_words(struct watching_service *w, const struct task *t)
{
    _cleanup_buf_ struct buf words = BUF_INIT;
    if (!t || !t->container)
        return "";
    docker_last_words(w->t->d, "/tasks/", t->id, val_get_bool(w->object.spec, "tty", false), act_cancel(w->t),
                      &words);
    return words.len ? arena_printf(w->t->arena, "; its last output:\n%s", buf_str(&words)) : "";
}

/* The words of a swarm for a task of a node that was drained, or got another role or other labels. */
#define NODE_CHANGED "assigned node no longer meets constraints"

/* Did the swarm take the update back only because of what became of nodes meanwhile? */
static bool is_due_to_nodes(const struct watching_service *w, const struct task *failure)
{
    return str_eq(w->phase, "rollback_completed") &&
           (!failure || (failure->error && strstr(failure->error, NODE_CHANGED)));
}

/* Somebody else has done something to the service: it has to be planned again. */
static int overtaken(const struct watching_service *w, const char *what, struct err *err)
{
    err_set(err, ERR_CONFLICT, "service %s was %s by another client while Forge waited for its tasks",
            w->t->step->native_name, what);
    err_hint(err, "make a new plan: `forge-ctl diff` shows the current state");
    err->retryable = true;
    return err->code;
}

static int will_not(struct watching_service *w, struct err *err)
{
    if (w->since->by_hand)
        return overtaken(w, "rolled back", err);
    const struct task *failure = newest_failure(w);
    const char *name = w->t->step->native_name, *reason = why(w, failure);
    struct err asked = {0};
    const char *said =
        json_string_value(json_object_get(json_object_get(w->service, "UpdateStatus"), "Message"));
    if (!reason && str_starts(w->phase, "rollback_"))
        reason = "none of its tasks failed by itself; was a node drained or lost in the meantime?";
    reason = reason ? reason : str_or(said, "the swarm gave no reason");
    if (ask_registry(w, failure, &asked) < 0)
        reason = arena_printf(w->t->arena, "%s; its registry says: %s", reason, asked.msg);
    else
        reason = arena_printf(w->t->arena, "%s%s", reason, last_words(w, failure));
    if (str_eq(w->phase, "rollback_paused"))
        err_set(err, ERR_FAILED, "the update of service %s failed, and so did the rollback: %s", name,
                reason);
    else if (str_starts(w->phase, "rollback_"))
        err_set(err, ERR_FAILED, "the update of service %s failed, and the swarm rolled it back: %s", name,
                reason);
    else if (str_eq(w->phase, "paused"))
        err_set(err, ERR_FAILED, "the update of service %s failed and was paused: %s", name, reason);
    else
        err_set(err, ERR_FAILED, "service %s is not running: %s", name, reason);
    if (is_due_to_nodes(w, failure)) {
        err->code = ERR_CONFLICT; /* as if somebody else had changed the service */
        err->retryable = true;
        return err_hint(
            err,
            "a node was drained, lost or changed meanwhile, and not the update is to blame: apply it again");
    }
    if (asked.code == ERR_AUTH)
        return err_hint(
            err, "check the credentials of its registry: `registries` in the settings, or `docker login`");
    return err_hint(err, "see its output with `forge-ctl logs`, and `docker service ps --no-trunc %s`", name);
}

/* A task that should run and does not yet; NULL: none. */
static const struct task *waiting_task(const struct watching_service *w)
{
    const struct task *tasks, *waiting = NULL;
    size_t n = swarm_tasks_of(&w->lists, w->object.native_id, &tasks);
    for (size_t i = 0; i < n; i++)
        if (str_eq(tasks[i].wanted, "running") && !str_eq(tasks[i].state, "running"))
            waiting = &tasks[i];
    return waiting;
}

/* Report the progress, and the swarm's reason when it cannot place or start a task. */
static void tell_progress(const struct watching_service *w, int64_t left)
{
    const struct act *t = w->t;
    const struct task *waiting = waiting_task(w);
    const char *why_not = waiting && waiting->error ? waiting->error : NULL;
    act_progress(t, "waiting for its tasks", left > 0 ? left : 0, t->step->timeout_ns,
                 arena_printf(t->arena, "%zu of %zu running%s%s", w->current, w->state.wanted,
                              why_not ? ", " : "", str_or(why_not, "")));
}

/* Do its tasks end with exit code 0, only to be started again? */
static bool ends_again(const struct watching_service *w)
{
    const struct task *tasks;
    size_t n = swarm_tasks_of(&w->lists, w->object.native_id, &tasks), ended = 0;
    for (size_t i = 0; i < n; i++)
        ended += str_eq(tasks[i].state, "complete") && task_is_current(&tasks[i], w->service);
    return ended > 1;
}

static int too_late(struct watching_service *w, struct err *err)
{
    const struct service_state *s = &w->state;
    const struct task *waiting = waiting_task(w);
    const char *reason =
        waiting ? task_words(w->t->arena, w->t->step->native_name, waiting, NULL) : why(w, newest_failure(w));
    err_set(err, ERR_TIMEOUT, "service %s was not %s in time: %zu of %zu tasks running as wanted%s%s",
            w->t->step->native_name, depend_condition_name(w->t->step->condition), w->current, s->wanted,
            reason ? "; " : "", str_or(reason, ""));
    return ends_again(w) ? err_hint(err, "its command exits with code 0, and the swarm starts it again; "
                                         "a job needs `restart: \"no\"`")
                         : err->code;
}

/* Once somebody else changes the service, its tasks no longer show whether the step's spec works: fail. */
static int check_unchanged(struct watching_service *w, struct err *err)
{
    json_t *spec = json_object_get(w->service, "Spec");
    if (!w->since->asked)
        w->since->asked = json_incref(spec);
    if (str_starts(w->phase, "rollback_") || json_equal(w->since->asked, spec))
        return 0;
    return overtaken(w, "changed", err);
}

/* A rollback that somebody asked for is told from the swarm's own by its message, while it goes on. */
static void notice_rollback(struct watching_service *w)
{
    const char *message =
        json_string_value(json_object_get(json_object_get(w->service, "UpdateStatus"), "Message"));
    if (str_eq(w->phase, "rollback_started"))
        w->since->by_hand = message && strstr(message, "manually requested");
    else if (!str_starts(w->phase, "rollback_"))
        w->since->by_hand = false;
}

static int look(struct watching_service *w, struct err *err)
{
    struct act *t = w->t;
    int r = crowd_look(t, w->since->begin_ns, &w->service, &w->lists, err);
    if (r == ERR_NOTFOUND)
        return overtaken(w, "removed", err);
    if (r == 0)
        r = swarm_object(t->arena, &(struct swarm_lists){0}, w->service, &w->object, err);
    if (r == 0)
        r = act_check(t->step, &w->object, err);
    if (r < 0)
        return r;
    const struct task *tasks;
    size_t n = swarm_tasks_of(&w->lists, w->object.native_id, &tasks);
    tasks_count(w->service, tasks, n, &w->state);
    for (size_t i = 0; i < n; i++)
        w->current += task_runs(&tasks[i]) && task_is_current(&tasks[i], w->service);
    service_judge(t->arena, w->service, &w->state, &w->object);
    w->phase =
        str_or(json_string_value(json_object_get(json_object_get(w->service, "UpdateStatus"), "State")), "");
    notice_rollback(w);
    return check_unchanged(w, err);
}

static void forget(struct watching_service *w)
{
    json_decref(w->service);
    w->service = NULL;
    swarm_lists_release(&w->lists);
}

/* Tasks end some time after their service is removed, and use their networks and volumes until then. A
   removed service cannot be used as a filter, but the names of its tasks still begin with its name. */
static bool any_left(struct act *t)
{
    static const char *const up[] = {"running", "starting", "preparing", "ready"};
    _cleanup_arena_ struct arena scratch = ARENA_INIT;
    struct swarm_lists l = {0};
    struct err ignored = {0};
    const char *name = arena_printf(&scratch, "%s.", t->step->native_name);
    bool any = false;
    int r =
        swarm_ask_tasks(t->d, swarm_filter(&scratch, "name", name), act_cancel(t), &scratch, &l, &ignored);
    for (size_t i = 0; r == 0 && i < l.n_tasks; i++)
        for (size_t k = 0; k < ARRAY_LEN(up); k++)
            any |= str_eq(l.task[i].state, up[k]);
    swarm_lists_release(&l);
    return any;
}

static int wait_for_end(struct act *t, struct err *err)
{
    int64_t until = stream_now() + t->step->timeout_ns;
    act_progress(t, "waiting for its tasks to end", 0, 0, NULL);
    while (any_left(t) && stream_now() < until)
        if (cancel_sleep(act_cancel(t), LOOK_EVERY_NS))
            return cancel_check(act_cancel(t), err);
    return 0;
}

/* Poll less often the longer it takes, so that the end is noticed at most a sixteenth late. */
static int64_t next_pause(int64_t pause, int64_t waited)
{
    int64_t most = waited / 16;
    most = most < LOOK_EVERY_NS ? LOOK_EVERY_NS : most > LOOK_LATE_NS ? LOOK_LATE_NS : most;
    return pause * 3 / 2 < most ? pause * 3 / 2 : most;
}

/* Begin the update anew if it has not moved for a while, and waits for a node that is lost. */
static int go_on(const struct watching_service *w, struct err *err)
{
    struct waiting *since = w->since;
    const struct task *tasks;
    size_t n = swarm_tasks_of(&w->lists, w->object.native_id, &tasks);
    if (w->current > since->most || !since->moved_ns) {
        since->most = w->current;
        since->moved_ns = stream_now();
    }
    if (!str_eq(w->phase, "updating") || all_run(w) || w->state.coming ||
        stream_now() - since->moved_ns < update_tail(w) || !stall_lost_task(tasks, n, w->service))
        return 0;
    since->moved_ns = stream_now();
    return stall_end(w->t, w->service, err);
}

static int wait_for_tasks(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    struct waiting since = {.begin_ns = stream_now()};
    int64_t pause = LOOK_FIRST_NS;
    int r;
    for (;;) {
        _cleanup_arena_ struct arena scratch = ARENA_INIT;
        struct act now = *t;
        now.arena = &scratch;
        struct watching_service w = {.t = &now, .since = &since};
        r = look(&w, err);
        enum verdict v = r == 0 ? judge(&w) : NOT_YET;
        int64_t left = since.begin_ns + s->timeout_ns - stream_now();
        if (v == WILL_NOT)
            r = will_not(&w, err);
        else if (r == 0 && v == NOT_YET && s->timeout_ns > 0 && left <= 0)
            r = too_late(&w, err);
        else if (r == 0 && v == NOT_YET)
            r = go_on(&w, err);
        tell_progress(&w, left);
        forget(&w);
        if (r < 0 || v == HOLDS)
            break;
        if (cancel_sleep(act_cancel(t), pause)) {
            r = cancel_check(act_cancel(t), err);
            break;
        }
        pause = next_pause(pause, stream_now() - since.begin_ns);
    }
    json_decref(since.asked);
    return r;
}

int service_wait(struct act *t, struct err *err)
{
    if (t->step->gone)
        return wait_for_end(t, err);
    crowd_join(t->d->crowd);
    int r = wait_for_tasks(t, err);
    crowd_leave(t->d->crowd);
    return r;
}
