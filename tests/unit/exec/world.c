#include "tests/unit/exec/world.h"

#include "base/str.h"
#include "reconciler/plan/bind.h"
#include "schema/load.h"

static int read_manifests(void *arg, _unused_ size_t i, struct arena *a, const char **ret, size_t *ret_len,
                          _unused_ struct err *err)
{
    const struct world *w = arg;
    *ret = arena_strdup(a, w->manifests);
    *ret_len = strlen(w->manifests);
    return 0;
}

static void must(int r, const struct err *err, const char *what)
{
    if (r == 0)
        return;
    print_error("%s: %s\n", what, err->msg);
    fail();
}

void world_init(struct world *w, const char *name, bool real)
{
    *w = (struct world){.manifests = ""};
    str_copy(w->name, sizeof(w->name), name);
    clock_fake_init(&w->fake_clock, INT64_C(1800000000) * NS_PER_S);
    w->clock = real ? clock_system() : &w->fake_clock.clock;
    w->engine = fake_engine(name);
    fake_image(w->engine, &(struct fake_image){.ref = "app:1", .local = 1});
    fake_image(w->engine, &(struct fake_image){.ref = "app:2", .local = 2});
    w->policy = (struct plan_policy){.prune = true, .self_heal = true};
    arena_init(&w->arena);
    world_open(w, NULL);
}

void world_open(struct world *w, const char *dir)
{
    char *url = malloc(strlen(w->name) + 8);
    assert_non_null(url);
    snprintf(url, strlen(w->name) + 8, "fake://%s", w->name);
    w->target = (struct target){.name = "local", .url = url};
    const struct provider_env env = {.clock = w->clock};
    must(provider_fake.open(&w->target, &env, &w->provider, &w->err), &w->err, "open");
    const struct store_options so = {.dir = dir};
    must(store_open(&so, &w->store, &w->err), &w->err, "store");
}

void world_close(struct world *w)
{
    store_close(w->store);
    w->store = NULL;
    provider_fake.close(w->provider);
    w->provider = NULL;
    free((char *)(uintptr_t)w->target.url);
    w->target.url = NULL;
}

void world_release(struct world *w)
{
    if (w->provider)
        world_close(w);
    resource_set_release(&w->desired);
    resource_set_release(&w->bound);
    arena_release(&w->arena);
    fake_engine_free(w->engine);
}

void world_want(struct world *w, const char *manifests)
{
    w->manifests = manifests;
}

static void load(struct world *w)
{
    const struct load_file file = {.path = "world.yaml", .size = strlen(w->manifests)};
    const struct load_input in = {.files = &file, .n_files = 1, .arg = w, .read = read_manifests};
    struct load_stats stats = {0};
    diag_init(&w->diags, &w->arena);
    must(schema_load(&in, &w->arena, &w->desired, &w->diags, &stats, &w->err), &w->err, "load");
    for (size_t i = 0; i < w->diags.n; i++)
        print_error("%s:%u: %s\n", w->diags.items[i].file, w->diags.items[i].line, w->diags.items[i].msg);
    assert_int_equal(w->diags.errors, 0);
    must(bind_set(&w->desired, w->name, NULL, &w->arena, &w->bound, &w->err), &w->err, "bind");
}

void world_plan(struct world *w)
{
    resource_set_release(&w->desired);
    resource_set_release(&w->bound);
    arena_release(&w->arena);
    arena_init(&w->arena);
    w->err = (struct err){0};
    load(w);
    const struct observe_request rq = {.owner = w->name, .desired = &w->bound, .images = true};
    must(provider_fake.observe(w->provider, &rq, NULL, &w->arena, &w->observed, &w->err), &w->err, "observe");
    w->inventory = (struct inventory){0};
    must(inventory_load(w->store, w->name, &w->arena, &w->inventory, &w->err), &w->err, "inventory");
    w->policy.now_ns = clock_wall(w->clock);
    must(exec_resume_ids(w->store, w->name, &w->arena, &w->policy.resume, &w->err), &w->err, "resume");
    const struct plan_input in = {
        .environment = w->name,
        .commit = "0123456789abcdef0123456789abcdef01234567",
        .subject = "a commit",
        .target = "fake",
        .desired = &w->bound,
        .observed = &w->observed,
        .applied = &w->inventory,
        .policy = &w->policy,
    };
    w->plan = (struct plan){0};
    must(plan_make(&in, &w->arena, &w->plan, &w->diags, &w->err), &w->err, "plan");
}

int world_apply(struct world *w)
{
    world_plan(w);
    snprintf(w->run, sizeof(w->run), "run-%u", ++w->runs);
    w->options.clock = w->clock;
    w->options.store = w->store;
    w->options.run = w->run;
    w->options.actor = "tester";
    w->options.trigger = "apply";
    w->options.generation = w->runs;
    return exec_run(w->provider, &w->plan, w->observed.caps, &w->options, &w->arena, &w->report, &w->err);
}

void world_apply_ok(struct world *w)
{
    must(world_apply(w), &w->err, "apply");
}

void world_assert_in_sync(struct world *w)
{
    world_plan(w);
    if (plan_empty(&w->plan))
        return;
    _cleanup_buf_ struct buf text = BUF_INIT;
    plan_text(plan_to_val(&w->arena, &w->plan), false, &text);
    print_error("not in sync:\n%s\n", buf_str(&text));
    fail();
}

const struct exec_outcome *world_outcome(const struct world *w, const char *id)
{
    for (size_t i = 0; i < w->plan.n; i++) {
        if (str_eq(w->plan.changes[i].id, id))
            return &w->report.outcomes[i];
    }
    print_error("the plan has no change of %s\n", id);
    fail();
    return NULL;
}

const struct applied *world_applied(struct world *w, const char *id)
{
    w->inventory = (struct inventory){0};
    must(inventory_load(w->store, w->name, &w->arena, &w->inventory, &w->err), &w->err, "inventory");
    const struct applied *r = inventory_find(&w->inventory, id);
    if (!r)
        print_error("no record of %s\n", id);
    assert_non_null(r);
    return r;
}

struct transition world_transition(struct world *w, const char *id)
{
    struct transition *list;
    size_t n;
    must(transition_list(w->store, w->name, id, 0, 1, &w->arena, &list, &n, &w->err), &w->err, "transitions");
    assert_int_equal(n, 1);
    return list[0];
}

size_t world_when(struct world *w, enum fake_verb v, const char *name)
{
    size_t n;
    _cleanup_free_ struct fake_call *calls = fake_calls(w->engine, &n);
    for (size_t i = 0; i < n; i++) {
        if (calls[i].verb == v && calls[i].code == 0 && str_eq(calls[i].name, name))
            return i;
    }
    print_error("no %s of %s in the engine's log\n", fake_verb_name(v), name);
    fail();
    return 0;
}

size_t world_count(struct world *w, enum fake_verb v, const char *name)
{
    size_t n, found = 0;
    _cleanup_free_ struct fake_call *calls = fake_calls(w->engine, &n);
    for (size_t i = 0; i < n; i++)
        found += calls[i].verb == v && (!name || str_eq(calls[i].name, name));
    return found;
}
