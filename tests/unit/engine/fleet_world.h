#ifndef TESTS_FLEET_WORLD_H
#define TESTS_FLEET_WORLD_H
/*
 * An environment on several fake engines, a, b, c, ..., built on the world of one (engine_world.h), whose
 * engine is the first of them. All carry the label "all": "yes", and "name" with their own.
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

/* All n of them in the set. */
void fw_init(struct fw *w, const char *name, size_t n, bool disk);
void fw_release(struct fw *w);
/* Another set of engines from now on, by their letters ("ac"); "=a": one engine, as before there were
 * several. */
void fw_use(struct fw *w, const char *letters);
/* It does not answer any more, or again. */
void fw_leave(struct fw *w, char letter);
void fw_return(struct fw *w, char letter);
struct fake_engine *fw_fake(struct fw *w, char letter);
/* Look again until nothing is to be done; fails after a few rounds. */
void fw_converge(struct fw *w);
bool fw_unknown(const struct fw *w, const char *id); /* in the last look */
#endif
