/*
 * Images that follow their registry (container.image_policy). What registries have is remembered in the
 * environment's state, by resource:
 *
 *   image, policy   what was asked for when it was found: another manifest has to be asked for anew
 *   found           the reference that the policy chose
 *   taken           the one that runs: `found` once it was applied, by automation where the policy says so
 *   checked_ns, next_ns, failures, error
 *
 * Looking uses what is remembered, and asks no registry (P7).
 */
#include "reconciler/engine/internal.h"

#include "base/io.h"
#include "base/str.h"
#include "providers/registry/registry.h"
#include "schema/kinds/container.h"
#include "schema/kinds/image_policy.h"

#define INTERVAL_NS (5 * 60 * NS_PER_S)
#define JITTER      0.1

static const struct val *policy_of(const struct resource *r)
{
    const struct val *policy = r->kind->flags & KIND_INSTANCES ? val_get(r->spec, "image_policy") : NULL;
    return val_is(policy, VAL_MAP) ? policy : NULL;
}

static bool is_automatic(const struct val *policy)
{
    return str_eq(val_get_str(policy, "apply"), "automatic");
}

/* What is remembered for exactly what is asked for now; NULL: nothing. */
static const struct val *entry_of(const struct val *images, const struct resource *asked)
{
    const struct val *entry = val_get(images, asked->id);
    bool same = entry && val_equal(val_get(entry, "policy"), policy_of(asked)) &&
                str_eq(val_get_str(entry, "image"), val_get_str(asked->spec, "image"));
    return same ? entry : NULL;
}

void images_follow(struct look *l, bool attended)
{
    for (size_t i = 0; !l->rollback_to && i < l->bound.n; i++) {
        struct resource *r = l->bound.items[i];
        const struct resource *asked = policy_of(r) ? resource_find(&l->desired, r->id) : NULL;
        if (!asked)
            continue;
        const struct val *entry = entry_of(l->state.images, asked);
        bool newest = attended || is_automatic(policy_of(asked));
        const char *image =
            str_or(val_get_str(entry, newest ? "found" : "taken"), val_get_str(asked->spec, "image"));
        if (str_eq(image, val_get_str(r->spec, "image")))
            continue;
        struct arena *a = &l->wanted->arena;
        struct val *spec = val_map_copy(a, r->spec);
        val_set_str(a, spec, "image", image);
        r->spec = spec;
    }
}

static bool same_unasked(const struct image_fact *one, const struct image_fact *other)
{
    return one->unasked && other->unasked && str_eq(one->unasked->registry, other->unasked->registry) &&
           str_eq(one->target, other->target);
}

void images_warn(struct look *l)
{
    const struct observed *o = &l->observed;
    for (size_t i = 0; i < o->n_images; i++) {
        const struct image_fact *f = &o->images[i];
        size_t first = 0, more = 0;
        while (f->unasked && first < i && !same_unasked(&o->images[first], f))
            first++;
        if (!f->unasked || first < i)
            continue;
        for (size_t k = i + 1; k < o->n_images; k++)
            more += same_unasked(f, &o->images[k]);
        const char *others = more ? arena_printf(&l->arena, " and %zu more", more) : "";
        struct diag *d =
            diag_add(&l->diags, DIAG_WARNING, NULL, 0, 0,
                     "registry %s could not be asked whether there is a newer image for %s%s%s%s: %s",
                     f->unasked->registry, f->ref, others, f->target ? ", by " : "", str_or(f->target, ""),
                     f->unasked->err.msg);
        diag_hint(&l->diags, d, "%s%swhat is there counts as up to date (pull_policy: always)",
                  f->unasked->err.hint, *f->unasked->err.hint ? "; until then " : "");
    }
}

int64_t engine_images_due(struct engine *e, const struct look *l)
{
    int64_t first = 0;
    for (size_t i = 0; i < l->desired.n; i++) {
        const struct resource *r = l->desired.items[i];
        if (!policy_of(r))
            continue;
        const struct val *entry = entry_of(l->state.images, r);
        int64_t due = entry ? val_get_int(entry, "next_ns", 0) : clock_wall(e->env.clock);
        first = !first || due < first ? due : first;
    }
    return first;
}

/* ---- what was applied ---- */

static bool id_is_in(const char *const *list, const char *id)
{
    while (*list && !str_eq(*list, id))
        list++;
    return *list;
}

static bool was_taken(const struct look *l, const char *id)
{
    const struct plan_change *c = plan_find(&l->plan, id); /* planned again: what is still to be done */
    const char *const *only = l->policy.only;
    return !c && (!only || id_is_in(only, id));
}

struct taking {
    const struct look *look;
    struct arena *a;
};

static void take(struct env_state *st, void *arg)
{
    const struct taking *t = arg;
    struct val *images = val_map_copy(t->a, st->images);
    for (size_t i = 0; i < val_len(images); i++) {
        const char *id = images->pairs[i].key, *found = val_get_str(images->pairs[i].val, "found");
        const struct resource *r = resource_find(&t->look->bound, id);
        /* What was found since is not what was planned. */
        if (!r || !was_taken(t->look, id) || !str_eq(found, val_get_str(r->spec, "image")))
            continue;
        struct val *entry = val_map_copy(t->a, images->pairs[i].val);
        val_set_str(t->a, entry, "taken", found);
        images->pairs[i].val = entry;
    }
    st->images = images;
}

int images_take(struct engine *e, struct look *l, struct err *err)
{
    bool any = false;
    if (!l->attended || l->rollback_to)
        return 0;
    for (size_t i = 0; i < val_len(l->state.images); i++) {
        const struct val *entry = l->state.images->pairs[i].val;
        any |= !str_eq(val_get_str(entry, "found"), val_get_str(entry, "taken"));
    }
    struct taking t = {.look = l, .a = &l->arena};
    return any ? env_state_update(e->env.store, e->config->name, take, &t, err) : 0;
}

/* ---- asking ---- */

struct poll {
    struct engine *engine;
    const struct poll_options *options;
    struct registry *registry;
    struct arena *a;
    const struct val *old;
    struct val *images; /* as they are from now on */
    struct poll_result *result;
    int64_t now_ns;
};

/* "web:1.4" -> "web": the part that a tag or a digest is added to. */
static const char *name_of(struct arena *a, const char *ref)
{
    size_t n = strcspn(ref, "@");
    const char *name = arena_strndup(a, ref, n), *slash = strrchr(name, '/');
    const char *colon = strrchr(name, ':');
    return colon && (!slash || colon > slash) ? arena_strndup(a, name, (size_t)(colon - name)) : name;
}

static int find_tag(struct poll *p, const struct val *policy, const char *ref, const char **ret,
                    struct err *err)
{
    const char *const *tags, *tag, *canonical;
    size_t n;
    int r = registry_tags(p->registry, ref, p->options->cancel, p->a, &tags, &n, err);
    if (r == 0)
        r = image_policy_choose(policy, tags, n, &tag, err);
    if (r < 0)
        return r;
    *ret = arena_printf(p->a, "%s:%s", name_of(p->a, ref), tag);
    return ref_canonical(p->a, *ret, &canonical, err); /* it came from elsewhere */
}

static int find(struct poll *p, const struct val *policy, const char *ref, const char **ret, struct err *err)
{
    const char *digest;
    if (!str_eq(val_get_str(policy, "follow"), "digest"))
        return find_tag(p, policy, ref, ret, err);
    int r = registry_digest(p->registry, ref, p->options->cancel, p->a, &digest, err);
    if (r == 0)
        *ret = arena_printf(p->a, "%s@%s", name_of(p->a, ref), digest);
    return r;
}

static double random_part(void)
{
    uint32_t n;
    io_random(&n, sizeof(n));
    return (double)n / 4294967296.0;
}

/* Jittered, so that hosts do not ask in step; after failures the pause doubles each time. */
static int64_t next_time(const struct poll *p, const struct val *policy, int64_t failures)
{
    int64_t interval = val_get_int(policy, "interval", INTERVAL_NS), wait = interval;
    for (int64_t i = 0; i < failures && wait < 16 * interval; i++)
        wait *= 2;
    return p->now_ns + wait + (int64_t)((double)wait * JITTER * random_part());
}

static void note_outcome(struct poll *p, const struct resource *r, struct val *entry,
                         const struct val *before, const char *found, const struct err *err)
{
    int64_t failures = found ? 0 : val_get_int(before, "failures", 0) + 1;
    const char *kept = val_get_str(before, "found");
    p->result->asked++;
    p->result->failed += !found;
    p->result->changed |= found && !str_eq(found, kept);
    val_set_str(p->a, entry, "found", found ? found : kept);
    val_set_int(p->a, entry, "checked_ns", p->now_ns);
    val_set_int(p->a, entry, "next_ns", next_time(p, policy_of(r), failures));
    if (failures)
        val_set_int(p->a, entry, "failures", failures);
    if (!found) {
        val_set_str(p->a, entry, "error", err->msg);
        val_set_str(p->a, entry, "hint", str_empty(err->hint) ? NULL : err->hint);
    }
}

static int poll_one(struct poll *p, const struct resource *r, struct err *err)
{
    const struct val *before = entry_of(p->old, r), *policy = policy_of(r);
    const char *ref = val_get_str(r->spec, "image"), *found = NULL;
    struct err failure = {0};
    if (before && !p->options->all && val_get_int(before, "next_ns", 0) > p->now_ns) {
        val_map_set(p->a, p->images, r->id, val_clone(p->a, before));
        return 0;
    }
    int rc = find(p, policy, ref, &found, &failure);
    if (rc == ERR_CANCELLED) {
        *err = failure;
        return rc;
    }
    struct val *entry = val_map(p->a);
    val_set_str(p->a, entry, "image", ref);
    val_map_set(p->a, entry, "policy", val_clone(p->a, policy));
    val_set_str(p->a, entry, "taken", val_get_str(before, "taken"));
    note_outcome(p, r, entry, before, rc == 0 ? found : NULL, &failure);
    if (rc == 0 && is_automatic(policy))
        val_set_str(p->a, entry, "taken", found);
    val_map_set(p->a, p->images, r->id, entry);
    return 0;
}

static void set_images(struct env_state *st, void *arg)
{
    const struct poll *p = arg;
    st->images = p->images;
}

static void add_rows(struct poll *p)
{
    struct val *rows = val_list(p->a);
    for (size_t i = 0; i < p->images->len; i++) {
        struct val *row = val_clone(p->a, p->images->pairs[i].val);
        const struct val *policy = val_get(row, "policy");
        const char *runs = str_or(val_get_str(row, "taken"), val_get_str(row, "image"));
        val_set_str(p->a, row, "resource", p->images->pairs[i].key);
        val_set_str(p->a, row, "asked", runs);
        val_set_str(p->a, row, "apply", is_automatic(policy) ? "automatic" : "propose");
        val_set_bool(p->a, row, "newer",
                     val_get_str(row, "found") && !str_eq(val_get_str(row, "found"), runs));
        val_list_add(p->a, rows, row);
        int64_t next = val_get_int(row, "next_ns", 0);
        if (!p->result->next_ns || next < p->result->next_ns)
            p->result->next_ns = next;
    }
    p->result->rows = rows;
}

int engine_poll_images(struct engine *e, const struct poll_options *o, struct arena *a,
                       struct poll_result *ret, struct err *err)
{
    const struct look_options lo = {.fetch = o->fetch, .cancel = o->cancel};
    struct env_state st;
    struct look l;
    struct poll p = {.engine = e, .options = o, .a = a, .result = ret, .now_ns = clock_wall(e->env.clock)};
    *ret = (struct poll_result){0};
    p.images = val_map(a);
    int r = engine_load(e, &lo, &l, err);
    if (l.diags.n)
        ret->diagnostics = look_diagnostics(&l, a);
    if (r == 0)
        r = env_state_get(e->env.store, e->config->name, a, &st, err);
    if (r == 0) {
        p.old = st.images;
        p.registry = registry_new(e->config->target, NULL);
        registry_on_wait(p.registry, o->waiting, o->arg);
    }
    for (size_t i = 0; r == 0 && i < l.desired.n; i++)
        if (policy_of(l.desired.items[i]))
            r = poll_one(&p, l.desired.items[i], err);
    registry_free(p.registry);
    if (r == 0 && !val_equal(p.images, st.images ? st.images : val_map(a)))
        r = env_state_update(e->env.store, e->config->name, set_images, &p, err);
    if (r == 0)
        add_rows(&p);
    look_release(&l);
    return r;
}
