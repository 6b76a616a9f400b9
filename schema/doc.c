#include "schema/doc.h"

#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "schema/doc_internal.h"

#define WIDTH 92 /* of a line of explanation */

struct val *doc_example(struct arena *a, const struct field *f)
{
    struct diag_list diags;
    struct ynode **docs;
    diag_init(&diags, a);
    if (!f->example)
        return NULL;
    /* Decoded as a free tree: an example shows what is written, not the canonical value. */
    static const struct field any = {"", FT_ANY, IMPACT_NONE, 0, .doc = "An example."};
    struct decode d = {.arena = a, .diags = &diags, .file = "example"};
    return yaml_read(a, "example", f->example, strlen(f->example), &diags, &docs) == 1
               ? decode_field(&d, &any, docs[0])
               : NULL;
}

const struct field_table *doc_table_of(const struct field *f)
{
    if (f->sub)
        return f->sub;
    return f->elem ? doc_table_of(f->elem) : NULL;
}

const char *doc_impact(enum impact i)
{
    static const char *const texts[] = {
        [IMPACT_NONE] = "running objects are not affected", [IMPACT_LIVE] = "changed while it runs",
        [IMPACT_RESTART] = "stopped and started again",     [IMPACT_REPLACE] = "replaced by a new one",
        [IMPACT_DATA_LOSS] = "the stored data is lost",
    };
    return texts[i];
}

/* A type of elements, in the plural. */
static void add_elements(const struct field *elem, struct buf *out)
{
    static const char *const plurals[] = {
        [FT_STRING] = "strings", [FT_BOOL] = "booleans",      [FT_INT] = "integers", [FT_FLOAT] = "numbers",
        [FT_CPUS] = "numbers",   [FT_DURATION] = "durations", [FT_SIZE] = "sizes",   [FT_MODE] = "file modes",
        [FT_ENUM] = "strings",   [FT_LIST] = "lists",         [FT_MAP] = "mappings", [FT_RECORD] = "mappings",
        [FT_KEYED] = "lists",    [FT_COMMAND] = "commands",   [FT_ANY] = "anything",
    };
    if (elem->type == FT_RECORD && elem->short_form)
        buf_adds(out, "strings or mappings");
    else
        buf_adds(out, plurals[elem->type]);
}

void doc_type(const struct field *f, struct buf *out)
{
    switch (f->type) {
    case FT_ENUM:
        for (size_t i = 0; f->choices[i]; i++)
            buf_addf(out, "%s`%s`", i == 0 ? "" : f->choices[i + 1] ? ", " : " or ", f->choices[i]);
        break;
    case FT_LIST:
        buf_adds(out, "list of ");
        add_elements(f->elem, out);
        if (f->flags & FIELD_SCALAR_OK || f->short_form)
            buf_adds(out, ", or a single one");
        break;
    case FT_MAP:
        buf_adds(out, "mapping from names to ");
        add_elements(f->elem, out);
        if (f->flags & FIELD_LIST_FORM)
            buf_adds(out, ", or list of `NAME=VALUE`");
        else if (f->short_form)
            buf_adds(out, ", or list");
        break;
    case FT_RECORD:
        buf_adds(out, f->short_form ? "mapping or string" : "mapping");
        break;
    case FT_KEYED:
        buf_adds(out, f->short_form ? "list of strings or mappings" : "list of mappings");
        break;
    default:
        field_type_name(f, out);
        break;
    }
}

void doc_range(const struct field *f, struct buf *out)
{
    struct arena arena = ARENA_INIT;
    if (f->max <= f->min || f->type == FT_STRING)
        return;
    size_t start = out->len;
    field_print(f, val_int(&arena, f->min), 40, out);
    if (f->max < INT64_MAX && f->max != INT32_MAX) {
        buf_adds(out, " to ");
        field_print(f, val_int(&arena, f->max), 40, out);
    } else if (out->len > start) {
        buf_adds(out, " or more");
    }
    arena_release(&arena);
}

/* Wrap text into lines of at most WIDTH; the first begins at column `col`, the others at `indent`. Ends the
   last line. */
static void add_wrapped(const char *text, size_t col, size_t indent, struct buf *out)
{
    bool first = true;
    while (*text) {
        size_t n = strcspn(text, " \n");
        if (!first && col + 1 + n > WIDTH) {
            buf_addc(out, '\n');
            buf_addn(out, ' ', indent);
            col = indent;
            first = true;
        }
        if (!first)
            buf_addc(out, ' ');
        buf_add(out, text, n);
        col += n + !first;
        first = false;
        text += n;
        text += strspn(text, " \n");
    }
    buf_addc(out, '\n');
}

/* The first sentence of a field's documentation. */
static const char *summary(struct arena *a, const char *doc)
{
    const char *end = strstr(doc, ". ");
    return end ? arena_strndup(a, doc, (size_t)(end - doc) + 1) : doc;
}

#define NAME_WIDTH 22

static void explain_entry(const char *name, const char *mark, const char *doc, struct buf *out)
{
    struct arena arena = ARENA_INIT;
    buf_addf(out, "  %-*s ", NAME_WIDTH, name);
    if (strlen(name) > NAME_WIDTH) {
        buf_addc(out, '\n');
        buf_addn(out, ' ', NAME_WIDTH + 3);
    }
    add_wrapped(arena_printf(&arena, "%s%s", summary(&arena, doc), mark), NAME_WIDTH + 3, NAME_WIDTH + 3,
                out);
    arena_release(&arena);
}

static void explain_fields(const struct field_table *t, struct buf *out)
{
    bool aliases = false;
    buf_adds(out, "\nFields:\n");
    for (const struct field *f = t->fields; f->name; f++) {
        aliases = aliases || f->flags & FIELD_ALIAS;
        if (!(f->flags & (FIELD_HIDDEN | FIELD_ALIAS)))
            explain_entry(f->name, f->flags & FIELD_REQUIRED ? " Required." : "", f->doc, out);
    }
    if (!aliases)
        return;
    buf_adds(out, "\nAliases accepted from Compose files:\n");
    for (const struct field *f = t->fields; f->name; f++) {
        if (f->flags & FIELD_ALIAS)
            explain_entry(f->name, "", f->doc, out);
    }
}

static void explain_line(const char *name, const char *text, struct buf *out)
{
    if (str_empty(text))
        return;
    buf_addf(out, "  %-10s ", name);
    add_wrapped(text, 13, 13, out);
}

static void explain_field(const char *path, const struct field *f, struct buf *out)
{
    struct arena arena = ARENA_INIT;
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_addf(out, "%s\n\n", path);
    add_wrapped(f->doc, 0, 0, out);
    buf_addc(out, '\n');

    doc_type(f, &text);
    if (f->flags & FIELD_REQUIRED)
        buf_adds(&text, ", required");
    explain_line("type", buf_str(&text), out);
    buf_reset(&text);
    doc_range(f, &text);
    explain_line("range", buf_str(&text), out);
    explain_line("form", f->pattern_doc, out);
    explain_line("default", f->def, out);
    if (f->example)
        explain_line("example", arena_printf(&arena, "%s: %s", f->name, f->example), out);
    if (f->flags & FIELD_CREATE_ONLY)
        explain_line("change", "only takes effect when the object is created", out);
    else if (!(f->flags & FIELD_ALIAS))
        explain_line("change", arena_printf(&arena, "%s: %s", impact_name(f->impact), doc_impact(f->impact)),
                     out);

    const struct field_table *t = doc_table_of(f);
    if (t)
        explain_fields(t, out);
    arena_release(&arena);
}

static void explain_table(const char *name, const char *doc, const struct field_table *t, struct buf *out)
{
    buf_addf(out, "%s\n\n", name);
    /* The table's text often begins with the kind's. */
    if (!t->doc || strncmp(t->doc, doc, strlen(doc)) != 0)
        add_wrapped(doc, 0, 0, out);
    if (t->doc)
        add_wrapped(t->doc, 0, 0, out);
    explain_fields(t, out);
}

/* The first part of `path`, up to a dot. */
static const char *first_part(struct arena *a, const char *path)
{
    return arena_strndup(a, path, strcspn(path, "."));
}

static int not_known(const char *what, const char *name, const char *const *names, size_t n,
                     const char *above, struct err *err)
{
    const char *near = str_nearest(name, names, n);
    err_set(err, ERR_NOTFOUND, "unknown %s \"%.64s\"", what, name);
    return near ? err_hint(err, "did you mean %s%s?", above, near)
                : err_hint(err, "`forge-ctl explain%s%.*s` lists them", *above ? " " : "",
                           (int)strcspn(above, " ") - (*above != '\0'), above);
}

static int field_not_known(struct arena *a, const char *above, const struct field_table *t, const char *name,
                           struct err *err)
{
    const char *names[256];
    size_t n = 0;
    for (const struct field *f = t->fields; f->name && n < ARRAY_LEN(names); f++) {
        if (!(f->flags & FIELD_HIDDEN))
            names[n++] = f->name;
    }
    return not_known("field", name, names, n, arena_printf(a, "%s.", above), err);
}

/* `path` is the rest of `whole` after a table's own name. */
static int explain_path(struct arena *a, const char *whole, const char *path, const struct field_table *t,
                        struct buf *out, struct err *err)
{
    for (;;) {
        const char *name = first_part(a, path);
        const struct field *f = field_find(t, name);
        if (!f || f->flags & FIELD_HIDDEN)
            return field_not_known(a, arena_strndup(a, whole, (size_t)(path - whole) - 1), t, name, err);
        path += strlen(name);
        if (!*path) {
            explain_field(whole, f, out);
            return 0;
        }
        path++;
        t = doc_table_of(f);
        if (!t) {
            err_set(err, ERR_NOTFOUND, "%.*s has no fields", (int)(path - whole) - 1, whole);
            return err->code;
        }
    }
}

static int kind_not_known(const char *name, struct err *err)
{
    const char *names[32] = {"metadata"};
    size_t n = 1;
    for (const struct kind_desc *const *kind = kinds; *kind && n < ARRAY_LEN(names); kind++)
        names[n++] = (*kind)->prefix;
    const char *planned = kind_planned(name);
    if (planned)
        return err_set(err, ERR_NOTFOUND, "kind %s (%s) is not supported yet", name, planned);
    return not_known("kind", name, names, n, "", err);
}

static const struct kind_desc *find_kind(const char *name)
{
    for (const struct kind_desc *const *kind = kinds; *kind; kind++) {
        if (strcasecmp((*kind)->name, name) == 0)
            return *kind;
    }
    return NULL;
}

static int explain(struct arena *a, const char *path, struct buf *out, struct err *err)
{
    const char *head = first_part(a, path);
    const char *rest = path + strlen(head);
    const struct kind_desc *kind = find_kind(head);
    bool metadata = strcasecmp(head, "metadata") == 0;
    if (!kind && !metadata)
        return kind_not_known(head, err);

    const char *name = kind ? kind->prefix : "metadata";
    const struct field_table *t = kind ? kind->spec : &metadata_table;
    const char *doc = kind ? kind->doc : metadata_table.doc;
    /* In a manifest `spec` comes between the two: some will type container.spec.image. */
    if (kind && (strcmp(rest, ".spec") == 0 || str_starts(rest, ".spec.")))
        rest += strlen(".spec");
    if (*rest) {
        const char *whole = arena_printf(a, "%s%s", name, rest);
        return explain_path(a, whole, whole + strlen(name) + 1, t, out, err);
    }
    explain_table(name, doc, t, out);
    if (metadata) {
        buf_adds(out, "\nForge annotations:\n");
        for (const struct annotation *note = annotations; note->name; note++)
            explain_entry(note->name, "", note->doc, out);
    }
    return 0;
}

int doc_explain(const char *path, struct buf *out, struct err *err)
{
    struct arena arena = ARENA_INIT;
    int result = explain(&arena, path, out, err);
    arena_release(&arena);
    return result;
}
