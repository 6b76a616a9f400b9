/* Finds the engine's object of a resource, for verbs that talk to the engine about it. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

static int no_such_object(struct cli *c, const char *id, int64_t instance, const struct observed *o,
                          struct err *err)
{
    const char **names = arena_array(&c->arena, const char *, o->n + 1);
    for (size_t i = 0; i < o->n; i++)
        names[i] = o->items[i]->id;
    const char *near = id_nearest(&c->arena, id, names, o->n);
    const char *verb = str_starts(id, "container/") ? "runs" : "exists";
    if (instance)
        err_set(err, ERR_NOTFOUND, "nothing %s for %s, instance %lld", verb, id, (long long)instance);
    else
        err_set(err, ERR_NOTFOUND, "nothing %s for %s", verb, id);
    return near ? err_hint(err, "did you mean %s?", near)
                : err_hint(err, "`forge-ctl status` lists the resources");
}

int cli_object(struct cli *c, const char *id, const char *instance_text, struct provider **ret_p,
               struct observed *ret_all, const struct object **ret, struct err *err)
{
    struct engine *e;
    int64_t instance = 0;
    int r = cli_number("--instance", instance_text, 1, &instance, err);
    if (r == 0)
        r = cli_engine(c, &e, err);
    if (r == 0)
        r = engine_provider(e, ret_p, err);
    if (r < 0)
        return r;
    observed_init(ret_all, &c->arena);
    const struct observe_request rq = {.owner = engine_config(e)->name};
    r = (*ret_p)->ops->observe(*ret_p, &rq, &c->cancel, &c->arena, ret_all, err);
    if (r < 0)
        return r;
    const struct object *found = NULL;
    for (size_t i = 0; i < ret_all->n; i++) {
        const struct object *o = ret_all->items[i];
        if (!id_matches(id, o->id) || (instance && o->instance != (unsigned)instance))
            continue;
        if (found && !str_eq(found->id, o->id)) {
            err_set(err, ERR_INVALID, "%s runs on several engines", id);
            return err_hint(err, "add the engine, as in %s", found->id);
        }
        found = found ? found : o;
    }
    if (!found)
        return no_such_object(c, id, instance, ret_all, err);
    *ret = found;
    *ret_p = provider_on(*ret_p, found->id);
    return 0;
}
