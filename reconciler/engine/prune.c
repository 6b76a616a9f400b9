/*
 * Removing images that nothing needs any more (H3), of those that were pulled by us and no others. The store
 * says which these are (store/image.c), the engine who uses them, and the generations that are kept, of all
 * environments in the store, what may be gone back to. Whatever is not certain keeps an image.
 */
#include "reconciler/engine/internal.h"

#include "base/parse.h"
#include "base/str.h"
#include "schema/kinds/container.h"

#include <unistd.h>

/* Nobody reports what others do with an image, so it is checked. */
#define LOOK_AGAIN_NS (24 * 3600 * NS_PER_S)

struct prune {
    struct engine *engine;
    const struct prune_options *options;
    struct arena *a;
    struct prune_result *result;
    struct val *rows, *targets;
    struct map images; /* id or digest -> why it is needed */
    struct map refs;   /* canonical reference -> why */
    int64_t now_ns;
};

/* One engine under way. */
struct shelf {
    const char *target; /* NULL: the only one */
    struct provider *provider;
    struct engine_images there;
};

static void *text(const char *s)
{
    return (void *)(uintptr_t)s;
}

/* ---- what is needed ---- */

static void need_ref(struct prune *p, const char *ref, const char *env)
{
    const char *canonical;
    struct err ignored = {0};
    if (ref && ref_canonical(p->a, ref, &canonical, &ignored) == 0 && !map_get(&p->refs, canonical))
        map_put(&p->refs, canonical, text(arena_printf(p->a, "%s uses %s", env, ref)));
}

/* What registries have is remembered until they are asked again, which nobody does for what has no policy any
   more. */
static bool still_follows(const struct generation *g, const char *id)
{
    return val_get(val_get(val_get(g->resources, id), "spec"), "image_policy");
}

/* References that are asked for may be pulled, or found present, at any moment. */
static int need_asked(struct prune *p, const char *env, struct err *err)
{
    struct env_state st;
    struct generation g = {0};
    int r = env_state_get(p->engine->env.store, env, p->a, &st, err);
    if (r == 0 && st.generation)
        r = generation_get(p->engine->env.store, env, st.generation, p->a, &g, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < val_len(g.resources); i++)
        need_ref(p, val_get_str(val_get(g.resources->pairs[i].val, "spec"), "image"), env);
    for (size_t i = 0; i < val_len(st.images); i++) {
        if (!still_follows(&g, st.images->pairs[i].key))
            continue;
        need_ref(p, val_get_str(st.images->pairs[i].val, "taken"), env);
        need_ref(p, val_get_str(st.images->pairs[i].val, "found"), env);
    }
    return 0;
}

static int need_kept(struct prune *p, const char *env, struct err *err)
{
    struct val *needed;
    int r = retention_images(p->engine->env.store, env, p->a, &needed, err);
    for (size_t i = 0; r == 0 && i < needed->len; i++) {
        const char *key = needed->pairs[i].key;
        if (!map_get(&p->images, key))
            map_put(&p->images, key,
                    text(arena_printf(p->a, "generation %lld of %s needs it",
                                      (long long)needed->pairs[i].val->i, env)));
    }
    return r < 0 ? r : need_asked(p, env, err);
}

static int collect_needs(struct prune *p, struct err *err)
{
    const char **envs;
    size_t n;
    int r = env_list(p->engine->env.store, p->a, &envs, &n, err);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = need_kept(p, envs[i], err);
    return r;
}

/* ---- one image ---- */

static bool is_named(struct arena *a, const struct image_record *rec, const char *ref)
{
    for (size_t i = 0; i < val_len(rec->names); i++) {
        const char *name = val_is(rec->names->items[i], VAL_STR) ? rec->names->items[i]->s : "";
        if (strchr(ref, '@') ? str_eq(ref_repository(a, ref), ref_repository(a, name))
                             : ref_same(a, ref, name))
            return true;
    }
    return false;
}

/* Why it has to stay; NULL: no known reason. */
static const char *why_kept(struct prune *p, const struct image_record *rec, const struct engine_image *img)
{
    const char *why = map_get(&p->images, img->id);
    for (const char *const *ref = img->refs; *ref && !why; ref++) {
        const char *at = strchr(*ref, '@'), *canonical;
        struct err ignored = {0};
        why = at ? map_get(&p->images, at + 1) : NULL;
        if (!why && ref_canonical(p->a, *ref, &canonical, &ignored) == 0)
            why = map_get(&p->refs, canonical);
    }
    if (!why && img->user)
        why = arena_printf(p->a, "container %s was created from it", img->user);
    for (const char *const *ref = img->refs; *ref && !why; ref++)
        if (!is_named(p->a, rec, *ref))
            why = arena_printf(p->a, "it also has the name %s, which Forge did not give it", *ref);
    return why;
}

/* The name people know it by: a tag that it has, else the one that it was pulled by. */
static const char *name_of(struct arena *a, const struct image_record *rec, const struct engine_image *img)
{
    for (const char *const *ref = img->refs; *ref; ref++)
        if (!strchr(*ref, '@'))
            return *ref;
    const char *name =
        val_len(rec->names) && val_is(rec->names->items[0], VAL_STR) ? rec->names->items[0]->s : rec->image;
    return arena_strndup(a, name, strcspn(name, "@"));
}

static struct val *add_row(struct prune *p, const struct shelf *s, const struct image_record *rec,
                           const struct engine_image *img)
{
    struct val *row = val_map(p->a), *refs = val_list(p->a);
    for (const char *const *ref = img->refs; *ref; ref++)
        val_list_add(p->a, refs, val_str(p->a, *ref));
    val_set_str(p->a, row, "image", img->id);
    val_set_str(p->a, row, "name", name_of(p->a, rec, img));
    val_map_set(p->a, row, "refs", refs);
    val_set_str(p->a, row, "target", s->target);
    val_set_int(p->a, row, "size", img->size);
    val_set_str(p->a, row, "environment", rec->env);
    val_set_str(p->a, row, "resource", rec->resource);
    val_set_int(p->a, row, "pulled_ns", rec->pulled_ns);
    if (rec->idle_ns)
        val_set_int(p->a, row, "idle_ns", rec->idle_ns);
    val_list_add(p->a, p->rows, row);
    return row;
}

static void verdict(struct prune *p, struct val *row, const char *state, const char *why)
{
    val_set_str(p->a, row, "state", state);
    val_set_str(p->a, row, "why", why);
}

static void look_again_at(struct prune *p, int64_t at_ns)
{
    if (!p->result->next_ns || at_ns < p->result->next_ns)
        p->result->next_ns = at_ns;
}

/* H1. An image has no resource; its name stands in for one. */
static int record_removal(struct prune *p, const struct shelf *s, const struct image_record *rec,
                          const struct engine_image *img, int64_t begin_ns, struct err *err)
{
    const char *id = arena_printf(p->a, "image/%s", name_of(p->a, rec, img));
    struct transition t = {
        .generation = rec->generation,
        .at_ns = p->now_ns,
        .duration_ns = clock_mono(p->engine->env.clock) - begin_ns,
        .actor = p->options->actor,
        .trigger = p->options->trigger,
        .id = s->target ? id_on(p->a, id, s->target) : id,
        .action = "prune",
        .before = img->id,
        .result = "ok",
    };
    return transition_add(p->engine->env.store, p->engine->config->name, &t, err);
}

static const char *const *names_of(struct arena *a, const struct image_record *rec)
{
    const char **names = arena_array(a, const char *, val_len(rec->names) + 1);
    for (size_t i = 0; i < val_len(rec->names); i++)
        names[i] = val_is(rec->names->items[i], VAL_STR) ? rec->names->items[i]->s : "";
    return names;
}

static int remove_it(struct prune *p, const struct shelf *s, const struct image_record *rec,
                     const struct engine_image *img, struct val *row, struct err *err)
{
    int64_t begin = clock_mono(p->engine->env.clock);
    struct err why = {0};
    int r =
        s->provider->ops->image_remove(s->provider, img->id, names_of(p->a, rec), p->options->cancel, &why);
    if (r == ERR_UNAVAILABLE || r == ERR_TIMEOUT || r == ERR_CANCELLED) {
        *err = why;
        return r;
    }
    if (r < 0) { /* the engine knows better: it is kept */
        verdict(p, row, "kept", arena_printf(p->a, "the engine refused: %s", why.msg));
        look_again_at(p, p->now_ns + LOOK_AGAIN_NS);
        return 0;
    }
    verdict(p, row, "gone", "it was no longer needed");
    p->result->removed++;
    p->result->bytes += img->size;
    r = record_removal(p, s, rec, img, begin, err);
    return r < 0 ? r : image_forget(p->engine->env.store, rec->engine, rec->image, err);
}

static int note_idle(struct prune *p, const struct image_record *rec, int64_t since_ns, struct err *err)
{
    if (rec->idle_ns == since_ns || p->options->dry_run)
        return 0;
    return image_set_idle(p->engine->env.store, rec->engine, rec->image, since_ns, err);
}

static int judge(struct prune *p, const struct shelf *s, const struct image_record *rec,
                 const struct engine_image *img, struct err *err)
{
    struct val *row = add_row(p, s, rec, img);
    const char *why = why_kept(p, rec, img);
    int64_t since = why ? 0 : rec->idle_ns ? rec->idle_ns : p->now_ns;
    int r = note_idle(p, rec, since, err);
    if (r < 0)
        return r;
    if (why) {
        verdict(p, row, "kept", why);
        look_again_at(p, p->now_ns + LOOK_AGAIN_NS);
        return 0;
    }
    if (p->now_ns - since < p->options->keep_ns) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        format_duration(p->options->keep_ns - (p->now_ns - since), &b);
        verdict(p, row, "kept", arena_printf(p->a, "not needed; will be removed in %s", buf_str(&b)));
        look_again_at(p, since + p->options->keep_ns);
        return 0;
    }
    if (!p->options->dry_run)
        return remove_it(p, s, rec, img, row, err);
    verdict(p, row, "goes", "not needed");
    p->result->removed++;
    p->result->bytes += img->size;
    return 0;
}

/* ---- one engine ---- */

static const struct engine_image *find(const struct engine_images *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->items[i].id, id))
            return &l->items[i];
    return NULL;
}

static int go_through(struct prune *p, struct shelf *s, struct err *err)
{
    struct store *store = p->engine->env.store;
    struct image_record *ours;
    size_t n;
    int r = s->provider->ops->images(s->provider, p->options->cancel, p->a, &s->there, err);
    if (r == 0)
        r = image_list(store, s->there.engine, p->a, &ours, &n, err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct engine_image *img = find(&s->there, ours[i].image);
        r = cancel_check(p->options->cancel, err);
        if (r < 0 || (p->options->own_only && !str_eq(ours[i].env, p->engine->config->name)))
            continue;
        if (img)
            r = judge(p, s, &ours[i], img, err);
        else if (!p->options->dry_run) /* somebody removed it: whatever appears under this id is not ours */
            r = image_forget(store, ours[i].engine, ours[i].image, err);
    }
    return r;
}

/* Trouble with one engine does not hold up another. */
static int visit(struct prune *p, struct provider *provider, const char *target, struct err *err)
{
    struct shelf s = {.target = target, .provider = provider};
    struct err why = {0};
    int r = go_through(p, &s, &why);
    if (r != ERR_UNAVAILABLE && r != ERR_TIMEOUT && r != ERR_UNSUPPORTED) {
        if (r < 0)
            *err = why;
        return r;
    }
    struct val *v = val_map(p->a);
    val_set_str(p->a, v, "target", str_or(target, provider->target->name));
    val_set_str(p->a, v, "message", why.msg);
    val_set_bool(p->a, v, "away", r != ERR_UNSUPPORTED);
    val_list_add(p->a, p->targets, v);
    if (r != ERR_UNSUPPORTED)
        look_again_at(p, p->now_ns + LOOK_AGAIN_NS);
    return 0;
}

static int visit_all(struct prune *p, struct err *err)
{
    const struct target *t = p->engine->config->target;
    struct provider *provider;
    int r = engine_provider(p->engine, &provider, err);
    if (r == 0 && !t->n_members)
        return visit(p, provider, NULL, err);
    for (size_t i = 0; r == 0 && i < t->n_members; i++) {
        const char *any = arena_printf(p->a, "image/any@%s", t->members[i]->name);
        r = visit(p, provider_on(provider, any), t->members[i]->name, err);
    }
    return r;
}

/* ---- the whole ---- */

/* One writer (L6), and none while it is suspended (S7). */
static int begin_writing(struct prune *p, int *ret_lock, struct err *err)
{
    struct engine *e = p->engine;
    struct env_state st;
    int r = state_load(e, p->a, &st, err);
    if (r == 0)
        r = state_refuse_suspended(e, &st, err);
    if (r < 0)
        return r;
    const char *holder =
        arena_printf(p->a, "%s (process %d)", str_or(p->options->actor, "forge"), (int)getpid());
    return store_lock(e->env.store, e->config->name, holder, ret_lock, err);
}

int engine_prune_images(struct engine *e, const struct prune_options *o, struct arena *a,
                        struct prune_result *ret, struct err *err)
{
    struct prune p = {.engine = e, .options = o, .a = a, .result = ret, .now_ns = clock_wall(e->env.clock)};
    _cleanup_close_ int lock = -1;
    bool any;
    *ret = (struct prune_result){.rows = val_list(a), .targets = val_list(a)};
    p.rows = val_list(a);
    p.targets = val_list(a);
    map_init(&p.images);
    map_init(&p.refs);
    int r = image_any(e->env.store, &any, err);
    if (r == 0 && any && !o->dry_run)
        r = begin_writing(&p, &lock, err);
    if (r == 0 && any)
        r = collect_needs(&p, err);
    if (r == 0 && (any || !o->own_only)) /* the caller is also told which engines cannot be asked */
        r = visit_all(&p, err);
    map_release(&p.images);
    map_release(&p.refs);
    ret->rows = p.rows;
    ret->targets = p.targets;
    return r;
}
