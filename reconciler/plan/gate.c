/* Gates: changes that are wanted and must not be done now. */
#include "reconciler/plan/planner.h"

void block(struct planner *p, struct plan_change *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    c->reason = arena_vprintf(p->a, fmt, ap);
    va_end(ap);
    if (c->action != PLAN_BLOCKED)
        c->wanted = c->action == PLAN_NONE ? PLAN_CREATE : c->action;
    c->action = PLAN_BLOCKED;
}

/* The contents of a resource's secrets, in words of digests; "" without any. */
static const char *contents_text(struct arena *a, const struct resource *r)
{
    const struct val *secrets = r ? val_get(r->spec, "secrets") : NULL;
    const char *text = "";
    for (size_t i = 0; i < val_len(secrets); i++) {
        const char *content = val_get_str(secrets->pairs[i].val, "content");
        if (content)
            text = arena_printf(a, "%s %s", text, content);
    }
    return text;
}

/* The digest of everything a change depends on: while it stays the same, a new attempt would end the same
   way (L3). */
static const char *input_digest(struct planner *p, const struct plan_change *c)
{
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    const char *image = c->resource ? val_get_str(c->resource->spec, "image") : NULL;
    const struct image_fact *fact = observed_image_for(p->in->observed, c->id, image);
    const char *text = arena_printf(p->a, "forge-input-v1 %s %s %s%s", c->id,
                                    c->resource ? bind_spec_mark(p->a, c->resource) : "delete",
                                    fact && fact->id ? fact->id : "", contents_text(p->a, c->resource));
    digest_of(text, strlen(text), &d);
    digest_hex(&d, hex);
    return arena_printf(p->a, "v1:%s", hex);
}

bool is_stalled(struct planner *p, const struct resource *r, const struct applied *rec)
{
    const struct plan_change c = {.id = r->id, .resource = r, .applied = rec};
    return rec && rec->status == APPLIED_STALLED && rec->input_digest && !p->policy->force_retry &&
           str_eq(rec->input_digest, input_digest(p, &c));
}

/* Does a recorded failure or hold still apply to this change, or have its inputs changed? */
static bool still_holds(const struct plan_change *c)
{
    const struct applied *rec = c->applied;
    if (rec->input_digest)
        return str_eq(rec->input_digest, c->input_digest);
    if (!c->resource || !rec->spec)
        return !c->resource;
    return val_equal(c->resource->spec, rec->spec);
}

/* L3, L8, L9 */
static const char *held_reason(struct planner *p, const struct plan_change *c)
{
    const struct applied *rec = c->applied;
    const char *error = rec ? str_or(rec->error, "its last attempt failed") : NULL;
    const char *what = c->resource ? "" : arena_printf(p->a, "%s; ", planner_absent(p));
    if (!rec || p->policy->force_retry || !still_holds(c))
        return NULL;
    switch (rec->status) {
    case APPLIED_HELD:
        return arena_printf(p->a, "%sheld: %s; a change in Git or a manual apply releases it", what, error);
    case APPLIED_STALLED:
        return arena_printf(p->a, "%sstalled: %s; a change in Git or a manual apply tries again", what,
                            error);
    case APPLIED_FAILED:
    case APPLIED_DELETING:
        if (rec->next_ns > p->policy->now_ns)
            return arena_printf(p->a, "%swaiting to retry: %s", what, error);
        break;
    case APPLIED_OK:
        break;
    }
    return NULL;
}

/* Its data would be lost, and nobody allowed that; NULL: not so. */
static const char *loss_reason(struct planner *p, const struct plan_change *c)
{
    if (c->impact != IMPACT_DATA_LOSS || loss_allowed(p, c))
        return NULL;
    return c->resource ? "would lose its data, which has not been allowed"
                       : arena_printf(p->a, "%s, but kept with its data", planner_absent(p));
}

static const struct plan_unready *find_unready(const struct plan_unready *items, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(items[i].id, id))
            return &items[i];
    return NULL;
}

const struct plan_unready *planner_unready(const struct planner *p, const char *id)
{
    const struct plan_unready *refused = find_unready(p->refused, p->n_refused, id);
    return refused ? refused : find_unready(p->in->unready, p->in->n_unready, id);
}

/* Something the object is made of is unavailable. What can be done without it is done: a stopped container
   is started. An update of a service always sends everything. */
static const char *unready_reason(struct planner *p, const struct plan_change *c)
{
    const struct plan_unready *u = c->resource ? planner_unready(p, c->id) : NULL;
    bool refused = u && find_unready(p->refused, p->n_refused, c->id);
    bool makes = u && (refused || !c->n_moves || planner_caps(p, c->id) & CAP_SERVICES);
    for (size_t i = 0; u && i < c->n_moves && !makes; i++)
        makes = c->moves[i].action == PLAN_CREATE || c->moves[i].action == PLAN_REPLACE;
    return makes ? u->reason : NULL;
}

/* Is the service on the network, and will it be after this plan? A service that leaves or is removed is
   gone by then. */
static bool stays_on(struct planner *p, const struct object *o, const char *network)
{
    const struct resource *r = resource_find(p->in->desired, o->id);
    if (!(o->kind->flags & KIND_INSTANCES) || !val_get(val_get(o->spec, "networks"), network))
        return false;
    if (r)
        return val_get(val_get(r->spec, "networks"), network);
    return !p->policy->prune || !str_eq(o->owner, p->in->environment);
}

/* A swarm changes no network, and removes none while a service is attached: its tasks may be anywhere. */
static const char *kept_reason(struct planner *p, const struct plan_change *c)
{
    const struct observed *all = p->in->observed;
    bool replaced = false;
    for (size_t i = 0; i < c->n_moves; i++)
        replaced |= c->moves[i].action == PLAN_REPLACE && c->moves[i].current;
    if (c->kind != &kind_network || !replaced || !(planner_caps(p, c->id) & CAP_SERVICES))
        return NULL;
    for (size_t i = 0; i < all->n; i++) {
        const struct object *o = all->items[i];
        if (stays_on(p, o, c->moves[0].current->native_name))
            return arena_printf(p->a,
                                "a swarm cannot change a network while services use it (%s): declare it "
                                "under another name and attach them to that one",
                                o->id);
    }
    return NULL;
}

static bool is_made_otherwise(const struct val *one, const struct val *other)
{
    static const char *const how[] = {"driver", "driver_opts"};
    bool differs = false;
    for (size_t i = 0; i < ARRAY_LEN(how); i++) {
        const struct val *a = val_get(one, how[i]), *b = val_get(other, how[i]);
        differs |= a && b ? !val_equal(a, b) : a || b;
    }
    return differs;
}

/* Does the commit want this mount's volume created with other options than the running tasks created it
   with? */
static bool wants_other_volume(struct planner *p, const struct plan_change *c, const char *target,
                               const struct val *mount)
{
    const struct val *there = val_get(c->moves[0].current->spec, "volumes");
    const char *path = arena_printf(p->a, "volumes.%s.driver", target);
    const char *source = val_get_str(mount, "source");
    for (size_t i = 0; i < val_len(there); i++) {
        const struct val *had = there->pairs[i].val;
        if (!str_eq(val_get_str(had, "source"), source) || !is_made_otherwise(mount, had))
            continue;
        if (!str_eq(there->pairs[i].key, target))
            return true;
        /* Only a change by the commit counts: one made by hand is set back, and an ignored field has none. */
        for (size_t k = 0; k < c->n_fields; k++)
            if (c->fields[k].cause == CAUSE_COMMIT && str_starts(c->fields[k].path, path))
                return true;
    }
    return false;
}

/* The nodes of a swarm keep an existing volume whatever options are asked for, and cannot be reached: an
   update would leave the data where they are unchanged, and create another volume elsewhere (S3, S9). */
static const char *volume_reason(struct planner *p, const struct plan_change *c)
{
    const struct val *volumes = c->resource ? val_get(c->resource->spec, "volumes") : NULL;
    if (!(c->kind->flags & KIND_INSTANCES) || !c->moves[0].current ||
        !(planner_caps(p, c->id) & CAP_SERVICES))
        return NULL;
    for (size_t i = 0; i < val_len(volumes); i++) {
        const struct val *mount = volumes->pairs[i].val;
        if (str_eq(val_get_str(mount, "type"), "volume") && val_get_str(mount, "source") &&
            wants_other_volume(p, c, volumes->pairs[i].key, mount))
            return arena_printf(
                p->a,
                "the nodes of a swarm keep the existing volume %s and its data unchanged: give the Volume "
                "another `name` to get a new, empty one (the old one stays on its nodes)",
                val_get_str(mount, "source"));
    }
    return NULL;
}

const char *gate_reason(struct planner *p, const struct plan_change *c)
{
    const char *suspended = c->resource ? resource_annotation(c->resource, "forge/suspend") : NULL;
    const unsigned of_itself = c->causes & ~CAUSE_RETRY;
    if (c->action == PLAN_BLOCKED)
        return c->reason;
    if (suspended)
        return arena_printf(p->a, "suspended: %s", *suspended ? suspended : "no reason given");
    const char *unready = unready_reason(p, c);
    if (unready)
        return unready;
    if (c->action == PLAN_FORGET || !c->n_moves)
        return NULL;
    const char *kept = kept_reason(p, c);
    if (!kept)
        kept = volume_reason(p, c);
    if (kept)
        return kept;
    const char *loss = loss_reason(p, c);
    if (loss)
        return loss;
    const char *reason = c->returns ? NULL : held_reason(p, c);
    if (!reason && !p->policy->self_heal && of_itself == CAUSE_DRIFT)
        reason = "self-heal is off, so drift is only reported";
    return reason;
}

void gate(struct planner *p, struct plan_change *c)
{
    c->input_digest = input_digest(p, c);
    const char *reason = gate_reason(p, c), *loss = loss_reason(p, c);
    if (loss && str_eq(reason, loss))
        c->loss_word = loss_word(p, c->id);
    if (reason)
        block(p, c, "%s", reason);
    if (c->action == PLAN_BLOCKED) {
        c->n_moves = 0;
        return;
    }
    c->data_loss_allowed = c->impact == IMPACT_DATA_LOSS;
    const struct applied *rec = c->applied;
    enum applied_status status = rec ? rec->status : APPLIED_OK;
    bool failed = status == APPLIED_FAILED || status == APPLIED_STALLED || status == APPLIED_DELETING;
    if (failed && still_holds(c))
        c->causes |= CAUSE_RETRY;
}

/* Does nothing exist under the name that others would use? A volume that keeps another name is missing
   under the new one: an engine would create an empty volume of that name for its first user. */
static bool is_missing(const struct planner *p, const struct plan_change *c)
{
    struct object *const *objects;
    size_t n = observed_find(p->in->observed, c->id, &objects);
    if (c->action != PLAN_BLOCKED || !c->resource)
        return false;
    const char *name = bind_native_name(p->a, p->in->environment, c->resource, 1);
    bool instances = c->kind->flags & KIND_INSTANCES;
    for (size_t i = 0; i < n; i++)
        if (object_ours(p, objects[i], c->applied) && (instances || str_eq(objects[i]->native_name, name)))
            return false;
    return true;
}

/* Changes that create something anew, and so need what it depends on to exist. */
static bool begins(const struct plan_change *c)
{
    return c->action == PLAN_CREATE || c->action == PLAN_REPLACE || c->action == PLAN_ADOPT;
}

/* L7 across engines: nothing is started that depends on an object nobody can see. */
static void wait_for_unknown(struct planner *p, const char *id, struct plan_change ***queue, size_t *n,
                             size_t *cap)
{
    for (const struct relation *rel = planner_needed_by(p, id); rel; rel = rel->next) {
        struct plan_change *c = planner_find(p, rel->from->id);
        if (!c || !rel->depend->required || !begins(c))
            continue;
        block(p, c, "waits for %s, whose state is unknown while %s is unreachable", id, id_target(id));
        c->n_moves = 0;
        arena_push(p->a, *queue, *n, *cap, c);
    }
}

void gate_missing(struct planner *p)
{
    struct plan_change **queue = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < p->n; i++)
        if (is_missing(p, p->changes[i]))
            arena_push(p->a, queue, n, cap, p->changes[i]);
    for (size_t i = 0; i < p->plan->n_unknown; i++)
        wait_for_unknown(p, p->plan->unknown[i], &queue, &n, &cap);
    for (size_t at = 0; at < n; at++) {
        const char *id = queue[at]->id;
        for (const struct relation *rel = planner_needed_by(p, id); rel; rel = rel->next) {
            struct plan_change *c = planner_find(p, rel->from->id);
            if (!c || !rel->depend->required || !begins(c))
                continue;
            block(p, c, "waits for %s, which is blocked", id);
            c->n_moves = 0;
            arena_push(p->a, queue, n, cap, c);
        }
    }
}

void gate_caps(struct planner *p)
{
    unsigned long deleted = 0;
    for (size_t i = 0; i < p->n; i++)
        deleted += p->changes[i]->action == PLAN_DELETE;
    const unsigned cap = p->policy->delete_cap, share = p->policy->delete_share;
    if (cap && deleted > cap)
        p->plan->needs_approval =
            arena_printf(p->a, "%lu of %zu resources would be deleted; more than %u need approval", deleted,
                         p->existing, cap);
    else if (share && p->existing && deleted * 100 > share * p->existing)
        p->plan->needs_approval =
            arena_printf(p->a, "%lu of %zu resources would be deleted; more than %u%% need approval", deleted,
                         p->existing, share);
}
