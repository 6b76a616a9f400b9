#ifndef BASE_POOL_H
#define BASE_POOL_H
/*
 * A worker pool: a fixed number of threads and one unbounded FIFO queue of jobs. Jobs are functions and an
 * argument they own. pool_free() waits for queued and running jobs to end. Thread-safe: jobs may submit jobs.
 */
#include "base/err.h"

struct pool;

/* threads: 1 to LIMIT_WORKERS. Threads start lazily, with the first jobs; signals are blocked in them. */
struct pool *pool_new(unsigned threads);
void pool_free(struct pool *p);
void pool_submit(struct pool *p, void (*fn)(void *arg), void *arg);
/* Wait until no job is queued or running. Not from a job. */
void pool_drain(struct pool *p);
/* Run fn(arg, i) for each i below n on the pool and this thread, and wait; for parallel loops. fn must not
   submit jobs. */
void pool_each(struct pool *p, size_t n, void (*fn)(void *arg, size_t i), void *arg);
#endif
