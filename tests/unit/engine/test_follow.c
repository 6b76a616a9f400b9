/*
 * Following commits incrementally gives the same plans, errors and records as loading and observing
 * everything. Random edits of a small world, some of which are invalid and then fixed.
 */
#include "tests/unit/engine/engine_world.h"

#include "base/str.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTAINERS 8
#define STEPS      70

struct world {
    struct ew ew;
    uint64_t random;
    bool settled, broken;
    size_t scoped, whole, wrong, drifted;
    char good[41]; /* the last commit without problems */
};

static unsigned below(struct world *w, unsigned n)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (unsigned)(w->random % n);
}

/* ---- the repository ---- */

static const char *path_of(struct world *w, const char *file)
{
    return arena_printf(&w->ew.arena, "%s/%s", w->ew.repo, file);
}

static void put(struct world *w, const char *file, const char *text)
{
    FILE *f = fopen(path_of(w, file), "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void commit(struct world *w)
{
    gitrepo_run(w->ew.repo, "add", "-A", NULL);
    gitrepo_run(w->ew.repo, "commit", "-q", "--allow-empty", "-m", "edit", NULL);
}

static void remove_file(struct world *w, const char *file)
{
    (void)unlink(path_of(w, file)); /* it may be gone already */
}

static const char *container(struct world *w, unsigned i)
{
    static const char *const places[] = {"network_mode: none", "networks: [n0]", "networks: [n1, n0]",
                                         "networks: {n1: {aliases: [x]}}"};
    struct buf b = BUF_INIT;
    buf_addf(&b, EW_HEAD("Container", "c%u") "spec:\n  image: app:%u\n  environment: {A: \"%u\"}\n", i,
             1 + below(w, 2), below(w, 5));
    if (below(w, 12))
        buf_addf(&b, "  %s\n", places[below(w, 4)]);
    if (i > 0 && below(w, 3) == 0)
        buf_addf(&b, "  depends_on: {c%u: {condition: started, restart: %s}}\n",
                 below(w, 25) ? below(w, i) : below(w, CONTAINERS), below(w, 2) ? "true" : "false");
    if (below(w, 4) == 0)
        buf_addf(&b, "  configs: [{source: %s, target: /etc/x}]\n", below(w, 2) ? "inline" : "file");
    if (below(w, 5) == 0)
        buf_addf(&b, "  volumes: [\"v%u:/data\"]\n", below(w, 2));
    if (below(w, 4) == 0)
        buf_addf(&b, "  env_file: [{path: ../env/%s, required: false}]\n", below(w, 2) ? "a.env" : "b.env");
    if (below(w, 9) == 0)
        buf_addf(&b, "  container_name: name%u\n", below(w, 12));
    if (below(w, 9) == 0)
        buf_addf(&b, "  ports: [\"80%02u:80\"]\n", below(w, 30));
    if (below(w, 40) == 0)
        buf_adds(&b, "  profiles: [extra]\n");
    if (below(w, 60) == 0)
        buf_adds(&b, "  hostname: h${git.short}\n");
    if (below(w, 10) == 0)
        buf_adds(&b, "  labels: {project: \"${project.name}\"}\n");
    const char *text = arena_strdup(&w->ew.arena, buf_str(&b));
    buf_release(&b);
    return text;
}

static const char *file_of(struct world *w, unsigned i)
{
    return arena_printf(&w->ew.arena, "app/c%u.yaml", i);
}

static void put_project(struct world *w)
{
    put(w, "forge.yaml",
        arena_printf(&w->ew.arena,
                     "apiVersion: forge/v1\nkind: Project\nmetadata: {name: p%u}\nspec:\n"
                     "  defaults: {Container: {stop_signal: SIG%s}}\n"
                     "  environments:\n    follow:\n      paths: [app, net]\n"
                     "      patches: [overlay/one.yaml, {kind: Container, metadata: {name: c1}, spec: {user: "
                     "\"%u\"}}]\n",
                     below(w, 2), below(w, 3) ? "TERM" : "INT", below(w, 3)));
}

static void put_overlay(struct world *w)
{
    put(w, "overlay/one.yaml",
        arena_printf(&w->ew.arena,
                     EW_HEAD("Container", "c2") "patch: true\nspec: {environment: {OVER: \"%u\"}}\n",
                     below(w, 4)));
}

static void put_config(struct world *w)
{
    put(w, "net/inline.yaml",
        arena_printf(&w->ew.arena, EW_HEAD("Config", "inline") "spec: {content: \"c%u\"}\n", below(w, 5)));
}

static void put_networks(struct world *w)
{
    put(w, "net/all.yaml",
        arena_printf(&w->ew.arena,
                     EW_HEAD("Network", "n0")
                         EW_HEAD("Network", "n1") "spec: {labels: {x: \"%u\"}}\n" EW_HEAD("Volume", "v0")
                             EW_HEAD("Volume", "v1") EW_HEAD("Config", "file") "spec: {file: "
                                                                               "../conf/one.conf}\n",
                     below(w, 2)));
}

static void put_env(struct world *w)
{
    put(w, "env/a.env", arena_printf(&w->ew.arena, "FROM_FILE=%u\n", below(w, 4)));
}

static void put_conf(struct world *w)
{
    put(w, "conf/one.conf", arena_printf(&w->ew.arena, "value %u\n", below(w, 4)));
}

static void put_wrong(struct world *w)
{
    static const char *const wrong[] = {
        "spec: [\n",
        EW_HEAD("Container", "bad") "spec: {imagee: x}\n",
        EW_HEAD("Container", "bad") "spec: {image: app:1, depends_on: [nobody]}\n",
        EW_HEAD("Container", "c0") "spec: {image: app:1}\n",
        EW_HEAD("Container", "bad") "spec: {image: app:1, environment: {X: \"${NOT_SET}\"}}\n",
        EW_HEAD("Container", "bad") "spec: {image: app:1, environment: {X: \"${container.nobody.host}\"}}\n"};
    put(w, below(w, 2) ? "app/bad.yaml" : file_of(w, 3), wrong[below(w, ARRAY_LEN(wrong))]);
}

static void edit(struct world *w)
{
    unsigned i = below(w, CONTAINERS);
    switch (below(w, 30)) {
    case 0:
        put_project(w);
        break;
    case 1:
        put_overlay(w);
        break;
    case 2:
        put_config(w);
        break;
    case 3:
        put_networks(w);
        break;
    case 4:
        put_env(w);
        break;
    case 5:
        put_conf(w);
        break;
    case 6:
        put_wrong(w);
        break;
    case 7:
        remove_file(w, file_of(w, i));
        break;
    case 8: /* under another name */
        put(w, arena_printf(&w->ew.arena, "app/more%u.yaml", i), container(w, CONTAINERS + i));
        break;
    case 9:
        remove_file(w, arena_printf(&w->ew.arena, "app/more%u.yaml", i));
        break;
    case 10: /* two at once */
        put(w, file_of(w, i), container(w, i));
        put(w, file_of(w, (i + 1) % CONTAINERS), container(w, (i + 1) % CONTAINERS));
        break;
    case 11: /* two in one file */
        remove_file(w, file_of(w, 7));
        put(w, file_of(w, 6), arena_printf(&w->ew.arena, "%s%s", container(w, 6), container(w, 7)));
        break;
    case 12: /* back to one in each */
        put(w, file_of(w, 6), container(w, 6));
        put(w, file_of(w, 7), container(w, 7));
        break;
    case 13:
        put(w, "README.md", arena_printf(&w->ew.arena, "%u\n", below(w, 1000)));
        break;
    case 14: /* only another comment line */
        put(w, file_of(w, i), arena_printf(&w->ew.arena, "# %u\n%s", below(w, 1000), container(w, i)));
        break;
    case 15:
        put(w, "env/b.env", arena_printf(&w->ew.arena, "B=%u\n", below(w, 3)));
        break;
    default:
        put(w, file_of(w, i), container(w, i));
        break;
    }
}

static void mend(struct world *w)
{
    gitrepo_run(w->ew.repo, "rm", "-rq", ".", NULL);
    gitrepo_run(w->ew.repo, "checkout", "-q", w->good, "--", ".", NULL);
}

/* ---- incremental and full ---- */

static const char *json(struct arena *a, const struct val *v)
{
    struct buf b = BUF_INIT;
    buf_init(&b, SIZE_MAX);
    val_json(v, 1, &b);
    const char *text = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return text;
}

/* A mere correction after an event does not observe the networks and volumes of the container. */
static const char *document(struct arena *a, const struct look *l, bool drift_only)
{
    struct val *doc = val_map_copy(a, l->doc);
    if (drift_only) {
        val_map_del(doc, "seen");
        val_map_del(doc, "digest");
    }
    return json(a, doc);
}

static const char *problems(struct arena *a, const struct look *l)
{
    struct buf b = BUF_INIT;
    diag_print(&l->diags, NULL, NULL, false, &b);
    const char *text = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return text;
}

/* The result of a look at everything. */
static int look_whole(struct world *w, struct look *ret, struct engine **ret_engine, struct err *err)
{
    struct engine_env env = w->ew.env;
    env.keep_wanted = false;
    ew_ok_of(&w->ew, engine_open(&w->ew.config, &env, ret_engine, &w->ew.err));
    return engine_look(*ret_engine, &(struct look_options){0}, ret, err);
}

/* The newest generation contains exactly this set. */
static void assert_recorded(struct world *w, const struct resource_set *desired)
{
    struct ew *e = &w->ew;
    struct generation g = ew_generation(e, ew_state(e).generation);
    assert_int_equal(val_len(g.resources), desired->n);
    for (size_t i = 0; i < desired->n; i++) {
        const struct val *v = val_get(g.resources, desired->items[i]->id);
        assert_true(val_equal(v, resource_to_val(&e->arena, desired->items[i])));
    }
}

static void compare(struct world *w, const char *const *touched, int step)
{
    struct ew *e = &w->ew;
    struct look whole;
    struct engine *other;
    struct err err = {0};
    /* Before the other look has any effect. */
    int r = ew_look(e, &(struct look_options){.settled = w->settled, .touched = touched});
    int expected = look_whole(w, &whole, &other, &err);
    if (r != expected || !str_eq(e->err.msg, err.msg))
        fail_msg("step %d: %d (%s) instead of %d (%s)", step, r, e->err.msg, expected, err.msg);
    if (r < 0 && !str_eq(problems(&e->arena, &e->look), problems(&e->arena, &whole)))
        fail_msg("step %d: %s\ninstead of\n%s", step, problems(&e->arena, &e->look),
                 problems(&e->arena, &whole));
    bool drift_only = r == 0 && e->look.scope && look_continues_generation(&e->look);
    if (r == 0 &&
        !str_eq(document(&e->arena, &e->look, drift_only), document(&e->arena, &whole, drift_only))) {
        /* Too long for a cmocka message. */
        fprintf(stderr, "%s\ninstead of\n", document(&e->arena, &e->look, drift_only));
        fprintf(stderr, "%s\n", document(&e->arena, &whole, drift_only));
        fail_msg("step %d", step);
    }
    w->broken = r < 0;
    w->wrong += r < 0;
    w->scoped += r == 0 && e->look.scope;
    w->whole += r == 0 && !e->look.scope;
    w->settled = false;
    if (r == 0) {
        str_copy(w->good, sizeof(w->good), gitrepo_run(e->repo, "rev-parse", "HEAD", NULL));
        bool changes = !plan_empty(&e->look.plan);
        ew_ok_of(e, ew_apply_look(e));
        w->settled = e->look.plan.n == 0;
        if (changes && e->result.generation && !look_continues_generation(&whole))
            assert_recorded(w, &whole.desired);
    }
    look_release(&whole);
    engine_close(other);
}

static void make_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.random = seed};
    ew_init(&w->ew, "follow", EW_GIT, true);
    const char *const folders[] = {"app", "net", "overlay", "env", "conf"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        assert_int_equal(mkdir(path_of(w, folders[i]), 0755), 0);
    put_project(w);
    put_overlay(w);
    put_config(w);
    put_networks(w);
    put_env(w);
    put_conf(w);
    for (unsigned i = 0; i < CONTAINERS; i++)
        put(w, file_of(w, i),
            arena_printf(&w->ew.arena, EW_HEAD("Container", "c%u") "spec: {image: app:1, networks: [n0]}\n",
                         i));
    commit(w);
}

static void run(uint64_t seed, size_t *scoped, size_t *drifted, size_t *wrong)
{
    struct world w;
    make_world(&w, seed);
    compare(&w, NULL, 0);
    for (int step = 1; step <= STEPS; step++) {
        char id[32];
        const char *touched[] = {NULL, NULL};
        unsigned i = below(&w, CONTAINERS);
        if (w.broken && below(&w, 3))
            mend(&w);
        else
            edit(&w);
        commit(&w);
        snprintf(id, sizeof(id), "container/c%u", i);
        const char *victim = arena_printf(&w.ew.arena, "follow-c%u-1", i);
        if (below(&w, 5) == 0 && fake_exists(w.ew.fake, victim)) {
            fake_kill(w.ew.fake, victim, 1);
            touched[0] = id;
            w.drifted++;
        }
        compare(&w, touched, step);
    }
    *scoped += w.scoped;
    *drifted += w.drifted;
    *wrong += w.wrong;
    ew_release(&w.ew);
}

static void test_random_edits(_unused_ void **state)
{
    size_t scoped = 0, drifted = 0, wrong = 0;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run(seed * 7919, &scoped, &drifted, &wrong);
    /* Both paths were taken often enough for a meaningful result. */
    print_message("%zu by what differs, %zu drifted, %zu wrong, of %d\n", scoped, drifted, wrong, 3 * STEPS);
    assert_true(scoped > STEPS / 2);
    assert_true(wrong > STEPS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
