#ifndef SCHEMA_RESOURCE_H
#define SCHEMA_RESOURCE_H
/*
 * Resources: what a commit asks for, decoded, merged with overlays, and resolved. A set lives in one arena
 * and is immutable once loaded.
 */
#include "base/map.h"
#include "schema/kind.h"

enum depend_condition { DEPEND_STARTED, DEPEND_HEALTHY, DEPEND_COMPLETED };
const char *depend_condition_name(enum depend_condition c); /* "started", "healthy", "completed" */

struct depend {
    const char *id; /* "container/db" */
    enum depend_condition condition;
    bool required;     /* false: waits only if the other resource exists */
    const char *field; /* the field that asks for it: "depends_on.db", "networks.back" */
};

struct resource {
    const struct kind_desc *kind;
    const char *name;
    const char *id;                /* "container/web" */
    const struct val *labels;      /* map of strings, never NULL */
    const struct val *annotations; /* map of strings, never NULL; "forge/prune" and the like */
    const struct val *spec;        /* canonical by kind->spec, never NULL */
    const char *file;              /* where it is defined */
    uint32_t line, col;
    bool partial; /* part of it could not be read, which is reported: an absent field may have been written */
    struct depend *depends;
    size_t n_depends, cap_depends;
};

/* One of the resources that need another one; a linked list. */
struct resource_user {
    const char *id;
    const struct resource_user *next;
};

struct load_trace;

struct resource_set {
    struct arena *arena;
    const char *project; /* metadata.name of the Project, or NULL */
    /* The environment that was loaded: the one asked for, or the Project's default; NULL without either. */
    const char *environment;
    struct resource **items; /* sorted by id */
    size_t n, cap;
    struct map by_id;
    const char **files; /* indexed by val.file; [0] is unused */
    size_t n_files, cap_files;
    struct load_trace *trace; /* what a later load of a part needs to know (load.h); NULL: not noted */
    const char **inactive;    /* ids left out because none of their profiles is active */
    size_t n_inactive, cap_inactive;
};

void resource_set_init(struct resource_set *s, struct arena *a);
void resource_set_release(struct resource_set *s); /* the maps only; the rest belongs to the arena */
/* Add a resource whose id is free (the caller checks); call resource_set_sort() after the last one. */
void resource_set_add(struct resource_set *s, struct resource *r);
void resource_set_sort(struct resource_set *s);
/* Insert into a sorted set, or replace the resource that has the same id. */
void resource_set_put(struct resource_set *s, struct resource *r);
struct resource *resource_find(const struct resource_set *s, const char *id);
/* `id` and `field` are borrowed: they live in the arena, or are constants. Edges to the same id are merged
   while the resource has few edges. */
void resource_depend(struct resource *r, struct arena *a, const char *id, enum depend_condition c,
                     bool required, const char *field);
/* Reserve room for n edges at once. */
void resource_depend_reserve(struct resource *r, struct arena *a, size_t n);
const char *resource_annotation(const struct resource *r, const char *key); /* NULL when absent */

/* The checks that need the whole set: each kind's own check (references, with the nearest name as hint),
   native names and published ports that two resources claim, and cycles, whose error prints the path ("web ->
   db -> web") at the place of the reference (L7). */
void resource_set_check(struct resource_set *s, struct diag_list *diags);
/* Only the checks of names and ports, which apply per engine: repeated once every resource is assigned to its
   engine. */
void resource_set_check_engines(struct resource_set *s, struct diag_list *diags);

/* Report a problem of a resource at a value of its spec (NULL: where the resource is defined). The message is
   prefixed with the resource's id. */
void resource_error(const struct resource_set *s, const struct resource *r, const struct val *at,
                    struct diag_list *diags, const char *fmt, ...) _printf_(5, 6);
void resource_error_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                         struct diag_list *diags, const char *hint, const char *fmt, ...) _printf_(6, 7);
void resource_warning_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                           struct diag_list *diags, const char *hint, const char *fmt, ...) _printf_(6, 7);
/* "container/web: networks.fornt: there is no network/fornt", with the nearest name as hint. */
void resource_missing(const struct resource_set *s, const struct resource *r, const struct val *at,
                      struct diag_list *diags, const char *id, const char *field);
/* The nearest name of a kind, or NULL; not searched for when there are both many names and many problems. */
const char *resource_nearest(const struct resource_set *s, const struct kind_desc *kind, const char *name,
                             const struct diag_list *diags);
/* The value in the spec that asks for a dependency, for its place in the file; NULL when there is none. */
const struct val *resource_depend_place(const struct resource *r, const struct depend *d);
/* A new resource in the arena with its id set; labels and annotations are empty maps, spec is NULL. */
struct resource *resource_new(struct arena *a, const struct kind_desc *kind, const char *name);
/* Is it a valid name of a resource: a DNS label of at most LIMIT_NAME_BYTES? */
bool resource_name_is_valid(const char *name);

/*
 * With a set of engines, a resource becomes one object on each engine that it goes to, and each is named
 * KIND/NAME@TARGET. With a single engine, ids have no target. Returns the target's name in an id ("host2" of
 * "container/web@host2"), or NULL.
 */
const char *id_target(const char *id);
/* "container/web" of "container/web@host2"; an id without a target is returned unchanged. */
const char *id_plain(struct arena *a, const char *id);
/* The id on a target; NULL: returned unchanged. */
const char *id_on(struct arena *a, const char *id, const char *target);
/* Does `word` name `id`: exactly, or without a target, which stands for all targets? */
bool id_matches(const char *word, const char *id);
/* The id that was probably meant: of the same kind, the one with the nearest name, or else the first whose
   name has `word`'s among its parts ("container/shop-web" for "container/web"). NULL: there is none. */
const char *id_nearest(struct arena *a, const char *word, const char *const *ids, size_t n);

/* The digest of what a resource asks for: kind, name, labels, spec; versioned "v1". Golden-tested (P3). */
void resource_digest(const struct resource *r, struct digest *ret);
#endif
