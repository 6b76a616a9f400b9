/* Problems: collected, sorted, printed. */
#include "schema_test.h"

#include "base/limits.h"

static const char *printed(struct world *w, const char *(*source)(void *, const char *), void *arg,
                           bool colour)
{
    buf_reset(&w->text);
    diag_print(&w->diags, source, arg, colour, &w->text);
    return buf_str(&w->text);
}

static void test_order_and_duplicates(void **state)
{
    struct world *w = *state;
    struct diag_list *d = &w->diags;
    diag_add(d, DIAG_ERROR, "b.yaml", 1, 1, "later file");
    diag_add(d, DIAG_ERROR, "a.yaml", 10, 2, "later line");
    diag_add(d, DIAG_WARNING, "a.yaml", 9, 7, "later column");
    diag_hint(d, diag_add(d, DIAG_ERROR, "a.yaml", 9, 2, "here"), "do %s", "that");
    diag_hint(d, diag_add(d, DIAG_ERROR, "a.yaml", 9, 2, "here"), "do that");
    diag_hint(d, diag_add(d, DIAG_ERROR, "a.yaml", 9, 2, "here"), "do this");
    diag_add(d, DIAG_ERROR, NULL, 0, 0, "nowhere");
    diag_add(d, DIAG_ERROR, "a.yaml", 0, 0, "the file");
    assert_int_equal(d->errors, 7);
    diag_sort(d);
    assert_int_equal(d->errors, 6);
    assert_int_equal(d->warnings, 1);
    assert_string_equal(printed(w, NULL, NULL, false), "error: nowhere\n"
                                                       "a.yaml: error: the file\n"
                                                       "a.yaml:9:2: error: here\n"
                                                       "  hint: do that\n"
                                                       "a.yaml:9:2: error: here\n"
                                                       "  hint: do this\n"
                                                       "a.yaml:9:7: warning: later column\n"
                                                       "a.yaml:10:2: error: later line\n"
                                                       "b.yaml:1:1: error: later file\n");
}

/* The same warning about many places is reported once; an error is reported for each place. */
static void test_the_same_is_said_once(void **state)
{
    struct world *w = *state;
    struct diag_list *d = &w->diags;
    for (uint32_t i = 1; i <= 11; i++)
        diag_hint(d, diag_add(d, DIAG_WARNING, i < 10 ? "a" : "b", i, 5, "not honoured"), "remove it");
    diag_hint(d, diag_add(d, DIAG_WARNING, "b", 20, 1, "another thing"), "remove it");
    diag_hint(d, diag_add(d, DIAG_WARNING, "b", 21, 1, "not honoured"), "another hint");
    diag_hint(d, diag_add(d, DIAG_ERROR, "b", 22, 1, "wrong"), "mend it");
    diag_hint(d, diag_add(d, DIAG_ERROR, "b", 23, 1, "wrong"), "mend it");
    diag_sort(d);
    assert_string_equal(printed(w, NULL, NULL, false),
                        "a:1:5: warning: not honoured\n"
                        "  also at 2:5, 3:5, 4:5, 5:5, 6:5, 7:5, 8:5, 9:5 and 2 more\n"
                        "  hint: remove it\n"
                        "b:20:1: warning: another thing\n"
                        "b:21:1: warning: not honoured\n"
                        "  hint: another hint\n"
                        "b:22:1: error: wrong\n"
                        "  hint: mend it\n"
                        "b:23:1: error: wrong\n"
                        "  hint: mend it\n");
    assert_int_equal(d->warnings, 13);
}

/* Two files, and a warning without a place. */
static void test_the_same_in_other_files(void **state)
{
    struct world *w = *state;
    struct diag_list *d = &w->diags;
    diag_add(d, DIAG_WARNING, "a", 1, 1, "old");
    diag_add(d, DIAG_WARNING, "b", 2, 1, "old");
    diag_add(d, DIAG_WARNING, "b", 3, 1, "old");
    diag_add(d, DIAG_WARNING, "c", 0, 0, "old");
    diag_add(d, DIAG_WARNING, NULL, 0, 0, "old");
    assert_string_equal(printed(w, NULL, NULL, false), "a:1:1: warning: old\n"
                                                       "  also at b:2:1, 3:1, c\n"
                                                       "warning: old\n");
}

/* X2: a million problems cost no more than a thousand. */
static void test_number_is_bounded(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < LIMIT_DIAGNOSTICS + 500; i++) {
        struct diag *diag = diag_add(&w->diags, i % 2 ? DIAG_ERROR : DIAG_WARNING, "a", i + 1, 1, "problem");
        diag_hint(&w->diags, diag, "a hint");
    }
    size_t used = w->arena.used;
    for (int i = 0; i < 100000; i++)
        diag_hint(&w->diags, diag_add(&w->diags, DIAG_ERROR, "a", 1, 1, "problem"), "a hint");
    assert_int_equal(w->arena.used, used);
    assert_int_equal(w->diags.n, LIMIT_DIAGNOSTICS);
    assert_int_equal(w->diags.errors, LIMIT_DIAGNOSTICS / 2 + 250 + 100000);
    assert_int_equal(w->diags.warnings, LIMIT_DIAGNOSTICS / 2 + 250);
    assert_non_null(strstr(printed(w, NULL, NULL, false), "\n100500 more problems not shown\n"));
}

/* Messages quote files, which can contain terminal control sequences. */
static void test_text_is_harmless(void **state)
{
    struct world *w = *state;
    struct diag *diag = diag_add(&w->diags, DIAG_ERROR, "f", 1, 1, "\"%s\" is odd", "a\x1b]0;x\a\nb\xff");
    diag_hint(&w->diags, diag, "%s", "\r\tx");
    assert_string_equal(printed(w, NULL, NULL, false), "f:1:1: error: \"a?]0;x? b?\" is odd\n  hint: ? x\n");
}

static const char *source(void *arg, const char *path)
{
    return strcmp(path, "f") == 0 ? arg : NULL;
}

static void test_source_line_and_caret(void **state)
{
    struct world *w = *state;
    char text[] = "kind: Container\r\n\timage:  \xc3\xa9t\xc3\xa9 \x1b here\r\nlast";
    diag_add(&w->diags, DIAG_ERROR, "f", 1, 7, "one");
    diag_add(&w->diags, DIAG_ERROR, "f", 2, 12, "after wide characters");
    diag_add(&w->diags, DIAG_ERROR, "f", 3, 5, "at the end");
    diag_add(&w->diags, DIAG_ERROR, "f", 9, 5, "past the file");
    diag_add(&w->diags, DIAG_ERROR, "g", 1, 1, "another file");
    diag_add(&w->diags, DIAG_ERROR, "f", 0, 0, "no place");
    assert_string_equal(printed(w, source, text, false), "f:1:7: error: one\n"
                                                         "  1 | kind: Container\n"
                                                         "    |       ^\n"
                                                         "f:2:12: error: after wide characters\n"
                                                         "  2 |  image:  \xc3\xa9t\xc3\xa9   here\n"
                                                         "    |            ^\n"
                                                         "f:3:5: error: at the end\n"
                                                         "  3 | last\n"
                                                         "    |     ^\n"
                                                         "f:9:5: error: past the file\n"
                                                         "g:1:1: error: another file\n"
                                                         "f: error: no place\n");
}

static void test_long_line_is_cut_around_the_caret(void **state)
{
    struct world *w = *state;
    _cleanup_buf_ struct buf line = BUF_INIT;
    buf_addn(&line, 'a', 500);
    buf_adds(&line, "HERE");
    buf_addn(&line, 'b', 100000);
    diag_add(&w->diags, DIAG_ERROR, "f", 1, 501, "far out");
    const char *text = printed(w, source, line.data, false);
    const char *caret = strrchr(text, '\n') - 1;
    assert_int_equal(*caret, '^');
    const char *shown = strstr(text, "  1 | ");
    const char *under = strstr(text, "    | ");
    assert_memory_equal(shown + (caret - under), "HERE", 4);
    assert_true(strlen(text) < 400);
}

static void test_colours(void **state)
{
    struct world *w = *state;
    diag_add(&w->diags, DIAG_ERROR, "f", 1, 1, "bad");
    diag_add(&w->diags, DIAG_WARNING, "f", 2, 1, "odd");
    const char *text = printed(w, NULL, NULL, true);
    assert_non_null(strstr(text, "\x1b[1;31merror:\x1b[0m bad"));
    assert_non_null(strstr(text, "\x1b[1;33mwarning:\x1b[0m odd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_order_and_duplicates),
        world_test(test_the_same_is_said_once),
        world_test(test_the_same_in_other_files),
        world_test(test_number_is_bounded),
        world_test(test_text_is_harmless),
        world_test(test_source_line_and_caret),
        world_test(test_long_line_is_cut_around_the_caret),
        world_test(test_colours),
    };
    return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
