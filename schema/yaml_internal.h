#ifndef SCHEMA_YAML_INTERNAL_H
#define SCHEMA_YAML_INTERNAL_H
/* What the parts of the YAML reader share: yaml.c builds nodes from events, yaml_map.c finishes mappings. */
#include <yaml.h>

#include "base/map.h"
#include "schema/yaml.h"

/* The node that an anchor names. */
struct yaml_anchor {
    struct ynode *node;
    size_t first;  /* number of its first node */
    size_t weight; /* nodes that it stands for */
    bool open;     /* its end has not been read yet */
};

struct yaml_reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct diag_list *diags;
    const char *file;
    const char *text;
    size_t len;

    struct map anchors;   /* of this document */
    struct ynode **stack; /* children of the nodes that are being read */
    size_t stack_n, stack_cap;
    struct ynode **docs;
    size_t docs_n, docs_cap;

    size_t nodes, aliases, documents;
    size_t merged; /* pairs that the last mapping took over by merge keys; counted by the caller */
    bool stopped;  /* nothing more is read from this file */
    bool spoilt;   /* a part of this document is missing: it is not returned */
};

/* A mapping whose pairs have all been read: apply merge keys, then report keys that are not scalars or are
   duplicates (the first one stays). */
void yaml_mapping_finish(struct yaml_reader *r, struct ynode *n);
#endif
