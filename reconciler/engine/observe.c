/* Observation on a thread of its own: the engine is asked while manifests are read. */
#include "reconciler/engine/internal.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct observing {
    struct engine *engine;
    struct look *look;
    const struct cancel *cancel;
    const struct look_options *options;
    struct registry_asking registries;
    bool fresh, images, insist, nodes;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t published;
    bool is_published;
    const struct resource_set *bound;
    int result;
    struct err err;
    int64_t took_ns;
};

static const struct resource_set *wait_for_bound(void *arg)
{
    struct observing *ob = arg;
    pthread_mutex_lock(&ob->lock);
    while (!ob->is_published)
        pthread_cond_wait(&ob->published, &ob->lock);
    pthread_mutex_unlock(&ob->lock);
    return ob->bound;
}

/* Several engines may wait at the same time. */
static void wait_for_registry(void *arg, const char *registry)
{
    struct observing *ob = arg;
    pthread_mutex_lock(&ob->lock);
    ob->options->waiting(ob->options->arg, registry);
    pthread_mutex_unlock(&ob->lock);
}

static int observe(struct observing *ob)
{
    struct provider *p;
    int r = engine_provider(ob->engine, &p, &ob->err);
    if (r < 0)
        return r;
    const struct observe_request rq = {
        .owner = ob->engine->config->name,
        .desired_wait = wait_for_bound,
        .desired_arg = ob,
        .fresh = ob->fresh,
        .images = ob->images,
        .registries = &ob->registries,
        .insist = ob->insist,
        .nodes = ob->nodes,
    };
    return p->ops->observe(p, &rq, ob->cancel, &ob->look->observed_arena, &ob->look->observed, &ob->err);
}

static void *observe_main(void *arg)
{
    struct observing *ob = arg;
    struct clock *clock = ob->engine->env.clock;
    int64_t begin = clock_mono(clock);
    ob->result = observe(ob);
    ob->took_ns = clock_mono(clock) - begin;
    return NULL;
}

int observing_start(struct engine *e, const struct look_options *o, struct look *l, struct observing **ret,
                    struct err *err)
{
    struct observing *ob = mem_new(struct observing);
    ob->engine = e;
    ob->look = l;
    ob->cancel = o->cancel;
    ob->options = o;
    ob->registries = (struct registry_asking){
        .waiting = o->waiting ? wait_for_registry : NULL, .arg = ob, .until_ns = o->registries_until_ns};
    ob->fresh = o->fresh;
    ob->insist = o->fresh || o->attended || o->force_retry;
    ob->nodes = o->status;
    ob->images = o->images || o->rollback_to || l->state.held_generation;
    pthread_mutex_init(&ob->lock, NULL);
    pthread_cond_init(&ob->published, NULL);
    int failed = pthread_create(&ob->thread, NULL, observe_main, ob);
    if (failed) {
        free(ob);
        return err_errno(err, failed, "cannot start a thread to observe the engine");
    }
    *ret = ob;
    return 0;
}

int observing_end(struct observing *ob, const struct resource_set *bound, struct err *err)
{
    pthread_mutex_lock(&ob->lock);
    ob->bound = bound;
    ob->is_published = true;
    pthread_cond_broadcast(&ob->published); /* several engines may wait for it */
    pthread_mutex_unlock(&ob->lock);
    pthread_join(ob->thread, NULL);
    ob->look->observe_ns = ob->took_ns;
    int r = ob->result;
    if (r < 0)
        *err = ob->err;
    pthread_mutex_destroy(&ob->lock);
    pthread_cond_destroy(&ob->published);
    free(ob);
    return r;
}
