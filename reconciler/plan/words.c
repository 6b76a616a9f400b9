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

/* The table of a record that stands in a map or a keyed list; its field is that of the list or of the
 * element. */
static const struct field_table *item_table(const struct field_change *f, const struct val *v)
{
    return f->field && (f->field->type == FT_KEYED || f->field->type == FT_RECORD) && val_is(v, VAL_MAP)
               ? f->field->sub
               : NULL;
}

/* What people wrote of it: what resolution added tells them nothing. */
static const struct val *without_hidden(struct arena *a, const struct field_table *t, const struct val *v)
{
    struct val *copy = val_map_copy(a, v);
    for (size_t i = 0; i < v->len; i++) {
        const struct field *f = field_find(t, v->pairs[i].key);
        if (f && f->flags & FIELD_HIDDEN)
            val_map_del(copy, v->pairs[i].key);
    }
    return copy;
}

static const char *value_words(struct arena *a, const struct field_change *f, const struct val *v)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    const struct field_table *t = item_table(f, v);
    const struct field item = {.name = "", .type = FT_RECORD, .sub = t};
    if (!f->field && val_is(v, VAL_STR))
        return v->s;
    field_print(t ? &item : f->field, t ? without_hidden(a, t, v) : v, VALUE_BYTES, &b);
    return arena_strndup(a, buf_str(&b), b.len);
}

static bool is_content(const struct field_change *f)
{
    return f->field && f->field->flags & FIELD_HIDDEN &&
           (str_eq(f->field->name, "digest") || f->field->flags & FIELD_KEYED_DIGEST);
}

/* Ports say everything in their key, and networks when there is nothing but the container's own name. */
static bool is_said_by_path(const struct field_change *f)
{
    const struct val *v = f->after ? f->after : f->before;
    if (!item_table(f, v))
        return false;
    if (str_starts(f->path, "networks."))
        return val_len(v) == 0 || (val_len(v) == 1 && val_len(val_get(v, "aliases")) == 1);
    return str_starts(f->path, "ports.");
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

/* A reference with the digest or id in it cut to what people compare. */
static const char *short_reference(struct arena *a, const char *ref)
{
    const char *digest = strstr(ref, "sha256:");
    if (!digest)
        return ref;
    return arena_printf(a, "%.*s%s", (int)(digest - ref), ref, short_digest(a, digest));
}

static const char *image_words(struct arena *a, const struct field_change *f)
{
    const char *before = short_reference(a, val_is(f->before, VAL_STR) ? f->before->s : "?");
    const char *after = short_reference(a, val_is(f->after, VAL_STR) ? f->after->s : "?");
    const char *ids = "";
    if (f->before_id && f->after_id)
        ids = arena_printf(a, "   (%s -> %s)", short_digest(a, f->before_id), short_digest(a, f->after_id));
    if (f->cause == CAUSE_IMAGE)
        return arena_printf(a, "%s now points to another image%s", after, ids);
    return arena_printf(a, "%s -> %s%s", before, new_part(before, after), ids);
}

static const char *content_words(struct arena *a, const struct field_change *f)
{
    const char *before = val_is(f->before, VAL_STR) ? short_digest(a, f->before->s) : NULL;
    const char *after = val_is(f->after, VAL_STR) ? short_digest(a, f->after->s) : NULL;
    if (!before || !after || f->field->flags & FIELD_KEYED_DIGEST)
        return "content changed";
    return arena_printf(a, "content changed (%s -> %s)", before, after);
}

/* What holds where the field is not there; NULL: nothing, as 0 mostly means "none". */
static const struct val *default_of(const struct field_change *f)
{
    const struct val *v = f->field ? f->field->def_val : NULL;
    const bool none = (val_is(v, VAL_INT) && !v->i) || (val_is(v, VAL_FLOAT) && v->f == 0);
    return none ? NULL : v;
}

static const char *drift_words(struct arena *a, const struct field_change *f)
{
    const char *should = f->after ? value_words(a, f, f->after) : NULL;
    const char *there = f->before ? value_words(a, f, f->before) : NULL;
    if (f->secret)
        return "was changed on the engine (secret)";
    if (is_said_by_path(f))
        return should ? "was removed on the engine" : "was added on the engine";
    if (!there && default_of(f))
        return arena_printf(a, "%s -> %s (the default) was changed on the engine", should,
                            value_words(a, f, default_of(f)));
    if (!there)
        return arena_printf(a, "%s was removed on the engine", should);
    if (!should)
        return arena_printf(a, "%s was added on the engine", there);
    return arena_printf(a, "%s -> %s was changed on the engine", should, there);
}

static bool is_state(const struct field_change *f)
{
    return !f->field && str_eq(f->path, "state");
}

static const char *state_outcome(const struct field_change *f)
{
    if (f->impact >= IMPACT_REPLACE || str_starts(f->before->s, "removed"))
        return "will be recreated";
    return str_eq(f->before->s, "paused") ? "will be unpaused" : "will be started";
}

const char *field_outcome(struct arena *a, const struct field_change *f)
{
    if (f->cause != CAUSE_DRIFT)
        return NULL;
    if (is_state(f))
        return state_outcome(f);
    if (!f->after)
        return "will be removed";
    if (is_content(f) || f->secret)
        return "will be changed back";
    if (is_said_by_path(f) || (!f->before && !default_of(f)))
        return "will be added back";
    return arena_printf(a, "will be changed back to %s", value_words(a, f, f->after));
}

static const char *change_words(struct arena *a, const struct field_change *f)
{
    if (f->secret)
        return !f->before ? "new (secret)" : !f->after ? "removed (secret)" : "changed (secret)";
    if (is_said_by_path(f))
        return f->after ? "new" : "removed";
    if (!f->before)
        return arena_printf(a, "new: %s", value_words(a, f, f->after));
    if (!f->after)
        return arena_printf(a, "%s -> removed", value_words(a, f, f->before));
    return arena_printf(a, "%s -> %s%s", value_words(a, f, f->before), value_words(a, f, f->after),
                        f->reverted_default ? " (the default)" : "");
}

const char *field_words(struct arena *a, const struct field_change *f)
{
    /* Facts that are not fields speak for themselves. */
    if (!f->field && !f->before && val_is(f->after, VAL_STR))
        return f->after->s;
    if (f->cause == CAUSE_DRIFT && is_state(f))
        return arena_printf(a, "%s on the engine", f->before->s);
    if (str_eq(f->path, "image") && f->field && f->cause != CAUSE_DRIFT)
        return image_words(a, f);
    if (is_content(f) && !f->secret)
        return content_words(a, f);
    return f->cause == CAUSE_DRIFT ? drift_words(a, f) : change_words(a, f);
}
