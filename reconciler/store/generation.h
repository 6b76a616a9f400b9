#ifndef STORE_GENERATION_H
#define STORE_GENERATION_H
/* What retention knows of how generations are stored (generation.c). */
#include "reconciler/store/keys.h"
#include "reconciler/store/records.h"

/* Where the list of a generation's resources is, {id: digest}, in table resource: "ENV/@N". No digest begins
   with an @. */
struct key generation_list_key(const char *env, uint64_t number);
/* Write the list of a generation without a base; one that has none stays as it is. */
int generation_list_whole(struct store_tx *tx, const char *env, uint64_t number,
                          struct err *err) _must_check_;
int generation_missing(const char *env, uint64_t number, struct err *err);
#endif
