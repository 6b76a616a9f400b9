/*
 * Volumes, configs and secrets of a service (compose.h).
 *
 * A bind mount with a relative path has no meaning on its own: manifests come from Git's object database, and
 * no folder of the engine's host holds them. In this order it becomes: a folder of the host, if
 * Stack.directory is set; a file of the repository, or each file of a small folder in it, as a Config;
 * otherwise an error.
 */
#include "schema/compose/compose.h"

#include "base/str.h"

static struct ynode *list_of(struct compose_part *p, const char *key, const struct ynode *at)
{
    struct ynode *list = ynode_get(p->out, key);
    if (!list) {
        list = compose_seq(p->c, at);
        compose_set(p->c, p->out, compose_scalar(p->c, at, key), list);
    }
    return list;
}

/* Configs and secrets. */

static void add_file(struct compose_part *p, enum compose_section s, const char *key, struct ynode *item)
{
    struct compose *c = p->c;
    const struct ynode *source = item->type == YN_MAP ? ynode_get(item, "source") : item;
    const char *name = compose_text(source);
    if (compose_is_unresolved(c, source))
        return;
    if (!name) { /* the Container's table says what is wrong with it */
        compose_push(c, list_of(p, key, item), item);
        return;
    }
    const struct compose_object *o = compose_use(c, s, name, item);
    if (!o)
        return;
    struct ynode *out = item->type == YN_MAP ? compose_copy(c, item) : compose_map(c, item);
    compose_set_text(c, out, item, "source", o->resource);
    if (!compose_text(ynode_get(out, "target")))
        compose_set_text(c, out, item, "target",
                         s == SECTION_CONFIGS ? arena_printf(c->arena, "/%s", name) : name);
    compose_push(c, list_of(p, key, item), out);
}

void compose_service_files(struct compose_part *p)
{
    static const struct {
        const char *key;
        enum compose_section section;
    } files[] = {{"configs", SECTION_CONFIGS}, {"secrets", SECTION_SECRETS}};
    for (size_t k = 0; k < ARRAY_LEN(files); k++) {
        struct ynode *list = ynode_get(p->in, files[k].key);
        if (list && list->type != YN_SEQ && !ynode_is_null(list))
            compose_error(p->c, list, "write a list of names, or of {source: NAME, target: PATH}",
                          "service %s: %s must be a list, not a %s", p->service->name, files[k].key,
                          ynode_type_name(list));
        for (size_t i = 0; list && list->type == YN_SEQ && i < list->len; i++)
            add_file(p, files[k].section, files[k].key, list->items[i]);
    }
}

/* Bind mounts. */

struct mount {
    struct ynode *item;
    const struct ynode *at; /* the source */
    const char *source, *target;
    bool read_only;
};

static void fold_file(struct compose_part *p, const struct mount *m, const char *path, bool executable,
                      const char *target)
{
    struct compose *c = p->c;
    const char *name = compose_fold(c, m->at, path);
    if (!name)
        return;
    struct ynode *file = compose_map(c, m->item);
    compose_set_text(c, file, m->item, "source", name);
    compose_set_text(c, file, m->item, "target", target);
    if (executable)
        compose_set_text(c, file, m->item, "mode", "0555");
    compose_push(c, list_of(p, "configs", m->item), file);
}

/* Turn a file or folder of the repository into Configs of the service; false: there is none at that path. */
static bool fold(struct compose_part *p, const struct mount *m, const char *path)
{
    struct compose *c = p->c;
    const struct load_input *in = c->l->in;
    const struct load_file *file = *path ? compose_find_file(c, path) : NULL;
    const char *folder = *path ? arena_printf(c->arena, "%s/", path) : "";
    compose_ask_folder(c, folder);
    size_t first = compose_first_file(in, folder);
    size_t n = 0;
    while (first + n < in->n_files && str_starts(in->files[first + n].path, folder))
        n++;
    if (!file && !n)
        return false;
    if (n > LIMIT_COMPOSE_FOLDER) {
        compose_error(c, m->at,
                      "put the files into the image or into a volume, mount single files, or use an absolute "
                      "path on the host",
                      "service %s: \"%s\" is a folder of %zu files in the repository; at most %u can be "
                      "copied into a container",
                      p->service->name, m->source, n, LIMIT_COMPOSE_FOLDER);
        return true;
    }
    if (!m->read_only)
        compose_warning(c, m->at, "write :ro if it is only read, or mount a volume to keep what is written",
                        "this file comes from Git: what the container writes to it is lost when the "
                        "container is removed");
    if (file)
        fold_file(p, m, file->path, file->executable, m->target);
    for (size_t i = first; i < first + n; i++)
        fold_file(p, m, in->files[i].path, in->files[i].executable,
                  arena_printf(c->arena, "%s/%s", m->target, in->files[i].path + strlen(folder)));
    return true;
}

/* The new source of the mount, or NULL when it is not a mount any more, or after an error. */
static const char *bind_source(struct compose_part *p, const struct mount *m)
{
    struct compose *c = p->c;
    if (m->source[0] == '/')
        return m->source;
    if (m->source[0] == '~') {
        const char *home = compose_lookup(c, p->scope, "HOME");
        if (!str_empty(home) && home[0] == '/' && (!m->source[1] || m->source[1] == '/'))
            return arena_printf(c->arena, "%s%s", home, m->source + 1);
        compose_error(c, m->at,
                      "write an absolute path, or set HOME in the Stack: environment: {HOME: /srv/me}",
                      "service %s: \"%s\" depends on the home folder of the user who runs docker compose",
                      p->service->name, m->source);
        return NULL;
    }
    const char *host = compose_host_path(c, m->at, m->source);
    if (host)
        return host;
    const char *path = compose_path(c, compose_base(c, m->at), m->source);
    if (path && fold(p, m, path))
        return NULL;
    compose_error(c, m->at,
                  "use a named volume for data, use an absolute path on the host, or set the host folder "
                  "that such paths are relative to: directory: /srv/... in a Stack, or import --host-dir",
                  "service %s: \"%s\" is not in the repository, and no host folder is set for relative paths",
                  p->service->name, m->source);
    return NULL;
}

/* Report a path that begins with an empty variable: "${DATA}/x" does not mean "/x". */
static bool lost_its_head(struct compose_part *p, const struct ynode *at, const char *source)
{
    bool blank = false;
    for (size_t i = 0; i < p->c->n_blank && !blank; i++)
        blank = p->c->blank[i] == at;
    if (!blank || (source[0] && source[0] != '/'))
        return false;
    compose_error(p->c, at,
                  "set the variable in the Stack's environment, in variables of forge.yaml or in .env",
                  "service %s: a variable in the path \"%s\" has no value", p->service->name, at->text);
    return true;
}

static bool is_path(const char *source)
{
    return strchr("/.~", source[0]) != NULL;
}

/* SOURCE:TARGET[:OPTIONS]; only the source is replaced. */
static struct ynode *short_volume(struct compose_part *p, struct ynode *item)
{
    struct compose *c = p->c;
    size_t count;
    char **part = str_split(c->arena, item->text, ':', &count);
    if (count >= 2 && lost_its_head(p, item, part[0]))
        return NULL;
    if (count < 2 || count > 3 || !*part[0])
        return item; /* an anonymous volume, or an error that the Container's table reports */
    const char *source;
    if (is_path(part[0])) {
        struct mount m = {.item = item, .at = item, .source = part[0], .target = part[1]};
        size_t n = 0;
        char **option = count == 3 ? str_split(c->arena, part[2], ',', &n) : NULL;
        for (size_t i = 0; i < n; i++)
            m.read_only |= str_eq(option[i], "ro");
        source = bind_source(p, &m);
    } else if (part[0][1] == '\0' && part[1][0] == '\\') {
        compose_error(c, item, "engines run on Linux: use a path that starts with /",
                      "service %s: \"%s\" is a Windows path", p->service->name, item->text);
        return NULL;
    } else {
        const struct compose_object *o = compose_use(c, SECTION_VOLUMES, part[0], item);
        source = o ? o->resource : NULL;
    }
    if (!source)
        return NULL;
    return compose_scalar(c, item,
                          arena_printf(c->arena, "%s:%s%s%s", source, part[1], count == 3 ? ":" : "",
                                       count == 3 ? part[2] : ""));
}

static struct ynode *long_volume(struct compose_part *p, struct ynode *item)
{
    struct compose *c = p->c;
    const struct ynode *at = ynode_get(item, "source");
    const char *source = compose_text(at);
    const char *type = str_or(compose_text(ynode_get(item, "type")), "volume");
    if (!source)
        return item;
    if (str_eq(type, "bind") && lost_its_head(p, at, source))
        return NULL;
    if (str_eq(type, "bind")) {
        struct mount m = {.item = item, .at = at, .source = source};
        m.target = str_or(compose_text(ynode_get(item, "target")), "/");
        m.read_only = str_eq(compose_text(ynode_get(item, "read_only")), "true");
        if (!is_path(source)) /* in the long form a bare name is a path too */
            m.source = arena_printf(c->arena, "./%s", source);
        source = bind_source(p, &m);
    } else if (str_eq(type, "volume")) {
        const struct compose_object *o = compose_use(c, SECTION_VOLUMES, source, at);
        source = o ? o->resource : NULL;
    }
    if (!source)
        return NULL;
    struct ynode *copy = compose_copy(c, item);
    compose_set(c, copy, compose_scalar(c, at, "source"), compose_scalar(c, at, source));
    return copy;
}

static void add_volumes(struct compose_part *p, const struct ynode *list, const struct compose_object *owner,
                        bool read_only);

/* Add the mounts of another service: SERVICE[:ro]. */
static void volumes_from(struct compose_part *p, const struct ynode *item)
{
    struct compose *c = p->c;
    const char *text = str_or(compose_text(item), "");
    const char *name = arena_strndup(c->arena, text, strcspn(text, ":"));
    if (str_starts(text, "container:")) {
        compose_error(c, item, "declare the same volumes in both projects, with external: true",
                      "service %s: volumes_from a container outside the project is not supported",
                      p->service->name);
        return;
    }
    const struct compose_object *other = map_get(&c->names->services, name);
    const struct ynode *list = other && other->value ? ynode_get(other->value, "volumes") : NULL;
    if (list && list->type == YN_SEQ)
        add_volumes(p, list, other, str_ends(text, ":ro"));
}

static bool is_anonymous(const struct ynode *n)
{
    if (n->type != YN_MAP)
        return compose_text(n) && n->text[0] == '/' && !strchr(n->text, ':');
    const char *type = compose_text(ynode_get(n, "type"));
    return !ynode_get(n, "source") && (!type || str_eq(type, "volume")) &&
           compose_text(ynode_get(n, "target"));
}

/* An anonymous volume that other services mount too becomes a named one. */
static struct ynode *named(struct compose *c, const struct compose_object *owner, struct ynode *item)
{
    const char *target = item->type == YN_MAP ? compose_text(ynode_get(item, "target")) : item->text;
    const struct compose_object *o = compose_shared_volume(c, owner, target, item);
    if (!o)
        return NULL;
    if (item->type != YN_MAP)
        return compose_scalar(c, item, arena_printf(c->arena, "%s:%s", o->resource, target));
    struct ynode *copy = compose_copy(c, item);
    compose_set_text(c, copy, item, "source", o->resource);
    return copy;
}

/* A short volume that names its source, mounted read-only: SOURCE:TARGET[:OPTIONS]. */
static const char *read_only_text(struct arena *a, const char *text)
{
    const char *target = strchr(text, ':'), *options = target ? strchr(target + 1, ':') : NULL;
    if (!options)
        return arena_printf(a, "%s:ro", text);
    const char *out = arena_printf(a, "%.*s:ro", (int)(options - text), text);
    size_t n;
    char **option = str_split(a, options + 1, ',', &n);
    for (size_t i = 0; i < n; i++)
        if (!str_eq(option[i], "ro") && !str_eq(option[i], "rw"))
            out = arena_printf(a, "%s,%s", out, option[i]);
    return out;
}

static void add_volumes(struct compose_part *p, const struct ynode *list, const struct compose_object *owner,
                        bool read_only)
{
    struct compose *c = p->c;
    for (size_t i = 0; i < list->len; i++) {
        struct ynode *item = list->items[i];
        struct ynode *out = item;
        if (owner->shared && is_anonymous(item))
            out = named(c, owner, item);
        else if (item->type == YN_MAP)
            out = long_volume(p, item);
        else if (compose_text(item))
            out = short_volume(p, item);
        if (!out)
            continue;
        if (read_only && out->type == YN_MAP) {
            out = compose_copy(c, out);
            compose_set_text(c, out, item, "read_only", "true");
        } else if (read_only) {
            out = compose_scalar(c, item, read_only_text(c->arena, out->text));
        }
        compose_push(c, list_of(p, "volumes", item), out);
    }
}

void compose_service_volumes(struct compose_part *p)
{
    struct ynode *list = ynode_get(p->in, "volumes");
    const struct ynode *from = ynode_get(p->in, "volumes_from");
    if (list && list->type == YN_SEQ)
        add_volumes(p, list, p->service, false);
    else if (list && !ynode_is_null(list))
        compose_set(p->c, p->out, compose_scalar(p->c, list, "volumes"), list);
    for (size_t i = 0; from && from->type == YN_SEQ && i < from->len; i++)
        volumes_from(p, from->items[i]);
}
