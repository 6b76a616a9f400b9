/* Images that Forge pulled: ownership is recorded by engine and image id (H3). */
#include "base/digest.h"
#include "base/str.h"
#include "reconciler/store/fields.h"
#include "reconciler/store/keys.h"
#include "reconciler/store/records.h"

#define NAMES_MAX 64u /* of one image; further names are not recorded */

static const struct stored_field fields[] = {
    STORED(image_record, FIELD_STR, engine),      STORED(image_record, FIELD_STR, image),
    STORED(image_record, FIELD_TREE, names),      STORED(image_record, FIELD_STR, target),
    STORED(image_record, FIELD_STR, env),         STORED(image_record, FIELD_STR, resource),
    STORED(image_record, FIELD_UINT, generation), STORED(image_record, FIELD_INT, pulled_ns),
    STORED(image_record, FIELD_INT, idle_ns),
};

/* The engine's identity can be any text, so its digest is used. */
static struct key key_for(const char *engine, const char *image)
{
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    digest_of(engine, strlen(engine), &d);
    digest_hex(&d, hex);
    return key_of(hex, "%s", image);
}

/* A change of one record. */
struct edit {
    const struct image_record *fresh; /* written if there is no record; NULL: the record must exist */
    const char *engine, *image;
    const char *name; /* to be added; NULL: none */
    bool sets_idle;
    int64_t idle_ns;
};

static struct val *with_name(struct arena *a, const struct val *names, const char *name)
{
    struct val *list = val_list(a);
    bool have = !name;
    for (size_t i = 0; i < val_len(names); i++) {
        have |= val_is(names->items[i], VAL_STR) && str_eq(names->items[i]->s, name);
        val_list_add(a, list, val_clone(a, names->items[i]));
    }
    if (!have && val_len(list) < NAMES_MAX)
        val_list_add(a, list, val_str(a, name));
    return list;
}

static int run_edit(struct store_tx *tx, void *arg, struct err *err)
{
    const struct edit *e = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const struct key key = key_for(e->engine, e->image);
    struct image_record rec = {0};
    struct val *v;
    int r = store_tx_get(tx, STORE_IMAGE, key.text, &a, &v, err);
    if (r == ERR_NOTFOUND && e->fresh) {
        err_clear(err);
        rec = *e->fresh;
    } else if (r < 0) {
        return r;
    } else {
        fields_from_val(fields, ARRAY_LEN(fields), v, &rec);
    }
    rec.names = with_name(&a, rec.names, e->name);
    if (e->sets_idle)
        rec.idle_ns = e->idle_ns;
    return store_tx_put(tx, STORE_IMAGE, key.text, fields_to_val(&a, fields, ARRAY_LEN(fields), &rec), err);
}

int image_pulled(struct store *s, const struct image_record *rec, const char *name, struct err *err)
{
    struct edit e = {
        .fresh = rec, .engine = rec->engine, .image = rec->image, .name = name, .sets_idle = true};
    return store_update(s, run_edit, &e, err);
}

int image_named(struct store *s, const char *engine, const char *image, const char *name, struct err *err)
{
    struct edit e = {.engine = engine, .image = image, .name = name, .sets_idle = true};
    return store_update(s, run_edit, &e, err);
}

int image_set_idle(struct store *s, const char *engine, const char *image, int64_t idle_ns, struct err *err)
{
    struct edit e = {.engine = engine, .image = image, .sets_idle = true, .idle_ns = idle_ns};
    return store_update(s, run_edit, &e, err);
}

int image_forget(struct store *s, const char *engine, const char *image, struct err *err)
{
    return store_del(s, STORE_IMAGE, key_for(engine, image).text, err);
}

int image_any(struct store *s, bool *ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct keys keys;
    int r = store_keys(s, STORE_IMAGE, "", false, 1, &a, &keys, err);
    if (r == 0)
        *ret = keys.n > 0;
    return r;
}

struct listing {
    struct arena *arena;
    struct image_record *items;
    size_t n, cap;
};

static int add(void *arg, const char *key, const struct val *v)
{
    struct listing *l = arg;
    struct image_record rec;
    (void)key;
    fields_from_val(fields, ARRAY_LEN(fields), v, &rec);
    if (rec.image)
        arena_push(l->arena, l->items, l->n, l->cap, rec);
    return 0;
}

int image_list(struct store *s, const char *engine, struct arena *a, struct image_record **ret, size_t *ret_n,
               struct err *err)
{
    struct listing l = {.arena = a};
    int r = store_each(s, STORE_IMAGE, key_for(engine, "").text, false, 0, a, add, &l, err);
    if (r == 0) {
        *ret = l.items;
        *ret_n = l.n;
    }
    return r;
}
