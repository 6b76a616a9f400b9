/*
 * For random manifests, random drift and random interruptions: carrying out plans leads to the desired state,
 * and then there is nothing to do (L9). After a kill at any step, or a failed step, the next plan finishes or
 * undoes the interrupted changes, without duplicates or orphans (S8). The random numbers are the same in each
 * run.
 *
 * FORGE_SEEDS=N runs more cases, FORGE_SEED=N a single one.
 */
#include "base/str.h"
#include "reconciler/plan/compare.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

#define ROUNDS 3 /* plans until there is nothing to do, when one of them is interrupted */

struct dice {
    uint64_t state;
};

/* splitmix64 */
static unsigned roll(struct dice *d, unsigned sides)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % sides);
}

static bool chance(struct dice *d, unsigned percent)
{
    return roll(d, 100) < percent;
}

/* ---- random manifests ---- */

#define CONTAINERS 5
#define NETWORKS   3

static void write_frame(struct buf *b, const char *kind, const char *name)
{
    buf_addf(b, "---\napiVersion: forge/v1\nkind: %s\nmetadata: {name: %s}\nspec:\n", kind, name);
}

static void write_reach(struct dice *d, struct buf *b, unsigned i, unsigned joined)
{
    bool ports = chance(d, 40);
    if (i > 0 && joined < i && chance(d, 20)) {
        buf_addf(b, "  network_mode: service:c%u\n", joined);
        return;
    }
    if (ports)
        buf_addf(b, "  ports: [\"%u:80\"]\n", 8000 + 10 * i + roll(d, 2));
    else if (chance(d, 40))
        buf_addf(b, "  replicas: %u\n", roll(d, 4));
    if (chance(d, 50))
        buf_addf(b, "  networks: [n%u, n%u]\n", roll(d, NETWORKS - 1), NETWORKS - 1);
}

static void write_needs(struct dice *d, struct buf *b, unsigned i, const unsigned *jobs)
{
    if (i == 0 || chance(d, 50))
        return;
    unsigned on = roll(d, i);
    const char *condition = *jobs & 1u << on ? "completed" : "started";
    buf_addf(b, "  depends_on: {c%u: {condition: %s, restart: %s}}\n", on, condition,
             chance(d, 30) && !(*jobs & 1u << on) ? "true" : "false");
}

/* Others may join the namespaces of c0, so it always exists, once, and stays. */
static void write_container(struct dice *d, struct buf *b, unsigned i, unsigned *jobs)
{
    write_frame(b, "Container", i == 0 ? "c0" : i == 1 ? "c1" : i == 2 ? "c2" : i == 3 ? "c3" : "c4");
    buf_addf(b, "  image: shop/c%u:%u\n", i, roll(d, 3));
    buf_addf(b, "  environment: {A: \"%u\"%s}\n", roll(d, 3), chance(d, 50) ? ", B: b" : "");
    if (i > 0 && chance(d, 20)) {
        *jobs |= 1u << i;
        buf_adds(b, "  command: [job]\n  restart: \"no\"\n");
        return;
    }
    if (i > 0)
        write_reach(d, b, i, 0);
    write_needs(d, b, i, jobs);
    if (chance(d, 40))
        buf_addf(b, "  resources: {memory: %uMiB%s}\n", 64 << roll(d, 3), chance(d, 50) ? ", cpus: 1" : "");
    if (chance(d, 30))
        buf_addf(b, "  restart: %s\n", chance(d, 50) ? "always" : "unless-stopped");
    if (chance(d, 30))
        buf_adds(b, "  healthcheck: {test: [CMD, \"true\"]}\n");
    if (chance(d, 30))
        buf_addf(b, "  volumes: [\"data:/data\"%s]\n", chance(d, 50) ? ", \"/srv:/srv:ro\"" : "");
    if (chance(d, 20))
        buf_addf(b, "  update: {order: %s}\n", chance(d, 50) ? "start-first" : "stop-first");
    if (i > 0 && chance(d, 10) && !strstr(buf_str(b), "container_name: named"))
        buf_addf(b, "  container_name: named-c%u\n  scale: 1\n", i);
}

static void write_manifests(struct dice *d, struct buf *b)
{
    unsigned jobs = 0;
    for (unsigned i = 0; i < NETWORKS; i++) {
        write_frame(b, "Network", i == 0 ? "n0" : i == 1 ? "n1" : "n2");
        buf_addf(b, "  internal: %s\n", chance(d, 80) ? "false" : "true");
    }
    write_frame(b, "Volume", "data");
    buf_adds(b, "  driver: local\n");
    for (unsigned i = 0; i < CONTAINERS; i++)
        if (i == 0 || chance(d, 80))
            write_container(d, b, i, &jobs);
}

/* Consistent manifests: inconsistent ones are rolled again. */
static void random_set(struct dice *d, struct arena *a, struct resource_set *ret, const char **ret_text)
{
    for (int tries = 0; tries < 50; tries++) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        struct err err = {0};
        write_manifests(d, &b);
        if (plan_case_text(buf_str(&b), "test", a, ret, &err) == 0) {
            *ret_text = arena_strdup(a, buf_str(&b));
            return;
        }
        resource_set_release(ret);
    }
    fail_msg("no manifests that hold together");
}

/* ---- random drift ---- */

static void drift_spec(struct dice *d, struct world *w, struct object *o)
{
    struct val *spec = val_map_copy(w->arena, o->spec);
    struct val *resources = val_map_copy(w->arena, val_get(spec, "resources"));
    if (chance(d, 50)) {
        val_set_int(w->arena, resources, "memory", (int64_t)1 << (28 + roll(d, 3)));
        val_map_set(w->arena, spec, "resources", resources);
    } else if (val_get(spec, "networks")) {
        struct val *networks = val_map_copy(w->arena, val_get(spec, "networks"));
        if (networks->len)
            val_map_del(networks, networks->pairs[0].key);
        val_map_set(w->arena, spec, "networks", networks);
    }
    o->spec = spec;
}

static void drift(struct dice *d, struct world *w)
{
    for (unsigned n = roll(d, 4); n > 0 && w->n; n--) {
        struct object *o = w->items[roll(d, (unsigned)w->n)];
        if (o->kind != &kind_container)
            continue;
        switch (roll(d, 6)) {
        case 0:
            o->state = OBJECT_EXITED;
            o->exit_code = 137;
            break;
        case 1:
            world_drop(w, o);
            break;
        case 2:
            o->state = o->state == OBJECT_RUNNING ? OBJECT_PAUSED : o->state;
            break;
        case 3:
            o->state = OBJECT_DEAD;
            break;
        case 4:
            o->native_name = arena_printf(w->arena, "stray-%s", o->native_id);
            o->candidate = false;
            break;
        default:
            drift_spec(d, w, o);
            break;
        }
    }
}

/* ---- what must hold in the end ---- */

struct trial {
    uint64_t seed;
    struct world *w;
    const struct resource_set *set;
    const char *text;
};

static void explain(const struct trial *t, const struct plan *p)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct arena a = ARENA_INIT;
    plan_text(plan_to_val(&a, p), false, &b);
    /* cmocka cuts long messages. */
    fprintf(stderr, "seed %llu\n%s\n%s\n", (unsigned long long)t->seed, t->text, buf_str(&b));
    for (size_t i = 0; i < t->w->n; i++) {
        const struct object *o = t->w->items[i];
        print_error("%s %u %s %s %s\n", o->id, o->instance, o->native_name, o->native_id,
                    object_state_name(o->state));
    }
    arena_release(&a);
}

#define check(t, p, condition)          \
    do {                                \
        if (!(condition)) {             \
            explain((t), (p));          \
            fail_msg("%s", #condition); \
        }                               \
    } while (0)

static size_t objects_wanted(const struct resource_set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++)
        n += set->items[i]->kind->flags & KIND_INSTANCES
                 ? (size_t)val_get_int(set->items[i]->spec, "replicas", 1)
                 : 1;
    return n;
}

static void check_world(const struct trial *t, const struct plan *p)
{
    struct world *w = t->w;
    size_t ours = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct object *o = w->items[i];
        const struct resource *r = resource_find(t->set, o->id);
        if (o->kind->flags & KIND_STATEFUL && !r)
            continue;
        ours++;
        check(t, p, r != NULL);
        check(t, p, !o->candidate);
        check(t, p, str_eq(o->native_name, bind_native_name(w->arena, "test", r, o->instance)));
        const struct sides sides = {.desired = r->spec, .observed = o->spec, .caps = w->caps};
        struct field_list differs = {.arena = w->arena};
        compare_object(r->kind->spec, &sides, &differs);
        check(t, p, differs.n == 0);
        bool job = str_eq(val_get_str(r->spec, "restart"), "no");
        check(t, p, object_up(o) || (job && o->state == OBJECT_EXITED && o->exit_code == 0));
    }
    check(t, p, ours == objects_wanted(t->set));
    check(t, p, w->inventory.n == t->set->n);
}

static void make_plan(struct trial *t, struct plan *ret, struct observed *ret_observed)
{
    struct world *w = t->w;
    struct err err = {0};
    struct diag_list *diags = arena_new(w->arena, struct diag_list);
    struct plan_policy *policy = arena_new(w->arena, struct plan_policy);
    static const char *const data_loss[] = {"volume/data", NULL};
    *policy = (struct plan_policy){
        .prune = true, .resume = w->under_way, .self_heal = true, .data_loss = data_loss, .now_ns = w->now_ns};
    diag_init(diags, w->arena);
    world_observe(w, w->arena, ret_observed);
    const struct plan_input in = {.environment = "test",
                                  .commit = "c0ffee",
                                  .subject = "",
                                  .target = "test",
                                  .desired = t->set,
                                  .observed = ret_observed,
                                  .applied = &w->inventory,
                                  .policy = policy};
    assert_ok(plan_make(&in, w->arena, ret, diags, &err));
    if (getenv("FORGE_SEED"))
        explain(t, ret);
}

/* Plan and run until there is nothing to do. The world may be killed or fail in the first rounds. */
static void converge(struct trial *t, unsigned allowed)
{
    struct plan plan;
    struct observed *observed = arena_new(t->w->arena, struct observed);
    for (unsigned round = 0; round < allowed; round++) {
        make_plan(t, &plan, observed);
        if (plan_empty(&plan))
            break;
        t->w->failures = 0;
        world_run(t->w, &plan);
        t->w->killed = false;
        t->w->steps_left = -1;
    }
    make_plan(t, &plan, observed);
    check(t, &plan, plan.n == 0);
    /* As the engine does for resources in sync. */
    for (size_t i = 0; i < t->set->n; i++)
        world_record(t->w, t->set->items[i]);
    make_plan(t, &plan, observed);
    check(t, &plan, plan.n == 0);
    check_world(t, &plan);
}

/* From nothing to one set, and then to another one, with drift and failures on the way. */
static void run_seed(uint64_t seed)
{
    struct arena arena = ARENA_INIT;
    struct dice d = {seed};
    struct world w;
    struct resource_set first, second;
    struct trial t = {.seed = seed, .w = &w};
    plan_world_init(&w, &arena, "test");

    random_set(&d, &arena, &first, &t.text);
    t.set = &first;
    if (chance(&d, 50))
        w.steps_left = roll(&d, 40);
    converge(&t, ROUNDS);

    random_set(&d, &arena, &second, &t.text);
    t.set = &second;
    for (unsigned troubles = roll(&d, 4); troubles > 0; troubles--) {
        struct plan plan;
        struct observed *observed = arena_new(&arena, struct observed);
        drift(&d, &w);
        if (chance(&d, 70))
            w.steps_left = roll(&d, 25);
        else
            w.fail_step = roll(&d, 25);
        t.set = chance(&d, 30) ? &first : &second;
        make_plan(&t, &plan, observed);
        world_run(&w, &plan);
        w.killed = false;
        w.steps_left = w.fail_step = -1;
    }
    t.set = &second;
    converge(&t, 1); /* one plan repairs everything */
    resource_set_release(&first);
    resource_set_release(&second);
    arena_release(&arena);
}

static void test_any_world_converges(void **state)
{
    (void)state;
    const char *one = getenv("FORGE_SEED"), *many = getenv("FORGE_SEEDS");
    uint64_t n = many ? strtoull(many, NULL, 10) : 2000;
    if (one) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= n; seed++)
        run_seed(seed);
}

/* ---- one replace, in every detail ---- */

struct replace {
    struct arena arena;
    struct world w;
    struct resource_set before, after;
    struct plan plan;
    struct observed observed;
    struct trial t;
};

static void load_web(struct replace *r, const char *spec, struct resource_set *ret)
{
    struct err err = {0};
    r->t.text = arena_printf(
        &r->arena, "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec: {%s}\n", spec);
    assert_ok(plan_case_text(r->t.text, "test", &r->arena, ret, &err));
}

/* Plan a replace: container/web runs as in `before`, and `after` is desired. Free with replace_release(). */
static void replace_init(struct replace *r, const char *before, const char *after)
{
    memset(r, 0, sizeof(*r));
    plan_world_init(&r->w, &r->arena, "test");
    load_web(r, before, &r->before);
    load_web(r, after, &r->after);
    world_settle(&r->w, &r->before);
    r->t.w = &r->w;
    r->t.set = &r->after;
    make_plan(&r->t, &r->plan, &r->observed);
}

static void replace_release(struct replace *r)
{
    resource_set_release(&r->before);
    resource_set_release(&r->after);
    arena_release(&r->arena);
}

static void check_every_prefix(const char *extra)
{
    char before[128], after[128];
    snprintf(before, sizeof(before), "image: \"a:1\"%s", extra);
    snprintf(after, sizeof(after), "image: \"a:2\"%s", extra);
    for (long killed_after = 0; killed_after < 12; killed_after++) {
        struct replace r;
        replace_init(&r, before, after);
        r.w.steps_left = killed_after;
        world_run(&r.w, &r.plan);
        bool done = !r.w.killed;
        r.w.killed = false;
        r.w.steps_left = -1;
        /* Git may have been reverted in the meantime. */
        r.t.set = killed_after % 2 && !done ? &r.before : &r.after;
        converge(&r.t, 1);
        replace_release(&r);
    }
}

static void test_replace_killed_after_each_step(void **state)
{
    (void)state;
    check_every_prefix("");
    check_every_prefix(", ports: [\"80:80\"]");
    check_every_prefix(", healthcheck: {test: [CMD, \"true\"]}");
    check_every_prefix(", update: {order: stop-first}");
    check_every_prefix(", restart: \"no\", command: [job]");
}

/* ---- S6 ---- */

/* A step of the replace fails: the old container still runs, or runs again. */
static void test_failed_replace_keeps_the_old_one(void **state)
{
    (void)state;
    static const char *const extras[] = {"", ", ports: [\"80:80\"]",
                                         ", healthcheck: {test: [CMD, \"true\"]}"};
    for (size_t i = 0; i < ARRAY_LEN(extras); i++)
        for (long failing = 0; failing < 9; failing++) {
            struct replace r;
            char before[128], after[128];
            bool serves = false;
            snprintf(before, sizeof(before), "image: \"a:1\"%s", extras[i]);
            snprintf(after, sizeof(after), "image: \"a:2\"%s", extras[i]);
            replace_init(&r, before, after);
            r.w.fail_step = failing;
            world_run(&r.w, &r.plan);
            for (size_t k = 0; k < r.w.n; k++)
                serves |= r.w.items[k]->kind == &kind_container && r.w.items[k]->state == OBJECT_RUNNING;
            check(&r.t, &r.plan, serves);
            r.w.fail_step = -1;
            converge(&r.t, 1);
            replace_release(&r);
        }
}

/* The new container never becomes healthy: the replace is undone, and the old one serves. */
static void test_unhealthy_replace_is_undone(void **state)
{
    (void)state;
    static const char common[] = "image: \"a:1\", ports: [\"80:80\"], healthcheck: {test: [CMD, \"true\"]}";
    struct replace r;
    char after[160];
    snprintf(after, sizeof(after), "%s, environment: {BROKEN: \"1\"}", common);
    replace_init(&r, common, after);
    world_run(&r.w, &r.plan);
    assert_int_equal(r.w.failures, 1);
    const struct object *o = world_find(&r.w, "container/web", 1, false);
    assert_int_equal(o->state, OBJECT_RUNNING);
    assert_null(val_get(val_get(o->spec, "environment"), "BROKEN"));
    assert_null(world_find(&r.w, "container/web", 1, true));
    r.t.set = &r.before;
    converge(&r.t, 1);
    replace_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace_killed_after_each_step),
        cmocka_unit_test(test_failed_replace_keeps_the_old_one),
        cmocka_unit_test(test_unhealthy_replace_is_undone),
        cmocka_unit_test(test_any_world_converges),
    };
    return cmocka_run_group_tests_name("converge", tests, NULL, NULL);
}
