#ifndef TESTS_PLAN_CASE_H
#define TESTS_PLAN_CASE_H
/*
 * A case of the planner as a folder of files; tests/golden/README.md describes them. Everything lives in an
 * arena.
 */
#include "schema/load.h"
#include "tests/lib/plan_world.h"

struct plan_case {
    struct arena *arena;
    const char *folder;
    struct resource_set desired, bound, previous; /* previous: bound */
    struct world world;
    struct observed observed;
    struct plan_policy policy;
    const struct plan_unready *unready;
    size_t n_unready;
    const char *environment, *commit, *subject, *target;
    struct diag_list diags;
};

/* Read the whole case; a mistake in the case itself is an error. */
int plan_case_load(const char *folder, struct arena *a, struct plan_case *ret, struct err *err) _must_check_;
void plan_case_release(struct plan_case *c);
int plan_case_make(struct plan_case *c, struct plan *ret, struct err *err) _must_check_;
/* Load the manifests in a folder, sorted by name, and bind them. */
int plan_case_manifests(const char *folder, const char *environment, bool swarm, struct arena *a,
                        struct resource_set *ret_raw, struct resource_set *ret_bound,
                        struct err *err) _must_check_;
/* Names of the entries of a folder, sorted; NULL-terminated. */
const char **plan_case_list(struct arena *a, const char *folder, const char *suffix);
/* Load and bind manifests from a string; fails on any problem. */
int plan_case_text(const char *yaml, const char *environment, struct arena *a, struct resource_set *ret,
                   struct err *err) _must_check_;
/* The same, bound for a swarm. */
int plan_case_swarm_text(const char *yaml, const char *environment, struct arena *a, struct resource_set *ret,
                         struct err *err) _must_check_;
#endif
