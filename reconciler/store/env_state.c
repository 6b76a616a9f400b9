/* The state of an environment. The numbers of its newest generation and transition are not part of the
   record: they are derived from the tables, so that no lost update can assign a number twice. */
#include "reconciler/store/fields.h"
#include "reconciler/store/keys.h"
#include "reconciler/store/records.h"

static const struct stored_field fields[] = {
    STORED(env_state, FIELD_STR, source),       STORED(env_state, FIELD_STR, seen_commit),
    STORED(env_state, FIELD_STR, good_commit),  STORED(env_state, FIELD_STR, applied_commit),
    STORED(env_state, FIELD_STR, error),        STORED(env_state, FIELD_INT, error_ns),
    STORED(env_state, FIELD_INT, checked_ns),   STORED(env_state, FIELD_INT, applied_ns),
    STORED(env_state, FIELD_STR, suspended_by), STORED(env_state, FIELD_STR, suspended_why),
    STORED(env_state, FIELD_INT, suspended_ns), STORED(env_state, FIELD_INT, suspended_until_ns),
    STORED(env_state, FIELD_STR, held_commit),  STORED(env_state, FIELD_UINT, held_generation),
    STORED(env_state, FIELD_TREE, images),
};

static int get(struct store_tx *tx, const char *env, struct arena *a, struct env_state *ret, struct err *err)
{
    struct env_state st = {0};
    struct val *v = NULL;
    int r = store_tx_get(tx, STORE_ENV, env, a, &v, err);
    if (r == ERR_NOTFOUND)
        err_clear(err);
    else if (r < 0)
        return r;
    fields_from_val(fields, ARRAY_LEN(fields), v, &st);
    r = store_tx_newest(tx, STORE_GENERATION, env, &st.generation, err);
    if (r == 0)
        r = store_tx_newest(tx, STORE_TRANSITION, env, &st.transition, err);
    if (r == 0)
        *ret = st;
    return r;
}

int env_state_get(struct store *s, const char *env, struct arena *a, struct env_state *ret, struct err *err)
{
    struct store_tx tx = {.s = s};
    int r = s->kv->ops->begin(s->kv, &tx.txn, err);
    if (r < 0)
        return r;
    r = get(&tx, env, a, ret, err);
    s->kv->ops->end(tx.txn);
    return r;
}

static int put(struct store_tx *tx, const char *env, const struct env_state *st, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    return store_tx_put(tx, STORE_ENV, env, fields_to_val(&a, fields, ARRAY_LEN(fields), st), err);
}

struct change {
    const char *env;
    void (*fn)(struct env_state *st, void *arg);
    void *arg;
};

static int run_change(struct store_tx *tx, void *arg, struct err *err)
{
    const struct change *c = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state st;
    int r = get(tx, c->env, &a, &st, err);
    if (r < 0)
        return r;
    c->fn(&st, c->arg);
    return put(tx, c->env, &st, err);
}

int env_state_update(struct store *s, const char *env, void (*fn)(struct env_state *st, void *arg), void *arg,
                     struct err *err)
{
    return store_update(s, run_change, &(struct change){.env = env, .fn = fn, .arg = arg}, err);
}

/* An environment that is being applied for the first time has a generation, but no state yet. */
int env_list(struct store *s, struct arena *a, const char ***ret, size_t *ret_n, struct err *err)
{
    struct keys envs, generations;
    struct val *names = val_map(a);
    int r = store_keys(s, STORE_ENV, "", false, 0, a, &envs, err);
    if (r == 0)
        r = store_keys(s, STORE_GENERATION, "", false, 0, a, &generations, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < envs.n; i++)
        val_set_bool(a, names, envs.items[i], true);
    for (size_t i = 0; i < generations.n; i++)
        val_set_bool(a, names, arena_strndup(a, generations.items[i], strcspn(generations.items[i], "/")),
                     true);
    *ret = arena_array(a, const char *, names->len);
    *ret_n = names->len;
    for (size_t i = 0; i < names->len; i++)
        (*ret)[i] = names->pairs[i].key;
    return 0;
}
