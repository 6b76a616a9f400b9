#ifndef TEST_EXEC_WORLD_H
#define TEST_EXEC_WORLD_H
/*
 * A small world to run plans in: manifests, the fake engine, a store, and everything in between. Each
 * world_plan() empties the arena, so a test must read what it needs of a plan before making the next one.
 */
#include "providers/fake/fake.h"
#include "reconciler/exec/exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct world {
    char name[64]; /* of the engine and of the environment */
    struct fake_engine *engine;
    struct clock_fake fake_clock;
    struct clock *clock;
    struct target target;
    struct provider *provider;
    struct store *store;
    const char *manifests;
    struct arena arena;
    struct diag_list diags;
    struct resource_set desired, bound;
    struct observed observed;
    struct inventory inventory;
    struct plan_policy policy;
    struct plan plan;
    struct exec_options options; /* of the next run */
    struct exec_report report;   /* of the last run */
    struct err err;
    unsigned runs;
    char run[32];
};

/* real: on the real clock; else on a fake clock that waiting advances. Images app:1 and app:2 are on the
   engine. */
void world_init(struct world *w, const char *name, bool real);
void world_release(struct world *w);
/* Open and close what a process has open, except the engine. `dir` NULL: the store is in memory. */
void world_open(struct world *w, const char *dir);
void world_close(struct world *w);
void world_want(struct world *w, const char *manifests); /* borrowed */
/* Loads, observes and plans; an error fails the test. */
void world_plan(struct world *w);
/* Plans and runs; returns the result of exec_run(). */
int world_apply(struct world *w);
void world_apply_ok(struct world *w);
void world_assert_in_sync(struct world *w);
const struct exec_outcome *world_outcome(const struct world *w, const char *id);
/* The resource's inventory record; fails the test when there is none. */
const struct applied *world_applied(struct world *w, const char *id);
/* The newest transition of a resource. */
struct transition world_transition(struct world *w, const char *id);
/* Position in the engine's log of the first successful call of a verb on a name; fails the test when there is
   none. */
size_t world_when(struct world *w, enum fake_verb v, const char *name);
size_t world_count(struct world *w, enum fake_verb v, const char *name);

#define world_assert_before(w, verb_a, a, verb_b, b) \
    assert_true(world_when(w, verb_a, a) < world_when(w, verb_b, b))
#endif
