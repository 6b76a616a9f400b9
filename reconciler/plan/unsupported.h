#ifndef PLAN_UNSUPPORTED_H
#define PLAN_UNSUPPORTED_H
/* A table of what not every target can do: plans are refused by it, and the documentation is generated
   from it. */
#include "schema/kind.h"

/*
 * A field of a kind that takes a capability (`with`), or that a target with one does not have (`without`).
 * In a path "*" is every key.
 */
struct limit {
    const struct kind_desc *kind;
    const char *path;
    unsigned with, without;
    const char *what;   /* "TARGET cannot do WHAT" */
    const char *hint;   /* what to do instead; NULL: leave it out, or choose another target */
    const char *fine;   /* values that are allowed all the same, with spaces between; NULL: none */
    const char *beside; /* only where this field is said as well; NULL: anywhere */
    const char *value;  /* only this one is refused; NULL: any */
    const char *part;   /* only those that have this in them; NULL: any */
};
extern const struct limit limits[]; /* ends with a NULL kind */

/* Is it refused by a target with these capabilities? */
static inline bool limit_refuses(const struct limit *l, unsigned caps)
{
    return (l->with & ~caps) || (l->without & caps);
}
#endif
