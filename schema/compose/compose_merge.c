/*
 * How compose files are merged, by the specification's chapter on merging: mappings merge, sequences are
 * appended without duplicates, other values are replaced, except as listed in `rules`. A value tagged !reset
 * removes, one tagged !override replaces. The tags are kept until compose_untag(), so that they apply to
 * every file below.
 */
#include "schema/compose/compose.h"

#include "base/str.h"

enum rule {
    RULE_TYPE, /* by the type of the value */
    RULE_REPLACE,
    RULE_PAIRS,   /* a mapping, or a list of "K=V" */
    RULE_HOSTS,   /* the same with "K:V" too, and a name may occur several times */
    RULE_NAMES,   /* a mapping, or a list of its keys */
    RULE_TARGET,  /* a list; an item replaces one with the same path in the container */
    RULE_PORTS,   /* a list; an item replaces one that publishes the same */
    RULE_LIST,    /* a list, or a single item of it */
    RULE_LOGGING, /* a mapping, replaced as a whole when the driver differs */
};

static const struct {
    const char *path;
    enum rule rule;
} rules[] = {
    {"services.*.command", RULE_REPLACE},
    {"services.*.entrypoint", RULE_REPLACE},
    {"services.*.healthcheck.test", RULE_REPLACE},
    {"services.*.environment", RULE_PAIRS},
    {"services.*.labels", RULE_PAIRS},
    {"services.*.annotations", RULE_PAIRS},
    {"services.*.sysctls", RULE_PAIRS},
    {"services.*.storage_opt", RULE_PAIRS},
    {"services.*.deploy.labels", RULE_PAIRS},
    {"services.*.build.args", RULE_PAIRS},
    {"services.*.build.labels", RULE_PAIRS},
    {"services.*.extra_hosts", RULE_HOSTS},
    {"services.*.networks", RULE_NAMES},
    {"services.*.depends_on", RULE_NAMES},
    {"services.*.volumes", RULE_TARGET},
    {"services.*.devices", RULE_TARGET},
    {"services.*.configs", RULE_TARGET},
    {"services.*.secrets", RULE_TARGET},
    {"services.*.ports", RULE_PORTS},
    {"services.*.dns", RULE_LIST},
    {"services.*.dns_search", RULE_LIST},
    {"services.*.dns_opt", RULE_LIST},
    {"services.*.tmpfs", RULE_LIST},
    {"services.*.env_file", RULE_LIST},
    {"services.*.label_file", RULE_LIST},
    {"services.*.expose", RULE_LIST},
    {"services.*.logging", RULE_LOGGING},
    {"networks.*.labels", RULE_PAIRS},
    {"networks.*.driver_opts", RULE_PAIRS},
    {"volumes.*.labels", RULE_PAIRS},
    {"volumes.*.driver_opts", RULE_PAIRS},
};

static enum rule rule_of(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (strcmp(rules[i].path, path) == 0)
            return rules[i].rule;
    return RULE_TYPE;
}

static bool is_tagged(const struct ynode *n, const char *tag)
{
    return n->tag && strcmp(n->tag, tag) == 0;
}

struct ynode *compose_pairs(struct compose *c, struct ynode *n, const char *separators)
{
    if (n->type == YN_MAP)
        return n;
    if (n->type != YN_SEQ) {
        compose_error(c, n,
                      separators ? "write NAME: value, or a list of NAME=value"
                                 : "write a list of names, or NAME: {...}",
                      "this must be a mapping or a list, not a %s", ynode_type_name(n));
        return NULL;
    }
    struct ynode *map = compose_map(c, n);
    for (size_t i = 0; i < n->len; i++) {
        const struct ynode *item = n->items[i];
        const char *text = compose_text(item);
        size_t len = text && separators ? strcspn(text, separators) : text ? item->len : 0;
        if (!text || !len) {
            const char *hint = separators ? "write NAME=value" : "write a name";
            if (text)
                compose_error(c, item, hint, "\"%s\" has no name", text);
            else
                compose_error(c, item, hint, "an item must be a string, not a %s", ynode_type_name(item));
            continue;
        }
        struct ynode *key = compose_scalar(c, item, arena_strndup(c->arena, text, len));
        struct ynode *value = compose_scalar(c, item, text[len] ? text + len + 1 : "");
        value->plain = !text[len]; /* null: no value is given */
        compose_set(c, map, key, value);
    }
    return map;
}

/* The path of an item in the container: "src:/target:ro", {target: ...}, or its own text. */
static const char *target_of(struct compose *c, const struct ynode *item)
{
    if (item->type == YN_MAP) {
        const char *target = compose_text(ynode_get(item, "target"));
        return target ? target : str_or(compose_text(ynode_get(item, "source")), "");
    }
    const char *text = str_or(compose_text(item), "");
    const char *colon = strchr(text, ':');
    if (!colon)
        return text;
    size_t len = strcspn(colon + 1, ":");
    return arena_strndup(c->arena, colon + 1, len);
}

/* What an item publishes, as a key: "[HOST:]PUBLISHED:TARGET[/udp]". */
static const char *port_of(struct compose *c, const struct ynode *item)
{
    if (item->type != YN_MAP) {
        const char *text = str_or(compose_text(item), "");
        return str_ends(text, "/tcp") ? arena_strndup(c->arena, text, strlen(text) - 4) : text;
    }
    const char *host = compose_text(ynode_get(item, "host_ip"));
    const char *published = compose_text(ynode_get(item, "published"));
    const char *protocol = compose_text(ynode_get(item, "protocol"));
    bool tcp = !protocol || str_eq(protocol, "tcp");
    return arena_printf(c->arena, "%s%s%s%s%s%s%s", str_or(host, ""), host ? ":" : "", str_or(published, ""),
                        published ? ":" : "", str_or(compose_text(ynode_get(item, "target")), ""),
                        tcp ? "" : "/", tcp ? "" : protocol);
}

static const char *own_text(struct compose *c, const struct ynode *item)
{
    (void)c;
    return compose_text(item); /* NULL: it has no text that could be a duplicate */
}

static struct ynode *as_list(struct compose *c, struct ynode *n)
{
    if (n->type == YN_SEQ)
        return n;
    struct ynode *list = compose_seq(c, n);
    compose_push(c, list, n);
    return list;
}

/* An item of `over` replaces the item of `base` with the same key, or else is appended. */
static struct ynode *append(struct compose *c, const struct ynode *base, const struct ynode *over,
                            const char *(*key_of)(struct compose *c, const struct ynode *item))
{
    struct ynode *list = compose_copy(c, base);
    size_t *places = arena_array(c->arena, size_t, base->len + 1);
    struct map by_key;
    map_init(&by_key);
    for (size_t i = 0; i < base->len; i++) {
        const char *key = key_of(c, base->items[i]);
        places[i] = i;
        if (key)
            map_put(&by_key, key, &places[i]);
    }
    for (size_t i = 0; i < over->len; i++) {
        const char *key = key_of(c, over->items[i]);
        const size_t *place = key ? map_get(&by_key, key) : NULL;
        if (place)
            list->items[*place] = over->items[i];
        else
            compose_push(c, list, over->items[i]);
    }
    map_release(&by_key);
    return list;
}

static struct ynode *merge_value(struct compose *c, struct ynode *base, struct ynode *over, const char *path);

static struct ynode *merge_maps(struct compose *c, struct ynode *base, struct ynode *over, const char *path)
{
    if (!compose_take(c, base->len + over->len, over))
        return base;
    struct ynode *out = compose_copy(c, base);
    for (size_t i = 0; i < over->len; i++) {
        struct ynode *key = over->pairs[i].key;
        struct ynode *value = over->pairs[i].value;
        size_t k = 0;
        while (k < out->len && strcmp(out->pairs[k].key->text, key->text) != 0)
            k++;
        if (k == out->len) {
            compose_append(c, out, key, value);
            continue;
        }
        bool free_key = str_starts(key->text, "x-");
        /* The keys of a section are names; below a name, keys are those of the specification. */
        const char *name = str_eq(path, "") || strchr(path, '*') ? key->text : "*";
        const char *next = arena_printf(c->arena, "%s%s%s", path, *path ? "." : "", name);
        out->pairs[k].value = free_key ? value : merge_value(c, out->pairs[k].value, value, next);
        if (out->pairs[k].value == value)
            out->pairs[k].key = key;
    }
    return out;
}

static struct ynode *merge_pairs(struct compose *c, struct ynode *base, struct ynode *over, const char *path,
                                 const char *separators)
{
    struct ynode *below = compose_pairs(c, base, separators);
    struct ynode *above = compose_pairs(c, over, separators);
    return below && above ? merge_maps(c, below, above, path) : over;
}

static struct ynode *merge_lists(struct compose *c, struct ynode *base, struct ynode *over,
                                 const char *(*key_of)(struct compose *c, const struct ynode *item))
{
    base = as_list(c, base);
    over = as_list(c, over);
    return compose_take(c, base->len + over->len, over) ? append(c, base, over, key_of) : base;
}

/* A name may have several addresses, so two lists are appended; otherwise the later value of a name wins. */
static struct ynode *merge_hosts(struct compose *c, struct ynode *base, struct ynode *over, const char *path)
{
    if (base->type == YN_SEQ && over->type == YN_SEQ)
        return merge_lists(c, base, over, own_text);
    return merge_pairs(c, base, over, path, "=:");
}

static struct ynode *merge_logging(struct compose *c, struct ynode *base, struct ynode *over,
                                   const char *path)
{
    const char *driver = compose_text(ynode_get(base, "driver"));
    const char *other = compose_text(ynode_get(over, "driver"));
    bool same = !driver || !other || str_eq(driver, other);
    return same && base->type == YN_MAP && over->type == YN_MAP ? merge_maps(c, base, over, path) : over;
}

static struct ynode *merge_value(struct compose *c, struct ynode *base, struct ynode *over, const char *path)
{
    if (is_tagged(over, "!reset") || is_tagged(over, "!override") || is_tagged(base, "!reset"))
        return over;
    if (ynode_is_null(base))
        return over;
    if (ynode_is_null(over))
        return base->type == YN_SCALAR ? over : base;
    switch (rule_of(path)) {
    case RULE_REPLACE:
        return over;
    case RULE_PAIRS:
        return merge_pairs(c, base, over, path, "=");
    case RULE_HOSTS:
        return merge_hosts(c, base, over, path);
    case RULE_NAMES:
        return merge_pairs(c, base, over, path, NULL);
    case RULE_TARGET:
        return merge_lists(c, base, over, target_of);
    case RULE_PORTS:
        return merge_lists(c, base, over, port_of);
    case RULE_LIST:
        return merge_lists(c, base, over, own_text);
    case RULE_LOGGING:
        return merge_logging(c, base, over, path);
    case RULE_TYPE:
        break;
    }
    if (base->type == YN_MAP && over->type == YN_MAP)
        return merge_maps(c, base, over, path);
    if (base->type == YN_SEQ && over->type == YN_SEQ)
        return merge_lists(c, base, over, own_text);
    return over; /* a short and a long form of one thing: the later one wins */
}

struct ynode *compose_merge(struct compose *c, struct ynode *base, struct ynode *over, const char *path)
{
    return merge_value(c, base, over, path);
}

static struct ynode *untag_child(struct compose *c, const struct ynode *key, struct ynode *child)
{
    (void)key;
    return is_tagged(child, "!reset") ? NULL : compose_untag(c, child);
}

struct ynode *compose_untag(struct compose *c, struct ynode *n)
{
    struct ynode *out = compose_change_children(c, n, untag_child);
    if (n->type == YN_SCALAR || !is_tagged(n, "!override"))
        return out;
    if (out == n)
        out = compose_copy(c, n);
    out->tag = NULL;
    return out;
}
