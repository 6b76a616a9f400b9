#ifndef TESTS_MANIFESTS_H
#define TESTS_MANIFESTS_H
/*
 * Random sets of manifests, reproducible by their seed, each in several equivalent spellings. A set consists
 * of documents made of lines. Any line but the first of a document can be left out, which is how a failing
 * case is shrunk.
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

/* What the manifests are used for. */
enum manifests_for {
    FOR_PLANS,   /* anything the language allows */
    FOR_ENGINES, /* what a container of the tests' image can run with, beside others on the machine */
    FOR_SWARMS,  /* the same for a swarm without virtual addresses */
    FOR_ALL,     /* only what all of them accept */
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
/* Print the set as a file. Spelling 0 is the plainest. */
void manifests_print(const struct manifests *m, unsigned spelling, struct buf *out);
/* Leave out as many lines as possible while `holds` still returns true. */
void manifests_shrink(struct manifests *m, bool (*holds)(void *arg, const struct manifests *m), void *arg);
#endif
