/*
 * Loading a part of a set again (load.h).
 *
 * The files that differ go through the same steps as in a full load, into a set of their own whose references
 * may point into the rest; then its resources are put into the whole set. That the rest is not affected is
 * checked with what the full load has noted; where this cannot be told, everything is loaded.
 */
#include "base/limits.h"
#include "base/str.h"
#include "schema/load_internal.h"

#define PART_FILES 32u  /* files to read; more than that is not a small change */
#define PART_USERS 256u /* resources that depend on one that changed */

struct load_part {
    const struct load_part_input *in;
    struct resource_set *base;
    struct resource_set *made;
    struct load_file files[PART_FILES];
    size_t numbers[PART_FILES]; /* the caller's numbers of these files */
    size_t n, n_manifests;      /* the latter: without files that are only named */
    struct err *err;
};

static int give_up(struct load_part *p, const char *what, const char *why)
{
    return err_set(p->err, ERR_UNSUPPORTED, "%s: %s", what, why);
}

/* ---- which files to read ---- */

static int read_part(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    struct load_part *p = arg;
    return p->in->load->read(p->in->load->arg, p->numbers[i], a, ret, ret_len, err);
}

static int get_part(void *arg, const char *key, const void **ret, size_t *ret_len)
{
    const struct load_input *in = ((struct load_part *)arg)->in->load;
    return in->cache_get ? in->cache_get(in->arg, key, ret, ret_len) : ERR_NOTFOUND;
}

static void put_part(void *arg, const char *key, const void *data, size_t len)
{
    const struct load_input *in = ((struct load_part *)arg)->in->load;
    if (in->cache_put)
        in->cache_put(in->arg, key, data, len);
}

const struct load_file *load_part_file(struct load_part *p, const char *path)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->files[i].path, path))
            return &p->files[i];
    if (p->n == PART_FILES || p->in->find(p->in->load->arg, path, &p->numbers[p->n], &p->files[p->n]) < 0)
        return NULL;
    return &p->files[p->n++];
}

/* Add a file whose content is read: it must exist, and hold resources only. */
static int add_file(struct load_part *p, const char *path)
{
    if (map_get(&p->base->trace->odd, path))
        return give_up(p, path, "it holds more than resources");
    if (p->n > PART_FILES / 2)
        return give_up(p, path, "too many files");
    return load_part_file(p, path) ? 0 : give_up(p, path, "it is gone");
}

static int add_users(struct load_part *p, const struct resource_user *u)
{
    int r = 0;
    for (; u && r == 0; u = u->next) {
        const struct resource *user = resource_find(p->base, u->id);
        if (user)
            r = add_file(p, user->file);
    }
    return r;
}

/* Values filled in from a Config or Secret in this file have to be filled in again: add the files of its
   users. */
static int add_filled(struct load_part *p, const char *path)
{
    int r = 0;
    for (size_t i = 0; i < p->base->n && r == 0; i++) {
        const struct resource *res = p->base->items[i];
        if ((res->kind == &kind_config || res->kind == &kind_secret) && str_eq(res->file, path))
            r = add_users(p, map_get(&p->base->trace->needed_by, res->id));
    }
    return r;
}

static bool is_project(const char *path)
{
    return str_eq(path, "forge.yaml") || str_eq(path, "forge.yml");
}

static int choose_files(struct load_part *p)
{
    int r = 0;
    for (size_t i = 0; i < p->in->n_changed && r == 0; i++) {
        const char *path = p->in->changed[i];
        bool named = map_get(&p->base->trace->named, path) != NULL;
        if (is_project(path))
            return give_up(p, path, "everything depends on it");
        if (named && load_is_manifest(path))
            return give_up(p, path, "it is no manifest because another one names it");
        r = add_file(p, path);
        if (r == 0)
            r = add_users(p, map_get(&p->base->trace->named, path));
    }
    for (size_t i = 0; i < p->n && r == 0; i++) /* add_filled() may add files */
        r = add_filled(p, p->files[i].path);
    p->n_manifests = p->n;
    return r;
}

/* ---- does the rest stay unchanged ---- */

/* The explicit name of a resource on the engine; NULL: the name is derived from the resource's own. */
static const char *given_name(const struct resource *r)
{
    return val_get_str(r->spec, r->kind->flags & KIND_INSTANCES ? "container_name" : "name");
}

static const struct val *ports_of(const struct resource *r)
{
    bool any = r->kind == &kind_container && val_get_int(r->spec, "replicas", 1) != 0;
    return any ? val_get(r->spec, "ports") : NULL;
}

static bool share_port(const struct resource *a, const struct resource *b)
{
    const struct val *mine = ports_of(a), *theirs = ports_of(b);
    for (size_t i = 0; i < val_len(mine); i++)
        for (size_t k = 0; k < val_len(theirs); k++) {
            int64_t port = val_get_int(mine->pairs[i].val, "published", 0);
            if (port && port == val_get_int(theirs->pairs[k].val, "published", 0))
                return true;
        }
    return false;
}

/* Does it claim a new name or new ports, and does another resource have the name or one of the ports? */
static bool may_clash(const struct load_part *p, const struct resource *r, const struct resource *before)
{
    const char *name = given_name(r);
    bool new_name = name && (!before || !str_eq(name, given_name(before)));
    bool new_ports = val_len(ports_of(r)) && (!before || !val_equal(ports_of(r), ports_of(before)));
    if (!new_name && !new_ports)
        return false;
    const struct resource_set *sets[] = {p->base, p->made};
    for (size_t s = 0; s < ARRAY_LEN(sets); s++)
        for (size_t i = 0; i < sets[s]->n; i++) {
            const struct resource *other = sets[s]->items[i];
            if (str_eq(other->id, r->id))
                continue;
            if ((new_name && other->kind == r->kind && str_eq(given_name(other), name)) ||
                (new_ports && share_port(r, other)))
                return true;
        }
    return false;
}

static const struct resource *find(const struct load_part *p, const char *id)
{
    const struct resource *r = resource_find(p->made, id);
    return r ? r : resource_find(p->base, id);
}

/* Does `from` depend on `id`, directly or indirectly? Most resources have few dependencies. */
static bool reaches(const struct load_part *p, const struct resource *from, const char *id, struct map *seen)
{
    for (size_t i = 0; i < from->n_depends; i++) {
        const struct resource *next = find(p, from->depends[i].id);
        if (!next || map_get(seen, next->id))
            continue;
        map_put(seen, next->id, seen);
        if (str_eq(next->id, id) || reaches(p, next, id, seen))
            return true;
    }
    return false;
}

static bool needs_the_same(const struct resource *r, const struct resource *before)
{
    bool same = before && r->n_depends == before->n_depends;
    for (size_t i = 0; same && i < r->n_depends; i++)
        same = str_eq(r->depends[i].id, before->depends[i].id);
    return same;
}

static bool same_request(const struct resource *a, const struct resource *b)
{
    return val_equal(a->spec, b->spec) && val_equal(a->labels, b->labels) &&
           val_equal(a->annotations, b->annotations);
}

static int judge_resource(struct load_part *p, const struct resource *r)
{
    const struct resource *before = resource_find(p->base, r->id);
    _cleanup_map_ struct map seen = MAP_INIT;
    if (before ? !str_eq(before->file, r->file) : map_get(&p->base->trace->patched, r->id) != NULL)
        return give_up(p, r->id, "other files have a say in it");
    for (size_t i = 0; i < p->base->n_inactive; i++)
        if (str_eq(p->base->inactive[i], r->id))
            return give_up(p, r->id, "it is there, and not active");
    if (may_clash(p, r, before))
        return give_up(p, r->id, "another one may have its name or port");
    if (!needs_the_same(r, before) && reaches(p, r, r->id, &seen))
        return give_up(p, r->id, "a circle");
    if (before && same_request(r, before))
        return 0;
    size_t users = 0;
    for (const struct resource_user *u = map_get(&p->base->trace->needed_by, r->id); u; u = u->next)
        if (++users > PART_USERS)
            return give_up(p, r->id, "many depend on it");
    return 0;
}

/* No resource may disappear: the effect on others could only be told by looking at all of them. */
static int judge_absent(struct load_part *p)
{
    for (size_t i = 0; i < p->base->n; i++) {
        const struct resource *r = p->base->items[i];
        for (size_t k = 0; k < p->n_manifests; k++)
            if (str_eq(r->file, p->files[k].path) && !resource_find(p->made, r->id))
                return give_up(p, r->id, "it is gone");
    }
    return 0;
}

static int judge(struct load_part *p, const struct loader *l)
{
    size_t added = 0;
    if (l->refused || l->diags->n || p->made->n_inactive)
        return give_up(p, "the part", "it is not plain, or something is wrong with it");
    for (size_t i = 0; i < p->made->n; i++) {
        int r = judge_resource(p, p->made->items[i]);
        if (r < 0)
            return r;
        added += !resource_find(p->base, p->made->items[i]->id);
    }
    if (p->base->n + added > LIMIT_RESOURCES)
        return give_up(p, "the part", "too many resources");
    return judge_absent(p);
}

/* ---- put the part into the set ---- */

static void put_resources(struct load_part *p, struct loader *l, struct load_edit *ret)
{
    struct resource_set *base = p->base;
    for (size_t i = 0; i < p->made->n; i++) {
        struct resource *r = p->made->items[i];
        const struct resource *before = resource_find(base, r->id);
        arena_push(base->arena, ret->placed, ret->n_placed, ret->cap_placed, r->id);
        if (!before || !same_request(before, r))
            arena_push(base->arena, ret->ids, ret->n, ret->cap, r->id);
        if (!before || !needs_the_same(r, before))
            load_trace_needs(base->trace, base->arena, r);
        resource_set_put(base, r);
    }
    base->files = p->made->files;
    base->n_files = p->made->n_files;
    base->cap_files = p->made->cap_files;
    load_trace_budgets(l);
}

/* Run the checks of the changed resources and of those that depend on them, now that all are in place. */
static void check_resources(struct load_part *p, struct loader *l, const struct load_edit *edit)
{
    struct resource_set *base = p->base;
    for (size_t i = 0; i < p->made->n; i++) {
        const struct resource *r = p->made->items[i];
        if (r->kind->check)
            r->kind->check(r, base, l->diags);
    }
    for (size_t i = 0; i < edit->n; i++) {
        for (const struct resource_user *u = load_users(base, edit->ids[i]); u; u = u->next) {
            const struct resource *user = resource_find(base, u->id);
            if (user && user->kind->check)
                user->kind->check(user, base, l->diags);
        }
    }
    for (size_t i = 0; i < l->n_units; i++)
        load_check_refs(l, base, l->units[i].refs, l->units[i].n_refs);
}

static int load_and_put(struct load_part *p, struct loader *l, struct load_edit *ret, struct err *err)
{
    int r = load_steps(l, err);
    if (r < 0)
        return r;
    load_settle(l);
    r = judge(p, l);
    if (r < 0)
        return r;
    put_resources(p, l, ret);
    check_resources(p, l, ret);
    return l->diags->n ? err_set(err, ERR_INVALID, "something is wrong with the whole") : 0;
}

int schema_load_part(const struct load_part_input *in, struct resource_set *set, struct load_edit *ret,
                     struct err *err)
{
    _cleanup_arena_ struct arena scratch = ARENA_INIT;
    struct load_trace *trace = set->trace;
    struct resource_set made;
    struct diag_list diags;
    struct load_stats stats = {0};
    *ret = (struct load_edit){0};
    if (!trace)
        return err_set(err, ERR_UNSUPPORTED, "nothing was noted of the whole");
    struct load_part *p = arena_new(&scratch, struct load_part);
    *p = (struct load_part){.in = in, .base = set, .made = &made, .err = err};
    if (trace->whole)
        return give_up(p, "the set", "it holds Stacks");
    if (trace->knows_commit)
        return give_up(p, "the commit", "a manifest asks for it");
    if (!in->n_changed)
        return 0;
    int r = choose_files(p);
    if (r < 0)
        return r;
    /* The Project is read first, although it is not one of the changed files. */
    if (!load_part_file(p, "forge.yaml"))
        load_part_file(p, "forge.yml");
    struct load_input files = *in->load;
    files.files = p->files;
    files.n_files = p->n;
    files.arg = p;
    files.read = read_part;
    files.cache_get = get_part;
    files.cache_put = put_part;
    diag_init(&diags, &scratch);
    struct loader l;
    loader_init(&l, &files, set->arena, &made, &diags, &stats);
    l.part = p;
    made.trace = trace;
    made.files = set->files;
    made.n_files = made.cap_files = set->n_files;
    loader_take_files(&l);
    l.overlay_budget = trace->overlay_budget;
    l.items_budget = trace->items_budget;
    l.named_budget = trace->named_budget;
    l.vars.budget = trace->text_budget;
    r = load_and_put(p, &l, ret, err);
    loader_release(&l);
    made.trace = NULL;
    resource_set_release(&made);
    return r;
}

struct resource *load_find_resource(const struct loader *l, const char *id)
{
    struct resource *r = resource_find(l->set, id);
    return r || !l->part ? r : resource_find(l->part->base, id);
}

bool load_part_may_name(const struct load_part *p, const char *path)
{
    return !load_is_manifest(path) || map_get(&p->base->trace->odd, path);
}
