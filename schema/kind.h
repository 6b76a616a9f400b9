#ifndef SCHEMA_KIND_H
#define SCHEMA_KIND_H
/*
 * The kinds of the language, as data and pure functions; always linked, so that a manifest is validated and a
 * plan is printed without any engine.
 */
#include "schema/field.h"

struct resource;
struct resource_set;

#define KIND_VIRTUAL \
    0x01u /* no object of its own on an engine: it lives in those that use it (Config on plain engines) */
#define KIND_STATEFUL  0x02u /* holds data: never deleted or replaced implicitly (S3) */
#define KIND_INSTANCES 0x04u /* one resource is `replicas` objects */
#define KIND_META      0x08u /* describes the set and is not a resource itself (Project) */
#define KIND_SOURCE    0x10u /* stands for other resources, which replace it at load (Stack) */

struct kind_desc {
    const char *name;   /* "Container" */
    const char *prefix; /* "container": identities are "container/web" */
    const char *doc;
    const struct field_table *spec;
    unsigned flags;
    int rank; /* without explicit dependencies, lower ranks are created first and deleted last: networks 10,
                 volumes 10, configs 10, containers 20 */
    /* Check a decoded resource, including its references into the set; problems go to diags. May be NULL. */
    void (*check)(const struct resource *r, const struct resource_set *set, struct diag_list *diags);
    /* Add what this resource depends on (resource_depend()). May be NULL. */
    void (*depends)(struct resource *r, struct arena *a);
    /* Restore the canonical form of a spec after overlays were merged into it. May be NULL. */
    const struct val *(*settle)(struct arena *a, const struct val *spec);
};

extern const struct kind_desc kind_container, kind_network, kind_volume, kind_config, kind_secret, kind_stack,
    kind_project;
extern const struct kind_desc *const kinds[];        /* NULL-terminated, in the order of documentation */
const struct kind_desc *kind_find(const char *name); /* "Container" */
const struct kind_desc *kind_by_prefix(const char *prefix); /* "container" */
/* A kind of the language that this version does not support yet ("Route"): what it will be, or NULL. */
const char *kind_planned(const char *name);

/* The annotations of metadata that Forge acts on ("forge/prune"); all others are the user's. */
struct annotation {
    const char *name;
    const char *doc;
    const char *example;
    const char *const *choices; /* NULL-terminated; NULL: any text */
};
extern const struct annotation annotations[]; /* ends with a NULL name */

/* The fields of metadata, for every kind; defined in load_doc.c. */
extern const struct field_table metadata_table;
#endif
