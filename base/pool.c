#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/limits.h"
#include "base/mem.h"

struct job {
    struct job *next;
    void (*fn)(void *arg);
    void *arg;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* a job was queued, or the pool ends */
    pthread_cond_t quiet; /* nothing is queued or running */
    struct job *first, **last;
    size_t queued, running;
    unsigned max, n; /* threads allowed, started */
    bool ends;
    pthread_t threads[LIMIT_WORKERS];
};

struct pool *pool_new(unsigned threads)
{
    struct pool *p = mem_new(struct pool);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->quiet, NULL);
    p->last = &p->first;
    p->max = threads < 1 ? 1 : threads > LIMIT_WORKERS ? LIMIT_WORKERS : threads;
    return p;
}

/* The next job, when there is one; the caller holds the lock. */
static struct job *take_job(struct pool *p)
{
    struct job *j = p->first;
    if (!j)
        return NULL;
    p->first = j->next;
    if (!p->first)
        p->last = &p->first;
    p->queued--;
    p->running++;
    return j;
}

static void *worker(void *arg)
{
    struct pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct job *j = take_job(p);
        if (!j && p->ends)
            break;
        if (!j) {
            pthread_cond_wait(&p->work, &p->lock);
            continue;
        }
        pthread_mutex_unlock(&p->lock);
        j->fn(j->arg);
        free(j);
        pthread_mutex_lock(&p->lock);
        p->running--;
        if (p->running == 0 && p->queued == 0)
            pthread_cond_broadcast(&p->quiet);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Start one more thread; the caller holds the lock. Signals are blocked in it: other threads handle them. */
static void start_thread(struct pool *p)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int r = pthread_create(&p->threads[p->n], NULL, worker, p);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r == 0) {
        pthread_setname_np(p->threads[p->n], "forge-worker");
        p->n++;
    } else if (p->n == 0) {
        fputs("forge: cannot start a thread\n", stderr);
        abort(); /* a job that no thread ever runs would hang whoever waits for it */
    }
}

void pool_submit(struct pool *p, void (*fn)(void *arg), void *arg)
{
    struct job *j = mem_new(struct job);
    j->fn = fn;
    j->arg = arg;
    pthread_mutex_lock(&p->lock);
    *p->last = j;
    p->last = &j->next;
    p->queued++;
    /* n - running threads are idle, or woken and about to take a job. */
    if (p->n < p->max && p->queued > p->n - p->running)
        start_thread(p);
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

static void wait_quiet(struct pool *p)
{
    while (p->queued > 0 || p->running > 0)
        pthread_cond_wait(&p->quiet, &p->lock);
}

void pool_drain(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    wait_quiet(p);
    pthread_mutex_unlock(&p->lock);
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    wait_quiet(p);
    p->ends = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->quiet);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/*
 * A parallel loop. The calling thread works too, and waits for items, not for helpers: a helper that starts
 * when all items are taken finds nothing to do. So a loop ends even when every thread of the pool is busy with
 * a loop of its own. The state is reference-counted, because such a helper may start after the loop is over.
 */
struct loop {
    pthread_mutex_t lock;
    pthread_cond_t done_all;
    atomic_size_t next;
    atomic_size_t refs;
    size_t n, done;
    void (*fn)(void *arg, size_t i);
    void *arg;
};

static void loop_unref(struct loop *l)
{
    if (atomic_fetch_sub(&l->refs, 1) > 1)
        return;
    pthread_cond_destroy(&l->done_all);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void loop_work(struct loop *l)
{
    size_t mine = 0;
    for (size_t i; (i = atomic_fetch_add(&l->next, 1)) < l->n; mine++)
        l->fn(l->arg, i);
    pthread_mutex_lock(&l->lock);
    l->done += mine;
    if (l->done == l->n)
        pthread_cond_broadcast(&l->done_all);
    pthread_mutex_unlock(&l->lock);
}

static void loop_help(void *arg)
{
    loop_work(arg);
    loop_unref(arg);
}

void pool_each(struct pool *p, size_t n, void (*fn)(void *arg, size_t i), void *arg)
{
    if (n == 0)
        return;
    struct loop *l = mem_new(struct loop);
    size_t helpers = n - 1 < p->max ? n - 1 : p->max;
    *l = (struct loop){.n = n, .fn = fn, .arg = arg};
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->done_all, NULL);
    atomic_init(&l->next, 0);
    atomic_init(&l->refs, helpers + 1);
    for (size_t i = 0; i < helpers; i++)
        pool_submit(p, loop_help, l);
    loop_work(l);
    pthread_mutex_lock(&l->lock);
    while (l->done < l->n)
        pthread_cond_wait(&l->done_all, &l->lock);
    pthread_mutex_unlock(&l->lock);
    loop_unref(l);
}
