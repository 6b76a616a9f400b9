/* A scalar's type is the declared type of its field. */
#include "schema_test.h"
#include "toy.h"

#include "base/limits.h"

/* The canonical form of one field, written as `FIELD: TEXT`, or the problem without its place. */
static void check(struct world *w, const char *field, const char *text, const char *want)
{
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
    const struct ynode *n = yaml_of(w, arena_printf(&w->arena, "name: x\n%s: %s\n", field, text));
    assert_non_null(n);
    const struct val *v = decode_record(&d, &toy_table, n);
    if (w->diags.n == 0) {
        assert_string_equal(json_of(w, val_get(v, field)), want);
        return;
    }
    assert_int_equal(w->diags.n, 1);
    const char *got = strchr(w->diags.items[0].msg, ':');
    assert_string_equal(got ? got + 2 : "", want);
    diag_init(&w->diags, &w->arena);
}

static void test_strings(void **state)
{
    struct world *w = *state;
    /* YAML 1.1's surprising scalars are plain text in a text field. */
    static const char *const plain[] = {"no",   "on",    "off", "yes",        "y",     "true", "0755",
                                        "0o17", "12:30", "1e3", "1.10",       "1_000", "0x1F", ".inf",
                                        "-0",   "5",     "=",   "2026-01-01", "nULL"};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        check(w, "text", plain[i], arena_printf(&w->arena, "'%s'", plain[i]));
    check(w, "text", "''", "''");
    check(w, "text", "'~'", "'~'");
    check(w, "text", "'null'", "'null'");
    check(w, "text", "!!str ~", "'~'");
    check(w, "text", "[a]", "must be a string, not a sequence");
    check(w, "bounded", "''", "must not be empty");
    check(w, "bounded", "a", "1 bytes long; the minimum is 2");
    check(w, "bounded", "abcdef", "6 bytes long; the maximum is 5");
    check(w, "bounded", "\xc3\xa9\xc3\xa9", "'\xc3\xa9\xc3\xa9'");
    check(w, "shout", "no", "'no!'");
}

/* X2 */
static void test_strings_are_bounded(void **state)
{
    struct world *w = *state;
    char *text = arena_alloc(&w->arena, LIMIT_SCALAR_BYTES + 2);
    memset(text, 'a', LIMIT_SCALAR_BYTES);
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
    struct ynode n = {.type = YN_SCALAR, .text = text, .len = LIMIT_SCALAR_BYTES, .line = 1, .col = 1};
    assert_int_equal(decode_field(&d, field_find(&toy_table, "text"), &n)->len, LIMIT_SCALAR_BYTES);
    text[n.len++] = 'a';
    assert_null(decode_field(&d, field_find(&toy_table, "text"), &n));
    assert_string_equal(problems_of(w), "f:1:1: error: 262145 bytes long; the maximum is 262144\n");
}

static void test_bools(void **state)
{
    struct world *w = *state;
    static const char *const yes[] = {"true", "True", "yes", "on", "ON", "'true'", "\"yes\""};
    static const char *const no[] = {"false", "no", "No", "off", "'off'"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        check(w, "on", yes[i], "true");
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        check(w, "on", no[i], "false");
    check(w, "on", "1", "\"1\" is not a boolean; write true or false");
    check(w, "on", "y", "\"y\" is not a boolean; write true or false");
    check(w, "on", "''", "\"\" is not a boolean; write true or false");
    check(w, "on", "{}", "must be a boolean, not a mapping");
}

static void test_integers(void **state)
{
    struct world *w = *state;
    check(w, "count", "12", "12");
    check(w, "count", "'12'", "12");
    check(w, "count", "+12", "12");
    check(w, "any_int", "-9223372036854775808", "-9223372036854775808");
    check(w, "count", "-1", "-1 is out of range; write a number from 0 to 1000");
    check(w, "count", "1001", "1001 is out of range; write a number from 0 to 1000");
    check(w, "count", "0755", "\"0755\" is not a plain number; write it without leading zeros");
    check(w, "count", "12:30", "\"12:30\" is not an integer; write digits only, such as 42");
    check(w, "count", "1e3", "\"1e3\" is not an integer; write digits only, such as 42");
    check(w, "count", "1.0", "\"1.0\" is not an integer; write digits only, such as 42");
    check(w, "count", "1_000", "\"1_000\" is not an integer; write digits only, such as 42");
    check(w, "count", "0x10", "\"0x10\" is not an integer; write digits only, such as 42");
    check(w, "count", "true", "\"true\" is not an integer; write digits only, such as 42");
    check(w, "count", "''", "\"\" is not an integer; write digits only, such as 42");
    check(w, "count", "[1]", "must be an integer, not a sequence");
}

static void test_floats(void **state)
{
    struct world *w = *state;
    check(w, "ratio", "0.5", "0.5");
    check(w, "ratio", "'.25'", "0.25");
    check(w, "ratio", "1e-1", "0.1");
    check(w, "ratio", "1.5", "1.5 is out of range; write a number from 0 to 1");
    check(w, "ratio", ".nan", "\".nan\" is not a number; write it as in 0.5 or 2");
    check(w, "cpus", "1.5", "1500000000");
    check(w, "cpus", "\"0.1\"", "100000000");
    check(w, "cpus", "2", "2000000000");
    check(w, "cpus", "0.000000001", "1");
    check(w, "cpus", "-1", "-1 is out of range; write a number from 0 to 1000000");
    check(w, "cpus", "500m", "\"500m\" is not a number; write it as in 0.5 or 2");
}

/* P2: units are only spellings; comparison uses one number. */
static void test_units(void **state)
{
    struct world *w = *state;
    check(w, "wait", "90s", "90000000000");
    check(w, "wait", "1m30s", "90000000000");
    check(w, "wait", "0", "0");
    check(w, "wait", "90", "\"90\" is not a duration: it has no unit; write 10s, 1m30s, 2h, 500ms");
    check(w, "wait", "2h", "2h is too large; the maximum is 1h");
    check(w, "memory", "128m", "134217728");
    check(w, "memory", "128MiB", "134217728");
    check(w, "memory", "134217728", "134217728");
    check(w, "memory", "\"0.125gb\"", "134217728");
    check(w, "memory", "4k", "4096");
    check(w, "memory", "1k", "1k is too small; the minimum is 4KiB");
    check(w, "memory", "-1", "\"-1\" is not a size; write bytes as 64m, 512MiB, 1.5g or 1048576");
    check(w, "memory", "2048 GiB", "2048 GiB is too large; the maximum is 1TiB");
    check(w, "mode", "0644", "420");
    check(w, "mode", "'0644'", "420");
    check(w, "mode", "644", "420");
    check(w, "mode", "0o644", "420");
    check(w, "mode", "0888", "\"0888\" is not a file mode; write it in octal, as in 0644");
}

static void test_enums(void **state)
{
    struct world *w = *state;
    check(w, "colour", "green", "'green'");
    check(w, "colour", "Green", "\"Green\" is not one of red, green or blue");
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
    decode_record(&d, &toy_table, yaml_of(w, "{name: x, colour: gren}"));
    assert_string_equal(w->diags.items[0].hint, "did you mean \"green\"?");
    diag_init(&w->diags, &w->arena);
    decode_record(&d, &toy_table, yaml_of(w, "{name: x, colour: mauve}"));
    assert_null(w->diags.items[0].hint);
}

static void test_commands(void **state)
{
    struct world *w = *state;
    check(w, "command", "[run, 5, no, '', 1.10]", "['run', '5', 'no', '', '1.10']");
    check(w, "command", "run  --now 5", "['run', '--now', '5']");
    check(w, "command", "'sh -c \"a \\\"b\\\" $x\" ''''\\ '", "['sh', '-c', 'a \\'b\\' $x', ' ']");
    check(w, "command", "''", "[]");
    check(w, "command", "[]", "[]");
    check(w, "command", "|\n run \\\n  --now\n  it\n", "['run', '--now', 'it']");
    check(w, "command", "run \"x", "missing closing double quote");
    check(w, "command", "{a: b}", "must be a string or list of strings, not a mapping");
    check(w, "command", "[a, ~]", "word 2 must be a string, not a null");
    check(w, "command", "[[a]]", "word 1 must be a string, not a sequence");
}

static void check_words(struct world *w, const char *text, const char *want)
{
    const char *problem = NULL;
    const struct val *words = decode_words(&w->arena, text, &problem);
    assert_string_equal(words ? json_of(w, words) : problem, want);
}

static void test_words(void **state)
{
    struct world *w = *state;
    check_words(w, "", "[]");
    check_words(w, " \t\n ", "[]");
    check_words(w, "a b", "['a', 'b']");
    check_words(w, "'' \"\"", "['', '']");
    check_words(w, "a'b c'd\"e f\"", "['ab cde f']");
    check_words(w, "'a\\b' \"a\\b\" a\\b", "['a\\\\b', 'a\\\\b', 'ab']");
    check_words(w, "\"\\\\\\\"\\\n\"", "['\\\\\\'']");
    check_words(w, "a \\\n b", "['a', 'b']");
    check_words(w, "a\\\nb", "['ab']");
    check_words(w, "\\\n", "[]");
    check_words(w, "a\\ b", "['a b']");
    check_words(w, "# $x `y` *", "['#', '$x', '`y`', '*']");
    check_words(w, "'a", "missing closing single quote");
    check_words(w, "a\\", "it ends with a backslash");
    check_words(w, "\"a\\", "missing closing double quote");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_strings), world_test(test_strings_are_bounded),
        world_test(test_bools),   world_test(test_integers),
        world_test(test_floats),  world_test(test_units),
        world_test(test_enums),   world_test(test_commands),
        world_test(test_words),
    };
    return cmocka_run_group_tests_name("decode_scalar", tests, NULL, NULL);
}
