#ifndef SCHEMA_LOAD_H
#define SCHEMA_LOAD_H
/*
 * From files to a set of resources. Pure: the bytes come through a callback, so the caller decides whether
 * they are blobs of a commit or files of a folder; decoded files are kept by the caller under (cache key,
 * schema version).
 *
 * Order: read the Project (forge.yaml) -> choose the environment, its files and variables -> for each file,
 * resolve ${...} and decode, or take it from the cache -> merge defaults, overlays and patches -> leave out
 * what no active profile asks for -> read env_file and the files of Configs -> check references.
 *
 * Which files are manifests: all *.yaml and *.yml below the environment's paths, but for hidden files and
 * folders, what forge.yaml excludes, and files that a Config or an env_file names.
 *
 * References are resolved in values, before they are typed, so that they can stand for anything: ${NAME} and
 * ${env.NAME} (variables of forge.yaml), ${git.commit}, ${git.short}, ${environment.name}, ${project.name},
 * ${container.NAME.host}; defaults and the like as in load_interp.h. A file that holds none is kept in the
 * cache under its blob id; one that does under its blob id, "+" and a digest of the values that it could ask
 * for, so that a new commit decodes it again only when one of them has changed.
 */
#include "schema/resource.h"

/* Raise it whenever a decoded file of an older Forge could mean something else. */
#define SCHEMA_VERSION 1u

struct load_file {
    const char *path; /* relative to the environment's root, "/" separated, sorted bytewise by the caller */
    const char *blob_id; /* cache key; NULL: do not cache */
    size_t size;
    bool executable;
};

/*
 * Decoded files that loads share, where most of what they read is the same: two commits. A set then also
 * lives in the arenas of the sets that were loaded before it.
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
    bool services;               /* some target is a swarm: what only swarms do in compose files is kept */
    struct load_known *known;    /* what was decoded before, which this load adds to; NULL */
    bool trace;                  /* note what schema_load_part() needs to know, in the set */
    void *arg;
    /* Read file i completely (bytes in `a`, NUL-terminated). Called from one thread. */
    int (*read)(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err);
    /* What was kept under a key (see above): 0 and bytes that stay valid until the next call of either,
     * ERR_NOTFOUND otherwise. Damaged bytes are as good as none. Both may be NULL. */
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
 * A set that was loaded without errors and with `trace`, and what has changed since: put into the set, with
 * the same outcome as if everything had been loaded. Only for what can be seen to leave the rest as it is:
 * files that hold resources and nothing else, and files that these name. ERR_UNSUPPORTED: load everything;
 * the set is as it was. Any other error: something is wrong with manifests, or cannot be read, and the set is
 * spoilt; loading everything says what it is. What is replaced stays in the set's arena until that goes.
 */
struct load_part_input {
    const struct load_input *load; /* as for the whole, but for its files; `read` gets the number of find() */
    const char *const *changed;    /* paths of files that are new or differ */
    size_t n_changed;
    int (*find)(void *arg, const char *path, size_t *ret_number, struct load_file *ret); /* 0, ERR_NOTFOUND */
};
struct load_edit {
    const char **ids; /* resources that are new, or ask for something else than before */
    size_t n, cap;
    const char **placed; /* all that were put in: others may only have moved in their file */
    size_t n_placed, cap_placed;
};
int schema_load_part(const struct load_part_input *in, struct resource_set *set, struct load_edit *ret,
                     struct err *err) _must_check_;
/* Those that need a resource by their own word, in a set with a trace; perhaps twice, and perhaps some that
   do no more. */
const struct resource_user *load_users(const struct resource_set *set, const char *id);
void load_trace_free(struct load_trace *t); /* what it holds beside the arena; accepts NULL */
/* The resources of one compose project, as a Stack with this spec (may be NULL) beside its first file would
 * give them, but unchecked, whatever their profiles, and with the files that Configs name still named,
 * relative to the first file: what import writes down. `files` are paths of the input, NULL-terminated; of
 * `in`, files and callbacks are used. */
int schema_load_compose(const struct load_input *in, const char *const *files, const struct val *spec,
                        const char *prefix, struct arena *a, struct resource_set *ret,
                        struct diag_list *diags, struct err *err) _must_check_;

/* Decode one stored resource record (kind, name, labels, annotations, spec as a map) and the reverse; used by
 * the store's generations. */
struct val *resource_to_val(struct arena *a, const struct resource *r);
int resource_from_val(struct arena *a, const struct val *v, struct resource **ret,
                      struct err *err) _must_check_;
#endif
