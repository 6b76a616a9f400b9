#ifndef SCHEMA_FIELD_INDEX_H
#define SCHEMA_FIELD_INDEX_H
/* The index of a field table: names found by hash, in order, and what is required. Made once for each table. */
#include "schema/field.h"

#define FIELD_INDEX_MAX 192 /* fields of one table */

struct field_index {
    size_t n;
    const struct field **sorted; /* bytewise by name */
    const char **names;          /* of those that can be written, for suggestions */
    size_t names_n;
    uint16_t *required; /* places in sorted */
    size_t required_n;
    uint16_t *slots; /* by hash: place in sorted + 1, 0 free */
    size_t slots_n;  /* a power of two */
};

const struct field_index *field_index(const struct field_table *t);
/* The place of a name in sorted, or -1. */
int field_index_find(const struct field_index *index, const char *name);
#endif
