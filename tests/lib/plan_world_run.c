/* The effects of steps in the small engine of plan_world.h, and an executor for it. */
#include "tests/lib/plan_world.h"

#include "base/clock.h"
#include "base/str.h"

static struct object *target(struct world *w, const struct step *s, struct err *err)
{
    struct object *o = world_named(w, s->kind, s->native_name);
    if (!o) {
        err_set(err, ERR_NOTFOUND, "%s: there is no %s", step_verb_name(s->verb), s->native_name);
        return NULL;
    }
    if (s->native_id && !str_eq(s->native_id, o->native_id)) {
        err_set(err, ERR_CONFLICT, "%s: %s is another one now", step_verb_name(s->verb), s->native_name);
        return NULL;
    }
    if (!s->foreign && !str_eq(o->owner, w->environment)) {
        err_set(err, ERR_DENIED, "%s: %s is not ours", step_verb_name(s->verb), s->native_name);
        return NULL;
    }
    return o;
}

static int check_built_on(struct world *w, const struct val *spec, struct err *err)
{
    const struct val *networks = val_get(spec, "networks"), *volumes = val_get(spec, "volumes");
    for (size_t i = 0; i < val_len(networks); i++)
        if (!world_named(w, &kind_network, networks->pairs[i].key))
            return err_set(err, ERR_NOTFOUND, "no network %s", networks->pairs[i].key);
    for (size_t i = 0; i < val_len(volumes); i++) {
        const struct val *mount = volumes->pairs[i].val;
        const char *source = val_get_str(mount, "source");
        if (source && str_eq(val_get_str(mount, "type"), "volume") && !world_named(w, &kind_volume, source))
            return err_set(err, ERR_NOTFOUND, "no volume %s", source);
    }
    const char *mode = val_get_str(spec, "network_mode");
    const char *joined = mode ? str_after(mode, "container:") : NULL;
    if (joined && !world_named(w, &kind_container, joined))
        return err_set(err, ERR_NOTFOUND, "no container %s to join", joined);
    return 0;
}

static struct resource as_resource(const struct step *s)
{
    return (struct resource){.kind = s->kind, .id = s->id, .spec = s->spec};
}

static int do_create(struct world *w, const struct step *s, struct err *err)
{
    struct object *there = world_named(w, s->kind, s->native_name);
    const char *mark = val_get_str(s->labels, MARK_SPEC);
    if (there && str_eq(there->owner, w->environment) && str_eq(there->id, s->id) &&
        str_eq(there->spec_digest, mark))
        return 0;
    if (there)
        return err_set(err, ERR_EXISTS, "the name %s is taken", s->native_name);
    int r = s->kind == &kind_container ? check_built_on(w, s->spec, err) : 0;
    const char *ref = val_get_str(s->spec, "image");
    const struct image_fact *fact = NULL;
    for (size_t i = 0; i < w->n_images; i++)
        if (ref && str_eq(w->images[i].ref, ref) && w->images[i].present)
            fact = &w->images[i];
    if (r == 0 && ref && !fact)
        r = err_set(err, ERR_NOTFOUND, "no image %s", ref);
    if (r < 0)
        return r;
    const struct resource res = as_resource(s);
    struct object model = {
        .id = arena_strdup(w->arena, s->id),
        .kind = s->kind,
        .instance = s->instance,
        .candidate = str_ends(s->native_name, MARK_CANDIDATE),
        .owner = w->environment,
        .native_id = arena_printf(w->arena, "id%04u", ++w->next_id),
        .native_name = arena_strdup(w->arena, s->native_name),
        .spec_digest = arena_strdup(w->arena, mark),
        .state = s->kind == &kind_container ? OBJECT_CREATED : OBJECT_PRESENT,
        .created_ns = w->now_ns,
        .image_id = fact ? fact->id : NULL,
        .spec = world_spec(w->arena, &res),
        .defaults = val_map(w->arena),
    };
    struct object *o = arena_memdup(w->arena, &model, sizeof(model));
    arena_push(w->arena, w->items, w->n, w->cap, o);
    return 0;
}

/* A host port belongs to one running container at a time; from a range the engine picks a free one. */
static int check_ports(struct world *w, const struct object *o, struct err *err)
{
    const struct val *mine = val_get(o->spec, "ports");
    for (size_t i = 0; i < w->n; i++) {
        const struct object *other = w->items[i];
        const struct val *theirs = val_get(other->spec, "ports");
        if (other == o || other->state != OBJECT_RUNNING)
            continue;
        for (size_t k = 0; k < val_len(mine); k++)
            for (size_t j = 0; j < val_len(theirs); j++) {
                int64_t port = val_get_int(mine->pairs[k].val, "published", 0);
                if (port && !val_get(mine->pairs[k].val, "published_end") &&
                    port == val_get_int(theirs->pairs[j].val, "published", 0))
                    return err_set(err, ERR_CONFLICT, "%s: port %lld is taken by %s", o->native_name,
                                   (long long)port, other->native_name);
            }
    }
    return 0;
}

static int do_start(struct world *w, struct object *o, struct err *err)
{
    if (o->state == OBJECT_RUNNING)
        return 0;
    int r = check_ports(w, o, err);
    if (r == 0)
        r = check_built_on(w, o->spec, err);
    if (r < 0)
        return r;
    const struct val *command = val_get(o->spec, "command");
    bool ends = val_len(command) && str_eq(command->items[0]->s, "job");
    o->state = ends ? OBJECT_EXITED : OBJECT_RUNNING;
    o->exit_code = 0;
    o->started_ns = w->now_ns;
    o->health = val_get(o->spec, "healthcheck") && !ends ? HEALTH_STARTING : HEALTH_NONE;
    return 0;
}

static int do_wait(struct object *o, const struct step *s, struct err *err)
{
    bool ended = o->state == OBJECT_EXITED && o->exit_code == 0;
    bool broken = val_get(val_get(o->spec, "environment"), "BROKEN");
    bool good =
        s->condition == DEPEND_COMPLETED ? ended : o->state == OBJECT_RUNNING || (s->may_end && ended);
    if (!good || (broken && s->condition == DEPEND_HEALTHY))
        return err_set(err, ERR_FAILED, "%s is not %s", s->native_name, depend_condition_name(s->condition));
    if (o->health == HEALTH_STARTING)
        o->health = HEALTH_HEALTHY;
    return 0;
}

static int do_remove(struct world *w, struct object *o, struct err *err)
{
    if (o->state == OBJECT_RUNNING)
        return err_set(err, ERR_CONFLICT, "%s runs", o->native_name);
    for (size_t i = 0; i < w->n; i++) {
        struct object *other = w->items[i];
        const struct val *volumes = val_get(other->spec, "volumes"),
                         *networks = val_get(other->spec, "networks");
        for (size_t k = 0; o->kind == &kind_volume && k < val_len(volumes); k++)
            if (str_eq(val_get_str(volumes->pairs[k].val, "source"), o->native_name))
                return err_set(err, ERR_CONFLICT, "%s is in use by %s", o->native_name, other->native_name);
        if (o->kind == &kind_network && val_get(networks, o->native_name)) {
            struct val *spec = val_map_copy(w->arena, other->spec);
            struct val *fewer = val_map_copy(w->arena, networks);
            val_map_del(fewer, o->native_name);
            val_map_set(w->arena, spec, "networks", fewer);
            other->spec = spec;
        }
    }
    world_drop(w, o);
    return 0;
}

static int do_rename(struct world *w, const struct step *s, struct err *err)
{
    struct object *done = world_named(w, s->kind, s->new_name);
    if (done && s->native_id && str_eq(done->native_id, s->native_id))
        return 0;
    struct object *o = target(w, s, err);
    if (!o)
        return err->code;
    if (done)
        return err_set(err, ERR_EXISTS, "the name %s is taken", s->new_name);
    o->native_name = arena_strdup(w->arena, s->new_name);
    o->candidate = str_ends(s->new_name, MARK_CANDIDATE);
    return 0;
}

static int do_update(struct world *w, struct object *o, const struct step *s, struct err *err)
{
    int r = check_built_on(w, s->spec, err);
    const struct resource res = as_resource(s);
    if (r == 0)
        o->spec = world_spec(w->arena, &res);
    return r;
}

static int do_on_object(struct world *w, const struct step *s, struct err *err)
{
    struct object *o = target(w, s, err);
    if (!o && err->code == ERR_NOTFOUND && (s->verb == STEP_STOP || s->verb == STEP_REMOVE)) {
        err_clear(err);
        return 0;
    }
    if (!o)
        return err->code;
    switch (s->verb) {
    case STEP_START:
        return do_start(w, o, err);
    case STEP_STOP:
        if (o->state != OBJECT_EXITED && o->state != OBJECT_CREATED) {
            o->state = OBJECT_EXITED;
            /* Some containers exit with 0 when they are stopped. */
            o->exit_code = o->native_id[strlen(o->native_id) - 1] % 2 ? 143 : 0;
        }
        return 0;
    case STEP_WAIT:
        return do_wait(o, s, err);
    case STEP_REMOVE:
        return do_remove(w, o, err);
    case STEP_UPDATE:
        return do_update(w, o, s, err);
    case STEP_PULL:
    case STEP_CREATE:
    case STEP_RENAME:
        break;
    }
    return err_set(err, ERR_UNSUPPORTED, "no such step");
}

int world_step(struct world *w, const struct step *s, struct err *err)
{
    w->now_ns += NS_PER_S;
    w->steps++;
    if (s->verb == STEP_PULL) {
        if (str_eq(s->pull_policy, "never"))
            return err_set(err, ERR_NOTFOUND, "no image %s", s->image);
        world_image(w, arena_strdup(w->arena, s->image), world_image_id(w->arena, s->image));
        return 0;
    }
    if (s->verb == STEP_CREATE)
        return do_create(w, s, err);
    if (s->verb == STEP_RENAME)
        return do_rename(w, s, err);
    return do_on_object(w, s, err);
}

/* Run one step, or kill the run when no steps are left. */
static int run_step(struct world *w, const struct step *s, struct err *err)
{
    if (w->steps_left == 0) {
        w->killed = true;
        return err_set(err, ERR_CANCELLED, "killed");
    }
    if (w->steps_left > 0)
        w->steps_left--;
    if (w->fail_step >= 0 && w->fail_step-- == 0)
        return err_set(err, ERR_UNAVAILABLE, "made to fail");
    return world_step(w, s, err);
}

static int run_move(struct world *w, const struct plan *p, const struct plan_change *c,
                    const struct plan_move *m, struct err *err)
{
    struct step_list list;
    int r = steps_make(p, c, m, w->caps, w->generation, w->arena, &list, err);
    size_t i = 0;
    for (; r == 0 && i < list.n; i++)
        r = run_step(w, &list.items[i], err);
    if (r == 0 || w->killed)
        return r;
    for (size_t k = 0; i - 1 < list.commit_at && k < list.n_undo && !w->killed; k++) {
        struct err ignored = {0};
        (void)run_step(w, &list.undo[k], &ignored);
    }
    return r;
}

static void drop_record(struct world *w, const char *id)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->inventory.n; i++)
        if (!str_eq(w->inventory.items[i]->id, id))
            w->inventory.items[kept++] = w->inventory.items[i];
    w->inventory.n = kept;
}

static bool needs_met(const struct plan_change *c, const bool *ok)
{
    for (size_t i = 0; i < c->n_after; i++)
        if (!ok[c->after[i]])
            return false;
    return true;
}

static void note_under_way(struct world *w, const char *id)
{
    arena_push(w->arena, w->under_way, w->n_under_way, w->cap_under_way, arena_strdup(w->arena, id));
    arena_push(w->arena, w->under_way, w->n_under_way, w->cap_under_way, NULL);
    w->n_under_way--;
}

static void record_failure(struct world *w, const struct plan_change *c, const struct err *err)
{
    struct applied *rec = NULL;
    for (size_t i = 0; i < w->inventory.n; i++)
        if (str_eq(w->inventory.items[i]->id, c->id))
            rec = w->inventory.items[i];
    if (!rec) {
        rec = arena_new(w->arena, struct applied);
        rec->id = arena_strdup(w->arena, c->id);
        inventory_add(&w->inventory, rec);
        inventory_sort(&w->inventory);
    }
    rec->status = c->resource ? APPLIED_FAILED : APPLIED_DELETING;
    rec->error = arena_strdup(w->arena, err->msg);
    rec->input_digest = arena_strdup(w->arena, c->input_digest);
}

void world_run(struct world *w, const struct plan *p)
{
    bool *ok = arena_array(w->arena, bool, p->n + 1);
    w->generation++;
    w->n_under_way = 0;
    w->under_way = NULL;
    w->cap_under_way = 0;
    for (size_t i = 0; i < p->n && !w->killed; i++) {
        const struct plan_change *c = &p->changes[i];
        struct err err = {0};
        int r = 0;
        if (c->action == PLAN_BLOCKED || !needs_met(c, ok))
            continue;
        for (size_t k = 0; r == 0 && k < c->n_moves; k++)
            r = run_move(w, p, c, &c->moves[k], &err);
        if (w->killed) {
            /* Also changes that this run should have resumed but did not reach. */
            note_under_way(w, c->id);
            for (size_t k = i + 1; k < p->n; k++)
                if (p->changes[k].causes & CAUSE_RESUME)
                    note_under_way(w, p->changes[k].id);
            return;
        }
        ok[i] = r == 0;
        if (r != 0)
            record_failure(w, c, &err);
        w->failures += r != 0;
        if (r == 0 && c->resource) {
            struct applied *rec = world_record(w, c->resource);
            if (c->action == PLAN_ADOPT && c->n_moves && c->moves[0].action == PLAN_ADOPT)
                rec->adopted = c->moves[0].current->native_id;
        } else if (r == 0) {
            drop_record(w, c->id);
        }
    }
}
