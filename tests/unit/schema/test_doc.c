/* What is printed from the tables, and that the tables are suitable: documented, with correct examples and
   defaults. */
#include "schema_test.h"

#include <regex.h>

#include "base/io.h"
#include "base/str.h"
#include "schema/doc.h"
#include "schema/kind.h"

/* All tables that can be reached from the kinds, each once. */
struct tables {
    const struct field_table *items[128];
    size_t n;
};

static void reach(struct tables *all, const struct field_table *t);

static void reach_field(struct tables *all, const struct field *f)
{
    if (f->sub)
        reach(all, f->sub);
    if (f->elem)
        reach_field(all, f->elem);
}

static void reach(struct tables *all, const struct field_table *t)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->items[i] == t)
            return;
    }
    assert_true(all->n < ARRAY_LEN(all->items));
    all->items[all->n++] = t;
    for (const struct field *f = t->fields; f->name; f++)
        reach_field(all, f);
}

static struct tables all_tables(void)
{
    struct tables all = {.n = 0};
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        reach(&all, (*kind)->spec);
    reach(&all, &metadata_table);
    return all;
}

static bool is_sentence(const char *doc)
{
    return doc && *doc && doc[strlen(doc) - 1] == '.';
}

static void test_everything_is_documented(void **state)
{
    (void)state;
    struct tables all = all_tables();
    for (size_t i = 0; i < all.n; i++) {
        const struct field_table *t = all.items[i];
        if (!t->name || !is_sentence(t->doc))
            fail_msg("table %s: its doc is no sentence", t->name ? t->name : "without a name");
        /* Names of tables become names of definitions, so they are unique. */
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(t->name, all.items[k]->name);
        for (const struct field *f = t->fields; f->name; f++) {
            if (!is_sentence(f->doc))
                fail_msg("%s.%s: its doc is no sentence", t->name, f->name);
            if (f->pattern && !f->pattern_doc)
                fail_msg("%s.%s: its pattern has no words", t->name, f->name);
        }
    }
}

/* The decoder of a field of a resource may use more than the field's own value; examples are decoded
   alone. */
static struct val *decode_alone(struct world *w, const struct field *f, const char *text)
{
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
    const struct ynode *n = yaml_of(w, text);
    return n ? decode_field(&d, f, n) : NULL;
}

static void test_examples_are_good(void **state)
{
    struct world *w = *state;
    struct tables all = all_tables();
    for (size_t i = 0; i < all.n; i++) {
        for (const struct field *f = all.items[i]->fields; f->name; f++) {
            if (!f->example)
                continue;
            const struct val *v = decode_alone(w, f, f->example);
            const char *problems = problems_of(w);
            if (!v || *problems)
                fail_msg("%s.%s: the example %s: %s", all.items[i]->name, f->name, f->example, problems);
        }
    }
}

/* P2: the documented default is the one that comparison uses. */
static void test_defaults_are_true(void **state)
{
    struct world *w = *state;
    struct tables all = all_tables();
    for (size_t i = 0; i < all.n; i++) {
        for (const struct field *f = all.items[i]->fields; f->name; f++) {
            if (!f->def_val)
                continue;
            if (!f->def)
                fail_msg("%s.%s: its default is not documented", all.items[i]->name, f->name);
            const struct val *v = decode_alone(w, f, f->def);
            if (!val_equal(v, f->def_val) || *problems_of(w))
                fail_msg("%s.%s: the default %s is another value", all.items[i]->name, f->name, f->def);
        }
    }
}

/* Patterns are used by regcomp(3) and by JavaScript: only syntax that means the same in both. */
static void test_patterns_are_portable(void **state)
{
    (void)state;
    struct tables all = all_tables();
    for (size_t i = 0; i < all.n; i++) {
        for (const struct field *f = all.items[i]->fields; f->name; f++) {
            regex_t regex;
            if (!f->pattern)
                continue;
            assert_int_equal(regcomp(&regex, f->pattern, REG_EXTENDED | REG_NOSUB), 0);
            regfree(&regex);
            assert_null(strstr(f->pattern, "[:"));
            assert_null(strstr(f->pattern, "[]"));
            assert_null(strchr(f->pattern, '\\'));
            assert_true(f->pattern[0] == '^' && str_ends(f->pattern, "$"));
        }
    }
}

static struct val *schema_of(struct world *w)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct val *v = NULL;
    struct err err = {0};
    doc_json_schema(&text);
    if (val_from_json(&w->arena, text.data, text.len, "schema", &v, &err) < 0)
        fail_msg("%s", err.msg);
    return v;
}

/* Each reference resolves, and has no siblings, as draft-07 requires. */
static void check_references(const struct val *v, const struct val *definitions, size_t *count)
{
    const char *ref = val_is(v, VAL_MAP) ? val_get_str(v, "$ref") : NULL;
    if (ref) {
        const char *name = str_after(ref, "#/definitions/");
        assert_non_null(name);
        assert_non_null(val_get(definitions, name));
        assert_int_equal(v->len, 1);
        (*count)++;
    }
    for (size_t i = 0; i < val_len(v) && v->type != VAL_STR; i++)
        check_references(v->type == VAL_MAP ? v->pairs[i].val : v->items[i], definitions, count);
}

static void test_schema_is_whole(void **state)
{
    struct world *w = *state;
    const struct val *v = schema_of(w);
    size_t references = 0;
    assert_string_equal(val_get_str(v, "$schema"), "http://json-schema.org/draft-07/schema#");
    check_references(v, val_get(v, "definitions"), &references);
    assert_true(references > 10);

    struct tables all = all_tables();
    for (size_t i = 0; i < all.n; i++) {
        const struct val *definition = val_get(val_get(v, "definitions"), all.items[i]->name);
        if (!definition)
            fail_msg("no definition of %s", all.items[i]->name);
        for (const struct field *f = all.items[i]->fields; f->name; f++) {
            bool there = val_get(val_get(definition, "properties"), f->name) != NULL;
            if (there == ((f->flags & FIELD_HIDDEN) != 0))
                fail_msg("%s.%s", all.items[i]->name, f->name);
        }
    }
}

static void test_schema_says_what_can_be_written(void **state)
{
    struct world *w = *state;
    const struct val *v = schema_of(w);
    const struct val *definitions = val_get(v, "definitions");
    const struct val *container = val_path(definitions, "container.properties");
    assert_string_equal(json_of(w, val_path(v, "properties.kind.enum")),
                        "['Container', 'Network', 'Volume', 'Config', 'Secret', 'Stack', 'Project']");
    assert_string_equal(json_of(w, val_path(container, "replicas.type")), "['integer', 'string', 'null']");
    assert_int_equal(val_path(container, "replicas.default")->i, 1);
    assert_int_equal(val_path(container, "replicas.maximum")->i, 1000);
    assert_string_equal(json_of(w, val_path(container, "image.type")), "['string', 'number', 'boolean']");
    assert_string_equal(val_get_str(val_get(container, "restart"), "patternErrorMessage"),
                        "write no, always, unless-stopped, on-failure or on-failure:N");
    assert_string_equal(json_of(w, val_path(container, "init.default")), "false");
    assert_false(val_get_bool(val_get(definitions, "container"), "additionalProperties", true));
    assert_non_null(val_path(definitions, "container.patternProperties.^x-"));
    /* A mapping or a list of NAME=VALUE, or nothing. */
    const struct val *forms = val_path(container, "environment.anyOf");
    assert_string_equal(val_get_str(forms->items[0], "type"), "object");
    assert_string_equal(val_get_str(forms->items[1], "type"), "array");
    assert_string_equal(val_get_str(forms->items[2], "type"), "null");
}

static const char *explained(struct world *w, const char *path)
{
    struct err err = {0};
    buf_reset(&w->text);
    if (doc_explain(path, &w->text, &err) < 0) {
        buf_reset(&w->text);
        buf_addf(&w->text, "%s; %s; %s", err_name(err.code), err.msg, err.hint);
    }
    return buf_str(&w->text);
}

static void test_explain(void **state)
{
    struct world *w = *state;
    assert_string_equal(explained(w, "container.stop_grace_period"),
                        "container.stop_grace_period\n\n"
                        "How long the command may take to exit before it is killed.\n\n"
                        "  type       duration\n"
                        "  range      0s to 1d\n"
                        "  default    10s\n"
                        "  example    stop_grace_period: 30s\n"
                        "  change     replace: replaced by a new one\n");
    const char *text = explained(w, "container");
    assert_memory_equal(text, "container\n\n", 11);
    assert_non_null(strstr(text, "\n  image                  The image to run"));
    assert_non_null(strstr(text, " Required.\n"));
    assert_non_null(strstr(text, "\nAliases accepted from Compose files:\n"));
    assert_non_null(strstr(explained(w, "Container.spec.healthcheck"), "\n  interval "));
    assert_non_null(strstr(explained(w, "container.networks.aliases"), "container.networks.aliases\n"));
    assert_non_null(strstr(explained(w, "metadata"), "\n  forge/prune "));
    assert_non_null(strstr(explained(w, "metadata.labels"), "change     "));
}

static void test_explain_names_the_nearest(void **state)
{
    struct world *w = *state;
    assert_string_equal(explained(w, "contaner"),
                        "notfound; unknown kind \"contaner\"; did you mean container?");
    assert_string_equal(explained(w, "container.healthcheck.intervl"),
                        "notfound; unknown field \"intervl\"; did you mean container.healthcheck.interval?");
    assert_string_equal(explained(w, "container.spec.imag"),
                        "notfound; unknown field \"imag\"; did you mean container.image?");
    assert_string_equal(explained(w, "container.image.tag"), "notfound; container.image has no fields; ");
    assert_string_equal(explained(w, "container."),
                        "notfound; unknown field \"\"; `forge-ctl explain container` lists them");
    assert_string_equal(explained(w, ""), "notfound; unknown kind \"\"; `forge-ctl explain` lists them");
    assert_non_null(strstr(explained(w, "Database"), "is not supported yet"));
}

/* Every field can be explained, and no line is wider than a usual terminal. */
static void test_explain_takes_every_path(void **state)
{
    struct world *w = *state;
    for (const struct kind_desc *const *kind = kinds; *kind; kind++) {
        for (const struct field *f = (*kind)->spec->fields; f->name; f++) {
            const char *path = arena_printf(&w->arena, "%s.%s", (*kind)->prefix, f->name);
            if (f->flags & FIELD_HIDDEN) {
                assert_memory_equal(explained(w, path), "notfound", 8);
                continue;
            }
            const char *text = explained(w, path);
            assert_memory_equal(text, path, strlen(path));
            for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
                if (strcspn(line, "\n") > 100 && memchr(line + 14, ' ', strcspn(line, "\n") - 14))
                    fail_msg("%s: too long: %.120s", path, line);
            }
        }
    }
}

/* contrib/doc/reference.md matches the tables. */
static void test_reference_is_current(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf file = BUF_INIT;
    struct err err = {0};
    buf_reset(&w->text);
    doc_reference(&w->text);
    if (io_read_file("contrib/doc/reference.md", 4 << 20, &file, &err) < 0)
        fail_msg("%s", err.msg);
    if (!str_eq(buf_str(&file), buf_str(&w->text)))
        fail_msg("the tables have changed: forge-ctl generate reference >contrib/doc/reference.md");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_everything_is_documented),
        world_test(test_examples_are_good),
        world_test(test_defaults_are_true),
        world_test(test_patterns_are_portable),
        world_test(test_schema_is_whole),
        world_test(test_schema_says_what_can_be_written),
        world_test(test_explain),
        world_test(test_explain_names_the_nearest),
        world_test(test_explain_takes_every_path),
        world_test(test_reference_is_current),
    };
    return cmocka_run_group_tests_name("doc", tests, NULL, NULL);
}
