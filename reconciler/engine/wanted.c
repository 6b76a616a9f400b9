/* What a commit asks for, shared by the looks that look at that commit. One thread: the environment's own. */
#include "reconciler/engine/internal.h"

#include "base/str.h"

#include <stdlib.h>

struct wanted *wanted_new(void)
{
    struct wanted *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    arena_init(&w->arena);
    w->refs = 1;
    return w;
}

void wanted_unref(struct wanted *w)
{
    if (!w || --w->refs)
        return;
    if (w->complete) {
        resource_set_release(&w->desired);
        resource_set_release(&w->bound);
    }
    arena_release(&w->arena);
    free(w);
}

void wanted_use(struct wanted *w, struct look *l)
{
    wanted_unref(l->wanted);
    w->refs++;
    l->wanted = w;
    l->desired = w->desired;
    l->bound = w->bound;
    l->info = &w->info;
}

void wanted_keep(struct engine *e, struct look *l)
{
    struct wanted *w = l->wanted;
    struct arena *a = &w->arena;
    const struct snapshot_info *info = l->info;
    w->info = (struct snapshot_info){
        .commit = arena_strdup(a, info->commit),
        .subject = arena_strdup(a, info->subject),
        .author = arena_strdup(a, info->author),
        .time_ns = info->time_ns,
        .dirty = info->dirty,
        .where = arena_strdup(a, info->where),
    };
    w->desired = l->desired;
    w->bound = l->bound;
    w->complete = true;
    wanted_unref(e->kept);
    e->kept = w;
    w->refs++;
}

/* Networks, volumes and configs stay as they are; what runs may have to wait, or to be started again. */
static bool runs(const char *id)
{
    return str_starts(id, "container/");
}

bool wanted_is_alone(const struct wanted *w, const char *id)
{
    const struct resource *r = resource_find(&w->bound, id);
    if (!r || !runs(id))
        return false;
    for (size_t i = 0; i < r->n_depends; i++)
        if (runs(r->depends[i].id))
            return false;
    for (size_t i = 0; i < w->bound.n; i++)
        for (size_t k = 0; k < w->bound.items[i]->n_depends; k++)
            if (str_eq(w->bound.items[i]->depends[k].id, id))
                return false;
    return true;
}
