#ifndef TESTS_MANIFESTS_H
#define TESTS_MANIFESTS_H
/*
 * Random sets of manifests, the same for the same seed, each in several spellings that mean the same. A set
 * is documents of lines, and any line but the first of a document can be left out: that is how a case that
 * fails is made small.
 */
#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPELLINGS 3u

struct dice {
    uint64_t state;
};
unsigned dice_roll(struct dice *d, unsigned sides);

/* Where it is to run. */
enum manifests_for {
    FOR_PLANS,   /* anything that can be said */
    FOR_ENGINES, /* what a container of the tests' image can run with, beside others on the machine */
    FOR_SWARMS,  /* the same, of a swarm without virtual addresses */
    FOR_ALL,     /* what each of them takes */
};

struct manifest_line {
    const char *spelling[SPELLINGS]; /* never NULL */
    bool out;                        /* left out */
};

struct manifest_doc {
    const char *kind, *name;
    struct manifest_line *lines;
    size_t n, cap;
    bool out;
};

struct manifests {
    struct arena *arena;
    struct manifest_doc *docs;
    size_t n, cap;
};

void manifests_roll(struct dice *d, enum manifests_for what, const char *image, struct arena *a,
                    struct manifests *ret);
/* As a file. `spelling` from 0: the plainest. */
void manifests_print(const struct manifests *m, unsigned spelling, struct buf *out);
/* Leave out whatever can be left out while `holds` says yes. */
void manifests_shrink(struct manifests *m, bool (*holds)(void *arg, const struct manifests *m), void *arg);
#endif
