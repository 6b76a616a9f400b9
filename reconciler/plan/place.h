#ifndef PLAN_PLACE_H
#define PLAN_PLACE_H
/*
 * Where each resource goes, before its names are bound (bind.h). Pure.
 *
 * With one engine everything goes there, and keeps its id. With several each resource is an object on each
 * engine it goes to, KIND/NAME@TARGET: those that its `target` or `targets` say, else those of the
 * environment. Networks and volumes that say nothing are where those are that use them. What lives in others
 * (Config) is in all of them, and keeps its id. Dependencies are between those of one engine; where a
 * dependency is on other engines only, its users wait for all of it.
 */
#include "schema/resource.h"

struct place_target {
    const char *name;
    const struct val *labels; /* map of strings; NULL: none */
};

struct placement {
    const struct place_target *targets;
    size_t n;
    bool several;         /* the environment says `targets`, be it one or many */
    bool any;             /* there is no list of targets: any name is accepted */
    const char *fallback; /* where a resource without a placement goes; NULL: everywhere */
};

/*
 * The set with everything in its place, which is `in` itself where nothing has to be said. Otherwise *ret is
 * filled (in `a`, values shared with `in`; resource_set_release() it) and given back. Problems go to diags,
 * at their places: no such target, no target that fits, references that cannot work from one engine to
 * another, and what two resources want of one engine; a warning where a dependency is on another engine.
 */
const struct resource_set *place_set(const struct resource_set *in, const struct placement *where,
                                     struct arena *a, struct resource_set *ret, struct diag_list *diags);
/* Does it say where it goes? Then place_set() has changed it. */
bool place_is_said(const struct resource *r);
#endif
