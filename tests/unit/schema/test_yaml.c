/* YAML into nodes: what is read, with its places, and what is refused. */
#include "schema_test.h"

/* The tree in a notation for tests: 'quoted', plain, [..], {..}, preceded by !tag. */
static void show(const struct ynode *n, struct buf *out)
{
    if (n->tag)
        buf_addf(out, "%s ", n->tag);
    if (n->type == YN_SCALAR) {
        buf_addf(out, n->plain ? "%s" : "'%s'", n->text);
        return;
    }
    buf_addc(out, n->type == YN_MAP ? '{' : '[');
    for (size_t i = 0; i < n->len; i++) {
        if (i > 0)
            buf_adds(out, ", ");
        if (n->type == YN_MAP) {
            show(n->pairs[i].key, out);
            buf_adds(out, ": ");
        }
        show(n->type == YN_MAP ? n->pairs[i].value : n->items[i], out);
    }
    buf_addc(out, n->type == YN_MAP ? '}' : ']');
}

static void check_bytes(struct world *w, const char *text, size_t len, const char *want, const char *problems)
{
    /* A copy of the exact size, so that sanitizers notice reads beyond it. */
    _cleanup_free_ char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    struct ynode **docs;
    size_t n = yaml_read(&w->arena, "f", copy, len, &w->diags, &docs);
    buf_reset(&w->text);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_adds(&w->text, " | ");
        show(docs[i], &w->text);
    }
    assert_string_equal(buf_str(&w->text), want);
    assert_string_equal(problems_of(w), problems);
}

#define check(w, text, want, problems) check_bytes(w, text, sizeof(text) - 1, want, problems)

static void test_scalars_stay_text(void **state)
{
    struct world *w = *state;
    check(w, "[no, on, 0755, 12:30, 1e3, ~, 1.10, yes, 0x10, 2026-01-01]",
          "[no, on, 0755, 12:30, 1e3, ~, 1.10, yes, 0x10, 2026-01-01]", "");
    check(w, "['no', \"on\", !!str 5, ! 6, !!int \"7\"]", "['no', 'on', !!str '5', ! '6', !!int '7']", "");
    check(w, "a: |\n  one\n  two\nb: >-\n  three\n  four\n", "{a: 'one\ntwo\n', b: 'three four'}", "");
    check(w, "{a: , b: '', ? c : d}", "{a: , b: '', c: d}", "");
}

static void test_documents(void **state)
{
    struct world *w = *state;
    check(w, "", "", "");
    check(w, "# nothing\n", "", "");
    check(w, "---\n---\n# nothing\n---\na: 1\n...\n---\n~\n---\nb: 2\n", "{a: 1} | {b: 2}", "");
    check(w, "a\n--- b\n", "a | b", "");
    check(w, "%YAML 1.1\n---\na: 1\n", "{a: 1}", "");
}

static void test_places(void **state)
{
    struct world *w = *state;
    const struct ynode *n = yaml_of(w, "# one\na:\n  - b\n  - \xc3\xa9\xc3\xa9: [c]\n");
    const struct ynode *list = ynode_get(n, "a");
    assert_int_equal(list->line, 3);
    assert_int_equal(list->col, 3);
    assert_int_equal(list->items[0]->line, 3);
    assert_int_equal(list->items[0]->col, 5);
    /* Columns count characters, not bytes. */
    assert_int_equal(list->items[1]->pairs[0].value->col, 9);
    assert_int_equal(list->items[1]->pairs[0].key->col, 5);
    assert_null(ynode_get(n, "b"));
    assert_null(ynode_get(list, "a"));
    assert_null(ynode_get(NULL, "a"));
}

static void test_encodings(void **state)
{
    struct world *w = *state;
    check(w,
          "\xef\xbb\xbf"
          "a: \xc3\xa9\n",
          "{a: \xc3\xa9}", "");
    check(w, "\xef\xbb\xbf", "", "");
    check(w, "a: 1\r\nb: |\r\n  x\r\n  y\r\n", "{a: 1, b: 'x\ny\n'}", "");
    check(w, "a: 1\rb: 2", "{a: 1, b: 2}", "");
    check(w, "a: \"\\u00e9\\x41\"",
          "{a: '\xc3\xa9"
          "A'}",
          "");
    check(w,
          "\xff\xfe"
          "a\0",
          "", "f:1:1: error: the file is encoded as UTF-16\n  hint: save the file as UTF-8\n");
    check(w, "a: 1\nb: x\xe9y\n", "",
          "f:2:6: error: not YAML: invalid trailing UTF-8 octet\n  hint: save the file as UTF-8 text\n");
    check(
        w, "a: 1\nb: x\0y\n", "",
        "f:2:5: error: not YAML: control characters are not allowed\n  hint: save the file as UTF-8 text\n");
    check(w, "a: \"x\\0y\"\n", "", "f:1:4: error: a string contains a NUL character, which is not allowed\n");
}

static void test_syntax_errors(void **state)
{
    struct world *w = *state;
    check(w, "a: 1\n b: 2\n", "",
          "f:2:3: error: not YAML: mapping values are not allowed in this context\n"
          "  hint: a value with \": \" in it needs quotes; otherwise check the indentation\n");
    check(w, "a: @b\n", "",
          "f:1:4: error: not YAML: found character that cannot start any token (while scanning for the next "
          "token)\n"
          "  hint: a value that starts with @ or ` needs quotes, and indentation needs spaces, not tabs\n");
    check(w, "a:\n\t- b\n", "",
          "f:2:1: error: not YAML: found character that cannot start any token (while scanning for the next "
          "token)\n"
          "  hint: a value that starts with @ or ` needs quotes, and indentation needs spaces, not tabs\n");
    check(w, "a: [1,\nb: 2\n", "",
          "f:3:1: error: not YAML: did not find expected ',' or ']' (while parsing a flow sequence that "
          "starts in line 1)\n");
    check(w, "a: \"x\n", "",
          "f:2:1: error: not YAML: found unexpected end of stream (while scanning a quoted scalar that "
          "starts in line 1)\n");
    /* Documents before the problem are read. */
    check(w, "a: 1\n---\n{", "{a: 1}",
          "f:3:2: error: not YAML: did not find expected node content (while parsing a flow node)\n");
}

static void test_keys(void **state)
{
    struct world *w = *state;
    check(w, "a: 1\nb: 2\n'a': 3\n", "{a: 1, b: 2}",
          "f:3:1: error: the key \"a\" is defined twice; first on line 1\n");
    check(w, "{[a]: 1, b: 2}", "{b: 2}", "f:1:2: error: a sequence cannot be a key\n");
    check(w, "? {a: 1}\n: 2\n", "{}", "f:1:3: error: a mapping cannot be a key\n");
    check(w, "{1: a, no: b, ~: c}", "{1: a, no: b, ~: c}", "");

    /* With many keys a hash map is used. */
    _cleanup_buf_ struct buf text = BUF_INIT;
    for (int i = 0; i < 30000; i++)
        buf_addf(&text, "key%d: v\n", i);
    buf_adds(&text, "key7: again\n");
    struct ynode **docs;
    assert_int_equal(yaml_read(&w->arena, "f", text.data, text.len, &w->diags, &docs), 1);
    assert_int_equal(docs[0]->len, 30000);
    assert_string_equal(problems_of(w),
                        "f:30001:1: error: the key \"key7\" is defined twice; first on line 8\n");
}

static void test_tags(void **state)
{
    struct world *w = *state;
    check(w, "!!map {a: !!seq [!reset x], b: !override [1], c: !reset {}, d: !!null x}",
          "!!map {a: !!seq [!reset x], b: !override [1], c: !reset {}, d: !!null x}", "");
    check(w, "a: !!python/object x\n", "{a: x}",
          "f:1:4: error: unknown tag !!python/object\n"
          "  hint: remove it: the field determines the type of the value\n");
    check(w, "a: !vault x\n", "{a: x}",
          "f:1:4: error: unknown tag !vault\n"
          "  hint: remove it: the field determines the type of the value\n");
    check(w, "a: !!map x\n", "{a: x}", "f:1:4: error: the tag !!map cannot be used on a string\n");
    check(w, "a: !!str [x]\n", "{a: [x]}", "f:1:4: error: the tag !!str cannot be used on a sequence\n");
}

static void test_aliases(void **state)
{
    struct world *w = *state;
    check(w, "a: &x [1, 2]\nb: *x\nc: &y z\n*y : *y\n", "{a: [1, 2], b: [1, 2], c: z, z: z}", "");
    /* An alias refers to the nearest anchor before it. */
    check(w, "[&a 1, *a, &a 2, *a]", "[1, 1, 2, 2]", "");
    /* An anchor is valid in its document only, and a document with an error is not returned. */
    check(w, "a: &x 1\n---\nb: *x\n---\nc: 3\n", "{a: 1} | {c: 3}",
          "f:3:4: error: there is no anchor &x before this alias\n");
    check(w, "a: &x [*x]\n", "", "f:1:8: error: the alias *x is inside its own anchor\n");
    check(w, "&x a: *x\n", "{a: a}", "");
}

static void test_merge_keys(void **state)
{
    struct world *w = *state;
    check(w, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3, z: 4}\n", "{a: {x: 1, y: 2}, b: {y: 3, z: 4, x: 1}}", "");
    /* The mapping's own keys win, wherever the merge key is; of several merged mappings the first one
       wins. */
    check(w, "- &a {x: 1}\n- &b {x: 2, y: 2}\n- {y: 0, <<: [*a, *b]}\n",
          "[{x: 1}, {x: 2, y: 2}, {y: 0, x: 1}]", "");
    check(w, "- &a {x: 1}\n- &b {<<: *a, y: 2}\n- {<<: *b}\n", "[{x: 1}, {y: 2, x: 1}, {y: 2, x: 1}]", "");
    check(w, "- &a {x: 1}\n- {<<: *a, <<: {y: 2}}\n", "[{x: 1}, {x: 1, y: 2}]", "");
    check(w, "- {<<: {}, a: 1}\n- {<<: []}\n", "[{a: 1}, {}]", "");
    check(w, "{'<<': 1}", "{'<<': 1}", "");
    check(w, "{<<: x, a: 1}", "{a: 1}",
          "f:1:6: error: the merge key << takes a mapping or a sequence of mappings, not a string\n");
    check(w, "{<<: [{}, 5], a: 1}", "{a: 1}",
          "f:1:6: error: the merge key << takes a mapping or a sequence of mappings, not a number\n");
}

static void check_name(struct world *w, const char *text, const char *name, bool null)
{
    const struct ynode *n = yaml_of(w, arena_printf(&w->arena, "[%s]", text))->items[0];
    assert_string_equal(ynode_type_name(n), name);
    assert_int_equal(ynode_is_null(n), null);
}

static void test_names_of_types(void **state)
{
    struct world *w = *state;
    check_name(w, "{}", "mapping", false);
    check_name(w, "[]", "sequence", false);
    check_name(w, "~", "null", true);
    check_name(w, "null", "null", true);
    check_name(w, "NULL", "null", true);
    check_name(w, "nUll", "string", false);
    check_name(w, "!!null 'x'", "null", true);
    check_name(w, "''", "string", false);
    check_name(w, "'~'", "string", false);
    check_name(w, "true", "boolean", false);
    check_name(w, "'true'", "string", false);
    check_name(w, "no", "string", false);
    check_name(w, "-12", "number", false);
    check_name(w, "1.5", "number", false);
    check_name(w, "'1'", "string", false);
    check_name(w, "1.2.3", "string", false);
    check_name(w, "-", "string", false);
    check_name(w, ".", "string", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_scalars_stay_text),
        world_test(test_documents),
        world_test(test_places),
        world_test(test_encodings),
        world_test(test_syntax_errors),
        world_test(test_keys),
        world_test(test_tags),
        world_test(test_aliases),
        world_test(test_merge_keys),
        world_test(test_names_of_types),
    };
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
