#ifndef SCHEMA_COMPOSE_COMPOSE_H
#define SCHEMA_COMPOSE_COMPOSE_H
/*
 * Compose projects, by the Compose specification (github.com/compose-spec/compose-spec), as a source of
 * resources. Pure like all of the loading: files come through load_input.
 *
 * The order, for each file: read -> resolve ${...} -> extends -> include -> merge into the result of the
 * earlier files (compose_file.c, compose_vars.c, compose_extends.c, compose_include.c, compose_merge.c).
 * Every value of the resulting tree keeps its own file, line and column. Then each service becomes a document
 * of kind Container whose spec is the service's mapping with some keys rewritten (compose_service.c and the
 * files beside it), to be decoded by the Container's own table; networks, volumes, configs and secrets
 * likewise (compose_objects.c). compose_keys.c lists what is not supported. compose_cache.c caches the
 * result.
 *
 * Names: the resource of a service is called PREFIX + the service's name in lower case with "-" for "_" and
 * "."; where that differs from the service's name, the latter becomes an alias on each of its networks, so
 * that other services still find it.
 */
#include "base/limits.h"
#include "schema/load_internal.h"
#include "schema/yaml.h"

/* A decoded Stack; its relative paths are relative to `file`. */
struct compose_options {
    const char *file;         /* the manifest; for a compose file without one, the compose file */
    uint32_t line, col;       /* of the manifest */
    const char *prefix;       /* "" for none */
    const char *name;         /* the Stack's, or NULL */
    const char *const *files; /* paths in the repository, NULL-terminated */
    /* list of strings: where the files are named; NULL: they were found without a Stack */
    const struct val *at;
    const struct val *spec; /* of the Stack, or NULL */
};

/* Values for ${NAME}. A value of an outer scope wins over one of an inner scope. */
struct compose_scope {
    const struct compose_scope *outer; /* looked up first */
    const struct val *values;          /* a map, or NULL */
};

/* A compose file in one role, which decides what its relative paths are relative to. */
struct compose_file {
    const char *path;
    const char *base;   /* folder, "" for the root, no final slash */
    struct ynode *root; /* a mapping, with references resolved; NULL: it could not be read */
    uint16_t index;     /* in resource_set.files */
    bool ready;         /* the files that it extends and includes are merged into its tree */
};

/* What was looked up while a project was resolved, as keys of maps; NULL: nothing. */
struct compose_asked {
    struct val *files;   /* paths, whether there is a file or not */
    struct val *folders; /* "a/b/": which files are in it; "": which files are in the repository */
    struct val *names;   /* of variables of forge.yaml */
};

/* A project that is being loaded. */
struct compose {
    struct loader *l;
    struct arena *arena; /* scratch memory for nodes; released when the project is loaded */
    const struct compose_options *options;
    const char *base;           /* the project's folder in the repository: that of its first file */
    struct compose_scope scope; /* of the project */
    const char *project;        /* the explicit name of the project, or NULL */
    bool fixed;                 /* the Stack or .env gives the name: the compose file's does not count */
    /* files that include each other, outermost first */
    const struct compose_file *chain[LIMIT_COMPOSE_DEPTH + 1];
    size_t depth;
    struct val *warned; /* names without a value that have been reported */
    struct compose_file files[LIMIT_COMPOSE_FILES];
    size_t n_files;
    struct map by_role;              /* "path\nbase" -> struct compose_file */
    const struct ynode *at;          /* the node whose references are being resolved */
    size_t budget;                   /* nodes that merging may still create */
    const struct ynode **unresolved; /* nodes with a reference that could not be resolved */
    size_t n_unresolved, cap_unresolved;
    const struct ynode **blank; /* nodes in which a variable without a value reads as "" */
    size_t n_blank, cap_blank;
    bool saw_unset;   /* the text that is being resolved refers to a name without a value */
    bool broken;      /* a reference could not be resolved: what is absent may have been written */
    struct map *used; /* paths of files that were read */
    struct val *read; /* those read by this project */
    struct compose_asked asked;
    size_t errors; /* that were there before the project was read */
    int failed;    /* reading failed: an error code */
    struct err *err;
    struct compose_names *names;
    struct load_unit *unit; /* gets the documents */
};

/* Load a project; its documents go to `unit`, problems to diags. An error return means that reading failed.
   Paths that were read are added to `used`. */
int compose_load(struct loader *l, const struct compose_options *o, struct load_unit *unit, struct map *used,
                 struct err *err) _must_check_;
/* Find the default compose file among the files of a folder ("" for the root), and its override; returns how
   many. */
size_t compose_find(struct loader *l, const char *folder, const char *ret[2]);
/* Is it a name that Compose looks for by default? */
bool compose_is_default(const char *path);

/* Report a problem at a node; NULL: at the manifest. */
void compose_error(struct compose *c, const struct ynode *n, const char *hint, const char *fmt, ...)
    _printf_(4, 5);
void compose_warning(struct compose *c, const struct ynode *n, const char *hint, const char *fmt, ...)
    _printf_(4, 5);

/* Nodes. New ones get the place of `at`. */
struct ynode *compose_scalar(struct compose *c, const struct ynode *at, const char *text);
struct ynode *compose_map(struct compose *c, const struct ynode *at);
struct ynode *compose_seq(struct compose *c, const struct ynode *at);
/* A copy of one level of a mapping or sequence, to be changed. */
struct ynode *compose_copy(struct compose *c, const struct ynode *n);
/* Decides on a value under a key, or on an item (key NULL): returns it unchanged, another node, or NULL to
   remove it. */
typedef struct ynode *compose_change_fn(struct compose *c, const struct ynode *key, struct ynode *child);
/* Apply `change` to each child; returns the node itself when none changes. */
struct ynode *compose_change_children(struct compose *c, struct ynode *n, compose_change_fn *change);
/* Replace or append. The node to change must have been made by one of the functions above. */
void compose_set(struct compose *c, struct ynode *map, struct ynode *key, struct ynode *value);
void compose_set_text(struct compose *c, struct ynode *map, const struct ynode *at, const char *key,
                      const char *value);
/* Like compose_set(), for a key that does not exist yet. */
void compose_append(struct compose *c, struct ynode *map, struct ynode *key, struct ynode *value);
void compose_remove(struct ynode *map, const char *key);
void compose_push(struct compose *c, struct ynode *seq, struct ynode *item);
/* Take n nodes from the budget; false, after a single error, when not enough are left. */
bool compose_take(struct compose *c, size_t n, const struct ynode *at);
/* The text of a scalar, or NULL. */
const char *compose_text(const struct ynode *n);

/* compose_cache.c */
/* Take the documents of a project from the cache if everything that it looked up is still the same; false:
   resolve it. */
bool compose_recall(struct loader *l, const struct compose_options *o, struct load_unit *unit,
                    struct map *used);
/* Cache a project for that: one without errors, whose warnings are the diagnostics from `first_diag` on. */
void compose_keep(struct compose *c, size_t first_diag);
/* Look something up in the repository or among the variables, and note that. */
const struct load_file *compose_find_file(struct compose *c, const char *path);
void compose_ask_folder(struct compose *c, const char *folder);
void compose_ask_name(struct compose *c, const char *name);
/* Note that a file is read by the project, and so is not a manifest. */
void compose_use_file(struct compose *c, const char *path);
/* The index of the first file whose path is not less than `path`. Files are sorted bytewise. */
size_t compose_first_file(const struct load_input *in, const char *path);

/* compose_vars.c */
struct ynode *compose_resolve(struct compose *c, const struct compose_scope *scope, struct ynode *n);
/* The project's name that a node gives; NULL: none. */
const char *compose_name_text(struct compose *c, const struct compose_scope *scope, const struct ynode *n);
/* Whether a node held a reference that could not be resolved, which has been reported: it reads as absent. */
bool compose_is_unresolved(const struct compose *c, const struct ynode *n);
const char *compose_lookup(struct compose *c, const struct compose_scope *scope, const char *name);
/* Read a file of variables into a map; `required`: report an error at `at` when it is missing. */
void compose_env_file(struct compose *c, const struct compose_scope *scope, const struct ynode *at,
                      const char *path, bool raw, bool required, struct val *into);

/* compose_file.c */
struct compose_file *compose_read(struct compose *c, const struct compose_scope *scope, const char *path,
                                  const char *base, const struct ynode *at);
/* The folder that relative paths in a node are relative to. */
const char *compose_base(const struct compose *c, const struct ynode *n);
/* A path in the repository, or NULL when it leaves the repository. */
const char *compose_path(struct compose *c, const char *base, const char *relative);
/* Make one tree of several files: extends and includes resolved, merged. NULL: nothing could be read. */
struct ynode *compose_model(struct compose *c, const struct compose_scope *scope, const char *const *paths,
                            const struct ynode *const *at, size_t n, const char *base);
/* Merge what a file includes into its tree. */
void compose_include(struct compose *c, const struct compose_scope *scope, struct compose_file *f);
/* Merge into each service of a file what it extends. */
void compose_extends(struct compose *c, const struct compose_scope *scope, struct compose_file *f);

/* compose_merge.c: `over` merged into `base` at a path ("", "services", "services.*"). */
struct ynode *compose_merge(struct compose *c, struct ynode *base, struct ynode *over, const char *path);
/* The tree without the tags !reset and !override, and without the values that !reset removes. */
struct ynode *compose_untag(struct compose *c, struct ynode *n);
/* Turn a list of "K=V" or names into a mapping; a mapping is returned unchanged; NULL after an error for
   anything else. */
struct ynode *compose_pairs(struct compose *c, struct ynode *n, const char *separators);

/* compose_objects.c: the objects that the project declares, by section. */
enum compose_section { SECTION_NETWORKS, SECTION_VOLUMES, SECTION_CONFIGS, SECTION_SECRETS, SECTION_END };
struct compose_object {
    const char *name;     /* in the compose file */
    const char *resource; /* name of the resource; NULL: it has none, which is reported */
    const struct ynode *key;
    struct ynode *value;   /* a mapping, or NULL */
    struct ynode *aliases; /* of a service: names that the links of other services give it; NULL: none */
    bool shared;           /* a service: others mount its volumes (volumes_from) */
    bool used;
    bool external; /* a Config or Secret of the environment, not of the project */
};
struct compose_names {
    struct map services; /* name -> struct compose_object */
    struct map sections[SECTION_END];
    struct map resources; /* "kind/name" -> the key of the object that has it */
    struct compose_object *services_list;
    size_t n_services;
    struct map folded;    /* path in the repository -> name of the Config made of it */
    bool default_network; /* some service is on it */
};
void compose_declare(struct compose *c, struct ynode *root);
void compose_objects(struct compose *c);
/* The object that a service refers to; NULL after an error. Marks it as used. */
struct compose_object *compose_use(struct compose *c, enum compose_section s, const char *name,
                                   const struct ynode *at);
/* The anonymous volume that a service has at `target`, as a named one; NULL after an error. */
struct compose_object *compose_shared_volume(struct compose *c, const struct compose_object *service,
                                             const char *target, const struct ynode *at);
/* The resource name for a name of a kind ("web_1" -> "PREFIXweb-1"), which must be free; NULL after an
   error. */
const char *compose_resource_name(struct compose *c, const char *kind, const char *name,
                                  const struct ynode *at);
/* A path in the repository, as a manifest beside `file` would write it. */
const char *compose_relative(struct arena *a, const char *file, const char *path);
/* Make a Config of a file in the repository: returns its name, or NULL after an error. */
const char *compose_fold(struct compose *c, const struct ynode *at, const char *path);
/* The path on the host for a relative one, by Stack.directory; NULL when the Stack has none. */
const char *compose_host_path(struct compose *c, const struct ynode *at, const char *relative);
/* Add a document. */
void compose_document(struct compose *c, const struct kind_desc *kind, const char *name,
                      const struct ynode *at, struct ynode *spec, bool partial);

/* compose_service.c */
/* Collect the names that links give to other services, and mark services whose volumes others mount. */
void compose_links(struct compose *c);
void compose_service(struct compose *c, const struct compose_scope *scope, struct compose_object *service);

/* The rewriting of a service. Each function below reads a part of `in` and writes what it becomes to
   `out`. */
struct compose_part {
    struct compose *c;
    const struct compose_scope *scope;
    struct compose_object *service;
    struct ynode *in;  /* the service */
    struct ynode *out; /* the Container's spec */
    bool partial;      /* a part of it is missing, which is reported */
};
void compose_service_networks(struct compose_part *p);
/* A hint with the service that was probably meant, or NULL. */
const char *compose_near_service(struct compose *c, const char *name);
void compose_service_volumes(struct compose_part *p);
void compose_service_files(struct compose_part *p);
void compose_service_environment(struct compose_part *p);
void compose_service_order(struct compose_part *p);
/* compose_tidy.c: drop values without a meaning (times of zero) or an effect (ports in the host's
   network). */
void compose_service_tidy(struct compose_part *p);
/* Drop the fields of a service that are empty text, as "${NAME:-}" leaves them: they count as absent. */
struct ynode *compose_drop_blank(struct compose *c, struct ynode *n);

/* compose_keys.c */
/* The mapping without the keys that have no effect here, with a warning for each. `path` is
   "services.deploy". */
struct ynode *compose_drop_ignored(struct compose *c, struct ynode *n, const char *path);
/* Report the keys that are not among the known ones (NULL-terminated). `where` comes before the message:
   "include: "; `hint` is for those without a similar known key. */
void compose_check_keys(struct compose *c, const struct ynode *map, const char *where,
                        const char *const *known, const char *hint);
extern const char *const compose_top_keys[]; /* NULL-terminated */
extern const char *const compose_sections[]; /* services, networks, ...; NULL-terminated */
#endif
