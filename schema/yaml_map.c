/* Mappings of the YAML reader, once their pairs are read: merge keys and duplicates (yaml_internal.h). */
#include <string.h>

#include "base/str.h"
#include "schema/yaml_internal.h"

/* Up to this many keys are compared with each other; more go through a hash map, so that a hostile file full
   of keys costs no more than its length. */
#define FEW_KEYS 16

/* The keys of a mapping that is being read. */
struct keys {
    struct ypair *pairs;
    size_t n;
    struct map index; /* only filled with many keys */
    bool many;
};

static struct ypair *keys_find(const struct keys *keys, const struct ynode *key)
{
    if (keys->many)
        return map_get(&keys->index, key->text);
    for (size_t i = 0; i < keys->n; i++) {
        const struct ynode *other = keys->pairs[i].key;
        if (other->len == key->len && memcmp(other->text, key->text, key->len) == 0)
            return &keys->pairs[i];
    }
    return NULL;
}

/* The caller ensures that `pairs` has room. */
static void keys_add(struct keys *keys, struct ypair pair)
{
    keys->pairs[keys->n] = pair;
    if (keys->many)
        map_put(&keys->index, pair.key->text, &keys->pairs[keys->n]);
    keys->n++;
}

static bool is_merge(const struct ynode *key)
{
    return key->type == YN_SCALAR && key->len == 2 && memcmp(key->text, "<<", 2) == 0 &&
           (key->plain || str_eq(key->tag, "!!merge"));
}

static void add_own(struct yaml_reader *r, struct keys *keys, struct ypair pair)
{
    const struct ynode *key = pair.key;
    if (key->type != YN_SCALAR) {
        diag_add(r->diags, DIAG_ERROR, r->file, key->line, key->col, "a %s cannot be a key",
                 ynode_type_name(key));
        return;
    }
    const struct ypair *first = keys_find(keys, key);
    if (first)
        diag_add(r->diags, DIAG_ERROR, r->file, key->line, key->col,
                 "the key \"%.64s\" is defined twice; first on line %u", key->text, first->key->line);
    else
        keys_add(keys, pair);
}

static void add_merged(struct yaml_reader *r, struct keys *keys, const struct ynode *from)
{
    for (size_t i = 0; i < from->len; i++) {
        if (keys_find(keys, from->pairs[i].key))
            continue;
        keys_add(keys, from->pairs[i]);
        r->merged++;
    }
}

/* The mappings that a merge key names; NULL after a problem when it names something else. */
static struct ynode *const *merge_sources(struct yaml_reader *r, struct ynode *const *value, size_t *ret_n)
{
    struct ynode *const *sources = value;
    size_t n = 1;
    if ((*value)->type == YN_SEQ) {
        sources = (*value)->items;
        n = (*value)->len;
    }
    for (size_t i = 0; i < n; i++) {
        if (sources[i]->type == YN_MAP)
            continue;
        diag_add(r->diags, DIAG_ERROR, r->file, (*value)->line, (*value)->col,
                 "the merge key << takes a mapping or a sequence of mappings, not a %s",
                 ynode_type_name(sources[i]));
        return NULL;
    }
    *ret_n = n;
    return sources;
}

void yaml_mapping_finish(struct yaml_reader *r, struct ynode *n)
{
    size_t room = n->len;
    for (size_t i = 0; i < n->len; i++) {
        struct ynode *const *value = &n->pairs[i].value;
        size_t sources_n = 0;
        if (!is_merge(n->pairs[i].key))
            continue;
        struct ynode *const *sources = merge_sources(r, value, &sources_n);
        for (size_t k = 0; sources && k < sources_n; k++)
            room += sources[k]->len;
        if (!sources)
            n->pairs[i].value = NULL;
    }

    /* Keys of the mapping itself win over merged ones, wherever the merge key stands; of several merged
       mappings the earlier wins. */
    struct keys keys = {.pairs = n->pairs, .many = room > FEW_KEYS};
    if (room > n->len)
        keys.pairs = arena_array(r->arena, struct ypair, room);
    if (keys.many)
        map_init(&keys.index);
    for (size_t i = 0; i < n->len; i++) {
        if (!is_merge(n->pairs[i].key))
            add_own(r, &keys, n->pairs[i]);
    }
    for (size_t i = 0; i < n->len && room > n->len; i++) {
        size_t sources_n;
        if (!is_merge(n->pairs[i].key) || !n->pairs[i].value)
            continue;
        struct ynode *const *sources = merge_sources(r, &n->pairs[i].value, &sources_n);
        for (size_t k = 0; sources && k < sources_n; k++)
            add_merged(r, &keys, sources[k]);
    }
    if (keys.many)
        map_release(&keys.index);
    n->pairs = keys.pairs;
    n->len = keys.n;
}

struct ynode *ynode_get(const struct ynode *map, const char *key)
{
    if (!map || map->type != YN_MAP)
        return NULL;
    for (size_t i = 0; i < map->len; i++) {
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return map->pairs[i].value;
    }
    return NULL;
}

bool ynode_is_null(const struct ynode *n)
{
    if (n->type != YN_SCALAR)
        return false;
    if (!n->plain)
        return str_eq(n->tag, "!!null");
    /* Called for every scalar: the length alone rules out nearly all of them. */
    if (n->len == 1)
        return *n->text == '~';
    if (n->len == 4)
        return memcmp(n->text, "null", 4) == 0 || memcmp(n->text, "Null", 4) == 0 ||
               memcmp(n->text, "NULL", 4) == 0;
    return n->len == 0;
}

static bool is_number(const char *s)
{
    s += *s == '-' || *s == '+';
    size_t whole = strspn(s, "0123456789");
    const char *rest = s + whole;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    return rest > s && !*rest && (whole > 0 || rest > s + 1);
}

const char *ynode_type_name(const struct ynode *n)
{
    if (n->type == YN_MAP)
        return "mapping";
    if (n->type == YN_SEQ)
        return "sequence";
    if (ynode_is_null(n))
        return "null";
    if (n->plain && is_number(n->text))
        return "number";
    if (n->plain && (str_eq(n->text, "true") || str_eq(n->text, "false")))
        return "boolean";
    return "string";
}
