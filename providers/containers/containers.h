#ifndef PROVIDERS_CONTAINERS_CONTAINERS_H
#define PROVIDERS_CONTAINERS_CONTAINERS_H
/*
 * The pure rules of the Docker family (Docker, Podman's compatible API): what an engine's JSON means in the
 * canonical model, and which JSON makes an engine do what a bound spec asks for. No I/O. Sources: Docker
 * Engine API v1.41 to v1.51 (docs.docker.com/reference/api/engine); what engines do beyond it was recorded
 * from Docker 20.10.
 *
 * Results live in the given arena and borrow nothing from the JSON.
 */
#include "reconciler/plan/bind.h"
#include "reconciler/plan/observed.h"
#include "reconciler/plan/steps.h"

#include <jansson.h>

/*
 * A mark of the provider's own: what was asked for where the engine's record cannot say it. A JSON object:
 *   expose            the list (the engine adds the image's ports, and wants the published ones in it too)
 *   mac_address       of the container's first network; networks: {NAME: mac} (the engine reports made-up
 *                     ones alike)
 *   network_mode      the name of a network, given as a mode (otherwise it would read as `networks`)
 *   stop_grace_period nanoseconds, when it is no whole number of seconds
 *   hostname_aliases  networks on which the host name was asked for as an alias (the engine makes it one on
 * all) label_disable     security_opt has label=disable (the engine adds it by itself to some) folders made
 * volumes for files to be copied into a read-only container secrets           as in the spec: where secrets
 * were put, and from which file; no byte of them fields            Podman only: fields of the spec as they
 * were asked for (providers/podman/podman.h)
 */
#define MARK_ASKED "io.forge.asked"

#define API(major, minor) ((major)*1000u + (minor))
#define API_OLDEST        API(1u, 41u) /* Docker 20.10 */
#define API_NEWEST        API(1u, 51u) /* Docker 28.3 */

/* What an engine is set up to give where nothing is asked for. NULL: unknown. */
struct engine_facts {
    const char *logging_driver, *runtime, *host_name;
    const char *id;   /* Docker's own; Podman makes up another one each time */
    const char *root; /* folder of its images */
    bool cgroup2, rootless;
};
int facts_read(struct arena *a, json_t *info, struct engine_facts *ret);
struct val *facts_to_val(struct arena *a, const struct engine_facts *f);
void facts_from_val(const struct val *v, struct engine_facts *ret);

/* What an image gives to its containers. */
struct image_info {
    const char *id;
    const struct val *defaults; /* in the form of a Container's spec */
    const struct val *exposed;  /* list of "80/tcp" */
};
void image_read(struct arena *a, json_t *inspect, struct image_info *ret);
struct val *image_to_val(struct arena *a, const struct image_info *i);
void image_from_val(struct arena *a, const struct val *v, struct image_info *ret);
/* The digest of a reference among RepoDigests ("NAME@sha256:..."): of its own repository, or NULL. */
const char *image_digest(struct arena *a, json_t *inspect, const char *ref);

/* Inspect JSON -> object, but for `defaults`. `image` may be NULL (gone). ERR_CORRUPT when it is no
 * container. */
int container_read(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                   struct err *err) _must_check_;
/* What the image and the engine would give this one. */
const struct val *container_defaults(struct arena *a, const struct object *o, const struct image_info *image,
                                     const struct engine_facts *facts);

/* Body of POST /containers/create, to be released with json_decref(). `image` is needed (may be NULL
   otherwise) when container_needs_image(). Networks beyond the first are connected afterwards when api
   < 1.44: container_network(). */
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

/* The folders that become anonymous volumes for that. */
struct val *folders_needed(struct arena *a, const struct val *spec);

/* Body of POST /containers/ID/update; *ret NULL when nothing of it changes. ERR_UNSUPPORTED for what cannot
   be changed while it runs. */
int container_write_update(const struct val *spec, const struct val *from, json_t **ret,
                           struct err *err) _must_check_;

int network_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err) _must_check_;
json_t *network_write(const char *name, const struct val *spec, const struct val *labels);
int volume_read(struct arena *a, json_t *inspect, struct object *ret, struct err *err) _must_check_;
json_t *volume_write(const char *name, const struct val *spec, const struct val *labels);

/* Whose an object is, according to its labels: id, instance, owner, generation, commit, ... */
void marks_read(struct arena *a, json_t *labels, const char *native_name, struct object *ret);
/* Labels without ours. */
struct val *labels_read(struct arena *a, json_t *labels);

/* An error answer: sets err to the engine's words, with a code derived from the status and from known
   phrases. */
int refusal_read(int status, const char *body, size_t len, struct err *err);
#endif
