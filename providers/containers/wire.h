#ifndef PROVIDERS_CONTAINERS_WIRE_H
#define PROVIDERS_CONTAINERS_WIRE_H
/*
 * Internal to providers/containers: conversion of single fields between the canonical spec and JSON. A reader
 * returns NULL for what is not asked for (null, empty, zero where zero means "engine's choice"); a writer
 * returns a new reference.
 */
#include "providers/containers/containers.h"

typedef struct val *wire_read_fn(struct arena *a, json_t *j);
typedef json_t *wire_write_fn(const struct val *v);

enum wire_section { WIRE_CONFIG, WIRE_HOST };

/* A field of a Container that is one member of the engine's JSON. */
struct wire_field {
    const char *field, *json;
    enum wire_section section;
    wire_read_fn *read;
    wire_write_fn *write;
};
extern const struct wire_field wire_fields[]; /* ends with a NULL field */

const char *json_text(json_t *object, const char *key); /* NULL when absent, not a string or empty */
int64_t json_int(json_t *object, const char *key);      /* 0 when absent */
json_t *json_of(const struct val *v);                   /* any tree */
struct val *val_of(struct arena *a, json_t *j);         /* any tree */

wire_read_fn read_text, read_true, read_nonzero, read_list, read_set, read_map;

/* Groups of fields, each in a file of its own. */
void ports_read(struct arena *a, json_t *config, json_t *host, const struct val *asked,
                const struct image_info *image, struct val *spec);
void ports_write(struct arena *a, const struct val *spec, json_t *config, json_t *host, struct val *asked);
void networks_read(struct arena *a, json_t *inspect, const struct val *asked, struct val *spec);
void networks_write(struct arena *a, const struct val *spec, unsigned api, json_t *body, json_t *host,
                    struct val *asked);
void mounts_read(struct arena *a, json_t *host, const struct val *asked, struct val *spec);
int mounts_write(struct arena *a, const struct val *spec, unsigned api, json_t *host, struct val *asked,
                 struct err *err) _must_check_;
struct val *resources_read(struct arena *a, json_t *host);
void resources_write(const struct val *resources, json_t *host);
struct val *command_read(struct arena *a, json_t *list);
void state_read(struct arena *a, json_t *inspect, struct object *ret);
#endif
