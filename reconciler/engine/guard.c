/* A thread beside a run, so that a suspension stops the run, whichever process sets it (S7). */
#include "reconciler/engine/internal.h"

#include "base/mem.h"
#include "base/str.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#define GUARD_LOOK_MS 250

struct guard {
    struct engine *engine;
    const struct cancel *user; /* whoever started the run may cancel it as well */
    struct cancel run, over;
    pthread_t thread;
    bool suspended;
    char by[128];
};

static bool is_suspended(struct guard *g)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct env_state st;
    struct err ignored = {0};
    if (state_load(g->engine, &a, &st, &ignored) < 0 || !st.suspended_by)
        return false; /* a store that cannot be read is left for the run to notice */
    str_copy(g->by, sizeof(g->by), st.suspended_by);
    return true;
}

static void *guard_main(void *arg)
{
    struct guard *g = arg;
    struct pollfd fds[] = {{.fd = g->over.fd, .events = POLLIN},
                           {.fd = g->user ? g->user->fd : -1, .events = POLLIN}};
    while (!cancel_is_set(&g->over)) {
        (void)poll(fds, ARRAY_LEN(fds), GUARD_LOOK_MS);
        if (cancel_is_set(&g->over))
            break;
        g->suspended = is_suspended(g);
        if (g->suspended || cancel_is_set(g->user)) {
            cancel_set(&g->run);
            break;
        }
    }
    return NULL;
}

struct guard *guard_start(struct engine *e, const struct cancel *user)
{
    struct guard *g = mem_new(struct guard);
    g->engine = e;
    g->user = user;
    cancel_init(&g->run);
    cancel_init(&g->over);
    if (pthread_create(&g->thread, NULL, guard_main, g) != 0) {
        cancel_release(&g->run);
        cancel_release(&g->over);
        free(g);
        return NULL;
    }
    return g;
}

const struct cancel *guard_cancel(struct guard *g)
{
    return &g->run;
}

int guard_end(struct guard *g, int result, struct err *err)
{
    if (!g)
        return result;
    cancel_set(&g->over);
    pthread_join(g->thread, NULL);
    if (g->suspended && result == ERR_CANCELLED)
        err_wrap(err, "suspended by %s in the meantime", g->by);
    cancel_release(&g->run);
    cancel_release(&g->over);
    free(g);
    return result;
}
