/* Observing all engines in parallel. Each is observed by a thread of its own into an arena of its own; the
   results are merged. */
#include "providers/fleet/fleet.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- one ---- */

/* The desired resources of one engine, under the ids that its backend knows. */
struct part {
    struct member *m;
    const struct observe_request *rq;
    struct resource_set set;
    bool made;
};

static const struct resource_set *make_part(struct part *p, const struct resource_set *all)
{
    if (!all)
        return NULL;
    struct arena *a = p->set.arena;
    for (size_t i = 0; i < all->n; i++) {
        const char *target = id_target(all->items[i]->id);
        if (target && !str_eq(target, p->m->target->name))
            continue;
        struct resource *r = arena_memdup(a, all->items[i], sizeof(*r));
        r->id = id_plain(a, r->id);
        resource_set_add(&p->set, r);
    }
    resource_set_sort(&p->set);
    p->set.files = all->files;
    p->set.n_files = all->n_files;
    return &p->set;
}

static const struct resource_set *wait_for_part(void *arg)
{
    struct part *p = arg;
    return make_part(p, p->rq->desired_wait(p->rq->desired_arg));
}

static void take_names(struct member *m, struct arena *a, struct observed *o)
{
    for (size_t i = 0; i < o->n; i++)
        o->items[i]->id = member_id(m, a, o->items[i]->id);
    for (size_t i = 0; i < o->n_images; i++)
        o->images[i].target = m->target->name;
    pthread_mutex_lock(&m->lock);
    m->caps = o->caps;
    str_copy(m->engine_text, sizeof(m->engine_text), str_or(o->engine, ""));
    pthread_mutex_unlock(&m->lock);
}

int member_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                   struct arena *a, struct observed *ret, struct err *err)
{
    struct member *m = member_of(p);
    struct part part = {.m = m, .rq = rq};
    struct observe_request own = *rq;
    struct call call;
    int r = member_begin(m, rq->insist, c, &call, err);
    if (r < 0)
        return r;
    resource_set_init(&part.set, a);
    own.resource = rq->resource ? id_plain(a, rq->resource) : NULL;
    own.desired = rq->desired ? make_part(&part, rq->desired) : NULL;
    if (rq->desired_wait) {
        own.desired_wait = wait_for_part;
        own.desired_arg = &part;
    }
    r = m->engine->ops->observe(m->engine, &own, &call.cancel, a, ret, err);
    r = member_end(m, &call, r, err);
    resource_set_release(&part.set);
    if (r == 0)
        take_names(m, a, ret);
    return r;
}

/* ---- all ---- */

struct asked {
    struct member *m;
    const struct observe_request *rq;
    const struct cancel *cancel;
    pthread_t thread;
    bool started;
    struct arena arena;
    struct observed seen;
    int result;
    struct err err;
    int64_t took_ns;
};

static void *ask_one(void *arg)
{
    struct asked *q = arg;
    int64_t begin = clock_mono(clock_system());
    observed_init(&q->seen, &q->arena);
    q->result = member_observe(&q->m->base, q->rq, q->cancel, &q->arena, &q->seen, &q->err);
    q->took_ns = clock_mono(clock_system()) - begin;
    return NULL;
}

/* Whatever the reason of the failure, what is on the engine is unknown. */
static void note_failed(struct asked *q)
{
    pthread_mutex_lock(&q->m->lock);
    bool known = q->m->away;
    pthread_mutex_unlock(&q->m->lock);
    if (!known)
        member_note_away(q->m, &q->err);
}

static void take_over(struct asked *q, struct arena *a, struct observed *ret)
{
    const struct observed *seen = &q->seen;
    arena_adopt(a, &q->arena);
    for (size_t i = 0; i < seen->n; i++)
        arena_push(a, ret->items, ret->n, ret->cap, seen->items[i]);
    for (size_t i = 0; i < seen->n_images; i++)
        arena_push(a, ret->images, ret->n_images, ret->cap_images, seen->images[i]);
    ret->listed += seen->listed;
    ret->inspected += seen->inspected;
    ret->cached += seen->cached;
    ret->caps &= seen->caps;
    if (seen->at_ns > ret->at_ns)
        ret->at_ns = seen->at_ns;
}

static bool is_asked(const struct member *m, const struct observe_request *rq)
{
    const char *target = rq->resource ? id_target(rq->resource) : NULL;
    return !target || str_eq(target, m->target->name);
}

static void ask_all(struct fleet *f, const struct observe_request *rq, const struct cancel *c,
                    struct asked *all)
{
    for (size_t i = 0; i < f->n; i++) {
        all[i] = (struct asked){.m = &f->members[i], .rq = rq, .cancel = c};
        if (!is_asked(all[i].m, rq))
            continue;
        all[i].started = true;
        int failed = pthread_create(&all[i].thread, NULL, ask_one, &all[i]);
        if (failed) {
            all[i].started = false;
            all[i].result =
                err_errno(&all[i].err, failed, "cannot start a thread to ask %s", all[i].m->target->name);
        }
    }
    for (size_t i = 0; i < f->n; i++)
        if (all[i].started)
            pthread_join(all[i].thread, NULL);
}

/* No engine answered: that is not a partial observation, but a failed one. */
static int none_answered(const struct fleet *f, const struct asked *all, struct err *err)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < f->n; i++)
        if (all[i].result < 0)
            buf_addf(&b, "%s%s", b.len ? "; " : "", all[i].err.msg);
    err_set(err, ERR_UNAVAILABLE, "no engine is reachable: %s", buf_str(&b));
    return err_hint(err, "run `forge-ctl doctor` to check each of them");
}

/* Two targets that lead to the same engine would each remove what the other one has made. */
static int check_distinct(const struct observed *o, struct err *err)
{
    _cleanup_map_ struct map seen = MAP_INIT;
    for (size_t i = 0; i < o->n; i++) {
        struct object *it = o->items[i];
        if (!(it->kind->flags & KIND_INSTANCES) || str_empty(it->native_id))
            continue; /* ids of other kinds need not differ from engine to engine */
        const struct object *other = map_get(&seen, it->native_id);
        if (other && !str_eq(id_target(other->id), id_target(it->id))) {
            err_set(err, ERR_INVALID, "targets %s and %s are the same engine: container %s is on both",
                    id_target(other->id), id_target(it->id), it->native_name);
            return err_hint(err, "leave one of them out of the environment's targets in the settings");
        }
        map_put(&seen, it->native_id, it);
    }
    return 0;
}

static int put_together(struct fleet *f, struct asked *all, struct arena *a, struct observed *ret,
                        struct err *err)
{
    size_t failed = 0, asked = 0;
    ret->caps = ~0u;
    for (size_t i = 0; i < f->n; i++) {
        if (all[i].result == ERR_CANCELLED) {
            *err = all[i].err;
            return err->code;
        }
        asked += all[i].started || all[i].result < 0;
        failed += all[i].result < 0;
        if (all[i].result < 0)
            note_failed(&all[i]);
        else
            take_over(&all[i], a, ret);
    }
    if (asked && failed == asked)
        return none_answered(f, all, err);
    ret->targets = arena_array(a, struct observed_target, f->n);
    ret->n_targets = f->n;
    for (size_t i = 0; i < f->n; i++) {
        member_state(&f->members[i], a, &ret->targets[i]);
        /* It may have come back since it failed, but it was not observed. */
        if (all[i].result < 0) {
            ret->targets[i].away = true;
            if (!ret->targets[i].why)
                ret->targets[i].why = arena_strdup(a, all[i].err.msg);
        } else {
            ret->targets[i].away = false;
        }
        ret->targets[i].observed_ns = all[i].took_ns;
    }
    ret->engine = arena_printf(a, "%zu of %zu engines", f->n - failed, f->n);
    observed_sort(ret);
    return check_distinct(ret, err);
}

int fleet_observe(struct provider *p, const struct observe_request *rq, const struct cancel *c,
                  struct arena *a, struct observed *ret, struct err *err)
{
    struct fleet *f = fleet_of(p);
    struct asked *all = mem_alloc((f->n + 1) * sizeof(*all));
    struct observed seen;
    observed_init(&seen, a);
    ask_all(f, rq, c, all);
    int r = put_together(f, all, a, &seen, err);
    for (size_t i = 0; i < f->n; i++)
        arena_release(&all[i].arena);
    free(all);
    if (r == 0)
        *ret = seen;
    return r;
}
