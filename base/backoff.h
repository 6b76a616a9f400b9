#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H
/* Pauses between retries after a transient failure (L3). Pure; any thread. */
#include <stdint.h>

/* The pause before attempt n (1-based): 750 ms doubling to 15 min, with jitter from `random` in [0, 1). */
int64_t backoff_ns(unsigned attempt, double random);
/* A random number in [0, 1) to pass to backoff_ns(). */
double backoff_random(void);
#endif
