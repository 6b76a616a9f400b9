#include "schema/load.h"

#include <ctype.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/str.h"

#define DISTINCT_EDGES 256u

const char *depend_condition_name(enum depend_condition c)
{
    static const char *const names[] = {"started", "healthy", "completed"};
    return names[c];
}

void resource_set_init(struct resource_set *s, struct arena *a)
{
    *s = (struct resource_set){.arena = a};
    map_init(&s->by_id);
}

void resource_set_release(struct resource_set *s)
{
    if (!s)
        return;
    map_release(&s->by_id);
    load_trace_free(s->trace);
    s->trace = NULL;
    s->items = NULL;
    s->n = 0;
    s->cap = 0;
}

void resource_set_add(struct resource_set *s, struct resource *r)
{
    arena_push(s->arena, s->items, s->n, s->cap, r);
    map_put(&s->by_id, r->id, r);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(const struct resource *const *)a)->id, (*(const struct resource *const *)b)->id);
}

void resource_set_sort(struct resource_set *s)
{
    if (s->n > 1)
        qsort(s->items, s->n, sizeof(struct resource *), compare_ids);
}

void resource_set_put(struct resource_set *s, struct resource *r)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->items[middle]->id, r->id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == s->n || strcmp(s->items[low]->id, r->id) != 0) {
        arena_push(s->arena, s->items, s->n, s->cap, NULL);
        memmove(&s->items[low + 1], &s->items[low], (s->n - 1 - low) * sizeof(*s->items));
    }
    s->items[low] = r;
    map_put(&s->by_id, r->id, r);
}

struct resource *resource_find(const struct resource_set *s, const char *id)
{
    return map_get(&s->by_id, id);
}

bool resource_name_is_valid(const char *name)
{
    size_t len = strlen(name);
    bool good = len > 0 && len <= LIMIT_NAME_BYTES && name[0] != '-' && name[len - 1] != '-';
    for (size_t i = 0; i < len && good; i++)
        good = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) || name[i] == '-';
    return good;
}

struct resource *resource_new(struct arena *a, const struct kind_desc *kind, const char *name)
{
    static const struct val none = {.type = VAL_MAP};
    struct resource *r = arena_new(a, struct resource);
    r->kind = kind;
    r->id = arena_printf(a, "%s/%s", kind->prefix, name);
    r->name = r->id + strlen(kind->prefix) + 1;
    r->labels = &none;
    r->annotations = &none;
    return r;
}

const char *id_target(const char *id)
{
    const char *at = strchr(id, '@');
    return at ? at + 1 : NULL;
}

const char *id_plain(struct arena *a, const char *id)
{
    const char *at = strchr(id, '@');
    return at ? arena_strndup(a, id, (size_t)(at - id)) : id;
}

const char *id_on(struct arena *a, const char *id, const char *target)
{
    if (!target)
        return id;
    return arena_printf(a, "%s@%s", id, target);
}

bool id_matches(const char *word, const char *id)
{
    const char *rest = str_after(id, word);
    return rest && (!*rest || (*rest == '@' && !strchr(word, '@')));
}

/* "web", among the parts of "shop-web-1@host2". */
static bool has_part(const char *name, const char *part)
{
    size_t n = strlen(part);
    for (const char *at = strstr(name, part); n && at; at = strstr(at + 1, part))
        if ((at == name || at[-1] == '-') && (!at[n] || at[n] == '-' || at[n] == '@'))
            return true;
    return false;
}

const char *id_nearest(struct arena *a, const char *word, const char *const *ids, size_t n)
{
    const size_t kind = strcspn(word, "/"), prefix = word[kind] ? kind + 1 : 0;
    const char **names = arena_array(a, const char *, n + 1), *near = NULL;
    size_t n_names = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(word, ids[i], prefix) == 0)
            names[n_names++] = ids[i] + prefix;
    if (!n_names)
        return str_nearest(word, ids, n);
    near = str_nearest(word + prefix, names, n_names);
    for (size_t i = 0; !near && prefix && i < n_names; i++)
        if (has_part(names[i], word + prefix))
            near = names[i];
    return near ? arena_printf(a, "%.*s%s", (int)prefix, word, near) : NULL;
}

void resource_depend(struct resource *r, struct arena *a, const char *id, enum depend_condition c,
                     bool required, const char *field)
{
    /* One edge per resource, with the strictest of the conditions that are asked for. When a resource lists a
       great many, duplicate edges do no harm, whereas searching for them is slow. */
    for (size_t i = 0; i < r->n_depends && r->n_depends < DISTINCT_EDGES; i++) {
        struct depend *there = &r->depends[i];
        if (strcmp(there->id, id) != 0)
            continue;
        if (c > there->condition)
            there->condition = c;
        there->required |= required;
        return;
    }
    struct depend d = {.id = id, .condition = c, .required = required, .field = field};
    arena_push(a, r->depends, r->n_depends, r->cap_depends, d);
}

void resource_depend_reserve(struct resource *r, struct arena *a, size_t n)
{
    if (r->depends || !n)
        return;
    r->depends = arena_array(a, struct depend, n);
    r->cap_depends = n;
}

const char *resource_annotation(const struct resource *r, const char *key)
{
    return val_get_str(r->annotations, key);
}

const struct val *resource_depend_place(const struct resource *r, const struct depend *d)
{
    const char *dot = strchr(d->field, '.');
    if (!dot)
        return val_get(r->spec, d->field);
    char top[64];
    size_t len = (size_t)(dot - d->field);
    if (len >= sizeof(top))
        return NULL;
    memcpy(top, d->field, len);
    top[len] = '\0';
    return val_get(val_get(r->spec, top), dot + 1);
}

void resource_digest(const struct resource *r, struct digest *ret)
{
    static const char version[] = "forge-resource-v1";
    struct arena a = ARENA_INIT;
    struct val *v = val_map(&a);
    val_set_str(&a, v, "kind", r->kind->name);
    val_set_str(&a, v, "name", r->name);
    struct val labels = *r->labels;
    struct val spec = *r->spec;
    val_map_set(&a, v, "labels", &labels);
    val_map_set(&a, v, "spec", &spec);

    struct digest content;
    val_digest(v, &content);
    struct digest_ctx ctx;
    digest_begin(&ctx);
    digest_add(&ctx, version, sizeof(version)); /* with its NUL */
    digest_add(&ctx, content.bytes, sizeof(content.bytes));
    digest_end(&ctx, ret);
    arena_release(&a);
}

struct val *resource_to_val(struct arena *a, const struct resource *r)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "kind", r->kind->name);
    val_set_str(a, v, "name", r->name);
    val_map_set(a, v, "labels", val_clone(a, r->labels));
    val_map_set(a, v, "annotations", val_clone(a, r->annotations));
    val_map_set(a, v, "spec", val_clone(a, r->spec));
    return v;
}

int resource_from_val(struct arena *a, const struct val *v, struct resource **ret, struct err *err)
{
    const char *kind_name = val_get_str(v, "kind");
    const char *name = val_get_str(v, "name");
    const struct val *spec = val_get(v, "spec");
    const struct kind_desc *kind = kind_name ? kind_find(kind_name) : NULL;
    if (!kind)
        return err_set(err, ERR_CORRUPT,
                       "a stored resource has the unknown kind \"%s\"; it may have been written by a newer "
                       "version of Forge",
                       str_or(kind_name, ""));
    if (str_empty(name) || !val_is(spec, VAL_MAP))
        return err_set(err, ERR_CORRUPT, "a stored resource of kind %s has no name or spec", kind_name);

    struct resource *r = resource_new(a, kind, name);
    const struct val *labels = val_get(v, "labels");
    const struct val *notes = val_get(v, "annotations");
    r->spec = val_clone(a, spec);
    if (val_is(labels, VAL_MAP))
        r->labels = val_clone(a, labels);
    if (val_is(notes, VAL_MAP))
        r->annotations = val_clone(a, notes);
    if (kind->depends)
        kind->depends(r, a);
    *ret = r;
    return 0;
}
