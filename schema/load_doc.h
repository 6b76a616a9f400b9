#ifndef SCHEMA_LOAD_DOC_H
#define SCHEMA_LOAD_DOC_H
/*
 * One document of a manifest: the frame (apiVersion, kind, metadata, patch, spec) around a spec. Decoded on
 * its own, so that it can be cached by its bytes: nothing here depends on other files or on the path of the
 * file. Pure.
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
    bool partial;     /* part of it could not be read */
    size_t file;      /* set by the caller */
    uint16_t index;   /* set by the caller: index in resource_set.files */
    const char *path; /* set by the caller: where it stands, if not in the file that was read */
};

/* Decode one document. Problems go to d->diags. False when it is not a resource: not a manifest of Forge, of
   an unknown kind, or without a valid name. *ret_foreign: it does not even claim to be a manifest. */
bool document_decode(struct decode *d, const struct ynode *n, struct document *ret, bool *ret_foreign);
/* A patch written in forge.yaml: the same, without apiVersion. */
bool document_decode_inline(struct decode *d, const struct ynode *n, struct document *ret);

/* Does it look like a compose file? */
bool document_is_compose(const struct ynode *n);

/* Copy all of it into an arena, taking no more memory than it needs. */
void document_copy(struct arena *a, struct document *doc);

struct val *document_to_val(struct arena *a, const struct document *doc);
/* False when v is not a document as this version writes it. Borrows from v. */
bool document_from_val(struct arena *a, const struct val *v, struct document *ret);
#endif
