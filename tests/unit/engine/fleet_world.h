#ifndef TESTS_FLEET_WORLD_H
#define TESTS_FLEET_WORLD_H
/*
 * An environment on several fake engines, a, b, c, ..., based on engine_world.h, whose engine is the first of
 * them. All of them have the label "all": "yes", and a label "name" with their letter.
 */
#include "tests/unit/engine/engine_world.h"

#define FW_MOST 10

struct fw {
    struct ew ew;
    size_t n;
    struct fake_engine *fake[FW_MOST];
    struct target targets[FW_MOST];
    const struct target *members[FW_MOST];
    struct target set;
};

/* An environment on n engines. */
void fw_init(struct fw *w, const char *name, size_t n, bool disk);
void fw_release(struct fw *w);
/* Switch to another set of engines, by their letters ("ac"); "=a": a single engine, as before there were
   several. */
void fw_use(struct fw *w, const char *letters);
/* The engine stops answering, or answers again. */
void fw_leave(struct fw *w, char letter);
void fw_return(struct fw *w, char letter);
struct fake_engine *fw_fake(struct fw *w, char letter);
/* Reconcile until there is nothing to do; fails after a few rounds. */
void fw_converge(struct fw *w);
bool fw_unknown(const struct fw *w, const char *id); /* according to the last look */
#endif
