#ifndef SCHEMA_YAML_H
#define SCHEMA_YAML_H
/*
 * YAML input (libyaml events), bounded: depth, nodes (with aliases counted at each use), documents, scalar
 * bytes (X2). Gives a tree of nodes with places and no types yet: plain scalars stay text, to be read by the
 * declared type of their field. Duplicate keys, unknown tags, undefined anchors and aliases to themselves are
 * errors with a place. Merge keys (<<) are applied. Pure.
 */
#include "base/arena.h"
#include "schema/diag.h"

enum ynode_type { YN_SCALAR, YN_SEQ, YN_MAP };

struct ynode {
    enum ynode_type type;
    bool plain;         /* a scalar without quotes: null, numbers and booleans are possible */
    uint16_t file;      /* set by the caller: the file it stands in, for trees made of several; 0: only one */
    const char *tag;    /* explicit tag ("!reset", "!!str") or NULL */
    uint32_t line, col; /* 1-based */
    size_t len;
    union {
        const char *text;     /* scalar: len bytes, NUL-terminated */
        struct ynode **items; /* sequence */
        struct ypair *pairs;  /* mapping, in the order of the file */
    };
};
struct ypair {
    struct ynode *key; /* always a scalar */
    struct ynode *value;
};

/* All documents of a file; empty documents (only comments) are left out. Problems go to diags, and then fewer
   or no documents are returned. Returns the count. */
size_t yaml_read(struct arena *a, const char *file, const char *text, size_t len, struct diag_list *diags,
                 struct ynode ***ret_docs);
struct ynode *ynode_get(const struct ynode *map, const char *key); /* NULL when absent */
bool ynode_is_null(const struct ynode *n); /* plain and one of "", ~, null, Null, NULL */
/* "mapping", "sequence", "string", "number", ... for messages. */
const char *ynode_type_name(const struct ynode *n);
#endif
