/* Versions, ranges, and which tag is chosen. */
#include "schema/kinds/image_policy.h"

#include "base/str.h"
#include "tests/lib/unit.h"

static void test_precedence(void **state)
{
    (void)state;
    /* semver.org, section 11, and similar cases. */
    static const char *const ascending[] = {
        "0.0.1",
        "0.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "v1.0.1",
        "1.2",
        "1.10.0",
        "2",
        "2.0.1+build.7",
        "18446744073709551",
    };
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
        for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
            struct version a, b;
            assert_true(version_parse(ascending[i], &a) && version_parse(ascending[k], &b));
            int c = version_compare(&a, &b);
            assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
        }
    }
    static const char *const none[] = {
        "",       "latest", "1.2.3.4",    "01.2",      "1..2",
        "1.2.3-", "-1",     "1.x",        "1.2.3 ",    "99999999999999999999999",
        "1.",     "v",      "2026-11-19", "1.2-alpine"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct version v;
        if (version_parse(none[i], &v))
            fail_msg("\"%s\" was read as a version", none[i]);
    }
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *range, *in, *out; /* separated by blanks */
    } cases[] = {
        {"*", "0.0.1 1 99.9.9", "1.0.0-rc.1"},
        {"1.x", "1 1.0 1.9.9", "0.9.9 2 1.2.0-rc.1"},
        {"1", "1.0.0 1.9.9", "2.0.0"},
        {"1.2.x", "1.2 1.2.9", "1.3 1.1.9"},
        {"1.2.3", "1.2.3 v1.2.3", "1.2.4 1.2.3-rc.1"},
        {"!=1.2.3", "1.2.4 1", "1.2.3"},
        {"^1.2.0-rc.1", "1.2.0-rc.2 1.3.0-beta 1.9.9", "1.2.0-alpha 2.0.0-rc.1 2.0.0-0 2.0.0"},
        {"~1.2.0-0", "1.2.0-rc.1 1.2.9", "1.3.0-rc.1 1.3.0"},
        {">=1.0.0-0 <2", "1.0.0-rc.1 1.9.9", "2.0.0-rc.1"},
        {">=1.0.0-0 <2.0.0", "2.0.0-rc.1", "2.0.0"},
        {">=1.0.0-0 <=1.2", "1.0.0-rc.1 1.2.9", "1.3.0-alpha"},
        {">1.2", "1.3.0 2", "1.2 1.2.9"},
        {">1.2.3", "1.2.4", "1.2.3"},
        {">=1.2 <2", "1.2.0 1.99", "1.1 2.0.0 2.1"},
        {">= 1.2, < 2", "1.2.0 1.99", "1.1 2.0.0"},
        {"<=1.2", "1.2.9 0", "1.3"},
        {"<=1.2.3", "1.2.3", "1.2.4"},
        {"~1.2.3", "1.2.3 1.2.9", "1.3 1.2.2"},
        {"~1", "1.0 1.9", "2"},
        {"^1.2.3", "1.2.3 1.9", "2 1.2.2"},
        {"^0.2.3", "0.2.3 0.2.9", "0.3 1"},
        {"^0.0.3", "0.0.3", "0.0.4"},
        {"1.2 - 1.4", "1.2.0 1.4.9", "1.1 1.5"},
        {"1.x || >=3.1", "1.5 3.1 4", "2 3.0.9"},
        {">=1.0.0-rc.1 <2", "1.0.0-rc.1 1.0.0-rc.2 1.0.0", "1.0.0-beta"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int want = 0; want < 2; want++) {
            char list[128];
            str_copy(list, sizeof(list), want ? cases[i].in : cases[i].out);
            char *save = NULL;
            for (char *word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                struct version v;
                struct err err = {0};
                bool in;
                assert_true(version_parse(word, &v));
                assert_int_equal(version_in_range(cases[i].range, &v, &in, &err), 0);
                if (in != (want == 1))
                    fail_msg("%s is %sin \"%s\"", word, in ? "" : "not ", cases[i].range);
            }
        }
    }
    static const char *const wrong[] = {"",     "a",   "1.2.3.4", ">>1",      "=>1",
                                        "1 ||", "1 -", "> x1",    "1.x.2-rc", "<*>"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct version v = {.parts = 3};
        struct err err = {0};
        bool in;
        if (version_in_range(wrong[i], &v, &in, &err) != ERR_INVALID)
            fail_msg("\"%s\" was read as a range", wrong[i]);
    }
}

static struct val *policy(struct arena *a, const char *follow, const char *range, const char *pattern,
                          const char *sort)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "follow", follow);
    val_set_str(a, v, "range", range);
    val_set_str(a, v, "pattern", pattern);
    val_set_str(a, v, "sort", sort);
    return v;
}

static void test_choice(void **state)
{
    (void)state;
    static const char *const tags[] = {"latest",      "1.4",          "1.4.0",          "1.10.2",
                                       "1.9.7",       "2.0.0-rc.1",   "1.10.2-alpine",  "v0.9",
                                       "main-0a1b-9", "main-ffff-10", "main-0000-0008", "2026-11-02",
                                       "2026-11-19",  "nightly"};
    static const struct {
        const char *follow, *range, *pattern, *sort, *chosen;
    } cases[] = {
        {"semver", "1.x", NULL, NULL, "1.10.2"},
        {"semver", "1.4.x", NULL, NULL, "1.4.0"},
        {"semver", ">=2.0.0-0", NULL, NULL, "2.0.0-rc.1"},
        {"semver", NULL, NULL, NULL, "1.10.2"},
        {"semver", "1.x", "^(.*)-alpine$", NULL, "1.10.2-alpine"},
        {"semver", "7.x", NULL, NULL, NULL},
        {"pattern", NULL, "^main-[0-9a-f]+-([0-9]+)$", "numerical", "main-ffff-10"},
        {"pattern", NULL, "^main-[0-9a-f]+-([0-9]+)$", "alphabetical", "main-0a1b-9"},
        {"pattern", NULL, "^20[0-9-]+$", NULL, "2026-11-19"},
        {"pattern", NULL, "^weekly", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        struct err err = {0};
        const char *tag = NULL;
        const struct val *p = policy(&a, cases[i].follow, cases[i].range, cases[i].pattern, cases[i].sort);
        assert_int_equal(image_policy_check(p, &err), 0);
        int r = image_policy_choose(p, tags, ARRAY_LEN(tags), &tag, &err);
        assert_int_equal(r, cases[i].chosen ? 0 : ERR_NOTFOUND);
        if (cases[i].chosen)
            assert_string_equal(tag, cases[i].chosen);
    }
}

static void test_rules_that_cannot_be_followed(void **state)
{
    (void)state;
    static const struct {
        const char *follow, *range, *pattern, *sort, *words;
    } cases[] = {
        {"pattern", NULL, NULL, NULL, "needs a pattern"},
        {"pattern", NULL, "(", NULL, "is not a regular expression"},
        {"pattern", "1.x", "a", NULL, "range can only be used with follow: semver"},
        {"semver", "one", NULL, NULL, "is not a version range"},
        {"semver", NULL, NULL, "numerical", "sort can only be used with follow: pattern"},
        {"digest", NULL, "a", NULL, "pattern cannot be used with follow: digest"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        struct err err = {0};
        const struct val *p = policy(&a, cases[i].follow, cases[i].range, cases[i].pattern, cases[i].sort);
        assert_int_equal(image_policy_check(p, &err), ERR_INVALID);
        assert_non_null(strstr(err.msg, cases[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_rules_that_cannot_be_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
