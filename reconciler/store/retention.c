/*
 * Retention (H4): history is bounded. Generations and transitions are deleted in batches, oldest first, and
 * with the generations the resources that no remaining generation has.
 */
#include "base/clock.h"
#include "base/map.h"
#include "base/str.h"
#include "reconciler/store/generation.h"

#define KEEP_GENERATIONS 50
#define KEEP_AGE_NS      (90 * 24 * 3600 * NS_PER_S)
#define KEEP_TRANSITIONS 10000

struct pass {
    const char *env;
    size_t generations, transitions;
    int64_t before_ns; /* generations begun since then stay */
    uint64_t held;     /* the generation held since a rollback (H2): it and newer ones stay; 0: none */
};

static size_t more(size_t n)
{
    return n + n / 10;
}

/* Did the generation succeed, and is it old enough to be deleted? */
static int judge(struct store_tx *tx, const struct pass *p, const char *key, bool *ret_ok, bool *ret_old,
                 struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *v;
    int r = store_tx_get(tx, STORE_GENERATION, key, &a, &v, err);
    if (r < 0)
        return r;
    *ret_ok = str_eq(val_get_str(v, "status"), generation_status_name(GEN_OK));
    *ret_old = val_get_int(v, "begin_ns", 0) < p->before_ns;
    return 0;
}

/* How many of the generations, oldest first, may be deleted. The newest that succeeded stays however old it
   is: it is the target of a rollback. */
static int count_expired(struct store_tx *tx, const struct pass *p, const struct keys *keys, size_t *ret,
                         struct err *err)
{
    size_t n = 0, surplus = keys->n - p->generations, last_ok = keys->n;
    bool ok = false, old = true;
    int r = 0;
    for (size_t i = surplus; r == 0 && i < keys->n && !ok; i++)
        r = judge(tx, p, keys->items[i], &ok, &old, err);
    bool ok_is_kept = ok;
    for (; r == 0 && n < surplus; n++) {
        r = judge(tx, p, keys->items[n], &ok, &old, err);
        if (!old || key_number(keys->items[n]) == p->held)
            break;
        if (ok)
            last_ok = n;
    }
    *ret = !ok_is_kept && last_ok < n ? last_ok : n;
    return r;
}

/* Every digest in the lists of the remaining generations. */
static int collect_used(struct store_tx *tx, const struct pass *p, struct arena *a, struct map *used,
                        struct err *err)
{
    struct keys lists;
    int r = store_tx_keys(tx, STORE_RESOURCE, key_of(p->env, "@").text, false, 0, a, &lists, err);
    for (size_t i = 0; r == 0 && i < lists.n; i++) {
        struct val *names;
        r = store_tx_get(tx, STORE_RESOURCE, lists.items[i], a, &names, err);
        for (size_t k = 0; r == 0 && k < val_len(names); k++)
            if (names->pairs[k].val->type == VAL_STR)
                map_put(used, names->pairs[k].val->s, names->pairs[k].val);
    }
    return r;
}

static int sweep_resources(struct store_tx *tx, const struct pass *p, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_map_ struct map used = MAP_INIT;
    struct keys keys;
    int r = collect_used(tx, p, &a, &used, err);
    if (r == 0)
        r = store_tx_keys(tx, STORE_RESOURCE, key_of(p->env, "%s", "").text, false, 0, &a, &keys, err);
    for (size_t i = 0; r == 0 && i < keys.n; i++) {
        const char *name = strrchr(keys.items[i], '/') + 1;
        if (*name != '@' && !map_get(&used, name))
            r = store_tx_del(tx, STORE_RESOURCE, keys.items[i], err);
    }
    return r;
}

static int expire_generations(struct store_tx *tx, const struct pass *p, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct keys keys;
    size_t n = 0;
    int r = store_tx_keys(tx, STORE_GENERATION, key_of(p->env, "%s", "").text, false, 0, &a, &keys, err);
    if (r < 0 || keys.n <= more(p->generations))
        return r;
    r = count_expired(tx, p, &keys, &n, err);
    /* Lists of remaining generations may be based on lists that are deleted. Every such chain passes through
       the oldest remaining generation, so it is enough to give that one a list without a base. */
    if (r == 0 && n > 0 && n < keys.n)
        r = generation_list_whole(tx, p->env, key_number(keys.items[n]), err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = store_tx_del(tx, STORE_GENERATION, keys.items[i], err);
        if (r == 0)
            r = store_tx_del(tx, STORE_RESOURCE, generation_list_key(p->env, key_number(keys.items[i])).text,
                             err);
    }
    return r < 0 || n == 0 ? r : sweep_resources(tx, p, err);
}

static int expire_transitions(struct store_tx *tx, const struct pass *p, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct keys keys;
    int r = store_tx_keys(tx, STORE_TRANSITION, key_of(p->env, "%s", "").text, false, 0, &a, &keys, err);
    if (r < 0 || keys.n <= more(p->transitions))
        return r;
    for (size_t i = 0; r == 0 && i < keys.n - p->transitions; i++)
        r = store_tx_del(tx, STORE_TRANSITION, keys.items[i], err);
    return r;
}

static int find_held(struct store_tx *tx, struct pass *p, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct val *state;
    int r = store_tx_get(tx, STORE_ENV, p->env, &a, &state, err);
    if (r == ERR_NOTFOUND) {
        err_clear(err);
        return 0;
    }
    if (r == 0)
        p->held = (uint64_t)val_get_int(state, "held_generation", 0);
    return r;
}

static int run(struct store_tx *tx, void *arg, struct err *err)
{
    struct pass *p = arg;
    int r = find_held(tx, p, err);
    if (r == 0)
        r = expire_generations(tx, p, err);
    return r < 0 ? r : expire_transitions(tx, p, err);
}

int retention_apply(struct store *s, const char *env, const struct retention *r, int64_t now_ns,
                    struct err *err)
{
    struct pass p = {
        .env = env,
        .generations = r->generations ? r->generations : KEEP_GENERATIONS,
        .transitions = r->transitions ? r->transitions : KEEP_TRANSITIONS,
        .before_ns = now_ns - (r->age_ns ? r->age_ns : KEEP_AGE_NS),
    };
    return store_update(s, run, &p, err);
}

/* Record that an image is needed, unless a newer generation has recorded it already. */
static void need(struct arena *a, struct val *needed, const char *name, uint64_t generation)
{
    if (name && *name && !val_get(needed, name))
        val_set_int(a, needed, name, (int64_t)generation);
}

static void need_image(struct arena *a, struct val *needed, const struct val *image, uint64_t generation)
{
    static const char *const levels[] = {"on", "of"};
    need(a, needed, val_get_str(image, "id"), generation);
    need(a, needed, val_get_str(image, "digest"), generation);
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        const struct val *more = val_get(image, levels[i]);
        for (size_t k = 0; k < val_len(more); k++)
            need_image(a, needed, more->pairs[k].val, generation);
    }
}

int retention_images(struct store *s, const char *env, struct arena *a, struct val **ret, struct err *err)
{
    struct val *needed = val_map(a);
    struct generation *items;
    struct inventory inv;
    size_t n;
    int r = generation_list(s, env, 0, true, a, &items, &n, err);
    if (r == 0)
        r = inventory_load(s, env, a, &inv, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < val_len(items[i].images); k++)
            need_image(a, needed, items[i].images->pairs[k].val, items[i].number);
    }
    for (size_t i = 0; i < inv.n; i++)
        need(a, needed, inv.items[i]->image_id, inv.items[i]->generation);
    *ret = needed;
    return 0;
}
