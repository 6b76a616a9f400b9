#include "reconciler/plan/place.h"

#include "base/str.h"
#include "schema/kinds/placement.h"

/* Where one resource goes. */
struct spot {
    const struct resource *r;
    bool *on;   /* of each target */
    bool given; /* it says so itself */
};

struct placing {
    const struct resource_set *in;
    const struct placement *where;
    struct arena *arena;
    struct diag_list *diags;
    struct spot *spots; /* of each resource, in order */
    struct map by_id;   /* id -> spot */
};

static bool has_objects(const struct resource *r)
{
    return !(r->kind->flags & (KIND_VIRTUAL | KIND_META));
}

bool place_is_said(const struct resource *r)
{
    return val_get(r->spec, PLACEMENT_TARGET) || val_get(r->spec, PLACEMENT_TARGETS);
}

static bool is_nowhere(const struct placing *p, const struct spot *s)
{
    for (size_t i = 0; i < p->where->n; i++)
        if (s->on[i])
            return false;
    return true;
}

/* ---- what it says itself ---- */

static void no_such_target(struct placing *p, const struct resource *r, const struct val *at,
                           const char *name)
{
    const char **names = arena_array(p->arena, const char *, p->where->n);
    for (size_t i = 0; i < p->where->n; i++)
        names[i] = p->where->targets[i].name;
    const char *near = str_nearest(name, names, p->where->n);
    const char *hint = near ? arena_printf(p->arena, "did you mean \"%s\"?", near)
                            : "the targets of an environment are listed in the settings file";
    resource_error_hint(p->in, r, at, p->diags, hint, "target: \"%s\" is not a target of this environment",
                        name);
}

static void put_by_name(struct placing *p, struct spot *s, const struct val *name)
{
    for (size_t i = 0; i < p->where->n; i++)
        s->on[i] = str_eq(p->where->targets[i].name, name->s);
    if (is_nowhere(p, s))
        no_such_target(p, s->r, name, name->s);
}

static void put_by_labels(struct placing *p, struct spot *s, const struct val *selector)
{
    const struct placement *w = p->where;
    for (size_t i = 0; i < w->n; i++)
        s->on[i] = placement_fits(selector, w->targets[i].name, w->targets[i].labels);
    /* An empty placement is never intended: it would delete what is there. */
    if (is_nowhere(p, s))
        resource_error_hint(p->in, s->r, selector, p->diags,
                            "use labels that a target in the settings has, or remove the resource",
                            "targets: none of the %zu target%s of this environment matches", w->n,
                            w->n == 1 ? "" : "s");
}

static void put_anywhere(const struct placing *p, struct spot *s)
{
    for (size_t i = 0; i < p->where->n; i++)
        s->on[i] = !p->where->fallback || str_eq(p->where->targets[i].name, p->where->fallback);
}

static void put(struct placing *p, struct spot *s)
{
    const struct val *target = val_get(s->r->spec, PLACEMENT_TARGET);
    const struct val *targets = val_get(s->r->spec, PLACEMENT_TARGETS);
    s->given = place_is_said(s->r);
    if (p->where->any) {
        put_anywhere(p, s);
        return;
    }
    if (val_is(target, VAL_STR))
        put_by_name(p, s, target);
    else if (targets)
        put_by_labels(p, s, targets);
    else if (s->r->kind->flags & KIND_INSTANCES)
        put_anywhere(p, s);
}

/* ---- what others say for it ---- */

static void follow_users(struct placing *p)
{
    for (size_t i = 0; i < p->in->n; i++) {
        const struct spot *user = &p->spots[i];
        for (size_t k = 0; k < user->r->n_depends; k++) {
            struct spot *used = map_get(&p->by_id, user->r->depends[k].id);
            if (!used || used->given || used->r->kind->flags & KIND_INSTANCES)
                continue;
            for (size_t t = 0; t < p->where->n; t++)
                used->on[t] |= user->on[t];
        }
    }
    for (size_t i = 0; i < p->in->n; i++)
        if (!p->spots[i].given && is_nowhere(p, &p->spots[i]))
            put_anywhere(p, &p->spots[i]);
}

/* ---- references from one engine to another ---- */

static const char *names_of(const struct placing *p, const struct spot *s)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < p->where->n; i++)
        if (s->on[i])
            buf_addf(&b, "%s%s", b.len ? ", " : "", p->where->targets[i].name);
    return arena_strdup(p->arena, buf_str(&b));
}

/* The first engine of `user` that `used` is not on; NULL: it is on all of them. */
static const char *missing_on(const struct placing *p, const struct spot *user, const struct spot *used)
{
    for (size_t i = 0; i < p->where->n; i++)
        if (user->on[i] && !used->on[i])
            return p->where->targets[i].name;
    return NULL;
}

static void check_reference(struct placing *p, const struct spot *user, const struct depend *d)
{
    const struct spot *used = map_get(&p->by_id, d->id);
    const char *where = used && has_objects(used->r) ? missing_on(p, user, used) : NULL;
    if (!where)
        return;
    const struct val *at = resource_depend_place(user->r, d);
    if (str_starts(d->field, "depends_on."))
        resource_warning_hint(p->in, user->r, at, p->diags,
                              "publish one of its ports, and use the address of its host instead of its name",
                              "%s: %s is on %s, but this resource is also on %s: it starts after it, but "
                              "there they cannot find each other by name",
                              d->field, d->id, names_of(p, used), where);
    else
        resource_error_hint(p->in, user->r, at, p->diags, "place both on the same targets",
                            "%s: %s is on %s, but this resource is also on %s, where it cannot be used",
                            d->field, d->id, names_of(p, used), where);
}

static void check_references(struct placing *p)
{
    for (size_t i = 0; i < p->in->n; i++)
        for (size_t k = 0; k < p->spots[i].r->n_depends; k++)
            check_reference(p, &p->spots[i], &p->spots[i].r->depends[k]);
}

/* ---- the set ---- */

static struct resource *copy_of(const struct placing *p, const struct resource *r)
{
    struct resource *copy = arena_memdup(p->arena, r, sizeof(*r));
    if (!place_is_said(r))
        return copy;
    struct val *spec = val_map_copy(p->arena, r->spec);
    val_map_del(spec, PLACEMENT_TARGET);
    val_map_del(spec, PLACEMENT_TARGETS);
    copy->spec = spec;
    return copy;
}

static void add_depend(const struct placing *p, struct resource *r, const struct depend *d, size_t t)
{
    const struct spot *used = map_get(&p->by_id, d->id);
    const char *here = p->where->targets[t].name;
    if (used && !has_objects(used->r)) {
        resource_depend(r, p->arena, d->id, d->condition, d->required, d->field);
        return;
    }
    if (!used || used->on[t]) {
        resource_depend(r, p->arena, id_on(p->arena, d->id, here), d->condition, d->required, d->field);
        return;
    }
    for (size_t i = 0; i < p->where->n; i++)
        if (used->on[i])
            resource_depend(r, p->arena, id_on(p->arena, d->id, p->where->targets[i].name), d->condition,
                            d->required, d->field);
}

static void add_on(const struct placing *p, const struct resource *r, size_t t, struct resource_set *ret)
{
    struct resource *copy = copy_of(p, r);
    copy->id = id_on(p->arena, r->id, p->where->targets[t].name);
    copy->depends = NULL;
    copy->n_depends = copy->cap_depends = 0;
    for (size_t i = 0; i < r->n_depends; i++)
        add_depend(p, copy, &r->depends[i], t);
    resource_set_add(ret, copy);
}

static void add(const struct placing *p, const struct spot *s, struct resource_set *ret)
{
    if (!p->where->several || !has_objects(s->r)) {
        resource_set_add(ret, copy_of(p, s->r));
        return;
    }
    for (size_t t = 0; t < p->where->n; t++)
        if (s->on[t])
            add_on(p, s->r, t, ret);
}

static void make_set(const struct placing *p, struct resource_set *ret)
{
    resource_set_init(ret, p->arena);
    ret->project = p->in->project;
    ret->environment = p->in->environment;
    ret->files = p->in->files;
    ret->n_files = p->in->n_files;
    ret->inactive = p->in->inactive;
    ret->n_inactive = p->in->n_inactive;
    for (size_t i = 0; i < p->in->n; i++)
        add(p, &p->spots[i], ret);
    resource_set_sort(ret);
}

static bool is_simple(const struct resource_set *in, const struct placement *where)
{
    for (size_t i = 0; i < in->n; i++)
        if (place_is_said(in->items[i]))
            return false;
    return !where->several;
}

const struct resource_set *place_set(const struct resource_set *in, const struct placement *where,
                                     struct arena *a, struct resource_set *ret, struct diag_list *diags)
{
    if (is_simple(in, where))
        return in;
    struct placing p = {.in = in, .where = where, .arena = a, .diags = diags};
    size_t errors = diags->errors;
    p.spots = arena_array(a, struct spot, in->n + 1);
    bool *on = arena_array(a, bool, in->n * where->n + 1);
    for (size_t i = 0; i < in->n; i++) {
        p.spots[i] = (struct spot){.r = in->items[i], .on = &on[i * where->n]};
        map_put(&p.by_id, in->items[i]->id, &p.spots[i]);
    }
    for (size_t i = 0; i < in->n; i++)
        put(&p, &p.spots[i]);
    follow_users(&p);
    if (diags->errors == errors)
        check_references(&p);
    make_set(&p, ret);
    if (diags->errors == errors)
        resource_set_check_engines(ret, diags);
    map_release(&p.by_id);
    return ret;
}
