/* Decoding by field tables: records, what all values have in common, and reporting problems (field.h). */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "schema/decode_internal.h"
#include "schema/field_index.h"

static void add_path(const struct decode_at *at, struct buf *out)
{
    if (!at)
        return;
    add_path(at->up, out);
    if (at->name)
        buf_addf(out, "%s%.64s", out->len ? "." : "", at->name);
    else
        buf_addf(out, "[%zu]", at->index);
}

static void add_problem(struct decode *d, enum diag_level level, const struct ynode *n, const char *hint,
                        const char *fmt, va_list ap) _vprintf_(5);

static void add_problem(struct decode *d, enum diag_level level, const struct ynode *n, const char *hint,
                        const char *fmt, va_list ap)
{
    _cleanup_buf_ struct buf msg = BUF_INIT;
    add_path(d->at, &msg);
    if (msg.len)
        buf_adds(&msg, ": ");
    buf_addv(&msg, fmt, ap);
    const char *file = n->file && d->files ? d->files[n->file] : d->file;
    struct diag *diag = diag_add(d->diags, level, file, n->line, n->col, "%s", buf_str(&msg));
    if (!str_empty(hint))
        diag_hint(d->diags, diag, "%s", hint);
}

struct val *decode_error(struct decode *d, const struct ynode *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_problem(d, DIAG_ERROR, n, NULL, fmt, ap);
    va_end(ap);
    return NULL;
}

struct val *decode_error_hint(struct decode *d, const struct ynode *n, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_problem(d, DIAG_ERROR, n, hint, fmt, ap);
    va_end(ap);
    return NULL;
}

void decode_warning(struct decode *d, const struct ynode *n, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_problem(d, DIAG_WARNING, n, hint, fmt, ap);
    va_end(ap);
}

void decode_error_at(struct decode *d, const struct val *at, const char *fmt, ...)
{
    const struct ynode n = {.file = at->file, .line = at->line, .col = at->col};
    va_list ap;
    va_start(ap, fmt);
    add_problem(d, DIAG_ERROR, &n, NULL, fmt, ap);
    va_end(ap);
}

/* "a string", "an integer". */
static void add_article(const char *name, struct buf *out)
{
    buf_addf(out, "%s %s", strchr("aeiou", *name) ? "an" : "a", name);
}

struct val *decode_wrong_type(struct decode *d, const struct field *f, const struct ynode *n)
{
    _cleanup_buf_ struct buf type = BUF_INIT;
    field_type_name(f, &type);
    _cleanup_buf_ struct buf msg = BUF_INIT;
    add_article(buf_str(&type), &msg);
    buf_adds(&msg, ", not ");
    add_article(ynode_type_name(n), &msg);
    const char *hint = f->example ? arena_printf(d->diags->arena, "for example: %s", f->example) : NULL;
    return decode_error_hint(d, n, hint, "must be %s", buf_str(&msg));
}

struct val *decode_placed(struct decode *d, const struct ynode *n, struct val *v)
{
    if (v && !v->line) {
        val_place(v, n->file ? n->file : d->file_index, n->line, n->col);
    }
    return v;
}

struct sort_problems {
    struct decode *d;
};

static void report_twice(void *arg, const struct val_pair *gone, const struct val_pair *kept)
{
    struct sort_problems *problems = arg;
    struct decode *d = problems->d;
    const struct ynode at = {.file = kept->val->file, .line = kept->val->line, .col = kept->val->col};
    if (!d->lenient)
        decode_error_at(d, kept->val, "\"%.64s\" is defined twice, first on line %u", kept->key,
                        gone->val->line);
    else if (!val_equal(gone->val, kept->val))
        decode_warning(d, &at, "remove one of them",
                       "\"%.64s\" is defined twice, first on line %u; this one is used", kept->key,
                       gone->val->line);
}

void decode_sort(struct decode *d, struct val *map)
{
    struct sort_problems problems = {d};
    val_map_sort(map, report_twice, &problems);
}

static bool takes_short_form(const struct field *f, const struct ynode *n)
{
    if (!f->short_form || f->type == FT_KEYED)
        return false;
    return n->type == YN_SCALAR || (n->type == YN_SEQ && (f->type == FT_MAP || f->type == FT_RECORD));
}

/* A node that is not null. */
static struct val *decode_value(struct decode *d, const struct field *f, const struct ynode *n)
{
    if (takes_short_form(f, n))
        return f->short_form(d, f, n);
    switch (f->type) {
    case FT_LIST:
        return decode_list(d, f, n);
    case FT_MAP:
        return decode_map(d, f, n);
    case FT_RECORD:
        return n->type == YN_MAP ? decode_record(d, f->sub, n) : decode_wrong_type(d, f, n);
    case FT_KEYED:
        return decode_keyed(d, f, n);
    case FT_COMMAND:
        return decode_command(d, f, n);
    case FT_ANY:
        return decode_any(d, n);
    default:
        return decode_scalar(d, f, n);
    }
}

/* What every value goes through: the tags of overlays, and its place. */
static struct val *decode_tagged(struct decode *d, const struct field *f, const struct ynode *n)
{
    bool reset = str_eq(n->tag, "!reset");
    bool override = str_eq(n->tag, "!override");
    if ((reset || override) && !d->patch)
        return decode_error_hint(d, n, "leave it out, or make the document a patch",
                                 "the tag %s is only allowed in a patch", n->tag);
    struct val *v = reset ? val_null(d->arena) : decode_value(d, f, n);
    if (v && override)
        v->flags |= VAL_F_REPLACE;
    return decode_placed(d, n, v);
}

struct val *decode_field(struct decode *d, const struct field *f, const struct ynode *n)
{
    if (!ynode_is_null(n))
        return decode_tagged(d, f, n);
    return d->patch ? decode_placed(d, n, val_null(d->arena)) : NULL;
}

struct val *decode_item(struct decode *d, const struct field *f, const struct ynode *n)
{
    if (!ynode_is_null(n))
        return decode_tagged(d, f, n);
    if (d->patch)
        return decode_placed(d, n, val_null(d->arena));
    if (f->type == FT_RECORD && f->short_form)
        return decode_placed(d, n, f->short_form(d, f, n));
    if (f->type == FT_STRING && f->flags & FIELD_NULL_OK)
        return decode_placed(d, n, val_str(d->arena, ""));
    if (f->type == FT_ANY)
        return decode_any(d, n);
    const char *hint =
        f->type == FT_STRING && f->flags & FIELD_EMPTY_OK ? "write \"\" for an empty value" : NULL;
    return decode_error_hint(d, n, hint, "the value is missing");
}

struct val *decode_item_at(struct decode *d, const struct field *f, const struct ynode *n, const char *name,
                           size_t index)
{
    struct decode_at at = {.up = d->at, .name = name, .index = index};
    d->at = &at;
    struct val *v = decode_item(d, f, n);
    d->at = at.up;
    return v;
}

/* What is refused, and says why, may be meant as well. */
static const char *nearest_refused(const struct field_table *t, const char *key)
{
    const char *near = NULL;
    for (const struct field_refusal *r = t->refused; r && r->name && !near; r++)
        near = str_nearest(key, &r->name, 1);
    return near;
}

/* Report an unknown key. Returns the known key that is probably meant, or NULL. */
static const char *unknown_key(struct decode *d, const struct field_table *t, const struct ynode *key)
{
    for (const struct field_refusal *r = t->refused; r && r->name; r++) {
        if (strcmp(r->name, key->text) == 0) {
            decode_error_hint(d, key, r->why, "\"%s\" is not supported", r->name);
            return NULL;
        }
    }
    const struct field_index *index = field_index(t);
    const char *near = str_nearest(key->text, index->names, index->names_n);
    const char *refused = near ? NULL : nearest_refused(t, key->text);
    const char *hint = NULL;
    if (near || refused) {
        hint = arena_printf(d->diags->arena, "did you mean \"%s\"?", str_or(near, refused));
    } else if (index->names_n <= 12) {
        _cleanup_buf_ struct buf names = BUF_INIT;
        for (size_t i = 0; i < index->names_n; i++)
            buf_addf(&names, "%s%s", i > 0 ? ", " : "", index->names[i]);
        hint = arena_printf(d->diags->arena, "known keys: %s", buf_str(&names));
    }
    decode_error_hint(d, key, hint, "unknown key \"%.64s\"", key->text);
    return near;
}

/* The values of a record, indexed by field. */
struct found {
    struct val *values[FIELD_INDEX_MAX];
    bool seen[FIELD_INDEX_MAX]; /* also where the value could not be read, or the name is misspelt */
    size_t n;
};

static void read_pair(struct decode *d, const struct field_table *t, const struct field_index *index,
                      const struct ypair *pair, struct found *found)
{
    const char *name = pair->key->text;
    int place = field_index_find(index, name);
    if (place < 0 || index->sorted[place]->flags & FIELD_HIDDEN) {
        const char *meant = str_starts(name, "x-") ? NULL : unknown_key(d, t, pair->key);
        place = meant ? field_index_find(index, meant) : -1;
        if (place >= 0)
            found->seen[place] = true;
        return;
    }
    const struct field *f = index->sorted[place];
    struct decode_at at = {.up = d->at, .name = f->name};
    d->at = &at;
    struct val *v = decode_field(d, f, pair->value);
    d->at = at.up;
    found->seen[place] = !ynode_is_null(pair->value);
    found->values[place] = v;
    found->n += v != NULL;
}

static void check_required(struct decode *d, const struct field_index *index, const struct ynode *n,
                           const struct found *found)
{
    for (size_t i = 0; i < index->required_n && !d->patch; i++) {
        uint16_t place = index->required[i];
        if (found->seen[place])
            continue;
        const struct field *f = index->sorted[place];
        const char *hint =
            f->example ? arena_printf(d->diags->arena, "for example: %s: %s", f->name, f->example) : NULL;
        decode_error_hint(d, n, hint, "\"%s\" is missing", f->name);
    }
}

struct val *decode_record(struct decode *d, const struct field_table *t, const struct ynode *n)
{
    const struct field_index *index = field_index(t);
    struct found found;
    memset(found.values, 0, index->n * sizeof(*found.values));
    memset(found.seen, 0, index->n * sizeof(*found.seen));
    found.n = 0;

    bool empty = ynode_is_null(n);
    if (!empty && n->type != YN_MAP)
        return decode_error(d, n, "must be a mapping, not a %s", ynode_type_name(n));
    for (size_t i = 0; i < n->len && !empty; i++)
        read_pair(d, t, index, &n->pairs[i], &found);
    check_required(d, index, n, &found);

    struct val *rec = decode_placed(d, n, val_map_sized(d->arena, found.n));
    for (size_t i = 0; i < index->n; i++) {
        if (found.values[i])
            rec->pairs[rec->len++] = (struct val_pair){.key = index->sorted[i]->name, .val = found.values[i]};
    }
    if (t->normalize)
        t->normalize(d, n, rec);
    return rec;
}
