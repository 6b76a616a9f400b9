#ifndef SCHEMA_RESOURCE_H
#define SCHEMA_RESOURCE_H
/*
 * Resources: what a commit asks for, decoded, overlaid, resolved. A set lives in one arena and is immutable
 * once loaded.
 */
#include "base/map.h"
#include "schema/kind.h"

enum depend_condition { DEPEND_STARTED, DEPEND_HEALTHY, DEPEND_COMPLETED };
const char *depend_condition_name(enum depend_condition c); /* "started", "healthy", "completed" */

struct depend {
    const char *id; /* "container/db" */
    enum depend_condition condition;
    bool required;     /* false: waits only when it is there */
    const char *field; /* what asks for it: "depends_on.db", "networks.back" */
};

struct resource {
    const struct kind_desc *kind;
    const char *name;
    const char *id;                /* "container/web" */
    const struct val *labels;      /* map of strings, never NULL */
    const struct val *annotations; /* map of strings, never NULL; "forge/prune" and the like */
    const struct val *spec;        /* canonical by kind->spec, never NULL */
    const char *file;              /* where it stands */
    uint32_t line, col;
    bool partial; /* something of it could not be read: that is reported; what is absent may have been there */
    struct depend *depends;
    size_t n_depends, cap_depends;
};

/* One of those that need a resource; a list. */
struct resource_user {
    const char *id;
    const struct resource_user *next;
};

struct load_trace;

struct resource_set {
    struct arena *arena;
    const char *project; /* metadata.name of the Project, or NULL */
    const char
        *environment; /* the one that was loaded: asked for, or the Project's default; NULL without either */
    struct resource **items; /* sorted by id */
    size_t n, cap;
    struct map by_id;
    const char **files; /* by val.file; [0] unused */
    size_t n_files, cap_files;
    struct load_trace *trace; /* load.h's own: what a load of a part needs to know; NULL */
    const char **inactive;    /* ids that are left out because none of their profiles is active */
    size_t n_inactive, cap_inactive;
};

void resource_set_init(struct resource_set *s, struct arena *a);
void resource_set_release(struct resource_set *s); /* maps only; the rest is the arena's */
/* Add (the caller checked that the id is free); call resource_set_sort() when all are in. */
void resource_set_add(struct resource_set *s, struct resource *r);
void resource_set_sort(struct resource_set *s);
/* Put it in its place of a sorted set, or in the place of the one that has its id. */
void resource_set_put(struct resource_set *s, struct resource *r);
struct resource *resource_find(const struct resource_set *s, const char *id);
/* `id` and `field` are borrowed: they live in the arena, or are constants. Edges to one id become one. */
void resource_depend(struct resource *r, struct arena *a, const char *id, enum depend_condition c,
                     bool required, const char *field);
/* Room for so many edges, taken at once. */
void resource_depend_reserve(struct resource *r, struct arena *a, size_t n);
const char *resource_annotation(const struct resource *r, const char *key); /* NULL when absent */

/* Everything that can only be seen when all are there: each kind's own check (references with the nearest
   name), native names and published ports that two of them want, and cycles, whose error prints the path
   ("web -> db -> web") at the place of the reference (L7). */
void resource_set_check(struct resource_set *s, struct diag_list *diags);
/* Only names and ports, which are an engine's: again, once it is known what is on which. */
void resource_set_check_engines(struct resource_set *s, struct diag_list *diags);

/* Problems of a resource, at the place of a value of its spec (NULL: where the resource stands). The message
   is prefixed with the resource's id. */
void resource_error(const struct resource_set *s, const struct resource *r, const struct val *at,
                    struct diag_list *diags, const char *fmt, ...) _printf_(5, 6);
void resource_error_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                         struct diag_list *diags, const char *hint, const char *fmt, ...) _printf_(6, 7);
void resource_warning_hint(const struct resource_set *s, const struct resource *r, const struct val *at,
                           struct diag_list *diags, const char *hint, const char *fmt, ...) _printf_(6, 7);
/* "container/web: networks.fornt: there is no network/fornt", with the nearest name as hint. */
void resource_missing(const struct resource_set *s, const struct resource *r, const struct val *at,
                      struct diag_list *diags, const char *id, const char *field);
/* The nearest name of a kind, or NULL; gives up where there are many names and many problems already. */
const char *resource_nearest(const struct resource_set *s, const struct kind_desc *kind, const char *name,
                             const struct diag_list *diags);
/* The value of the spec that asks for a dependency, for its place; NULL when there is none. */
const struct val *resource_depend_place(const struct resource *r, const struct depend *d);
/* A resource of the arena with its id; labels and annotations are empty maps, spec is NULL. */
struct resource *resource_new(struct arena *a, const struct kind_desc *kind, const char *name);
/* Is it a name of the language: a DNS label of at most LIMIT_NAME_BYTES. */
bool resource_name_is_valid(const char *name);

/*
 * Where a set of engines is, one resource is an object on each engine it goes to, and is named
 * KIND/NAME@TARGET. With one engine nothing is. The target's name in an id ("host2" of
 * "container/web@host2"); NULL: none.
 */
const char *id_target(const char *id);
/* "container/web" of "container/web@host2"; an id without a target is given back as it is. */
const char *id_plain(struct arena *a, const char *id);
/* The id on a target; NULL: as it is. */
const char *id_on(struct arena *a, const char *id, const char *target);
/* Does `word` name `id`: the same, or without a target, so that it stands for all of them? */
bool id_matches(const char *word, const char *id);

/* The digest of what a resource asks for: kind, name, labels, spec; versioned "v1". Golden-tested (P3). */
void resource_digest(const struct resource *r, struct digest *ret);
#endif
