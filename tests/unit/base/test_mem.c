#include "base/mem.h"

#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/lib/unit.h"

static void zeroed_and_never_null(void **state)
{
    (void)state;
    char *p = mem_alloc(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    free(p);
    free(mem_alloc(0));
    free(mem_array(0, 8));
    free(mem_array(8, 0));
    int *q = mem_resize(NULL, 4, sizeof(int));
    q[3] = 7;
    q = mem_resize(q, 4000, sizeof(int));
    assert_int_equal(q[3], 7);
    q = mem_resize(q, 0, sizeof(int));
    free(q);
    assert_null(mem_strdup(NULL));
    char *s = mem_strdup("text");
    assert_string_equal(s, "text");
    free(s);
}

/* This process's resident memory of a kind, in KiB. */
static size_t counted_kb(const char *kind)
{
    char line[128];
    size_t sum = 0, kb;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (strstr(line, kind) && sscanf(strchr(line, ':'), ": %zu kB", &kb) == 1)
            sum += kb;
    fclose(f);
    return sum;
}

static void rest_gives_back_and_breaks_nothing(void **state)
{
    (void)state;
    static int written = 1; /* no longer the value in the executable */
    written = 2;
    /* A lot of memory is freed below a block that stays. */
    enum { N = 2000, SIZE = 4000 };
    static char *p[N];
    for (int i = 0; i < N; i++)
        p[i] = memset(mem_alloc(SIZE), i, SIZE);
    size_t files = counted_kb("_Clean:");
    for (int i = 0; i < N - 1; i++)
        free(p[i]);
    size_t heap = counted_kb("_Dirty:");
    mem_rest();
    assert_true(counted_kb("_Clean:") + 200 < files);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they have their own allocators */
    assert_true(counted_kb("_Dirty:") + N * SIZE / 1024 / 2 < heap);
#else
    (void)heap;
#endif
    assert_int_equal(written, 2);
    assert_int_equal(p[N - 1][SIZE - 1], (char)(N - 1));
    free(p[N - 1]);
    mem_rest();
    mem_rest();
}

static volatile size_t huge = SIZE_MAX;

static void products_that_do_not_fit_end_it(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            close(STDERR_FILENO);
            if (i == 0)
                free(mem_array(huge / 2, 3));
            else
                free(mem_resize(NULL, huge / 2, 3));
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static void moving_out(void **state)
{
    (void)state;
    char *p = mem_strdup("x"), *q = take_ptr(p);
    assert_null(p);
    {
        _cleanup_free_ char *owned = q;
        assert_string_equal(owned, "x");
    }
    int fd = 5;
    assert_int_equal(take_fd(&fd), 5);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_and_never_null),
        cmocka_unit_test(rest_gives_back_and_breaks_nothing),
        cmocka_unit_test(products_that_do_not_fit_end_it),
        cmocka_unit_test(moving_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
