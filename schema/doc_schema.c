/*
 * JSON Schema of all kinds (doc.h), for editors.
 *
 * It describes what can be written, short forms included, and is never stricter than the decoder: where the
 * two cannot be equal, the schema is the wider one. Text with a reference (`${...}`) is accepted everywhere.
 * Fields required within a mapping are only required where a patch could not leave them out.
 */
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "schema/doc.h"
#include "schema/doc_internal.h"

struct schema {
    struct arena *arena;
    struct val *definitions;
};

static struct val *field_schema(struct schema *s, const struct field *f);

static void set(struct schema *s, struct val *map, const char *key, struct val *v)
{
    val_map_set(s->arena, map, key, v);
}

static void set_str(struct schema *s, struct val *map, const char *key, const char *text)
{
    set(s, map, key, val_str(s->arena, text));
}

/* Documentation is Markdown, which editors render only under a key of their own. */
static void set_doc(struct schema *s, struct val *map, const char *doc)
{
    set_str(s, map, "description", doc);
    if (strchr(doc, '`'))
        set_str(s, map, "markdownDescription", doc);
}

static struct val *list_of(struct schema *s, const char *const *texts)
{
    struct val *list = val_list(s->arena);
    for (; *texts; texts++)
        val_list_add(s->arena, list, val_str(s->arena, *texts));
    return list;
}

/* {"type": [...]} with up to three types. */
static struct val *typed(struct schema *s, const char *one, const char *two, const char *three)
{
    const char *const types[] = {one, two, three, NULL};
    struct val *v = val_map(s->arena);
    set(s, v, "type", two ? list_of(s, types) : val_str(s->arena, one));
    return v;
}

/* A pattern constrains strings only, whatever other types are allowed. patternErrorMessage, which editors
   show when the pattern does not match, is not part of the standard; tools that do not know it ignore it. */
static struct val *with_pattern(struct schema *s, struct val *v, const char *pattern, const char *what)
{
    set_str(s, v, "pattern", arena_printf(s->arena, "%s|[$][{]", pattern));
    if (what)
        set_str(s, v, "patternErrorMessage", arena_printf(s->arena, "write %s", what));
    return v;
}

static struct val *with_range(struct schema *s, struct val *v, const struct field *f)
{
    if (f->max > f->min) {
        set(s, v, "minimum", val_int(s->arena, f->min));
        if (f->max < INT64_MAX)
            set(s, v, "maximum", val_int(s->arena, f->max));
    }
    return v;
}

static struct val *one_of_two(struct schema *s, struct val *one, struct val *two)
{
    struct val *v = val_map(s->arena);
    struct val *list = val_list(s->arena);
    val_list_add(s->arena, list, one);
    val_list_add(s->arena, list, two);
    set(s, v, "anyOf", list);
    return v;
}

static struct val *any_scalar(struct schema *s)
{
    return typed(s, "string", "number", "boolean");
}

static struct val *array_of(struct schema *s, struct val *items)
{
    struct val *v = typed(s, "array", NULL, NULL);
    set(s, v, "items", items);
    return v;
}

static struct val *string_schema(struct schema *s, const struct field *f)
{
    struct val *v = any_scalar(s);
    if (f->pattern)
        with_pattern(s, v, f->pattern, f->pattern_doc);
    if (!(f->flags & FIELD_EMPTY_OK) && !f->pattern && !f->short_form)
        set(s, v, "minLength", val_int(s->arena, 1));
    return v;
}

static struct val *enum_schema(struct schema *s, const struct field *f)
{
    struct val *choices = val_map(s->arena);
    set(s, choices, "enum", list_of(s, f->choices));
    /* A short form accepts more words than the choices. */
    struct val *other = typed(s, "string", NULL, NULL);
    if (!f->short_form)
        set_str(s, other, "pattern", "[$][{]");
    return one_of_two(s, choices, other);
}

static struct val *scalar_schema(struct schema *s, const struct field *f)
{
    struct val *v;
    switch (f->type) {
    case FT_BOOL:
        return with_pattern(s, typed(s, "boolean", "string", NULL),
                            "^([Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF)$",
                            "true or false");
    case FT_INT:
        v = with_pattern(s, typed(s, "integer", "string", NULL), "^[+-]?[0-9]+$", "an integer");
        return with_range(s, v, f);
    case FT_FLOAT:
        v = with_pattern(s, typed(s, "number", "string", NULL), "^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$",
                         "a number");
        return with_range(s, v, f);
    case FT_CPUS:
        v = with_pattern(s, typed(s, "number", "string", NULL), "^[+]?[0-9.]+$",
                         "a number of CPUs, such as 0.5 or 2");
        set(s, v, "minimum", val_int(s->arena, 0));
        return v;
    case FT_DURATION:
        v = with_pattern(s, typed(s, "string", "integer", NULL),
                         "^(0|([0-9.]+(w|d|h|m|s|ms|us|\xc2\xb5s|ns))+)$",
                         "a duration, such as 10s, 1m30s or 500ms");
        /* A bare number has no unit, which only zero can do without. */
        set(s, v, "maximum", val_int(s->arena, 0));
        return v;
    case FT_SIZE:
        return with_pattern(s, typed(s, "string", "number", NULL),
                            "^[0-9.]+ ?([bB]|[kKmMgGtTpP]([iI]?[bB])?)?$",
                            "a size, such as 64m, 512MiB or 1.5g");
    case FT_MODE:
        return with_pattern(s, typed(s, "string", "integer", NULL), "^(0[oO])?[0-7]{1,5}$",
                            "a file mode, such as 0644");
    case FT_ENUM:
        return enum_schema(s, f);
    default:
        return string_schema(s, f);
    }
}

/* A table is defined once under definitions; every use is a reference to it. */
static struct val *table_schema(struct schema *s, const struct field_table *t)
{
    struct val *ref = val_map(s->arena);
    set_str(s, ref, "$ref", arena_printf(s->arena, "#/definitions/%s", t->name));
    if (val_get(s->definitions, t->name))
        return ref;

    struct val *v = typed(s, "object", NULL, NULL);
    set(s, s->definitions, t->name, v); /* before its fields, which may refer to it */
    set_doc(s, v, t->doc);
    struct val *properties = val_map(s->arena);
    for (const struct field *f = t->fields; f->name; f++) {
        if (!(f->flags & FIELD_HIDDEN))
            set(s, properties, f->name, field_schema(s, f));
    }
    set(s, v, "properties", properties);
    set(s, v, "additionalProperties", val_bool(s->arena, false));
    struct val *extensions = val_map(s->arena);
    set(s, extensions, "^x-", val_map(s->arena));
    set(s, v, "patternProperties", extensions);
    return ref;
}

static struct val *required_of(struct schema *s, const struct field_table *t)
{
    struct val *list = val_list(s->arena);
    for (const struct field *f = t->fields; f->name; f++) {
        if (f->flags & FIELD_REQUIRED)
            val_list_add(s->arena, list, val_str(s->arena, f->name));
    }
    return list;
}

/* An item of a list: a patch cannot leave out a part of it, so required fields can be required. */
static struct val *item_schema(struct schema *s, const struct field_table *t)
{
    struct val *ref = table_schema(s, t);
    struct val *required = required_of(s, t);
    if (!required->len)
        return ref;
    struct val *rest = val_map(s->arena);
    set(s, rest, "required", required);
    struct val *v = one_of_two(s, ref, rest);
    set(s, v, "allOf", val_get(v, "anyOf"));
    val_map_del(v, "anyOf");
    return v;
}

/* The schema of a field's values, without documentation. */
static struct val *bare_schema(struct schema *s, const struct field *f, bool item);

static struct val *map_schema(struct schema *s, const struct field *f)
{
    struct val *v = typed(s, "object", NULL, NULL);
    struct val *value = bare_schema(s, f->elem, false);
    if (f->elem->flags & FIELD_NULL_OK || f->elem->type == FT_RECORD)
        value = one_of_two(s, value, typed(s, "null", NULL, NULL));
    set(s, v, "additionalProperties", value);
    if (f->short_form) {
        v = one_of_two(s, v, array_of(s, any_scalar(s)));
        val_list_add(s->arena, val_get(v, "anyOf"), any_scalar(s));
        return v;
    }
    if (!(f->flags & FIELD_LIST_FORM))
        return v;
    bool bare = f->elem->flags & FIELD_NULL_OK;
    struct val *pair = with_pattern(s, typed(s, "string", NULL, NULL),
                                    bare ? "^[^=]" : "^[^=]+=", bare ? "NAME=VALUE or NAME" : "NAME=VALUE");
    return one_of_two(s, v, array_of(s, pair));
}

static struct val *list_schema(struct schema *s, const struct field *f)
{
    struct val *item = bare_schema(s, f->elem, true);
    struct val *list = array_of(s, item);
    if (f->short_form)
        return one_of_two(s, list, any_scalar(s));
    return f->flags & FIELD_SCALAR_OK ? one_of_two(s, list, any_scalar(s)) : list;
}

static struct val *bare_schema(struct schema *s, const struct field *f, bool item)
{
    struct val *v;
    switch (f->type) {
    case FT_LIST:
        return list_schema(s, f);
    case FT_MAP:
        return map_schema(s, f);
    case FT_RECORD:
        v = item ? item_schema(s, f->sub) : table_schema(s, f->sub);
        return f->short_form ? one_of_two(s, v, any_scalar(s)) : v;
    case FT_KEYED:
        v = item_schema(s, f->sub);
        v = array_of(s, f->short_form ? one_of_two(s, v, any_scalar(s)) : v);
        return f->flags & FIELD_SCALAR_OK ? one_of_two(s, v, any_scalar(s)) : v;
    case FT_COMMAND:
        return one_of_two(s, typed(s, "string", NULL, NULL), array_of(s, any_scalar(s)));
    case FT_ANY:
        return val_map(s->arena);
    default:
        return scalar_schema(s, f);
    }
}

/* The default as JSON, in the form in which its type is written. */
static struct val *default_of(struct schema *s, const struct field *f)
{
    struct err err = {0};
    int64_t i;
    bool b;
    if (f->type == FT_BOOL && parse_bool(f->def, &b, &err) == 0)
        return val_bool(s->arena, b);
    if (f->type == FT_INT && parse_int(f->def, INT64_MIN, INT64_MAX, &i, &err) == 0)
        return val_int(s->arena, i);
    return val_str(s->arena, f->def);
}

/* Null means absent, except for required fields. In draft-07 a $ref allows no other keys beside it. */
static struct val *field_schema(struct schema *s, const struct field *f)
{
    struct val *v = bare_schema(s, f, false);
    if (!(f->flags & FIELD_REQUIRED)) {
        struct val *types = val_get(v, "type");
        struct val *any = val_get(v, "anyOf");
        if (val_is(types, VAL_LIST))
            val_list_add(s->arena, types, val_str(s->arena, "null"));
        else if (types)
            set(s, v, "type", list_of(s, (const char *const[]){types->s, "null", NULL}));
        else if (any)
            val_list_add(s->arena, any, typed(s, "null", NULL, NULL));
        else if (v->len)
            v = one_of_two(s, v, typed(s, "null", NULL, NULL));
    }
    set_doc(s, v, f->doc);
    /* Editors show the description found in the matching form, not one above the forms. */
    const struct val *forms = val_get(v, "anyOf");
    for (size_t i = 0; i < val_len(forms); i++) {
        const char *type = val_get_str(forms->items[i], "type");
        if (!val_get(forms->items[i], "$ref") && !str_eq(type, "null"))
            set_doc(s, forms->items[i], f->doc);
    }
    if (f->def && (f->type != FT_STRING || f->def_val))
        set(s, v, "default", default_of(s, f));
    struct val *example = doc_example(s->arena, f);
    if (example) {
        struct val *examples = val_list(s->arena);
        val_list_add(s->arena, examples, example);
        set(s, v, "examples", examples);
    }
    return v;
}

/* {"if": {"properties": {KEY: test}, "required": [KEY]}, ...} */
static struct val *condition(struct schema *s, const char *key, struct val *test)
{
    struct val *v = val_map(s->arena);
    struct val *when = val_map(s->arena);
    struct val *properties = val_map(s->arena);
    set(s, properties, key, test);
    set(s, when, "properties", properties);
    set(s, when, "required", list_of(s, (const char *const[]){key, NULL}));
    set(s, v, "if", when);
    return v;
}

static struct val *is_kind(struct schema *s, const struct kind_desc *kind)
{
    struct val *constant = val_map(s->arena);
    set_str(s, constant, "const", kind->name);
    return condition(s, "kind", constant);
}

static struct val *spec_is(struct schema *s, struct val *spec)
{
    struct val *v = val_map(s->arena);
    struct val *properties = val_map(s->arena);
    set(s, properties, "spec", spec);
    set(s, v, "properties", properties);
    return v;
}

/* For each kind: the table of its spec. */
static void add_specs(struct schema *s, struct val *all)
{
    for (const struct kind_desc *const *kind = kinds; *kind; kind++) {
        struct val *rule = is_kind(s, *kind);
        set(s, rule, "then", spec_is(s, table_schema(s, (*kind)->spec)));
        val_list_add(s->arena, all, rule);
    }
}

/* For each kind, unless the document is a patch: what its spec must have. */
static void add_required(struct schema *s, struct val *all)
{
    struct val *patches = val_map(s->arena);
    struct val *uses = val_list(s->arena);
    val_list_add(s->arena, uses, val_bool(s->arena, true));
    val_list_add(s->arena, uses, val_str(s->arena, "remove"));
    set(s, patches, "enum", uses);
    struct val *rule = condition(s, "patch", patches);
    struct val *complete = val_map(s->arena);
    struct val *each = val_list(s->arena);
    for (const struct kind_desc *const *kind = kinds; *kind; kind++) {
        struct val *required = required_of(s, (*kind)->spec);
        if (!required->len)
            continue;
        struct val *of_kind = is_kind(s, *kind);
        struct val *spec = val_map(s->arena);
        set(s, spec, "required", required);
        struct val *then = spec_is(s, spec);
        set(s, then, "required", list_of(s, (const char *const[]){"spec", NULL}));
        set(s, of_kind, "then", then);
        val_list_add(s->arena, each, of_kind);
    }
    if (!each->len)
        return;
    set(s, complete, "allOf", each);
    set(s, rule, "else", complete);
    val_list_add(s->arena, all, rule);
}

static void set_documented(struct schema *s, struct val *map, const char *key, struct val *v, const char *doc)
{
    set_doc(s, v, doc);
    set(s, map, key, v);
}

static struct val *kind_schema(struct schema *s)
{
    struct val *v = val_map(s->arena);
    struct val *names = val_list(s->arena);
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        val_list_add(s->arena, names, val_str(s->arena, (*kind)->name));
    set(s, v, "enum", names);
    return v;
}

/* Forge's own annotations are offered beside the user's. */
static void add_annotations(struct schema *s)
{
    struct val *field = val_path(s->definitions, "metadata.properties.annotations");
    struct val *forms = val_get(field, "anyOf");
    struct val *properties = val_map(s->arena);
    for (const struct annotation *a = annotations; a->name; a++)
        set_documented(s, properties, a->name, typed(s, "string", "boolean", NULL), a->doc);
    if (val_len(forms))
        set(s, forms->items[0], "properties", properties);
}

static struct val *frame_schema(struct schema *s)
{
    struct val *v = val_map(s->arena);
    struct val *version = val_map(s->arena);
    set_str(s, version, "const", "forge/v1");
    set_documented(s, v, "apiVersion", version, "The API version of the manifest.");
    set_documented(s, v, "kind", kind_schema(s), "The kind of resource.");
    set(s, v, "metadata", item_schema(s, &metadata_table));
    struct val *patch = val_map(s->arena);
    struct val *uses = val_list(s->arena);
    val_list_add(s->arena, uses, val_bool(s->arena, true));
    val_list_add(s->arena, uses, val_bool(s->arena, false));
    val_list_add(s->arena, uses, val_str(s->arena, "remove"));
    set(s, patch, "enum", uses);
    set_documented(s, v, "patch", patch,
                   "`true`: merge the document into the resource of this kind and name. `remove`: leave that "
                   "resource out.");
    set_documented(s, v, "spec", typed(s, "object", "null", NULL), "The desired state of the resource.");
    return v;
}

void doc_json_schema(struct buf *out)
{
    struct arena arena = ARENA_INIT;
    struct schema s = {.arena = &arena, .definitions = val_map(&arena)};
    struct val *v = typed(&s, "object", NULL, NULL);
    set_str(&s, v, "$schema", "http://json-schema.org/draft-07/schema#");
    set_str(&s, v, "description", "A Forge manifest.");
    set(&s, v, "properties", frame_schema(&s));
    set(&s, v, "required", list_of(&s, (const char *const[]){"apiVersion", "kind", "metadata", NULL}));
    struct val *extensions = val_map(&arena);
    set(&s, extensions, "^x-", val_map(&arena));
    set(&s, v, "patternProperties", extensions);
    set(&s, v, "additionalProperties", val_bool(&arena, false));
    struct val *all = val_list(&arena);
    add_specs(&s, all);
    add_required(&s, all);
    set(&s, v, "allOf", all);
    add_annotations(&s);
    set(&s, v, "definitions", s.definitions);
    val_json(v, 2, out);
    buf_addc(out, '\n');
    arena_release(&arena);
}
