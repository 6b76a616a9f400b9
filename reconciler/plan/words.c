#include "reconciler/plan/words.h"

#include "base/str.h"

#define VALUE_BYTES 72 /* of one value on a line */
#define SHORT_HEX   4

const char *short_digest(struct arena *a, const char *digest)
{
    const char *hex = str_after(digest, "sha256:");
    size_t prefix = hex ? strlen("sha256:") : 0;
    if (strlen(digest) <= prefix + SHORT_HEX)
        return digest;
    return arena_printf(a, "%.*s…", (int)(prefix + SHORT_HEX), digest);
}

static const char *value_words(struct arena *a, const struct field_change *f, const struct val *v)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    /* An item of a keyed list has the field of the list, and is a record. */
    const struct field item = {.name = "", .type = FT_RECORD, .sub = f->field ? f->field->sub : NULL};
    bool is_item = f->field && f->field->type == FT_KEYED && val_is(v, VAL_MAP);
    field_print(is_item ? &item : f->field, v, VALUE_BYTES, &b);
    return arena_strndup(a, buf_str(&b), b.len);
}

static bool is_content(const struct field_change *f)
{
    return f->field && f->field->flags & FIELD_HIDDEN && str_eq(f->field->name, "digest");
}

/* Ports say everything in their key. */
static bool is_said_by_path(const struct field_change *f)
{
    return f->field && f->field->type == FT_KEYED && str_starts(f->path, "ports.");
}

/* "registry/web:1.4" and "registry/web:1.5" -> ":1.5" */
static const char *new_part(const char *before, const char *after)
{
    const char *tag = strrchr(after, ':');
    if (!tag || strchr(tag, '/') || strchr(after, '@'))
        return after;
    size_t n = (size_t)(tag - after);
    return strncmp(before, after, n) == 0 && before[n] == ':' && !strpbrk(before + n, "/@") ? tag : after;
}

static const char *image_words(struct arena *a, const struct field_change *f)
{
    const char *before = val_is(f->before, VAL_STR) ? f->before->s : "?";
    const char *after = val_is(f->after, VAL_STR) ? f->after->s : "?";
    const char *ids = "";
    if (f->before_id && f->after_id)
        ids = arena_printf(a, "   (%s -> %s)", short_digest(a, f->before_id), short_digest(a, f->after_id));
    if (f->cause == CAUSE_IMAGE)
        return arena_printf(a, "%s is another image now%s", after, ids);
    return arena_printf(a, "%s -> %s%s", before, new_part(before, after), ids);
}

static const char *content_words(struct arena *a, const struct field_change *f)
{
    const char *before = val_is(f->before, VAL_STR) ? short_digest(a, f->before->s) : NULL;
    const char *after = val_is(f->after, VAL_STR) ? short_digest(a, f->after->s) : NULL;
    if (!before || !after)
        return "content changed";
    return arena_printf(a, "content changed (%s -> %s)", before, after);
}

static const char *secret_words(const struct field_change *f)
{
    return !f->before ? "new (secret)" : !f->after ? "removed (secret)" : "changed (secret)";
}

static const char *drift_words(struct arena *a, const struct field_change *f)
{
    const char *back = f->after ? value_words(a, f, f->after) : NULL;
    const char *there = f->before ? value_words(a, f, f->before) : NULL;
    if (f->secret)
        return "was changed on the engine; will be set back (secret)";
    if (is_said_by_path(f))
        return back ? "was removed on the engine; will be set again"
                    : "was added on the engine; will be removed";
    if (!there)
        return arena_printf(a, "%s was removed on the engine; will be set again", back);
    if (!back)
        return arena_printf(a, "%s was added on the engine; will be removed", there);
    return arena_printf(a, "%s -> %s was changed on the engine; will be set back to %s", back, there, back);
}

const char *field_words(struct arena *a, const struct field_change *f)
{
    if (str_eq(f->path, "image") && f->field && f->cause != CAUSE_DRIFT)
        return image_words(a, f);
    if (f->cause == CAUSE_DEPENDENCY)
        return val_is(f->after, VAL_STR) ? f->after->s : "";
    if (f->cause == CAUSE_DRIFT && !f->field && str_eq(f->path, "state"))
        return arena_printf(a, "%s on the engine; will be %s", value_words(a, f, f->before),
                            str_eq(f->after->s, "running") ? "started" : f->after->s);
    if (is_content(f) && !f->secret)
        return content_words(a, f);
    if (f->cause == CAUSE_DRIFT)
        return drift_words(a, f);
    if (f->secret)
        return secret_words(f);
    if (is_said_by_path(f))
        return f->after ? "new" : "removed";
    if (!f->before)
        return arena_printf(a, "new: %s", value_words(a, f, f->after));
    if (!f->after)
        return arena_printf(a, "%s -> removed", value_words(a, f, f->before));
    return arena_printf(a, "%s -> %s%s", value_words(a, f, f->before), value_words(a, f, f->after),
                        f->reverted_default ? " (the default)" : "");
}
