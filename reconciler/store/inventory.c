/* The inventory: what was last applied, one record for each resource. */
#include "reconciler/store/keys.h"
#include "reconciler/store/records.h"

struct load {
    struct arena *arena;
    struct inventory *into;
    int result;
    struct err *err;
};

static int add(void *arg, const char *key, const struct val *v)
{
    struct load *l = arg;
    struct applied *a = arena_new(l->arena, struct applied);
    l->result = applied_from_val(l->arena, v, a, l->err);
    if (l->result < 0) {
        l->result =
            err_wrap(l->err, "the store's record %s of table %s", key, store_table_name(STORE_INVENTORY));
        return 1;
    }
    inventory_add(l->into, a);
    return 0;
}

int inventory_load(struct store *s, const char *env, struct arena *a, struct inventory *ret, struct err *err)
{
    struct inventory inv = {.arena = a};
    struct load l = {a, &inv, 0, err};
    struct env_state st;
    int r = env_state_get(s, env, a, &st, err);
    if (r == 0)
        r = store_each(s, STORE_INVENTORY, key_of(env, "%s", "").text, false, 0, a, add, &l, err);
    if (r == 0)
        r = l.result;
    if (r < 0)
        return r;
    inv.generation = st.generation;
    inventory_sort(&inv);
    *ret = inv;
    return 0;
}

int inventory_load_one(struct store *s, const char *env, const char *id, struct arena *a,
                       struct inventory *ret, struct err *err)
{
    struct inventory inv = {.arena = a};
    struct load l = {a, &inv, 0, err};
    struct env_state st;
    struct val *v;
    const struct key key = key_of(env, "%s", id);
    int r = env_state_get(s, env, a, &st, err);
    if (r < 0)
        return r;
    r = store_get(s, STORE_INVENTORY, key.text, a, &v, err);
    if (r == 0 && add(&l, key.text, v))
        r = l.result;
    if (r == ERR_NOTFOUND)
        err_clear(err);
    else if (r < 0)
        return r;
    inv.generation = st.generation;
    *ret = inv;
    return 0;
}

int inventory_save(struct store *s, const char *env, const struct applied *r, struct err *err)
{
    return inventory_save_all(s, env, r, 1, err);
}

int inventory_save_all(struct store *s, const char *env, const struct applied *items, size_t n,
                       struct err *err)
{
    struct store_batch *b = store_begin(s);
    for (size_t i = 0; i < n; i++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        store_batch_put(b, STORE_INVENTORY, key_of(env, "%s", items[i].id).text,
                        applied_to_val(&a, &items[i]));
    }
    return store_commit(b, err);
}

int inventory_drop(struct store *s, const char *env, const char *id, struct err *err)
{
    return store_del(s, STORE_INVENTORY, key_of(env, "%s", id).text, err);
}

int inventory_tx_edit(struct store_tx *tx, const char *env, const struct inventory_edit *edit,
                      struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    int r = 0;
    if (edit->save)
        r = store_tx_put(tx, STORE_INVENTORY, key_of(env, "%s", edit->save->id).text,
                         applied_to_val(&a, edit->save), err);
    if (r == 0 && edit->drop)
        r = store_tx_del(tx, STORE_INVENTORY, key_of(env, "%s", edit->drop).text, err);
    return r;
}
