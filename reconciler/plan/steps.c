#include "reconciler/plan/steps.h"

#include "base/clock.h"
#include "reconciler/plan/steps_internal.h"
#include "schema/kinds/objects.h"

#define STOP_GRACE_NS (10 * NS_PER_S)
#define HEALTHY_NS    (120 * NS_PER_S) /* at least, for a health check to pass */
#define COMPLETED_NS  (600 * NS_PER_S) /* for a job to end */

static struct step make_step(struct step_maker *m, enum step_verb verb, const char *native_name,
                             const char *native_id)
{
    return (struct step){
        .verb = verb,
        .kind = m->change->kind,
        .id = m->change->id,
        .owner = m->plan->environment,
        .instance = m->move->instance,
        .native_name = native_name,
        .native_id = native_id,
        .resource = m->change->resource,
    };
}

struct step *step_add(struct step_maker *m, enum step_verb verb, const char *native_name,
                      const char *native_id)
{
    struct step_list *l = m->list;
    const struct step s = make_step(m, verb, native_name, native_id);
    arena_push(m->a, l->items, l->n, l->cap, s);
    l->commit_at = l->n;
    return &l->items[l->n - 1];
}

struct step *undo_add(struct step_maker *m, enum step_verb verb, const char *native_name,
                      const char *native_id)
{
    struct step_list *l = m->list;
    const struct step s = make_step(m, verb, native_name, native_id);
    arena_push(m->a, l->undo, l->n_undo, l->cap_undo, s);
    return &l->undo[l->n_undo - 1];
}

struct step *step_on(struct step_maker *m, enum step_verb verb, const struct object *o,
                     const char *native_name)
{
    struct step *s = step_add(m, verb, native_name, o->native_id);
    s->foreign = !o->owner;
    s->instance = o->instance;
    return s;
}

bool step_runs(const struct object *o)
{
    return o->state == OBJECT_RUNNING || o->state == OBJECT_RESTARTING || o->state == OBJECT_PAUSED;
}

int64_t stop_grace(const struct val *spec)
{
    return val_get_int(spec, "stop_grace_period", STOP_GRACE_NS);
}

void step_stop(struct step_maker *m, const struct object *o, const char *native_name)
{
    if (step_runs(o))
        step_on(m, STEP_STOP, o, native_name)->timeout_ns = stop_grace(o->spec);
}

void step_discard(struct step_maker *m, const struct object *o)
{
    if (!(m->caps & CAP_SERVICES)) /* a service's tasks are stopped by its removal */
        step_stop(m, o, o->native_name);
    struct step *remove = step_on(m, STEP_REMOVE, o, o->native_name);
    if (!(m->caps & CAP_SERVICES) && (o->candidate || step_runs(o)))
        remove->timeout_ns = stop_grace(o->spec);
    if (m->caps & CAP_SERVICES && o->kind->flags & KIND_INSTANCES) {
        struct step *s = step_on(m, STEP_WAIT, o, o->native_name);
        s->gone = true;
        s->timeout_ns = stop_grace(o->spec) + 10 * NS_PER_S;
    }
}

void step_start(struct step_maker *m, const char *native_name, const char *native_id)
{
    step_add(m, STEP_START, native_name, native_id);
}

int64_t step_patience(const struct val *spec, enum depend_condition c)
{
    int64_t given = val_get_int(val_get(spec, "update"), "timeout", 0);
    if (given > 0)
        return given;
    if (c == DEPEND_COMPLETED)
        return COMPLETED_NS;
    const struct val *check = val_get(spec, "healthcheck");
    int64_t round =
        val_get_int(check, "interval", 30 * NS_PER_S) + val_get_int(check, "timeout", 30 * NS_PER_S);
    int64_t needed = val_get_int(check, "start_period", 0) + round * (val_get_int(check, "retries", 3) + 1);
    return check && needed > HEALTHY_NS ? needed : HEALTHY_NS;
}

void step_wait(struct step_maker *m, const char *native_name, const char *native_id, int64_t stable_ns)
{
    enum depend_condition c = m->change->wait;
    struct step *s = step_add(m, STEP_WAIT, native_name, native_id);
    s->condition = c;
    s->timeout_ns = c == DEPEND_STARTED ? stable_ns : step_patience(m->change->resource->spec, c);
    s->may_end = m->change->job;
}

void step_monitor(struct step_maker *m, const char *native_name, const char *native_id)
{
    if (!m->change->rollout.monitor_ns || m->change->wait == DEPEND_COMPLETED)
        return;
    struct step *s = step_add(m, STEP_WAIT, native_name, native_id);
    s->condition = DEPEND_STARTED;
    s->monitor = true;
    s->timeout_ns = m->change->rollout.monitor_ns;
    s->may_end = m->change->job;
}

void step_meet(struct step_maker *m)
{
    m->list->meets[m->list->n_meets++] = m->list->n;
}

static bool is_ready(const struct object *o, enum depend_condition c)
{
    if (c == DEPEND_COMPLETED)
        return o->state == OBJECT_EXITED && o->exit_code == 0;
    return o->state == OBJECT_RUNNING && (o->health == HEALTH_NONE || o->health == HEALTH_HEALTHY);
}

/* L7: a dependency that no change of this plan brings up has to be ready first. */
static void wait_for_needs(struct step_maker *m)
{
    const struct resource *r = m->change->resource;
    for (size_t i = 0; i < r->n_depends; i++) {
        const struct depend *d = &r->depends[i];
        const struct resource *needed = resource_find(m->plan->desired, d->id);
        const struct plan_change *c = plan_find(m->plan, d->id);
        struct object *const *objects;
        if (d->condition == DEPEND_STARTED || !needed || (c && c->action != PLAN_BLOCKED && c->n_moves))
            continue;
        size_t n = observed_find(m->plan->observed, d->id, &objects);
        for (size_t k = 0; k < n; k++) {
            const struct object *o = objects[k];
            if (o->candidate || is_ready(o, d->condition))
                continue;
            struct step *s = step_on(m, STEP_WAIT, o, o->native_name);
            s->kind = needed->kind;
            s->id = needed->id;
            s->resource = needed;
            s->condition = d->condition;
            s->timeout_ns = step_patience(needed->spec, d->condition);
        }
    }
}

static void pull(struct step_maker *m)
{
    const struct val *spec = m->change->resource->spec;
    const char *image = val_get_str(spec, "image"),
               *policy = str_or(val_get_str(spec, "pull_policy"), "missing");
    const struct image_fact *fact = observed_image_for(m->plan->observed, m->change->id, image);
    if (!image || (fact && fact->present && !str_eq(policy, "always")))
        return;
    struct step *s = step_add(m, STEP_PULL, m->move->native_name, NULL);
    s->image = image;
    /* An id says what is in it, and no registry can be asked for it. */
    s->pull_policy = str_starts(image, "sha256:") ? "never" : policy;
}

static int add_files(struct step_maker *m, struct step *s, struct err *err)
{
    const struct val *configs = val_get(m->change->resource->spec, "configs");
    if (!val_len(configs))
        return 0;
    struct step_file *files = arena_array(m->a, struct step_file, val_len(configs));
    for (size_t i = 0; i < val_len(configs); i++) {
        const struct val *c = configs->pairs[i].val;
        const char *source = str_or(val_get_str(c, "source"), "");
        const struct resource *config =
            resource_find(m->plan->desired, arena_printf(m->a, "config/%s", source));
        const void *data;
        if (!config)
            return err_set(err, ERR_NOTFOUND, "%s: config/%s is not in the plan's manifests", m->change->id,
                           source);
        struct step_file *f = &files[i];
        *f = (struct step_file){.target = configs->pairs[i].key, .source = source};
        int r = config_bytes(config, m->a, &data, &f->len, err);
        if (r < 0)
            return err_wrap(err, "%s", m->change->id);
        f->data = data;
        f->uid = val_get_str(c, "uid");
        f->gid = val_get_str(c, "gid");
        f->mode = val_get_int(c, "mode", -1);
        f->digest = val_get_str(c, "digest");
    }
    s->files = files;
    s->n_files = val_len(configs);
    return 0;
}

static struct val *labels_of(struct step_maker *m)
{
    const struct resource *r = m->change->resource;
    struct val *labels = val_map_copy(m->a, r->labels);
    const struct val *marks =
        bind_marks(m->a, m->plan->environment, r, m->move->instance, m->generation, m->plan->commit);
    for (size_t i = 0; i < val_len(marks); i++)
        val_map_set(m->a, labels, marks->pairs[i].key, marks->pairs[i].val);
    return labels;
}

int step_create(struct step_maker *m, const char *native_name, struct err *err)
{
    if (m->change->kind->flags & KIND_INSTANCES) {
        if (!(m->caps & CAP_SERVICES)) /* the nodes pull */
            pull(m);
        wait_for_needs(m);
    }
    struct step *s = step_add(m, STEP_CREATE, native_name, NULL);
    s->image_digest = m->change->image_digest;
    s->spec = m->change->resource->spec;
    s->labels = labels_of(m);
    return add_files(m, s, err);
}

/* How long a service's tasks are given: engines start many of them in waves, and roll out a few at a time.
   `update.timeout` is for one of them, as on an engine without services. What is to end is not monitored, and
   its task before has mostly ended: then there is nothing to stop either. */
static int64_t service_patience(const struct resource *r, enum depend_condition c, const struct object *old)
{
    const struct val *config = val_get(r->spec, "update");
    int64_t replicas = val_get_int(r->spec, "replicas", 1);
    int64_t at_once = val_get_int(config, "parallelism", 1);
    int64_t rounds = at_once > 0 ? (replicas + at_once - 1) / at_once : 1;
    int64_t each = val_get_int(config, "delay", 0);
    if (c != DEPEND_COMPLETED)
        each += val_get_int(config, "monitor", 5 * NS_PER_S);
    if (c != DEPEND_COMPLETED || (old && step_runs(old)))
        each += stop_grace(r->spec);
    if (val_get_int(config, "timeout", 0) > 0)
        return !old ? step_patience(r->spec, c) : rounds * (step_patience(r->spec, c) + each);
    return step_patience(r->spec, c) + replicas * NS_PER_S + rounds * each;
}

/* old NULL: it is created. */
static void wait_for_service(struct step_maker *m, const char *native_name, const char *native_id,
                             const struct object *old)
{
    struct step *s = step_add(m, STEP_WAIT, native_name, native_id);
    s->condition = m->change->wait;
    s->timeout_ns = service_patience(m->change->resource, m->change->wait, old);
    s->may_end = m->change->job;
}

static int create_service(struct step_maker *m, struct err *err)
{
    int r = step_create(m, m->move->native_name, err);
    if (r == 0)
        wait_for_service(m, m->move->native_name, NULL, NULL);
    return r;
}

static int create(struct step_maker *m, struct err *err)
{
    const char *name = m->move->native_name;
    if (m->caps & CAP_SERVICES && m->change->kind->flags & KIND_INSTANCES)
        return create_service(m, err);
    if (m->move->candidate)
        step_discard(m, m->move->candidate);
    int r = step_create(m, name, err);
    if (r < 0 || !(m->change->kind->flags & KIND_INSTANCES))
        return r;
    step_start(m, name, NULL);
    if (m->change->wait != DEPEND_STARTED)
        step_wait(m, name, NULL, 0);
    /* One more of what the others go back from. */
    if (m->change->rollout.failure == ROLLOUT_ROLLBACK) {
        step_meet(m);
        undo_add(m, STEP_STOP, name, NULL)->timeout_ns = stop_grace(m->change->resource->spec);
        undo_add(m, STEP_REMOVE, name, NULL)->timeout_ns = stop_grace(m->change->resource->spec);
    }
    return 0;
}

/* Its state before, without the networks that this plan recreates: those have to be connected again. */
static const struct val *from_spec(struct step_maker *m, const struct object *o)
{
    const struct resource *r = m->change->resource;
    struct val *spec = NULL, *networks = NULL;
    for (size_t i = 0; i < r->n_depends; i++) {
        const struct plan_change *c = plan_find(m->plan, r->depends[i].id);
        if (!c || c->kind != &kind_network || c->action == PLAN_BLOCKED || c->impact < IMPACT_REPLACE ||
            !c->n_moves)
            continue;
        if (!spec) {
            spec = val_map_copy(m->a, o->spec);
            networks = val_map_copy(m->a, val_get(o->spec, "networks"));
            val_map_set(m->a, spec, "networks", networks);
        }
        val_map_del(networks, bind_native_name(m->a, m->plan->environment, c->resource, 0));
    }
    return spec ? spec : o->spec;
}

void step_reconnect(struct step_maker *m, const struct object *o, const char *native_name)
{
    const struct val *from = from_spec(m, o);
    if (from == o->spec && !m->move->update)
        return;
    struct step *s = step_on(m, STEP_UPDATE, o, native_name);
    s->spec = m->change->resource->spec;
    s->from = from;
}

/* What it has to become: what is asked for, and unrequested limits as they were before somebody changed
   them. */
static const struct val *to_spec(struct step_maker *m)
{
    const struct val *asked = m->change->resource->spec;
    struct val *spec = NULL, *resources = NULL;
    for (size_t i = 0; i < m->change->n_fields; i++) {
        const struct field_change *f = &m->change->fields[i];
        const char *name = str_after(f->path, "resources.");
        if (!name || f->cause != CAUSE_DRIFT || !f->after || val_path(asked, f->path))
            continue;
        if (!spec) {
            spec = val_map_copy(m->a, asked);
            resources = val_map_copy(m->a, val_get(asked, "resources"));
            val_map_set(m->a, spec, "resources", resources);
        }
        val_map_set(m->a, resources, name, val_clone(m->a, f->after));
    }
    return spec ? spec : asked;
}

/* UPDATE and RESTART: the same object. */
static void change_in_place(struct step_maker *m)
{
    const struct object *o = m->move->current;
    const char *name = o->native_name;
    if (m->move->candidate)
        step_discard(m, m->move->candidate);
    if (m->move->update) {
        struct step *s = step_on(m, STEP_UPDATE, o, name);
        s->spec = to_spec(m);
        s->from = from_spec(m, o);
    }
    if (!str_eq(name, m->move->native_name)) {
        step_on(m, STEP_RENAME, o, name)->new_name = m->move->native_name;
        name = m->move->native_name;
    }
    bool up = object_up(o);
    if (m->move->await)
        step_wait(m, name, o->native_id, 0);
    if (!m->move->running || (up && !m->move->restart))
        return;
    wait_for_needs(m);
    if (up)
        step_stop(m, o, name);
    if (m->change->rollout.together)
        step_meet(m);
    step_start(m, name, o->native_id);
    if (m->change->wait != DEPEND_STARTED)
        step_wait(m, name, o->native_id, 0);
    step_monitor(m, name, o->native_id);
}

/* What an engine cannot change on a service: its name, and whether its tasks end. */
static bool is_another_service(const struct step_maker *m, const struct object *o)
{
    const char *before = val_get_str(val_get(o->spec, "deploy"), "mode");
    const char *after = val_get_str(val_get(m->change->resource->spec, "deploy"), "mode");
    return !str_eq(o->native_name, m->move->native_name) ||
           !str_eq(str_or(before, "replicated"), str_or(after, "replicated"));
}

/* Where a failed update rolls back by itself, one that takes too long rolls back as well. */
static bool goes_back(const struct val *spec)
{
    const char *action = val_get_str(val_get(spec, "update"), "failure_action");
    return !action || str_eq(action, "rollback");
}

/* The engine replaces by itself (services): one object stands for all instances. */
static int change_service(struct step_maker *m, struct err *err)
{
    const struct object *o = m->move->current;
    if (o && is_another_service(m, o))
        step_discard(m, o);
    if (!o || is_another_service(m, o)) {
        int r = create_service(m, err);
        m->list->commit_at = 0;
        return r;
    }
    wait_for_needs(m);
    struct step *s = step_on(m, STEP_UPDATE, o, o->native_name);
    s->image_digest = m->change->image_digest;
    s->spec = m->change->resource->spec;
    s->from = o->spec;
    s->labels = labels_of(m);
    s->restart = m->move->restart;
    int r = add_files(m, s, err);
    if (r < 0)
        return r;
    const struct val *labels = s->labels;
    if (m->move->running)
        wait_for_service(m, o->native_name, o->native_id, o);
    /* After a restart alone there is nothing to go back to: the same tasks would run, and fail, once more. */
    bool another_spec = m->move->update || !m->move->restart;
    if (another_spec && goes_back(m->change->resource->spec)) {
        struct step *undo = undo_add(m, STEP_UPDATE, o->native_name, o->native_id);
        undo->back = true;
        undo->image_digest = m->change->image_digest;
        undo->labels = labels;
        undo->spec = m->change->resource->spec;
    }
    return 0;
}

static int replace(struct step_maker *m, struct err *err)
{
    if (m->change->kind->flags & KIND_INSTANCES)
        return m->caps & CAP_SERVICES ? change_service(m, err) : steps_replace_container(m, err);
    return m->change->kind->flags & KIND_STATEFUL ? steps_replace_volume(m, err)
                                                  : steps_replace_network(m, err);
}

int steps_make(const struct plan *p, const struct plan_change *c, const struct plan_move *m, unsigned caps,
               uint64_t generation, struct arena *a, struct step_list *ret, struct err *err)
{
    struct step_list list = {0};
    struct step_maker maker = {p, c, m, caps, generation, a, &list};
    int r = 0;
    switch (m->action) {
    case PLAN_CREATE:
        r = create(&maker, err);
        break;
    case PLAN_UPDATE:
    case PLAN_RESTART:
        if (caps & CAP_SERVICES && c->kind->flags & KIND_INSTANCES)
            r = change_service(&maker, err);
        else
            change_in_place(&maker);
        break;
    case PLAN_REPLACE:
        r = replace(&maker, err);
        break;
    case PLAN_DELETE:
        step_discard(&maker, m->current);
        break;
    case PLAN_NONE:
    case PLAN_ADOPT:
    case PLAN_FORGET:
    case PLAN_BLOCKED:
        break;
    }
    if (r == 0)
        *ret = list;
    return r;
}
