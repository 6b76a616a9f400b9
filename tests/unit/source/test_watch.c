/* The watch reports when a local source may have changed, and nothing else. */
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"

struct fixture {
    char *dir;
    char repo[512];
    struct source *source;
};

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    f->dir = unit_temp_dir();
    str_copy(f->repo, sizeof(f->repo), gitrepo_new(f->dir, "repo"));
    gitrepo_commit(f->repo, "x.yaml", "1");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    source_close(f->source);
    unit_temp_remove(f->dir);
    free(f);
    return 0;
}

static void watch(struct fixture *f, const char *url)
{
    struct err err = {0};
    const struct source_config c = {.url = url, .cache_dir = f->dir};
    assert_ok(source_open(&c, &f->source, &err));
    source_watch_fd(f->source);
}

/* inotify events are available as soon as the call that caused them returns. */
static bool changed(struct fixture *f)
{
    struct pollfd p = {.fd = source_watch_fd(f->source), .events = POLLIN};
    assert_true(p.fd >= 0);
    return poll(&p, 1, 0) > 0 && source_watch_changed(f->source);
}

static void test_repository(void **state)
{
    struct fixture *f = *state;
    watch(f, f->repo);
    assert_false(changed(f));
    unit_write(unit_path(f->repo, "x.yaml"), "2");
    gitrepo_run(f->repo, "add", "-A", NULL);
    assert_false(changed(f)); /* nothing is committed yet */
    gitrepo_run(f->repo, "commit", "-q", "-m", "2", NULL);
    assert_true(changed(f));
    assert_false(changed(f));
    gitrepo_run(f->repo, "branch", "feature/deep/x", NULL);
    assert_true(changed(f));
    gitrepo_run(f->repo, "update-ref", "refs/heads/feature/deep/x", "HEAD~1", NULL);
    assert_true(changed(f)); /* in folders created after the watch */
    gitrepo_run(f->repo, "pack-refs", "--all", NULL);
    assert_true(changed(f));
    gitrepo_run(f->repo, "checkout", "-q", "feature/deep/x", NULL);
    assert_true(changed(f));
    assert_false(changed(f));
}

static void test_push_to_a_bare_repository(void **state)
{
    struct fixture *f = *state;
    char bare[600];
    gitrepo_run(f->dir, "clone", "-q", "--bare", f->repo, "bare.git", NULL);
    str_copy(bare, sizeof(bare), unit_path(f->dir, "bare.git"));
    watch(f, bare);
    gitrepo_commit(f->repo, "x.yaml", "2");
    assert_false(changed(f));
    gitrepo_run(f->repo, "push", "-q", bare, "main", NULL);
    assert_true(changed(f));
}

static void test_folder(void **state)
{
    struct fixture *f = *state;
    char url[600];
    snprintf(url, sizeof(url), "dir:%s", f->repo);
    watch(f, url);
    assert_false(changed(f));
    unit_write(unit_path(f->repo, "new.yaml"), "");
    assert_true(changed(f));
    assert_int_equal(mkdir(unit_path(f->repo, "sub"), 0755), 0);
    assert_true(changed(f));
    unit_write(unit_path(f->repo, "sub/y.yaml"), "");
    assert_true(changed(f));
    assert_false(changed(f));
    /* Hidden files, including .git, and backup copies are not manifests. */
    FILE *swap = fopen(unit_path(f->repo, ".new.yaml.swp"), "w");
    fclose(swap);
    swap = fopen(unit_path(f->repo, "new.yaml~"), "w");
    fclose(swap);
    gitrepo_run(f->repo, "update-ref", "refs/heads/other", "HEAD", NULL);
    assert_false(changed(f));
    assert_int_equal(unlink(unit_path(f->repo, "sub/y.yaml")), 0);
    assert_true(changed(f));
}

static void test_folder_that_goes_and_comes_back(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char url[600];
    snprintf(url, sizeof(url), "dir:%s/later", f->dir);
    watch(f, url);
    assert_false(changed(f));
    assert_int_equal(mkdir(unit_path(f->dir, "later"), 0755), 0);
    source_watch_fd(f->source); /* tries to watch it again */
    unit_write(unit_path(f->dir, "later/x.yaml"), "");
    assert_true(changed(f));
    assert_ok(io_remove_tree(unit_path(f->dir, "later"), &err));
    assert_true(changed(f));
    assert_int_equal(mkdir(unit_path(f->dir, "later"), 0755), 0);
    source_watch_fd(f->source);
    unit_write(unit_path(f->dir, "later/x.yaml"), "");
    assert_true(changed(f));
}

static void test_remotes_are_not_watched(void **state)
{
    struct fixture *f = *state;
    watch(f, "https://git.example/x.git");
    assert_int_equal(source_watch_fd(f->source), -1);
    assert_false(source_watch_changed(f->source));
}

static int shut_down(_unused_ void **state)
{
    source_shutdown();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_repository),
        TEST(test_push_to_a_bare_repository),
        TEST(test_folder),
        TEST(test_folder_that_goes_and_comes_back),
        TEST(test_remotes_are_not_watched),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
