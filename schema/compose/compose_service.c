/* A service as the spec of a Container (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

/* Keys that are not copied unchanged. */
static const char *const rewritten[] = {
    "build",   "configs",  "container_name", "depends_on", "deploy",  "env_file",     "environment",
    "extends", "ipc",      "label_file",     "labels",     "links",   "network_mode", "networks",
    "pid",     "profiles", "pull_policy",    "secrets",    "volumes", "volumes_from", NULL,
};

static bool is_rewritten(const char *key)
{
    for (const char *const *name = rewritten; *name; name++)
        if (strcmp(*name, key) == 0)
            return true;
    return false;
}

/* Images are not built here, so a service must name one. */
static void image(struct compose_part *p)
{
    struct compose *c = p->c;
    const struct ynode *build = ynode_get(p->in, "build");
    const struct ynode *given = ynode_get(p->in, "image");
    const char *name = compose_text(given);
    const struct ynode *policy = ynode_get(p->in, "pull_policy");
    if (build && ynode_is_null(build))
        build = NULL;
    if (given && given->type != YN_SCALAR)
        compose_error(c, given, "for example: image: nginx:1.27",
                      "service %s: image must be a string, not a %s", p->service->name,
                      ynode_type_name(given));
    else if (build && name)
        compose_warning(
            c, build, "build it elsewhere and push it under the name given in image",
            "build is ignored: Forge does not build images yet, and uses the existing image of that name");
    else if (!name && !compose_is_unresolved(c, given))
        compose_error(c, build ? build : p->service->key,
                      build ? "build and push it elsewhere, and set image: registry.example/web:1.0; a "
                              "second file can do that: files: [compose.yaml, compose.forge.yaml]"
                            : "for example: image: nginx:1.27",
                      build ? "service %s: it has build but no image, and Forge does not build images yet"
                            : "service %s has no image",
                      p->service->name);
    if (!name) {
        compose_set_text(c, p->out, p->service->key, "image", "none");
        p->partial = true;
    }
    if (str_eq(compose_text(policy), "build"))
        compose_warning(c, policy, "build it elsewhere and push it", "pull_policy build is ignored");
    else if (policy)
        compose_set(c, p->out, compose_scalar(c, policy, "pull_policy"), (struct ynode *)(uintptr_t)policy);
}

/* "service:NAME" refers to another service of the project. */
static void joined(struct compose_part *p, const char *key)
{
    struct compose *c = p->c;
    struct ynode *n = ynode_get(p->in, key);
    const char *name = n ? compose_text(n) : NULL;
    name = name ? str_after(name, "service:") : NULL;
    if (!n)
        return;
    if (name) {
        const struct compose_object *other = map_get(&c->names->services, name);
        if (!other || !other->resource) {
            compose_error(c, n, compose_near_service(c, name),
                          "service %s: %s: there is no service \"%.64s\"", p->service->name, key, name);
            return;
        }
        n = compose_scalar(c, n, arena_printf(c->arena, "service:%s", other->resource));
    }
    compose_set(c, p->out, compose_scalar(c, n, key), n);
}

/* The profile "" is for when no other is active, and here one is. */
static struct ynode *without_blank(struct compose *c, struct ynode *n)
{
    struct ynode *copy = compose_copy(c, n);
    copy->len = 0;
    for (size_t i = 0; i < n->len; i++)
        if (!str_eq(compose_text(n->items[i]), ""))
            copy->items[copy->len++] = n->items[i];
    return copy->len ? copy : n;
}

/* Is a name in a list with commas, whatever blanks are around it? */
static bool is_listed(struct arena *a, const char *list, const char *name)
{
    size_t n;
    char **part = str_split(a, list, ',', &n);
    for (size_t i = 0; i < n; i++) {
        char *at = part[i] + strspn(part[i], " \t");
        at[strcspn(at, " \t")] = '\0';
        if (str_eq(at, name))
            return true;
    }
    return false;
}

/* Drop the profiles of a service when the Stack activates one of them. */
static void profiles(struct compose_part *p)
{
    struct ynode *n = ynode_get(p->in, "profiles");
    const struct val *active = val_get(p->c->options->spec, "profiles");
    const char *more = compose_lookup(p->c, p->scope, "COMPOSE_PROFILES");
    if (!n || n->type != YN_SEQ) {
        if (n && !ynode_is_null(n))
            compose_set(p->c, p->out, compose_scalar(p->c, n, "profiles"), n);
        return;
    }
    for (size_t i = 0; i < n->len; i++) {
        const char *name = compose_text(n->items[i]);
        for (size_t k = 0; name && k < val_len(active); k++)
            if (str_eq(active->items[k]->s, name) || str_eq(active->items[k]->s, "*"))
                return;
        if (name && !str_empty(more) &&
            (is_listed(p->c->arena, more, name) || is_listed(p->c->arena, more, "*")))
            return;
    }
    if (val_len(active) || !str_empty(more))
        n = without_blank(p->c, n);
    if (n->len)
        compose_set(p->c, p->out, compose_scalar(p->c, n, "profiles"), n);
}

/* Drop from a part of the deploy section what only swarms support. */
static void trim(struct compose_part *p, struct ynode *map, const char *key, const char *path)
{
    struct ynode *part = ynode_get(map, key);
    if (part && part->type == YN_MAP)
        compose_set(p->c, map, compose_scalar(p->c, part, key), compose_drop_ignored(p->c, part, path));
}

static void deploy(struct compose_part *p)
{
    struct compose *c = p->c;
    struct ynode *n = ynode_get(p->in, "deploy");
    if (!n || n->type != YN_MAP) {
        if (n)
            compose_set(c, p->out, compose_scalar(c, n, "deploy"), n);
        return;
    }
    struct ynode *out = compose_copy(c, compose_drop_ignored(c, n, "services.deploy"));
    trim(p, out, "restart_policy", "services.deploy.restart_policy");
    struct ynode *resources = ynode_get(out, "resources");
    if (resources && resources->type == YN_MAP) {
        resources = compose_copy(c, resources);
        trim(p, resources, "reservations", "services.deploy.resources.reservations");
        compose_set(c, out, compose_scalar(c, resources, "resources"), resources);
    }
    const struct ynode *mode = ynode_get(out, "mode");
    if (str_eq(compose_text(mode), "global") && !c->l->in->services) {
        compose_warning(c, mode, "on a single engine it is one container",
                        "deploy.mode global means one task on each node of a swarm");
        compose_remove(out, "mode");
        compose_remove(out, "replicas");
    }
    compose_set(c, p->out, compose_scalar(c, n, "deploy"), out);
}

void compose_service(struct compose *c, const struct compose_scope *scope, struct compose_object *service)
{
    if (!service->value || !service->resource) {
        if (service->resource)
            compose_error(c, service->key, "for example: image: nginx:1.27", "service %s has no image",
                          service->name);
        return;
    }
    struct compose_part p = {.c = c, .scope = scope, .service = service};
    p.in = compose_drop_blank(c, compose_drop_ignored(c, service->value, "services"));
    p.out = compose_map(c, service->value);
    for (size_t i = 0; i < p.in->len; i++)
        if (!is_rewritten(p.in->pairs[i].key->text))
            compose_append(c, p.out, p.in->pairs[i].key, p.in->pairs[i].value);
    image(&p);
    joined(&p, "network_mode");
    joined(&p, "pid");
    joined(&p, "ipc");
    struct ynode *name = ynode_get(p.in, "container_name");
    if (name)
        compose_set(c, p.out, compose_scalar(c, name, "container_name"), name);
    profiles(&p);
    deploy(&p);
    compose_service_environment(&p);
    compose_service_networks(&p);
    compose_service_files(&p);
    compose_service_volumes(&p);
    compose_service_order(&p);
    compose_service_tidy(&p);
    compose_document(c, &kind_container, service->resource, service->key, p.out, p.partial);
}
