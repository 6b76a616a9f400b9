/* The reference of the settings file, made of its tables. */
#include "reconciler/engine/settings.h"

/* What a value looks like, in a word or two. */
static void type_of(const struct field *f, struct buf *out)
{
    static const char *const names[] = {
        [FT_STRING] = "text",         [FT_BOOL] = "true or false", [FT_INT] = "number",
        [FT_FLOAT] = "number",        [FT_CPUS] = "number",        [FT_DURATION] = "duration",
        [FT_SIZE] = "size",           [FT_MODE] = "file mode",     [FT_LIST] = "list",
        [FT_MAP] = "mapping by name", [FT_RECORD] = "mapping",     [FT_KEYED] = "list",
        [FT_COMMAND] = "command",     [FT_ANY] = "anything",
    };
    if (f->type != FT_ENUM) {
        buf_adds(out, names[f->type]);
        return;
    }
    for (size_t i = 0; f->choices[i]; i++)
        buf_addf(out, "%s`%s`", i ? ", " : "", f->choices[i]);
}

static void row(const struct field *f, struct buf *out)
{
    buf_addf(out, "| `%s` | ", f->name);
    type_of(f, out);
    buf_addf(out, " | %s | %s", f->flags & FIELD_REQUIRED ? "required" : f->def ? f->def : "", f->doc);
    if (f->example)
        buf_addf(out, " Example: `%s`.", f->example);
    buf_adds(out, " |\n");
}

static const struct field_table *below(const struct field *f)
{
    const struct field *inner = f->type == FT_MAP ? f->elem : f;
    return inner->type == FT_RECORD ? inner->sub : NULL;
}

static void table(const struct field_table *t, const char *path, struct buf *out)
{
    buf_addf(out, "\n## %s\n\n%s\n\n| setting | value | default | |\n|---|---|---|---|\n", path, t->doc);
    for (const struct field *f = t->fields; f->name; f++)
        row(f, out);
    for (const struct field *f = t->fields; f->name; f++) {
        if (!below(f))
            continue;
        _cleanup_arena_ struct arena a = ARENA_INIT;
        const char *dot = t == &settings_table ? "" : ".";
        const char *prefix = t == &settings_table ? "" : path;
        table(below(f), arena_printf(&a, "%s%s%s%s", prefix, dot, f->name, f->type == FT_MAP ? ".NAME" : ""),
              out);
    }
}

void settings_reference(struct buf *out)
{
    buf_adds(
        out,
        "# Settings\n\nGenerated from the field tables by `forge-ctl generate settings`; do not edit.\n\nThe "
        "file is given with `--settings` or `$FORGE_SETTINGS`; the default is `/etc/forge/forged.yaml`. "
        "Relative\npaths start at its folder. Files that hold credentials must not be readable by others, "
        "and the settings\nmust not be writable by others. `forged --check` reports every problem in it.\n");
    table(&settings_table, "Top level", out);
}
