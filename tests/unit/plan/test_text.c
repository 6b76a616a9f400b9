/* The text of a plan, from documents, including some that plan_to_val() would never make. */
#include "base/str.h"
#include "reconciler/plan/plan.h"
#include "reconciler/plan/words.h"
#include "schema/kinds/container.h"
#include "tests/lib/unit.h"

static struct val *json(const char *text)
{
    struct val *v;
    struct err err = {0};
    assert_ok(val_from_json(&unit_arena, text, strlen(text), "test", &v, &err));
    return v;
}

static const char *text_of(const char *doc, bool colour)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    plan_text(json(doc), colour, &b);
    return arena_strdup(&unit_arena, buf_str(&b));
}

/* The example in the manual, as far as this version supports it. */
static void test_manual(void **state)
{
    (void)state;
    static const char doc[] = "{\"environment\": \"production\", \"commit\": \"3f9c2d1aaaa\", \"subject\": "
                              "\"web: 1.5\", \"target\": "
                              "\"docker://local\", \"summary\": {\"delete\": 0}, \"changes\": ["
                              "{\"id\": \"container/web\", \"action\": \"replace\", \"impact\": \"replace\", "
                              "\"how\": \"rolling, no downtime expected\", "
                              "\"causes\": [\"commit\"], \"fields\": ["
                              "{\"path\": \"image\", \"cause\": \"commit\", \"impact\": \"replace\", "
                              "\"text\": \"registry.example/shop/web:1.4 -> :1.5   "
                              "(sha256:91ab… -> sha256:07ce…)\"},"
                              "{\"path\": \"environment.LOG_LEVEL\", \"cause\": \"commit\", \"impact\": "
                              "\"replace\", \"text\": \"info -> debug\"}]},"
                              "{\"id\": \"container/report\", \"action\": \"create\", \"impact\": \"none\", "
                              "\"causes\": [\"commit\"], \"reason\": \"new: "
                              "shop/report:1\"},"
                              "{\"id\": \"container/cache\", \"action\": \"update\", \"impact\": \"live\", "
                              "\"causes\": [\"drift\"], \"fields\": ["
                              "{\"path\": \"memory\", \"cause\": \"drift\", \"impact\": \"live\", \"text\": "
                              "\"64MiB -> 128MiB was changed on the engine\", "
                              "\"then\": \"will be changed back to 64MiB\"}]}]}";
    assert_string_equal(
        text_of(doc, false),
        "environment production · commit 3f9c2d1 \"web: 1.5\" · target docker://local · 3 changes\n"
        "\n"
        "~ container/web   replace: rolling, no downtime expected\n"
        "    image                   registry.example/shop/web:1.4 -> :1.5   (sha256:91ab… -> sha256:07ce…)\n"
        "    environment.LOG_LEVEL   info -> debug\n"
        "+ container/report   new: shop/report:1\n"
        "! container/cache   drift: memory 64MiB -> 128MiB was changed on the engine; will be changed back "
        "to "
        "64MiB\n"
        "\n"
        "0 to delete. No data will be lost.\n");
}

static void test_colour_is_only_around_words(void **state)
{
    (void)state;
    static const char doc[] = "{\"environment\": \"e\", \"changes\": [{\"id\": \"container/a\", \"action\": "
                              "\"create\", \"causes\": "
                              "[\"commit\"], \"reason\": \"new\"}]}";
    assert_string_equal(
        text_of(doc, true),
        "environment \33[1me\33[0m · 1 change\n\n\33[32m+\33[0m \33[1mcontainer/a\33[0m   new\n\n"
        "0 to delete. No data will be lost.\n");
    assert_null(strchr(text_of(doc, false), 27));
}

static void test_nothing_steers_the_terminal(void **state)
{
    (void)state;
    static const char doc[] = "{\"environment\": \"\\u001b[2Je\", \"commit\": \"main\\u0007\", \"subject\": "
                              "\"a\\nb\\u009b\", \"target\": \"t\\r\", \"changes\": ["
                              "{\"id\": \"container/\\u001b]0;x\", \"action\": \"blocked\", \"reason\": "
                              "\"\\u001b[31m\", \"fields\": [{\"path\": \"\\u007f\", "
                              "\"cause\": \"commit\", \"text\": \"\\b\"}]}], \"notes\": [{\"id\": "
                              "\"\\u001b\", \"text\": \"\\u0085\"}], \"needs_approval\": "
                              "\"\\u001b\", \"prune_skipped_reason\": \"\\u001bc\"}";
    for (const char *s = text_of(doc, false); *s; s++) {
        assert_true((unsigned char)*s >= 0x20 || *s == '\n');
        assert_int_not_equal((unsigned char)*s, 0x7f);
        assert_false((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0);
    }
}

static void test_nonsense_is_printed_as_far_as_it_goes(void **state)
{
    (void)state;
    static const char *const docs[] = {
        "{}",
        "[]",
        "null",
        "{\"changes\": 3}",
        "{\"changes\": [3, null, {}]}",
        "{\"changes\": [{\"fields\": [3], \"causes\": [\"drift\", 7]}]}",
        "{\"changes\": [{\"id\": 3, \"fields\": {\"a\": 1}}], \"notes\": {\"a\": 1}}"};
    for (size_t i = 0; i < ARRAY_LEN(docs); i++)
        assert_contains(text_of(docs[i], false), "to delete");
}

static void test_what_is_lost_is_named(void **state)
{
    (void)state;
    static const char doc[] =
        "{\"summary\": {\"delete\": 1, \"in_sync\": 4}, \"changes\": ["
        "{\"id\": \"volume/a\", \"action\": \"delete\", \"impact\": \"data-loss\", \"reason\": \"no longer "
        "in Git\"},"
        "{\"id\": \"volume/b\", \"action\": \"blocked\", \"impact\": \"data-loss\", \"reason\": \"x\"}]}";
    assert_contains(text_of(doc, false),
                    "1 to delete. The data of volume/a will be LOST. 1 blocked. 4 in sync.\n");
}

/* ---- words ---- */

static const char *words(const char *path, const char *before, const char *after, unsigned cause)
{
    const struct field_change f = {
        .path = path,
        .field = field_path(&container_table, path),
        .before = before ? json(before) : NULL,
        .after = after ? json(after) : NULL,
        .cause = cause,
    };
    const char *then = field_outcome(&unit_arena, &f);
    return arena_printf(&unit_arena, "%s%s%s", field_words(&unit_arena, &f), then ? "; " : "",
                        then ? then : "");
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(words("environment.A", "\"a\"", "\"b\"", CAUSE_COMMIT), "a -> b");
    assert_string_equal(words("environment.A", NULL, "\"b\"", CAUSE_COMMIT), "new: b");
    assert_string_equal(words("environment.A", "\"a\"", NULL, CAUSE_COMMIT), "a -> removed");
    assert_string_equal(words("environment.A", "\"\"", "\"a b\"", CAUSE_COMMIT), "\"\" -> a b");
    assert_string_equal(words("resources.memory", "67108864", "134217728", CAUSE_COMMIT), "64MiB -> 128MiB");
    assert_string_equal(words("resources.cpus", "500000000", "1500000000", CAUSE_COMMIT), "0.5 -> 1.5");
    assert_string_equal(words("healthcheck.interval", "5000000000", "90000000000", CAUSE_COMMIT),
                        "5s -> 1m30s");
    assert_string_equal(words("command", "[\"a\"]", "[\"b\", \"c d\"]", CAUSE_COMMIT), "[a] -> [b, c d]");
    assert_string_equal(words("resources.memory", "134217728", "67108864", CAUSE_DRIFT),
                        "64MiB -> 128MiB was changed on the engine; will be changed back to 64MiB");
    assert_string_equal(words("resources.memory", "134217728", NULL, CAUSE_DRIFT),
                        "128MiB was added on the engine; will be removed");
    assert_string_equal(words("resources.memory", NULL, "134217728", CAUSE_DRIFT),
                        "128MiB was removed on the engine; will be added back");
}

static void test_words_of_images(void **state)
{
    (void)state;
    assert_string_equal(words("image", "\"reg:5000/a:1\"", "\"reg:5000/a:2\"", CAUSE_COMMIT),
                        "reg:5000/a:1 -> :2");
    assert_string_equal(words("image", "\"a\"", "\"a:2\"", CAUSE_COMMIT), "a -> a:2");
    assert_string_equal(words("image", "\"reg:5000/a\"", "\"reg:5001/a\"", CAUSE_COMMIT),
                        "reg:5000/a -> reg:5001/a");
    assert_string_equal(words("image", "\"a:1\"", "\"b:1\"", CAUSE_COMMIT), "a:1 -> b:1");
    assert_string_equal(words("image", "\"a:1\"", "\"a:1\"", CAUSE_IMAGE), "a:1 now points to another image");
    struct field_change f = {.path = "image",
                             .field = field_find(&container_table, "image"),
                             .before = json("\"a:1\""),
                             .after = json("\"a:2\""),
                             .before_id = "sha256:91abcdef",
                             .after_id = "sha256:07cedef0",
                             .cause = CAUSE_COMMIT};
    assert_string_equal(field_words(&unit_arena, &f), "a:1 -> :2   (sha256:91ab… -> sha256:07ce…)");
}

/* X4 */
static void test_words_of_secrets(void **state)
{
    (void)state;
    static const unsigned causes[] = {CAUSE_COMMIT, CAUSE_DRIFT};
    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        for (int sides = 1; sides < 4; sides++) {
            struct field_change f = {.path = "environment.A",
                                     .field = field_path(&container_table, "environment.A"),
                                     .before = sides & 1 ? json("\"hunter2\"") : NULL,
                                     .after = sides & 2 ? json("\"hunter3\"") : NULL,
                                     .cause = causes[i],
                                     .secret = true};
            assert_null(strstr(field_words(&unit_arena, &f), "hunter"));
            assert_contains(field_words(&unit_arena, &f), "secret");
            assert_null(strstr(str_or(field_outcome(&unit_arena, &f), ""), "hunter"));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_manual, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_colour_is_only_around_words, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_nothing_steers_the_terminal, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_nonsense_is_printed_as_far_as_it_goes, unit_arena_new,
                                        unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_what_is_lost_is_named, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_words, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_words_of_images, unit_arena_new, unit_arena_gone),
        cmocka_unit_test_setup_teardown(test_words_of_secrets, unit_arena_new, unit_arena_gone),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
