#ifndef STORE_FIELDS_H
#define STORE_FIELDS_H
/*
 * Structs as records: a table of a struct's members writes and reads them. What is absent, NULL or 0 is not
 * written; what a record does not have, or has of another type, is read as NULL or 0, so that members can be
 * added and dropped without a new version of the record.
 */
#include <stddef.h>

#include "schema/val.h"

enum field_store { FIELD_STR, FIELD_INT, FIELD_UINT, FIELD_TREE };

struct stored_field {
    const char *name;
    enum field_store type; /* const char *, int64_t, uint64_t, const struct val * */
    size_t offset;
};

struct val *fields_to_val(struct arena *a, const struct stored_field *f, size_t n, const void *from);
/* Strings and trees are those of `v`. */
void fields_from_val(const struct stored_field *f, size_t n, const struct val *v, void *to);

#define STORED(type, kind, member)                   \
    {                                                \
#member, kind, offsetof(struct type, member) \
    }
#endif
