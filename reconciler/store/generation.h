#ifndef STORE_GENERATION_H
#define STORE_GENERATION_H
/* The parts of how generations are stored (generation.c) that retention needs. */
#include "reconciler/store/keys.h"
#include "reconciler/store/records.h"

/* The key, in table resource, of the list of a generation's resources, {id: digest}: "ENV/@N". No digest
   begins with an @. */
struct key generation_list_key(const char *env, uint64_t number);
/* Rewrite the list of a generation so that it has no base; a list without a base stays as it is. */
int generation_list_whole(struct store_tx *tx, const char *env, uint64_t number,
                          struct err *err) _must_check_;
int generation_missing(const char *env, uint64_t number, struct err *err);
#endif
