/* Files of environment variables. The rows include the examples of the Compose specification (env_file
   format). */
#include "kind_test.h"
#include "schema/load_envfile.h"

#include "base/str.h"

static int lookup(void *arg, const char *name, const char **ret, struct err *err)
{
    (void)arg;
    *ret = "outer";
    return strcmp(name, "OUTER") == 0 ? 0 : err_set(err, ERR_NOTFOUND, "%s is unknown", name);
}

static const char *read_file(struct world *w, const char *text, bool raw)
{
    struct interp in = {.arena = &w->arena, .lookup = lookup};
    struct val *into = val_map(&w->arena);
    envfile_read(&w->arena, "e", text, strlen(text), raw, &in, &w->diags, 0, into);
    return json_of(w, into);
}

static void check(struct world *w, const char *text, const char *want)
{
    assert_string_equal(read_file(w, text, false), want);
    assert_string_equal(problems_of(w), "");
}

static void test_specification(void **state)
{
    struct world *w = *state;
    check(w, "# Set Rails/Rack environment\nRACK_ENV=development\nVAR=\"quoted\"\n",
          "{'RACK_ENV': 'development', 'VAR': 'quoted'}");
    check(w, "VAR=VAL", "{'VAR': 'VAL'}");
    check(w, "VAR=\"VAL\"", "{'VAR': 'VAL'}");
    check(w, "VAR='VAL'", "{'VAR': 'VAL'}");
    check(w, "VAR=VAL # comment", "{'VAR': 'VAL'}");
    check(w, "VAR=VAL# not a comment", "{'VAR': 'VAL# not a comment'}");
    check(w, "VAR=\"VAL # not a comment\"", "{'VAR': 'VAL # not a comment'}");
    check(w, "VAR=\"VAL\" # comment", "{'VAR': 'VAL'}");
    check(w, "VAR='$OTHER'", "{'VAR': '$OTHER'}");
    check(w, "VAR='${OTHER}'", "{'VAR': '${OTHER}'}");
    check(w, "VAR: VAL # comment\nOTHER:'a=b'\nURL=http://x",
          "{'OTHER': 'a=b', 'URL': 'http://x', 'VAR': 'VAL'}");
    check(w, "VAR='Let\\'s go!'", "{'VAR': 'Let's go!'}");
    check(w, "VAR=\"{\\\"hello\\\": 1}\"", "{'VAR': '{\\'hello\\': 1}'}");
    check(w, "VAR=\"some\\tvalue\"", "{'VAR': 'some\\tvalue'}");
    check(w, "VAR='some\\tvalue'", "{'VAR': 'some\\\\tvalue'}");
    check(w, "VAR=some\\tvalue", "{'VAR': 'some\\\\tvalue'}");
    check(w, "VAR=", "{'VAR': ''}");
}

static void test_more(void **state)
{
    struct world *w = *state;
    check(w, "", "{}");
    check(w, "\n \n\t# x\r\n", "{}");
    check(w,
          "\xef\xbb\xbf"
          "A=1\r\nB=2\r\n",
          "{'A': '1', 'B': '2'}");
    check(w, "export A = 1 \n  B=  x y  \n", "{'A': '1', 'B': 'x y'}");
    check(w, "A=1\nA=2", "{'A': '2'}");
    check(w, "A=b=c", "{'A': 'b=c'}");
    check(w, "A=# nothing\nB=#", "{'A': '', 'B': ''}");
    check(w, "A=1\nB=${A}-${OUTER}\nC=\"${B}\"\nD=${N:-none}",
          "{'A': '1', 'B': '1-outer', 'C': '1-outer', 'D': 'none'}");
    check(w, "A=\"two\nlines\" # and a comment\nB='x\ny'\nC=1",
          "{'A': 'two\\nlines', 'B': 'x\\ny', 'C': '1'}");
    check(w, "A=\"\\$x $$y\"\nB=$$z", "{'A': '$x $y', 'B': '$z'}");
    check(w, "A.b-c=1", "{'A.b-c': '1'}");
    assert_string_equal(read_file(w, "A=\"$x\" # y\r\n# c\n\nB= z \nexport C=\n", true),
                        "{'A': '\\'$x\\' # y', 'B': ' z ', 'C': ''}");
    assert_string_equal(problems_of(w), "");
}

static void test_problems(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"A=1\nB", "e:2:1: error: \"B\" has no value\n  hint: write B= for an empty value\n"},
        {"=x", "e:1:1: error: \"\" is not a valid variable name\n  hint: write NAME=value\n"},
        {"A B=x", "e:1:1: error: \"A B\" is not a valid variable name\n  hint: write NAME=value\n"},
        {"A B: x", "e:1:1: error: \"A B\" is not a valid variable name\n  hint: write NAME=value\n"},
        {"\n\nA=\"x\nB=1", "e:3:1: error: A: missing closing quote\n"},
        {"A='x'y\nB=2", "e:1:1: error: A: text after the closing quote\n"
                        "  hint: put the whole value inside the quotes\n"},
        {"A=${U}", "e:1:1: error: A: U is unknown\n"},
        {"A=\"\n${U}\"\nB=$x",
         "e:1:1: error: A: U is unknown\n"
         "e:3:1: error: B: \"$x\" is ambiguous\n"
         "  hint: write ${x} for a variable of the project, or $$x for the literal text\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        read_file(w, rows[i][0], false);
        assert_string_equal(problems_of(w), rows[i][1]);
    }
    struct interp in = {.arena = &w->arena, .lookup = lookup};
    envfile_read(&w->arena, "e", "A=\0b", 4, false, &in, &w->diags, 0, val_map(&w->arena));
    assert_string_equal(problems_of(w),
                        "e:1:1: error: a variables file must be text, and this one contains a NUL byte\n");
}

static int lookup_or_not(void *arg, const char *name, const char **ret, struct err *err)
{
    (void)arg;
    *ret = "there";
    return strcmp(name, "KNOWN") == 0 ? 0 : err_set(err, ERR_NOTFOUND, "%s is not set", name);
}

/* As in Compose, a name without a value takes the value of the outer variable, if there is one. */
static void test_names_alone(void **state)
{
    struct world *w = *state;
    static const char text[] = "A=1\nA\nKNOWN\nexport UNKNOWN\nKNOWN=2\nKNOWN\n";
    struct interp in = {.arena = &w->arena, .lookup = lookup_or_not, .bare = true};
    for (int raw = 0; raw < 2; raw++) {
        struct val *into = val_map(&w->arena);
        envfile_read(&w->arena, "e", text, strlen(text), raw, &in, &w->diags, 0, into);
        assert_string_equal(problems_of(w), "");
        assert_string_equal(val_get_str(into, "A"), "1");
        assert_string_equal(val_get_str(into, "KNOWN"), "there");
        assert_true(val_is(val_get(into, "UNKNOWN"), VAL_NULL));
        assert_int_equal(val_get(into, "UNKNOWN")->line, 4);
    }
    envfile_read(&w->arena, "e", "A: x", 4, true, &in, &w->diags, 0, val_map(&w->arena));
    assert_string_equal(problems_of(w), "e:1:1: error: \"A: x\" has no value\n  hint: write NAME=value\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_specification),
        world_test(test_more),
        world_test(test_problems),
        world_test(test_names_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
