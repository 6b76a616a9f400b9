#ifndef SCHEMA_YAML_INTERNAL_H
#define SCHEMA_YAML_INTERNAL_H
/* What the parts of the YAML reader share: yaml.c makes nodes of events, yaml_map.c finishes mappings. */
#include <yaml.h>

#include "base/map.h"
#include "schema/yaml.h"

/* What an anchor names. */
struct yaml_anchor {
    struct ynode *node;
    size_t first;  /* number of its first node */
    size_t weight; /* nodes that it stands for */
    bool open;     /* its end is not read yet */
};

struct yaml_reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct diag_list *diags;
    const char *file;
    const char *text;
    size_t len;

    struct map anchors;   /* of this document */
    struct ynode **stack; /* children of the nodes under way */
    size_t stack_n, stack_cap;
    struct ynode **docs;
    size_t docs_n, docs_cap;

    size_t nodes, aliases, documents;
    size_t merged; /* pairs that the last mapping took over by merge keys; counted by the caller */
    bool stopped;  /* nothing more is read from this file */
    bool spoilt;   /* this document lacks a part, and is not handed on */
};

/* A mapping whose pairs are all read: apply merge keys, then report keys that are no scalars or stand there
   twice (the first stays). */
void yaml_mapping_finish(struct yaml_reader *r, struct ynode *n);
#endif
