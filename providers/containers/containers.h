#ifndef PROVIDERS_CONTAINERS_CONTAINERS_H
#define PROVIDERS_CONTAINERS_CONTAINERS_H
/*
 * The pure rules of the Docker family (Docker, Podman's compatible API): what an engine's JSON means in the
 * canonical model, and which JSON makes an engine do what a bound spec asks for. No I/O. Sources: Docker
 * Engine API v1.41 to v1.51 (docs.docker.com/reference/api/engine); behaviour beyond it was recorded from
 * Docker 20.10.
 *
 * Results live in the given arena and borrow nothing from the JSON.
 */
#include "reconciler/plan/bind.h"
#include "reconciler/plan/observed.h"
#include "reconciler/plan/steps.h"

#include <jansson.h>

/*
 * A label of the provider's own: what was asked for, where the engine's record does not show it. A JSON
 * object:
 *   expose            the list (the engine adds the image's ports, and needs the published ones in it too)
 *   mac_address       of the container's first network; networks: {NAME: mac} (the engine reports generated
 *                     addresses in the same way)
 *   network_mode      the name of a network, given as a mode (otherwise it would be read as `networks`)
 *   stop_grace_period nanoseconds, if not a whole number of seconds
 *   hostname_aliases  networks on which the host name was asked for as an alias (the engine adds it on all)
 *   label_disable     security_opt has label=disable (the engine adds it to some containers by itself)
 *   folders           made volumes, so that files can be copied into a read-only container
 *   secrets           as in the spec: where secrets were put, and from which file; never their content
 *   fields            Podman only: fields of the spec as they were asked for (providers/podman/podman.h)
 */
#define MARK_ASKED "io.forge.asked"

#define API(major, minor) ((major)*1000u + (minor))
#define API_OLDEST        API(1u, 41u) /* Docker 20.10 */
#define API_NEWEST        API(1u, 51u) /* Docker 28.3 */

/* The defaults that an engine is configured with. NULL: unknown. */
struct engine_facts {
    const char *logging_driver, *runtime, *host_name;
    const char *id;   /* Docker's own; Podman generates a new one each time */
    const char *root; /* folder that holds its images */
    bool cgroup2, rootless;
    bool outside_swarm; /* manages none, and so makes no networks for one */
};
int facts_read(struct arena *a, json_t *info, struct engine_facts *ret);
struct val *facts_to_val(struct arena *a, const struct engine_facts *f);
void facts_from_val(const struct val *v, struct engine_facts *ret);

/* What containers inherit from an image. */
struct image_info {
    const char *id;
    const struct val *defaults; /* in the form of a Container's spec */
    const struct val *exposed;  /* list of "80/tcp" */
};
void image_read(struct arena *a, json_t *inspect, struct image_info *ret);
struct val *image_to_val(struct arena *a, const struct image_info *i);
void image_from_val(struct arena *a, const struct val *v, struct image_info *ret);
/* The digest from RepoDigests ("NAME@sha256:...") for the repository of `ref`; NULL: none. */
const char *image_digest(struct arena *a, json_t *inspect, const char *ref);

/* Inspect JSON -> object, except `defaults`. `image` may be NULL (gone). ERR_CORRUPT when the JSON describes
   no container. */
int container_read(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                   struct err *err) _must_check_;
/* The defaults that the image and the engine give this container. */
const struct val *container_defaults(struct arena *a, const struct object *o, const struct image_info *image,
                                     const struct engine_facts *facts);

/* Body of POST /containers/create; release it with json_decref(). `image` is required when
   container_needs_image(), and may be NULL otherwise. With api < 1.44 the caller connects networks beyond the
   first afterwards: container_network(). */
struct create_request {
    const char *name;
    const struct val *spec, *labels; /* bound; marks and labels of the resource */
    const struct image_info *image;
    unsigned api;
};
int container_write(struct arena *a, const struct create_request *rq, json_t **ret,
                    struct err *err) _must_check_;
/* All labels of a new container: marks, those of the resource and of the spec, and what was asked for
   (MARK_ASKED) when that is not empty. */
json_t *container_labels(struct arena *a, const struct create_request *rq, const struct val *asked);
/* The value of a JSON object in a label; NULL when there is none. */
const struct val *label_tree(struct arena *a, json_t *labels, const char *key);
bool container_needs_image(const struct val *spec);
json_t *container_endpoint(const struct val *attachment, unsigned api); /* EndpointSettings */
/* The networks of a spec in the order in which they are joined; NULL past the end. */
const struct val_pair *container_network(const struct val *spec, size_t i);

/* The folders that become anonymous volumes so that files can be copied into a read-only container. */
struct val *folders_needed(struct arena *a, const struct val *spec);

/* Body of POST /containers/ID/update; *ret is NULL when nothing in it changes. ERR_UNSUPPORTED for what
   cannot be changed while the container runs. */
int container_write_update(const struct val *spec, const struct val *from, json_t **ret,
                           struct err *err) _must_check_;

int network_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err) _must_check_;
json_t *network_write(const char *name, const struct val *spec, const struct val *labels);
int volume_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err) _must_check_;
json_t *volume_write(const char *name, const struct val *spec, const struct val *labels);

/* Read the ownership marks of an object from its labels: id, instance, owner, generation, commit, ... */
void marks_read(struct arena *a, json_t *labels, const char *native_name, struct object *ret);
/* The labels without our own marks. */
struct val *labels_read(struct arena *a, json_t *labels);

/* For an error answer: set err to the engine's message, with a code derived from the status and from known
   phrases. */
int refusal_read(int status, const char *body, size_t len, struct err *err);
#endif
