/* One resource by itself: what exists, what should exist, and the moves between the two. */
#include "reconciler/plan/planner.h"

/* Is the name-sake to be adopted, by an annotation in Git or by --adopt? *ret_named: that names this
   object. */
static bool adoption_asked(const struct subject *s, const struct object *o)
{
    if (str_eq(resource_annotation(s->r, "forge/adopt"), "true"))
        return true;
    for (const char *const *word = s->p->policy->adopt; word && *word; word++) {
        const char *rest = str_after(*word, s->r->id);
        if (!rest)
            continue;
        if (!*rest)
            return true;
        if (*rest == '=' && (str_eq(rest + 1, o->native_name) || str_eq(rest + 1, o->native_id)))
            return true;
    }
    return false;
}

/* The object that --adopt names for this resource, whatever its name; NULL: none is named, or it does not
   exist. */
static const struct object *adoption_named(const struct subject *s)
{
    const struct observed *all = s->p->in->observed;
    for (const char *const *word = s->p->policy->adopt; word && *word; word++) {
        const char *rest = str_after(*word, s->r->id);
        if (!rest || *rest != '=')
            continue;
        for (size_t i = 0; i < all->n; i++) {
            const struct object *o = all->items[i];
            if (o->kind == s->r->kind && !o->owner &&
                (str_eq(rest + 1, o->native_name) || str_eq(rest + 1, o->native_id)))
                return o;
        }
    }
    return NULL;
}

const struct object *foreign_named(const struct subject *s, unsigned instance, const char *native_name)
{
    const struct object *named = instance <= 1 ? adoption_named(s) : NULL;
    if (named)
        return named;
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct object *o = s->objects[i];
        if (!object_ours(s->p, o, s->rec) && str_eq(o->native_name, native_name))
            return o;
    }
    return NULL;
}

static void refuse_foreign(struct subject *s, const struct object *o)
{
    struct planner *p = s->p;
    const char *whose =
        o->owner ? arena_printf(p->a, "belongs to environment %s", o->owner) : "was not created by Forge";
    const char *hint =
        o->owner ? arena_printf(p->a, "rename the resource, or remove it from environment %s", o->owner)
                 : arena_printf(p->a, "take it over with --adopt %s, or rename one of the two", s->r->id);
    block(p, subject_change(s), "conflict: %s exists and %s; %s", o->native_name, whose, hint);
    struct diag *d = diag_add(p->diags, DIAG_WARNING, s->r->file, s->r->line, s->r->col,
                              "%s: %s exists and %s", s->r->id, o->native_name, whose);
    diag_hint(p->diags, d, "%s", hint);
}

bool decide_foreign(struct subject *s, const struct object *o, unsigned instance, const char *native_name)
{
    if (o->owner || !adoption_asked(s, o)) {
        refuse_foreign(s, o);
        return false;
    }
    struct plan_change *c = subject_change(s);
    struct field_list fields = {.arena = s->p->a};
    enum plan_action need = judge_object(s, o, instance, &fields);
    for (size_t i = 0; i < fields.n; i++)
        change_field(s->p, c, &fields.items[i]);
    bool containers = s->r->kind->flags & KIND_INSTANCES;
    /* Labels cannot be added to an existing container. A single one that needs no more than a live update
       runs on, ours by the record, until it is replaced, and a job that has done its work is not run again;
       any other is replaced now, to carry our mark. */
    bool live = need == PLAN_NONE || need == PLAN_UPDATE;
    bool ended = containers && need == PLAN_NONE && has_ended_well(s, o);
    bool goes_on = live && (object_up(o) || ended) && val_get_int(s->r->spec, "replicas", 1) == 1;
    bool replace = containers ? !goes_on : need == PLAN_REPLACE;
    if (containers && live && !object_up(o) && !ended)
        change_fact(s->p, c, "state", state_text(s->p, o), "running", CAUSE_COMMIT, IMPACT_REPLACE);
    bool update = containers && !replace && need == PLAN_UPDATE;
    struct plan_move *m = change_move(s->p, c,
                                      replace  ? PLAN_REPLACE
                                      : update ? PLAN_UPDATE
                                               : PLAN_ADOPT,
                                      instance);
    m->update = update;
    m->native_name = native_name;
    m->current = o;
    m->running = containers && !(goes_on && ended);
    change_fact(s->p, c, "owner", "none", s->p->in->environment, CAUSE_COMMIT,
                replace ? IMPACT_REPLACE : IMPACT_NONE);
    c->action = PLAN_ADOPT;
    return true;
}

const struct object *pick_single(const struct subject *s, const char *native_name)
{
    const struct object *found = NULL;
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct object *o = s->objects[i];
        if (object_ours(s->p, o, s->rec) && (!found || str_eq(o->native_name, native_name)))
            found = o;
    }
    return found;
}

/* An engine allows several networks of one name: surplus ones are removed. Volumes are never removed for
   this reason. */
void drop_duplicates(struct subject *s, const struct object *keep)
{
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct object *o = s->objects[i];
        if (o == keep || !object_ours(s->p, o, s->rec) || s->r->kind->flags & KIND_STATEFUL)
            continue;
        struct plan_change *c = subject_change(s);
        struct plan_move *m = change_move(s->p, c, PLAN_DELETE, 0);
        m->native_name = o->native_name;
        m->current = o;
        change_fact(s->p, c, "duplicate", o->native_name, NULL, CAUSE_RESUME, IMPACT_LIVE);
    }
}

unsigned creation_cause(const struct subject *s, unsigned instance)
{
    if (!s->rec || !s->rec->spec || val_get_int(s->rec->spec, "replicas", 1) < (int64_t)instance)
        return CAUSE_COMMIT;
    return id_listed(s->p->policy->resume, s->r->id) ? CAUSE_RESUME : CAUSE_DRIFT;
}

static void create_single(struct subject *s, const char *native_name)
{
    const struct object *foreign = foreign_named(s, 0, native_name);
    if (foreign) {
        decide_foreign(s, foreign, 0, native_name);
        return;
    }
    struct plan_change *c = subject_change(s);
    change_move(s->p, c, PLAN_CREATE, 0);
    unsigned cause = creation_cause(s, 1);
    c->causes |= cause;
    if (cause == CAUSE_DRIFT)
        change_fact(s->p, c, "state",
                    s->r->kind->flags & KIND_STATEFUL ? "removed (with its data)" : "removed", "present",
                    cause, IMPACT_NONE);
}

void decide_single(struct subject *s)
{
    const char *native_name = subject_name(s, 0);
    const struct object *o = pick_single(s, native_name);
    if (!o) {
        create_single(s, native_name);
        return;
    }
    s->p->existing++;
    struct field_list fields = {.arena = s->p->a};
    enum plan_action need = judge_object(s, o, 0, &fields);
    for (size_t i = 0; i < fields.n; i++)
        change_field(s->p, subject_change(s), &fields.items[i]);
    if (need != PLAN_NONE) {
        struct plan_move *m = change_move(s->p, subject_change(s), need, 0);
        m->current = o;
        m->update = need == PLAN_UPDATE;
        if (s->r->kind->flags & KIND_STATEFUL && need == PLAN_REPLACE)
            s->change->impact = IMPACT_DATA_LOSS;
    }
    drop_duplicates(s, o);
}

/* An external object is used as it is. */
static void decide_external(struct subject *s)
{
    const char *native_name = subject_name(s, 0);
    for (size_t i = 0; i < s->n_objects; i++)
        if (str_eq(s->objects[i]->native_name, native_name))
            return;
    block(s->p, subject_change(s), "it is external, but %s does not exist; create it, or remove \"external\"",
          native_name);
    subject_change(s)->wanted = PLAN_CREATE;
}

void decide_record(struct subject *s)
{
    if (!s->rec || !s->rec->spec)
        return;
    struct field_list fields = {.arena = s->p->a};
    if (!s->same_request)
        compare_record(s->r->kind->spec, s->r->spec, s->rec->spec, &fields);
    name_contents(s->p, &fields, 0);
    compare_labels("metadata.labels", s->r->labels, s->rec->labels, &fields);
    for (size_t i = 0; i < fields.n; i++) {
        const struct field_change *f = &fields.items[i];
        bool image = str_eq(f->path, "image") && val_is(f->before, VAL_STR) && val_is(f->after, VAL_STR);
        if (!image || !image_same_name(s->p->a, f->before->s, f->after->s))
            change_field(s->p, subject_change(s), f);
    }
}

/* CREATE and DELETE mean the whole resource; when some of its objects stay, the change is an UPDATE. */
static enum plan_action heaviest(const struct plan_change *c)
{
    enum plan_action action = PLAN_UPDATE;
    bool only_creates = c->n_moves > 0;
    for (size_t i = 0; i < c->n_moves; i++) {
        enum plan_action a = c->moves[i].action;
        only_creates &= a == PLAN_CREATE;
        if ((a == PLAN_REPLACE || a == PLAN_RESTART || a == PLAN_ADOPT) && a > action)
            action = a;
    }
    return only_creates ? PLAN_CREATE : action;
}

static bool has_ours(const struct subject *s)
{
    for (size_t i = 0; i < s->n_objects; i++)
        if (object_ours(s->p, s->objects[i], s->rec))
            return true;
    return false;
}

/* Resources are decided in the order of ids, which is also the order of objects and records. */
static size_t next_objects(struct planner *p, const char *id, struct object *const **ret)
{
    const struct observed *o = p->in->observed;
    while (p->at_observed < o->n && strcmp(o->items[p->at_observed]->id, id) < 0)
        p->at_observed++;
    size_t end = p->at_observed;
    while (end < o->n && str_eq(o->items[end]->id, id))
        end++;
    if (end > p->at_observed)
        *ret = &o->items[p->at_observed];
    return end - p->at_observed;
}

static const struct applied *next_applied(struct planner *p, const char *id)
{
    const struct inventory *inv = p->in->applied;
    while (p->at_applied < inv->n && strcmp(inv->items[p->at_applied]->id, id) < 0)
        p->at_applied++;
    return p->at_applied < inv->n && str_eq(inv->items[p->at_applied]->id, id) ? inv->items[p->at_applied]
                                                                               : NULL;
}

void decide(struct planner *p, const struct resource *r)
{
    struct subject s = {.p = p, .r = r, .rec = next_applied(p, r->id)};
    s.same_request = s.rec && s.rec->spec && val_equal(r->spec, s.rec->spec);
    s.ignore = ignore_parse(p->a, resource_annotation(r, "forge/ignore"));
    s.n_objects = next_objects(p, r->id, &s.objects);
    if (val_get_bool(r->spec, "external", false))
        decide_external(&s);
    else if (r->kind->flags & KIND_INSTANCES && planner_caps(p, r->id) & CAP_SERVICES)
        decide_service(&s);
    else if (r->kind->flags & KIND_INSTANCES)
        decide_instances(&s);
    else
        decide_single(&s);
    struct plan_change *c = s.change;
    if (!c || !c->returns)
        decide_record(&s);
    if (planner_unready(p, r->id))
        subject_change(&s);
    c = s.change;
    if (!c || c->action == PLAN_BLOCKED || c->action == PLAN_ADOPT)
        return;
    c->action = heaviest(c);
    /* Already known: it goes from no objects to some. */
    bool known = has_ours(&s) || (c->causes & CAUSE_COMMIT && s.rec && s.rec->spec);
    if (c->action == PLAN_CREATE && known)
        c->action = PLAN_UPDATE;
}
