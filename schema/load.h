#ifndef SCHEMA_LOAD_H
#define SCHEMA_LOAD_H
/*
 * From files to a set of resources. Pure: the bytes come through a callback, so the caller decides whether
 * they are blobs of a commit or files of a folder; decoded files are kept by the caller under (blob id,
 * schema version).
 *
 * Order: read and decode each file (or take it from the cache) -> find the Project and the environment's
 * folders -> merge overlays and patches -> expand env_file and configs from files -> interpolate ${...} ->
 * check references.
 */
#include "schema/resource.h"

/* Raise it whenever a decoded file of an older Forge could mean something else. */
#define SCHEMA_VERSION 1u

struct load_file {
    const char *path; /* relative to the environment's root, "/" separated, sorted bytewise by the caller */
    const char *blob_id; /* cache key; NULL: do not cache */
    size_t size;
};

struct load_input {
    const struct load_file *files;
    size_t n_files;
    const char *environment; /* name, for Project.environments and ${env...}; NULL or "": the default one */
    const char *commit;      /* ${git.commit}; NULL: unknown */
    const char *const *profiles; /* active profiles, NULL-terminated; may be NULL */
    void *arg;
    /* Read file i completely (bytes in `a`, NUL-terminated). Called from one thread. */
    int (*read)(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err);
    /* Decoded form of a blob: 0 and bytes that stay valid during the load, ERR_NOTFOUND otherwise. Both may
     * be NULL. */
    int (*cache_get)(void *arg, const char *blob_id, const void **ret, size_t *ret_len);
    void (*cache_put)(void *arg, const char *blob_id, const void *data, size_t len);
};

struct load_stats {
    size_t files, decoded, cached;
};

/* Load everything. Problems of manifests go to diags and the function still returns 0; check diags->errors
   before using the set for anything that deletes (S1). An error return is an I/O failure of `read`. */
int schema_load(const struct load_input *in, struct arena *a, struct resource_set *ret,
                struct diag_list *diags, struct load_stats *stats, struct err *err) _must_check_;

/* Decode one stored resource record (kind, name, labels, annotations, spec as a map) and the reverse; used by
 * the store's generations. */
struct val *resource_to_val(struct arena *a, const struct resource *r);
int resource_from_val(struct arena *a, const struct val *v, struct resource **ret,
                      struct err *err) _must_check_;
#endif
