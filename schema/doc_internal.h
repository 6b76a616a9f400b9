#ifndef SCHEMA_DOC_INTERNAL_H
#define SCHEMA_DOC_INTERNAL_H
/* What the parts of the documentation share: doc.c explains, doc_schema.c and doc_reference.c print it all. */
#include "schema/kind.h"

/* The example of a field as a value; NULL when it has none. */
struct val *doc_example(struct arena *a, const struct field *f);
/* The field table of a field's value or of its elements; NULL for scalars. */
const struct field_table *doc_table_of(const struct field *f);
/* "list of strings", "mapping from names to container.networks, or list of names": what can be written. */
void doc_type(const struct field *f, struct buf *out);
/* Bounds as people write them, "0 to 1h"; nothing when there are none. */
void doc_range(const struct field *f, struct buf *out);
/* What a change costs: "the engine changes it while it runs". */
const char *doc_impact(enum impact i);
#endif
