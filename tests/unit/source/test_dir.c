/* A plain folder, inside and outside of a Git work tree. */
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"

struct fixture {
    char *dir;
    struct source *source;
    struct snapshot *snapshot;
};

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    f->dir = unit_temp_dir();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    snapshot_free(f->snapshot);
    source_close(f->source);
    unit_temp_remove(f->dir);
    free(f);
    return 0;
}

static void open_dir(struct fixture *f, const char *dir, const char *path)
{
    struct err err = {0};
    char url[1100];
    snprintf(url, sizeof(url), "dir:%s", dir);
    const struct source_config c = {.url = url, .path = path};
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    source_close(f->source);
    assert_ok(source_open(&c, &f->source, &err));
}

static const struct snapshot_info *look(struct fixture *f)
{
    struct err err = {0};
    bool moved = false;
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    assert_ok(source_fetch(f->source, NULL, &moved, &err));
    assert_true(moved);
    assert_ok(source_snapshot(f->source, NULL, &f->snapshot, &err));
    return snapshot_info(f->snapshot);
}

static void make_dir(const char *dir, const char *name)
{
    assert_int_equal(mkdir(unit_path(dir, name), 0755), 0);
}

static void test_lists_and_reads(void **state)
{
    struct fixture *f = *state;
    struct arena a = ARENA_INIT;
    struct err err = {0};
    const struct load_file *files;
    const char *text;
    size_t len;
    unit_write(unit_path(f->dir, "b.yaml"), "b: 1\n");
    make_dir(f->dir, "b");
    unit_write(unit_path(f->dir, "b/x.yml"), "");
    unit_write(unit_path(f->dir, "b-a.txt"), "hello");
    make_dir(f->dir, "empty");
    open_dir(f, f->dir, NULL);
    const struct snapshot_info *info = look(f);
    assert_string_equal(info->commit, "");
    assert_int_equal(snapshot_files(f->snapshot, &files), 3);
    assert_string_equal(files[0].path, "b-a.txt");
    assert_string_equal(files[1].path, "b.yaml");
    assert_string_equal(files[2].path, "b/x.yml");
    /* printf 'b: 1\n' | sha256sum; sha256sum </dev/null */
    assert_string_equal(files[1].blob_id, "08e60701d32af867a9df2a88cc0a72b634187039d243c4dd3afe1b87b957c97d");
    assert_string_equal(files[2].blob_id, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_null(files[0].blob_id);
    assert_int_equal(files[0].size, 5);
    /* A manifest keeps the content that it had when it was listed. */
    unit_write(unit_path(f->dir, "b.yaml"), "b: 2\n");
    assert_ok(snapshot_read(f->snapshot, 1, &a, &text, &len, &err));
    assert_string_equal(text, "b: 1\n");
    assert_ok(snapshot_read(f->snapshot, 0, &a, &text, &len, &err));
    assert_string_equal(text, "hello");
    assert_int_equal(len, 5);
    assert_ok(snapshot_read(f->snapshot, 2, &a, &text, &len, &err));
    assert_string_equal(text, "");
    arena_release(&a);
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_int_equal(symlink("/etc/passwd", unit_path(f->dir, "x.yaml")), 0);
    open_dir(f, f->dir, NULL);
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_INVALID);
    assert_says("x.yaml: a symbolic link is refused");
    assert_int_equal(unlink(unit_path(f->dir, "x.yaml")), 0);
    assert_int_equal(symlink("user@host.1", unit_path(f->dir, ".#x.yaml")), 0);
    assert_int_equal(mkfifo(unit_path(f->dir, "pipe.yaml"), 0600), 0);
    look(f);
    unit_write(unit_path(f->dir, "a\nb"), "");
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_INVALID);
    assert_says("a?b");
    open_dir(f, unit_path(f->dir, "nothing"), NULL);
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_NOTFOUND);
    assert_fails(source_snapshot(f->source, "HEAD~1", &f->snapshot, &err), ERR_UNSUPPORTED);
}

static void test_large_files_are_listed_but_not_read(void **state)
{
    struct fixture *f = *state;
    struct arena a = ARENA_INIT;
    struct err err = {0};
    const struct load_file *files;
    const char *text;
    size_t len;
    FILE *big = fopen(unit_path(f->dir, "big.yaml"), "w");
    assert_int_equal(ftruncate(fileno(big), LIMIT_MANIFEST_BYTES + 1), 0);
    fclose(big);
    open_dir(f, f->dir, NULL);
    look(f);
    assert_int_equal(snapshot_files(f->snapshot, &files), 1);
    assert_int_equal(files[0].size, LIMIT_MANIFEST_BYTES + 1);
    assert_fails(snapshot_read(f->snapshot, 0, &a, &text, &len, &err), ERR_LIMIT);
    assert_says("big.yaml");
    arena_release(&a);
}

static void test_deep_folders(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char path[600];
    size_t n = (size_t)snprintf(path, sizeof(path), "%s", f->dir);
    for (unsigned i = 0; i <= LIMIT_TREE_DEPTH; i++)
        n += (size_t)snprintf(path + n, sizeof(path) - n, "/d");
    assert_ok(io_make_dirs(path, 0755, &err));
    open_dir(f, f->dir, NULL);
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_LIMIT);
}

static void test_in_a_work_tree(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct load_file *files;
    char repo[512], commit[41], link[512];
    str_copy(repo, sizeof(repo), gitrepo_new(f->dir, "repo"));
    open_dir(f, repo, NULL);
    assert_string_equal(look(f)->commit, ""); /* no commit yet */
    assert_ok(snapshot_describe(f->snapshot, &err));
    gitrepo_commit(repo, ".gitignore", "*.log\n");
    str_copy(commit, sizeof(commit), gitrepo_commit(repo, "deploy/x.yaml", "1"));
    unit_write(unit_path(repo, "deploy/ignored.log"), "");
    open_dir(f, repo, "deploy");
    assert_string_equal(look(f)->commit, commit);
    assert_string_equal(snapshot_info(f->snapshot)->subject, "");
    assert_int_equal(snapshot_files(f->snapshot, &files), 2);
    assert_ok(snapshot_describe(f->snapshot, &err));
    assert_string_equal(snapshot_info(f->snapshot)->subject, "deploy/x.yaml");
    assert_false(snapshot_info(f->snapshot)->dirty);
    /* Changes elsewhere in the repository do not count. */
    unit_write(unit_path(repo, "other.yaml"), "");
    look(f);
    assert_ok(snapshot_describe(f->snapshot, &err));
    assert_false(snapshot_info(f->snapshot)->dirty);
    unit_write(unit_path(repo, "deploy/new.yaml"), "");
    look(f);
    assert_ok(snapshot_describe(f->snapshot, &err));
    assert_true(snapshot_info(f->snapshot)->dirty);
    /* Through a symlink, with packed references, a detached HEAD, a linked work tree. */
    snprintf(link, sizeof(link), "%s/link", f->dir);
    assert_int_equal(symlink(unit_path(repo, "deploy"), link), 0);
    gitrepo_run(repo, "pack-refs", "--all", NULL);
    open_dir(f, link, NULL);
    assert_string_equal(look(f)->commit, commit);
    assert_ok(snapshot_describe(f->snapshot, &err));
    assert_true(snapshot_info(f->snapshot)->dirty);
    gitrepo_run(repo, "worktree", "add", "-q", "-b", "other", unit_path(f->dir, "tree"), NULL);
    open_dir(f, unit_path(f->dir, "tree/deploy"), NULL);
    assert_string_equal(look(f)->commit, commit);
    gitrepo_run(repo, "checkout", "-q", "--detach", NULL);
    open_dir(f, repo, NULL);
    assert_string_equal(look(f)->commit, commit);
}

/* A .git in a folder above may belong to anybody: nothing but a commit's id is taken from it. */
static void test_hostile_git_folders(void **state)
{
    struct fixture *f = *state;
    make_dir(f->dir, ".git");
    make_dir(f->dir, ".git/refs");
    make_dir(f->dir, "sub");
    static const char *const heads[] = {"ref: ../../../../etc/passwd\n",
                                        "ref: refs/../../secret\n",
                                        "ref: refs/missing\n",
                                        "root:x:0:0\n",
                                        "",
                                        "ref: "};
    unit_write(unit_path(f->dir, "secret"), "0123456789012345678901234567890123456789\n");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        unit_write(unit_path(f->dir, ".git/HEAD"), heads[i]);
        open_dir(f, unit_path(f->dir, "sub"), NULL);
        assert_string_equal(look(f)->commit, "");
    }
    unit_write(unit_path(f->dir, "sub/.git"), "gitdir: \n");
    assert_string_equal(look(f)->commit, "");
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
        TEST(test_lists_and_reads), TEST(test_refusals),       TEST(test_large_files_are_listed_but_not_read),
        TEST(test_deep_folders),    TEST(test_in_a_work_tree), TEST(test_hostile_git_folders),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
