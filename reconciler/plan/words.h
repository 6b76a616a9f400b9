#ifndef PLAN_WORDS_H
#define PLAN_WORDS_H
/* A change of one field in words, for people. No byte of a secret (X4). Pure. */
#include "reconciler/plan/plan.h"

/* "info -> debug", "new: debug", "64MiB -> removed", "content changed (91ab… -> 07ce…)". For drift, the
   part after the path: "64MiB -> 128MiB was changed on the engine". */
const char *field_words(struct arena *a, const struct field_change *f);
/* What happens to drift: "will be set back to 64MiB"; NULL for other changes. */
const char *field_outcome(struct arena *a, const struct field_change *f);
/* The beginning of an id or digest: "sha256:91ab…", "91ab…". */
const char *short_digest(struct arena *a, const char *digest);
#endif
