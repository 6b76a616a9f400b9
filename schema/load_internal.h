#ifndef SCHEMA_LOAD_INTERNAL_H
#define SCHEMA_LOAD_INTERNAL_H
/*
 * What the steps of a load share. load.c has their order; load_project.c reads forge.yaml and chooses the
 * environment, load_vars.c holds its variables, load_file.c reads or recalls a file, load_stack.c turns
 * compose files into documents, load_merge.c documents into resources, and load_expand.c reads the files that
 * manifests name.
 */
#include "base/digest.h"
#include "base/map.h"
#include "schema/load.h"
#include "schema/load_doc.h"
#include "schema/load_interp.h"

struct loader;

/* Variables. */

struct load_vars {
    struct arena *arena;
    struct diag_list *diags;
    const char *project, *environment, *commit;
    struct map by_name; /* struct load_var */
    const char **names; /* for suggestions */
    size_t n, cap;
    size_t budget;
    bool knows_commit; /* some reference asked for the commit */
};

void load_vars_init(struct load_vars *v, struct arena *a, struct diag_list *diags);
void load_vars_release(struct load_vars *v);
/* Add the variables of a map that stands in `file`; later ones win. */
void load_vars_add(struct load_vars *v, const char *file, const struct val *map);
/* Resolve the references within them; each problem is reported once. */
void load_vars_resolve(struct load_vars *v);
/* The error code for a reference to a variable whose own value is wrong, which is reported where the variable
   is set. */
#define LOAD_VAR_BROKEN ERR_CANCELLED
struct interp load_vars_interp(struct load_vars *v, struct arena *a);
/* Add what represents the value of a name in a cache key; for a variable that is its digest, computed
   once. */
void load_vars_digest(struct load_vars *v, const char *name, struct digest_ctx *ctx);

/* The environment. */

struct load_env {
    const struct val **paths; /* strings; NULL: everything */
    size_t n_paths, cap_paths;
    const struct val *exclude; /* list of patterns, or NULL */
    size_t n_exclude;          /* number of patterns that count: at most LIMIT_PROJECT_ITEMS */
    struct val *profiles;      /* list of names */
    struct val *defaults;      /* kind -> part of a spec */
    struct document *patches;  /* those written in forge.yaml itself */
    size_t n_patches, cap_patches;
    const struct val **patch_files; /* paths */
    size_t n_patch_files, cap_patch_files;
};

/* A use of ${container.NAME.host}, to be checked once all resources are loaded. */
struct load_ref {
    const char *name;
    const char *file;
    uint32_t line, col;
};

/* A file, and the documents and problems that it gave. */
struct load_unit {
    size_t file; /* index in load_input.files; SIZE_MAX: the documents of a compose project */
    const char *path;
    size_t rank; /* index of the environment's path that it lies under */
    struct document *docs;
    size_t n_docs, cap_docs;
    struct load_ref *refs;
    size_t n_refs, cap_refs;
    size_t first_diag, n_diags; /* its slice of the kept diagnostics */
    size_t errors, warnings;    /* counted for this file */
    bool foreign;               /* it does not claim to be a manifest */
    struct ynode **compose;     /* it looks like a compose file: its documents, until a project takes them */
    size_t n_compose;
    bool unread;        /* the cache says that it is a compose file; its documents have not been read yet */
    struct arena nodes; /* holds those documents */
};

/* What a load of a part needs to know about the full load; stored in the set, filled in by load_trace.c. */
struct load_trace {
    struct map odd;     /* paths of files that are not just resources of the set, unpatched */
    struct map patched; /* ids that patches apply to */
    /* path -> struct resource_user: files that resources name, whether they exist or not */
    struct map named;
    struct map needed_by; /* id -> struct resource_user */
    bool whole;           /* it holds Stacks, which may take any file: only a full load will do */
    bool knows_commit;    /* the set depends on the commit's id */
    size_t overlay_budget, items_budget, named_budget, text_budget; /* what the load left of each */
};
void load_note_named(struct loader *l, const char *path, const struct resource *r);
void load_trace_needs(struct load_trace *t, struct arena *a, const struct resource *r);
void load_trace_finish(struct loader *l);
void load_trace_budgets(struct loader *l);

/* load_known.c. Keys are those of the cache. */
void load_known_put(struct loader *l, const char *key, const struct load_unit *u);
void load_known_put_names(struct loader *l, const char *key, const struct val *names);
const struct val *load_known_names(const struct loader *l, const char *key);
bool load_known_take(struct loader *l, const char *key, struct load_unit *u);

/* load_part.c */
struct load_part;
const struct load_file *load_part_file(struct load_part *p, const char *path); /* NULL: there is none */
/* May a manifest name this path as a file? Not when a file of resources would then stop being a manifest. */
bool load_part_may_name(const struct load_part *p, const char *path);

struct loader {
    struct load_part *part; /* NULL: a full load */
    bool refused;           /* the part turned out to affect more than itself */
    bool has_stacks;
    const struct load_input *in;
    struct arena *arena;
    struct arena scratch; /* released when the load ends */
    struct diag_list *diags;
    struct load_stats *stats;
    struct resource_set *set;
    struct load_vars vars;
    struct load_env env;
    struct load_unit *units;
    size_t n_units, cap_units;
    struct map paths;         /* path -> its index in load_input.files; made when first needed */
    struct map env_files;     /* format and path -> the file's variables */
    struct map indices;       /* path -> its index in resource_set.files */
    struct map named;         /* paths of files that others name, and which therefore are no manifests */
    const char *project_path; /* "forge.yaml", or NULL */
    size_t overlay_budget;    /* values that overlays may still merge */
    size_t items_budget;      /* ports that ranges may still expand to */
    size_t named_budget;      /* bytes of named files that may still be read */
    struct load_ref *refs;    /* from forge.yaml */
    size_t n_refs, cap_refs;
};

void loader_init(struct loader *l, const struct load_input *in, struct arena *a, struct resource_set *ret,
                 struct diag_list *diags, struct load_stats *stats);
void loader_release(struct loader *l);
/* Register the files that the set already lists. */
void loader_take_files(struct loader *l);
/* Run all steps, up to and including load_expand(). */
int load_steps(struct loader *l, struct err *err) _must_check_;
/* Sort the resources and record what each depends on. */
void load_settle(struct loader *l);
/* Check uses of ${container.NAME.host}. */
void load_check_refs(struct loader *l, const struct resource_set *set, const struct load_ref *refs, size_t n);
const char *load_document_id(struct loader *l, const struct document *doc);
/* Find a resource of the set; in a load of a part, also in the set that the part belongs to. */
struct resource *load_find_resource(const struct loader *l, const char *id);
bool load_is_manifest(const char *path); /* by its name */

/* Each step returns an error only when reading fails; problems of manifests go to diags. */
int load_project(struct loader *l, struct err *err) _must_check_;
/* Select the files of the environment: l->units, in the order in which patches apply. */
void load_select(struct loader *l);
int load_unit_read(struct loader *l, struct load_unit *u, struct err *err) _must_check_;
/* Read the compose files that no project has used and that the cache lists only as compose files, to report
   what is wrong with them. */
int load_unread(struct loader *l, struct err *err) _must_check_;
/* Load the resources of Stacks, and of compose files that are used without a Stack, as units of their own. */
int load_stacks(struct loader *l, struct err *err) _must_check_;
/* Load those of one compose project only. */
int load_compose(struct loader *l, const char *const *files, const struct val *spec, const char *prefix,
                 struct err *err) _must_check_;
/* Drop the units that turned out to be files named by others: what is wrong with them as manifests does not
   matter. */
void load_drop_named(struct loader *l);
/* Turn documents into resources: duplicates, patches, defaults, profiles. */
void load_merge(struct loader *l);
/* Read env_file and the files of Configs; compute digests. */
int load_expand(struct loader *l, struct err *err) _must_check_;

/* The index of a file in resource_set.files, for values that do not stand in the file of their resource; 0
   when there are too many files to count. */
uint16_t load_file_index(struct loader *l, const char *path);
/* Mark the values of a tree that have no file yet as standing in this one. */
void load_stamp(struct val *v, uint16_t index);
/* The file at a path, or NULL. */
const struct load_file *load_find_file(struct loader *l, const char *path);
/* `relative` resolved against the folder of `from`, without "." and "..", or NULL when it leaves the root. */
const char *load_resolve_path(struct arena *a, const char *from, const char *relative);
/* Does a pattern from `exclude` in forge.yaml match this path? */
bool load_glob(const char *pattern, const char *path);

/* Merge a patch into a base by a table (both maps; base may be NULL): mappings merge; items of keyed lists,
   and all other values, are replaced; VAL_NULL removes. Shares what it can with both. Once the budget is used
   up nothing is merged, which is reported once. */
struct val *load_overlay(struct loader *l, const struct field_table *t, const struct val *base,
                         const struct val *patch);
/* The same for a map of scalars. */
struct val *load_overlay_map(struct loader *l, const struct val *base, const struct val *patch);
#endif
