#ifndef PROVIDERS_PODMAN_PODMAN_H
#define PROVIDERS_PODMAN_PODMAN_H
/*
 * Podman, where it is not like Docker. It speaks Docker's API (1.41) and one of its own below /libpod; the
 * provider is Docker's (providers/docker), with this room as its dialect. All was found by asking Podman 4.3;
 * contrib/doc/podman.md tells what remains different for who uses it.
 *
 * Containers are made by its own API, which does all that is asked, and listed by it, which is faster. What
 * it reports of a container afterwards is another matter: much is left out (exposed ports, ulimits, devices'
 * permissions), worded otherwise, or filled in when the container starts. None of that can change while the
 * container is there. So what was asked for is kept on it, in the mark MARK_ASKED as `fields`, and only what
 * can change, or is reported faithfully, is read from Podman (read.c has the table). Values that may be
 * secret (environment, command, labels) are never in the mark.
 */
#include "providers/docker/dialect.h"

/* The network that Docker's API calls "bridge". */
#define PODMAN_BRIDGE "podman"

/* Body of POST /libpod/containers/create: a SpecGenerator (pkg/specgen of Podman 4.0 to 5). */
int podman_write(struct arena *a, const struct create_request *rq, json_t **ret,
                 struct err *err) _must_check_;
/* The fields of a spec that are kept in the mark. */
struct val *podman_asked(struct arena *a, const struct val *spec);

int podman_read(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                struct err *err) _must_check_;
const struct val *podman_defaults(struct arena *a, const struct object *o, const struct image_info *image,
                                  const struct engine_facts *facts);

/* Podman does not remove a container whose namespaces others have joined. Those are of no use without it:
   what is of the same environment goes before it. */
bool podman_take_dependents(struct act *t, const struct err *err);

/* Podman leaves health checks to timers of systemd, and there is not always one. */
int64_t podman_check_health(struct act *t, const struct object *o, int64_t left_ns);
#endif
