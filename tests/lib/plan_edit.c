#include "tests/lib/plan_edit.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"

static const char *text(const struct ynode *n, const char *key)
{
    const struct ynode *v = ynode_get(n, key);
    return v && !ynode_is_null(v) ? v->text : NULL;
}

static bool is_true(const struct ynode *n, const char *key)
{
    return str_eq(text(n, key), "true");
}

static int64_t number(const struct ynode *n, const char *key)
{
    const char *t = text(n, key);
    return t ? strtoll(t, NULL, 10) : 0;
}

static const struct kind_desc *kind_of(struct arena *a, const char *id)
{
    const char *slash = strchr(id, '/');
    return slash ? kind_by_prefix(arena_strndup(a, id, (size_t)(slash - id))) : NULL;
}

/* ---- set: {PATH: VALUE}, unset: [PATH] ---- */

/* Length of the longest key of the map that is a prefix of the path, else of the path's first part. */
static size_t key_length(const struct val *map, const char *path)
{
    size_t best = 0;
    for (size_t i = 0; i < val_len(map); i++) {
        const char *rest = str_after(path, map->pairs[i].key);
        if (rest && (!*rest || *rest == '.') && (size_t)(rest - path) > best)
            best = (size_t)(rest - path);
    }
    return best ? best : strcspn(path, ".");
}

static struct val *put(struct arena *a, const struct val *map, const char *path, struct val *v)
{
    struct val *copy = val_map_copy(a, val_is(map, VAL_MAP) ? map : NULL);
    size_t n = key_length(copy, path);
    const char *key = arena_strndup(a, path, n);
    if (path[n])
        v = put(a, val_get(copy, key), path + n + 1, v);
    if (v)
        val_map_set(a, copy, key, v);
    else
        val_map_del(copy, key);
    return copy;
}

static int edit_spec(struct plan_case *c, const struct kind_desc *kind, const struct ynode *n,
                     const char *set_key, const char *unset_key, const struct val **spec, struct err *err)
{
    const struct ynode *set = ynode_get(n, set_key), *unset = unset_key ? ynode_get(n, unset_key) : NULL;
    struct decode d = {.arena = c->arena, .diags = &c->diags, .file = "observed.yaml"};
    for (size_t i = 0; set && i < set->len; i++) {
        const char *path = set->pairs[i].key->text;
        const struct field *f = field_path(kind->spec, path);
        /* Hidden fields cannot be written in manifests. */
        bool plain = f && f->flags & FIELD_HIDDEN;
        struct val *v = !f      ? NULL
                        : plain ? val_str(c->arena, set->pairs[i].value->text)
                                : decode_field(&d, f, set->pairs[i].value);
        if (!v)
            return err_set(err, ERR_INVALID, "%s: line %u: %s: %s", c->folder, set->pairs[i].value->line,
                           path, f && c->diags.n ? c->diags.items[0].msg : "no such field");
        *spec = put(c->arena, *spec, path, v);
    }
    for (size_t i = 0; unset && i < unset->len; i++)
        *spec = put(c->arena, *spec, unset->items[i]->text, NULL);
    return 0;
}

/* ---- objects ---- */

static const struct resource *model_of(struct plan_case *c, const struct ynode *n, const char *id)
{
    const struct resource *desired = resource_find(&c->bound, id),
                          *previous = resource_find(&c->previous, id);
    const char *from = text(n, "from");
    if (str_eq(from, "desired"))
        return desired;
    if (str_eq(from, "previous"))
        return previous;
    return desired ? desired : previous;
}

static const char *digest_text(struct arena *a, const char *word)
{
    return str_starts(word, "sha256:") ? word : world_image_id(a, word);
}

static int edit_object(struct plan_case *c, struct object *o, const struct ynode *n, struct err *err)
{
    const char *state = text(n, "state"), *health = text(n, "health"), *mark = text(n, "mark");
    const struct ynode *owner = ynode_get(n, "owner");
    if (state && object_state_from_name(state, &o->state) < 0)
        return err_set(err, ERR_INVALID, "%s: no state %s", c->folder, state);
    if (o->state == OBJECT_CREATED)
        o->started_ns = 0;
    if (health && object_health_from_name(health, &o->health) < 0)
        return err_set(err, ERR_INVALID, "%s: no health %s", c->folder, health);
    if (owner)
        o->owner = ynode_is_null(owner) ? NULL : owner->text;
    if (owner && ynode_is_null(owner))
        o->spec_digest = o->commit = NULL;
    if (text(n, "name"))
        o->native_name = text(n, "name");
    if (text(n, "native_id"))
        o->native_id = text(n, "native_id");
    if (mark)
        o->spec_digest = str_eq(mark, "none") ? NULL : arena_printf(c->arena, "v1:%s", mark);
    if (text(n, "image_id"))
        o->image_id = digest_text(c->arena, text(n, "image_id"));
    if (ynode_get(n, "generation"))
        o->generation = (uint64_t)number(n, "generation");
    o->exit_code = (int)number(n, "exit_code");
    if (ynode_get(n, "tasks_wanted"))
        o->tasks_wanted = (unsigned)number(n, "tasks_wanted");
    if (ynode_get(n, "tasks_running"))
        o->tasks_running = (unsigned)number(n, "tasks_running");
    o->message = text(n, "message");
    o->keep = is_true(n, "keep");
    o->image_moved = is_true(n, "image_moved");
    if (ynode_get(n, "created"))
        o->created_ns = number(n, "created") * NS_PER_S;
    if (ynode_get(n, "started"))
        o->started_ns = number(n, "started") * NS_PER_S;
    int r = edit_spec(c, o->kind, n, "set", "unset", &o->spec, err);
    return r < 0 ? r : edit_spec(c, o->kind, n, "defaults", NULL, &o->defaults, err);
}

static struct object *new_object(struct plan_case *c, const struct ynode *n, const char *id,
                                 unsigned instance, bool candidate)
{
    const struct resource *model = model_of(c, n, id);
    if (model)
        return world_object(&c->world, model, instance, candidate);
    const struct resource bare = {.kind = kind_of(c->arena, id),
                                  .id = id,
                                  .name = strchr(id, '/') + 1,
                                  .labels = val_map(c->arena),
                                  .annotations = val_map(c->arena),
                                  .spec = val_map(c->arena)};
    struct object *o = world_object(&c->world, &bare, instance, candidate);
    o->id = id;
    return o;
}

static int add_entry(struct plan_case *c, const struct ynode *n, struct err *err)
{
    const char *id = text(n, "id");
    const struct kind_desc *kind = id ? kind_of(c->arena, id) : NULL;
    if (!kind)
        return err_set(err, ERR_INVALID, "%s: line %u: an object needs an id", c->folder, n->line);
    unsigned instance = (unsigned)number(n, "instance");
    if (!instance && !ynode_get(n, "instance"))
        instance = kind->flags & KIND_INSTANCES ? 1 : 0;
    bool candidate = is_true(n, "candidate");
    struct object *o = is_true(n, "another") ? NULL : world_find(&c->world, id, instance, candidate);
    if (is_true(n, "gone")) {
        if (o)
            world_drop(&c->world, o);
        return 0;
    }
    if (o && ynode_get(n, "from")) {
        world_drop(&c->world, o);
        o = NULL;
    }
    if (!o)
        o = new_object(c, n, id, instance, candidate);
    return edit_object(c, o, n, err);
}

/* What an engine adds to every object it creates, in objects as well as in baselines. */
static int add_engine(struct plan_case *c, const struct ynode *list, struct err *err)
{
    for (size_t i = 0; list && i < list->len; i++) {
        const struct ynode *n = list->items[i];
        const char *id = text(n, "id");
        for (size_t k = 0; k < c->world.n; k++) {
            struct object *o = c->world.items[k];
            if (!str_eq(o->id, id))
                continue;
            int r = edit_spec(c, o->kind, n, "set", NULL, &o->spec, err);
            if (r == 0)
                r = edit_spec(c, o->kind, n, "defaults", NULL, &o->defaults, err);
            if (r < 0)
                return r;
            for (size_t j = 0; j < c->world.inventory.n; j++)
                if (str_eq(c->world.inventory.items[j]->id, id))
                    c->world.inventory.items[j]->baseline = o->spec;
        }
    }
    return 0;
}

static void edit_images(struct plan_case *c, const struct ynode *map)
{
    for (size_t i = 0; map && i < map->len; i++) {
        const struct ynode *v = map->pairs[i].value;
        world_image(&c->world, map->pairs[i].key->text,
                    ynode_is_null(v) ? NULL : digest_text(c->arena, v->text));
    }
}

static void edit_caps(struct plan_case *c, const struct ynode *without)
{
    static const struct {
        const char *name;
        unsigned bit;
    } caps[] = {{"live-update", CAP_LIVE_UPDATE},
                {"network-connect", CAP_NETWORK_CONNECT},
                {"rename", CAP_RENAME},
                {"healthcheck", CAP_HEALTHCHECK},
                {"copy-into", CAP_COPY_INTO},
                {"start-interval", CAP_START_INTERVAL},
                {"annotations", CAP_ANNOTATIONS},
                {"swap-unlimited", CAP_SWAP_UNLIMITED},
                {"port-choice", CAP_PORT_CHOICE},
                {"domainname", CAP_DOMAINNAME},
                {"device-requests", CAP_DEVICE_REQUESTS},
                {"endpoint-more", CAP_ENDPOINT_MORE},
                {"remote-digest", CAP_REMOTE_DIGEST},
                {"limits", CAP_LIMITS},
                {"init-shared", CAP_INIT_SHARED},
                {"copy-read-only", CAP_COPY_READ_ONLY},
                {"overlay", CAP_OVERLAY}};
    for (size_t i = 0; without && i < without->len; i++)
        for (size_t k = 0; k < ARRAY_LEN(caps); k++)
            if (str_eq(without->items[i]->text, caps[k].name))
                c->world.caps &= ~caps[k].bit;
}

/* ---- records ---- */

static int edit_record(struct plan_case *c, struct applied *rec, const struct ynode *n, struct err *err)
{
    const char *status = text(n, "status");
    const struct kind_desc *kind = kind_of(c->arena, rec->id);
    if (status && applied_status_from_name(status, &rec->status) < 0)
        return err_set(err, ERR_INVALID, "%s: no status %s", c->folder, status);
    rec->error = text(n, "error");
    rec->input_digest = text(n, "input");
    rec->adopted = text(n, "adopted");
    if (ynode_get(n, "next"))
        rec->next_ns = c->policy.now_ns + number(n, "next") * NS_PER_S;
    int r = edit_spec(c, kind, n, "set", "unset", &rec->spec, err);
    if (r == 0)
        r = edit_spec(c, kind, n, "baseline", NULL, &rec->baseline, err);
    const struct ynode *prune = ynode_get(n, "prune");
    if (prune) {
        struct val *notes = val_map(c->arena);
        val_set_str(c->arena, notes, "forge/prune", prune->text);
        rec->annotations = notes;
    }
    if (is_true(n, "no_spec"))
        rec->spec = rec->baseline = NULL;
    if (is_true(n, "no_baseline"))
        rec->baseline = NULL;
    return r;
}

static int edit_records(struct plan_case *c, const struct ynode *list, struct err *err)
{
    struct inventory *inv = &c->world.inventory;
    for (size_t i = 0; list && i < list->len; i++) {
        const struct ynode *n = list->items[i];
        const char *id = text(n, "id");
        struct applied *rec = NULL;
        size_t at = 0;
        for (size_t k = 0; id && k < inv->n; k++)
            if (str_eq(inv->items[k]->id, id)) {
                rec = inv->items[k];
                at = k;
            }
        if (!rec && id && kind_of(c->arena, id)) {
            rec = arena_new(c->arena, struct applied);
            rec->id = id;
            rec->spec = val_map(c->arena);
            at = inv->n;
            inventory_add(inv, rec);
        }
        if (!rec)
            return err_set(err, ERR_INVALID, "%s: line %u: a record needs an id", c->folder, n->line);
        if (is_true(n, "gone")) {
            for (; at + 1 < inv->n; at++)
                inv->items[at] = inv->items[at + 1];
            inv->n--;
            continue;
        }
        int r = edit_record(c, rec, n, err);
        if (r < 0)
            return r;
    }
    inventory_sort(inv);
    return 0;
}

static const struct resource_set *set_of(struct plan_case *c, const struct ynode *n, const char *fallback)
{
    const char *from = str_or(text(n, "from"), fallback);
    return str_eq(from, "desired") ? &c->bound : str_eq(from, "previous") ? &c->previous : NULL;
}

int plan_edit_world(struct plan_case *c, const struct ynode *observed, const struct ynode *applied,
                    struct err *err)
{
    const char *fallback = c->previous.n ? "previous" : observed || applied ? "desired" : "nothing";
    const struct resource_set *there = set_of(c, observed, fallback), *before = set_of(c, applied, fallback);
    struct world *w = &c->world;
    if (is_true(observed, "swarm"))
        w->caps = WORLD_SWARM_CAPS;
    /* Start with records and objects in sync. If the objects come from another set, recreate only them. */
    if (before)
        world_settle(w, before);
    if (there != before) {
        w->n = 0;
        struct inventory records = w->inventory;
        if (there)
            world_settle(w, there);
        w->inventory = records;
    }
    const struct ynode *objects = ynode_get(observed, "objects");
    int r = add_engine(c, ynode_get(observed, "engine"), err);
    for (size_t i = 0; r == 0 && objects && i < objects->len; i++)
        r = add_entry(c, objects->items[i], err);
    if (r == 0)
        r = edit_records(c, ynode_get(applied, "records"), err);
    edit_images(c, ynode_get(observed, "images"));
    edit_caps(c, ynode_get(observed, "without"));
    if (is_true(applied, "lost"))
        w->inventory.n = 0;
    return r;
}
