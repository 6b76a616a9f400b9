/* The reference in Markdown (doc.h). */
#include <string.h>

#include "base/str.h"
#include "schema/doc.h"
#include "schema/doc_internal.h"

/* Tables to print under the current kind, in the order in which they are first named. */
struct section {
    const struct field_table *tables[64];
    size_t n;
};

static void remember(struct section *s, const struct field_table *t)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->tables[i] == t)
            return;
    }
    if (s->n < ARRAY_LEN(s->tables))
        s->tables[s->n++] = t;
}

/* Text within a cell of a table. */
static void add_cell(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_addc(out, '\\');
        buf_addc(out, *text == '\n' ? ' ' : *text);
    }
}

/* The anchor of a heading as GitHub and others make it: lower case, no dots. */
static void add_anchor(const char *name, struct buf *out)
{
    for (; *name; name++) {
        if (*name != '.')
            buf_addc(out, *name);
    }
}

static void add_code(const char *label, const char *text, struct buf *out)
{
    buf_addf(out, "<br>%s `", label);
    add_cell(text, out);
    buf_addc(out, '`');
}

static void add_field(struct section *s, const struct field *f, struct buf *out)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_addf(out, "| `%s`%s | ", f->name, f->flags & FIELD_REQUIRED ? " (required)" : "");
    doc_type(f, &text);
    add_cell(buf_str(&text), out);
    buf_reset(&text);
    doc_range(f, &text);
    if (text.len)
        buf_addf(out, ", %s", buf_str(&text));
    buf_adds(out, " | ");
    add_cell(f->doc, out);

    const struct field_table *t = doc_table_of(f);
    if (t) {
        remember(s, t);
        buf_addf(out, " Fields: [%s](#", t->name);
        add_anchor(t->name, out);
        buf_adds(out, ").");
    }
    if (f->pattern_doc) {
        buf_adds(out, "<br>Form: ");
        add_cell(f->pattern_doc, out);
    }
    if (f->def)
        add_code("Default:", f->def, out);
    if (f->example)
        add_code("Example:", f->example, out);
    buf_addf(out, " | %s |\n",
             f->flags & FIELD_CREATE_ONLY ? "at creation"
             : f->flags & FIELD_ALIAS     ? ""
                                          : impact_name(f->impact));
}

static void add_table(struct section *s, const struct field_table *t, struct buf *out)
{
    buf_adds(out, "| Field | Type | Description | Effect of a change |\n|---|---|---|---|\n");
    for (const struct field *f = t->fields; f->name; f++) {
        if (!(f->flags & (FIELD_HIDDEN | FIELD_ALIAS)))
            add_field(s, f, out);
    }
    for (const struct field *f = t->fields; f->name; f++) {
        if (f->flags & FIELD_ALIAS)
            add_field(s, f, out);
    }
}

static void add_section(const struct field_table *first, struct buf *out)
{
    struct section s = {.tables = {first}, .n = 1};
    for (size_t i = 0; i < s.n; i++) {
        if (i > 0)
            buf_addf(out, "\n### %s\n\n%s\n\n", s.tables[i]->name, s.tables[i]->doc);
        add_table(&s, s.tables[i], out);
    }
}

static void add_impacts(struct buf *out)
{
    buf_adds(out, "What a change does:\n\n");
    for (enum impact i = IMPACT_NONE; i <= IMPACT_DATA_LOSS; i++)
        buf_addf(out, "- `%s`: %s.\n", impact_name(i), doc_impact(i));
    buf_adds(out, "\nFields without an entry there are aliases accepted from Compose files.\n");
}

static void add_annotations(struct buf *out)
{
    buf_adds(out, "\nForge annotations:\n\n| Annotation | Description |\n|---|---|\n");
    for (const struct annotation *a = annotations; a->name; a++) {
        buf_addf(out, "| `%s` | ", a->name);
        add_cell(a->doc, out);
        add_code("Example:", a->example, out);
        buf_adds(out, " |\n");
    }
}

void doc_reference(struct buf *out)
{
    buf_adds(out, "# Manifests, field by field\n\nGenerated from the field tables by `forge-ctl generate "
                  "reference`; do not edit.\n\n```yaml\napiVersion: forge/v1\nkind: Container\nmetadata:\n  "
                  "name: web\nspec:\n  image: registry.example/shop/web:1.4\n```\n\n`kind` is one of:");
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        buf_addf(out, "%s [%s](#%s)", kind == kinds ? "" : ",", (*kind)->name, (*kind)->prefix);
    buf_adds(out, ".\nFor all of them: [metadata](#metadata). `patch: true` merges the document into the "
                  "resource of its kind and "
                  "name,\n`patch: remove` leaves that resource out.\n\n");
    add_impacts(out);
    for (const struct kind_desc *const *kind = kinds; *kind; kind++) {
        const struct field_table *t = (*kind)->spec;
        buf_addf(out, "\n## %s\n\n%s\n\n", (*kind)->name, (*kind)->doc);
        if (t->doc && strcmp(t->doc, (*kind)->doc) != 0)
            buf_addf(out, "%s\n\n", t->doc);
        add_section(t, out);
    }
    buf_addf(out, "\n## metadata\n\n%s\n\n", metadata_table.doc);
    add_section(&metadata_table, out);
    add_annotations(out);
}
