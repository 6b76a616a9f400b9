#ifndef PROVIDERS_PODMAN_PODMAN_H
#define PROVIDERS_PODMAN_PODMAN_H
/*
 * Podman, where it differs from Docker. It speaks Docker's API (1.41) and one of its own below /libpod; the
 * provider is Docker's (providers/docker), with this folder as its dialect. The behaviour was determined with
 * Podman 4.3; contrib/doc/podman.md lists the differences that users see.
 *
 * Containers are created through its own API, which supports all that can be asked for, and listed through
 * it, which is faster. What Podman reports about a container is incomplete: much is left out (exposed ports,
 * ulimits, device permissions), worded differently, or filled in when the container starts. None of that can
 * change during the container's lifetime. So what was asked for is kept on the container, in MARK_ASKED as
 * `fields`, and only what can change, or is reported faithfully, is read from Podman (see the table in
 * read.c). Values that may be secret (environment, command, labels) are never in the mark.
 */
#include "providers/docker/dialect.h"

/* The network that Docker's API calls "bridge". */
#define PODMAN_BRIDGE "podman"

/* Body of POST /libpod/containers/create: a SpecGenerator (pkg/specgen of Podman 4.0 to 5). */
int podman_write(struct arena *a, const struct create_request *rq, json_t **ret,
                 struct err *err) _must_check_;
/* The fields of a spec that are kept in MARK_ASKED. */
struct val *podman_asked(struct arena *a, const struct val *spec);

int podman_read(struct arena *a, json_t *inspect, const struct image_info *image, struct object *ret,
                struct err *err) _must_check_;
const struct val *podman_defaults(struct arena *a, const struct object *o, const struct image_info *image,
                                  const struct engine_facts *facts);

/* Podman does not remove a container whose namespaces others have joined. Those are useless without it: they
   are removed first, if all are of the same environment. */
bool podman_take_dependents(struct act *t, const struct err *err);

/* Podman leaves health checks to systemd timers, which do not exist everywhere. */
int64_t podman_check_health(struct act *t, const struct object *o, int64_t left_ns);
#endif
