#include "base/arena.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/lib/unit.h"

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(void *), 0);
        assert_int_equal((uintptr_t)p % _Alignof(int64_t), 0);
        arena_bytes(&a, size % 5); /* disturbs nothing */
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAA, size);
    }
    arena_release(&a);
    assert_int_equal(a.used, 0);
    arena_release(&a);
    arena_release(NULL);
}

static void allocations_do_not_overlap(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct arena a = ARENA_INIT;
    unsigned char *p[N];
    size_t size[N];
    unsigned seed = 1;
    for (int i = 0; i < N; i++) {
        seed = seed * 1103515245 + 12345;
        /* Mostly small, now and then larger than any block. */
        size[i] = seed % 97 == 0 ? 2000000 : seed / 7 % 300;
        p[i] = seed / 11 % 2 ? arena_alloc(&a, size[i]) : (unsigned char *)arena_bytes(&a, size[i]);
        memset(p[i], i & 0xFF, size[i]);
    }
    for (int i = 0; i < N; i++)
        for (size_t j = 0; j < size[i]; j += 1 + size[i] / 64)
            assert_int_equal(p[i][j], i & 0xFF);
    arena_release(&a);
}

static void used_counts_what_was_asked_for(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    arena_alloc(&a, 3);
    arena_alloc(&a, 100000);
    arena_strdup(&a, "1234");
    assert_int_equal(a.used, 3 + 100000 + 5);
    arena_release(&a);
}

static void strings(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    assert_null(arena_strdup(&a, NULL));
    assert_null(arena_strndup(&a, NULL, 4));
    assert_string_equal(arena_strdup(&a, ""), "");
    assert_string_equal(arena_strndup(&a, "abc", 0), "");
    assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
    assert_string_equal(arena_strndup(&a, "abc", 99), "abc");
    assert_memory_equal(arena_memdup(&a, "a\0b", 3), "a\0b", 3);
    assert_non_null(arena_memdup(&a, NULL, 0));
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 5), "x-5");
    for (int n = 250; n < 262; n++) /* around the size of its first attempt */
        assert_int_equal(strlen(arena_printf(&a, "%0*d", n, 1)), (size_t)n);
    arena_release(&a);
}

static void words(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    assert_ptr_not_equal(arena_word(&a, "info", 4), arena_word(&a, "info", 4));
    arena_words_begin(&a);
    const char *info = arena_word(&a, "info and more", 4);
    assert_string_equal(info, "info");
    assert_ptr_equal(arena_word(&a, "info", 4), info);
    assert_string_equal(arena_word(&a, "info", 3), "inf");
    assert_memory_equal(arena_word(&a, "a\0b", 3), "a\0b", 4);
    assert_string_equal(arena_word(&a, "", 0), "");
    assert_string_equal(arena_word(&a, NULL, 0), "");
    size_t used = a.used;
    assert_ptr_equal(arena_word(&a, "info", 4), info);
    assert_int_equal(a.used, used);
    arena_words_end(&a);
    assert_ptr_not_equal(arena_word(&a, "info", 4), info);
    arena_words_begin(&a);
    arena_release(&a); /* releases them as well */
}

/* Many more words than the table holds, of all lengths: each one keeps its content. */
static void many_words_are_what_they_were(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct arena a = ARENA_INIT;
    static const char *given[N];
    char text[128];
    arena_words_begin(&a);
    for (int i = 0; i < N; i++) {
        int n = snprintf(text, sizeof(text), "%0*d", i % 100 + 1, i / 2);
        given[i] = arena_word(&a, text, (size_t)n);
    }
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "%0*d", i % 100 + 1, i / 2);
        assert_string_equal(given[i], text);
    }
    arena_release(&a);
}

static void arrays_grow(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    int *items = NULL;
    size_t n = 0, cap = 0;
    for (int i = 0; i < 10000; i++)
        arena_push(&a, items, n, cap, i);
    assert_int_equal(n, 10000);
    assert_true(cap >= n);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(items[i], i);
    int *same = arena_grow(&a, items, &cap, 5, sizeof(int));
    assert_ptr_equal(same, items);
    assert_non_null(arena_array(&a, int, 0));
    arena_release(&a);
}

static void ends(void (*fn)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        fn();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* A sanitizer's allocator terminates the process with another status. */
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static volatile size_t huge = (size_t)-1;

static void multiply_too_far(void)
{
    struct arena a = ARENA_INIT;
    arena_alloc_array(&a, huge / 2, 4);
}

static void ask_for_everything(void)
{
    struct arena a = ARENA_INIT;
    arena_alloc(&a, huge);
}

static void impossible_sizes_abort(void **state)
{
    (void)state;
    ends(multiply_too_far);
    ends(ask_for_everything);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(used_counts_what_was_asked_for),
        cmocka_unit_test(strings),
        cmocka_unit_test(words),
        cmocka_unit_test(many_words_are_what_they_were),
        cmocka_unit_test(arrays_grow),
        cmocka_unit_test(impossible_sizes_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
