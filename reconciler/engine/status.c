/* Rows of `status`: what each resource is asked to be, what it is, and why. */
#include "reconciler/engine/internal.h"

#include "base/str.h"
#include "reconciler/plan/bind.h"
#include "reconciler/plan/words.h"

static const char *sync_of(const struct plan_change *c, const struct applied *a)
{
    if (a && (a->status == APPLIED_HELD || a->status == APPLIED_STALLED))
        return applied_status_name(a->status);
    if (!c)
        return "synced";
    return c->causes & CAUSE_DRIFT ? "drifted" : "out-of-sync";
}

/* One word for one object; worse words come later in the table. */
static const char *const health_words[] = {"present",   "completed", "healthy", "running",
                                           "starting",  "created",   "paused",  "restarting",
                                           "unhealthy", "exited",    "dead",    "missing"};

static size_t health_rank(const struct object *o)
{
    switch (o->state) {
    case OBJECT_PRESENT:
        return 0;
    case OBJECT_RUNNING:
        return o->health == HEALTH_HEALTHY     ? 2
               : o->health == HEALTH_STARTING  ? 4
               : o->health == HEALTH_UNHEALTHY ? 8
                                               : 3;
    case OBJECT_CREATED:
        return 5;
    case OBJECT_PAUSED:
        return 6;
    case OBJECT_RESTARTING:
        return object_is_coming(o) ? 4 : 7;
    case OBJECT_EXITED:
        return o->exit_code == 0 ? 1 : 9;
    case OBJECT_DEAD:
    case OBJECT_REMOVING:
        return 10;
    }
    return 10;
}

struct tally {
    size_t rank, running, wanted, n;
    int64_t since_ns;
    const char *message;
};

/* external: the engine's name of an object that is used as it is, or NULL. */
static struct tally tally_objects(struct object *const *objects, size_t n, const char *adopted,
                                  const char *external)
{
    struct tally t = {0};
    for (size_t i = 0; i < n; i++) {
        bool ours = objects[i]->owner || (adopted && str_eq(objects[i]->native_id, adopted)) ||
                    (external && str_eq(objects[i]->native_name, external));
        if (objects[i]->candidate || !ours)
            continue;
        size_t rank = health_rank(objects[i]);
        t.n++;
        if (object_is_service(objects[i]))
            t.running += objects[i]->tasks_running;
        else
            t.running += objects[i]->state == OBJECT_RUNNING;
        t.wanted += objects[i]->tasks_wanted;
        if (rank >= t.rank) {
            t.rank = rank;
            t.message = objects[i]->message;
        }
        int64_t since = objects[i]->started_ns ? objects[i]->started_ns : objects[i]->created_ns;
        if (since > t.since_ns)
            t.since_ns = since;
    }
    return t;
}

/* The row names the resource already. */
static const char *without_id(const char *message, const char *id)
{
    const char *rest = str_after(message, id);
    return rest && str_starts(rest, ": ") ? rest + 2 : message;
}

/* "state: exited with code 1 on the engine", as the plan says it. */
static const char *fields_word(struct arena *a, const struct plan_change *c)
{
    const struct field_change *f = &c->fields[0];
    const char *more = c->n_fields > 1 ? arena_printf(a, " (and %zu more)", c->n_fields - 1) : "";
    if (str_eq(f->path, "state"))
        return arena_printf(a, "%s%s", field_words(a, f), more);
    return arena_printf(a, "%s: %s%s", f->path, field_words(a, f), more);
}

static const char *first_word(struct arena *a, const struct plan_change *c, const struct applied *rec,
                              const struct tally *t)
{
    if (rec && rec->error)
        return without_id(rec->error, rec->id);
    if (c && c->reason)
        return c->reason;
    return c && c->n_fields ? fields_word(a, c) : t->message;
}

/* "host2 does not answer: connection refused" */
static const char *away_message(struct arena *a, const struct look *l, const char *id)
{
    const struct observed_target *t = observed_target(&l->observed, id);
    return arena_printf(a, "%s is unreachable: %s", t->name, str_or(t->why, "it does not answer"));
}

/* Nobody can say how it is; what is recorded of it is all there is to tell. */
static struct val *unknown_row(struct arena *a, const struct look *l, const char *id,
                               const struct resource *r)
{
    const struct applied *rec = inventory_find(&l->inventory, id);
    const struct observed_target *t = observed_target(&l->observed, id);
    struct val *row = val_map(a);
    val_set_str(a, row, "resource", id);
    val_set_str(a, row, "sync", "unknown");
    val_set_str(a, row, "health", "unknown");
    if (r && r->kind->flags & KIND_INSTANCES)
        val_set_int(a, row, "replicas", val_get_int(r->spec, "replicas", 1));
    if (rec && rec->generation)
        val_set_int(a, row, "generation", (int64_t)rec->generation);
    val_set_int(a, row, "unknown_since_ns", t->since_ns);
    val_set_str(a, row, "message", away_message(a, l, id));
    return row;
}

/* Of a resource that has no object on the engine; where none is asked for, none is missing. */
static const char *without_objects(const struct resource *r, bool virtual)
{
    if (virtual)
        return "present";
    return r && r->kind->flags & KIND_INSTANCES && !val_get_int(r->spec, "replicas", 1) ? "running"
                                                                                        : "missing";
}

static struct val *status_row(struct arena *a, const struct look *l, const char *id, const struct resource *r)
{
    if (observed_away(&l->observed, id))
        return unknown_row(a, l, id, r);
    const struct plan_change *c = plan_find(&l->plan, id);
    const struct applied *rec = inventory_find(&l->inventory, id);
    struct object *const *objects;
    size_t n = observed_find(&l->observed, id, &objects);
    const char *external =
        r && val_get_bool(r->spec, "external", false) ? bind_native_name(a, l->plan.environment, r, 0) : NULL;
    struct tally t = tally_objects(objects, n, rec ? rec->adopted : NULL, external);
    bool virtual = r && kind_is_virtual(r->kind, observed_caps(&l->observed, id));
    struct val *row = val_map(a);
    val_set_str(a, row, "resource", id);
    val_set_str(a, row, "sync", sync_of(c, rec));
    val_set_str(a, row, "health", t.n ? health_words[t.rank] : without_objects(r, virtual));
    if (r && r->kind->flags & KIND_INSTANCES) {
        val_set_int(a, row, "running", (int64_t)t.running);
        val_set_int(a, row, "replicas", t.wanted ? (int64_t)t.wanted : val_get_int(r->spec, "replicas", 1));
    }
    if (rec && rec->generation)
        val_set_int(a, row, "generation", (int64_t)rec->generation);
    if (t.since_ns)
        val_set_int(a, row, "age_ns", l->observed.at_ns > t.since_ns ? l->observed.at_ns - t.since_ns : 0);
    val_set_str(a, row, "message", first_word(a, c, rec, &t));
    return row;
}

/* The machines of a swarm, and what is on each. */
static struct val *node_rows(struct arena *a, const struct look *l)
{
    struct val *rows = val_list(a);
    for (size_t i = 0; i < l->observed.n_nodes; i++) {
        const struct node_fact *n = &l->observed.nodes[i];
        struct val *row = val_map(a);
        val_set_str(a, row, "node", n->name);
        val_set_str(a, row, "id", n->id);
        val_set_str(a, row, "role", n->role);
        val_set_bool(a, row, "leader", n->leader);
        val_set_str(a, row, "state", n->state);
        val_set_str(a, row, "availability", n->availability);
        val_set_str(a, row, "address", n->address);
        val_set_str(a, row, "engine", n->engine);
        val_set_str(a, row, "message", n->message);
        val_map_set(a, row, "labels", val_clone(a, n->labels));
        val_map_set(a, row, "tasks", val_clone(a, n->tasks));
        val_list_add(a, rows, row);
    }
    return rows;
}

struct val *engine_status(struct arena *a, const struct look *l)
{
    struct val *doc = val_map(a);
    struct val *rows = val_list(a);
    for (size_t i = 0; i < l->bound.n; i++)
        val_list_add(a, rows, status_row(a, l, l->bound.items[i]->id, l->bound.items[i]));
    for (size_t i = 0; i < l->inventory.n; i++)
        if (!resource_find(&l->bound, l->inventory.items[i]->id))
            val_list_add(a, rows, status_row(a, l, l->inventory.items[i]->id, NULL));
    val_set_str(a, doc, "format", "forge/status/v1");
    val_set_str(a, doc, "environment", l->plan.environment);
    val_set_str(a, doc, "commit", l->info->commit);
    val_set_str(a, doc, "subject", l->info->subject);
    val_set_str(a, doc, "source", l->info->where);
    val_set_str(a, doc, "engine", l->observed.engine);
    if (val_get(l->doc, "targets"))
        val_map_set(a, doc, "targets", val_clone(a, val_get(l->doc, "targets")));
    val_set_str(a, doc, "error", l->state.error);
    if (l->state.generation)
        val_set_int(a, doc, "generation", (int64_t)l->state.generation);
    val_set_str(a, doc, "suspended_by", l->state.suspended_by);
    val_set_str(a, doc, "suspended_why", l->state.suspended_why);
    if (l->state.suspended_until_ns)
        val_set_int(a, doc, "suspended_until_ns", l->state.suspended_until_ns);
    val_set_str(a, doc, "under_way", l->under_way);
    if (l->state.held_generation) {
        val_set_int(a, doc, "held_generation", (int64_t)l->state.held_generation);
        if (!str_starts(str_or(l->state.held_commit, ""), SOURCE_FILES))
            val_set_str(a, doc, "held_commit", l->state.held_commit);
    }
    val_map_set(a, doc, "resources", rows);
    if (l->observed.nodes)
        val_map_set(a, doc, "nodes", node_rows(a, l));
    return doc;
}
