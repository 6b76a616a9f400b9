/* Does a saved plan still describe what exists (P6), and if not, what moved. */
#include "base/str.h"
#include "reconciler/plan/plan.h"

#define MOVED_NAMED 5 /* of the things that moved; the rest is counted */

struct moved {
    struct buf text;
    size_t n;
};

static void moved(struct moved *m, const char *fmt, ...) _printf_(2, 3);

static void moved(struct moved *m, const char *fmt, ...)
{
    va_list ap;
    if (m->n++ >= MOVED_NAMED)
        return;
    if (m->text.len)
        buf_adds(&m->text, "; ");
    va_start(ap, fmt);
    buf_addv(&m->text, fmt, ap);
    va_end(ap);
}

static const char *text_of(const struct val *m, const char *key)
{
    return str_or(val_get_str(m, key), "");
}

/* A list in a document that may come from anywhere; NULL when it is something else. */
static const struct val *list_in(const struct val *m, const char *key)
{
    const struct val *v = val_get(m, key);
    return val_is(v, VAL_LIST) ? v : NULL;
}

/* What a plan is bound to before any object: environment, target, commit, generation. */
static void check_head(struct moved *m, const struct val *saved, const struct val *now)
{
    static const char *const keys[] = {"environment", "target", "commit"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (!str_eq(text_of(saved, keys[i]), text_of(now, keys[i])))
            moved(m, "%s is now \"%s\", was \"%s\"", keys[i], text_of(now, keys[i]), text_of(saved, keys[i]));
    int64_t before = val_get_int(saved, "generation", 0), after = val_get_int(now, "generation", 0);
    if (before != after)
        moved(m, "generation %lld has been applied since", (long long)after);
}

static const struct val *find_in(const struct val *list, const char *key, const char *text)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (str_eq(val_get_str(list->items[i], key), text))
            return list->items[i];
    return NULL;
}

static void check_seen(struct moved *m, const struct val *saved, const struct val *now)
{
    const struct val *before = list_in(saved, "seen"), *after = list_in(now, "seen");
    for (size_t i = 0; i < val_len(before); i++) {
        const struct val *o = before->items[i];
        const struct val *same = find_in(after, "native_id", val_get_str(o, "native_id"));
        if (!same)
            moved(m, "%s (%s) is gone", text_of(o, "name"), text_of(o, "id"));
        else if (!str_eq(text_of(o, "digest"), text_of(same, "digest")))
            moved(m, "%s (%s) was changed and is now %s", text_of(o, "name"), text_of(o, "id"),
                  text_of(same, "state"));
    }
    for (size_t i = 0; i < val_len(after); i++)
        if (!find_in(before, "native_id", val_get_str(after->items[i], "native_id")))
            moved(m, "%s (%s) is new", text_of(after->items[i], "name"), text_of(after->items[i], "id"));
}

static void check_changes(struct moved *m, const struct val *saved, const struct val *now)
{
    const struct val *before = list_in(saved, "changes"), *after = list_in(now, "changes");
    for (size_t i = 0; i < val_len(before); i++) {
        const struct val *c = before->items[i], *same = find_in(after, "id", val_get_str(c, "id"));
        if (!same)
            moved(m, "%s no longer needs a change", text_of(c, "id"));
        else if (!str_eq(text_of(c, "action"), text_of(same, "action")))
            moved(m, "the action for %s is now %s, was %s", text_of(c, "id"), text_of(same, "action"),
                  text_of(c, "action"));
        else if (!str_eq(text_of(c, "input"), text_of(same, "input")) ||
                 val_len(list_in(c, "fields")) != val_len(list_in(same, "fields")))
            moved(m, "the changes to %s are different", text_of(c, "id"));
    }
    for (size_t i = 0; i < val_len(after); i++)
        if (!find_in(before, "id", val_get_str(after->items[i], "id")))
            moved(m, "%s now has to change as well", text_of(after->items[i], "id"));
}

int plan_verify(const struct val *saved, const struct val *now, struct err *err)
{
    const char *digest = val_get_str(saved, "digest");
    struct moved m = {.text = BUF_INIT};
    if (!str_eq(val_get_str(saved, "format"), PLAN_FORMAT))
        return err_set(err, ERR_INVALID, "this is not a plan of format %s", PLAN_FORMAT);
    if (digest && str_eq(digest, val_get_str(now, "digest")))
        return 0;
    check_head(&m, saved, now);
    check_seen(&m, saved, now);
    if (!m.n)
        check_changes(&m, saved, now);
    if (!m.n)
        moved(&m, "its digest does not match the current plan");
    if (m.n > MOVED_NAMED)
        buf_addf(&m.text, "; and %zu more", m.n - MOVED_NAMED);
    err_set(err, ERR_CONFLICT, "the saved plan is out of date: %s", buf_str(&m.text));
    buf_release(&m.text);
    return err_hint(err, "make a new plan with `forge-ctl diff --out FILE` and review it");
}
