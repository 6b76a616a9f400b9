#ifndef PROVIDERS_CONTAINERS_LISTING_H
#define PROVIDERS_CONTAINERS_LISTING_H
/*
 * One entry of a listing of containers (API, GET /containers/json), read without a tree: who it is, how it
 * is, and a digest of everything else that the listing shows, so that an entry that looks as it did needs no
 * inspection.
 */
#include "base/digest.h"
#include "providers/containers/scan.h"
#include "reconciler/plan/observed.h"

struct listed {
    const char *id, *name, *image_id;
    const char *owner, *resource; /* marks; NULL none */
    unsigned instance;
    bool image_moved; /* the engine shows an id in place of the reference: it means another image now, or none
                       */
    enum object_state state;
    enum object_health health;
    int exit_code;
    struct digest look; /* of what the listing shows, but for what passes by itself (times, published
                           addresses' order) */
};

/* Strings go to the arena. */
int listing_read(struct arena *a, struct span entry, struct listed *ret, struct err *err) _must_check_;
#endif
