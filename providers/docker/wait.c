/* Waiting for a container, woken by the engine's events. */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"

#define LOOK_EVERY_NS NS_PER_S         /* for progress, and in case an event is lost */
#define SHORT_NS      (50 * NS_PER_MS) /* a shorter remaining watch is slept: events would not end it sooner */

enum verdict { NOT_YET, HOLDS, WILL_NOT };

static bool is_over(const struct object *o)
{
    return o->state == OBJECT_EXITED || o->state == OBJECT_DEAD || o->state == OBJECT_REMOVING;
}

/* Has a container that was ready been restarted since, or become unhealthy? */
static bool failed_since(const struct object *o, unsigned restarts)
{
    return o->restarts > restarts || o->health == HEALTH_UNHEALTHY;
}

/* `up_ns`: for how long it has been seen running; `restarts`: its restart count when the wait began. */
static enum verdict judge(const struct step *s, const struct object *o, int64_t up_ns, unsigned restarts)
{
    bool over = is_over(o);
    switch (s->condition) {
    case DEPEND_COMPLETED:
        return !over ? NOT_YET : o->exit_code ? WILL_NOT : HOLDS;
    case DEPEND_HEALTHY:
        if (over || o->health == HEALTH_UNHEALTHY || (o->state == OBJECT_RESTARTING && o->restarts > 0))
            return WILL_NOT;
        /* Without a health check, running is all that can be expected. */
        return o->health == HEALTH_HEALTHY || (o->health == HEALTH_NONE && o->state == OBJECT_RUNNING)
                   ? HOLDS
                   : NOT_YET;
    case DEPEND_STARTED:
        if (over)
            return o->exit_code || !s->may_end ? WILL_NOT : HOLDS;
        if (o->state == OBJECT_RESTARTING || (s->monitor && failed_since(o, restarts)))
            return WILL_NOT;
        return o->state == OBJECT_RUNNING && up_ns >= s->timeout_ns ? HOLDS : NOT_YET;
    }
    return WILL_NOT;
}

#define EXIT_KILLED 137 /* 128 + SIGKILL */

/* The engine learns of an out-of-memory kill separately from the exit, and may record it a moment later. */
static void learn_why(struct act *t, struct object *o)
{
    struct object again;
    struct err ignored = {0};
    for (int i = 0; i < 20 && o->exit_code == EXIT_KILLED && !o->message; i++) {
        if (cancel_sleep(act_cancel(t), 50 * NS_PER_MS) ||
            docker_look(t->d, &kind_container, o->native_id, act_cancel(t), t->arena, &again, &ignored) < 0)
            return;
        o->message = again.message;
    }
}

/* An engine misses what happens right after a start, or when the control group disappears with the process. */
static int hint_killed(const struct object *o, struct err *err)
{
    _cleanup_buf_ struct buf limit = BUF_INIT;
    int64_t memory = val_get_int(val_get(o->spec, "resources"), "memory", 0);
    if (!memory)
        return err_hint(err, "%d is SIGKILL: somebody killed it, or the kernel did because memory ran out",
                        EXIT_KILLED);
    format_size(memory, &limit);
    return err_hint(
        err, "%d is SIGKILL: somebody killed it, or it ran out of memory (OOM); resources.memory is %s",
        EXIT_KILLED, buf_str(&limit));
}

static int will_not(struct act *t, struct object *o, struct err *err)
{
    _cleanup_buf_ struct buf words = BUF_INIT;
    const char *name = o->native_name;
    if (o->state == OBJECT_RUNNING) {
        err_set(err, ERR_FAILED, "container %s is %s: %s", name, object_health_name(o->health),
                str_or(o->message, "its health check fails"));
        return err_hint(err, "see its output with `forge-ctl logs`, and its healthcheck");
    }
    learn_why(t, o);
    docker_last_words(t->d, "/containers/", o->native_id, val_get_bool(o->spec, "tty", false), act_cancel(t),
                      &words);
    if (o->message)
        err_set(err, ERR_FAILED, "container %s exited with code %d: %s%s%s", name, o->exit_code, o->message,
                words.len ? "\n" : "", buf_str(&words));
    else
        err_set(err, ERR_FAILED, "container %s exited with code %d%s%s", name, o->exit_code,
                words.len ? "; its last output:\n" : " without any output", buf_str(&words));
    return o->exit_code == EXIT_KILLED && !o->message ? hint_killed(o, err) : err->code;
}

/* Ends the event stream at its first event. */
struct wake {
    bool woken;
    int64_t at_ns;
    struct buf line;
};

static int wake_on_event(void *arg, const char *data, size_t len, struct err *err)
{
    struct wake *w = arg;
    buf_add(&w->line, data, len);
    if (!memchr(data, '\n', len))
        return 0;
    json_t *j = json_loadb(w->line.data, w->line.len, JSON_DISABLE_EOF_CHECK, NULL);
    w->at_ns = json_integer_value(json_object_get(j, "timeNano"));
    w->woken = true;
    json_decref(j);
    return err_set(err, ERR_CANCELLED, "woken");
}

/* Wait until the next event about the container after *since_ns (engine's time), or until `ns` have passed. */
static int pause_until_event(struct act *t, const char *id, int64_t *since_ns, int64_t ns, struct err *err)
{
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    struct wake w = {.line = BUF_INIT};
    struct val *filters = val_map(t->arena), *ids = val_list(t->arena);
    val_list_add(t->arena, ids, val_str(t->arena, id));
    val_map_set(t->arena, filters, "container", ids);
    const char *path =
        arena_printf(t->arena, "/events?since=%lld.%09lld&%s", (long long)(*since_ns / NS_PER_S),
                     (long long)(*since_ns % NS_PER_S), docker_filters(t->arena, filters));
    const struct ask q = {.path = path,
                          .cancel = act_cancel(t),
                          .timeout_ns = ns > 0 ? ns : 1,
                          .sink = wake_on_event,
                          .arg = &w};
    int r = docker_ask(t->d, &q, &answer, NULL, err);
    buf_release(&w.line);
    if (w.woken)
        *since_ns = w.at_ns + 1;
    if (w.woken || r == ERR_TIMEOUT) {
        err_clear(err);
        return 0;
    }
    return r;
}

static int nap_through(struct act *t, int64_t ns, struct err *err)
{
    return cancel_sleep(act_cancel(t), ns) ? cancel_check(act_cancel(t), err) : 0;
}

static const char *waiting_for(enum depend_condition c)
{
    return c == DEPEND_HEALTHY     ? "waiting for health"
           : c == DEPEND_COMPLETED ? "waiting for it to exit"
                                   : "monitoring";
}

/* A short watch sleeps before the first look: a container that then runs and was never restarted has run all
   the time. */
static bool sleeps_first(const struct step *s)
{
    return s->condition == DEPEND_STARTED && !s->monitor && s->timeout_ns > 0 && s->timeout_ns <= SHORT_NS;
}

int act_wait(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    int64_t begin = stream_now(), up_since = 0, since_ns = 0;
    unsigned restarts = 0;
    bool slept = sleeps_first(s);
    if (slept && nap_through(t, s->timeout_ns, err) < 0)
        return err->code;
    for (;;) {
        _cleanup_arena_ struct arena scratch = ARENA_INIT;
        struct act now = *t;
        struct object o;
        now.arena = &scratch;
        int r = act_look(&now, &o, err);
        if (r == ERR_NOTFOUND)
            return err_set(err, ERR_FAILED, "container %s is gone", s->native_name);
        if (r < 0)
            return r;
        if (!since_ns)
            restarts = o.restarts;
        if (o.state != OBJECT_RUNNING)
            up_since = 0;
        else if (!up_since)
            up_since = slept && !since_ns && !o.restarts ? begin : stream_now();
        int64_t left =
            (s->condition == DEPEND_STARTED && up_since ? up_since : begin) + s->timeout_ns - stream_now();
        enum verdict v = judge(s, &o, up_since ? stream_now() - up_since : 0, restarts);
        if (v != NOT_YET)
            return v == HOLDS ? 0 : will_not(&now, &o, err);
        if (left <= 0 && (s->timeout_ns > 0 || s->condition == DEPEND_STARTED)) {
            err_set(err, ERR_TIMEOUT, "container %s was not %s in time%s%s", s->native_name,
                    depend_condition_name(s->condition), o.message ? ": " : "", str_or(o.message, ""));
            return err->code;
        }
        if (!since_ns)
            since_ns = o.created_ns;
        act_progress(t, waiting_for(s->condition), left, s->timeout_ns, NULL);
        int64_t nap = s->timeout_ns > 0 && left < LOOK_EVERY_NS ? left : LOOK_EVERY_NS;
        if (s->condition == DEPEND_HEALTHY && t->d->dialect->check_health) {
            int64_t due = t->d->dialect->check_health(&now, &o, s->timeout_ns > 0 ? left : LOOK_EVERY_NS);
            nap = due < nap ? due : nap;
        }
        bool sleeps = s->condition == DEPEND_STARTED && up_since && left <= SHORT_NS;
        r = sleeps ? nap_through(t, left, err) : pause_until_event(&now, o.native_id, &since_ns, nap, err);
        if (r < 0)
            return r;
    }
}
