#ifndef SCHEMA_LOAD_DOC_H
#define SCHEMA_LOAD_DOC_H
/*
 * One document of a manifest: the frame (apiVersion, kind, metadata, patch, spec) around a spec. Decoded by
 * itself, so that it can be cached by its bytes: nothing here depends on other files or on where the file
 * lies. Pure.
 */
#include "schema/kind.h"

enum document_use {
    DOCUMENT_RESOURCE,
    DOCUMENT_PATCH,  /* patch: true: merged into the resource of the same identity */
    DOCUMENT_REMOVE, /* patch: remove: the resource is not part of the environment */
};

struct document {
    const struct kind_desc *kind;
    enum document_use use;
    const char *name;
    struct val *labels, *annotations, *spec; /* maps; those of a patch may hold VAL_NULL, which removes */
    uint32_t line, col;
    bool partial;     /* something of it could not be read */
    size_t file;      /* the caller's */
    uint16_t index;   /* the caller's: in resource_set.files */
    const char *path; /* the caller's: where it stands, if not in the file that was read */
};

/* Decode one document. Problems go to d->diags. False when it is no resource at all: no manifest of ours, no
   known kind, no valid name. *ret_foreign says that it does not even claim to be a manifest. */
bool document_decode(struct decode *d, const struct ynode *n, struct document *ret, bool *ret_foreign);
/* A patch that stands in forge.yaml: the same without apiVersion. */
bool document_decode_inline(struct decode *d, const struct ynode *n, struct document *ret);

/* Does it look like a compose file. */
bool document_is_compose(const struct ynode *n);

/* Have all of it in an arena, and no more than it takes. */
void document_copy(struct arena *a, struct document *doc);

struct val *document_to_val(struct arena *a, const struct document *doc);
/* False when it is none: then it was not written by this version. Borrows from v. */
bool document_from_val(struct arena *a, const struct val *v, struct document *ret);
#endif
