/* A repository on this machine, read in place. */
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"

struct fixture {
    char *dir;
    char repo[512];
    struct source *source;
    struct snapshot *snapshot;
};

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    f->dir = unit_temp_dir();
    str_copy(f->repo, sizeof(f->repo), gitrepo_new(f->dir, "repo"));
    *state = f;
    return 0;
}

static void drop_snapshot(struct fixture *f)
{
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    drop_snapshot(f);
    source_close(f->source);
    unit_temp_remove(f->dir);
    free(f);
    return 0;
}

static void open_source(struct fixture *f, struct source_config c)
{
    struct err err = {0};
    if (!c.url)
        c.url = f->repo;
    assert_ok(source_open(&c, &f->source, &err));
}

static bool fetch(struct fixture *f)
{
    struct err err = {0};
    bool moved = false;
    assert_ok(source_fetch(f->source, NULL, &moved, &err));
    return moved;
}

static const struct snapshot_info *look(struct fixture *f, const char *rev)
{
    struct err err = {0};
    drop_snapshot(f);
    assert_ok(source_snapshot(f->source, rev, &f->snapshot, &err));
    return snapshot_info(f->snapshot);
}

static const char *read_file(struct fixture *f, struct arena *a, const char *path)
{
    const struct load_file *files;
    size_t n = snapshot_files(f->snapshot, &files);
    for (size_t i = 0; i < n; i++)
        if (str_eq(files[i].path, path)) {
            struct err err = {0};
            const char *text;
            size_t len;
            assert_ok(snapshot_read(f->snapshot, i, a, &text, &len, &err));
            assert_int_equal(strlen(text), len);
            return text;
        }
    fail_msg("%s is not in the snapshot", path);
    return NULL;
}

static void test_reads_a_commit(void **state)
{
    struct fixture *f = *state;
    struct arena a = ARENA_INIT;
    char commit[41];
    gitrepo_commit(f->repo, "a-b.yaml", "1");
    gitrepo_commit(f->repo, "a/x.yaml", "2");
    str_copy(commit, sizeof(commit), gitrepo_commit(f->repo, "a.yaml", "three"));
    /* Uncommitted files are ignored. */
    unit_write(unit_path(f->repo, "new.yaml"), "4");
    open_source(f, (struct source_config){0});
    assert_true(fetch(f));
    assert_false(fetch(f));
    const struct snapshot_info *info = look(f, NULL);
    assert_string_equal(info->commit, commit);
    assert_string_equal(info->subject, "a.yaml");
    assert_string_equal(info->author, "Test <test@example.invalid>");
    assert_int_equal(info->time_ns, INT64_C(1767323045) * 1000000000);
    assert_false(info->dirty);
    const struct load_file *files;
    assert_int_equal(snapshot_files(f->snapshot, &files), 3);
    assert_string_equal(files[0].path, "a-b.yaml");
    assert_string_equal(files[1].path, "a.yaml");
    assert_string_equal(files[2].path, "a/x.yaml");
    assert_string_equal(files[2].blob_id, gitrepo_run(f->repo, "rev-parse", "HEAD:a/x.yaml", NULL));
    assert_string_equal(read_file(f, &a, "a.yaml"), "three");
    arena_release(&a);
}

static void test_follows_what_is_committed(void **state)
{
    struct fixture *f = *state;
    struct arena a = ARENA_INIT;
    char first[41];
    str_copy(first, sizeof(first), gitrepo_commit(f->repo, "x.yaml", "1"));
    open_source(f, (struct source_config){.branch = "main"});
    assert_true(fetch(f));
    struct snapshot *before = NULL;
    struct err err = {0};
    assert_ok(source_snapshot(f->source, NULL, &before, &err));
    gitrepo_commit(f->repo, "x.yaml", "2");
    look(f, NULL);
    assert_string_equal(read_file(f, &a, "x.yaml"), "2");
    /* A snapshot is not a fetch: the next fetch still reports the move. */
    assert_true(fetch(f));
    assert_false(fetch(f));
    /* An existing snapshot does not change. */
    const char *text;
    size_t len;
    assert_ok(snapshot_read(before, 0, &a, &text, &len, &err));
    assert_string_equal(text, "1");
    snapshot_free(before);
    /* A rewritten history is followed as well. */
    gitrepo_run(f->repo, "reset", "-q", "--hard", first, NULL);
    gitrepo_commit(f->repo, "y.yaml", "3");
    assert_true(fetch(f));
    assert_string_equal(look(f, "HEAD~1")->commit, first);
    gitrepo_run(f->repo, "pack-refs", "--all", NULL);
    gitrepo_run(f->repo, "gc", "-q", "--prune=now", NULL);
    assert_false(fetch(f));
    look(f, NULL);
    assert_string_equal(read_file(f, &a, "y.yaml"), "3");
    arena_release(&a);
}

static void test_revisions(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char first[41], second[41], other[41], rev[64];
    str_copy(first, sizeof(first), gitrepo_commit(f->repo, "x.yaml", "1"));
    gitrepo_run(f->repo, "tag", "-a", "-m", "one", "v1", NULL);
    str_copy(second, sizeof(second), gitrepo_commit(f->repo, "x.yaml", "2"));
    gitrepo_run(f->repo, "checkout", "-q", "-b", "feature/x", first, NULL);
    str_copy(other, sizeof(other), gitrepo_commit(f->repo, "x.yaml", "3"));
    open_source(f, (struct source_config){.branch = "main"});
    fetch(f);
    /* HEAD is the configured branch, whatever the work tree has checked out. */
    assert_string_equal(look(f, "HEAD")->commit, second);
    assert_string_equal(look(f, "HEAD~1")->commit, first);
    assert_string_equal(look(f, "v1")->commit, first);
    assert_string_equal(look(f, "feature/x")->commit, other);
    assert_string_equal(look(f, "feature/x^")->commit, first);
    assert_string_equal(look(f, second)->commit, second);
    str_copy(rev, 9, second);
    assert_string_equal(look(f, rev)->commit, second);
    drop_snapshot(f);
    assert_fails(source_snapshot(f->source, "nothing", &f->snapshot, &err), ERR_NOTFOUND);
    assert_says("no revision \"nothing\"");
    assert_fails(source_snapshot(f->source, "HEAD~9", &f->snapshot, &err), ERR_NOTFOUND);
    assert_fails(source_snapshot(f->source, "HEAD:x.yaml", &f->snapshot, &err), ERR_INVALID);
    assert_fails(source_snapshot(f->source, "--all", &f->snapshot, &err), ERR_INVALID);
}

static void test_pinned_revision(void **state)
{
    struct fixture *f = *state;
    char first[41];
    str_copy(first, sizeof(first), gitrepo_commit(f->repo, "x.yaml", "1"));
    gitrepo_run(f->repo, "tag", "v1", NULL);
    open_source(f, (struct source_config){.revision = "v1"});
    assert_true(fetch(f));
    gitrepo_commit(f->repo, "x.yaml", "2");
    assert_false(fetch(f));
    assert_string_equal(look(f, NULL)->commit, first);
    gitrepo_run(f->repo, "tag", "-f", "v1", NULL);
    assert_true(fetch(f));
}

static void test_sub_path(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const struct load_file *files;
    gitrepo_commit(f->repo, "deploy/prod/x.yaml", "1");
    gitrepo_commit(f->repo, "deploy/other.yaml", "2");
    open_source(f, (struct source_config){.path = "deploy/prod/"});
    fetch(f);
    look(f, NULL);
    assert_int_equal(snapshot_files(f->snapshot, &files), 1);
    assert_string_equal(files[0].path, "x.yaml");
    drop_snapshot(f);
    source_close(f->source);
    open_source(f, (struct source_config){.path = "deploy/other.yaml"});
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_NOTFOUND);
    assert_says("there is no folder \"deploy/other.yaml\"");
}

static void test_bare_and_worktree(void **state)
{
    struct fixture *f = *state;
    char commit[41], url[600];
    str_copy(commit, sizeof(commit), gitrepo_commit(f->repo, "x.yaml", "1"));
    gitrepo_run(f->dir, "clone", "-q", "--bare", f->repo, "bare.git", NULL);
    snprintf(url, sizeof(url), "file://%s/bare.git", f->dir);
    open_source(f, (struct source_config){.url = url});
    fetch(f);
    assert_string_equal(look(f, NULL)->commit, commit);
    drop_snapshot(f);
    source_close(f->source);
    gitrepo_run(f->repo, "worktree", "add", "-q", unit_path(f->dir, "tree"), NULL);
    open_source(f, (struct source_config){.url = unit_path(f->dir, "tree")});
    fetch(f);
    assert_string_equal(look(f, NULL)->commit, commit);
}

static void test_empty_repository(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved;
    open_source(f, (struct source_config){0});
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_NOTFOUND);
    assert_says("is empty: it has no commit yet");
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_NOTFOUND);
    gitrepo_commit(f->repo, "x.yaml", "1");
    assert_true(fetch(f));
}

static void test_missing_branch_is_named_with_the_nearest(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved;
    gitrepo_commit(f->repo, "x.yaml", "1");
    gitrepo_run(f->repo, "branch", "production", NULL);
    open_source(f, (struct source_config){.branch = "prodction"});
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_NOTFOUND);
    assert_says("no branch \"prodction\"");
    assert_hints("did you mean \"production\"?");
    assert_false(err.retryable);
}

static void test_deleted_branch_keeps_the_last_good_state(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved;
    char commit[41];
    gitrepo_commit(f->repo, "x.yaml", "1");
    gitrepo_run(f->repo, "branch", "live", NULL);
    str_copy(commit, sizeof(commit), gitrepo_run(f->repo, "rev-parse", "live", NULL));
    open_source(f, (struct source_config){.branch = "live"});
    fetch(f);
    gitrepo_run(f->repo, "branch", "-D", "live", NULL);
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_NOTFOUND);
    assert_says("no branch \"live\" any more; its last commit stays in use");
    assert_string_equal(look(f, NULL)->commit, commit);
    gitrepo_run(f->repo, "branch", "live", commit, NULL);
    assert_false(fetch(f));
}

static void test_repository_that_goes_and_comes_back(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved;
    gitrepo_commit(f->repo, "x.yaml", "1");
    open_source(f, (struct source_config){0});
    fetch(f);
    assert_ok(io_remove_tree(f->repo, &err));
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_NOTFOUND);
    gitrepo_new(f->dir, "repo");
    char commit[41];
    str_copy(commit, sizeof(commit), gitrepo_commit(f->repo, "y.yaml", "2"));
    assert_true(fetch(f));
    assert_string_equal(look(f, NULL)->commit, commit);
}

static void test_not_a_repository(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved;
    open_source(f, (struct source_config){.url = f->dir});
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_NOTFOUND);
    assert_says("is not a Git repository");
    assert_hints("dir:");
    source_close(f->source);
    open_source(f, (struct source_config){.url = unit_path(f->dir, "nothing")});
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_NOTFOUND);
}

static void test_writable_by_everybody_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved;
    gitrepo_commit(f->repo, "x.yaml", "1");
    assert_int_equal(chmod(unit_path(f->repo, ".git"), 0777), 0);
    open_source(f, (struct source_config){0});
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_DENIED);
    assert_hints("chmod o-w");
}

static void corrupt(const char *repo, const char *id)
{
    struct err err = {0};
    char path[700];
    snprintf(path, sizeof(path), "%s/.git/objects/%.2s/%s", repo, id, id + 2);
    assert_ok(io_write_file(path, "damaged", 7, 0600, &err));
}

static void test_broken_objects(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    const char *text;
    size_t len;
    char good[41];
    str_copy(good, sizeof(good), gitrepo_commit(f->repo, "x.yaml", "1"));
    open_source(f, (struct source_config){0});
    fetch(f);
    gitrepo_commit(f->repo, "y.yaml", "2");
    fetch(f);
    corrupt(f->repo, gitrepo_run(f->repo, "rev-parse", "HEAD:y.yaml", NULL));
    look(f, NULL);
    assert_ok(snapshot_read(f->snapshot, 0, &a, &text, &len, &err));
    assert_fails(snapshot_read(f->snapshot, 1, &a, &text, &len, &err), ERR_CORRUPT);
    assert_says("y.yaml");
    corrupt(f->repo, gitrepo_run(f->repo, "rev-parse", "HEAD^{tree}", NULL));
    drop_snapshot(f);
    source_close(f->source);
    open_source(f, (struct source_config){0});
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_CORRUPT);
    assert_string_equal(look(f, good)->commit, good);
    corrupt(f->repo, gitrepo_run(f->repo, "rev-parse", "HEAD", NULL));
    bool moved;
    source_close(f->source);
    drop_snapshot(f);
    open_source(f, (struct source_config){0});
    assert_fails(source_fetch(f->source, NULL, &moved, &err), ERR_CORRUPT);
    arena_release(&a);
}

/* X2 */
static void test_huge_blob_is_not_read(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    const char *text = NULL;
    size_t len, size = LIMIT_MANIFEST_BYTES + 1;
    char *big = mem_alloc(size + 1);
    memset(big, 'a', size);
    gitrepo_commit(f->repo, "big.yaml", big);
    open_source(f, (struct source_config){0});
    fetch(f);
    look(f, NULL);
    assert_fails(snapshot_read(f->snapshot, 0, &a, &text, &len, &err), ERR_LIMIT);
    assert_says("big.yaml: 1048577 bytes");
    assert_null(text);
    assert_int_equal(a.used, 0);
    free(big);
    arena_release(&a);
}

static void test_bytes_are_kept(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    const char *text;
    size_t len;
    static const char bytes[] = "a\0b\r\n";
    struct buf b = BUF_INIT;
    buf_adds(&b, gitrepo_feed(f->repo, bytes, 5, "hash-object", "-w", "--stdin", NULL));
    char tree[600];
    size_t n = gitrepo_add_entry(tree, 0, "100644", "x", buf_str(&b));
    n = gitrepo_add_entry(tree, n, "100755", "y",
                          gitrepo_feed(f->repo, "", 0, "hash-object", "-w", "--stdin", NULL));
    gitrepo_commit_raw_tree(f->repo, tree, n);
    open_source(f, (struct source_config){0});
    look(f, NULL);
    assert_ok(snapshot_read(f->snapshot, 0, &a, &text, &len, &err));
    assert_int_equal(len, 5);
    assert_memory_equal(text, bytes, 6);
    assert_ok(snapshot_read(f->snapshot, 1, &a, &text, &len, &err));
    assert_int_equal(len, 0);
    assert_string_equal(text, "");
    buf_release(&b);
    arena_release(&a);
}

static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct cancel c;
    bool moved;
    cancel_init(&c);
    cancel_set(&c);
    open_source(f, (struct source_config){0});
    assert_fails(source_fetch(f->source, &c, &moved, &err), ERR_CANCELLED);
    cancel_release(&c);
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
        TEST(test_reads_a_commit),
        TEST(test_follows_what_is_committed),
        TEST(test_revisions),
        TEST(test_pinned_revision),
        TEST(test_sub_path),
        TEST(test_bare_and_worktree),
        TEST(test_empty_repository),
        TEST(test_missing_branch_is_named_with_the_nearest),
        TEST(test_deleted_branch_keeps_the_last_good_state),
        TEST(test_repository_that_goes_and_comes_back),
        TEST(test_not_a_repository),
        TEST(test_writable_by_everybody_is_refused),
        TEST(test_broken_objects),
        TEST(test_huge_blob_is_not_read),
        TEST(test_bytes_are_kept),
        TEST(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
