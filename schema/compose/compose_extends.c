/* Services that extend others, in the same file or in another (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

/* The services between the one that was asked for and the current one, each extending the next. */
struct chain {
    const struct chain *up;
    const struct compose_file *file;
    const char *service;
    unsigned depth;
};

static void add_chain(const struct chain *at, const struct chain *until, struct buf *out)
{
    if (at != until)
        add_chain(at->up, until, out);
    buf_addf(out, "%s in %s -> ", at->service, at->file->path);
}

static bool closes(struct compose *c, const struct chain *chain, const struct compose_file *file,
                   const char *service, const struct ynode *at)
{
    for (const struct chain *up = chain; up; up = up->up) {
        if (!str_eq(up->service, service) || !str_eq(up->file->path, file->path))
            continue;
        _cleanup_buf_ struct buf text = BUF_INIT;
        add_chain(chain, up, &text);
        compose_error(c, at, "remove extends from one of them", "extends forms a cycle: %s%s", buf_str(&text),
                      service);
        return true;
    }
    if (chain->depth < LIMIT_COMPOSE_DEPTH)
        return false;
    compose_error(c, at, NULL, "extends is nested more than %u levels deep", LIMIT_COMPOSE_DEPTH);
    return true;
}

/* The file of the service that is extended: another file, or the same one. */
static struct compose_file *file_of(struct compose *c, const struct compose_scope *scope,
                                    struct compose_file *own, const struct ynode *extends)
{
    const struct ynode *at = extends->type == YN_MAP ? ynode_get(extends, "file") : NULL;
    const char *name = compose_text(at);
    if (!name)
        return own;
    const char *path = compose_path(c, compose_base(c, at), name);
    if (str_empty(path)) {
        compose_error(c, at, "paths are relative to the compose file, and must be in the repository",
                      "extends.file: \"%s\" is not in the repository", name);
        return NULL;
    }
    if (str_eq(path, own->path))
        return own;
    const char *slash = strrchr(path, '/');
    const char *base = slash ? arena_strndup(c->arena, path, (size_t)(slash - path)) : "";
    return compose_read(c, scope, path, base, at);
}

static const char *const extends_keys[] = {"service", "file", NULL};

/* Is the service probably named under a misspelt key? */
static bool is_misspelt(const struct ynode *extends)
{
    for (size_t i = 0; extends->type == YN_MAP && i < extends->len; i++)
        if (str_nearest(extends->pairs[i].key->text, extends_keys, 1))
            return true;
    return false;
}

static void report_missing(struct compose *c, const struct ynode *at, const struct compose_file *f,
                           const struct ynode *services, const char *name)
{
    size_t n = services && services->type == YN_MAP ? services->len : 0;
    const char **names = arena_array(c->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = services->pairs[i].key->text;
    const char *near = str_nearest(name, names, n);
    compose_error(c, at, near ? arena_printf(c->arena, "did you mean \"%s\"?", near) : NULL,
                  "extends: there is no service %s in %s", name, f->path);
}

static struct ynode *extended(struct compose *c, const struct compose_scope *scope, struct compose_file *f,
                              const char *name, const struct chain *up);

/* The service without the one that it extends, after a problem: its image may have stood there. */
static struct ynode *alone(struct compose *c, struct ynode *own, const struct ynode *extends)
{
    if (ynode_get(own, "image"))
        return own;
    struct ynode *image = compose_scalar(c, extends, "");
    image->plain = true;
    compose_append(c, own, compose_scalar(c, extends, "image"), image);
    arena_push(c->arena, c->unresolved, c->n_unresolved, c->cap_unresolved, image);
    return own;
}

/* The service merged over the one that it extends; the service alone after a problem. */
static struct ynode *merged(struct compose *c, const struct compose_scope *scope, struct compose_file *f,
                            struct ynode *service, const struct ynode *extends, const struct chain *chain)
{
    const struct ynode *at = extends->type == YN_MAP ? ynode_get(extends, "service") : extends;
    struct ynode *own = compose_copy(c, service);
    compose_remove(own, "extends");
    if (extends->type == YN_MAP)
        compose_check_keys(c, extends, "extends: ", extends_keys, "known keys: service, file");
    const char *name = compose_text(at);
    if (compose_is_unresolved(c, at) || (!at && is_misspelt(extends)))
        return alone(c, own, extends);
    if (!name) {
        compose_error(c, extends, "write extends: {service: NAME, file: PATH}, or extends: NAME",
                      "extends: \"service\" is missing");
        return alone(c, own, extends);
    }
    struct compose_file *from = file_of(c, scope, f, extends);
    if (!from || closes(c, chain, from, name, at))
        return alone(c, own, extends);
    struct ynode *base = extended(c, scope, from, name, chain);
    if (base)
        return compose_merge(c, base, own, "services.*");
    if (!c->failed)
        report_missing(c, at, from, ynode_get(from->root, "services"), name);
    return alone(c, own, extends);
}

/* A service of a file, merged with what it extends; stored in the file's tree, so that it is done only once.
   NULL: there is none. */
static struct ynode *extended(struct compose *c, const struct compose_scope *scope, struct compose_file *f,
                              const char *name, const struct chain *up)
{
    struct ynode *services = ynode_get(f->root, "services");
    struct ynode *service = services ? ynode_get(services, name) : NULL;
    const struct ynode *extends = service && service->type == YN_MAP ? ynode_get(service, "extends") : NULL;
    if (!extends || ynode_is_null(extends) || extends->tag)
        return service;
    struct chain chain = {up, f, name, up ? up->depth + 1 : 1};
    struct ynode *whole = merged(c, scope, f, service, extends, &chain);
    for (size_t i = 0; i < services->len; i++)
        if (strcmp(services->pairs[i].key->text, name) == 0)
            services->pairs[i].value = whole;
    return whole;
}

void compose_extends(struct compose *c, const struct compose_scope *scope, struct compose_file *f)
{
    const struct ynode *services = ynode_get(f->root, "services");
    for (size_t i = 0; services && services->type == YN_MAP && i < services->len && !c->failed; i++)
        extended(c, scope, f, services->pairs[i].key->text, NULL);
}
