/* Environment and labels of a service, with the files that they come from (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

/* One item of env_file or label_file: a path, or {path, required, format}. */
static void read_item(struct compose_part *p, const struct ynode *item, const char *key, struct val *into)
{
    struct compose *c = p->c;
    const struct ynode *at = item->type == YN_MAP ? ynode_get(item, "path") : item;
    const char *text = at ? compose_text(at) : NULL;
    const char *format = item->type == YN_MAP ? compose_text(ynode_get(item, "format")) : NULL;
    bool required = item->type != YN_MAP || !str_eq(compose_text(ynode_get(item, "required")), "false");
    if (!text) {
        compose_error(c, item, "write a path, or {path: PATH, required: false}",
                      "service %s: an item of %s has no file name", p->service->name, key);
        return;
    }
    if (format && !str_eq(format, "raw")) {
        compose_error(c, ynode_get(item, "format"),
                      "the only format is raw; leave it out for the Compose format",
                      "service %s: \"%s\" is not a format of %s", p->service->name, format, key);
        return;
    }
    const char *path = compose_path(c, compose_base(c, at), text);
    if (str_empty(path)) {
        if (required)
            compose_error(c, at, "paths are relative to the compose file, and must be in the repository",
                          "service %s: %s: \"%s\" is not in the repository", p->service->name, key, text);
        return;
    }
    compose_env_file(c, p->scope, at, path, format != NULL, required, into);
}

static void read_files(struct compose_part *p, const char *key, struct val *into)
{
    const struct ynode *n = ynode_get(p->in, key);
    if (!n || ynode_is_null(n))
        return;
    if (n->type != YN_SEQ) {
        read_item(p, n, key, into);
        return;
    }
    for (size_t i = 0; i < n->len; i++)
        read_item(p, n->items[i], key, into);
}

static struct ynode *node_of(struct compose *c, const struct val *v)
{
    struct ynode at = {.file = v->file, .line = v->line, .col = v->col};
    struct ynode *n = compose_scalar(c, &at, val_is(v, VAL_STR) ? v->s : "");
    n->plain = !val_is(v, VAL_STR); /* null: a name without a value */
    return n;
}

/* The values from the files, overridden by those of the service itself. */
static struct ynode *joined(struct compose_part *p, const char *files, const char *key)
{
    struct compose *c = p->c;
    struct ynode *given = ynode_get(p->in, key);
    struct val *values = val_map(c->arena);
    read_files(p, files, values);
    if (given && ynode_is_null(given))
        given = NULL;
    if (given)
        given = compose_pairs(c, given, "=");
    if (!given && !values->len)
        return NULL;
    struct ynode *out = compose_map(c, given ? given : p->service->key);
    for (size_t i = 0; i < values->len; i++) {
        struct ynode *value = node_of(c, values->pairs[i].val);
        if (!given || !ynode_get(given, values->pairs[i].key))
            compose_append(c, out, compose_scalar(c, value, values->pairs[i].key), value);
    }
    for (size_t i = 0; given && i < given->len; i++)
        compose_append(c, out, given->pairs[i].key, given->pairs[i].value);
    return out;
}

/* Variables of a service without a value; those of a mapping shared by several services are reported once. */
struct valueless {
    const struct ynode *first;
    struct buf names;
    size_t n;
};

#define VALUELESS_SHOWN 5

static void add_valueless(struct compose *c, struct valueless *v, const struct ynode *key)
{
    const char *place = arena_printf(c->arena, "%s:%u:%u:%u", key->text, key->file, key->line, key->col);
    if (val_get(c->warned, place))
        return;
    val_map_set(c->arena, c->warned, place, val_bool(c->arena, true));
    if (!v->first)
        v->first = key;
    if (v->n++ < VALUELESS_SHOWN)
        buf_addf(&v->names, "%s%s", v->n > 1 ? ", " : "", key->text);
}

static void report_valueless(struct compose_part *p, const struct valueless *v)
{
    static const char hint[] = "set it in the Stack's environment, in variables of forge.yaml or in .env; "
                               "Forge does not use the environment of its own process";
    struct compose *c = p->c;
    if (v->n == 1)
        compose_warning(c, v->first, hint,
                        "service %s: the variable %s has no value and will not be set in the container",
                        p->service->name, buf_str(&v->names));
    else if (v->n > VALUELESS_SHOWN)
        compose_warning(
            c, v->first, hint,
            "service %s: %zu variables have no value and will not be set in the container: %s and %zu more",
            p->service->name, v->n, buf_str(&v->names), v->n - VALUELESS_SHOWN);
    else if (v->n)
        compose_warning(c, v->first, hint,
                        "service %s: %zu variables have no value and will not be set in the container: %s",
                        p->service->name, v->n, buf_str(&v->names));
}

/* Give variables without a value the value that the project has for them; drop and report the others. */
static void fill_in(struct compose_part *p, struct ynode *environment)
{
    struct compose *c = p->c;
    struct valueless none = {.names = BUF_INIT};
    size_t kept = 0;
    for (size_t i = 0; i < environment->len; i++) {
        struct ypair pair = environment->pairs[i];
        if (ynode_is_null(pair.value)) {
            const char *value = compose_lookup(c, p->scope, pair.key->text);
            if (!value) {
                if (!compose_is_unresolved(c, pair.value))
                    add_valueless(c, &none, pair.key);
                continue;
            }
            pair.value = compose_scalar(c, pair.key, value);
        }
        environment->pairs[kept++] = pair;
    }
    environment->len = kept;
    report_valueless(p, &none);
    buf_release(&none.names);
}

void compose_service_environment(struct compose_part *p)
{
    struct compose *c = p->c;
    struct ynode *environment = joined(p, "env_file", "environment");
    if (environment) {
        fill_in(p, environment);
        compose_set(c, p->out, compose_scalar(c, environment, "environment"), environment);
    }
    struct ynode *labels = joined(p, "label_file", "labels");
    if (labels)
        compose_set(c, p->out, compose_scalar(c, labels, "labels"), labels);
}
