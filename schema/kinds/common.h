#ifndef SCHEMA_KINDS_COMMON_H
#define SCHEMA_KINDS_COMMON_H
/*
 * What the tables of several kinds share: defaults as constants, element fields, and readers of addresses and
 * paths. Pure.
 */
#include "schema/decode_internal.h"
#include "schema/resource.h"

/* Defaults as canonical values, for field.def_val. */
#define DEF_BOOL(x)  (&(const struct val){.type = VAL_BOOL, .b = (x)})
#define DEF_INT(x)   (&(const struct val){.type = VAL_INT, .i = (x)})
#define DEF_FLOAT(x) (&(const struct val){.type = VAL_FLOAT, .f = (x)})
#define DEF_STR(x)   (&(const struct val){.type = VAL_STR, .len = sizeof(x) - 1, .s = (x)})

#define SECONDS(n)   ((n)*INT64_C(1000000000))
#define MEBIBYTES(n) ((n)*INT64_C(1048576))

/* Elements of lists and maps. */
extern const struct field field_word;    /* a string that is not empty */
extern const struct field field_text;    /* any string */
extern const struct field field_label;   /* any string; null is "" */
extern const struct field field_address; /* an IP address, canonical spelling */

/* The canonical spelling of an IP address ("::1" for "[0:0::1]"), or NULL. *ret_family: AF_INET or AF_INET6;
 * may be NULL. */
const char *address_canonical(struct arena *a, const char *text, int *ret_family);
/* "10.1.0.0/16" with the host bits cleared and the canonical address, or NULL. */
const char *subnet_canonical(struct arena *a, const char *text);
/* An absolute path without "//", "/./", "/../" and a final slash, or NULL when it is not absolute. */
const char *path_clean(struct arena *a, const char *text);

/* Give a value made inside a short form the place of a node. Returns it. */
struct val *placed_at(const struct ynode *n, struct val *v);

/* The text under a key of a mapping when it is a scalar with a value; NULL otherwise. */
const char *node_text(const struct ynode *map, const char *key);
/* The node under a key of a mapping, or the mapping itself when it has none: a place for a message. */
const struct ynode *node_at(const struct ynode *map, const char *key);

/* For short forms of strings: the result of `canonical` for a scalar, or an error ("TEXT" is not WHAT), with
   a hint unless it is NULL. */
struct val *read_canonical(struct decode *d, const struct ynode *n,
                           const char *(*canonical)(struct arena *a, const char *text), const char *what,
                           const char *hint);
struct val *read_address(struct decode *d, const struct field *f, const struct ynode *n);
struct val *read_path(struct decode *d, const struct field *f,
                      const struct ynode *n); /* an absolute path, cleaned */

/* A list of names, or a single name, as a map from each name to the result of `make`. */
struct val *read_names(struct decode *d, const struct ynode *n, const char *what, const char *hint,
                       struct val *(*make)(struct decode *d, const struct ynode *n));

/* The field of a Network or Volume that says that Forge does not manage it. */
#define EXTERNAL_FIELD                                                                                      \
    {                                                                                                       \
        "external", FT_BOOL, IMPACT_NONE, FIELD_VIRTUAL,                                                    \
            .doc = "The object already exists and is managed elsewhere: Forge uses it, and never creates, " \
                   "changes or deletes it. Only `name` can be set with it.",                                \
            .example = "true", .def = "false", .def_val = DEF_BOOL(false)                                   \
    }
/* For the `normalize` of Networks and Volumes: check their labels and placement. */
void object_normalize(struct decode *d, const struct ynode *n, struct val *spec);
/* An external object has only a name and a placement: report anything else. */
void check_external(const struct resource *r, const struct resource_set *set, struct diag_list *diags);
/* Refuse labels in the namespaces of Forge. */
void check_labels(struct decode *d, const struct ynode *n, const struct val *labels, const char *key);
#endif
