/* The objects that a compose project declares: names, networks, volumes, configs, secrets (compose.h). */
#include "schema/compose/compose.h"

#include <ctype.h>

#include "base/str.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

static const struct {
    const char *section, *one;
    const struct kind_desc *kind;
} sections[SECTION_END] = {
    [SECTION_NETWORKS] = {"networks", "network", &kind_network},
    [SECTION_VOLUMES] = {"volumes", "volume", &kind_volume},
    [SECTION_CONFIGS] = {"configs", "config", &kind_config},
    [SECTION_SECRETS] = {"secrets", "secret", &kind_secret},
};

/* Names. */

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* Names in Compose may contain "_", "." and capitals; names of resources are DNS labels. */
static const char *folded_name(struct compose *c, const char *name)
{
    char *out = arena_printf(c->arena, "%s%s", c->options->prefix, name);
    size_t n = 0;
    for (const char *p = out; *p; p++) {
        bool plain = isalnum((unsigned char)*p);
        if (plain || n)
            out[n++] = plain ? (char)tolower((unsigned char)*p) : '-';
    }
    while (n && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    return out;
}

const char *compose_resource_name(struct compose *c, const char *kind, const char *name,
                                  const struct ynode *at)
{
    const char *resource = folded_name(c, name);
    bool good = *name && strspn(name, NAME_CHARACTERS "/") == strlen(name);
    if (!good || !resource_name_is_valid(resource)) {
        compose_error(c, at,
                      "use letters, digits, -, _ and ., at most 63 characters including the Stack's prefix",
                      "\"%.80s\" cannot be the name of a %s", name, kind);
        return NULL;
    }
    const char *id = arena_printf(c->arena, "%s/%s", kind, resource);
    const struct ynode *other = map_get(&c->names->resources, id);
    if (other && other != at) {
        compose_error(
            c, at, "rename one of them",
            "\"%.64s\" and \"%.64s\" would both become %s: names are lowercased, and _ and . become -", name,
            other->type == YN_SCALAR ? other->text : resource, id);
        return NULL;
    }
    map_put(&c->names->resources, id, (void *)(uintptr_t)at);
    return resource;
}

static void declare(struct compose *c, struct map *map, struct ynode *section, const char *one,
                    const char *kind, struct compose_object *list)
{
    for (size_t i = 0; i < section->len; i++) {
        const struct ypair *pair = &section->pairs[i];
        struct compose_object *o = list ? &list[i] : arena_new(c->arena, struct compose_object);
        *o = (struct compose_object){.name = pair->key->text, .key = pair->key, .value = pair->value};
        if (str_starts(o->name, "x-"))
            continue;
        bool wrong = o->value->type != YN_MAP && !ynode_is_null(o->value);
        if (wrong)
            compose_error(c, o->value, "write NAME: {...}", "%s %s must be a mapping, not a %s", one, o->name,
                          ynode_type_name(o->value));
        if (o->value->type != YN_MAP)
            o->value = NULL;
        if (kind && !wrong)
            o->resource = compose_resource_name(c, kind, o->name, pair->key);
        map_put(map, o->name, o);
    }
}

void compose_declare(struct compose *c, struct ynode *root)
{
    struct compose_names *names = c->names;
    struct ynode *services = ynode_get(root, "services");
    if (services && services->type == YN_MAP) {
        names->services_list = arena_array(c->arena, struct compose_object, services->len + 1);
        names->n_services = services->len;
        declare(c, &names->services, services, "service", "container", names->services_list);
    }
    for (int s = 0; s < SECTION_END; s++) {
        struct ynode *section = ynode_get(root, sections[s].section);
        if (section && section->type == YN_MAP)
            declare(c, &names->sections[s], section, sections[s].one, NULL, NULL);
    }
}

static const char *nearest_of(struct compose *c, const struct map *map, const char *name)
{
    const char **names = arena_array(c->arena, const char *, map->n + 1);
    const struct map_slot *slot;
    size_t n = 0;
    for (size_t it = 0; (slot = map_next(map, &it));)
        names[n++] = slot->key;
    const char *near = str_nearest(name, names, n);
    return near ? arena_printf(c->arena, "did you mean \"%s\"?", near) : NULL;
}

/* The default network exists without being declared. */
static struct compose_object *default_network(struct compose *c, const struct ynode *at)
{
    struct compose_object *o = arena_new(c->arena, struct compose_object);
    struct ynode *key = compose_scalar(c, at, "default");
    *o = (struct compose_object){.name = "default", .key = key, .used = false};
    map_put(&c->names->sections[SECTION_NETWORKS], o->name, o);
    return o;
}

struct compose_object *compose_use(struct compose *c, enum compose_section s, const char *name,
                                   const struct ynode *at)
{
    struct map *map = &c->names->sections[s];
    struct compose_object *o = map_get(map, name);
    if (!o && s == SECTION_NETWORKS && str_eq(name, "default"))
        o = default_network(c, at);
    if (!o) {
        const char *near = nearest_of(c, map, name);
        compose_error(c, at,
                      near ? near
                           : arena_printf(c->arena, "declare it: %s: {%s: {}}", sections[s].section, name),
                      "there is no %s \"%.64s\" in the compose file", sections[s].one, name);
        return NULL;
    }
    if (!o->used) {
        o->used = true;
        bool ours = s == SECTION_CONFIGS || s == SECTION_SECRETS;
        const struct ynode *external = o->value ? ynode_get(o->value, "external") : NULL;
        const char *own = compose_text(ynode_get(o->value, "name"));
        if (ours && external && !str_eq(compose_text(external), "false")) {
            /* A Config or Secret of the environment, by its own name. */
            const char *legacy = external->type == YN_MAP ? compose_text(ynode_get(external, "name")) : NULL;
            o->resource = legacy ? legacy : own ? own : o->name;
            o->external = true;
        } else {
            o->resource = compose_resource_name(c, sections[s].one, o->name, o->key);
        }
    }
    return o->resource ? o : NULL;
}

struct compose_object *compose_shared_volume(struct compose *c, const struct compose_object *service,
                                             const char *target, const struct ynode *at)
{
    /* No name in the project contains a ":". */
    const char *key = arena_printf(c->arena, "%s:%s", service->name, target);
    if (!map_get(&c->names->sections[SECTION_VOLUMES], key)) {
        struct compose_object *o = arena_new(c->arena, struct compose_object);
        char *name = arena_printf(c->arena, "%s%s", service->name, target);
        for (char *p = strchr(name, '/'); p; p = strchr(p, '/'))
            *p = '-';
        *o = (struct compose_object){.name = name, .key = compose_scalar(c, at, name)};
        map_put(&c->names->sections[SECTION_VOLUMES], key, o);
    }
    return compose_use(c, SECTION_VOLUMES, key, at);
}

/* Documents. */

void compose_document(struct compose *c, const struct kind_desc *kind, const char *name,
                      const struct ynode *at, struct ynode *spec, bool partial)
{
    struct loader *l = c->l;
    size_t before = l->diags->errors;
    struct decode_at top = {.name = kind == &kind_container ? "services"
                                                            : arena_printf(c->arena, "%ss", kind->prefix)};
    struct decode_at here = {.up = &top, .name = at->type == YN_SCALAR ? at->text : name};
    struct decode d = {.arena = l->arena,
                       .diags = l->diags,
                       .file = c->options->file,
                       .files = l->set->files,
                       .lenient = true,
                       .at = &here,
                       .budget = &l->items_budget};
    struct document doc = {.kind = kind,
                           .use = DOCUMENT_RESOURCE,
                           .name = arena_strdup(l->arena, name),
                           .labels = val_map(l->arena),
                           .annotations = val_map(l->arena),
                           .path = at->file ? l->set->files[at->file] : c->options->file,
                           .line = at->line,
                           .col = at->col};
    doc.spec = decode_record(&d, kind->spec, spec);
    if (!doc.spec)
        doc.spec = val_map(l->arena);
    doc.partial = partial || c->broken || l->diags->errors > before;
    arena_push(&l->scratch, c->unit->docs, c->unit->n_docs, c->unit->cap_docs, doc);
}

/* external: true, or the older external: {name: ...}. */
static bool read_external(struct compose *c, const struct compose_object *o, struct ynode *spec)
{
    struct ynode *external = ynode_get(spec, "external");
    if (!external || str_eq(compose_text(external), "false"))
        return false;
    const char *legacy = external->type == YN_MAP ? compose_text(ynode_get(external, "name")) : NULL;
    if (external->type == YN_MAP)
        compose_set_text(c, spec, external, "external", "true");
    if (legacy)
        compose_set_text(c, spec, external, "name", legacy);
    if (!compose_text(ynode_get(spec, "name")))
        compose_set_text(c, spec, o->key, "name", o->name);
    /* Compose ignores the other keys of an external object. */
    for (size_t i = spec->len; i-- > 0;) {
        const struct ynode *key = spec->pairs[i].key;
        if (str_eq(key->text, "external") || str_eq(key->text, "name") || str_starts(key->text, "x-"))
            continue;
        compose_warning(c, key, "remove it: an external object is used as it is",
                        "%s is ignored on an external object", key->text);
        compose_remove(spec, key->text);
    }
    return true;
}

static void add_network(struct compose *c, const struct compose_object *o)
{
    struct ynode *spec =
        o->value ? compose_copy(c, compose_drop_ignored(c, o->value, "networks")) : compose_map(c, o->key);
    if (!read_external(c, o, spec) && c->project && !ynode_get(spec, "name"))
        compose_set_text(c, spec, o->key, "name", arena_printf(c->arena, "%s_%s", c->project, o->name));
    compose_document(c, &kind_network, o->resource, o->key, spec, false);
}

/* The path of a local volume that is a bind mount of a host folder: it may be relative. */
static void resolve_device(struct compose *c, struct ynode *spec)
{
    const struct ynode *options = ynode_get(spec, "driver_opts");
    const struct ynode *device = options && options->type == YN_MAP ? ynode_get(options, "device") : NULL;
    const char *text = compose_text(device);
    const char *mount = device ? compose_text(ynode_get(options, "o")) : NULL;
    if (!text || !mount || !strstr(mount, "bind") || text[0] == '/')
        return;
    const char *path = compose_host_path(c, device, text);
    if (!path) {
        compose_error(c, device,
                      "use an absolute path on the host, or set the host folder that it is relative to: "
                      "directory: /srv/... in a Stack, or import --host-dir",
                      "\"%s\" is a relative path, and no host folder is set for relative paths", text);
        return;
    }
    struct ynode *copy = compose_copy(c, options);
    compose_set_text(c, copy, device, "device", path);
    compose_set(c, spec, compose_scalar(c, options, "driver_opts"), copy);
}

static void add_volume(struct compose *c, const struct compose_object *o)
{
    struct ynode *spec = o->value ? compose_copy(c, o->value) : compose_map(c, o->key);
    if (!read_external(c, o, spec)) {
        if (c->project && !ynode_get(spec, "name"))
            compose_set_text(c, spec, o->key, "name", arena_printf(c->arena, "%s_%s", c->project, o->name));
        resolve_device(c, spec);
    }
    compose_document(c, &kind_volume, o->resource, o->key, spec, false);
}

const char *compose_relative(struct arena *a, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    size_t folder = slash ? (size_t)(slash - file) + 1 : 0;
    if (strncmp(file, path, folder) == 0)
        return path + folder;
    struct buf text = BUF_INIT;
    for (const char *p = strchr(file, '/'); p; p = strchr(p + 1, '/'))
        buf_adds(&text, "../");
    buf_adds(&text, path);
    const char *out = arena_strdup(a, buf_str(&text));
    buf_release(&text);
    return out;
}

static const char *path_of(const struct compose *c, const struct ynode *at)
{
    return at->file ? c->l->set->files[at->file] : c->options->file;
}

static void add_config(struct compose *c, const struct compose_object *o)
{
    struct ynode *spec =
        o->value ? compose_copy(c, compose_drop_ignored(c, o->value, "configs")) : compose_map(c, o->key);
    const struct ynode *file = ynode_get(spec, "file");
    const struct ynode *variable = ynode_get(spec, "environment");
    const char *text = compose_text(file);
    bool partial = false;
    if (text) {
        const char *path = compose_path(c, compose_base(c, file), text);
        bool outside = text[0] == '/' || str_empty(path);
        partial = outside;
        if (outside)
            compose_remove(spec, "file");
        if (outside)
            compose_error(c, file, "add it to the repository, with its path relative to the compose file",
                          "\"%s\" is not in the repository", text);
        else
            compose_set_text(c, spec, file, "file", compose_relative(c->arena, path_of(c, file), path));
    }
    if (compose_text(variable)) {
        const char *value = compose_lookup(c, &c->scope, variable->text);
        compose_remove(spec, "environment");
        partial |= !value;
        if (value)
            compose_set_text(c, spec, variable, "content", value);
        else
            compose_error(c, variable, "set it in the environment of the Stack, or in .env",
                          "config %s: the variable %s is not set", o->name, variable->text);
    }
    compose_remove(spec, "external");
    compose_document(c, &kind_config, o->resource, o->key, spec, partial);
}

static void add_secret(struct compose *c, const struct compose_object *o)
{
    struct ynode *spec =
        o->value ? compose_copy(c, compose_drop_ignored(c, o->value, "secrets")) : compose_map(c, o->key);
    const struct ynode *file = ynode_get(spec, "file");
    const char *text = compose_text(file);
    bool partial = false;
    compose_remove(spec, "external");
    if (!file && ynode_get(spec, "environment")) {
        compose_error(c, ynode_get(spec, "environment"),
                      "put it in a file on the host and set file: to its absolute path (a second compose "
                      "file can do that)",
                      "secret %s: secrets from environment variables are not supported", o->name);
        compose_remove(spec, "environment");
        compose_set_text(c, spec, o->key, "file", "/");
        partial = true;
    }
    if (text && text[0] != '/') {
        const char *path = compose_host_path(c, file, text);
        if (path)
            compose_set_text(c, spec, file, "file", path);
        else
            compose_error(c, file,
                          "everyone who can read the repository could read it: put it in a file on the host "
                          "and use its absolute path (a second compose file can do that), or declare a "
                          "Secret and write external: true",
                          "secret %s: \"%s\" would store a secret in clear text in Git", o->name, text);
        if (!path) {
            compose_set_text(c, spec, file, "file", "/");
            partial = true;
        }
    }
    compose_document(c, &kind_secret, o->resource, o->key, spec, partial);
}

void compose_objects(struct compose *c)
{
    static void (*const add[SECTION_END])(struct compose * c, const struct compose_object *o) = {
        [SECTION_NETWORKS] = add_network,
        [SECTION_VOLUMES] = add_volume,
        [SECTION_CONFIGS] = add_config,
        [SECTION_SECRETS] = add_secret,
    };
    for (int s = 0; s < SECTION_END; s++) {
        const struct map *map = &c->names->sections[s];
        const struct map_slot *slot;
        for (size_t it = 0; (slot = map_next(map, &it));) {
            const struct compose_object *o = slot->value;
            if (o->used && o->resource && !o->external)
                add[s](c, o);
        }
    }
}

/* Files of the repository that services mount. */

const char *compose_fold(struct compose *c, const struct ynode *at, const char *path)
{
    const char *name = map_get(&c->names->folded, path);
    if (name)
        return name;
    const char *text = path;
    size_t room = LIMIT_NAME_BYTES - strlen(c->options->prefix) - 10;
    if (strlen(path) > room) { /* long paths are told apart by their end and a digest */
        struct digest digest;
        char hex[DIGEST_HEX_LEN + 1];
        digest_of(path, strlen(path), &digest);
        digest_hex(&digest, hex);
        text = arena_printf(c->arena, "%.8s-%s", hex, path + strlen(path) - room);
    }
    struct ynode *key = compose_scalar(c, at, path);
    name = compose_resource_name(c, "config", text, key);
    if (!name)
        return NULL;
    map_put(&c->names->folded, arena_strdup(c->arena, path), (void *)(uintptr_t)name);
    struct ynode *spec = compose_map(c, at);
    compose_set_text(c, spec, at, "file", compose_relative(c->arena, path_of(c, at), path));
    compose_document(c, &kind_config, name, key, spec, false);
    return name;
}

const char *compose_host_path(struct compose *c, const struct ynode *at, const char *relative)
{
    const char *directory = val_get_str(c->options->spec, "directory");
    const char *base = compose_base(c, at);
    size_t n = strlen(c->base);
    if (!directory || *relative == '~')
        return NULL;
    /* `directory` stands for the folder of the project; the folder of an included file is below or beside
       it. */
    if (n == 0 || (strncmp(base, c->base, n) == 0 && (!base[n] || base[n] == '/')))
        return path_clean(c->arena, arena_printf(c->arena, "%s/%s/%s", directory, base + n, relative));
    struct buf up = BUF_INIT;
    for (const char *p = c->base; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        buf_adds(&up, "../");
    const char *path =
        path_clean(c->arena, arena_printf(c->arena, "%s/%s%s/%s", directory, buf_str(&up), base, relative));
    buf_release(&up);
    return path;
}
