#include "schema/kinds/common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "schema/kinds/placement.h"

const struct field field_word = {"", FT_STRING, IMPACT_REPLACE, 0, .doc = "A string."};
const struct field field_text = {"", FT_STRING, IMPACT_REPLACE, FIELD_EMPTY_OK,
                                 .doc = "A string, possibly empty."};
const struct field field_label = {"", FT_STRING, IMPACT_REPLACE, FIELD_EMPTY_OK | FIELD_NULL_OK,
                                  .doc = "A string, possibly empty."};

static const char *any_address(struct arena *a, const char *text)
{
    return address_canonical(a, text, NULL);
}

struct val *read_address(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, any_address, "an IP address", NULL);
}

const struct field field_address = {
    "", FT_STRING, IMPACT_REPLACE, 0, .doc = "An IP address.", .short_form = read_address};

const char *address_canonical(struct arena *a, const char *text, int *ret_family)
{
    size_t len = strlen(text);
    char bare[INET6_ADDRSTRLEN];
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(bare))
        return NULL;
    memcpy(bare, text, len);
    bare[len] = '\0';

    unsigned char bytes[sizeof(struct in6_addr)];
    int family = strchr(bare, ':') ? AF_INET6 : AF_INET;
    char out[INET6_ADDRSTRLEN];
    if (inet_pton(family, bare, bytes) != 1 || !inet_ntop(family, bytes, out, sizeof(out)))
        return NULL;
    if (ret_family)
        *ret_family = family;
    return arena_strdup(a, out);
}

const char *subnet_canonical(struct arena *a, const char *text)
{
    const char *slash = strchr(text, '/');
    if (!slash)
        return NULL;
    int family;
    const char *address = address_canonical(a, arena_strndup(a, text, (size_t)(slash - text)), &family);
    if (!address)
        return NULL;

    int64_t bits;
    struct err err = {0};
    size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    if (parse_int(slash + 1, 0, (int64_t)size * 8, &bits, &err) < 0)
        return NULL;

    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(family, address, bytes) != 1)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        int64_t keep = bits - (int64_t)i * 8;
        if (keep <= 0)
            bytes[i] = 0;
        else if (keep < 8)
            bytes[i] &= (unsigned char)(0xff << (8 - keep));
    }
    char out[INET6_ADDRSTRLEN];
    if (!inet_ntop(family, bytes, out, sizeof(out)))
        return NULL;
    return arena_printf(a, "%s/%d", out, (int)bits);
}

const char *path_clean(struct arena *a, const char *text)
{
    if (text[0] != '/')
        return NULL;
    char *out = arena_alloc(a, strlen(text) + 2);
    size_t len = 0;
    for (const char *p = text; *p;) {
        p += strspn(p, "/");
        size_t part = strcspn(p, "/");
        if (part == 2 && p[0] == '.' && p[1] == '.') {
            while (len > 0 && out[--len] != '/')
                ;
        } else if (part > 0 && !(part == 1 && p[0] == '.')) {
            out[len++] = '/';
            memcpy(out + len, p, part);
            len += part;
        }
        p += part;
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = '\0';
    return out;
}

struct val *placed_at(const struct ynode *n, struct val *v)
{
    val_place(v, n->file, n->line, n->col);
    return v;
}

const char *node_text(const struct ynode *map, const char *key)
{
    const struct ynode *n = map->type == YN_MAP ? ynode_get(map, key) : NULL;
    return n && n->type == YN_SCALAR && !ynode_is_null(n) ? n->text : NULL;
}

const struct ynode *node_at(const struct ynode *map, const char *key)
{
    const struct ynode *n = map->type == YN_MAP ? ynode_get(map, key) : NULL;
    return n ? n : map;
}

struct val *read_canonical(struct decode *d, const struct ynode *n,
                           const char *(*canonical)(struct arena *a, const char *text), const char *what,
                           const char *hint)
{
    const char *text = canonical(d->arena, n->text);
    if (text)
        return val_str(d->arena, text);
    if (hint)
        return decode_error_hint(d, n, hint, "\"%s\" is not %s", n->text, what);
    return decode_error(d, n, "\"%s\" is not %s", n->text, what);
}

struct val *read_path(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, path_clean, "an absolute path", NULL);
}

struct val *read_names(struct decode *d, const struct ynode *n, const char *what, const char *hint,
                       struct val *(*make)(struct decode *d, const struct ynode *n))
{
    struct val *map = val_map(d->arena);
    size_t count = n->type == YN_SEQ ? n->len : 1;
    for (size_t i = 0; i < count; i++) {
        const struct ynode *item = n->type == YN_SEQ ? n->items[i] : n;
        if (item->type != YN_SCALAR || ynode_is_null(item))
            decode_error_hint(d, item, hint, "%s, not a %s", what, ynode_type_name(item));
        else
            val_map_append(d->arena, map, arena_strdup(d->arena, item->text), placed_at(item, make(d, item)));
    }
    decode_sort(d, map);
    return map;
}

void check_labels(struct decode *d, const struct ynode *n, const struct val *labels, const char *key)
{
    if (!val_is(labels, VAL_MAP))
        return;
    for (size_t i = 0; i < labels->len; i++) {
        const char *name = labels->pairs[i].key;
        if (str_starts(name, "io.forge."))
            decode_error_hint(d, node_at(n, key), "use another prefix",
                              "%s: \"%s\": labels that start with io.forge. are reserved for Forge", key,
                              name);
    }
}

void object_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    check_labels(d, n, val_get(spec, "labels"), "labels");
    placement_normalize(d, n, spec);
}

void check_external(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    if (!val_get_bool(r->spec, "external", false))
        return;
    for (size_t i = 0; i < r->spec->len; i++) {
        const char *key = r->spec->pairs[i].key;
        bool place = str_eq(key, PLACEMENT_TARGET) || str_eq(key, PLACEMENT_TARGETS);
        if (!str_eq(key, "external") && !str_eq(key, "name") && !place)
            resource_error_hint(set, r, r->spec->pairs[i].val, diags, "remove it, or remove external",
                                "%s cannot be used with external: true, which leaves the object unchanged",
                                key);
    }
}
