/* Transitions: one durable record for each action (H1), numbered within the environment. */
#include "base/str.h"
#include "reconciler/store/fields.h"
#include "reconciler/store/keys.h"
#include "reconciler/store/records.h"

static const struct stored_field fields[] = {
    STORED(transition, FIELD_UINT, seq),   STORED(transition, FIELD_UINT, generation),
    STORED(transition, FIELD_INT, at_ns),  STORED(transition, FIELD_INT, duration_ns),
    STORED(transition, FIELD_STR, actor),  STORED(transition, FIELD_STR, trigger),
    STORED(transition, FIELD_STR, commit), STORED(transition, FIELD_STR, plan_digest),
    STORED(transition, FIELD_STR, run),    STORED(transition, FIELD_STR, id),
    STORED(transition, FIELD_STR, action), STORED(transition, FIELD_STR, before),
    STORED(transition, FIELD_STR, after),  STORED(transition, FIELD_TREE, changes),
    STORED(transition, FIELD_STR, result), STORED(transition, FIELD_STR, error),
};

struct val *transition_to_val(struct arena *a, const struct transition *t)
{
    return fields_to_val(a, fields, ARRAY_LEN(fields), t);
}

struct add {
    const char *env;
    const struct transition *t;
    const struct inventory_edit *edit;
    uint64_t seq;
};

static int run_add(struct store_tx *tx, void *arg, struct err *err)
{
    struct add *add = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    int r = store_tx_newest(tx, STORE_TRANSITION, add->env, &add->seq, err);
    if (r < 0)
        return r;
    add->seq++;
    struct transition t = *add->t;
    t.seq = add->seq;
    struct key key = key_of(add->env, KEY_NUMBER, (unsigned long long)t.seq);
    r = store_tx_put(tx, STORE_TRANSITION, key.text, transition_to_val(&a, &t), err);
    return r < 0 ? r : inventory_tx_edit(tx, add->env, add->edit, err);
}

int transition_add_with(struct store *s, const char *env, struct transition *t,
                        const struct inventory_edit *edit, struct err *err)
{
    struct add add = {.env = env, .t = t, .edit = edit};
    int r = store_update(s, run_add, &add, err);
    if (r == 0)
        t->seq = add.seq;
    return r;
}

int transition_add(struct store *s, const char *env, struct transition *t, struct err *err)
{
    return transition_add_with(s, env, t, &(struct inventory_edit){0}, err);
}

struct search {
    const char *id;
    uint64_t generation;
    size_t limit;
    struct arena *arena;
    struct transition *items;
    size_t n, cap;
};

static int add_found(void *arg, const char *key, const struct val *v)
{
    struct search *s = arg;
    struct transition t = {0};
    (void)key;
    fields_from_val(fields, ARRAY_LEN(fields), v, &t);
    /* Newest first: after the generation that is searched for, there are only older ones. */
    if (s->generation && t.generation && t.generation < s->generation)
        return 1;
    if ((s->id && (!t.id || !id_matches(s->id, t.id))) || (s->generation && t.generation != s->generation))
        return 0;
    arena_push(s->arena, s->items, s->n, s->cap, t);
    return s->n == s->limit;
}

int transition_list(struct store *s, const char *env, const char *id, uint64_t generation, size_t limit,
                    struct arena *a, struct transition **ret, size_t *ret_n, struct err *err)
{
    struct search search = {.id = id, .generation = generation, .limit = limit, .arena = a};
    int r = store_each(s, STORE_TRANSITION, key_of(env, "%s", "").text, true, 0, a, add_found, &search, err);
    if (r < 0)
        return r;
    *ret = search.items;
    *ret_n = search.n;
    return 0;
}
