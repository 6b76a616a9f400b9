/*
 * One model: for random manifests, specs that are equal in meaning are equal on every backend (P2), in
 * canonical form and in plans. Every backend either refuses a set, whatever its spelling, or converges (L9).
 * From one set to the next the same fields change on every backend, whatever the impact there.
 *
 * A failing case is shrunk and printed with its seed. FORGE_SEEDS=N runs more cases, FORGE_SEED=N a single
 * one.
 *
 * "test-one-model print SEED SPELLING engine|swarm VARIANT IMAGE" prints the part of a seed's set that a
 * variant of a backend accepts, for tests/engine/one_model.sh.
 */
#include "base/str.h"
#include "providers/provider.h"
#include "reconciler/plan/unsupported.h"
#include "tests/lib/manifests.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

/* One backend, on which a set is applied until it converges. */
struct stand {
    struct arena arena;
    struct world w;
    unsigned caps;
    struct plan plan;
    struct observed observed;
    struct diag_list diags;
};

static void stand_init(struct stand *s, unsigned caps)
{
    *s = (struct stand){.caps = caps};
    plan_world_init(&s->w, &s->arena, "test");
    s->w.caps = caps;
}

static int make_plan(struct stand *s, const struct resource_set *set, struct err *err)
{
    static const char *const data_loss[] = {"volume/data", NULL};
    static const char *const none[] = {NULL};
    struct plan_policy *policy = arena_new(&s->arena, struct plan_policy);
    *policy = (struct plan_policy){
        .prune = true, .resume = none, .self_heal = true, .data_loss = data_loss, .now_ns = s->w.now_ns};
    diag_init(&s->diags, &s->arena);
    world_observe(&s->w, &s->arena, &s->observed);
    const struct plan_input in = {.environment = "test",
                                  .commit = "c0ffee",
                                  .subject = "",
                                  .target = "test",
                                  .desired = set,
                                  .observed = &s->observed,
                                  .applied = &s->w.inventory,
                                  .policy = policy};
    return plan_make(&in, &s->arena, &s->plan, &s->diags, err);
}

/* Carry out the plan. The test world has no services: on a swarm the desired objects are simply created. */
static bool carry_out(struct stand *s, const struct resource_set *set)
{
    if (s->caps & CAP_SERVICES) {
        s->w.n = s->w.inventory.n = 0;
        world_settle(&s->w, set);
        return true;
    }
    world_run(&s->w, &s->plan);
    return s->w.failures == 0;
}

static const char *text_of(struct arena *a, const struct plan *p)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    plan_text(plan_to_val(a, p), false, &b);
    return arena_strdup(a, buf_str(&b));
}

/* "container/c0 resources.memory\n...", sorted: the changed fields without their impacts. */
static const char *changes_of(struct arena *a, const struct plan *p)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct val *set = val_map(a);
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_change *c = &p->changes[i];
        for (size_t k = 0; k < c->n_fields && c->kind == &kind_container; k++)
            if (c->fields[k].cause & CAUSE_COMMIT)
                val_set_bool(a, set, arena_printf(a, "%s %s", c->id, c->fields[k].path), true);
    }
    for (size_t i = 0; i < set->len; i++)
        buf_addf(&b, "%s\n", set->pairs[i].key);
    return arena_strdup(a, buf_str(&b));
}

/* ---- one case ---- */

struct trial {
    uint64_t seed;
    const struct backend_variant *variants;
    size_t n_variants;
    struct arena arena;             /* of the messages */
    const char *wrong;              /* the property that does not hold; NULL: all hold */
    const struct manifests *before; /* the set that is applied first; NULL: none */
    const struct manifests *set;    /* the set to be shrunk */
    size_t *taken; /* by variant, counts accepted changes from one set to another; NULL: not counted */
};

static bool wrong(struct trial *t, const char *backend, const char *what, const char *detail)
{
    t->wrong = arena_printf(&t->arena, "%s: %s\n%s", backend, what, str_or(detail, ""));
    return true;
}

static int load(const struct manifests *m, unsigned spelling, struct arena *a, struct resource_set *ret,
                struct err *err)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    manifests_print(m, spelling, &b);
    return plan_case_text(buf_str(&b), "test", a, ret, err);
}

static bool forms_differ(struct trial *t, const struct resource_set *x, const struct resource_set *y,
                         unsigned spelling)
{
    if (x->n != y->n)
        return wrong(t, "any", "spellings give different resources", NULL);
    for (size_t i = 0; i < x->n; i++) {
        const struct resource *r = x->items[i], *q = y->items[i];
        if (str_eq(r->id, q->id) && val_equal(r->spec, q->spec) && val_equal(r->labels, q->labels) &&
            r->n_depends == q->n_depends)
            continue;
        _cleanup_buf_ struct buf b = BUF_INIT;
        buf_addf(&b, "spelling %u of %s\n", spelling, r->id);
        val_json(r->spec, 0, &b);
        buf_addc(&b, '\n');
        val_json(q->spec, 0, &b);
        return wrong(t, "any", "spellings have different canonical forms", buf_str(&b));
    }
    return false;
}

/* Apply the set, and check that it converges in every spelling. *ret_changes: NULL when it is refused. */
static bool settles_badly(struct trial *t, const struct backend_variant *v, const struct resource_set *before,
                          struct resource_set *const sets, const char **ret_changes)
{
    struct stand s;
    struct err err = {0};
    bool bad = false;
    *ret_changes = NULL;
    stand_init(&s, v->caps);
    if (before && (make_plan(&s, before, &err) < 0 || !carry_out(&s, before)))
        goto out; /* reported when that set was the case itself */
    err = (struct err){0};
    int r = make_plan(&s, &sets[0], &err);
    for (unsigned k = 1; k < SPELLINGS && !bad; k++) {
        struct err other = {0};
        const char *first = r == 0 ? text_of(&s.arena, &s.plan) : NULL;
        int q = make_plan(&s, &sets[k], &other);
        if (q != r)
            bad = wrong(t, v->backend, "one spelling is refused, and another is not",
                        r < 0 ? err.msg : other.msg);
        else if (r == 0 && !str_eq(first, text_of(&s.arena, &s.plan)))
            bad = wrong(t, v->backend, "spellings have different plans", text_of(&s.arena, &s.plan));
    }
    if (bad || r < 0)
        goto out;
    *ret_changes = arena_strdup(&t->arena, changes_of(&s.arena, &s.plan));
    if (!carry_out(&s, &sets[0]))
        bad = wrong(t, v->backend, "the plan fails", text_of(&s.arena, &s.plan));
    for (unsigned k = 0; k < SPELLINGS && !bad; k++) {
        err = (struct err){0};
        if (make_plan(&s, &sets[k], &err) < 0 || s.plan.n)
            bad = wrong(t, v->backend, "it does not come to rest",
                        err.code ? err.msg : text_of(&s.arena, &s.plan));
    }
out:
    arena_release(&s.arena);
    return bad;
}

/* Without services, a container with no replicas has no object to compare with. */
static bool has_none(const struct resource_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (val_get_int(set->items[i]->spec, "replicas", 1) == 0)
            return true;
    return false;
}

/* Does the case fail? */
static bool is_wrong(void *arg, const struct manifests *m)
{
    struct trial *t = arg;
    struct arena a = ARENA_INIT;
    struct resource_set sets[SPELLINGS] = {0}, before = {0};
    struct err err = {0};
    bool bad = false, loads = true;
    const char *changes[32] = {0};
    t->wrong = NULL;
    for (unsigned k = 0; k < SPELLINGS && loads; k++) {
        int r = load(m, k, &a, &sets[k], &err);
        loads = r == 0;
        if (r < 0 && k > 0)
            bad = wrong(t, "any", "one spelling loads, and another does not", err.msg);
    }
    if (t->before && loads)
        loads = load(t->before, 0, &a, &before, &err) == 0;
    for (unsigned k = 1; k < SPELLINGS && loads && !bad; k++)
        bad = forms_differ(t, &sets[0], &sets[k], k);
    for (size_t i = 0; i < t->n_variants && loads && !bad; i++)
        bad = settles_badly(t, &t->variants[i], t->before ? &before : NULL, sets, &changes[i]);
    const char *first = NULL;
    bool comparable = t->before && loads && !has_none(&before);
    for (size_t i = 0; i < t->n_variants && comparable && !bad; i++) {
        if (t->taken && changes[i] && *changes[i])
            t->taken[i]++;
        if (changes[i] && first && !str_eq(first, changes[i]))
            bad = wrong(t, t->variants[i].backend, "other fields change than elsewhere",
                        arena_printf(&t->arena, "%s--\n%s", first, changes[i]));
        first = first ? first : changes[i];
    }
    for (unsigned k = 0; k < SPELLINGS; k++)
        resource_set_release(&sets[k]);
    resource_set_release(&before);
    arena_release(&a);
    return bad;
}

static bool loads(const struct manifests *m)
{
    struct arena a = ARENA_INIT;
    struct resource_set set = {0};
    struct err err = {0};
    bool ok = load(m, 0, &a, &set, &err) == 0;
    resource_set_release(&set);
    arena_release(&a);
    return ok;
}

/* Roll a consistent set: inconsistent ones are rolled again. */
static void roll_set(struct dice *d, enum manifests_for what, const char *image, struct arena *a,
                     struct manifests *ret)
{
    for (int tries = 0; tries < 100; tries++) {
        manifests_roll(d, what, image, a, ret);
        if (loads(ret))
            return;
    }
    fail_msg("no manifests that hold together");
}

static bool is_wrong_after(void *arg, const struct manifests *before)
{
    struct trial *t = arg;
    t->before = before;
    return is_wrong(t, t->set);
}

static void explain(struct trial *t, struct manifests *m, struct manifests *before)
{
    t->set = m;
    manifests_shrink(m, is_wrong, t);
    if (before)
        manifests_shrink(before, is_wrong_after, t);
    (void)is_wrong(t, m); /* sets the message for the shrunk case */
    fprintf(stderr, "seed %llu: %s\n", (unsigned long long)t->seed, t->wrong);
    for (unsigned k = 0; k < SPELLINGS; k++) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        manifests_print(m, k, &b);
        fprintf(stderr, "# spelling %u\n%s", k, buf_str(&b));
    }
    if (t->before) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        manifests_print(t->before, 0, &b);
        fprintf(stderr, "# after\n%s", buf_str(&b));
    }
    fail_msg("seed %llu", (unsigned long long)t->seed);
}

static void run_seed(uint64_t seed, size_t *taken)
{
    static const enum manifests_for what[] = {FOR_PLANS, FOR_ENGINES, FOR_SWARMS, FOR_ALL};
    struct arena a = ARENA_INIT;
    struct dice d = {seed};
    struct manifests first, second;
    struct trial t = {.seed = seed};
    t.variants = provider_variants(&a, &t.n_variants);
    roll_set(&d, what[seed % ARRAY_LEN(what)], "app:1", &a, &first);
    roll_set(&d, what[seed % ARRAY_LEN(what)], "app:2", &a, &second);
    if (is_wrong(&t, &first))
        explain(&t, &first, NULL);
    t.before = &first;
    t.taken = taken;
    if (is_wrong(&t, &second))
        explain(&t, &second, &first);
    arena_release(&t.arena);
    arena_release(&a);
}

static void test_backends_agree(_unused_ void **state)
{
    const char *one = getenv("FORGE_SEED"), *many = getenv("FORGE_SEEDS");
    uint64_t n = many ? strtoull(many, NULL, 10) : 400;
    size_t taken[32] = {0}, variants;
    struct arena a = ARENA_INIT;
    if (one) {
        run_seed(strtoull(one, NULL, 10), taken);
        return;
    }
    for (uint64_t seed = 1; seed <= n; seed++)
        run_seed(seed, taken);
    /* If nearly everything is refused, the test shows nothing. */
    const struct backend_variant *v = provider_variants(&a, &variants);
    for (size_t i = 0; i < variants && n >= 100; i++)
        if (taken[i] < n / 10)
            fail_msg("%s %s took only %zu sets of %llu", v[i].backend, v[i].name, taken[i],
                     (unsigned long long)n);
    arena_release(&a);
}

/* Each line alone, because some may never be in a random set that a backend accepts. */
static void test_each_line_has_one_meaning(_unused_ void **state)
{
    struct arena a = ARENA_INIT;
    struct trial t = {0};
    t.variants = provider_variants(&a, &t.n_variants);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct dice d = {seed};
        struct manifests m;
        t.seed = seed;
        roll_set(&d, FOR_PLANS, "app:1", &a, &m);
        struct manifest_doc *c = &m.docs[m.n - 1];
        for (size_t keep = 1; keep < c->n; keep++) {
            for (size_t k = 1; k < c->n; k++)
                c->lines[k].out = k != keep;
            if (is_wrong(&t, &m))
                explain(&t, &m, NULL);
        }
    }
    arena_release(&t.arena);
    arena_release(&a);
}

/* ---- for engines ---- */

static const struct backend_variant *wanted;

/* Does the wanted variant refuse it? */
static bool is_refused(const struct manifests *m)
{
    struct arena a = ARENA_INIT;
    struct resource_set set = {0};
    struct stand s;
    struct err err = {0};
    stand_init(&s, wanted->caps);
    bool refused = load(m, 0, &a, &set, &err) < 0 || make_plan(&s, &set, &err) < 0;
    resource_set_release(&set);
    arena_release(&s.arena);
    arena_release(&a);
    return refused;
}

/* Keep only what is accepted: add line after line, and remove each line that causes a refusal. */
static void fit(struct manifests *m)
{
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 1; k < m->docs[i].n; k++)
            m->docs[i].lines[k].out = true;
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 1; k < m->docs[i].n; k++) {
            m->docs[i].lines[k].out = false;
            m->docs[i].lines[k].out = is_refused(m);
        }
}

static int print(char **argv)
{
    struct arena a = ARENA_INIT;
    struct dice d = {strtoull(argv[0], NULL, 10)};
    struct manifests m;
    size_t n;
    const struct backend_variant *v = provider_variants(&a, &n);
    for (size_t i = 0; i < n && !wanted; i++)
        if (str_eq(v[i].backend, argv[3]))
            wanted = &v[i];
    if (!wanted) {
        fprintf(stderr, "there is no backend %s\n", argv[3]);
        return 2;
    }
    roll_set(&d, str_eq(argv[2], "swarm") ? FOR_SWARMS : FOR_ENGINES, argv[4], &a, &m);
    fit(&m);
    _cleanup_buf_ struct buf b = BUF_INIT;
    manifests_print(&m, (unsigned)strtoul(argv[1], NULL, 10), &b);
    fputs(buf_str(&b), stdout);
    arena_release(&a);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && str_eq(argv[1], "print"))
        return print(argv + 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_has_one_meaning),
        cmocka_unit_test(test_backends_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
