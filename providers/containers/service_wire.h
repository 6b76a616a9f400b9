#ifndef PROVIDERS_CONTAINERS_SERVICE_WIRE_H
#define PROVIDERS_CONTAINERS_SERVICE_WIRE_H
/* Internal to providers/containers: tables for the parts of a service, used for reading and writing. */
#include "providers/containers/service.h"
#include "providers/containers/wire.h"

/* Fields of a Container that are one member of a ContainerSpec; read and written as the engine's own fields
   of the same name, unless said otherwise. */
struct service_field {
    const char *field, *json;
    wire_read_fn *read;   /* NULL: as in wire_fields */
    wire_write_fn *write; /* NULL: as in wire_fields */
};
extern const struct service_field service_fields[]; /* ends with a NULL field */
wire_read_fn *service_reader(const struct service_field *f);
wire_write_fn *service_writer(const struct service_field *f);

struct word_pair {
    const char *field, *json;
};
extern const struct word_pair dns_words[], limit_words[], reservation_words[]; /* end with a NULL field */

/* deploy.*: everything except labels. */
void deploy_read(struct arena *a, json_t *spec, struct val *ret);
void rolling_write(const struct val *spec, json_t *body);
void placement_write(struct arena *a, const struct val *spec, json_t *task);
void mode_write(const struct val *spec, json_t *body);
void restart_write(const struct val *spec, json_t *task);
void task_resources_write(const struct val *spec, json_t *task);
bool mode_is_job(const struct val *spec);
#endif
