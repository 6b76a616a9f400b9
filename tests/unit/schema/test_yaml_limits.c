/* X2: bytes, depth, nodes, aliases, documents and time of a YAML file are bounded. */
#include "schema_test.h"

#include "base/clock.h"
#include "base/limits.h"

/* Limits that allow for slow machines and sanitizers; the promise for the installed program is 100 ms. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TIME_MAX (1000 * NS_PER_MS)
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TIME_MAX (1000 * NS_PER_MS)
#endif
#ifndef TIME_MAX
#define TIME_MAX (100 * NS_PER_MS)
#endif

/* Processor time of this thread, which does not depend on other load. */
static int64_t processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Read a text that must be refused, with at most `memory` bytes and within the time limit. */
static void refuse(struct world *w, const char *text, size_t len, size_t memory, const char *problem)
{
    struct ynode **docs;
    size_t before = w->arena.used;
    int64_t start = processor_time();
    yaml_read(&w->arena, "f", text, len, &w->diags, &docs);
    int64_t took = processor_time() - start;
    size_t used = w->arena.used - before;
    const char *problems = problems_of(w);
    if (!strstr(problems, problem))
        fail_msg("\"%s\" does not say \"%s\"", problems, problem);
    if (took > TIME_MAX)
        fail_msg("%s: took %lld ms", problem, (long long)(took / NS_PER_MS));
    if (used > memory)
        fail_msg("%s: used %zu bytes", problem, used);
}

static void test_billion_laughs(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_adds(&text, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_addf(&text, "%s*a%d", k ? ", " : "", i - 1);
        buf_adds(&text, "]\n");
    }
    refuse(w, text.data, text.len, 16384, "more than 100000 values in one file, aliases counted at each use");
}

static void test_laughs_by_merge_keys(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_adds(&text, "a0: &a0 {");
    for (int k = 0; k < 1000; k++)
        buf_addf(&text, "%sk%d: v", k ? ", " : "", k);
    buf_adds(&text, "}\n");
    for (int i = 1; i < 500; i++)
        buf_addf(&text, "a%d: &a%d {<<: *a%d, n%d: v}\n", i, i, i - 1, i);
    refuse(w, text.data, text.len, (size_t)8 << 20, "more than 100000 values");
}

static void test_aliases_are_counted(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_adds(&text, "- &a x\n");
    for (unsigned i = 0; i < LIMIT_YAML_ALIASES; i++)
        buf_adds(&text, "- *a\n");
    struct ynode **docs;
    assert_int_equal(yaml_read(&w->arena, "f", text.data, text.len, &w->diags, &docs), 1);
    assert_int_equal(w->diags.n, 0);
    buf_adds(&text, "- *a\n");
    refuse(w, text.data, text.len, 1 << 20, "f:1002:3: error: more than 1000 aliases in one file");
}

static void test_depth(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct ynode **docs;
    buf_addn(&text, '[', LIMIT_YAML_DEPTH);
    buf_adds(&text, "x");
    buf_addn(&text, ']', LIMIT_YAML_DEPTH);
    assert_int_equal(yaml_read(&w->arena, "f", text.data, text.len, &w->diags, &docs), 1);

    buf_reset(&text);
    buf_addn(&text, '[', LIMIT_MANIFEST_BYTES);
    refuse(w, text.data, text.len, 32768, "nested more than 64 levels deep");
    buf_reset(&text);
    for (int i = 0; i < 1000; i++) {
        buf_addn(&text, ' ', (size_t)i);
        buf_adds(&text, "a:\n");
    }
    refuse(w, text.data, text.len, 65536, "nested more than 64 levels deep");
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_adds(&text, "- ");
    refuse(w, text.data, text.len, 65536, "nested more than 64 levels deep");
}

static void test_size_and_documents(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_addn(&text, 'x', LIMIT_MANIFEST_BYTES);
    struct ynode **docs;
    assert_int_equal(yaml_read(&w->arena, "f", text.data, text.len, &w->diags, &docs), 1);
    buf_addc(&text, 'x');
    refuse(w, text.data, text.len, 4096, "the file has 1048577 bytes; the maximum is 1048576");

    buf_reset(&text);
    for (unsigned i = 0; i <= LIMIT_YAML_DOCUMENTS; i++)
        buf_adds(&text, "--- x\n");
    refuse(w, text.data, text.len, 1 << 20, "more than 1000 documents in one file");
}

static void test_nodes(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    buf_addc(&text, '[');
    for (unsigned i = 0; i < LIMIT_YAML_NODES; i++)
        buf_adds(&text, "a,");
    buf_addc(&text, ']');
    refuse(w, text.data, text.len, (size_t)32 << 20, "more than 100000 values");
}

/* Files that keep a parser busy: long lookahead, and repeated lookups. */
static void test_time(void **state)
{
    struct world *w = *state;
    static const char *const unit[] = {"? ",   "a: &a\n", "{", "%",     "\"\\\n", "!",  "&",
                                       "- - ", "[[],",    "'", "? a\n", "|\n",    "\n", " "};
    for (size_t i = 0; i < ARRAY_LEN(unit); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT;
        while (text.len + 8 < LIMIT_MANIFEST_BYTES)
            buf_adds(&text, unit[i]);
        refuse(w, text.data, text.len, (size_t)64 << 20, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_billion_laughs),
        world_test(test_laughs_by_merge_keys),
        world_test(test_aliases_are_counted),
        world_test(test_depth),
        world_test(test_size_and_documents),
        world_test(test_nodes),
        world_test(test_time),
    };
    return cmocka_run_group_tests_name("yaml_limits", tests, NULL, NULL);
}
