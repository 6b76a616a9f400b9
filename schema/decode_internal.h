#ifndef SCHEMA_DECODE_INTERNAL_H
#define SCHEMA_DECODE_INTERNAL_H
/*
 * What the parts of the decoder share: decode.c walks records and reports problems, decode_scalar.c reads
 * single values, decode_many.c lists, maps and keyed lists. Nodes passed to these functions are not null.
 */
#include "schema/field.h"

struct val *decode_scalar(struct decode *d, const struct field *f, const struct ynode *n);
struct val *decode_list(struct decode *d, const struct field *f, const struct ynode *n);
struct val *decode_map(struct decode *d, const struct field *f, const struct ynode *n);
struct val *decode_keyed(struct decode *d, const struct field *f, const struct ynode *n);
struct val *decode_command(struct decode *d, const struct field *f, const struct ynode *n);
struct val *decode_any(struct decode *d, const struct ynode *n);

/* An item of a list or a value of a map: like decode_field(), but null is an error unless the field accepts
   it. */
struct val *decode_item(struct decode *d, const struct field *f, const struct ynode *n);
/* The same, one step further down the path; name NULL: an index in a list. */
struct val *decode_item_at(struct decode *d, const struct field *f, const struct ynode *n, const char *name,
                           size_t index);
/* "must be a list, not a string". */
struct val *decode_wrong_type(struct decode *d, const struct field *f, const struct ynode *n);
/* Give a value the place of a node unless it has one. Accepts and returns NULL. */
struct val *decode_placed(struct decode *d, const struct ynode *n, struct val *v);
/* Like val_map_sort(), but duplicate keys are errors. */
void decode_sort(struct decode *d, struct val *map);
/* Like decode_error(), at the place of a value. */
void decode_error_at(struct decode *d, const struct val *at, const char *fmt, ...) _printf_(3, 4);
#endif
