/*
 * The document of a plan. It holds everything that plan_text() prints, words included, so that a plan from
 * elsewhere or of another version prints as it was made; and a digest of what it does and of what it saw
 * (P6), words excluded.
 */
#include "base/str.h"
#include "reconciler/plan/bind.h"
#include "reconciler/plan/plan.h"
#include "reconciler/plan/words.h"

static struct val *hex_digest(struct arena *a, const struct digest *d)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_hex(d, hex);
    return val_strf(a, "sha256:%s", hex);
}

static struct val *causes_to_val(struct arena *a, unsigned causes)
{
    struct val *list = val_list(a);
    for (unsigned bit = CAUSE_COMMIT; bit <= CAUSE_LAST; bit <<= 1)
        if (causes & bit)
            val_list_add(a, list, val_str(a, cause_name(bit)));
    return list;
}

static void set_value(struct arena *a, struct val *m, const char *key, const struct val *v)
{
    if (v)
        val_map_set(a, m, key, val_clone(a, v));
}

static struct val *field_to_val(struct arena *a, const struct field_change *f)
{
    struct val *m = val_map(a);
    val_set_str(a, m, "path", f->path);
    if (!f->secret) {
        set_value(a, m, "before", f->before);
        set_value(a, m, "after", f->after);
    }
    val_set_str(a, m, "cause", cause_name(f->cause));
    val_set_str(a, m, "impact", impact_name(f->impact));
    val_set_str(a, m, "before_id", f->before_id);
    val_set_str(a, m, "after_id", f->after_id);
    if (f->reverted_default)
        val_set_bool(a, m, "default", true);
    if (f->secret)
        val_set_bool(a, m, "secret", true);
    return m;
}

static struct val *move_to_val(struct arena *a, const struct plan_move *mv)
{
    struct val *m = val_map(a);
    val_set_str(a, m, "action", plan_action_name(mv->action));
    if (mv->instance)
        val_set_int(a, m, "instance", mv->instance);
    val_set_str(a, m, "name", mv->native_name);
    if (mv->current)
        val_set_str(a, m, "current", mv->current->native_id);
    if (mv->candidate)
        val_set_str(a, m, "candidate", mv->candidate->native_id);
    if (mv->resume)
        val_set_bool(a, m, "resume", true);
    if (mv->update)
        val_set_bool(a, m, "update", true);
    if (mv->restart)
        val_set_bool(a, m, "restart", true);
    if (mv->await)
        val_set_bool(a, m, "await", true);
    return m;
}

/* The turns: [[1, 2], [3]]. */
static struct val *batches_to_val(struct arena *a, const struct plan_change *c)
{
    struct val *batches = val_list(a), *batch = NULL;
    for (size_t i = 0; i < c->n_moves; i++) {
        if (!move_takes_turn(&c->moves[i]))
            continue;
        if (!batch || batch->len == c->rollout.parallel) {
            batch = val_list(a);
            val_list_add(a, batches, batch);
        }
        val_list_add(a, batch, val_int(a, c->moves[i].instance));
    }
    return batches;
}

static struct val *rollout_to_val(struct arena *a, const struct plan_change *c)
{
    const struct plan_rollout *o = &c->rollout;
    struct val *m = val_map(a);
    val_set_str(a, m, "strategy", o->together ? "recreate" : "rolling");
    val_map_set(a, m, "batches", batches_to_val(a, c));
    if (o->delay_ns)
        val_set_int(a, m, "delay", o->delay_ns);
    if (o->monitor_ns)
        val_set_int(a, m, "monitor", o->monitor_ns);
    val_set_str(a, m, "failure_action", rollout_failure_name(o->failure));
    if (o->tolerated)
        val_set_int(a, m, "tolerated", o->tolerated);
    return m;
}

/* Without words: what the digest is of. */
static struct val *change_to_val(struct arena *a, const struct plan *p, const struct plan_change *c)
{
    struct val *m = val_map(a), *fields = val_list(a), *moves = val_list(a), *after = val_list(a);
    val_set_str(a, m, "id", c->id);
    val_set_str(a, m, "action", plan_action_name(c->action));
    if (c->action == PLAN_BLOCKED)
        val_set_str(a, m, "wanted", plan_action_name(c->wanted));
    val_set_str(a, m, "impact", impact_name(c->impact));
    val_set_str(a, m, "input", c->input_digest);
    if (c->stop_first)
        val_set_bool(a, m, "stop_first", true);
    if (c->returns)
        val_set_bool(a, m, "returns", true);
    if (c->rollout.total > 1 || c->rollout.monitor_ns)
        val_map_set(a, m, "rollout", rollout_to_val(a, c));
    for (size_t i = 0; i < c->n_fields; i++)
        val_list_add(a, fields, field_to_val(a, &c->fields[i]));
    for (size_t i = 0; i < c->n_moves; i++)
        val_list_add(a, moves, move_to_val(a, &c->moves[i]));
    for (size_t i = 0; i < c->n_after; i++)
        val_list_add(a, after, val_str(a, p->changes[c->after[i]].id));
    if (fields->len)
        val_map_set(a, m, "fields", fields);
    if (moves->len)
        val_map_set(a, m, "moves", moves);
    if (after->len)
        val_map_set(a, m, "after", after);
    return m;
}

static void add_words(struct arena *a, struct val *m, const struct plan_change *c)
{
    val_set_str(a, m, "how", c->how);
    val_set_str(a, m, "reason", c->reason);
    val_set_str(a, m, "loss_word", c->loss_word);
    val_map_set(a, m, "causes", causes_to_val(a, c->causes));
    struct val *fields = val_get(m, "fields");
    for (size_t i = 0; i < c->n_fields; i++) {
        val_set_str(a, fields->items[i], "text", field_words(a, &c->fields[i]));
        val_set_str(a, fields->items[i], "then", field_outcome(a, &c->fields[i]));
    }
    if (c->causes & CAUSE_RETRY && c->applied)
        val_set_str(a, m, "last_error", c->applied->error);
}

/* The objects that the plan depends on: those of resources that change, and of those they need. */
static void add_seen(struct arena *a, const struct plan *p, const char *id, struct map *done,
                     struct val *seen)
{
    struct object *const *objects;
    if (map_get(done, id))
        return;
    map_put(done, id, seen);
    size_t n = observed_find(p->observed, id, &objects);
    for (size_t i = 0; i < n; i++) {
        struct val *m = val_map(a);
        struct digest d;
        object_digest(objects[i], &d);
        val_set_str(a, m, "id", id);
        val_set_str(a, m, "name", objects[i]->native_name);
        val_set_str(a, m, "native_id", objects[i]->native_id);
        val_set_str(a, m, "state", object_state_name(objects[i]->state));
        val_map_set(a, m, "digest", hex_digest(a, &d));
        val_list_add(a, seen, m);
    }
}

static int seen_order(const void *pa, const void *pb)
{
    const struct val *a = *(struct val *const *)pa, *b = *(struct val *const *)pb;
    int c = strcmp(val_get_str(a, "id"), val_get_str(b, "id"));
    return c ? c : strcmp(str_or(val_get_str(a, "native_id"), ""), str_or(val_get_str(b, "native_id"), ""));
}

static struct val *seen_to_val(struct arena *a, const struct plan *p)
{
    struct val *seen = val_list(a);
    struct map done = MAP_INIT;
    for (size_t i = 0; i < p->n; i++) {
        const struct resource *r = p->changes[i].resource;
        add_seen(a, p, p->changes[i].id, &done, seen);
        for (size_t k = 0; r && k < r->n_depends; k++)
            add_seen(a, p, r->depends[k].id, &done, seen);
    }
    map_release(&done);
    if (seen->len)
        qsort(seen->items, seen->len, sizeof(*seen->items), seen_order);
    return seen;
}

/* A copy without fields that only describe the state something was found in: the digest covers that, by
   class. */
static struct val *without_states(struct arena *a, const struct val *seen)
{
    struct val *copy = val_list(a);
    for (size_t i = 0; i < val_len(seen); i++) {
        struct val *m = val_map_copy(a, seen->items[i]);
        val_map_del(m, "state");
        val_list_add(a, copy, m);
    }
    return copy;
}

static struct val *summary_to_val(struct arena *a, const struct plan *p)
{
    struct val *m = val_map(a);
    size_t loses = 0;
    for (unsigned i = PLAN_CREATE; i <= PLAN_BLOCKED; i++)
        val_set_int(a, m, plan_action_name((enum plan_action)i), p->counts[i]);
    for (size_t i = 0; i < p->n; i++)
        loses += p->changes[i].action != PLAN_BLOCKED && p->changes[i].impact == IMPACT_DATA_LOSS;
    val_set_int(a, m, "in_sync", (int64_t)p->in_sync);
    val_set_int(a, m, "data_loss", (int64_t)loses);
    return m;
}

static struct val *notes_to_val(struct arena *a, const struct plan *p)
{
    struct val *list = val_list(a);
    for (size_t i = 0; i < p->n_notes; i++) {
        struct val *m = val_map(a);
        val_set_str(a, m, "id", p->notes[i].id);
        val_set_str(a, m, "text", p->notes[i].text);
        val_list_add(a, list, m);
    }
    return list;
}

/* The engines, where there are several, and which of them are away. */
static struct val *targets_to_val(struct arena *a, const struct plan *p)
{
    struct val *list = val_list(a);
    for (size_t i = 0; i < p->observed->n_targets; i++) {
        const struct observed_target *t = &p->observed->targets[i];
        struct val *m = val_map(a);
        val_set_str(a, m, "name", t->name);
        val_set_str(a, m, "engine", t->engine);
        if (t->away) {
            val_set_bool(a, m, "away", true);
            val_set_int(a, m, "since_ns", t->since_ns);
            val_set_str(a, m, "error", t->why);
        }
        val_list_add(a, list, m);
    }
    return list;
}

static struct val *unknown_to_val(struct arena *a, const struct plan *p)
{
    struct val *list = val_list(a);
    for (size_t i = 0; i < p->n_unknown; i++)
        val_list_add(a, list, val_str(a, p->unknown[i]));
    return list;
}

static void set_head(struct arena *a, struct val *doc, const struct plan *p)
{
    val_set_str(a, doc, "format", PLAN_FORMAT);
    val_set_str(a, doc, "environment", p->environment);
    val_set_str(a, doc, "commit", p->commit);
    val_set_str(a, doc, "target", p->target);
    val_set_int(a, doc, "generation", (int64_t)p->generation);
}

struct val *plan_to_val(struct arena *a, const struct plan *p)
{
    struct val *doc = val_map(a), *changes = val_list(a), *seen = seen_to_val(a, p);
    struct digest d;
    set_head(a, doc, p);
    for (size_t i = 0; i < p->n; i++)
        val_list_add(a, changes, change_to_val(a, p, &p->changes[i]));
    val_map_set(a, doc, "changes", changes);
    val_map_set(a, doc, "seen", without_states(a, seen));
    val_digest(doc, &d);

    val_map_set(a, doc, "digest", hex_digest(a, &d));
    val_map_set(a, doc, "seen", seen);
    val_set_str(a, doc, "subject", p->subject);
    val_map_set(a, doc, "summary", summary_to_val(a, p));
    val_set_bool(a, doc, "prune_skipped", p->prune_skipped);
    if (p->prune_skipped)
        val_set_str(a, doc, "prune_skipped_reason",
                    p->desired->n            ? "some manifests could not be loaded"
                    : p->desired->n_inactive ? "every manifest has profiles and none of them is active"
                                             : "there are no manifests");
    val_set_str(a, doc, "needs_approval", p->needs_approval);
    val_set_str(a, doc, "under_way", p->under_way);
    if (p->observed->n_targets)
        val_map_set(a, doc, "targets", targets_to_val(a, p));
    if (p->n_unknown)
        val_map_set(a, doc, "unknown", unknown_to_val(a, p));
    if (p->n_notes)
        val_map_set(a, doc, "notes", notes_to_val(a, p));
    for (size_t i = 0; i < p->n; i++)
        add_words(a, changes->items[i], &p->changes[i]);
    return doc;
}
