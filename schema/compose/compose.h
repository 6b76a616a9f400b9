#ifndef SCHEMA_COMPOSE_COMPOSE_H
#define SCHEMA_COMPOSE_COMPOSE_H
/*
 * Compose projects, by the Compose specification (github.com/compose-spec/compose-spec), as a source of
 * resources. Pure like all of the loading: files come through load_input.
 *
 * The order, file by file: read -> resolve ${...} -> extends -> include -> merge into what the earlier files
 * said (compose_file.c, compose_vars.c, compose_extends.c, compose_include.c, compose_merge.c). The one tree
 * that comes of it keeps every value's own file, line and column. Then each service becomes a document of
 * kind Container whose spec is the service's mapping with some keys rewritten (compose_service.c and those
 * beside it), decoded by the Container's own table; networks, volumes, configs and secrets likewise
 * (compose_objects.c). compose_keys.c lists what is not honoured. compose_cache.c keeps what came of it.
 *
 * Names: a service's resource is called PREFIX + its name in small letters with "-" for "_" and "."; the
 * service's own name is an alias on each of its networks, so that others find it by that.
 */
#include "base/limits.h"
#include "schema/load_internal.h"
#include "schema/yaml.h"

/* A Stack, decoded; `file` is what relative paths of it are relative to. */
struct compose_options {
    const char *file;         /* the manifest; for a compose file without one, the compose file */
    uint32_t line, col;       /* of the manifest */
    const char *prefix;       /* "" for none */
    const char *name;         /* the Stack's, or NULL */
    const char *const *files; /* paths in the repository, NULL-terminated */
    const struct val *at;     /* list of strings: where they are named; NULL: they are found by themselves */
    const struct val *spec;   /* of the Stack, or NULL */
};

/* Values for ${NAME}; asked from the innermost outwards. */
struct compose_scope {
    const struct compose_scope *outer; /* goes first */
    const struct val *values;          /* a map, or NULL */
};

/* A compose file in one role: with what its relative paths are relative to. */
struct compose_file {
    const char *path;
    const char *base;   /* folder, "" for the root, no final slash */
    struct ynode *root; /* a mapping; references resolved; NULL: it could not be read */
    uint16_t index;     /* in resource_set.files */
    bool ready;         /* what it extends and includes is in its tree */
};

/* What a project asked about, as keys of maps; NULL: nothing. */
struct compose_asked {
    struct val *files;   /* paths, whether there is a file or not */
    struct val *folders; /* "a/b/": which files are in it; "": in all of the repository */
    struct val *names;   /* of variables of forge.yaml */
};

/* A project under way. */
struct compose {
    struct loader *l;
    struct arena *arena; /* scratch: nodes; gone when the project is loaded */
    const struct compose_options *options;
    const char *base;           /* the project's folder in the repository: that of its first file */
    struct compose_scope scope; /* of the project */
    const char *project;        /* the explicit name of the project, or NULL */
    bool fixed;                 /* it is not the compose file's */
    const struct compose_file
        *chain[LIMIT_COMPOSE_DEPTH + 1]; /* files that include each other, outermost first */
    size_t depth;
    struct val *warned; /* names without value that are reported */
    struct compose_file files[LIMIT_COMPOSE_FILES];
    size_t n_files;
    struct map by_role;              /* "path\nbase" -> struct compose_file */
    const struct ynode *at;          /* the node whose references are being resolved */
    size_t budget;                   /* nodes that merging may still make */
    const struct ynode **unresolved; /* nodes of which a reference could not be resolved */
    size_t n_unresolved, cap_unresolved;
    const struct ynode **blank; /* nodes in which a variable without a value reads as "" */
    size_t n_blank, cap_blank;
    bool saw_unset;   /* in the text that is being resolved */
    bool broken;      /* a reference could not be resolved: what is absent may have been there */
    struct map *used; /* paths that were read */
    struct val *read; /* those that this project has read */
    struct compose_asked asked;
    int failed; /* reading failed: an error code */
    struct err *err;
    struct compose_names *names;
    struct load_unit *unit; /* gets the documents */
};

/* Everything: the documents of a project go to `unit`. Problems go to diags. An error return is one of
   reading. Paths that were read are added to `used`. */
int compose_load(struct loader *l, const struct compose_options *o, struct load_unit *unit, struct map *used,
                 struct err *err) _must_check_;
/* The default compose file among the files of a folder ("" for the root), and its override; n of them. */
size_t compose_find(struct loader *l, const char *folder, const char *ret[2]);
/* Is a name one that Compose looks for by itself. */
bool compose_is_default(const char *path);

/* Problems at a node; NULL: at the manifest. */
void compose_error(struct compose *c, const struct ynode *n, const char *hint, const char *fmt, ...)
    _printf_(4, 5);
void compose_warning(struct compose *c, const struct ynode *n, const char *hint, const char *fmt, ...)
    _printf_(4, 5);

/* Nodes. New ones take the place of `at`. */
struct ynode *compose_scalar(struct compose *c, const struct ynode *at, const char *text);
struct ynode *compose_map(struct compose *c, const struct ynode *at);
struct ynode *compose_seq(struct compose *c, const struct ynode *at);
/* One level of a mapping or sequence, to be changed. */
struct ynode *compose_copy(struct compose *c, const struct ynode *n);
/* What becomes of a value under a key, or of an item (key NULL): itself, another node, or NULL: it goes. */
typedef struct ynode *compose_change_fn(struct compose *c, const struct ynode *key, struct ynode *child);
/* The node with each child as `change` says; itself when none changes. */
struct ynode *compose_change_children(struct compose *c, struct ynode *n, compose_change_fn *change);
/* Replace or append. What these change was made by one of those above. */
void compose_set(struct compose *c, struct ynode *map, struct ynode *key, struct ynode *value);
void compose_set_text(struct compose *c, struct ynode *map, const struct ynode *at, const char *key,
                      const char *value);
/* As compose_set(), for a key that is not there yet. */
void compose_append(struct compose *c, struct ynode *map, struct ynode *key, struct ynode *value);
void compose_remove(struct ynode *map, const char *key);
void compose_push(struct compose *c, struct ynode *seq, struct ynode *item);
/* Take nodes from the budget; false, after one error, when there are none left. */
bool compose_take(struct compose *c, size_t n, const struct ynode *at);
/* The text of a scalar, or NULL. */
const char *compose_text(const struct ynode *n);

/* compose_cache.c */
/* The documents of a project that was resolved before, while all that it asked about is the same; false:
   resolve it. */
bool compose_recall(struct loader *l, const struct compose_options *o, struct load_unit *unit,
                    struct map *used);
/* Keep it for that: a project without errors, whose warnings are the diagnostics from `first_diag` on. */
void compose_keep(struct compose *c, size_t first_diag);
/* Ask about the repository, and note it. */
const struct load_file *compose_find_file(struct compose *c, const char *path);
void compose_ask_folder(struct compose *c, const char *folder);
void compose_ask_name(struct compose *c, const char *name);
/* It is read, and no manifest. */
void compose_use_file(struct compose *c, const char *path);
/* The first file whose path is not before `path`. Files are sorted bytewise. */
size_t compose_first_file(const struct load_input *in, const char *path);

/* compose_vars.c */
struct ynode *compose_resolve(struct compose *c, const struct compose_scope *scope, struct ynode *n);
const char *compose_lookup(struct compose *c, const struct compose_scope *scope, const char *name);
/* Read a file of variables into a map; `required`: its absence is an error at `at`. */
void compose_env_file(struct compose *c, const struct compose_scope *scope, const struct ynode *at,
                      const char *path, bool raw, bool required, struct val *into);

/* compose_file.c */
struct compose_file *compose_read(struct compose *c, const struct compose_scope *scope, const char *path,
                                  const char *base, const struct ynode *at);
/* What relative paths in a node are relative to. */
const char *compose_base(const struct compose *c, const struct ynode *n);
/* A path of the repository, or NULL when it leaves it. */
const char *compose_path(struct compose *c, const char *base, const char *relative);
/* One tree of several files: extends and includes resolved, merged. NULL: nothing could be read. */
struct ynode *compose_model(struct compose *c, const struct compose_scope *scope, const char *const *paths,
                            const struct ynode *const *at, size_t n, const char *base);
/* Bring what a file includes into its tree. */
void compose_include(struct compose *c, const struct compose_scope *scope, struct compose_file *f);
/* Put into each service of a file what it extends. */
void compose_extends(struct compose *c, const struct compose_scope *scope, struct compose_file *f);

/* compose_merge.c: `over` merged into `base` at a path ("", "services", "services.*"). */
struct ynode *compose_merge(struct compose *c, struct ynode *base, struct ynode *over, const char *path);
/* The tree without the tags !reset and !override, and without what the former takes away. */
struct ynode *compose_untag(struct compose *c, struct ynode *n);
/* A list of "K=V" or names as a mapping; a mapping as it is; NULL and a problem for anything else. */
struct ynode *compose_pairs(struct compose *c, struct ynode *n, const char *separators);

/* compose_objects.c: what the project declares, by section. */
enum compose_section { SECTION_NETWORKS, SECTION_VOLUMES, SECTION_CONFIGS, SECTION_SECRETS, SECTION_END };
struct compose_object {
    const char *name;     /* in the compose file */
    const char *resource; /* what the resource is called; NULL: it has none, which is reported */
    const struct ynode *key;
    struct ynode *value;   /* a mapping, or NULL */
    struct ynode *aliases; /* of a service: names that others' links give it; NULL: none */
    bool shared;           /* a service: others mount its volumes (volumes_from) */
    bool used;
    bool external; /* a Config or Secret of the environment */
};
struct compose_names {
    struct map services; /* name -> struct compose_object */
    struct map sections[SECTION_END];
    struct map resources; /* "kind/name" -> the key of who has it */
    struct compose_object *services_list;
    size_t n_services;
    struct map folded;    /* path of the repository -> name of the Config made of it */
    bool default_network; /* some service is on it */
};
void compose_declare(struct compose *c, struct ynode *root);
void compose_objects(struct compose *c);
/* The object that a service names; NULL after an error. Marks it used. */
struct compose_object *compose_use(struct compose *c, enum compose_section s, const char *name,
                                   const struct ynode *at);
/* The volume without a name that a service has at `target`, as one with a name; NULL after an error. */
struct compose_object *compose_shared_volume(struct compose *c, const struct compose_object *service,
                                             const char *target, const struct ynode *at);
/* What a name is called as a resource of a kind ("web_1" -> "PREFIXweb-1"), which must be free; NULL after an
   error. */
const char *compose_resource_name(struct compose *c, const char *kind, const char *name,
                                  const struct ynode *at);
/* A path of the repository as a manifest beside `file` would write it. */
const char *compose_relative(struct arena *a, const char *file, const char *path);
/* A file of the repository as a Config: its name. NULL after an error. */
const char *compose_fold(struct compose *c, const struct ynode *at, const char *path);
/* A path of the host for a relative one, by Stack.directory; NULL without that. */
const char *compose_host_path(struct compose *c, const struct ynode *at, const char *relative);
/* Add a document. */
void compose_document(struct compose *c, const struct kind_desc *kind, const char *name,
                      const struct ynode *at, struct ynode *spec, bool partial);

/* compose_service.c */
/* Names that links give to other services. */
void compose_links(struct compose *c);
void compose_service(struct compose *c, const struct compose_scope *scope, struct compose_object *service);

/* What a service's parts are rewritten to. Each takes the value and gives the new one, or NULL for none. */
struct compose_part {
    struct compose *c;
    const struct compose_scope *scope;
    struct compose_object *service;
    struct ynode *in;  /* the service */
    struct ynode *out; /* the Container's spec */
    bool partial;      /* something of it is missing, which is reported */
};
void compose_service_networks(struct compose_part *p);
void compose_service_volumes(struct compose_part *p);
void compose_service_files(struct compose_part *p);
void compose_service_environment(struct compose_part *p);
void compose_service_order(struct compose_part *p);
/* compose_tidy.c: what means nothing (times of zero), or does nothing (ports beside the host's network). */
void compose_service_tidy(struct compose_part *p);
/* A service without the fields that are an empty text, as "${NAME:-}" leaves them: nothing is said. */
struct ynode *compose_drop_blank(struct compose *c, struct ynode *n);

/* compose_keys.c */
/* The mapping without the keys that do nothing here, each with a warning. `path` is "services.deploy". */
struct ynode *compose_drop_ignored(struct compose *c, struct ynode *n, const char *path);
extern const char *const compose_top_keys[]; /* NULL-terminated */
extern const char *const compose_sections[]; /* services, networks, ...; NULL-terminated */
#endif
