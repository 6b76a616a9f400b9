#ifndef PLAN_BIND_H
#define PLAN_BIND_H
/*
 * From the names of the language to the names of an engine. Pure.
 *
 * A bound set is what the planner compares and the executor applies: references to networks, volumes and
 * containers are native names; each container carries its own name as an alias on its networks; containers
 * that name no network get network/default, which is added to the set; `replicas` stays a field.
 *
 * A swarm has no volumes of its own: the tasks of a service make them on the node that they run on. So there
 * each mount of a Volume also carries its `driver`, `driver_opts` and `labels`, where it says any. A container
 * that others wait for to complete, and that says nothing about `restart`, gets `restart: "no"` there.
 *
 * Native names: `spec.name` (networks, volumes) or `spec.container_name` where given; external ones as they
 * are; otherwise ENVIRONMENT-NAME, and ENVIRONMENT-NAME-INSTANCE for containers.
 */
#include "schema/load.h"

#define MARK_PREFIX     "io.forge."
#define MARK_OWNER      "io.forge.environment" /* the environment's name */
#define MARK_RESOURCE   "io.forge.resource"    /* "container/web" */
#define MARK_INSTANCE   "io.forge.instance"    /* "1" */
#define MARK_GENERATION "io.forge.generation"
#define MARK_COMMIT     "io.forge.commit"
#define MARK_SPEC       "io.forge.spec" /* "v1:" and the hex digest of the bound spec it was made from */
#define MARK_CONFIGS \
    "io.forge.configs" /* what was copied in: JSON of TARGET -> {source, digest, mode, uid, gid} */
#define MARK_PRUNE \
    "io.forge.prune" /* "disabled": not deleted when Git no longer has it, even when the store is lost */
#define MARK_CANDIDATE ".next" /* end of the native name of an object that waits to take another's place */

/* The set that is bound and compared. Nothing of `in` is changed; values are shared with it. `swarms`: the
   names of the targets that are swarms, NULL-terminated, or "" where there is one engine; NULL: none. */
int bind_set(const struct resource_set *in, const char *environment, const char *const *swarms,
             struct arena *a, struct resource_set *ret, struct err *err) _must_check_;
/* Bind again what schema_load_part() (load.h) put into `in`, and the resources that refer to it by name,
   in the set that was made of the rest. ERR_UNSUPPORTED: bind everything. */
int bind_part(const struct resource_set *in, const char *environment, const char *const *swarms,
              const struct load_edit *edit, struct resource_set *bound, struct err *err) _must_check_;
/* instance 0 for kinds without instances. */
const char *bind_native_name(struct arena *a, const char *environment, const struct resource *r,
                             unsigned instance);
/* The ownership marks (map of labels) of an object made for r, which is bound. */
struct val *bind_marks(struct arena *a, const char *environment, const struct resource *r, unsigned instance,
                       uint64_t generation, const char *commit);
/* A spec without the digests of its secrets' files, which Git does not ask for. */
const struct val *bind_without_contents(struct arena *a, const struct val *spec);
/* "v1:<hex>" of a bound resource's spec and labels, as Git asks for them. The contents of secrets are left
   out and compared separately: their digests depend on a key that can be lost (P3). */
const char *bind_spec_mark(struct arena *a, const struct resource *r);
#endif
