#include "reconciler/plan/bind.h"

#include "base/str.h"
#include "reconciler/plan/place.h"
#include "schema/kinds/container.h"

#define DEFAULT_NETWORK "network/default"

struct binding {
    const struct resource_set *in;
    const char *environment;
    struct arena *arena;
    const char *const *swarms;
    const char *target;   /* of the resource that is bound; NULL: there is one engine */
    struct arena scratch; /* for one resource */
    struct map native;    /* id -> native name of a network or volume; many resources refer to the same few */
    struct map needs_default; /* ids of default networks that some container without a network needs */
    struct map awaited;       /* ids that others wait for to complete; filled where there is a swarm */
    const char **defaults;
    size_t n_defaults, cap_defaults;
};

/* ENVIRONMENT-NAME, and -INSTANCE unless that is 0. Called for each object of each plan, hence no printf. */
static const char *join_name(struct arena *a, const char *environment, const char *name, unsigned instance)
{
    char digits[12];
    size_t at = sizeof(digits);
    for (; instance; instance /= 10)
        digits[--at] = (char)('0' + instance % 10);
    size_t n_env = strlen(environment), n_name = strlen(name), n_digits = sizeof(digits) - at;
    char *s = arena_alloc(a, n_env + n_name + n_digits + 3);
    char *p = mempcpy(s, environment, n_env);
    *p++ = '-';
    p = mempcpy(p, name, n_name);
    if (n_digits)
        *p++ = '-';
    memcpy(p, digits + at, n_digits);
    return s;
}

const char *bind_native_name(struct arena *a, const char *environment, const struct resource *r,
                             unsigned instance)
{
    bool instances = r->kind->flags & KIND_INSTANCES;
    const char *given = val_get_str(r->spec, instances ? "container_name" : "name");
    if (given)
        return given;
    if (!instances && val_get_bool(r->spec, "external", false))
        return r->name;
    return join_name(a, environment, r->name, instances ? instance : 0);
}

/* A network or volume of the set; NULL: it is none. */
static const struct resource *named(struct binding *b, const char *prefix, const char *name)
{
    const char *plain = arena_printf(&b->scratch, "%s/%s", prefix, name);
    return resource_find(b->in, id_on(&b->scratch, plain, b->target));
}

/* NULL where there is no resource. */
static const char *native_name_of(struct binding *b, const struct resource *r)
{
    const char *native = r ? map_get(&b->native, r->id) : NULL;
    if (!r)
        return NULL;
    if (!native) {
        native = bind_native_name(b->arena, b->environment, r, 0);
        map_put(&b->native, r->id, (void *)(uintptr_t)native);
    }
    return native;
}

/* The aliases on a network: the resource's own name, and those that are given. */
static struct val *aliases_of(const struct binding *b, const struct val *given, const char *name)
{
    struct val *aliases = val_list_sized(b->arena, val_len(given) + 1);
    for (size_t i = 0; i < val_len(given); i++)
        val_list_add(b->arena, aliases, given->items[i]);
    val_list_add(b->arena, aliases, val_str_borrow(b->arena, name, strlen(name)));
    val_list_sort(aliases);
    return aliases;
}

/* The attachment to one network. *own are the aliases where none are given, made once. */
static struct val *attach(const struct binding *b, const struct val *attachment, const char *name,
                          struct val **own)
{
    const struct val *given = val_get(attachment, "aliases");
    struct val *aliases = given || !*own ? aliases_of(b, given, name) : *own;
    if (!given)
        *own = aliases;
    struct val *rec = val_map_copy_room(b->arena, attachment, !given);
    val_map_set(b->arena, rec, "aliases", aliases);
    return rec;
}

static const char *default_id(const struct binding *b)
{
    return id_on(b->arena, DEFAULT_NETWORK, b->target);
}

static void need_default(struct binding *b)
{
    const char *id = default_id(b);
    if (map_get(&b->needs_default, id))
        return;
    map_put(&b->needs_default, id, b);
    arena_push(b->arena, b->defaults, b->n_defaults, b->cap_defaults, id);
}

/* The native name of a network named in the language; a native name is returned as it is. */
static const char *network_name(struct binding *b, const char *name)
{
    const char *native = native_name_of(b, named(b, "network", name));
    if (native)
        return native;
    if (!str_eq(name, "default"))
        return name;
    need_default(b);
    return arena_printf(b->arena, "%s-default", b->environment);
}

static void depend_on_default(struct binding *b, struct resource *r)
{
    if (r->n_depends)
        r->depends = arena_memdup(b->arena, r->depends, r->n_depends * sizeof(*r->depends));
    r->cap_depends = r->n_depends;
    resource_depend(r, b->arena, default_id(b), DEPEND_STARTED, true, "networks");
}

static void bind_networks(struct binding *b, struct resource *r, struct val *spec)
{
    if (val_get(spec, "network_mode"))
        return;
    const struct val *given = val_get(spec, "networks");
    struct val *bound = val_map_sized(b->arena, val_len(given) ? given->len : 1);
    struct val *own = NULL;
    for (size_t i = 0; i < val_len(given); i++)
        val_map_set(b->arena, bound, network_name(b, given->pairs[i].key),
                    attach(b, given->pairs[i].val, r->name, &own));
    if (!val_len(given)) {
        val_map_set(b->arena, bound, network_name(b, "default"), attach(b, NULL, r->name, &own));
        depend_on_default(b, r);
    }
    val_map_set(b->arena, spec, "networks", bound);
}

static bool is_on_swarm(const struct binding *b)
{
    for (const char *const *s = b->swarms; s && *s; s++)
        if (str_eq(*s, str_or(b->target, "")))
            return true;
    return false;
}

/* What a service's tasks need to know about a volume, which they create where they run. */
static void bind_volume_kind(struct binding *b, const struct resource *volume, struct val *mount)
{
    const char *driver = val_get_str(volume->spec, "driver");
    if (driver && !str_eq(driver, "local"))
        val_set_str(b->arena, mount, "driver", driver);
    static const char *const maps[] = {"driver_opts", "labels"};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        if (val_len(val_get(volume->spec, maps[i])))
            val_map_set(b->arena, mount, maps[i], val_get(volume->spec, maps[i]));
}

static void bind_volumes(struct binding *b, struct val *spec)
{
    const struct val *given = val_get(spec, "volumes");
    struct val *bound = NULL;
    for (size_t i = 0; i < val_len(given); i++) {
        const struct val *mount = given->pairs[i].val;
        const char *source = val_get_str(mount, "source");
        const struct resource *volume =
            source && str_eq(val_get_str(mount, "type"), "volume") ? named(b, "volume", source) : NULL;
        if (!volume)
            continue;
        if (!bound)
            bound = val_map_copy(b->arena, given);
        struct val *copy = val_map_copy(b->arena, mount);
        val_set_str(b->arena, copy, "source", native_name_of(b, volume));
        if (is_on_swarm(b))
            bind_volume_kind(b, volume, copy);
        val_map_set(b->arena, bound, given->pairs[i].key, copy);
    }
    if (bound)
        val_map_set(b->arena, spec, "volumes", bound);
}

/* "container/db" -> "container:production-db-1" */
static void bind_joins(const struct binding *b, struct val *spec)
{
    for (const char *const *field = join_fields; *field; field++) {
        const char *text = val_get_str(spec, *field);
        const char *name = text ? str_after(text, "container/") : NULL;
        const struct resource *other = name ? resource_find(b->in, id_on(b->arena, text, b->target)) : NULL;
        if (other)
            val_map_set(
                b->arena, spec, *field,
                val_strf(b->arena, "container:%s", bind_native_name(b->arena, b->environment, other, 1)));
    }
}

static bool awaits_completion(const struct resource *r)
{
    for (size_t i = 0; r && i < r->n_depends; i++)
        if (r->depends[i].condition == DEPEND_COMPLETED)
            return true;
    return false;
}

static void find_awaited(struct binding *b)
{
    for (size_t i = 0; b->swarms && i < b->in->n; i++)
        for (size_t k = 0; k < b->in->items[i]->n_depends; k++)
            if (b->in->items[i]->depends[k].condition == DEPEND_COMPLETED)
                map_put(&b->awaited, b->in->items[i]->depends[k].id, b);
}

/* A swarm starts a task that has ended again unless it is told otherwise, and a plain engine does not. What
   others wait for to complete has to end on both. */
static void bind_restart(struct binding *b, const struct resource *r, struct val *spec)
{
    const char *mode = val_get_str(val_get(spec, "deploy"), "mode");
    bool job = mode && str_ends(mode, "-job");
    if (is_on_swarm(b) && !job && !val_get(spec, "restart") && map_get(&b->awaited, r->id))
        val_set_str(b->arena, spec, "restart", "no");
}

static struct resource *bind_resource(struct binding *b, const struct resource *r)
{
    struct resource *bound = arena_memdup(b->arena, r, sizeof(*r));
    if (!(r->kind->flags & KIND_INSTANCES))
        return bound;
    b->target = id_target(r->id);
    struct val *spec = val_map_copy(b->arena, r->spec);
    bind_networks(b, bound, spec);
    bind_volumes(b, spec);
    bind_joins(b, spec);
    bind_restart(b, r, spec);
    bound->spec = spec;
    arena_release(&b->scratch);
    return bound;
}

static struct resource *default_network(const struct binding *b, const char *id)
{
    struct resource *r = arena_new(b->arena, struct resource);
    r->kind = &kind_network;
    r->name = "default";
    r->id = id;
    r->labels = r->annotations = r->spec = val_map(b->arena);
    return r;
}

/* A name that is given is one object's; those that are made of the resource's name cannot collide. */
static int check_names(const struct binding *b, const struct resource_set *set, struct err *err)
{
    _cleanup_map_ struct map seen = MAP_INIT;
    for (size_t i = 0; i < set->n; i++) {
        const struct resource *r = set->items[i];
        const char *field = r->kind->flags & KIND_INSTANCES ? "container_name" : "name";
        const struct val *name = r->kind->flags & KIND_VIRTUAL ? NULL : val_get(r->spec, field);
        if (!val_is(name, VAL_STR) || val_get_bool(r->spec, "external", false))
            continue;
        const char *key =
            id_on(b->arena, arena_printf(b->arena, "%s %s", r->kind->prefix, name->s), id_target(r->id));
        const struct resource *other = map_get(&seen, key);
        if (other) {
            err_set(err, ERR_INVALID, "%s and %s both have the name \"%s\" on the engine", other->id, r->id,
                    name->s);
            return err_at(err, str_or(r->file, ""), name->line ? name->line : r->line, name->col);
        }
        map_put(&seen, key, set->items[i]);
    }
    return 0;
}

static void binding_release(struct binding *b)
{
    map_release(&b->needs_default);
    map_release(&b->awaited);
    map_release(&b->native);
    arena_words_end(b->arena);
}

int bind_set(const struct resource_set *in, const char *environment, const char *const *swarms,
             struct arena *a, struct resource_set *ret, struct err *err)
{
    struct binding b = {.in = in, .environment = environment, .swarms = swarms, .arena = a};
    if (str_empty(environment))
        return err_set(err, ERR_INVALID,
                       "the environment needs a name: the names of its objects start with it");
    int r = check_names(&b, in, err);
    if (r < 0)
        return r;
    resource_set_init(ret, a);
    arena_words_begin(a);
    ret->project = in->project;
    ret->files = in->files;
    ret->n_files = in->n_files;
    find_awaited(&b);
    for (size_t i = 0; i < in->n; i++)
        resource_set_add(ret, bind_resource(&b, in->items[i]));
    for (size_t i = 0; i < b.n_defaults; i++)
        resource_set_add(ret, default_network(&b, b.defaults[i]));
    binding_release(&b);
    resource_set_sort(ret);
    return 0;
}

static bool needs(const struct resource *r, const char *id)
{
    for (size_t i = 0; r && i < r->n_depends; i++)
        if (str_eq(r->depends[i].id, id))
            return true;
    return false;
}

static int rebind(struct binding *b, const char *id, struct resource_set *bound, struct err *err)
{
    const struct resource *before = resource_find(bound, id), *asked = resource_find(b->in, id);
    if (place_is_said(asked))
        return err_set(err, ERR_UNSUPPORTED, "%s: it names its own target", id);
    if (b->swarms && (awaits_completion(before) || awaits_completion(asked)))
        return err_set(err, ERR_UNSUPPORTED, "%s: it may decide what others are", id);
    struct resource *now = bind_resource(b, asked);
    bool there = resource_find(bound, DEFAULT_NETWORK), asked_for = resource_find(b->in, DEFAULT_NETWORK);
    /* The default network is added with the first container that needs it, and dropped with the last. */
    if ((b->n_defaults && !there) ||
        (!asked_for && needs(before, DEFAULT_NETWORK) && !needs(now, DEFAULT_NETWORK)))
        return err_set(err, ERR_UNSUPPORTED, "%s: the set of users of the default network changes", id);
    resource_set_put(bound, now);
    return 0;
}

int bind_part(const struct resource_set *in, const char *environment, const char *const *swarms,
              const struct load_edit *edit, struct resource_set *bound, struct err *err)
{
    struct binding b = {.in = in, .environment = environment, .swarms = swarms, .arena = bound->arena};
    int r = 0;
    bound->files = in->files;
    bound->n_files = in->n_files;
    find_awaited(&b);
    for (size_t i = 0; i < edit->n_placed && r == 0; i++)
        r = rebind(&b, edit->placed[i], bound, err);
    for (size_t i = 0; i < edit->n && r == 0; i++)
        for (const struct resource_user *u = load_users(in, edit->ids[i]); u && r == 0; u = u->next)
            if (resource_find(in, u->id))
                r = rebind(&b, u->id, bound, err);
    binding_release(&b);
    return r;
}

const struct val *bind_without_contents(struct arena *a, const struct val *spec)
{
    const struct val *secrets = val_get(spec, "secrets");
    if (!val_len(secrets))
        return spec;
    struct val *copy = val_map_copy(a, spec), *files = val_map_copy(a, secrets);
    for (size_t i = 0; i < files->len; i++) {
        struct val *file = val_map_copy(a, files->pairs[i].val);
        val_map_del(file, "content");
        files->pairs[i].val = file;
    }
    val_map_set(a, copy, "secrets", files);
    return copy;
}

const char *bind_spec_mark(struct arena *a, const struct resource *r)
{
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    struct resource asked = *r;
    asked.spec = bind_without_contents(a, r->spec);
    resource_digest(&asked, &d);
    digest_hex(&d, hex);
    return arena_printf(a, "v1:%s", hex);
}

struct val *bind_marks(struct arena *a, const char *environment, const struct resource *r, unsigned instance,
                       uint64_t generation, const char *commit)
{
    struct val *marks = val_map(a);
    val_set_str(a, marks, MARK_OWNER, environment);
    /* The target is left out: an object carries the same marks however many engines there are. */
    val_set_str(a, marks, MARK_RESOURCE, id_plain(a, r->id));
    if (instance)
        val_set_str(a, marks, MARK_INSTANCE, arena_printf(a, "%u", instance));
    if (generation)
        val_set_str(a, marks, MARK_GENERATION, arena_printf(a, "%llu", (unsigned long long)generation));
    val_set_str(a, marks, MARK_COMMIT, commit);
    val_set_str(a, marks, MARK_SPEC, bind_spec_mark(a, r));
    if (str_eq(resource_annotation(r, "forge/prune"), "disabled"))
        val_set_str(a, marks, MARK_PRUNE, "disabled");
    const struct val *configs = val_get(r->spec, "configs");
    if (val_len(configs)) {
        _cleanup_buf_ struct buf json = BUF_INIT;
        val_json(configs, 0, &json);
        val_set_str(a, marks, MARK_CONFIGS, buf_str(&json));
    }
    return marks;
}
