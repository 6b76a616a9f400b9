/* Lists, maps, keyed lists, commands and free trees (decode_internal.h). */
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "schema/decode_internal.h"

/* Items of a list are never merged, so the rules of patches do not apply inside one. */
static bool enter_list(struct decode *d)
{
    bool patch = d->patch;
    d->patch = false;
    return patch;
}

struct val *decode_list(struct decode *d, const struct field *f, const struct ynode *n)
{
    bool one = n->type == YN_SCALAR && f->flags & FIELD_SCALAR_OK;
    if (n->type != YN_SEQ && !one)
        return decode_wrong_type(d, f, n);

    size_t count = one ? 1 : n->len;
    struct val *list = val_list_sized(d->arena, count);
    bool patch = enter_list(d);
    for (size_t i = 0; i < count; i++) {
        struct val *item =
            one ? decode_item(d, f->elem, n) : decode_item_at(d, f->elem, n->items[i], NULL, i);
        if (item)
            val_list_add(d->arena, list, item);
    }
    d->patch = patch;
    if (f->flags & FIELD_SET)
        val_list_sort(list);
    return list;
}

/* "K=V", or "K" where null is accepted. */
static void list_form_item(struct decode *d, const struct field *f, const struct ynode *item, struct val *map)
{
    const char *name = f->elem->flags & FIELD_NULL_OK ? "KEY=VALUE or KEY" : "KEY=VALUE";
    const char *hint = arena_printf(d->diags->arena, "write the items as %s, or use a mapping", name);
    if (item->type != YN_SCALAR || ynode_is_null(item)) {
        decode_error_hint(d, item, hint, "an item must be %s, not a %s", name, ynode_type_name(item));
        return;
    }
    const char *equals = strchr(item->text, '=');
    size_t key_len = equals ? (size_t)(equals - item->text) : item->len;
    if (key_len == 0) {
        decode_error_hint(d, item, hint, "an item has no key before the =");
        return;
    }
    const char *key = arena_strndup(d->arena, item->text, key_len);
    if (!equals && !(f->elem->flags & FIELD_NULL_OK)) {
        decode_error_hint(d, item, arena_printf(d->diags->arena, "write %.64s= for an empty value", key),
                          "\"%.64s\" has no value; Forge does not take values from its own environment", key);
        return;
    }
    struct ynode value = {.type = YN_SCALAR,
                          .file = item->file,
                          .line = item->line,
                          .col = item->col,
                          .text = equals ? equals + 1 : ""};
    value.len = strlen(value.text);
    struct val *v = equals ? decode_item_at(d, f->elem, &value, key, 0) : val_str(d->arena, "");
    if (v)
        val_map_append(d->arena, map, key, decode_placed(d, item, v));
}

struct val *decode_map(struct decode *d, const struct field *f, const struct ynode *n)
{
    bool list_form = n->type == YN_SEQ && f->flags & FIELD_LIST_FORM;
    if (n->type != YN_MAP && !list_form)
        return decode_wrong_type(d, f, n);

    struct val *map = val_map_sized(d->arena, n->len);
    for (size_t i = 0; i < n->len; i++) {
        if (list_form) {
            list_form_item(d, f, n->items[i], map);
            continue;
        }
        const struct ynode *key = n->pairs[i].key;
        if (key->len == 0) {
            decode_error(d, key, "a key must not be empty");
            continue;
        }
        struct val *v = decode_item_at(d, f->elem, n->pairs[i].value, key->text, 0);
        if (v)
            val_map_append(d->arena, map, arena_word(d->arena, key->text, key->len), v);
    }
    decode_sort(d, map);
    return map;
}

/* Add the items that one node stands for to `map`. */
static void add_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *map)
{
    struct val *rec = NULL;
    if (n->type == YN_MAP)
        rec = decode_record(d, f->sub, n);
    else if (f->short_form)
        rec = f->short_form(d, f, n);
    else
        decode_error(d, n, "must be a mapping, not a %s", ynode_type_name(n));
    if (!rec)
        return;

    struct val *items = val_map(d->arena);
    f->keyed(d, f, n, decode_placed(d, n, rec), items);
    for (size_t i = 0; i < items->len; i++)
        val_map_append(d->arena, map, items->pairs[i].key, decode_placed(d, n, items->pairs[i].val));
}

struct val *decode_keyed(struct decode *d, const struct field *f, const struct ynode *n)
{
    bool one = n->type == YN_SCALAR && f->flags & FIELD_SCALAR_OK;
    if (n->type != YN_SEQ && !one)
        return decode_wrong_type(d, f, n);

    size_t count = one ? 1 : n->len;
    struct val *map = val_map_sized(d->arena, count);
    bool patch = enter_list(d);
    struct decode_at at = {.up = d->at};
    for (size_t i = 0; i < count; i++) {
        at.index = i;
        if (!one)
            d->at = &at;
        add_keyed(d, f, one ? n : n->items[i], map);
        d->at = at.up;
    }
    d->patch = patch;
    decode_sort(d, map);
    return map;
}

struct val *decode_command(struct decode *d, const struct field *f, const struct ynode *n)
{
    if (n->type == YN_MAP)
        return decode_wrong_type(d, f, n);
    if (n->type == YN_SCALAR) {
        const char *problem;
        struct val *words = decode_words(d->arena, n->text, &problem);
        return words ? words : decode_error_hint(d, n, "write the command as a list of words", "%s", problem);
    }
    struct val *list = val_list_sized(d->arena, n->len);
    for (size_t i = 0; i < n->len; i++) {
        const struct ynode *item = n->items[i];
        if (item->type != YN_SCALAR || ynode_is_null(item))
            decode_error_hint(d, item, "quote it if it is meant as a string",
                              "word %zu must be a string, not a %s", i + 1, ynode_type_name(item));
        else
            val_list_add(d->arena, list, decode_placed(d, item, val_strn(d->arena, item->text, item->len)));
    }
    return list;
}

/* A free tree has no declared types: a plain scalar is read by YAML's core schema, which has no surprises. */
static struct val *any_scalar(struct decode *d, const struct ynode *n)
{
    struct err err = {0};
    int64_t i;
    double x;
    if (ynode_is_null(n))
        return val_null(d->arena);
    if (n->plain && (str_eq(n->text, "true") || str_eq(n->text, "false")))
        return val_bool(d->arena, str_eq(n->text, "true"));
    if (n->plain && parse_int(n->text, INT64_MIN, INT64_MAX, &i, &err) == 0)
        return val_int(d->arena, i);
    if (n->plain && strpbrk(n->text, ".eE") && parse_float(n->text, -1e308, 1e308, &x, &err) == 0)
        return val_float(d->arena, x);
    return val_strn(d->arena, n->text, n->len);
}

struct val *decode_any(struct decode *d, const struct ynode *n)
{
    struct val *v;
    if (n->type == YN_SCALAR)
        return decode_placed(d, n, any_scalar(d, n));
    if (n->type == YN_SEQ) {
        v = val_list_sized(d->arena, n->len);
        for (size_t i = 0; i < n->len; i++)
            val_list_add(d->arena, v, decode_any(d, n->items[i]));
        return decode_placed(d, n, v);
    }
    v = val_map_sized(d->arena, n->len);
    for (size_t i = 0; i < n->len; i++) {
        const struct ynode *key = n->pairs[i].key;
        val_map_append(d->arena, v, arena_word(d->arena, key->text, key->len),
                       decode_any(d, n->pairs[i].value));
    }
    val_map_sort(v, NULL, NULL);
    return decode_placed(d, n, v);
}
