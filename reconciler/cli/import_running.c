/*
 * Manifests of running containers (import.h). Defaults of the image and the engine are left out, and so is
 * what Compose adds for itself. Names on the engine are kept, so that the manifests refer to exactly these
 * objects. Each manifest requests adoption: applying them takes the objects over and changes nothing.
 */
#include <ctype.h>

#include "base/str.h"
#include "providers/provider.h"
#include "reconciler/cli/import.h"
#include "schema/field.h"
#include "schema/kinds/container.h"

#define COMPOSE "com.docker.compose."

static const char *dns_label(struct arena *a, const char *name)
{
    char *out = arena_strdup(a, name);
    size_t n = 0;
    for (const char *p = name; *p && n < 63; p++)
        if (isalnum((unsigned char)*p) || n)
            out[n++] = (char)(isalnum((unsigned char)*p) ? tolower((unsigned char)*p) : '-');
    while (n && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    return out;
}

/* The part of a spec that differs from the defaults. */
static struct val *beyond_defaults(struct arena *a, const struct field_table *t, const struct val *spec,
                                   const struct val *defaults)
{
    struct val *out = val_map(a);
    for (size_t i = 0; i < spec->len; i++) {
        const char *key = spec->pairs[i].key;
        struct val *v = spec->pairs[i].val;
        const struct field *f = field_find(t, key);
        const struct val *given = val_get(defaults, key);
        if (!f || f->flags & FIELD_HIDDEN || field_equal(f, v, given))
            continue;
        if (f->type == FT_MAP && v->type == VAL_MAP && val_is(given, VAL_MAP)) {
            struct val *own = val_map(a);
            for (size_t k = 0; k < v->len; k++)
                if (!field_equal(f->elem, v->pairs[k].val, val_get(given, v->pairs[k].key)))
                    val_map_set(a, own, v->pairs[k].key, v->pairs[k].val);
            v = own;
        } else if (f->type == FT_RECORD && v->type == VAL_MAP) {
            static const struct val none = {.type = VAL_MAP};
            v = beyond_defaults(a, f->sub, v, given ? given : &none);
        } else if (f->type == FT_LIST && f->flags & FIELD_SET && val_is(given, VAL_LIST)) {
            struct val *own = val_list(a);
            for (size_t k = 0; k < v->len; k++) {
                bool known = false;
                for (size_t j = 0; j < given->len && !known; j++)
                    known = val_equal(v->items[k], given->items[j]);
                if (!known)
                    val_list_add(a, own, v->items[k]);
            }
            v = own;
        }
        bool empty = (v->type == VAL_MAP || v->type == VAL_LIST) && !v->len;
        if (!empty || (v->type == VAL_LIST && f->type == FT_COMMAND))
            val_map_set(a, out, key, v);
    }
    return out;
}

static void drop_compose_labels(struct arena *a, struct val *spec)
{
    const struct val *labels = val_get(spec, "labels");
    if (!val_is(labels, VAL_MAP))
        return;
    struct val *own = val_map(a);
    for (size_t i = 0; i < labels->len; i++)
        if (!str_starts(labels->pairs[i].key, COMPOSE))
            val_map_set(a, own, labels->pairs[i].key, labels->pairs[i].val);
    if (own->len)
        val_map_set(a, spec, "labels", own);
    else
        val_map_del(spec, "labels");
}

struct run {
    struct import *m;
    struct provider *provider;
    struct err *err;
};

static const struct resource *find_native(struct run *x, const struct kind_desc *kind, const char *native)
{
    const char *field = kind == &kind_container ? "container_name" : "name";
    for (size_t i = 0; i < x->m->set.n; i++) {
        const struct resource *r = x->m->set.items[i];
        if (r->kind == kind && str_eq(val_get_str(r->spec, field), native))
            return r;
    }
    return NULL;
}

static const char *free_name(struct run *x, const struct kind_desc *kind, const char *wanted)
{
    struct arena *a = &x->m->c->arena;
    const char *name = wanted;
    for (unsigned n = 2; resource_find(&x->m->set, arena_printf(a, "%s/%s", kind->prefix, name)); n++)
        name = arena_printf(a, "%.60s-%u", wanted, n);
    return name;
}

static struct resource *add(struct run *x, const struct kind_desc *kind, const char *name,
                            const struct val *spec, bool adopt)
{
    struct arena *a = &x->m->c->arena;
    struct resource *r = resource_new(a, kind, name);
    struct val *notes = val_map(a);
    if (adopt)
        val_set_str(a, notes, "forge/adopt", "true");
    r->annotations = notes;
    r->spec = spec;
    resource_set_add(&x->m->set, r);
    return r;
}

/* The name of the resource for a network or volume, which is added if there is none yet. A network that
   Compose did not create, and any object with an owner, is external. NULL: it could not be inspected; the
   error is in *ret_code. */
static const char *object_name(struct run *x, const struct kind_desc *kind, const char *native, int *ret_code)
{
    struct arena *a = &x->m->c->arena;
    const struct resource *known = find_native(x, kind, native);
    struct object o;
    if (known)
        return known->name;
    *ret_code = x->provider->ops->inspect(x->provider, kind, native, NULL, a, &o, x->err);
    if (*ret_code < 0)
        return NULL;
    const struct val *labels = val_get(o.spec, "labels");
    const char *own = val_get_str(labels, kind == &kind_network ? COMPOSE "network" : COMPOSE "volume");
    bool external = (kind == &kind_network && !own) || o.owner;
    struct val *spec = external ? val_map(a) : beyond_defaults(a, kind->spec, o.spec, o.defaults);
    drop_compose_labels(a, spec);
    val_set_str(a, spec, "name", native);
    if (external)
        val_set_bool(a, spec, "external", true);
    return add(x, kind, free_name(x, kind, dns_label(a, own ? own : native)), spec, !external)->name;
}

/* Replace the engine's names in a map of networks by the names of the resources. */
static int rename_networks(struct run *x, struct val *spec, const char *service, const char *name)
{
    struct arena *a = &x->m->c->arena;
    const struct val *networks = val_get(spec, "networks");
    if (!val_is(networks, VAL_MAP))
        return 0;
    struct val *out = val_map(a);
    for (size_t i = 0; i < networks->len; i++) {
        int r = 0;
        const char *resource = object_name(x, &kind_network, networks->pairs[i].key, &r);
        if (r < 0)
            return r;
        struct val *how = val_map_copy(a, networks->pairs[i].val);
        const struct val *aliases = val_get(how, "aliases");
        struct val *own = val_list(a);
        for (size_t k = 0; k < val_len(aliases); k++)
            if (!str_eq(aliases->items[k]->s, name)) /* its own name always resolves */
                val_list_add(a, own, aliases->items[k]);
        if (service && !str_eq(service, name) && !val_len(aliases))
            val_list_add(a, own, val_str(a, service));
        if (own->len)
            val_map_set(a, how, "aliases", own);
        else
            val_map_del(how, "aliases");
        val_map_set(a, out, resource, how);
    }
    val_map_set(a, spec, "networks", out);
    return 0;
}

static bool is_anonymous(const char *name)
{
    return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static int rename_volumes(struct run *x, struct val *spec)
{
    struct arena *a = &x->m->c->arena;
    const struct val *volumes = val_get(spec, "volumes");
    if (!val_is(volumes, VAL_MAP))
        return 0;
    struct val *out = val_map(a);
    for (size_t i = 0; i < volumes->len; i++) {
        struct val *mount = val_map_copy(a, volumes->pairs[i].val);
        const char *source = val_get_str(mount, "source");
        if (str_eq(val_get_str(mount, "type"), "volume") && source && is_anonymous(source)) {
            val_map_del(mount, "source");
        } else if (str_eq(val_get_str(mount, "type"), "volume") && source) {
            int r = 0;
            source = object_name(x, &kind_volume, source, &r);
            if (r < 0)
                return r;
            val_set_str(a, mount, "source", source);
        }
        val_map_set(a, out, volumes->pairs[i].key, mount);
    }
    val_map_set(a, spec, "volumes", out);
    return 0;
}

/* Names that only a link gives, as far as Compose did not add them for itself. Forge has no links. */
static void warn_of_links(struct run *x, const char *native, const struct val *links)
{
    for (size_t i = 0; i < val_len(links); i++) {
        const char *alias = strchr(links->items[i]->s, ':');
        struct arena *a = &x->m->c->arena;
        const char *other =
            alias ? arena_strndup(a, links->items[i]->s, (size_t)(alias - links->items[i]->s)) : NULL;
        if (!other || strstr(other, alias + 1))
            continue;
        struct diag *d = diag_add(&x->m->diags, DIAG_WARNING, NULL, 0, 0,
                                  "container %s knows %s as %s by a link, which is lost when it is replaced",
                                  native, other, alias + 1);
        diag_hint(&x->m->diags, d, "add %s to the aliases of %s on a network of both", alias + 1, other);
    }
}

static int add_container(struct run *x, const struct val *item)
{
    struct arena *a = &x->m->c->arena;
    const char *native = val_get_str(item, "name");
    const char *service = val_get_str(val_get(item, "labels"), COMPOSE "service");
    struct object o;
    int r = x->provider->ops->inspect(x->provider, &kind_container, native, NULL, a, &o, x->err);
    if (r < 0)
        return r;
    struct val *spec = beyond_defaults(a, kind_container.spec, o.spec, o.defaults);
    drop_compose_labels(a, spec);
    const char *name = free_name(x, &kind_container, dns_label(a, service ? service : native));
    r = rename_networks(x, spec, service, name);
    if (r == 0)
        r = rename_volumes(x, spec);
    if (r < 0)
        return r;
    if (o.auto_remove) {
        struct diag *d =
            diag_add(&x->m->diags, DIAG_WARNING, NULL, 0, 0,
                     "container %s was started with --rm: the engine removes it when it stops", native);
        diag_hint(&x->m->diags, d, "what Forge creates in its place is kept when it stops");
    }
    warn_of_links(x, native, o.links);
    val_set_str(a, spec, "container_name", native);
    add(x, &kind_container, name, spec, true);
    return 0;
}

/* Whose namespace a container shares is a resource too: it is there first, and replacing it replaces both. */
static void name_joined(struct run *x)
{
    struct arena *a = &x->m->c->arena;
    for (size_t i = 0; i < x->m->set.n; i++) {
        struct resource *r = x->m->set.items[i];
        for (const char *const *field = join_fields; r->kind == &kind_container && *field; field++) {
            const char *native = str_after(str_or(val_get_str(r->spec, *field), ""), "container:");
            const struct resource *other = native ? find_native(x, &kind_container, native) : NULL;
            if (!other)
                continue;
            struct val *spec = val_map_copy(a, r->spec);
            val_set_str(a, spec, *field, arena_printf(a, "service:%s", other->name));
            r->spec = spec;
        }
    }
}

static bool is_wanted(struct cli *c, const struct val *item)
{
    const char *project = cli_value(c, "project");
    const struct val *labels = val_get(item, "labels");
    const char *native = val_get_str(item, "name");
    const char *service = val_get_str(labels, COMPOSE "service");
    if (project && !str_eq(project, val_get_str(labels, COMPOSE "project")))
        return false;
    for (size_t i = 0; i < c->n_args; i++)
        if (str_eq(c->args[i], native) || (project && str_eq(c->args[i], service)))
            return true;
    bool ours = false;
    for (size_t i = 0; i < val_len(labels); i++)
        ours |= str_starts(labels->pairs[i].key, "io.forge.");
    return !c->n_args && !ours;
}

#define LOOK_THERE "`docker ps --all` lists the containers; those that Forge already manages are left out"

/* A name that matches no container is an error, not an empty result. */
static int check_names(struct cli *c, const struct val *list, size_t found, struct err *err)
{
    for (size_t i = 0; i < c->n_args; i++) {
        bool there = false;
        for (size_t k = 0; k < list->len && !there; k++)
            there = is_wanted(c, list->items[k]) &&
                    (str_eq(c->args[i], val_get_str(list->items[k], "name")) ||
                     str_eq(c->args[i], val_get_str(val_get(list->items[k], "labels"), COMPOSE "service")));
        if (there)
            continue;
        err_set(err, ERR_NOTFOUND, "the engine has no container %s%s%s", c->args[i],
                cli_value(c, "project") ? " in project " : "", str_or(cli_value(c, "project"), ""));
        return err_hint(err, LOOK_THERE);
    }
    if (found)
        return 0;
    err_set(err, ERR_NOTFOUND, "the engine has no container to import%s%s",
            cli_value(c, "project") ? " of project " : "", str_or(cli_value(c, "project"), ""));
    return err_hint(err, LOOK_THERE);
}

/* A container that was created by a pod or a swarm belongs to it. If Forge took it over, a later replace
   would create it outside of the pod or swarm. */
static int leave_out(struct import *m, const struct val *item, struct err *err)
{
    static const char hint[] = "write a separate manifest for it, and remove it from there";
    const char *name = val_get_str(item, "name"), *of = val_get_str(item, "part_of");
    if (!m->c->n_args) {
        diag_add(&m->diags, DIAG_WARNING, NULL, 0, 0, "container %s is part of %s and is left out", name, of);
        return 0;
    }
    err_set(err, ERR_UNSUPPORTED, "container %s is part of %s and cannot be taken over", name, of);
    return err_hint(err, "%s", hint);
}

int import_running(struct import *m, struct err *err)
{
    struct cli *c = m->c;
    struct engine *e;
    struct run x = {.m = m, .err = err};
    struct val *list;
    size_t found = 0;
    int r = cli_engine(c, &e, err);
    if (r == 0)
        r = engine_provider(e, &x.provider, err);
    if (r < 0)
        return r;
    if (!x.provider->ops->list)
        return err_set(err, ERR_UNSUPPORTED, "this engine cannot list containers that Forge does not manage");
    r = x.provider->ops->list(x.provider, &c->cancel, &c->arena, &list, err);
    if (r < 0)
        return r;
    resource_set_init(&m->set, &c->arena);
    for (size_t i = 0; i < list->len && r == 0; i++) {
        const struct val *item = list->items[i];
        if (!is_wanted(c, item))
            continue;
        found++;
        r = val_get(item, "part_of") ? leave_out(m, item, err) : add_container(&x, item);
    }
    if (r == 0)
        r = check_names(c, list, found, err);
    if (r == 0)
        name_joined(&x);
    resource_set_sort(&m->set);
    if (r < 0)
        resource_set_release(&m->set);
    return r;
}
