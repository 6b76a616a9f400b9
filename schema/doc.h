#ifndef SCHEMA_DOC_H
#define SCHEMA_DOC_H
/* What the field tables print: JSON Schema, explanations, the reference. Pure. */
#include "schema/kind.h"

/* One JSON Schema (draft-07, which the YAML language server reads best) for all kinds, told apart by if and
 * then. */
void doc_json_schema(struct buf *out);
/* `container`, `container.healthcheck`, `container.healthcheck.interval`: documentation for people.
 * ERR_NOTFOUND with the nearest name. */
int doc_explain(const char *path, struct buf *out, struct err *err) _must_check_;
/* The generated reference in Markdown (contrib/doc/reference.md). */
void doc_reference(struct buf *out);
#endif
