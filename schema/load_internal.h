#ifndef SCHEMA_LOAD_INTERNAL_H
#define SCHEMA_LOAD_INTERNAL_H
/*
 * What the steps of a load share. load.c has their order; load_project.c reads forge.yaml and chooses the
 * environment, load_vars.c holds its variables, load_file.c reads or recalls a file, load_stack.c makes
 * documents of compose files, load_merge.c resources of documents, and load_expand.c brings in files that
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
    bool knows_commit; /* something asked for it */
};

void load_vars_init(struct load_vars *v, struct arena *a, struct diag_list *diags);
void load_vars_release(struct load_vars *v);
/* Add those of a map; later ones win. Their places are in `file`. */
void load_vars_add(struct load_vars *v, const char *file, const struct val *map);
/* Resolve what they refer to; problems go to diags, once. */
void load_vars_resolve(struct load_vars *v);
/* The code of a reference to a variable that is itself wrong: that is reported where the variable is set. */
#define LOAD_VAR_BROKEN ERR_CANCELLED
struct interp load_vars_interp(struct load_vars *v, struct arena *a);
/* What stands for the value of a name in a cache key; of a long value only its digest, made once. */
void load_vars_digest(struct load_vars *v, const char *name, struct digest_ctx *ctx);

/* The environment. */

struct load_env {
    const struct val **paths; /* strings; NULL: everything */
    size_t n_paths, cap_paths;
    const struct val *exclude; /* list of patterns, or NULL */
    size_t n_exclude;          /* of them that count */
    struct val *profiles;      /* list of names */
    struct val *defaults;      /* kind -> part of a spec */
    struct document *patches;  /* those that stand in forge.yaml */
    size_t n_patches, cap_patches;
    const struct val **patch_files; /* paths */
    size_t n_patch_files, cap_patch_files;
};

/* A use of ${container.NAME.host}, to be checked when all resources are there. */
struct load_ref {
    const char *name;
    const char *file;
    uint32_t line, col;
};

/* One file and what came of it. */
struct load_unit {
    size_t file; /* in load_input.files */
    const char *path;
    size_t rank; /* of the environment's path that it lies under */
    struct document *docs;
    size_t n_docs, cap_docs;
    struct load_ref *refs;
    size_t n_refs, cap_refs;
    size_t first_diag, n_diags; /* its part of the diagnostics that are kept */
    size_t errors, warnings;    /* counted for it */
    bool foreign;               /* it does not claim to be a manifest */
    struct ynode **compose;     /* it looks like a compose file: its documents, until one takes them */
    size_t n_compose;
    bool unread;        /* as the cache says: its documents are still to be read */
    struct arena nodes; /* of these */
};

/* What a load of a part needs to know of the whole; in the set, load_trace.c. */
struct load_trace {
    struct map odd;       /* paths of files that are more, or less, than resources of the set */
    struct map patched;   /* ids of which patches speak */
    struct map named;     /* path -> struct resource_user: files that resources name, there or not */
    struct map needed_by; /* id -> struct resource_user */
    bool whole;           /* it holds Stacks, which take any file: only all of it can be loaded */
    bool knows_commit;    /* the set depends on which commit it is */
    size_t overlay_budget, items_budget, named_budget, text_budget; /* what is left of them */
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
/* Can it be named as a file without any other file losing its meaning? */
bool load_part_may_name(const struct load_part *p, const char *path);

struct loader {
    struct load_part *part; /* NULL: everything is loaded */
    bool refused;           /* a part turned out to be more than that */
    bool has_stacks;
    const struct load_input *in;
    struct arena *arena;
    struct arena scratch; /* gone when the load ends */
    struct diag_list *diags;
    struct load_stats *stats;
    struct resource_set *set;
    struct load_vars vars;
    struct load_env env;
    struct load_unit *units;
    size_t n_units, cap_units;
    struct map paths;         /* path -> its number in load_input.files; made when it is first needed */
    struct map env_files;     /* format and path -> its variables */
    struct map indices;       /* path -> its place in resource_set.files */
    struct map named;         /* paths of files that others name, which are no manifests */
    const char *project_path; /* "forge.yaml", or NULL */
    size_t overlay_budget;    /* values that overlays may still merge */
    size_t items_budget;      /* ports that ranges may still stand for */
    size_t named_budget;      /* bytes of files that manifests name */
    struct load_ref *refs;    /* from forge.yaml */
    size_t n_refs, cap_refs;
};

void loader_init(struct loader *l, const struct load_input *in, struct arena *a, struct resource_set *ret,
                 struct diag_list *diags, struct load_stats *stats);
void loader_release(struct loader *l);
/* Know the files that the set knows already. */
void loader_take_files(struct loader *l);
/* All of them up to load_expand(). */
int load_steps(struct loader *l, struct err *err) _must_check_;
/* Put resources in order, and learn what each needs. */
void load_settle(struct loader *l);
/* Uses of ${container.NAME.host}. */
void load_check_refs(struct loader *l, const struct resource_set *set, const struct load_ref *refs, size_t n);
const char *load_document_id(struct loader *l, const struct document *doc);
/* A resource of the set, or, for a part, of the rest. */
struct resource *load_find_resource(const struct loader *l, const char *id);
bool load_is_manifest(const char *path); /* by its name */

/* Each step returns an error only when reading fails; what is wrong with manifests goes to diags. */
int load_project(struct loader *l, struct err *err) _must_check_;
/* Which files make the environment: l->units, in the order in which patches apply. */
void load_select(struct loader *l);
int load_unit_read(struct loader *l, struct load_unit *u, struct err *err) _must_check_;
/* Compose files that nobody has asked for, which the cache only knows as such: what is wrong with them. */
int load_unread(struct loader *l, struct err *err) _must_check_;
/* Resources of Stacks and of compose files that stand for themselves, as units of their own. */
int load_stacks(struct loader *l, struct err *err) _must_check_;
/* Those of one compose project only. */
int load_compose(struct loader *l, const char *const *files, const struct val *spec, const char *prefix,
                 struct err *err) _must_check_;
/* Forget the units that turned out to be files which others name: what is wrong with them does not matter. */
void load_drop_named(struct loader *l);
/* Documents to resources: duplicates, patches, defaults, profiles. */
void load_merge(struct loader *l);
/* env_file, Config files, digests. */
int load_expand(struct loader *l, struct err *err) _must_check_;

/* The index of a file in resource_set.files, for values that do not stand in the file of their resource; 0
   when there are too many of them to count. */
uint16_t load_file_index(struct loader *l, const char *path);
/* Mark a tree as standing in that file. */
void load_stamp(struct val *v, uint16_t index);
/* The file at a path, or NULL. */
const struct load_file *load_find_file(struct loader *l, const char *path);
/* `relative` seen from the folder of `from`, without "." and "..", or NULL when it leaves the root. */
const char *load_resolve_path(struct arena *a, const char *from, const char *relative);
/* Does a pattern of forge.yaml's exclude mean this path? */
bool load_glob(const char *pattern, const char *path);

/* Merge a patch into a base by a table (both maps; base may be NULL): mappings merge, the items of keyed
   lists replace each other, other values replace, VAL_NULL removes. Shares what it can with both. Beyond the
   budget nothing is merged, which is reported once. */
struct val *load_overlay(struct loader *l, const struct field_table *t, const struct val *base,
                         const struct val *patch);
/* The same for a map of single values. */
struct val *load_overlay_map(struct loader *l, const struct val *base, const struct val *patch);
#endif
