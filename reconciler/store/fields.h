#ifndef STORE_FIELDS_H
#define STORE_FIELDS_H
/*
 * Conversion between structs and records, driven by a table of the struct's members. Members that are NULL or
 * 0 are not written; members that are missing in a record, or have another type there, are read as NULL or 0,
 * so that members can be added and dropped without a new record version.
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
/* Strings and trees are borrowed from `v`. */
void fields_from_val(const struct stored_field *f, size_t n, const struct val *v, void *to);

#define STORED(type, kind, member)                   \
    {                                                \
#member, kind, offsetof(struct type, member) \
    }
#endif
