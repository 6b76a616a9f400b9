/* One object against what is asked for: which fields differ, and what correcting them takes. */
#include "reconciler/plan/planner.h"

/* Is it known what Git asked for when the object was made or last changed? The record says; if the store
   is lost, the object's mark does when it matches what is asked for now (P3). */
static struct sides sides_of(struct subject *s, const struct object *o)
{
    struct sides sides = {
        .desired = s->r->spec,
        .observed = o->spec,
        .defaults = o->defaults,
        .ignore = s->ignore,
        .caps = planner_caps(s->p, s->r->id),
        /* What somebody else made is found by the name it was given: connecting it anew for an alias that
           says the same would cut its connections. Ours are made under other names, and need it. */
        .found_as = !o->owner && str_eq(o->native_name, s->r->name) ? o->native_name : NULL,
    };
    if (s->rec && s->rec->spec) {
        sides.applied = s->same_request ? s->r->spec : s->rec->spec;
        sides.has_applied = true;
        sides.baseline = s->rec->baseline;
        sides.has_baseline = s->rec->baseline != NULL;
        /* All of a service can be changed: that it is the same object says nothing. */
        sides.same_object = !object_is_service(o) && (!s->rec->baseline_id || o->instance > 1 ||
                                                      str_eq(s->rec->baseline_id, o->native_id));
    } else if (o->spec_digest && str_eq(o->spec_digest, subject_mark(s))) {
        sides.applied = bind_without_contents(s->p->a, s->r->spec);
        sides.has_applied = true;
    }
    return sides;
}

static void judge_image(struct subject *s, const struct object *o, const struct sides *sides,
                        struct field_list *out)
{
    const char *ref = val_get_str(s->r->spec, "image"), *id;
    if (!ref || ignore_match(s->ignore, "image"))
        return;
    const struct image_fact *fact = observed_image_for(s->p->in->observed, s->r->id, ref);
    enum image_verdict verdict = image_compare(s->p->a, ref, o, fact, &id);
    if (verdict == IMAGE_SAME)
        return;
    bool same_request = sides->has_applied && str_eq(ref, val_get_str(sides->applied, "image"));
    struct field_change *f = field_list_add(out);
    f->path = "image";
    f->field = field_find(s->r->kind->spec, "image");
    f->before = val_get(o->spec, "image");
    f->after = val_get(s->r->spec, "image");
    f->impact = IMPACT_REPLACE;
    f->before_id = o->image_id;
    f->after_id = id;
    f->cause = verdict == IMAGE_MOVED ? CAUSE_IMAGE : same_request ? CAUSE_DRIFT : CAUSE_COMMIT;
}

static void add_fact(struct planner *p, struct field_list *out, const char *path, const char *before,
                     const char *after, unsigned cause, enum impact impact)
{
    struct field_change *f = field_list_add(out);
    f->path = path;
    f->before = before ? val_str(p->a, before) : NULL;
    f->after = after ? val_str(p->a, after) : NULL;
    f->cause = cause;
    f->impact = impact;
}

/* The name on the engine: something that can be changed live where the engine can. */
static void judge_name(struct subject *s, const struct object *o, unsigned instance,
                       const struct sides *sides, struct field_list *out)
{
    bool instances = s->r->kind->flags & KIND_INSTANCES;
    const char *field = instances ? "container_name" : "name";
    const char *name = subject_name(s, instance);
    if (o->candidate || !o->native_name || str_eq(name, o->native_name) || ignore_match(s->ignore, field))
        return;
    bool same_request =
        sides->has_applied && str_eq(val_get_str(s->r->spec, field), val_get_str(sides->applied, field));
    enum impact impact = instances ? impact_on(planner_caps(s->p, s->r->id), field, IMPACT_LIVE, false)
                         : s->r->kind->flags & KIND_STATEFUL ? IMPACT_DATA_LOSS
                                                             : IMPACT_REPLACE;
    add_fact(s->p, out, field, o->native_name, name, same_request ? CAUSE_DRIFT : CAUSE_COMMIT, impact);
}

/* Marks are compared only within one version of the digest: a mark of another version says nothing (P3). */
static bool marks_differ(const char *one, const char *other)
{
    size_t n = strcspn(one, ":");
    return strncmp(one, other, n + 1) == 0 && strcmp(one, other) != 0;
}

/*
 * An object that was never brought to be right, and was made from another version of its manifest: what that
 * asked for is not known, so what it asked for too much cannot be seen field by field. Nothing is lost by
 * making it anew. A running one of which only the record is lost is left alone.
 */
static bool made_from_another(struct subject *s, const struct object *o)
{
    if (s->rec ? s->rec->spec != NULL : object_up(o))
        return false;
    return s->r->kind->flags & KIND_INSTANCES && o->spec_digest &&
           marks_differ(o->spec_digest, subject_mark(s));
}

/* Was it last changed for another version of the manifest, in a generation that did not succeed? Then a
   difference is one from what Git asked for then; nobody made it on the engine. */
static bool is_failed_attempt(struct subject *s, const struct object *o)
{
    return s->rec && o->generation > s->rec->generation && o->spec_digest &&
           marks_differ(o->spec_digest, subject_mark(s));
}

static enum plan_action action_for(enum impact impact)
{
    switch (impact) {
    case IMPACT_NONE:
        return PLAN_NONE;
    case IMPACT_LIVE:
        return PLAN_UPDATE;
    case IMPACT_RESTART:
        return PLAN_RESTART;
    case IMPACT_REPLACE:
    case IMPACT_DATA_LOSS:
        break;
    }
    return PLAN_REPLACE;
}

/* For people, "configs./etc/x.conf.digest" and "secrets./run/secrets/x.content" are the content of the
   file. */
void name_contents(struct planner *p, struct field_list *l, size_t from)
{
    static const char *const names[][2] = {{"configs.", ".digest"}, {"secrets.", ".content"}};
    for (size_t i = from; i < l->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (str_starts(l->items[i].path, names[k][0]) && str_ends(l->items[i].path, names[k][1]))
                l->items[i].path =
                    arena_strndup(p->a, l->items[i].path, strlen(l->items[i].path) - strlen(names[k][1]));
}

static const struct val *content_of(const struct val *spec, const char *target)
{
    return val_get(val_get(val_get(spec, "secrets"), target), "content");
}

/* Reported until something is recorded that a later content can be compared with. */
static void note_unknown_contents(struct subject *s, const struct object *o, const struct sides *sides)
{
    const struct val *secrets = o->instance > 1 || o->candidate ? NULL : val_get(s->r->spec, "secrets");
    for (size_t i = 0; i < val_len(secrets); i++) {
        const char *target = secrets->pairs[i].key;
        const struct val *now = content_of(s->r->spec, target);
        if (now && val_get(val_get(o->spec, "secrets"), target) &&
            !digests_comparable(now, content_of(o->spec, target)) &&
            !digests_comparable(now, content_of(sides->applied, target)))
            planner_note(s->p, s->r->id,
                         arena_printf(s->p->a, "secrets.%s: %s; assumed unchanged and recorded now", target,
                                      content_of(o->spec, target)
                                          ? "its digest was recorded with a key that no longer exists"
                                          : "no digest of its content was recorded"));
    }
}

enum plan_action judge_object(struct subject *s, const struct object *o, unsigned instance,
                              struct field_list *ret)
{
    const struct sides sides = sides_of(s, o);
    size_t before = ret->n;
    enum impact worst = IMPACT_NONE;
    judge_image(s, o, &sides, ret);
    compare_object(s->r->kind->spec, &sides, ret);
    name_contents(s->p, ret, before);
    note_unknown_contents(s, o, &sides);
    judge_name(s, o, instance, &sides, ret);
    if (made_from_another(s, o))
        add_fact(s->p, ret, "manifest", NULL, "created from another version of the manifest", CAUSE_COMMIT,
                 IMPACT_REPLACE);
    const bool failed = is_failed_attempt(s, o);
    for (size_t i = before; i < ret->n; i++) {
        if (failed && ret->items[i].cause == CAUSE_DRIFT)
            ret->items[i].cause = CAUSE_COMMIT;
        if (ret->items[i].impact > worst)
            worst = ret->items[i].impact;
    }
    return action_for(worst);
}

bool candidate_usable(struct subject *s, const struct object *o, bool *ret_update)
{
    if (o->state == OBJECT_DEAD || o->state == OBJECT_REMOVING || object_never_ran(o))
        return false;
    if (!o->spec_digest || !str_eq(o->spec_digest, subject_mark(s)))
        return false;
    if (object_up(o) && left_behind(s, o))
        return false;
    struct subject alone = {.p = s->p, .r = s->r, .ignore = s->ignore, .mark = s->mark};
    struct field_list fields = {.arena = s->p->a};
    enum plan_action need = judge_object(&alone, o, o->instance, &fields);
    *ret_update = need == PLAN_UPDATE;
    return need == PLAN_NONE || need == PLAN_UPDATE;
}
