/* References in text. The operators are those of shells and of Compose. */
#include "kind_test.h"
#include "schema/load_interp.h"

#include "base/str.h"

static int lookup(void *arg, const char *name, const char **ret, struct err *err)
{
    (void)arg;
    static const char *const set[][2] = {
        {"A", "a"},
        {"EMPTY", ""},
        {"env.A", "a"},
        {"git.commit", "abc"},
        {"container.my-db.host", "my-db"},
        {"D", "$${A}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(set); i++)
        if (strcmp(set[i][0], name) == 0) {
            *ret = set[i][1];
            return 0;
        }
    if (strcmp(name, "BROKEN") == 0)
        return err_set(err, ERR_INVALID, "broken");
    return err_set(err, ERR_NOTFOUND, "%s is unknown", name);
}

static const char *expand(struct world *w, const char *text)
{
    struct interp in = {.arena = &w->arena, .lookup = lookup};
    struct err err = {0};
    const char *out;
    size_t len;
    if (interp_text(&in, text, strlen(text), &out, &len, &err) < 0)
        return arena_printf(&w->arena, "error: %s", err.msg);
    assert_int_equal(len, strlen(out));
    return out;
}

static void test_values(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"${A}", "a"},
        {"x${A}y${env.A}z", "xayaz"},
        {"${git.commit}", "abc"},
        {"${container.my-db.host}:5432", "my-db:5432"},
        {"$$A $${A} $$$$", "$A ${A} $$"},
        {"5$ $1 $( $", "5$ $1 $( $"},
        {"${D}", "$${A}"}, /* a value is not expanded again */
        {"${EMPTY}", ""},
        /* set, empty, not set */
        {"${A:-d}|${EMPTY:-d}|${U:-d}", "a|d|d"},
        {"${A-d}|${EMPTY-d}|${U-d}", "a||d"},
        {"${A:+d}|${EMPTY:+d}|${U:+d}", "d||"},
        {"${A+d}|${EMPTY+d}|${U+d}", "d|d|"},
        {"${A:?m}|${EMPTY?m}", "a|"},
        {"${U:-${A}}", "a"},
        {"${U:-${V:-${A}x}y}", "axy"},
        {"${U:-}", ""},
        {"${U:-a:b-c?d}", "a:b-c?d"},
        {"${U:-$${A\\}}", "${A\\}"},
        {"${U:-{}}", "{}"},
        {"${A:-${BROKEN}}", "a"}, /* an unused default is not evaluated */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(expand(w, rows[i][0]), rows[i][1]);
}

static void test_problems(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"${U}", "error: U is unknown"},
        {"${U:?}", "error: U is not set"},
        {"${U:?set U to ${A}}", "error: U is not set: set U to a"},
        {"${EMPTY:?m}", "error: EMPTY is not set: m"},
        {"${U?m}", "error: U is not set: m"},
        {"${BROKEN:-x}", "error: broken"},
        {"${U:-${U}}", "error: U is unknown"},
        {"a ${A", "error: \"${A\": missing closing brace"},
        {"${}", "error: \"${}\": a reference needs a name"},
        {"${1A}", "error: \"${1A}\": a reference needs a name"},
        {"${A.}", "error: \"${A.}\": a reference needs a name"},
        {"${ A}", "error: \"${ A}\": a reference needs a name"},
        {"${A }", "error: \"${A }\": unknown operator after the name"},
        {"${A:}", "error: \"${A:}\": unknown operator after the name"},
        {"${A:=x}", "error: \"${A:=x}\": unknown operator after the name"},
        {"echo $HOME/x", "error: \"$HOME\" is ambiguous"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(expand(w, rows[i][0]), rows[i][1]);
    struct interp in = {.arena = &w->arena, .lookup = lookup};
    struct err err = {0};
    const char *out;
    size_t len;
    assert_int_equal(interp_text(&in, "$HOME", 5, &out, &len, &err), ERR_INVALID);
    assert_string_equal(err.hint,
                        "write ${HOME} for a variable of the project, or $$HOME for the literal text");
}

static void test_limits(void **state)
{
    struct world *w = *state;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 40; i++)
        buf_adds(&text, "${U:-");
    buf_adds(&text, "x");
    for (int i = 0; i < 40; i++)
        buf_addc(&text, '}');
    assert_string_equal(expand(w, buf_str(&text)), "error: references are nested more than 16 levels deep");
    buf_release(&text);

    size_t budget = 5;
    struct interp in = {.arena = &w->arena, .lookup = lookup, .budget = &budget};
    struct err err = {0};
    const char *out;
    size_t len;
    assert_int_equal(interp_text(&in, "12${A}", 6, &out, &len, &err), 0);
    assert_int_equal(budget, 2);
    assert_int_equal(interp_text(&in, "no reference, no cost", 21, &out, &len, &err), 0);
    assert_int_equal(interp_text(&in, "12${A}", 6, &out, &len, &err), ERR_LIMIT);
}

static void collect(void *arg, const char *name)
{
    buf_addf(arg, "%s ", name);
}

static void test_names(void **state)
{
    struct world *w = *state;
    struct buf names = BUF_INIT;
    static const char text[] = "${A:-${B-${C}}} $${D} $E ${env.F} ${container.a-b.host} ${G:?${H}} ${";
    interp_names(&w->arena, text, sizeof(text) - 1, collect, &names);
    assert_string_equal(buf_str(&names), "A B C env.F container.a-b.host G H ");
    buf_release(&names);
}

static void no_problem(void *arg, const struct ynode *n, const struct err *err)
{
    (void)arg;
    (void)n;
    fail_msg("%s", err->msg);
}

/* Aliases share nodes: a node is resolved once, and the original is not changed. */
static void test_trees(void **state)
{
    struct world *w = *state;
    struct ynode *n = yaml_of(w, "a: &x [\"$$$${A}\", \"${A}\"]\nb: *x\nc: ${EMPTY}\nd: same\n${A}: key\n");
    struct interp in = {.arena = &w->arena, .lookup = lookup};
    struct ynode *out = interp_tree(&in, n, no_problem, NULL);
    assert_ptr_not_equal(out, n);
    assert_string_equal(ynode_get(out, "a")->items[0]->text, "$${A}");
    assert_string_equal(ynode_get(out, "b")->items[0]->text, "$${A}");
    assert_string_equal(ynode_get(out, "b")->items[1]->text, "a");
    assert_string_equal(ynode_get(n, "b")->items[1]->text, "${A}");
    assert_false(ynode_is_null(ynode_get(out, "c")));
    assert_ptr_equal(ynode_get(out, "d"), ynode_get(n, "d"));
    assert_non_null(ynode_get(out, "${A}"));
    n = yaml_of(w, "{a: 1}");
    assert_ptr_equal(interp_tree(&in, n, no_problem, NULL), n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_values), world_test(test_problems), world_test(test_limits),
        world_test(test_names),  world_test(test_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
