/* The order of changes, even where rules contradict each other. */
#include "base/str.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

struct fixture {
    struct arena arena;
    struct world w;
    struct resource_set before, after;
    struct plan plan;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    plan_world_init(&f->w, &f->arena, "prod");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    resource_set_release(&f->before);
    resource_set_release(&f->after);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* Manifests from lines "container NAME SPEC" and "network NAME SPEC". */
static const char *manifests(struct fixture *f, const char *text)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    size_t n;
    char **lines = str_split(&f->arena, text, '\n', &n);
    for (size_t i = 0; i < n; i++) {
        char *name = strchr(lines[i], ' '), *spec = name ? strchr(name + 1, ' ') : NULL;
        if (!spec)
            continue;
        *name++ = *spec++ = '\0';
        buf_addf(&b, "---\napiVersion: forge/v1\nkind: %s\nmetadata: {name: %s}\nspec: {%s}\n",
                 str_eq(lines[i], "network") ? "Network" : "Container", name, spec);
    }
    return arena_strdup(&f->arena, buf_str(&b));
}

/* `before` has been applied and is running, `after` is desired. */
static void begin(struct fixture *f, const char *before, const char *after)
{
    struct err err = {0};
    assert_ok(plan_case_text(manifests(f, before), "prod", &f->arena, &f->before, &err));
    assert_ok(plan_case_text(manifests(f, after), "prod", &f->arena, &f->after, &err));
    world_settle(&f->w, &f->before);
}

static void plan_now(struct fixture *f)
{
    static const struct plan_policy policy = {.prune = true, .self_heal = true};
    struct observed *observed = arena_new(&f->arena, struct observed);
    struct diag_list diags;
    struct err err = {0};
    diag_init(&diags, &f->arena);
    world_observe(&f->w, &f->arena, observed);
    const struct plan_input in = {.environment = "prod",
                                  .desired = &f->after,
                                  .observed = observed,
                                  .applied = &f->w.inventory,
                                  .policy = &policy};
    assert_ok(plan_make(&in, &f->arena, &f->plan, &diags, &err));
}

static void plan_between(struct fixture *f, const char *before, const char *after)
{
    begin(f, before, after);
    plan_now(f);
}

/* "ID, ID<PREDECESSOR<PREDECESSOR, ..." */
static void expect(struct fixture *f, const char *want)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < f->plan.n; i++) {
        const struct plan_change *c = &f->plan.changes[i];
        buf_addf(&b, "%s%s%s", i ? ", " : "", c->action == PLAN_DELETE ? "-" : "", c->id);
        for (size_t k = 0; k < c->n_after; k++) {
            assert_true(c->after[k] < i);
            buf_addf(&b, "<%s", f->plan.changes[c->after[k]].id);
        }
        assert_ptr_equal(plan_find(&f->plan, c->id), c);
    }
    assert_string_equal(buf_str(&b), want);
}

static void test_needs_come_first(void **state)
{
    struct fixture *f = *state;
    plan_between(f, "",
                 "container a image: x, networks: [n], depends_on: [z]\ncontainer z image: x, networks: "
                 "[n]\nnetwork n ");
    expect(f, "network/n, container/z<network/n, container/a<network/n<container/z");
}

static void test_users_go_first(void **state)
{
    struct fixture *f = *state;
    plan_between(f,
                 "container a image: x, networks: [n], depends_on: [z]\ncontainer z image: x, networks: "
                 "[n]\nnetwork n \ncontainer keep image: x, network_mode: none",
                 "container keep image: x, network_mode: none");
    expect(f, "-container/a, -container/z<container/a, -network/n<container/a<container/z");
}

/* Containers that leave a network do so before it is replaced; those that stay wait for the new one. */
static void test_those_who_leave_go_before_a_replacement(void **state)
{
    struct fixture *f = *state;
    plan_between(f,
                 "container gone image: x, networks: [n]\ncontainer moves image: x, networks: [n, m]\n"
                 "container stays image: x, networks: [n]\nnetwork m \nnetwork n ",
                 "container moves image: x, networks: [m]\ncontainer stays image: y, networks: [n]\n"
                 "network m \nnetwork n internal: true");
    expect(f, "container/moves, -container/gone, network/n<container/moves<container/gone, "
              "container/stays<network/n");
}

/* A port moves from one container to another: the one that releases it goes first, even if it is deleted. */
static void test_a_port_is_given_up_first(void **state)
{
    struct fixture *f = *state;
    plan_between(f, "container old image: x, network_mode: bridge, ports: [\"80:80\"]",
                 "container new image: x, network_mode: bridge, ports: [\"80:80\"]");
    expect(f, "-container/old, container/new<container/old");
}

/* The proxy used the old container and needs the new one, which needs the port of the old one: the weakest
   rule is dropped. */
static void test_contradictions_end(void **state)
{
    struct fixture *f = *state;
    plan_between(f,
                 "container old image: x, network_mode: bridge, ports: [\"80:80\"]\ncontainer proxy image: "
                 "x, network_mode: bridge, depends_on: [old]",
                 "container new image: x, network_mode: bridge, ports: [\"80:80\"]\ncontainer proxy image: "
                 "y, network_mode: bridge, depends_on: [new]");
    expect(f, "-container/old, container/new<container/old, container/proxy<container/new");
}

/* Two containers swap their ports: no order is right, but one is chosen. */
static void test_a_swap_ends(void **state)
{
    struct fixture *f = *state;
    plan_between(f,
                 "container a image: x, network_mode: bridge, ports: [\"80:80\"]\ncontainer b image: x, "
                 "network_mode: bridge, ports: [\"81:80\"]",
                 "container a image: x, network_mode: bridge, ports: [\"81:80\"]\ncontainer b image: x, "
                 "network_mode: bridge, ports: [\"80:80\"]");
    expect(f, "container/a, container/b<container/a");
}

/* Unlike manifests, records are not checked for cycles. */
static void test_a_cycle_of_what_goes_ends(void **state)
{
    struct fixture *f = *state;
    static const char keep[] = "container keep image: x, network_mode: none";
    begin(f,
          arena_printf(&f->arena,
                       "container a image: x, network_mode: none\n"
                       "container b image: x, network_mode: none, depends_on: [a]\n%s",
                       keep),
          keep);
    plan_now(f);
    expect(f, "-container/b, -container/a<container/b");
    struct applied *a = f->w.inventory.items[0];
    struct val *spec = val_map_copy(&f->arena, a->spec), *needs = val_map(&f->arena);
    assert_string_equal(a->id, "container/a");
    val_map_set(&f->arena, needs, "b", val_map(&f->arena));
    val_map_set(&f->arena, spec, "depends_on", needs);
    a->spec = spec;
    plan_now(f);
    expect(f, "-container/a, -container/b<container/a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_needs_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_users_go_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_those_who_leave_go_before_a_replacement, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_port_is_given_up_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contradictions_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_swap_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cycle_of_what_goes_ends, setup, teardown),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
