#include "tests/unit/engine/engine_world.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define must(call) unit_check_code((call), 0, &w->err, #call, __FILE__, __LINE__)

static void open_engine(struct ew *w)
{
    w->env = (struct engine_env){.store = w->store, .clock = &w->time.clock, .keep_wanted = true};
    must(engine_open(&w->config, &w->env, &w->engine, &w->err));
}

static void open_store(struct ew *w, bool disk)
{
    const struct store_options so = {.dir = disk ? unit_path(w->dir, "state") : NULL,
                                     .clock = &w->time.clock};
    must(store_open(&so, &w->store, &w->err));
}

void ew_init(struct ew *w, const char *name, enum ew_source source, bool disk)
{
    *w = (struct ew){.dir = unit_temp_dir()};
    str_copy(w->name, sizeof(w->name), name);
    snprintf(w->url, sizeof(w->url), "fake://%s", name);
    clock_fake_init(&w->time, INT64_C(1800000000) * NS_PER_S);
    arena_init(&w->arena);
    w->fake = fake_engine(name);
    fake_image(w->fake, &(struct fake_image){.ref = "app:1", .local = 1, .remote = 1});
    fake_image(w->fake, &(struct fake_image){.ref = "app:2", .local = 2, .remote = 2});
    w->repo =
        arena_strdup(&w->arena, source == EW_GIT ? gitrepo_new(w->dir, "repo") : unit_path(w->dir, "repo"));
    w->target = (struct target){.name = "local", .url = w->url};
    w->config = (struct env_config){
        .name = w->name,
        .source = {.url = source == EW_GIT ? w->repo : arena_printf(&w->arena, "dir:%s", w->repo)},
        .target = &w->target,
        .automatic = true,
        .prune = true,
        .self_heal = true,
    };
    if (source == EW_GIT)
        w->config.source.branch = "main";
    open_store(w, disk);
    open_engine(w);
}

static void forget_look(struct ew *w)
{
    if (w->looked)
        look_release(&w->look);
    w->looked = false;
}

void ew_release(struct ew *w)
{
    forget_look(w);
    engine_close(w->engine);
    store_close(w->store);
    fake_engine_free(w->fake);
    arena_release(&w->arena);
    unit_temp_remove(w->dir);
}

void ew_restart(struct ew *w)
{
    forget_look(w);
    engine_close(w->engine);
    if (store_dir(w->store)) {
        store_close(w->store);
        open_store(w, true);
    }
    open_engine(w);
}

const char *ew_commit(struct ew *w, const char *file, const char *text)
{
    return gitrepo_commit(w->repo, file, text);
}

void ew_remove_file(struct ew *w, const char *file)
{
    gitrepo_run(w->repo, "rm", "-q", file, NULL);
    gitrepo_run(w->repo, "commit", "-q", "--allow-empty", "-m", "remove", NULL);
}

int ew_look(struct ew *w, const struct look_options *o)
{
    forget_look(w);
    w->err = (struct err){0};
    w->looked = true;
    return engine_look(w->engine, o, &w->look, &w->err);
}

int ew_apply_look(struct ew *w)
{
    const struct apply_options ao = {.actor = "tester", .trigger = "test"};
    w->err = (struct err){0};
    return engine_apply(w->engine, &w->look, &ao, &w->result, &w->err);
}

int ew_run(struct ew *w, const struct look_options *o)
{
    int r = ew_look(w, o);
    return r < 0 ? r : ew_apply_look(w);
}

int ew_reconcile(struct ew *w)
{
    return ew_run(w, &(struct look_options){0});
}

int ew_apply(struct ew *w)
{
    return ew_run(w, &(struct look_options){.attended = true});
}

int ew_rollback(struct ew *w, uint64_t to, const char *only)
{
    return ew_run(w, &(struct look_options){.attended = true, .rollback_to = to, .rollback_only = only});
}

int ew_operation(struct ew *w, const char *name, const char *args, struct val **ret)
{
    struct val *v = val_map(&w->arena);
    w->err = (struct err){0};
    if (args)
        must(val_from_json(&w->arena, args, strlen(args), "test", &v, &w->err));
    const struct operation_context c = {.engine = w->engine, .actor = "tester", .arena = &w->arena};
    const struct operation *op = operation_find(name);
    assert_non_null(op);
    *ret = NULL;
    return op->run(&c, v, ret, &w->err);
}

struct env_state ew_state(struct ew *w)
{
    struct env_state st;
    must(env_state_get(w->store, w->name, &w->arena, &st, &w->err));
    return st;
}

struct generation ew_generation(struct ew *w, uint64_t number)
{
    struct generation g;
    must(generation_get(w->store, w->name, number, &w->arena, &g, &w->err));
    return g;
}

const struct applied *ew_applied(struct ew *w, const char *id)
{
    struct inventory inv;
    must(inventory_load(w->store, w->name, &w->arena, &inv, &w->err));
    return inventory_find(&inv, id);
}

static struct object inspect(struct ew *w, const char *native)
{
    struct provider *p;
    struct object o;
    must(engine_provider(w->engine, &p, &w->err));
    if (w->config.target->members) /* of several engines the first */
        p = provider_on(p, arena_printf(&w->arena, "container/any@%s", w->config.target->members[0]->name));
    must(p->ops->inspect(p, &kind_container, native, NULL, &w->arena, &o, &w->err));
    return o;
}

const char *ew_field(struct ew *w, const char *native, const char *field)
{
    const struct object o = inspect(w, native);
    struct buf b = BUF_INIT;
    const struct val *v = val_get(o.spec, field);
    if (!v)
        return NULL;
    val_json(v, 0, &b);
    const char *text = arena_strdup(&w->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

const char *ew_image_id(struct ew *w, const char *native)
{
    return inspect(w, native).image_id;
}

const char *ew_plan_text(struct ew *w)
{
    struct buf b = BUF_INIT;
    plan_text(w->look.doc, false, &b);
    const char *text = arena_strdup(&w->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

void ew_assert_in_sync(struct ew *w)
{
    must(ew_look(w, &(struct look_options){0}));
    if (w->look.plan.n)
        fail_msg("not in sync:\n%s", ew_plan_text(w));
}
