/* Properties of every kind and field: documented, with correct examples, and found by name. */
#include "kind_test.h"

static void check_example(struct world *w, const struct field_table *t, const struct field *f)
{
    if (!f->example)
        return;
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
    const struct ynode *n = yaml_of(w, arena_printf(&w->arena, "%s: %s", f->name, f->example));
    if (n)
        decode_field(&d, f, n->pairs[0].value);
    const char *problems = problems_of(w);
    if (*problems || !n)
        fail_msg("%s.%s: the example is wrong: %s\n%s", t->name, f->name, f->example, problems);
}

static void check_field(struct world *w, const struct field_table *t, const struct field *f);

static void check_table(struct world *w, const struct field_table *t)
{
    assert_non_null(t->name);
    if (!t->doc || t->doc[strlen(t->doc) - 1] != '.')
        fail_msg("%s: the documentation is no sentence", t->name);
    for (const struct field *f = t->fields; f->name; f++) {
        check_field(w, t, f);
        assert_ptr_equal(field_find(t, f->name), f);
    }
    for (const struct field_refusal *r = t->refused; r && r->name; r++) {
        if (field_find(t, r->name))
            fail_msg("%s.%s is a field, and refused", t->name, r->name);
        assert_true(strlen(r->why) > 5);
    }
}

static void check_field(struct world *w, const struct field_table *t, const struct field *f)
{
    size_t len = f->doc ? strlen(f->doc) : 0;
    if (len < 5 || f->doc[len - 1] != '.')
        fail_msg("%s.%s: the documentation is no sentence", t->name, f->name);
    if (!f->example && !(f->flags & FIELD_HIDDEN) && *f->name)
        fail_msg("%s.%s has no example", t->name, f->name);
    if (f->def_val && !f->def)
        fail_msg("%s.%s has a default that is not documented", t->name, f->name);
    if (f->type == FT_ENUM)
        assert_non_null(f->choices);
    if (f->type == FT_RECORD || f->type == FT_KEYED)
        assert_non_null(f->sub);
    if (f->type == FT_KEYED)
        assert_non_null(f->keyed);
    if (f->type == FT_LIST || f->type == FT_MAP)
        assert_non_null(f->elem);
    check_example(w, t, f);
    if (f->sub)
        check_table(w, f->sub);
    if (f->elem)
        check_field(w, t, f->elem);
}

static void test_every_field_is_documented_and_its_example_is_right(void **state)
{
    struct world *w = *state;
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        check_table(w, (*kind)->spec);
}

/* The documented default is the effective one. */
static void check_defaults(struct world *w, const struct field_table *t)
{
    for (const struct field *f = t->fields; f->name; f++) {
        if (f->sub)
            check_defaults(w, f->sub);
        if (!f->def_val || f->type == FT_RECORD || f->type == FT_LIST)
            continue;
        struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
        const struct ynode *n = yaml_of(w, arena_printf(&w->arena, "k: \"%s\"", f->def));
        struct val *v = n ? decode_field(&d, f, n->pairs[0].value) : NULL;
        const char *problems = problems_of(w);
        if (!v || *problems || !val_equal(v, f->def_val))
            fail_msg("%s.%s: the default \"%s\" does not read as the value that counts as one: %s", t->name,
                     f->name, f->def, problems);
        assert_true(field_equal(f, v, NULL));
    }
}

static void test_defaults_are_what_they_say(void **state)
{
    struct world *w = *state;
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        check_defaults(w, (*kind)->spec);
}

static void test_kinds_are_found(void **state)
{
    (void)state;
    for (const struct kind_desc *const *kind = kinds; *kind; kind++) {
        assert_ptr_equal(kind_find((*kind)->name), *kind);
        assert_ptr_equal(kind_by_prefix((*kind)->prefix), *kind);
        assert_null(kind_planned((*kind)->name));
    }
    assert_null(kind_find("container"));
    assert_null(kind_by_prefix("Container"));
    assert_non_null(kind_planned("Route"));
    assert_null(kind_planned("Deployment"));
}

/* What an engine can change on a running container, and which changes lose data: from the engine's
   documentation of "update", and S3. */
static void test_impacts(void **state)
{
    (void)state;
    static const struct {
        const struct field_table *table;
        const char *path;
        enum impact impact;
    } rows[] = {
        {&container_table, "resources.cpus", IMPACT_LIVE},
        {&container_table, "resources.memory", IMPACT_LIVE},
        {&container_table, "resources.memory_swap", IMPACT_LIVE},
        {&container_table, "resources.pids", IMPACT_LIVE},
        {&container_table, "resources.cpuset", IMPACT_LIVE},
        {&container_table, "resources.memory_swappiness", IMPACT_REPLACE},
        {&container_table, "restart", IMPACT_LIVE},
        {&container_table, "networks", IMPACT_LIVE},
        {&container_table, "container_name", IMPACT_LIVE},
        {&container_table, "replicas", IMPACT_LIVE},
        {&container_table, "image", IMPACT_REPLACE},
        {&container_table, "environment", IMPACT_REPLACE},
        {&container_table, "pull_policy", IMPACT_NONE},
        {&container_table, "depends_on", IMPACT_NONE},
        {&network_table, "ipam", IMPACT_REPLACE},
        {&volume_table, "driver", IMPACT_DATA_LOSS},
        {&volume_table, "driver_opts", IMPACT_DATA_LOSS},
        {&volume_table, "name", IMPACT_DATA_LOSS},
        {&volume_table, "labels", IMPACT_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct field *f = field_path(rows[i].table, rows[i].path);
        assert_non_null(f);
        if (f->impact != rows[i].impact)
            fail_msg("%s is %s", rows[i].path, impact_name(f->impact));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_every_field_is_documented_and_its_example_is_right),
        world_test(test_defaults_are_what_they_say),
        world_test(test_kinds_are_found),
        world_test(test_impacts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
