#ifndef TOY_H
#define TOY_H
/* A kind for tests: one field of each type and flag. */
#include "schema/field.h"

extern const struct field_table toy_table;

#endif
