/* Networks, links and order of a service (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

/* The service's attachment to a network, with aliases for its own name and for those of links. */
static struct ynode *attachment(struct compose_part *p, const struct ynode *at, struct ynode *given)
{
    struct compose *c = p->c;
    bool renamed = !str_eq(p->service->name, p->service->resource);
    struct ynode *out = given && given->type == YN_MAP
                            ? compose_copy(c, compose_drop_ignored(c, given, "services.networks"))
                            : compose_map(c, at);
    if (given && given->type != YN_MAP && !ynode_is_null(given))
        return given; /* the Container's table says what is wrong with it */
    if (!renamed && !p->service->aliases)
        return out;
    struct ynode *there = ynode_get(out, "aliases");
    struct ynode *aliases = there && there->type == YN_SEQ ? compose_copy(c, there) : compose_seq(c, at);
    if (renamed)
        compose_push(c, aliases, compose_scalar(c, at, p->service->name));
    for (size_t i = 0; p->service->aliases && i < p->service->aliases->len; i++)
        compose_push(c, aliases, p->service->aliases->items[i]);
    compose_set(c, out, compose_scalar(c, at, "aliases"), aliases);
    return out;
}

/* The default network is the environment's, unless the project has its own. */
static void on_default(struct compose_part *p)
{
    struct compose *c = p->c;
    bool declared = map_get(&c->names->sections[SECTION_NETWORKS], "default") != NULL;
    bool own = declared || *c->options->prefix || c->project;
    const char *name = "default";
    if (own) {
        const struct compose_object *o = compose_use(c, SECTION_NETWORKS, "default", p->service->key);
        if (!o)
            return;
        name = o->resource;
    } else if (str_eq(p->service->name, p->service->resource) && !p->service->aliases) {
        return;
    }
    struct ynode *networks = compose_map(c, p->service->key);
    compose_append(c, networks, compose_scalar(c, p->service->key, name),
                   attachment(p, p->service->key, NULL));
    compose_set(c, p->out, compose_scalar(c, p->service->key, "networks"), networks);
}

void compose_service_networks(struct compose_part *p)
{
    struct compose *c = p->c;
    struct ynode *given = ynode_get(p->in, "networks");
    bool none = !given || ynode_is_null(given) || (given->type != YN_SCALAR && !given->len);
    if (none) {
        if (!ynode_get(p->out, "network_mode"))
            on_default(p);
        return;
    }
    given = compose_pairs(c, given, NULL);
    if (!given)
        return;
    struct ynode *networks = compose_map(c, given);
    for (size_t i = 0; i < given->len; i++) {
        const struct ypair *pair = &given->pairs[i];
        const struct compose_object *o = compose_use(c, SECTION_NETWORKS, pair->key->text, pair->key);
        if (o)
            compose_append(c, networks, compose_scalar(c, pair->key, o->resource),
                           attachment(p, pair->key, pair->value));
    }
    compose_set(c, p->out, compose_scalar(c, given, "networks"), networks);
}

const char *compose_near_service(struct compose *c, const char *name)
{
    size_t n = c->names->n_services;
    const char **names = arena_array(c->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = c->names->services_list[i].name;
    const char *near = str_nearest(name, names, n);
    return near ? arena_printf(c->arena, "did you mean \"%s\"?", near) : NULL;
}

/* Add a dependency; one without options does not replace an existing one. */
static void depend(struct compose_part *p, struct ynode *out, const char *name, const struct ynode *at,
                   struct ynode *how, const char *field)
{
    const struct compose_object *other = map_get(&p->c->names->services, name);
    if (other == p->service) {
        compose_error(p->c, at, NULL, "service %s: %s: a service cannot refer to itself", p->service->name,
                      field);
    } else if (other && other->resource) {
        if (how || !ynode_get(out, other->resource))
            compose_set(p->c, out, compose_scalar(p->c, at, other->resource),
                        how ? how : compose_map(p->c, at));
    } else if (!other && !(how && str_eq(compose_text(ynode_get(how, "required")), "false"))) {
        compose_error(p->c, at, compose_near_service(p->c, name),
                      "service %s: %s: there is no service \"%.64s\"", p->service->name, field, name);
    }
}

/* "SERVICE:ALIAS": the name of the other service, up to the colon. */
static const char *linked(struct compose *c, const char *text)
{
    return arena_strndup(c->arena, text, strcspn(text, ":"));
}

void compose_service_order(struct compose_part *p)
{
    struct compose *c = p->c;
    struct ynode *given = ynode_get(p->in, "depends_on");
    struct ynode *out = compose_map(c, given ? given : p->service->key);
    if (given && !ynode_is_null(given))
        given = compose_pairs(c, given, NULL);
    for (size_t i = 0; given && given->type == YN_MAP && i < given->len; i++) {
        const struct ypair *pair = &given->pairs[i];
        struct ynode *how = ynode_is_null(pair->value) ? NULL : pair->value;
        depend(p, out, pair->key->text, pair->key, how, "depends_on");
    }
    static const char *const others[] = {"links", "volumes_from"};
    for (size_t k = 0; k < ARRAY_LEN(others); k++) {
        const struct ynode *list = ynode_get(p->in, others[k]);
        for (size_t i = 0; list && list->type == YN_SEQ && i < list->len; i++) {
            const char *text = compose_text(list->items[i]);
            if (text && !str_starts(text, "container:"))
                depend(p, out, linked(c, text), list->items[i], NULL, others[k]);
        }
    }
    if (out->len)
        compose_set(c, p->out, compose_scalar(c, out, "depends_on"), out);
}

void compose_links(struct compose *c)
{
    for (size_t i = 0; i < c->names->n_services; i++) {
        const struct compose_object *o = &c->names->services_list[i];
        const struct ynode *list = o->value ? ynode_get(o->value, "links") : NULL;
        if (list && list->type != YN_SEQ && !ynode_is_null(list))
            compose_error(c, list, "write links: [SERVICE, \"SERVICE:ALIAS\"]",
                          "links must be a list, not a %s", ynode_type_name(list));
        for (size_t k = 0; list && list->type == YN_SEQ && k < list->len; k++) {
            const char *text = compose_text(list->items[k]);
            const char *colon = text ? strchr(text, ':') : NULL;
            struct compose_object *other = text ? map_get(&c->names->services, linked(c, text)) : NULL;
            if (!colon || !other || str_eq(colon + 1, other->name))
                continue;
            if (!other->aliases)
                other->aliases = compose_seq(c, list->items[k]);
            bool there = false;
            for (size_t j = 0; j < other->aliases->len && !there; j++)
                there = str_eq(other->aliases->items[j]->text, colon + 1);
            if (!there)
                compose_push(c, other->aliases, compose_scalar(c, list->items[k], colon + 1));
        }
        const struct ynode *from = o->value ? ynode_get(o->value, "volumes_from") : NULL;
        for (size_t k = 0; from && from->type == YN_SEQ && k < from->len; k++) {
            const char *text = compose_text(from->items[k]);
            struct compose_object *other = text ? map_get(&c->names->services, linked(c, text)) : NULL;
            if (other)
                other->shared = true;
        }
    }
}
