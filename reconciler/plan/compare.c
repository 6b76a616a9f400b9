#include "reconciler/plan/compare.h"

#include "base/str.h"

enum side { DESIRED, APPLIED, BASELINE, OBSERVED, SIDES };

/* A place in the tree; its path is only formatted where something differs. */
struct place {
    const struct place *up;
    const char *name;
};

struct compare {
    const struct sides *sides;
    struct field_list *out;
    bool record; /* compare desired with applied, and nothing else */
};

/* Fields that are compared as objects (names, numbers) or by other means (the image). */
static const char *const not_compared[] = {"image", "replicas", "container_name", "name", "external"};

struct field_change *field_list_add(struct field_list *l)
{
    const struct field_change zero = {0};
    arena_push(l->arena, l->items, l->n, l->cap, zero);
    return &l->items[l->n - 1];
}

/* A port that gets any free port of the host has 0 for it in its key: "0->80/tcp" is shown as "auto->80/tcp".
 */
static const char *shown_name(struct arena *a, const struct place *p)
{
    const char *zero = strstr(p->name, "0->");
    if (!zero || !str_eq(p->up->name, "ports") || (zero > p->name && zero[-1] != ':'))
        return p->name;
    return arena_printf(a, "%.*sauto%s", (int)(zero - p->name), p->name, zero + 1);
}

static const char *place_path(struct arena *a, const struct place *p)
{
    if (!p->up)
        return p->name;
    return arena_printf(a, "%s.%s", place_path(a, p->up), shown_name(a, p));
}

static const char *place_top(const struct place *p)
{
    while (p->up)
        p = p->up;
    return p->name;
}

const char *const *ignore_parse(struct arena *a, const char *annotation)
{
    size_t n, kept = 0;
    if (str_empty(annotation))
        return NULL;
    char **parts = str_split(a, annotation, ',', &n);
    const char **paths = arena_array(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        char *path = parts[i] + strspn(parts[i], " \t");
        path[strcspn(path, " \t")] = '\0';
        const char *below = str_after(path, "spec.");
        if (*path)
            paths[kept++] = str_or(below, path);
    }
    return paths;
}

bool ignore_match(const char *const *ignore, const char *path)
{
    for (; ignore && *ignore; ignore++) {
        size_t n = strlen(*ignore);
        if (strncmp(path, *ignore, n) == 0 && (path[n] == '\0' || path[n] == '.'))
            return true;
    }
    return false;
}

static bool is_secret(const struct field *f, const struct val *const v[SIDES])
{
    if (f->flags & FIELD_SECRET)
        return true;
    for (int i = 0; i < SIDES; i++)
        if (v[i] && v[i]->flags & VAL_F_SECRET)
            return true;
    return false;
}

enum impact impact_on(unsigned caps, const char *top, enum impact impact, bool lifted)
{
    if (str_eq(top, "container_name"))
        return caps & CAP_RENAME ? IMPACT_LIVE : IMPACT_REPLACE;
    if (impact != IMPACT_LIVE || str_eq(top, "replicas"))
        return impact;
    /* How a service's tasks are rolled out is not part of the tasks. */
    if (caps & CAP_SERVICES && str_eq(top, "deploy"))
        return IMPACT_LIVE;
    if (str_eq(top, "networks"))
        return caps & CAP_NETWORK_CONNECT ? IMPACT_LIVE : IMPACT_REPLACE;
    /* In an update, engines read a missing limit as "unchanged": lifting a limit takes a new object. */
    if (!(caps & CAP_LIVE_UPDATE) || (lifted && str_eq(top, "resources")))
        return IMPACT_REPLACE;
    return IMPACT_LIVE;
}

static void report(const struct compare *c, const struct field *f, const struct place *p, enum impact impact,
                   const struct val *const v[SIDES], const struct val *after, bool reverted,
                   bool same_request)
{
    const char *path = place_path(c->out->arena, p);
    if (ignore_match(c->sides->ignore, path))
        return;
    struct field_change *fc = field_list_add(c->out);
    fc->path = path;
    fc->field = f;
    fc->before = c->record ? v[APPLIED] : v[OBSERVED];
    fc->after = after;
    fc->reverted_default = reverted;
    fc->secret = is_secret(f, v);
    fc->cause = c->sides->has_applied && same_request ? CAUSE_DRIFT : CAUSE_COMMIT;
    fc->impact = c->record ? IMPACT_NONE : impact_on(c->sides->caps, place_top(p), impact, !after);
    if (c->record)
        fc->cause = CAUSE_COMMIT;
}

/*
 * What a field should be on the engine (P1). False: nobody has a say, leave it alone. Where nobody asks for a
 * field, the baseline has a say on what was added or changed, not on what is missing: not to be asked for is
 * all there is to be said of that. And a field that cannot be changed on an object was not: a difference on
 * the same object is one of words, by another version of an engine or of a provider (P3).
 */
static bool wanted(const struct compare *c, enum impact impact, const struct val *const v[SIDES],
                   const struct val *dflt, const struct val **ret, bool *ret_reverted)
{
    *ret_reverted = false;
    if (v[DESIRED]) {
        *ret = v[DESIRED];
    } else if (v[APPLIED]) {
        *ret = dflt;
        *ret_reverted = dflt != NULL;
    } else if (c->sides->has_baseline && v[OBSERVED] && (impact < IMPACT_REPLACE || !c->sides->same_object)) {
        *ret = v[BASELINE];
    } else {
        return false;
    }
    return true;
}

bool digests_comparable(const struct val *one, const struct val *other)
{
    const char *end = val_is(one, VAL_STR) ? strrchr(one->s, ':') : NULL;
    return end && val_is(other, VAL_STR) && strncmp(one->s, other->s, (size_t)(end - one->s) + 1) == 0;
}

/* When an object was made with a digest under another key, its content is unknown; but what the record
   says of it still holds. */
static void compare_keyed_digest(const struct compare *c, const struct field *f, const struct place *p,
                                 enum impact impact, const struct val *const v[SIDES])
{
    const struct val *before = c->record ? v[APPLIED] : v[OBSERVED];
    if (!digests_comparable(v[DESIRED], before))
        before = v[APPLIED];
    if (!digests_comparable(v[DESIRED], before) || val_equal(v[DESIRED], before))
        return;
    const struct val *const sides[SIDES] = {[DESIRED] = v[DESIRED], [APPLIED] = before, [OBSERVED] = before};
    size_t n = c->out->n;
    report(c, f, p, impact, sides, v[DESIRED], false, false);
    if (c->out->n > n)
        c->out->items[n].cause = CAUSE_SECRET;
}

static bool list_has(const struct val *list, const char *text)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (str_eq(list->items[i]->s, text))
            return true;
    return false;
}

/* Is each alias of one list in the other, or a name that is found without being one? */
static bool aliases_in(const struct val *list, const struct val *other, const char *found_as)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (!str_eq(list->items[i]->s, found_as) && !list_has(other, list->items[i]->s))
            return false;
    return true;
}

static bool same_on_network(const struct compare *c, const struct field *f, const struct val *want,
                            const struct val *there)
{
    const char *found_as = c->sides->found_as;
    return found_as && str_eq(f->name, "aliases") && aliases_in(want, there, found_as) &&
           aliases_in(there, want, found_as);
}

static void compare_leaf(const struct compare *c, const struct field *f, const struct place *p,
                         enum impact impact, const struct val *const v[SIDES], const struct val *dflt)
{
    const struct val *want = v[DESIRED];
    bool reverted = false;
    if (f->flags & FIELD_KEYED_DIGEST) {
        compare_keyed_digest(c, f, p, impact, v);
        return;
    }
    if (c->record) {
        if (!field_equal(f, v[DESIRED], v[APPLIED]))
            report(c, f, p, impact, v, want, false, false);
        return;
    }
    if (!wanted(c, impact, v, dflt, &want, &reverted) || field_equal(f, want, v[OBSERVED]) ||
        same_on_network(c, f, want, v[OBSERVED]))
        return;
    report(c, f, p, impact, v, want, reverted, field_equal(f, v[DESIRED], v[APPLIED]));
}

static void compare_fields(const struct compare *c, const struct field_table *t, const struct place *up,
                           enum impact impact, const struct val *const v[SIDES], const struct val *dflt);
static void compare_field(const struct compare *c, const struct field *f, const struct place *p,
                          enum impact impact, const struct val *const v[SIDES], const struct val *dflt);

static bool same_item(const struct val *a, const struct val *b)
{
    return (!a && !b) || (a && b && val_equal(a, b));
}

/* One item of a map or of a keyed list, added or removed as a whole. */
static void compare_item(const struct compare *c, const struct field *f, const struct place *p,
                         enum impact impact, const struct val *const v[SIDES], const struct val *dflt)
{
    const struct field_table *sub = f->type == FT_KEYED ? f->sub : f->elem->sub;
    const struct val *want = v[DESIRED], *there = c->record ? v[APPLIED] : v[OBSERVED];
    bool reverted = false;
    if (f->type == FT_MAP && f->elem->type != FT_RECORD) {
        compare_leaf(c, f->elem, p, impact, v, dflt);
        return;
    }
    if (!c->record && !wanted(c, impact, v, dflt, &want, &reverted))
        return;
    if (!want != !there)
        report(c, f->type == FT_KEYED ? f : f->elem, p, impact, v, want, reverted,
               same_item(v[DESIRED], v[APPLIED]));
    else if (want && val_is(want, VAL_MAP) && sub)
        compare_fields(c, sub, p, impact, v, dflt);
    else if (want && !val_equal(want, there))
        report(c, f, p, impact, v, want, reverted, same_item(v[DESIRED], v[APPLIED]));
}

/* Walks the union of the keys of several sorted maps, with the value that each map has for the key. */
struct keys {
    const struct val *map[SIDES];
    size_t n[SIDES], at[SIDES];
    bool same_applied;
};

static const char *keys_next(struct keys *k, const struct val *v[SIDES])
{
    const char *least = NULL;
    unsigned having = 0; /* bits of the maps whose next key is the least */
    for (unsigned i = 0; i < SIDES; i++) {
        if (k->at[i] >= k->n[i])
            continue;
        const char *key = k->map[i]->pairs[k->at[i]].key;
        int c = least ? strcmp(key, least) : -1;
        if (c < 0) {
            least = key;
            having = 0;
        }
        if (c <= 0)
            having |= 1u << i;
    }
    for (unsigned i = 0; least && i < SIDES; i++) {
        const struct val *found = having & 1u << i ? k->map[i]->pairs[k->at[i]++].val : NULL;
        v[i] = val_is(found, VAL_NULL) ? NULL : found;
    }
    /* What was asked for before is what is asked for now. */
    if (k->same_applied)
        v[APPLIED] = v[DESIRED];
    return least;
}

static struct keys keys_of(const struct compare *c, const struct val *const v[SIDES])
{
    struct keys k = {.same_applied = v[APPLIED] && v[APPLIED] == v[DESIRED]};
    for (int i = 0; i < SIDES; i++) {
        k.map[i] = val_is(v[i], VAL_MAP) && (!c->record || i <= APPLIED) ? v[i] : NULL;
        k.n[i] = k.map[i] && !(i == APPLIED && k.same_applied) ? k.map[i]->len : 0;
    }
    return k;
}

static void compare_items(const struct compare *c, const struct field *f, const struct place *p,
                          enum impact impact, const struct val *const v[SIDES], const struct val *dflt)
{
    struct keys k = keys_of(c, v);
    const struct val *item[SIDES];
    for (const char *key; (key = keys_next(&k, item));) {
        const struct place at = {p, key};
        compare_item(c, f, &at, impact, item, val_get(dflt, key));
    }
}

static void compare_field(const struct compare *c, const struct field *f, const struct place *p,
                          enum impact impact, const struct val *const v[SIDES], const struct val *dflt)
{
    if (f->impact > impact)
        impact = f->impact;
    if (f->type == FT_RECORD && f->sub)
        compare_fields(c, f->sub, p, impact, v, dflt);
    else if (f->type == FT_KEYED || f->type == FT_MAP)
        compare_items(c, f, p, impact, v, dflt);
    else
        compare_leaf(c, f, p, impact, v, dflt);
}

static bool of_the_engine(const struct compare *c, const struct field *f, const struct place *up)
{
    if (f->flags & FIELD_SERVICES && c->sides->caps & CAP_SERVICES)
        return true;
    if (f->flags & (FIELD_VIRTUAL | FIELD_CREATE_ONLY))
        return false;
    if (up)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(not_compared); i++)
        if (strcmp(f->name, not_compared[i]) == 0)
            return false;
    return f->impact != IMPACT_NONE;
}

static void compare_fields(const struct compare *c, const struct field_table *t, const struct place *up,
                           enum impact impact, const struct val *const v[SIDES], const struct val *dflt)
{
    struct keys k = keys_of(c, v);
    const struct val *child[SIDES];
    for (const char *key; (key = keys_next(&k, child));) {
        /* Nearly all fields are as they should be; those need no further look. */
        if (!c->record && child[DESIRED] && child[OBSERVED] && val_equal(child[DESIRED], child[OBSERVED]))
            continue;
        const struct field *f = field_find(t, key);
        if (!f || f->flags & FIELD_ALIAS || (!c->record && !of_the_engine(c, f, up)))
            continue;
        const struct place at = {up, key};
        compare_field(c, f, &at, impact, child, val_get(dflt, key));
    }
}

void compare_object(const struct field_table *t, const struct sides *s, struct field_list *out)
{
    const struct compare c = {.sides = s, .out = out};
    const struct val *const v[SIDES] = {s->desired, s->has_applied ? s->applied : NULL,
                                        s->has_baseline ? s->baseline : NULL, s->observed};
    compare_fields(&c, t, NULL, IMPACT_NONE, v, s->defaults);
}

void compare_record(const struct field_table *t, const struct val *desired, const struct val *applied,
                    struct field_list *out)
{
    const struct sides s = {.desired = desired, .applied = applied};
    const struct compare c = {.sides = &s, .out = out, .record = true};
    const struct val *const v[SIDES] = {desired, applied};
    compare_fields(&c, t, NULL, IMPACT_NONE, v, NULL);
}

void compare_labels(const char *prefix, const struct val *desired, const struct val *applied,
                    struct field_list *out)
{
    static const struct field text = {.name = "", .type = FT_STRING};
    const struct sides s = {.desired = desired, .applied = applied};
    const struct compare c = {.sides = &s, .out = out, .record = true};
    const struct val *const v[SIDES] = {desired, applied};
    const struct place up = {NULL, prefix};
    struct keys k = keys_of(&c, v);
    const struct val *item[SIDES];
    for (const char *key; (key = keys_next(&k, item));) {
        const struct place at = {&up, key};
        compare_leaf(&c, &text, &at, IMPACT_NONE, item, NULL);
    }
}
