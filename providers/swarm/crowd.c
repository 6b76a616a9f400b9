/*
 * Steps that wait for services at the same time share their requests: one listing of services and one of
 * tasks serve all of them for a moment. Alone, each would send a manager two requests for every look.
 */
#include "providers/swarm/swarm.h"

#include "base/mem.h"
#include "base/str.h"

#define CROWD    4u                /* from this many on, listings are cheaper than requests for each */
#define FRESH_NS (100 * NS_PER_MS) /* how long a listing is reused */

/* A service, or a task under the id of its service; the text is part of an answer. */
struct entry {
    const char *id, *name;
    struct span text;
};

struct entries {
    struct http_answer answer;
    struct entry *items;
    size_t n, cap;
};

struct crowd {
    pthread_mutex_t lock; /* also held during the requests: the others wait for the same answer */
    unsigned n;
    int64_t asked_ns; /* when the listings were requested; 0: there are none */
    struct arena arena;
    struct entries services, tasks;
};

struct crowd *crowd_new(void)
{
    struct crowd *c = mem_new(struct crowd);
    *c = (struct crowd){.arena = ARENA_INIT};
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void forget(struct crowd *c)
{
    http_answer_release(&c->services.answer);
    http_answer_release(&c->tasks.answer);
    c->services = c->tasks = (struct entries){0};
    arena_release(&c->arena);
    c->asked_ns = 0;
}

void crowd_free(struct crowd *c)
{
    if (!c)
        return;
    forget(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void crowd_join(struct crowd *c)
{
    pthread_mutex_lock(&c->lock);
    c->n++;
    pthread_mutex_unlock(&c->lock);
}

void crowd_leave(struct crowd *c)
{
    pthread_mutex_lock(&c->lock);
    if (--c->n == 0)
        forget(c);
    pthread_mutex_unlock(&c->lock);
}

static int name_read(struct arena *a, struct span spec, const char **ret, struct err *err)
{
    struct scan s;
    struct span key, value;
    int r = scan_enter(spec, '{', &s, err);
    while (r >= 0 && (r = scan_member(&s, &key, &value, err)) > 0)
        if (span_is(key, "Name"))
            *ret = span_text(a, value);
    return r;
}

static int entry_read(struct arena *a, const char *id, struct entry *e, struct err *err)
{
    struct scan s;
    struct span key, value;
    int r = scan_enter(e->text, '{', &s, err);
    while (r >= 0 && (r = scan_member(&s, &key, &value, err)) > 0) {
        if (span_is(key, id))
            e->id = span_text(a, value);
        else if (span_is(key, "Spec"))
            r = name_read(a, value, &e->name, err);
    }
    return r;
}

/* Request a listing; `id` is the member by which entries are found. */
static int list(struct crowd *c, struct act *t, const char *path, const char *id, struct entries *ret,
                struct err *err)
{
    struct scan s;
    struct entry e = {0};
    int r = docker_ask(t->d, &(struct ask){.path = path, .cancel = act_cancel(t)}, &ret->answer, NULL, err);
    if (r < 0)
        return r;
    const char *text = buf_str(&ret->answer.body);
    r = scan_list((struct span){text, text + ret->answer.body.len}, &s, err);
    while (r > 0 && (r = scan_element(&s, &e.text, err)) > 0) {
        r = entry_read(&c->arena, id, &e, err);
        if (r < 0)
            break;
        arena_push(&c->arena, ret->items, ret->n, ret->cap, e);
        e = (struct entry){0};
        r = 1;
    }
    return r;
}

static int ask(struct crowd *c, struct act *t, struct err *err)
{
    const char *label = arena_printf(t->arena, MARK_OWNER "=%s", t->step->owner);
    const char *services = arena_printf(t->arena, "/services?%s", swarm_filter(t->arena, "label", label));
    forget(c);
    int64_t now = stream_now();
    int r = list(c, t, services, "ID", &c->services, err);
    if (r == 0)
        r = list(c, t, "/tasks", "ServiceID", &c->tasks, err);
    if (r == 0)
        c->asked_ns = now;
    return r;
}

/* *ret stays NULL when the service is not in the listings. */
static int take(const struct crowd *c, struct act *t, json_t **ret, struct swarm_lists *lists,
                struct err *err)
{
    const struct entry *found = NULL;
    struct buf *out = &lists->tasks.body;
    for (size_t i = 0; i < c->services.n; i++) {
        const struct entry *e = &c->services.items[i];
        if (str_eq(e->id, act_target(t)) || str_eq(e->name, act_target(t)))
            found = e;
    }
    if (!found)
        return 0;
    for (size_t i = 0; i < c->tasks.n; i++) {
        const struct span text = c->tasks.items[i].text;
        if (!str_eq(c->tasks.items[i].id, found->id))
            continue;
        buf_addc(out, out->len ? ',' : '[');
        buf_add(out, text.p, (size_t)(text.end - text.p));
    }
    buf_adds(out, out->len ? "]" : "[]");
    *ret = json_loadb(found->text.p, (size_t)(found->text.end - found->text.p), 0, NULL);
    return *ret ? 0 : err_set(err, ERR_CORRUPT, "the listing of services is not JSON");
}

static int look_alone(struct act *t, json_t **ret, struct swarm_lists *lists, struct err *err)
{
    int r = swarm_service(t->d, act_target(t), act_cancel(t), ret, err);
    return r < 0 ? r
                 : swarm_service_tasks(t->d, json_string_value(json_object_get(*ret, "ID")), act_cancel(t),
                                       t->arena, lists, err);
}

int crowd_look(struct act *t, int64_t since_ns, json_t **ret, struct swarm_lists *lists, struct err *err)
{
    struct crowd *c = t->d->crowd;
    int r = 0;
    pthread_mutex_lock(&c->lock);
    bool together = c->n >= CROWD;
    if (together && (c->asked_ns < since_ns || stream_now() - c->asked_ns > FRESH_NS))
        r = ask(c, t, err);
    if (together && r == 0)
        r = take(c, t, ret, lists, err);
    pthread_mutex_unlock(&c->lock);
    if (r < 0)
        return r;
    return *ret ? swarm_read_tasks(t->arena, lists, err) : look_alone(t, ret, lists, err);
}
