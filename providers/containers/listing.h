#ifndef PROVIDERS_CONTAINERS_LISTING_H
#define PROVIDERS_CONTAINERS_LISTING_H
/*
 * One entry of a container listing (API, GET /containers/json), read without building a tree: its identity,
 * its state, and a digest of everything else that the listing shows, so that an unchanged entry needs no
 * inspection.
 */
#include "base/digest.h"
#include "providers/containers/scan.h"
#include "reconciler/plan/observed.h"

struct listed {
    const char *id, *name, *image_id;
    const char *owner, *resource; /* marks; NULL none */
    unsigned instance;
    bool image_moved; /* the engine shows an id instead of the reference, which now means another image or
                         none */
    enum object_state state;
    enum object_health health;
    int exit_code;
    struct digest look; /* of what the listing shows, except what changes by itself (times, the order of
                           published addresses) */
};

/* Strings are copied to the arena. */
int listing_read(struct arena *a, struct span entry, struct listed *ret, struct err *err) _must_check_;
#endif
