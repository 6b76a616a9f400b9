/* The text of a plan, from its document. Everything in it may come from elsewhere: no byte of it steers the
 * terminal. */
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/plan/plan.h"

#define PATH_COLUMNS 44 /* a longer path pushes its line to the right */
#define SHORT_COMMIT 7

enum ink { INK_PLAIN, INK_ADD, INK_CHANGE, INK_REMOVE, INK_DRIFT, INK_DIM, INK_BOLD };

struct page {
    struct buf *out;
    bool colour;
};

static const char *const inks[] = {
    [INK_ADD] = "\33[32m",   [INK_CHANGE] = "\33[33m", [INK_REMOVE] = "\33[31m",
    [INK_DRIFT] = "\33[35m", [INK_DIM] = "\33[2m",     [INK_BOLD] = "\33[1m"};

/* Control characters, including the two-byte ones, become spaces. */
static void put_n(const struct page *p, const char *text, size_t n)
{
    for (const char *end = text + n; text < end; text++) {
        unsigned char c = (unsigned char)*text;
        bool c1 = c == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0;
        if (c1)
            text++;
        buf_addc(p->out, c1 || c < 0x20 || c == 0x7f ? ' ' : *text);
    }
}

static void put(const struct page *p, const char *text)
{
    put_n(p, text, text ? strlen(text) : 0);
}

static void begin_ink(const struct page *p, enum ink ink)
{
    if (p->colour && ink != INK_PLAIN)
        buf_adds(p->out, inks[ink]);
}

static void end_ink(const struct page *p, enum ink ink)
{
    if (p->colour && ink != INK_PLAIN)
        buf_adds(p->out, "\33[0m");
}

static void put_ink(const struct page *p, enum ink ink, const char *text)
{
    begin_ink(p, ink);
    put(p, text);
    end_ink(p, ink);
}

/* A message of several lines, whose further lines are indented like the fields of a change. */
static void put_lines(const struct page *p, enum ink ink, const char *text)
{
    const char *line = text;
    for (size_t n; *line; line += n + (line[n] == '\n')) {
        n = strcspn(line, "\n");
        if (line != text)
            buf_adds(p->out, "    ");
        begin_ink(p, ink);
        put_n(p, line, n);
        end_ink(p, ink);
        buf_addc(p->out, '\n');
    }
}

/* A list in a document that may come from anywhere; NULL when it is something else. */
static const struct val *list_in(const struct val *m, const char *key)
{
    const struct val *v = val_get(m, key);
    return val_is(v, VAL_LIST) ? v : NULL;
}

static bool is(const struct val *m, const char *key, const char *text)
{
    return str_eq(val_get_str(m, key), text);
}

/* Columns of a UTF-8 text, near enough: wide characters count one. */
static size_t columns(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void put_count(const struct page *p, size_t n, const char *noun)
{
    buf_addf(p->out, "%zu %s%s", n, noun, n == 1 ? "" : "s");
}

/* How many changes a plan has, by what they come to. */
struct sums {
    size_t made, taken_over, blocked; /* taken over: as they run, which is no difference */
};

static struct sums sum_up(const struct val *doc)
{
    const struct val *changes = list_in(doc, "changes");
    struct sums n = {0};
    for (size_t i = 0; i < val_len(changes); i++) {
        const struct val *c = changes->items[i];
        if (is(c, "action", "blocked"))
            n.blocked++;
        else if (is(c, "action", "adopt") && is(c, "impact", "none"))
            n.taken_over++;
        else
            n.made++;
    }
    return n;
}

bool plan_differs(const struct val *plan)
{
    const struct sums n = sum_up(plan);
    return n.made || n.blocked || val_len(list_in(plan, "unknown"));
}

static void put_head(const struct page *p, const struct val *doc, const struct sums *n)
{
    const char *commit = val_get_str(doc, "commit"), *subject = val_get_str(doc, "subject");
    const char *target = val_get_str(doc, "target");
    put(p, "environment ");
    put_ink(p, INK_BOLD, str_or(val_get_str(doc, "environment"), "?"));
    if (!str_empty(commit)) {
        bool hex = strspn(commit, "0123456789abcdef") == strlen(commit);
        char text[SHORT_COMMIT + 1];
        str_copy(text, sizeof(text), commit);
        put(p, " · commit ");
        put(p, hex ? text : commit);
    }
    if (!str_empty(subject)) {
        put(p, str_empty(commit) ? " · \"" : " \"");
        put(p, subject);
        put(p, "\"");
    }
    if (!str_empty(target)) {
        put(p, val_len(list_in(doc, "targets")) ? " · targets " : " · target ");
        put(p, target);
    }
    put(p, " · ");
    if (n->made)
        put_count(p, n->made, "change");
    else
        put(p, "no changes");
    if (n->taken_over)
        buf_addf(p->out, ", %zu to take over", n->taken_over);
    if (n->blocked)
        buf_addf(p->out, ", %zu blocked", n->blocked);
    buf_addc(p->out, '\n');
    if (val_get_str(doc, "under_way")) {
        put_ink(p, INK_DRIFT, "!");
        put(p, " ");
        put(p, val_get_str(doc, "under_way"));
        put(p, " is applying to this environment now: some of these changes may already be under way");
        buf_addc(p->out, '\n');
    }
}

static bool is_drift(const struct val *field)
{
    return is(field, "cause", "drift");
}

/* Only the engine differs from what was applied: no change in Git, no other image, nothing left over. */
static bool only_drift(const struct val *change)
{
    const struct val *causes = list_in(change, "causes");
    bool drift = false;
    for (size_t i = 0; i < val_len(causes); i++) {
        const char *cause = val_is(causes->items[i], VAL_STR) ? causes->items[i]->s : "";
        if (!str_eq(cause, "drift") && !str_eq(cause, "retry"))
            return false;
        drift |= str_eq(cause, "drift");
    }
    return drift;
}

static size_t count_drift(const struct val *change)
{
    const struct val *fields = list_in(change, "fields");
    size_t n = 0;
    for (size_t i = 0; i < val_len(fields); i++)
        n += is_drift(fields->items[i]);
    return n;
}

/* The resource, and what would happen to it if it were not blocked. */
static void put_words(const struct page *p, const struct val *change, const struct val *field)
{
    put(p, val_get_str(field, "text"));
    if (val_get_str(field, "then") && !is(change, "action", "blocked")) {
        put(p, "; ");
        put(p, val_get_str(field, "then"));
    }
}

/* Lines of fields, aligned among themselves. drift: those, or the others. */
static void put_fields(const struct page *p, const struct val *change, bool drift)
{
    const struct val *fields = list_in(change, "fields");
    size_t width = 0;
    bool differ = false, shown = false;
    const char *worst = val_get_str(change, "impact");
    for (size_t i = 0; i < val_len(fields); i++) {
        size_t n = columns(str_or(val_get_str(fields->items[i], "path"), ""));
        if (is_drift(fields->items[i]) != drift)
            continue;
        width = n > width && n <= PATH_COLUMNS ? n : width;
        differ |= shown && !is(fields->items[i], "impact", val_get_str(fields->items[0], "impact"));
        shown = true;
    }
    for (size_t i = 0; i < val_len(fields); i++) {
        const struct val *f = fields->items[i];
        const char *path = str_or(val_get_str(f, "path"), "");
        if (is_drift(f) != drift)
            continue;
        put(p, "    ");
        put(p, path);
        buf_addn(p->out, ' ', 3 + (columns(path) < width ? width - columns(path) : 0));
        put_words(p, change, f);
        if (differ && str_eq(worst, "replace") && is(f, "impact", "replace"))
            put_ink(p, INK_DIM, "   (forces replacement)");
        buf_addc(p->out, '\n');
    }
}

static void put_line(const struct page *p, enum ink ink, const char *sign, const struct val *change)
{
    put_ink(p, ink, sign);
    put(p, " ");
    put_ink(p, INK_BOLD, val_get_str(change, "id"));
    put(p, "   ");
}

/* "replace: rolling, no downtime expected" */
static void put_impact(const struct page *p, const struct val *change)
{
    const char *impact = str_or(val_get_str(change, "impact"), "none"), *how = val_get_str(change, "how");
    put(p, str_eq(impact, "data-loss") ? "DATA LOSS" : impact);
    if (how) {
        put(p, ": ");
        put(p, how);
    }
}

/* "drift: ..." and what follows, after the id. */
static void put_drift(const struct page *p, const struct val *change)
{
    const struct val *fields = list_in(change, "fields");
    size_t n = count_drift(change);
    put(p, "drift: ");
    for (size_t i = 0; n == 1 && i < val_len(fields); i++) {
        if (!is_drift(fields->items[i]))
            continue;
        /* A fact such as "exited with code 1 on the engine" names its own subject. */
        if (!is(fields->items[i], "path", "state")) {
            put(p, val_get_str(fields->items[i], "path"));
            put(p, " ");
        }
        put_words(p, change, fields->items[i]);
    }
    if (n > 1)
        buf_addf(p->out, "%zu changes were made on the engine", n);
    if (n == 0)
        put(p, val_get_str(change, "reason"));
    if (only_drift(change) && is(change, "impact", "replace") && val_get_str(change, "how")) {
        put(p, " (");
        put_impact(p, change);
        put(p, ")");
    }
    buf_addc(p->out, '\n');
    if (n > 1)
        put_fields(p, change, true);
}

static void put_way(const struct page *p, const char *what, const char *before, const char *word,
                    const char *after)
{
    put_ink(p, INK_DIM, what);
    put(p, before);
    put(p, word);
    put_ink(p, INK_DIM, after);
    buf_addc(p->out, '\n');
}

/* S3: how to save the data, and the word that allows their loss. */
static void put_loss(const struct page *p, const struct val *change)
{
    const char *word = val_get_str(change, "loss_word"), *id = str_or(val_get_str(change, "id"), "");
    if (!word)
        return;
    if (str_starts(id, "volume/"))
        put_way(p, "    back it up first:   ", "forge-ctl volume backup ", id, " FILE.tar");
    put_way(p, "    allow it once:      ", "--allow-data-loss ", word, "");
    put_way(p, "    or in Git:          ", "forge/allow-data-loss: ", word,
            is(change, "wanted", "delete") ? "   (annotation on a manifest that stays)"
                                           : "   (annotation on its manifest)");
}

static void put_blocked(const struct page *p, const struct val *change)
{
    put_line(p, INK_DRIFT, "!", change);
    put(p, "blocked: ");
    put(p, val_get_str(change, "reason"));
    buf_addc(p->out, '\n');
    put_fields(p, change, false);
    put_fields(p, change, true);
    put_loss(p, change);
}

/* It was tried before: how that ended, without naming the resource again. */
static void put_last_error(const struct page *p, const struct val *change)
{
    const char *error = val_get_str(change, "last_error");
    const char *id = val_get_str(change, "id"), *after = error && id ? str_after(error, id) : NULL;
    if (!error)
        return;
    put_ink(p, INK_DIM, "    the last attempt failed: ");
    put_lines(p, INK_DIM, after && str_starts(after, ": ") ? after + 2 : error);
}

static void put_change(const struct page *p, const struct val *change)
{
    const char *reason = val_get_str(change, "reason");
    bool removes = is(change, "action", "delete") || is(change, "action", "forget");
    bool creates = is(change, "action", "create");
    if (is(change, "action", "blocked")) {
        put_blocked(p, change);
        return;
    }
    if (only_drift(change)) {
        put_line(p, INK_DRIFT, "!", change);
        put_drift(p, change);
        put_last_error(p, change);
        return;
    }
    put_line(p,
             removes   ? INK_REMOVE
             : creates ? INK_ADD
                       : INK_CHANGE,
             removes   ? "-"
             : creates ? "+"
                       : "~",
             change);
    if (reason)
        put(p, reason);
    if (reason && val_get_str(change, "how"))
        put(p, "; ");
    if (!reason || val_get_str(change, "how"))
        put_impact(p, change);
    buf_addc(p->out, '\n');
    put_fields(p, change, false);
    put_last_error(p, change);
    if (count_drift(change)) {
        put_line(p, INK_DRIFT, "!", change);
        put_drift(p, change);
    }
}

#define UNKNOWN_NAMED 6u /* of what is on one engine that is away, so many are named */

static bool is_on(const struct val *id, const char *target)
{
    return val_is(id, VAL_STR) && target && str_eq(id_target(id->s), target);
}

static bool has_unknown(const struct val *doc, const char *target)
{
    const struct val *unknown = list_in(doc, "unknown");
    for (size_t i = 0; i < val_len(unknown); i++)
        if (is_on(unknown->items[i], target))
            return true;
    return false;
}

/* "? host2   away since TIME: why", and what is on it. */
static void put_away(const struct page *p, const struct val *doc, const struct val *target)
{
    const struct val *unknown = list_in(doc, "unknown");
    const char *name = val_get_str(target, "name");
    size_t n = 0;
    put_ink(p, INK_DRIFT, "?");
    put(p, " ");
    put_ink(p, INK_BOLD, str_or(name, "?"));
    put(p, "   unreachable since ");
    format_time(val_get_int(target, "since_ns", 0), p->out);
    if (val_get_str(target, "error")) {
        put(p, ": ");
        put(p, val_get_str(target, "error"));
    }
    buf_addc(p->out, '\n');
    for (size_t i = 0; i < val_len(unknown); i++) {
        if (!is_on(unknown->items[i], name))
            continue;
        if (n++ < UNKNOWN_NAMED) {
            put(p, n == 1 ? "    state unknown, not changed: " : ", ");
            put(p, unknown->items[i]->s);
        }
    }
    if (n > UNKNOWN_NAMED)
        buf_addf(p->out, ", and %zu more", n - UNKNOWN_NAMED);
    if (n)
        buf_addc(p->out, '\n');
}

static void put_all_away(const struct page *p, const struct val *doc)
{
    const struct val *targets = list_in(doc, "targets");
    bool any = false;
    for (size_t i = 0; i < val_len(targets); i++)
        if (has_unknown(doc, val_get_str(targets->items[i], "name"))) {
            put_away(p, doc, targets->items[i]);
            any = true;
        }
    if (any)
        buf_addc(p->out, '\n');
}

static void put_tail(const struct page *p, const struct val *doc, size_t blocked)
{
    const struct val *changes = list_in(doc, "changes"), *summary = val_get(doc, "summary");
    size_t lost = 0;
    buf_addf(p->out, "%lld to delete.", (long long)val_get_int(summary, "delete", 0));
    for (size_t i = 0; i < val_len(changes); i++) {
        const struct val *c = changes->items[i];
        if (!is(c, "impact", "data-loss") || is(c, "action", "blocked"))
            continue;
        put(p, lost++ ? ", " : " The data of ");
        put_ink(p, INK_REMOVE, val_get_str(c, "id"));
    }
    put(p, lost ? " will be LOST." : " No data will be lost.");
    if (blocked)
        buf_addf(p->out, " %zu blocked.", blocked);
    if (val_get_int(summary, "in_sync", 0))
        buf_addf(p->out, " %lld in sync.", (long long)val_get_int(summary, "in_sync", 0));
    buf_addc(p->out, '\n');
    size_t unknown = val_len(list_in(doc, "unknown"));
    if (unknown) {
        put(p, "Incomplete: ");
        put_count(p, unknown, "resource");
        put(p,
            unknown == 1 ? " is on an engine that is unreachable." : " are on engines that are unreachable.");
        buf_addc(p->out, '\n');
    }
    if (val_get_str(doc, "prune_skipped_reason")) {
        put(p, "Nothing is deleted: ");
        put(p, val_get_str(doc, "prune_skipped_reason"));
        put(p, ".");
        buf_addc(p->out, '\n');
    }
    if (val_get_str(doc, "needs_approval")) {
        put(p, "Needs approval: ");
        put(p, val_get_str(doc, "needs_approval"));
        put(p, ".");
        buf_addc(p->out, '\n');
    }
}

void plan_text(const struct val *plan, bool colour, struct buf *out)
{
    const struct page p = {out, colour};
    const struct val *changes = list_in(plan, "changes"), *notes = list_in(plan, "notes");
    const struct sums n = sum_up(plan);
    put_head(&p, plan, &n);
    buf_addc(out, '\n');
    for (size_t i = 0; i < val_len(changes); i++)
        put_change(&p, changes->items[i]);
    if (val_len(changes))
        buf_addc(out, '\n');
    put_all_away(&p, plan);
    for (size_t i = 0; i < val_len(notes); i++) {
        put(&p, "note: ");
        put(&p, val_get_str(notes->items[i], "id"));
        put(&p, ": ");
        put(&p, val_get_str(notes->items[i], "text"));
        buf_addc(out, '\n');
    }
    put_tail(&p, plan, n.blocked);
}
