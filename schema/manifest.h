#ifndef SCHEMA_MANIFEST_H
#define SCHEMA_MANIFEST_H
/*
 * Resources as manifests: the reverse of loading, for `forge-ctl import`. Written for people: fields in the
 * order of their tables, short forms where they say everything, quotes where YAML or Forge would read
 * something else. Loading what is written gives the same resource. Pure.
 */
#include "schema/resource.h"

/* One document, without the line "---" before it. Values that loading fills in (digests, the path of a
   secret's file) are left out. */
void manifest_write(const struct resource *r, struct buf *out);
#endif
