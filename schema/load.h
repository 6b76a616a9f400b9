#ifndef SCHEMA_LOAD_H
#define SCHEMA_LOAD_H
/*
 * From files to a set of resources. Pure: the bytes come through a callback, so the caller decides whether
 * they are blobs of a commit or files of a folder; the caller caches decoded files under (cache key, schema
 * version).
 *
 * Order: read the Project (forge.yaml) -> choose the environment, its files and variables -> for each file,
 * resolve ${...} and decode, or take it from the cache -> merge defaults, overlays and patches -> drop
 * resources whose profiles are all inactive -> read env_file and the files of Configs -> check references.
 *
 * Which files are manifests: all *.yaml and *.yml below the environment's paths, except hidden files and
 * folders, what forge.yaml excludes, and files that a Config or an env_file names.
 *
 * References are resolved before values are typed, so that a reference can stand for a value of any type:
 * ${NAME} and ${env.NAME} (variables of forge.yaml), ${git.commit}, ${git.short}, ${environment.name},
 * ${project.name}, ${container.NAME.host}; defaults and other operators as in load_interp.h. A file without
 * references is cached under its blob id; a file with references under its blob id, "+" and a digest of the
 * values that it can ask for, so that a new commit decodes it again only when one of them has changed.
 */
#include "schema/resource.h"

/* Increase it whenever a file decoded by an older Forge could now mean something else. */
#define SCHEMA_VERSION 1u

struct load_file {
    const char *path; /* relative to the environment's root, "/" separated, sorted bytewise by the caller */
    const char *blob_id; /* cache key; NULL: do not cache */
    size_t size;
    bool executable;
};

/*
 * Decoded files shared by loads that read mostly the same files: those of two commits. A set then also refers
 * to the arenas of the sets that were loaded before it.
 */
struct load_known;
struct load_known *load_known_new(void);
void load_known_free(struct load_known *k); /* accepts NULL; the sets stay */

struct load_input {
    const struct load_file *files;
    size_t n_files;
    const char *environment;     /* NULL or "": the Project's default one; see resource_set.environment */
    const char *commit;          /* ${git.commit}; NULL: unknown */
    const char *const *profiles; /* active profiles, NULL-terminated; may be NULL */
    /* some target is a swarm: the parts of compose files that only swarms honour are kept */
    bool services;
    struct load_known *known; /* files decoded by earlier loads, to which this load adds; NULL: none */
    bool trace;               /* note in the set what schema_load_part() needs to know */
    void *arg;
    /* Read file i completely (bytes in `a`, NUL-terminated). Called from one thread. */
    int (*read)(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err);
    /* Look up what was cached under a key (see above): 0 and bytes that stay valid until the next call of
       either function, otherwise ERR_NOTFOUND. Damaged bytes count as absent. Both may be NULL. */
    int (*cache_get)(void *arg, const char *key, const void **ret, size_t *ret_len);
    void (*cache_put)(void *arg, const char *key, const void *data, size_t len);
};

struct load_stats {
    size_t files, decoded, cached;
};

/* Load everything. Problems of manifests go to diags and the function still returns 0; check diags->errors
   before using the set for anything that deletes (S1). An error return is an I/O failure of `read`. */
int schema_load(const struct load_input *in, struct arena *a, struct resource_set *ret,
                struct diag_list *diags, struct load_stats *stats, struct err *err) _must_check_;

/*
 * Bring a set that was loaded without errors and with `trace` up to date with changed files; the outcome is
 * the same as that of a full load. Works only for changes that are known to leave the rest as it is: files
 * that hold resources and nothing else, and files that these name. ERR_UNSUPPORTED: do a full load; the set
 * is unchanged. Any other error: manifests are wrong, or cannot be read, and the set is unusable; a full load
 * says what is wrong. Replaced resources stay in the set's arena until that is released.
 */
struct load_part_input {
    /* as for a full load, except for its files; `read` gets the number from find() */
    const struct load_input *load;
    const char *const *changed; /* paths of files that are new or differ */
    size_t n_changed;
    int (*find)(void *arg, const char *path, size_t *ret_number, struct load_file *ret); /* 0, ERR_NOTFOUND */
};
struct load_edit {
    const char **ids; /* resources that are new, or ask for something else than before */
    size_t n, cap;
    const char **placed; /* all that were put in; some may only have moved within their file */
    size_t n_placed, cap_placed;
};
int schema_load_part(const struct load_part_input *in, struct resource_set *set, struct load_edit *ret,
                     struct err *err) _must_check_;
/* The resources that depend on a resource directly, in a set with a trace. May list one twice, and may list
   some that no longer do. */
const struct resource_user *load_users(const struct resource_set *set, const char *id);
void load_trace_free(struct load_trace *t); /* what it holds outside the arena; accepts NULL */
/* The resources of one compose project, as a Stack with this spec (may be NULL) beside its first file would
   give them, with three differences: they are unchecked, profiles are ignored, and Configs still name their
   files, relative to the first file. This is what import writes. `files` are paths of the input,
   NULL-terminated; of `in`, files and callbacks are used. */
int schema_load_compose(const struct load_input *in, const char *const *files, const struct val *spec,
                        const char *prefix, struct arena *a, struct resource_set *ret,
                        struct diag_list *diags, struct err *err) _must_check_;

/* Encode a resource as a stored record (kind, name, labels, annotations, spec as a map), and decode one; used
   by the store's generations. */
struct val *resource_to_val(struct arena *a, const struct resource *r);
int resource_from_val(struct arena *a, const struct val *v, struct resource **ret,
                      struct err *err) _must_check_;
#endif
